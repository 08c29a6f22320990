package pgvalue_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// notTaken are types that PostgreSQL casts implicitly but that hold no data of users.
var notTaken = map[string]bool{"int2vector": true, "pg_node_tree": true, "pg_ndistinct": true, "pg_dependencies": true, "pg_mcv_list": true}

// TestConvertAsPostgreSQL calls a function of each argument type with each of PostgreSQL's own types.
func TestConvertAsPostgreSQL(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	rows := conn.ExecParams(t.Context(), "SELECT oid, pg_catalog.format_type(oid, NULL), typname FROM pg_catalog.pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typrelid = 0 ORDER BY oid", nil, nil, nil, nil).Read()
	if rows.Err != nil || len(rows.Rows) < 100 {
		t.Fatal(rows.Err, len(rows.Rows))
	}
	for to := udf.Bool; to <= udf.TextArray; to++ {
		if err := run(t, conn, "CREATE FUNCTION pg_temp.takes("+to.String()+") RETURNS int LANGUAGE sql AS 'SELECT 1'"); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows.Rows {
			oid, err := strconv.ParseUint(string(row[0]), 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			if name := strings.TrimPrefix(string(row[2]), "_"); notTaken[name] {
				continue
			}
			err = run(t, conn, fmt.Sprintf("SELECT pg_temp.takes(NULL::%s)", row[1]))
			taken := pgvalue.Convert(uint32(oid), to) != pgvalue.Refused
			if taken != (err == nil) {
				t.Errorf("%s for %s: taken %v, PostgreSQL says %v", row[1], to, taken, err)
			}
		}
		if err := run(t, conn, "DROP FUNCTION pg_temp.takes"); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, conn *pgconn.PgConn, sql string) error {
	t.Helper()
	return conn.ExecParams(t.Context(), sql, nil, nil, nil, nil).Read().Err
}

// TestConvertKeepsTheValue compares what a model is given of a value of another type with what a function of the model's
// type is given.
func TestConvertKeepsTheValue(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for _, c := range []struct {
		from string
		to   udf.Type
	}{
		{"'ab'::char(5)", udf.Text}, {"'  '::char(3)", udf.Text}, {"'ab '::varchar", udf.Text}, {"'ab'::name", udf.Text},
		{"'a'::\"char\"", udf.Text}, {"''::\"char\"", udf.Text}, {"'x'::text", udf.Text}, {"'ab'", udf.Text},
		{"16777217::int4", udf.Float4}, {"9007199254740993::int8", udf.Float8}, {"1.1", udf.Float8}, {"1.1", udf.Float4},
		{"'1.10'::numeric(5,2)", udf.Numeric}, {"1.1::float4", udf.Float8}, {"7::int2", udf.Float4}, {"7::int2", udf.Numeric},
		{"'2020-01-01'::date", udf.Timestamp}, {"'2020-01-01'::date", udf.Timestamptz}, {"'01:02:03'::time", udf.Interval},
		{"'2020-01-01'::timestamp(0)", udf.Timestamptz}, {"ARRAY[1.5,2]", udf.Float8Array}, {"ARRAY[1,2]", udf.Float8Array},
		{"ARRAY[1,2]::int2[]", udf.Int8Array}, {"ARRAY['a ','b']::char(3)[]", udf.TextArray}, {"ARRAY['a','b']::varchar[]", udf.TextArray},
	} {
		_, fields := one(t, conn, nil, "SELECT "+c.from+" AS v")
		oid := fields[0].DataTypeOID
		expr := c.from
		if pgvalue.Convert(oid, c.to) == pgvalue.Cast {
			expr, oid = "("+expr+")::"+c.to.String(), c.to.OID()
		}
		d, err := pgvalue.NewDecoder(oid, c.to)
		if err != nil {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		if err := run(t, conn, "CREATE FUNCTION pg_temp.gives("+c.to.String()+") RETURNS text LANGUAGE sql AS 'SELECT $1::text'"); err != nil {
			t.Fatal(err)
		}
		row, _ := one(t, conn, []int16{pgvalue.ArgFormat(oid), 0}, "SELECT v, pg_temp.gives(w) FROM (SELECT "+expr+" AS v, "+c.from+" AS w) s")
		if err := run(t, conn, "DROP FUNCTION pg_temp.gives"); err != nil {
			t.Fatal(err)
		}
		column := udf.Column{Type: c.to}
		if err := d.Append(&column, row[0]); err != nil {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		if text, err := pgvalue.Append(nil, &column, 0, pgvalue.TextFormat); err != nil || !bytes.Equal(text, row[1]) {
			t.Errorf("%s becomes %s %q, PostgreSQL makes it %q (%v)", c.from, c.to, text, row[1], err)
		}
	}
}

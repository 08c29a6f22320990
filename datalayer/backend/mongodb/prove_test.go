package mongodb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// edgeDocuments have values at the edges of each kind, null, and missing fields: those of the fields take turns at
// different lengths, so that they meet in many ways.
func edgeDocuments() (all []any) {
	dec := func(s string) any {
		d, err := bson.ParseDecimal128(s)
		if err != nil {
			panic(err)
		}
		return d
	}
	at := func(s string) any {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			panic(err)
		}
		return bson.NewDateTimeFromTime(v)
	}
	missing := struct{}{}
	fields := []struct {
		name   string
		values []any
	}{
		{"i", []any{int32(0), int32(5), nil, int32(-7), int32(math.MaxInt32), missing, int32(math.MinInt32), int32(5)}},
		{"l", []any{int64(5), missing, int64(math.MaxInt64), int64(math.MinInt64), int64(1)<<53 + 1, nil, int32(5), int64(0)}},
		{"f", []any{0.1, math.NaN(), nil, math.Inf(1), math.Inf(-1), math.Copysign(0, -1), missing, int32(5), 5.5, 1e300}},
		{"d", []any{dec("5"), dec("5.00"), nil, dec("0.1"), dec("NaN"), missing, dec("-12.345"), int32(5), dec("99999999.99"), dec("Infinity"), int64(7)}},
		{"s", []any{"", "a", "A", nil, "é", "e\u0301", "🦊", missing, "a%", "a_b", `a\b`, "$s", "a\nb", " a", "a ", "ab", "5", "abab"}},
		{"b", []any{true, false, nil, missing, true}},
		{"t", []any{at("2024-02-29T12:00:00.001Z"), at("1969-12-31T23:59:59.999Z"), nil, at("0001-01-01T00:00:00Z"), missing, at("9999-12-31T23:59:59.999Z"), at("2024-02-29T12:00:00Z")}},
		{"o", []any{bson.ObjectID{1}, nil, bson.ObjectID{255, 255}, missing, bson.ObjectID{1, 2}, bson.ObjectID{}}},
		{"u", []any{bson.Binary{Subtype: 4, Data: make([]byte, 16)}, missing, bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}, nil}},
		{"y", []any{bson.Binary{Data: []byte{}}, bson.Binary{Data: []byte{0, 255}}, nil, bson.Binary{Data: []byte{1}}, missing}},
		{"r", []any{bson.A{int32(1), nil}, missing, bson.A{}, nil, bson.A{int32(5)}}},
		{"m", []any{int32(5), "5", nil, bson.A{int32(5)}, missing, bson.D{{Key: "a", Value: nil}}, 5.0}},
	}
	for n := range 90 {
		document := bson.D{{Key: "_id", Value: int32(n)}}
		for _, f := range fields {
			if v := f.values[n%len(f.values)]; v != any(missing) {
				document = append(document, bson.E{Key: f.name, Value: v})
			}
		}
		all = append(all, document)
	}
	return all
}

// proof has the same rows in MongoDB and in PostgreSQL.
type proof struct {
	engine   *engine
	catalog  *dialect.Catalog
	session  backend.Conn
	postgres *pgx.Conn
}

// newProof makes the collections, and copies what a plain scan gives into a PostgreSQL.
func newProof(t *testing.T) *proof {
	t.Helper()
	e, db := openEngine(t, newURI(t), Options{})
	if _, err := db.Collection("edge").InsertMany(t.Context(), edgeDocuments()); err != nil {
		t.Fatal(err)
	}
	newTable(t, e, "own", []string{"id"}, [2]string{"id", "int"}, [2]string{"n", "numeric(10,2)"}, [2]string{"p", "numeric(6,4)"}, [2]string{"i", "int"},
		[2]string{"s", "smallint"}, [2]string{"l", "bigint"}, [2]string{"v", "varchar(10)"}, [2]string{"d", "date"}, [2]string{"ts", "timestamp(3)"}, [2]string{"e", "int!"})
	p := &proof{engine: e, postgres: startPostgres(t)}
	session, err := e.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.session = session
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	own := tableOf(t, e, "own")
	insert, err := e.Compile(backendtest.Insert(own, 1))
	if err != nil {
		t.Fatal(err)
	}
	pick := func(n int, values ...string) string { return values[n%len(values)] }
	for n := range 60 {
		row := backendtest.Texts(fmt.Sprint(n), pick(n, "1.50", "<null>", "-99999999.99", "99999999.99", "0.00", "12.34"), pick(n, "0.0001", "1.0000", "<null>", "99.9999", "-0.5000"),
			pick(n, "1", "2147483647", "<null>", "-2147483648", "3"), pick(n, "<null>", "32767", "7"), pick(n, "9223372036854775807", "1", "-9223372036854775808", "<null>", "2", "5", "6"),
			pick(n, "x", "", "<null>", "Zoë"), pick(n, "2024-02-29", "<null>", "0001-01-01", "9999-12-31"), pick(n, "2024-02-29 12:00:00.001", "<null>", "1969-12-31 23:59:59.999"), fmt.Sprint(n%90))
		if _, err := session.Exec(t.Context(), insert, row); err != nil {
			t.Fatal(err)
		}
	}
	if p.catalog, err = e.Catalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range p.catalog.Tables {
		p.copy(t, table)
	}
	return p
}

// startPostgres starts a PostgreSQL for the test.
func startPostgres(t *testing.T) *pgx.Conn {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "postgres")
	for at := filepath.Dir(dir); len(at) > len(os.TempDir()); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil { // for the account that PostgreSQL runs as
			t.Fatal(err)
		}
	}
	s, err := lab.StartPostgres(t.Context(), dir)
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	conn, err := pgx.Connect(t.Context(), s.URL("postgres")+"&timezone=UTC&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close(context.Background())
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// copy makes a table in PostgreSQL with the rows of a plain scan.
func (p *proof) copy(t *testing.T, table *dialect.Table) {
	t.Helper()
	var columns []string
	for _, c := range table.Columns {
		columns = append(columns, pgx.Identifier{c.Name}.Sanitize()+" "+c.TypeName)
	}
	name := pgx.Identifier{table.Schema, table.Name}.Sanitize()
	if _, err := p.postgres.Exec(t.Context(), fmt.Sprintf("CREATE TABLE %s (%s)", name, strings.Join(columns, ", "))); err != nil {
		t.Fatal(err)
	}
	for _, row := range p.rows(t, backendtest.Scan(table)) {
		var values []string
		for _, v := range row {
			if v == "<null>" {
				values = append(values, "NULL")
			} else {
				values = append(values, "'"+strings.ReplaceAll(v, "'", "''")+"'")
			}
		}
		if _, err := p.postgres.Exec(t.Context(), fmt.Sprintf("INSERT INTO %s VALUES (%s)", name, strings.Join(values, ", "))); err != nil {
			t.Fatal(err)
		}
	}
}

// rows runs a statement that must go well.
func (p *proof) rows(t *testing.T, stmt dialect.Statement) [][]string {
	t.Helper()
	program, err := p.engine.Compile(stmt)
	if err != nil {
		t.Fatal(err)
	}
	rows, code := p.run(t, program)
	if code != "" {
		t.Fatal(code)
	}
	return rows
}

// run runs a program: its rows, or the SQLSTATE of its error.
func (p *proof) run(t *testing.T, program backend.Program) (all [][]string, code string) {
	t.Helper()
	sqlState := func(err error) string {
		var e *backend.Error
		if errors.As(err, &e) {
			return e.Code + " " + e.Message + " " + e.Detail
		}
		return err.Error()
	}
	rows, err := p.session.Query(t.Context(), program, nil)
	if err != nil {
		return nil, sqlState(err)
	}
	lines, err := backendtest.Drain(t.Context(), rows)
	if err != nil {
		return nil, sqlState(err)
	}
	for _, line := range lines {
		all = append(all, strings.Split(line, "|"))
	}
	return all, ""
}

// same runs one statement on both sides: its rows are the same, in the same order where it has one, or it fails with the
// same SQLSTATE. It is an error that it does not go down.
func (p *proof) same(t *testing.T, sql string) {
	t.Helper()
	stmt, err := dialect.Parse(sql, p.catalog)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	program, err := p.engine.Compile(stmt)
	if err != nil {
		t.Errorf("%s does not go down: %v", sql, err)
		return
	}
	got, code := p.run(t, program)
	want, wantCode := p.plain(t, sql)
	if wantCode != "" {
		if !strings.HasPrefix(code, wantCode) {
			t.Errorf("%s\n fails with %q, PostgreSQL with %q\n%s", sql, code, wantCode, program.Text())
		}
		return
	}
	if code != "" {
		t.Errorf("%s\n fails: %s\n%s", sql, code, program.Text())
		return
	}
	flat := func(rows [][]string) (lines []string) {
		for _, row := range rows {
			lines = append(lines, strings.Join(row, "|"))
		}
		if !strings.Contains(sql, "ORDER BY") {
			slices.Sort(lines)
		}
		return lines
	}
	if g, w := flat(got), flat(want); !slices.Equal(g, w) {
		t.Errorf("%s\n gives   %q\n and not %q\n%s", sql, g, w, program.Text())
	}
}

// plain runs a statement on PostgreSQL.
func (p *proof) plain(t *testing.T, sql string) (all [][]string, code string) {
	t.Helper()
	results, err := p.postgres.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return nil, e.Code
		}
		t.Fatal(err)
	}
	for _, row := range results[0].Rows {
		var line []string
		for _, v := range row {
			if v == nil {
				line = append(line, "<null>")
			} else {
				line = append(line, string(v))
			}
		}
		all = append(all, line)
	}
	return all, ""
}

// conditions are all that the suite compares one by one.
func conditions() (all []string) {
	add := func(format string, lists ...[]string) {
		var fill func(args []any, rest [][]string)
		fill = func(args []any, rest [][]string) {
			if len(rest) == 0 {
				all = append(all, fmt.Sprintf(format, args...))
				return
			}
			for _, v := range rest[0] {
				fill(append(slices.Clone(args), v), rest[1:])
			}
		}
		fill(nil, lists)
	}
	six := []string{"=", "<>", "<", "<=", ">", ">="}
	add("(i %s %s)", six, []string{"5", "0", "'-2147483648'::integer", "NULL::integer", "i"})
	add("(l %s %s)", six, []string{"'9223372036854775807'::bigint", "5", "'9007199254740993'::bigint", "i", "'9007199254740992'::bigint"})
	add("(%s %s i)", []string{"5", "l"}, six)
	add("(f %s %s)", six, []string{"'0.1'::double precision", "'NaN'::double precision", "'Infinity'::double precision", "'-Infinity'::double precision", "'0'::double precision", "f", "i"})
	add("(d %s %s)", six, []string{"'5'::numeric", "0.1", "'NaN'::numeric", "'-12.3450'::numeric", "d", "'Infinity'::numeric"})
	add("(s %s %s)", six, []string{"''::text", "'a'::text", "'é'::text", "'🦊'::text", "'$s'::text", "s", "'a '::text"})
	add("(s %s %s)", []string{"~~", "!~~"}, []string{"'a%'::text", "'%b'::text", "'_'::text", "'a\\%'::text", "'%'::text", "''::text", "'a\\_b'::text", "'%a%b%'::text", "'a\\\\b'::text", "NULL::text", "'a_b'::text"})
	add("(b %s %s)", six, []string{"true", "false", "b"})
	add("(t %s %s)", six, []string{"'2024-02-29 12:00:00.001+00'::timestamp with time zone", "'2024-02-29 12:00:00.0005+00'::timestamp with time zone", "'infinity'::timestamp with time zone",
		"'-infinity'::timestamp with time zone", "'2024-02-29 17:30:00+05:30'::timestamp with time zone", "t", "'1969-12-31 23:59:59.9995+00'::timestamp with time zone"})
	add("(o %s %s)", six, []string{"'010000000000000000000000'::text", "'0102'::text", "'FFFF00000000000000000000'::text", "'ffff00000000000000000000'::text", "''::text", "o"})
	add("(u %s %s)", six, []string{"'30313233-3435-3637-3839-616263646566'::uuid", "'00000000-0000-0000-0000-000000000000'::uuid", "u"})
	add("(y %s %s)", []string{"=", "<>"}, []string{`'\x'::bytea`, `'\x00ff'::bytea`, "y"})
	add("(%s IS %s)", strings.Split("_id i l f d s b t o u y r m _document", " "), []string{"NULL", "NOT NULL"})
	add("(b IS %s)", []string{"TRUE", "FALSE", "NOT TRUE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"})
	add("%s", []string{"b", "(NOT b)", "((i > 3) IS NOT TRUE)", "((i > 3) IS UNKNOWN)", "(i IS DISTINCT FROM 5)", "(i IS NOT DISTINCT FROM l)", "(s IS NOT DISTINCT FROM NULL::text)", "(f IS DISTINCT FROM 'NaN'::double precision)",
		"(i = ANY ('{5,0,NULL}'::integer[]))", "(i = ANY ('{}'::integer[]))", "(i <> ALL ('{5,0}'::integer[]))", "(i <> ALL ('{5,NULL}'::integer[]))", "(s = ANY ('{a,\"\",NULL,\"a%\"}'::text[]))",
		"(o = ANY ('{010000000000000000000000,x}'::text[]))", "(l > ANY ('{5,7}'::bigint[]))", "(_id = ANY ('{1,2,3}'::integer[]))", "(i = ANY (NULL::integer[]))", "(i = ANY (ARRAY[5, 7]))",
		"(length(s) > 1)", "(octet_length(s) > 1)", "(COALESCE(i, 1) = 1)", "(COALESCE(s, 'a'::text) = 'a'::text)", "(CASE WHEN (i > 3) THEN 1 WHEN b THEN 2 ELSE NULL::integer END = 2)",
		"((i)::bigint = l)", "((i)::numeric = 5)", "(i < 5.5)", "(i > '4.5'::double precision)", "((s)::text = 'a'::text)"})
	return all
}

// TestConditions compares each condition, and random combinations of them, in WHERE and as values.
func TestConditions(t *testing.T) {
	t.Parallel()
	p := newProof(t)
	all := conditions()
	for _, c := range all {
		p.same(t, fmt.Sprintf("SELECT _id FROM public.edge WHERE (%s)", c))
	}
	for some := range slices.Chunk(all, 20) {
		p.same(t, fmt.Sprintf("SELECT _id, %s FROM public.edge", strings.Join(some, ", ")))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		a, b, c := all[random.IntN(len(all))], all[random.IntN(len(all))], all[random.IntN(len(all))]
		form := []string{"((%s OR %s) AND (NOT %s))", "((NOT (%s AND %s)) OR %s)", "((%s AND %s) IS NOT TRUE) AND (%s)", "((%s OR %s) IS UNKNOWN) OR (%s)"}[random.IntN(4)]
		p.same(t, fmt.Sprintf("SELECT _id, _document FROM public.edge WHERE ("+form+")", a, b, c))
	}
	for _, c := range []string{"(n = 1.50)", "(n = 1.5)", "(n > 0)", "(p < 1)", "((n * p) > 1)", "((n + p) = 1.5001)", "((1 - p) < 0.5)", "((i + 1) > 2)", "((s * s) > 5)", "((s + i) = 8)", "((l - 1) < 0)",
		"(v = 'x'::text)", "((v)::text > 'a'::text)", "(d = '2024-02-29'::date)", "(d < '9999-12-31'::date)", "(ts >= '2024-02-29 12:00:00.0015'::timestamp without time zone)", "(ts > '1969-12-31 23:59:59.999'::timestamp without time zone)"} {
		p.same(t, fmt.Sprintf("SELECT id FROM public.own WHERE (%s)", c))
	}
}

// TestQueries compares aggregates, groups, orders, limits and joins.
func TestQueries(t *testing.T) {
	t.Parallel()
	p := newProof(t)
	for _, sql := range []string{
		"SELECT count(*) FROM public.edge", "SELECT count(*) FROM public.edge WHERE ((i > 99))", "SELECT count(s), count(m), count(_document), count(f) FROM public.edge",
		"SELECT sum(i), avg(i), min(i), max(i), sum(l), min(s), max(s), min(t), max(t), min(l), max(l) FROM public.edge",
		"SELECT avg(l), bool_and(b), bool_or(b) FROM public.edge WHERE ((i > 0))", "SELECT sum(i), avg(i), min(i), max(s), bool_or(b) FROM public.edge WHERE ((i > 5) AND (i < 5))",
		"SELECT count(*) FILTER (WHERE (i > 0)), sum(i) FILTER (WHERE (b)), avg(i) FILTER (WHERE (s = 'a'::text)) FROM public.edge",
		"SELECT i, count(*) FROM public.edge GROUP BY 1", "SELECT s, b, count(*), sum(l) FROM public.edge GROUP BY 1, 2", "SELECT p, count(*) FROM public.own GROUP BY 1 ORDER BY p ASC NULLS LAST",
		"SELECT o, max(i) FROM public.edge GROUP BY 1 HAVING ((count(*) > 14))", "SELECT (i > 0), count(*) FROM public.edge GROUP BY 1", "SELECT DISTINCT s, b FROM public.edge",
		"SELECT t, count(*) FROM public.edge GROUP BY 1 ORDER BY t DESC NULLS FIRST LIMIT '3'::bigint", "SELECT u, y, count(*) FROM public.edge GROUP BY 1, 2",
		"SELECT sum(n), avg(n), sum(p), avg(p), sum((n * p)), avg((n * (1 - p))), sum((n + p)) FROM public.own", "SELECT sum(s), avg(s), sum(i), avg(i), sum(l), avg(l) FROM public.own",
		"SELECT s, sum(n), avg(l) FROM public.own GROUP BY 1", "SELECT d, count(*) FROM public.own GROUP BY 1", "SELECT v, max(d), min(ts) FROM public.own GROUP BY 1",
		"SELECT (i + 1) FROM public.own", "SELECT (i + 1) FROM public.own WHERE ((i < 5))", "SELECT (l * 2) FROM public.own", "SELECT (s * s), (s + 1) FROM public.own", "SELECT (i - l) FROM public.own WHERE ((l > 0))",
		"SELECT avg(s) FROM public.own WHERE ((id = 1))", "SELECT avg(l) FROM public.own WHERE ((l > 8))", "SELECT avg(p) FROM public.own WHERE ((id < 3))",
		"SELECT id, n FROM public.own ORDER BY n ASC NULLS LAST, id ASC NULLS LAST", "SELECT id FROM public.own ORDER BY n DESC NULLS FIRST, v ASC NULLS FIRST, id DESC NULLS FIRST LIMIT '7'::bigint OFFSET '2'::bigint",
		"SELECT _id, f FROM public.edge ORDER BY f ASC NULLS LAST, _id ASC NULLS LAST", "SELECT _id, f FROM public.edge ORDER BY f DESC NULLS FIRST, _id ASC NULLS LAST",
		"SELECT _id FROM public.edge ORDER BY s ASC NULLS FIRST, o DESC NULLS LAST, _id DESC NULLS FIRST", "SELECT _id, m FROM public.edge ORDER BY d ASC NULLS LAST, t DESC NULLS FIRST, _id ASC NULLS LAST LIMIT '20'::bigint",
		"SELECT _id FROM public.edge ORDER BY b ASC NULLS LAST, u DESC NULLS FIRST, i ASC NULLS LAST, _id ASC NULLS LAST", "SELECT _id FROM public.edge ORDER BY _id DESC NULLS FIRST LIMIT '3'::bigint OFFSET '1'::bigint",
		"SELECT _id FROM public.edge LIMIT '0'::bigint", "SELECT NULL FROM public.edge WHERE ((i = 5))", "SELECT NULL FROM public.edge",
		"SELECT length(s), COALESCE(i, l), CASE WHEN b THEN s ELSE NULL::text END FROM public.edge", "SELECT (i > 3), (s = 'a'::text), (b IS TRUE) FROM public.edge",
		"SELECT r1.id, r2._id, r2.s, r2._document FROM (public.own r1 INNER JOIN public.edge r2 ON (((r1.e = r2._id))))", "SELECT r1.id, r2._id, r2.s FROM (public.own r1 LEFT JOIN public.edge r2 ON (((r1.i = r2._id))))",
		"SELECT r1._id, r2.id, r2.n FROM (public.edge r1 LEFT JOIN public.own r2 ON (((r1._id = r2.id)) AND ((r2.n > 0)))) WHERE ((r1.i > 0))",
		"SELECT r1._id, r2.id, r3.id FROM ((public.edge r1 INNER JOIN public.own r2 ON (((r1._id = r2.id)))) LEFT JOIN public.own r3 ON (((r2.e = r3.id)) AND ((r3.n > r2.n)))) WHERE ((r2.n IS NOT NULL)) ORDER BY r1._id ASC NULLS LAST",
		"SELECT r2.v, count(*), sum(r2.n) FROM (public.edge r1 INNER JOIN public.own r2 ON (((r1._id = r2.id)))) GROUP BY 1", "SELECT r1.id FROM (public.own r1 LEFT JOIN public.own r2 ON (((r1.i = r2.id)))) WHERE ((r2.id IS NULL))",
		"SELECT r1.id, r2.e FROM (public.own r1 LEFT JOIN public.own r2 ON (((r1.i = r2.id)))) ORDER BY r2.e ASC NULLS FIRST, r1.id ASC NULLS LAST",
	} {
		p.same(t, sql)
	}
}

// TestUnproven says what must not go down.
func TestUnproven(t *testing.T) {
	t.Parallel()
	p := newProof(t)
	for _, sql := range []string{
		"SELECT _id FROM public.edge WHERE ((m = '5'::jsonb))", "SELECT _id FROM public.edge WHERE ((y < '\\x00'::bytea))", "SELECT sum(f) FROM public.edge", "SELECT sum(d) FROM public.edge",
		"SELECT max(f) FROM public.edge", "SELECT lower(s) FROM public.edge", "SELECT _id FROM public.edge WHERE ((s ~ 'a'::text))", "SELECT _id FROM public.edge ORDER BY m ASC NULLS LAST",
		"SELECT count(DISTINCT i) FROM public.edge", "SELECT (f + '1'::double precision) FROM public.edge", "SELECT _id FROM public.edge WHERE ((r = '{1}'::integer[]))", "SELECT r, count(*) FROM public.edge GROUP BY 1", "SELECT f, count(*) FROM public.edge GROUP BY 1",
		"SELECT r1.id FROM (public.own r1 INNER JOIN public.own r2 ON (((r1.i = r2.i))))", "SELECT (l)::double precision FROM public.own", "SELECT (i / 2) FROM public.own",
	} {
		stmt, err := dialect.Parse(sql, p.catalog)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.engine.Compile(stmt)
		var unproven *dialect.Unproven
		if !errors.As(err, &unproven) {
			t.Errorf("%s goes down (%v)", sql, err)
		}
	}
}

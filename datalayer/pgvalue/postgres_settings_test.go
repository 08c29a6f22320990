package pgvalue_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// TestDatesInOneForm reads random dates and times under unusual settings, and compares them with what PostgreSQL prints
// under ISO, postgres and UTC.
func TestDatesInOneForm(t *testing.T) {
	t.Parallel()
	const day = "(random() * 8000 - 4000)::int * CASE (random() * 3)::int WHEN 0 THEN 1 WHEN 1 THEN 30 ELSE 200 END"
	for typ, expr := range map[udf.Type]string{
		udf.Date:        "date '2000-01-01' + " + day + " + g * 0",
		udf.Time:        "CASE g % 3 WHEN 0 THEN time '00:00' + random() * interval '1 day' WHEN 1 THEN make_time(g % 24, g % 60, 0) ELSE '24:00' END",
		udf.Timestamp:   "timestamp '2000-01-01' + " + day + " * interval '1 day' + CASE g % 3 WHEN 0 THEN random() * interval '1 day' WHEN 1 THEN interval '-1 microsecond' * (g % 1000) ELSE interval '0' END",
		udf.Timestamptz: "timestamptz '2000-01-01 00:00:00+00' + " + day + " * interval '1 day' + CASE g % 3 WHEN 0 THEN random() * interval '1 day' ELSE interval '-1 microsecond' * (g % 1000) END",
		udf.Interval:    "make_interval(years => (random() * 4 - 2)::int, months => (random() * 20 - 10)::int, days => (random() * 4 - 2)::int, hours => (random() * 400 - 200)::int * (g % 2), secs => CASE g % 4 WHEN 0 THEN 0 ELSE random() * 200 - 100 END)",
	} {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			conn := connect(t)
			for _, sql := range []string{
				"SET TimeZone TO 'UTC'", "SELECT setseed(0.5)",
				fmt.Sprintf("CREATE TEMP TABLE v AS SELECT g, v, v::text AS t FROM (SELECT g, (%s)::%s AS v FROM generate_series(1, 5000) g) s", expr, typ),
				"SET TimeZone TO 'Asia/Kolkata'", "SET DateStyle TO 'German, DMY'", "SET IntervalStyle TO 'iso_8601'",
			} {
				if err := run(t, conn, sql); err != nil {
					t.Fatal(sql, err)
				}
			}
			d, err := pgvalue.NewDecoder(typ.OID(), typ)
			if err != nil {
				t.Fatal(err)
			}
			r := conn.ExecParams(t.Context(), "SELECT v, t FROM v ORDER BY g", nil, nil, nil, []int16{pgvalue.ArgFormat(typ.OID()), 0}).Read()
			if r.Err != nil || len(r.Rows) != 5000 {
				t.Fatal(r.Err, len(r.Rows))
			}
			c := udf.Column{Type: typ}
			for i, row := range r.Rows {
				if err := d.Append(&c, row[0]); err != nil {
					t.Fatal(err)
				}
				if c.Texts[i] != string(row[1]) {
					t.Fatalf("%x is read as %q, PostgreSQL prints %q", row[0], c.Texts[i], row[1])
				}
			}
		})
	}
}

// TestFloatDigits compares floats under every setting of extra_float_digits.
func TestFloatDigits(t *testing.T) {
	t.Parallel()
	for typ, array := range map[udf.Type]udf.Type{udf.Float4: udf.Float4Array, udf.Float8: udf.Float8Array} {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			conn := connect(t)
			r := rand.New(rand.NewPCG(1, 2))
			all := manyFloats(8 * int(typ.Size()))
			for digits := -15; digits <= 3; digits++ {
				if err := run(t, conn, fmt.Sprintf("SET extra_float_digits TO %d", digits)); err != nil {
					t.Fatal(err)
				}
				c := udf.Column{Type: typ, Floats: []float64{0, 1, 10, 100000, 999999, 999999.5, 1e6, 123456789012345, 1e15, 0.0001, 0.00001}}
				for range 500 {
					c.Floats = append(c.Floats, all[r.IntN(len(all))])
				}
				param, err := pgvalue.AppendArray(nil, &c, typ.OID())
				if err != nil {
					t.Fatal(err)
				}
				res := conn.ExecParams(t.Context(), "SELECT unnest($1::"+array.String()+")", [][]byte{param}, nil, []int16{1}, nil).Read()
				if res.Err != nil || len(res.Rows) != c.Len() {
					t.Fatal(res.Err, len(res.Rows))
				}
				for i, row := range res.Rows {
					text, err := pgvalue.AppendText(nil, &c, i, digits)
					if err != nil || !bytes.Equal(text, row[0]) {
						t.Errorf("%v with extra_float_digits %d is printed as %s, PostgreSQL prints %s (%v)", c.Floats[i], digits, text, row[0], err)
					}
				}
			}
		})
	}
}

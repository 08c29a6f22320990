package lookup_test

import (
	"fmt"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// benchRows is the number of rows of the table that BenchmarkLookup reads.
const benchRows = 1_000_000

// benchmarks are the arguments of BenchmarkLookup: their expressions over k, 0 up to the number of distinct ones, the
// columns' types, and a body for the SQL function that they are compared with.
var benchmarks = []struct {
	name, exprs, body string
	types             []udf.Type
}{
	{"int4", "k::int4", "a1 * 2 + 1", []udf.Type{udf.Int4}},
	{"int4s", "k::int4 % 100, k::int4 / 100", "a1 + a2", []udf.Type{udf.Int4, udf.Int4}},
	{"int8", "k::int8 * 1000003", "(a1 % 1000000)::int4", []udf.Type{udf.Int8}},
	{"float8", "k::float8 / 7", "(a1 * 2)::int4", []udf.Type{udf.Float8}},
	{"timestamptz", "timestamptz '2020-01-01 00:00:00+00' + k * interval '61 s'", "extract(minute FROM a1)::int4", []udf.Type{udf.Timestamptz}},
	{"text", "'key number ' || k", "length(a1)", []udf.Type{udf.Text}},
	{"numeric", "(k / 100.0)::numeric(12, 2)", "(a1 * 2)::int4", []udf.Type{udf.Numeric}},
	{"text-int4", "'key ' || k % 100, (k / 100)::int4", "length(a1) + a2", []udf.Type{udf.Text, udf.Int4}},
}

// BenchmarkLookup times SELECT e, count(*) FROM t GROUP BY 1 over a million rows: e is a lookup, an SQL function that
// PostgreSQL inlines, or a function of PL/pgSQL that reads a table with an index. Run it with -benchtime 3x.
func BenchmarkLookup(b *testing.B) {
	conn := connect(b)
	run := func(sql string) { query(b, conn, sql, nil, nil) }
	for _, distinct := range []int{10, 10_000, 500_000} {
		for _, c := range benchmarks {
			names, decls := "a1", "a1 "+c.types[0].String()
			if len(c.types) == 2 {
				names, decls = "a1, a2", decls+", a2 "+c.types[1].String()
			}
			run("DROP TABLE IF EXISTS t")
			run("DROP TABLE IF EXISTS answers")
			run(fmt.Sprintf("CREATE TEMPORARY TABLE t(%s) AS SELECT %s FROM (SELECT i %% %d AS k FROM generate_series(1, %d) i) g(k)", names, c.exprs, distinct, benchRows))
			run("ANALYZE t")
			run(fmt.Sprintf("CREATE OR REPLACE FUNCTION inlined(%s) RETURNS int LANGUAGE sql AS 'SELECT %s'", decls, c.body))
			run(fmt.Sprintf("CREATE TEMPORARY TABLE answers AS SELECT record_send(ROW(%s)) AS key, inlined(%s) AS answer FROM (SELECT DISTINCT %s FROM t) d", names, names, names))
			run("ALTER TABLE answers ADD PRIMARY KEY (key)")
			run("ANALYZE answers")
			run(fmt.Sprintf(`CREATE OR REPLACE FUNCTION slow(%s) RETURNS int LANGUAGE plpgsql STABLE STRICT COST 10000 AS $$
DECLARE r int; BEGIN SELECT a.answer INTO r FROM answers a WHERE a.key = record_send(ROW(%s)); RETURN r; END $$`, decls, names))
			cols := columns(b, conn, fmt.Sprintf("SELECT %s, inlined(%s) FROM (SELECT DISTINCT %s FROM t) d", names, names, names), nil, append(append([]udf.Type{}, c.types...), udf.Int4)...)
			args, answers := cols[:len(c.types)], &cols[len(c.types)]
			time := func(name, e string, params []lookup.Param) {
				b.Run(fmt.Sprintf("%s/%d/%s", c.name, distinct, name), func(b *testing.B) {
					for b.Loop() {
						query(b, conn, "SELECT "+e+", count(*) FROM t GROUP BY 1", params, nil)
					}
				})
			}
			time("inlined", "inlined("+names+")", nil)
			l, err := lookup.New(args, answers, 0)
			if err != nil || l == nil {
				b.Fatal(c.name, err)
			}
			time("lookup", l.Expr([]string{"a1", "a2"}[:len(c.types)], 1, "slow("+names+")"), l.Params())
			time("function", "slow("+names+")", nil)
			b.Run(fmt.Sprintf("%s/%d/New", c.name, distinct), func(b *testing.B) {
				for b.Loop() {
					if _, err := lookup.New(args, answers, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

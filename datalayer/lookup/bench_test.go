package lookup_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// benchRows is the number of rows of the table that BenchmarkLookup reads.
const benchRows = 1_000_000

// benchmark is a case of BenchmarkLookup: arguments as expressions over k, which counts the distinct ones, their types,
// and the body of the SQL function that the lookup is compared with.
type benchmark struct {
	name, exprs, body string
	types             []udf.Type
}

// BenchmarkLookup runs SELECT e, count(*) FROM t GROUP BY 1 over a million rows: e is a lookup, an SQL function that
// PostgreSQL inlines, or a function of PL/pgSQL that reads a table with an index. It reports the server's processor
// time, in milliseconds, beside the time. Run it with -benchtime 3x.
func BenchmarkLookup(b *testing.B) {
	for _, c := range []benchmark{
		{"int4", "k::int4", "a1 * 2 + 1", []udf.Type{udf.Int4}},
		{"int4s", "k::int4 % 100, k::int4 / 100", "a1 + a2", []udf.Type{udf.Int4, udf.Int4}},
		{"int8", "k::int8 * 1000003", "(a1 % 1000000)::int4", []udf.Type{udf.Int8}},
		{"float8", "k::float8 / 7", "(a1 * 2)::int4", []udf.Type{udf.Float8}},
		{"text", "'key number ' || k", "length(a1)", []udf.Type{udf.Text}},
		{"numeric", "(k / 100.0)::numeric(12, 2)", "(a1 * 2)::int4", []udf.Type{udf.Numeric}},
		{"text-int4", "'key ' || k % 100, (k / 100)::int4", "length(a1) + a2", []udf.Type{udf.Text, udf.Int4}},
	} {
		for _, distinct := range []int{10, 10_000, 500_000} {
			b.Run(fmt.Sprintf("%s/%d", c.name, distinct), func(b *testing.B) { c.run(b, distinct) })
		}
	}
}

func (c benchmark) run(b *testing.B, distinct int) {
	conn := connect(b)
	names, decls := []string{"a1", "a2"}[:len(c.types)], "a1 "+c.types[0].String()
	list := strings.Join(names, ", ")
	if len(c.types) == 2 {
		decls += ", a2 " + c.types[1].String()
	}
	for _, sql := range []string{
		fmt.Sprintf("CREATE TEMPORARY TABLE t(%s) AS SELECT %s FROM (SELECT i %% %d AS k FROM generate_series(1, %d) i) g(k)", list, c.exprs, distinct, benchRows),
		"ANALYZE t",
		fmt.Sprintf("CREATE FUNCTION pg_temp.inlined(%s) RETURNS int LANGUAGE sql AS 'SELECT %s'", decls, c.body),
		fmt.Sprintf("CREATE TEMPORARY TABLE answers AS SELECT record_send(ROW(%s)) AS key, pg_temp.inlined(%s) AS answer FROM (SELECT DISTINCT %s FROM t) d", list, list, list),
		"ALTER TABLE answers ADD PRIMARY KEY (key)",
		"ANALYZE answers",
		fmt.Sprintf(`CREATE FUNCTION pg_temp.slow(%s) RETURNS int LANGUAGE plpgsql STABLE STRICT COST 10000 AS $$
DECLARE r int; BEGIN SELECT a.answer INTO r FROM pg_temp.answers a WHERE a.key = record_send(ROW(%s)); RETURN r; END $$`, decls, list),
	} {
		query(b, conn, sql, nil, nil)
	}
	cols := columns(b, conn, fmt.Sprintf("SELECT %s, pg_temp.inlined(%s) FROM (SELECT DISTINCT %s FROM t) d", list, list, list), nil, append(append([]udf.Type{}, c.types...), udf.Int4)...)
	args, answers := cols[:len(c.types)], &cols[len(c.types)]
	l, err := lookup.New(args, answers, 0)
	if err != nil || l == nil {
		b.Fatal(err)
	}
	slow := "pg_temp.slow(" + list + ")"
	grouped(b, conn, "inlined", "pg_temp.inlined("+list+")", nil)
	grouped(b, conn, "lookup", l.Expr(names, 1, slow), l.Params())
	grouped(b, conn, "function", slow, nil)
	b.Run("New", func(b *testing.B) {
		for b.Loop() {
			if _, err := lookup.New(args, answers, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func grouped(b *testing.B, conn *pgconn.PgConn, name, e string, params []lookup.Param) {
	b.Run(name, func(b *testing.B) {
		before := serverTime(b, conn)
		for b.Loop() {
			query(b, conn, "SELECT "+e+", count(*) FROM t GROUP BY 1", params, nil)
		}
		b.ReportMetric((serverTime(b, conn)-before)/float64(b.N), "server-ms/op")
	})
}

// serverTime is the processor time that a session's process has had, in milliseconds; 0 where the system does not say.
func serverTime(b *testing.B, conn *pgconn.PgConn) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", conn.PID()))
	if err != nil {
		return 0
	}
	var nanoseconds float64
	if _, err := fmt.Sscan(string(text), &nanoseconds); err != nil {
		b.Fatal(err)
	}
	return nanoseconds / 1e6
}

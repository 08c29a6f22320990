package session_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// calls finds the calls in the statements of TestLargeSets.
var calls = regexp.MustCompile(`predict\('double', ([a-z0-9_.]+)\)`)

// TestLargeSets has all answers go into temporary tables, and wants what an expression in SQL gives in the place of calls.
func TestLargeSets(t *testing.T) {
	t.Parallel()
	limits := defaults
	limits.LookupBytes = 1
	p := newProxy(t, limits)
	c := p.connect(t)
	c.must("CREATE TABLE large_a AS SELECT i AS id, nullif(i % 20, 7) AS x, i % 3 AS pinnacle FROM generate_series(1, 100) AS i")
	c.must("CREATE TABLE large_b AS SELECT i % 20 AS x, i AS y FROM generate_series(1, 40) AS i")
	for _, text := range []string{
		"SELECT predict('double', x), count(*) FROM large_a GROUP BY 1 ORDER BY 1",
		"SELECT predict('double', x) AS p, count(*) FILTER (WHERE predict('double', x) > 9) FROM large_a GROUP BY 1 HAVING predict('double', x) > 3 ORDER BY p DESC",
		"SELECT x, predict('double', x), count(*) FROM large_a GROUP BY x ORDER BY 1",
		"SELECT *, predict('double', x) FROM large_a ORDER BY predict('double', x), id",
		"SELECT large_a.*, predict('double', x) FROM large_a ORDER BY predict('double', x), id",
		"SELECT count(*), sum(predict('double', a.x)) FROM large_a a, large_b b JOIN large_b d ON d.y = b.y WHERE a.id = b.y",
		"SELECT count(*), sum(predict('double', a.x)) FROM large_a a LEFT JOIN large_b b ON a.id = b.y AND b.x > 5, large_b d WHERE d.y < 3",
		"SELECT count(*), sum(predict('double', j.y)) FROM (large_a a JOIN large_b b USING (x)) AS j, LATERAL (SELECT j.y + 1 AS z) AS l",
		"SELECT id, rank() OVER (PARTITION BY pinnacle ORDER BY predict('double', x), id) FROM large_a ORDER BY 1",
		"SELECT DISTINCT predict('double', x) FROM large_a ORDER BY 1",
		"SELECT count(DISTINCT predict('double', x)), array_agg(predict('double', x) ORDER BY predict('double', x), id) FROM large_a WHERE id < 50",
		"SELECT id FROM large_a ORDER BY predict('double', x) DESC NULLS LAST, id LIMIT 4 OFFSET 2",
		"SELECT count(*) FROM large_a WHERE predict('double', x) % 4 = 0",
		"SELECT a.id FROM large_a a WHERE predict('double', x) = (SELECT max(predict('double', b.x)) FROM large_b b) ORDER BY 1",
		"SELECT predict('double', x) + (SELECT count(*) FROM large_b b WHERE b.x = large_a.x) FROM large_a ORDER BY 1, id",
		"SELECT sum(CASE WHEN id > 50 THEN predict('double', x) END) FROM large_a",
		"SELECT large_a FROM large_a ORDER BY predict('double', x), id",
		"SELECT row(large_a.*), predict('double', id) FROM large_a, large_b WHERE id = y ORDER BY predict('double', id)",
	} {
		want := direct(t, "SELECT string_agg(q::text, ';') FROM ("+calls.ReplaceAllString(text, "($1 * 2)")+") AS q")
		for _, begin := range []bool{false, true} {
			if begin {
				c.must("BEGIN")
			}
			got := c.must(text)
			rows := got[:len(got)-2]
			// A row as text has its NULLs, quotes and parentheses in another way than the rows of the result.
			plain := strings.NewReplacer("(", "", ")", "", `"`, "", "NULL", "", " ", "")
			if have, want := plain.Replace(strings.Join(rows, ";")), plain.Replace(want); have != want {
				t.Errorf("%s gives\n%s\nnot\n%s", text, have, want)
			}
			if begin {
				expect(t, "tables left by "+text, c.must("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pinnacle_large%' AND relpersistence = 't' AND pg_table_is_visible(oid)"), "0", "SELECT 1", "T")
				c.must("COMMIT")
			}
		}
	}
}

// TestLargeSetsThatAreWritten does the same with statements that write.
func TestLargeSetsThatAreWritten(t *testing.T) {
	t.Parallel()
	limits := defaults
	limits.LookupBytes = 1
	p := newProxy(t, limits)
	c := p.connect(t)
	c.must("CREATE TABLE large_w AS SELECT i AS id, nullif(i % 20, 7) AS x FROM generate_series(1, 100) AS i")
	sum := func(what, table string) {
		t.Helper()
		if got := direct(t, "SELECT count(*) || ' ' || sum(p) FROM "+table); got != "100 1830" {
			t.Errorf("%s: %s", what, got)
		}
	}
	expect(t, "insert", c.must("CREATE TABLE large_into (id int, p int)"), "CREATE TABLE", "I")
	expect(t, "insert", c.must("INSERT INTO large_into SELECT id, predict('double', x) FROM large_w"), "INSERT 0 100", "I")
	sum("insert", "large_into")
	expect(t, "create", c.must("CREATE TABLE large_made AS SELECT id, predict('double', x) AS p FROM large_w"), "SELECT 100", "I")
	sum("create", "large_made")
	expect(t, "update", c.must("UPDATE large_w SET x = predict('double', x)"), "UPDATE 100", "I")
	if got := direct(t, "SELECT count(*) || ' ' || sum(x) FROM large_w"); got != "100 1830" {
		t.Error(got)
	}
	c.must("CREATE SEQUENCE large_seq")
	expect(t, "sequence", c.must("INSERT INTO large_into SELECT nextval('large_seq'), predict('double', id) FROM large_w"), "INSERT 0 100", "I")
	if got := direct(t, "SELECT last_value FROM large_seq"); got != "100" {
		t.Errorf("the sequence is at %s", got)
	}
	for _, table := range []string{"large_into", "large_w"} { // a failure leaves nothing
		before := direct(t, "SELECT count(*) FROM "+table)
		expect(t, "failure", c.query("INSERT INTO "+table+" SELECT id, predict('picky', id) FROM large_w"), "error 38000", "I")
		if got := direct(t, "SELECT count(*) FROM "+table); got != before {
			t.Errorf("%s has %s rows", table, got)
		}
	}
}

// TestLargeConditionsAreKept guards the arguments by conditions: what home computes for a join of answers before them fails,
// and the statement is run without.
func TestLargeConditionsAreKept(t *testing.T) {
	t.Parallel()
	limits := defaults
	limits.LookupBytes = 1
	c := newProxy(t, limits).connect(t)
	c.must("CREATE TABLE large_guard AS SELECT i AS id, i % 4 AS d FROM generate_series(1, 40) AS i")
	c.must("CREATE TABLE large_safe AS SELECT i AS id FROM generate_series(1, 40) AS i WHERE i % 4 <> 0")
	expect(t, "a condition", c.must("SELECT sum(predict('double', id / d)) FROM large_guard WHERE d <> 0"), fmt.Sprint(direct(t, "SELECT sum(id / d * 2) FROM large_guard WHERE d <> 0")), "SELECT 1", "I")
	expect(t, "a join", c.must("SELECT sum(predict('double', g.id / g.d)) FROM large_guard g JOIN large_safe s ON s.id = g.id"),
		fmt.Sprint(direct(t, "SELECT sum(g.id / g.d * 2) FROM large_guard g JOIN large_safe s ON s.id = g.id")), "SELECT 1", "I")
}

// TestLargeCursors reads the rows of cursors whose answers are in temporary tables, which last as long as the cursor may.
func TestLargeCursors(t *testing.T) {
	t.Parallel()
	limits := defaults
	limits.LookupBytes = 64 << 10
	c := newProxy(t, limits).connect(t)
	const rows = 12_000
	query := fmt.Sprintf("SELECT predict('double', i) FROM generate_series(1, %d) AS i WHERE predict('double', i) > 0", rows)
	visible := "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pinnacle_large%' AND pg_table_is_visible(oid)"
	c.must("BEGIN")
	expect(t, "declare", c.must("DECLARE large CURSOR FOR "+query), "DECLARE CURSOR", "T")
	expect(t, "a table has them", c.must(visible), "1", "SELECT 1", "T")
	expect(t, "fetch", c.must("FETCH 2 FROM large"), "2", "4", "FETCH 2", "T")
	expect(t, "beside", c.must("SELECT sum(predict('double', i)) FROM generate_series(1, 5) AS i"), "30", "SELECT 1", "T")
	expect(t, "move", c.must("MOVE 11997 FROM large"), "MOVE 11997", "T")
	expect(t, "last", c.must("FETCH 2 FROM large"), "24000", "FETCH 1", "T")
	c.must("COMMIT")
	expect(t, "gone", c.must(visible), "0", "SELECT 1", "I")
	expect(t, "hold", c.must("DECLARE held CURSOR WITH HOLD FOR "+query), "DECLARE CURSOR", "I")
	expect(t, "hold", c.must(visible), "0", "SELECT 1", "I")
	got := c.must("FETCH ALL FROM held")
	if len(got) != rows+2 || got[rows-1] != "24000" {
		t.Errorf("%d lines", len(got))
	}
	c.must("CLOSE held")
	c.must("CREATE TABLE large_current AS SELECT i AS id FROM generate_series(1, 12000) AS i")
	c.must("BEGIN")
	c.must("DECLARE current CURSOR FOR SELECT predict('double', id) FROM large_current WHERE predict('double', id) > 0")
	got = c.must("FETCH 3 FROM current")
	expect(t, "current", c.must("UPDATE large_current SET id = -1 WHERE CURRENT OF current"), "UPDATE 1", "T")
	c.must("COMMIT")
	if !slices.Contains(got, "2") {
		t.Errorf("%q", got)
	}
	copied := c.must("COPY (SELECT predict('double', id) FROM large_current WHERE id > 0) TO STDOUT")
	if tag := copied[len(copied)-2]; tag != "COPY 11999" {
		t.Errorf("%q", tag)
	}
}

// TestCursorsTakeParameters reads the rows of cursors whose answers are parameters of DECLARE, which stay with the cursor: also
// backwards, and those that another statement changes.
func TestCursorsTakeParameters(t *testing.T) {
	t.Parallel()
	c := newProxy(t, defaults).connect(t)
	c.must("CREATE TABLE cursor_rows AS SELECT i AS id FROM generate_series(1, 12000) AS i")
	c.must("BEGIN")
	expect(t, "declare", c.must("DECLARE held CURSOR FOR SELECT id, predict('double', id) FROM cursor_rows"), "DECLARE CURSOR", "T")
	expect(t, "tables", c.must("SELECT count(*) FROM pg_class WHERE relname LIKE 'pinnacle_large%' AND pg_table_is_visible(oid)"), "0", "SELECT 1", "T")
	expect(t, "beside", c.must("SELECT sum(predict('double', i)) FROM generate_series(1, 12000) AS i"), "144012000", "SELECT 1", "T")
	expect(t, "move", c.must("MOVE 11999 FROM held"), "MOVE 11999", "T")
	expect(t, "last", c.must("FETCH 2 FROM held"), "12000,24000", "FETCH 1", "T")
	expect(t, "backwards", c.must("FETCH BACKWARD 2 FROM held"), "12000,24000", "11999,23998", "FETCH 2", "T")
	expect(t, "current", c.must("UPDATE cursor_rows SET id = -1 WHERE CURRENT OF held"), "UPDATE 1", "T")
	c.must("COMMIT")
	if got := direct(t, "SELECT count(*) || ' ' || min(id) FROM cursor_rows WHERE id <> 11999"); got != "12000 -1" {
		t.Errorf("written: %s", got)
	}
}

// TestLargeReadOnly reads where no table can be made.
func TestLargeReadOnly(t *testing.T) {
	t.Parallel()
	limits := defaults
	limits.LookupBytes = 1
	c := newProxy(t, limits).connect(t)
	const text = "SELECT sum(predict('double', i)) FROM generate_series(1, 500) AS i"
	expect(t, "before", c.must(text), "250500", "SELECT 1", "I")
	c.must("BEGIN READ ONLY")
	expect(t, "read only", c.must(text), "250500", "SELECT 1", "T")
	c.must("COMMIT")
}

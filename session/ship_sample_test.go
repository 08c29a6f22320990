package session_test

import (
	"slices"
	"strings"
	"testing"
)

// TestSamples has arguments of 70,000 rows answered, of which the first rows show all, some or few: each once, however they
// were read. Rounds are counted with what is read ahead.
func TestSamples(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	for _, setting := range []string{"min_parallel_table_scan_size = 0", "parallel_setup_cost = 0", "parallel_tuple_cost = 0"} {
		c.must("SET " + setting) // estimates are those of all rows even where several processes would read them
	}
	for name, st := range map[string]struct {
		argument string
		distinct int
		rounds   string
	}{
		"few":                      {"i % 5", 5, "2"},
		"few and NULL":             {"nullif(i % 6, 3)", 5, "2"},
		"few, and some at the end": {"CASE WHEN i > 69990 THEN i ELSE i % 15 END", 25, "3"},
		"few, and then others":     {"CASE WHEN i > 60000 THEN i % 25 + 100 ELSE i % 30 END", 55, "4"},
		"in order":                 {"i / 700", 101, "2"},
		"several":                  {"i * 7 % 1000", 1000, "2"},
		"each twice":               {"i % 35000", 35_000, "2"},
		"each once":                {"-i", 70_000, "2"},
	} {
		c.must("CREATE TABLE sampled AS SELECT " + st.argument + " AS x FROM generate_series(1, 70000) AS i")
		c.must("ANALYZE sampled")
		const text = "SELECT count(*) FILTER (WHERE predict('double', x) % 4 = 0) FROM sampled"
		explained := strings.Join(c.must("EXPLAIN (ANALYZE) "+text), "\n")
		if !strings.Contains(explained, "rounds="+st.rounds+")") {
			t.Errorf("%s: not %s rounds: %s", name, st.rounds, explained)
		}
		if !strings.Contains(explained, "Estimated Rows: 70000 ") {
			t.Errorf("%s: other estimates: %s", name, explained)
		}
		p.models.mu.Lock()
		asked := p.models.asked["double"]
		p.models.asked["double"] = nil
		p.models.mu.Unlock()
		slices.Sort(asked)
		if n := len(asked); n != st.distinct || len(slices.Compact(asked)) != n {
			t.Errorf("%s: %d calls, %d of them different, for %d arguments", name, n, len(slices.Compact(asked)), st.distinct)
		}
		expect(t, name, c.must(text), direct(t, "SELECT count(*) FILTER (WHERE x % 2 = 0) FROM sampled"), "SELECT 1", "I")
		c.must("DROP TABLE sampled")
		p.models.mu.Lock()
		p.models.asked["double"] = nil
		p.models.mu.Unlock()
	}
}

// TestUpdatesOfManyRows has each row of a table get another answer.
func TestUpdatesOfManyRows(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("CREATE TABLE updated AS SELECT i AS x FROM generate_series(1, 30000) AS i")
	c.must("ANALYZE updated")
	expect(t, "UPDATE", c.must("UPDATE updated SET x = predict('double', x % 25000)"), "UPDATE 30000", "I")
	if got := direct(t, "SELECT sum(x) FROM updated"); got != "649980000" {
		t.Error(got)
	}
	if n := p.models.times("double"); n != 25_000 {
		t.Errorf("%d calls", n)
	}
}

// TestManyDifferent asks in rounds for arguments of which most are different, each of them twice: after the first run that was
// ended early a run tells of all that is missing, and each is answered once.
func TestManyDifferent(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	const text = "SELECT sum((SELECT predict('double', i % 9000))) FROM generate_series(1, 18000) AS i"
	explained := strings.Join(c.must("EXPLAIN (ANALYZE) "+text), "\n")
	for _, want := range []string{"rounds=3", "Distinct: 9000", "Calls: 9000"} {
		if !strings.Contains(explained, want) {
			t.Errorf("%q is not in\n%s", want, explained)
		}
	}
	expect(t, "the answer", c.must(text), "161982000", "SELECT 1", "I")
	expect(t, "and the next statement", c.must("SELECT sum((SELECT predict('double', i))) FROM generate_series(1, 3) AS i"), "12", "SELECT 1", "I")
}

// TestCursorOverNothing declares cursors over queries that give a row though their tables are empty: the answers are there when
// it is fetched.
func TestCursorOverNothing(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("CREATE TABLE empty (x int)")
	for _, query := range []string{
		"SELECT predict('double', 3), count(*) FROM empty",
		"SELECT predict('double', 3), count(*) FROM empty GROUP BY GROUPING SETS ((), x)",
		"SELECT predict('double', 3), 0 FROM empty HAVING true",
	} {
		for _, hold := range []string{"SCROLL CURSOR", "CURSOR WITH HOLD"} {
			c.must("BEGIN")
			c.must("DECLARE over " + hold + " FOR " + query)
			expect(t, query, c.must("FETCH ALL FROM over"), "6,0", "FETCH 1", "T")
			c.must("COMMIT")
			c.query("CLOSE over")
		}
	}
}

package integration

import (
	"fmt"
	"strings"
	"testing"
)

// TestReplacedAnywhere replaces a model under a prepared statement that cannot be streamed: from then on the new version
// answers, also with another type, and what no longer fits is an error and never a wrong value.
func TestReplacedAnywhere(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		const replace = "CREATE OR REPLACE MODEL replaced(x int4) RETURNS %s USING test WITH (compute = %s)"
		s := on.open(t)
		s.mustQuery(t, fmt.Sprintf(replace, "int4", "'identity'"))
		s.mustQuery(t, "PREPARE p AS SELECT sum(predict('replaced', k)) FROM item")
		s.exchange(t, 1, parse("q", "SELECT max(predict('replaced', k + $1)) FROM item"), syncing)
		extended := func() []string {
			return without(s.exchange(t, 1, bind("", "q", "1"), execute("", 0), syncing), "BindComplete", "CommandComplete", "ReadyForQuery")
		}
		s.wantRow(t, "EXECUTE p", "4500")
		same(t, "before", extended(), []string{`DataRow "10"`})

		s.mustQuery(t, fmt.Sprintf(replace, "int4", "'multiply', by = 2"))
		s.wantRow(t, "EXECUTE p", "9000")
		same(t, "another answer", extended(), []string{`DataRow "20"`})
		s.mustQuery(t, "BEGIN")
		s.wantRow(t, "SELECT sum(predict('replaced@1', k)), sum(predict('replaced', k)) FROM item", "4500", "9000")
		s.mustQuery(t, "COMMIT")

		s.mustQuery(t, fmt.Sprintf(replace, "text", "'concat', by = '!'"))
		s.wantError(t, "EXECUTE p", "42883")
		if code, _ := firstError(extended()); code == "" {
			t.Error("a statement whose type has changed is no error")
		}
		s.wantRow(t, "SELECT max(predict('replaced', k)) FROM item", "9!")

		s.mustQuery(t, "DROP MODEL replaced")
		s.wantError(t, "EXECUTE p", "42704", "replaced")
		s.wantError(t, "SELECT max(predict('replaced', k)) FROM item", "42704", "replaced")
		s.wantRow(t, "SELECT max(predict('f', k)) FROM item", "9")
	})
}

// TestTimeoutsAnywhere lets a model take longer than PostgreSQL lets a transaction be idle: the statement is not idle, in a
// transaction of the client's and out of one.
func TestTimeoutsAnywhere(t *testing.T) {
	eachTagged(t, func(t *testing.T, on *target) {
		name := "f"
		if on.proxy != nil {
			name = count(t, on, "f", "tardy", ", delay = '600ms'").name
		}
		s := on.open(t)
		s.mustQuery(t, "SET idle_in_transaction_session_timeout = '200ms'")
		for i, around := range [][2]string{{"SELECT 1", "SELECT 1"}, {"BEGIN", "COMMIT"}, {"BEGIN READ ONLY", "COMMIT"}} {
			s.mustQuery(t, "SELECT max(predict('f', k)) FROM item")
			s.mustQuery(t, around[0])
			s.wantRow(t, fmt.Sprintf("SELECT max(predict('%s', k + %d)) FROM item", name, 100*i), fmt.Sprint(9+100*i))
			s.mustQuery(t, around[1])
		}
	})
}

// TestErrorsNameTheCall wants errors of calls in any place to be in the client's own words and at its own places: no name of
// an object of the proxy's.
func TestErrorsNameTheCall(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for _, c := range []struct {
			sql, code string
			words     []string
		}{
			{"SELECT sum(predict('f', name)) FROM item", "42883", []string{"predict", "position=12"}},
			{"SELECT id FROM item ORDER BY predict('f', 'x')", "22P02", []string{"integer"}},
			{"SELECT sum(predict('boom', id)) FROM item", "38000", []string{"boom", "x = 13"}},
			{"SELECT id FROM item GROUP BY predict('f', k)", "42803", []string{"item.id", "position=8"}},
			{"SELECT predict('f', k) FROM item GROUP BY predict('g', k)", "42803", []string{"item.k"}},
			{"SELECT id FROM item ORDER BY predict('even', k) + 1", "42883", []string{"boolean + integer", "position=49"}},
			{"SELECT sum(predict('nosuch', k)) FROM item", "42704", []string{"nosuch"}},
			{"SELECT sum(predict('f', k, k)) FROM item", "42883", []string{"1 argument"}},
			{"UPDATE item SET yes = predict('f', k)", "42804", []string{"yes"}},
			{"UPDATE item SET nosuch = predict('f', k)", "42703", []string{"nosuch"}},
			{"CREATE INDEX ON item (predict('f', k))", "", nil},
			{"CREATE TABLE w_check (id int CHECK (predict('even', id)))", "", nil},
			{"CREATE TABLE w_generated (id int, p int GENERATED ALWAYS AS (predict('f', id)) STORED)", "", nil},
		} {
			got := s.query(t, c.sql)
			code, line := firstError(got)
			if code == "" || c.code != "" && code != c.code {
				t.Errorf("%s: %.300v, want %s", c.sql, got, c.code)
				continue
			}
			for _, w := range c.words {
				wantWord(t, c.sql, line, w)
			}
			noOwnName(t, c.sql, line)
			s.wantRow(t, "SELECT max(predict('f', k)) FROM item", "9")
		}
	})
}

// TestBatchThatFailsAsAWhole has a model fail on a batch without saying on which row: the row is found, and named.
func TestBatchThatFailsAsAWhole(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		m := count(t, on, "boom", "boom_whole", ", whole = true")
		s := on.open(t)
		s.wantError(t, "SELECT sum(predict('boom_whole', id)) FROM item WHERE id < 100", "38000", "boom_whole", "x = 13")
		if n := len(m.asked(t).tuples); n < 100 || n > 400 {
			t.Errorf("asked %d times about 99 arguments", n)
		}
		s.wantRow(t, "SELECT sum(predict('boom_whole', id)) FROM item WHERE id < 13", "78")
	})
}

// TestExplainAsksNothing wants EXPLAIN to leave the model alone, and EXPLAIN ANALYZE to ask what the statement does.
func TestExplainAsksNothing(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		m := count(t, on, "f", "explained", fewestDelay)
		s := on.open(t)
		const sql = "SELECT predict('explained', k), count(*) FROM item WHERE predict('explained', 1) = 1 GROUP BY 1"
		s.mustQuery(t, "EXPLAIN "+sql)
		s.mustQuery(t, "EXPLAIN (FORMAT JSON) "+sql)
		s.exchange(t, 1, parse("s", sql), describe('S', "s"), bind("", "s"), describe('P', ""), syncing)
		if n := len(m.asked(t).tuples); n != 0 {
			t.Errorf("asked %d times before anything ran", n)
		}
		s.mustQuery(t, "EXPLAIN (ANALYZE) "+sql)
		if n := len(m.asked(t).tuples); n != 10 {
			t.Errorf("EXPLAIN ANALYZE asked %d times, want 10", n)
		}
	})
}

// wantWord wants a word in what a statement answered.
func wantWord(t *testing.T, sql, line, word string) {
	t.Helper()
	if !strings.Contains(line, word) {
		t.Errorf("%s: %s, want it to say %q", sql, line, word)
	}
}

// noOwnName wants no name of an object of the proxy's in what a client reads.
func noOwnName(t *testing.T, sql, line string) {
	t.Helper()
	for _, word := range []string{"pinnacle_", "pg_temp", "PN0"} {
		if strings.Contains(line, word) {
			t.Errorf("%s: %s, which holds %q", sql, line, word)
		}
	}
}

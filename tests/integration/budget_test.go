package integration

import (
	"fmt"
	"strings"
	"testing"
)

// TestBudgetBeforeCalls has statements that need more calls than predict.max_calls allows, where that is certain before the
// first is made: the error says how many they need, and no model is called.
func TestBudgetBeforeCalls(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		for i, c := range []struct {
			name, sql string
			allowed   int
			// needed is what the error says; 0 where the statement is answered.
			needed int
			// before is a statement whose answers are kept.
			before string
			after  string
		}{
			{name: "select list", sql: "SELECT id, predict('f', v) FROM s", allowed: 208, needed: 209},
			{name: "two models", sql: "SELECT predict('f', v), predict('g', v) FROM s", allowed: 300, needed: 418},
			{name: "condition", sql: "SELECT id FROM s WHERE predict('f', v) > 5", allowed: 208, needed: 209},
			{name: "expression", sql: "SELECT predict('f', v) + id FROM s", allowed: 100, needed: 209},
			{name: "no more than allowed", sql: "SELECT id, predict('f', v) FROM s", allowed: 209},
			{name: "GROUP BY", sql: "SELECT predict('f', v), count(*) FROM s GROUP BY 1", allowed: 208, needed: 209},
			{name: "aggregate that fits", sql: "SELECT sum(predict('f', v)) FROM s", allowed: 209},
			{name: "VALUES", sql: "VALUES (predict('f', 1)), (predict('f', 1)), (predict('f', 2)), (predict('f', 3))", allowed: 2, needed: 3},
			{name: "VALUES of two models", sql: "VALUES (predict('f', 1), predict('g', 1)), (predict('f', 2), predict('g', 2))", allowed: 3, needed: 4},
			{name: "join", sql: "SELECT count(*) FROM d FULL JOIN t ON predict('f', d.v) = t.k", allowed: 4, needed: 5},
			{name: "answers that are kept", before: "SELECT id, predict('f', v) FROM s WHERE part = 9",
				sql: "SELECT id, predict('f', v) FROM s", allowed: 188, needed: 189},
			{name: "answers that are kept, and fit", before: "SELECT id, predict('f', v) FROM s WHERE part = 9",
				sql: "SELECT id, predict('f', v) FROM s", allowed: 189},
			{name: "UPDATE", before: "CREATE TEMP TABLE w AS SELECT id, v, 0 AS p FROM s", sql: "UPDATE w SET p = predict('f', v)", allowed: 208, needed: 209,
				after: "SELECT count(*) FROM w WHERE p = 0"},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				names, counters := map[string]string{}, map[string]counted{}
				for _, like := range modelsOf(c.sql) {
					names[like] = fmt.Sprintf("budget_%s_%d", like, i)
					counters[like] = count(t, on, like, names[like], fewestDelay)
				}
				s := on.open(t)
				defer s.conn.Close()
				if c.before != "" {
					if _, line := firstError(s.query(t, renamed(c.before, names))); line != "" {
						t.Fatal(line)
					}
				}
				before := countAll(t, counters).sum()
				s.query(t, fmt.Sprintf("SET predict.max_calls = %d", c.allowed))
				code, line := firstError(s.query(t, renamed(c.sql, names)))
				asked := countAll(t, counters).sum() - before
				switch {
				case c.needed == 0 && (code != "" || asked != int64(c.allowed)):
					t.Errorf("%d calls, %s", asked, line)
				case c.needed > 0 && (code != "54000" || !strings.Contains(line, fmt.Sprintf("at least %d calls of models", c.needed)) || asked != 0):
					t.Errorf("%d calls, want none and an error that says %d: %s", asked, c.needed, line)
				}
				if c.after != "" {
					if got := strings.Join(s.query(t, c.after), " "); !strings.Contains(got, "2000") {
						t.Errorf("something was written: %s", got)
					}
				}
			})
		}
	})
}

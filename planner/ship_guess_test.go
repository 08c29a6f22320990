package planner_test

import (
	"slices"
	"strings"
	"testing"
)

// TestGuesses looks at the statements by which home's planner estimates calls whose arguments are not read ahead.
func TestGuesses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"SELECT 1 FROM t JOIN u ON predict('half', t.a) = u.b AND u.c > 1", []string{"SELECT DISTINCT t.a FROM t"}},
		{"SELECT 1 FROM t, u WHERE t.a = u.a AND u.d < $1 AND t.e AND predict('half', u.b) = 1 AND predict('half', t.a + 1) = 2",
			[]string{"SELECT DISTINCT u.b FROM u WHERE u.d < $1"}},
		{"SELECT 1 FROM t x JOIN u ON x.a = u.a WHERE x.n > 2 AND n > 3 AND predict('half', x.a + u.b) = 1 OR predict('half', 1) = 0",
			[]string{"SELECT DISTINCT 1"}},
		{"SELECT 1 FROM t WHERE a IN (SELECT b FROM u WHERE c AND predict('half', b) = 1)", []string{"SELECT DISTINCT b FROM u WHERE c"}},
		{"SELECT a FROM t WHERE predict('half', a) = 1 ORDER BY predict('half', a) LIMIT 3", []string{"SELECT DISTINCT a FROM t"}},
		{"SELECT a FROM t UNION SELECT predict('half', b) FROM u WHERE b > 1 AND b < 9", []string{"SELECT DISTINCT b FROM u WHERE b > 1 AND b < 9"}},
		{"UPDATE t SET a = predict('half', u.b) FROM u WHERE u.id = t.id", []string{"SELECT DISTINCT u.b FROM u"}},
		{"DELETE FROM t USING u WHERE u.b = 5 AND predict('half', u.b) = t.a", []string{"SELECT DISTINCT u.b FROM u WHERE u.b = 5"}},
		{"MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET a = predict('half', t.b)", []string{"SELECT DISTINCT t.b FROM t"}},
		{"SELECT count(*) FROM t, u WHERE predict('half', b) = 1 OR a = 2", nil},
		{"SELECT 1 FROM t, (SELECT 1 AS b) s WHERE predict('half', s.b) = 1 OR t.a = 2", nil},
		{"SELECT sum(predict('half', (SELECT max(b) FROM u))) FROM t", nil},
	} {
		p, err := ship(c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var got []string
		for _, a := range p.Guesses() {
			got = append(got, a.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\n--- got\n%s\n--- want\n%s", c.sql, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

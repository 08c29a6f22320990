package integration

import "testing"

// TestStatementTimeout lets statement_timeout end statements that wait for a model, wherever it was set, and lets those go on for
// which it was taken back.
func TestStatementTimeout(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		_, open := gated(t, on, "f", "timed", "")
		s := on.open(t)
		s.wantRow(t, "SELECT predict('f', 1)", "1")
		s.mustQuery(t, "SET statement_timeout = '50ms'")
		for _, sql := range []string{"SELECT predict('timed', k) FROM item", "SELECT sum(predict('timed', k)) FROM item", "SELECT predict('timed', 1)"} {
			if code, line := firstError(s.query(t, sql)); code != "57014" {
				t.Errorf("%s: %s", sql, line)
			}
		}
		s.mustQuery(t, "RESET statement_timeout")
		s.mustQuery(t, "BEGIN")
		s.mustQuery(t, "SET LOCAL statement_timeout = '50ms'")
		if code, line := firstError(s.query(t, "SELECT predict('timed', 1)")); code != "57014" {
			t.Errorf("in a transaction: %s", line)
		}
		s.mustQuery(t, "ROLLBACK")
		open()
		s.wantRow(t, "SELECT predict('timed', 1)", "1")
	})
}

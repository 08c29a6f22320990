package planner_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// BenchmarkPlanShip measures a join with two calls, once with and once without the parsing before it.
func BenchmarkPlanShip(b *testing.B) {
	const text = "SELECT t.a, predict('half', t.a), count(*) FROM t JOIN u ON t.id = u.id WHERE u.cheap = 3 OR predict('add', u.a, t.b) > 1 " +
		"GROUP BY t.a, predict('half', t.a) ORDER BY 2 LIMIT 10"
	b.Run("parse and plan", func(b *testing.B) {
		for b.Loop() {
			if _, err := ship(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plan", func(b *testing.B) {
		script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
		if err != nil {
			b.Fatal(err)
		}
		st := script.Statements[0]
		req := planner.Request{Text: text, Span: st.Span, Node: st.Node, Calls: st.Calls}
		for b.Loop() {
			if _, err := planner.PlanShip(req, catalog{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

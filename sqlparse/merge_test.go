package sqlparse_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// TestMergeReturning reads MERGE … RETURNING, which the grammar of PostgreSQL 16 does not know, where it calls a model.
func TestMergeReturning(t *testing.T) {
	t.Parallel()
	const merge = "MERGE INTO w USING d ON w.v = d.v WHEN MATCHED THEN UPDATE SET p = 1 "
	for text, list := range map[string]int{
		merge + "RETURNING predict('f', w.p)": 1,
		"SELECT 1; " + merge + "RETURNING merge_action(), w.*, (SELECT predict('f', w.p) LIMIT 1) AS x; SELECT 2": 3,
		"WITH c AS (SELECT 1 AS merge) " + merge + "RETURNING predict('f', 1), 2":                                 2,
		"PREPARE m AS " + merge + "RETURNING predict('f', $1)":                                                    1,
		"EXPLAIN " + merge + "RETURNING predict('f', 1)":                                                          1,
		merge + "RETURNING w.v":                                         -1, // the server's alone
		merge + "RETURNING predict('f', w.v) FROM w":                    -1,
		merge + "RETURNING WITH (OLD AS o) predict('f', o.v)":           -1,
		"WITH c AS (" + merge + "RETURNING predict('f', w.p)) SELECT 1": -1,
		merge: 0,
	} {
		script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
		if err != nil || script.Opaque != (list < 0) {
			t.Errorf("%s: %+v, %v", text, script, err)
			continue
		}
		if list < 0 {
			continue
		}
		found := 0
		for _, st := range script.Statements {
			for _, c := range st.Calls {
				if got := c.Span.Of(text); got[:8] != "predict(" || !st.Span.Contains(c.Span) {
					t.Errorf("%s: a call is %s", text, got)
				}
			}
			m := st.Node.GetMergeStmt()
			if e := st.Node.GetExplainStmt(); e != nil {
				m = e.Query.GetMergeStmt()
			}
			if p := st.Node.GetPrepareStmt(); p != nil {
				m = p.Query.GetMergeStmt()
			}
			found += len(sqlparse.MergeReturning(m))
		}
		if found != list {
			t.Errorf("%s: %d items, want %d", text, found, list)
		}
	}
}

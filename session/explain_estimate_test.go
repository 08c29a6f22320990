package session

import "testing"

// TestReadEstimate reads plans of SELECT DISTINCT as PostgreSQL prints them.
func TestReadEstimate(t *testing.T) {
	t.Parallel()
	for plan, want := range map[string]*estimate{
		`[{"Plan": {"Node Type": "Result", "Plan Rows": 1}}]`: {1, 1},
		`[{"Plan": {"Node Type": "Aggregate", "Plan Rows": 10, "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Plan Rows": 1000}]}}]`: {1000, 10},
		`[{"Plan": {"Node Type": "Aggregate", "Plan Rows": 10, "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "InitPlan", "Plan Rows": 7},
			{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Plan Rows": 1000}]}}]`: {1000, 10},
		`[{"Plan": {"Node Type": "Unique", "Plan Rows": 10, "Plans": [{"Node Type": "Sort", "Parent Relationship": "Outer", "Plan Rows": 900,
			"Plans": [{"Node Type": "Aggregate", "Parent Relationship": "Outer", "Plan Rows": 900, "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Plan Rows": 5000}]}]}]}}]`: {900, 10},
		`[{"Plan": {"Node Type": "Aggregate", "Plan Rows": 3}}]`: {3, 3},
		`[]`:            nil,
		`no JSON`:       nil,
		`[{}, {}]`:      nil,
		`[{"Plan": 1}]`: nil,
	} {
		got, err := readEstimate([]byte(plan))
		if (err != nil) != (want == nil) || want != nil && *got != *want {
			t.Errorf("%s: %v, %v", plan, got, err)
		}
	}
}

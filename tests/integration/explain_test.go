package integration

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// explained runs EXPLAIN in one protocol and gives its lines.
func explained(t *testing.T, on *target, sql string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range on.rows(t, sql) {
		b.WriteString(row[0] + "\n")
	}
	return b.String()
}

// TestExplain wants the plan to name the model and its call, and to run nothing.
func TestExplain(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x int4) RETURNS int4", "return x * 2")
		for _, options := range []string{"", "VERBOSE ", "(COSTS OFF) ", "(VERBOSE, COSTS FALSE) "} {
			plan := explained(t, on, fmt.Sprintf("EXPLAIN %sSELECT id, predict('%s', k) FROM item WHERE predict('double', cheap) = 6 AND k > 2 LIMIT 3", options, model))
			for _, word := range []string{"Predict", model, "double", "Limit", "Scan on "} {
				if !strings.Contains(plan, word) {
					t.Errorf("EXPLAIN %swithout %q:\n%s", options, word, plan)
				}
			}
			if strings.Contains(options, "COSTS") == strings.Contains(plan, "cost=") {
				t.Errorf("EXPLAIN %sdoes not heed COSTS:\n%s", options, plan)
			}
			if strings.Contains(options, "COSTS") == (strings.Count(plan, "Estimated Rows: ") == 2) {
				t.Errorf("EXPLAIN %sestimates the rows of both calls only with costs:\n%s", options, plan)
			}
		}
		for _, statement := range []string{
			"SELECT 1 FROM item a JOIN item b ON predict('%s', a.k) = b.id",
			"SELECT id FROM item WHERE predict('%s', k) = 2 AND predict('double', cheap) = 6 ORDER BY predict('double', id) LIMIT 1",
			"DELETE FROM item a USING item b WHERE predict('%s', b.k) = a.id",
		} {
			plan := explained(t, on, fmt.Sprintf("EXPLAIN "+statement, model))
			if strings.Count(plan, "Estimated Rows: ") != strings.Count(plan, "Call: ") {
				t.Errorf("EXPLAIN %s without the estimates of a call:\n%s", statement, plan)
			}
		}
		if got := statsOf(t, on, model); got.Calls != 0 {
			t.Errorf("EXPLAIN asked the model %d times", got.Calls)
		}
	})
}

// TestExplainAnalyze reads the counts of a run from the plan.
func TestExplainAnalyze(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x int4) RETURNS int4", "return x * 2")
		plan := explained(t, on, "EXPLAIN (ANALYZE) SELECT predict('"+model+"', odd) FROM item")
		for name, want := range map[string]string{"Rows": "1000", "Distinct": "5", "Calls": "5"} {
			m := regexp.MustCompile(name + `: (\d+)`).FindStringSubmatch(plan)
			if m == nil || m[1] != want {
				t.Errorf("%s is %v, want %s:\n%s", name, m, want, plan)
			}
		}
		if got := statsOf(t, on, model).Calls; got != 5 {
			t.Errorf("EXPLAIN ANALYZE asked the model %d times, want 5", got)
		}
	})
}

// TestExplainJSON wants FORMAT JSON to be JSON of PostgreSQL's shape with the counts in it, and its column to be json.
func TestExplainJSON(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x int4) RETURNS int4", "return x * 2")
		sql := "EXPLAIN (ANALYZE, FORMAT JSON) SELECT predict('" + model + "', odd) FROM item"
		var plans []struct {
			Plan struct {
				NodeType string `json:"Node Type"`
				Calls    []map[string]any
				Plans    []struct {
					NodeType string `json:"Node Type"`
				}
			}
			ExecutionTime float64 `json:"Execution Time"`
		}
		if err := json.Unmarshal([]byte(explained(t, on, sql)), &plans); err != nil {
			t.Fatal(err)
		}
		if len(plans) != 1 || !strings.Contains(plans[0].Plan.NodeType, "Predict") || len(plans[0].Plan.Plans) != 1 || len(plans[0].Plan.Calls) != 1 {
			t.Fatalf("plan %+v", plans)
		}
		call := plans[0].Plan.Calls[0]
		if call["Model"] != model || call["Rows"] != 1000.0 || call["Distinct Arguments"] != 5.0 || call["Calls"] != 5.0 {
			t.Errorf("call %v", call)
		}
		got := on.open(t).exchange(t, 1, parse("", sql), describe('S', ""), syncing)
		if want := "RowDescription QUERY PLAN:114:len-1:mod-1:text"; len(got) < 3 || got[2] != want {
			t.Errorf("described as %v, want %s", got, want)
		}
	})
}

// TestExplainElsewhere wants EXPLAIN of what is refused to be refused too, and EXPLAIN of plain statements to be PostgreSQL's.
func TestExplainElsewhere(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		refused := s.query(t, "EXPLAIN SELECT sum(predict('double', k)) FROM item")
		if code, line := firstError(refused); code != "0A000" && code != "" {
			t.Errorf("EXPLAIN of an aggregate over predict: %s", line)
		}
		same(t, "EXPLAIN without predict", s.query(t, "EXPLAIN (COSTS OFF) SELECT count(*) FROM item WHERE id = 3"),
			world.direct.open(t).query(t, "EXPLAIN (COSTS OFF) SELECT count(*) FROM item WHERE id = 3"))
		got := s.query(t, "PREPARE p (int) AS SELECT predict('double', $1)")
		got = append(got, s.query(t, "EXPLAIN EXECUTE p (4)")...)
		if code, line := firstError(got); code != "" || !strings.Contains(strings.Join(got, "\n"), "double") {
			t.Errorf("EXPLAIN EXECUTE: %s %v", line, got)
		}
	})
}

package main

import (
	"fmt"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// planned is the statement whose planning is measured: a join with two calls.
const planned = "SELECT a.several, predict('twice', a.few), count(*) FROM asked a JOIN changed c ON a.id = c.id " +
	"WHERE c.few = 3 OR predict('twice', c.several) > 1 GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10"

// plannings is how many times the statement is planned in one round.
const plannings = 500

// planning measures what the proxy does with a statement before it runs, in this process: parsing it and planning it.
// The catalog is in memory, as what a session knows of its server is after the first statement.
func planning(s *settings, r *report) error {
	var parsing, alone, both []float64
	for round := range s.rounds + 1 { // the first one warms up
		var parse, plan time.Duration
		for range plannings {
			started := time.Now()
			script, err := sqlparse.Parse(planned, sqlparse.DefaultLimits())
			if err != nil {
				return err
			}
			parsed := time.Now()
			if len(script.Statements) != 1 || len(script.Statements[0].Calls) != 2 {
				return fmt.Errorf("the statement is not one with two calls: %s", planned)
			}
			st := script.Statements[0]
			if _, err := planner.PlanShip(planner.Request{Text: planned, Span: st.Span, Node: st.Node, Calls: st.Calls}, twiceCatalog{}); err != nil {
				return err
			}
			parse += parsed.Sub(started)
			plan += time.Since(parsed)
		}
		if round > 0 {
			parsing = append(parsing, microseconds(parse)/plannings)
			alone = append(alone, microseconds(plan)/plannings)
			both = append(both, microseconds(parse+plan)/plannings)
		}
	}
	r.add("a join with two calls: parsing", "µs", parsing)
	r.add("a join with two calls: planning", "µs", alone)
	r.atMost("a join with two calls: planning", "µs", median(alone), 300)
	r.atMost("a join with two calls: parsing and planning", "µs", median(both), 300)
	return nil
}

// microseconds is a time as a figure.
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// twiceCatalog knows the model twice, and the functions of the statement planned.
type twiceCatalog struct{}

// Model implements planner.Catalog: every name means the model twice.
func (twiceCatalog) Model(name string, _ int) (*datalayer.ModelVersion, error) {
	return &datalayer.ModelVersion{Name: name, Version: 1, Default: true, Runtime: "starlark", Hash: "02",
		Args: []udf.Arg{{Name: "k", Type: udf.Int4}}, Returns: udf.Int4, Deterministic: true, NullOnNull: true}, nil
}

// FunctionKinds implements planner.Catalog.
func (twiceCatalog) FunctionKinds(names []string) (map[string]sqlparse.FunctionKind, error) {
	kinds := map[string]sqlparse.FunctionKind{}
	for _, n := range names {
		if n == "count" {
			kinds[n] = sqlparse.AggregateFunction
		}
	}
	return kinds, nil
}

// Volatile implements planner.Catalog: no function is.
func (twiceCatalog) Volatile([]string) (map[string]bool, error) { return map[string]bool{}, nil }

// Drawn implements planner.Catalog: there is none.
func (twiceCatalog) Drawn(string, string) ([]planner.VolatileFunction, error) { return nil, nil }

// UserFunctions implements planner.Catalog: no function is.
func (twiceCatalog) UserFunctions([]string) (map[string]bool, error) { return map[string]bool{}, nil }

package session

import (
	"context"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// newShipReport is the report of a plan by demand rounds: an entry for each temporary function.
func newShipReport(plan *planner.Ship, answerer *answer.Answerer) *report {
	r := &report{way: "Predict Rounds", limit: -1}
	for _, f := range plan.Functions {
		k := callReport{Model: f.Model.Name, Version: f.Model.Version, Runtime: f.Model.Runtime, Outputs: answerer.Outputs(f.Model)}
		if len(f.Calls) > 0 {
			k.Call = oneLine(f.Calls[0])
		}
		r.calls = append(r.calls, k)
	}
	return r
}

// analyzeShip runs the rounds of a statement and throws its rows away.
func (c *explainCursor) analyzeShip(ctx context.Context, h *homeSide, run *shipCursor, r *report, began time.Time) error {
	run.thrown = true
	if err := run.run(ctx, h, false); err != nil {
		return err
	}
	r.run, r.took, r.first = true, time.Since(began), run.first.Sub(began)
	if run.first.IsZero() {
		r.first = r.took
	}
	r.rows, r.rounds = run.rows, run.rounds
	for i, f := range run.p.ship.Functions {
		k, s := &r.calls[i], run.stats[f]
		k.Rows, k.Distinct, k.NullSkipped, k.Cached, k.Shared = &s.Rows, &s.Distinct, &s.NullSkipped, &s.Cached, &s.Shared
		k.Calls, k.Batches, k.Millis = &s.Calls, &s.Batches, millis(s.Busy)
	}
	return nil
}

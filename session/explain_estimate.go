package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// estimate is what home's planner makes of a call's arguments: the rows that have some, and the distinct ones among them.
type estimate struct{ rows, distinct int64 }

// estimates asks home's planner about the arguments of the calls of a report, where they are those of the rows of a query
// and home can be asked without harm to what the client has open. Nothing is run for it.
func (c *explainCursor) estimates(ctx context.Context, h *homeSide, r *report) (err error) {
	texts := c.e.inner.argumentTexts()
	if len(texts) == 0 || c.e.costless() || !h.x.InBlock() && (h.x.TxStatus() != 'I' || !h.alone) {
		return nil
	}
	b, err := h.openBlock(ctx, false, false)
	if err != nil {
		return err
	}
	for i, text := range texts {
		var e *estimate
		if e, err = h.estimateDistinct(ctx, b, text, c.e.inner.params(), &c.bound); err != nil {
			break
		}
		if e != nil {
			if !c.e.inner.deterministic(i) {
				e.distinct = e.rows
			}
			r.calls[i].EstimatedRows, r.calls[i].EstimatedCalls = &e.rows, &e.distinct
		}
	}
	return b.close(ctx, h, err)
}

// costless reports whether the client wants no estimates.
func (e *explainStatement) costless() bool {
	for _, o := range e.command.Options {
		switch strings.ToLower(o.Value) {
		case "off", "false", "0":
			if o.Name == "costs" {
				return true
			}
		}
	}
	return false
}

// argumentTexts are statements that read the distinct arguments of calls, by the call's place in a report; where no statement
// reads just these, one that reads those of the tables that they are columns of.
func (p *predictStatement) argumentTexts() map[int]string {
	texts := map[int]string{}
	switch {
	case p.executes != nil:
	case p.ship != nil:
		for _, a := range append(p.ship.Guesses(), p.ship.Ahead...) {
			for i, f := range p.ship.Functions {
				if f == a.Function {
					texts[i] = a.Text
				}
			}
		}
	case p.stream.Tag == "SELECT":
		for i, call := range p.stream.Calls {
			if names := argumentColumns(p.stream, call); len(names) > 0 {
				texts[i] = "SELECT DISTINCT " + strings.Join(names, ", ") + " FROM (" + p.stream.Home + "\n) AS pinnacle_source"
			}
		}
	}
	return texts
}

// deterministic reports whether the model of a report's call is.
func (p *predictStatement) deterministic(call int) bool {
	if p.ship != nil {
		return p.ship.Functions[call].Model.Deterministic
	}
	return p.stream.Calls[call].Model.Deterministic
}

// argumentColumns are the columns of home's statement that hold the arguments of a call; none where they are no such columns,
// or have a type that home cannot compare.
func argumentColumns(plan *planner.Stream, call *planner.Call) []string {
	var names []string
	for i, id := range call.Args {
		if _, computed := id.Computed(); computed || call.Model.Args[i].Type == udf.JSON {
			return nil
		}
		names = append(names, plan.Hidden[id].Name)
	}
	return names
}

// estimateDistinct asks home's planner about one such statement; nil where it refuses it. Nothing of it is left,
// nor of the setting without which the rows of a plan would be those of one of several processes.
func (h *homeSide) estimateDistinct(ctx context.Context, b *block, text string, params []uint32, bound *pgproto3.Bind) (*estimate, error) {
	out, err := h.planOf(ctx, b, "SET LOCAL max_parallel_workers_per_gather = 0", text, params, bound)
	if out == nil || err != nil {
		return nil, err
	}
	return readEstimate(out)
}

// estimateCost gives what home's planner thinks that a statement with temporary functions costs, in its own unit; 0 where it
// refuses it.
func (h *homeSide) estimateCost(ctx context.Context, b *block, text string, params []uint32, bound *pgproto3.Bind) (float64, error) {
	h.x.OnNotice(isAsking) // functions of constants are called while it plans
	out, err := h.planOf(ctx, b, ship.Noting(0, 0), text, params, bound)
	h.x.OnNotice(nil)
	if out == nil || err != nil {
		return 0, err
	}
	top, err := readPlan(out)
	if err != nil {
		return 0, err
	}
	return top.Cost, nil
}

// planOf has home plan a statement, after another of the proxy's own, and undoes both; nil where home refuses it.
func (h *homeSide) planOf(ctx context.Context, b *block, before, text string, params []uint32, bound *pgproto3.Bind) ([]byte, error) {
	h.queue("SAVEPOINT "+roundSavepoint, before)
	err := h.ask(
		&pgproto3.Close{ObjectType: 'S', Name: aheadName},
		&pgproto3.Parse{Name: aheadName, Query: "EXPLAIN (FORMAT JSON) " + text, ParameterOIDs: params},
		&pgproto3.Bind{DestinationPortal: aheadName, PreparedStatement: aheadName, ParameterFormatCodes: bound.ParameterFormatCodes, Parameters: bound.Parameters},
		&pgproto3.Execute{Portal: aheadName},
	)
	if err != nil {
		return nil, err
	}
	if err := h.did(ctx, 2); err != nil {
		return nil, unpositioned(err)
	}
	out, err := h.explained(ctx)
	if sqlState(err) != "" && ctx.Err() == nil {
		return nil, b.undo(ctx, h, true)
	}
	if err != nil {
		return nil, err
	}
	h.x.Send(&pgproto3.Close{ObjectType: 'P', Name: aheadName}, &pgproto3.Close{ObjectType: 'S', Name: aheadName})
	if err := h.ask(); err != nil {
		return nil, err
	}
	if err := h.expect(ctx, "33", nil); err != nil {
		return nil, err
	}
	return out, b.undo(ctx, h, false)
}

// explained reads the answer of home to a statement EXPLAIN (FORMAT JSON).
func (h *homeSide) explained(ctx context.Context) ([]byte, error) {
	if err := h.expect(ctx, "312", nil); err != nil {
		return nil, err
	}
	var out []byte
	for {
		values, status, err := h.next(ctx)
		if err != nil || status != stream.Row {
			return out, err
		}
		out = append(append(out, values[0]...), '\n')
	}
}

// planNode is what is read of a node of home's plan.
type planNode struct {
	Type   string     `json:"Node Type"`
	Parent string     `json:"Parent Relationship"`
	Rows   float64    `json:"Plan Rows"`
	Cost   float64    `json:"Total Cost"`
	Plans  []planNode `json:"Plans"`
}

// source is the node that a node takes its rows from; nil where there is none.
func (n *planNode) source() *planNode {
	for i := range n.Plans {
		if n.Plans[i].Parent == "Outer" {
			return &n.Plans[i]
		}
	}
	return nil
}

// readEstimate finds the estimates in the plan of a SELECT DISTINCT: the rows of its top, and of what that takes them from.
func readEstimate(out []byte) (*estimate, error) {
	top, err := readPlan(out)
	if err != nil {
		return nil, err
	}
	e := &estimate{rows: int64(top.Rows), distinct: int64(top.Rows)}
	passes := func(n *planNode) bool {
		return n == top && n.Type == "Aggregate" || n.Type == "Unique" || strings.HasSuffix(n.Type, "Sort")
	}
	for node := top; node != nil && passes(node); {
		if node = node.source(); node != nil {
			e.rows = max(e.rows, int64(node.Rows))
		}
	}
	return e, nil
}

// readPlan reads the plan of one statement.
func readPlan(out []byte) (*planNode, error) {
	var plans []struct {
		Plan planNode `json:"Plan"`
	}
	if err := json.Unmarshal(out, &plans); err != nil || len(plans) != 1 {
		return nil, fmt.Errorf("home's EXPLAIN (FORMAT JSON) has %d plans: %w", len(plans), err)
	}
	return &plans[0].Plan, nil
}

package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// explainStatement is EXPLAIN of a statement with predict. Home explains the statement that it is given; with ANALYZE
// the whole is run, its rows are thrown away, and what was done with the models is told. Home's part is then shown
// with its estimates: running it a second time for its own ANALYZE could have effects twice.
type explainStatement struct {
	s       *session
	inner   *predictStatement
	command *sqlparse.Explain
	head    string
	name    string
	// indexes are the vector indexes that are searched, and where they lie.
	indexes []string
}

// innerName is the name on home of the statement that is explained.
const innerName = "pinnacle_explained"

// explain makes the statement.
func (s *session) explain(script *sqlparse.Script, st *sqlparse.Statement, c *sqlparse.Explain) (statement, error) {
	e := &explainStatement{s: s, command: c}
	if c.Format != "text" && c.Format != "json" {
		return nil, &sqlparse.Error{Code: "0A000", Message: fmt.Sprintf("EXPLAIN of predict is not supported in format %s", strings.ToUpper(c.Format)), Position: st.Span.Start,
			Hint: "Use FORMAT TEXT or FORMAT JSON."}
	}
	switch p := s.executed(c.InnerNode); {
	case p != nil:
		e.inner = &predictStatement{s: s, text: script.Text, span: c.Inner, executes: p}
	case s.madeBy(c.InnerNode):
		made, err := s.making(script, c.Inner, c.InnerNode)
		if err != nil {
			return nil, err
		}
		e.inner = made
	default:
		e.inner = s.predict(script.Text, c.Inner, c.InnerNode, st.Calls)
	}
	e.head = "EXPLAIN (" + homeOptions(c) + ") "
	return e, nil
}

// homeOptions are the options for home's own EXPLAIN: the client's, but for those that need ANALYZE.
func homeOptions(c *sqlparse.Explain) string {
	opts := []string{"FORMAT " + c.Format}
	for _, o := range c.Options {
		switch o.Name {
		case "analyze", "format", "timing", "buffers", "wal", "summary", "serialize", "generic_plan":
		default:
			opts = append(opts, strings.TrimSpace(o.Name+" "+o.Value))
		}
	}
	return strings.Join(opts, ", ")
}

func (e *explainStatement) plan() string     { return "explain" }
func (e *explainStatement) params() []uint32 { return e.inner.params() }

func (e *explainStatement) fields() []pgproto3.FieldDescription {
	oid := udf.Text.OID()
	if e.command.Format == "json" {
		oid = udf.JSON.OID()
	}
	return []pgproto3.FieldDescription{textField("QUERY PLAN", oid)}
}

// prepare implements statement.
func (e *explainStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	if err := h.closeStatement(ctx, innerName); err != nil {
		return err
	}
	if err := e.inner.prepare(ctx, h, innerName, declared); err != nil {
		return err
	}
	e.name = name
	return nil
}

func (e *explainStatement) renew(ctx context.Context, h *homeSide) error {
	return e.prepare(ctx, h, e.name, e.inner.params())
}

func (e *explainStatement) drop(ctx context.Context, h *homeSide) error {
	return h.closeStatement(ctx, innerName)
}

// bind implements statement.
func (e *explainStatement) bind(_ context.Context, _ *homeSide, b *pgproto3.Bind) (cursor, error) {
	fields, _, err := withFormats(e.fields(), b.ResultFormatCodes)
	if err != nil {
		return nil, err
	}
	return &explainCursor{e: e, described: fields, bound: *b}, nil
}

// explainCursor is a portal over an explainStatement.
type explainCursor struct {
	e         *explainStatement
	described []pgproto3.FieldDescription
	bound     pgproto3.Bind
}

func (c *explainCursor) fields() []pgproto3.FieldDescription { return c.described }
func (c *explainCursor) onHome() bool                        { return false }
func (c *explainCursor) close()                              {}
func (c *explainCursor) plan() string                        { return "explain" }

// execute implements cursor.
func (c *explainCursor) execute(ctx context.Context, h *homeSide, _ int64) (string, error) {
	var home []string
	explain := func() (err error) {
		home, err = c.homePlan(ctx, h)
		return err
	}
	err := error(nil)
	if c.e.inner.ship != nil && c.e.inner.bare == nil {
		err = h.noting(ctx, explain)
	} else {
		err = explain()
	}
	if err != nil {
		return "", c.e.inner.shown(unpositioned(err))
	}
	report := newReport(c.e.inner)
	report.indexes = c.e.indexes
	if err := c.estimates(ctx, h, report); err != nil {
		return "", err
	}
	if c.e.command.Analyze {
		if err := c.analyze(ctx, h, report); err != nil {
			return "", err
		}
	}
	var lines []string
	if c.e.command.Format == "json" {
		text, err := report.json(strings.Join(home, "\n"))
		if err != nil {
			return "", err
		}
		lines = []string{text}
	} else {
		lines = report.text(home)
	}
	sink := clientSink{h.x}
	for _, l := range lines {
		if err := sink.Row([][]byte{[]byte(l)}); err != nil {
			return "", err
		}
	}
	if err := h.closeStatement(ctx, innerName); err != nil {
		return "", err
	}
	return "EXPLAIN", nil
}

// homePlan is home's EXPLAIN of its part, line by line.
func (c *explainCursor) homePlan(ctx context.Context, h *homeSide) ([]string, error) {
	text, types, bound := c.e.inner.homeText(), c.e.inner.params(), c.bound
	if bare := c.e.inner.bare; bare != nil {
		types, bound = bare.types, bare.bind(c.bound, nil)
	}
	var lines []string
	err := h.ask(
		&pgproto3.Close{ObjectType: 'S', Name: ownName},
		&pgproto3.Parse{Name: ownName, Query: c.e.head + text, ParameterOIDs: types},
		&pgproto3.Bind{DestinationPortal: ownName, PreparedStatement: ownName, ParameterFormatCodes: bound.ParameterFormatCodes, Parameters: bound.Parameters},
		&pgproto3.Execute{Portal: ownName},
		&pgproto3.Close{ObjectType: 'P', Name: ownName},
		&pgproto3.Close{ObjectType: 'S', Name: ownName},
	)
	if err != nil {
		return nil, err
	}
	if err := h.expect(ctx, "312", nil); err != nil {
		return nil, err
	}
	for {
		values, status, err := h.next(ctx)
		if err != nil {
			return nil, err
		}
		if status != stream.Row {
			return lines, h.expect(ctx, "33", nil)
		}
		line := string(values[0])
		if c.e.inner.ship != nil {
			line = spelt(line, c.e.inner.ship)
		}
		lines = append(lines, line)
	}
}

// homeText is what home runs.
func (p *predictStatement) homeText() string {
	switch {
	case p.makes != "":
		return p.makes
	case p.executes != nil:
		return p.span.Of(p.text)
	case p.ship != nil:
		return p.ship.Home
	}
	return p.stream.Home
}

// shown gives an error of home about a rewritten statement in the client's words.
func (p *predictStatement) shown(err error) error {
	if p.ship == nil {
		return err
	}
	return renamed(err, p.ship)
}

// analyze runs the statement and throws its rows away.
func (c *explainCursor) analyze(ctx context.Context, h *homeSide, r *report) error {
	began := time.Now()
	b := c.bound
	b.DestinationPortal, b.PreparedStatement, b.ResultFormatCodes = innerName, innerName, nil
	inner, err := c.e.inner.bind(ctx, h, &b)
	if err != nil {
		return err
	}
	defer inner.close()
	run, streams := inner.(*predictCursor)
	if !streams {
		if err := c.analyzeShip(ctx, h, inner.(*shipCursor), r, began); err != nil {
			return err
		}
		return h.closePortal(ctx, innerName)
	}
	first := &firstRow{began: began}
	if _, err := run.emit(ctx, h, 0, first); err != nil {
		return err
	}
	r.analyzed(run, time.Since(began), first.after)
	return h.closePortal(ctx, innerName)
}

// firstRow is a sink that keeps no rows and notes when the first came.
type firstRow struct {
	began time.Time
	after time.Duration
}

// Row implements stream.Sink.
func (f *firstRow) Row([][]byte) error {
	if f.after == 0 {
		f.after = time.Since(f.began)
	}
	return nil
}

// Flush implements stream.Sink.
func (f *firstRow) Flush() error { return nil }

// report is what EXPLAIN tells of a plan.
type report struct {
	// way is the strategy, filters and limit what a stream does itself; limit is -1 for none.
	way     string
	filters []string
	limit   int64
	calls   []callReport
	// indexes are the vector indexes that are searched.
	indexes []string
	run     bool
	// rounds is the number of times that home ran the statement, for demand rounds.
	rounds int
	// rows are those that the client would have got, homeRows those that home gave.
	rows, homeRows int64
	took, first    time.Duration
}

// callReport is what EXPLAIN tells of one call; the counts only with ANALYZE, the estimates where home was asked.
type callReport struct {
	Model   string `json:"Model"`
	Version int    `json:"Version"`
	Runtime string `json:"Runtime"`
	Call    string `json:"Call"`
	// Outputs are the listeners whose outputs are looked at before the model is asked.
	Outputs []string `json:"Outputs,omitempty"`

	EstimatedRows  *int64 `json:"Estimated Rows,omitempty"`
	EstimatedCalls *int64 `json:"Estimated Calls,omitempty"`

	Rows        *int64  `json:"Rows,omitempty"`
	Distinct    *int64  `json:"Distinct Arguments,omitempty"`
	NullSkipped *int64  `json:"NULL Skipped,omitempty"`
	Cached      *int64  `json:"Cached,omitempty"`
	Shared      *int64  `json:"Shared,omitempty"`
	Calls       *int64  `json:"Calls,omitempty"`
	Batches     *int64  `json:"Batches,omitempty"`
	Millis      float64 `json:"Model Time,omitempty"`
}

func newReport(p *predictStatement) *report {
	if p.ship != nil {
		return newShipReport(p.ship, p.s.cfg.Answerer)
	}
	plan := p.stream
	r := &report{way: "Predict Stream", filters: plan.FilterTexts, limit: -1}
	if plan.Limited {
		r.limit = plan.Limit
	}
	for _, c := range plan.Calls {
		r.calls = append(r.calls, callReport{Model: c.Model.Name, Version: c.Model.Version, Runtime: c.Model.Runtime, Call: oneLine(c.Text), Outputs: p.s.cfg.Answerer.Outputs(c.Model)})
	}
	return r
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (r *report) analyzed(c *predictCursor, took, first time.Duration) {
	r.run, r.took, r.first = true, took, first
	r.rows, r.homeRows = c.run.Rows, c.run.HomeRows
	for i, s := range c.run.Stats() {
		k := &r.calls[i]
		k.Rows, k.Distinct, k.NullSkipped, k.Cached, k.Shared = &s.Rows, &s.Distinct, &s.NullSkipped, &s.Cached, &s.Shared
		k.Calls, k.Batches, k.Millis = &s.Calls, &s.Batches, millis(s.Busy)
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// text prints the report in the manner of PostgreSQL's own.
func (r *report) text(home []string) []string {
	head := r.way
	switch {
	case r.run && r.rounds > 0:
		head += fmt.Sprintf("  (actual rows=%d rounds=%d)", r.rows, r.rounds)
	case r.run:
		head += fmt.Sprintf("  (actual rows=%d home rows=%d)", r.rows, r.homeRows)
	}
	lines := []string{head}
	for _, c := range r.calls {
		lines = append(lines, fmt.Sprintf("  Model: %s@%d (%s)", c.Model, c.Version, c.Runtime), "    Call: "+c.Call)
		if len(c.Outputs) > 0 {
			lines = append(lines, "    Outputs: "+strings.Join(c.Outputs, ", "))
		}
		if c.Rows != nil {
			lines = append(lines, fmt.Sprintf("    Rows: %d  Distinct: %d  NULL Skipped: %d  Cached: %d  Shared: %d  Calls: %d  Batches: %d  Model Time: %.3f ms",
				*c.Rows, *c.Distinct, *c.NullSkipped, *c.Cached, *c.Shared, *c.Calls, *c.Batches, c.Millis))
		}
		if c.EstimatedRows != nil {
			lines = append(lines, fmt.Sprintf("    Estimated Rows: %d  Estimated Calls: %d", *c.EstimatedRows, *c.EstimatedCalls))
		}
	}
	for _, x := range r.indexes {
		lines = append(lines, "  Vector Index: "+x)
	}
	for _, f := range r.filters {
		lines = append(lines, "  Filter: "+oneLine(f))
	}
	if r.limit >= 0 {
		lines = append(lines, fmt.Sprintf("  Limit: %d", r.limit))
	}
	for i, l := range home {
		if i == 0 {
			lines = append(lines, "  ->  "+l)
			continue
		}
		lines = append(lines, "      "+l)
	}
	if r.run {
		lines = append(lines, fmt.Sprintf("First Row Time: %.3f ms", millis(r.first)), fmt.Sprintf("Execution Time: %.3f ms", millis(r.took)))
	}
	return lines
}

// json prints the report around home's own JSON.
func (r *report) json(home string) (string, error) {
	var plans []struct {
		Plan json.RawMessage `json:"Plan"`
	}
	if err := json.Unmarshal([]byte(home), &plans); err != nil || len(plans) != 1 {
		return "", fmt.Errorf("home's EXPLAIN (FORMAT JSON) has %d plans: %w", len(plans), err)
	}
	node := map[string]any{"Node Type": r.way, "Calls": r.calls, "Plans": []json.RawMessage{plans[0].Plan}}
	if len(r.filters) > 0 {
		node["Filter"] = r.filters
	}
	if len(r.indexes) > 0 {
		node["Vector Indexes"] = r.indexes
	}
	switch {
	case r.run && r.rounds > 0:
		node["Actual Rows"], node["Rounds"] = r.rows, r.rounds
	case r.run:
		node["Actual Rows"], node["Home Rows"] = r.rows, r.homeRows
	}
	top := map[string]any{"Plan": node}
	if r.run {
		top["First Row Time"], top["Execution Time"] = millis(r.first), millis(r.took)
	}
	out, err := json.MarshalIndent([]any{top}, "", "  ")
	return string(out), err
}

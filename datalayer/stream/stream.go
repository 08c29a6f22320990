// Package stream runs planner.Stream plans: the rows of home's statement pass through in batches; a batch's distinct
// arguments go to the model once, conditions and expressions around the answers go back to home for the whole batch.
// Memory is bounded by the batches in flight and the memo of distinct arguments, whatever the size of the result.
package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Status says what Home.Next found.
type Status uint8

// What Next finds: a row; the end of the rows that Fetch asked for, with more behind; the end of all rows.
const (
	Row Status = iota
	Paused
	End
)

// Home is home's side of one running statement. Its answers come in the order of its questions: rows that were asked
// for by Fetch are read to their end before Eval is called.
type Home interface {
	// Fetch asks for the next n rows, or with 0 for all that are left, and does not wait.
	Fetch(n int) error
	// Next gives the next of the rows asked for. The values are valid until the next call; nil is NULL.
	Next(ctx context.Context) ([][]byte, Status, error)
	// Eval runs a query that depends on its parameters alone and gives its rows to each.
	Eval(ctx context.Context, q Query, each func(values [][]byte) error) error
}

// Query is a statement with binary parameters of given types.
type Query struct {
	Text string
	// Types are the parameters' pg_type OIDs, Params their values in binary form.
	Types  []uint32
	Params [][]byte
	// Formats are the format codes of the result's columns.
	Formats []int16
}

// Sink takes the rows of the client's result.
type Sink interface {
	// Row takes one row; the values are valid during the call, nil is NULL.
	Row(values [][]byte) error
	// Flush hands what was taken to the client.
	Flush() error
}

// Field is a column of home's RowDescription.
type Field struct {
	Name string
	OID  uint32
	// Array is the OID of the type's array, for pieces of expressions. Where there is none it is 0, and Type is the
	// type's name.
	Array uint32
	Type  string
}

// Limits bound what a statement may hold in memory.
type Limits struct {
	// BatchRows is the largest number of rows of a batch, BatchBytes the size that it should not pass. Where home's rows
	// are asked for in pages of a number of rows, that number follows the size of the rows before; a page that is 64
	// times as large all the same fails the statement.
	BatchRows, BatchBytes int
	// MemoBytes bounds the distinct arguments and answers that are remembered, per call of the statement. Past it they
	// are forgotten, and arguments that come again are asked again.
	MemoBytes int
	// Ahead is the number of batches that are with the model while the next is read.
	Ahead int
}

// DefaultLimits are the limits where none are set.
func DefaultLimits() Limits {
	return Limits{BatchRows: 8192, BatchBytes: 4 << 20, MemoBytes: 256 << 20, Ahead: 2}
}

// firstBatch is the number of rows of the first batch; it doubles from batch to batch up to BatchRows, so that first
// rows come soon and a LIMIT behind a condition asks for few.
const firstBatch = 16

// Config is what a Run is made of.
type Config struct {
	Plan *planner.Stream
	// Fields describe home's rows: the client's columns and the hidden ones.
	Fields []Field
	// Formats are the formats in which the client wants its columns; home's rows have them in these already.
	Formats []int16
	// Models answer Plan.Calls, through Answers. nil Answers ask the models alone.
	Models  []Model
	Answers *answer.Answerer
	// Settings are the session's; a statement's Budget is nil for none.
	Settings answer.Settings
	Budget   *answer.Budget
	Limits   Limits
	// Memory has the answers of runs of the same plan before, which this one takes; nil for none.
	Memory *Memory
}

// Memory keeps the distinct arguments and answers of a run for the next one of the same plan. The zero Memory has none.
type Memory struct{ memos []*memo }

// rememberedPart is the part of Limits.MemoBytes that a Memory may hold of each call: one of so many.
const rememberedPart = 16

// Remember gives the answers of a run that has ended well to m. What a model could not answer is not remembered, nor are calls
// with too many answers.
func (r *Run) Remember(m *Memory) {
	m.memos = make([]*memo, len(r.calls))
	for i, c := range r.calls {
		if c.failed == 0 && c.memo.size() <= r.cfg.Limits.MemoBytes/rememberedPart {
			m.memos[i] = c.memo
		}
	}
}

// Run is one execution of a plan. It is used by one goroutine.
type Run struct {
	cfg     Config
	plan    *planner.Stream
	layout  layout
	calls   []*callState
	evals   map[*planner.Eval]*evalState
	home    Home
	answers *answer.Answerer

	size    int // rows of the next batch
	asked   bool
	ended   bool // home has no more rows
	done    bool // the client's result is complete
	offset  int64
	limit   int64
	bounded bool // limit, offset, digits and collations are known
	digits  int  // extra_float_digits
	// collations are those other than the default, by column, as SQL names them; "" for one that cannot be told.
	collations map[planner.ColumnID]string
	queue      []*batch
	weighed    bool     // the budget was held against the first rows
	ahead      []*batch // read for that, and not begun yet
	ready      *batch   // being emitted
	spare      *batch   // emitted, its memory free
	failed     error    // of an Emit before
	scratch    []byte
	values     [][]byte
	// HomeRows counts the rows that home gave, Rows those that the client got.
	HomeRows, Rows int64
}

// HomeFormats gives the formats to ask home's columns in: the client's own for its columns, and for hidden ones what
// arguments and expressions are read from.
func HomeFormats(plan *planner.Stream, fields []Field, client []int16) []int16 {
	visible := len(fields) - len(plan.Hidden)
	formats := make([]int16, len(fields))
	for i := range fields {
		switch {
		case i < visible && i < len(client):
			formats[i] = client[i]
		case i >= visible && plan.Hidden[i-visible].Kind == planner.ArgColumn:
			formats[i] = pgvalue.ArgFormat(fields[i].OID)
		case i >= visible && plan.Hidden[i-visible].Kind == planner.LeafColumn && fields[i].Array == 0:
			formats[i] = pgvalue.TextFormat
		case i >= visible:
			formats[i] = pgvalue.BinaryFormat
		}
	}
	return formats
}

// NewRun prepares an execution over home's rows.
func NewRun(cfg Config, home Home) (*Run, error) {
	r := &Run{cfg: cfg, plan: cfg.Plan, home: home, answers: cfg.Answers, size: min(firstBatch, cfg.Limits.BatchRows), evals: map[*planner.Eval]*evalState{}}
	r.limit, r.offset, r.digits = cfg.Plan.Limit, cfg.Plan.Offset, 1
	if r.answers == nil {
		r.answers = answer.New(answer.Config{})
	}
	var err error
	if r.layout, err = newLayout(cfg); err != nil {
		return nil, err
	}
	for i, c := range cfg.Plan.Calls {
		s, err := r.newCallState(c, cfg.Models[i])
		if err != nil {
			return nil, err
		}
		if cfg.Memory != nil && i < len(cfg.Memory.memos) && cfg.Memory.memos[i] != nil {
			s.memo = cfg.Memory.memos[i]
		}
		r.calls = append(r.calls, s)
	}
	if cfg.Memory != nil { // a run that fails leaves arguments without answers
		cfg.Memory.memos = nil
	}
	r.done = r.plan.Limited && r.limit == 0
	r.values = make([][]byte, r.layout.visible)
	r.scratch = make([]byte, 0, 64) // not nil: an empty value of it is not NULL
	return r, nil
}

// layout says where in home's rows things are.
type layout struct {
	// visible is the number of the client's columns; hidden ones follow.
	visible int
	// outputs gives, by the client's column, the output that fills it; nil for home's own.
	outputs []*planner.Output
	// limit, offset, digits and collations are places in home's rows, -1 for none.
	limit, offset, digits, collations int
}

func newLayout(cfg Config) (layout, error) {
	l := layout{visible: len(cfg.Fields) - len(cfg.Plan.Hidden), limit: -1, offset: -1, digits: -1, collations: -1}
	if l.visible < 0 {
		return l, fmt.Errorf("home gives %d columns where %d are hidden ones", len(cfg.Fields), len(cfg.Plan.Hidden))
	}
	l.outputs = make([]*planner.Output, l.visible)
	found := 0
	for i := range l.visible {
		for j := range cfg.Plan.Outputs {
			if cfg.Fields[i].Name == cfg.Plan.Outputs[j].HomeName {
				l.outputs[i] = &cfg.Plan.Outputs[j]
				found++
			}
		}
	}
	if found != len(cfg.Plan.Outputs) {
		return l, fmt.Errorf("home gives %d of %d place holders", found, len(cfg.Plan.Outputs))
	}
	for i, h := range cfg.Plan.Hidden {
		switch h.Kind {
		case planner.LimitColumn:
			l.limit = l.visible + i
		case planner.OffsetColumn:
			l.offset = l.visible + i
		case planner.FloatDigitsColumn:
			l.digits = l.visible + i
		case planner.CollationsColumn:
			l.collations = l.visible + i
		}
	}
	return l, nil
}

// hasEval reports whether any step goes back to home.
func hasEval(steps []planner.Step) bool {
	for _, s := range steps {
		if s.Eval != nil {
			return true
		}
	}
	return false
}

// paged reports whether home's rows are asked for in pieces: where home is asked other things between, or where not
// all rows may be needed.
func (r *Run) paged(limit int64) bool {
	return limit > 0 || (r.plan.Limited && (r.limit >= 0 || r.layout.limit >= 0)) || hasEval(r.plan.Filters) || hasEval(r.plan.Finals)
}

// Stats gives what was done with the model of each call.
func (r *Run) Stats() []datalayer.CallStats {
	stats := make([]datalayer.CallStats, len(r.calls))
	for i, c := range r.calls {
		stats[i] = c.stats
	}
	return stats
}

// Failed counts the distinct arguments whose answers are NULL because a model could not give them (answer.Null).
func (r *Run) Failed() int64 {
	var n int64
	for _, c := range r.calls {
		n += c.failed
	}
	return n
}

// Emit gives up to limit rows, or with 0 all, to sink. It reports whether there may be more. After an error the run is
// over: it is given again. No call of a model outlives Emit.
func (r *Run) Emit(ctx context.Context, limit int64, sink Sink) (more bool, rows int64, err error) {
	if r.failed != nil {
		return false, 0, r.failed
	}
	ctx, stop := context.WithCancel(ctx)
	r.failed = errPanicked
	defer func() {
		if r.failed != nil { // what is under way is of no use
			stop()
		}
		r.settle()
		stop()
	}()
	more, rows, r.failed = r.give(ctx, limit, sink)
	return more, rows, r.failed
}

// errPanicked is what a run ends with that was left by a panic.
var errPanicked = errors.New("the run was left by a panic")

// give is Emit without its ends.
func (r *Run) give(ctx context.Context, limit int64, sink Sink) (more bool, rows int64, err error) {
	paged := r.paged(limit)
	for {
		if r.ready == nil && r.done {
			return false, rows, sink.Flush()
		}
		for r.ready != nil {
			full, err := r.emit(limit, &rows, sink)
			if err != nil {
				return false, rows, err
			}
			if full {
				return true, rows, sink.Flush()
			}
		}
		if err := r.advance(ctx, paged, limit, sink); err != nil {
			return false, rows, err
		}
	}
}

// settle waits for the model calls that are under way, so that none outlives the run.
func (r *Run) settle() {
	for _, b := range r.queue {
		b.wait()
	}
}

// advance makes the next batch ready, reading ahead as far as it may.
func (r *Run) advance(ctx context.Context, paged bool, limit int64, sink Sink) error {
	ahead := 1
	if !paged {
		ahead = 1 + r.cfg.Limits.Ahead
	}
	if err := r.weigh(ctx, paged, limit); err != nil {
		return err
	}
	for len(r.queue) < ahead && (!r.ended || len(r.ahead) > 0) && !r.done {
		if len(r.queue) > 0 && r.queue[0].finished() {
			break
		}
		b, err := r.next(ctx, paged, limit)
		if err != nil {
			return err
		}
		r.queue = append(r.queue, b)
		if err := r.start(ctx, b); err != nil {
			return err
		}
	}
	if len(r.queue) == 0 {
		r.done = true
		return nil
	}
	b := r.queue[0] // until it is finished, so that settle waits for it
	if err := r.finish(ctx, b); err != nil {
		return err
	}
	r.queue = r.queue[1:]
	r.shrink(b.bytes(), b.rows)
	b.at = 0
	r.ready = b
	return nil
}

// emit gives rows of the ready batch to sink. It reports whether limit is reached with rows left over.
func (r *Run) emit(limit int64, rows *int64, sink Sink) (bool, error) {
	b := r.ready
	for ; b.at < len(b.keep); b.at++ {
		if limit > 0 && *rows == limit {
			return true, nil
		}
		if err := r.emitRow(b, int(b.keep[b.at]), sink); err != nil {
			return false, err
		}
		*rows++
		r.Rows++
	}
	r.ready = nil
	r.recycle(b)
	if limit > 0 && *rows == limit { // there may be no more, as in PostgreSQL
		return true, nil
	}
	return false, sink.Flush()
}

// emitRow puts one row together: home's values, and in the place of its place holders the answers.
func (r *Run) emitRow(b *batch, row int, sink Sink) error {
	r.scratch = r.scratch[:0]
	for i, out := range r.layout.outputs {
		if out == nil {
			r.values[i] = b.cell(row, i)
			continue
		}
		v, err := r.outputValue(b, row, out.Col, r.format(i))
		if err != nil {
			return err
		}
		r.values[i] = v
	}
	return sink.Row(r.values)
}

func (r *Run) format(column int) int16 {
	if column < len(r.cfg.Formats) {
		return r.cfg.Formats[column]
	}
	return pgvalue.TextFormat
}

// outputValue gives a computed value in the client's format.
func (r *Run) outputValue(b *batch, row int, col planner.ColumnID, format int16) ([]byte, error) {
	i, _ := col.Computed()
	c := &b.computed[i]
	if c.call == nil {
		return c.value(row), nil
	}
	answers, at, ok := c.answer(row)
	if !ok || answers.Null(at) {
		return nil, nil
	}
	start := len(r.scratch)
	var err error
	if format == pgvalue.TextFormat {
		r.scratch, err = pgvalue.AppendText(r.scratch, answers, at, r.digits)
	} else {
		r.scratch, err = pgvalue.Append(r.scratch, answers, at, format)
	}
	if err != nil {
		return nil, answerError(c.call, err)
	}
	return r.scratch[start:len(r.scratch):len(r.scratch)], nil
}

// answerError tells of an answer that does not fit the declared type.
func answerError(c *callState, err error) error {
	e := &datalayer.Error{Code: "22000", Message: fmt.Sprintf("model %q gave an answer that is no %s", c.call.Model.Name, c.call.Model.Returns), Detail: err.Error(), Err: err}
	if coded, ok := err.(*udf.Error); ok {
		e.Code = coded.Code
	}
	return e
}

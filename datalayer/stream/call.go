package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// callState is what a run keeps of one call.
type callState struct {
	call  *planner.Call
	model Model
	memo  *memo
	stats datalayer.CallStats
	// last is the call that was begun last: answers are gathered in the order in which they were asked for.
	last *pendingCall
	key  []byte
	args []argSource
}

// argSource says where an argument comes from: a column of home or of an Eval by its decoder, or another call.
type argSource struct {
	column  int // of home's rows, -1 for a computed one
	out     int // among the computed columns
	inner   bool
	decoder pgvalue.Decoder
	ready   bool
}

// pendingCall is a batch's fresh arguments on their way through the model.
type pendingCall struct {
	state   *callState
	memo    *memo
	before  *pendingCall
	args    []udf.Column
	rows    int
	answers []udf.Column
	busy    time.Duration
	batches int64
	err     error
	done    chan struct{}
	taken   bool
}

func (r *Run) newCallState(c *planner.Call, model Model) (*callState, error) {
	s := &callState{call: c, model: model, memo: newMemo(c.Model.Returns)}
	for i, id := range c.Args {
		src := argSource{column: -1}
		if out, computed := id.Computed(); computed {
			src.out = out
		} else {
			src.column = r.layout.visible + int(id)
			d, err := pgvalue.NewDecoder(r.cfg.Fields[src.column].OID, c.Model.Args[i].Type)
			if err != nil {
				return nil, err
			}
			src.decoder, src.ready = d, true
		}
		s.args = append(s.args, src)
	}
	return s, nil
}

// stateOf finds the state of a plan's call.
func (r *Run) stateOf(c *planner.Call) *callState {
	for _, s := range r.calls {
		if s.call == c {
			return s
		}
	}
	return nil
}

// predict answers a call for the kept rows of a batch.
func (r *Run) predict(ctx context.Context, b *batch, c *planner.Call) error {
	p := b.started
	if p == nil || p.state.call != c {
		var err error
		if p, err = r.begin(ctx, b, c); err != nil {
			return err
		}
	} else {
		b.started = nil
	}
	<-p.done
	return p.take()
}

// begin finds the distinct arguments of the kept rows that have no answer yet and sends them to the model, beside the
// caller.
func (r *Run) begin(ctx context.Context, b *batch, c *planner.Call) (*pendingCall, error) {
	s := r.stateOf(c)
	if s.memo.size() > r.cfg.Limits.MemoBytes {
		s.memo = newMemo(c.Model.Returns)
	}
	p := &pendingCall{state: s, memo: s.memo, before: s.last, done: make(chan struct{})}
	out, _ := c.Out.Computed()
	col := &b.computed[out]
	col.call, col.memo = s, s.memo
	if cap(col.entries) < b.rows {
		col.entries = make([]int32, b.rows)
	}
	col.entries = col.entries[:b.rows]
	p.args = make([]udf.Column, len(c.Args))
	for i := range p.args {
		p.args[i].Type = c.Model.Args[i].Type
	}
	for _, row := range b.keep {
		if err := s.ask(b, int(row), col, p); err != nil {
			close(p.done)
			return p, err
		}
	}
	s.last = p
	if p.rows == 0 {
		close(p.done)
		return p, nil
	}
	s.stats.Calls += int64(p.rows)
	go p.run(ctx)
	return p, nil
}

// ask finds a row's arguments among those known, or adds them to the fresh ones.
func (s *callState) ask(b *batch, row int, col *computed, p *pendingCall) error {
	s.stats.Rows++
	key := s.key[:0]
	null := false
	for i := range s.args {
		v, err := s.args[i].raw(b, row)
		if err != nil {
			return err
		}
		null = null || v == nil
		key = appendKey(key, v)
	}
	s.key = key
	if null && s.call.Model.NullOnNull {
		s.stats.NullSkipped++
		col.entries[row] = -1
		return nil
	}
	if !s.call.Model.Deterministic {
		key = fmt.Appendf(key, "\x00%d", s.stats.Rows) // once per row: every row is its own
		s.key = key
	}
	e, fresh := s.memo.entry(key)
	col.entries[row] = e
	if !fresh {
		return nil
	}
	s.stats.Distinct++
	p.rows++
	for i := range s.args {
		if err := s.args[i].append(&p.args[i], b, row); err != nil {
			return &datalayer.Error{Code: "22000", Message: fmt.Sprintf("argument %d of model %q cannot be read", i+1, s.call.Model.Name), Detail: err.Error(), Err: err}
		}
	}
	return nil
}

// raw gives an argument's bytes, nil for NULL.
func (a *argSource) raw(b *batch, row int) ([]byte, error) {
	if a.column >= 0 {
		return b.cell(row, a.column), nil
	}
	c := &b.computed[a.out]
	if c.call == nil {
		return c.value(row), nil
	}
	answers, at, ok := c.answer(row)
	if !ok || answers.Null(at) {
		return nil, nil
	}
	if pgvalue.Encodable(answers.Type, pgvalue.BinaryFormat) {
		return pgvalue.Append(make([]byte, 0, 16), answers, at, pgvalue.BinaryFormat)
	}
	return pgvalue.Append(make([]byte, 0, 16), answers, at, pgvalue.TextFormat)
}

// append reads an argument into the column of fresh ones.
func (a *argSource) append(to *udf.Column, b *batch, row int) error {
	if a.column >= 0 {
		return a.decoder.Append(to, b.cell(row, a.column))
	}
	c := &b.computed[a.out]
	if c.call != nil {
		answers, at, ok := c.answer(row)
		if !ok {
			at = -1
		}
		return pgvalue.Copy(to, answers, at)
	}
	if !a.ready {
		d, err := pgvalue.NewDecoder(c.oid, to.Type)
		if err != nil {
			return err
		}
		a.decoder, a.ready = d, true
	}
	return a.decoder.Append(to, c.value(row))
}

// run hands the fresh arguments to the model, in pieces that it takes.
func (p *pendingCall) run(ctx context.Context) {
	defer close(p.done)
	defer func() {
		if v := recover(); v != nil {
			p.err = &datalayer.Error{Code: "XX000", Message: fmt.Sprintf("model %q broke its runtime", p.state.call.Model.Name), Err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
		}
	}()
	most := max(1, p.state.model.MaxBatch())
	for from := 0; from < p.rows; from += most {
		to := min(from+most, p.rows)
		began := time.Now()
		out, err := p.state.model.Predict(ctx, pgvalue.Slice(p.args, from, to))
		p.busy += time.Since(began)
		p.batches++
		if err != nil {
			p.err = p.explain(ctx, err, from, to)
			return
		}
		if p.err = p.broken(&out, to-from); p.err != nil {
			return
		}
		p.answers = append(p.answers, out)
	}
}

// broken is the error for answers that are not as udf.Model promises them.
func (p *pendingCall) broken(out *udf.Column, rows int) error {
	m := p.state.call.Model
	if out.Type.Storage() == m.Returns.Storage() && out.Len() == rows && (out.Nulls == nil || len(out.Nulls) == rows) {
		return nil
	}
	return &datalayer.Error{Code: "XX000", Message: fmt.Sprintf("model %q gave answers that do not fit", m.Name),
		Detail: fmt.Sprintf("It gave %d of type %s for %d rows of type %s.", out.Len(), out.Type, rows, m.Returns)}
}

// take puts the answers into the memo, those asked for earlier first, and gives the error there was.
func (p *pendingCall) take() error {
	if p.taken {
		return p.err
	}
	if p.before != nil {
		<-p.before.done
		if err := p.before.take(); err != nil {
			return err
		}
		p.before = nil
	}
	p.taken = true
	p.state.stats.Busy += p.busy
	p.state.stats.Batches += p.batches
	if p.err != nil {
		p.state.stats.Errors++
		return p.err
	}
	for i := range p.answers {
		p.memo.held += pgvalue.Held(&p.answers[i])
		for at := range p.answers[i].Len() {
			if err := pgvalue.Copy(&p.memo.answers, &p.answers[i], at); err != nil {
				return err
			}
		}
	}
	p.answers, p.args = nil, nil
	return nil
}

// explain makes the error that the client sees of a model's failure: it names the model, and the arguments of the row
// that failed, which is searched by halves where the runtime does not say it.
func (p *pendingCall) explain(ctx context.Context, err error, from, to int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var row *udf.RowError
	if errors.As(err, &row) && row.Row >= 0 && row.Row < to-from {
		return p.failed(row.Err, from+row.Row)
	}
	for to-from > 1 {
		mid := (from + to) / 2
		p.batches++
		_, half := p.state.model.Predict(ctx, pgvalue.Slice(p.args, from, mid))
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case half != nil:
			to, err = mid, half
		default:
			from = mid
		}
	}
	if errors.As(err, &row) {
		err = row.Err
	}
	return p.failed(err, from)
}

// failed is the error for one row.
func (p *pendingCall) failed(err error, row int) error {
	e := p.state.call.Model.Failure(err)
	e.Detail = strings.TrimSuffix("The row's arguments: "+p.describe(row)+".\n"+e.Detail, "\n")
	e.Hint = cmp.Or(e.Hint, "The statement was rolled back; leave such rows out by a condition, or mend the model.")
	return e
}

// describe prints a row's arguments for the client.
func (p *pendingCall) describe(row int) string {
	var parts []string
	for i := range p.args {
		name := p.state.call.Model.Args[i].Name
		if name == "" {
			name = fmt.Sprintf("argument %d", i+1)
		}
		text := "NULL"
		if !p.args[i].Null(row) {
			v, err := pgvalue.Append(nil, &p.args[i], row, pgvalue.TextFormat)
			if text = string(v); err != nil {
				text = "?"
			}
			if len(text) > 200 {
				text = strings.ToValidUTF8(text[:200], "") + "…"
			}
		}
		parts = append(parts, name+" = "+text)
	}
	return strings.Join(parts, ", ")
}

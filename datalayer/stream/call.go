package stream

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// callState is what a run keeps of one call.
type callState struct {
	call  *planner.Call
	model held
	memo  *memo
	stats datalayer.CallStats
	// failed counts the answers that are NULL because the model could not give them.
	failed int64
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

// pendingCall is a batch's fresh arguments on their way to their answers.
type pendingCall struct {
	state  *callState
	memo   *memo
	before *pendingCall
	args   []udf.Column
	rows   int
	result answer.Result
	err    error
	done   chan struct{}
	taken  bool
}

func (r *Run) newCallState(c *planner.Call, model Model) (*callState, error) {
	s := &callState{call: c, model: held{model, c.Model}, memo: newMemo(c.Model.Returns)}
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

// begin finds the distinct arguments of the kept rows that have no answer yet and asks for these, beside the
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
	go p.run(ctx, r)
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
			return s.call.Model.Unreadable(i, err)
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

// run asks for the answers of the fresh arguments.
func (p *pendingCall) run(ctx context.Context, r *Run) {
	defer close(p.done)
	defer func() {
		if v := recover(); v != nil {
			p.err = &datalayer.Error{Code: "XX000", Message: fmt.Sprintf("model %q could not be asked", p.state.call.Model.Name), Err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
		}
	}()
	q := r.cfg.Settings.Request(p.state.model, r.cfg.Budget)
	q.Args, q.Rows = p.args, p.rows
	p.result, p.err = r.answers.Answer(ctx, q)
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
	s, did := &p.state.stats, &p.result.Stats
	s.Cached += did.Cached
	s.Shared += did.Shared
	s.Calls += did.Calls
	s.Batches += did.Batches
	s.Errors += did.Errors
	s.Busy += did.Busy
	if p.err != nil {
		return p.err
	}
	p.state.failed += p.result.Failed
	p.memo.add(&p.result.Answers)
	p.result, p.args = answer.Result{}, nil
	return nil
}

package stream

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// weigh reads rows ahead, where the budget allows fewer calls than a batch may need, and holds the budget against all calls
// that these rows are sure to need, before the first is made. The rows are kept for read. limit is the number of rows that the
// client asks for, 0 for all.
func (r *Run) weigh(ctx context.Context, paged bool, limit int64) error {
	if r.weighed {
		return nil
	}
	r.weighed = true
	left, limited := r.cfg.Budget.Left()
	certain := r.certain()
	if !limited || left >= int64(r.cfg.Limits.BatchRows) || limit > 0 || len(certain) == 0 {
		return nil
	}
	scales := make([]*scale, len(certain))
	for i, s := range certain {
		scales[i] = newScale(s)
	}
	for rows, bytes := 0, 0; !r.ended && rows < r.cfg.Limits.BatchRows && bytes < r.cfg.Limits.BatchBytes; {
		b, err := r.read(ctx, paged, limit)
		if err != nil {
			return err
		}
		r.ahead = append(r.ahead, b)
		rows, bytes = rows+b.rows, bytes+b.bytes()
		for _, s := range scales {
			if err := s.add(b); err != nil {
				return err
			}
		}
	}
	var most, needed int64
	for _, s := range scales {
		most += int64(s.asks.rows)
	}
	if most <= left {
		return nil
	}
	for _, s := range scales {
		if s.asks.rows == 0 {
			continue
		}
		q := r.cfg.Settings.Request(s.state.model, r.cfg.Budget)
		q.Args, q.Rows = s.asks.args, s.asks.rows
		n, err := r.answers.Needed(ctx, q)
		if err != nil {
			return err
		}
		needed += n
	}
	return r.cfg.Budget.Check(needed)
}

// certain are the calls that each row of home's needs: those whose arguments are home's own, of the first step where conditions
// hold calls, and of all steps otherwise.
func (r *Run) certain() []*callState {
	if r.plan.Limited && (r.limit >= 0 || r.layout.limit >= 0) {
		return nil
	}
	steps := r.plan.Finals
	if len(r.plan.Filters) > 0 {
		steps = r.plan.Filters[:1]
	}
	var list []*callState
	for _, step := range steps {
		if step.Predict == nil {
			continue
		}
		s, own := r.stateOf(step.Predict), true
		for i := range s.args {
			own = own && s.args[i].column >= 0
		}
		if own {
			list = append(list, s)
		}
	}
	return list
}

// scale counts the distinct arguments of a call in rows that are not asked for yet.
type scale struct {
	state *callState
	asks  *pendingCall
}

// newScale makes one that leaves the call's own memo and counts alone.
func newScale(s *callState) *scale {
	own := &callState{call: s.call, model: s.model, memo: newMemo(s.call.Model.Returns), args: s.args}
	p := &pendingCall{args: make([]udf.Column, len(s.args))}
	for i := range p.args {
		p.args[i].Type = s.call.Model.Args[i].Type
	}
	return &scale{state: own, asks: p}
}

// add counts those of a batch.
func (s *scale) add(b *batch) error {
	col := &computed{entries: make([]int32, b.rows)}
	for _, row := range b.keep {
		if err := s.state.ask(b, int(row), col, s.asks); err != nil {
			return err
		}
	}
	return nil
}

// next is the next batch: one that was read to be weighed, or one of home's.
func (r *Run) next(ctx context.Context, paged bool, limit int64) (*batch, error) {
	if len(r.ahead) > 0 {
		b := r.ahead[0]
		r.ahead = r.ahead[1:]
		return b, nil
	}
	return r.read(ctx, paged, limit)
}

package session

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// large is a table of home with the answers of a function that are too many to be held.
type large struct {
	*ship.Large
	// ready says that home has indexed it, owed that the function itself has not been given all of it.
	ready, owed bool
}

// The numbers of answers from which on a table is of use: making one costs home some milliseconds.
const (
	// largeUnbound is for statements of home that take no parameters, so that nothing but a table can be put in place of
	// calls.
	largeUnbound = 10_000
	// largeUnheld is for answers that expressions cannot hold.
	largeUnheld = 50_000
)

// begin makes a function's table; nil where home can have none, or where it would be of no use.
func (c *shipCursor) begin(ctx context.Context, h *homeSide, f *planner.Function) (*large, error) {
	if !c.savepoints || c.p.executes != nil || c.notInline || f.Kind == "predict_details" || !f.Model.Deterministic || !c.p.ship.Inlinable(f) {
		return nil, nil
	}
	if c.readOnly == "" { // there, no table can be made
		var err error
		if c.readOnly, err = h.setting(ctx, "transaction_read_only"); err != nil {
			return nil, err
		}
	}
	if c.readOnly != "off" {
		return nil, nil
	}
	l := &large{Large: ship.NewLarge(f)}
	if err := h.quietly(func() error { return h.do(ctx, l.Create()) }); err != nil {
		return nil, unpositioned(err)
	}
	if c.large == nil {
		c.large = map[*planner.Function]*large{}
	}
	c.large[f] = l
	return l, nil
}

// spill moves the answers that are held of a function into a table of home, and gives that; nil where it cannot.
func (c *shipCursor) spill(ctx context.Context, h *homeSide, f *planner.Function) (*large, error) {
	l, err := c.begin(ctx, h, f)
	if l == nil || err != nil {
		return nil, err
	}
	k := c.kept[f]
	all := *k
	*k = kept{dropped: true}
	return l, all.parts(f, func(a *ship.Asked, answers *udf.Column) error { return c.fill(ctx, h, l, a, answers, all.owed) })
}

// parts gives what is held in parts, so that not all of it is copied at once.
func (k *kept) parts(f *planner.Function, each func(*ship.Asked, *udf.Column) error) error {
	for from := 0; from < len(k.keys); from += aheadRows {
		to := min(from+aheadRows, len(k.keys))
		answers := k.answers.Slice(from, to)
		if err := each(&ship.Asked{Function: f, Args: pgvalue.Slice(k.args, from, to), Keys: k.keys[from:to]}, &answers); err != nil {
			return err
		}
	}
	return nil
}

// fill puts answers into a function's table. Those that expressions leave to the function it gets itself. owed says that it
// was not given any of them.
func (c *shipCursor) fill(ctx context.Context, h *homeSide, l *large, a *ship.Asked, answers *udf.Column, owed bool) error {
	alone, given, err := part(a, answers, true)
	if err != nil {
		return err
	}
	if len(alone.Keys) > 0 {
		if owed {
			if err := c.give(ctx, h, a.Function, alone.Keys, &answer.Result{Answers: *given}); err != nil {
				return err
			}
		}
		if a, answers, err = part(a, answers, false); err != nil {
			return err
		}
	}
	l.owed = l.owed || owed && len(a.Keys) > 0
	queries, err := l.Give(a.Keys, a.Args, answers)
	if err != nil {
		return err
	}
	for _, q := range queries {
		if err := h.rows(ctx, q, nil); err != nil {
			return unpositioned(err)
		}
	}
	return nil
}

// prepareLarge has home index a table.
func (c *shipCursor) prepareLarge(ctx context.Context, h *homeSide, l *large) error {
	if l.ready {
		return nil
	}
	l.ready = true
	return unpositioned(h.quietly(func() error { return h.do(ctx, l.Ready()...) }))
}

// payLarge gives the function what is in its table.
func (c *shipCursor) payLarge(ctx context.Context, h *homeSide, f *planner.Function, l *large) error {
	if !l.owed {
		return nil
	}
	l.owed = false
	before := c.given[f]
	c.given[f] += l.Rows
	texts := []string{l.Pay()}
	if text := ship.Analyze(f, before, c.given[f]); text != "" {
		texts = append(texts, text)
	}
	return unpositioned(h.quietly(func() error { return h.do(ctx, texts...) }))
}

// dropLarge lists the statements that remove the tables. A cursor goes on reading them, and they go with its transaction.
func (c *shipCursor) dropLarge(b *block) []string {
	if b.own || c.p.node.GetDeclareCursorStmt() != nil {
		return nil
	}
	var texts []string
	for _, l := range c.large {
		texts = append(texts, l.Drop())
	}
	return texts
}

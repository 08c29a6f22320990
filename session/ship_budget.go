package session

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// request is the question for what a function has asked for.
func (c *shipCursor) request(a *ship.Asked) answer.Request {
	r := c.settings.Request(c.leases[a.Function], c.budget)
	r.Args, r.Rows = a.Args, len(a.Keys)
	asks(a.Function, &r)
	return r
}

// weigh holds what functions have asked for together against the budget, before any of it is answered. pages counts calls
// that are certain besides.
func (c *shipCursor) weigh(ctx context.Context, asked []*ship.Asked, pages int64) error {
	left, limited := c.budget.Left()
	if !limited {
		return nil
	}
	most := pages
	for _, a := range asked {
		most += int64(len(a.Keys))
	}
	if most <= left {
		return nil
	}
	needed := pages
	for _, a := range asked {
		n, err := c.needed(ctx, a)
		if err != nil {
			return err
		}
		needed += n
	}
	return c.budget.Check(needed)
}

// needed is how many calls what a function has asked for would take now.
func (c *shipCursor) needed(ctx context.Context, a *ship.Asked) (int64, error) {
	return c.p.s.cfg.Answerer.Needed(ctx, c.request(a))
}

// weighedAhead is the number of calls below which a budget is held against all that is read ahead before any of it is
// answered. What is more than a page is read twice for that; a larger budget is held against page by page.
const weighedAhead = 1_000_000

// weighAhead reads what the Ahead statements do, holds the budget against all of it, and has answered what came in one page. It
// gives the statements that have more.
func (c *shipCursor) weighAhead(ctx context.Context, h *homeSide, b *block) (large []*planner.Ahead, err error) {
	var held []*ship.Asked
	var pages int64
	for _, a := range c.p.ship.Ahead {
		asked, several := ship.NewAsked(a.Function), false
		err := c.readPortal(ctx, h, b, a.Text, func(values [][]byte) error { return asked.Row(values) }, func(more bool) (bool, error) {
			page := asked
			asked = ship.NewAsked(a.Function)
			if len(page.Keys) == 0 {
				return true, nil
			}
			if !several && !more {
				held = append(held, page)
				return true, nil
			}
			if !several {
				large = append(large, a)
			}
			several = true
			n, err := c.needed(ctx, page)
			pages += n
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	if err := c.weigh(ctx, held, pages); err != nil {
		return nil, err
	}
	for _, page := range held {
		if err := c.answer(ctx, h, page, true); err != nil {
			return nil, err
		}
	}
	return large, nil
}

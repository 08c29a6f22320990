package session

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// aheadName is the name on home of the statement and portal that read arguments ahead.
const aheadName = "pinnacle_ahead"

// aheadRows is the number of arguments that are read and answered at a time, where they are not longer than a batch of a
// model may be. How long they are shows when they are read: firstAhead of them first, and then some times more.
const (
	aheadRows   = 20_000
	firstAhead  = 64
	aheadGrowth = 8
)

// readAhead has the arguments answered that the plan's Ahead statements read. read is false where one of them has failed,
// which the statement itself may not: then it asks for its arguments in rounds.
func (c *shipCursor) readAhead(ctx context.Context, h *homeSide, b *block) (read bool, err error) {
	if !b.savepoints || c.p.executes != nil || c.p.encoded {
		return false, nil
	}
	rest := c.p.ship.Ahead
	if left, limited := c.budget.Left(); limited && left < weighedAhead && len(rest) > 0 {
		read, err = c.tried(ctx, h, b, func() error { rest, err = c.weighAhead(ctx, h, b); return err })
		if err != nil || !read {
			return false, err
		}
	}
	for _, a := range rest {
		if read, err = c.tried(ctx, h, b, func() error { return c.readOne(ctx, h, b, a) }); err != nil || !read {
			return false, err
		}
	}
	return read, nil
}

// readRest is readAhead for the functions of whose arguments only a sample was read.
func (c *shipCursor) readRest(ctx context.Context, h *homeSide, b *block) error {
	c.guessed = false
	for _, a := range c.p.ship.Ahead {
		once := c.once[a.Function]
		if once == nil {
			continue
		}
		read, err := c.tried(ctx, h, b, func() error { return c.readAll(ctx, h, b, a, a.Text, once) })
		if err != nil || !read {
			return err
		}
	}
	return nil
}

// tried reads arguments ahead by f; well is false where home has failed at it, or has not understood it: the statement itself will
// show why.
func (c *shipCursor) tried(ctx context.Context, h *homeSide, b *block, f func() error) (well bool, err error) {
	c.rounds++
	err = f()
	switch {
	case sqlState(err) != "" && ctx.Err() == nil && (doubtful(sqlState(err)) || strings.HasPrefix(sqlState(err), "42")):
		return false, b.undo(ctx, h, true)
	case err != nil:
		return false, unpositioned(err)
	}
	return true, nil
}

// readOne reads the arguments of one function and has them answered.
func (c *shipCursor) readOne(ctx context.Context, h *homeSide, b *block, a *planner.Ahead) error {
	if _, ok := a.Sample(firstSample); !ok {
		return c.readAll(ctx, h, b, a, a.Text, nil)
	}
	way, s, err := c.sample(ctx, h, b, a)
	switch {
	case err != nil:
		return err
	case way == fromRows:
		return c.readRows(ctx, h, b, a)
	case way == fromDistinct:
		return c.readAll(ctx, h, b, a, a.Text, nil)
	case way == fromGuess:
		if c.guessed = true; c.once == nil {
			c.once = map[*planner.Function]*ship.Once{}
		}
		c.once[a.Function] = ship.NewOnce(max(c.toldApart(), 2*len(s.asked.Keys)+guessMisses))
		c.once[a.Function].Add(s.asked)
	}
	if len(s.asked.Keys) == 0 {
		return nil
	}
	return c.answer(ctx, h, s.asked, true)
}

// toldApart is the number of arguments that may be told apart here.
func (c *shipCursor) toldApart() int { return ship.OnceMost(c.p.s.cfg.Stream.MemoBytes) }

// readRows has the arguments of each row answered, told apart here. There may be many more than home has thought: what then
// is left home tells apart.
func (c *shipCursor) readRows(ctx context.Context, h *homeSide, b *block, a *planner.Ahead) error {
	once := ship.NewOnce(c.toldApart())
	if err := c.readAll(ctx, h, b, a, a.Rows, once); err != nil || once.Room(aheadRows) {
		return err
	}
	return c.readAll(ctx, h, b, a, a.Text, once)
}

// readAll has the arguments answered that a statement reads, some at a time; those in once, if it is not nil, are left out.
func (c *shipCursor) readAll(ctx context.Context, h *homeSide, b *block, a *planner.Ahead, text string, once *ship.Once) error {
	asked := once.NewAsked(a.Function)
	return c.readPortal(ctx, h, b, text, func(values [][]byte) error { return asked.Row(values) }, func(bool) (bool, error) {
		have := asked
		asked = once.NewAsked(a.Function)
		more := text != a.Rows || once.Room(aheadRows)
		if len(have.Keys) == 0 {
			return more, nil
		}
		return more, c.answer(ctx, h, have, true)
	})
}

// readPortal runs a statement with the client's parameters and gives its rows to row. After some rows, and at their end,
// pause is called, which is told whether there may be more, and says whether it wants them.
func (c *shipCursor) readPortal(ctx context.Context, h *homeSide, block *block, text string, row func([][]byte) error, pause func(more bool) (bool, error)) error {
	b := c.bound
	b.DestinationPortal, b.PreparedStatement, b.ResultFormatCodes = aheadName, aheadName, []int16{pgvalue.BinaryFormat}
	page := &aheadPage{most: c.p.s.cfg.Stream.BatchBytes}
	before := block.queueRound(h, 0, 0)
	err := h.ask(
		&pgproto3.Close{ObjectType: 'S', Name: aheadName},
		&pgproto3.Parse{Name: aheadName, Query: text, ParameterOIDs: c.p.params()},
		&b,
		&pgproto3.Execute{Portal: aheadName, MaxRows: page.next()},
	)
	if err != nil {
		return err
	}
	if err := h.did(ctx, before); err != nil {
		return err
	}
	if err := h.expect(ctx, "312", nil); err != nil {
		return err
	}
	for more := true; more; {
		more, err = rowsOf(ctx, h, func(values [][]byte) error { page.add(values); return row(values) })
		if err != nil {
			return err
		}
		if !more || page.full() {
			wanted, err := pause(more)
			if err != nil {
				return err
			}
			more = more && wanted
			page.begin()
		}
		if more {
			if err := h.ask(&pgproto3.Execute{Portal: aheadName, MaxRows: page.next()}); err != nil {
				return err
			}
		}
	}
	h.x.Send(&pgproto3.Close{ObjectType: 'P', Name: aheadName}, &pgproto3.Close{ObjectType: 'S', Name: aheadName})
	h.queue("RELEASE SAVEPOINT " + roundSavepoint)
	if err := h.ask(); err != nil {
		return err
	}
	if err := h.expect(ctx, "33", nil); err != nil {
		return err
	}
	return h.did(ctx, 1)
}

// aheadPage is what is read before it is answered: up to aheadRows rows, and not many more bytes than most (0: any number).
type aheadPage struct {
	most, rows, bytes int
	// seen and size are the rows and bytes of all pages.
	seen, size int
}

// begin begins the next page.
func (p *aheadPage) begin() { p.rows, p.bytes = 0, 0 }

// add notes a row.
func (p *aheadPage) add(values [][]byte) {
	n := 0
	for _, v := range values {
		n += len(v)
	}
	p.rows, p.bytes, p.seen, p.size = p.rows+1, p.bytes+n, p.seen+1, p.size+n
}

// full reports whether the page is to be answered.
func (p *aheadPage) full() bool { return p.rows >= aheadRows || p.most > 0 && p.bytes >= p.most }

// next is the number of rows to ask for: as many as the page has room for if they are as long as those before.
func (p *aheadPage) next() uint32 {
	n := firstAhead
	if p.seen > 0 {
		n = min(aheadGrowth*p.seen, aheadRows-p.rows)
	}
	if p.most > 0 && p.size > 0 {
		n = min(n, int(int64(p.most-p.bytes)*int64(p.seen)/int64(p.size)))
	}
	return uint32(max(n, 1))
}

// rowsOf reads the rows of one Execute; more says that the portal may have others.
func rowsOf(ctx context.Context, h *homeSide, row func([][]byte) error) (more bool, err error) {
	for {
		values, status, err := h.next(ctx)
		if err != nil || status != stream.Row {
			return status == stream.Paused, err
		}
		if err := row(values); err != nil {
			return false, err
		}
	}
}

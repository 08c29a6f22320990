package session

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// aheadName is the name on home of the statement and portal that read arguments ahead.
const aheadName = "pinnacle_ahead"

// aheadRows is the number of arguments that are read and answered at a time.
const aheadRows = 20_000

// readAhead has the arguments answered that the plan's Ahead statements read. read is false where one of them has failed,
// which the statement itself may not: then it asks for its arguments in rounds.
func (c *shipCursor) readAhead(ctx context.Context, h *homeSide, b *block) (read bool, err error) {
	if !b.savepoints || c.p.executes != nil {
		return false, nil
	}
	for _, a := range c.p.ship.Ahead {
		c.rounds++
		err := c.readOne(ctx, h, b, a)
		switch {
		case sqlState(err) != "" && ctx.Err() == nil && doubtful(sqlState(err)):
			return false, b.undo(ctx, h, true)
		case err != nil:
			return false, unpositioned(err)
		}
	}
	return len(c.p.ship.Ahead) > 0, nil
}

// readOne reads the arguments of one function and has them answered.
func (c *shipCursor) readOne(ctx context.Context, h *homeSide, block *block, a *planner.Ahead) error {
	b := c.bound
	b.DestinationPortal, b.PreparedStatement, b.ResultFormatCodes = aheadName, aheadName, []int16{pgvalue.BinaryFormat}
	before := block.queueRound(h, 0)
	err := h.ask(
		&pgproto3.Close{ObjectType: 'S', Name: aheadName},
		&pgproto3.Parse{Name: aheadName, Query: a.Text, ParameterOIDs: c.p.params()},
		&b,
		&pgproto3.Execute{Portal: aheadName, MaxRows: aheadRows},
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
		asked := ship.NewAsked(a.Function)
		for {
			values, status, err := h.next(ctx)
			if err != nil {
				return err
			}
			if status == stream.Row {
				if err := asked.Row(values); err != nil {
					return err
				}
				continue
			}
			more = status == stream.Paused
			break
		}
		if len(asked.Keys) > 0 {
			if err := c.answer(ctx, h, asked, true); err != nil {
				return err
			}
		}
		if more {
			if err := h.ask(&pgproto3.Execute{Portal: aheadName, MaxRows: aheadRows}); err != nil {
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

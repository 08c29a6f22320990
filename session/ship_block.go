package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// block is how the rounds of a statement stand in home's transaction.
type block struct {
	// own says that the transaction is the proxy's, for this statement alone.
	own bool
	// savepoints says that a round can be undone.
	savepoints bool
}

// setting reads a setting of home.
func (h *homeSide) setting(ctx context.Context, name string) (value string, err error) {
	q := stream.Query{Text: "SELECT pg_catalog.current_setting(" + sqlparse.QuoteLiteral(name) + ")", Formats: []int16{0}}
	err = h.rows(ctx, q, func(v [][]byte) error {
		value = string(v[0])
		return nil
	})
	return value, unpositioned(err)
}

// roundSavepoint is the savepoint to which rounds go back.
const roundSavepoint = "pinnacle_round"

// openBlock prepares home's transaction for rounds. In a transaction of the client's they are kept apart by a savepoint.
// A statement that stands alone gets a transaction of its own, for reading with one snapshot for all of it. What stands
// between others outside of a transaction block (shared says that what follows may write too) is of an implicit transaction
// with them, in which nothing can be undone.
func (h *homeSide) openBlock(ctx context.Context, writes, shared bool) (*block, error) {
	switch {
	case h.x.InBlock():
		return &block{savepoints: true}, nil
	case h.x.TxStatus() != 'I' || !h.alone || shared:
		return &block{}, nil
	}
	begin := "BEGIN"
	if !writes {
		if h.isolation == "" { // it is asked with the functions, for another message of the client
			var err error
			if h.isolation, err = h.setting(ctx, "default_transaction_isolation"); err != nil {
				return nil, err
			}
		}
		if h.isolation == "read committed" {
			begin = "BEGIN ISOLATION LEVEL REPEATABLE READ"
		}
	}
	h.x.SendSync()
	h.queue(begin)
	if err := h.ask(); err != nil {
		return nil, err
	}
	if err := h.x.Settled(ctx); err != nil {
		return nil, err
	}
	if err := h.did(ctx, 1); err != nil {
		return nil, unpositioned(err)
	}
	return &block{own: true, savepoints: true}, nil
}

// queueRound queues what lets functions ask, for at most so many misses and few distinct arguments (see ship.Noting), and
// statements that open the round, and gives the number of statements.
func (b *block) queueRound(h *homeSide, misses, few int, opening ...string) int {
	if b.savepoints {
		h.queue("SAVEPOINT "+roundSavepoint, ship.Noting(misses, few))
	} else {
		h.queue(ship.Forget, ship.Noting(misses, few))
	}
	h.queue(opening...)
	return 2 + len(opening)
}

// undo goes back to before the round. failed says that home has raised an error.
func (b *block) undo(ctx context.Context, h *homeSide, failed bool) error {
	if !b.savepoints {
		return nil
	}
	if failed {
		if err := h.x.Settle(ctx); err != nil {
			return err
		}
	}
	if err := h.do(ctx, "ROLLBACK TO SAVEPOINT "+roundSavepoint, "RELEASE SAVEPOINT "+roundSavepoint); err != nil {
		return unpositioned(err)
	}
	if failed {
		return h.x.Settle(ctx)
	}
	return nil
}

// keep ends the round that gave the answer, and from then on nothing may be missed.
func (b *block) keep(ctx context.Context, h *homeSide) error {
	switch {
	case b.own:
		return nil
	case b.savepoints:
		return unpositioned(h.do(ctx, "RELEASE SAVEPOINT "+roundSavepoint, ship.Noting(-1, 0)))
	}
	return unpositioned(h.do(ctx, ship.Noting(-1, 0)))
}

// close ends a transaction of the proxy's own: with an error of the statement by going back. It returns what the client
// is told.
func (b *block) close(ctx context.Context, h *homeSide, err error) error {
	if !b.own {
		return err
	}
	if err == nil {
		h.queue("COMMIT")
		h.x.SendSync()
		if err = h.x.FlushHome(); err != nil {
			return err
		}
		if err = h.did(ctx, 1); err == nil {
			return h.x.Settled(ctx)
		}
		if sqlState(err) == "" {
			return err
		}
		if settled := h.x.Settled(ctx); settled != nil {
			return settled
		}
		return unpositioned(err) // the transaction has ended
	}
	// The client may have cancelled the statement, which must not keep its transaction open.
	ending, stop := context.WithTimeoutCause(context.WithoutCancel(ctx), endTime, errors.New("home did not end a transaction in time"))
	defer stop()
	if settled := h.x.Settle(ending); settled != nil {
		return fmt.Errorf("home did not come to rest: %v", settled)
	}
	if rolled := h.do(ending, "ROLLBACK"); rolled != nil {
		return fmt.Errorf("home did not end a transaction: %v", rolled)
	}
	if settled := h.x.Settle(ending); settled != nil {
		return fmt.Errorf("home did not come to rest: %v", settled)
	}
	return err
}

// endTime bounds the time that home may take to end a transaction.
const endTime = 30 * time.Second

package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
)

// block is how the rounds of a statement stand in home's transaction.
type block struct {
	// own says that the transaction is the proxy's, for this statement alone.
	own bool
	// savepoints says that a round can be undone.
	savepoints bool
	// fixed says that all rounds see one snapshot.
	fixed bool
}

// roundSavepoint is the savepoint to which rounds go back.
const roundSavepoint = "pinnacle_round"

// openBlock prepares home's transaction for rounds. In a transaction of the client's they are kept apart by a savepoint.
// A statement that stands alone gets a transaction of its own, for reading with one snapshot for all of it. What stands
// between others outside of a transaction block is of an implicit transaction with them, in which nothing can be undone.
func (h *homeSide) openBlock(ctx context.Context, writes bool) (*block, error) {
	level := ""
	q := stream.Query{Text: "SELECT pg_catalog.current_setting('transaction_isolation'), pg_catalog.current_setting('default_transaction_isolation')", Formats: []int16{0, 0}}
	var standard string
	err := h.rows(ctx, q, func(v [][]byte) error {
		level, standard = string(v[0]), string(v[1])
		return nil
	})
	if err != nil {
		return nil, unpositioned(err)
	}
	switch {
	case h.x.TxStatus() != 'I':
		return &block{savepoints: true, fixed: level != "read committed"}, nil
	case !h.alone || writes && !h.last:
		return &block{}, nil
	}
	if err := h.x.Settle(ctx); err != nil {
		return nil, err
	}
	begin := "BEGIN"
	if !writes && standard == "read committed" {
		begin, standard = "BEGIN ISOLATION LEVEL REPEATABLE READ", "repeatable read"
	}
	// What functions cost makes PostgreSQL compile plans, which takes longer than most of them run.
	if err := h.do(ctx, begin, "SET LOCAL jit = off"); err != nil {
		return nil, unpositioned(err)
	}
	return &block{own: true, savepoints: true, fixed: standard != "read committed"}, nil
}

// openRound lets functions ask, for at most so many misses (see ship.Noting).
func (b *block) openRound(ctx context.Context, h *homeSide, misses int) error {
	if b.savepoints {
		return h.do(ctx, "SAVEPOINT "+roundSavepoint, ship.Noting(misses))
	}
	return h.do(ctx, ship.Forget, ship.Noting(misses))
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
		return unpositioned(h.do(ctx, "RELEASE SAVEPOINT "+roundSavepoint, ship.Noting(-1)))
	}
	return unpositioned(h.do(ctx, ship.Noting(-1)))
}

// close ends a transaction of the proxy's own: with an error of the statement by going back. It returns what the client
// is told.
func (b *block) close(ctx context.Context, h *homeSide, err error) error {
	if !b.own {
		return err
	}
	if err == nil {
		if err = h.do(ctx, "COMMIT"); err == nil {
			return h.x.Settle(ctx)
		}
		err = unpositioned(err)
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

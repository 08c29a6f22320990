package foreign

import (
	"context"
	"errors"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// endTime is how long an engine may take to roll back; then its session is given up.
const endTime = 30 * time.Second

// transaction is what START TRANSACTION has begun. The engine's own begins with the first statement that needs the engine.
type transaction struct {
	open bool
	mode backend.TxMode
	// begun says that the engine's transaction runs.
	begun bool
	// failed says that a statement has failed: only its end, or the return to a savepoint, is taken.
	failed bool
	// lost says that the engine has ended the session in its middle.
	lost bool
	// spoiled is why the transaction can neither go on nor be committed: what was to be undone could not be, and is still
	// seen.
	spoiled *backend.Error
	// savepoints are those that stand, outermost first.
	savepoints []savepoint
	// wrote counts the changes that the engine has carried out, asked the queries since its transaction was begun.
	wrote, asked int
	// deferred are the changes that wait for COMMIT, with engines without transactions.
	deferred []deferredChange
}

// savepoint is a named point in a transaction.
type savepoint struct {
	name string
	// made says that the engine knows it.
	made bool
	// wrote and deferred are the transaction's when it was set.
	wrote, deferred int
}

// begin begins the engine's transaction, and sets the savepoints that it does not have yet.
func (l *link) begin(ctx context.Context) error {
	if !l.tx.open || !l.server.traits.Transactions {
		return nil
	}
	if !l.tx.begun {
		if err := l.conn.Begin(ctx, l.tx.mode); err != nil {
			return err
		}
		l.tx.begun, l.tx.asked = true, 0
	}
	if !l.server.traits.Savepoints {
		return nil
	}
	for i := range l.tx.savepoints {
		if s := &l.tx.savepoints[i]; !s.made {
			if err := l.conn.Savepoint(ctx, s.name); err != nil {
				return err
			}
			s.made = true
		}
	}
	return nil
}

// savepoint notes a savepoint; the engine hears of it with the next statement.
func (l *link) savepoint(name string) {
	l.tx.savepoints = append(l.tx.savepoints, savepoint{name: name, wrote: l.tx.wrote, deferred: len(l.tx.deferred)})
}

// findSavepoint gives the index of the innermost savepoint of a name.
func (l *link) findSavepoint(name string) (int, error) {
	for i := len(l.tx.savepoints) - 1; i >= 0; i-- {
		if l.tx.savepoints[i].name == name {
			return i, nil
		}
	}
	return 0, &backend.Error{Code: codeInvalidSavepoint, Message: `savepoint "` + name + `" does not exist`}
}

// releaseSavepoint forgets a savepoint and those within.
func (l *link) releaseSavepoint(ctx context.Context, name string) error {
	i, err := l.findSavepoint(name)
	if err != nil {
		return err
	}
	made := l.tx.savepoints[i].made
	l.tx.savepoints = l.tx.savepoints[:i]
	if !made || l.conn == nil {
		return nil
	}
	if err := l.quiesce(ctx, true); err != nil {
		return err
	}
	err = l.conn.Release(ctx, name)
	l.note(err)
	return err
}

// rollbackTo undoes what was done since a savepoint, which stays. Where the engine cannot, the transaction can only be
// rolled back.
func (l *link) rollbackTo(ctx context.Context, name string) error {
	i, err := l.findSavepoint(name)
	if err != nil {
		return err
	}
	if l.tx.lost {
		return lostError()
	}
	s := l.tx.savepoints[i]
	l.tx.savepoints = l.tx.savepoints[:i+1]
	l.tx.deferred = l.tx.deferred[:min(s.deferred, len(l.tx.deferred))]
	l.tx.failed = false
	switch {
	case s.made:
		for _, r := range l.open {
			if err := r.park(ctx); err != nil {
				r.err = err
			}
		}
		if err := l.conn.RollbackTo(ctx, name); err != nil {
			l.note(err)
			return err
		}
	case l.tx.wrote > s.wrote:
		l.tx.spoiled = refuse("the databackend has no savepoints, and a change was made since this one")
		l.tx.spoiled.Detail = "The change cannot be undone alone, so the transaction can only be rolled back."
		l.tx.spoiled.Hint = "Run statements that may fail in transactions of their own."
	}
	return nil
}

// commit ends the transaction with what was done. Whatever happens, no transaction is open afterwards.
func (l *link) commit(ctx context.Context) error {
	var refused error
	switch {
	case !l.tx.open:
		return nil
	case l.tx.lost:
		refused = lostError()
	case l.tx.spoiled != nil:
		refused = l.tx.spoiled
	case l.tx.failed:
		refused = failedTransaction()
	}
	if refused != nil {
		l.rollback()
		return refused
	}
	if err := l.carryOut(ctx); err != nil {
		l.rollback()
		return lostInCommit(err)
	}
	if !l.tx.begun {
		l.end()
		return nil
	}
	if err := l.quiesce(ctx, true); err != nil {
		l.rollback()
		return err
	}
	err := l.conn.Commit(ctx)
	if err == nil {
		l.tx.begun = false
		l.end()
		return nil
	}
	l.note(err)
	l.rollback()
	return lostInCommit(err)
}

// lostInCommit says of a session or a server that was lost while a transaction was committed that nobody knows what became of
// it.
func lostInCommit(err error) error {
	var known *backend.Error
	if !errors.As(err, &known) || !known.Lost && known.Code != codeConnectionFailure {
		return err
	}
	return &backend.Error{Code: codeUnknownResolution, Message: "the session of the databackend was lost in the commit",
		Detail: known.Message, Hint: "Look whether the changes are there before you run the transaction again.", Lost: known.Lost, Err: err}
}

// failedTransaction is PostgreSQL's refusal of statements after one that failed.
func failedTransaction() *backend.Error {
	return &backend.Error{Code: codeFailedTransaction, Message: "current transaction is aborted, commands ignored until end of transaction block"}
}

// rollback ends the transaction, if any, without what was done.
func (l *link) rollback() {
	for len(l.open) > 0 {
		_ = l.open[0].Close() // its rows are not wanted any more
	}
	if l.conn != nil && l.tx.begun {
		ctx, cancel := context.WithTimeout(context.Background(), endTime)
		err := l.conn.Rollback(ctx)
		cancel()
		if err != nil {
			conn := l.conn
			l.conn = nil
			l.server.pool.drop(conn, false)
		}
	}
	l.end()
}

// end forgets the transaction and gives the engine session back.
func (l *link) end() {
	l.tx = transaction{}
	l.tickets.reset()
	l.release()
}

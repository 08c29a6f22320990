package foreign

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// link is one session's way to the engine: an engine session while there is need of one, the transaction on it, and the
// results that are open. Whoever uses it holds mu.
type link struct {
	server *Server

	mu sync.Mutex
	// conn is nil while there is none. idle says that nothing has been done on it since it came from the pool, where it
	// had been used before: if it is lost now, another will do.
	conn backend.Conn
	idle bool
	// open are the results whose rows are still the engine's.
	open []*result
	tx   transaction
	// tickets stand for the rows that the transaction has found.
	tickets tickets
}

// note sees what an engine's error says of the session.
func (l *link) note(err error) {
	var known *backend.Error
	if err == nil || errors.Is(err, io.EOF) || !errors.As(err, &known) || !known.Lost {
		return
	}
	l.lose()
}

// lose gives up a session that the engine has ended, and with it the transaction.
func (l *link) lose() {
	if l.conn == nil {
		return
	}
	conn := l.conn
	l.conn = nil
	for _, r := range l.open {
		r.err = lostError()
		_ = r.rows.Close() // of a session that is gone
	}
	l.open = nil
	l.server.pool.drop(conn, true)
	if l.tx.open && (l.tx.begun || l.tx.wrote > 0) {
		l.tx.lost = true
	}
	l.tx.begun = false
}

// lostError is what statements get after the engine session was lost.
func lostError() *backend.Error {
	return &backend.Error{Code: codeConnectionFailure, Message: "the session of the databackend was lost", Hint: "Run the transaction again.", Lost: true}
}

// attempt runs do on an engine session, within the transaction where one is open; once more on another session if the first
// was lost before anything was done on it.
func (l *link) attempt(ctx context.Context, do func(backend.Conn) error) error {
	for {
		err := l.ready(ctx)
		if err == nil {
			err = do(l.conn)
		}
		if err == nil {
			l.idle = false
			return nil
		}
		retry := l.idle
		l.idle = false
		l.note(err)
		if !retry || l.conn != nil || l.tx.lost || ctx.Err() != nil {
			return err
		}
	}
}

// ready sees to an engine session, to the transaction on it, and to the savepoints that were asked for.
func (l *link) ready(ctx context.Context) error {
	if l.tx.lost {
		return lostError()
	}
	if l.conn == nil {
		conn, reused, err := l.server.pool.get(ctx)
		if err != nil {
			return err
		}
		l.conn, l.idle = conn, reused
	}
	return l.begin(ctx)
}

// quiesce parks the results that the engine session cannot keep beside another statement; a change parks all of them, since
// it must not show in what was asked before.
func (l *link) quiesce(ctx context.Context, change bool) error {
	if !change && l.server.traits.ManyResults {
		return nil
	}
	for len(l.open) > 0 {
		if err := l.open[0].park(ctx); err != nil {
			return err
		}
	}
	return nil
}

// query runs a Select, or a change with RETURNING.
func (l *link) query(ctx context.Context, program backend.Program, params [][]byte, change bool) (*result, error) {
	if err := l.quiesce(ctx, change); err != nil {
		return nil, err
	}
	r := &result{link: l}
	err := l.attempt(ctx, func(conn backend.Conn) (err error) {
		l.tx.asked++
		r.rows, err = conn.Query(ctx, program, params)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.open = append(l.open, r)
	if change {
		l.tx.wrote++
	}
	return r, nil
}

// exec runs a change.
func (l *link) exec(ctx context.Context, program backend.Program, params [][]byte) (int64, error) {
	if err := l.quiesce(ctx, true); err != nil {
		return 0, err
	}
	var n int64
	err := l.attempt(ctx, func(conn backend.Conn) (err error) {
		n, err = conn.Exec(ctx, program, params)
		return err
	})
	if err == nil {
		l.tx.wrote++
	}
	return n, err
}

// estimate asks for the rows that a Select gives: on the session that there is, where nothing is open on it, otherwise on
// another.
func (l *link) estimate(ctx context.Context, program backend.Program) (float64, error) {
	if l.conn != nil && (len(l.open) == 0 || l.server.traits.ManyResults) {
		rows, err := l.conn.Estimate(ctx, program)
		l.note(err)
		return rows, err
	}
	if l.conn != nil && l.server.pool.full() {
		return -1, nil // to wait for a session while one is held could be to wait forever
	}
	other := &link{server: l.server}
	defer other.release()
	var rows float64
	err := other.attempt(ctx, func(conn backend.Conn) (err error) {
		rows, err = conn.Estimate(ctx, program)
		return err
	})
	return rows, err
}

// release gives the engine session back where no transaction and no result needs it.
func (l *link) release() {
	if l.conn == nil || l.tx.open || len(l.open) > 0 {
		return
	}
	l.server.pool.put(l.conn)
	l.conn = nil
}

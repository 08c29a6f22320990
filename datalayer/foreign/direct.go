package foreign

import (
	"context"
	"errors"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// Run runs a Statement of Compile without postgres_fdw in between: in the engine's transaction of the session that serves a
// process of the local PostgreSQL (what pg_backend_pid() gives there), so that it sees what that transaction has changed,
// or, where there is none, on an engine session of its own. A change outside of a transaction is final at once.
//
// rows is nil for a change without RETURNING, which has touched n rows; the caller closes it. While rows are read from a
// session's transaction the process must not run statements of its own: they wait until the call of Next is over, and the
// rest of the rows is parked for them. Errors are *backend.Error.
func (s *Server) Run(ctx context.Context, process uint32, st *Statement, params [][]byte) (rows backend.Rows, n int64, err error) {
	l, shared := s.linkOf(process)
	if len(params) < st.Params {
		err = &backend.Error{Code: codeProtocolViolation, Message: "too few parameters"}
		return nil, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tx.failed {
		return nil, 0, failedTransaction()
	}
	var out outcome
	if st.Reads() {
		out.rows, err = l.run(ctx, st, params)
	} else {
		out, err = l.change(ctx, st, params)
	}
	if err != nil {
		if shared {
			l.tx.failed = l.tx.open
		} else {
			l.release()
		}
		return nil, 0, failure(ctx, err)
	}
	if out.rows == nil {
		l.release()
		return nil, out.n, nil
	}
	return &directRows{link: l, rows: out.rows}, 0, nil
}

// linkOf is the link of the session that serves a process, where its transaction has begun; otherwise a new one.
func (s *Server) linkOf(process uint32) (l *link, shared bool) {
	s.mu.Lock()
	ses := s.peers[process]
	s.mu.Unlock()
	if ses != nil {
		ses.link.mu.Lock()
		defer ses.link.mu.Unlock()
		if tx := &ses.link.tx; tx.open && (tx.begun || tx.lost || tx.wrote > 0 || len(tx.deferred) > 0) {
			return &ses.link, true
		}
	}
	return &link{server: s, tickets: s.newTickets()}, false
}

// InTransaction reports whether the session that serves a process has begun a transaction at the engine.
func (s *Server) InTransaction(process uint32) bool {
	_, shared := s.linkOf(process)
	return shared
}

// newTickets makes the tickets of one link.
func (s *Server) newTickets() tickets {
	return tickets{limit: s.config.Memory, disk: s.config.SpoolBytes, directory: s.config.Directory}
}

// directRows are the rows of Run. Every use takes the link's lock, since the session may need it in between.
type directRows struct {
	link *link
	rows backend.Rows
}

// Next implements backend.Rows.
func (r *directRows) Next(ctx context.Context) ([][]byte, error) {
	r.link.mu.Lock()
	defer r.link.mu.Unlock()
	row, err := r.rows.Next(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		err = failure(ctx, err)
	}
	return row, err
}

// Close implements backend.Rows.
func (r *directRows) Close() error {
	r.link.mu.Lock()
	defer r.link.mu.Unlock()
	err := r.rows.Close()
	r.link.release()
	if err != nil {
		return failure(context.Background(), err)
	}
	return nil
}

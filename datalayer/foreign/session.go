package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// session is one session of postgres_fdw. One goroutine serves it.
type session struct {
	server     *Server
	conn       net.Conn
	in         *pgproto3.Backend
	out        outlet
	id, secret uint32
	// peer is the process of the local PostgreSQL, 0 where it is not known.
	peer uint32
	// ctx ends with the session; end ends it.
	ctx context.Context
	end context.CancelCauseFunc

	link     link
	prepared map[string]*prepared
	portals  map[string]*portal
	cursors  map[string]*cursor
	// skipping says that messages are passed over until Sync, since one has failed.
	skipping bool

	// mu guards what follows: how the statement that runs is ended, and whether the session is to end between transactions.
	mu       sync.Mutex
	cancel   context.CancelCauseFunc
	idle     bool
	draining bool
}

// newSession makes a session of a connection.
func newSession(ctx context.Context, server *Server, conn net.Conn, id uint32) *session {
	s := &session{server: server, conn: conn, in: pgproto3.NewBackend(conn, conn), out: outlet{w: conn}, id: id, secret: rand.Uint32(),
		prepared: map[string]*prepared{}, portals: map[string]*portal{}, cursors: map[string]*cursor{}}
	s.in.SetMaxBodyLen(server.config.MaxMessage)
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	s.link = link{server: server, tickets: server.newTickets()}
	return s
}

// serve runs the session to its end. What goes wrong in it stays in it.
func (s *session) serve() {
	defer func() {
		if p := recover(); p != nil {
			s.server.config.Logger.Error("a session of the local PostgreSQL's foreign server has failed", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		s.finish()
	}()
	ok, err := s.greet()
	if !ok || err != nil {
		return
	}
	for {
		s.setIdle(!s.link.tx.open)
		m, err := s.in.Receive()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed) {
				s.server.config.Logger.Debug("a session of postgres_fdw has ended", "error", err)
			}
			return
		}
		s.setIdle(false)
		if _, end := m.(*pgproto3.Terminate); end {
			return
		}
		if err := s.message(m); err != nil {
			return
		}
		if s.leaving() {
			return
		}
	}
}

// finish gives back what the session has.
func (s *session) finish() {
	s.end(errGone)
	s.link.mu.Lock()
	s.closeCursors(0)
	s.link.rollback()
	s.link.mu.Unlock()
	_ = s.conn.Close() // the peer may have gone first
}

// setIdle notes whether the session could end now.
func (s *session) setIdle(idle bool) {
	s.mu.Lock()
	s.idle = idle
	s.mu.Unlock()
}

// leaving reports whether the session is to end now, since the server goes down and no transaction is open.
func (s *session) leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining && !s.link.tx.open
}

// drain ends the session at the end of its transaction.
func (s *session) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	if s.idle {
		_ = s.conn.Close() // what it waits for ends
	}
}

// stop ends the session now.
func (s *session) stop() {
	s.end(errShutdown)
	_ = s.conn.Close() // what it waits for ends
}

// cancellable makes cancel what a cancel request calls, until leave is called.
func (s *session) cancellable(cancel context.CancelCauseFunc) (leave func()) {
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.cancel = nil
		s.mu.Unlock()
	}
}

// interrupt ends the statement that runs, if any.
func (s *session) interrupt(cause error) {
	s.mu.Lock()
	cancel := s.cancel
	s.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}

// statementContext is the context of a statement that ends before the next message.
func (s *session) statementContext() (ctx context.Context, leave func()) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	end := s.cancellable(cancel)
	return ctx, func() {
		end()
		cancel(nil)
	}
}

// message answers one message. An error ends the session.
func (s *session) message(m pgproto3.FrontendMessage) error {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if _, sync := m.(*pgproto3.Sync); sync {
		s.skipping = false
		return s.ready()
	}
	if s.skipping {
		return nil
	}
	switch m := m.(type) {
	case *pgproto3.Query:
		s.query(m.String)
		return s.ready()
	case *pgproto3.Flush:
		return s.out.flush()
	case *pgproto3.Parse, *pgproto3.Bind, *pgproto3.Describe, *pgproto3.Execute, *pgproto3.Close:
		if err := s.extended(m); err != nil {
			s.fail(err)
			s.skipping = true
		}
		return s.out.err
	}
	s.fail(&backend.Error{Code: codeProtocolViolation, Message: fmt.Sprintf("unexpected message %T", m)})
	s.skipping = true
	return s.out.flush()
}

// ready says that the next command may come, and in which state the transaction is.
func (s *session) ready() error {
	status := byte('I')
	switch {
	case s.link.tx.failed:
		status = 'E'
	case s.link.tx.open:
		status = 'T'
	default:
		s.link.release()
	}
	s.out.send(&pgproto3.ReadyForQuery{TxStatus: status})
	return s.out.flush()
}

// fail sends an error and marks the transaction.
func (s *session) fail(err error) {
	e := failure(s.ctx, err)
	if s.link.tx.open {
		s.link.tx.failed = true
	}
	if e.Code == codeInternal {
		s.server.config.Logger.Warn("a statement of the foreign server has failed", "error", e.Message)
	}
	s.out.send(errorResponse(e))
}

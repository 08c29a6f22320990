package foreign

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
)

// Server answers postgres_fdw. It is safe for concurrent use.
type Server struct {
	config Config
	traits backend.Traits
	pool   *pool

	// mu guards what follows.
	mu       sync.Mutex
	schema   *schema
	sessions map[uint32]*session
	// peers are the sessions by the process of the local PostgreSQL that they serve.
	peers    map[uint32]*session
	lastID   uint32
	listener net.Listener
	closing  bool

	running sync.WaitGroup
}

// NewServer makes a server. Compile and Run work before Serve.
func NewServer(c Config) *Server {
	c = c.withDefaults()
	return &Server{config: c, traits: c.Engine.Traits(), pool: newPool(c.Engine, c.Sessions),
		sessions: map[uint32]*session{}, peers: map[uint32]*session{}}
}

// Serve takes sessions from a listener until Shutdown is called or ctx ends; either is no error. The listener is closed
// when it returns, and sessions that still run are ended by Shutdown.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return l.Close()
	}
	s.listener = l
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	done := make(chan struct{})
	defer close(done)
	s.running.Add(1)
	go s.trimIdle(done)
	for {
		conn, err := l.Accept()
		if err == nil {
			s.start(ctx, conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return nil
		}
		var passing net.Error
		if errors.As(err, &passing) && passing.Timeout() {
			continue
		}
		return errors.Join(err, l.Close())
	}
}

// trimIdle ends engine sessions that nobody has used for long, until done is closed.
func (s *Server) trimIdle(done <-chan struct{}) {
	defer s.running.Done()
	tick := time.NewTicker(idleAge / 5)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.pool.trim(now.Add(-idleAge))
		case <-done:
			return
		}
	}
}

// start runs a session.
func (s *Server) start(ctx context.Context, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		_ = conn.Close() // the server goes down
		return
	}
	s.lastID++
	ses := newSession(ctx, s, conn, s.lastID)
	s.sessions[ses.id] = ses
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		ses.serve()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sessions, ses.id)
		if s.peers[ses.peer] == ses {
			delete(s.peers, ses.peer)
		}
	}()
}

// introduce notes which process of the local PostgreSQL a session serves.
func (s *Server) introduce(ses *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses.peer != 0 {
		s.peers[ses.peer] = ses
	}
}

// cancel ends the statement of a session, if the secret is its.
func (s *Server) cancel(id, secret uint32) {
	s.mu.Lock()
	ses := s.sessions[id]
	s.mu.Unlock()
	if ses != nil && ses.secret == secret {
		ses.interrupt(errCancelled)
	}
}

// Shutdown takes no more sessions, lets those in a transaction end until ctx ends, ends all of them, and gives the engine
// sessions back. It may be called more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	l := s.listener
	sessions := make([]*session, 0, len(s.sessions))
	for _, ses := range s.sessions {
		sessions = append(sessions, ses)
	}
	s.mu.Unlock()
	if l != nil {
		_ = l.Close() // it may be closed already
	}
	for _, ses := range sessions {
		ses.drain()
	}
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		for _, ses := range sessions {
			ses.stop()
		}
		<-ended
	}
	return s.pool.close()
}

// spool makes a place for rows that wait.
func (s *Server) spool() *spool.Spool {
	return spool.New(spool.Limits{Memory: s.config.Memory, Disk: s.config.SpoolBytes, Dir: s.config.Directory})
}

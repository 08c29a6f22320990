// Package wire speaks PostgreSQL's protocol 3 with clients and relays it to the PostgreSQL behind ("home"). It knows
// frames, transactions and batches, but not what SQL means: an Interceptor picks the messages that it answers itself.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Server accepts client connections and pairs each with a connection to home.
type Server struct {
	cfg            Config
	tls            *tls.Config
	home           Home
	newInterceptor func(Session) Interceptor
	observer       Observer
	buffers        buffers
	cancels        cancelKeys
	// ctx is the parent of every session's context.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// loops run the sessions over plain sockets while serving is not 0; nil where Config asks for none.
	loops   *loops
	serving int

	nextID atomic.Uint64
	// admitted counts the sessions, from the start-up packet on.
	admitted atomic.Int64

	mu       sync.Mutex
	draining bool
	// sessions holds every accepted connection, also those in start-up and cancel requests.
	sessions  map[*session]struct{}
	listeners map[net.Listener]struct{}
	running   sync.WaitGroup
}

// NewServer makes a Server. newInterceptor is called once a session, after authentication; a nil newInterceptor relays
// everything, and so does a nil Interceptor. obs may be nil.
func NewServer(cfg Config, home Home, newInterceptor func(Session) Interceptor, obs Observer) *Server {
	if obs == nil {
		obs = unobserved{}
	}
	srv := &Server{
		cfg: cfg.withDefaults(), tls: serverTLS(cfg.TLS), home: home, newInterceptor: newInterceptor, observer: obs,
		sessions: make(map[*session]struct{}), listeners: make(map[net.Listener]struct{}),
	}
	srv.ctx, srv.cancel = context.WithCancelCause(context.Background())
	return srv
}

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("the server was shut down")

// Serve accepts connections on ln until Shutdown is called or ctx ends (which drains as Shutdown does), and returns when
// every session that came over ln has ended: with ErrServerClosed, or with the error that made accepting impossible. It
// may be called for several listeners. It closes ln.
func (srv *Server) Serve(ctx context.Context, ln net.Listener) error {
	defer ln.Close()
	if !srv.enlist(ln) {
		return ErrServerClosed
	}
	defer srv.delist(ln)
	var sweeper, sessions sync.WaitGroup
	defer sweeper.Wait()
	sweeping := make(chan struct{})
	sweeper.Go(func() { srv.sweep(sweeping) })
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		_ = srv.Shutdown(context.WithoutCancel(ctx))
	})
	err := srv.accept(ln, &sessions)
	sessions.Wait()
	close(sweeping)
	if !stop() {
		<-drained
	}
	return err
}

// sweep makes sessions look for an end of stream that they may have missed (inlet.doubt), until done is closed. With
// several listeners there are several sweeps, which only makes them look sooner.
func (srv *Server) sweep(done <-chan struct{}) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		for _, s := range srv.all() {
			s.doubt()
		}
	}
}

// enlist notes a listener, so that Shutdown closes it. It reports false once the server drains.
func (srv *Server) enlist(ln net.Listener) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.draining {
		return false
	}
	srv.listeners[ln] = struct{}{}
	srv.serving++
	if srv.serving == 1 && srv.cfg.RelayThreads > 0 {
		srv.startLoops()
	}
	return true
}

// startLoops starts the loops. Without them sessions wait in Go's own poller. srv.mu is held.
func (srv *Server) startLoops() {
	loops, err := newLoops(srv.cfg.RelayThreads)
	switch {
	case err == nil:
		srv.loops = loops
	case !errors.Is(err, errors.ErrUnsupported):
		srv.cfg.Logger.Warn("no relay threads could be started", "reason", err)
	}
}

// delist forgets a listener, all of whose sessions have ended. The last one stops the loops.
func (srv *Server) delist(ln net.Listener) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.listeners, ln)
	srv.serving--
	if srv.serving == 0 && srv.loops != nil {
		srv.loops.stop()
		srv.loops = nil
	}
}

// accept runs a session for each connection of ln. A shortage of file descriptors is waited out.
func (srv *Server) accept(ln net.Listener, own *sync.WaitGroup) error {
	pause := minBackoff
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			pause = minBackoff
			srv.begin(conn, own)
		case srv.isDraining():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting connections: %w", err)
		default:
			srv.cfg.Logger.Error("a connection could not be accepted", "reason", err)
			select {
			case <-time.After(pause):
			case <-srv.ctx.Done():
			}
			pause = min(2*pause, maxBackoff)
		}
	}
}

// isDraining reports whether Shutdown has begun.
func (srv *Server) isDraining() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.draining
}

// begin starts the goroutine of one connection. Connections far above the limit, which can only be in start-up, are
// closed without a word.
func (srv *Server) begin(conn net.Conn, own *sync.WaitGroup) {
	s := newSession(srv, conn)
	srv.mu.Lock()
	refused := ""
	switch {
	case srv.draining:
		refused = "draining"
	case len(srv.sessions) >= 2*srv.cfg.MaxConnections+64:
		refused = "too many connections"
	default:
		srv.sessions[s] = struct{}{}
		srv.running.Add(1)
	}
	srv.mu.Unlock()
	if refused != "" {
		srv.observer.ConnectionRefused(refused)
		s.cancel(nil)
		conn.Close()
		return
	}
	srv.observer.ConnectionOpened()
	own.Go(func() {
		defer srv.leave(s)
		s.run()
	})
}

// leave forgets a session that has ended.
func (srv *Server) leave(s *session) {
	if s.admitted {
		srv.admitted.Add(-1)
	}
	srv.mu.Lock()
	delete(srv.sessions, s)
	srv.mu.Unlock()
	srv.observer.ConnectionClosed()
	srv.running.Done()
}

// admit counts a session in, and reports false when there are too many.
func (srv *Server) admit() bool {
	if srv.admitted.Add(1) > int64(srv.cfg.MaxConnections) {
		srv.admitted.Add(-1)
		return false
	}
	return true
}

// Shutdown drains: listeners are closed, idle sessions are told 57P01 and closed, busy ones when they become idle
// outside a transaction. When ctx ends the rest is cut (after Config.DrainTimeout if ctx has no deadline), and ctx's
// error is returned. It returns when all sessions have ended.
func (srv *Server) Shutdown(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, srv.cfg.DrainTimeout)
		defer stop()
	}
	for _, s := range srv.stopAccepting() {
		s.drain()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.running.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	for _, s := range srv.all() {
		s.cut()
	}
	srv.cancel(ErrDraining)
	<-ended
	return ctx.Err()
}

// stopAccepting closes the listeners and returns the sessions that are left.
func (srv *Server) stopAccepting() []*session {
	srv.mu.Lock()
	srv.draining = true
	for ln := range srv.listeners {
		_ = ln.Close()
	}
	srv.mu.Unlock()
	return srv.all()
}

// all returns the connections of the moment.
func (srv *Server) all() []*session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	all := make([]*session, 0, len(srv.sessions))
	for s := range srv.sessions {
		all = append(all, s)
	}
	return all
}

// Connections is the number of client sessions at the moment, from the start-up packet on.
func (srv *Server) Connections() int { return int(srv.admitted.Load()) }

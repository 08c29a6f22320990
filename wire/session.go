package wire

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// session is one client connection with its connection to home. Two goroutines run it: the one that read the start-up
// packet goes on to read the client, and owns the session; the other reads home.
type session struct {
	srv *Server
	id  uint64
	// ctx ends with the session. Its cause is what Interceptor.Handle is told.
	ctx    context.Context
	cancel context.CancelCauseFunc

	// socket is the connection that was accepted; client is the same or the TLS over it, and is the session's own.
	socket       net.Conn
	client, home net.Conn
	// toClient and toHome write to them once the session is open. The home reader writes to the client while home is not
	// captured, the session's own goroutine otherwise; to home only the latter.
	toClient, toHome *outlet
	interceptor      Interceptor // nil: everything is relayed
	clientRelay
	homeRelay

	// readied counts home's ReadyForQuery messages above its low byte, which is the last status.
	readied atomic.Uint32

	mu     sync.Mutex
	change sync.Cond // signalled when anything below has changed, if waiting
	// waiting counts the goroutines that wait for change.
	waiting int
	led     ledger
	// relaying says that the home reader is writing a chunk to the client.
	relaying bool
	// captured says that home's messages go to the exchange and not to the client.
	captured bool
	// handing counts the chunks that the home reader is about to hand over or has in chunks.
	handing int
	chunks  chan []byte
	// cancels counts cancel requests that are on their way to home.
	cancels int
	// handling ends the context of the running Interceptor.Handle; nil while none runs.
	handling context.CancelCauseFunc
	// clientGone says that the client's end of stream was seen by somebody other than its reader.
	clientGone bool
	// homeEnd is why the home reader has ended; nil while it runs.
	homeEnd error
	// draining says that the session is to end when it is idle, and ended why it must end now.
	draining bool
	ended    error
	// key is home's process ID and secret key, as a CancelRequest carries them.
	key        string
	parameters []parameter
}

// newSession prepares a session for an accepted connection.
func newSession(srv *Server, conn net.Conn) *session {
	s := &session{srv: srv, id: srv.nextID.Add(1), socket: conn, client: conn}
	s.change.L = &s.mu
	s.ctx, s.cancel = context.WithCancelCause(srv.ctx)
	s.led.status = 'I'
	return s
}

// logger returns a logger that names the session.
func (s *session) logger() *slog.Logger {
	return s.srv.cfg.Logger.With("session", s.id, "client", s.socket.RemoteAddr().String())
}

// run is the whole life of a session. It closes both connections and returns when nothing of the session runs.
func (s *session) run() {
	defer s.cancel(nil)
	defer func() { _ = s.client.Close() }()
	err := s.guard("start-up", s.start)
	if err == nil {
		err = s.guard("relay", s.relay)
		s.finish(err)
	} else {
		s.refuse(err)
	}
	if s.interceptor != nil {
		_ = s.guard("close", func() error {
			s.interceptor.Close()
			return nil
		})
	}
	if s.key != "" {
		s.srv.cancels.remove(s.key)
	}
	if s.home != nil {
		s.home.Close()
	}
}

// guard calls f and turns a panic into an error, so that it ends this session only.
func (s *session) guard(what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(what, p)
		}
	}()
	return f()
}

// start brings the session up: first packets, home, authentication. A cancel request is served and ends quietly.
func (s *session) start() error {
	deadline := time.Now().Add(s.srv.cfg.StartupTimeout)
	if err := s.client.SetDeadline(deadline); err != nil {
		return fmt.Errorf("%w: %w", errQuietEnd, err)
	}
	startup, cancel, err := s.greet()
	if err != nil {
		return err
	}
	if cancel != nil {
		s.srv.serveCancel(s.ctx, cancel)
		return errQuietEnd
	}
	if !s.srv.admit() {
		return tooManyConnections(s.srv.cfg.MaxConnections)
	}
	s.admitted = true
	ctx, stop := context.WithDeadline(s.ctx, deadline)
	defer stop()
	home, _, err := s.srv.home.Dial(ctx)
	if err != nil {
		return homeUnreachable(err)
	}
	if err := s.attach(home, deadline); err != nil {
		return err
	}
	rest, err := s.login(startup)
	if err != nil {
		return err
	}
	return s.open(startup, rest)
}

// attach makes home the session's connection, which from now on is closed with it.
func (s *session) attach(home net.Conn, deadline time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.home = home
	if s.ended != nil {
		return s.ended
	}
	return home.SetDeadline(deadline)
}

// open prepares the relay after authentication. rest is what home has sent already.
func (s *session) open(startup *startupPacket, rest []byte) error {
	if s.srv.newInterceptor != nil && !startup.replication() {
		user, database := startup.get("user"), startup.get("database")
		if database == "" {
			database = user
		}
		s.interceptor = s.srv.newInterceptor(Session{
			ID: s.id, User: user, Database: database, RemoteAddr: s.socket.RemoteAddr().String(),
		})
	}
	if err := s.home.SetDeadline(time.Time{}); err != nil {
		return homeLost(err)
	}
	s.moveToLoop()
	s.in = newInlet(s.client, &s.srv.buffers, nil, s.clientTook)
	s.homeIn = newInlet(s.home, &s.srv.buffers, rest, s.homeTook)
	s.homeIn.gather = true
	s.toClient, s.toHome = newOutlet(s.client), newOutlet(s.home)
	s.homeDone = make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return s.ended
	}
	s.opened = true
	return s.client.SetDeadline(time.Time{})
}

// moveToLoop has the session wait in a loop of the server, if both of its connections are plain sockets. Where that
// fails it waits in Go's own poller.
func (s *session) moveToLoop() {
	if s.srv.loops == nil || s.client != s.socket {
		return
	}
	l := s.srv.loops.pick()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := rawOf(s.home); !ok {
		return
	}
	client, err := l.adopt(s.client)
	if err != nil {
		return
	}
	s.socket, s.client = client, client
	if home, err := l.adopt(s.home); err == nil {
		s.home = home
	}
}

// relay runs both directions until the session ends, and returns why.
func (s *session) relay() error {
	go s.readHome()
	return s.readClient()
}

// end makes the session stop with err. It is called by others than the session's goroutines, and does not block.
func (s *session) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(err)
}

// endLocked is end with s.mu held.
func (s *session) endLocked(err error) {
	if s.ended == nil {
		s.ended = err
	}
	s.change.Broadcast()
	_ = s.socket.SetReadDeadline(past)
	if s.home != nil && !s.opened {
		_ = s.home.SetDeadline(past)
	}
}

// drain asks the session to end when it is idle: nothing owed by home and no transaction open. One that is still in
// start-up ends at once.
func (s *session) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	if !s.opened {
		s.endLocked(drained())
	}
	s.drainLocked()
}

// drainLocked ends a draining session that is idle. s.mu is held.
func (s *session) drainLocked() {
	if s.draining && s.opened && s.idleLocked() {
		s.endLocked(drained())
	}
}

// idleLocked reports whether the session does nothing and holds no transaction. s.mu is held.
func (s *session) idleLocked() bool {
	return s.led.quiet() && s.led.unsynced == 0 && s.led.status == 'I' && !s.relaying && !s.captured && s.scan.atBorder()
}

// doubt makes both directions look for a missed end of stream.
func (s *session) doubt() {
	s.mu.Lock()
	opened := s.opened
	s.mu.Unlock()
	if opened {
		s.in.doubt()
		s.homeIn.doubt()
	}
}

// cut ends the session now, whatever it does.
func (s *session) cut() {
	s.end(drained())
	s.cancel(ErrDraining)
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.socket.SetWriteDeadline(time.Now().Add(farewell))
}

// received notes a message of home. s.mu is held.
func (s *session) received(typ byte, body []byte) {
	var status byte
	switch {
	case typ == 'Z' && len(body) == 1:
		status = body[0]
		s.noteReady(status)
	case typ == 'S':
		s.setParameter(body)
	case typ == 'C':
		s.led.completed(body)
	}
	s.led.received(typ, status)
}

// noteReady counts a ReadyForQuery, for the interceptor. Only the one who has home's messages calls it.
func (s *session) noteReady(status byte) {
	s.readied.Store(s.readied.Load()&^0xff + 1<<8 | uint32(status))
}

// setParameter notes the body of a ParameterStatus. s.mu is held.
func (s *session) setParameter(body []byte) {
	first, rest, _ := bytes.Cut(body, []byte{0})
	second, _, ok := bytes.Cut(rest, []byte{0})
	if !ok {
		return
	}
	name, value := string(first), string(second)
	for i := range s.parameters {
		if s.parameters[i].name == name {
			s.parameters[i].value = value
			return
		}
	}
	s.parameters = append(s.parameters, parameter{name, value})
}

// parameter returns the last value that home reported.
func (s *session) parameter(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parameters {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// wait blocks until something of the session has changed. s.mu is held, and released meanwhile.
func (s *session) wait() {
	s.waiting++
	s.change.Wait()
	s.waiting--
}

// changed wakes those who wait. s.mu is held.
func (s *session) changed() {
	if s.waiting > 0 {
		s.change.Broadcast()
	}
}

// register lets cancel requests that carry key find the session.
func (s *session) register(key string) {
	s.key = key
	s.srv.cancels.add(key, s)
}

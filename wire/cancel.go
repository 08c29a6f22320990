package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// cancelKeys finds the session that a cancel request means, by home's process ID and secret key.
type cancelKeys struct {
	mu       sync.Mutex
	sessions map[string]*session
}

// add registers a session under its key.
func (c *cancelKeys) add(key string, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == nil {
		c.sessions = make(map[string]*session)
	}
	c.sessions[key] = s
}

// remove forgets a key.
func (c *cancelKeys) remove(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, key)
}

// find returns the session with a key, nil if there is none.
func (c *cancelKeys) find(key string) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[key]
}

// serveCancel serves a CancelRequest. A running Handle of the session it means is told, and home gets the request too,
// on a connection of its own. It returns when home has closed that connection, which is when home's process has its
// signal; until then the session sends nothing new to home, and the client's own connection stays open, so that the
// cancel cannot hit what comes after it. A key that no session has goes to home as it is: another proxy before the same
// home may have given it out.
func (srv *Server) serveCancel(ctx context.Context, raw []byte) {
	key, ok := cancelKey(raw)
	if !ok {
		return
	}
	s := srv.cancels.find(key)
	if s == nil {
		srv.passCancel(ctx, key, nil)
		return
	}
	home := s.holdForCancel(true)
	defer s.letGo()
	srv.passCancel(ctx, key, home)
}

// holdForCancel makes the session send nothing to home until letGo, and, at the client's wish, ends a running Handle. It returns the
// session's connection to home.
func (s *session) holdForCancel(byClient bool) (home net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancels++
	if byClient && s.handling != nil {
		s.handling(ErrCanceled)
	}
	return s.home
}

// letGo ends a holdForCancel.
func (s *session) letGo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancels--
	s.changed()
}

// cancelAtHome has home cancel what it does for this session.
func (s *session) cancelAtHome() {
	if s.key == "" {
		return
	}
	home := s.holdForCancel(false)
	defer s.letGo()
	s.srv.passCancel(context.WithoutCancel(s.ctx), s.key, home)
}

// peerDialer is a Home of several servers: DialPeer leads to the very one that conn, a transport of Dial, leads to.
type peerDialer interface {
	DialPeer(ctx context.Context, conn net.Conn) (peer net.Conn, tlsUp bool, err error)
}

// dialPeer opens a transport to the server that a session's home connection leads to; to any where home is nil.
func (srv *Server) dialPeer(ctx context.Context, home net.Conn) (net.Conn, error) {
	if d, ok := srv.home.(peerDialer); ok && home != nil {
		conn, _, err := d.DialPeer(ctx, home)
		return conn, err
	}
	conn, _, err := srv.home.Dial(ctx)
	return conn, err
}

// passCancel sends a CancelRequest to the home that a session's connection leads to, and waits until home has closed
// the new connection.
func (srv *Server) passCancel(ctx context.Context, key string, home net.Conn) {
	ctx, stop := context.WithTimeout(ctx, srv.cfg.CancelTimeout)
	defer stop()
	conn, err := srv.dialPeer(ctx, home)
	if err != nil {
		srv.cfg.Logger.Warn("a cancel request did not reach home", "reason", err)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })()
	packet := binary.BigEndian.AppendUint32(nil, uint32(8+len(key)))
	packet = binary.BigEndian.AppendUint32(packet, codeCancel)
	if _, err = conn.Write(append(packet, key...)); err == nil {
		_, err = io.CopyN(io.Discard, conn, maxUnread)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		srv.cfg.Logger.Warn("a cancel request did not reach home", "reason", err)
	}
}

// minBackoff and maxBackoff bound the pause after a failed accept.
const (
	minBackoff = 5 * time.Millisecond
	maxBackoff = time.Second
)

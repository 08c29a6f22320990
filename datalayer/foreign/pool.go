package foreign

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// idleAge is how long an engine session is kept that nobody uses.
const idleAge = 5 * time.Minute

// pool keeps engine sessions between transactions, the one used last on top, and bounds how many there are.
type pool struct {
	engine backend.Engine
	// slots holds one token for each session that is in use.
	slots chan struct{}

	mu     sync.Mutex
	idle   []idleConn
	closed bool
}

// idleConn is a session nobody uses, and since when.
type idleConn struct {
	conn  backend.Conn
	since time.Time
}

// newPool makes a pool of at most size sessions in use.
func newPool(engine backend.Engine, size int) *pool {
	return &pool{engine: engine, slots: make(chan struct{}, size)}
}

// get gives a session; reused says that it has been used before, so that the engine may have ended it meanwhile. It waits
// while all are in use.
func (p *pool) get(ctx context.Context) (conn backend.Conn, reused bool, err error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		conn = p.idle[n-1].conn
		p.idle = p.idle[:n-1]
	}
	p.mu.Unlock()
	if conn != nil {
		return conn, true, nil
	}
	if conn, err = p.engine.Connect(ctx); err != nil {
		<-p.slots
		return nil, false, err
	}
	return conn, false, nil
}

// full reports whether all sessions are in use.
func (p *pool) full() bool { return len(p.slots) == cap(p.slots) }

// put takes a session back that has neither transaction nor open results.
func (p *pool) put(conn backend.Conn) {
	p.mu.Lock()
	keep := !p.closed
	if keep {
		p.idle = append(p.idle, idleConn{conn, time.Now()})
	}
	p.mu.Unlock()
	if !keep {
		_ = conn.Close()
	}
	<-p.slots
}

// drop ends a session that is of no more use. Those that lie idle are ended too where the engine was lost: they most
// likely were as well.
func (p *pool) drop(conn backend.Conn, lost bool) {
	_ = conn.Close() // a session that is given up
	<-p.slots
	if lost {
		p.trim(time.Now())
	}
}

// trim ends the sessions that lie idle since before a time.
func (p *pool) trim(before time.Time) {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && p.idle[n].since.Before(before) {
		n++
	}
	old := p.idle[:n:n]
	p.idle = p.idle[n:]
	p.mu.Unlock()
	for _, c := range old {
		_ = c.conn.Close()
	}
}

// close ends what lies idle; what is in use is ended when it comes back.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var errs []error
	for _, c := range idle {
		errs = append(errs, c.conn.Close())
	}
	return errors.Join(errs...)
}

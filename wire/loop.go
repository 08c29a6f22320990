package wire

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// loop waits for many sockets in one goroutine, which keeps a thread while it does, and runs the callbacks of those who
// wait for them there, so that a message that is only passed on wakes no goroutine. Callbacks do not block: what would is
// left to the goroutine, which waits in loopConn.await meanwhile and is woken then.
//
// It exists because Go's scheduler answers each wake-up of a goroutine by a network event with the wake-up of a further
// thread, which costs more processor time than the relaying of a short message.
type loop struct {
	poll epoll
	mu   sync.Mutex
	// conns holds the sockets by slot, with nil in the free ones, and free lists these.
	conns []*loopConn
	free  []uint32
	// uses numbers the uses of slots, so that an event of a socket that has left is not taken for its successor's.
	uses  uint32
	ended chan struct{}
	// alarms says when the callbacks of sockets are to be called if no event comes before. Only the loop's goroutine, and
	// the callbacks that it runs, touch it.
	alarms map[*loopConn]time.Time
}

// token says which socket an event is of.
type token struct{ slot, use uint32 }

// event says that a socket may be read or written again; an end of the stream, or of the connection, is for both to find.
type event struct {
	token
	read, write bool
}

// newLoop starts a loop. Its user stops it once no socket is in it any more. The error is errors.ErrUnsupported on
// systems without epoll.
func newLoop() (*loop, error) {
	poll, err := newEpoll()
	if err != nil {
		return nil, err
	}
	l := &loop{poll: poll, ended: make(chan struct{}), alarms: make(map[*loopConn]time.Time)}
	go l.run()
	return l, nil
}

// stop ends the loop and waits for it.
func (l *loop) stop() {
	l.poll.wake()
	<-l.ended
	l.poll.close()
}

// yieldInterval is how often a loop goes through Go's scheduler. A goroutine that has not for 10 ms is taken its processor
// away as soon as it waits for events, and with each such wait the runtime's monitor is woken, which costs more than the
// relaying of a message.
const yieldInterval = 4 * time.Millisecond

// run waits for events and serves them until stop is called.
func (l *loop) run() {
	defer close(l.ended)
	var events [maxEvents]event
	var conns [maxEvents]*loopConn
	var yielded time.Time
	for {
		if now := time.Now(); now.Sub(yielded) > yieldInterval {
			runtime.Gosched()
			yielded = now
		}
		n, stopped := l.poll.wait(&events, l.patience())
		if stopped {
			return
		}
		l.find(events[:n], conns[:n])
		for i, c := range conns[:n] {
			if c != nil {
				delete(l.alarms, c)
				c.happened(events[i])
				conns[i] = nil
			}
		}
		l.ring()
	}
}

// setAlarm has the callback of c's reader called after d, to the next millisecond, if no event of c comes before. Only
// that callback may call it, on the loop's thread.
func (l *loop) setAlarm(c *loopConn, d time.Duration) { l.alarms[c] = time.Now().Add(d) }

// patience is how long the loop may wait for events, in milliseconds; -1 is forever.
func (l *loop) patience() int {
	if len(l.alarms) == 0 {
		return -1
	}
	return 1
}

// ring calls the callbacks whose alarms are due.
func (l *loop) ring() {
	if len(l.alarms) == 0 {
		return
	}
	now := time.Now()
	for c, due := range l.alarms {
		if !due.After(now) {
			delete(l.alarms, c)
			c.serve(&c.reading)
		}
	}
}

// find looks up the sockets that events are of, nil for one that has left.
func (l *loop) find(events []event, conns []*loopConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range events {
		if c := l.conns[e.slot]; c != nil && c.token.use == e.use {
			conns[i] = c
		}
	}
}

// adopt takes the socket out of conn, which is closed, and gives a connection over it that waits in the loop. On an error
// conn is as it was.
func (l *loop) adopt(conn net.Conn) (*loopConn, error) {
	raw, ok := rawOf(conn)
	if !ok {
		return nil, fmt.Errorf("a %T: %w", conn, errors.ErrUnsupported)
	}
	fd, err := duplicate(raw)
	if err != nil {
		return nil, err
	}
	c := &loopConn{loop: l, fd: fd, local: conn.LocalAddr(), remote: conn.RemoteAddr()}
	c.reading.wake, c.writing.wake = make(chan struct{}, 1), make(chan struct{}, 1)
	if err := l.enter(c); err != nil {
		closeSocket(fd)
		return nil, err
	}
	_ = conn.Close() // takes it out of Go's own poller; the socket lives on in c
	return c, nil
}

// enter gives c a slot and begins to wait for its events.
func (l *loop) enter(c *loopConn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uses++
	if n := len(l.free); n > 0 {
		c.token = token{slot: l.free[n-1], use: l.uses}
		l.free = l.free[:n-1]
	} else {
		c.token = token{slot: uint32(len(l.conns)), use: l.uses}
		l.conns = append(l.conns, nil)
	}
	l.conns[c.token.slot] = c
	err := l.poll.add(c.fd, c.token)
	if err != nil {
		l.vacate(c.token.slot)
	}
	return err
}

// quit takes c, whose descriptor is still open, out of the loop.
func (l *loop) quit(c *loopConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.poll.remove(c.fd)
	l.vacate(c.token.slot)
}

// vacate frees a slot. l.mu is held.
func (l *loop) vacate(slot uint32) {
	l.conns[slot] = nil
	l.free = append(l.free, slot)
}

// loops are the loops of a Server.
type loops struct {
	all  []*loop
	next atomic.Uint32
}

// newLoops starts n loops.
func newLoops(n int) (*loops, error) {
	ls := &loops{}
	for range n {
		l, err := newLoop()
		if err != nil {
			ls.stop()
			return nil, err
		}
		ls.all = append(ls.all, l)
	}
	return ls, nil
}

// stop ends the loops and waits for them.
func (ls *loops) stop() {
	for _, l := range ls.all {
		l.stop()
	}
}

// pick gives the loops in turn; ls is not empty.
func (ls *loops) pick() *loop {
	return ls.all[int(ls.next.Add(1)-1)%len(ls.all)]
}

// loopPanic is a panic of a callback, which is raised again on the stack of the goroutine that waits.
type loopPanic struct {
	value any
	stack []byte
}

// caught wraps what recover has returned.
func caught(value any) *loopPanic { return &loopPanic{value: value, stack: debug.Stack()} }

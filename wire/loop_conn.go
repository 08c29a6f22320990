package wire

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// loopConn is a net.Conn whose readers and writers wait in a loop. One goroutine reads and one writes at a time; all
// else may be called by any.
type loopConn struct {
	loop          *loop
	fd            uintptr
	token         token
	local, remote net.Addr
	// users counts those who use fd, and holds the marks isClosed and isGone.
	users            atomic.Int64
	reading, writing side
	// waitsToWrite says that the loop has been asked for events of writing. The writer alone touches it.
	waitsToWrite bool
}

// The marks in loopConn.users: Close was called, and the descriptor was given back.
const (
	isClosed = 1 << 40
	isGone   = 1 << 41
)

// side is one direction of a loopConn and the goroutine that waits for it.
type side struct {
	mu    sync.Mutex
	state sideState
	// missed says that an event came while nobody was parked.
	missed bool
	// onLoop is what the loop calls for the parked goroutine; nil only wakes it.
	onLoop func(fd uintptr) bool
	// wake is sent to by whoever takes the side out of the states parked and served.
	wake chan struct{}
	// expired says that the deadline has passed, closed that Close was called.
	expired, closed bool
	timer           *time.Timer
	// panicked is what onLoop has panicked with.
	panicked *loopPanic
}

// sideState says who has a side.
type sideState uint8

const (
	// busy: a goroutine uses it, or none.
	busy sideState = iota
	// parked: a goroutine waits.
	parked
	// served: a goroutine waits, and the loop runs its callback.
	served
)

// fault is why nobody may wait any more. s.mu is held.
func (s *side) fault() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// await calls onStack, on the caller's stack, and if that returns false waits for an event and calls onLoop on the loop's
// thread, again and again until it returns true, the deadline passes or the connection is closed. Both get a descriptor
// that does not block, and must try what they do before they return false. onLoop must not block. After a panic of
// onLoop await panics with a *loopPanic.
func (c *loopConn) await(s *side, onStack, onLoop func(fd uintptr) bool) error {
	for {
		s.mu.Lock()
		err := s.fault()
		s.missed = false
		s.mu.Unlock()
		if err != nil {
			return err
		}
		if done, err := c.use(onStack); done || err != nil {
			return err
		}
		s.mu.Lock()
		if s.missed || s.fault() != nil {
			s.mu.Unlock()
			continue
		}
		s.state, s.onLoop = parked, onLoop
		s.mu.Unlock()
		<-s.wake
		done, err := s.woken()
		if done || err != nil {
			return err
		}
	}
}

// woken tells the goroutine that was parked what has come of it.
func (s *side) woken() (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ran := s.state == served
	s.state, s.onLoop = busy, nil
	if p := s.panicked; p != nil {
		s.panicked = nil
		panic(p)
	}
	if ran {
		return true, nil
	}
	return false, s.fault()
}

// happened serves an event; it runs on the loop's thread.
func (c *loopConn) happened(e event) {
	if e.read {
		c.serve(&c.reading)
	}
	if e.write {
		c.serve(&c.writing)
	}
}

// serve runs the callback of a side whose goroutine is parked.
func (c *loopConn) serve(s *side) {
	s.mu.Lock()
	if s.state != parked {
		s.missed = true
		s.mu.Unlock()
		return
	}
	s.state = served
	f := s.onLoop
	s.mu.Unlock()
	done, caught := c.tryUse(f)
	s.mu.Lock()
	if !done && caught == nil {
		s.state = parked
		if s.fault() != nil {
			s.interrupt()
		}
		s.mu.Unlock()
		return
	}
	s.panicked = caught
	s.mu.Unlock()
	s.wake <- struct{}{}
}

// tryUse calls f as use does and catches its panic.
func (c *loopConn) tryUse(f func(fd uintptr) bool) (done bool, panicked *loopPanic) {
	defer func() {
		if p := recover(); p != nil {
			panicked = caught(p)
		}
	}()
	done, _ = c.use(f) // a closed connection wakes its goroutines in another way
	return done, nil
}

// interrupt wakes the goroutine if it is parked. s.mu is held.
func (s *side) interrupt() {
	if s.state == parked {
		s.state = busy
		s.wake <- struct{}{}
	}
}

// use calls f with the descriptor, which is not given back meanwhile.
func (c *loopConn) use(f func(fd uintptr) bool) (done bool, err error) {
	if !c.hold() {
		return false, net.ErrClosed
	}
	defer c.letGo()
	return f(c.fd), nil
}

// hold keeps the descriptor open until letGo. It reports false when the connection is closed.
func (c *loopConn) hold() bool {
	if c.users.Add(1) < isClosed {
		return true
	}
	c.letGo()
	return false
}

// letGo ends a hold. The last one after Close gives the descriptor back.
func (c *loopConn) letGo() {
	if c.users.Add(-1) == isClosed && c.users.CompareAndSwap(isClosed, isClosed|isGone) {
		closeSocket(c.fd)
	}
}

// Close implements net.Conn. Those who wait are woken with net.ErrClosed.
func (c *loopConn) Close() error {
	if !c.hold() {
		return net.ErrClosed
	}
	defer c.letGo()
	if c.users.Or(isClosed)&isClosed != 0 {
		return net.ErrClosed
	}
	c.loop.quit(c)
	for _, s := range []*side{&c.reading, &c.writing} {
		s.mu.Lock()
		s.closed = true
		s.setTimer(time.Time{})
		s.interrupt()
		s.mu.Unlock()
	}
	return nil
}

// Read implements net.Conn.
func (c *loopConn) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	var errno syscall.Errno
	f := func(fd uintptr) bool {
		n, errno = rawRead(fd, b)
		for errno == syscall.EINTR {
			n, errno = rawRead(fd, b)
		}
		return errno != syscall.EAGAIN
	}
	switch err := c.awaitRead(f, f); {
	case err != nil:
		return 0, err
	case errno != 0:
		return 0, os.NewSyscallError("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *loopConn) Write(b []byte) (int, error) { return newOutlet(c).Write(b) }

// awaitRead implements waiter.
func (c *loopConn) awaitRead(onStack, onLoop func(fd uintptr) bool) error {
	return c.await(&c.reading, onStack, onLoop)
}

// awaitWrite implements waiter. The loop listens for the events of writing from the first wait on only: on Unix sockets
// each message that the peer takes would be one.
func (c *loopConn) awaitWrite(onStack, onLoop func(fd uintptr) bool) error {
	if c.waitsToWrite {
		return c.await(&c.writing, onStack, onLoop)
	}
	return c.await(&c.writing, func(fd uintptr) bool {
		if onStack(fd) {
			return true
		}
		if !c.waitsToWrite {
			c.waitsToWrite = true
			c.loop.poll.addWrites(fd, c.token)
		}
		return false
	}, onLoop)
}

// CloseWrite ends the stream to the peer.
func (c *loopConn) CloseWrite() error {
	if !c.hold() {
		return net.ErrClosed
	}
	defer c.letGo()
	return syscall.Shutdown(int(c.fd), syscall.SHUT_WR)
}

// LocalAddr implements net.Conn.
func (c *loopConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *loopConn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *loopConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *loopConn) SetReadDeadline(t time.Time) error { return c.reading.setDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *loopConn) SetWriteDeadline(t time.Time) error { return c.writing.setDeadline(t) }

// setDeadline sets the time at which waiting ends; the zero time is never.
func (s *side) setDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.setTimer(t)
	return nil
}

// setTimer is setDeadline with s.mu held.
func (s *side) setTimer(t time.Time) {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.expired = false
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		s.expired = true
		s.interrupt()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.timer == timer {
			s.expired = true
			s.interrupt()
		}
	})
	s.timer = timer
}

package wire

import (
	"sync"
	"syscall"
	"time"
)

// watchDelay is how long an exchange runs before the client's socket is watched, so that short ones cost no goroutine.
const watchDelay = 20 * time.Millisecond

// watch notices that the client has gone while nobody reads from it.
type watch struct {
	s       *session
	timer   *time.Timer
	mu      sync.Mutex
	stopped bool
	done    chan struct{} // closed when the waiting goroutine has ended; nil before it has begun
}

// watchClient begins a watch, which the caller stops before the client is read again. It returns nil where the client's
// connection is no socket.
func (s *session) watchClient() *watch {
	socket, ok := waiterOf(s.socket)
	if !ok {
		return nil
	}
	w := &watch{s: s}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(watchDelay, func() { w.run(socket) })
	return w
}

// run waits for the client's end of stream without taking bytes off the socket.
func (w *watch) run(socket waiter) {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.done = make(chan struct{})
	w.mu.Unlock()
	defer close(w.done)
	var one [1]byte
	gone := false
	peek := func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err == syscall.ECONNRESET
		return gone
	}
	for !gone {
		if err := socket.awaitRead(peek, peek); err != nil && !w.again() {
			return
		}
	}
	w.s.clientLeft()
}

// again reports whether the watch goes on after its wait was broken off, and takes the deadline back that did it.
func (w *watch) again() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return false
	}
	return w.s.socket.SetReadDeadline(time.Time{}) == nil
}

// stop ends the watch and waits for it.
func (w *watch) stop() {
	if w == nil {
		return
	}
	w.mu.Lock()
	again, done := w.stopped, w.done
	w.stopped = true
	w.mu.Unlock()
	if again {
		return
	}
	w.timer.Stop()
	if done == nil {
		return
	}
	_ = w.s.socket.SetReadDeadline(past)
	<-done
	_ = w.s.socket.SetReadDeadline(time.Time{})
}

// clientLeft notes that the client's stream has ended.
func (s *session) clientLeft() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clientGone = true
	if s.handling != nil {
		s.handling(ErrClientGone)
	}
	s.change.Broadcast()
}

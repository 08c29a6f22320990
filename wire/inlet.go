package wire

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// inlet reads a connection in chunks and holds no buffer while nothing arrives. On TCP and Unix sockets it waits for
// readability first and takes a buffer then; on others (TLS) it waits with a buffer of one byte.
//
// It is used by one goroutine. The unread bytes are buf[off:end].
type inlet struct {
	conn net.Conn
	wait waiter
	pool *buffers
	buf  []byte
	off  int
	end  int
	// took is called when bytes have been added to buf. It says what is to be done next.
	took func() verdict
	// gather makes it read until nothing more is there, the buffer is full or a ReadyForQuery ends it, before took is
	// called: PostgreSQL writes 8 KiB at a time, and larger chunks save writes. took must use up all bytes then.
	gather bool
	// outcome is what the last run ended with.
	outcome error
	// trust says whether the wait relies on a write to notice the end of the stream; see await and doubt.
	trust atomic.Uint32
	// onReady and onLoop are i.ready and i.readyOnLoop, made once so that a run does not allocate.
	onReady, onLoop func(fd uintptr) bool
	// inLoop says that took is called on a loop's thread, where it must not block; turns counts the calls there since
	// the event.
	inLoop bool
	turns  int
	// bulk is used where gather is set.
	bulk bulk
	// paused says that the run goes on, but on the goroutine's own stack.
	paused bool
	one    [1]byte
}

// waiter waits for a socket: it calls onStack on the caller's stack, and then, while that has returned false, either of
// both on every event, until one returns true. onLoop is called where it must not block.
type waiter interface {
	awaitRead(onStack, onLoop func(fd uintptr) bool) error
	awaitWrite(onStack, onLoop func(fd uintptr) bool) error
}

// verdict is what an inlet does after its bytes were looked at.
type verdict uint8

const (
	// readOn reads again at once: more may be waiting.
	readOn verdict = iota
	// await goes back to waiting without another read, which saves a system call in the usual case that nothing more
	// has come. The poller reports an end of the stream that came together with the bytes only once, with them, so this
	// is for places where a write that follows would notice the end too; what slips through nevertheless is found by
	// doubt.
	await
	// leave ends the run.
	leave
	// onStack has took called again, for what it has left unread, on the stack of the goroutine that runs the inlet.
	onStack
)

// maxTurns is how often took is called for one event on a loop's thread. Who has more to say is served by its goroutine,
// so that the loop's other sockets do not wait.
const maxTurns = 2

// The values of inlet.trust.
const (
	// certain: the last read has found that there was nothing more.
	certain = iota
	// trusting: the inlet waits by await.
	trusting
	// doubted: it has waited so for one sweep of the server already.
	doubted
)

// sweepInterval is the time between two calls of doubt.
const sweepInterval = time.Second

// doubt makes an inlet that has waited by await since the last call read once more: its run ends with
// os.ErrDeadlineExceeded, and whoever runs it takes the deadline back and runs it again. It is called by the server's
// sweep, from another goroutine.
func (i *inlet) doubt() {
	switch i.trust.Load() {
	case trusting:
		i.trust.CompareAndSwap(trusting, doubted)
	case doubted:
		if i.trust.CompareAndSwap(doubted, certain) {
			_ = i.conn.SetReadDeadline(past)
		}
	}
}

// newInlet makes an inlet over conn. The first bytes, read before, are handed out first.
func newInlet(conn net.Conn, pool *buffers, first []byte, took func() verdict) *inlet {
	i := &inlet{conn: conn, pool: pool, took: took}
	if w, ok := waiterOf(conn); ok {
		i.wait, i.onReady, i.onLoop = w, i.ready, i.readyOnLoop
	}
	if len(first) > 0 {
		i.room(len(first))
		i.end = copy(i.buf, first)
	}
	return i
}

// rawOf returns the socket under conn if reads may bypass conn.
func rawOf(conn net.Conn) (syscall.RawConn, bool) {
	switch c := conn.(type) {
	case *net.TCPConn:
		raw, err := c.SyscallConn()
		return raw, err == nil
	case *net.UnixConn:
		raw, err := c.SyscallConn()
		return raw, err == nil
	}
	return nil, false
}

// waiterOf returns how to wait for the socket under conn if reads may bypass conn.
func waiterOf(conn net.Conn) (waiter, bool) {
	if c, ok := conn.(*loopConn); ok {
		return c, true
	}
	raw, ok := rawOf(conn)
	return netWaiter{raw}, ok
}

// netWaiter waits in Go's own poller.
type netWaiter struct{ raw syscall.RawConn }

// awaitRead implements waiter.
func (w netWaiter) awaitRead(onStack, _ func(fd uintptr) bool) error { return w.raw.Read(onStack) }

// awaitWrite implements waiter.
func (w netWaiter) awaitWrite(onStack, _ func(fd uintptr) bool) error { return w.raw.Write(onStack) }

// socketOf returns the socket that lies under conn, TLS or not, and nil if there is none.
func socketOf(conn net.Conn) net.Conn {
	for {
		switch c := conn.(type) {
		case *net.TCPConn, *net.UnixConn, *loopConn:
			return conn
		case *tls.Conn:
			conn = c.NetConn()
		case *prefixed:
			conn = c.Conn
		default:
			return nil
		}
	}
}

// run hands unread bytes to took and reads on until took leaves or the connection ends. A nil error means that took left.
func (i *inlet) run() error {
	i.inLoop = false
	for {
		if i.off < i.end && i.took() == leave {
			return nil
		}
		i.settle()
		if i.wait == nil {
			return i.runPlain()
		}
		i.outcome, i.paused = nil, false
		if err := i.wait.awaitRead(i.onReady, i.onLoop); err != nil {
			return err
		}
		if !i.paused {
			return i.outcome
		}
	}
}

// readyOnLoop is ready on a loop's thread.
func (i *inlet) readyOnLoop(fd uintptr) bool {
	i.inLoop, i.turns = true, 0
	defer func() { i.inLoop = false }()
	return i.ready(fd)
}

// pauses reports whether a run on a loop's thread ends here, to go on elsewhere, after took has returned v. drained says
// that nothing more is to be read.
func (i *inlet) pauses(v verdict, drained bool) bool {
	i.turns++
	i.paused = i.inLoop && (v == onStack || v == readOn && !drained && i.turns >= maxTurns)
	return i.paused
}

// runPlain is run for connections that cannot be waited for without reading.
func (i *inlet) runPlain() error {
	for {
		if err := i.fill(); err != nil {
			return err
		}
		if i.took() == leave {
			return nil
		}
		i.settle()
	}
}

// fill waits for bytes and appends them to the buffer. It returns after the first that come.
func (i *inlet) fill() error {
	if i.end > i.off {
		i.room(1)
		n, err := i.conn.Read(i.buf[i.end:])
		i.end += n
		return streamEnd(n, err)
	}
	n, err := i.conn.Read(i.one[:])
	if n == 0 {
		return streamEnd(n, err)
	}
	i.room(1)
	i.buf[i.end] = i.one[0]
	i.end++
	// The rest of a TLS record is there already; a message is five bytes long at least, so waiting for a second byte
	// waits for nothing that would not have to come anyway.
	n, err = i.conn.Read(i.buf[i.end:])
	i.end += n
	return streamEnd(n, err)
}

// streamEnd is the error of a read that returned n bytes and err.
func streamEnd(n int, err error) error {
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// ready is called by the poller's wait loop: it reads what there is and returns true when the run is over.
func (i *inlet) ready(fd uintptr) bool {
	if i.trust.Load() != certain {
		i.trust.Store(certain)
	}
	for {
		i.room(1)
		space := i.buf[i.end:]
		n, errno := rawRead(fd, space)
		switch {
		case errno == 0 && n > 0:
			i.end += n
			if i.gather && n < len(space) && i.wantsMore() {
				continue
			}
			next := i.took()
			if next == leave || i.pauses(next, false) {
				return true
			}
			i.settle()
			if (next == await || i.bulk.on && i.inLoop) && n < len(space) {
				i.trust.Store(trusting)
				i.setAlarm()
				return false
			}
		case errno == syscall.EINTR:
		default:
			if i.bulk.on && (!i.inLoop || i.end-i.off < bulkPiece) {
				i.calm()
			}
			if i.gather && i.off < i.end {
				if next := i.took(); next == leave || i.pauses(next, true) {
					return true
				}
			}
			i.settle()
			switch errno {
			case syscall.EAGAIN:
				i.setAlarm()
				return false
			case 0:
				i.outcome = io.EOF
			default:
				i.outcome = errno
			}
			return true
		}
	}
}

// wantsMore reports whether a gathering inlet reads on before the bytes it has are looked at.
func (i *inlet) wantsMore() bool {
	if i.bulk.on && i.end-i.off >= bulkPiece {
		return false
	}
	return !endsReady(i.buf[i.off:i.end])
}

// setAlarm has the loop look after the next piece of a long stream.
func (i *inlet) setAlarm() {
	if i.bulk.on {
		c := i.conn.(*loopConn)
		c.loop.setAlarm(c, i.bulk.patience)
	}
}

// endsReady reports whether b seems to end with a ReadyForQuery, so that no more is to come before b was answered.
func endsReady(b []byte) bool {
	n := len(b) - 6
	return n >= 0 && b[n] == 'Z' && b[n+1] == 0 && b[n+2] == 0 && b[n+3] == 0 && b[n+4] == 5
}

// room makes sure that n more bytes fit behind end, taking a buffer if there is none. The buffer doubles when it is
// full, so memory grows only as bytes arrive.
func (i *inlet) room(n int) {
	switch {
	case i.buf != nil:
	case i.bulk.on:
		i.buf = i.pool.getBulk()
	default:
		i.buf = i.pool.get()
	}
	if len(i.buf)-i.end >= n {
		return
	}
	if i.off > 0 {
		i.end = copy(i.buf, i.buf[i.off:i.end])
		i.off = 0
	}
	if len(i.buf)-i.end >= n {
		return
	}
	bigger := make([]byte, max(2*len(i.buf), i.end+n))
	copy(bigger, i.buf[:i.end])
	i.pool.put(i.buf)
	i.buf = bigger
}

// settle gives the buffer back when nothing in it is unread, and moves unread bytes to its front.
func (i *inlet) settle() {
	if i.off < i.end {
		if i.off > 0 {
			i.end = copy(i.buf, i.buf[i.off:i.end])
			i.off = 0
		}
		return
	}
	i.off, i.end = 0, 0
	if i.buf != nil {
		i.pool.put(i.buf)
		i.buf = nil
	}
}

// prefixed is a connection of which the first bytes were read before.
type prefixed struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

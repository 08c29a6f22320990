package wire

import (
	"io"
	"net"
	"syscall"
	"unsafe"
)

// outlet writes to a connection. On TCP and Unix sockets it calls the kernel without telling Go's scheduler: the socket
// does not block, so the call is short, and the scheduler would else hand the processor to another thread and take it
// back for every message. One goroutine writes at a time.
type outlet struct {
	conn net.Conn
	wait waiter
	// left is what is still to be written, and fault why it cannot be.
	left  []byte
	fault error
	// onReady is o.ready, made once so that a write does not allocate.
	onReady func(fd uintptr) bool
}

// newOutlet makes an outlet over conn.
func newOutlet(conn net.Conn) *outlet {
	o := &outlet{conn: conn}
	if w, ok := waiterOf(conn); ok {
		o.wait, o.onReady = w, o.ready
	}
	return o
}

// Write writes all of b, and waits while the other side does not read.
func (o *outlet) Write(b []byte) (int, error) {
	if o.wait == nil {
		return o.conn.Write(b)
	}
	o.left, o.fault = b, nil
	err := o.wait.awaitWrite(o.onReady, o.onReady)
	return o.outcome(len(b), err)
}

// try writes what the socket takes at once, which may be less than b, and is nothing where the socket is in no loop.
func (o *outlet) try(b []byte) (int, error) {
	c, ok := o.conn.(*loopConn)
	if !ok {
		return 0, nil
	}
	o.left, o.fault = b, nil
	_, err := c.use(o.onReady)
	return o.outcome(len(b), err)
}

// outcome ends a write of so many bytes, of which o.left are left.
func (o *outlet) outcome(size int, err error) (int, error) {
	n := size - len(o.left)
	o.left = nil
	if err == nil {
		err = o.fault
	}
	return n, err
}

// ready is called by the poller's wait loop: it writes what the socket takes and returns true when that is all.
func (o *outlet) ready(fd uintptr) bool {
	for len(o.left) > 0 {
		n, errno := rawWrite(fd, o.left)
		switch {
		case errno == syscall.EAGAIN:
			return false
		case errno == syscall.EINTR:
		case errno != 0:
			o.fault = errno
			return true
		case n <= 0:
			o.fault = io.ErrUnexpectedEOF
			return true
		default:
			o.left = o.left[n:]
		}
	}
	return true
}

// rawRead is read(2) on a socket that does not block; b is not empty.
func rawRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}

// rawWrite is write(2) on a socket that does not block; b is not empty. A closed peer gives EPIPE: Go's runtime ignores
// the signal for descriptors other than 1 and 2.
func rawWrite(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}

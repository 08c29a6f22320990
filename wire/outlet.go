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
	raw  syscall.RawConn
	// left is what is still to be written, and fault why it cannot be.
	left  []byte
	fault error
	// onReady is o.ready, made once so that a write does not allocate.
	onReady func(fd uintptr) bool
}

// newOutlet makes an outlet over conn.
func newOutlet(conn net.Conn) *outlet {
	o := &outlet{conn: conn}
	if raw, ok := rawOf(conn); ok {
		o.raw, o.onReady = raw, o.ready
	}
	return o
}

// Write writes all of b, and waits while the other side does not read.
func (o *outlet) Write(b []byte) (int, error) {
	if o.raw == nil {
		return o.conn.Write(b)
	}
	o.left, o.fault = b, nil
	err := o.raw.Write(o.onReady)
	n := len(b) - len(o.left)
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

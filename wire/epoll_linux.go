package wire

import (
	"os"
	"syscall"
)

// maxEvents is how many sockets' events a loop takes at once.
const maxEvents = 128

// edge is EPOLLET: an event is told once, not until it was served. (The constant of package syscall is negative.)
const edge = 1 << 31

// epoll is a Linux epoll instance, edge-triggered (man 7 epoll).
type epoll struct {
	fd int
	// wakeRead and wakeWrite are a pipe that ends wait.
	wakeRead, wakeWrite int
}

// wakeToken marks the events of the pipe; no slot has this number.
const wakeToken = -1

// newEpoll makes an instance.
func newEpoll() (epoll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return epoll{}, os.NewSyscallError("epoll_create1", err)
	}
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		_ = syscall.Close(fd)
		return epoll{}, os.NewSyscallError("pipe2", err)
	}
	e := epoll{fd: fd, wakeRead: pipe[0], wakeWrite: pipe[1]}
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: wakeToken}
	if err := syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, e.wakeRead, &ev); err != nil {
		e.close()
		return epoll{}, os.NewSyscallError("epoll_ctl", err)
	}
	return e, nil
}

// close gives the descriptors back.
func (e epoll) close() {
	for _, fd := range []int{e.fd, e.wakeRead, e.wakeWrite} {
		_ = syscall.Close(fd)
	}
}

// wake makes wait report stopped, now or when it is called next.
func (e epoll) wake() { _, _ = syscall.Write(e.wakeWrite, []byte{0}) }

// readEvents are the events that every socket is waited for.
const readEvents = syscall.EPOLLIN | syscall.EPOLLRDHUP | edge

// add begins to wait for the events of reading.
func (e epoll) add(fd uintptr, t token) error {
	return os.NewSyscallError("epoll_ctl", e.control(syscall.EPOLL_CTL_ADD, fd, readEvents, t))
}

// addWrites begins to wait for those of writing too, and tells one at once if the socket can be written.
func (e epoll) addWrites(fd uintptr, t token) {
	_ = e.control(syscall.EPOLL_CTL_MOD, fd, readEvents|syscall.EPOLLOUT, t) // fails for want of memory only
}

// control is epoll_ctl(2).
func (e epoll) control(op int, fd uintptr, events uint32, t token) error {
	ev := syscall.EpollEvent{Events: events, Fd: int32(t.slot), Pad: int32(t.use)}
	return syscall.EpollCtl(e.fd, op, int(fd), &ev)
}

// remove ends the waiting for a socket.
func (e epoll) remove(fd uintptr) { _ = syscall.EpollCtl(e.fd, syscall.EPOLL_CTL_DEL, int(fd), nil) }

// wait blocks until something has happened, and reports what, or until so many milliseconds have passed; -1 is forever.
func (e epoll) wait(events *[maxEvents]event, milliseconds int) (n int, stopped bool) {
	var raw [maxEvents]syscall.EpollEvent
	count, err := syscall.EpollWait(e.fd, raw[:], milliseconds)
	if err != nil {
		return 0, err != syscall.EINTR
	}
	for _, r := range raw[:count] {
		if r.Fd == wakeToken {
			return 0, true
		}
		const broken = syscall.EPOLLHUP | syscall.EPOLLERR
		events[n] = event{token: token{slot: uint32(r.Fd), use: uint32(r.Pad)},
			read:  r.Events&(syscall.EPOLLIN|syscall.EPOLLRDHUP|broken) != 0,
			write: r.Events&(syscall.EPOLLOUT|broken) != 0}
		n++
	}
	return n, false
}

// duplicate gives a second descriptor of a socket.
func duplicate(raw syscall.RawConn) (uintptr, error) {
	var fd uintptr
	var errno syscall.Errno
	err := raw.Control(func(old uintptr) {
		fd, _, errno = syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("fcntl", errno)
	}
	return fd, err
}

// closeSocket gives a descriptor back.
func closeSocket(fd uintptr) { _ = syscall.Close(int(fd)) }

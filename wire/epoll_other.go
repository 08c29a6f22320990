//go:build !linux

package wire

import (
	"errors"
	"syscall"
)

// maxEvents is how many sockets' events a loop takes at once.
const maxEvents = 1

// epoll is Linux's; on other systems sessions wait in Go's own poller.
type epoll struct{}

// newEpoll fails with errors.ErrUnsupported.
func newEpoll() (epoll, error) { return epoll{}, errors.ErrUnsupported }

// close does nothing.
func (epoll) close() {}

// wake does nothing.
func (epoll) wake() {}

// add fails with errors.ErrUnsupported.
func (epoll) add(uintptr, token) error { return errors.ErrUnsupported }

// addWrites does nothing.
func (epoll) addWrites(uintptr, token) {}

// remove does nothing.
func (epoll) remove(uintptr) {}

// wait is over at once.
func (epoll) wait(*[maxEvents]event, int) (n int, stopped bool) { return 0, true }

// duplicate fails with errors.ErrUnsupported.
func duplicate(syscall.RawConn) (uintptr, error) { return 0, errors.ErrUnsupported }

// closeSocket gives a descriptor back.
func closeSocket(fd uintptr) { _ = syscall.Close(int(fd)) }

package pinnacle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// pairs is a net.Listener for clients in this process: each connection is a pair of sockets that have no name, so that no
// other process can reach it.
type pairs struct {
	made    chan net.Conn
	closed  chan struct{}
	closing sync.Once
}

// newPairs makes a listener.
func newPairs() *pairs { return &pairs{made: make(chan net.Conn), closed: make(chan struct{})} }

// Dial connects to the listener. It waits until Accept takes the connection.
func (p *pairs) Dial(ctx context.Context) (net.Conn, error) {
	near, far, err := socketPair()
	if err != nil {
		return nil, err
	}
	select {
	case p.made <- far:
		return near, nil
	case <-p.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return nil, errors.Join(err, near.Close(), far.Close())
}

// Accept implements net.Listener.
func (p *pairs) Accept() (net.Conn, error) {
	select {
	case conn := <-p.made:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It may be called more than once.
func (p *pairs) Close() error {
	p.closing.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pairs) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// socketPair makes two sockets that are connected with each other.
func socketPair() (net.Conn, net.Conn, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	var conns [2]net.Conn
	var errs [2]error
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), fmt.Sprintf("session %d", i))
		conns[i], errs[i] = net.FileConn(file) // a copy of its own
		_ = file.Close()
	}
	if err := errors.Join(errs[:]...); err != nil {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
		return nil, nil, err
	}
	return conns[0], conns[1], nil
}

package lab

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// Relay is a network between a client and a server on loopback that can be cut and mended.
type Relay struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu sync.Mutex
	// open are the connections on both sides; changed is closed, and another one made, when the state changes.
	open    map[net.Conn]bool
	changed chan struct{}
	cut     bool
	// deaf holds back what the server sends, frozen what either side sends.
	deaf, frozen bool
}

// StartRelay starts a relay to a port of loopback.
func StartRelay(port int) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{target: fmt.Sprintf("127.0.0.1:%d", port), listener: l, open: map[net.Conn]bool{}, changed: make(chan struct{})}
	r.running.Add(1)
	go r.serve()
	return r, nil
}

// Port is where clients connect.
func (r *Relay) Port() int { return r.listener.Addr().(*net.TCPAddr).Port }

// Cut ends all connections, and every new one at once.
func (r *Relay) Cut() { r.set(func() { r.cut = true }) }

// Freeze lets nothing through any more, and keeps the connections: to both sides the network is only slow.
func (r *Relay) Freeze() { r.set(func() { r.frozen = true }) }

// Deafen holds back what the server sends: it still hears the clients.
func (r *Relay) Deafen() { r.set(func() { r.deaf = true }) }

// Mend makes the network whole again. What was held back goes on, unless the connection has been ended since.
func (r *Relay) Mend() { r.set(func() { r.cut, r.frozen, r.deaf = false, false, false }) }

// Close ends the relay and waits for all that it runs.
func (r *Relay) Close() error {
	r.Cut()
	err := r.listener.Close()
	r.running.Wait()
	return err
}

// set changes the state, and ends the connections where it says so.
func (r *Relay) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
	if r.cut {
		for c := range r.open {
			_ = c.Close() // its copier sees it
		}
	}
}

// serve takes connections until the listener is closed.
func (r *Relay) serve() {
	defer r.running.Done()
	for {
		client, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		server, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = client.Close() // as the server itself would
			continue
		}
		if !r.enter(client, server) {
			continue
		}
		r.running.Add(2)
		go r.copy(server, client, false)
		go r.copy(client, server, true)
	}
}

// enter notes a pair of connections, and ends it where the network is cut.
func (r *Relay) enter(pair ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range pair {
		if r.cut {
			_ = c.Close() // there is no network
		} else {
			r.open[c] = true
		}
	}
	return !r.cut
}

// copy passes on what one side sends until it ends, or until the network is cut.
func (r *Relay) copy(to, from net.Conn, answers bool) {
	defer r.running.Done()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !r.pass(answers) {
			break
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range []net.Conn{to, from} {
		delete(r.open, c)
		_ = c.Close() // the other direction ends with it
	}
}

// pass waits until something may pass; false says that the network is cut.
func (r *Relay) pass(answers bool) bool {
	for {
		r.mu.Lock()
		cut, held, changed := r.cut, r.frozen || answers && r.deaf, r.changed
		r.mu.Unlock()
		if cut || !held {
			return !cut
		}
		<-changed
	}
}

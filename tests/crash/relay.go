package crash

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
)

// A point is a place where a proxy may be killed: before a statement reaches PostgreSQL, or when PostgreSQL has done it and
// the proxy does not know yet.
type point struct {
	// statement is the beginning of the statement, with numbers as N.
	statement string
	// done says that PostgreSQL has done it.
	done bool
}

func (p point) String() string {
	if p.done {
		return "after " + p.statement
	}
	return "before " + p.statement
}

// relay passes on what a proxy and its PostgreSQL say to each other, and kills the proxy at a point. All that a proxy keeps
// in PostgreSQL (its metadata, jobs and outputs) and all that it does there goes this way.
type relay struct {
	listener net.Listener
	to       string
	group    sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	// seen are the statements since watch was called, each once, in their order; nil while nobody watches.
	seen map[string]bool
	all  []string
	// at is where kill is called, once; nil for nowhere.
	at   *point
	kill func()
}

// newRelay makes a relay to a PostgreSQL.
func newRelay(to string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, to: to, conns: map[net.Conn]bool{}}
	r.group.Go(r.accept)
	return r, nil
}

// close ends the relay and all connections, and waits for them.
func (r *relay) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	for c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.group.Wait()
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		r.conns[client], r.conns[server] = true, true
		r.mu.Unlock()
		c := &conn{relay: r, client: client, server: server, texts: map[string]string{}}
		r.group.Go(c.requests)
		r.group.Go(c.answers)
	}
}

// watch notes statements from now on, and kills at a point; nil: nowhere.
func (r *relay) watch(at *point, kill func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.all, r.at, r.kill = map[string]bool{}, nil, at, kill
}

// unwatch ends what watch began. It gives the statements that were seen, and whether the point was reached; then kill is called,
// if it has not been yet.
func (r *relay) unwatch() (seen []string, reached bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reached = r.kill != nil && r.at == nil
	r.seen, r.at, r.kill = nil, nil, nil
	return r.all, reached
}

// step notes a statement. Where the point that is waited for is here, it gives what kills the proxy, and whether PostgreSQL
// is to do the statement first.
func (r *relay) step(text string) (kill func(), done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		return nil, false
	}
	if !r.seen[text] {
		r.seen[text] = true
		r.all = append(r.all, text)
	}
	if r.at == nil || r.at.statement != text {
		return nil, false
	}
	done = r.at.done
	r.at = nil
	return r.kill, done
}

// conn is one connection of a proxy.
type conn struct {
	relay          *relay
	client, server net.Conn
	// texts are the statements that were prepared, by name.
	texts map[string]string

	mu sync.Mutex
	// last kills the proxy when the server is ready again; nil for not.
	last func()
}

func (c *conn) close() {
	_ = c.client.Close()
	_ = c.server.Close()
	c.relay.mu.Lock()
	defer c.relay.mu.Unlock()
	delete(c.relay.conns, c.client)
	delete(c.relay.conns, c.server)
}

// errKilled ends a connection whose proxy was killed.
var errKilled = errors.New("the proxy was killed")

// requests passes on what the proxy says.
func (c *conn) requests() {
	defer c.close()
	first := make([]byte, 4)
	if _, err := io.ReadFull(c.client, first); err != nil {
		return
	}
	rest := make([]byte, binary.BigEndian.Uint32(first)-4)
	if _, err := io.ReadFull(c.client, rest); err != nil {
		return
	}
	if _, err := c.server.Write(append(first, rest...)); err != nil {
		return
	}
	for {
		message, err := readMessage(c.client)
		if err == nil {
			err = c.look(message)
		}
		if err == nil {
			_, err = c.server.Write(message)
		}
		if err != nil {
			return
		}
	}
}

// look kills the proxy where a message is the point before which it is to die.
func (c *conn) look(message []byte) error {
	text := ""
	switch body := message[5:]; message[0] {
	case 'Q':
		text, _, _ = strings.Cut(string(body), "\x00")
	case 'P':
		name, rest, _ := strings.Cut(string(body), "\x00")
		c.texts[name], _, _ = strings.Cut(rest, "\x00")
	case 'B':
		_, rest, _ := strings.Cut(string(body), "\x00")
		name, _, _ := strings.Cut(rest, "\x00")
		text = c.texts[name]
	}
	if text = label(text); text == "" {
		return nil
	}
	kill, done := c.relay.step(text)
	switch {
	case kill == nil:
	case done:
		c.mu.Lock()
		c.last = kill
		c.mu.Unlock()
	default:
		kill()
		return errKilled
	}
	return nil
}

// answers passes on what the server says.
func (c *conn) answers() {
	defer c.close()
	for {
		message, err := readMessage(c.server)
		if err != nil {
			return
		}
		c.mu.Lock()
		kill := c.last
		c.mu.Unlock()
		if kill != nil && message[0] == 'Z' {
			kill()
			return
		}
		if _, err := c.client.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads a message with its type and length.
func readMessage(from io.Reader) ([]byte, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	message := make([]byte, 1+binary.BigEndian.Uint32(head[1:]))
	copy(message, head)
	_, err := io.ReadFull(from, message[5:])
	return message, err
}

var (
	numbers = regexp.MustCompile(`[0-9]+`)
	spaces  = regexp.MustCompile(`\s+`)
	// reading are statements that change nothing that lasts.
	reading = regexp.MustCompile(`(?i)^(--|begin|start|rollback|select|show|set|reset|table|values|fetch|close|declare|discard|deallocate|listen|explain|with recursive|;|$)`)
	// changing are those among them that do.
	changing = regexp.MustCompile(`(?i)(pg_notify|insert into|delete from)`)
)

// label is the beginning of a statement, by which it is known in every run; "" for one that changes nothing.
func label(text string) string {
	text = strings.TrimSpace(spaces.ReplaceAllString(text, " "))
	if reading.MatchString(text) && !changing.MatchString(text) {
		return ""
	}
	return numbers.ReplaceAllString(text[:min(len(text), 100)], "N")
}

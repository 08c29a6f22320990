package wire_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// oneThread are settings with which all sessions share one relay thread, so that one that blocks it is noticed.
func oneThread() wire.Config { return wire.Config{RelayThreads: 1} }

// served checks that a session answers.
func served(t testing.TB, c *rawClient) {
	t.Helper()
	c.send(query("select 1"))
	if got := c.until("Z"); got != "T D1 C ZI" {
		t.Errorf("got %q", got)
	}
}

// TestSlowClientHoldsUpNobody lets a client ask for much and read nothing for a while, beside others, and then reads it.
func TestSlowClientHoldsUpNobody(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	for name, cfg := range map[string]wire.Config{"one thread": oneThread(), "no thread": {RelayThreads: -1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProxy(t, cfg, &postgres, nil)
			slow, other := dialSession(t, p.addr), dialSession(t, p.addr)
			const rows = 300
			for range 3 {
				slow.send(query("select repeat('x', 100000) from generate_series(1, " + itoa(rows) + ")"))
				slow.until("T") // its rows are under way, more than sockets hold at first
				for range 20 {
					served(t, other)
				}
				got := slow.until("Z")
				if n := strings.Count(got, "Dxxx"); n != rows || len(got) < rows*100000 || !strings.HasSuffix(got, " C ZI") {
					t.Errorf("%d rows, %d bytes", n, len(got))
				}
			}
		})
	}
}

// TestSlowHomeHoldsUpNobody sends home much that it does not read for a while, beside others.
func TestSlowHomeHoldsUpNobody(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, oneThread(), &postgres, nil)
	busy, other := dialSession(t, p.addr), dialSession(t, p.addr)
	const size = 8 << 20
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		busy.send(query("select pg_sleep(0.5)"), query("select length('"+strings.Repeat("y", size)+"')"))
	}()
	for range 20 {
		served(t, other)
	}
	if got, want := busy.until("ZZ"), "T D C ZI T D"+itoa(size)+" C ZI"; got != want {
		t.Errorf("got %q, not %q", got, want)
	}
	<-sent
}

// heldCancel is a home at which cancel requests do not arrive before they are let go.
type heldCancel struct {
	*server
	arrived, letGo chan struct{}
}

// DialPeer gives the transport of a cancel request.
func (h heldCancel) DialPeer(ctx context.Context, _ net.Conn) (net.Conn, bool, error) {
	close(h.arrived)
	select {
	case <-h.letGo:
	case <-ctx.Done():
	}
	return h.server.Dial(ctx)
}

// TestMessagesWaitForCancel sends a statement while a cancel request is on its way: it goes to home behind the cancel,
// and other sessions do not wait for it.
func TestMessagesWaitForCancel(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	home := heldCancel{&postgres, make(chan struct{}), make(chan struct{})}
	p := startProxy(t, oneThread(), home, nil)
	victim, other := p.connect(t), dialSession(t, p.addr)
	canceled := make(chan error, 1)
	go func() { canceled <- victim.PgConn().CancelRequest(t.Context()) }()
	<-home.arrived
	answered := make(chan error, 1)
	go func() {
		_, err := victim.Exec(t.Context(), "select 1; select 2")
		answered <- err
	}()
	for range 20 {
		served(t, other)
	}
	select {
	case err := <-answered:
		t.Fatalf("the statement went before the cancel: %v", err)
	default:
	}
	close(home.letGo)
	if err := <-canceled; err != nil {
		t.Error(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the statement behind the cancel: %v", err)
	}
}

// panicky is an Interceptor that panics at the sight of a word.
type panicky struct{ scripted }

// Wants implements wire.Interceptor.
func (p *panicky) Wants(typ byte, body []byte) bool {
	if bytes.Contains(body, []byte("panic at sight")) {
		panic("a value that must not be logged")
	}
	return p.scripted.Wants(typ, body)
}

// TestPanicInWants lets an interceptor panic where it is asked: its session ends, others live, no value is logged.
func TestPanicInWants(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	_, shared := script()
	p := startProxy(t, oneThread(), &postgres, func(wire.Session) wire.Interceptor {
		return &panicky{scripted{statements: map[string]string{}, portals: map[string]string{}, shared: shared}}
	})
	c, other := dialSession(t, p.addr), dialSession(t, p.addr)
	served(t, c)
	c.send(query("select 'panic at sight'"))
	if got := c.rest(); got != "EXX000FATAL" {
		t.Errorf("got %q", got)
	}
	served(t, other)
	eventually(t, "the session ended", func() bool { return p.Connections() == 1 })
	if log := p.logs.String(); strings.Contains(log, "must not be logged") || !strings.Contains(log, "panicky") {
		t.Errorf("the log:\n%s", log)
	}
}

// TestAnswersAfterHalfClose checks that a client which has ended its stream gets the answers to what it sent before,
// whenever its end is noticed, if they take less than a second.
func TestAnswersAfterHalfClose(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, oneThread(), &postgres, nil)
	for _, pause := range []time.Duration{0, 20 * time.Millisecond} {
		c := dialSession(t, p.addr)
		c.send(query("select pg_sleep(0.2)"), query("select 1"))
		time.Sleep(pause) // so that the end comes with the messages, or behind them
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		if got := c.rest(); got != "T D C ZI T D1 C ZI" {
			t.Errorf("%v: got %q", pause, got)
		}
	}
}

// TestBulkBothWays copies much into and out of home in many sessions on one thread.
func TestBulkBothWays(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, oneThread(), &postgres, nil)
	for session := range 8 {
		t.Run(itoa(session), func(t *testing.T) {
			t.Parallel()
			conn := p.connect(t)
			mustExec(t, conn, "create temporary table bulk(a text)")
			line := strings.Repeat(string(rune('a'+session)), 999) + "\n"
			in := strings.NewReader(strings.Repeat(line, 4000))
			if tag, err := conn.PgConn().CopyFrom(t.Context(), in, "copy bulk from stdin"); err != nil || tag.RowsAffected() != 4000 {
				t.Fatalf("%v, %v", tag, err)
			}
			pr, pw := io.Pipe()
			go func() {
				_, err := conn.PgConn().CopyTo(t.Context(), pw, "copy bulk to stdout")
				pw.CloseWithError(err)
			}()
			out, err := io.ReadAll(pr)
			if err != nil || string(out) != strings.Repeat(line, 4000) {
				t.Errorf("%d bytes, %v", len(out), err)
			}
		})
	}
}

package wire_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// TestDrain checks that idle sessions end at once, and busy ones when they are idle outside a transaction.
func TestDrain(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, seen := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	idle, busy, inside, handled := dialSession(t, p.addr), dialSession(t, p.addr), dialSession(t, p.addr), dialSession(t, p.addr)
	half := dialRaw(t, p.addr)
	if _, err := half.Write([]byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	inside.send(query("begin"))
	inside.until("Z")
	busy.send(query("select pg_sleep(1.5)"))
	handled.send(query("proxy wait select pg_sleep(1.51)"))
	eventually(t, "running", func() bool {
		return running(t, "select pg_sleep(1.5)") == 1 && get(seen, func() bool { return seen.running == 1 })
	})
	ended := make(chan error, 1)
	go func() { ended <- p.Shutdown(context.Background()) }()
	for what, c := range map[string]*rawClient{"idle": idle, "half a start-up packet": half} {
		if got := c.rest(); got != "E57P01FATAL" {
			t.Errorf("%s: %q", what, got)
		}
	}
	for what, c := range map[string]*rawClient{"busy": busy, "handled": handled} {
		if got := c.rest(); got != "T D C ZI E57P01FATAL" {
			t.Errorf("%s: %q", what, got)
		}
	}
	if conn, err := net.Dial("tcp", p.addr); err == nil {
		conn.Close()
		t.Error("a new connection was accepted")
	}
	inside.send(query("select 1"), query("proxy answer x"), query("commit"))
	if got := inside.rest(); got != "T D1 C ZT T Dx C ZT C ZI E57P01FATAL" {
		t.Errorf("in a transaction: %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestCut checks that what is still busy at the deadline is cut, and that home's statements do not go on.
func TestCut(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, seen := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	busy, inside, blocked := dialSession(t, p.addr), dialSession(t, p.addr), dialSession(t, p.addr)
	inside.send(query("begin"))
	inside.until("Z")
	busy.send(query("select pg_sleep(67)"))
	blocked.send(query("proxy block"))
	eventually(t, "running", func() bool {
		return running(t, "select pg_sleep(67)") == 1 && get(seen, func() bool { return seen.running == 1 })
	})
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	for what, c := range map[string]*rawClient{"blocked": blocked, "in a transaction": inside} {
		if got := c.rest(); got != "E57P01FATAL" {
			t.Errorf("%s: %q", what, got)
		}
	}
	if got := busy.rest(); got != "T E57P01FATAL" && got != "E57P01FATAL" && got != "T E57014 ZI E57P01FATAL" && got != "E57014 ZI E57P01FATAL" {
		t.Errorf("busy: %q", got)
	}
	if causes := seen.causes; len(causes) != 1 || !errors.Is(causes[0], wire.ErrDraining) {
		t.Errorf("causes %v", causes)
	}
	eventually(t, "home's statement ended", func() bool { return running(t, "select pg_sleep(67)") == 0 })
}

// TestServeEndsWithItsContext checks that the end of Serve's context drains too.
func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := wire.NewServer(wire.Config{DrainTimeout: time.Second}, &postgres, nil, nil)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln) }()
	c := dialSession(t, ln.Addr().String())
	stop()
	if got := c.rest(); got != "E57P01FATAL" {
		t.Errorf("got %q", got)
	}
	if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
		t.Error(err)
	}
	if err := srv.Serve(t.Context(), ln); !errors.Is(err, wire.ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

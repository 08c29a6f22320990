package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// startLoop runs a loop until the test ends, and skips the test on systems that have none.
func startLoop(t testing.TB) *loop {
	t.Helper()
	l, err := newLoop()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no loop on this system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.stop)
	return l
}

// connected gives the two ends of a new connection over TCP or a Unix socket, the first of them in l.
func connected(t testing.TB, l *loop, network string) (inLoop *loopConn, outside net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	outside, err = net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { outside.Close() })
	_ = outside.SetDeadline(time.Now().Add(30 * time.Second))
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	inLoop, err = l.adopt(accepted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inLoop.Close() })
	return inLoop, outside
}

// TestLoopConnCarriesStreams sends much in both directions of many connections at once, more than sockets hold, so that
// readers and writers wait for each other.
func TestLoopConnCarriesStreams(t *testing.T) {
	t.Parallel()
	l := startLoop(t)
	const size = 4 << 20
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i * 31 >> 8)
	}
	for _, network := range []string{"tcp", "unix", "tcp", "unix", "tcp"} {
		in, out := connected(t, l, network)
		var all sync.WaitGroup
		defer all.Wait()
		for _, way := range []struct{ from, to net.Conn }{{in, out}, {out, in}} {
			all.Go(func() {
				if n, err := way.from.Write(sent); n != size || err != nil {
					t.Errorf("wrote %d bytes: %v", n, err)
				}
			})
			all.Go(func() {
				got := make([]byte, size)
				if n, err := io.ReadFull(way.to, got); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("read %d bytes, the same: %v: %v", n, bytes.Equal(got, sent), err)
				}
			})
		}
	}
}

// TestLoopConnEnds checks what a reader and a writer find when the peer ends its stream or its connection.
func TestLoopConnEnds(t *testing.T) {
	t.Parallel()
	l := startLoop(t)
	for _, network := range []string{"tcp", "unix"} {
		in, out := connected(t, l, network)
		_, _ = out.Write([]byte("last"))
		_ = out.(interface{ CloseWrite() error }).CloseWrite()
		if got, err := io.ReadAll(in); string(got) != "last" || err != nil {
			t.Errorf("%s: %q, %v", network, got, err)
		}
		if _, err := in.Write([]byte("still")); err != nil {
			t.Errorf("%s: %v", network, err)
		}
		if err := in.CloseWrite(); err != nil {
			t.Errorf("%s: %v", network, err)
		}
		if got, err := io.ReadAll(out); string(got) != "still" || err != nil {
			t.Errorf("%s: %q, %v", network, got, err)
		}
		out.Close()
		deadline := time.Now().Add(10 * time.Second)
		for _, err := in.Write([]byte("x")); err == nil; _, err = in.Write([]byte("x")) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: writes to a closed peer succeed", network)
			}
		}
	}
}

// waits runs f in a goroutine and gives its error, once begun has seen the goroutine parked in s.
func waits(t *testing.T, s *side, f func() error) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	deadline := time.Now().Add(10 * time.Second)
	for {
		s.mu.Lock()
		state := s.state
		s.mu.Unlock()
		if state == parked {
			return done
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits")
		}
		time.Sleep(time.Millisecond)
	}
}

// fill writes until the socket takes no more, and waits then.
func fill(c *loopConn) error {
	for {
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
}

// TestLoopConnDeadlines breaks off waits by deadlines: one that has passed, one to come, one that was put off.
func TestLoopConnDeadlines(t *testing.T) {
	t.Parallel()
	l := startLoop(t)
	in, out := connected(t, l, "tcp")
	read := func() error {
		_, err := in.Read(make([]byte, 1))
		return err
	}
	reading := waits(t, &in.reading, read)
	_ = in.SetReadDeadline(past)
	if err := <-reading; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline in the past: %v", err)
	}
	if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it must stay: %v", err)
	}
	_ = in.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline to come: %v", err)
	}
	_ = in.SetReadDeadline(time.Now().Add(time.Hour))
	reading = waits(t, &in.reading, read)
	_ = in.SetReadDeadline(time.Time{})
	_, _ = out.Write([]byte("x"))
	if err := <-reading; err != nil {
		t.Errorf("no deadline: %v", err)
	}
	writing := waits(t, &in.writing, func() error { return fill(in) })
	_ = in.SetDeadline(past)
	if err := <-writing; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a writer: %v", err)
	}
}

// TestLoopConnClose closes a connection under those who wait for it.
func TestLoopConnClose(t *testing.T) {
	t.Parallel()
	l := startLoop(t)
	in, out := connected(t, l, "unix")
	reading := waits(t, &in.reading, func() error {
		_, err := in.Read(make([]byte, 1))
		return err
	})
	writing := waits(t, &in.writing, func() error { return fill(in) })
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"the reader": <-reading, "the writer": <-writing, "another close": in.Close(), "a read behind it": fill(in),
		"a deadline behind it": in.SetReadDeadline(past), "a half close behind it": in.CloseWrite(),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Errorf("the peer: %v", err)
	}
}

// TestLoopConnCloseRaces opens and closes connections, whose descriptors are used again, while others carry streams:
// none may read or close what is another's.
func TestLoopConnCloseRaces(t *testing.T) {
	t.Parallel()
	l := startLoop(t)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			mark := byte('a' + worker)
			for range 40 {
				in, out := connected(t, l, "tcp")
				var pair sync.WaitGroup
				pair.Go(func() {
					one := make([]byte, 16)
					for {
						n, err := in.Read(one)
						if err != nil {
							return
						}
						for _, b := range one[:n] {
							if b != mark {
								t.Errorf("%c has read %c", mark, b)
							}
						}
					}
				})
				for range 4 {
					_, _ = out.Write([]byte{mark, mark})
				}
				pair.Go(func() { in.Close() })
				pair.Go(func() { _ = in.SetReadDeadline(past) })
				pair.Wait()
				out.Close()
			}
		})
	}
	all.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for slot, c := range l.conns {
		if c != nil {
			t.Errorf("slot %d is still taken", slot)
		}
	}
	if len(l.free) != len(l.conns) {
		t.Errorf("%d of %d slots are free", len(l.free), len(l.conns))
	}
}

// TestLoopSurvivesPanic lets a callback panic: the goroutine that waits gets it, and the loop goes on for others.
func TestLoopSurvivesPanic(t *testing.T) {
	t.Parallel()
	l := startLoop(t)
	in, out := connected(t, l, "tcp")
	never := func(uintptr) bool { return false }
	waiting := waits(t, &in.reading, func() (err error) {
		defer func() {
			if p, ok := recover().(*loopPanic); ok && bytes.Contains(p.stack, []byte("TestLoopSurvivesPanic")) {
				err = p.value.(error)
			}
		}()
		return in.awaitRead(never, func(uintptr) bool { panic(io.ErrNoProgress) })
	})
	_, _ = out.Write([]byte("x"))
	if err := <-waiting; !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("the goroutine got %v", err)
	}
	other, peer := connected(t, l, "tcp")
	reading := waits(t, &other.reading, func() error {
		_, err := other.Read(make([]byte, 1))
		return err
	})
	_, _ = peer.Write([]byte("x"))
	if err := <-reading; err != nil {
		t.Errorf("another connection: %v", err)
	}
	if n, err := in.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("the connection itself: %d, %v", n, err)
	}
}

// TestLoopRunsCallbacks checks that a callback is called on events while it returns false, and that its goroutine is
// woken once only.
func TestLoopRunsCallbacks(t *testing.T) {
	t.Parallel()
	l := startLoop(t)
	in, out := connected(t, l, "tcp")
	var got []byte
	var one [16]byte
	take := func(fd uintptr) bool {
		n, errno := rawRead(fd, one[:])
		if errno == 0 {
			got = append(got, one[:n]...)
		}
		return bytes.HasSuffix(got, []byte("."))
	}
	calls := 0
	done := waits(t, &in.reading, func() error {
		return in.awaitRead(func(fd uintptr) bool { calls++; return take(fd) }, take)
	})
	for _, b := range []byte("one by one.") {
		_, _ = out.Write([]byte{b})
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if string(got) != "one by one." || calls != 1 {
		t.Errorf("%q, %d calls on the stack", got, calls)
	}
}

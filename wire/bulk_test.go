package wire_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// spoken is a home whose sessions are played by a function, behind a login without a password.
type spoken struct {
	ln   net.Listener
	play func(conn net.Conn)
}

// speak makes a home that plays.
func speak(t testing.TB, play func(conn net.Conn)) *spoken {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &spoken{ln: ln, play: play}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.serve()
	}()
	t.Cleanup(func() {
		ln.Close()
		<-ended
	})
	return h
}

// serve plays one session.
func (h *spoken) serve() {
	conn, err := h.ln.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.AuthenticationOk{})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if backend.Flush() == nil {
		h.play(conn)
	}
}

// Dial implements wire.Home.
func (h *spoken) Dial(ctx context.Context) (net.Conn, bool, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", h.ln.Addr().String())
	return conn, false, err
}

// TestLongStreamWithPauses has home send much, so that it is read in large pieces, and then little and nothing by turns:
// what it has sent must arrive although nothing follows it.
func TestLongStreamWithPauses(t *testing.T) {
	t.Parallel()
	row, err := (&pgproto3.DataRow{Values: [][]byte{bytes.Repeat([]byte("r"), 100)}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 40_000 // 4 MB
	next := make(chan int)
	home := speak(t, func(conn net.Conn) {
		for {
			select {
			case n := <-next:
				if n == 0 {
					_, _ = conn.Write([]byte("Z\x00\x00\x00\x05I"))
					return
				}
				if _, err := conn.Write(bytes.Repeat(row, n)); err != nil {
					t.Error(err)
				}
			case <-t.Context().Done():
				return
			}
		}
	})
	p := startProxy(t, wire.Config{RelayThreads: 1}, home, nil)
	c := dialSession(t, p.addr)
	c.send(query("select long"))
	for _, n := range []int{rows, 1, 1, rows, 3, rows, rows, 2} {
		next <- n
		got := make([]byte, n*len(row))
		if _, err := io.ReadFull(c.Conn, got); err != nil || !bytes.Equal(got, bytes.Repeat(row, n)) {
			t.Fatalf("%d rows: %v, the same: %v", n, err, bytes.Equal(got, bytes.Repeat(row, n)))
		}
	}
	next <- 0
	if got := c.until("Z"); got != "ZI" {
		t.Errorf("got %q", got)
	}
}

// TestLongStreamBreaksOff has home end its connection behind much that is a part of an answer.
func TestLongStreamBreaksOff(t *testing.T) {
	t.Parallel()
	row, err := (&pgproto3.DataRow{Values: [][]byte{bytes.Repeat([]byte("r"), 100)}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 40_000
	home := speak(t, func(conn net.Conn) {
		asked := make([]byte, len("Q1234select long\x00")) // read, or else the close would be a reset
		if _, err := io.ReadFull(conn, asked); err != nil {
			t.Error(err)
		}
		_, _ = conn.Write(bytes.Repeat(row, rows))
	})
	p := startProxy(t, wire.Config{RelayThreads: 1}, home, nil)
	c := dialSession(t, p.addr)
	c.send(query("select long"))
	got, err := io.ReadAll(c.Conn)
	if err != nil || len(got) < rows*len(row) || !bytes.Contains(got[rows*len(row):], []byte("C08006")) {
		t.Errorf("%d bytes, not more than %d, or no error behind them: %v", len(got), rows*len(row), err)
	}
}

package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// startupPacket builds a start-up packet of a protocol version with parameters as name, value, …
func startupPacket(version uint32, params ...string) []byte {
	body := binary.BigEndian.AppendUint32(nil, version)
	for _, p := range params {
		body = append(append(body, p...), 0)
	}
	body = append(body, 0)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

// raw opens a TCP connection to a target and sends bytes.
func (t *target) raw(tb testing.TB, data []byte) net.Conn {
	tb.Helper()
	conn, err := net.Dial("tcp", t.addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(exchangeLimit)); err != nil {
		tb.Fatal(err)
	}
	// The server may have closed its side after the first bytes.
	_, _ = conn.Write(data)
	return conn
}

// untilClosed reads what the server still sends, and fails the test if it does not close.
func untilClosed(tb testing.TB, conn net.Conn) []byte {
	tb.Helper()
	got, err := io.ReadAll(conn)
	if n, ok := err.(net.Error); ok && n.Timeout() {
		tb.Errorf("the connection stays open; so far %q", got)
	}
	return got
}

// memory is the resident memory of the proxy's process, in bytes.
func (p *proxy) memory(tb testing.TB) int64 {
	tb.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		tb.Skipf("no /proc here: %v", err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// TestHostileStartup sends what is no start-up packet. The proxy answers or closes, and serves the next client.
func TestHostileStartup(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		huge := binary.BigEndian.AppendUint32(nil, 0x7fffffff)
		chance := rand.New(rand.NewPCG(1, 2))
		noise := make([]byte, 4096)
		for i := range noise {
			noise[i] = byte(chance.Uint32())
		}
		cases := map[string][]byte{
			"2 GiB":            append(huge, 0, 3, 0, 0),
			"a length of zero": {0, 0, 0, 0},
			"a length of four": {0, 0, 0, 4},
			"a negative one":   {0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0},
			"HTTP":             []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
			"protocol 2":       startupPacket(2 << 16),
			"protocol 4":       startupPacket(4<<16, "user", "x"),
			"no user":          startupPacket(3<<16, "database", "x"),
			"a NUL too few":    append(binary.BigEndian.AppendUint32(nil, 13), 0, 3, 0, 0, 'u', 's', 'e', 'r', 0),
			"noise":            noise,
		}
		for i := range 30 {
			cases[fmt.Sprint("random ", i)] = noise[i*7 : i*7+1+chance.IntN(600)]
		}
		before := on.proxy.memory(t)
		for name, data := range cases {
			conn := on.raw(t, data)
			// A client that has said half of something and goes.
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			got := untilClosed(t, conn)
			if len(got) > 0 && got[0] != 'E' && got[0] != 'N' && got[0] != 'v' && got[0] != 'R' && got[0] != 0x15 {
				t.Errorf("%s is answered with %q", name, got)
			}
		}
		if grown := on.proxy.memory(t) - before; grown > 256<<20 {
			t.Errorf("the proxy grew by %d MiB", grown>>20)
		}
		on.open(t).wantRow(t, "SELECT predict('double', 4)", "8")
	})
}

// TestSilentStartup sends half a start-up packet and then nothing: the connection is closed after the start-up timeout, and
// others are served meanwhile.
func TestSilentStartup(t *testing.T) {
	t.Parallel()
	_, on := drained(t, "silent", "--startup-timeout", "2s")
	var silent []net.Conn
	for _, data := range [][]byte{nil, {0, 0}, {0, 0, 0, 80, 0, 3}, {0, 0, 0, 8, 4, 210, 22, 47}, startupPacket(3<<16, "user", on.user, "database", on.database)} {
		silent = append(silent, on.raw(t, data))
	}
	on.open(t).wantRow(t, "SELECT 1", "1")
	for _, conn := range silent {
		untilClosed(t, conn)
	}
}

// TestStartupRequests asks for TLS and GSSAPI encryption, which this proxy has not, and for newer protocols.
func TestStartupRequests(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		for name, code := range map[string]uint32{"SSLRequest": 80877103, "GSSENCRequest": 80877104} {
			conn := on.raw(t, binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, code))
			one := make([]byte, 1)
			if _, err := io.ReadFull(conn, one); err != nil || one[0] != 'N' {
				t.Errorf("%s is answered with %q, %v", name, one, err)
			}
			// The client goes on without it.
			if _, err := conn.Write(startupPacket(3<<16, "user", on.user, "database", on.database)); err != nil {
				t.Fatal(err)
			}
			front := pgproto3.NewFrontend(conn, conn)
			if msg, err := front.Receive(); err != nil || !strings.HasPrefix(fmt.Sprintf("%T", msg), "*pgproto3.Authentication") {
				t.Errorf("after %s: %T, %v", name, msg, err)
			}
		}
		for _, c := range []struct {
			version uint32
			params  []string
			options int
		}{{3<<16 + 2, nil, 0}, {3<<16 + 9999, nil, 0}, {3 << 16, []string{"_pq_.unheard", "of"}, 1}, {3<<16 + 9999, []string{"_pq_.a", "1", "_pq_.b", "2"}, 2}} {
			conn := on.raw(t, startupPacket(c.version, append([]string{"user", on.user, "database", on.database}, c.params...)...))
			head := make([]byte, 13)
			if _, err := io.ReadFull(conn, head); err != nil {
				t.Errorf("protocol %d.%d: %v", c.version>>16, c.version&0xffff, err)
				continue
			}
			if head[0] == 'R' && c.version == 3<<16+2 && c.options == 0 {
				continue // the server behind speaks 3.2 itself
			}
			if got := binary.BigEndian.Uint32(head[9:]); head[0] != 'v' || int(got) != c.options {
				t.Errorf("protocol %d.%d with %v is answered with %q, want NegotiateProtocolVersion of %d options", c.version>>16, c.version&0xffff, c.params, head, c.options)
			}
		}
		// A cancel request for nobody is closed without a word.
		conn := on.raw(t, append([]byte{0, 0, 0, 16, 4, 210, 22, 46}, 1, 2, 3, 4, 5, 6, 7, 8))
		if got := untilClosed(t, conn); len(got) != 0 {
			t.Errorf("a cancel request is answered with %q", got)
		}
	})
}

// TestWrongPassword wants the home server's own words for a login that fails, and no hint at the password.
func TestWrongPassword(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		wrong := *on
		wrong.password = "not the password"
		_, err := wrong.dial(t.Context())
		if code := sqlState(err); !strings.Contains(fmt.Sprint(err), "28P01") {
			t.Errorf("a wrong password: %s: %v", code, err)
		}
		nobody := *on
		nobody.user = "nobody_of_this_name"
		if _, err := nobody.dial(t.Context()); !strings.Contains(fmt.Sprint(err), "28P01") {
			t.Errorf("an unknown user: %v", err)
		}
		nowhere := *on
		nowhere.database = "no_such_database"
		if _, err := nowhere.dial(t.Context()); !strings.Contains(fmt.Sprint(err), "3D000") {
			t.Errorf("an unknown database: %v", err)
		}
	})
}

// hostileMessages are frames that a client sends after its login, with the text of a message's body.
var hostileMessages = map[string][]byte{
	"an empty Query of five bytes": {'Q', 0, 0, 0, 4},
	"Query of 2 GiB":               {'Q', 0x7f, 0xff, 0xff, 0xff},
	"Parse of 2 GiB":               {'P', 0x7f, 0xff, 0xff, 0xff, 'x'},
	"CopyData of 2 GiB":            {'d', 0x7f, 0xff, 0xff, 0xff, 'x'},
	"a length below four":          {'Q', 0, 0, 0, 3},
	"a negative length":            {'Q', 0xff, 0xff, 0xff, 0xff},
	"Query without its NUL":        append([]byte{'Q', 0, 0, 0, 12}, "SELECT 1"...),
	"Query with a NUL inside":      append([]byte{'Q', 0, 0, 0, 23}, "SELECT 1\x00predict(1)"...),
	"predict without its NUL":      append([]byte{'Q', 0, 0, 0, 32}, "SELECT predict('double', 44)"...),
	"an empty Parse":               {'P', 0, 0, 0, 4},
	"Parse without parameters":     append([]byte{'P', 0, 0, 0, 34}, "\x00SELECT predict('double', 44)\x00"...),
	"an empty Bind":                {'B', 0, 0, 0, 4},
	"a short Bind":                 {'B', 0, 0, 0, 8, 0, 0, 0, 9},
	"an empty Execute":             {'E', 0, 0, 0, 4},
	"an empty Describe":            {'D', 0, 0, 0, 4},
	"Describe of nothing":          {'D', 0, 0, 0, 6, 'X', 0},
	"an empty Close":               {'C', 0, 0, 0, 4},
	"an empty FunctionCall":        {'F', 0, 0, 0, 4},
	"an unknown message":           {'z', 0, 0, 0, 4},
	"a password after the login":   append([]byte{'p', 0, 0, 0, 9}, "word\x00"...),
	"a startup packet again":       startupPacket(3<<16, "user", "x"),
	"Sync with a body":             {'S', 0, 0, 0, 6, 1, 2},
}

// afterwards is what TestHostileMessages sends to see whether the session goes on.
const afterwards = "SELECT 'goes on'"

// hostileOutcome sends a malformed message on a new session, and, if it does not end it, a Sync and a Query. It gives the code
// of the first error, "" for none, and whether the Query was answered.
func hostileOutcome(t *testing.T, on *target, data []byte) (code string, goesOn bool) {
	s := on.open(t)
	if _, err := s.conn.Write(data); err != nil {
		t.Fatal(err)
	}
	for code == "" {
		msg, err := s.next()
		if err != nil {
			return "", false
		}
		switch m := msg.(type) {
		case *pgproto3.ErrorResponse:
			code = m.Code
		case *pgproto3.ReadyForQuery:
			return "", true
		}
	}
	s.front.Send(syncing)
	s.front.Send(query(afterwards))
	if err := s.flush(); err != nil {
		return code, false
	}
	for {
		msg, err := s.next()
		if err != nil {
			return code, false
		}
		if _, ok := msg.(*pgproto3.DataRow); ok {
			return code, true
		}
	}
}

// TestHostileMessages sends malformed messages. The client sees PostgreSQL's own code, or, where PostgreSQL ends the connection
// without a word, 08P01; the session goes on where PostgreSQL's does; the proxy and other sessions live on.
func TestHostileMessages(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		before := on.proxy.memory(t)
		for name, data := range hostileMessages {
			code, goesOn := hostileOutcome(t, on, data)
			wantCode, wantGoesOn := hostileOutcome(t, world.direct, data)
			if wantCode == "" && !wantGoesOn && code == "08P01" {
				wantCode = code
			}
			if code != wantCode || goesOn != wantGoesOn {
				t.Errorf("%s: %q and the session goes on: %v; PostgreSQL: %q, %v", name, code, goesOn, wantCode, wantGoesOn)
			}
		}
		if grown := on.proxy.memory(t) - before; grown > 256<<20 {
			t.Errorf("the proxy grew by %d MiB", grown>>20)
		}
		on.open(t).wantRow(t, "SELECT predict('double', 4)", "8")
	})
}

// TestMessagesBeforeLogin sends messages of a session where a password is awaited.
func TestMessagesBeforeLogin(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		for name, data := range map[string][]byte{
			"a Query":           append([]byte{'Q', 0, 0, 0, 13}, "SELECT 1\x00"...),
			"an empty password": {'p', 0, 0, 0, 4},
			"a huge password":   {'p', 0x7f, 0xff, 0xff, 0xff},
			"noise":             bytes.Repeat([]byte{0xee}, 2000),
		} {
			conn := on.raw(t, append(startupPacket(3<<16, "user", on.user, "database", on.database), data...))
			got := untilClosed(t, conn)
			if bytes.Contains(got, []byte{'Z', 0, 0, 0, 5}) {
				t.Errorf("%s leads into a session: %q", name, got)
			}
		}
		on.open(t).wantRow(t, "SELECT 1", "1")
	})
}

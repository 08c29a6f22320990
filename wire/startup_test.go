package wire_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// packet makes a start-up packet: a length, a code and a body.
func packet(code uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(binary.BigEndian.AppendUint32(b, code), body...)
}

// The codes of first packets.
const (
	version30   = 3 << 16
	codeTLS     = 1234<<16 | 5679
	codeGSSENC  = 1234<<16 | 5680
	codeCancel  = 1234<<16 | 5678
	validBody   = "user\x00postgres\x00database\x00postgres\x00\x00"
	unknownBody = "user\x00postgres\x00_pq_.new\x00x\x00_pq_.other\x00y\x00\x00"
)

// TestFirstPackets sends the same bytes to the proxy and to PostgreSQL and compares what comes back: the types of the
// messages, SQLSTATEs, or that the connection is closed without a word.
func TestFirstPackets(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{}, &postgres, nil)
	tests := []struct {
		name  string
		bytes []byte
		texts bool // whether the error's text must be the same too
	}{
		{"valid 3.0", packet(version30, validBody), false},
		{"valid 3.2", packet(version30|2, validBody), false},
		{"newest libpq, 3.9999", packet(version30|9999, validBody), false},
		{"unknown protocol options", packet(version30|9999, unknownBody), false},
		{"protocol 2", packet(2<<16, strings.Repeat("\x00", 288)), false},
		{"protocol 4", packet(4<<16, validBody), false},
		{"length 0", []byte{0, 0, 0, 0}, false},
		{"length 7", []byte{0, 0, 0, 7, 0, 3, 0}, false},
		{"length 10,001", packet(version30, strings.Repeat("x", 9993)), false},
		{"2 GiB length", []byte{0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0}, false},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), false},
		{"NUL in parameters", packet(version30, "user\x00a\x00\x00b\x00c\x00\x00"), true},
		{"no terminator", packet(version30, "user\x00postgres\x00"), true},
		{"no user", packet(version30, "database\x00postgres\x00\x00"), true},
		{"no such database", packet(version30, "user\x00postgres\x00database\x00nope\x00\x00"), true},
		{"no such user", packet(version30, "user\x00nope\x00\x00"), true},
		{"bad option", packet(version30, "user\x00postgres\x00options\x00-c nope=1\x00\x00"), true},
		{"pipelined query", append(packet(version30, validBody), "Q\x00\x00\x00\x0eselect 1\x00\x00"...), false},
		{"malformed cancel", packet(codeCancel, "1234"), false},
		{"cancel of nobody", packet(codeCancel, "12345678"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want, got := reaction(t, postgres.addr, test.bytes, test.texts), reaction(t, p.addr, test.bytes, test.texts)
			if got != want {
				t.Errorf("the proxy: %s\nPostgreSQL: %s", got, want)
			}
		})
	}
}

// TestGSSEncryptionRequest checks that GSS encryption is refused and the client may go on, with TLS or without.
func TestGSSEncryptionRequest(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{}, &postgres, nil)
	c := dialRaw(t, p.addr)
	for _, code := range []uint32{codeGSSENC, codeTLS} {
		if _, err := c.Write(packet(code, "")); err != nil {
			t.Fatal(err)
		}
		var answer [1]byte
		if _, err := io.ReadFull(c, answer[:]); err != nil || answer[0] != 'N' {
			t.Fatalf("%q, %v", answer, err)
		}
	}
	if _, err := c.Write(packet(version30, validBody)); err != nil {
		t.Fatal(err)
	}
	if got := c.until("Z"); got != "ZI" {
		t.Errorf("got %q", got)
	}
}

// reaction is what addr answers to the bytes of a client that sends nothing more.
func reaction(t *testing.T, addr string, b []byte, texts bool) string {
	t.Helper()
	c := dialRaw(t, addr)
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	all, _ := io.ReadAll(c)
	var seen []string
	for len(all) > 0 {
		if len(all) < 5 || int(binary.BigEndian.Uint32(all[1:]))+1 > len(all) || all[0] == 'N' && len(seen) == 0 {
			seen = append(seen, string(all[:1])) // the answer to an encryption request, or a message of protocol 2
			if all[0] == 'N' {
				all = all[1:]
				continue
			}
			break
		}
		size := int(binary.BigEndian.Uint32(all[1:])) + 1
		text := string(all[:1])
		switch all[0] {
		case 'E':
			var e pgproto3.ErrorResponse
			if err := e.Decode(all[5:size]); err != nil {
				t.Fatal(err)
			}
			text += e.Severity + e.Code
			if texts {
				text += e.Message
			}
		case 'v':
			text += fmt.Sprintf("%q", all[5:size])
		}
		if text != "S" { // how many parameters, and whether they came at all, is home's matter
			seen = append(seen, text)
		}
		all = all[size:]
	}
	return strings.Join(seen, " ")
}

// TestSilentClients checks that a client which does not complete its start-up is closed in time, and holds up nobody.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{StartupTimeout: 200 * time.Millisecond}, &postgres, nil)
	for _, b := range []string{"", "\x00", "\x00\x00\x00\x50", "\x00\x00\x00\x50\x00\x03\x00\x00user"} {
		c := dialRaw(t, p.addr)
		if _, err := io.WriteString(c, b); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(c); err != nil || len(all) > 0 {
			t.Errorf("%q: %q, %v", b, all, err)
		}
	}
	p = startProxy(t, wire.Config{StartupTimeout: 2 * time.Second}, &postgres, nil)
	c := dialRaw(t, p.addr)
	c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "plain"}})
	if got := c.rest(); got != "R E57014FATAL" {
		t.Errorf("a client that gives no password: %q", got)
	}
}

// TestPasswords checks that home's authentication passes through, good and bad, and that nothing but a password does.
func TestPasswords(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{}, &postgres, nil)
	for _, user := range []string{"scram", "md5", "plain"} {
		conn, err := pgx.Connect(t.Context(), "postgres://"+user+":secret@"+p.addr+"/postgres?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		conn.Close(t.Context())
		_, err = pgx.Connect(t.Context(), "postgres://"+user+":wrong@"+p.addr+"/postgres?sslmode=disable")
		if sqlState(err) != "28P01" {
			t.Errorf("%s with a wrong password: %v", user, err)
		}
	}
	for _, b := range []string{"Q\x00\x00\x00\x04", "p\x00\x00\x00\x00", "p\x7f\xff\xff\xff", "p\x00\x01\x00\x00"} {
		c := dialRaw(t, p.addr)
		c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "plain"}})
		if _, _, err := c.message(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, b); err != nil {
			t.Fatal(err)
		}
		if got := c.rest(); got != "E08P01FATAL" {
			t.Errorf("%q: %q", b, got)
		}
	}
	if logs := p.logs.String(); strings.Contains(logs, "secret") || strings.Contains(logs, "wrong") {
		t.Error("a password was logged")
	}
}

// tlsPair is a server's configuration and one for clients that trust it.
func tlsPair(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	certPEM, keyPEM := selfSigned("127.0.0.1")
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// TestTLS checks encrypted sessions, asked for and direct, with SCRAM and cancel, and what is refused.
func TestTLS(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	server, client := tlsPair(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{TLS: server, RequireTLS: true}, &postgres, newInterceptor)
	for _, negotiation := range []string{"postgres", "direct"} {
		config, err := pgx.ParseConfig("postgres://scram:secret@" + p.addr + "/postgres?sslmode=require&sslnegotiation=" + negotiation)
		if err != nil {
			t.Fatal(err)
		}
		config.TLSConfig = client.Clone()
		if negotiation == "direct" {
			config.TLSConfig.NextProtos = []string{"postgresql"}
		}
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatalf("%s: %v", negotiation, err)
		}
		var n int
		if err := conn.QueryRow(t.Context(), "select length(repeat('x', 3000000))").Scan(&n); err != nil || n != 3000000 {
			t.Errorf("%s: %d, %v", negotiation, n, err)
		}
		mustExec(t, conn, "proxy answer x")
		conn.Close(t.Context())
	}
	_, err := pgx.Connect(t.Context(), postgres.url(p.addr))
	if sqlState(err) != "28000" {
		t.Errorf("without TLS: %v", err)
	}
	refuseDirectWithoutALPN(t, p.addr, client)
	refuseInjected(t, p.addr)
	refuseSecondRequest(t, p.addr, client)
}

// refuseDirectWithoutALPN checks that TLS which does not name the protocol is not taken for ours.
func refuseDirectWithoutALPN(t *testing.T, addr string, client *tls.Config) {
	t.Helper()
	c := dialRaw(t, addr)
	secured := tls.Client(c.Conn, client)
	if err := secured.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(secured)
	if !strings.Contains(string(all), "08P01") || !strings.Contains(string(all), "ALPN") {
		t.Errorf("direct TLS without ALPN: %q", all)
	}
}

// refuseInjected checks that plain bytes behind an SSLRequest are not taken for encrypted ones.
func refuseInjected(t *testing.T, addr string) {
	t.Helper()
	c := dialRaw(t, addr)
	if _, err := c.Write(append(packet(codeTLS, ""), packet(version30, validBody)...)); err != nil {
		t.Fatal(err)
	}
	if got := c.rest(); got != "E08P01FATAL" {
		t.Errorf("bytes behind SSLRequest: %q", got)
	}
}

// refuseSecondRequest checks that TLS is not negotiated inside TLS.
func refuseSecondRequest(t *testing.T, addr string, client *tls.Config) {
	t.Helper()
	c := dialRaw(t, addr)
	if _, err := c.Write(packet(codeTLS, "")); err != nil {
		t.Fatal(err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil || answer[0] != 'S' {
		t.Fatalf("%q, %v", answer, err)
	}
	secured := tls.Client(c.Conn, client)
	if _, err := secured.Write(packet(codeTLS, "")); err != nil {
		t.Fatal(err)
	}
	if all, _ := io.ReadAll(secured); !strings.Contains(string(all), "0A000") {
		t.Errorf("a second SSLRequest: %q", all)
	}
}

// tlsHome reaches PostgreSQL with TLS.
type tlsHome struct{}

// Dial implements wire.Home.
func (tlsHome) Dial(ctx context.Context) (net.Conn, bool, error) {
	conn, _, err := postgres.Dial(ctx)
	if err != nil {
		return nil, false, err
	}
	if _, err := conn.Write(packet(codeTLS, "")); err != nil {
		return nil, false, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return nil, false, err
	}
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	return secured, true, secured.HandshakeContext(ctx)
}

// TestChannelBinding checks SCRAM where TLS ends at the proxy: with home's own certificate channel binding holds from end
// to end, with another it is not offered, and a client that could bind is told what to do.
func TestChannelBinding(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	data := filepath.Join(postgres.dir, "data")
	same, err := tls.LoadX509KeyPair(filepath.Join(data, "server.crt"), filepath.Join(data, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	other, _ := tlsPair(t)
	tests := []struct {
		name    string
		config  *tls.Config
		home    wire.Home
		binding string
		code    string // "" for success
	}{
		{"home's certificate", &tls.Config{Certificates: []tls.Certificate{same}}, tlsHome{}, "require", ""},
		{"another certificate", other, tlsHome{}, "prefer", "28000"},
		{"another certificate, client does not bind", other, tlsHome{}, "disable", ""},
		{"home without TLS", other, &postgres, "prefer", ""},
		{"client without TLS", nil, tlsHome{}, "prefer", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := startProxy(t, wire.Config{TLS: test.config}, test.home, nil)
			mode := "require"
			if test.config == nil {
				mode = "disable"
			}
			out, err := psql(t, "postgres://scram:secret@"+p.addr+"/postgres?sslmode="+mode+"&channel_binding="+test.binding,
				"select 1")
			if (err == nil) != (test.code == "") {
				t.Fatalf("%v: %s", err, out)
			}
			if err != nil && !strings.Contains(out, "channel_binding=disable") {
				t.Errorf("no hint: %s", out)
			}
		})
	}
}

// TestHomeUnreachable checks what a client is told when there is no PostgreSQL behind.
func TestHomeUnreachable(t *testing.T) {
	t.Parallel()
	p := startProxy(t, wire.Config{}, brokenHome{}, nil)
	c := dialRaw(t, p.addr)
	if _, err := c.Write(packet(version30, validBody)); err != nil {
		t.Fatal(err)
	}
	if got := c.rest(); got != "E57P03FATAL" {
		t.Errorf("got %q", got)
	}
	eventually(t, "the session is gone", func() bool { return p.Connections() == 0 })
}

// brokenHome cannot be reached.
type brokenHome struct{}

// Dial implements wire.Home.
func (brokenHome) Dial(context.Context) (net.Conn, bool, error) {
	return nil, false, errors.New("refused")
}

// TestTooManyConnections checks the limit, and that a cancel request passes it.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{MaxConnections: 2}, &postgres, nil)
	first, second := p.connect(t), p.connect(t)
	_, err := pgx.Connect(t.Context(), postgres.url(p.addr))
	if sqlState(err) != "53300" {
		t.Fatalf("a third connection: %v", err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := first.PgConn().Exec(t.Context(), "select pg_sleep(62)").ReadAll()
		failed <- err
	}()
	eventually(t, "running", func() bool { return running(t, "select pg_sleep(62)") == 1 })
	if err := first.PgConn().CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; sqlState(err) != "57014" {
		t.Fatal(err)
	}
	second.Close(t.Context())
	eventually(t, "a place is free", func() bool { return p.Connections() == 1 })
	p.connect(t)
}

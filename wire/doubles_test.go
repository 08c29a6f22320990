package wire_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// logLines gathers what a proxy logs.
type logLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns the lines so far.
func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// selfSigned makes a certificate and its key, in PEM.
func selfSigned(host string) (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, IPAddresses: []net.IP{net.ParseIP(host)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		panic(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// scripted is an Interceptor that answers statements whose text begins with "proxy", in both protocols:
//
//	proxy answer TEXT   one row with TEXT
//	proxy error         an *Error of its own
//	proxy home SQL      runs SQL at home and relays its rows
//	proxy unread SQL    starts SQL at home, reads nothing, and fails
//	proxy leave SQL     starts SQL at home, reads nothing, and succeeds
//	proxy block         waits until its context ends, and tells why on causes
//	proxy wait SQL      runs SQL at home until it ends or the context does
//	proxy copy          takes COPY data and answers with its length
//	proxy panic         panics
//	proxy broken        returns an error that ends the session
type scripted struct {
	statements, portals map[string]string
	status              []byte
	shared              *observations
}

// observations is what tests want to know of scripted interceptors.
type observations struct {
	mu      sync.Mutex
	running int
	closed  int
	causes  []error
}

// note runs f under the lock.
func (o *observations) note(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

// get returns a value read under the lock.
func get[T any](o *observations, f func() T) T {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f()
}

// script returns what NewServer wants, and the observations.
func script() (func(wire.Session) wire.Interceptor, *observations) {
	o := &observations{}
	return func(wire.Session) wire.Interceptor {
		return &scripted{statements: map[string]string{}, portals: map[string]string{}, shared: o}
	}, o
}

// Wants implements wire.Interceptor.
func (s *scripted) Wants(typ byte, body []byte) bool {
	first, rest, _ := bytes.Cut(body, []byte{0})
	switch typ {
	case 'Q':
		return bytes.HasPrefix(first, []byte("proxy"))
	case 'P':
		wanted := bytes.HasPrefix(rest, []byte("proxy"))
		if !wanted {
			delete(s.statements, string(first)) // home's statement of that name takes its place
		}
		return wanted
	case 'B':
		name, _, _ := bytes.Cut(rest, []byte{0})
		_, wanted := s.statements[string(name)]
		if !wanted {
			delete(s.portals, string(first))
		}
		return wanted
	case 'E':
		_, ok := s.portals[string(first)]
		return ok
	}
	name, _, _ := bytes.Cut(body[1:], []byte{0})
	if body[0] == 'S' {
		_, ok := s.statements[string(name)]
		return ok
	}
	_, ok := s.portals[string(name)]
	return ok
}

// Watching implements wire.Interceptor.
func (s *scripted) Watching() bool { return len(s.statements)+len(s.portals) > 0 }

// Ready implements wire.Interceptor.
func (s *scripted) Ready(status byte) { s.status = append(s.status, status) }

// Close implements wire.Interceptor.
func (s *scripted) Close() { s.shared.note(func() { s.shared.closed++ }) }

// Handle implements wire.Interceptor.
func (s *scripted) Handle(ctx context.Context, x *wire.Exchange, typ byte, body []byte) error {
	s.shared.note(func() { s.shared.running++ })
	defer s.shared.note(func() { s.shared.running-- })
	switch typ {
	case 'Q':
		return s.run(ctx, x, cString(body), true)
	case 'P':
		if x.TxStatus() == 'E' {
			return &wire.Error{FromHome: true, Response: pgproto3.ErrorResponse{Code: "25P02", Message: "failed before"}}
		}
		name, rest, _ := bytes.Cut(body, []byte{0})
		s.statements[string(name)] = cString(rest)
		x.Reply(&pgproto3.ParseComplete{})
	case 'B':
		portal, rest, _ := bytes.Cut(body, []byte{0})
		s.portals[string(portal)] = s.statements[cString(rest)]
		x.Reply(&pgproto3.BindComplete{})
	case 'D':
		if body[0] == 'S' {
			x.Reply(&pgproto3.ParameterDescription{})
		}
		x.Reply(oneColumn())
	case 'C':
		delete(s.statements, cString(body[1:]))
		delete(s.portals, cString(body[1:]))
		x.Reply(&pgproto3.CloseComplete{})
	case 'E':
		return s.run(ctx, x, s.portals[cString(body)], false)
	}
	return nil
}

// run answers one statement; describe says that a RowDescription goes before rows.
func (s *scripted) run(ctx context.Context, x *wire.Exchange, text string, describe bool) error {
	words := strings.SplitN(text, " ", 3)
	rest := ""
	if len(words) == 3 {
		rest = words[2]
	}
	switch words[1] {
	case "answer":
		s.row(x, rest, describe)
	case "error":
		return &wire.Error{Response: pgproto3.ErrorResponse{Code: "PX001", Message: "the model failed", Hint: "try again"}}
	case "home", "wait":
		return s.atHome(ctx, x, rest, describe)
	case "unread", "leave":
		x.Send(&pgproto3.Parse{Query: rest}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Flush{})
		if err := x.FlushHome(); err != nil {
			return err
		}
		if words[1] == "unread" {
			return &wire.Error{Response: pgproto3.ErrorResponse{Code: "PX002", Message: "gave up"}}
		}
		s.row(x, "left", describe)
	case "block":
		<-ctx.Done()
		s.shared.note(func() { s.shared.causes = append(s.shared.causes, context.Cause(ctx)) })
		return ctx.Err()
	case "copy":
		return s.copyIn(ctx, x)
	case "panic":
		panic("a value that must not be logged")
	case "broken":
		return errors.New("cannot go on")
	}
	return nil
}

// row replies one row of one text column.
func (s *scripted) row(x *wire.Exchange, value string, describe bool) {
	if describe {
		x.Reply(oneColumn())
	}
	x.Reply(&pgproto3.DataRow{Values: [][]byte{[]byte(value)}}, &pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
}

// atHome runs sql at home with the extended protocol and relays description, rows and completion.
func (s *scripted) atHome(ctx context.Context, x *wire.Exchange, sql string, describe bool) error {
	x.Send(&pgproto3.Parse{Query: sql}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{},
		&pgproto3.Flush{})
	if err := x.FlushHome(); err != nil {
		return err
	}
	for {
		typ, body, err := x.Receive(ctx)
		if err != nil {
			s.shared.note(func() { s.shared.causes = append(s.shared.causes, err) })
			return err
		}
		switch typ {
		case 'T':
			if describe {
				x.ReplyRaw(typ, body)
			}
		case 'D':
			x.ReplyRaw(typ, body)
		case 'C':
			x.ReplyRaw(typ, body)
			return nil
		case 'E':
			var e wire.Error
			if err := e.Response.Decode(body); err != nil {
				return err
			}
			e.FromHome = true
			return &e
		}
	}
}

// copyIn takes COPY data.
func (s *scripted) copyIn(ctx context.Context, x *wire.Exchange) error {
	x.Reply(&pgproto3.CopyInResponse{})
	total := 0
	for {
		typ, body, err := x.ReceiveClient(ctx)
		if err != nil {
			return err
		}
		switch typ {
		case 'd':
			total += len(body)
			if bytes.Contains(body, []byte("bad")) {
				return &wire.Error{Response: pgproto3.ErrorResponse{Code: "22P04", Message: "bad copy data"}}
			}
		case 'c':
			tag := "COPY " + big.NewInt(int64(total)).String()
			x.Reply(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
			return nil
		case 'f':
			return &wire.Error{Response: pgproto3.ErrorResponse{Code: "57014", Message: "COPY from stdin failed"}}
		}
	}
}

// oneColumn describes a row of one text column.
func oneColumn() *pgproto3.RowDescription {
	return &pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{
		{Name: []byte("answer"), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1},
	}}
}

// cString returns b up to its first zero byte.
func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

// rawClient speaks the protocol by hand.
type rawClient struct {
	net.Conn
	t    testing.TB
	from *pgproto3.Frontend
}

// dialRaw connects to addr without a start-up packet.
func dialRaw(t testing.TB, addr string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &rawClient{Conn: conn, t: t, from: pgproto3.NewFrontend(conn, conn)}
}

// dialSession connects and logs in.
func dialSession(t testing.TB, addr string) *rawClient {
	t.Helper()
	c := dialRaw(t, addr)
	c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30,
		Parameters: map[string]string{"user": "postgres", "database": "postgres"}})
	c.until("Z")
	return c
}

// send writes messages at once.
func (c *rawClient) send(msgs ...pgproto3.FrontendMessage) {
	c.t.Helper()
	var out []byte
	for _, m := range msgs {
		var err error
		if out, err = m.Encode(out); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := c.Write(out); err != nil {
		c.t.Fatal(err)
	}
}

// until reads messages up to and with the types in last, each once in order, and returns them in short: the type, with
// the SQLSTATE of errors, the status of ReadyForQuery and the first column of rows. Parameters, notices and start-up
// messages are left out.
func (c *rawClient) until(last string) string {
	c.t.Helper()
	var seen []string
	for last != "" {
		typ, text, err := c.message()
		if err != nil {
			c.t.Fatalf("after %q: %v", strings.Join(seen, " "), err)
		}
		if text != "" {
			seen = append(seen, text)
		}
		if typ == last[0] {
			last = last[1:]
		}
	}
	return strings.Join(seen, " ")
}

// rest reads messages until the connection ends.
func (c *rawClient) rest() string {
	var seen []string
	for {
		_, text, err := c.message()
		if err != nil {
			return strings.Join(seen, " ")
		}
		if text != "" {
			seen = append(seen, text)
		}
	}
}

// message reads one message; see until.
func (c *rawClient) message() (typ byte, text string, err error) {
	m, err := c.from.Receive()
	if err != nil {
		return 0, "", err
	}
	encoded, err := m.Encode(nil)
	if err != nil {
		return 0, "", err
	}
	typ = encoded[0]
	switch m := m.(type) {
	case *pgproto3.ErrorResponse:
		text = "E" + m.Code
		if m.Severity != "ERROR" {
			text += m.Severity
		}
	case *pgproto3.ReadyForQuery:
		text = "Z" + string(m.TxStatus)
	case *pgproto3.DataRow:
		text = "D"
		if len(m.Values) > 0 {
			text += string(m.Values[0])
		}
	case *pgproto3.ParameterStatus, *pgproto3.NoticeResponse, *pgproto3.BackendKeyData, *pgproto3.AuthenticationOk:
	default:
		text = string(typ)
	}
	return typ, text, nil
}

// itoa writes a number.
func itoa(n int) string { return strconv.Itoa(n) }

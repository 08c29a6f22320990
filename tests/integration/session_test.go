package integration

import (
	"context"
	"errors"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// exchangeLimit is how long a server may take to answer one exchange.
const exchangeLimit = 60 * time.Second

// session is a client connection driven message by message, which writes down what the server says.
type session struct {
	conn  net.Conn
	front *pgproto3.Frontend
	on    *target
	pid   uint32
	key   []byte
	// verbatim says that texts are to be sent to the oracle as they are.
	verbatim bool
	// last is the text that was sent last, for error positions.
	last rewritten
	// lines is the transcript since the last take.
	lines []string
}

// open logs in and gives a session that is closed with the test.
func (t *target) open(tb testing.TB, params ...string) *session {
	tb.Helper()
	s, err := t.dial(tb.Context(), params...)
	if err != nil {
		tb.Fatalf("connect to %s: %v", t.name, err)
	}
	tb.Cleanup(func() { _ = s.conn.Close() })
	return s
}

// dial logs in with start-up parameters given as name, value, name, value.
func (t *target) dial(ctx context.Context, params ...string) (*session, error) {
	cfg, err := pgconn.ParseConfig(t.url(""))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(params); i += 2 {
		cfg.RuntimeParams[params[i]] = params[i+1]
	}
	c, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	h, err := c.Hijack()
	if err != nil {
		return nil, err
	}
	return &session{conn: h.Conn, front: h.Frontend, on: t, pid: h.PID, key: h.SecretKey}, nil
}

// text gives the statement as this target takes it.
func (s *session) text(sql string) string {
	s.last = rewritten{text: sql}
	if s.on.functions && !s.verbatim {
		s.last = oracleText(sql)
	}
	return s.last.text
}

// send writes messages in one piece. Texts of Query and Parse are rewritten for the oracle.
func (s *session) send(tb testing.TB, msgs ...pgproto3.FrontendMessage) {
	tb.Helper()
	for _, m := range msgs {
		switch m := m.(type) {
		case *pgproto3.Query:
			s.front.Send(&pgproto3.Query{String: s.text(m.String)})
		case *pgproto3.Parse:
			s.front.Send(&pgproto3.Parse{Name: m.Name, Query: s.text(m.Query), ParameterOIDs: m.ParameterOIDs})
		default:
			s.front.Send(m)
		}
	}
	if err := s.flush(); err != nil {
		tb.Fatalf("send to %s: %v", s.on.name, err)
	}
}

func (s *session) flush() error {
	if err := s.conn.SetDeadline(time.Now().Add(exchangeLimit)); err != nil {
		return err
	}
	return s.front.Flush()
}

// next reads one message and writes it into the transcript.
func (s *session) next() (pgproto3.BackendMessage, error) {
	if err := s.conn.SetDeadline(time.Now().Add(exchangeLimit)); err != nil {
		return nil, err
	}
	msg, err := s.front.Receive()
	if err != nil {
		s.lines = append(s.lines, "connection ended: "+endOf(err))
		return nil, err
	}
	s.lines = append(s.lines, describeMessage(msg, s.last.position))
	return msg, nil
}

// endOf says how a connection ended without naming addresses.
func endOf(err error) string {
	var n net.Error
	if errors.As(err, &n) && n.Timeout() {
		return "nothing came for " + exchangeLimit.String()
	}
	return "closed"
}

// ready reads until n ReadyForQuery have come or the connection ends, and gives the transcript so far.
func (s *session) ready(n int) []string {
	for n > 0 {
		msg, err := s.next()
		if err != nil {
			break
		}
		if _, ok := msg.(*pgproto3.ReadyForQuery); ok {
			n--
		}
	}
	return s.take()
}

// upTo reads until a message of the same kind as want has come.
func (s *session) upTo(want pgproto3.BackendMessage) []string {
	for {
		msg, err := s.next()
		if err != nil || reflect.TypeOf(msg) == reflect.TypeOf(want) {
			return s.take()
		}
	}
}

// take gives the transcript and begins a new one.
func (s *session) take() []string {
	out := s.lines
	s.lines = nil
	return out
}

// query sends one Query message and gives the transcript of its answer.
func (s *session) query(tb testing.TB, sql string) []string {
	tb.Helper()
	s.send(tb, &pgproto3.Query{String: sql})
	return s.ready(1)
}

// mustQuery is query for statements that are to succeed.
func (s *session) mustQuery(tb testing.TB, sql string) []string {
	tb.Helper()
	got := s.query(tb, sql)
	if _, line := firstError(got); line != "" {
		tb.Fatalf("%s on %s: %s", sql, s.on.name, line)
	}
	return got
}

// exchange sends messages that hold n Syncs or Queries and gives the transcript of the answers.
func (s *session) exchange(tb testing.TB, n int, msgs ...pgproto3.FrontendMessage) []string {
	tb.Helper()
	s.send(tb, msgs...)
	return s.ready(n)
}

// cancel asks for a cancel of what the session runs, on a connection of its own.
func (s *session) cancel(tb testing.TB) {
	tb.Helper()
	conn, err := net.Dial("tcp", s.on.addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	raw, err := (&pgproto3.CancelRequest{ProcessID: s.pid, SecretKey: s.key}).Encode(nil)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := conn.Write(raw); err != nil {
		tb.Fatal(err)
	}
	// The server closes the connection when it has passed the request on.
	_ = conn.SetReadDeadline(time.Now().Add(exchangeLimit))
	_, _ = conn.Read(make([]byte, 1))
}

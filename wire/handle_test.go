package wire_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// query is a Query message.
func query(sql string) *pgproto3.Query { return &pgproto3.Query{String: sql} }

// extended are the messages that run sql once without a Sync.
func extended(sql string) []pgproto3.FrontendMessage {
	return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: sql}, &pgproto3.Bind{},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}}
}

// batch are the messages that run statements in one extended batch, with a Sync at the end.
func batch(statements ...string) []pgproto3.FrontendMessage {
	var all []pgproto3.FrontendMessage
	for _, sql := range statements {
		all = append(all, extended(sql)...)
	}
	return append(all, &pgproto3.Sync{})
}

// together joins lists of messages.
func together(lists ...[]pgproto3.FrontendMessage) []pgproto3.FrontendMessage {
	return slices.Concat(lists...)
}

// one is a list of one message.
func one(m pgproto3.FrontendMessage) []pgproto3.FrontendMessage { return []pgproto3.FrontendMessage{m} }

// TestConversations plays what a client sends in one write and compares everything that it is answered. Each case ends
// with a query that shows whether the session is still in step.
func TestConversations(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	const badSQL = "select 1/(select 0)" // fails when it is executed
	tests := []struct {
		name  string
		sends []pgproto3.FrontendMessage
		syncs int // ReadyForQuery messages that must come
		want  string
	}{
		{"answer", one(query("proxy answer x")), 1, "T Dx C ZI"},
		{"answers and relay in a pipeline", together(one(query("select 1")), one(query("proxy answer x")), one(query("select 2"))), 3,
			"T D1 C ZI T Dx C ZI T D2 C ZI"},
		{"error", one(query("proxy error")), 1, "EPX001 ZI"},
		{"error in a transaction fails it", together(one(query("begin")), one(query("proxy error")), one(query("select 1")),
			one(query("rollback"))), 4, "C ZT EPX001 ZE E25P02 ZE C ZI"},
		{"answer in a transaction", together(one(query("begin")), one(query("proxy answer x")), one(query("commit"))), 3,
			"C ZT T Dx C ZT C ZI"},
		{"answer in a failed transaction", together(one(query("begin")), one(query(badSQL)), one(query("proxy answer x")),
			one(query("rollback"))), 4, "C ZT T E22012 ZE T Dx C ZE C ZI"},
		{"error in a failed transaction", together(one(query("begin")), one(query(badSQL)), one(query("proxy error")),
			one(query("rollback"))), 4, "C ZT T E22012 ZE EPX001 ZE C ZI"},
		{"at home", one(query("proxy home select 7")), 1, "T D7 C ZI"},
		{"at home, error of home", one(query("proxy home " + badSQL)), 1, "T E22012 ZI"},
		{"at home, error of home in a transaction", together(one(query("begin")), one(query("proxy home "+badSQL)),
			one(query("rollback"))), 3, "C ZT T E22012 ZE C ZI"},
		{"unread at home", one(query("proxy unread select generate_series(1,1000)")), 1, "EPX002 ZI"},
		{"left at home", one(query("proxy leave select generate_series(1,1000)")), 1, "T Dleft C ZI"},
		{"unread at home writes nothing", together(one(query("proxy unread insert into t values (9001)")),
			one(query("select count(*) from t where id = 9001"))), 2, "EPX002 ZI T D0 C ZI"},
		{"extended", batch("proxy answer x"), 1, "1 2 T Dx C ZI"},
		{"extended between relayed ones", batch("select 1", "proxy answer x", "select 2"), 1,
			"1 2 T D1 C 1 2 T Dx C 1 2 T D2 C ZI"},
		{"extended at home", batch("proxy home select 7", "select 8"), 1, "1 2 T D7 C 1 2 T D8 C ZI"},
		{"extended batches in a pipeline", together(batch("select 1"), batch("proxy answer x"), batch("proxy answer y", "select 2")), 3,
			"1 2 T D1 C ZI 1 2 T Dx C ZI 1 2 T Dy C 1 2 T D2 C ZI"},
		{"error discards the rest of the batch", together(batch("proxy error", "select 1", "proxy answer x"), batch("select 2")), 2,
			"1 2 T EPX001 ZI 1 2 T D2 C ZI"},
		{"error undoes what came before in the batch", together(batch("insert into t values (9002)", "proxy error"),
			batch("select count(*) from t where id = 9002")), 2, "1 2 n C 1 2 T EPX001 ZI 1 2 T D0 C ZI"},
		{"error undoes what the proxy wrote in the batch", together(batch("proxy home insert into t values (9003)", "proxy error"),
			batch("select count(*) from t where id = 9003")), 2, "1 2 T C 1 2 T EPX001 ZI 1 2 T D0 C ZI"},
		{"relayed error discards a handled message", together(batch(badSQL, "proxy answer x"), batch("select 2")), 2,
			"1 2 T E22012 ZI 1 2 T D2 C ZI"},
		{"error of home in a handled message", together(batch("proxy home "+badSQL, "proxy answer x"), batch("select 2")), 2,
			"1 2 T E22012 ZI 1 2 T D2 C ZI"},
		{"extended error in a transaction", together(one(query("begin")), batch("proxy error"), one(query("rollback"))), 3,
			"C ZT 1 2 T EPX001 ZE C ZI"},
		{"a handled query ends a batch", together(extended("select 1"), one(query("proxy answer x")), one(query("select 2"))), 2,
			"1 2 T D1 C T Dx C ZI T D2 C ZI"},
		{"a handled query in a failed batch is discarded", together(extended(badSQL), one(query("proxy answer x")),
			one(&pgproto3.Sync{})), 1, "1 2 T E22012 ZI"},
		{"a query after the proxy's error is discarded until Sync", together(extended("proxy error"), one(query("select 1")),
			one(&pgproto3.CopyData{Data: []byte("x")}), one(&pgproto3.CopyDone{}), one(&pgproto3.Sync{})), 1, "1 2 T EPX001 ZI"},
		{"poison spares the unnamed statement", []pgproto3.FrontendMessage{query("begin"), query("savepoint s"),
			&pgproto3.Parse{Name: "back", Query: "rollback to s"}, &pgproto3.Parse{Name: "bad", Query: "proxy error"},
			&pgproto3.Parse{Query: "select 5"}, &pgproto3.Sync{},
			&pgproto3.Bind{PreparedStatement: "bad"}, &pgproto3.Execute{}, &pgproto3.Sync{},
			&pgproto3.Bind{PreparedStatement: "back"}, &pgproto3.Execute{}, &pgproto3.Sync{},
			&pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{}},
			6, "C ZT C ZT 1 1 1 ZT 2 EPX001 ZE 2 C ZT 2 D5 C ZT"},
		{"left at home in a batch", batch("proxy leave select generate_series(1,1000)", "select 2"), 1,
			"1 2 T Dleft C 1 2 T D2 C ZI"},
		{"left at home, its error is passed on", together(batch("proxy leave "+badSQL, "select 2"), batch("select 3")), 2,
			"1 2 T Dleft C E22012 ZI 1 2 T D3 C ZI"},
		{"an empty query", one(query("")), 1, "I ZI"},
		{"two Syncs", together(batch("proxy answer x"), one(&pgproto3.Sync{})), 2, "1 2 T Dx C ZI ZI"},
		{"Flush before Sync", together(extended("proxy answer x"), one(&pgproto3.Flush{}), one(&pgproto3.Sync{})), 1,
			"1 2 T Dx C ZI"},
		{"copy taken by the proxy", together(one(query("proxy copy")), one(&pgproto3.CopyData{Data: []byte("abc")}),
			one(&pgproto3.CopyData{Data: []byte("de")}), one(&pgproto3.CopyDone{})), 1, "G C ZI"},
		{"copy failed by the proxy", together(one(query("proxy copy")), one(&pgproto3.CopyData{Data: []byte("bad")}),
			one(&pgproto3.CopyData{Data: []byte("de")}), one(&pgproto3.CopyDone{})), 1, "G E22P04 ZI"},
		{"copy failed by the client", together(one(query("proxy copy")), one(&pgproto3.CopyFail{Message: "no"})), 1, "G E57014 ZI"},
		{"extended copy taken by the proxy, with an early Sync", together(extended("proxy copy"), one(&pgproto3.Sync{}),
			one(&pgproto3.CopyData{Data: []byte("abc")}), one(&pgproto3.CopyDone{}), one(&pgproto3.Sync{})), 1, "1 2 T G C ZI"},
		{"copy relayed", together(one(query("begin")), one(query("copy t(id) from stdin")), one(&pgproto3.CopyData{Data: []byte("9005\n")}),
			one(&pgproto3.CopyDone{}), one(query("proxy answer x")), one(query("rollback"))), 4, "C ZT G C ZT T Dx C ZT C ZI"},
		{"deferred error at the end of a handled query", together(one(query(
			"create temp table d(a int unique deferrable initially deferred)")), one(query(
			"proxy home insert into d values (1),(1)"))), 2, "C ZI C E23505 ZI"},
	}
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	for _, test := range tests {
		for _, mode := range []string{"one write", "a write a message"} {
			t.Run(test.name+", "+mode, func(t *testing.T) {
				t.Parallel()
				c := dialSession(t, p.addr)
				if mode == "one write" {
					c.send(test.sends...)
				} else {
					for _, m := range test.sends {
						c.send(m)
					}
				}
				if got := c.until(strings.Repeat("Z", test.syncs)); got != test.want {
					t.Fatalf("got  %s\nwant %s", got, test.want)
				}
				c.send(query("select 42"))
				if got := c.until("Z"); got != "T D42 C Z"+test.want[len(test.want)-1:] {
					t.Errorf("out of step: %s", got)
				}
			})
		}
	}
}

// TestHandledMessageInCopy checks that a message which the interceptor would want reaches home while home reads copy
// data, so that PostgreSQL gives its own answer.
func TestHandledMessageInCopy(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	c := dialSession(t, p.addr)
	c.send(query("copy t from stdin"))
	c.until("G")
	c.send(query("proxy answer x"))
	if got := c.rest(); got != "E08P01 E08P01FATAL" {
		t.Errorf("got %q", got)
	}
}

// TestPanicEndsOneSession checks that a panic in Handle ends its session with an error, and no other.
func TestPanicEndsOneSession(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, seen := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	other := dialSession(t, p.addr)
	for _, text := range []string{"proxy panic", "proxy broken"} {
		c := dialSession(t, p.addr)
		c.send(query(text))
		if got := c.rest(); got != "EXX000FATAL" {
			t.Errorf("%s: got %q", text, got)
		}
	}
	other.send(query("select 1"))
	if got := other.until("Z"); got != "T D1 C ZI" {
		t.Errorf("the other session: %q", got)
	}
	eventually(t, "both interceptors closed", func() bool { return get(seen, func() bool { return seen.closed == 2 }) })
	if logs := p.logs.String(); strings.Contains(logs, "must not be logged") || !strings.Contains(logs, "stack=") {
		t.Errorf("logged %s", logs)
	}
}

// TestCancelOfHandle checks that a cancel ends a running Handle with ErrCanceled and 57014, and hurts nothing after it.
func TestCancelOfHandle(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, seen := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	conn := p.connect(t)
	for _, text := range []string{"proxy block", "proxy wait select pg_sleep(60)"} {
		for _, begin := range []bool{false, true} {
			if begin {
				mustExec(t, conn, "begin")
			}
			failed := make(chan error, 1)
			go func() {
				_, err := conn.PgConn().Exec(t.Context(), text).ReadAll()
				failed <- err
			}()
			eventually(t, "running", func() bool { return get(seen, func() bool { return seen.running == 1 }) })
			if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-failed; sqlState(err) != "57014" {
				t.Fatalf("%s: %v", text, err)
			}
			if begin {
				if status := conn.PgConn().TxStatus(); status != 'E' {
					t.Errorf("%s: transaction status %c", text, status)
				}
				mustExec(t, conn, "rollback")
			}
			mustExec(t, conn, "select 1")
		}
	}
	causes := get(seen, func() []error { return slices.Clone(seen.causes) })
	for _, cause := range causes {
		if !errors.Is(cause, wire.ErrCanceled) {
			t.Errorf("cause %v", cause)
		}
	}
}

// mustExec runs sql with the simple protocol.
func mustExec(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// TestClientGoneInHandle checks that a client's end reaches a running Handle, and that home's statement is cancelled.
func TestClientGoneInHandle(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, seen := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	for _, text := range []string{"proxy block", "proxy wait select pg_sleep(61.5)"} {
		c := dialSession(t, p.addr)
		c.send(query(text))
		eventually(t, "running", func() bool { return get(seen, func() bool { return seen.running == 1 }) })
		c.Close()
		eventually(t, "Handle ended", func() bool { return get(seen, func() bool { return seen.running == 0 }) })
	}
	for _, cause := range get(seen, func() []error { return slices.Clone(seen.causes) }) {
		if !errors.Is(cause, wire.ErrClientGone) {
			t.Errorf("cause %v", cause)
		}
	}
	eventually(t, "home's statement ended", func() bool { return running(t, "select pg_sleep(61.5)") == 0 })
	eventually(t, "sessions ended", func() bool { return p.Connections() == 0 })
}

// running counts home's sessions that run the given text.
func running(t testing.TB, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), postgres.url(postgres.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	err = conn.QueryRow(context.Background(),
		"select count(*) from pg_stat_activity where state = 'active' and query = $1", sql).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestUnwantedRowsAreCancelled checks that rows which nobody reads any more do not have to be read to their end.
func TestUnwantedRowsAreCancelled(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	c := dialSession(t, p.addr)
	c.send(query("proxy unread select i, pg_sleep(0.1) from generate_series(1, 1000000) i"))
	if got := c.until("Z"); got != "EPX002 ZI" {
		t.Errorf("got %q", got)
	}
}

// TestNotificationsDuringExchange checks that notifications reach the client while and after a message is handled.
func TestNotificationsDuringExchange(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	c := dialSession(t, p.addr)
	c.send(query("listen news"), query("proxy home notify news, 'hello'"))
	if got := c.until("ZZ"); got != "C ZI C A ZI" {
		t.Errorf("got %q", got)
	}
	c.send(query("proxy home select set_config('application_name', 'renamed', false)"))
	c.until("Z")
	c.send(query("proxy home show application_name"))
	if got := c.until("Z"); got != "T Drenamed C ZI" {
		t.Errorf("got %q", got)
	}
}

// TestLongReplies checks that home's messages larger than a chunk pass through an exchange whole.
func TestLongReplies(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	conn := p.connect(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for _, n := range []int{1, 65531, 65536, 131072, 5_000_001} {
		results, err := conn.PgConn().Exec(ctx, "proxy home select repeat('x', "+itoa(n)+") from generate_series(1, 3)").ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(results[0].Rows) != 3 {
			t.Fatalf("%d rows", len(results[0].Rows))
		}
		for _, row := range results[0].Rows {
			if len(row[0]) != n || strings.Trim(string(row[0]), "x") != "" {
				t.Fatalf("a row of %d bytes, want %d", len(row[0]), n)
			}
		}
	}
}

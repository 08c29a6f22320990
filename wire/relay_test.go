package wire_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pgprotov2 "github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// psql runs commands with the real client and returns all it prints.
func psql(t testing.TB, url string, commands ...string) (string, error) {
	t.Helper()
	args := []string{"-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", url}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(postgresBinaries, "psql"), args...).CombinedOutput()
	return string(out), err
}

// TestClientsRelayed runs pgx in all its modes and psql through a proxy that relays everything.
func TestClientsRelayed(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		conn := p.connect(t)
		for i := range 20 {
			var n int
			var s string
			if err := conn.QueryRow(t.Context(), "select $1::int, $2::text", mode, i, "é").Scan(&n, &s); err != nil || n != i || s != "é" {
				t.Fatalf("%v: %d %q %v", mode, n, s, err)
			}
			if _, err := conn.Exec(t.Context(), "select 1/$1::int", mode, 0); sqlState(err) != "22012" {
				t.Fatalf("%v: %v", mode, err)
			}
		}
	}
	out, err := psql(t, postgres.url(p.addr), "select 1", `\d t`, "select 2")
	if err != nil || !strings.HasPrefix(out, "1\n") || !strings.HasSuffix(out, "2\n") {
		t.Errorf("psql: %v: %s", err, out)
	}
}

// TestPipeline sends thousands of statements before it reads an answer, handled ones among them.
func TestPipeline(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	conn := p.connect(t)
	b := &pgx.Batch{}
	for i := range 3000 {
		b.Queue("select $1::int", i)
		if i%100 == 0 {
			b.Queue("proxy home select 1")
		}
	}
	results := conn.SendBatch(t.Context(), b)
	defer results.Close()
	for i := range 3000 {
		var n int
		if err := results.QueryRow().Scan(&n); err != nil || n != i {
			t.Fatalf("answer %d: %d, %v", i, n, err)
		}
		if i%100 == 0 {
			if _, err := results.Exec(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCopy moves a few megabytes in and out.
func TestCopy(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	conn := p.connect(t)
	mustExec(t, conn, "create temp table c(a int, b text)")
	const rows = 50_000
	in := &bytes.Buffer{}
	for i := range rows {
		fmt.Fprintf(in, "%d\t%s\n", i, strings.Repeat("y", i%200))
	}
	want := in.String()
	tag, err := conn.PgConn().CopyFrom(t.Context(), in, "copy c from stdin")
	if err != nil || tag.RowsAffected() != rows {
		t.Fatalf("%v, %v", tag, err)
	}
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(t.Context(), &out, "copy (select * from c order by a) to stdout"); err != nil || out.String() != want {
		t.Errorf("%d bytes came back of %d: %v", out.Len(), len(want), err)
	}
	if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader("no number\n"), "copy c from stdin"); sqlState(err) != "22P02" {
		t.Errorf("bad data: %v", err)
	}
	mustExec(t, conn, "proxy answer x")
}

// TestListen checks that notifications reach a client that waits and sends nothing.
func TestListen(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{}, &postgres, nil)
	listener, sender := p.connect(t), p.connect(t)
	mustExec(t, listener, "listen chan")
	mustExec(t, sender, "notify chan, 'hello'")
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	n, err := listener.WaitForNotification(ctx)
	if err != nil || n.Payload != "hello" {
		t.Errorf("%v, %v", n, err)
	}
}

// TestReplicationIsRelayedUnseen checks that a replication connection has no interceptor.
func TestReplicationIsRelayedUnseen(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{}, &postgres, func(wire.Session) wire.Interceptor {
		t.Error("an interceptor was made")
		return nil
	})
	out, err := psql(t, postgres.url(p.addr)+"&replication=database", "IDENTIFY_SYSTEM")
	if err != nil || !strings.Contains(out, "|postgres") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestCancelHitsTheRightStatement cancels again and again while short statements follow the long one: none but the long
// one may fail.
func TestCancelHitsTheRightStatement(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{}, &postgres, nil)
	conn := p.connect(t)
	for i := range 30 {
		sql := fmt.Sprintf("select pg_sleep(63) /* %d */", i)
		failed := make(chan error, 1)
		go func() {
			_, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
			failed <- err
		}()
		eventually(t, "running", func() bool { return running(t, sql) == 1 })
		go conn.PgConn().CancelRequest(t.Context()) // the client does not wait for it
		if err := <-failed; sqlState(err) != "57014" {
			t.Fatalf("round %d: %v", i, err)
		}
		for range 5 {
			mustExec(t, conn, "select pg_sleep(0.001)")
		}
	}
}

// TestLargeMessages relays and shows messages of a megabyte and more.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{MaxStatement: 2 << 20}, &postgres, newInterceptor)
	conn := p.connect(t)
	for _, n := range []int{65_530, 65_536, 1 << 20, 5 << 20} {
		var got int
		comment := strings.Repeat("z", n)
		if err := conn.QueryRow(t.Context(), "select /* "+comment+" */ 1", pgx.QueryExecModeSimpleProtocol).Scan(&got); err != nil {
			t.Fatalf("%d bytes of SQL: %v", n, err)
		}
		if err := conn.QueryRow(t.Context(), "select length($1::text)", strings.Repeat("z", n)).Scan(&got); err != nil || got != n {
			t.Fatalf("a parameter of %d bytes: %d, %v", n, got, err)
		}
		_, err := conn.PgConn().Exec(t.Context(), "proxy answer "+comment).ReadAll()
		if n < 2<<20 && err != nil || n > 2<<20 && sqlState(err) != "42601" {
			t.Errorf("a handled statement of %d bytes: %v", n, err)
		}
	}
}

// TestBadFrames checks that frames which are none end the session with an error, at once and without memory.
func TestBadFrames(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	random := make([]byte, 100_000)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(source.Uint32())
	}
	random[0] = 1
	for _, b := range []string{"Q\x00\x00\x00\x03", "Q\x7f\xff\xff\xff", "d\xff\xff\xff\xff", "z\x00\x00\x00\x04",
		"p\x00\x00\x00\x04", "Q\x00\x00\x00\x0eselect 1;\x00\x01\x02\x03\x04\x05", string(random)} {
		c := dialSession(t, p.addr)
		if _, err := io.WriteString(c, b); err != nil {
			t.Fatal(err)
		}
		if got := c.rest(); !strings.HasSuffix(got, "E08P01FATAL") {
			t.Errorf("%.10q: %q", b, got)
		}
	}
}

// TestEmptyQueryMessage checks the five bytes that some decoders fall over: home answers as it does without the proxy.
func TestEmptyQueryMessage(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	answer := func(addr string) string {
		c := dialSession(t, addr)
		if _, err := io.WriteString(c, "Q\x00\x00\x00\x04P\x00\x00\x00\x04S\x00\x00\x00\x04"); err != nil {
			t.Fatal(err)
		}
		return c.until("ZZ")
	}
	if got, want := answer(p.addr), answer(postgres.addr); got != want {
		t.Errorf("the proxy: %s\nPostgreSQL: %s", got, want)
	}
}

// TestHalfFrame checks that a statement which comes byte by byte is put together.
func TestHalfFrame(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	c := dialSession(t, p.addr)
	for _, sql := range []string{"select 1", "proxy answer 1"} {
		out, _ := query(sql).Encode(nil)
		for _, b := range out {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.until("Z"); got != "T D1 C ZI" {
			t.Errorf("%s: %q", sql, got)
		}
	}
}

// TestHalfClose checks clients that close their sending side right behind a message: every answer still comes, and the
// session ends.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	tcp := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	unix := serveOn(t, ln, wire.Config{}, &postgres, newInterceptor)
	for _, p := range []*proxy{tcp, unix} {
		for range 20 {
			network := "tcp"
			if p == unix {
				network = "unix"
			}
			conn, err := net.Dial(network, p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c := &rawClient{Conn: conn, t: t, from: pgproto3.NewFrontend(conn, conn)}
			c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "postgres"}})
			c.until("Z")
			c.send(query("select 1"), &pgproto3.Terminate{})
			if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got := c.rest(); got != "T D1 C ZI" {
				t.Fatalf("got %q", got)
			}
		}
		c := dialNetwork(t, p.addr)
		c.send(query("select pg_sleep(64)"))
		c.Close()
		c = dialNetwork(t, p.addr)
		c.send(query("select 1"))
		c.Close()
		c = dialNetwork(t, p.addr)
		c.Close()
		eventually(t, "sessions ended", func() bool { return p.Connections() == 0 })
	}
	eventually(t, "home's statements ended", func() bool { return running(t, "select pg_sleep(64)") == 0 })
}

// dialNetwork is dialSession for a Unix socket's path too.
func dialNetwork(t testing.TB, addr string) *rawClient {
	t.Helper()
	if !strings.HasPrefix(addr, string(os.PathSeparator)) {
		return dialSession(t, addr)
	}
	conn, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &rawClient{Conn: conn, t: t, from: pgproto3.NewFrontend(conn, conn)}
	c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "postgres"}})
	c.until("Z")
	return c
}

// TestHomeLost checks what a client is told when its server process dies, busy and idle.
func TestHomeLost(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	killer := p.connect(t)
	idle, busy, handled := dialSession(t, p.addr), dialSession(t, p.addr), dialSession(t, p.addr)
	idle.send(query("set application_name = 'idle one'"))
	idle.until("Z")
	busy.send(query("select pg_sleep(65)"))
	handled.send(query("proxy wait select pg_sleep(66)"))
	eventually(t, "running", func() bool { return running(t, "select pg_sleep(65)")+running(t, "select pg_sleep(66)") == 2 })
	mustExec(t, killer, "select pg_terminate_backend(pid) from pg_stat_activity where query in ('select pg_sleep(65)', 'select pg_sleep(66)') or application_name = 'idle one'")
	if got := idle.rest(); got != "E57P01FATAL" {
		t.Errorf("idle: %q", got)
	}
	if got := busy.rest(); got != "T E57P01FATAL" {
		t.Errorf("busy: %q", got)
	}
	if got := handled.rest(); got != "T E57P01FATAL" {
		t.Errorf("handled: %q", got)
	}
}

// TestIdleSessions opens a thousand sessions and uses every one of them.
func TestIdleSessions(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	const many = 1000
	clients := make([]*rawClient, many)
	var wait sync.WaitGroup
	limit := make(chan struct{}, 32)
	for i := range clients {
		wait.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			clients[i] = dialSession(t, p.addr)
		})
	}
	wait.Wait()
	if p.Connections() != many {
		t.Fatalf("%d connections", p.Connections())
	}
	for i, c := range clients {
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		c.send(query("select " + itoa(i)))
		if got := c.until("Z"); got != "T D"+itoa(i)+" C ZI" {
			t.Fatalf("session %d: %q", i, got)
		}
		c.Close()
	}
	eventually(t, "all ended", func() bool { return p.Connections() == 0 })
}

// TestIndependentReader reads every message of a conversation with another implementation of the protocol.
func TestIndependentReader(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	c := dialRaw(t, p.addr)
	from := pgprotov2.NewFrontend(pgprotov2.NewChunkReader(c), c)
	c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "postgres"}})
	c.send(batch("select 1", "proxy answer x", "proxy home select 2")...)
	c.send(batch("proxy error")...)
	c.send(query("proxy broken"))
	var failed []string
	for ready := 0; ; {
		m, err := from.Receive()
		if err != nil {
			break
		}
		switch m := m.(type) {
		case *pgprotov2.ReadyForQuery:
			ready++
		case *pgprotov2.ErrorResponse:
			failed = append(failed, m.Severity+" "+m.Code+" "+m.Message+" "+m.Hint)
		}
		if ready > 3 {
			t.Fatal("more than three ReadyForQuery")
		}
	}
	if len(failed) != 2 || failed[0] != "ERROR PX001 the model failed try again" || !strings.HasPrefix(failed[1], "FATAL XX000") {
		t.Errorf("errors %q", failed)
	}
}

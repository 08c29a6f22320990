package session_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/filesystem"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
	"github.com/pinnacle-proxy/pinnacle-proxy/session"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// server is the PostgreSQL of these tests; nil on a machine without one.
var server *lab.Postgres

// TestMain starts one PostgreSQL for all tests.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "session")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if server, err = lab.StartPostgres(context.Background(), filepath.Join(dir, "home"), "shared_buffers=16MB"); err != nil {
		fmt.Fprintln(os.Stderr, "tests that need PostgreSQL are skipped:", err)
		server = nil
		return m.Run()
	}
	defer func() { _ = server.Stop() }()
	return m.Run()
}

// models is a runtime whose models are named by their source: "double", "next" (one more, up to 100), "wait" (until the
// statement is canceled), and "fail 5", which doubles and fails for 5. All take and give an integer.
type models struct {
	mu sync.Mutex
	// asked lists what each model was asked.
	asked map[string][]int64
}

// Name implements udf.Runtime.
func (*models) Name() string { return "test" }

// Load implements udf.Runtime.
func (r *models) Load(_ context.Context, spec udf.Spec) (udf.Model, error) {
	return &model{runtime: r, spec: spec}, nil
}

// times is how often a model was asked.
func (r *models) times(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked[name])
}

// model is one of them.
type model struct {
	runtime *models
	spec    udf.Spec
}

// Signature implements udf.Model.
func (m *model) Signature() udf.Signature {
	return udf.Signature{Args: m.spec.Args, Returns: m.spec.Returns}
}

// Deterministic implements udf.Model.
func (m *model) Deterministic() bool { return true }

// MaxBatch implements udf.Model.
func (m *model) MaxBatch() int { return 1_000 }

// Close implements udf.Model.
func (m *model) Close() error { return nil }

// Predict implements udf.Model.
func (m *model) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	m.runtime.mu.Lock()
	m.runtime.asked[m.spec.Name] = append(m.runtime.asked[m.spec.Name], args[0].Ints...)
	m.runtime.mu.Unlock()
	what, number, _ := strings.Cut(m.spec.Source, " ")
	bad, _ := strconv.ParseInt(number, 10, 64)
	out := udf.NewColumn(m.spec.Returns, args[0].Len())
	for i, v := range args[0].Ints {
		switch {
		case what == "wait":
			<-ctx.Done()
			return udf.Column{}, ctx.Err()
		case what == "fail" && v == bad:
			return udf.Column{}, &udf.RowError{Row: i, Err: errors.New("it does not like " + number)}
		case what == "next":
			out.Ints[i] = min(v+1, 100)
		default:
			out.Ints[i] = 2 * v
		}
	}
	return out, nil
}

// proxy is a wire server with sessions of this package, before the tests' PostgreSQL.
type proxy struct {
	// server is what stands behind; database is home's, "" for postgres.
	server   *lab.Postgres
	database string
	address  string
	models   *models
}

// newProxy starts one that ends with the test.
func newProxy(t *testing.T, limits session.ShipLimits) *proxy {
	t.Helper()
	if server == nil {
		t.Skip("no PostgreSQL")
	}
	return newProxyOf(t, server, limits)
}

// newProxyOf is newProxy before another PostgreSQL.
func newProxyOf(t *testing.T, server *lab.Postgres, limits session.ShipLimits) *proxy {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	kv, err := badgerstore.Open(ctx, badgerstore.Config{Dir: filepath.Join(dir, "metadata")})
	must(t, err)
	store, err := records.Open(ctx, kv)
	must(t, err)
	files, err := filesystem.Open(filepath.Join(dir, "artifacts"))
	must(t, err)
	p := &proxy{server: server, models: &models{asked: map[string][]int64{}}}
	layer, err := datalayer.Open(ctx, datalayer.Config{Metadata: store, Artifacts: files, Runtimes: []udf.Runtime{p.models}, CacheDir: filepath.Join(dir, "loading")})
	must(t, err)
	behind, err := home.Connect(ctx, server.URL("postgres"), nil)
	must(t, err)
	answers := answer.New(answer.Config{})
	sessions := session.NewFactory(session.Config{Datalayer: layer, Answerer: answers, Ship: limits})
	srv := wire.NewServer(wire.Config{}, behind, sessions.New, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p.address = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		errs := []error{srv.Shutdown(ctx), <-served, answers.Close(), layer.Close(), behind.Close(ctx), store.Close()}
		if err := errors.Join(errs...); err != nil && !errors.Is(err, wire.ErrServerClosed) {
			t.Error(err)
		}
	})
	c := p.connect(t)
	for name, source := range map[string]string{"double": "double", "next": "next", "wait": "wait", "picky": "fail 5"} {
		c.must("CREATE MODEL " + name + "(x int4) RETURNS int4 USING test AS $$" + source + "$$")
	}
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is a client's connection, message by message.
type client struct {
	t     testing.TB
	front *pgproto3.Frontend
	conn  net.Conn
	pid   uint32
	key   []byte
	on    *proxy
}

// connect opens a connection that ends with the test.
func (p *proxy) connect(t testing.TB) *client {
	t.Helper()
	config, err := pgconn.ParseConfig(cmp.Or(p.server, server).URL(cmp.Or(p.database, "postgres")))
	must(t, err)
	host, port, err := net.SplitHostPort(p.address)
	must(t, err)
	number, err := strconv.Atoi(port)
	must(t, err)
	config.Host, config.Port = host, uint16(number)
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	must(t, err)
	own, err := conn.Hijack()
	must(t, err)
	c := &client{t: t, front: own.Frontend, conn: own.Conn, pid: own.PID, key: own.SecretKey, on: p}
	t.Cleanup(func() { _ = own.Conn.Close() })
	return c
}

// send sends messages.
func (c *client) send(msgs ...pgproto3.FrontendMessage) {
	c.t.Helper()
	for _, m := range msgs {
		c.front.Send(m)
	}
	must(c.t, c.front.Flush())
}

// ready receives up to ReadyForQuery and gives the messages in short: rows as their values, errors by their SQLSTATE,
// completions by their tag behind the notices, and last the state of the transaction.
func (c *client) ready() []string {
	c.t.Helper()
	must(c.t, c.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	var got, notices []string
	for {
		m, err := c.front.Receive()
		must(c.t, err)
		switch m := m.(type) {
		case *pgproto3.DataRow:
			var row []string
			for _, v := range m.Values {
				if row = append(row, string(v)); v == nil {
					row[len(row)-1] = "NULL"
				}
			}
			got = append(got, strings.Join(row, ","))
		case *pgproto3.CommandComplete:
			got, notices = append(append(got, notices...), string(m.CommandTag)), nil
		case *pgproto3.ErrorResponse:
			got = append(got, "error "+m.Code)
		case *pgproto3.NoticeResponse:
			notices = append(notices, m.Severity+" "+m.Code)
		case *pgproto3.PortalSuspended:
			got = append(got, "suspended")
		case *pgproto3.ReadyForQuery:
			return append(got, string(m.TxStatus))
		}
	}
}

// query runs a text by the simple protocol.
func (c *client) query(text string) []string {
	c.t.Helper()
	c.send(&pgproto3.Query{String: text})
	return c.ready()
}

// must is query for what has no error.
func (c *client) must(text string) []string {
	c.t.Helper()
	got := c.query(text)
	for _, line := range got {
		if strings.HasPrefix(line, "error ") {
			c.t.Fatalf("%s: %q", text, got)
		}
	}
	return got
}

// statement is the messages of one statement of the extended protocol, without Sync; max is its row limit.
func statement(text string, max uint32) []pgproto3.FrontendMessage {
	return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: text}, &pgproto3.Bind{}, &pgproto3.Execute{MaxRows: max}}
}

// extended runs a text by the extended protocol.
func (c *client) extended(text string) []string {
	c.t.Helper()
	c.send(append(statement(text, 0), &pgproto3.Sync{})...)
	return c.ready()
}

// expect compares what came with what should have.
func expect(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: %q, not %q", what, got, want)
	}
}

// direct asks PostgreSQL itself.
func direct(t testing.TB, text string) string {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), server.URL("postgres"))
	must(t, err)
	defer conn.Close(t.Context())
	results, err := conn.Exec(t.Context(), text).ReadAll()
	must(t, err)
	var rows []string
	for _, r := range results {
		for _, row := range r.Rows {
			rows = append(rows, string(row[0]))
		}
	}
	return strings.Join(rows, " ")
}

// idle waits until home's session has no transaction open.
func (c *client) idle() {
	c.t.Helper()
	var state string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if state = direct(c.t, fmt.Sprintf("SELECT state FROM pg_stat_activity WHERE pid = %d", c.pid)); state == "idle" {
			return
		}
	}
	c.t.Errorf("home's session is %q", state)
}

// cancel asks for the statement to be canceled, until done.
func (c *client) cancel(done <-chan []string) []string {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", c.on.address)
		must(c.t, err)
		request, err := (&pgproto3.CancelRequest{ProcessID: c.pid, SecretKey: c.key}).Encode(nil)
		must(c.t, err)
		_, err = conn.Write(request)
		must(c.t, err)
		_ = conn.Close()
		select {
		case got := <-done:
			return got
		case <-time.After(100 * time.Millisecond):
		}
	}
	c.t.Fatal("never canceled")
	return nil
}

// await waits for a condition, but not for ever.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}

package pinnacle_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// embedded is the proxy with its own PostgreSQL that all tests share; address is where it serves clients, dir its data
// directory.
var embedded struct {
	*pinnacle.Proxy
	address string
	dir     string
}

func TestMain(m *testing.M) {
	os.Exit(withEmbedded(m.Run))
}

// withEmbedded opens the shared proxy for the length of run.
func withEmbedded(run func() int) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "pinnacle-test-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fail(err)
	}
	settings := config.Default()
	settings.DataDir = dir
	p, err := pinnacle.Open(context.Background(), settings, pinnacle.Options{Address: ln.Addr().String()})
	if err != nil {
		return fail(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(context.Background(), ln) }()
	embedded.Proxy, embedded.address, embedded.dir = p, ln.Addr().String(), dir
	defer func() {
		if err := p.Close(context.Background()); err != nil {
			code = fail(err)
		}
		if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
			code = fail(err)
		}
	}()
	return run()
}

// databackend is the URI of the shared proxy for a client that has a password file.
func databackend(passFile string) string {
	return fmt.Sprintf("postgres://pinnacle@%s/pinnacle?sslmode=disable&passfile=%s", embedded.address, passFile)
}

// before opens a proxy that has the shared one as its databackend, which takes no time.
func before(t *testing.T, change func(*config.Config)) *pinnacle.Proxy {
	t.Helper()
	settings := config.Default()
	settings.DataDir = t.TempDir()
	settings.Databackend = databackend(filepath.Join(embedded.dir, "pgpass"))
	if change != nil {
		change(&settings)
	}
	p, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

// one lets Execute have one session.
func one(c *config.Config) { c.ExecuteConnections = 1 }

// do executes statements without rows.
func do(t *testing.T, p *pinnacle.Proxy, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		rows, err := p.Execute(t.Context(), sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// value executes a statement with one row of one column.
func value[T any](t *testing.T, p *pinnacle.Proxy, sql string, args ...any) T {
	t.Helper()
	rows, err := p.Execute(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// wantCode wants an *Error with an SQLSTATE.
func wantCode(t *testing.T, err error, code string) *datalayer.Error {
	t.Helper()
	var e *datalayer.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want an error with code %s", err, code)
	}
	return e
}

// double is a model.
const double = "CREATE OR REPLACE MODEL %s(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return x * 2\n$$"

func TestClientsAndExecuteSeeTheSame(t *testing.T) {
	t.Parallel()
	do(t, embedded.Proxy, fmt.Sprintf(double, "same"), "DROP TABLE IF EXISTS same", "CREATE TABLE same (k int4)", "INSERT INTO same SELECT generate_series(1, 3)")
	client, err := pgx.Connect(t.Context(), databackend(filepath.Join(embedded.dir, "pgpass")))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	const query = "SELECT predict('same', k) FROM same ORDER BY k"
	theirs, _ := client.Query(t.Context(), query)
	want, err := pgx.CollectRows(theirs, pgx.RowTo[int32])
	if err != nil {
		t.Fatal(err)
	}
	ours, err := embedded.Execute(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(ours, pgx.RowTo[int32])
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(got) != "[2 4 6]" {
		t.Errorf("Execute gives %v, %v; a client %v", got, err, want)
	}
	if models, err := embedded.Show(t.Context(), nil); err != nil || len(models) == 0 {
		t.Errorf("Show gives %v, %v", models, err)
	}
}

func TestClientsDoNotTakeSessionsOfExecute(t *testing.T) {
	t.Parallel()
	p := before(t, func(c *config.Config) { c.MaxConnections = 1 })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(context.Background(), ln) }()
	// The password file is for the shared proxy's port, and the password for both.
	c, err := pgx.ParseConfig(databackend(filepath.Join(embedded.dir, "pgpass")))
	if err != nil {
		t.Fatal(err)
	}
	c.Port = uint16(ln.Addr().(*net.TCPAddr).Port)
	client, err := pgx.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	if got := value[int32](t, p, "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
	if p.Connections() != 1 {
		t.Errorf("Connections is %d, want the client alone", p.Connections())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
		t.Errorf("Serve ended with %v", err)
	}
	if got := value[int32](t, p, "SELECT 2"); got != 2 {
		t.Errorf("after Shutdown: got %d", got)
	}
}

func TestDataDirectoryInUse(t *testing.T) {
	t.Parallel()
	settings := config.Default()
	settings.DataDir = embedded.dir
	_, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
	var e interface{ SQLState() string }
	if !errors.As(err, &e) || e.SQLState() != "55006" {
		t.Errorf("a second proxy on one data directory: %v, want 55006", err)
	}
}

func TestMetadataStoreInUse(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	before(t, func(c *config.Config) { c.MetadataStore = "badger:" + p })
	settings := config.Default()
	settings.DataDir, settings.MetadataStore = t.TempDir(), "badger:"+p
	settings.Databackend = databackend(filepath.Join(embedded.dir, "pgpass"))
	_, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
	wantCode(t, err, "55006")
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	settings := config.Default()
	settings.DataDir, settings.ExecuteConnections = t.TempDir(), 0
	_, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
	var e *config.Error
	if !errors.As(err, &e) || e.Message != "setting execute_connections: 0 is not between 1 and 10000" {
		t.Errorf("got %v", err)
	}
}

func TestHomeThatCannotBeHad(t *testing.T) {
	t.Parallel()
	settings := config.Default()
	settings.DataDir, settings.Databackend = t.TempDir(), "postgres://nobody@127.0.0.1:1/x"
	_, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
	var e *pinnacle.HomeError
	if !errors.As(err, &e) {
		t.Errorf("got %v, want a HomeError", err)
	}
}

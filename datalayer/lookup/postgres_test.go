package lookup_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// server is the PostgreSQL that these tests compare with; nil on a machine without one.
var server *lab.Postgres

// TestMain starts one PostgreSQL for all tests.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lookup")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if server, err = lab.StartPostgres(context.Background(), filepath.Join(dir, "home"), "timezone=UTC", "shared_buffers=128MB"); err != nil {
		fmt.Fprintln(os.Stderr, "tests that need PostgreSQL are skipped:", err)
		server = nil
		return m.Run()
	}
	defer func() { _ = server.Stop() }()
	return m.Run()
}

// connect opens a connection that ends with the test; a machine without PostgreSQL skips it.
func connect(t testing.TB) *pgconn.PgConn {
	t.Helper()
	if server == nil {
		t.Skip("there is no PostgreSQL that tests could start")
	}
	conn, err := pgconn.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

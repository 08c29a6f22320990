package databackends

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// patience is how long something may take before a test gives up. It measures nothing.
const patience = 90 * time.Second

// place is where the files of a run lie.
var place string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the tests in a directory that the servers' users can enter.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pinnacle-databackends-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left lies among temporary files
	if err := os.Chmod(dir, 0o711); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	place = dir
	return m.Run()
}

// binary gives the proxy to test, which is built once.
var binary = sync.OnceValues(func() (string, error) {
	return lab.ProxyBinary(context.Background(), "../../..", place)
})

// startProxy starts a proxy before a databackend; it is stopped with the test.
func startProxy(t *testing.T, name, uri string, args ...string) *lab.Proxy {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p, err := lab.StartProxy(t.Context(), bin, filepath.Join(place, name), uri, append([]string{"--postgres-fetch", "never"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the proxy:\n%s", p.Tail(30))
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// connect opens a session.
func connect(t *testing.T, p *lab.Proxy) *pgx.Conn {
	t.Helper()
	url, err := p.URL()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // it may be gone already
	return conn
}

// number asks for one number.
func number(ctx context.Context, conn *pgx.Conn, sql string) (n int64, err error) {
	return n, conn.QueryRow(ctx, sql).Scan(&n)
}

// want runs a query that gives one number, and compares.
func want(t *testing.T, conn *pgx.Conn, sql string, n int64) {
	t.Helper()
	if got, err := number(t.Context(), conn, sql); err != nil || got != n {
		t.Errorf("%s: %d, %v, want %d", sql, got, err, n)
	}
}

// until calls a function until it gives no error, or patience ends.
func until(t *testing.T, what string, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// state is the SQLSTATE of an error, "" where it has none.
func state(err error) string {
	var server *pgconn.PgError
	if !asError(err, &server) {
		return ""
	}
	return server.Code
}

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/keyvaluetest"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// TestMain stops the servers that the tests have started.
func TestMain(m *testing.M) { os.Exit(withServers(m)) }

// servers are the database servers of these tests, each started by the first test that needs it.
var servers struct {
	dir      string
	postgres server[*lab.Postgres]
	mariadb  server[*lab.Script]
	names    atomic.Int64
}

// server is one that is started once.
type server[S interface{ Stop() error }] struct {
	once    sync.Once
	running S
	started bool
	err     error
}

// need starts the server, or skips the test with the reason why there is none.
func (s *server[S]) need(t *testing.T, start func(ctx context.Context) (S, error)) S {
	t.Helper()
	s.once.Do(func() {
		s.running, s.err = start(context.Background())
		s.started = s.err == nil
	})
	if s.err != nil {
		t.Skipf("no server: %v", s.err)
	}
	return s.running
}

// stop stops the server if it was started.
func (s *server[S]) stop() {
	if !s.started {
		return
	}
	if err := s.running.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop:", err)
	}
}

// withServers runs the tests in a directory for the servers.
func withServers(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sqlstore-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // PostgreSQL runs as a user of its own
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	servers.dir = dir
	defer func() { _ = os.RemoveAll(dir) }()
	defer servers.postgres.stop()
	defer servers.mariadb.stop()
	return m.Run()
}

// postgresURI makes a new database of the PostgreSQL of these tests.
func postgresURI(t *testing.T) string {
	t.Helper()
	s := servers.postgres.need(t, func(ctx context.Context) (*lab.Postgres, error) {
		return lab.StartPostgres(ctx, filepath.Join(servers.dir, "postgres"), "max_connections=500", "max_pred_locks_per_transaction=64")
	})
	name := fmt.Sprintf("meta%d", servers.names.Add(1))
	if err := s.Load(context.Background(), "postgres", "CREATE DATABASE "+name+" STRATEGY file_copy"); err != nil {
		t.Fatal(err)
	}
	return s.URL(name)
}

// mariadbURI makes a new database of the MariaDB of these tests.
func mariadbURI(t *testing.T) string {
	t.Helper()
	s := servers.mariadb.need(t, func(ctx context.Context) (*lab.Script, error) {
		return lab.StartScript(ctx, "mariadb", servers.dir, "SETTINGS=--max-connections=1000")
	})
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // it is asked once
	name := fmt.Sprintf("meta%d", servers.names.Add(1))
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("mysql://root@127.0.0.1:%d/%s", s.Port, name)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	keyvaluetest.Run(t, func(t *testing.T) keyvaluetest.Fixture { return fixture(t, postgresURI(t)) })
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	keyvaluetest.Run(t, func(t *testing.T) keyvaluetest.Fixture { return fixture(t, mariadbURI(t)) })
}

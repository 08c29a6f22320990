package lookup_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresBinaries is where PostgreSQL 15's programs are.
const postgresBinaries = "/usr/lib/postgresql/15/bin"

// socketDirectory holds the socket of the real server that these tests compare with; "" on a machine without one.
var socketDirectory string

// TestMain starts one PostgreSQL for all tests.
func TestMain(m *testing.M) {
	if _, err := os.Stat(postgresBinaries); err != nil {
		os.Exit(m.Run())
	}
	stop, err := startPostgres()
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting PostgreSQL:", err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// startPostgres makes a cluster and runs it, as the user postgres when the tests run as root, which PostgreSQL refuses.
func startPostgres() (stop func(), err error) {
	dir, err := os.MkdirTemp("", "lookup")
	if err != nil {
		return nil, err
	}
	var owner *syscall.SysProcAttr
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		owner = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	run := func(program string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(postgresBinaries, program), args...)
		c.Dir, c.SysProcAttr = dir, owner
		return c
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--no-locale").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	server := run("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "timezone=UTC", "-c", "fsync=off", "-c", "shared_buffers=128MB")
	if err := server.Start(); err != nil {
		return nil, err
	}
	socketDirectory = dir
	stop = func() {
		_ = server.Process.Signal(syscall.SIGINT)
		_ = server.Wait()
		os.RemoveAll(dir)
	}
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := dial(context.Background())
		if err == nil {
			return stop, conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			stop()
			return nil, err
		}
	}
}

func dial(ctx context.Context) (*pgconn.PgConn, error) {
	return pgconn.Connect(ctx, "host="+socketDirectory+" user=postgres dbname=postgres sslmode=disable")
}

// connect opens a connection that ends with the test; a machine without PostgreSQL skips it.
func connect(t testing.TB) *pgconn.PgConn {
	t.Helper()
	if socketDirectory == "" {
		t.Skip("no PostgreSQL in " + postgresBinaries)
	}
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

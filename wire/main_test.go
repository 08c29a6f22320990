package wire_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// postgresBinaries is where PostgreSQL 15's programs are.
const postgresBinaries = "/usr/lib/postgresql/15/bin"

// postgres is the real server behind the proxies of these tests.
var postgres server

// TestMain starts one PostgreSQL for all tests.
func TestMain(m *testing.M) {
	if err := postgres.start(); err != nil {
		fmt.Fprintln(os.Stderr, "starting PostgreSQL:", err)
		os.Exit(1)
	}
	code := m.Run()
	postgres.stop()
	os.Exit(code)
}

// server is a PostgreSQL in a temporary directory.
type server struct {
	dir, addr string
	cmd       *exec.Cmd
	missing   bool
}

// require skips a test on a machine without PostgreSQL.
func (s *server) require(t testing.TB) {
	t.Helper()
	if s.missing {
		t.Skip("no PostgreSQL in " + postgresBinaries)
	}
}

// start makes a cluster and runs it, as the user postgres when the tests run as root, which PostgreSQL refuses.
func (s *server) start() (err error) {
	if _, err := os.Stat(postgresBinaries); err != nil {
		s.missing = true
		return nil
	}
	if s.dir, err = os.MkdirTemp("", "wire"); err != nil {
		return err
	}
	runtime.LockOSThread() // the server is told when this thread ends, so that a killed test run leaves none behind
	owner := &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if os.Getuid() == 0 {
		if owner.Credential, err = s.giveAway(); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(postgresBinaries, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N")
	initdb.SysProcAttr = owner
	initdb.Dir = s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := s.configure(data); err != nil {
		return err
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.addr = probe.Addr().String()
	port := probe.Addr().(*net.TCPAddr).Port
	probe.Close()
	s.cmd = exec.Command(filepath.Join(postgresBinaries, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-k", s.dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=1100", "-c", "shared_buffers=16MB")
	s.cmd.SysProcAttr = owner
	s.cmd.Dir = s.dir
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	return s.awaitReady()
}

// giveAway makes the directory the user postgres's and returns how to run as that user.
func (s *server) giveAway() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(s.dir, uid, gid)
}

// configure turns TLS on and asks the user scram for a password.
func (s *server) configure(data string) error {
	cert, key := selfSigned("127.0.0.1")
	stat, err := os.Stat(data)
	if err != nil {
		return err
	}
	own := stat.Sys().(*syscall.Stat_t)
	for name, content := range map[string][]byte{"server.crt": cert, "server.key": key} {
		path := filepath.Join(data, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		if err := os.Chown(path, int(own.Uid), int(own.Gid)); err != nil {
			return err
		}
	}
	hba := "host all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\n" +
		"host all plain 127.0.0.1/32 password\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n" +
		"host replication all 127.0.0.1/32 trust\n"
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return err
	}
	return appendFile(filepath.Join(data, "postgresql.conf"), "ssl = on\nwal_level = logical\n")
}

// appendFile adds text to a file.
func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// awaitReady waits until the server accepts connections, and makes the users.
func (s *server) awaitReady() error {
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	for {
		conn, err := pgx.Connect(ctx, s.url(s.addr))
		if err == nil {
			defer conn.Close(ctx)
			_, err = conn.PgConn().Exec(ctx, `create role scram login password 'secret';
				set password_encryption = 'md5'; create role md5 login password 'secret';
				create role plain login password 'secret'; create table t(id int primary key, name text)`).ReadAll()
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server and removes its directory.
func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGINT)
		_ = s.cmd.Wait()
	}
	os.RemoveAll(s.dir)
}

// url is the connection string for addr.
func (s *server) url(addr string) string {
	return "postgres://postgres@" + addr + "/postgres?sslmode=disable"
}

// Dial implements wire.Home.
func (s *server) Dial(ctx context.Context) (net.Conn, bool, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.addr)
	return conn, false, err
}

// proxy is a running Server of a test.
type proxy struct {
	*wire.Server
	addr string
	logs *logLines
}

// startProxy runs a Server on a loopback port until the test ends.
func startProxy(t testing.TB, cfg wire.Config, home wire.Home, newInterceptor func(wire.Session) wire.Interceptor) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, cfg, home, newInterceptor)
}

// serveOn is startProxy on a given listener.
func serveOn(t testing.TB, ln net.Listener, cfg wire.Config, home wire.Home, newInterceptor func(wire.Session) wire.Interceptor) *proxy {
	t.Helper()
	p := &proxy{addr: ln.Addr().String(), logs: &logLines{}}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(p.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p.Server = wire.NewServer(cfg, home, newInterceptor, nil)
	served := make(chan error, 1)
	go func() { served <- p.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer stop()
		_ = p.Shutdown(ctx)
		if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return p
}

// connect opens a pgx connection through p.
func (p *proxy) connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), postgres.url(p.addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// eventually fails the test unless ok becomes true within ten seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}

// sqlState is the SQLSTATE of an error of pgx.
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

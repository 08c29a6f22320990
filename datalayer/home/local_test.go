package home_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
)

// standIn, in the environment, makes the test binary a proxy that holds the data directory of that name.
const standIn = "HOME_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(standIn); dir != "" {
		os.Exit(beProxy(dir))
	}
	code := m.Run()
	if template.dir != "" {
		os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

// template is a data directory that was started once, given the table kept with one row, and stopped. Making one takes
// long on a busy disk, so tests that are not about that copy it.
var template struct {
	once sync.Once
	dir  string
	err  error
}

// makeTemplate makes the template.
func makeTemplate() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "home-template-"); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return dir, err
	}
	lock, err := home.LockDirectory(dir)
	if err != nil {
		return dir, err
	}
	defer lock.Release()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	local, err := home.StartLocal(ctx, config(lock, slog.New(slog.DiscardHandler)))
	if err != nil {
		return dir, err
	}
	conn, err := dialClient(ctx, local, dir)
	if err == nil {
		_, err = conn.Exec(ctx, "CREATE TABLE kept(a int); INSERT INTO kept VALUES (1)").ReadAll()
		conn.Close(ctx)
	}
	return dir, errors.Join(err, local.Close(ctx))
}

// made is a copy of the template.
func made(t *testing.T) string {
	t.Helper()
	template.once.Do(func() { template.dir, template.err = makeTemplate() })
	if template.err != nil {
		t.Fatal(template.err)
	}
	dir := filepath.Join(dataDir(t), "data")
	if out, err := exec.Command("cp", "-a", template.dir, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// beProxy starts the local PostgreSQL, says so on standard output, and waits for standard input to end.
func beProxy(dir string) int {
	lock, err := home.LockDirectory(dir)
	if err == nil {
		_, err = home.StartLocal(context.Background(), config(lock, slog.Default()))
	}
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	return 0
}

// config is a small local PostgreSQL.
func config(lock *home.DirectoryLock, logger *slog.Logger) home.LocalConfig {
	return home.LocalConfig{Lock: lock, Fetch: home.FetchNever, ListenAddress: "127.0.0.1:6432", MaxConnections: 10,
		SharedBuffers: 8 << 20, Settings: []string{"fsync=off", "work_mem=5MB", "listen_addresses=127.0.0.1", "hba_file=/nonexistent"}, Logger: logger}
}

// dataDir is a directory that another user can pass through, which t.TempDir is not.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "home-test-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startTime is what a start may take where the machine is busy.
const startTime = 4 * time.Minute

// testLog passes a logger's lines to the test.
type testLog struct{ t *testing.T }

func (w testLog) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSpace(string(p)))
	return len(p), nil
}

func logger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// within is the time that a test gives to what should be soon.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// start takes a data directory and starts the local PostgreSQL there; both end with the test.
func start(t *testing.T, dir string) *home.Local {
	t.Helper()
	lock, err := home.LockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	local, err := home.StartLocal(within(t, startTime), config(lock, logger(t)))
	if err != nil {
		var e *home.Error
		if errors.As(err, &e) {
			t.Logf("DETAIL: %s\nHINT: %s", e.Detail, e.Hint)
		}
		lock.Release()
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, local, lock) })
	return local
}

func stop(t *testing.T, local *home.Local, lock *home.DirectoryLock) {
	if err := local.Close(within(t, time.Minute)); err != nil {
		t.Error(err)
	}
	lock.Release()
}

// client logs in through Dial as the user pinnacle with the password of the password file.
func client(t *testing.T, h home.Home, dir string) *pgconn.PgConn {
	t.Helper()
	conn, err := dialClient(within(t, time.Minute), h, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// dialClient is client with its errors.
func dialClient(ctx context.Context, h home.Home, dir string) (*pgconn.PgConn, error) {
	c, err := pgconn.ParseConfig("postgres://pinnacle@127.0.0.1:6432/pinnacle?sslmode=disable&passfile=" + filepath.Join(dir, home.PassFile))
	if err != nil {
		return nil, err
	}
	if c.Password == "" {
		return nil, errors.New("the password file has no password for 127.0.0.1:6432")
	}
	c.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, tlsUp, err := h.Dial(ctx)
		if err == nil && tlsUp {
			return nil, errors.New("TLS on a Unix socket")
		}
		return conn, err
	}
	return pgconn.ConnectConfig(ctx, c)
}

// query gives the first column of the first row.
func query(t *testing.T, conn *pgconn.PgConn, sql string) string {
	t.Helper()
	results, err := conn.Exec(within(t, time.Minute), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return ""
	}
	return string(last.Rows[0][0])
}

// eventually polls a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// postmaster is the pid in the data directory's postmaster.pid; 0 for none.
func postmaster(dir string) int {
	raw, _ := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	line, _, _ := strings.Cut(string(raw), "\n")
	pid, _ := strconv.Atoi(line)
	return pid
}

// runs reports whether a process lives and is no zombie.
func runs(pid int) bool {
	out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	state := strings.TrimSpace(string(out))
	return state != "" && !strings.HasPrefix(state, "Z")
}

func TestLocalServesAClient(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	local := start(t, dir)
	conn := client(t, local, dir)
	for sql, want := range map[string]string{
		"SELECT current_user || ' ' || current_database()":                 "pinnacle pinnacle",
		"SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user": "false",
		"SHOW server_encoding":  "UTF8",
		"SHOW listen_addresses": "",
		"SHOW work_mem":         "5MB",
		"SHOW data_checksums":   "on",
		"CREATE TABLE t(a int); INSERT INTO t VALUES (7); SELECT a FROM t":         "7",
		"SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,B,ä,a,Z}'::text[]) x": "BZabä",
		"SELECT upper('ä')": "Ä",
	} {
		if got := query(t, conn, sql); got != want {
			t.Errorf("%s: got %q, want %q", sql, got, want)
		}
	}
	if err := local.Healthy(within(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(filepath.Join(dir, home.PassFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: %v, %v", info.Mode(), err)
	}
	if local.Describe() == "" || strings.Contains(local.Describe(), "password") {
		t.Errorf("Describe: %q", local.Describe())
	}
}

func TestLocalRefusesAWrongPassword(t *testing.T) {
	t.Parallel()
	dir := made(t)
	local := start(t, dir)
	for _, user := range []string{"pinnacle", "pinnacle_superuser", "postgres"} {
		c, err := pgconn.ParseConfig("postgres://" + user + ":wrong@127.0.0.1/pinnacle?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		c.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, _, err := local.Dial(ctx)
			return conn, err
		}
		_, err = pgconn.ConnectConfig(within(t, 10*time.Second), c)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "28P01" {
			t.Errorf("%s with a wrong password: %v", user, err)
		}
	}
}

func TestChildKilled(t *testing.T) {
	t.Parallel()
	dir := made(t)
	local := start(t, dir)
	query(t, client(t, local, dir), "CREATE TABLE t(a int); INSERT INTO t VALUES (1)")
	pid := postmaster(dir)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a Dial or Healthy that fails", func() bool {
		return local.Healthy(within(t, time.Second)) != nil || postmaster(dir) != pid
	})
	eventually(t, "the server is back", func() bool {
		return postmaster(dir) != pid && local.Healthy(within(t, 5*time.Second)) == nil
	})
	if got := query(t, client(t, local, dir), "SELECT count(*) FROM t"); got != "1" {
		t.Errorf("%s rows, want 1", got)
	}
}

func TestDownServerFailsDialAtOnce(t *testing.T) {
	t.Parallel()
	dir := made(t)
	lock, err := home.LockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	local, err := home.StartLocal(within(t, startTime), config(lock, logger(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := local.Close(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, _, err = local.Dial(within(t, 5*time.Second))
	var e *home.Error
	if !errors.As(err, &e) || e.SQLState() != "57P03" {
		t.Errorf("Dial after Close: %v", err)
	}
	if err := local.Healthy(within(t, 5*time.Second)); err == nil {
		t.Error("Healthy after Close")
	}
	if err := local.Close(within(t, 5*time.Second)); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if pid := postmaster(dir); pid != 0 {
		t.Errorf("postmaster.pid names %d after Close", pid)
	}
}

// standInCommand runs the test binary as a proxy on a data directory.
func standInCommand(dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), standIn+"="+dir)
	return cmd
}

// run starts a stand-in and waits until it is ready.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stderr = testLog{t}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the stand-in says %q", line)
	}
}

func TestProxyKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := standInCommand(dir)
	run(t, first)
	if _, err := home.LockDirectory(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("is in use by process %d", first.Process.Pid)) {
		t.Errorf("second holder of the directory: %v", err)
	}
	server := postmaster(dir)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait()
	local := start(t, dir)
	if pid := postmaster(dir); pid == server {
		t.Error("the killed proxy's server is still the one")
	}
	if runs(server) {
		t.Errorf("the killed proxy's server %d still runs", server)
	}
	query(t, client(t, local, dir), "SELECT 1")
}

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// binary is the command under test, built by TestMain.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pinnacle-proxy-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "pinnacle-proxy")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
	}
	os.RemoveAll(dir)
	if template.dir != "" {
		os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

// template is a data directory in which a proxy was started and stopped. Making one takes long on a busy disk, so tests
// that are not about that copy it.
var template struct {
	once sync.Once
	dir  string
	err  error
}

// madeDir is a copy of the template.
func madeDir(t *testing.T) string {
	t.Helper()
	template.once.Do(func() {
		if template.dir, template.err = os.MkdirTemp("", "proxy-template-"); template.err != nil {
			return
		}
		if template.err = os.Chmod(template.dir, 0o711); template.err != nil {
			return
		}
		cmd := exec.Command(binary, "serve", "--listen=127.0.0.1:0", "--data-dir="+template.dir)
		cmd.Env = environment()
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_, err = bufio.NewReader(out).ReadString('\n')
			cmd.Process.Signal(syscall.SIGTERM)
			err = errors.Join(err, cmd.Wait())
		}
		template.err = err
	})
	if template.err != nil {
		t.Fatal(template.err)
	}
	dir := filepath.Join(dataDir(t), "data")
	if out, err := exec.Command("cp", "-a", template.dir, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// dataDir is a directory that another user can pass through, which t.TempDir is not.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "proxy-data-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// environment is the test's own without settings.
func environment(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PINNACLE_") && !strings.HasPrefix(v, "PG") {
			env = append(env, v)
		}
	}
	return append(env, more...)
}

// result is what a command that ran to its end left.
type result struct {
	code           int
	stdout, stderr string
}

// run runs the command to its end.
func run(t *testing.T, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = environment(env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// served is a proxy that runs.
type served struct {
	cmd     *exec.Cmd
	ready   string
	config  *pgx.ConnConfig
	metrics string
	log     *syncBuffer
	ended   chan struct{}
}

// syncBuffer is written by a process and read by the test.
type syncBuffer struct{ path string }

// String is what was written so far.
func (b *syncBuffer) String() string {
	raw, _ := os.ReadFile(b.path)
	return string(raw)
}

var (
	readyPort   = regexp.MustCompile(`port=\d+`)
	readyLine   = regexp.MustCompile(`^pinnacle-proxy \S+ is ready: psql "(.*)"\n$`)
	metricsLine = regexp.MustCompile(`msg="metrics and health" address=(\S+)`)
)

// serve starts a proxy on a free port and waits for its line.
func serve(t *testing.T, dir string, args ...string) *served {
	t.Helper()
	logFile, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logFile.Close()
	args = append([]string{"serve", "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--data-dir=" + dir, "--max-connections=20",
		"--postgres-shared-buffers=8MB", "--postgres-settings=fsync=off"}, args...)
	s := &served{cmd: exec.Command(binary, args...), log: &syncBuffer{logFile.Name()}, ended: make(chan struct{})}
	s.cmd.Env = environment()
	s.cmd.Stderr = logFile
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	s.ready, _ = lines.ReadString('\n')
	rest := make(chan string, 1)
	go func() {
		defer close(s.ended)
		more, _ := io.ReadAll(lines)
		rest <- string(more)
		s.cmd.Wait()
	}()
	t.Cleanup(func() {
		s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
		case <-time.After(2 * time.Minute):
			t.Error("the proxy did not end after SIGTERM")
			s.cmd.Process.Kill()
			<-s.ended
		}
		if more := <-rest; more != "" {
			t.Errorf("a second line on standard output: %q", more)
		}
		if t.Failed() {
			t.Logf("log:\n%s", s.log)
		}
	})
	m := readyLine.FindStringSubmatch(s.ready)
	if m == nil {
		t.Fatalf("standard output begins with %q", s.ready)
	}
	if s.config, err = pgx.ParseConfig(m[1]); err != nil {
		t.Fatal(err)
	}
	s.metrics = metricsLine.FindStringSubmatch(s.log.String())[1]
	return s
}

// connect opens a session through the proxy.
func (s *served) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// page reads a page of the metrics address.
func (s *served) page(path string) (int, string) {
	answer, err := http.Get("http://" + s.metrics + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

// code waits for the end and gives the exit code.
func (s *served) code(t *testing.T) int {
	t.Helper()
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute):
		t.Fatal("the proxy does not end")
		return 0
	}
}

// eventually polls a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// postmaster is the pid of the local PostgreSQL; 0 for none.
func postmaster(dir string) int {
	raw, _ := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	line, _, _ := strings.Cut(string(raw), "\n")
	pid, _ := strconv.Atoi(line)
	return pid
}

func TestServe(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := serve(t, dir)
	conn := s.connect(t)
	var user string
	if err := conn.QueryRow(context.Background(), "SELECT current_user").Scan(&user); err != nil || user != "pinnacle" {
		t.Errorf("user %q, %v", user, err)
	}
	if code, body := s.page("/readyz"); code != 200 {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if _, body := s.page("/metrics"); !strings.Contains(body, "pinnacle_connections_open 1\n") || !strings.Contains(body, "pinnacle_home_up 1\n") {
		t.Errorf("/metrics lacks the connection or home's health:\n%s", body)
	}

	second := run(t, nil, "serve", "--listen=127.0.0.1:0", "--data-dir="+dir)
	if want := fmt.Sprintf("in use by process %d", s.cmd.Process.Pid); second.code != 3 || !strings.Contains(second.stderr, want) || !strings.Contains(second.stderr, "HINT:") {
		t.Errorf("a second proxy: %+v, want exit code 3 and %q", second, want)
	}
	address := net.JoinHostPort(s.config.Host, strconv.Itoa(int(s.config.Port)))
	third := run(t, nil, "serve", "--listen="+address, "--data-dir="+dataDir(t))
	if third.code != 5 || !strings.Contains(third.stderr, "is taken by another process") || !strings.Contains(third.stderr, "HINT:") {
		t.Errorf("an address that is taken: %+v, want exit code 5", third)
	}
	doctor := run(t, nil, "doctor", "--listen="+address, "--data-dir="+dir)
	if doctor.code != 0 || !strings.Contains(doctor.stdout, "warn  data directory: ") || !strings.Contains(doctor.stdout, "warn  listen: ") {
		t.Errorf("doctor beside a proxy: %+v", doctor)
	}

	s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.code(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if err := conn.Ping(context.Background()); err == nil {
		t.Error("the session outlived the proxy")
	}
	if pid := postmaster(dir); pid != 0 {
		t.Errorf("the local PostgreSQL %d was left", pid)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	s := serve(t, madeDir(t))
	idle, busy := s.connect(t), s.connect(t)
	answer := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		tx, err := busy.Begin(context.Background())
		close(begun)
		if err == nil {
			var n int
			err = tx.QueryRow(context.Background(), "SELECT 1 FROM pg_sleep(2)").Scan(&n)
		}
		if err == nil {
			err = tx.Commit(context.Background())
		}
		answer <- err
	}()
	<-begun
	s.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, "/readyz says draining", func() bool {
		code, body := s.page("/readyz")
		return code == 503 && body == "draining\n"
	})
	_, err := idle.Exec(context.Background(), "SELECT 1")
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "57P01" {
		t.Errorf("the idle session got %v, want 57P01", err)
	}
	if err := <-answer; err != nil {
		t.Errorf("the busy session got %v", err)
	}
	if code := s.code(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondSignal(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	s := serve(t, dir)
	busy := s.connect(t)
	answer := make(chan error, 1)
	go func() {
		_, err := busy.Exec(context.Background(), "SELECT pg_sleep(60)")
		answer <- err
	}()
	watcher := s.connect(t)
	eventually(t, "the statement runs", func() bool {
		var n int
		watcher.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'").Scan(&n)
		return n == 1
	})
	pid := postmaster(dir)
	s.cmd.Process.Signal(syscall.SIGINT)
	eventually(t, "/readyz says draining", func() bool {
		code, _ := s.page("/readyz")
		return code == 503
	})
	s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.code(t); code != 6 {
		t.Errorf("exit code %d, want 6", code)
	}
	if err := <-answer; err == nil {
		t.Error("the statement ended well")
	}
	if syscall.Kill(pid, 0) == nil {
		t.Errorf("the local PostgreSQL %d still runs", pid)
	}
}

func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	s := serve(t, madeDir(t), "--drain-timeout=100ms")
	busy := s.connect(t)
	if _, err := busy.Exec(context.Background(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.code(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := busy.Exec(context.Background(), "COMMIT"); err == nil {
		t.Error("the transaction was not cut")
	}
}

func TestKilled(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	first := serve(t, dir)
	if _, err := first.connect(t).Exec(context.Background(), "CREATE TABLE kept AS SELECT 1 AS a"); err != nil {
		t.Fatal(err)
	}
	first.cmd.Process.Kill()
	first.code(t)
	began := time.Now()
	second := serve(t, dir)
	t.Logf("started after kill -9 in %v", time.Since(began))
	var n int
	if err := second.connect(t).QueryRow(context.Background(), "SELECT a FROM kept").Scan(&n); err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestHomeThatHangsAndHomeThatDies(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	s := serve(t, dir)
	pid := postmaster(dir)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGCONT) })
	eventually(t, "/readyz and the gauge say that home hangs", func() bool {
		code, _ := s.page("/readyz")
		_, metrics := s.page("/metrics")
		return code == 503 && strings.Contains(metrics, "pinnacle_home_up 0\n")
	})
	if code, _ := s.page("/healthz"); code != 200 {
		t.Errorf("/healthz: %d", code)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	ready := func() bool {
		code, _ := s.page("/readyz")
		return code == 200
	}
	eventually(t, "/readyz is well again", ready)

	conn := s.connect(t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session is told that its server is gone", func() bool { return conn.Ping(context.Background()) != nil })
	eventually(t, "the server is another one", func() bool { return postmaster(dir) != pid && postmaster(dir) != 0 })
	eventually(t, "a new session works", func() bool {
		fresh, err := pgx.ConnectConfig(context.Background(), s.config)
		if err != nil {
			return false
		}
		defer fresh.Close(context.Background())
		return fresh.Ping(context.Background()) == nil
	})
	eventually(t, "/readyz is well after the crash", ready)
}

func TestSignalWhileStarting(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd := exec.Command(binary, "serve", "--listen=127.0.0.1:0", "--data-dir="+dir)
	cmd.Env = environment()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the database is being made", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "postgres", "init-*"))
		return len(found) > 0
	})
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v, want exit code 0", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres", "init-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

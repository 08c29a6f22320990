package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	shared "github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// proxyOptions says how a proxy is started.
type proxyOptions struct {
	name string
	// databackend is the user's own server; nil for the embedded default.
	databackend *target
	// args are appended to the command line, and win over the harness's.
	args []string
	// env is appended to the environment.
	env []string
	// stack is the size of a thread's stack in KiB, which counts as memory as a whole; 0 for the system's.
	stack int
	// log is the log level; "" is debug, so that the search of the log for values has most to search.
	log string
}

// proxy is one running pinnacle-proxy.
type proxy struct {
	name    string
	opts    proxyOptions
	bin     string
	dir     string
	port    int
	metrics int
	cmd     *exec.Cmd
	// exited is closed when the process has ended; cmd.ProcessState then tells how.
	exited chan struct{}
}

// startProxy starts a proxy with its data under dir and waits until it is ready. A proxy that does not become ready is
// given with the error, stopped.
func startProxy(bin, dir string, o proxyOptions) (*proxy, error) {
	p := &proxy{name: o.name, opts: o, bin: bin, dir: dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if p.port, err = shared.FreePort(); err != nil {
		return nil, err
	}
	if p.metrics, err = shared.FreePort(); err != nil {
		return nil, err
	}
	return p, p.start()
}

// dataDir is the proxy's own --data-dir.
func (p *proxy) dataDir() string { return filepath.Join(p.dir, "data") }

func (p *proxy) logPath() string { return filepath.Join(p.dir, "log") }

// start runs the process (again) on the same data and ports, and waits until it is ready.
func (p *proxy) start() error {
	if err := p.launch(); err != nil {
		return err
	}
	if err := p.waitReady(90 * time.Second); err != nil {
		return errors.Join(err, p.kill())
	}
	return nil
}

// launch runs the process without waiting for anything.
func (p *proxy) launch() error {
	level := p.opts.log
	if level == "" {
		level = "debug"
	}
	args := []string{"serve", "--listen", p.addr(), "--data-dir", p.dataDir(), "--log-level", level,
		"--metrics-listen", p.metricsAddr()}
	if d := p.opts.databackend; d != nil {
		args = append(args, "--databackend", d.url(""))
	}
	cmd := exec.Command(p.bin, append(args, p.opts.args...)...)
	if p.opts.stack > 0 {
		cmd = exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -s %d && exec "$0" "$@"`, p.opts.stack)}, cmd.Args...)...)
	}
	cmd.Env = append(proxyEnviron(), p.opts.env...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.exited = cmd, make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(cmd, p.exited)
	return nil
}

// proxyEnviron is the environment without the tests' own settings, which are none of the proxy's.
func proxyEnviron() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PINNACLE_TEST_") && !strings.HasPrefix(v, envBin+"=") {
			env = append(env, v)
		}
	}
	return env
}

// waitReady waits until a client can log in, and gives up at once if the process has ended.
func (p *proxy) waitReady(limit time.Duration) error {
	ended := false
	err := until(limit, func() error {
		if p.ended() {
			ended = true
			return nil
		}
		t, err := p.target()
		if err != nil {
			return err
		}
		conn, err := pgconn.Connect(context.Background(), t.url(""))
		if err != nil {
			return err
		}
		return conn.Close(context.Background())
	})
	if ended {
		return fmt.Errorf("%s ended at start: %s", p.name, p.cmd.ProcessState)
	}
	return err
}

// ended reports whether the process is gone.
func (p *proxy) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// target says how clients reach the proxy. In the embedded mode that is in the pgpass file of its data directory.
func (p *proxy) target() (*target, error) {
	t := &target{name: p.name, addr: p.addr(), proxy: p}
	if d := p.opts.databackend; d != nil {
		t.user, t.password, t.database = d.user, d.password, d.database
		return t, nil
	}
	path := filepath.Join(p.dataDir(), "pgpass")
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for _, line := range lines(string(raw)) {
		if f := strings.SplitN(line, ":", 5); len(f) == 5 && !strings.HasPrefix(line, "#") {
			t.user, t.password, t.database = "pinnacle", f[4], "pinnacle"
			return t, nil
		}
	}
	return nil, fmt.Errorf("%s has no line of the form host:port:database:user:password", path)
}

func (p *proxy) addr() string { return "127.0.0.1:" + strconv.Itoa(p.port) }

func (p *proxy) metricsAddr() string { return "127.0.0.1:" + strconv.Itoa(p.metrics) }

// kill ends the process as kill -9 does, and waits for it.
func (p *proxy) kill() error {
	if p.ended() {
		return nil
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}

// stop ends the process with SIGTERM, a second one after ten seconds, and kill after thirty, which is an error.
func (p *proxy) stop() error {
	if p.cmd == nil || p.ended() {
		return nil
	}
	for _, wait := range []time.Duration{10 * time.Second, 20 * time.Second} {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-p.exited:
			return nil
		case <-time.After(wait):
		}
	}
	return errors.Join(errors.New("still there after two SIGTERM"), p.kill())
}

// logSize is the length of the log now, for tail.
func (p *proxy) logSize() int64 {
	st, err := os.Stat(p.logPath())
	if err != nil {
		return 0
	}
	return st.Size()
}

// tail is at most the last n lines that were logged since the log had the size from, without the small talk of the metadata
// store.
func (p *proxy) tail(from int64, n int) string {
	raw, err := os.ReadFile(p.logPath())
	if err != nil {
		return err.Error()
	}
	all := slices.DeleteFunc(lines(string(raw[min(from, int64(len(raw))):])), func(line string) bool {
		return strings.Contains(line, `msg="metadata store: `) && strings.Contains(line, "level=DEBUG")
	})
	return strings.Join(all[max(0, len(all)-n):], "\n")
}

// scanLog looks in the log for what must never be there: panics, data races, passwords, and values of rows.
func (p *proxy) scanLog() error {
	raw, err := os.ReadFile(p.logPath())
	if err != nil {
		return err
	}
	forbidden := []string{"panic", "DATA RACE", "fatal error", superPassword, appPassword}
	if t, err := p.target(); err == nil {
		forbidden = append(forbidden, t.password)
	}
	for id := range 100 {
		// The column secret of the table item holds these, and no statement's text does.
		forbidden = append(forbidden, fmt.Sprintf("%x", md5.Sum([]byte(strconv.Itoa(id)))))
	}
	scanner := bufio.NewScanner(bytes.NewReader(raw))
	scanner.Buffer(nil, 64<<20)
	for n := 1; scanner.Scan(); n++ {
		for _, word := range forbidden {
			if strings.Contains(scanner.Text(), word) {
				return fmt.Errorf("the log of %s holds %q, which it must not, in line %d: %.300s", p.name, word, n, scanner.Text())
			}
		}
	}
	return scanner.Err()
}

// spare starts a proxy that belongs to one test. It is stopped, and its log is searched, when the test ends.
func spare(t *testing.T, o proxyOptions) (*proxy, *target) {
	t.Helper()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	if o.name == "" {
		o.name = strings.ReplaceAll(t.Name(), "/", "-")
	}
	dir := t.TempDir()
	p, err := startProxy(world.bin, dir, o)
	if p == nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("%s does not stop: %v", p.name, err)
		}
		if err := p.scanLog(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.name, p.tail(0, 40))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	on, err := p.target()
	if err != nil {
		t.Fatal(err)
	}
	return p, on
}

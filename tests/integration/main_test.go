package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The settings of a test run, all from the environment.
const (
	// envBin names a proxy binary to test; without it one is built.
	envBin = "PINNACLE_BIN"
	// envRace set to 1 builds that binary with the race detector.
	envRace = "PINNACLE_TEST_RACE"
	// envTargets is a list, split by commas, of what to run against: embedded, databackend, plain (a second database of
	// the oracle, which checks the tests themselves). The default is embedded,databackend.
	envTargets = "PINNACLE_TEST_TARGETS"
	// envKeep set to 1 leaves servers' directories behind.
	envKeep = "PINNACLE_TEST_KEEP"
)

// lab is what all tests share: the binary, the oracle and one proxy of each kind.
type lab struct {
	dir    string
	bin    string
	oracle *postgresServer
	// direct is the oracle's own database, where every model is an SQL function.
	direct  *target
	targets []*target
	proxies []*proxy
	// tagged are the same again for the binary with the runtime for tests; they are started when a test wants them.
	tagged tagged
}

// world is set once by TestMain, before any test runs.
var world *lab

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

// runAll sets the lab up, runs the tests, and takes the lab down again, whatever happened.
func runAll(m *testing.M) (code int) {
	l, err := newLab()
	defer func() {
		if err := l.close(); err != nil {
			fmt.Fprintln(os.Stderr, "integration:", err)
			code = 1
		}
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		for _, p := range l.proxies {
			fmt.Fprintf(os.Stderr, "--- log of %s\n%s\n", p.name, p.tail(0, 60))
		}
		return 1
	}
	world = l
	return m.Run()
}

// newLab starts everything. The lab it returns is to be closed even when there was an error.
func newLab() (*lab, error) {
	l := &lab{}
	dir, err := os.MkdirTemp("", "pinnacle-integration-")
	if err != nil {
		return l, err
	}
	l.dir = dir
	if err := findONNXRuntime(); err != nil {
		return l, err
	}
	// The servers run under other users than ours.
	if err := os.Chmod(dir, 0o711); err != nil {
		return l, err
	}
	kinds := strings.Split(os.Getenv(envTargets), ",")
	if os.Getenv(envTargets) == "" {
		kinds = []string{"embedded", "databackend"}
	}
	if l.bin, err = proxyBinary(dir, kinds); err != nil {
		return l, err
	}
	if l.oracle, err = startPostgres(filepath.Join(dir, "oracle"), "max_connections=1300", "superuser_reserved_connections=3"); err != nil {
		return l, err
	}
	if l.direct, err = l.oracle.newTarget("direct", true); err != nil {
		return l, err
	}
	for _, kind := range kinds {
		t, err := l.newTarget(kind)
		if err != nil {
			return l, fmt.Errorf("%s: %w", kind, err)
		}
		l.targets = append(l.targets, t)
	}
	return l, nil
}

// newTarget makes a target of one kind, with the tables and the models of every test.
func (l *lab) newTarget(kind string) (*target, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var t *target
	switch kind {
	case "plain":
		return l.oracle.newTarget("plain", true)
	case "embedded":
		p, err := startProxy(l.bin, filepath.Join(l.dir, "embedded"), proxyOptions{name: "embedded", args: importDirs()})
		if p != nil {
			l.proxies = append(l.proxies, p)
		}
		if err != nil {
			return nil, err
		}
		if t, err = p.target(); err != nil {
			return nil, err
		}
	case "databackend":
		home, err := l.oracle.newTarget("home", false)
		if err != nil {
			return nil, err
		}
		p, err := startProxy(l.bin, filepath.Join(l.dir, "databackend"), proxyOptions{name: "databackend", databackend: home, args: importDirs()})
		if p != nil {
			l.proxies = append(l.proxies, p)
		}
		if err != nil {
			return nil, err
		}
		if t, err = p.target(); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s names an unknown target", envTargets)
	}
	if kind == "embedded" {
		if err := t.load(ctx, tablesSQL); err != nil {
			return nil, err
		}
	}
	return t, t.load(ctx, modelDDL()...)
}

// close stops the proxies and the oracle, and looks through the proxies' logs.
func (l *lab) close() error {
	var first error
	for _, p := range l.proxies {
		if err := p.stop(); err != nil && first == nil {
			first = fmt.Errorf("%s does not stop: %w", p.name, err)
		}
		if err := p.scanLog(); err != nil && first == nil {
			first = err
		}
	}
	if l.oracle != nil {
		if err := l.oracle.stop(); err != nil && first == nil {
			first = err
		}
	}
	if os.Getenv(envKeep) != "1" && l.dir != "" {
		if err := os.RemoveAll(l.dir); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// proxyBinary is the proxy to test: the one that is named, or one built now. A run against plain alone needs none.
func proxyBinary(dir string, kinds []string) (string, error) {
	if bin := os.Getenv(envBin); bin != "" {
		return filepath.Abs(bin)
	}
	if len(kinds) == 1 && kinds[0] == "plain" {
		return "", nil
	}
	bin := filepath.Join(dir, "pinnacle-proxy")
	args := []string{"build", "-o", bin}
	if os.Getenv(envRace) == "1" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/pinnacle-proxy")...)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}

// envONNXRuntime is the proxy's own setting that says where ONNX Runtime is.
const envONNXRuntime = "PINNACLE_ONNXRUNTIME"

// findONNXRuntime points the proxies at the library that scripts/install.sh brings, unless the environment names one.
func findONNXRuntime() error {
	dir, err := filepath.Abs("../../.cache/onnxruntime")
	if err != nil || os.Getenv(envONNXRuntime) != "" {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "libonnxruntime.so")); err != nil {
		return nil
	}
	return os.Setenv(envONNXRuntime, dir)
}

// eachTarget runs a test against every target, and shows the proxy's log when it fails.
func eachTarget(t *testing.T, f func(t *testing.T, on *target)) {
	t.Helper()
	t.Parallel()
	eachTargetAlone(t, f)
}

// eachTargetAlone is eachTarget for tests of what the whole database holds: no other test runs meanwhile.
func eachTargetAlone(t *testing.T, f func(t *testing.T, on *target)) {
	t.Helper()
	for _, on := range world.targets {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			on.showLogOnFailure(t)
			f(t, on)
		})
	}
}

// eachProxy is eachTarget for tests of what plain PostgreSQL does not have.
func eachProxy(t *testing.T, f func(t *testing.T, on *target)) {
	t.Helper()
	eachTarget(t, func(t *testing.T, on *target) {
		if on.proxy == nil {
			t.Skip("no proxy in this target")
		}
		f(t, on)
	})
}

package integration

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// page reads a page of the proxy's HTTP server.
func (p *proxy) page(tb testing.TB, path string) (status int, body string) {
	tb.Helper()
	resp, err := http.Get("http://" + p.metricsAddr() + path)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// sums adds up the samples of each metric over its labels, and again for each set of labels.
func (p *proxy) sums(tb testing.TB) map[string]float64 {
	tb.Helper()
	status, body := p.page(tb, "/metrics")
	if status != http.StatusOK {
		tb.Fatalf("/metrics: %d", status)
	}
	sums := map[string]float64{}
	for _, line := range lines(body) {
		i := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			tb.Fatalf("%q: %v", line, err)
		}
		name, labels, _ := strings.Cut(line[:i], "{")
		sums[name] += v
		if labels != "" {
			sums[line[:i]] += v
		}
	}
	return sums
}

// moved wants some metric whose name (and labels) hold all the words to have grown by at least by.
func moved(t *testing.T, before, after map[string]float64, by float64, words ...string) {
	t.Helper()
next:
	for name, v := range after {
		for _, w := range words {
			if !strings.Contains(name, w) {
				continue next
			}
		}
		if v-before[name] >= by {
			return
		}
	}
	t.Errorf("no metric of %v has grown by %v", words, by)
}

// TestHealth reads the health pages.
func TestHealth(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, body := on.proxy.page(t, path); status != http.StatusOK {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	})
}

// TestMetrics runs statements of each kind and wants the counters to have moved.
func TestMetrics(t *testing.T) {
	t.Parallel()
	p, on := drained(t, "metrics")
	on.exec(t, timesModel("MODEL", "double", 2))
	before := p.sums(t)
	s := on.open(t)
	s.wantRow(t, "SELECT 1", "1")
	s.mustQuery(t, "SELECT predict('double', k), predict('double', odd) FROM item")
	s.wantError(t, "SELECT 1/0", "22012")
	s.wantError(t, "CREATE TABLE refused (k int DEFAULT predict('double', 1))", "0A000")
	after := p.sums(t)
	moved(t, before, after, 1, "connections")
	moved(t, before, after, 1, "statements", "stream")
	moved(t, before, after, 1, "requests")
	moved(t, before, after, 1000, "predict", "rows")
	moved(t, before, after, 10, "predict", "distinct")
	moved(t, before, after, 10, "predict", "calls")
	moved(t, before, after, 1, "errors", "0A000")
	moved(t, before, after, 1, "_bucket")
	for name, v := range after {
		if strings.Contains(name, "home") && strings.HasSuffix(name, "up") && v != 1 {
			t.Errorf("%s is %v", name, v)
		}
	}
}

// TestCommandLine runs the subcommands other than serve.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	run := func(args ...string) (string, int) {
		cmd := exec.Command(world.bin, args...)
		cmd.Dir, cmd.Env = t.TempDir(), proxyEnviron()
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := run("version"); code != 0 || !strings.Contains(out, "pinnacle-proxy") {
		t.Errorf("version: %d %s", code, out)
	}
	const secret = "s3cret-of-the-uri"
	out, code := run("check-config", "--databackend", "postgres://u:"+secret+"@127.0.0.1/d", "--listen", "127.0.0.1:7777")
	if code != 0 || !strings.Contains(out, "127.0.0.1:7777") || strings.Contains(out, secret) {
		t.Errorf("check-config: %d %s", code, out)
	}
	for _, args := range [][]string{{"serve", "--no-such-flag"}, {"serve", "--listen", "nonsense"}, {"check-config", "--databackend", "cassandra://x"},
		{"serve", "--config", filepath.Join(t.TempDir(), "missing.yaml")}, {"no-such-command"}, {"serve", "--log-level", "loud"}} {
		out, code := run(args...)
		if code == 0 || strings.Contains(out, "panic") || len(strings.TrimSpace(out)) == 0 {
			t.Errorf("%v: %d %s", args, code, out)
		}
	}
	out, code = run("doctor", "--data-dir", filepath.Join(t.TempDir(), "data"), "--onnxruntime", "/nowhere/libonnxruntime.so")
	if !strings.Contains(out, "PostgreSQL") || !strings.Contains(out, "pip install onnxruntime") {
		t.Errorf("doctor: %d %s", code, out)
	}
}

package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
)

// get reads one page of a handler.
func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// ready is always so.
func ready(context.Context) error { return nil }

func TestCounts(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{Version: "1.2.3", Commit: "abc", Go: "go1"})
	m.ConnectionOpened()
	m.ConnectionOpened()
	m.ConnectionClosed()
	m.ConnectionRefused("timeout")
	m.Statement("relay")
	m.Statement("proxy")
	m.ErrorSent("0A000")
	m.Bytes(10, 20)
	m.StatementDone("stream", 2*time.Millisecond, false)
	m.StatementDone("stream", time.Second, true)
	m.Predicted("late", 2, datalayer.CallStats{Rows: 100, Distinct: 10, NullSkipped: 5, Cached: 1, Shared: 2, Calls: 9, Batches: 3, Errors: 4, Busy: 2 * time.Second})
	m.HomeUp(true)
	m.WatchAnswers(metrics.Answers{})
	m.WatchAnswers(metrics.Answers{Waiting: func() int { return 3 }, CacheBytes: func() int64 { return 4096 }, CacheDropped: func() int64 { return 5 }})
	code, page := get(t, m.Handler(ready), "/metrics")
	if code != 200 {
		t.Fatalf("status %d", code)
	}
	for _, want := range []string{
		"pinnacle_connections_open 1",
		"pinnacle_connections_total 2",
		`pinnacle_connections_refused_total{reason="timeout"} 1`,
		`pinnacle_requests_total{by="relay"} 1`,
		`pinnacle_requests_total{by="proxy"} 1`,
		`pinnacle_errors_total{sqlstate="0A000"} 1`,
		"pinnacle_bytes_to_home_total 10",
		"pinnacle_bytes_to_clients_total 20",
		`pinnacle_statements_total{outcome="ok",plan="stream"} 1`,
		`pinnacle_statements_total{outcome="error",plan="stream"} 1`,
		`pinnacle_statement_seconds_count{plan="stream"} 2`,
		`pinnacle_predict_rows_total{model="late",version="2"} 100`,
		`pinnacle_predict_distinct_total{model="late",version="2"} 10`,
		`pinnacle_predict_null_skipped_total{model="late",version="2"} 5`,
		`pinnacle_predict_cached_total{model="late",version="2"} 1`,
		`pinnacle_predict_shared_total{model="late",version="2"} 2`,
		`pinnacle_predict_calls_total{model="late",version="2"} 9`,
		`pinnacle_predict_batches_total{model="late",version="2"} 3`,
		`pinnacle_predict_errors_total{model="late",version="2"} 4`,
		`pinnacle_predict_model_seconds_total{model="late",version="2"} 2`,
		`pinnacle_predict_statement_model_seconds_count{model="late"} 1`,
		"pinnacle_home_up 1",
		"pinnacle_predict_waiting 3",
		"pinnacle_predict_cache_bytes 4096",
		"pinnacle_predict_cache_dropped_total 5",
		`pinnacle_build_info{commit="abc",go="go1",version="1.2.3"} 1`,
		"go_goroutines ",
	} {
		if !strings.Contains(page, want+"\n") && !strings.Contains(page, "\n"+want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 1000 {
				name := fmt.Sprintf("%d-%d", worker, i)
				m.ErrorSent(name)
				m.ConnectionRefused(name + "\xff")
				m.Statement(name)
				m.StatementDone(name, 0, false)
				m.Predicted(name, 1, datalayer.CallStats{Rows: 1})
			}
		})
	}
	all.Wait()
	_, page := get(t, m.Handler(ready), "/metrics")
	for prefix, most := range map[string]int{"pinnacle_errors_total{": 301, "pinnacle_connections_refused_total{": 33, "pinnacle_requests_total{": 34,
		"pinnacle_statements_total{": 33, "pinnacle_predict_rows_total{": 1001} {
		if n := strings.Count(page, "\n"+prefix); n > most || n < 30 {
			t.Errorf("%s…}: %d series, want at most %d", prefix, n, most)
		}
	}
	if !strings.Contains(page, `pinnacle_predict_rows_total{model="other",version=""} 3000`) {
		t.Error("what has no label of its own is not counted under other")
	}
}

func TestHealthPages(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{})
	down := m.Handler(func(context.Context) error { return errors.New("draining") })
	for _, c := range []struct {
		handler http.Handler
		path    string
		code    int
		body    string
	}{
		{m.Handler(ready), "/healthz", 200, "ok\n"},
		{m.Handler(ready), "/readyz", 200, "ready\n"},
		{down, "/healthz", 200, "ok\n"},
		{down, "/readyz", 503, "draining\n"},
		{down, "/", 404, "404 page not found\n"},
	} {
		if code, body := get(t, c.handler, c.path); code != c.code || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.path, code, body, c.code, c.body)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- metrics.Serve(ctx, ln, metrics.New(metrics.Build{}).Handler(ready), slog.New(slog.DiscardHandler))
	}()
	answer, err := http.Get("http://" + ln.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(answer.Body); string(body) != "ok\n" {
		t.Errorf("got %q", body)
	}
	answer.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the address still answers")
	}
}

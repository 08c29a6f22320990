package clickhouse_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/clickhouse"
)

// processes is a server with a list of what runs, and with KILL QUERY … SYNC as ClickHouse has it, which the tests' own server lacks. A
// statement over the table "endless" gives rows until it is killed; all others go to the tests' server.
type processes struct {
	rest http.Handler
	mu   sync.Mutex
	// running are the statements that run, each closed to end it; over are closed when they have ended.
	running, over map[string]chan struct{}
	killed        []string
}

var killText = regexp.MustCompile(`^KILL QUERY WHERE query_id = '([^']+)' SYNC$`)

// ServeHTTP implements http.Handler.
func (p *processes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	id := r.URL.Query().Get("query_id")
	switch m := killText.FindStringSubmatch(string(body)); {
	case m != nil:
		p.mu.Lock()
		p.killed = append(p.killed, m[1])
		stop, over := p.running[m[1]], p.over[m[1]]
		p.mu.Unlock()
		if stop != nil {
			close(stop)
			<-over
		}
	case strings.Contains(string(body), "`endless`") && strings.Contains(string(body), "FORMAT CustomSeparated"):
		p.run(w, id)
	default:
		p.rest.ServeHTTP(w, r)
	}
}

// run gives rows until the statement is killed. That the client has gone does not end it.
func (p *processes) run(w http.ResponseWriter, id string) {
	stop, over := make(chan struct{}), make(chan struct{})
	p.mu.Lock()
	p.running[id], p.over[id] = stop, over
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.running, id)
		p.mu.Unlock()
		close(over)
	}()
	if _, err := io.WriteString(w, "1\n"); err == nil {
		_ = http.NewResponseController(w).Flush() // the recorder of the server's own
	}
	<-stop
}

// list is what runs and what was killed.
func (p *processes) list() (running int, killed []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running), p.killed
}

// TestCancelled cancels a statement, and closes the rows of another before their end: when the rows are closed, neither is in
// the server's list of what runs any more, and it was KILL QUERY that ended it.
func TestCancelled(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("d%d", databases.Add(1))
	tell(t, "CREATE DATABASE "+name)
	tell(t, "CREATE TABLE "+name+".endless (id Int32) ENGINE = MergeTree ORDER BY id")
	behind, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", server.Start(t).Port))
	if err != nil {
		t.Fatal(err)
	}
	p := &processes{rest: httputil.NewSingleHostReverseProxy(behind), running: map[string]chan struct{}{}, over: map[string]chan struct{}{}}
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	e, err := clickhouse.Open(t.Context(), "clickhouse://default@"+strings.TrimPrefix(front.URL, "http://")+"/"+name, clickhouse.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	conn, err := e.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	program, err := e.Compile(backendtest.Scan(table(t, e, "endless")))
	if err != nil {
		t.Fatal(err)
	}
	for i, cancelled := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		rows, err := conn.Query(ctx, program, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rows.Next(ctx); err != nil {
			t.Fatal(err)
		}
		if running, _ := p.list(); running != 1 {
			t.Fatalf("%d statements run", running)
		}
		if cancelled {
			cancel()
			_, err := rows.Next(ctx)
			refusedWith(t, err, "57014", "a cancelled statement")
		}
		if err := rows.Close(); err != nil && !cancelled {
			t.Error(err)
		}
		if running, killed := p.list(); running != 0 || len(killed) != i+1 {
			t.Errorf("%d statements run still, %d were killed", running, len(killed))
		}
		cancel()
	}
}

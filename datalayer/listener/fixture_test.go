package listener_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// server is the PostgreSQL of all tests of the package; each has a database of its own in it.
var server *lab.Postgres

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pinnacle-listener-")
	if err == nil {
		defer os.RemoveAll(dir)
		if err = os.Chmod(dir, 0o755); err == nil {
			server, err = lab.StartPostgres(context.Background(), filepath.Join(dir, "pg"), "max_connections=300", "wal_level=logical", "max_replication_slots=30", "max_wal_senders=30")
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "skipped, for want of a PostgreSQL:", err)
		return 0
	}
	defer func() { _ = server.Stop() }()
	return m.Run()
}

// models are models of the tests: the text "<text>/<number>" of a text and a number, after the version.
type models struct {
	mu       sync.Mutex
	versions map[string]*datalayer.ModelVersion
	// bad says of which text the model cannot answer; down is why it answers nothing at all.
	bad  map[string]bool
	down error
	// asked counts rows.
	asked int
}

func newModels() *models {
	m := &models{versions: map[string]*datalayer.ModelVersion{}, bad: map[string]bool{}}
	m.add("tag", udf.Text, udf.Text, udf.Int4)
	m.add("words", udf.TextArray, udf.Text)
	m.add("shout", udf.Text, udf.Text)
	m.add("json", udf.JSONB, udf.Text)
	return m
}

func (m *models) add(name string, returns udf.Type, args ...udf.Type) {
	v := &datalayer.ModelVersion{Name: name, Version: 1, Returns: returns, Deterministic: true, NullOnNull: true}
	for i, t := range args {
		v.Args = append(v.Args, udf.Arg{Name: fmt.Sprintf("x%d", i), Type: t})
	}
	m.versions[name] = v
}

// deploy makes the next version.
func (m *models) deploy(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := *m.versions[name]
	next.Version++
	m.versions[name] = &next
}

// version is the number of the newest version.
func (m *models) version(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.versions[name].Version
}

func (m *models) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *models) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// Describe implements listener.Models.
func (m *models) Describe(_ context.Context, name string, _ int) (*datalayer.ModelVersion, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.versions[name]; v != nil {
		return v, nil
	}
	return nil, &datalayer.Error{Code: "42704", Message: fmt.Sprintf("model %q does not exist", name)}
}

// Permit implements listener.Models: every role may call every model.
func (m *models) Permit(context.Context, string, *datalayer.ModelVersion) error { return nil }

// Predict implements listener.Models.
func (m *models) Predict(_ context.Context, v *datalayer.ModelVersion, args []udf.Column, rows int) (udf.Column, []error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return udf.Column{}, nil, m.down
	}
	m.asked += rows
	out := udf.NewColumn(v.Returns, rows)
	var failed []error
	for i := range rows {
		if v.Returns == udf.Int8 {
			out.Ints[i] = int64(i)
			continue
		}
		text := args[0].Texts[i]
		if m.bad[text] || strings.HasPrefix(text, "bad ") {
			if failed == nil {
				failed = make([]error, rows)
			}
			failed[i] = errors.New("bad text")
			out.SetNull(i)
			continue
		}
		tag := func() string { return fmt.Sprintf("v%d:%s/%d", v.Version, text, args[1].Ints[i]) }
		switch v.Name {
		default:
			if v.Returns == udf.TextArray {
				out.TextLists[i] = strings.Fields(tag())
			} else {
				out.Texts[i] = tag()
			}
		case "words":
			out.TextLists[i] = strings.Fields(text)
		case "shout":
			out.Texts[i] = fmt.Sprintf("v%d:%s!", v.Version, strings.ToUpper(text))
		case "json":
			out.Texts[i] = text
		}
	}
	return out, failed, nil
}

// home is a database of a test's own with a Keeper that works on it.
type home struct {
	*pgxpool.Pool
	t      testing.TB
	models *models
	keeper *listener.Keeper
	config listener.Config

	mu          sync.Mutex
	definitions []listener.Definition
	stop        func()
}

// newHome makes one. The Keeper runs until the test's end.
func newHome(t testing.TB, change func(c *listener.Config)) *home {
	t.Helper()
	ctx := t.Context()
	name := fmt.Sprintf("l%d", time.Now().UnixNano())
	if err := server.Load(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, models: newModels(), Pool: pool(t, name)}
	h.config = listener.Config{Pool: pool(t, name), Models: h.models, Definitions: h.all, Poll: 20 * time.Millisecond, Verify: 300 * time.Millisecond, Timer: 50 * time.Millisecond}
	if change != nil {
		change(&h.config)
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

func pool(t testing.TB, database string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(context.Background(), server.URL(database)+"&pool_max_conns=8")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// start runs a Keeper.
func (h *home) start() {
	h.keeper = listener.New(h.config)
	h.stop = runKeeper(h.keeper)
}

// runKeeper runs a Keeper until the function that it gives is called.
func runKeeper(k *listener.Keeper) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

func (h *home) all() []listener.Definition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]listener.Definition(nil), h.definitions...)
}

// listen adds a listener, as a component would be.
func (h *home) listen(def listener.Definition) {
	h.t.Helper()
	if err := h.keeper.Check(h.t.Context(), def); err != nil {
		h.t.Fatalf("check: %v", err)
	}
	h.mu.Lock()
	h.definitions = append(h.definitions, def)
	h.mu.Unlock()
	if err := h.keeper.SetUp(h.t.Context(), def); err != nil {
		h.t.Fatalf("set-up: %v", err)
	}
}

// change changes a listener's definition.
func (h *home) change(name string, change func(d *listener.Definition)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.definitions {
		if h.definitions[i].Name == name {
			change(&h.definitions[i])
		}
	}
}

// do runs statements.
func (h *home) do(texts ...string) {
	h.t.Helper()
	for _, text := range texts {
		if _, err := h.Exec(h.t.Context(), text); err != nil {
			h.t.Fatalf("%v\nin %s", err, text)
		}
	}
}

// lines gives a query's rows as lines of text.
func (h *home) lines(query string) (string, error) {
	rows, err := h.Query(h.t.Context(), "SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM ("+query+") AS t")
	if err != nil {
		return "", err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
}

// wait waits until two queries give the same.
func (h *home) wait(got, want string) {
	h.t.Helper()
	expected, err := h.lines(want)
	if err != nil {
		h.t.Fatalf("%v\nin %s", err, want)
	}
	h.until(got, func() string {
		lines, err := h.lines(got)
		switch {
		case err != nil:
			return err.Error()
		case lines != expected:
			return fmt.Sprintf("there is\n%.2000s\nnot\n%.2000s", lines, expected)
		}
		return ""
	})
}

// until waits until f gives no complaint.
func (h *home) until(what string, f func() string) {
	h.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		complaint := f()
		if complaint == "" {
			return
		}
		if time.Now().After(deadline) {
			status, err := h.keeper.Status(context.Background())
			h.t.Fatalf("%s: %s\nstatus: %+v %v", what, complaint, status, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// quiet waits until a listener has nothing to do.
func (h *home) quiet(name string) {
	h.t.Helper()
	h.until(name+" is fresh", func() string {
		all, err := h.keeper.Status(h.t.Context())
		if err != nil {
			return err.Error()
		}
		for _, s := range all {
			if s.Name == name && s.State == "fresh" {
				return ""
			}
		}
		return "it is not"
	})
}

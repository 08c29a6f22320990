package ship_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// server is the PostgreSQL of these tests; nil on a machine without one.
var server *lab.Postgres

// TestMain starts one PostgreSQL for all tests.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ship")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if server, err = lab.StartPostgres(context.Background(), filepath.Join(dir, "home"), "shared_buffers=16MB"); err != nil {
		fmt.Fprintln(os.Stderr, "tests that need PostgreSQL are skipped:", err)
		server = nil
		return m.Run()
	}
	defer func() { _ = server.Stop() }()
	return m.Run()
}

// home is a session of PostgreSQL that takes note of what functions ask for.
type home struct {
	t    testing.TB
	conn *pgconn.PgConn
	// asked are the messages of notices with CodeAsked, since the last round.
	asked []string
}

// connect opens a session that ends with the test.
func connect(t testing.TB) *home {
	t.Helper()
	if server == nil {
		t.Skip("no PostgreSQL")
	}
	h := &home{t: t}
	config, err := pgconn.ParseConfig(server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Code == ship.CodeAsked && n.Severity == "INFO" {
			h.asked = append(h.asked, n.Message)
		}
	}
	if h.conn, err = pgconn.ConnectConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.conn.Close(context.Background()) })
	return h
}

// try runs a text and gives the last statement's rows, a NULL as "<NULL>".
func (h *home) try(text string) ([]string, error) {
	results, err := h.conn.Exec(h.t.Context(), text).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	var rows []string
	for _, row := range results[len(results)-1].Rows {
		values := make([]string, len(row))
		for i, v := range row {
			if values[i] = string(v); v == nil {
				values[i] = "<NULL>"
			}
		}
		rows = append(rows, strings.Join(values, "|"))
	}
	return rows, nil
}

// do is try for texts that must not fail.
func (h *home) do(texts ...string) (rows []string) {
	h.t.Helper()
	for _, text := range texts {
		var err error
		if rows, err = h.try(text); err != nil {
			h.t.Fatalf("%v\nin %s", err, text)
		}
	}
	return rows
}

// query runs a query of the package's and gives its rows.
func (h *home) query(q stream.Query) (rows []string) {
	h.t.Helper()
	formats := make([]int16, len(q.Params))
	for i := range formats {
		formats[i] = 1
	}
	res := h.conn.ExecParams(h.t.Context(), q.Text, q.Params, q.Types, formats, q.Formats).Read()
	if res.Err != nil {
		h.t.Fatalf("%v\nin %s", res.Err, q.Text)
	}
	for _, row := range res.Rows {
		if last := row[len(row)-1]; last != nil {
			rows = append(rows, string(last))
		}
	}
	return rows
}

// create makes what functions need and home lacks, and gives the names of what it lacked.
func (h *home) create(functions ...*planner.Function) []string {
	h.t.Helper()
	q, err := ship.Missing(functions, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	missing := h.query(q)
	for _, name := range missing {
		h.do(ship.Create(name, functions, nil)...)
	}
	return missing
}

// round runs a text while functions may ask, and gives what they asked for.
func (h *home) round(text string, known *ship.Known, functions ...*planner.Function) []*ship.Asked {
	h.t.Helper()
	h.asked = nil
	h.do(ship.Forget, ship.Noting(0, 0), text)
	r := ship.NewRound(&planner.Ship{Functions: functions}, known, 0)
	for _, message := range h.asked {
		r.Take(ship.CodeAsked, message)
	}
	asked, err := r.Believed()
	if err != nil {
		h.t.Fatal(err)
	}
	return asked
}

// give gives answers to a function.
func (h *home) give(f *planner.Function, keys [][]byte, answers *udf.Column) {
	h.t.Helper()
	queries, err := ship.Give(f, keys, answers)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, q := range queries {
		h.query(q)
	}
}

// function makes a function of a model; its arguments are of the types, named a, b and so on.
func function(name string, returns udf.Type, args ...udf.Type) *planner.Function {
	m := &datalayer.ModelVersion{Name: name, Version: 2, Hash: "0123456789abcdef", Returns: returns, NullOnNull: true, Deterministic: true}
	for i, a := range args {
		m.Args = append(m.Args, udf.Arg{Name: string(rune('a' + i)), Type: a})
	}
	return &planner.Function{Kind: "predict", Model: m, Name: "pinnacle_" + name + "_p0"}
}

// state is the SQLSTATE of an error, "" for none.
func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

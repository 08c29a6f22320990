// Package backendtest is the contract of package backend as tests: every engine passes them.
package backendtest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Subject is an engine under test. Its database has two empty tables, which the engine's own test made in its own words:
//
//	items: id bigint primary key, name text not null, qty integer, price numeric(10,2), ratio double precision
//	types: id bigint primary key, and a nullable column for each type that Edges names
//
// The types may be shown by another name where the engine has none of the kind; Items says so.
type Subject struct {
	Engine backend.Engine
	// Schema is where the two tables are seen.
	Schema string
	// Items are the types that items' columns are shown with, by column, where they differ from those above.
	Items map[string]string
	// Edges are values that go in and come out again.
	Edges []Edge
	// Unkeyed says that the engine enforces no keys: nothing is 23505.
	Unkeyed bool
	// NullsKept says that NOT NULL is not enforced.
	NullsKept bool
	// NoChanges says that rows cannot be updated or deleted by their key.
	NoChanges bool
	// NoReturning says that changes give no rows back.
	NoReturning bool
}

// Edge is one value of a type at its edge, as PostgreSQL's text.
type Edge struct {
	Column, In string
	// Out is what comes out, where it is not In.
	Out string
	// Code is the SQLSTATE with which it is refused; "": it is not.
	Code string
}

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// Run tests the contract. The tests of one Subject run one after the other.
func Run(t *testing.T, s Subject) {
	b := bench{Subject: s}
	for _, part := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"catalog", b.catalog}, {"scan", b.scan}, {"edges", b.edges}, {"counts", b.counts}, {"returning", b.returning},
		{"errors", b.errors}, {"transactions", b.transactions}, {"savepoints", b.savepoints}, {"two results", b.twoResults},
		{"reading and changing", b.readAndChange}, {"stopping early", b.stopEarly}, {"cancel", b.cancel}, {"reuse", b.reuse},
		{"unproven", b.unproven},
	} {
		if !t.Run(part.name, part.test) && part.name == "catalog" {
			return
		}
	}
}

// bench has what the tests share.
type bench struct{ Subject }

func (b *bench) table(t *testing.T, name string) *dialect.Table {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), limit)
	defer done()
	catalog, err := b.Engine.Catalog(ctx)
	if err != nil {
		t.Fatalf("catalog: %v", err)
	}
	for _, table := range catalog.Tables {
		if table.Name == name && table.Schema == b.Schema {
			return table
		}
	}
	t.Fatalf("no table %s.%s in the catalog", b.Schema, name)
	return nil
}

// session opens a Conn for the length of the test.
func (b *bench) session(t *testing.T) backend.Conn {
	t.Helper()
	conn, err := b.Engine.Connect(context.Background())
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return conn
}

func (b *bench) compile(t *testing.T, stmt dialect.Statement) backend.Program {
	t.Helper()
	p, err := b.Engine.Compile(stmt)
	if err != nil {
		t.Fatalf("compile %T: %v", stmt, err)
	}
	if p.Text() == "" {
		t.Errorf("%T has no text for EXPLAIN", stmt)
	}
	return p
}

// Scan is a Select of columns of one relation; no names: all.
func Scan(table *dialect.Table, names ...string) *dialect.Select {
	s := &dialect.Select{From: &dialect.Relation{Table: table, Alias: "r1"}}
	for _, c := range columns(table, names) {
		s.Columns = append(s.Columns, &dialect.ColumnRef{Relation: "r1", Column: c, Name: c.Name, Type: c.Type})
	}
	return s
}

func columns(table *dialect.Table, names []string) []*dialect.Column {
	if len(names) == 0 {
		return table.Columns
	}
	var out []*dialect.Column
	for _, n := range names {
		out = append(out, table.Column(n))
	}
	return out
}

// Insert is an Insert of rows of Params into columns.
func Insert(table *dialect.Table, rows int, names ...string) *dialect.Insert {
	in := &dialect.Insert{Into: &dialect.Relation{Table: table}, Columns: columns(table, names)}
	number := 0
	for range rows {
		var row []dialect.Expr
		for _, c := range in.Columns {
			number++
			row = append(row, &dialect.Param{Number: number, Type: c.Type})
		}
		in.Rows = append(in.Rows, row)
	}
	return in
}

// key gives the columns by which a row is found.
func key(table *dialect.Table) []*dialect.Column {
	if table.RowKey != nil {
		return []*dialect.Column{table.RowKey}
	}
	return columns(table, table.PrimaryKey)
}

// byKey is the condition on one row's key, whose values are the parameters from number on.
func byKey(table *dialect.Table, number int) []dialect.Expr {
	k := &dialect.RowKey{Columns: key(table)}
	for i, c := range k.Columns {
		k.Values = append(k.Values, &dialect.Param{Number: number + i, Type: c.Type})
	}
	return []dialect.Expr{k}
}

// Texts are a row's values as parameters; "<null>" is NULL.
func Texts(values ...string) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		if v != "<null>" {
			out[i] = []byte(v)
		}
	}
	return out
}

// Drain reads rows to their end, each as its values with "|" between and "<null>" for NULL, and closes them.
func Drain(ctx context.Context, rows backend.Rows) ([]string, error) {
	var out []string
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, rows.Close()
		}
		if err != nil {
			return out, errors.Join(err, rows.Close())
		}
		parts := make([]string, len(row))
		for i, v := range row {
			if parts[i] = string(v); v == nil {
				parts[i] = "<null>"
			}
		}
		out = append(out, strings.Join(parts, "|"))
	}
}

func (b *bench) read(t *testing.T, conn backend.Conn, stmt dialect.Statement, params ...string) []string {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), limit)
	defer done()
	rows, err := conn.Query(ctx, b.compile(t, stmt), Texts(params...))
	if err != nil {
		t.Fatalf("query: %v", describe(err))
	}
	out, err := Drain(ctx, rows)
	if err != nil {
		t.Fatalf("rows: %v", describe(err))
	}
	return out
}

func (b *bench) exec(t *testing.T, conn backend.Conn, stmt dialect.Statement, params ...string) int64 {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), limit)
	defer done()
	n, err := conn.Exec(ctx, b.compile(t, stmt), Texts(params...))
	if err != nil {
		t.Fatalf("exec: %v", describe(err))
	}
	return n
}

// fill puts rows into items, which is empty afterwards.
func (b *bench) fill(t *testing.T, rows ...string) *dialect.Table {
	t.Helper()
	table, conn := b.table(t, "items"), b.session(t)
	b.empty(t, conn, table)
	t.Cleanup(func() { b.empty(t, b.session(t), table) })
	for _, row := range rows {
		b.exec(t, conn, Insert(table, 1, "id", "name", "qty", "price", "ratio"), strings.Split(row, "|")...)
	}
	return table
}

func (b *bench) empty(t *testing.T, conn backend.Conn, table *dialect.Table) {
	t.Helper()
	b.exec(t, conn, &dialect.Truncate{Tables: []*dialect.Table{table}})
}

// code is an error's SQLSTATE.
func code(err error) string {
	var e *backend.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// describe tells an error with what a client would see.
func describe(err error) string {
	var e *backend.Error
	if errors.As(err, &e) {
		return e.Code + " " + e.Message + " (" + e.Detail + ")"
	}
	return err.Error()
}

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

func (b *bench) catalog(t *testing.T) {
	if b.Engine.Describe() == "" {
		t.Error("the engine does not describe itself")
	}
	if err := b.Engine.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	table := b.table(t, "items")
	want := map[string]string{"id": "bigint", "name": "text", "qty": "integer", "price": "numeric(10,2)", "ratio": "double precision"}
	for name, typ := range b.Items {
		want[name] = typ
	}
	for name, typ := range want {
		c := table.Column(name)
		switch {
		case c == nil:
			t.Errorf("no column %s", name)
		case c.TypeName != typ:
			t.Errorf("column %s is shown as %s, not %s", name, c.TypeName, typ)
		case c.Type.OID == 0:
			t.Errorf("column %s has no type", name)
		}
	}
	if !b.Unkeyed && !slices.Equal(table.PrimaryKey, []string{"id"}) {
		t.Errorf("primary key %v", table.PrimaryKey)
	}
	if c := table.Column("name"); c != nil && !c.NotNull && !b.NullsKept {
		t.Error("name is NOT NULL, and not shown so")
	}
}

func (b *bench) scan(t *testing.T) {
	table := b.fill(t, "1|one|1|1.50|0.1", "2|zwölf|<null>|<null>|<null>", "3||-5|-0.01|1e+300")
	conn := b.session(t)
	got := b.read(t, conn, Scan(table, "ratio", "name", "id", "price", "qty"))
	slices.Sort(got)
	want := []string{"0.1|one|1|1.50|1", "1e+300||3|-0.01|-5", "<null>|zwölf|2|<null>|<null>"}
	if !slices.Equal(got, want) {
		t.Errorf("columns in another order: %q, not %q", got, want)
	}
	only := b.read(t, conn, Scan(table, "name"))
	slices.Sort(only)
	if !slices.Equal(only, []string{"", "one", "zwölf"}) {
		t.Errorf("an empty text alone in its row: %q", only)
	}
	if got := b.read(t, conn, Scan(table, "id", "id")); len(got) != 3 {
		t.Errorf("a column twice: %q", got)
	}
	none := &dialect.Select{From: &dialect.Relation{Table: table}, Columns: []dialect.Expr{&dialect.Constant{Null: true, Type: dialect.Type{OID: 25, Mod: -1}}}}
	if got := b.read(t, conn, none); !slices.Equal(got, []string{"<null>", "<null>", "<null>"}) {
		t.Errorf("rows without values: %q", got)
	}
	if k := key(table); len(k) > 0 {
		s := &dialect.Select{From: &dialect.Relation{Table: table}}
		for _, c := range k {
			s.Columns = append(s.Columns, &dialect.ColumnRef{Column: c, Name: c.Name, Type: c.Type})
		}
		if got := b.read(t, conn, s); len(got) != 3 || slices.Contains(got, "<null>") {
			t.Errorf("keys of rows: %q", got)
		}
	}
	table = b.fill(t, "1||1|1.50|0.1")
	if got := b.read(t, conn, Scan(table, "name")); !slices.Equal(got, []string{""}) {
		t.Errorf("an empty text, first and alone: %q", got)
	}
	if n, err := conn.Estimate(t.Context(), b.compile(t, Scan(table, "id"))); err != nil || n > 1e6 {
		t.Errorf("estimate of three rows: %v, %v", n, err)
	}
	b.unknownValue(t, conn, table)
}

// unknownValue has a condition with a value that an EXPLAIN does not have yet, and one with NULL, in a program's text and estimate.
func (b *bench) unknownValue(t *testing.T, conn backend.Conn, table *dialect.Table) {
	id := table.Column("id")
	for _, value := range []dialect.Expr{&dialect.Param{Type: id.Type}, &dialect.Constant{Null: true, Type: id.Type}} {
		s := Scan(table, "id")
		s.Where = []dialect.Expr{&dialect.Operator{Name: "=", Left: &dialect.ColumnRef{Column: id, Name: id.Name, Type: id.Type}, Right: value, Type: dialect.Type{OID: 16, Mod: -1}}}
		p, err := b.Engine.Compile(s)
		var unproven *dialect.Unproven
		if errors.As(err, &unproven) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Text() == "" {
			t.Error("a program without a text")
		}
		if _, err := conn.Estimate(t.Context(), p); err != nil {
			t.Errorf("estimate of %s: %v", p.Text(), err)
		}
	}
}

func (b *bench) edges(t *testing.T) {
	table, conn := b.table(t, "types"), b.session(t)
	b.empty(t, conn, table)
	for i, e := range append(b.Edges, nulls(table)...) {
		t.Run(fmt.Sprintf("%s %d %.20q", e.Column, i, e.In), func(t *testing.T) {
			column := table.Column(e.Column)
			if column == nil {
				t.Fatalf("no column %s", e.Column)
			}
			program := b.compile(t, Insert(table, 1, "id", e.Column))
			_, err := conn.Exec(t.Context(), program, Texts(strconv.Itoa(i), e.In))
			if e.Code != "" {
				if code(err) != e.Code {
					t.Fatalf("%v, not %s", err, e.Code)
				}
				return
			}
			if err != nil {
				t.Fatalf("insert into %s column: %v", column.TypeName, describe(err))
			}
			if e.Out == "" {
				e.Out = e.In
			}
			for _, got := range b.read(t, conn, Scan(table, "id", e.Column)) {
				if id, got, _ := strings.Cut(got, "|"); id == strconv.Itoa(i) && got != e.Out {
					t.Errorf("%s comes back as %q, not %q", column.TypeName, got, e.Out)
				}
			}
		})
	}
	b.empty(t, conn, table)
}

// nulls are a NULL for each column.
func nulls(table *dialect.Table) (out []Edge) {
	for _, c := range table.Columns {
		if c.Name != "id" && c.Generated == dialect.NotGenerated && !c.NotNull {
			out = append(out, Edge{Column: c.Name, In: "<null>"})
		}
	}
	return out
}

// twoResults reads two results in turns.
func (b *bench) twoResults(t *testing.T) {
	b.many(t, 700)
	table, conn := b.table(t, "items"), b.session(t)
	b.begin(t, conn)
	first, second := b.open(t, conn, Scan(table, "id")), b.open(t, conn, Scan(table, "id"))
	seen := [2]map[string]bool{{}, {}}
	for range 700 {
		for i, rows := range []backend.Rows{first, second} {
			row, err := rows.Next(t.Context())
			if err != nil {
				t.Fatalf("result %d after %d rows: %v", i, len(seen[i]), err)
			}
			seen[i][string(row[0])] = true
		}
	}
	for i, rows := range []backend.Rows{first, second} {
		if _, err := rows.Next(t.Context()); !errors.Is(err, io.EOF) || len(seen[i]) != 700 {
			t.Errorf("result %d: %d different rows, then %v", i, len(seen[i]), err)
		}
		if err := errors.Join(rows.Close(), rows.Close()); err != nil {
			t.Errorf("close twice: %v", err)
		}
	}
	b.commit(t, conn)
}

// many fills items with n rows with the ids from 1.
func (b *bench) many(t *testing.T, n int) {
	t.Helper()
	table, conn := b.fill(t), b.session(t)
	b.begin(t, conn)
	for from := 1; from <= n; {
		size := min(100, n-from+1)
		var params []string
		for range size {
			params = append(params, strconv.Itoa(from), "name "+strconv.Itoa(from), strconv.Itoa(from%10))
			from++
		}
		if got := b.exec(t, conn, Insert(table, size, "id", "name", "qty"), params...); got != int64(size) {
			t.Fatalf("insert of %d rows counts %d", size, got)
		}
	}
	b.commit(t, conn)
}

func (b *bench) open(t *testing.T, conn backend.Conn, stmt dialect.Statement) backend.Rows {
	t.Helper()
	rows, err := conn.Query(t.Context(), b.compile(t, stmt), nil)
	if err != nil {
		t.Fatalf("query: %v", describe(err))
	}
	return rows
}

// stopEarly leaves results after one row; the session goes on.
func (b *bench) stopEarly(t *testing.T) {
	b.many(t, 2000)
	table, conn := b.table(t, "items"), b.session(t)
	for range 20 {
		rows := b.open(t, conn, Scan(table))
		if _, err := rows.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.read(t, conn, Scan(table, "id")); len(got) != 2000 {
		t.Errorf("%d rows after results that were left", len(got))
	}
}

// cancel ends a context before and while a result is read: the session goes on after Rollback.
func (b *bench) cancel(t *testing.T) {
	b.many(t, 2000)
	table, conn := b.table(t, "items"), b.session(t)
	program := b.compile(t, Scan(table))
	ended, end := context.WithCancel(context.Background())
	end()
	if rows, err := conn.Query(ended, program, nil); err == nil {
		if _, err = Drain(ended, rows); err == nil {
			t.Error("a query whose context had ended gave all its rows")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	rows, err := conn.Query(ctx, program, nil)
	if err != nil {
		t.Fatal(describe(err))
	}
	if _, err := rows.Next(ctx); err != nil {
		t.Fatal(describe(err))
	}
	cancel()
	if _, err := Drain(ctx, rows); err != nil && code(err) != "57014" && !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled result ends with %s", describe(err))
	}
	if err := conn.Rollback(context.Background()); err != nil {
		t.Fatalf("rollback: %v", describe(err))
	}
	if got := b.read(t, conn, Scan(table, "id")); len(got) != 2000 {
		t.Errorf("%d rows after a cancelled statement", len(got))
	}
}

// reuse runs one program on two sessions at a time.
func (b *bench) reuse(t *testing.T) {
	table := b.fill(t, "1|one|1|1.50|0.1")
	program := b.compile(t, Scan(table, "name"))
	done := make(chan error)
	for range 2 {
		go func() {
			done <- func() error {
				conn, err := b.Engine.Connect(context.Background())
				if err != nil {
					return err
				}
				for range 50 {
					rows, err := conn.Query(context.Background(), program, nil)
					if err != nil {
						return errors.Join(err, conn.Close())
					}
					got, err := Drain(context.Background(), rows)
					if err != nil || !slices.Equal(got, []string{"one"}) {
						return errors.Join(fmt.Errorf("got %q", got), err, conn.Close())
					}
				}
				return conn.Close()
			}()
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// unproven compiles what no engine is proven to do: it is told from a failure.
func (b *bench) unproven(t *testing.T) {
	table := b.table(t, "items")
	s := Scan(table, "id")
	s.Where = []dialect.Expr{&dialect.Call{Name: "no_such_function", Type: dialect.Type{OID: 16, Mod: -1}}}
	_, err := b.Engine.Compile(s)
	var unproven *dialect.Unproven
	if !errors.As(err, &unproven) {
		t.Errorf("an unknown function compiles with %v", err)
	}
}

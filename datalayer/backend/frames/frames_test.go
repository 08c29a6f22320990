package frames_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/frames"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

func open(t *testing.T, uri string) backend.Engine {
	t.Helper()
	engine, err := frames.Open(context.Background(), uri, frames.Options{TempDirectory: t.TempDir(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table(t *testing.T, engine backend.Engine, name string) *dialect.Table {
	t.Helper()
	catalog, err := engine.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range catalog.Tables {
		if table.Name == name {
			return table
		}
	}
	return nil
}

func rows(t *testing.T, engine backend.Engine, table *dialect.Table) []string {
	t.Helper()
	conn, err := engine.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	program, err := engine.Compile(backendtest.Scan(table))
	if err != nil {
		t.Fatal(err)
	}
	result, err := conn.Query(t.Context(), program, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := backendtest.Drain(t.Context(), result)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

// TestContract runs the contract of engines over parquet files.
func TestContract(t *testing.T) {
	t.Parallel()
	engine := open(t, "polars://"+t.TempDir())
	conn, err := engine.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, table := range []*dialect.Table{
		{Schema: "public", Name: "items", Columns: []*dialect.Column{column("id", "bigint", 20, -1), column("name", "text", 25, -1), column("qty", "integer", 23, -1),
			column("price", "numeric(10,2)", 1700, 10<<16+2+4), column("ratio", "double precision", 701, -1)}},
		{Schema: "public", Name: "types", Columns: []*dialect.Column{column("id", "bigint", 20, -1), column("t", "text", 25, -1), column("d", "date", 1082, -1),
			column("ts", "timestamp without time zone", 1114, -1), column("x", "bytea", 17, -1), column("u", "uuid", 2950, -1), column("b", "boolean", 16, -1)}},
	} {
		if err := engine.(backend.Definer).Define(t.Context(), conn, &dialect.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	var edges []backendtest.Edge
	for name, texts := range map[string][]string{
		"t": {"", "Ünïcödé 😀", "line\nfeed"}, "d": {"2024-02-29", "0001-01-01"}, "ts": {"2024-02-29 12:34:56.789012"}, "x": {`\x`, `\x00ff`},
		"u": {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, "b": {"t", "f"},
	} {
		for _, text := range texts {
			edges = append(edges, backendtest.Edge{Column: name, In: text})
		}
	}
	backendtest.Run(t, backendtest.Subject{Engine: engine, Schema: "public", Unkeyed: true, NullsKept: true, Edges: edges})
}

func column(name, typeName string, oid uint32, mod int32) *dialect.Column {
	return &dialect.Column{Name: name, TypeName: typeName, Type: dialect.Type{OID: oid, Mod: mod}}
}

// TestFolder sees files come, change and go, parts of one table, and a file that cannot be read.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "people.csv", "id,name,born\n1,Ann,1990-05-01\n2,\"\",\n")
	put(t, dir, "log.ndjson", "{\"at\": \"2024-01-01 10:00:00\", \"n\": 1}\n{\"n\": 2}\n")
	put(t, dir, "orders-2024-01.csv", "id,amount\n1,1.5\n")
	put(t, dir, "orders-2024-02.csv", "id,amount,note\n2,2.5,late\n")
	put(t, dir, "parts/a.csv", "k\n1\n")
	put(t, dir, "parts/b.csv", "k\n2\n")
	put(t, dir, "bad.parquet", "this is none")
	engine := open(t, "pandas://"+dir)
	people := table(t, engine, "people")
	if people == nil || people.Column("born").TypeName != "date" || people.Column("id").TypeName != "bigint" {
		t.Fatalf("people: %+v", people)
	}
	if got := rows(t, engine, people); !slices.Equal(got, []string{"1|Ann|1990-05-01", "2||<null>"}) {
		t.Errorf("people: %q", got)
	}
	if got := rows(t, engine, table(t, engine, "orders")); !slices.Equal(got, []string{"1|1.5|<null>", "2|2.5|late"}) {
		t.Errorf("orders: %q", got)
	}
	if got := rows(t, engine, table(t, engine, "parts")); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("parts: %q", got)
	}
	if got := rows(t, engine, table(t, engine, "log")); !slices.Equal(got, []string{"2024-01-01 10:00:00|1", "<null>|2"}) {
		t.Errorf("log: %q", got)
	}
	if table(t, engine, "bad") != nil {
		t.Error("a file that is no parquet is a table")
	}
	if orders := table(t, engine, "orders"); orders.ReadOnly == "" {
		t.Error("a table of several files can be written")
	}
	put(t, dir, "parts/c.csv", "k\n3\n")
	put(t, dir, "new.csv", "a\nx\n")
	if err := os.Remove(filepath.Join(dir, "log.ndjson")); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, engine, table(t, engine, "parts")); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("parts with one more: %q", got)
	}
	if table(t, engine, "new") == nil || table(t, engine, "log") != nil {
		t.Error("a file that came, or one that went, is not seen")
	}
}

// TestRewrite changes a CSV file: the file is another one afterwards, and what was rolled back is not in it.
func TestRewrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "people.csv", "id,name\n1,Ann\n")
	engine := open(t, "polars://"+dir)
	people := table(t, engine, "people")
	conn, err := engine.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	insert, err := engine.Compile(backendtest.Insert(people, 1, "id", "name"))
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{false, true} {
		if err := conn.Begin(t.Context(), backend.TxMode{}); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), insert, backendtest.Texts("2", "")); err != nil {
			t.Fatal(err)
		}
		end := conn.Rollback
		if keep {
			end = conn.Commit
		}
		if err := end(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := "id,name\n1,Ann\n"
		if keep {
			want += "2,\"\"\n"
		}
		got, err := os.ReadFile(filepath.Join(dir, "people.csv"))
		if err != nil || string(got) != want {
			t.Errorf("kept %v: %q, %v", keep, got, err)
		}
	}
	if got := rows(t, engine, people); !slices.Equal(got, []string{"1|Ann", "2|"}) {
		t.Errorf("people: %q", got)
	}
}

// TestArrow reads a file that arrow-go wrote, and sees it change.
func TestArrow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine := open(t, "polars://"+dir)
	for _, n := range []int64{1, 2} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
		builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		builder.Field(0).(*array.Int64Builder).AppendValues([]int64{n, n * 10}, nil)
		builder.Field(1).(*array.StringBuilder).AppendValues([]string{"ö", ""}, []bool{true, false})
		file, err := os.Create(filepath.Join(dir, "frame.feather"))
		if err != nil {
			t.Fatal(err)
		}
		writer, err := ipc.NewFileWriter(file, ipc.WithSchema(schema), ipc.WithLZ4())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(writer.Write(builder.NewRecordBatch()), writer.Close(), file.Close()); err != nil {
			t.Fatal(err)
		}
		want := []string{fmt.Sprintf("%d|ö", n), fmt.Sprintf("%d|<null>", n*10)}
		slices.Sort(want)
		frame := table(t, engine, "frame")
		if got := rows(t, engine, frame); !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
		if frame.ReadOnly == "" {
			t.Error("an Arrow file can be written")
		}
	}
}

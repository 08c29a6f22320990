package datalayer_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// table reads a table and checks that its rows fit its columns.
func (f *fixture) table(t *testing.T, name string) *datalayer.Table {
	t.Helper()
	table, err := f.Table(context.Background(), name)
	if err != nil {
		t.Fatalf("Table(%q): %v", name, err)
	}
	columns, err := f.TableColumns(name)
	if err != nil || !reflect.DeepEqual(columns, table.Columns) || table.Name != name {
		t.Fatalf("TableColumns(%q): %v, %v; the table has %v", name, columns, err, table.Columns)
	}
	for _, row := range table.Rows {
		if len(row) != len(columns) {
			t.Fatalf("%s has a row of %d values for %d columns", name, len(row), len(columns))
		}
		for i, value := range row {
			ok := value == nil
			switch columns[i].Type {
			case "text":
				_, isText := value.(string)
				ok = ok || isText
			case "int4", "int8":
				_, isInt := value.(int64)
				ok = ok || isInt
			case "bool":
				_, ok = value.(bool)
			case "float8":
				_, ok = value.(float64)
			case "timestamptz":
				_, ok = value.(time.Time)
			}
			if !ok {
				t.Errorf("%s.%s (%s) has a %T", name, columns[i].Name, columns[i].Type, value)
			}
		}
	}
	return table
}

// column gives one column of a table.
func column(t *testing.T, table *datalayer.Table, name string) []any {
	t.Helper()
	for i, c := range table.Columns {
		if c.Name == name {
			values := []any{}
			for _, row := range table.Rows {
				values = append(values, row[i])
			}
			return values
		}
	}
	t.Fatalf("%s has no column %q", table.Name, name)
	return nil
}

// wantColumn fails the test unless a column has these values.
func wantColumn(t *testing.T, table *datalayer.Table, name string, want ...any) {
	t.Helper()
	if got := column(t, table, name); !reflect.DeepEqual(got, want) {
		t.Errorf("%s.%s is %v, want %v", table.Name, name, got, want)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	for _, name := range []string{"models", "model_versions", "artifacts", "predict_stats"} {
		if got := f.table(t, name); len(got.Rows) != 0 {
			t.Errorf("%s has rows: %v", name, got.Rows)
		}
	}
	def := define("b", "first byte")
	def.Artifact = f.writeImport(t, "w", "A")
	def.HasArgs, def.Args = true, []udf.Arg{{Name: "dep_delay", Type: udf.Float8}, {Name: "Hour", Type: udf.Int4}, {Type: udf.Text}}
	first := f.add(t, def, datalayer.AddNew, "new")
	def.Source = "other"
	f.add(t, def, datalayer.AddOrReplace, "new version")
	f.add(t, define("a", "scale"), datalayer.AddNew, "new")
	loose, _, err := f.PutArtifact(context.Background(), strings.NewReader("loose"))
	if err != nil {
		t.Fatal(err)
	}

	models := f.table(t, "models")
	wantColumn(t, models, "name", "a", "b")
	wantColumn(t, models, "version", int64(1), int64(2))
	wantColumn(t, models, "arguments", "x double precision", `dep_delay double precision, "Hour" integer, text`)
	wantColumn(t, models, "returns", "double precision", "double precision")
	wantColumn(t, models, "artifact", nil, first.ArtifactDigest)
	wantColumn(t, models, "artifact_bytes", nil, int64(1))
	wantColumn(t, models, "created_by", "ada", "ada")

	versions := f.table(t, "model_versions")
	wantColumn(t, versions, "name", "a", "b", "b")
	wantColumn(t, versions, "version", int64(1), int64(1), int64(2))
	wantColumn(t, versions, "is_default", true, false, true)

	table := f.table(t, "artifacts")
	want := map[any]any{first.ArtifactDigest: int64(1), loose: int64(0)}
	for i, digest := range column(t, table, "digest") {
		if refs := column(t, table, "models")[i]; refs != want[digest] {
			t.Errorf("%v models refer to %v, want %v", refs, digest, want[digest])
		}
		delete(want, digest)
	}
	if len(want) != 0 {
		t.Errorf("pinnacle.artifacts lacks %v", want)
	}

	_, err = f.Table(context.Background(), "x")
	e := wantCode(t, err, "42P01")
	if e.Message != `relation "pinnacle.x" does not exist` {
		t.Errorf("message %q", e.Message)
	}
	wantText(t, "the hint", e.Hint, "artifacts, components, grants, model_versions, models, predict_stats")
	_, err = f.TableColumns("x")
	wantCode(t, err, "42P01")
}

// observed keeps what an Observer is told.
type observed struct {
	mu    sync.Mutex
	calls []datalayer.CallStats
}

func (o *observed) Predicted(_ string, _ int, s datalayer.CallStats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, s)
}

func TestRecord(t *testing.T) {
	t.Parallel()
	o := &observed{}
	f := open(t, func(c *datalayer.Config) { c.Observer = o })
	v := f.add(t, define("m", "scale"), datalayer.AddNew, "new")
	stats := datalayer.CallStats{
		Rows: 1, Distinct: 2, NullSkipped: 3, Cached: 4, Shared: 5, Calls: 6, Batches: 7, Errors: 8, Busy: 1500 * time.Microsecond,
	}
	const n = 100
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { f.Record(v, stats) })
	}
	wg.Wait()
	table := f.table(t, "predict_stats")
	want := []any{
		"m", int64(1), int64(n), int64(n), int64(2 * n), int64(3 * n), int64(4 * n), int64(5 * n), int64(6 * n), int64(7 * n),
		int64(8 * n), 1.5 * n,
	}
	if len(table.Rows) != 1 || !reflect.DeepEqual(table.Rows[0], want) {
		t.Errorf("predict_stats has %v, want %v", table.Rows, want)
	}
	if len(o.calls) != n || o.calls[0] != stats {
		t.Errorf("the observer was told %d times, first %+v", len(o.calls), o.calls[0])
	}
	f.Record(&datalayer.ModelVersion{Name: "m", Version: 1}, datalayer.CallStats{})
	f.Record(&datalayer.ModelVersion{Name: "gone", Version: 1}, datalayer.CallStats{})
	if got := f.table(t, "predict_stats"); len(got.Rows) != 1 || got.Rows[0][2] != int64(n+1) {
		t.Errorf("after a copy of the version and one that is gone: %v", got.Rows)
	}
}

func TestPredict(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	ctx := context.Background()
	f.add(t, define("m", "fail 13"), datalayer.AddNew, "new")
	x := floats(1, 0, 3, 4, 5, 0, 7, 8, 9)
	x.SetNull(1)
	x.SetNull(5)
	got, err := f.Predict(ctx, "m", 0, x)
	want := floats(2, 0, 6, 8, 10, 0, 14, 16, 18)
	want.Nulls = []bool{1: true, 5: true, 8: false}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Predict: %+v, %v, want %+v", got, err, want)
	}
	if empty, err := f.Predict(ctx, "m", 0, floats()); err != nil || empty.Len() != 0 {
		t.Errorf("Predict of no rows: %+v, %v", empty, err)
	}
	if got, err := f.Predict(ctx, "m", 0, floats(1)); err != nil || got.Nulls != nil {
		t.Errorf("an answer without NULLs has Nulls: %+v, %v", got, err)
	}
	_, err = f.Predict(ctx, "m", 0, floats(1, 2, 3, 4, 13))
	var row *udf.RowError
	if e := wantCode(t, err, "22012"); e.Message != `model "m" version 1 failed: unlucky` || !errors.As(err, &row) || row.Row != 4 {
		t.Errorf("got %+v, want the model's name once, and row 4", e)
	}
	_, err = f.Predict(ctx, "m", 0)
	wantCode(t, err, "42883")
	_, err = f.Predict(ctx, "m", 0, udf.Column{Type: udf.Int4, Ints: []int64{1}})
	wantCode(t, err, "42804")
	table := f.table(t, "predict_stats")
	wantColumn(t, table, "statements", int64(4))
	wantColumn(t, table, "rows", int64(9+0+1+5))
	wantColumn(t, table, "null_skipped", int64(2))
	wantColumn(t, table, "calls", int64(7+0+1+5))
	wantColumn(t, table, "batches", int64(2+0+1+2))
	wantColumn(t, table, "errors", int64(1))

	def := define("n", "count null")
	def.Options = map[string]string{"null_on_null": "false"}
	f.add(t, def, datalayer.AddNew, "new")
	if got, err := f.Predict(ctx, "n", 0, x); err != nil || got.Nulls != nil || got.Floats[1] != 0 {
		t.Errorf("Predict of a model that is called on NULL: %+v, %v", got, err)
	}
}

// openForBenchmark opens a Datalayer with the model m.
func openForBenchmark(b *testing.B, meta string) *datalayer.Datalayer {
	b.Helper()
	ctx := context.Background()
	m := openMetadata(b, meta)
	d, err := datalayer.Open(ctx, datalayer.Config{Metadata: m, Artifacts: streamed{}, Runtimes: []udf.Runtime{&fakeRuntime{}}, ArtifactGrace: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
		if err := m.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := d.Add(ctx, define("m", "scale"), datalayer.AddNew, ""); err != nil {
		b.Fatal(err)
	}
	return d
}

package datalayer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// shown lists what Show shows: names with versions.
func (f *fixture) shown(t *testing.T, like *string) []string {
	t.Helper()
	models, err := f.Show(context.Background(), like)
	if err != nil {
		t.Fatalf("Show: %v", err)
	}
	var names []string
	for _, v := range models {
		names = append(names, fmt.Sprintf("%s@%d", v.Name, v.Version))
	}
	return names
}

func TestShow(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	if got := f.shown(t, nil); len(got) != 0 {
		t.Errorf("without models Show gives %v", got)
	}
	for _, name := range []string{"late", "early", "Late", "la%", "übel"} {
		f.add(t, define(name, "scale"), datalayer.AddNew, "new")
	}
	f.replace(t, "late", "two")
	cases := []struct {
		like string
		want string
	}{
		{"", ""},
		{"%", "Late@1 early@1 la%@1 late@2 übel@1"},
		{"late", "late@2"},
		{"l%", "la%@1 late@2"},
		{"%a%", "Late@1 early@1 la%@1 late@2"},
		{"_a__", "Late@1 late@2"},
		{"_bel", "übel@1"},
		{`la\%`, "la%@1"},
		{`%\%%`, "la%@1"},
		{`l\ate`, "late@2"},
		{"%%%e", "Late@1 late@2"},
		{"x", ""},
	}
	for _, c := range cases {
		if got := strings.Join(f.shown(t, &c.like), " "); got != c.want {
			t.Errorf("LIKE %q shows %q, want %q", c.like, got, c.want)
		}
	}
	lone := `late\`
	_, err := f.Show(context.Background(), &lone)
	wantCode(t, err, "22025")
}

func TestRemove(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	ctx := context.Background()
	f.add(t, define("m", "one"), datalayer.AddNew, "new")
	f.replace(t, "m", "two")
	f.replace(t, "m", "three")
	for _, c := range []struct {
		name     string
		version  int
		ifExists bool
		was      bool
		code     string
		left     string
	}{
		{"x", 0, false, false, "42704", "m@3"},
		{"x", 0, true, false, "", "m@3"},
		{"x", 1, true, false, "", "m@3"},
		{"m", 9, true, false, "", "m@3"},
		{"m", 9, false, false, "42704", "m@3"},
		{"m", 3, false, true, "", "m@2"},
		{"m", 1, false, true, "", "m@2"},
		{"m", 2, true, true, "", ""},
		{"m", 0, false, false, "42704", ""},
	} {
		was, err := f.Remove(ctx, c.name, c.version, c.ifExists)
		if c.code != "" {
			wantCode(t, err, c.code)
		} else if err != nil {
			t.Fatalf("Remove(%q, %d): %v", c.name, c.version, err)
		}
		if was != c.was {
			t.Errorf("Remove(%q, %d) says %v", c.name, c.version, was)
		}
		if got := strings.Join(f.shown(t, nil), " "); got != c.left {
			t.Fatalf("after Remove(%q, %d) there is %q, want %q", c.name, c.version, got, c.left)
		}
	}
	if v := f.add(t, define("m", "one"), datalayer.AddNew, "new"); v.Version != 4 {
		t.Errorf("a model that is made again has version %d; numbers are not given twice, so 4 is wanted", v.Version)
	}
}

func TestRename(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	ctx := context.Background()
	f.add(t, define("a", "scale"), datalayer.AddNew, "new")
	f.replace(t, "a", "two")
	f.add(t, define("b", "scale"), datalayer.AddNew, "new")
	f.predict(t, "a", 1, 1)
	e := wantCode(t, f.Rename(ctx, "a", "b"), "42710")
	wantText(t, "the message", e.Message, `"b" already exists`)
	wantCode(t, f.Rename(ctx, "x", "y"), "42704")
	wantCode(t, f.Rename(ctx, "a", ""), "42602")
	wantCode(t, f.Rename(ctx, "a", "a@1"), "42602")
	if err := f.Rename(ctx, "a", "c"); err != nil {
		t.Fatal(err)
	}
	if got := f.shown(t, nil); !slices.Equal(got, []string{"b@1", "c@2"}) {
		t.Errorf("models %v", got)
	}
	if got := f.predict(t, "c", 1, 4); got != 8 {
		t.Errorf("predicted %v", got)
	}
	stats, err := f.Table(ctx, "predict_stats")
	if err != nil || len(stats.Rows) != 1 || stats.Rows[0][0] != "c" || stats.Rows[0][2] != int64(2) {
		t.Errorf("what the model did under its old name is not counted under the new one: %v, %v", stats, err)
	}
	f.restart(t)
	if got := f.shown(t, nil); !slices.Equal(got, []string{"b@1", "c@2"}) {
		t.Errorf("models after a restart %v", got)
	}
}

func TestSetDefault(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	ctx := context.Background()
	f.add(t, define("m", "one"), datalayer.AddNew, "new")
	f.replace(t, "m", "two")
	for _, version := range []int{0, 3, -1} {
		wantText(t, "the hint", wantCode(t, f.SetDefault(ctx, "m", version), "42704").Hint, "2, 1")
	}
	wantCode(t, f.SetDefault(ctx, "x", 1), "42704")
	before, err := f.Describe(ctx, "m", 2)
	if err != nil || !before.Default {
		t.Fatalf("version 2: %+v, %v", before, err)
	}
	if err := f.SetDefault(ctx, "m", 1); err != nil {
		t.Fatal(err)
	}
	if !before.Default {
		t.Errorf("a version that was returned was changed afterwards")
	}
	f.restart(t)
	if got := f.shown(t, nil); !slices.Equal(got, []string{"m@1"}) {
		t.Errorf("models %v", got)
	}
}

func TestSetOptions(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	ctx := context.Background()
	def := define("m", "first byte")
	def.Artifact = f.writeImport(t, "w", "A")
	def.Options = map[string]string{"k": "v"}
	f.add(t, def, datalayer.AddNew, "new")
	for _, c := range []struct {
		options map[string]string
		change  string
		version int
	}{
		{map[string]string{}, "same", 1},
		{map[string]string{"k": "v"}, "same", 1},
		{map[string]string{"MAX_BATCH": "2"}, "update", 1},
		{map[string]string{"null_on_null": "false"}, "new version", 2},
		{map[string]string{"k": "w"}, "new version", 3},
	} {
		o, err := f.SetOptions(ctx, "m", c.options, "bob")
		if err != nil || o.Change != c.change || o.Model.Version != c.version || !o.Model.Default {
			t.Fatalf("SetOptions(%v): %+v, %v, want %q and version %d", c.options, o, err, c.change, c.version)
		}
	}
	v, err := f.Describe(ctx, "m", 0)
	if err != nil || v.Options["k"] != "w" || v.Options["max_batch"] != "2" || v.NullOnNull || v.ArtifactBytes != 1 || v.Source != "first byte" {
		t.Errorf("the model is now %+v, %v", v, err)
	}
	lease := f.acquire(t, "m", 0)
	defer lease.Release()
	if lease.MaxBatch() != 2 {
		t.Errorf("MaxBatch %d, want 2", lease.MaxBatch())
	}
	_, err = f.SetOptions(ctx, "m", map[string]string{"max_batch": "x"}, "")
	wantCode(t, err, "22023")
	_, err = f.SetOptions(ctx, "x", map[string]string{}, "")
	wantCode(t, err, "42704")
}

// TestConcurrentSetOptions makes sure that no change of options is lost to another.
func TestConcurrentSetOptions(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.add(t, define("m", "scale"), datalayer.AddNew, "new")
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if _, err := f.SetOptions(context.Background(), "m", map[string]string{fmt.Sprint("k", i): "v"}, ""); err != nil {
				t.Errorf("SetOptions: %v", err)
			}
		})
	}
	wg.Wait()
	if v, err := f.Describe(context.Background(), "m", 0); err != nil || len(v.Options) != 10 || v.Version != 11 {
		t.Errorf("the model is now %+v, %v, want 10 options and version 11", v, err)
	}
}

// TestChangesOfAnotherProgram has another program change the metadata store while a change of this one comes to nothing: it is seen
// all the same, at once and later.
func TestChangesOfAnotherProgram(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	other, err := datalayer.Open(t.Context(), datalayer.Config{Metadata: f.meta, Artifacts: f.artifacts, Runtimes: []udf.Runtime{f.runtime}, CacheDir: t.TempDir(), ArtifactGrace: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}()
	f.add(t, define("taken", "scale"), datalayer.AddNew, "new")
	for i, come := range []func(){
		func() {
			_, err := f.Add(t.Context(), define("taken", "count null"), datalayer.AddNew, "ada")
			wantCode(t, err, "42710")
		},
		func() { f.add(t, define("taken", "scale"), datalayer.AddNew, "same") },
		func() {
			if _, err := f.PlanAdd(t.Context(), define("planned", "scale"), datalayer.AddNew); err != nil {
				t.Fatal(err)
			}
		},
	} {
		name := fmt.Sprint("other", i)
		if err := other.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Add(t.Context(), define(name, "scale"), datalayer.AddNew, "bob"); err != nil {
			t.Fatal(err)
		}
		come()
		if err := f.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Describe(t.Context(), name, 0); err != nil {
			t.Errorf("change %d of the other program is not seen: %v", i, err)
		}
	}
}

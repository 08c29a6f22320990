package datalayer_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestAddRecordsEverything(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	path := f.writeImport(t, "w.bin", "Weights")
	def := datalayer.ModelDefinition{
		Name: "late", Runtime: "fake", Args: []udf.Arg{{Name: "x", Type: udf.Float8}, {Type: udf.TextArray}}, HasArgs: true,
		Returns: udf.Float8, Artifact: path, Source: "first byte", HasSource: true,
		Options: map[string]string{"deterministic": "off", "null_on_null": "FALSE", "max_batch": "3", "random": "false"},
	}
	made := f.add(t, def, datalayer.AddNew, "new")
	if loads, open := f.runtime.count(); loads != 1 || open != 0 {
		t.Errorf("%d loads, %d models open, want the one of the check, closed", loads, open)
	}
	digest := sha256.Sum256([]byte("Weights"))
	check := func(v *datalayer.ModelVersion) {
		t.Helper()
		want := datalayer.ModelVersion{
			Name: "late", Version: 1, Default: true, Runtime: "fake", Args: def.Args, Returns: udf.Float8,
			ArtifactDigest: hex.EncodeToString(digest[:]), ArtifactBytes: 7, Source: "first byte", Options: def.Options,
			CreatedBy: "ada",
		}
		if v.Name != want.Name || v.Version != want.Version || v.Default != want.Default || v.Runtime != want.Runtime ||
			!reflect.DeepEqual(v.Args, want.Args) || v.Returns != want.Returns || v.ArtifactDigest != want.ArtifactDigest ||
			v.ArtifactBytes != want.ArtifactBytes || v.Source != want.Source || !reflect.DeepEqual(v.Options, want.Options) ||
			v.Deterministic || v.NullOnNull || v.CreatedBy != want.CreatedBy {
			t.Errorf("got  %+v\nwant %+v", *v, want)
		}
		if len(v.Hash) != 64 || time.Since(v.CreatedAt) > time.Hour {
			t.Errorf("hash %q, created at %v", v.Hash, v.CreatedAt)
		}
	}
	check(made)
	f.restart(t)
	again, err := f.Describe(context.Background(), "late", 1)
	if err != nil {
		t.Fatal(err)
	}
	check(again)
	if again.Hash != made.Hash || !again.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("after a restart hash and time are %v, %v; they were %v, %v", again.Hash, again.CreatedAt, made.Hash, made.CreatedAt)
	}
	lease, err := f.Acquire(context.Background(), "late", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if lease.MaxBatch() != 3 {
		t.Errorf("MaxBatch is %d, want the option's 3", lease.MaxBatch())
	}
	f.runtime.mu.Lock()
	defer f.runtime.mu.Unlock()
	for _, spec := range f.runtime.specs {
		if want := (map[string]string{"random": "false"}); !reflect.DeepEqual(spec.Options, want) {
			t.Errorf("the runtime got the options %v, want %v", spec.Options, want)
		}
	}
}

func TestAddWithDefaults(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	v := f.add(t, define("m", "scale"), datalayer.AddNew, "new")
	if !v.Deterministic || !v.NullOnNull || len(v.Args) != 1 || v.Returns != udf.Float8 || v.ArtifactDigest != "" {
		t.Errorf("got %+v, want the model's own signature, deterministic and null on null", v)
	}
	def := define("r", "scale")
	def.Options = map[string]string{"random": "true"}
	if v := f.add(t, def, datalayer.AddNew, "new"); v.Deterministic {
		t.Errorf("a model that is not deterministic was recorded as deterministic")
	}
}

func TestAddModes(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	ctx := context.Background()
	f.add(t, define("m", "one"), datalayer.AddNew, "new")
	f.add(t, define("m", "one"), datalayer.AddNew, "same")
	f.add(t, define("m", "one"), datalayer.AddOrReplace, "same")
	f.add(t, define("m", "two"), datalayer.AddIfNotExists, "exists")
	_, err := f.Add(ctx, define("m", "two"), datalayer.AddNew, "")
	wantText(t, "the hint", wantCode(t, err, "42710").Hint, "CREATE OR REPLACE")
	o, err := f.Add(ctx, define("m", "two"), datalayer.AddOrReplace, "")
	if err != nil || o.Change != "new version" || o.Model.Version != 2 || !o.Model.Default || o.Replaces != 1 || o.Default != 2 {
		t.Fatalf("Add of other content: %+v %+v, %v", o, o.Model, err)
	}
	if err := f.SetDefault(ctx, "m", 1); err != nil {
		t.Fatal(err)
	}
	o, err = f.Add(ctx, define("m", "three"), datalayer.AddOrReplace, "")
	if err != nil || o.Model.Version != 3 || o.Model.Default || o.Replaces != 0 || o.Default != 1 {
		t.Fatalf("Add while version 1 is set to be the default: %+v %+v, %v", o, o.Model, err)
	}
	if v, err := f.Describe(ctx, "m", 0); err != nil || v.Version != 1 {
		t.Fatalf("the default is %+v, %v, want version 1", v, err)
	}
	if err := f.SetDefault(ctx, "m", 3); err != nil {
		t.Fatal(err)
	}
	if v := f.replace(t, "m", "four"); !v.Default {
		t.Errorf("after the newest was set to be the default, the next is not: %+v", v)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	base := func() datalayer.ModelDefinition {
		d := define("m", "scale")
		d.Artifact = f.importPath("a")
		d.Options = map[string]string{"k": "v"}
		return d
	}
	f.writeImport(t, "a", "content")
	f.writeImport(t, "same", "content")
	f.writeImport(t, "other", "other content")
	first := f.add(t, base(), datalayer.AddNew, "new")
	cases := []struct {
		name   string
		change func(d *datalayer.ModelDefinition)
		same   bool
	}{
		{"nothing", func(*datalayer.ModelDefinition) {}, true},
		{"the artifact's name", func(d *datalayer.ModelDefinition) { d.Artifact = f.importPath("same") }, true},
		{"the digest in its place", func(d *datalayer.ModelDefinition) { d.Artifact = "sha256:" + first.ArtifactDigest }, true},
		{"max_batch", func(d *datalayer.ModelDefinition) { d.Options["max_batch"] = "7" }, true},
		{"a default spelt out", func(d *datalayer.ModelDefinition) { d.Options["null_on_null"] = "on" }, true},
		{"the model's own types spelt out", func(d *datalayer.ModelDefinition) { d.Returns = udf.Float8 }, true},
		{"the artifact", func(d *datalayer.ModelDefinition) { d.Artifact = f.importPath("other") }, false},
		{"no artifact", func(d *datalayer.ModelDefinition) { d.Artifact = "" }, false},
		{"the source", func(d *datalayer.ModelDefinition) { d.Source = "scale " }, false},
		{"a runtime's option", func(d *datalayer.ModelDefinition) { d.Options["k"] = "w" }, false},
		{"deterministic", func(d *datalayer.ModelDefinition) { d.Options["deterministic"] = "no" }, false},
		{"null_on_null", func(d *datalayer.ModelDefinition) { d.Options["null_on_null"] = "0" }, false},
		{"the type it returns", func(d *datalayer.ModelDefinition) { d.Returns = udf.Float4 }, false},
		{"an argument's name", func(d *datalayer.ModelDefinition) {
			d.HasArgs, d.Args = true, []udf.Arg{{Name: "y", Type: udf.Float8}}
		}, false},
		{"no arguments", func(d *datalayer.ModelDefinition) { d.HasArgs = true }, false},
	}
	for _, c := range cases {
		def := base()
		c.change(&def)
		o, err := f.PlanAdd(context.Background(), def, datalayer.AddOrReplace)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := o.Change == "same" || o.Change == "update"; got != c.same || !c.same && o.Change != "new version" {
			t.Errorf("another %s is %q", c.name, o.Change)
		}
	}
}

func TestPlanAddLeavesNothing(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	ctx := context.Background()
	def := define("m", "first byte")
	def.Artifact = f.writeImport(t, "w", "W")
	o, err := f.PlanAdd(ctx, def, datalayer.AddNew)
	if err != nil || o.Change != "new" || o.Model.Version != 1 || o.Model.ArtifactBytes != 1 {
		t.Fatalf("PlanAdd: %+v, %v", o, err)
	}
	if _, err := f.Describe(ctx, "m", 0); err == nil {
		t.Errorf("the model exists after a dry run")
	}
	if got := f.stored(t); len(got) != 0 {
		t.Errorf("the artifact store has %v after a dry run", got)
	}
	if left, err := os.ReadDir(filepath.Join(f.dir, "cache")); err != nil || len(left) != 0 {
		t.Errorf("the cache directory has %v, %v", left, err)
	}
	if v := f.add(t, def, datalayer.AddNew, "new"); v.Version != 1 || v.Hash != o.Model.Hash {
		t.Errorf("Add then made %+v, the dry run said %+v", v, o.Model)
	}
	if _, err := f.PlanAdd(ctx, define("m", "other"), datalayer.AddNew); err == nil {
		t.Errorf("a dry run of a name that is taken gives no error")
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.MaxArtifactBytes, c.MaxSourceBytes = 10, 100 })
	outside := filepath.Join(f.dir, "secret")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link": outside, "dir link": f.dir, "dangling": filepath.Join(f.dir, "no")} {
		if err := os.Symlink(target, f.importPath(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(f.importPath("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.writeImport(t, "big", "more than ten")
	digits := strings.Repeat("ab", 32)
	with := func(change func(d *datalayer.ModelDefinition)) datalayer.ModelDefinition {
		d := define("m", "scale")
		change(&d)
		return d
	}
	from := func(artifact string) datalayer.ModelDefinition {
		return with(func(d *datalayer.ModelDefinition) { d.Artifact = artifact })
	}
	option := func(key, value string) datalayer.ModelDefinition {
		return with(func(d *datalayer.ModelDefinition) { d.Options = map[string]string{key: value} })
	}
	cases := []struct {
		name string
		def  datalayer.ModelDefinition
		code string
		// text is in message, detail or hint.
		text string
	}{
		{"unknown runtime", with(func(d *datalayer.ModelDefinition) { d.Runtime = "onyx" }), "42704", "fake"},
		{"runtime's error", define("m", "fail"), "42601", "it does not parse|line 3|mend it"},
		{"runtime's panic", define("m", "panic"), "XX000", "fake"},
		{"missing file", from(f.importPath("nope.onnx")), "58P01", "nope.onnx"},
		{"missing directory", from(f.importPath("no/nope.onnx")), "58P01", "nope.onnx"},
		{"outside", from(outside), "42501", "artifact_import_dirs"},
		{"outside and missing", from(outside + "x"), "42501", "artifact_import_dirs"},
		{"dots", from(f.importPath("../secret")), "42501", "artifact_import_dirs"},
		{"link that leads out", from(f.importPath("link")), "42501", "artifact_import_dirs"},
		{"link of a directory", from(f.importPath("dir link/secret")), "42501", "artifact_import_dirs"},
		{"relative path", from("go.mod"), "42501", "artifact_import_dirs"},
		{"a directory", from(f.importPath("")), "42501", ""},
		{"a fifo", from(f.importPath("fifo")), "58030", "not a regular file"},
		{"too large", from(f.importPath("big")), "54000", "artifact_max_bytes"},
		{"unknown digest", from(digits), "58P01", digits},
		{"bad digest", from("sha256:abc"), "22023", "64 hexadecimal digits"},
		{"other scheme", from("s3://bucket/key"), "0A000", "s3"},
		{"deterministic", option("deterministic", "perhaps"), "22023", "perhaps"},
		{"null_on_null", option("null_on_null", ""), "22023", "null_on_null"},
		{"max_batch zero", option("max_batch", "0"), "22023", "max_batch"},
		{"max_batch text", option("max_batch", "many"), "22023", "1000000"},
		{"max_batch huge", option("max_batch", "1000001"), "22023", "1000000"},
		{"long source", define("m", strings.Repeat("x", 101)), "54000", "model_max_source_bytes"},
		{"source not UTF-8", define("m", "\xff"), "22021", "UTF-8"},
		{"no name", define("", "scale"), "42602", "empty"},
		{"long name", define(strings.Repeat("ü", 40), "scale"), "42622", "63"},
		{"name with @", define("m@2", "scale"), "42602", "@"},
		{"name with NUL", define("m\x00", "scale"), "42602", "not allowed"},
		{"name not UTF-8", define("\xff", "scale"), "42602", "UTF-8"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := f.Add(context.Background(), c.def, datalayer.AddNew, "")
			e := wantCode(t, err, c.code)
			for _, want := range strings.Split(c.text, "|") {
				wantText(t, "the error", strings.Join([]string{e.Message, e.Detail, e.Hint}, "|"), want)
			}
			if models, err := f.Show(context.Background(), nil); err != nil || len(models) != 0 {
				t.Errorf("there are models afterwards: %v, %v", models, err)
			}
		})
	}
	if _, open := f.runtime.count(); open != 0 {
		t.Errorf("%d models are open", open)
	}
}

func TestAddReadsLinksWithin(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.writeImport(t, "real", "A")
	if err := os.Symlink("real", f.importPath("link")); err != nil {
		t.Fatal(err)
	}
	def := define("m", "first byte")
	def.Artifact = "file://" + f.importPath("link")
	f.add(t, def, datalayer.AddNew, "new")
	if got := f.predict(t, "m", 0, 1); got != 'A' {
		t.Errorf("predicted %v, want %v", got, 'A')
	}
}

func TestConcurrentAdds(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	const n = 50
	var wg sync.WaitGroup
	var mu sync.Mutex
	given := map[int]string{}
	for i := range n {
		wg.Go(func() {
			source := fmt.Sprint("version ", i)
			o, err := f.Add(context.Background(), define("m", source), datalayer.AddOrReplace, "")
			if err != nil {
				t.Errorf("Add: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			given[o.Model.Version] = source
			if got, err := f.Describe(context.Background(), "m", o.Model.Version); err != nil || got.Source != source {
				t.Errorf("version %d has the source %q, %v, want %q", o.Model.Version, got.Source, err, source)
			}
		})
	}
	wg.Wait()
	table, err := f.Table(context.Background(), "model_versions")
	if err != nil || len(table.Rows) != n || len(given) != n {
		t.Fatalf("%d versions recorded, %d given, %v, want %d", len(table.Rows), len(given), err, n)
	}
	for i, row := range table.Rows {
		if row[1] != int64(i+1) || row[2] != (i == n-1) {
			t.Errorf("row %d is version %v, default %v", i, row[1], row[2])
		}
	}
}

func TestConcurrentAddsOfTheSame(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	changes := map[string]int{}
	for range 20 {
		wg.Go(func() {
			o, err := f.Add(context.Background(), define("m", "scale"), datalayer.AddNew, "")
			if err != nil {
				t.Errorf("Add: %v", err)
				return
			}
			mu.Lock()
			changes[o.Change]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if changes["new"] != 1 || changes["same"] != 19 {
		t.Errorf("changes %v, want one new and 19 the same", changes)
	}
}

func TestNoSpaceForMetadata(t *testing.T) {
	t.Parallel()
	var full fullMetadata
	f := open(t, func(c *datalayer.Config) {
		full.Store = c.Metadata
		c.Metadata = &full
	})
	f.add(t, define("kept", "scale"), datalayer.AddNew, "new")
	full.full = true
	def := define("m", "first byte")
	def.Artifact = f.writeImport(t, "w", "W")
	_, err := f.Add(context.Background(), def, datalayer.AddNew, "")
	wantCode(t, err, "53100")
	if models, err := f.Show(context.Background(), nil); err != nil || len(models) != 1 {
		t.Errorf("models afterwards: %v, %v, want the one from before", models, err)
	}
	full.full = false
	f.add(t, def, datalayer.AddNew, "new")
}

// fullMetadata is a metadata store whose disk may be full.
type fullMetadata struct {
	metadata.Store
	full bool
}

func (m *fullMetadata) Update(ctx context.Context, change func(tx metadata.Tx) error) error {
	return m.Store.Update(ctx, func(tx metadata.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if m.full {
			return &datalayer.Error{Code: "53100", Message: "no space left on device", Err: syscall.ENOSPC}
		}
		return nil
	})
}

func TestNoSpaceForArtifact(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	f := open(t, func(c *datalayer.Config) { c.Artifacts = openArtifacts(t, small) })
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	def := define("m", "first byte")
	def.Artifact = f.writeImport(t, "big", strings.Repeat("W", 4<<20))
	_, err := f.Add(context.Background(), def, datalayer.AddNew, "")
	wantText(t, "the hint", wantCode(t, err, "53100").Hint, "Free space")
	entries, err := os.ReadDir(small)
	if err != nil || len(entries) != 0 {
		t.Errorf("left in the store: %v, %v", entries, err)
	}
	_, _, err = f.PutArtifact(context.Background(), strings.NewReader(strings.Repeat("W", 4<<20)))
	wantCode(t, err, "53100")
	def.Artifact = f.writeImport(t, "small", "W")
	f.add(t, def, datalayer.AddNew, "new")
}

package datalayer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/filesystem"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// fakeRuntime loads models whose source is "scale" (the argument twice), "fail", "panic", "fail 13" (fails for that
// value), "count null" (0 for NULL) or "first byte" (of the artifact).
type fakeRuntime struct {
	// gate, if not nil, holds every Load until it is closed or the context ends.
	gate chan struct{}

	mu sync.Mutex
	// loads counts calls of Load, open the models that are not closed.
	loads, open int
	// specs are what Load was called with.
	specs []udf.Spec
}

func (r *fakeRuntime) Name() string { return "fake" }

func (r *fakeRuntime) Load(ctx context.Context, spec udf.Spec) (udf.Model, error) {
	r.mu.Lock()
	r.loads++
	r.specs = append(r.specs, spec)
	r.mu.Unlock()
	if r.gate != nil {
		select {
		case <-r.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m := &fakeModel{runtime: r, spec: spec}
	switch spec.Source {
	case "fail":
		return nil, &udf.Error{Code: "42601", Message: "it does not parse", Detail: "line 3", Hint: "mend it"}
	case "panic":
		panic("the runtime is broken")
	case "first byte":
		content, err := os.ReadFile(spec.Artifact)
		if err != nil {
			return nil, err
		}
		m.first = float64(content[0])
	}
	r.mu.Lock()
	r.open++
	r.mu.Unlock()
	return m, nil
}

// count reads loads and open.
func (r *fakeRuntime) count() (loads, open int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loads, r.open
}

// fakeModel is a model of fakeRuntime.
type fakeModel struct {
	runtime *fakeRuntime
	spec    udf.Spec
	first   float64
	closed  bool
}

func (m *fakeModel) Signature() udf.Signature {
	s := udf.Signature{Args: m.spec.Args, Returns: m.spec.Returns}
	if s.Args == nil {
		s.Args = []udf.Arg{{Name: "x", Type: udf.Float8}}
	}
	if s.Returns == udf.Invalid {
		s.Returns = udf.Float8
	}
	return s
}

func (m *fakeModel) Deterministic() bool { return m.spec.Options["random"] != "true" }

func (m *fakeModel) MaxBatch() int { return 4 }

func (m *fakeModel) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	m.runtime.mu.Lock()
	defer m.runtime.mu.Unlock()
	if m.closed {
		return udf.Column{}, errors.New("the model is closed")
	}
	answers := udf.NewColumn(udf.Float8, args[0].Len())
	for i, x := range args[0].Floats {
		switch {
		case m.spec.Source == "fail 13" && x == 13:
			return udf.Column{}, &udf.RowError{Row: i, Err: &udf.Error{Code: "22012", Message: "unlucky"}}
		case m.spec.Source == "first byte":
			answers.Floats[i] = m.first
		case args[0].Null(i) && m.spec.Source != "count null":
			answers.SetNull(i)
		default:
			answers.Floats[i] = 2 * x
		}
	}
	return answers, nil
}

func (m *fakeModel) Close() error {
	m.runtime.mu.Lock()
	defer m.runtime.mu.Unlock()
	if m.closed {
		return errors.New("closed twice")
	}
	m.closed = true
	m.runtime.open--
	return nil
}

// fixture is a Datalayer over real stores and a fakeRuntime.
type fixture struct {
	*datalayer.Datalayer
	dir       string
	runtime   *fakeRuntime
	meta      *records.Store
	artifacts *filesystem.Store
	config    datalayer.Config
	closed    bool
}

// open opens a Datalayer in a new directory, with the subdirectory import to import from. change may change its
// configuration first; nil is none.
func open(t *testing.T, change func(c *datalayer.Config)) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir(), runtime: &fakeRuntime{}}
	if err := os.MkdirAll(f.importPath(""), 0o700); err != nil {
		t.Fatal(err)
	}
	f.start(t, change)
	t.Cleanup(func() { f.stop(t) })
	return f
}

// start opens the stores and the Datalayer in the fixture's directory.
func (f *fixture) start(t *testing.T, change func(c *datalayer.Config)) {
	t.Helper()
	var err error
	f.meta = openMetadata(t, filepath.Join(f.dir, "metadata"))
	if f.artifacts, err = filesystem.Open(filepath.Join(f.dir, "artifacts")); err != nil {
		t.Fatal(err)
	}
	f.config = datalayer.Config{
		Metadata: f.meta, Artifacts: f.artifacts, Runtimes: []udf.Runtime{f.runtime},
		ImportDirs: []string{f.importPath("")}, CacheDir: filepath.Join(f.dir, "cache"), ArtifactGrace: -1,
	}
	if change != nil {
		change(&f.config)
	}
	if f.Datalayer, err = datalayer.Open(context.Background(), f.config); err != nil {
		t.Fatal(err)
	}
	f.closed = false
}

// stop closes the Datalayer and the stores, and makes sure that no model is left open.
func (f *fixture) stop(t *testing.T) {
	t.Helper()
	if f.closed {
		return
	}
	f.closed = true
	if err := errors.Join(f.Datalayer.Close(), f.meta.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, open := f.runtime.count(); open != 0 {
		t.Errorf("%d models are open after Close", open)
	}
}

// restart closes everything and opens it again.
func (f *fixture) restart(t *testing.T) {
	t.Helper()
	f.stop(t)
	f.start(t, nil)
}

// importPath is a file of the directory to import from.
func (f *fixture) importPath(name string) string { return filepath.Join(f.dir, "import", name) }

// writeImport writes a file to import, and gives its path.
func (f *fixture) writeImport(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.WriteFile(f.importPath(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return f.importPath(name)
}

// define is a definition of a fake model.
func define(name, source string) datalayer.ModelDefinition {
	return datalayer.ModelDefinition{Name: name, Runtime: "fake", Source: source, HasSource: true}
}

// add adds a model that has to be added, and checks what that was.
func (f *fixture) add(t *testing.T, def datalayer.ModelDefinition, mode datalayer.AddMode, change string) *datalayer.ModelVersion {
	t.Helper()
	o, err := f.Add(context.Background(), def, mode, "ada")
	if err != nil {
		t.Fatalf("Add: %v", err)
	}
	if o.Change != change {
		t.Fatalf("Add made the change %q, want %q", o.Change, change)
	}
	return o.Model
}

// replace adds a new version of a model, whose source tells the versions apart.
func (f *fixture) replace(t *testing.T, name, source string) *datalayer.ModelVersion {
	t.Helper()
	return f.add(t, define(name, source), datalayer.AddOrReplace, "new version")
}

// wantCode fails the test unless err is a *datalayer.Error with that code, and gives it.
func wantCode(t *testing.T, err error, code string) *datalayer.Error {
	t.Helper()
	var e *datalayer.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want a *datalayer.Error with %s", err, err, code)
	}
	if e.Code != code || e.Message == "" {
		t.Fatalf("error %s %q, want %s and a message", e.Code, e.Message, code)
	}
	return e
}

// wantText fails the test unless text holds what is wanted.
func wantText(t *testing.T, what, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%s is %q, want %q in it", what, text, want)
	}
}

// stored lists the digests in the artifact store.
func (f *fixture) stored(t *testing.T) []string {
	t.Helper()
	var digests []string
	for info, err := range f.artifacts.List(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, info.Digest.String())
	}
	return digests
}

// artifactFile is the file in which the store keeps an artifact.
func (f *fixture) artifactFile(digest string) string {
	return filepath.Join(f.dir, "artifacts", digest[:2], digest[2:4], digest)
}

// predict asks a model for one number.
func (f *fixture) predict(t *testing.T, name string, version int, x float64) float64 {
	t.Helper()
	got, err := f.Predict(context.Background(), name, version, floats(x))
	if err != nil {
		t.Fatalf("Predict: %v", err)
	}
	return got.Floats[0]
}

// floats is a column of numbers.
func floats(xs ...float64) udf.Column { return udf.Column{Type: udf.Float8, Floats: xs} }

// streamed hides that a store has files.
type streamed struct{ artifacts.Store }

// openMetadata opens the metadata store in a directory.
func openMetadata(t testing.TB, dir string) *records.Store {
	t.Helper()
	kv, err := badgerstore.Open(context.Background(), badgerstore.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	store, err := records.Open(context.Background(), kv)
	if err != nil {
		t.Fatal(errors.Join(err, kv.Close()))
	}
	return store
}

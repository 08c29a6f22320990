package datalayer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/filesystem"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// openArtifacts opens an artifact store in a directory.
func openArtifacts(t *testing.T, dir string) *filesystem.Store {
	t.Helper()
	s, err := filesystem.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// acquire gets a lease that has to be got.
func (f *fixture) acquire(t *testing.T, name string, version int) *datalayer.Lease {
	t.Helper()
	lease, err := f.Acquire(context.Background(), name, version)
	if err != nil {
		t.Fatalf("Acquire(%q, %d): %v", name, version, err)
	}
	return lease
}

// eventually fails the test unless a condition comes true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come true", what)
		}
	}
}

func TestAcquireUnknown(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	_, err := f.Acquire(context.Background(), "late", 0)
	wantText(t, "the hint without models", wantCode(t, err, "42704").Hint, "CREATE MODEL")
	for _, name := range []string{"late", "later", "fraud_score"} {
		f.add(t, define(name, "scale"), datalayer.AddNew, "new")
	}
	f.replace(t, "late", "two")
	cases := []struct {
		name          string
		version       int
		message, hint string
	}{
		{"lat", 0, `model "lat" does not exist`, `Perhaps you meant "late".`},
		{"alte", 0, `model "alte" does not exist`, `Perhaps you meant "late".`},
		{"LATER", 0, `model "LATER" does not exist`, `Perhaps you meant "later" or "late".`},
		{"fraudscore", 3, `model "fraudscore" does not exist`, `Perhaps you meant "fraud_score".`},
		{"penguins", 0, `model "penguins" does not exist`, "SHOW MODELS"},
		{"", 0, `model "" does not exist`, "SHOW MODELS"},
		{"late", 7, `version 7 of model "late" does not exist`, "2, 1"},
		{"late", -1, `version -1 of model "late" does not exist`, "2, 1"},
	}
	for _, c := range cases {
		_, err := f.Acquire(context.Background(), c.name, c.version)
		e := wantCode(t, err, "42704")
		if e.Message != c.message {
			t.Errorf("message %q, want %q", e.Message, c.message)
		}
		wantText(t, "the hint", e.Hint, c.hint)
	}
}

func TestAcquireLoadsOnce(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.add(t, define("m", "scale"), datalayer.AddNew, "new")
	before, _ := f.runtime.count()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			lease, err := f.Acquire(context.Background(), "m", 0)
			if err != nil {
				t.Errorf("Acquire: %v", err)
				return
			}
			defer lease.Release()
			if got, err := lease.Predict(context.Background(), []udf.Column{floats(4)}); err != nil || got.Floats[0] != 8 {
				t.Errorf("Predict: %v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if loads, _ := f.runtime.count(); loads-before != 1 {
		t.Errorf("%d loads, want 1", loads-before)
	}
}

func TestLeaseOutlivesChanges(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cases := map[string]func(f *fixture) error{
		"drop":         func(f *fixture) error { _, err := f.Remove(ctx, "m", 0, false); return err },
		"drop version": func(f *fixture) error { _, err := f.Remove(ctx, "m", 1, false); return err },
		"rename":       func(f *fixture) error { return f.Rename(ctx, "m", "n") },
		"replace": func(f *fixture) error {
			_, err := f.Add(ctx, define("m", "two"), datalayer.AddOrReplace, "")
			return err
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t, nil)
			f.add(t, define("m", "scale"), datalayer.AddNew, "new")
			lease := f.acquire(t, "m", 0)
			if err := change(f); err != nil {
				t.Fatal(err)
			}
			got, err := lease.Predict(ctx, []udf.Column{floats(4)})
			if err != nil || got.Floats[0] != 8 || lease.Version().Name != "m" {
				t.Errorf("Predict after the change: %v, %v", got, err)
			}
			f.Record(lease.Version(), datalayer.CallStats{Rows: 1})
			lease.Release()
			if _, open := f.runtime.count(); name != "replace" && open != 0 {
				t.Errorf("%d models are open after the last lease of a version that is gone", open)
			}
		})
	}
}

func TestMaxLoadedModels(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.MaxLoadedModels = 2 })
	for _, name := range []string{"a", "b", "c"} {
		f.add(t, define(name, "scale"), datalayer.AddNew, "new")
	}
	before, _ := f.runtime.count()
	want := func(loads, open int) {
		t.Helper()
		if l, o := f.runtime.count(); l-before != loads || o != open {
			t.Fatalf("%d loads and %d open, want %d and %d", l-before, o, loads, open)
		}
	}
	f.predict(t, "a", 0, 1)
	f.predict(t, "b", 0, 1)
	want(2, 2)
	f.predict(t, "a", 0, 1)
	f.predict(t, "c", 0, 1) // b was not used for longest
	want(3, 2)
	f.predict(t, "a", 0, 1)
	want(3, 2)
	a, c := f.acquire(t, "a", 0), f.acquire(t, "c", 0)
	_, err := f.Acquire(context.Background(), "b", 0)
	wantText(t, "the hint", wantCode(t, err, "53400").Hint, "max_loaded_models")
	if _, err := f.Remove(context.Background(), "a", 0, false); err != nil {
		t.Fatal(err)
	}
	_, err = f.Acquire(context.Background(), "b", 0) // a is gone, but still leased
	wantCode(t, err, "53400")
	a.Release()
	f.predict(t, "b", 0, 1)
	c.Release()
	want(4, 2)
}

func TestMaxLoadedBytes(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.MaxLoadedBytes = 25 })
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(f.importPath(name), []byte("0123456789"+name[:1]), 0o600); err != nil {
			t.Fatal(err)
		}
		def := define(name, "scale")
		def.Artifact = f.importPath(name)
		f.add(t, def, datalayer.AddNew, "new")
	}
	f.predict(t, "a", 0, 1)
	f.predict(t, "b", 0, 1)
	f.predict(t, "c", 0, 1) // 33 bytes with the others: a gives way
	if _, n := f.runtime.count(); n != 2 {
		t.Errorf("%d models are loaded, want 2", n)
	}
	b, c := f.acquire(t, "b", 0), f.acquire(t, "c", 0)
	_, err := f.Acquire(context.Background(), "a", 0)
	wantText(t, "the hint", wantCode(t, err, "53200").Hint, "max_loaded_bytes")
	b.Release()
	c.Release()
	f.predict(t, "a", 0, 1)
}

func TestIdleModelsAreUnloaded(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.ModelIdle = 20 * time.Millisecond })
	for _, name := range []string{"a", "b"} {
		f.add(t, define(name, "scale"), datalayer.AddNew, "new")
	}
	lease := f.acquire(t, "a", 0)
	f.predict(t, "b", 0, 1)
	eventually(t, "the end of the model that nobody uses", func() bool { _, n := f.runtime.count(); return n == 1 })
	lease.Release()
	eventually(t, "the end of the other", func() bool { _, n := f.runtime.count(); return n == 0 })
	f.predict(t, "a", 0, 1)
}

func TestAcquireIsCancelled(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.add(t, define("m", "scale"), datalayer.AddNew, "new")
	gate := make(chan struct{})
	f.runtime.gate = gate
	ctx, cancel := context.WithCancel(context.Background())
	first, second := make(chan error, 1), make(chan error, 1)
	before, _ := f.runtime.count()
	go func() { _, err := f.Acquire(ctx, "m", 0); first <- err }()
	eventually(t, "the load", func() bool { n, _ := f.runtime.count(); return n == before+1 })
	go func() {
		lease, err := f.Acquire(context.Background(), "m", 0)
		if err == nil {
			lease.Release()
		}
		second <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Fatalf("the one that was cancelled got %v", err)
	} else {
		wantCode(t, err, "57014")
	}
	close(gate)
	if err := <-second; err != nil {
		t.Fatalf("the one that was not cancelled got %v", err)
	}
}

func TestAbandonedLoadEnds(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.MaxParallelLoads = 1 })
	f.add(t, define("m", "scale"), datalayer.AddNew, "new")
	f.add(t, define("n", "scale"), datalayer.AddNew, "new")
	f.runtime.gate = make(chan struct{}) // never opened: only the end of the context ends a load
	before, _ := f.runtime.count()
	for _, name := range []string{"m", "n", "m"} {
		before++
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { _, err := f.Acquire(ctx, name, 0); done <- err }()
		eventually(t, "the load", func() bool { n, _ := f.runtime.count(); return n == before })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("Acquire: %v", err)
		}
	}
}

func TestFailedLoadIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	def := define("m", "first byte")
	def.Artifact = f.writeImport(t, "w", "A")
	v := f.add(t, def, datalayer.AddNew, "new")
	corrupt := func(content string) {
		t.Helper()
		if err := os.WriteFile(f.artifactFile(v.ArtifactDigest), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	corrupt("B")
	_, err := f.Acquire(context.Background(), "m", 0)
	e := wantCode(t, err, "XX001")
	wantText(t, "the message", e.Message, `model "m" version 1 is corrupt`)
	wantText(t, "the message", e.Message, v.ArtifactDigest)
	wantText(t, "the hint", e.Hint, "COPY pinnacle.artifacts")
	if err := os.Remove(f.artifactFile(v.ArtifactDigest)); err != nil {
		t.Fatal(err)
	}
	_, err = f.Acquire(context.Background(), "m", 0)
	wantText(t, "the message", wantCode(t, err, "58P01").Message, `model "m" version 1 is missing`)
	if _, _, err := f.PutArtifact(context.Background(), strings.NewReader("A")); err != nil {
		t.Fatal(err)
	}
	if got := f.predict(t, "m", 0, 1); got != 'A' {
		t.Errorf("after the artifact was put again, predicted %v", got)
	}
	corrupt("C")
	if got := f.predict(t, "m", 0, 1); got != 'A' {
		t.Errorf("a loaded model read its artifact again: %v", got)
	}
}

func TestStoreWithoutFiles(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.Artifacts = streamed{c.Artifacts} })
	def := define("m", "first byte")
	def.Artifact = f.writeImport(t, "w", "A")
	v := f.add(t, def, datalayer.AddNew, "new")
	if got := f.predict(t, "m", 0, 1); got != 'A' {
		t.Errorf("predicted %v", got)
	}
	if left, err := os.ReadDir(f.config.CacheDir); err != nil || len(left) != 0 {
		t.Errorf("copies are left: %v, %v", left, err)
	}
	if err := os.WriteFile(f.artifactFile(v.ArtifactDigest), []byte("B"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Rename(context.Background(), "m", "n"); err != nil { // so that it is loaded anew
		t.Fatal(err)
	}
	_, err := f.Acquire(context.Background(), "n", 0)
	wantText(t, "the message", wantCode(t, err, "XX001").Message, `model "n" version 1 is corrupt`)
	if left, err := os.ReadDir(f.config.CacheDir); err != nil || len(left) != 0 {
		t.Errorf("copies are left: %v, %v", left, err)
	}
}

// TestChangingWhileUsed has statements use a model while others replace, rename and drop it; run it with -race.
func TestChangingWhileUsed(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.MaxLoadedModels = 8 })
	ctx := context.Background()
	f.add(t, define("m", "v0"), datalayer.AddNew, "new")
	stop := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := f.Predict(ctx, "m", 0, floats(3))
				var e *datalayer.Error
				if errors.As(err, &e) && (e.Code == "42704" || e.Code == "53400") {
					continue // between drop and add, or too many are open
				}
				if err != nil || got.Floats[0] != 6 {
					t.Errorf("Predict: %v, %v", got, err)
					return
				}
			}
		})
	}
	for i := range 30 {
		if _, err := f.Add(ctx, define("m", fmt.Sprint("v", i)), datalayer.AddOrReplace, ""); err != nil {
			t.Errorf("Add: %v", err)
		}
		var err error
		switch i % 3 {
		case 0:
			_, err = f.Remove(ctx, "m", 0, false)
		case 1:
			err = f.Rename(ctx, "m", fmt.Sprint("m", i))
		}
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	close(stop)
	users.Wait()
}

func TestClosed(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.add(t, define("m", "scale"), datalayer.AddNew, "new")
	lease := f.acquire(t, "m", 0)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := f.Acquire(context.Background(), "m", 0)
	wantCode(t, err, "57P01")
	if got, err := lease.Predict(context.Background(), []udf.Column{floats(1)}); err != nil || got.Floats[0] != 2 {
		t.Errorf("a lease that outlives Close: %v, %v", got, err)
	}
	lease.Release()
	if _, open := f.runtime.count(); open != 0 {
		t.Errorf("%d models are open after the last lease", open)
	}
	f.closed = true
	if err := f.meta.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkAcquire(b *testing.B) {
	meta := b.TempDir()
	d := openForBenchmark(b, meta)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			lease, err := d.Acquire(context.Background(), "m", 0)
			if err != nil {
				b.Fatal(err)
			}
			lease.Release()
		}
	})
}

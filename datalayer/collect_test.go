package datalayer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// collect collects artifacts, and checks how many that were.
func (f *fixture) collect(t *testing.T, grace time.Duration, want int) {
	t.Helper()
	if got, err := f.CollectArtifacts(context.Background(), grace); err != nil || got != want {
		t.Fatalf("CollectArtifacts removed %d, %v, want %d", got, err, want)
	}
}

// age makes an artifact look as if it had been put long ago.
func (f *fixture) age(t *testing.T, digest string) {
	t.Helper()
	long := time.Now().Add(-1000 * time.Hour)
	if err := os.Chtimes(f.artifactFile(digest), long, long); err != nil {
		t.Fatal(err)
	}
}

// put puts an artifact that has to be put.
func (f *fixture) put(t *testing.T, content string) string {
	t.Helper()
	digest, size, err := f.PutArtifact(context.Background(), strings.NewReader(content))
	if err != nil || size != int64(len(content)) {
		t.Fatalf("PutArtifact: %d bytes, %v", size, err)
	}
	return digest
}

func TestCollectArtifacts(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	kept, loose, fresh := f.put(t, "kept"), f.put(t, "loose"), f.put(t, "fresh")
	for i, from := range []string{kept, "sha256:" + strings.ToUpper(kept)} { // two versions refer to it
		def := define("m", fmt.Sprint("v", i))
		def.Artifact = from
		if _, err := f.Add(context.Background(), def, datalayer.AddOrReplace, ""); err != nil {
			t.Fatal(err)
		}
	}
	f.age(t, kept)
	f.age(t, loose)
	f.collect(t, time.Hour, 1)
	wantColumns := func(want ...string) {
		t.Helper()
		got := map[any]bool{}
		for _, d := range column(t, f.table(t, "artifacts"), "digest") {
			got[d] = true
		}
		if len(got) != len(want) || len(f.stored(t)) != len(want) {
			t.Fatalf("recorded are %v, stored %v, want %v", got, f.stored(t), want)
		}
		for _, d := range want {
			if !got[d] {
				t.Fatalf("recorded are %v, want %v", got, want)
			}
		}
	}
	wantColumns(kept, fresh)
	if _, err := f.Remove(context.Background(), "m", 2, false); err != nil {
		t.Fatal(err)
	}
	f.collect(t, time.Hour, 0)
	if _, err := f.Remove(context.Background(), "m", 1, false); err != nil {
		t.Fatal(err)
	}
	f.collect(t, time.Hour, 1)
	wantColumns(fresh)
	f.put(t, "fresh")
	f.age(t, fresh)
	f.put(t, "fresh") // renews it
	f.collect(t, time.Hour, 0)
	f.collect(t, 0, 1)
	wantColumns()
}

// TestCollectBesideAdd collects with no grace at all, while a model is between its artifact and its metadata.
func TestCollectBesideAdd(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	old := f.put(t, "old")
	f.age(t, old)
	gate := make(chan struct{})
	f.runtime.gate = gate
	done := make(chan error, 2)
	for name, from := range map[string]string{"a": old, "b": f.writeImport(t, "new", "new")} {
		go func() {
			def := define(name, "first byte")
			def.Artifact = from
			_, err := f.Add(context.Background(), def, datalayer.AddNew, "")
			done <- err
		}()
	}
	eventually(t, "the load", func() bool { n, _ := f.runtime.count(); return n == 2 })
	f.collect(t, 0, 0)
	close(gate)
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	f.collect(t, 0, 0)
	if got := f.predict(t, "a", 0, 0); got != 'o' {
		t.Errorf("predicted %v", got)
	}
	if got := f.predict(t, "b", 0, 0); got != 'n' {
		t.Errorf("predicted %v", got)
	}
}

// TestCollectBesidePut collects with no grace at all, between bytes being stored and their digest being known.
func TestCollectBesidePut(t *testing.T) {
	t.Parallel()
	stored, collected := make(chan struct{}), make(chan struct{})
	f := open(t, func(c *datalayer.Config) {
		c.Artifacts = pausingArtifacts{c.Artifacts.(artifacts.Local), stored, collected}
	})
	done := make(chan string, 1)
	go func() {
		digest, _, err := f.PutArtifact(context.Background(), strings.NewReader("bytes"))
		if err != nil {
			t.Errorf("PutArtifact: %v", err)
		}
		done <- digest
	}()
	<-stored
	f.collect(t, 0, 0)
	close(collected)
	digest := <-done
	def := define("m", "first byte")
	def.Artifact = digest
	f.add(t, def, datalayer.AddNew, "new")
}

// pausingArtifacts is a store whose Put tells when it has stored the bytes, and then waits.
type pausingArtifacts struct {
	artifacts.Local
	stored chan<- struct{}
	goOn   <-chan struct{}
}

func (p pausingArtifacts) Put(ctx context.Context, r io.Reader) (artifacts.Digest, int64, error) {
	d, size, err := p.Local.Put(ctx, r)
	p.stored <- struct{}{}
	<-p.goOn
	return d, size, err
}

// TestCollectOnItsOwn waits for the Datalayer itself to collect what is old.
func TestCollectOnItsOwn(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	old := f.put(t, "old")
	young := f.put(t, "young")
	f.age(t, old)
	f.stop(t)
	f.start(t, func(c *datalayer.Config) { c.ArtifactGrace = 0 }) // the default
	eventually(t, "the collection", func() bool { return len(f.stored(t)) == 1 })
	if got := f.stored(t); got[0] != young {
		t.Errorf("what is left is %v, want %v", got, young)
	}
}

func TestPutArtifactCutOff(t *testing.T) {
	t.Parallel()
	f := open(t, func(c *datalayer.Config) { c.MaxArtifactBytes = 1000 })
	_, _, err := f.PutArtifact(context.Background(), strings.NewReader(strings.Repeat("x", 1001)))
	wantText(t, "the hint", wantCode(t, err, "54000").Hint, "artifact_max_bytes")
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { _, _, err := f.PutArtifact(ctx, r); done <- err }()
	if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.CloseWithError(errors.New("the client is gone")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Errorf("an upload that was cut off gives no error")
	}
	if got := f.stored(t); len(got) != 0 {
		t.Errorf("stored are %v", got)
	}
	if got := f.table(t, "artifacts").Rows; len(got) != 0 {
		t.Errorf("recorded are %v", got)
	}
	f.put(t, strings.Repeat("x", 1000))
}

func TestCacheDirIsCleaned(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.stop(t)
	for _, name := range []string{"artifact-123", "mine"} {
		if err := os.WriteFile(filepath.Join(f.dir, "cache", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.start(t, nil)
	left, err := os.ReadDir(filepath.Join(f.dir, "cache"))
	if err != nil || len(left) != 1 || left[0].Name() != "mine" {
		t.Errorf("left in the cache directory: %v, %v", left, err)
	}
}

// TestCollectWhileAdding has models come and go, with the same few artifacts, while they are collected with no grace; run
// it with -race.
func TestCollectWhileAdding(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.writeImport(t, "w0", "0")
	f.writeImport(t, "w1", "1")
	ctx, cancel := context.WithCancel(context.Background())
	var collector, workers sync.WaitGroup
	collector.Go(func() {
		for ctx.Err() == nil {
			if _, err := f.CollectArtifacts(ctx, 0); err != nil && ctx.Err() == nil {
				t.Errorf("CollectArtifacts: %v", err)
			}
		}
	})
	for i := range 4 {
		workers.Go(func() {
			name := fmt.Sprint("m", i)
			for range 15 {
				def := define(name, "first byte")
				def.Artifact = f.importPath(fmt.Sprint("w", i%2))
				if _, err := f.Add(ctx, def, datalayer.AddNew, ""); err != nil {
					t.Errorf("Add: %v", err)
					return
				}
				if got, err := f.Predict(ctx, name, 0, floats(0)); err != nil || got.Floats[0] != float64('0'+i%2) {
					t.Errorf("Predict: %v, %v", got, err)
					return
				}
				if _, err := f.Remove(ctx, name, 0, false); err != nil {
					t.Errorf("Remove: %v", err)
					return
				}
			}
		})
	}
	workers.Wait()
	cancel()
	collector.Wait()
}

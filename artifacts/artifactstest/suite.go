// Package artifactstest is the contract of artifacts.Store as tests, to be run on every store.
package artifactstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
)

// Fixture is a store to test, empty, with what only its own package can do to it.
type Fixture struct {
	Store artifacts.Store
	// Overwrite changes the bytes that are kept under a digest, behind the store's back.
	Overwrite func(t *testing.T, d artifacts.Digest, content []byte)
	// Age makes an artifact look as if it had been put at that time.
	Age func(t *testing.T, d artifacts.Digest, at time.Time)
	// Residue counts what the store keeps besides whole artifacts: half-written ones.
	Residue func(t *testing.T) int
}

// Run runs the suite; open makes a new empty store for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	cases := []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"put and open", putAndOpen},
		{"empty artifact", emptyArtifact},
		{"absent", absent},
		{"put again", putAgain},
		{"failing reader", failingReader},
		{"cancelled put", cancelledPut},
		{"ended context", endedContext},
		{"corrupt", corrupt},
		{"put mends", putMends},
		{"delete", deletes},
		{"delete before", deleteBefore},
		{"touch", touch},
		{"delete under a reader", deleteUnderReader},
		{"list", list},
		{"list ends early", listEndsEarly},
		{"concurrent puts of one", concurrentPuts},
		{"path", path},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// put stores content and checks what Put says of it.
func put(t *testing.T, s artifacts.Store, content []byte) artifacts.Digest {
	t.Helper()
	d, size, err := s.Put(context.Background(), bytes.NewReader(content))
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	if want := artifacts.Digest(sha256.Sum256(content)); d != want {
		t.Fatalf("Put gave digest %v, want %v", d, want)
	}
	if size != int64(len(content)) {
		t.Fatalf("Put gave size %d, want %d", size, len(content))
	}
	return d
}

// read gives an artifact's bytes, or the error of opening or reading it.
func read(s artifacts.Store, d artifacts.Digest) ([]byte, error) {
	rc, size, err := s.Open(context.Background(), d)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(rc)
	if closeErr := rc.Close(); err == nil {
		err = closeErr
	}
	if err == nil && size != int64(len(content)) {
		return nil, fmt.Errorf("gave the size %d with %d bytes", size, len(content))
	}
	return content, err
}

// wantContent fails the test unless the store has these bytes under their digest.
func wantContent(t *testing.T, s artifacts.Store, content []byte) {
	t.Helper()
	got, err := read(s, sha256.Sum256(content))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if !bytes.Equal(got, content) {
		t.Fatalf("read %d other bytes than the %d that were put", len(got), len(content))
	}
}

// wantNothing fails the test if anything is in the store, whole or not.
func wantNothing(t *testing.T, f Fixture) {
	t.Helper()
	for info, err := range f.Store.List(context.Background()) {
		t.Fatalf("the store has %v (error %v), want nothing", info, err)
	}
	if n := f.Residue(t); n != 0 {
		t.Fatalf("%d half-written artifacts are left", n)
	}
}

func putAndOpen(t *testing.T, f Fixture) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 200_000) // more than any buffer
	for _, content := range [][]byte{[]byte("a"), []byte("weights"), {0, 0, 0}, big, big[:len(big)-1]} {
		d := put(t, f.Store, content)
		wantContent(t, f.Store, content)
		info, err := f.Store.Stat(context.Background(), d)
		if err != nil {
			t.Fatalf("Stat: %v", err)
		}
		if info.Digest != d || info.Size != int64(len(content)) || time.Since(info.LastPut) > time.Hour {
			t.Fatalf("Stat gave %+v", info)
		}
	}
	if n := f.Residue(t); n != 0 {
		t.Fatalf("%d half-written artifacts are left", n)
	}
}

func emptyArtifact(t *testing.T, f Fixture) {
	put(t, f.Store, nil)
	wantContent(t, f.Store, nil)
}

func absent(t *testing.T, f Fixture) {
	d := artifacts.Digest(sha256.Sum256([]byte("never put")))
	if _, err := read(f.Store, d); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("Open: %v, want ErrNotFound", err)
	}
	if _, err := f.Store.Stat(context.Background(), d); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("Stat: %v, want ErrNotFound", err)
	}
	if did, err := f.Store.Delete(context.Background(), d, time.Time{}); did || err != nil {
		t.Errorf("Delete: %v, %v, want false and no error", did, err)
	}
	wantNothing(t, f)
}

func putAgain(t *testing.T, f Fixture) {
	content := []byte("twice")
	d := put(t, f.Store, content)
	f.Age(t, d, time.Now().Add(-48*time.Hour))
	put(t, f.Store, content)
	wantContent(t, f.Store, content)
	info, err := f.Store.Stat(context.Background(), d)
	if err != nil || time.Since(info.LastPut) > time.Hour {
		t.Fatalf("Stat after the second Put: %+v, %v; want a new LastPut", info, err)
	}
}

func failingReader(t *testing.T, f Fixture) {
	broken := errors.New("the client is gone")
	r := io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), iotest.ErrReader(broken))
	if _, _, err := f.Store.Put(context.Background(), r); !errors.Is(err, broken) {
		t.Fatalf("Put: %v, want the reader's error", err)
	}
	wantNothing(t, f)
}

// endlessReader gives bytes for ever, and ends a context after the first megabytes.
type endlessReader struct {
	left   int
	cancel context.CancelFunc
}

// Read implements io.Reader.
func (r *endlessReader) Read(p []byte) (int, error) {
	if r.left -= len(p); r.left < 0 {
		r.cancel()
	}
	return len(p), nil
}

func cancelledPut(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, _, err := f.Store.Put(ctx, &endlessReader{left: 3 << 20, cancel: cancel})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Put: %v, want context.Canceled", err)
	}
	wantNothing(t, f)
}

func endedContext(t *testing.T, f Fixture) {
	d := put(t, f.Store, []byte("x"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, putErr := f.Store.Put(ctx, bytes.NewReader([]byte("y")))
	_, _, openErr := f.Store.Open(ctx, d)
	_, statErr := f.Store.Stat(ctx, d)
	_, deleteErr := f.Store.Delete(ctx, d, time.Time{})
	var listErr error
	for _, err := range f.Store.List(ctx) {
		listErr = err
	}
	for name, err := range map[string]error{"Put": putErr, "Open": openErr, "Stat": statErr, "Delete": deleteErr, "List": listErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	wantContent(t, f.Store, []byte("x"))
}

func corrupt(t *testing.T, f Fixture) {
	content := bytes.Repeat([]byte("weights "), 100_000)
	flipped := bytes.Clone(content)
	flipped[len(flipped)/2] ^= 1
	for name, found := range map[string][]byte{
		"one bit":  flipped,
		"cut off":  content[:len(content)-1],
		"emptied":  {},
		"appended": append(bytes.Clone(content), 'x'),
	} {
		d := put(t, f.Store, content)
		f.Overwrite(t, d, found)
		_, err := read(f.Store, d)
		if !errors.Is(err, artifacts.ErrCorrupt) {
			t.Errorf("%s: read gives %v, want ErrCorrupt", name, err)
		}
		var e *artifacts.Error
		if !errors.As(err, &e) || e.Code != "XX001" || !bytes.Contains([]byte(e.Message), []byte(d.String())) {
			t.Errorf("%s: %#v, want XX001 with the digest in its message", name, err)
		}
	}
}

func putMends(t *testing.T, f Fixture) {
	content := []byte("mend me")
	d := put(t, f.Store, content)
	f.Overwrite(t, d, []byte("mend xx"))
	put(t, f.Store, content)
	wantContent(t, f.Store, content)
}

func deletes(t *testing.T, f Fixture) {
	d := put(t, f.Store, []byte("short-lived"))
	if did, err := f.Store.Delete(context.Background(), d, time.Time{}); !did || err != nil {
		t.Fatalf("Delete: %v, %v", did, err)
	}
	wantNothing(t, f)
	put(t, f.Store, []byte("short-lived"))
	wantContent(t, f.Store, []byte("short-lived"))
}

func deleteBefore(t *testing.T, f Fixture) {
	content := []byte("kept for a day")
	d := put(t, f.Store, content)
	dayAgo := time.Now().Add(-24 * time.Hour)
	if did, err := f.Store.Delete(context.Background(), d, dayAgo); did || err != nil {
		t.Fatalf("Delete of a new artifact: %v, %v, want false and no error", did, err)
	}
	wantContent(t, f.Store, content)
	f.Age(t, d, dayAgo.Add(-time.Minute))
	if did, err := f.Store.Delete(context.Background(), d, dayAgo); !did || err != nil {
		t.Fatalf("Delete of an old artifact: %v, %v, want true", did, err)
	}
	wantNothing(t, f)
}

func touch(t *testing.T, f Fixture) {
	ctx := context.Background()
	if _, err := f.Store.Touch(ctx, sha256.Sum256([]byte("never put"))); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("Touch of what is not there: %v, want ErrNotFound", err)
	}
	d := put(t, f.Store, []byte("looked at"))
	f.Age(t, d, time.Now().Add(-48*time.Hour))
	before := time.Now().Add(-time.Hour)
	info, err := f.Store.Touch(ctx, d)
	if err != nil || info.Digest != d || info.Size != 9 || info.LastPut.Before(before) {
		t.Fatalf("Touch: %+v, %v", info, err)
	}
	if did, err := f.Store.Delete(ctx, d, before); did || err != nil {
		t.Errorf("Delete of what was touched since: %v, %v, want false", did, err)
	}
	wantContent(t, f.Store, []byte("looked at"))
}

func deleteUnderReader(t *testing.T, f Fixture) {
	content := bytes.Repeat([]byte("x"), 1<<20)
	d := put(t, f.Store, content)
	rc, _, err := f.Store.Open(context.Background(), d)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer rc.Close()
	if _, err := f.Store.Delete(context.Background(), d, time.Time{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("the open reader gave %d bytes and %v", len(got), err)
	}
}

func list(t *testing.T, f Fixture) {
	want := map[artifacts.Digest]int64{}
	for i := range 20 {
		content := bytes.Repeat([]byte{'x'}, i)
		want[put(t, f.Store, content)] = int64(i)
	}
	for info, err := range f.Store.List(context.Background()) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		size, ok := want[info.Digest]
		if !ok || size != info.Size || time.Since(info.LastPut) > time.Hour {
			t.Errorf("List gave %+v; not put, or given twice, or with another size", info)
		}
		delete(want, info.Digest)
	}
	if len(want) > 0 {
		t.Errorf("List left out %d artifacts", len(want))
	}
}

func listEndsEarly(t *testing.T, f Fixture) {
	for i := range 3 {
		put(t, f.Store, []byte{byte(i)})
	}
	seen := 0
	for range f.Store.List(context.Background()) {
		seen++
		break
	}
	if seen != 1 {
		t.Fatalf("saw %d artifacts, want 1", seen)
	}
}

func concurrentPuts(t *testing.T, f Fixture) {
	content := bytes.Repeat([]byte("same "), 50_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if d, _, err := f.Store.Put(context.Background(), bytes.NewReader(content)); err != nil || d != sha256.Sum256(content) {
				t.Errorf("Put: %v, %v", d, err)
			}
			if got, err := read(f.Store, sha256.Sum256(content)); err != nil || !bytes.Equal(got, content) {
				t.Errorf("read: %d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	count := 0
	for range f.Store.List(context.Background()) {
		count++
	}
	if count != 1 || f.Residue(t) != 0 {
		t.Errorf("the store has %d artifacts and %d half-written ones, want 1 and 0", count, f.Residue(t))
	}
}

func path(t *testing.T, f Fixture) {
	local, ok := f.Store.(artifacts.Local)
	if !ok {
		t.Skip("the store has no files")
	}
	content := []byte("on disk")
	d := put(t, f.Store, content)
	name, err := local.Path(context.Background(), d)
	if err != nil {
		t.Fatalf("Path: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("the file has %q, %v", got, err)
	}
	f.Overwrite(t, d, []byte("on disc"))
	if _, err := local.Path(context.Background(), d); !errors.Is(err, artifacts.ErrCorrupt) {
		t.Fatalf("Path of a corrupt artifact: %v, want ErrCorrupt", err)
	}
	if _, err := local.Path(context.Background(), sha256.Sum256(nil)); !errors.Is(err, artifacts.ErrNotFound) {
		t.Fatalf("Path of an absent artifact: %v, want ErrNotFound", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := local.Path(ctx, d); !errors.Is(err, context.Canceled) {
		t.Fatalf("Path with an ended context: %v, want context.Canceled", err)
	}
}

package filesystem

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/artifactstest"
)

// openTemp opens a store in a new directory.
func openTemp(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "[artifacts]")) // a name that is also a glob pattern
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// temporaries lists the half-written files of a store.
func temporaries(t *testing.T, s *Store) []string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestContract(t *testing.T) {
	t.Parallel()
	artifactstest.Run(t, func(t *testing.T) artifactstest.Fixture {
		s := openTemp(t)
		return artifactstest.Fixture{
			Store: s,
			Overwrite: func(t *testing.T, d artifacts.Digest, content []byte) {
				if err := os.WriteFile(s.name(d), content, fileMode); err != nil {
					t.Fatal(err)
				}
			},
			Age: func(t *testing.T, d artifacts.Digest, at time.Time) {
				if err := os.Chtimes(s.name(d), at, at); err != nil {
					t.Fatal(err)
				}
			},
			Residue: func(t *testing.T) int { return len(temporaries(t, s)) },
		}
	})
}

func TestModes(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	if _, _, err := s.Put(context.Background(), strings.NewReader("secret weights")); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fileMode
		if e.IsDir() {
			want = dirMode
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil || files != 1 {
		t.Fatalf("walked over %d files, %v", files, err)
	}
}

// TestSweep has a crashed process's file (nobody holds its lock) beside one that a Put is writing.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	left := filepath.Join(s.dir, temporaryPrefix+"crashed")
	if err := os.WriteFile(left, []byte("half"), fileMode); err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, _, err := s.Put(context.Background(), r)
		done <- err
	}()
	if _, err := w.Write([]byte("first half, ")); err != nil { // returns once Put has read it
		t.Fatal(err)
	}
	if _, err := Open(s.dir); err != nil {
		t.Fatalf("Open beside a Put: %v", err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file that a crash left is still there (%v)", err)
	}
	if n := len(temporaries(t, s)); n != 1 {
		t.Errorf("%d temporary files, want the one of the running Put", n)
	}
	if _, err := w.Write([]byte("second half")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatalf("the Put beside which Open ran: %v", err)
	}
}

// TestNoSpace fills a file system of 1 MiB, which needs the right to mount one.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Put(context.Background(), bytes.NewReader(make([]byte, 8<<20)))
	var e *artifacts.Error
	if !errors.As(err, &e) || e.Code != "53100" || e.Hint == "" || strings.Contains(e.Message, temporaryPrefix) {
		t.Fatalf("Put on a full disk: %#v, want 53100 with a hint", err)
	}
	if names := temporaries(t, s); len(names) != 0 {
		t.Fatalf("left over: %v", names)
	}
	if _, _, err := s.Put(context.Background(), strings.NewReader("a small one fits")); err != nil {
		t.Fatalf("Put afterwards: %v", err)
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	_, err := Open(filepath.Join(file, "artifacts"))
	var e *artifacts.Error
	if !errors.As(err, &e) || e.Code != "58030" {
		t.Fatalf("Open inside a file: %#v, want 58030", err)
	}
}

// zeros gives n zero bytes.
type zeros struct{ n int64 }

// Read implements io.Reader.
func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.n)
	clear(p[:n])
	z.n -= n
	return int(n), nil
}

// TestMemory puts and verifies 64 MiB, or PINNACLE_TEST_ARTIFACT_BYTES, and counts every byte that is allocated meanwhile, so
// it runs beside no other test.
func TestMemory(t *testing.T) {
	const allowed = 4 << 20
	size := int64(64 << 20)
	if text := os.Getenv("PINNACLE_TEST_ARTIFACT_BYTES"); text != "" {
		var err error
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	s := openTemp(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, _, err := s.Put(context.Background(), &zeros{n: size})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Path(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d bytes were allocated for an artifact of %d", after.TotalAlloc-before.TotalAlloc, size)
	if used := after.TotalAlloc - before.TotalAlloc; used > allowed {
		t.Fatalf("%d bytes were allocated for an artifact of %d, want at most %d", used, size, allowed)
	}
}

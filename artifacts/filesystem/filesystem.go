// Package filesystem keeps artifacts as files of a directory: <dir>/ab/cd/<digest>, where abcd are the digest's first
// digits. Directories have mode 0700, files 0600. Bytes on their way in are in <dir>/.put-*, which is locked (flock)
// while a process writes it, so that what a crash left can be told from what is still being written.
package filesystem

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	// copyBytes is the size of the one buffer that Put, and Path, need.
	copyBytes = 256 << 10
)

// Store is the store in one directory. It implements artifacts.Local. It holds nothing open, so it is not closed.
type Store struct {
	dir string
	// mu makes Delete's look at the time one step with its removal, against a Put or Touch that renews it, together
	// with a lock on the directory, which does so for other processes. Put holds both only while it renames.
	mu sync.Mutex
}

// exclusive runs f while no other Put, Touch or Delete, of any process, is at its decisive step.
func (s *Store) exclusive(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // which unlocks it
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return errors.Join(err, f())
		}
	}
}

var _ artifacts.Local = (*Store)(nil)

// Open makes the directory if need be, and removes what crashed processes left half-written in it. Puts of other
// processes that run meanwhile are left alone.
func Open(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("artifact directory %q: %w", dir, err)
	}
	if err := os.MkdirAll(abs, dirMode); err != nil {
		return nil, artifacts.Failed("make the artifact directory", abs, err)
	}
	if err := sweep(abs); err != nil {
		return nil, artifacts.Failed("clean the artifact directory", abs, err)
	}
	return &Store{dir: abs}, nil
}

// Put implements artifacts.Store.
func (s *Store) Put(ctx context.Context, r io.Reader) (artifacts.Digest, int64, error) {
	tmp, err := newTemporary(s.dir)
	if err != nil {
		return artifacts.Digest{}, 0, s.failed("store the artifact", err)
	}
	defer tmp.discard()
	hash := sha256.New()
	size, err := copyAll(ctx, io.MultiWriter(tmp.file, hash), r)
	if err != nil {
		var read *readError
		if errors.As(err, &read) {
			return artifacts.Digest{}, 0, read.err
		}
		return artifacts.Digest{}, 0, s.failed("store the artifact", err)
	}
	if err := tmp.file.Sync(); err != nil {
		return artifacts.Digest{}, 0, s.failed("store the artifact", err)
	}
	d := artifacts.Digest(hash.Sum(nil))
	if err := s.place(tmp, d); err != nil {
		return artifacts.Digest{}, 0, s.failed("store the artifact", err)
	}
	return d, size, nil
}

// place gives the whole and synced bytes of tmp their name, in place of what may have it: that renews the time, and
// mends a corrupt copy without reading it.
func (s *Store) place(tmp *temporary, d artifacts.Digest) error {
	name := s.name(d)
	inner := filepath.Dir(name)
	outer := filepath.Dir(inner)
	if err := os.MkdirAll(inner, dirMode); err != nil {
		return err
	}
	if err := s.exclusive(func() error { return tmp.rename(name) }); err != nil {
		return err
	}
	for _, dir := range []string{inner, outer, s.dir} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// Open implements artifacts.Store.
func (s *Store) Open(ctx context.Context, d artifacts.Digest) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(s.name(d))
	if err != nil {
		return nil, 0, s.missing("open the artifact", d, err)
	}
	st, err := f.Stat()
	if err != nil {
		_ = f.Close() // the error of Stat is the one to tell
		return nil, 0, s.failed("open the artifact", err)
	}
	return artifacts.Verify(f, d, st.Size()), st.Size(), nil
}

// Path implements artifacts.Local.
func (s *Store) Path(ctx context.Context, d artifacts.Digest) (string, error) {
	rc, _, err := s.Open(ctx, d)
	if err != nil {
		return "", err
	}
	defer func() { _ = rc.Close() }() // it was only read
	_, err = copyAll(ctx, io.Discard, rc)
	var read *readError
	switch {
	case err == nil:
		return s.name(d), nil
	case errors.As(err, &read) && (errors.Is(err, artifacts.ErrCorrupt) || ctx.Err() != nil):
		return "", read.err
	default:
		return "", s.failed("read the artifact", err)
	}
}

// Stat implements artifacts.Store.
func (s *Store) Stat(ctx context.Context, d artifacts.Digest) (artifacts.Info, error) {
	if err := ctx.Err(); err != nil {
		return artifacts.Info{}, err
	}
	st, err := os.Stat(s.name(d))
	if err != nil {
		return artifacts.Info{}, s.missing("find the artifact", d, err)
	}
	return artifacts.Info{Digest: d, Size: st.Size(), LastPut: st.ModTime()}, nil
}

// Delete implements artifacts.Store. The directories of the two levels stay.
func (s *Store) Delete(ctx context.Context, d artifacts.Digest, before time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	did := false
	err := s.exclusive(func() (err error) {
		did, err = remove(s.name(d), before)
		return err
	})
	if err != nil {
		return did, s.failed("delete the artifact", err)
	}
	return did, nil
}

// remove removes a file that was last written before a moment, the zero time for any, and says whether it did.
func remove(name string, before time.Time) (bool, error) {
	st, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !before.IsZero() && !st.ModTime().Before(before) {
		return false, nil
	}
	if err := os.Remove(name); err != nil {
		return false, err
	}
	return true, syncDir(filepath.Dir(name))
}

// Touch implements artifacts.Store.
func (s *Store) Touch(ctx context.Context, d artifacts.Digest) (artifacts.Info, error) {
	if err := ctx.Err(); err != nil {
		return artifacts.Info{}, err
	}
	now := time.Now()
	if err := s.exclusive(func() error { return os.Chtimes(s.name(d), now, now) }); err != nil {
		return artifacts.Info{}, s.missing("look for the artifact", d, err)
	}
	return s.Stat(ctx, d)
}

// List implements artifacts.Store. Files that are no artifacts are passed over.
func (s *Store) List(ctx context.Context) iter.Seq2[artifacts.Info, error] {
	return func(yield func(artifacts.Info, error) bool) {
		err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed since its directory was read
			}
			if err != nil || e.IsDir() {
				return err
			}
			info, ok := s.info(path, e)
			if ok && !yield(info, nil) {
				return fs.SkipAll
			}
			return nil
		})
		switch {
		case err == nil:
		case ctx.Err() != nil:
			yield(artifacts.Info{}, ctx.Err())
		default:
			yield(artifacts.Info{}, s.failed("list the artifacts", err))
		}
	}
}

// info reads what a file of the directory says of an artifact; false where it is none, or gone.
func (s *Store) info(path string, e fs.DirEntry) (artifacts.Info, bool) {
	d, err := artifacts.ParseDigest(e.Name())
	if err != nil || path != s.name(d) {
		return artifacts.Info{}, false
	}
	st, err := e.Info()
	if err != nil || !st.Mode().IsRegular() {
		return artifacts.Info{}, false
	}
	return artifacts.Info{Digest: d, Size: st.Size(), LastPut: st.ModTime()}, true
}

// name is the file of an artifact.
func (s *Store) name(d artifacts.Digest) string {
	digits := d.String()
	return filepath.Join(s.dir, digits[:2], digits[2:4], digits)
}

// failed is artifacts.Failed for this store.
func (s *Store) failed(doing string, err error) error {
	return artifacts.Failed(doing, "the directory "+s.dir, err)
}

// missing is NotFound where err says that there is no such file, and failed otherwise.
func (s *Store) missing(doing string, d artifacts.Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return artifacts.NotFound(d)
	}
	return s.failed(doing, err)
}

// syncDir makes the names in a directory survive a crash of the machine.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

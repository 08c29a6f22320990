package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// temporaryPrefix begins the names of the files that Put writes.
const temporaryPrefix = ".put-"

// temporary is a file on its way to become an artifact. This process holds the lock on it, and loses it by closing the
// file or by dying.
type temporary struct {
	file *os.File
	// placed says that the file has its final name.
	placed bool
}

// newTemporary makes an empty file in dir and locks it.
func newTemporary(dir string) (*temporary, error) {
	for {
		f, err := os.CreateTemp(dir, temporaryPrefix+"*") // mode 0600
		if err != nil {
			return nil, err
		}
		tmp := &temporary{file: f}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			tmp.discard()
			return nil, err
		}
		// A sweep may have come between the two calls; then the name is gone, and another file is made.
		if _, err := os.Lstat(f.Name()); err == nil {
			return tmp, nil
		}
		tmp.discard()
	}
}

// rename gives the file its final name. It stays open, and locked, until discard.
func (t *temporary) rename(to string) error {
	if err := os.Rename(t.file.Name(), to); err != nil {
		return err
	}
	t.placed = true
	return nil
}

// discard closes the file and, unless it was renamed, removes it.
func (t *temporary) discard() {
	if !t.placed {
		_ = os.Remove(t.file.Name()) // what cannot be removed now is swept at the next start
	}
	_ = t.file.Close() // the bytes were synced, or are not wanted
}

// sweep removes the temporary files in dir that no process holds.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), temporaryPrefix) {
			continue
		}
		if err := removeIfFree(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeIfFree removes a file unless another open file holds its lock.
func removeIfFree(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(name)
}

package home

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lockName is the file in the data directory whose lock guards all of it.
const lockName = "proxy.lock"

// DirectoryLock is the hold on a data directory. The kernel lets it go when the process ends, however it ends.
type DirectoryLock struct {
	dir  string
	file *os.File
}

// LockDirectory creates the data directory if need be and takes it for this process. If another process holds it, the
// error is an *Error with 55006 that names the process.
func LockDirectory(dir string) (*DirectoryLock, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	if err := os.MkdirAll(abs, dataDirectoryMode()); err != nil {
		return nil, &Error{Code: codeIO, Message: "the data directory " + abs + " cannot be created", Err: err,
			Hint: "Choose another one with --data-dir."}
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(abs, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &Error{Code: codeIO, Message: "the data directory " + abs + " cannot be written to", Err: err,
			Hint: "Run the proxy as the directory's owner, or choose another one with --data-dir."}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, inUse(abs, f)
		}
		return nil, &Error{Code: codeIO, Message: "the data directory " + abs + " cannot be locked", Err: err,
			Hint: "The file system must support flock."}
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, &Error{Code: codeIO, Message: "the data directory " + abs + " cannot be written to", Err: err}
	}
	return &DirectoryLock{dir: abs, file: f}, nil
}

// inUse is the error about a lock that another process holds.
func inUse(dir string, f *os.File) error {
	text, _ := io.ReadAll(io.LimitReader(f, 32))
	holder := "another process"
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		holder = fmt.Sprintf("process %d", pid)
	}
	return &Error{Code: codeObjectInUse, Message: "data directory " + dir + " is in use by " + holder,
		Hint: "Stop that process, or give this proxy a directory of its own with --data-dir."}
}

// dataDirectoryMode lets the uid of a child PostgreSQL pass through when the proxy is root; what is private inside has
// modes of its own.
func dataDirectoryMode() os.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

// Dir is the data directory's absolute path without symbolic links.
func (l *DirectoryLock) Dir() string { return l.dir }

// Release lets the directory go.
func (l *DirectoryLock) Release() error { return l.file.Close() }

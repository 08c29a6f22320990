package datalayer

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
)

// absoluteDirs makes the directories of artifact_import_dirs absolute. One that does not exist is only logged: it may
// come later.
func absoluteDirs(dirs []string, logger *slog.Logger) ([]string, error) {
	absolute := make([]string, len(dirs))
	for i, dir := range dirs {
		name, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("artifact_import_dirs: %w", err)
		}
		if _, err := os.Stat(name); err != nil {
			logger.Warn("a directory of artifact_import_dirs cannot be read", "error", err)
		}
		absolute[i] = name
	}
	return absolute, nil
}

// openImport opens a file of the server for FROM 'path', relative to the working directory unless it is absolute. It has
// to be a regular file under one of the import directories, after symbolic links are followed (42501). Outside them
// nothing tells whether a file exists.
func (d *Datalayer) openImport(path string) (*os.File, int64, error) {
	name, err := filepath.Abs(strings.TrimPrefix(path, "file://"))
	if err != nil {
		return nil, 0, err
	}
	dir, rel, err := d.findImport(path, name)
	if err != nil {
		return nil, 0, err
	}
	// The file may have been replaced by a link since its name was resolved; an os.Root does not leave its directory.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, 0, importFailed(path, err)
	}
	defer func() { _ = root.Close() }() // it was only read
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, importFailed(path, err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, 0, importFailed(path, err)
	}
	return f, st.Size(), nil
}

// findImport finds the import directory that a file is in, without links, and its name in it. path is what the statement
// says, name the same made absolute.
func (d *Datalayer) findImport(path, name string) (dir, rel string, err error) {
	real, err := filepath.EvalSymlinks(name)
	for _, given := range d.imports {
		realDir, dirErr := filepath.EvalSymlinks(given)
		if err == nil && dirErr == nil {
			if rel, ok := within(realDir, real); ok {
				return realDir, rel, nil
			}
			continue
		}
		_, underGiven := within(given, name)
		_, underReal := within(realDir, name)
		if underGiven || dirErr == nil && underReal {
			return "", "", importFailed(path, errors.Join(err, dirErr))
		}
	}
	return "", "", &Error{
		Code:    "42501",
		Message: fmt.Sprintf("permission denied to read the file %q of the server", path),
		Detail:  "It is not under a directory that artifact_import_dirs names.",
		Hint:    "Add its directory to artifact_import_dirs, or send the bytes with COPY pinnacle.artifacts FROM STDIN.",
	}
}

// within gives the name of a file relative to a directory, and whether it is under it.
func within(dir, name string) (string, bool) {
	rel, err := filepath.Rel(dir, name)
	return rel, err == nil && filepath.IsLocal(rel) && rel != "."
}

// importFailed is the error for a file that may be read but cannot be: 58P01 where there is none, 42501 where the
// operating system forbids it.
func importFailed(path string, err error) *Error {
	e := ErrorOf(artifacts.Failed(fmt.Sprintf("read the artifact file %q", path), "the server's file system", err))
	e.Detail = ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Code = "58P01"
		e.Hint = "The path is one of the proxy's machine; a relative one begins at the directory that the proxy was started in."
	case errors.Is(err, fs.ErrPermission):
		e.Code = "42501"
	}
	return e
}

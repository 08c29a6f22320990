package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The local PostgreSQL's socket: its name in the directory follows from the port (which is no TCP port here), and its
// path must fit sockaddr_un.sun_path, 108 bytes with the final NUL on Linux and 104 on BSD systems.
const (
	socketPort    = 5432
	socketName    = ".s.PGSQL.5432"
	maxSocketPath = 103
)

// socketRecord is the file that names a socket directory outside of the data directory.
const socketRecord = "socket-directory"

// socketDirectory makes an empty directory that only the account can enter: run below dir, or where that path is too
// long for a socket one below the system's directory for temporary files, whose name is kept for the next start.
func socketDirectory(dir string, as account) (string, error) {
	run := filepath.Join(dir, "run")
	record := filepath.Join(dir, socketRecord)
	if raw, err := os.ReadFile(record); err == nil {
		if old := strings.TrimSpace(string(raw)); private(old, as) {
			return old, empty(old)
		}
	}
	if len(run)+1+len(socketName) > maxSocketPath {
		short, err := shortDirectory(as)
		if err != nil {
			return "", err
		}
		return short, writeFile(record, []byte(short+"\n"))
	}
	if err := os.Mkdir(run, 0o700); err != nil && !os.IsExist(err) {
		return "", err
	}
	if err := as.own(run); err != nil {
		return "", err
	}
	return run, empty(run)
}

// shortDirectory makes a directory for temporary files that the account can reach, and whose path is short.
func shortDirectory(as account) (string, error) {
	var failures []error
	for _, base := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(base, "pinnacle-")
		if err != nil {
			failures = append(failures, err)
			continue
		}
		closed, err := as.barrier(base)
		switch {
		case err != nil:
		case closed != "":
			err = fmt.Errorf("user %s cannot enter %s", as.name, closed)
		case len(dir)+1+len(socketName) > maxSocketPath:
			err = fmt.Errorf("the path %s is too long for a socket", dir)
		default:
			err = as.own(dir)
		}
		if err == nil {
			return dir, nil
		}
		os.Remove(dir)
		failures = append(failures, err)
	}
	return "", errors.Join(failures...)
}

// private reports whether a path is a directory, no link, of the account alone.
func private(path string, as account) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return false
	}
	return int(info.Sys().(*syscall.Stat_t).Uid) == as.uid
}

// empty removes what a dead server left in its socket directory: its lock file could name a number that another
// process has by now.
func empty(dir string) error {
	for _, name := range []string{socketName, socketName + ".lock"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

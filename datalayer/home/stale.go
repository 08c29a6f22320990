package home

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long a server that an earlier proxy left behind is given to end: by a fast shutdown, then by an immediate one.
const (
	orphanFast      = 20 * time.Second
	orphanImmediate = 10 * time.Second
)

// pollInterval is the pause between two looks at a process or a file.
const pollInterval = 10 * time.Millisecond

// pidFile is what a running server says of itself in its data directory (PostgreSQL documentation, "Database File
// Layout", postmaster.pid). Lines: pid, data directory, start time, port, socket directory, listen address, shared
// memory key and id, status.
type pidFile struct {
	pid          int
	sharedMemory string
	ready        bool
}

// readPIDFile reads postmaster.pid; ok is false where there is none, or it is not complete yet.
func readPIDFile(data string) (p pidFile, ok bool) {
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return p, false
	}
	lines := strings.Split(string(raw), "\n")
	if p.pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || p.pid <= 1 {
		return p, false
	}
	if len(lines) > 6 {
		if f := strings.Fields(lines[6]); len(f) == 2 {
			p.sharedMemory = f[1]
		}
	}
	p.ready = len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"
	return p, true
}

// serves reports whether a process is a server of this data directory, by its command line. A number that was given to
// another process since is not one.
func serves(pid int, data string) bool {
	args := arguments(pid)
	if len(args) == 0 || filepath.Base(args[0]) != "postgres" {
		return false
	}
	for i, a := range args[1:] {
		if a == "-D" && i+2 < len(args) && args[i+2] == data {
			return true
		}
	}
	return false
}

// clearStale readies the data directory for a start. The caller holds the directory's lock, so no living proxy owns a
// server there: one that still runs is ended, and a pid file that names another process by now is removed. The pid
// file of a dead server stays: PostgreSQL looks in it whether backends of that server still live, and removes it.
func clearStale(ctx context.Context, data string, logger *slog.Logger) error {
	p, ok := readPIDFile(data)
	if !ok || !alive(p.pid) {
		return nil
	}
	if serves(p.pid, data) {
		logger.Warn("ending the local PostgreSQL that an earlier proxy left behind", "pid", p.pid)
		return endOrphan(ctx, p.pid, data)
	}
	// Another process has the number now. If backends of the dead server still hold its memory, wait for them.
	gone := func() bool {
		users, known := sharedMemoryUsers(p.sharedMemory)
		return !known || users == 0
	}
	if !until(ctx, orphanImmediate, gone) {
		return &Error{Code: codeObjectInUse, Message: "sessions of an earlier local PostgreSQL still run in " + data,
			Hint: "Look for processes named postgres, and end them."}
	}
	logger.Warn("removing a stale postmaster.pid", "pid", p.pid)
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil {
		return &Error{Code: codeIO, Message: "a stale postmaster.pid cannot be removed", Err: err}
	}
	return nil
}

// endOrphan ends a server that is no child of this process.
func endOrphan(ctx context.Context, pid int, data string) error {
	gone := func() bool { return !serves(pid, data) }
	for _, step := range []struct {
		sig  syscall.Signal
		wait time.Duration
	}{{syscall.SIGINT, orphanFast}, {syscall.SIGQUIT, orphanImmediate}, {syscall.SIGKILL, orphanImmediate}} {
		if gone() {
			return nil
		}
		if err := syscall.Kill(pid, step.sig); err != nil && err != syscall.ESRCH {
			return &Error{Code: codeObjectInUse, Message: fmt.Sprintf("the local PostgreSQL of an earlier proxy (process %d) cannot be ended", pid), Err: err}
		}
		if until(ctx, step.wait, gone) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return &Error{Code: codeObjectInUse, Message: fmt.Sprintf("the local PostgreSQL of an earlier proxy (process %d) does not end", pid)}
}

// alive reports whether a process has this number.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}

// until polls a condition; it reports false when the time is over or ctx ends first.
func until(ctx context.Context, wait time.Duration, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

package home

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// status is nil while the server runs.
func (l *Local) status() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// setStatus notes why the server is down; nil when it is up.
func (l *Local) setStatus(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = err
}

// The pauses before the server is started again: the first, and the longest, to which it doubles. After a run of
// steadyRun or more it begins with the first again.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
	steadyRun    = time.Minute
)

// supervise watches the server until Close, starts it again when it ends, and stops it in the end.
func (l *Local) supervise(run *server) {
	defer close(l.stopped)
	defer l.removeSocket()
	pause, since := firstPause, time.Now()
	for {
		select {
		case <-l.running.Done():
			l.setStatus(&Error{Code: codeCannotConnectNow, Message: "the local PostgreSQL is shutting down"})
			run.stop(l.stopCtx)
			l.logger.Info("the local PostgreSQL has stopped")
			return
		case <-run.exited:
		}
		l.setStatus(&Error{Code: codeCannotConnectNow, Message: "the local PostgreSQL has ended and is being started again",
			Hint: "Try again in a moment; the proxy's log tells why it ended."})
		l.logger.Error("the local PostgreSQL has ended by itself", "pid", run.pid(), "reason", run.err, "log", run.lastLines())
		run.drain()
		if time.Since(since) > steadyRun {
			pause = firstPause
		}
		if run = l.restart(&pause); run == nil {
			return
		}
		since = time.Now()
		l.setStatus(nil)
		l.logger.Info("the local PostgreSQL is ready again", "pid", run.pid())
	}
}

// restart tries until the server runs; nil when Close was called.
func (l *Local) restart(pause *time.Duration) *server {
	for {
		select {
		case <-l.running.Done():
			return nil
		case <-time.After(*pause):
		}
		*pause = min(*pause*2, longestPause)
		run, err := l.launch(l.running)
		if err == nil {
			return run
		}
		if l.running.Err() != nil {
			return nil
		}
		l.logger.Error("the local PostgreSQL does not start", "reason", err, "again_in", *pause)
	}
}

// memoryHeld is in PostgreSQL's message when backends of a dead postmaster still live.
const memoryHeld = "pre-existing shared memory block"

// launch starts one run of the server and waits until it is ready. On an error nothing of it runs any more. A start
// that fails because backends of the run before still live is tried again for drainWait.
func (l *Local) launch(ctx context.Context) (*server, error) {
	at, cancel := context.WithCancel(ctx)
	cancel()
	deadline := time.Now().Add(drainWait)
	for {
		if err := errors.Join(clearStale(ctx, l.data, l.logger), empty(l.socket)); err != nil {
			return nil, err
		}
		run, err := spawn(l.as, l.bins, l.data, l.args, l.logger)
		if err != nil {
			return nil, err
		}
		if err = run.waitReady(ctx, l.data); err == nil {
			return run, nil
		}
		run.stop(at)
		if ctx.Err() != nil || time.Now().After(deadline) || !strings.Contains(run.lastLines(), memoryHeld) {
			return nil, err
		}
	}
}

// removeSocket removes a socket directory outside of the data directory, with the record of it.
func (l *Local) removeSocket() {
	dir := filepath.Dir(l.data)
	if filepath.Dir(l.socket) == dir {
		return
	}
	os.Remove(l.socket)
	os.Remove(filepath.Join(dir, socketRecord))
}

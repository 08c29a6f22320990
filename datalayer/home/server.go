package home

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxLogLine bounds one line of the server's log, in bytes; the rest of a longer one is dropped.
const maxLogLine = 4 << 10

// keptLogLines is how many lines of the server's log an error about a failed start shows.
const keptLogLines = 8

// drainWait bounds the wait for a dead server's backends, which hold its log open until they end.
const drainWait = 10 * time.Second

// killWait is how long an immediate shutdown may take before the processes are killed.
const killWait = 5 * time.Second

// server is one run of the local PostgreSQL's postmaster.
type server struct {
	process *os.Process
	// exited is closed when the postmaster is gone, and err is set then; drained, when its backends are gone too.
	exited, drained chan struct{}
	err             error

	mu   sync.Mutex
	last []string
}

// spawn starts a postmaster. The parent-death signal is that of a fast shutdown, so that a proxy that is killed takes
// its server along.
func spawn(as account, bins Binaries, data string, args []string, logger *slog.Logger) (*server, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// The server must outlive any ctx: it is ended by stop alone.
	cmd := command(context.Background(), as, data, bins.path("postgres"), syscall.SIGINT, args...)
	cmd.Stdout, cmd.Stderr = write, write
	s := &server{exited: make(chan struct{}), drained: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The parent-death signal is tied to this thread, so it lives as long as the server does.
		runtime.LockOSThread()
		err := cmd.Start()
		write.Close()
		started <- err
		if err == nil {
			s.err = cmd.Wait()
			close(s.exited)
		}
	}()
	if err := <-started; err != nil {
		read.Close()
		return nil, fmt.Errorf("postgres cannot be started: %w", err)
	}
	s.process = cmd.Process
	go func() {
		defer close(s.drained)
		defer read.Close()
		s.log(read, logger)
	}()
	return s, nil
}

// log passes the server's log on, line by line, until every process that writes to it is gone.
func (s *server) log(r io.Reader, logger *slog.Logger) {
	lines := bufio.NewReaderSize(r, maxLogLine)
	for {
		raw, long, err := lines.ReadLine()
		for more := long; more && err == nil; {
			_, more, err = lines.ReadLine()
		}
		if len(raw) > 0 {
			line := string(raw)
			s.mu.Lock()
			if s.last = append(s.last, line); len(s.last) > keptLogLines {
				s.last = s.last[1:]
			}
			s.mu.Unlock()
			logger.Log(context.Background(), levelOf(line), "local PostgreSQL: "+line)
		}
		if err != nil {
			return
		}
	}
}

// levelOf is the level of a line of the server's log.
func levelOf(line string) slog.Level {
	switch severity, _, _ := strings.Cut(line, ":"); severity {
	case "PANIC":
		return slog.LevelError
	case "FATAL", "WARNING":
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// lastLines are the last lines of the server's log.
func (s *server) lastLines() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.last, "\n")
}

// waitReady waits until the server takes sessions. A recovery takes as long as it takes: only ctx or the server's end
// stops the wait.
func (s *server) waitReady(ctx context.Context, data string) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if p, ok := readPIDFile(data); ok && p.pid == s.pid() && p.ready {
			return nil
		}
		select {
		case <-s.exited:
			s.drain()
			return &Error{Code: codeSystem, Message: "the local PostgreSQL ended while starting", Err: s.err, Detail: s.lastLines()}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// drain waits, within bounds, for the backends of a dead postmaster.
func (s *server) drain() {
	late := time.NewTimer(drainWait)
	defer late.Stop()
	select {
	case <-s.drained:
	case <-late.C:
	}
}

// pid is the postmaster's number.
func (s *server) pid() int { return s.process.Pid }

// stop ends the server: a fast shutdown until ctx ends, then an immediate one, then by force (PostgreSQL documentation,
// "Shutting Down the Server"). The backends of a killed postmaster end by themselves.
func (s *server) stop(ctx context.Context) {
	defer s.drain()
	s.process.Signal(syscall.SIGINT)
	select {
	case <-s.exited:
		return
	case <-ctx.Done():
	}
	s.process.Signal(syscall.SIGQUIT)
	late := time.NewTimer(killWait)
	defer late.Stop()
	select {
	case <-s.exited:
		return
	case <-late.C:
	}
	s.process.Kill()
	<-s.exited
}

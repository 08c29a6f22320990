package home

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// maxToolOutput bounds what is kept of a tool's output, in bytes.
const maxToolOutput = 4 << 10

// toolGrace is how long a tool may take to end once it was told to.
const toolGrace = 5 * time.Second

// environment is what PostgreSQL's programs are started with. The proxy's own settings and libpq's PG… variables stay
// out of it.
func environment() []string {
	env := []string{"LC_MESSAGES=C"}
	for _, name := range []string{"PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// command prepares a program that runs as the account, in a process group of its own (a terminal's Ctrl-C is the
// proxy's alone), in dir, and that gets the signal when the proxy dies, where the system can do that.
func command(ctx context.Context, as account, dir, path string, onDeath syscall.Signal, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as.credential()}
	dieWithParent(cmd.SysProcAttr, onDeath)
	return cmd
}

// runTool runs a program to its end with stdin as its input and gives its output. When ctx ends it is killed.
func runTool(ctx context.Context, as account, dir, stdin, path string, args ...string) (string, error) {
	cmd := command(ctx, as, dir, path, syscall.SIGKILL, args...)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = toolGrace
	cmd.Stdin = strings.NewReader(stdin)
	out := &tail{limit: maxToolOutput}
	cmd.Stdout, cmd.Stderr = out, out
	done := make(chan error)
	go func() {
		// The parent-death signal is tied to the thread that starts the child, so that thread waits here.
		runtime.LockOSThread()
		done <- cmd.Run()
	}()
	if err := <-done; err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return out.String(), fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return out.String(), nil
}

// tail keeps the last bytes written to it.
type tail struct {
	limit int
	buf   bytes.Buffer
}

// Write implements io.Writer and never fails.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if n > t.limit {
		p = p[n-t.limit:]
	}
	if over := t.buf.Len() + len(p) - t.limit; over > 0 {
		t.buf.Next(over)
	}
	t.buf.Write(p)
	return n, nil
}

// String is what was kept.
func (t *tail) String() string { return strings.TrimSpace(t.buf.String()) }

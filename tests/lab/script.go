package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Script is a server that a script of scripts/servers has started.
type Script struct {
	// Port is where it listens on loopback, Process its number.
	Port, Process int
	command       func(ctx context.Context, verb string) *exec.Cmd
}

// StartScript starts the server of a script (scripts/servers/<name>.sh) with its data in dir, and programs that the
// script installs in the cache of the source tree. env are more variables of the script, NAME=value. Where the server
// cannot be had, the error says why.
func StartScript(ctx context.Context, name, dir string, env ...string) (*Script, error) {
	root, err := sourceTree()
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	s := &Script{Port: port}
	s.command = func(ctx context.Context, verb string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(root, "scripts", "servers", name+".sh"), verb)
		cmd.Env = append(append(os.Environ(), "PORT="+strconv.Itoa(port), "CACHE="+dir, "PROGRAMS="+filepath.Join(root, ".cache", name)), env...)
		return cmd
	}
	if s.Process, err = s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), s.Stop())
	}
	return s, nil
}

// start runs the script, whose last line is "ready PORT PID".
func (s *Script) start(ctx context.Context) (int, error) {
	var out, problems bytes.Buffer
	cmd := s.command(ctx, "start")
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, strings.TrimSpace(problems.String()))
	}
	words := strings.Fields(out.String())
	if len(words) < 3 {
		return 0, fmt.Errorf("the script printed %q", out.String())
	}
	return strconv.Atoi(words[len(words)-1])
}

// Stop ends the server.
func (s *Script) Stop() error {
	if out, err := s.command(context.Background(), "stop").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Kill ends the server as a crash does, without a word to its clients, and waits until the process is gone with all that it
// held.
func (s *Script) Kill() error {
	if err := syscall.Kill(s.Process, syscall.SIGKILL); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		// Nobody may have asked yet how it ended; it has no program any more then.
		if _, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", s.Process)); err != nil {
			return nil
		}
	}
	return fmt.Errorf("process %d is still there", s.Process)
}

// Restart starts the server again, with the data that it had.
func (s *Script) Restart(ctx context.Context) (err error) {
	s.Process, err = s.start(ctx)
	return err
}

// sourceTree is the directory with go.mod, above the working directory.
func sourceTree() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("no source tree above the working directory")
		}
		dir = above
	}
}

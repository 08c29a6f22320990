package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a child whose output goes to a log file.
type process struct {
	cmd *exec.Cmd
	// exited is closed when the process has ended; cmd.ProcessState then tells how.
	exited chan struct{}
}

// launch starts a command with its output appended to the file log.
func launch(cmd *exec.Cmd, log string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// until calls ready until it gives no error, and gives its last error when limit has passed or the process has ended.
func (p *process) until(limit time.Duration, ready func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := ready()
		switch {
		case err == nil:
			return nil
		case p.ended():
			return fmt.Errorf("%s ended at start: %s", p.cmd.Path, p.cmd.ProcessState)
		case time.Now().After(deadline):
			return fmt.Errorf("after %s still: %w", limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop sends a signal and waits for the end; after limit the process is killed, which is an error.
func (p *process) stop(sig syscall.Signal, limit time.Duration) error {
	if p == nil || p.ended() {
		return nil
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(limit):
	}
	err := fmt.Errorf("%s is still there %s after %s", p.cmd.Path, limit, sig)
	if killed := p.cmd.Process.Kill(); killed != nil {
		return errors.Join(err, killed)
	}
	<-p.exited
	return err
}

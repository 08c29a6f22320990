package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNotInstalled says that a server cannot be had on this machine, so that a test is skipped.
var ErrNotInstalled = errors.New("cannot be installed here")

// Dask is one running cluster of the tests' own: a scheduler, and workers of one thread each.
type Dask struct {
	dir, venv string
	port      int
	scheduler *process
	workers   []*process
}

// StartDask starts a cluster with its files in dir, which must be there. The module's root is where its scripts are. The
// Python environment is made if need be; ErrNotInstalled says that it could not be.
func StartDask(ctx context.Context, root, dir string, workers int) (*Dask, error) {
	install := exec.CommandContext(ctx, filepath.Join(root, "scripts", "servers", "dask.sh"), "install")
	install.Dir = root
	out, err := install.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return nil, fmt.Errorf("a Dask cluster %w: %w", ErrNotInstalled, err)
	}
	d := &Dask{dir: dir, venv: strings.TrimSpace(string(out))}
	if d.port, err = FreePort(); err != nil {
		return nil, err
	}
	if err := d.StartScheduler(); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	for range workers {
		if err := d.AddWorker(); err != nil {
			return nil, errors.Join(err, d.Stop())
		}
	}
	return d, nil
}

// Address is the scheduler's.
func (d *Dask) Address() string { return fmt.Sprintf("tcp://127.0.0.1:%d", d.port) }

// Python is the interpreter that has what the cluster has.
func (d *Dask) Python() string { return filepath.Join(d.venv, "bin", "python") }

// StartScheduler starts the scheduler and waits until it listens.
func (d *Dask) StartScheduler() error {
	p, err := d.launch("scheduler", "--port", strconv.Itoa(d.port), "--host", "127.0.0.1")
	if err != nil {
		return err
	}
	d.scheduler = p
	return p.until(time.Minute, func() error {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// StopScheduler kills the scheduler; its workers wait for another.
func (d *Dask) StopScheduler() error {
	return d.scheduler.stop(syscall.SIGKILL, 10*time.Second)
}

// AddWorker starts one worker more; the cluster has it a little later.
func (d *Dask) AddWorker() error {
	local := filepath.Join(d.dir, fmt.Sprintf("worker-%d", len(d.workers)))
	p, err := d.launch("worker", d.Address(), "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--local-directory", local)
	if err != nil {
		return err
	}
	d.workers = append(d.workers, p)
	return nil
}

// KillWorker kills the oldest worker that runs.
func (d *Dask) KillWorker() error {
	for _, w := range d.workers {
		if !w.ended() {
			return w.stop(syscall.SIGKILL, 10*time.Second)
		}
	}
	return errors.New("no worker runs")
}

// Processes are the numbers of the cluster's processes that run.
func (d *Dask) Processes() []int {
	var pids []int
	for _, p := range append(slices.Clone(d.workers), d.scheduler) {
		if p != nil && !p.ended() {
			pids = append(pids, p.cmd.Process.Pid)
		}
	}
	return pids
}

// launch starts one of the cluster's processes.
func (d *Dask) launch(what string, args ...string) (*process, error) {
	cmd := exec.Command(filepath.Join(d.venv, "bin", "dask"), append([]string{what, "--no-dashboard"}, args...)...)
	cmd.Dir, cmd.Env = d.dir, append(os.Environ(), "OMP_NUM_THREADS=1")
	return launch(cmd, filepath.Join(d.dir, what+".log"))
}

// Stop ends all processes of the cluster.
func (d *Dask) Stop() error {
	var errs []error
	for _, p := range append(d.workers, d.scheduler) {
		errs = append(errs, p.stop(syscall.SIGKILL, 10*time.Second))
	}
	return errors.Join(errs...)
}

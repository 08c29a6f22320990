package dask

import (
	"bufio"
	"context"
	_ "embed" // the bridge's program
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// program is the bridge: Python, for Dask speaks no other language.
//
//go:embed bridge.py
var program string

// errBridgeEnded says that the bridge's process ended, or its pipes broke, before it answered.
var errBridgeEnded = errors.New("the bridge to the Dask cluster ended")

// bridge is a process that is connected to the cluster. It is safe for concurrent use.
type bridge struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	// threads is the number of tasks that the cluster ran at once when it was last asked.
	threads atomic.Int64
	// ended is closed once the process has ended and nobody waits for an answer.
	ended chan struct{}

	writing sync.Mutex
	mu      sync.Mutex
	last    int64
	// waiting are the requests without an answer; nil once the bridge has ended.
	waiting map[int64]chan answer
}

// answer is what a request got.
type answer struct {
	header  reply
	payload []byte
}

// startBridge starts a bridge and waits until it has reached the cluster. Errors that a user can act on are *udf.Error.
func startBridge(ctx context.Context, cfg Config) (*bridge, error) {
	timeout := strconv.FormatFloat(cfg.ConnectTimeout.Seconds(), 'f', -1, 64)
	cmd := exec.Command(cfg.Python, "-c", program, cfg.Address, timeout)
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, &udf.Error{
			Code: "58P01", Message: "Python, which the bridge to the Dask cluster needs, cannot be started", Detail: err.Error(),
			Hint: "Name it with compute_python, or use --compute local.",
		}
	}
	b := &bridge{cmd: cmd, stdin: stdin, ended: make(chan struct{}), waiting: map[int64]chan answer{}}
	first := make(chan answer, 1)
	go b.read(stdout, first)
	select {
	case a, ok := <-first:
		if ok && a.header.Ready {
			b.threads.Store(int64(max(1, a.header.Threads)))
			return b, nil
		}
		b.close()
		if !ok {
			return nil, errBridgeEnded
		}
		return nil, startError(cfg, a.header)
	case <-ctx.Done():
		b.close()
		return nil, context.Cause(ctx)
	}
}

// startError is what keeps a bridge from its cluster.
func startError(cfg Config, h reply) error {
	if h.Code == "58P01" {
		return &udf.Error{
			Code: h.Code, Message: "the bridge to the Dask cluster cannot be started", Detail: h.Error,
			Hint: "Install it for the Python that compute_python names: pip install 'dask[distributed]' pyarrow, in the cluster's version.",
		}
	}
	return &udf.Error{
		Code: "08001", Message: fmt.Sprintf("the Dask scheduler at %s cannot be reached", cfg.Address), Detail: h.Error,
		Hint: "Start it, or use --compute local.",
	}
}

// read hands out answers until the process ends.
func (b *bridge) read(stdout io.Reader, first chan<- answer) {
	defer close(b.ended)
	r := bufio.NewReaderSize(stdout, 1<<16)
	for n := 0; ; n++ {
		h, payload, err := readFrame(r)
		if err != nil {
			break
		}
		if n == 0 {
			first <- answer{h, payload}
			continue
		}
		b.mu.Lock()
		to := b.waiting[h.ID]
		delete(b.waiting, h.ID)
		b.mu.Unlock()
		if to != nil {
			to <- answer{h, payload}
		}
	}
	close(first)
	b.mu.Lock()
	waiting := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	for _, to := range waiting {
		close(to)
	}
	// What it said of its end is of no use here: who waits is told that it ended.
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

// alive reports whether requests can still be answered.
func (b *bridge) alive() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting != nil
}

// ask sends a request and waits for its answer. An answer that is an error is a *udf.Error; errBridgeEnded means that
// there will be none. When ctx ends, the bridge is told to give the request up.
func (b *bridge) ask(ctx context.Context, h request, payload []byte) (reply, []byte, error) {
	to := make(chan answer, 1)
	b.mu.Lock()
	if b.waiting == nil {
		b.mu.Unlock()
		return reply{}, nil, errBridgeEnded
	}
	b.last++
	h.ID = b.last
	b.waiting[h.ID] = to
	b.mu.Unlock()
	if err := b.send(h, payload); err != nil {
		return reply{}, nil, errBridgeEnded
	}
	select {
	case a, ok := <-to:
		switch {
		case !ok:
			return reply{}, nil, errBridgeEnded
		case a.header.Error != "":
			return a.header, nil, &udf.Error{Code: a.header.Code, Message: a.header.Error}
		}
		return a.header, a.payload, nil
	case <-ctx.Done():
		b.mu.Lock()
		delete(b.waiting, h.ID)
		b.mu.Unlock()
		// If the pipe is broken there is nothing to give up.
		_ = b.send(request{Op: "cancel", Of: h.ID}, nil)
		return reply{}, nil, context.Cause(ctx)
	}
}

// send writes a request.
func (b *bridge) send(h request, payload []byte) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	return writeFrame(b.stdin, h, payload)
}

// close ends the process and waits for it.
func (b *bridge) close() {
	b.stdin.Close()
	select {
	case <-b.ended:
	case <-time.After(2 * time.Second):
		_ = b.cmd.Process.Kill()
		<-b.ended
	}
}

// Package dask runs ONNX graphs on a Dask cluster: batches travel as Arrow through a bridge, a Python process of the
// proxy's, to dask.distributed, and the cluster's workers run them with their own ONNX Runtime. A model's file goes to
// each worker once, by its digest.
//
// A worker that dies has its batches done by another: that is Dask's doing. When the scheduler is gone, a request is
// tried once more over a new bridge, and then fails with an SQLSTATE of class 08; later requests connect anew.
package dask

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// Config is what a Cluster is made with.
type Config struct {
	// Address is the scheduler's, such as tcp://127.0.0.1:8786.
	Address string
	// Python is the interpreter that has dask.distributed and pyarrow; "" means python3.
	Python string
	// ConnectTimeout is how long the scheduler may take to answer; 0 means 10 seconds.
	ConnectTimeout time.Duration
	// MaxBatches bounds the batches of one model that are under way at once; 0 means 32.
	MaxBatches int
}

// Cluster is a Dask cluster that is connected to when the first model is opened. It implements onnx.Compute.
type Cluster struct {
	cfg Config
	// turn is held by who looks at or changes bridge.
	turn   chan struct{}
	bridge *bridge
	closed bool
}

// New makes a cluster. It does not connect yet.
func New(cfg Config) *Cluster {
	cfg.Python = cmp.Or(cfg.Python, "python3")
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 10*time.Second)
	cfg.MaxBatches = cmp.Or(cfg.MaxBatches, 32)
	return &Cluster{cfg: cfg, turn: make(chan struct{}, 1)}
}

// connect gives the bridge, and starts one if there is none that is alive.
func (c *Cluster) connect(ctx context.Context) (*bridge, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.closed {
		return nil, &udf.Error{Code: "57P01", Message: "the connection to the Dask cluster is closed"}
	}
	if c.bridge != nil && c.bridge.alive() {
		return c.bridge, nil
	}
	c.bridge = nil
	b, err := startBridge(ctx, c.cfg)
	if errors.Is(err, errBridgeEnded) {
		return nil, &udf.Error{
			Code: "08001", Message: fmt.Sprintf("the bridge to the Dask scheduler at %s ended before it was ready", c.cfg.Address),
		}
	}
	if err != nil {
		return nil, err
	}
	c.bridge = b
	return b, nil
}

// Check connects, and gives the number of tasks that the cluster runs at once.
func (c *Cluster) Check(ctx context.Context) (threads int, err error) {
	b, err := c.connect(ctx)
	if err != nil {
		return 0, err
	}
	return int(b.threads.Load()), nil
}

// Close ends the bridge. Requests under way fail.
func (c *Cluster) Close() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.closed = true
	if c.bridge != nil {
		c.bridge.close()
	}
	return nil
}

// Open implements onnx.Compute. A worker loads the graph, to see that it can.
func (c *Cluster) Open(ctx context.Context, g onnx.Graph) (onnx.Session, error) {
	sum := sha256.Sum256(g.Data)
	s := &session{cluster: c, graph: g, digest: hex.EncodeToString(sum[:])}
	b, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	s.concurrency = min(2*int(b.threads.Load()), c.cfg.MaxBatches)
	return s, nil
}

// session is a graph on the cluster.
type session struct {
	cluster     *Cluster
	graph       onnx.Graph
	digest      string
	concurrency int

	mu sync.Mutex
	// on is the bridge over which the graph was sent last.
	on *bridge
}

// ready gives a bridge over which the graph was sent to the cluster.
func (s *session) ready(ctx context.Context) (*bridge, error) {
	b, err := s.cluster.connect(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on == b {
		return b, nil
	}
	h, _, err := b.ask(ctx, s.request("open"), s.graph.Data)
	if err != nil {
		return nil, s.openError(ctx, h, err)
	}
	b.threads.Store(int64(max(1, h.Threads)))
	s.on = b
	return b, nil
}

// request is a request about the graph.
func (s *session) request(op string) request {
	return request{Op: op, Digest: s.digest, Output: s.graph.Output, Batch: s.graph.Batch, Threads: s.graph.Threads}
}

// openError says why the cluster cannot run the graph.
func (s *session) openError(ctx context.Context, h reply, err error) error {
	var own *udf.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errBridgeEnded):
		return lost(s.cluster.cfg.Address)
	case errors.As(err, &own) && h.Version != "":
		return &udf.Error{
			Code:    own.Code,
			Message: fmt.Sprintf("ONNX Runtime %s of the Dask workers cannot load model %q", h.Version, s.graph.Name),
			Detail:  own.Message,
		}
	}
	return s.failure(err)
}

// Concurrency implements onnx.Session: two batches a thread of the cluster, so that one travels while one runs.
func (s *session) Concurrency() int { return s.concurrency }

// Run implements onnx.Session.
func (s *session) Run(ctx context.Context, inputs []onnx.Tensor, rows int) (onnx.Answer, error) {
	payload, docs, err := encode(inputs, rows)
	if err != nil {
		return onnx.Answer{}, &udf.Error{Code: "38000", Message: err.Error()}
	}
	answer, err := s.try(ctx, payload, docs)
	if disconnected(err) && ctx.Err() == nil {
		answer, err = s.try(ctx, payload, docs)
	}
	if err != nil && ctx.Err() != nil {
		return onnx.Answer{}, context.Cause(ctx)
	}
	return answer, err
}

// try runs a batch over the bridge there is.
func (s *session) try(ctx context.Context, payload []byte, docs []inputDoc) (onnx.Answer, error) {
	b, err := s.ready(ctx)
	if err != nil {
		return onnx.Answer{}, err
	}
	h := s.request("run")
	h.Inputs = docs
	got, data, err := b.ask(ctx, h, payload)
	if err != nil {
		return onnx.Answer{}, s.failure(err)
	}
	answer, err := decode(got, data)
	if err != nil {
		return onnx.Answer{}, &udf.Error{Code: "38000", Message: "what the Dask cluster answered cannot be read", Detail: err.Error()}
	}
	return answer, nil
}

// failure makes of what the bridge says an error of the model.
func (s *session) failure(err error) error {
	var own *udf.Error
	switch {
	case errors.Is(err, errBridgeEnded):
		return lost(s.cluster.cfg.Address)
	case !errors.As(err, &own):
		return err
	case own.Code == "38000":
		return &udf.Error{Code: own.Code, Message: "ONNX Runtime cannot run it on these rows", Detail: own.Message}
	case own.Code == "08006":
		e := lost(s.cluster.cfg.Address)
		e.Detail = own.Message
		return e
	}
	return own
}

// lost says that the cluster went away.
func lost(address string) *udf.Error {
	return &udf.Error{
		Code: "08006", Message: fmt.Sprintf("the connection to the Dask scheduler at %s was lost", address),
		Hint: "Nothing was changed; run the statement again once the scheduler is back.",
	}
}

// disconnected reports whether a request got no answer because the connection was lost.
func disconnected(err error) bool {
	var e *udf.Error
	return errors.As(err, &e) && e.Code == "08006"
}

// Close implements onnx.Session: the cluster forgets the graph.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on != nil && s.on.alive() {
		return s.on.send(s.request("close"), nil)
	}
	return nil
}

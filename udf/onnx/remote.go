package onnx

import "context"

// Compute runs graphs elsewhere than in this process, which then needs no ONNX Runtime. It is safe for concurrent use.
type Compute interface {
	// Open makes a graph ready to run. What keeps it from running (no such operator, no worker) is a *udf.Error. The
	// data belong to the caller.
	Open(ctx context.Context, g Graph) (Session, error)
}

// Graph is a model's file and what is asked of it.
type Graph struct {
	// Name is for messages only.
	Name string
	Data []byte
	// Output is the output that answers.
	Output string
	// Batch is the number of rows that the graph fixes for a run, 0 if it takes any.
	Batch int
	// Threads is how many threads one run may use.
	Threads int
}

// Session is a graph that runs elsewhere. It is safe for concurrent use.
type Session interface {
	// Run runs rows of the inputs, a multiple of Graph.Batch if that is not 0. It returns soon after ctx ends. The
	// tensors belong to the caller.
	Run(ctx context.Context, inputs []Tensor, rows int) (Answer, error)
	// Concurrency is the number of Runs that may go on at once with profit; at least 1.
	Concurrency() int
	Close() error
}

// Tensor is what one input takes.
type Tensor struct {
	Name string
	// Width is the number of values a row; 0 for an input of one dimension.
	Width int
	// Data holds the values row by row: []float32, []float64, []int8 … []uint64, []bool or []string.
	Data any
}

// Answer is what a run elsewhere answers.
type Answer struct {
	// Dims are the dimensions of the output's tensor, and Data its values, in one of the types of Tensor.Data.
	Dims []int64
	Data any
	// Maps are ZipMap's, a map a row, where Data is nil.
	Maps []Map
}

// remote runs a graph elsewhere.
type remote struct{ session Session }

// newRun implements runner.
func (r *remote) newRun() (run, error) { return &remoteRun{r.session}, nil }

// close implements runner.
func (r *remote) close() error { return r.session.Close() }

// remoteRun is a run elsewhere.
type remoteRun struct{ session Session }

// watch implements run: Run watches ctx itself.
func (r *remoteRun) watch(context.Context) (stop func()) { return func() {} }

// rows implements run.
func (r *remoteRun) rows(ctx context.Context, feeds []feed, rows int) (result, error) {
	inputs := make([]Tensor, len(feeds))
	for i, f := range feeds {
		inputs[i] = f.values(rows)
	}
	a, err := r.session.Run(ctx, inputs, rows)
	return result{dims: a.Dims, data: a.Data, maps: a.Maps}, err
}

// free implements run.
func (r *remoteRun) free() {}

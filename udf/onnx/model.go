package onnx

import (
	"context"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// DefaultMaxBatch is the most rows in one run unless the option max_batch says otherwise. An ensemble of 100 deep trees
// does a batch of this size in well under 100 ms on one core, so that a cancel is felt soon; larger batches are no
// faster (BenchmarkPredict).
const DefaultMaxBatch = 4096

// model is a loaded ONNX model. ONNX Runtime's session is safe for concurrent runs; what one run needs beside it is a
// slot, and the number of slots bounds the runs that go on at once.
type model struct {
	sig     udf.Signature
	session *ort.DynamicAdvancedSession
	inputs  []input
	out     output
	// batch is the number of rows of each run if the model fixes it, otherwise 0.
	batch    int
	maxBatch int
	// slots holds those not in use, nil for one that is not made yet.
	slots chan *slot
}

// slot is what one run at a time needs.
type slot struct {
	opts  *ort.RunOptions
	feeds []feed
}

// newModel makes a model of a session.
func newModel(spec udf.Spec, session *ort.DynamicAdvancedSession, inputs []input, args []udf.Arg, out output,
	maxBatch, sessions int) *model {
	m := &model{
		sig:      udf.Signature{Args: args, Returns: out.typ},
		session:  session,
		inputs:   inputs,
		out:      out,
		batch:    inputs[0].batch,
		maxBatch: maxBatch,
		slots:    make(chan *slot, sessions),
	}
	if m.batch > 0 {
		// Whole runs of the fixed size, as many as there is room for.
		m.maxBatch = max(1, maxBatch/m.batch) * m.batch
	}
	for range sessions {
		m.slots <- nil
	}
	return m
}

// Signature implements udf.Model.
func (m *model) Signature() udf.Signature { return m.sig }

// Deterministic implements udf.Model. ONNX has operators that draw random numbers, but they are for training.
func (m *model) Deterministic() bool { return true }

// MaxBatch implements udf.Model.
func (m *model) MaxBatch() int { return m.maxBatch }

// Concurrency implements udf.Concurrent: the runs that may go on side by side.
func (m *model) Concurrency() int { return cap(m.slots) }

// Close implements udf.Model.
func (m *model) Close() error {
	for range cap(m.slots) {
		if s := <-m.slots; s != nil {
			s.free()
		}
	}
	return m.session.Destroy()
}

// Predict implements udf.Model. When ctx ends, ONNX Runtime is told to stop, which it does between two operators.
func (m *model) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	rows, err := udf.CheckArgs(m.sig, args)
	if err != nil {
		return udf.Column{}, err
	}
	s, err := m.acquire(ctx)
	if err != nil {
		return udf.Column{}, err
	}
	defer func() { m.slots <- s }()
	if ctx.Done() != nil {
		told := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(told)
			s.opts.Terminate()
		})
		defer func() {
			if !stop() {
				<-told
				s.opts.UnsetTerminate()
			}
		}()
	}
	answer := udf.NewColumn(m.sig.Returns, rows)
	step := m.maxBatch
	if m.batch > 0 {
		step = m.batch
	}
	for lo := 0; lo < rows; lo += step {
		if err := ctx.Err(); err != nil {
			return udf.Column{}, err
		}
		if err := m.run(ctx, s, args, lo, min(step, rows-lo), &answer); err != nil {
			return udf.Column{}, err
		}
	}
	return answer, ctx.Err()
}

// run answers rows lo to lo+n, which are one batch.
func (m *model) run(ctx context.Context, s *slot, args []udf.Column, lo, n int, answer *udf.Column) error {
	padded := n
	if m.batch > 0 {
		padded = m.batch
	}
	values := make([]ort.Value, len(s.feeds))
	for i, f := range s.feeds {
		if err := f.fill(args, lo, n, padded); err != nil {
			return err
		}
		v, err := f.tensor(padded)
		if err != nil {
			return failure(err)
		}
		values[i] = v
	}
	outs := make([]ort.Value, 1)
	if err := m.session.RunWithOptions(values, outs, s.opts); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failure(err)
	}
	defer outs[0].Destroy()
	return m.out.write(answer, lo, n, padded, outs[0])
}

// acquire waits for a slot.
func (m *model) acquire(ctx context.Context) (*slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s := <-m.slots:
		if s != nil {
			return s, nil
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	opts, err := ort.NewRunOptions()
	if err != nil {
		m.slots <- nil
		return nil, failure(err)
	}
	s := &slot{opts: opts, feeds: make([]feed, len(m.inputs))}
	for i := range m.inputs {
		s.feeds[i] = newFeed(&m.inputs[i])
	}
	return s, nil
}

// free gives back what ONNX Runtime holds for the slot.
func (s *slot) free() {
	for _, f := range s.feeds {
		f.free()
	}
	s.opts.Destroy()
}

// failure is a run's error. ONNX Runtime does not say which row it was.
func failure(err error) error {
	return &udf.Error{
		Code:    "38000",
		Message: "ONNX Runtime cannot run it on these rows",
		Detail:  strings.TrimPrefix(err.Error(), "Error running network: "),
	}
}

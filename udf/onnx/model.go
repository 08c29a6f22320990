package onnx

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// DefaultMaxBatch is the most rows in one run unless the option max_batch says otherwise. An ensemble of 100 deep trees
// does a batch of this size in well under 100 ms on one core, so that a cancel is felt soon; larger batches are no
// faster (BenchmarkPredict).
const DefaultMaxBatch = 4096

// RemoteMaxBatch takes DefaultMaxBatch's place where models run elsewhere: the way there has to pay.
const RemoteMaxBatch = 16_384

// model is a loaded ONNX model. What one batch needs while it is under way is a slot, and the number of slots bounds the
// batches that go on at once.
type model struct {
	sig    udf.Signature
	runner runner
	inputs []input
	out    output
	// step is the number of rows of a run; each run but the last of a batch has as many.
	step int
	// fixed is the number of rows that the model fixes, otherwise 0: the rows of a run are a multiple of it.
	fixed    int
	maxBatch int
	// slots holds those not in use, nil for one that is not made yet.
	slots chan *slot
}

// slot is what one batch at a time needs.
type slot struct {
	feeds []feed
	// run runs the rows that the feeds were filled with.
	run run
}

// runner runs a model's graph, here or elsewhere. It is safe for concurrent use.
type runner interface {
	// newRun makes what one run at a time needs.
	newRun() (run, error)
	close() error
}

// run runs a graph, one batch at a time.
type run interface {
	// watch makes the runs of one batch end soon after ctx does; the caller calls stop when the batch is done.
	watch(ctx context.Context) (stop func())
	// rows runs the first rows of the feeds. What it answers is read before the next call, and then released.
	rows(ctx context.Context, feeds []feed, rows int) (result, error)
	// free gives back what it holds.
	free()
}

// newModel makes a model whose graph a runner runs, sessions batches side by side.
func newModel(r runner, inputs []input, args []udf.Arg, out output, maxBatch, sessions int) *model {
	m := &model{
		sig:      udf.Signature{Args: args, Returns: out.typ},
		runner:   r,
		inputs:   inputs,
		out:      out,
		fixed:    inputs[0].batch,
		maxBatch: maxBatch,
		slots:    make(chan *slot, sessions),
	}
	if m.fixed > 0 {
		// Whole runs of the fixed size, as many as there is room for.
		m.maxBatch = max(1, maxBatch/m.fixed) * m.fixed
	}
	m.step = m.maxBatch
	if _, here := r.(*local); here && m.fixed > 0 {
		m.step = m.fixed
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
	return m.runner.close()
}

// Predict implements udf.Model.
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
		defer s.run.watch(ctx)()
	}
	answer := udf.NewColumn(m.sig.Returns, rows)
	for lo := 0; lo < rows; lo += m.step {
		if err := ctx.Err(); err != nil {
			return udf.Column{}, err
		}
		if err := m.part(ctx, s, args, lo, min(m.step, rows-lo), &answer); err != nil {
			return udf.Column{}, err
		}
	}
	return answer, ctx.Err()
}

// part answers rows lo to lo+n, which are one run.
func (m *model) part(ctx context.Context, s *slot, args []udf.Column, lo, n int, answer *udf.Column) error {
	padded := n
	if m.fixed > 0 {
		padded = (n + m.fixed - 1) / m.fixed * m.fixed
	}
	for _, f := range s.feeds {
		if err := f.fill(args, lo, n, padded); err != nil {
			return err
		}
	}
	r, err := s.run.rows(ctx, s.feeds, padded)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	defer r.release()
	return m.out.write(answer, lo, n, padded, &r)
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
	run, err := m.runner.newRun()
	if err != nil {
		m.slots <- nil
		return nil, err
	}
	s := &slot{run: run, feeds: make([]feed, len(m.inputs))}
	for i := range m.inputs {
		s.feeds[i] = newFeed(&m.inputs[i])
	}
	return s, nil
}

// free gives back what the slot holds.
func (s *slot) free() {
	for _, f := range s.feeds {
		f.free()
	}
	s.run.free()
}

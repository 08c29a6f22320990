package answer

import (
	"context"
	"sync"
)

// calls runs batches, several at once where it may. It is used by one goroutine.
type calls struct {
	*caller
	// done is told of each batch that was run, in any order, by one goroutine at a time.
	done func(*batch)

	// slots has one element for each batch under way; nil where one runs at a time, in the goroutine of start.
	slots   chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex
	stop    context.CancelFunc
	failed  bool
}

// newCalls makes a runner of batches whose calls end with ctx.
func newCalls(ctx context.Context, c *caller, concurrency int, done func(*batch)) (context.Context, *calls) {
	r := &calls{caller: c, done: done}
	ctx, r.stop = context.WithCancel(ctx)
	if concurrency > 1 {
		r.slots = make(chan struct{}, concurrency)
	}
	return ctx, r
}

// start runs a batch, beside the caller where several may be under way. It waits for a free place. It reports whether
// further batches are of use.
func (r *calls) start(ctx context.Context, b *batch) bool {
	if r.slots == nil {
		r.run(ctx, b)
		r.ended(b)
		return !r.stopped()
	}
	r.slots <- struct{}{}
	if r.stopped() {
		<-r.slots
		return false
	}
	r.running.Go(func() {
		defer func() { <-r.slots }()
		r.run(ctx, b)
		r.ended(b)
	})
	return true
}

// ended hands a batch over, and ends the others if it failed.
func (r *calls) ended(b *batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done(b)
	if b.err != nil && !r.failed {
		r.failed = true
		r.stop()
	}
}

// stopped reports whether a batch failed.
func (r *calls) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// wait waits for the batches under way.
func (r *calls) wait() {
	r.running.Wait()
	r.stop()
}

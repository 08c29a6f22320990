package answer

import (
	"context"
	"sync"
)

// calls runs batches, several at once where it may. It is used by one goroutine. Of several batches that fail, the one
// that was started first counts: a failure ends the batches behind it, and those before it run to their end.
type calls struct {
	*caller
	// done is told of each batch that was run, in any order, by one goroutine at a time.
	done func(*batch)

	// slots has one element for each batch under way; nil where one runs at a time, in the goroutine of start.
	slots   chan struct{}
	running sync.WaitGroup

	mu sync.Mutex
	// cancels ends the batches under way, by their order.
	cancels map[int]context.CancelFunc
	// next is the order of the next batch, failed that of the first one that failed, -1 for none.
	next, failed int
	err          error
}

// newCalls makes a runner of batches.
func newCalls(c *caller, concurrency int, done func(*batch)) *calls {
	r := &calls{caller: c, done: done, cancels: map[int]context.CancelFunc{}, failed: -1}
	if concurrency > 1 {
		r.slots = make(chan struct{}, concurrency)
	}
	return r
}

// start runs a batch, beside the caller where several may be under way. It waits for a free place. It reports whether
// further batches are of use. Where one failed before, b is not run and false given.
func (r *calls) start(ctx context.Context, b *batch) bool {
	if r.slots == nil {
		r.one(ctx, b, r.order(nil))
		return !r.stopped()
	}
	r.slots <- struct{}{}
	if r.stopped() {
		<-r.slots
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	order := r.order(cancel)
	r.running.Go(func() {
		defer func() { <-r.slots }()
		defer cancel()
		r.one(ctx, b, order)
	})
	return true
}

// order gives a batch its place.
func (r *calls) order(cancel context.CancelFunc) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	order := r.next
	r.next++
	if cancel != nil {
		r.cancels[order] = cancel
	}
	return order
}

// one runs a batch and hands it over.
func (r *calls) one(ctx context.Context, b *batch, order int) {
	r.run(ctx, b)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.cancels, order)
	r.done(b)
	if b.err == nil || r.failed >= 0 && r.failed < order {
		return
	}
	r.failed, r.err = order, b.err
	for other, cancel := range r.cancels {
		if other > order {
			cancel()
		}
	}
}

// stopped reports whether a batch failed.
func (r *calls) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed >= 0
}

// wait waits for the batches under way, and gives the error of the first one that failed.
func (r *calls) wait() error {
	r.running.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

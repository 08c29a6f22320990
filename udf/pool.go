package udf

import "context"

// Pool bounds the batches that run in this process at one time, whatever models they are of. A nil Pool bounds nothing.
// It is safe for concurrent use.
//
// Runtimes take a place for one run of one batch, and never while they hold another, so that nobody waits for himself.
type Pool struct{ places chan struct{} }

// NewPool makes a pool of so many places.
func NewPool(places int) *Pool { return &Pool{places: make(chan struct{}, max(1, places))} }

// Acquire waits for a place, which Release gives back. It fails only with ctx's error.
func (p *Pool) Acquire(ctx context.Context) error {
	if p == nil {
		return nil
	}
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release gives a place back.
func (p *Pool) Release() {
	if p != nil {
		<-p.places
	}
}

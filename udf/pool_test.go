package udf_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestPoolBoundsWhatRuns(t *testing.T) {
	t.Parallel()
	pool := udf.NewPool(2)
	var (
		running sync.WaitGroup
		now     atomic.Int32
		most    atomic.Int32
	)
	for range 50 {
		running.Go(func() {
			if err := pool.Acquire(context.Background()); err != nil {
				t.Error(err)
				return
			}
			defer pool.Release()
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			now.Add(-1)
		})
	}
	running.Wait()
	if most.Load() > 2 {
		t.Errorf("%d ran at once in a pool of 2", most.Load())
	}
}

func TestPoolsWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	pool := udf.NewPool(1)
	if err := pool.Acquire(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pool.Acquire(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	pool.Release()
	if err := pool.Acquire(context.Background()); err != nil {
		t.Error(err)
	}
	var none *udf.Pool
	if err := none.Acquire(ctx); err != nil {
		t.Error(err)
	}
	none.Release()
}

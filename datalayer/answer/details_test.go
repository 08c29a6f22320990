package answer_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
)

// TestDetails asks how each row was answered: by the cache, by the model, or not at all.
func TestDetails(t *testing.T) {
	t.Parallel()
	m, cache := unlucky(true, 12, 17), newMemory()
	a := answer.New(answer.Config{Cache: cache})
	request := answer.Request{Model: m, Args: span(0, 5), UseCache: true, OnError: answer.Null}
	if got, err := a.Answer(t.Context(), request); err != nil || got.Details != nil {
		t.Fatalf("%v, details that nobody asked for: %v", err, got.Details)
	}
	request.Args, request.Details = span(0, 20), true
	got, err := a.Answer(t.Context(), request)
	if err != nil || len(got.Details) != 20 {
		t.Fatalf("%v, %d details", err, len(got.Details))
	}
	for v, d := range got.Details {
		cached, failed := v < 5, v == 12 || v == 17
		if d.Cached != cached || d.Shared || (d.Err != nil) != failed || (d.Busy > 0) == cached {
			t.Errorf("row %d: %+v", v, d)
		}
	}
	// A model that is called once for all, without a cache.
	got, err = answer.New(answer.Config{}).Answer(t.Context(), answer.Request{Model: m, Args: span(10, 14), OnError: answer.Null, Details: true})
	if err != nil || len(got.Details) != 4 || got.Details[2].Err == nil || got.Details[0].Err != nil || got.Details[0].Busy == 0 {
		t.Errorf("%v, %+v", err, got.Details)
	}
}

// TestDetailsOfShared has a request wait for another's argument, which fails: it is told why, too.
func TestDetailsOfShared(t *testing.T) {
	t.Parallel()
	m := unlucky(true, 4)
	fails, asked := m.before, make(chan struct{})
	m.before = func(ctx context.Context, ints []int64) error {
		if slices.Contains(ints, 4) {
			<-asked
		}
		return fails(ctx, ints)
	}
	a := answer.New(answer.Config{})
	ask := func(args ...int64) ([]answer.Detail, error) {
		got, err := a.Answer(t.Context(), answer.Request{Model: m, Args: ints(args...), OnError: answer.Null, Details: true})
		return got.Details, err
	}
	first := make(chan error, 1)
	go func() {
		_, err := ask(4)
		first <- err
	}()
	await(t, "the first call", func() bool { return m.running.Load() == 1 })
	go func() { // the second request asks for what is its own before it waits
		for m.times(6) == 0 {
			time.Sleep(time.Millisecond)
		}
		close(asked)
	}()
	got, err := ask(4, 6)
	if err != nil || got[0].Err == nil || !got[0].Shared || got[0].Busy != 0 || got[1].Err != nil || got[1].Shared {
		t.Errorf("%v, %+v", err, got)
	}
	if err := <-first; err != nil || m.times(4) != 1 {
		t.Errorf("%v, asked %d times", err, m.times(4))
	}
}

// times is how often the model was asked for a value.
func (m *fakeModel) times(v int64) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[v]
}

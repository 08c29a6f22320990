package answer_test

import (
	"testing"

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

// TestDetailsOfShared has two requests for one argument that fails: the one that waited is told why, too.
func TestDetailsOfShared(t *testing.T) {
	t.Parallel()
	m := unlucky(true, 4)
	a := answer.New(answer.Config{})
	ask := func() (answer.Detail, error) {
		got, err := a.Answer(t.Context(), answer.Request{Model: m, Args: ints(4, 5), OnError: answer.Null, Details: true})
		if err != nil {
			return answer.Detail{}, err
		}
		return got.Details[0], nil
	}
	const both = 2
	type said struct {
		d   answer.Detail
		err error
	}
	answers := make(chan said, both)
	for range both {
		go func() {
			d, err := ask()
			answers <- said{d, err}
		}()
	}
	for range both {
		if s := <-answers; s.err != nil || s.d.Err == nil || s.d.Err.Error() == "" {
			t.Errorf("%+v", s)
		}
	}
}

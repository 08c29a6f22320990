package answer_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// answered is what an Answer in the background came to.
type answered struct {
	result answer.Result
	err    error
}

// begin asks in the background.
func begin(ctx context.Context, a *answer.Answerer, r answer.Request) <-chan answered {
	c := make(chan answered, 1)
	go func() {
		result, err := a.Answer(ctx, r)
		c <- answered{result, err}
	}()
	return c
}

// gate is a model whose first Predict waits until it is opened.
func gate(m *fakeModel) (entered, open chan struct{}) {
	entered, open = make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	was := m.before
	m.before = func(ctx context.Context, ints []int64) error {
		if calls.Add(1) == 1 {
			close(entered)
			select {
			case <-open:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if was != nil {
			return was(ctx, ints)
		}
		return nil
	}
	return entered, open
}

// rowsAsked waits until other requests wait for a number of tuples.
func rowsAsked(t *testing.T, a *answer.Answerer, n int) {
	t.Helper()
	await(t, "requests that wait", func() bool { return a.Waiting() == n })
}

func TestCallsAreShared(t *testing.T) {
	t.Parallel()
	for _, cache := range []answer.Store{nil, newMemory()} {
		m := newModel()
		entered, open := gate(m)
		a := answer.New(answer.Config{Cache: cache})
		first := begin(t.Context(), a, answer.Request{Model: m, Args: span(0, 8), UseCache: true})
		<-entered
		second := begin(t.Context(), a, answer.Request{Model: m, Args: span(4, 12), UseCache: true})
		rowsAsked(t, a, 4)
		close(open)
		for i, c := range []<-chan answered{first, second} {
			got := <-c
			if got.err != nil {
				t.Fatal(got.err)
			}
			verify(t, span(int64(4*i), int64(4*i+8)), got.result)
			if i == 1 && (got.result.Stats.Shared != 4 || got.result.Stats.Calls != 4) {
				t.Errorf("%+v", got.result.Stats)
			}
		}
		if len(m.twice()) > 0 {
			t.Errorf("asked twice: %v", m.twice())
		}
	}
}

func TestNonDeterministicCallsAreNotShared(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.version.Deterministic = false
	entered, open := gate(m)
	a := answer.New(answer.Config{Cache: newMemory()})
	first := begin(t.Context(), a, answer.Request{Model: m, Args: span(0, 8), UseCache: true})
	<-entered
	verify(t, span(0, 8), ask(t, a, m, span(0, 8)))
	close(open)
	if got := <-first; got.err != nil || m.total() != 16 {
		t.Error(got.err, m.total())
	}
}

func TestFollowerTakesOverFromCanceledLeader(t *testing.T) {
	t.Parallel()
	m := newModel()
	entered, _ := gate(m)
	a := answer.New(answer.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	first := begin(ctx, a, answer.Request{Model: m, Args: span(0, 20)}) // 12 of them are not even asked yet
	<-entered
	second := begin(t.Context(), a, answer.Request{Model: m, Args: span(4, 8)})
	third := begin(t.Context(), a, answer.Request{Model: m, Args: span(4, 8)})
	rowsAsked(t, a, 8)
	cancel()
	if got := <-first; !errors.Is(got.err, context.Canceled) {
		t.Error(got.err)
	}
	var calls, shared int64
	for _, c := range []<-chan answered{second, third} {
		got := <-c
		if got.err != nil {
			t.Fatal(got.err)
		}
		verify(t, span(4, 8), got.result)
		calls += got.result.Stats.Calls
		shared += got.result.Stats.Shared
	}
	if calls+shared != 8 || calls < 4 {
		t.Errorf("%d calls, %d shared", calls, shared)
	}
	if a.Waiting() != 0 {
		t.Errorf("%d wait for ever", a.Waiting())
	}
}

// TestFollowerIsCanceled leaves the leader alone.
func TestFollowerIsCanceled(t *testing.T) {
	t.Parallel()
	m := newModel()
	entered, open := gate(m)
	a := answer.New(answer.Config{})
	first := begin(t.Context(), a, answer.Request{Model: m, Args: span(0, 8)})
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	second := begin(ctx, a, answer.Request{Model: m, Args: span(0, 8)})
	rowsAsked(t, a, 8)
	cancel()
	if got := <-second; !errors.Is(got.err, context.Canceled) {
		t.Error(got.err)
	}
	close(open)
	got := <-first
	if got.err != nil {
		t.Fatal(got.err)
	}
	verify(t, span(0, 8), got.result)
}

// TestFailuresAreTheRowsOwn has a batch fail for one row: who waits for that row gets its error, who waits for another
// row of the batch asks again.
func TestFailuresAreTheRowsOwn(t *testing.T) {
	t.Parallel()
	for _, leader := range []answer.OnError{answer.Fail, answer.Null} {
		m := unlucky(true, 5)
		entered, open := gate(m)
		a := answer.New(answer.Config{})
		first := begin(t.Context(), a, answer.Request{Model: m, Args: span(0, 8), OnError: leader})
		<-entered
		same := begin(t.Context(), a, answer.Request{Model: m, Args: ints(5)})
		null := begin(t.Context(), a, answer.Request{Model: m, Args: ints(5, 6), OnError: answer.Null})
		other := begin(t.Context(), a, answer.Request{Model: m, Args: ints(6)})
		rowsAsked(t, a, 4)
		close(open)
		if got := <-first; (leader == answer.Fail) != (code(got.err) == "22012") {
			t.Error(got.err)
		}
		if got := <-same; code(got.err) != "22012" || !strings.Contains(got.err.Error(), "unlucky 5") {
			t.Error(got.err)
		}
		if got := <-other; got.err != nil {
			t.Error(got.err)
		} else {
			verify(t, ints(6), got.result)
		}
		if got := <-null; got.err != nil || got.result.Failed != 1 {
			t.Error(got.err, got.result.Failed)
		} else {
			verify(t, ints(5, 6), got.result, 5)
		}
		if m.asked[5] > 2 { // once in the batch, once alone, where the batch is cut
			t.Errorf("the bad row was asked %d times", m.asked[5])
		}
	}
}

// TestBudgetOfLeader ends the leader, whose budget another request of its statement uses up meanwhile, not who waits for it.
func TestBudgetOfLeader(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.most = 4
	entered, open := gate(m)
	a := answer.New(answer.Config{})
	budget := answer.NewBudget(answer.Limits{MaxCalls: 8})
	first := begin(t.Context(), a, answer.Request{Model: m, Args: span(0, 8), Budget: budget})
	<-entered
	if err := budget.Spend(4); err != nil {
		t.Fatal(err)
	}
	second := begin(t.Context(), a, answer.Request{Model: m, Args: span(0, 8)})
	rowsAsked(t, a, 8)
	close(open)
	if got := <-first; code(got.err) != "54000" {
		t.Error(got.err)
	}
	got := <-second
	if got.err != nil {
		t.Fatal(got.err)
	}
	verify(t, span(0, 8), got.result)
	if got.result.Stats.Shared != 4 || got.result.Stats.Calls != 4 {
		t.Errorf("%+v", got.result.Stats)
	}
}

// TestSameTupleTwice is against the contract of Request and does no harm.
func TestSameTupleTwice(t *testing.T) {
	t.Parallel()
	m := newModel()
	a := answer.New(answer.Config{Cache: newMemory()})
	for range 2 {
		verify(t, ints(1, 2, 1, 1), ask(t, a, m, ints(1, 2, 1, 1)))
	}
	if a.Waiting() != 0 {
		t.Error("somebody waits")
	}
	var empty []udf.Column
	if _, err := a.Answer(t.Context(), answer.Request{Model: m, Args: empty}); err == nil {
		t.Error("no arguments at all were taken")
	}
}

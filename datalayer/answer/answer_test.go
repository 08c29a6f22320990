package answer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestAnswersInOrder(t *testing.T) {
	t.Parallel()
	for _, deterministic := range []bool{true, false} {
		for _, concurrency := range []int{1, 4} {
			for _, slow := range []time.Duration{0, time.Millisecond} {
				for _, rows := range []int64{0, 1, 7, 8, 9, 100} {
					m := newModel()
					m.concurrency, m.slow, m.version.Deterministic = concurrency, slow, deterministic
					got := ask(t, answer.New(answer.Config{}), m, span(0, rows))
					verify(t, span(0, rows), got)
					s := got.Stats
					if s.Calls != rows || m.total() != int(rows) || s.Batches != (rows+7)/8 || s.Errors != 0 || s.Cached != 0 || s.Shared != 0 {
						t.Errorf("%d rows, %d at once: asked %d, %+v", rows, concurrency, m.total(), s)
					}
				}
			}
		}
	}
}

func TestBatchSizeAndConcurrencyOfTheSession(t *testing.T) {
	t.Parallel()
	m := newModel()
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	m.before = func(context.Context, []int64) error {
		if m.running.Load() == 3 {
			release() // several of the three may see that they are
		}
		select {
		case <-held:
			return nil
		case <-time.After(20 * time.Second):
			return errors.New("never three at once")
		}
	}
	r := answer.Settings{BatchSize: 5, Concurrency: 3}.Request(m, nil)
	r.Args = span(0, 15)
	got, err := answer.New(answer.Config{}).Answer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, r.Args, got)
	if !slices.Equal(m.batches, []int{5, 5, 5}) || m.most2.Load() != 3 {
		t.Errorf("batches of %v, %d at once", m.batches, m.most2.Load())
	}
}

func TestModelWithoutArguments(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.version.Args = nil
	for rows, want := range map[int]int{0: 1, 1: 1, 5: 5} {
		m.batches, m.version.Deterministic = nil, false
		got, err := answer.New(answer.Config{}).Answer(t.Context(), answer.Request{Model: m, Rows: rows})
		if err != nil || got.Answers.Len() != want || len(m.batches) != want {
			t.Errorf("%d rows: %d answers, %d calls, %v", rows, got.Answers.Len(), len(m.batches), err)
		}
	}
}

func TestArgumentsThatDoNotFit(t *testing.T) {
	t.Parallel()
	m := newModel()
	for _, args := range [][]udf.Column{{{Type: udf.Text, Texts: []string{"a"}}}, {}, append(ints(1), ints(2)...)} {
		if _, err := answer.New(answer.Config{}).Answer(t.Context(), answer.Request{Model: m, Args: args}); code(err) == "" || m.total() > 0 {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// unlucky fails for some values, with or without the row.
func unlucky(says bool, values ...int64) *fakeModel {
	m := newModel()
	bad := func(v int64) error {
		if slices.Contains(values, v) {
			return &udf.Error{Code: "22012", Message: fmt.Sprintf("unlucky %d", v)}
		}
		return nil
	}
	if !says {
		m.bad = bad
		return m
	}
	m.before = func(_ context.Context, ints []int64) error {
		for i, v := range ints {
			if err := bad(v); err != nil {
				return &udf.RowError{Row: i, Err: err}
			}
		}
		return nil
	}
	return m
}

func TestFailureNamesTheRow(t *testing.T) {
	t.Parallel()
	for _, says := range []bool{true, false} {
		for _, deterministic := range []bool{true, false} {
			for _, v := range []int64{0, 5, 8, 29} {
				m := unlucky(says, v)
				m.version.Deterministic = deterministic
				r, err := answer.New(answer.Config{Cache: newMemory()}).Answer(t.Context(), answer.Request{Model: m, Args: span(0, 30), UseCache: true})
				var e *datalayer.Error
				if !errors.As(err, &e) || e.Code != "22012" || !strings.Contains(e.Message, fmt.Sprintf(`model "double" version 3 failed: unlucky %d`, v)) ||
					!strings.Contains(e.Detail, fmt.Sprintf("x = %d.", v)) || e.Hint == "" || r.Stats.Errors != 1 || r.Stats.Batches == 0 || r.Answers.Len() != 0 {
					t.Errorf("value %d: %+v, %+v", v, err, r)
				}
			}
		}
	}
}

func TestFailingRowsAreNull(t *testing.T) {
	t.Parallel()
	for _, says := range []bool{true, false} {
		for _, bad := range [][]int64{{0}, {29}, {4, 5, 20}, {0, 1, 2, 3, 4, 5, 6, 7}} {
			m := unlucky(says, bad...)
			cache := newMemory()
			a := answer.New(answer.Config{Cache: cache})
			got, err := a.Answer(t.Context(), answer.Request{Model: m, Args: span(0, 30), UseCache: true, OnError: answer.Null})
			if err != nil {
				t.Fatal(err)
			}
			verify(t, span(0, 30), got, bad...)
			if n := int64(len(bad)); got.Failed != n || got.Stats.Errors != n || got.Stats.Calls != 30 || cache.size() != 30-len(bad) {
				t.Errorf("%v: %d failed, %+v, %d kept", bad, got.Failed, got.Stats, cache.size())
			}
		}
	}
}

// TestBrokenRuntimeIsNeverNull has a runtime that breaks its promises, which is an error of the statement in any case.
func TestBrokenRuntimeIsNeverNull(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(context.Context, []int64) error{
		"panic": func(context.Context, []int64) error { panic("broken") },
	} {
		m := newModel()
		m.before = before
		for _, concurrency := range []int{1, 2} {
			_, err := answer.New(answer.Config{}).Answer(t.Context(), answer.Request{Model: m, Args: span(0, 30), OnError: answer.Null, Concurrency: concurrency})
			if code(err) != "XX000" || strings.Contains(err.Error(), "goroutine") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	for _, deterministic := range []bool{true, false} {
		m := newModel()
		m.version.Deterministic = deterministic
		a, b := answer.New(answer.Config{}), answer.NewBudget(answer.Limits{MaxCalls: 20})
		if _, err := a.Answer(t.Context(), answer.Request{Model: m, Args: span(0, 12), Budget: b}); err != nil || b.Spent() != 12 {
			t.Fatal(err, b.Spent())
		}
		_, err := a.Answer(t.Context(), answer.Request{Model: m, Args: span(12, 21), Budget: b})
		var e *datalayer.Error
		if !errors.As(err, &e) || e.Code != "54000" || !strings.Contains(e.Message, "at least 21 calls") || e.Detail == "" || e.Hint == "" {
			t.Errorf("%+v", err)
		}
		if m.total() > 20 {
			t.Errorf("%d calls were made", m.total())
		}
	}
}

// TestBudgetBeforeCalls asks for more than a budget allows, of which others have or keep some: nothing is called where what is left
// is too much.
func TestBudgetBeforeCalls(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.most = 4
	a := answer.New(answer.Config{Cache: newMemory()})
	ask := func(from, to, allowed int64) error {
		_, err := a.Answer(t.Context(), answer.Request{Model: m, Args: span(from, to), UseCache: true, CacheAlways: true, Budget: answer.NewBudget(answer.Limits{MaxCalls: allowed})})
		return err
	}
	if err := ask(0, 10, 9); code(err) != "54000" || !strings.Contains(err.Error(), "at least 10 calls") || m.total() != 0 {
		t.Errorf("%d calls, %v", m.total(), err)
	}
	if err := ask(0, 10, 10); err != nil || m.total() != 10 {
		t.Fatalf("%d calls, %v", m.total(), err)
	}
	n, err := a.Needed(t.Context(), answer.Request{Model: m, Args: span(5, 25), UseCache: true, CacheAlways: true})
	if err != nil || n != 15 || m.total() != 10 {
		t.Errorf("%d are needed after %d calls, %v", n, m.total(), err)
	}
	if err := ask(5, 25, 14); code(err) != "54000" || !strings.Contains(err.Error(), "at least 15 calls") || m.total() != 10 {
		t.Errorf("%d calls, %v", m.total(), err)
	}
	if err := ask(5, 25, 15); err != nil || m.total() != 25 {
		t.Errorf("%d calls, %v", m.total(), err)
	}
}

// TestBudgetOfTokens has a model that takes ten tokens for a row, and one row that fails besides.
func TestBudgetOfTokens(t *testing.T) {
	t.Parallel()
	for _, onError := range []answer.OnError{answer.Fail, answer.Null} {
		m := newModel()
		m.before = func(ctx context.Context, ints []int64) error {
			if err := udf.SpendTokens(ctx, 10*int64(len(ints))); err != nil {
				return fmt.Errorf("one way or another: %w", err)
			}
			if onError == answer.Null && slices.Contains(ints, 1) {
				return errors.New("unlucky")
			}
			return nil
		}
		a := answer.New(answer.Config{})
		ask := func(limit int64) error {
			_, err := a.Answer(t.Context(), answer.Request{Model: m, Args: span(0, 20), OnError: onError, Budget: answer.NewBudget(answer.Limits{MaxTokens: limit})})
			return err
		}
		if err := ask(0); err != nil {
			t.Error(err)
		}
		if err := ask(1000); err != nil {
			t.Error(err)
		}
		err := ask(150)
		var e *datalayer.Error
		if !errors.As(err, &e) || e.Code != "54000" || !strings.Contains(e.Message, "predict.max_tokens allows 150") || strings.Contains(e.Detail, "arguments") {
			t.Errorf("%+v", err)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.before = func(ctx context.Context, _ []int64) error { <-ctx.Done(); return ctx.Err() }
	for _, onError := range []answer.OnError{answer.Fail, answer.Null} {
		b := answer.NewBudget(answer.Limits{Timeout: time.Millisecond})
		_, err := answer.New(answer.Config{}).Answer(t.Context(), answer.Request{Model: m, Args: ints(1), Budget: b, OnError: onError})
		if code(err) != "57014" || !strings.Contains(err.Error(), "predict.timeout") {
			t.Error(err)
		}
		b = answer.NewBudget(answer.Limits{Timeout: time.Hour, StatementTimeout: time.Millisecond})
		_, err = answer.New(answer.Config{}).Answer(t.Context(), answer.Request{Model: m, Args: ints(1), Budget: b, OnError: onError})
		if code(err) != "57014" || !strings.Contains(err.Error(), "statement timeout") {
			t.Error(err)
		}
	}
}

// TestTimeoutIsOfTheModels counts the time of all requests, and none between them.
func TestTimeoutIsOfTheModels(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.before = func(context.Context, []int64) error { time.Sleep(5 * time.Millisecond); return nil }
	a := answer.New(answer.Config{})
	ask := func(b *answer.Budget) error {
		_, err := a.Answer(t.Context(), answer.Request{Model: m, Args: ints(1), Budget: b})
		return err
	}
	b, waited := answer.NewBudget(answer.Limits{Timeout: time.Hour}), time.Duration(0)
	for range 3 {
		if err := ask(b); err != nil {
			t.Fatal(err)
		}
		after := b.Waited()
		if after < waited+5*time.Millisecond {
			t.Errorf("%s were waited, after %s", after, waited)
		}
		idle := time.Now()
		await(t, "time passes", func() bool { return time.Since(idle) > 5*time.Millisecond })
		if waited = b.Waited(); waited != after {
			t.Errorf("time between requests counts: %s, after %s", waited, after)
		}
	}
	m.before = func(ctx context.Context, _ []int64) error { <-ctx.Done(); return ctx.Err() }
	b = answer.NewBudget(answer.Limits{Timeout: time.Millisecond})
	for range 2 { // the second has no time left
		if err := ask(b); code(err) != "57014" {
			t.Error(err)
		}
		m.before = nil
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	cause := errors.New("canceled by the test")
	for _, onError := range []answer.OnError{answer.Fail, answer.Null} {
		for _, concurrency := range []int{1, 3} {
			m := newModel()
			ctx, cancel := context.WithCancelCause(t.Context())
			m.before = func(ctx context.Context, _ []int64) error { cancel(cause); <-ctx.Done(); return ctx.Err() }
			_, err := answer.New(answer.Config{}).Answer(ctx, answer.Request{Model: m, Args: span(0, 100), OnError: onError, Concurrency: concurrency})
			if !errors.Is(err, cause) || m.running.Load() != 0 {
				t.Errorf("%v, %d calls still run", err, m.running.Load())
			}
		}
	}
}

// TestFastModelIsNotSlowedDown has a model that answers at once: after its first calls, neither is it looked up in the
// cache nor are its answers kept.
func TestFastModelIsNotSlowedDown(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.slow, m.most = 0, 1024
	cache := newMemory()
	a := answer.New(answer.Config{Cache: cache, CacheFrom: time.Hour})
	ask(t, a, m, span(0, 1024))
	before := cache.lookups
	verify(t, span(0, 5000), ask(t, a, m, span(0, 5000)))
	if cache.lookups != before || cache.size() != 0 {
		t.Errorf("%d looked up, %d kept", cache.lookups-before, cache.size())
	}
	got, err := a.Answer(t.Context(), answer.Request{Model: m, Args: span(0, 10), UseCache: true, CacheAlways: true})
	if err != nil || cache.size() != 10 {
		t.Error("asked for, and not cached", got, err)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	m, cache := newModel(), newMemory()
	a := answer.New(answer.Config{Cache: cache})
	verify(t, span(0, 20), ask(t, a, m, span(0, 20)))
	got := ask(t, a, m, span(10, 30))
	verify(t, span(10, 30), got)
	if got.Stats.Cached != 10 || got.Stats.Calls != 10 || len(m.twice()) > 0 {
		t.Errorf("%+v, twice %v", got.Stats, m.twice())
	}
	if other := newModel(); ask(t, answer.New(answer.Config{Cache: cache}), other, span(0, 30)).Stats.Cached != 30 || other.total() != 0 {
		t.Error("another Answerer does not find them")
	}
	if err := a.Close(); err != nil || !cache.closed {
		t.Error("the cache is not closed")
	}
}

// TestCacheKnowsModelsApart asks models that differ in content or number, and one that has another name alone.
func TestCacheKnowsModelsApart(t *testing.T) {
	t.Parallel()
	cache := newMemory()
	a := answer.New(answer.Config{Cache: cache})
	ask(t, a, newModel(), span(0, 5))
	for name, c := range map[string]struct {
		change func(*datalayer.ModelVersion)
		cached int64
	}{
		"content": {func(v *datalayer.ModelVersion) { v.Hash = "abd" }, 0},
		"number":  {func(v *datalayer.ModelVersion) { v.Version = 4 }, 0},
		"name":    {func(v *datalayer.ModelVersion) { v.Name = "zwei" }, 5},
	} {
		m := newModel()
		c.change(m.version)
		if got := ask(t, a, m, span(0, 5)); got.Stats.Cached != c.cached {
			t.Errorf("another %s: %+v", name, got.Stats)
		}
	}
}

func TestCacheIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fakeModel, *answer.Request){
		"not asked for":     func(_ *fakeModel, r *answer.Request) { r.UseCache = false },
		"not deterministic": func(m *fakeModel, _ *answer.Request) { m.version.Deterministic = false },
	} {
		m, cache := newModel(), newMemory()
		r := answer.Request{Model: m, Args: span(0, 10), UseCache: true}
		change(m, &r)
		a := answer.New(answer.Config{Cache: cache})
		for range 2 {
			if got, err := a.Answer(t.Context(), r); err != nil || got.Stats.Cached != 0 {
				t.Error(name, got.Stats, err)
			}
		}
		if cache.size() != 0 || cache.lookups != 0 || m.total() != 20 {
			t.Errorf("%s: %d kept, %d looked up, %d asked", name, cache.size(), cache.lookups, m.total())
		}
	}
}

// TestCacheOfNonDeterministicModel asks for it; a tuple may then stand in a request several times.
func TestCacheOfNonDeterministicModel(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.version.Deterministic = false
	a := answer.New(answer.Config{Cache: newMemory()})
	r := answer.Request{Model: m, Args: ints(1, 1, 2), UseCache: true, CacheAlways: true}
	for _, cached := range []int64{0, 3} {
		got, err := a.Answer(t.Context(), r)
		if err != nil || got.Stats.Cached != cached {
			t.Error(got.Stats, err)
		}
		verify(t, r.Args, got)
	}
}

// TestCacheOfRubbish has values that nobody put there.
func TestCacheOfRubbish(t *testing.T) {
	t.Parallel()
	m, cache := newModel(), newMemory()
	a := answer.New(answer.Config{Cache: cache})
	ask(t, a, m, span(0, 20))
	for i, k := range slices.Sorted(func(yield func(string) bool) {
		for k := range cache.values {
			if !yield(k) {
				return
			}
		}
	}) {
		cache.values[k] = [][]byte{nil, {}, {2}, {1, 2}, cache.values[k], append(slices.Clone(cache.values[k]), 0)}[i%6]
	}
	got := ask(t, a, m, span(0, 20))
	verify(t, span(0, 20), got)
	if got.Stats.Cached != 3 {
		t.Errorf("%+v", got.Stats)
	}
}

// TestManyAtOnce has many statements ask overlapping tuples while some are canceled: every answer is right, and nothing
// is asked twice but what a canceled one had begun.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, cancels := range []bool{false, true} {
		m := newModel()
		m.concurrency = 2
		a := answer.New(answer.Config{Cache: newMemory()})
		var all sync.WaitGroup
		for g := range 16 {
			all.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), 1))
				for i := range 10 {
					ctx, cancel := context.WithCancel(t.Context())
					if cancels && (g+i)%4 == 0 {
						time.AfterFunc(time.Duration(rng.IntN(2000))*time.Microsecond, cancel)
					}
					args := ints()
					for _, v := range rng.Perm(500)[:100] {
						args[0].Ints = append(args[0].Ints, int64(v))
					}
					got, err := a.Answer(ctx, answer.Request{Model: m, Args: args, UseCache: true})
					switch {
					case err == nil:
						verify(t, args, got)
						if s := got.Stats; s.Calls+s.Cached+s.Shared != 100 {
							t.Errorf("%+v", s)
						}
					case !cancels || !errors.Is(err, context.Canceled):
						t.Error(err)
					}
					cancel()
				}
			})
		}
		all.Wait()
		if twice := m.twice(); !cancels && len(twice) > 0 {
			t.Errorf("asked twice: %v", twice)
		}
	}
}

// TestFirstFailureCounts has the second of two batches fail while the first, which fails too, still runs.
func TestFirstFailureCounts(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.concurrency, m.slow, m.version.Deterministic = 3, 0, false
	second := make(chan struct{})
	m.before = func(ctx context.Context, ints []int64) error {
		switch ints[0] {
		case 0:
			select {
			case <-second:
			case <-time.After(20 * time.Second):
				return errors.New("the second never failed")
			}
			if ctx.Err() != nil {
				return errors.New("canceled by a batch behind it")
			}
			return &udf.RowError{Row: 2, Err: errors.New("unlucky")}
		case 8:
			defer close(second)
			return &udf.RowError{Row: 1, Err: errors.New("unlucky too")}
		}
		<-ctx.Done() // the third is ended by the second
		return ctx.Err()
	}
	_, err := answer.New(answer.Config{}).Answer(t.Context(), answer.Request{Model: m, Args: span(0, 100)})
	var e *datalayer.Error
	if !errors.As(err, &e) || !strings.Contains(e.Detail, "x = 2.") {
		t.Errorf("%+v", err)
	}
	if m.total() > 24 {
		t.Errorf("%d were asked after the failure", m.total())
	}
}

// lengths is a model that gives the length of a text.
type lengths struct{ *fakeModel }

// Predict implements answer.Model.
func (m lengths) Predict(_ context.Context, args []udf.Column) (udf.Column, error) {
	out, bytes := udf.NewColumn(udf.Int8, args[0].Len()), 0
	for i, s := range args[0].Texts {
		out.Ints[i] = int64(len(s))
		bytes += len(s)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, bytes)
	return out, nil
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	args := []udf.Column{{Type: udf.Text}}
	for i := range 100 {
		args[0].Texts = append(args[0].Texts, strings.Repeat("x", []int{1000 + i, i, 5}[i%3]))
	}
	for _, deterministic := range []bool{true, false} {
		m := lengths{newModel()}
		m.most, m.version.Args, m.version.Deterministic = 1000, []udf.Arg{{Type: udf.Text}}, deterministic
		a := answer.New(answer.Config{BatchBytes: 2500})
		a.Relearn(m.version, time.Second) // so that calls are shared where they may
		got, err := a.Answer(t.Context(), answer.Request{Model: m, Args: args})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range args[0].Texts {
			if got.Answers.Ints[i] != int64(len(s)) {
				t.Fatalf("row %d: %d", i, got.Answers.Ints[i])
			}
		}
		if most := slices.Max(m.batches); most > 2500 || len(m.batches) < 10 || len(m.batches) > 25 {
			t.Errorf("batches of %v bytes", m.batches)
		}
		args := []udf.Column{{Type: udf.Text, Texts: []string{strings.Repeat("y", 5000), "z"}}}
		if _, err := a.Answer(t.Context(), answer.Request{Model: m, Args: args}); err != nil || m.batches[len(m.batches)-1] != 1 {
			t.Error(err, m.batches)
		}
	}
}

// TestSlowFirstCall has a model that seemed slow, as for its first call: one fast batch is enough to leave the cache.
func TestSlowFirstCall(t *testing.T) {
	t.Parallel()
	m := newModel()
	m.slow, m.most = 0, 1024
	cache := newMemory()
	a := answer.New(answer.Config{Cache: cache, CacheFrom: time.Hour})
	a.Relearn(m.version, 3*time.Hour)
	verify(t, span(0, 5000), ask(t, a, m, span(0, 5000)))
	if cache.lookups != 1024 || cache.size() != 0 {
		t.Errorf("%d looked up, %d kept", cache.lookups, cache.size())
	}
}

package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// quick makes a queue whose times are short.
func quick(t testing.TB, store keyvalue.Store, name string) *Queue {
	t.Helper()
	return NewQueue(Config{Store: store, Name: name, Lease: 2 * time.Second, Heartbeat: 20 * time.Millisecond, FirstDelay: time.Millisecond,
		LastDelay: 2 * time.Millisecond, LogLines: 5})
}

// work runs a worker until the test ends, or stop is called.
func work(t testing.TB, q *Queue, c WorkerConfig) (stop func()) {
	t.Helper()
	c.Poll = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		NewWorker(q, c).Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

// enqueue adds a job.
func enqueue(t testing.TB, q *Queue, s Spec) (id int64) {
	t.Helper()
	err := q.Store.Update(context.Background(), func(tx keyvalue.Tx) (err error) {
		id, err = q.Enqueue(tx, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	q.Wake()
	return id
}

// until waits until a job is as wanted.
func until(t testing.TB, q *Queue, id int64, what string, ok func(*Job) bool) *Job {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		j, err := q.Job(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ok(j) {
			return j
		}
		if time.Now().After(deadline) {
			t.Fatalf("job %d is not %s: %+v", id, what, j)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// in waits for a state.
func in(t testing.TB, q *Queue, id int64, state State) *Job {
	t.Helper()
	return until(t, q, id, string(state), func(j *Job) bool { return j.State == state })
}

// lines reads a job's log.
func lines(t testing.TB, q *Queue, id int64) string {
	t.Helper()
	var text []string
	if err := q.Lines(context.Background(), id, func(l Line) error {
		text = append(text, fmt.Sprintf("%d %s %s", l.Attempt, l.Level, l.Text))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(text, "\n")
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	q := quick(t, openStore(t), "a")
	var told []Event
	var mu sync.Mutex
	work(t, q, WorkerConfig{
		Handlers: map[string]Handler{"add": func(ctx context.Context, run *Run) error {
			var args struct{ Rows int64 }
			if err := run.Args(&args); err != nil {
				return err
			}
			run.Log("%d rows", args.Rows)
			run.Progress(args.Rows, args.Rows)
			return run.Save(ctx, args.Rows)
		}},
		Notify: func(_ context.Context, events []Event) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, events...)
			return nil
		},
	})
	c := component.Ref{Kind: "listener", Name: "l", Version: 3}
	id := enqueue(t, q, Spec{Kind: "add", Component: c, Args: map[string]any{"rows": 7}, Owner: "ada"})
	j := in(t, q, id, Succeeded)
	if j.Progress.Done != 7 || j.Attempt != 1 || j.Owner != "ada" || j.Component != c || j.FinishedAt.IsZero() || j.Failure != nil {
		t.Errorf("%+v", j)
	}
	if got := lines(t, q, id); got != "1 info 7 rows" {
		t.Errorf("log %q", got)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		mu.Lock()
		text := fmt.Sprint(told)
		mu.Unlock()
		if want := fmt.Sprintf("[{%d add listener l pending } {%d add listener l running } {%d add listener l succeeded }]", id, id, id); text == want {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("told was %s, want %s", text, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	q := quick(t, openStore(t), "a")
	coded := &Error{Code: "22012", Message: "division by zero", Detail: "The argument was 4711.", Hint: "Do not."}
	work(t, q, WorkerConfig{Handlers: map[string]Handler{
		"third time": func(ctx context.Context, run *Run) error {
			if run.Job().Attempt < 3 {
				return coded
			}
			return nil
		},
		"never":   func(context.Context, *Run) error { return coded },
		"useless": func(context.Context, *Run) error { return Permanent(coded) },
		"panics":  func(context.Context, *Run) error { panic("4711") },
	}})
	good := in(t, q, enqueue(t, q, Spec{Kind: "third time"}), Succeeded)
	if log := lines(t, q, good.ID); good.Attempt != 3 || good.Failures != 2 || !strings.Contains(log, "attempt 2 failed: division by zero") || strings.Contains(log, "4711") {
		t.Errorf("%+v, log %s", good, log)
	}
	bad := in(t, q, enqueue(t, q, Spec{Kind: "never", MaxAttempts: 4}), Failed)
	if bad.Attempt != 4 || *bad.Failure != (Failure{"22012", "division by zero", "Do not."}) {
		t.Errorf("%+v, %+v", bad, bad.Failure)
	}
	if j := in(t, q, enqueue(t, q, Spec{Kind: "useless"}), Failed); j.Attempt != 1 {
		t.Errorf("%+v", j)
	}
	if j := in(t, q, enqueue(t, q, Spec{Kind: "panics", MaxAttempts: 2}), Failed); j.Attempt != 2 || j.Failure.Code != "XX000" || strings.Contains(j.Failure.Message, "4711") {
		t.Errorf("%+v, %+v", j, j.Failure)
	}
	if _, err := q.Retry(context.Background(), bad.ID); err != nil {
		t.Fatal(err)
	}
	until(t, q, bad.ID, "failed again", func(j *Job) bool { return j.State == Failed && j.Attempt == 8 })
	if _, err := q.Retry(context.Background(), good.ID); err == nil || err.(*Error).Code != "55000" {
		t.Errorf("Retry of a job that succeeded: %v", err)
	}
}

// waits is a handler that works until its context ends.
func waits(ctx context.Context, _ *Run) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestCancel(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	q, other := quick(t, store, "a"), quick(t, store, "b")
	work(t, q, WorkerConfig{Handlers: map[string]Handler{"waits": waits}})
	for name, asked := range map[string]*Queue{"here": q, "elsewhere": other} {
		id := enqueue(t, q, Spec{Kind: "waits"})
		in(t, q, id, Running)
		next := enqueue(t, q, Spec{Kind: "waits", DependsOn: []int64{id}})
		after := enqueue(t, q, Spec{Kind: "waits", DependsOn: []int64{next}})
		if j, err := asked.Cancel(context.Background(), id, "ada"); err != nil || j.CancelBy != "ada" {
			t.Fatalf("%s: %+v, %v", name, j, err)
		}
		if j := in(t, q, id, Cancelled); j.Failure.Message != "cancelled by ada" || j.Failure.Code != "57014" {
			t.Errorf("%s: %+v", name, j.Failure)
		}
		if j := in(t, q, after, Failed); !strings.Contains(j.Failure.Message, fmt.Sprint(next)) {
			t.Errorf("%s: %+v", name, j.Failure)
		}
		if _, err := asked.Cancel(context.Background(), id, "ada"); err == nil || err.(*Error).Code != "55000" {
			t.Errorf("cancelled twice: %v", err)
		}
		if _, err := q.Retry(context.Background(), next); err == nil {
			t.Error("a job is tried again before the one that it depends on")
		}
	}
	pending := enqueue(t, q, Spec{Kind: "nobody's"})
	if j, err := other.Cancel(context.Background(), pending, "ada"); err != nil || j.State != Cancelled {
		t.Errorf("%+v, %v", j, err)
	}
	if _, err := q.Cancel(context.Background(), 4711, "ada"); err == nil || err.(*Error).Code != "42704" {
		t.Errorf("%v", err)
	}
}

func TestComponentsJobs(t *testing.T) {
	t.Parallel()
	q := quick(t, openStore(t), "a")
	c := component.Ref{Kind: "listener", Name: "l"}
	first := enqueue(t, q, Spec{Kind: "x", Component: c})
	second := enqueue(t, q, Spec{Kind: "x", Component: component.Ref{Kind: "listener", Name: "l", Version: 2}, DependsOn: []int64{first}})
	other := enqueue(t, q, Spec{Kind: "x", Component: component.Ref{Kind: "listener", Name: "ll"}})
	err := q.Store.Update(context.Background(), func(tx keyvalue.Tx) error {
		if all, err := q.Of(tx, c); err != nil || len(all) != 2 {
			t.Errorf("%v, %v", all, err)
		}
		return q.CancelOf(tx, c, "")
	})
	if err != nil {
		t.Fatal(err)
	}
	in(t, q, first, Cancelled)
	in(t, q, second, Failed)
	in(t, q, other, Pending)
}

// TestStop gives a job back when its proxy ends, and another goes on from the saved state.
func TestStop(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	a, b := quick(t, store, "a"), quick(t, store, "b")
	saved := make(chan struct{}, 10)
	handler := func(ctx context.Context, run *Run) error {
		var at int
		known, err := run.State(ctx, &at)
		if err != nil {
			return err
		}
		if known {
			run.Log("goes on from %d", at)
			return nil
		}
		if err := run.Save(ctx, 41); err != nil {
			return err
		}
		saved <- struct{}{}
		return waits(ctx, run)
	}
	stop := work(t, a, WorkerConfig{Handlers: map[string]Handler{"x": handler}})
	id := enqueue(t, a, Spec{Kind: "x", MaxAttempts: 1})
	<-saved
	stop()
	if j, err := a.Job(context.Background(), id); err != nil || j.State != Pending || j.Failures != 0 {
		t.Fatalf("%+v, %v", j, err)
	}
	work(t, b, WorkerConfig{Handlers: map[string]Handler{"x": handler}})
	j := in(t, b, id, Succeeded)
	if log := lines(t, b, id); j.Worker != "b" || log != "2 info goes on from 41" {
		t.Errorf("%+v, log %s", j, log)
	}
}

// TestTakeOver takes a job over from a worker that cannot reach the store any more, and holds that the worker stops before.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	cut := &cuttable{Store: store}
	a, b := quick(t, cut, "a"), quick(t, store, "b")
	var mu sync.Mutex
	running, most := 0, 0
	lost := make(chan error, 1)
	handler := func(ctx context.Context, run *Run) error {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		defer func() {
			mu.Lock()
			running--
			mu.Unlock()
		}()
		if run.Job().Worker == "b" {
			return nil
		}
		<-ctx.Done()
		lost <- context.Cause(ctx)
		return ctx.Err()
	}
	work(t, a, WorkerConfig{Handlers: map[string]Handler{"x": handler}})
	id := enqueue(t, a, Spec{Kind: "x"})
	in(t, b, id, Running)
	cut.cut()
	work(t, b, WorkerConfig{Handlers: map[string]Handler{"x": handler}})
	if j := in(t, b, id, Succeeded); j.Worker != "b" || j.Losses != 1 {
		t.Errorf("%+v", j)
	}
	if err := <-lost; !errors.Is(err, ErrLost) {
		t.Errorf("the first worker was told %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if most != 1 {
		t.Errorf("the job ran in %d places at once", most)
	}
}

// cuttable is a store that can be out of reach.
type cuttable struct {
	keyvalue.Store
	mu  sync.Mutex
	off bool
}

func (c *cuttable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
}

// reach is the error of a store that is out of reach.
func (c *cuttable) reach() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return errors.New("connection refused")
	}
	return nil
}

func (c *cuttable) View(ctx context.Context, read func(keyvalue.Reader) error) error {
	if err := c.reach(); err != nil {
		return err
	}
	return c.Store.View(ctx, read)
}

func (c *cuttable) Update(ctx context.Context, change func(keyvalue.Tx) error) error {
	if err := c.reach(); err != nil {
		return err
	}
	return c.Store.Update(ctx, change)
}

// TestExclusive takes over at once what ran when the only proxy died.
func TestExclusive(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	q := NewQueue(Config{Store: store, Name: "before", Lease: time.Hour})
	id := enqueue(t, q, Spec{Kind: "x"})
	if _, err := q.begin(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	again := NewQueue(Config{Store: store, Name: "after", Lease: time.Hour, Exclusive: true})
	work(t, again, WorkerConfig{Handlers: map[string]Handler{"x": func(context.Context, *Run) error { return nil }}})
	if j := in(t, again, id, Succeeded); j.Attempt != 2 || j.Worker != "after" {
		t.Errorf("%+v", j)
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	q := quick(t, openStore(t), "a")
	ctx := context.Background()
	id, err := q.Do(ctx, Spec{Kind: "validate"}, func(ctx context.Context, run *Run) error {
		run.Progress(3, 4)
		return run.Update(ctx, nil, func(tx keyvalue.Tx) error { return tx.Put(effects, "done", []byte("1")) })
	})
	if j := in(t, q, id, Succeeded); err != nil || !j.Inline || j.Progress.Done != 3 || j.Progress.Of != 3 {
		t.Errorf("%+v, %v", j, err)
	}
	failed := errors.New("no such column")
	if id, err = q.Do(ctx, Spec{Kind: "validate"}, func(context.Context, *Run) error { return failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	in(t, q, id, Failed)
	if _, err := q.Retry(ctx, id); err == nil {
		t.Error("a statement's job is tried again")
	}
	id, err = q.Do(ctx, Spec{Kind: "validate"}, func(ctx context.Context, run *Run) error {
		if _, err := quick(t, q.Store, "b").Cancel(ctx, run.Job().ID, "ada"); err != nil {
			return err
		}
		return waits(ctx, run)
	})
	if j := in(t, q, id, Cancelled); !errors.Is(err, ErrCancelled) || j.Failure.Message != "cancelled by ada" {
		t.Errorf("%+v, %v", j, err)
	}
	ending, end := context.WithCancel(ctx)
	id, err = q.Do(ending, Spec{Kind: "validate"}, func(ctx context.Context, run *Run) error {
		end()
		return waits(ctx, run)
	})
	if j := in(t, q, id, Cancelled); !errors.Is(err, context.Canceled) || j.Failure.Message != "cancelled by the session" {
		t.Errorf("%+v, %v", j, err)
	}
}

// TestOnePlace has several workers at many jobs: each is done once.
func TestOnePlace(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	var mu sync.Mutex
	done := map[int64]int{}
	handler := func(_ context.Context, run *Run) error {
		mu.Lock()
		defer mu.Unlock()
		done[run.Job().ID]++
		return nil
	}
	var q *Queue
	for i := range 3 {
		q = quick(t, store, fmt.Sprint("w", i))
		work(t, q, WorkerConfig{Handlers: map[string]Handler{"x": handler}, Workers: 4})
	}
	const n = 60
	for range n {
		enqueue(t, q, Spec{Kind: "x"})
	}
	for id := int64(1); id <= n; id++ {
		if j := in(t, q, id, Succeeded); j.Attempt != 1 {
			t.Errorf("%+v", j)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for id, times := range done {
		if times != 1 {
			t.Errorf("job %d was done %d times", id, times)
		}
	}
}

// TestPurge removes jobs after their time, and those that are too many, the oldest first, with all that belongs to them.
func TestPurge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	q := NewQueue(Config{Store: openStore(t), Retention: time.Hour, Kept: 2, Now: func() time.Time { return now }})
	for range 4 {
		_, err := q.Do(context.Background(), Spec{Kind: "x"}, func(ctx context.Context, run *Run) error {
			run.Log("a line")
			return run.Save(ctx, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	purged := 0
	for {
		removed, err := q.purge(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !removed {
			break
		}
		purged++
	}
	if _, err := q.Job(context.Background(), 2); purged != 2 || !isNotFound(err) {
		t.Errorf("%d were removed; job 2: %v", purged, err)
	}
	in(t, q, 3, Succeeded)
	now = now.Add(2 * time.Hour)
	for removed := true; removed; {
		var err error
		if removed, err = q.purge(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	_ = q.Store.View(context.Background(), func(r keyvalue.Reader) error {
		for _, space := range []keyvalue.Space{spaceJobs, spaceLogs, spaceState} {
			if err := r.Scan(space, "", "", 0, func(key string, _ []byte) error {
				t.Errorf("%s has %q left", space, key)
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
}

func TestDelay(t *testing.T) {
	t.Parallel()
	q := NewQueue(Config{FirstDelay: time.Second, LastDelay: 10 * time.Second, Jitter: func() float64 { return 0 }})
	for failures, want := range map[int]time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 100: 10} {
		if got := q.delay(failures); got != want*time.Second {
			t.Errorf("after %d failures %v, want %d s", failures, got, want)
		}
	}
	q.Jitter = func() float64 { return 1 }
	if got := q.delay(1); got != time.Second/2 {
		t.Errorf("shortened: %v", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	if got := cut("a\nb\xff" + strings.Repeat("ü", 1000)); len(got) > longestLine+5 || !strings.HasPrefix(got, "a b\uFFFDü") || !strings.HasSuffix(got, "ü…") {
		t.Errorf("%d bytes: %q", len(got), got[len(got)-10:])
	}
	q := quick(t, openStore(t), "a")
	id, err := q.Do(context.Background(), Spec{Kind: "x"}, func(ctx context.Context, run *Run) error {
		for i := range 300 {
			run.Log("line %d", i)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if log := lines(t, q, id); strings.Count(log, "\n") != 4 || !strings.Contains(log, "200 lines came too fast") {
		t.Errorf("%s", log)
	}
	p := Progress{Done: 25, Of: 100, Rate: 5}
	percent, _ := p.Percent()
	if left, _ := p.Left(); percent != 25 || left != 15*time.Second {
		t.Errorf("%v %%, %v left", percent, left)
	}
	if _, known := (Progress{Done: 5}).Percent(); known {
		t.Error("the percentage of an unknown number is known")
	}
}

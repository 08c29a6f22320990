package stream_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// code is the SQLSTATE of an error, "" for none.
func code(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// await waits for a channel to be closed, but not for ever.
func await(c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("never happened")
	}
}

// unlucky is double, but fails for 13.
func unlucky(err error) *memoryModel {
	m := double()
	twice := m.answer
	m.answer = func(args []*int) (*int, error) {
		if *args[0] == 13 {
			return nil, err
		}
		return twice(args)
	}
	return m
}

func TestFailingRowIsFound(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 1, 13, 100, 511, 1000} {
		m := unlucky(&udf.Error{Code: "22012", Message: "unlucky", Detail: "line 3", Hint: "mend it"})
		args := numbers(1001, func(i int) int { return i + 100 })
		*args[at] = 13
		s := &sink{}
		_, _, err := selectList(m, args).run(t).Emit(t.Context(), 0, s)
		var e *datalayer.Error
		if !errors.As(err, &e) || e.Code != "22012" || !strings.Contains(e.Message, `model "double" version 1 failed: unlucky`) ||
			!strings.Contains(e.Detail, "x = 13.") || !strings.Contains(e.Detail, "line 3") || e.Hint != "mend it" {
			t.Errorf("row %d: %+v", at, err)
		}
		if len(s.rows) > at {
			t.Errorf("row %d: %d rows were given", at, len(s.rows))
		}
		if len(m.batches) > 30 {
			t.Errorf("row %d: the model was called %d times", at, len(m.batches))
		}
	}
}

func TestFailingRowIsNull(t *testing.T) {
	t.Parallel()
	m := unlucky(errors.New("unlucky"))
	args := numbers(100, func(i int) int { return i })
	r := selectList(m, args)
	r.settings.OnError = answer.Null
	run, s := r.run(t), &sink{}
	if _, _, err := run.Emit(t.Context(), 0, s); err != nil {
		t.Fatal(err)
	}
	want := rowsOf(args)
	want[13] = "13 NULL"
	equal(t, s.rows, want)
	if run.Failed() != 1 || run.Stats()[0].Errors != 1 {
		t.Errorf("%d rows failed, %+v", run.Failed(), run.Stats()[0])
	}
}

func TestBudgetEndsTheStatement(t *testing.T) {
	t.Parallel()
	m := double()
	r := selectList(m, numbers(100, func(i int) int { return i }))
	r.budget = answer.NewBudget(answer.Limits{MaxCalls: 50})
	_, _, err := r.run(t).Emit(t.Context(), 0, &sink{})
	if code(err) != "54000" || m.asked() > 50 {
		t.Errorf("%v after %d calls", err, m.asked())
	}
}

func TestRowErrorSaysTheRow(t *testing.T) {
	t.Parallel()
	m := double()
	m.most = 10
	m.before = func(_ context.Context, _ int, args []udf.Column) error {
		if i := slices.Index(args[0].Ints, 35); i >= 0 {
			return fmt.Errorf("in between: %w", &udf.RowError{Row: i, Err: errors.New("unlucky")})
		}
		return nil
	}
	_, _, err := selectList(m, numbers(100, func(i int) int { return i })).run(t).Emit(t.Context(), 0, &sink{})
	var e *datalayer.Error
	if !errors.As(err, &e) || e.Code != "38000" || !strings.Contains(e.Detail, "x = 35.") {
		t.Fatalf("%+v", err)
	}
	if slices.Contains(m.batches, 5) {
		t.Errorf("a batch of 10 was halved: %v", m.batches)
	}
}

// TestModelBreaksItsPromises gives answers that are none.
func TestModelBreaksItsPromises(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]func([]udf.Column) (udf.Column, error){
		"too few": func(a []udf.Column) (udf.Column, error) { return udf.Column{Type: udf.Int4, Ints: []int64{1}}, nil },
		"too many": func(a []udf.Column) (udf.Column, error) {
			return udf.Column{Type: udf.Int4, Ints: make([]int64, 99)}, nil
		},
		"nothing": func(a []udf.Column) (udf.Column, error) { return udf.Column{}, nil },
		"another type": func(a []udf.Column) (udf.Column, error) {
			return udf.Column{Type: udf.Text, Texts: make([]string, a[0].Len())}, nil
		},
		"too few NULLs": func(a []udf.Column) (udf.Column, error) {
			return udf.Column{Type: udf.Int4, Ints: a[0].Ints, Nulls: []bool{true}}, nil
		},
		"a wrong row": func(a []udf.Column) (udf.Column, error) {
			return udf.Column{}, &udf.RowError{Row: 1 << 30, Err: errors.New("x")}
		},
		"a negative row": func(a []udf.Column) (udf.Column, error) {
			return udf.Column{}, &udf.RowError{Row: -1, Err: errors.New("x")}
		},
		"panic": func(a []udf.Column) (udf.Column, error) { panic("broken") },
	} {
		m := double()
		m.whole = whole
		s := &sink{}
		_, _, err := selectList(m, numbers(10, func(i int) int { return i })).run(t).Emit(t.Context(), 0, s)
		var e *datalayer.Error
		if !errors.As(err, &e) || len(e.Code) != 5 || !strings.Contains(e.Message, `model "double"`) || len(s.rows) > 0 {
			t.Errorf("%s: %v, %d rows", name, err, len(s.rows))
		}
		if name == "panic" && strings.Contains(e.Message+e.Detail, "goroutine") {
			t.Errorf("the client is told the stack")
		}
	}
}

func TestAnswersOutOfRange(t *testing.T) {
	t.Parallel()
	m := double()
	m.answer = func([]*int) (*int, error) { v := 1 << 40; return &v, nil }
	_, _, err := selectList(m, numbers(1, func(i int) int { return i })).run(t).Emit(t.Context(), 0, &sink{})
	if code(err) != "22003" {
		t.Errorf("%v", err)
	}
}

// TestErrorAheadWaitsForItsRows has the model fail for the second batch while the first is still with it: the first
// batch's rows come out before the error.
func TestErrorAheadWaitsForItsRows(t *testing.T) {
	t.Parallel()
	m := double()
	second := make(chan struct{})
	m.before = func(_ context.Context, call int, args []udf.Column) error {
		switch {
		case args[0].Ints[0] == 0:
			return await(second)
		case args[0].Ints[0] == 16 && args[0].Len() > 1:
			defer close(second)
			return &udf.RowError{Row: 3, Err: errors.New("unlucky")}
		}
		return nil
	}
	s := &sink{}
	_, _, err := selectList(m, numbers(2000, func(i int) int { return i })).run(t).Emit(t.Context(), 0, s)
	if code(err) != "38000" || !strings.Contains(err.(*datalayer.Error).Detail, "x = 19.") || len(s.rows) != 16 {
		t.Errorf("%d rows, then %v", len(s.rows), err)
	}
	if m.running.Load() != 0 {
		t.Error("the model still runs")
	}
}

func TestReadingGoesOnBesideTheModel(t *testing.T) {
	t.Parallel()
	m := double()
	read := make(chan struct{})
	m.before = func(ctx context.Context, call int, _ []udf.Column) error {
		if call == 0 {
			return await(read)
		}
		return nil
	}
	args := numbers(100, func(i int) int { return i })
	r := selectList(m, args)
	r.home.next = func(row int) error {
		if row == 20 {
			close(read)
		}
		return nil
	}
	equal(t, r.all(t), rowsOf(args))
}

// TestNothingOutlivesEmit ends runs in the middle and looks whether the model is left running.
func TestNothingOutlivesEmit(t *testing.T) {
	t.Parallel()
	cause := errors.New("canceled by the test")
	for name, c := range map[string]struct {
		change func(r *rig, stop func())
		want   error
	}{
		"cancel in the model": {func(r *rig, stop func()) {
			r.models[0].before = func(ctx context.Context, _ int, _ []udf.Column) error {
				stop()
				return errors.Join(await(ctx.Done()), ctx.Err())
			}
		}, cause},
		"cancel while home gives rows": {func(r *rig, stop func()) {
			r.models[0].before = func(ctx context.Context, _ int, _ []udf.Column) error {
				return errors.Join(await(ctx.Done()), ctx.Err())
			}
			r.home.next = func(row int) error {
				if row == 30 {
					stop()
				}
				return nil
			}
		}, cause},
		"error of home": {func(r *rig, _ func()) {
			r.models[0].before = func(ctx context.Context, _ int, _ []udf.Column) error {
				return errors.Join(await(ctx.Done()), ctx.Err())
			}
			r.home.next = func(row int) error {
				if row == 30 {
					return errBroken
				}
				return nil
			}
		}, errBroken},
		"error of the client": {func(r *rig, _ func()) {
			r.models[0].before = func(ctx context.Context, _ int, args []udf.Column) error {
				if args[0].Ints[0] > 0 {
					return errors.Join(await(ctx.Done()), ctx.Err())
				}
				return nil
			}
		}, errClient},
	} {
		r := selectList(double(), numbers(1000, func(i int) int { return i }))
		ctx, cancel := context.WithCancelCause(t.Context())
		c.change(r, func() { cancel(cause) })
		s := &sink{row: func(n int) error {
			if n == 10 {
				return errClient
			}
			return nil
		}}
		_, _, err := r.run(t).Emit(ctx, 0, s)
		cancel(nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if n := r.models[0].running.Load(); n != 0 {
			t.Errorf("%s: %d calls of the model outlive Emit", name, n)
		}
	}
}

var (
	errBroken = errors.New("home is broken")
	errClient = errors.New("the client is gone")
)

// TestPanicOfTheCallerWaitsToo has the sink panic while the model runs for the next batch.
func TestPanicOfTheCallerWaitsToo(t *testing.T) {
	t.Parallel()
	r := selectList(double(), numbers(1000, func(i int) int { return i }))
	s := &sink{row: func(int) error { panic("broken") }}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _, _ = r.run(t).Emit(t.Context(), 0, s)
	}()
	if n := r.models[0].running.Load(); n != 0 {
		t.Errorf("%d calls of the model outlive Emit", n)
	}
}

func TestEmitAfterAnError(t *testing.T) {
	t.Parallel()
	broken := true
	s := &sink{row: func(n int) error {
		if n == 10 && broken {
			return errClient
		}
		return nil
	}}
	run := selectList(double(), numbers(100, func(i int) int { return i })).run(t)
	for range 2 {
		if _, _, err := run.Emit(t.Context(), 0, s); !errors.Is(err, errClient) || len(s.rows) != 10 {
			t.Errorf("%v after %d rows", err, len(s.rows))
		}
		broken = false
	}
}

// TestHomeBreaksItsPromises has home answer expressions wrongly.
func TestHomeBreaksItsPromises(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		each func(each func([][]byte) error) error
	}{
		"rows out of order": {func(each func([][]byte) error) error {
			return errors.Join(each([][]byte{int8s(2)}), each([][]byte{int8s(1)}))
		}},
		"a row twice": {func(each func([][]byte) error) error {
			return errors.Join(each([][]byte{int8s(1)}), each([][]byte{int8s(1)}))
		}},
		"row 0":         {func(each func([][]byte) error) error { return each([][]byte{int8s(0)}) }},
		"a far row":     {func(each func([][]byte) error) error { return each([][]byte{int8s(17)}) }},
		"no number":     {func(each func([][]byte) error) error { return each([][]byte{nil}) }},
		"more columns":  {func(each func([][]byte) error) error { return each([][]byte{int8s(1), nil}) }},
		"no columns":    {func(each func([][]byte) error) error { return each(nil) }},
		"its own error": {func(func([][]byte) error) error { return errBroken }},
	} {
		r := where(double(), numbers(16, func(i int) int { return i }))
		home := &brokenHome{memoryHome: r.home, eval: c.each}
		run, err := stream.NewRun(stream.Config{Plan: r.plan, Fields: r.fields, Models: []stream.Model{r.models[0]}, Limits: stream.DefaultLimits()}, home)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := run.Emit(t.Context(), 0, &sink{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r := selectList(double(), numbers(3, func(i int) int { return i }))
	r.home.rows[1] = r.home.rows[1][:2]
	if _, _, err := r.run(t).Emit(t.Context(), 0, &sink{}); err == nil {
		t.Error("a row that lacks a column: no error")
	}
}

// brokenHome answers expressions by itself.
type brokenHome struct {
	*memoryHome
	eval func(func([][]byte) error) error
}

// Eval implements stream.Home.
func (h *brokenHome) Eval(_ context.Context, _ stream.Query, each func([][]byte) error) error {
	return h.eval(each)
}

// TestExpressionLacksRows has home lose a row of an expression that drops none.
func TestExpressionLacksRows(t *testing.T) {
	t.Parallel()
	r := selectList(double(), numbers(3, func(i int) int { return i }))
	r.plan.Computed = 2
	r.plan.Finals = append(r.plan.Finals, planner.Step{Eval: &planner.Eval{Inputs: []planner.ColumnID{-1}, Exprs: []string{"x0"}, Outs: []planner.ColumnID{-2}}})
	r.plan.Outputs[0].Col = -2
	r.home.eval = func(_ stream.Query, in [][]byte) (bool, [][]byte) { return number(in[0]) != 2, [][]byte{[]byte("x")} }
	if _, _, err := r.run(t).Emit(t.Context(), 0, &sink{}); err == nil {
		t.Error("no error")
	}
}

// TestGoroutinesEnd counts them after many runs.
func TestGoroutinesEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 50 {
		r := selectList(double(), numbers(500, func(i int) int { return i }))
		ctx, cancel := context.WithCancel(t.Context())
		r.home.next = func(row int) error {
			if row == i*10 {
				cancel()
			}
			return nil
		}
		_, _, _ = r.run(t).Emit(ctx, 0, &sink{})
		cancel()
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

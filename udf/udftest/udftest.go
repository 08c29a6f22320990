// Package udftest holds what every model runtime must pass: the contract of udf.Runtime and udf.Model, as functions
// that each runtime's own tests call.
package udftest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Case is one model and rows it can answer.
type Case struct {
	Spec udf.Spec
	// Args are columns for the model; Want is the exact answer.
	Args []udf.Column
	Want udf.Column
	// Close is how far a float may be from Want; 0 means equal.
	Close float64
}

// Run holds a runtime to the contract with a case that it can answer.
func Run(t *testing.T, rt udf.Runtime, c Case) {
	t.Helper()
	m, err := rt.Load(context.Background(), c.Spec)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Run("signature", func(t *testing.T) { signature(t, rt, m, c) })
	t.Run("answers", func(t *testing.T) { answers(t, m, c) })
	t.Run("arguments are left alone", func(t *testing.T) { argumentsKept(t, m, c) })
	t.Run("answers are the caller's", func(t *testing.T) { answersKept(t, m, c) })
	t.Run("no rows", func(t *testing.T) { noRows(t, m, c) })
	t.Run("wrong arguments", func(t *testing.T) { wrongArguments(t, m, c) })
	t.Run("ended context", func(t *testing.T) { endedContext(t, rt, m, c) })
	t.Run("side by side", func(t *testing.T) { sideBySide(t, m, c) })
}

// signature checks what the model says of itself.
func signature(t *testing.T, rt udf.Runtime, m udf.Model, c Case) {
	if rt.Name() == "" {
		t.Error("the runtime has no name")
	}
	sig := m.Signature()
	if sig.Returns == udf.Invalid {
		t.Error("the model's answer has no type")
	}
	if sig.Returns != c.Want.Type {
		t.Errorf("returns %v, want %v", sig.Returns, c.Want.Type)
	}
	if len(sig.Args) != len(c.Args) {
		t.Fatalf("%d arguments, want %d", len(sig.Args), len(c.Args))
	}
	names := map[string]bool{}
	for i, a := range sig.Args {
		if a.Type != c.Args[i].Type {
			t.Errorf("argument %d is %v, want %v", i, a.Type, c.Args[i].Type)
		}
		if a.Name == "" || names[a.Name] {
			t.Errorf("argument %d has the name %q", i, a.Name)
		}
		names[a.Name] = true
	}
	if m.MaxBatch() < 1 {
		t.Errorf("MaxBatch is %d", m.MaxBatch())
	}
}

// answers checks the answers of the whole batch, of each row alone and of every split of it, twice: models that keep
// buffers must not let one batch show in the next.
func answers(t *testing.T, m udf.Model, c Case) {
	n := c.Want.Len()
	for range 2 {
		check(t, m, c, 0, n)
		for i := range n {
			check(t, m, c, i, i+1)
		}
		for i := 1; i < n; i++ {
			check(t, m, c, 0, i)
			check(t, m, c, i, n)
		}
	}
}

// check predicts rows lo to hi of the case and compares them.
func check(t *testing.T, m udf.Model, c Case, lo, hi int) {
	t.Helper()
	got, err := m.Predict(context.Background(), slice(c.Args, lo, hi))
	if err != nil {
		t.Fatalf("rows %d to %d: %v", lo, hi, err)
	}
	CheckColumn(t, got, c.Want.Type, hi-lo)
	Compare(t, got, c.Want.Slice(lo, hi), c.Close)
}

// argumentsKept checks that Predict does not write to its arguments.
func argumentsKept(t *testing.T, m udf.Model, c Case) {
	before := make([]udf.Column, len(c.Args))
	for i := range c.Args {
		before[i] = clone(c.Args[i])
	}
	if _, err := m.Predict(context.Background(), c.Args); err != nil {
		t.Fatal(err)
	}
	for i := range before {
		Compare(t, c.Args[i], before[i], 0)
	}
}

// answersKept checks that an answer does not change when the model is used again.
func answersKept(t *testing.T, m udf.Model, c Case) {
	first, err := m.Predict(context.Background(), c.Args)
	if err != nil {
		t.Fatal(err)
	}
	kept := clone(first)
	n := c.Want.Len()
	for i := range n {
		if _, err := m.Predict(context.Background(), slice(c.Args, n-1-i, n)); err != nil {
			t.Fatal(err)
		}
	}
	Compare(t, first, kept, 0)
}

// noRows checks that an empty batch has an empty answer.
func noRows(t *testing.T, m udf.Model, c Case) {
	if len(c.Args) == 0 {
		t.Skip("a model without arguments always has one row")
	}
	got, err := m.Predict(context.Background(), slice(c.Args, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	CheckColumn(t, got, c.Want.Type, 0)
}

// wrongArguments checks that a caller's mistake is an error and no crash.
func wrongArguments(t *testing.T, m udf.Model, c Case) {
	if len(c.Args) == 0 {
		t.Skip("the model has no arguments")
	}
	if _, err := m.Predict(context.Background(), c.Args[1:]); err == nil {
		t.Error("one argument too few is no error")
	}
	other := udf.Bool
	if c.Args[0].Type == udf.Bool {
		other = udf.Int8
	}
	args := append([]udf.Column{udf.NewColumn(other, c.Want.Len())}, c.Args[1:]...)
	if _, err := m.Predict(context.Background(), args); err == nil {
		t.Error("an argument of another type is no error")
	}
}

// endedContext checks that neither Load nor Predict works for a caller that has gone.
func endedContext(t *testing.T, rt udf.Runtime, m udf.Model, c Case) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Predict(ctx, c.Args); !errors.Is(err, context.Canceled) {
		t.Errorf("predict after the context's end: %v", err)
	}
	if other, err := rt.Load(ctx, c.Spec); !errors.Is(err, context.Canceled) {
		t.Errorf("load after the context's end: %v", err)
		if err == nil {
			other.Close()
		}
	}
	answers(t, m, c)
}

// sideBySide checks that one model answers several callers at once, among them some that leave.
func sideBySide(t *testing.T, m udf.Model, c Case) {
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			ctx := context.Background()
			if i%4 == 3 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				go cancel()
			}
			for range 20 {
				got, err := m.Predict(ctx, c.Args)
				if err != nil {
					if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
						t.Errorf("predict: %v", err)
					}
					return
				}
				Compare(t, got, c.Want, c.Close)
			}
		})
	}
	callers.Wait()
}

// Cancel holds a runtime to the contract that Predict returns soon after its context ends, with a model that would run
// for very much longer than the given time.
func Cancel(t *testing.T, rt udf.Runtime, spec udf.Spec, args []udf.Column) {
	t.Helper()
	m, err := rt.Load(context.Background(), spec)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := m.Predict(ctx, args)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v, want the context's", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Predict did not return after its context ended")
	}
}

// slice gives rows lo to hi of each column.
func slice(cols []udf.Column, lo, hi int) []udf.Column {
	out := make([]udf.Column, len(cols))
	for i := range cols {
		out[i] = cols[i].Slice(lo, hi)
	}
	return out
}

// clone copies a column to the depth of its values.
func clone(c udf.Column) udf.Column {
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice {
			f.Set(cloneSlice(f))
		}
	}
	return c
}

// cloneSlice copies a slice, and the slices in it.
func cloneSlice(s reflect.Value) reflect.Value {
	if s.IsNil() {
		return s
	}
	out := reflect.MakeSlice(s.Type(), s.Len(), s.Len())
	for i := range s.Len() {
		if s.Index(i).Kind() == reflect.Slice {
			out.Index(i).Set(cloneSlice(s.Index(i)))
			continue
		}
		out.Index(i).Set(s.Index(i))
	}
	return out
}

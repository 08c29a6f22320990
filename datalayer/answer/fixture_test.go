package answer_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// fakeModel doubles integers. It counts what it is asked.
type fakeModel struct {
	version     *datalayer.ModelVersion
	most        int
	concurrency int
	// slow says how long a row takes; before is called at the begin of every Predict, outside of all locks.
	slow   time.Duration
	before func(ctx context.Context, ints []int64) error
	// bad fails for a value.
	bad func(v int64) error

	mu      sync.Mutex
	asked   map[int64]int
	batches []int
	running atomic.Int32
	most2   atomic.Int32
}

// newModel makes one that takes a millisecond a row, as far as it says, so that its answers are worth keeping.
func newModel() *fakeModel {
	return &fakeModel{
		version: &datalayer.ModelVersion{Name: "double", Version: 3, Hash: "abc", Args: []udf.Arg{{Name: "x", Type: udf.Int8}},
			Returns: udf.Int8, Deterministic: true, NullOnNull: true},
		most: 8, concurrency: 1, slow: time.Millisecond, asked: map[int64]int{},
	}
}

// Version implements answer.Model.
func (m *fakeModel) Version() *datalayer.ModelVersion { return m.version }

// MaxBatch implements answer.Model.
func (m *fakeModel) MaxBatch() int { return m.most }

// Concurrency implements udf.Concurrent.
func (m *fakeModel) Concurrency() int { return m.concurrency }

// Predict implements answer.Model.
func (m *fakeModel) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	now := m.running.Add(1)
	defer m.running.Add(-1)
	for was := m.most2.Load(); now > was && !m.most2.CompareAndSwap(was, now); was = m.most2.Load() {
	}
	ints := []int64{0}
	if len(args) > 0 {
		ints = args[0].Ints
	}
	m.mu.Lock()
	m.batches = append(m.batches, len(ints))
	for _, v := range ints {
		m.asked[v]++
	}
	m.mu.Unlock()
	if m.before != nil {
		if err := m.before(ctx, ints); err != nil {
			return udf.Column{}, err
		}
	}
	if m.slow > 0 {
		select {
		case <-time.After(time.Duration(len(ints)) * m.slow / 100): // the machine's timers are coarse: it is slow enough
		case <-ctx.Done():
			return udf.Column{}, ctx.Err()
		}
	}
	out := udf.NewColumn(udf.Int8, len(ints))
	for i, v := range ints {
		if m.bad != nil {
			if err := m.bad(v); err != nil {
				return udf.Column{}, err
			}
		}
		if v%7 == 3 {
			out.SetNull(i)
		} else {
			out.Ints[i] = 2 * v
		}
	}
	return out, nil
}

// total is the number of rows that the model was asked for.
func (m *fakeModel) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, c := range m.asked {
		n += c
	}
	return n
}

// twice lists what the model was asked more than once.
func (m *fakeModel) twice() []int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []int64
	for v, c := range m.asked {
		if c > 1 {
			list = append(list, v)
		}
	}
	return list
}

// ints are arguments.
func ints(values ...int64) []udf.Column { return []udf.Column{{Type: udf.Int8, Ints: values}} }

// span is the arguments from lo to hi, hi not included.
func span(lo, hi int64) []udf.Column {
	values := make([]int64, hi-lo)
	for i := range values {
		values[i] = lo + int64(i)
	}
	return ints(values...)
}

// verify holds answers against what the model means; those of failed values are NULL.
func verify(t testing.TB, args []udf.Column, got answer.Result, failed ...int64) {
	t.Helper()
	if got.Answers.Len() != args[0].Len() || got.Answers.Type != udf.Int8 {
		t.Fatalf("%d answers of %s for %d rows", got.Answers.Len(), got.Answers.Type, args[0].Len())
	}
	for i, v := range args[0].Ints {
		null := v%7 == 3 || slices.Contains(failed, v)
		if got.Answers.Null(i) != null || !null && got.Answers.Ints[i] != 2*v {
			t.Fatalf("row %d, of %d: %d, NULL %v", i, v, got.Answers.Ints[i], got.Answers.Null(i))
		}
	}
}

// code is the SQLSTATE of an error, "" for none.
func code(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// memory is a Store.
type memory struct {
	mu      sync.Mutex
	values  map[string][]byte
	lookups int
	closed  bool
}

// Get implements answer.Store.
func (m *memory) Get(keys [][]byte, found func(int, []byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lookups += len(keys)
	for i, k := range keys {
		if v, ok := m.values[string(k)]; ok {
			found(i, v)
		}
	}
}

// Put implements answer.Store.
func (m *memory) Put(keys, values [][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, k := range keys {
		m.values[string(k)] = slices.Clone(values[i])
	}
}

// Close implements answer.Store.
func (m *memory) Close() error { m.closed = true; return nil }

// size is the number of values.
func (m *memory) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.values)
}

// newMemory makes an empty Store.
func newMemory() *memory { return &memory{values: map[string][]byte{}} }

// ask asks a model with the cache allowed.
func ask(t testing.TB, a *answer.Answerer, m *fakeModel, args []udf.Column) answer.Result {
	t.Helper()
	r, err := a.Answer(t.Context(), answer.Request{Model: m, Args: args, UseCache: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// await waits for a condition, but not for ever.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}

package stream_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// memoryHome is a stream.Home over rows in memory.
type memoryHome struct {
	rows [][][]byte
	// eval answers one row of an Eval's inputs: whether it is kept, and the values computed.
	eval func(q stream.Query, inputs [][]byte) (bool, [][]byte)
	// next is called before each row that Next gives, by its number.
	next func(row int) error

	at, left int
	open     bool // rows were asked for and not read to their end
	fetches  []int
	evals    []stream.Query
	evalRows []int
	values   [][]byte
}

// Fetch implements stream.Home.
func (h *memoryHome) Fetch(n int) error {
	if h.open {
		return errors.New("rows asked for before the others were read")
	}
	h.open, h.left = true, n
	h.fetches = append(h.fetches, n)
	return nil
}

// Next implements stream.Home as a portal of PostgreSQL does: after the rows asked for it cannot tell the end.
func (h *memoryHome) Next(ctx context.Context) ([][]byte, stream.Status, error) {
	switch {
	case !h.open:
		return nil, stream.End, errors.New("nothing was asked for")
	case ctx.Err() != nil:
		return nil, stream.End, context.Cause(ctx)
	case h.fetches[len(h.fetches)-1] > 0 && h.left == 0:
		h.open = false
		return nil, stream.Paused, nil
	case h.at == len(h.rows):
		h.open = false
		return nil, stream.End, nil
	}
	if h.next != nil {
		if err := h.next(h.at); err != nil {
			return nil, stream.End, err
		}
	}
	for _, v := range h.values { // a value is valid until the next call only
		clear(v)
	}
	h.values = h.values[:0]
	for _, v := range h.rows[h.at] {
		if v != nil {
			v = append([]byte{}, v...)
		}
		h.values = append(h.values, v)
	}
	h.at++
	h.left--
	return h.values, stream.Row, nil
}

// Eval implements stream.Home.
func (h *memoryHome) Eval(_ context.Context, q stream.Query, each func([][]byte) error) error {
	if h.open {
		return errors.New("asked for an expression before the rows were read")
	}
	h.evals = append(h.evals, q)
	inputs := make([][][]byte, len(q.Params))
	n := 0
	for i, p := range q.Params {
		inputs[i] = elements(p)
		n = len(inputs[i])
	}
	h.evalRows = append(h.evalRows, n)
	for row := range n {
		in := make([][]byte, len(inputs))
		for i := range inputs {
			in[i] = inputs[i][row]
		}
		keep, out := h.eval(q, in)
		if !keep {
			continue
		}
		values := append([][]byte{int8s(int64(row + 1))}, out...)
		if err := each(values); err != nil {
			return err
		}
	}
	return nil
}

// elements takes an array in send form apart.
func elements(v []byte) [][]byte {
	if binary.BigEndian.Uint32(v) == 0 {
		return nil
	}
	list := make([][]byte, binary.BigEndian.Uint32(v[12:]))
	v = v[20:]
	for i := range list {
		size := int32(binary.BigEndian.Uint32(v))
		v = v[4:]
		if size >= 0 {
			list[i] = v[:size:size]
			v = v[size:]
		}
	}
	return list
}

func int4(n int) []byte    { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func int8s(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
func text(n int) []byte    { return []byte(strconv.Itoa(n)) }

// number reads an int4.
func number(v []byte) int { return int(int32(binary.BigEndian.Uint32(v))) }

// memoryModel is a model of int4 arguments.
type memoryModel struct {
	most int
	// answer gives a row's answer; args are its arguments, nil for NULL.
	answer func(args []*int) (*int, error)
	// before is called at the begin of every Predict with the number of the call.
	before func(ctx context.Context, call int, args []udf.Column) error
	// whole, if set, answers in place of all.
	whole func(args []udf.Column) (udf.Column, error)

	mu      sync.Mutex
	batches []int
	rows    [][]*int
	running atomic.Int32
}

// MaxBatch implements stream.Model.
func (m *memoryModel) MaxBatch() int { return m.most }

// Predict implements stream.Model.
func (m *memoryModel) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	m.running.Add(1)
	defer m.running.Add(-1)
	n := 1
	if len(args) > 0 {
		n = args[0].Len()
	}
	m.mu.Lock()
	call := len(m.batches)
	m.batches = append(m.batches, n)
	m.mu.Unlock()
	if m.before != nil {
		if err := m.before(ctx, call, args); err != nil {
			return udf.Column{}, err
		}
	}
	if m.whole != nil {
		return m.whole(args)
	}
	out := udf.Column{Type: udf.Int4, Ints: make([]int64, n)}
	for i := range n {
		row := make([]*int, len(args))
		for j := range args {
			if !args[j].Null(i) {
				v := int(args[j].Ints[i])
				row[j] = &v
			}
		}
		m.mu.Lock()
		m.rows = append(m.rows, row)
		m.mu.Unlock()
		v, err := m.answer(row)
		if err != nil {
			return udf.Column{}, err
		}
		if v == nil {
			if out.Nulls == nil {
				out.Nulls = make([]bool, n)
			}
			out.Nulls[i] = true
			continue
		}
		out.Ints[i] = int64(*v)
	}
	return out, nil
}

// asked is the number of rows that the model was asked for.
func (m *memoryModel) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.rows)
}

// sink keeps the rows, as text.
type sink struct {
	rows    []string
	flushes int
	row     func(n int) error
}

// Row implements stream.Sink.
func (s *sink) Row(values [][]byte) error {
	if s.row != nil {
		if err := s.row(len(s.rows)); err != nil {
			return err
		}
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
		if v == nil {
			texts[i] = "NULL"
		}
	}
	s.rows = append(s.rows, strings.Join(texts, " "))
	return nil
}

// Flush implements stream.Sink.
func (s *sink) Flush() error { s.flushes++; return nil }

// rig is a run made ready.
type rig struct {
	plan   *planner.Stream
	fields []stream.Field
	models []*memoryModel
	home   *memoryHome
	limits stream.Limits
	// settings are the session's, for the statement of which budget is.
	settings answer.Settings
	budget   *answer.Budget
}

func (r *rig) run(t testing.TB) *stream.Run {
	t.Helper()
	if r.limits == (stream.Limits{}) {
		r.limits = stream.DefaultLimits()
	}
	models := make([]stream.Model, len(r.models))
	for i, m := range r.models {
		models[i] = m
	}
	run, err := stream.NewRun(stream.Config{Plan: r.plan, Fields: r.fields, Models: models, Settings: r.settings, Budget: r.budget, Limits: r.limits}, r.home)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// all runs a rig to its end.
func (r *rig) all(t testing.TB) []string {
	t.Helper()
	s := &sink{}
	more, n, err := r.run(t).Emit(t.Context(), 0, s)
	if err != nil || more || n != int64(len(s.rows)) {
		t.Fatal(more, n, len(s.rows), err)
	}
	return s.rows
}

// version is a model of so many int4 arguments.
func version(name string, args int) *datalayer.ModelVersion {
	v := &datalayer.ModelVersion{Name: name, Version: 1, Returns: udf.Int4, Deterministic: true, NullOnNull: true}
	for i := range args {
		v.Args = append(v.Args, udf.Arg{Name: string(rune('x' + i)), Type: udf.Int4})
	}
	return v
}

// double is a model that gives twice its argument.
func double() *memoryModel {
	return &memoryModel{most: 1 << 20, answer: func(args []*int) (*int, error) {
		if args[0] == nil {
			return nil, nil
		}
		v := 2 * *args[0]
		return &v, nil
	}}
}

// selectList is SELECT id, predict('double', a): home's columns are id, the place holder and a.
func selectList(m *memoryModel, args []*int) *rig {
	call := &planner.Call{Model: version("double", 1), Args: []planner.ColumnID{0}, Out: -1, Text: "predict('double', a)"}
	r := &rig{
		plan: &planner.Stream{
			Hidden: []planner.Hidden{{Kind: planner.ArgColumn, Type: udf.Int4}}, Calls: []*planner.Call{call},
			Finals:  []planner.Step{{Predict: call}},
			Outputs: []planner.Output{{HomeName: "out", Name: "predict", Col: -1}}, Limit: -1, Computed: 1,
		},
		fields: []stream.Field{{Name: "id", OID: 23}, {Name: "out", OID: 23}, {Name: "a", OID: 23}},
		models: []*memoryModel{m},
		home:   &memoryHome{},
	}
	for i, a := range args {
		row := [][]byte{text(i), nil, nil}
		if a != nil {
			row[2] = int4(*a)
		}
		r.home.rows = append(r.home.rows, row)
	}
	return r
}

// where is SELECT id FROM t WHERE predict('double', a) IN (odd halves): rows with an odd a are kept.
func where(m *memoryModel, args []*int) *rig {
	r := selectList(m, args)
	r.plan.Filters = []planner.Step{r.plan.Finals[0], {Eval: &planner.Eval{Inputs: []planner.ColumnID{-1}, Filter: "odd"}}}
	r.plan.Finals, r.plan.Limited = nil, true
	r.home.eval = func(_ stream.Query, in [][]byte) (bool, [][]byte) { return in[0] != nil && number(in[0])/2%2 != 0, nil }
	return r
}

// numbers gives n arguments by a function of their place.
func numbers(n int, f func(i int) int) []*int {
	list := make([]*int, n)
	for i := range list {
		v := f(i)
		list[i] = &v
	}
	return list
}

// rowsOf are the rows that selectList should give.
func rowsOf(args []*int) []string {
	rows := make([]string, len(args))
	for i, a := range args {
		rows[i] = fmt.Sprintf("%d NULL", i)
		if a != nil {
			rows[i] = fmt.Sprintf("%d %d", i, 2**a)
		}
	}
	return rows
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("row %d of %d and %d differs\n got %q\nwant %q", i, len(got), len(want), got[min(i, len(got)):min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
		}
	}
}

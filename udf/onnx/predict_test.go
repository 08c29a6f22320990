package onnx_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

func TestSignaturesAreReadFromTheFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		model string
		args  []udf.Arg
		want  string
	}{
		{"label_int", nil, "X_0 double precision, X_1 double precision, X_2 double precision, X_3 double precision"},
		{"trees", nil, "sepal_length double precision, sepal_width double precision, petal_length double precision, petal_width double precision"},
		{"mixed", nil, "carrier text, delay double precision, wet boolean"},
		{"vectors", nil, "a bigint, b bigint, c boolean"},
		{"echo_text", nil, "s_0 text"},
		{"any_width", []udf.Arg{arg("p", udf.Int4), arg("q", udf.Invalid)}, "p integer, q double precision"},
		{"regressor", []udf.Arg{arg("a", udf.Int2), arg("b", udf.Numeric), arg("c", udf.Bool)}, "a smallint, b numeric, c boolean"},
	}
	for _, tt := range tests {
		m, err := load(t, tt.model, nil, udf.Invalid, tt.args...)
		if err != nil {
			t.Fatalf("%s: %s", tt.model, describe(err))
		}
		got := ""
		for i, a := range m.Signature().Args {
			if i > 0 {
				got += ", "
			}
			got += a.Name + " " + a.Type.String()
		}
		if got != tt.want {
			t.Errorf("%s takes (%s), want (%s)", tt.model, got, tt.want)
		}
		if !m.Deterministic() {
			t.Errorf("%s is not deterministic", tt.model)
		}
	}
}

// TestArgumentsOfOtherTypes feeds a tensor of floats from every type that it takes.
func TestArgumentsOfOtherTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		x    udf.Column
		want []float64
	}{
		{udf.Column{Type: udf.Bool, Bools: []bool{true, false}}, []float64{1, 0}},
		{udf.Column{Type: udf.Int2, Ints: []int64{-3, 4}}, []float64{-3, 4}},
		{udf.Column{Type: udf.Int8, Ints: []int64{1 << 24, 5}}, []float64{1 << 24, 5}},
		{udf.Column{Type: udf.Float4, Floats: []float64{1.5, 2.5}}, []float64{1.5, 2.5}},
		{udf.Column{Type: udf.Float8, Floats: []float64{0.1, 1e300}}, []float64{float64(float32(0.1)), math.Inf(1)}},
		{udf.Column{Type: udf.Numeric, Texts: []string{"0.5", "NaN"}}, []float64{0.5, math.NaN()}},
		{udf.Column{Type: udf.Numeric, Texts: []string{"-Infinity", "1" + fmt.Sprintf("%0400d", 0)}}, []float64{math.Inf(-1), math.Inf(1)}},
		{udf.Column{Type: udf.Float8, Floats: []float64{0, 7}, Nulls: []bool{true, false}}, []float64{math.NaN(), 7}},
		{udf.Column{Type: udf.Int4, Ints: []int64{0, 7}, Nulls: []bool{true, false}}, []float64{math.NaN(), 7}},
		{udf.Column{Type: udf.Numeric, Texts: []string{"", "7"}, Nulls: []bool{true, false}}, []float64{math.NaN(), 7}},
	}
	for _, tt := range tests {
		m, err := load(t, "echo_float", nil, udf.Invalid, arg("x", tt.x.Type), arg("y", udf.Float8))
		if err != nil {
			t.Fatal(describe(err))
		}
		y := udf.Column{Type: udf.Float8, Floats: []float64{10, 20}}
		got, err := m.Predict(context.Background(), []udf.Column{tt.x, y})
		if err != nil {
			t.Errorf("%v: %s", tt.x.Type, describe(err))
			continue
		}
		want := udf.Column{Type: udf.Float8Array, FloatLists: [][]float64{{tt.want[0], 10}, {tt.want[1], 20}}}
		udftest.Compare(t, got, want, 0)
	}
}

// TestRowsThatCannotBeFed names the row whose argument does not fit the tensor.
func TestRowsThatCannotBeFed(t *testing.T) {
	t.Parallel()
	ints := func(x ...int64) udf.Column { return udf.Column{Type: udf.Int8, Ints: x} }
	bools := udf.Column{Type: udf.Bool, Bools: []bool{true, true}}
	null := ints(1, 0)
	null.Nulls = []bool{false, true}
	nullText := udf.Column{Type: udf.Text, Texts: []string{"a", ""}, Nulls: []bool{false, true}}
	nullBool := udf.Column{Type: udf.Bool, Bools: []bool{true, false}, Nulls: []bool{false, true}}
	number := udf.Column{Type: udf.Numeric, Texts: []string{"1", "one"}}
	tests := []struct {
		name, model string
		declared    []udf.Arg
		args        []udf.Column
		code, says  string
	}{
		{"int32 too large", "vectors", nil, []udf.Column{ints(1, 1<<31), ints(1, 1), bools}, "22003", "int32"},
		{"int32 too small", "vectors", nil, []udf.Column{ints(1, -1<<31-1), ints(1, 1), bools}, "22003", "int32"},
		{"int8", "small_ints", nil, []udf.Column{ints(1, 128), ints(1, 1), ints(1, 1), ints(1, 1), ints(1, 1)}, "22003", "int8"},
		{"uint8", "small_ints", nil, []udf.Column{ints(1, 1), ints(1, -1), ints(1, 1), ints(1, 1), ints(1, 1)}, "22003", "uint8"},
		{"uint32", "small_ints", nil, []udf.Column{ints(1, 1), ints(1, 1), ints(1, 1), ints(1, 1), ints(1, 1<<32)}, "22003", "uint32"},
		{"NULL integer", "vectors", nil, []udf.Column{ints(1, 1), null, bools}, "22004", "int64, which has no NULL"},
		{"NULL bool", "vectors", nil, []udf.Column{ints(1, 1), ints(1, 1), nullBool}, "22004", "bool"},
		{"NULL text", "echo_text", nil, []udf.Column{nullText}, "22004", "string"},
		{"no number", "echo_float", []udf.Arg{arg("x", udf.Numeric), arg("y", udf.Numeric)}, []udf.Column{number, number}, "22P02", "not a number"},
	}
	for _, tt := range tests {
		m, err := load(t, tt.model, nil, udf.Invalid, tt.declared...)
		if err != nil {
			t.Fatal(describe(err))
		}
		_, err = m.Predict(context.Background(), tt.args)
		var row *udf.RowError
		if !errors.As(err, &row) || row.Row != 1 {
			t.Errorf("%s: error is %v, want row 1's", tt.name, err)
			continue
		}
		wantError(t, err, tt.code, tt.says)
	}
}

// TestAnswersOutOfRange names the row whose answer does not fit the declared type.
func TestAnswersOutOfRange(t *testing.T) {
	t.Parallel()
	m, err := load(t, "vectors", nil, udf.Int4)
	if err != nil {
		t.Fatal(describe(err))
	}
	b := udf.Column{Type: udf.Int8, Ints: []int64{1, 1 << 40}}
	_, err = m.Predict(context.Background(), []udf.Column{
		{Type: udf.Int8, Ints: []int64{1, 1}}, b, {Type: udf.Bool, Bools: []bool{true, true}},
	})
	var row *udf.RowError
	if !errors.As(err, &row) || row.Row != 1 {
		t.Fatalf("error is %v, want row 1's", err)
	}
	wantError(t, err, "22003", "1099511627777", "integer")
}

// TestDeclaredReturns converts one output to each type that it can be returned as.
func TestDeclaredReturns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		model, output string
		args          []udf.Column
		want          udf.Column
	}{
		{"echo_text", "t", []udf.Column{{Type: udf.Text, Texts: []string{`a"b`}}}, udf.Column{Type: udf.JSONB, Texts: []string{`"a\"b"`}}},
		{"echo_text", "t", []udf.Column{{Type: udf.Text, Texts: []string{"a"}}}, udf.Column{Type: udf.TextArray, TextLists: [][]string{{"a"}}}},
		{"echo_float", "y", floatPair(1.5, math.NaN()), udf.Column{Type: udf.JSONB, Texts: []string{`[1.5, "NaN"]`}}},
		{"echo_float", "y", floatPair(0.1, math.Inf(-1)), udf.Column{Type: udf.TextArray, TextLists: [][]string{{"0.1", "-Infinity"}}}},
		{"echo_float", "y", floatPair(0.1, 1), udf.Column{Type: udf.Float4Array, FloatLists: [][]float64{{float64(float32(0.1)), 1}}}},
		{"vectors", "flipped", vectorRow(), udf.Column{Type: udf.Text, Texts: []string{"false"}}},
		{"vectors", "flipped", vectorRow(), udf.Column{Type: udf.Int4, Ints: []int64{0}}},
		{"vectors", "flipped", vectorRow(), udf.Column{Type: udf.BoolArray, BoolLists: [][]bool{{false}}}},
		{"vectors", "flipped", vectorRow(), udf.Column{Type: udf.JSON, Texts: []string{"false"}}},
		{"vectors", "total", vectorRow(), udf.Column{Type: udf.Bool, Bools: []bool{true}}},
		{"vectors", "total", vectorRow(), udf.Column{Type: udf.Int8Array, IntLists: [][]int64{{3}}}},
		{"vectors", "total", vectorRow(), udf.Column{Type: udf.Float4, Floats: []float64{3}}},
		{"vectors", "total", vectorRow(), udf.Column{Type: udf.JSONB, Texts: []string{"3"}}},
	}
	for _, tt := range tests {
		m, err := load(t, tt.model, map[string]string{"output": tt.output}, tt.want.Type)
		if err != nil {
			t.Errorf("%s as %v: %s", tt.model, tt.want.Type, describe(err))
			continue
		}
		got, err := m.Predict(context.Background(), tt.args)
		if err != nil {
			t.Errorf("%s as %v: %s", tt.model, tt.want.Type, describe(err))
			continue
		}
		udftest.CheckColumn(t, got, tt.want.Type, 1)
		udftest.Compare(t, got, tt.want, 0)
	}
}

// floatPair is one row for echo_float.
func floatPair(x, y float64) []udf.Column {
	return []udf.Column{{Type: udf.Float8, Floats: []float64{x}}, {Type: udf.Float8, Floats: []float64{y}}}
}

// vectorRow is one row for vectors.
func vectorRow() []udf.Column {
	return []udf.Column{
		{Type: udf.Int8, Ints: []int64{1}}, {Type: udf.Int8, Ints: []int64{2}}, {Type: udf.Bool, Bools: []bool{true}},
	}
}

// TestBatches runs more rows than a batch holds, with batches of a fixed size and of a size that is set.
func TestBatches(t *testing.T) {
	t.Parallel()
	const rows = 1003
	x, y := udf.NewColumn(udf.Float8, rows), udf.NewColumn(udf.Float8, rows)
	want := udf.NewColumn(udf.Float8, rows)
	for i := range rows {
		x.Floats[i], y.Floats[i] = float64(i), float64(i%7)
		want.Floats[i] = x.Floats[i] + y.Floats[i]
	}
	tests := []struct {
		model    string
		maxBatch string
		want     int
	}{
		{"fixed_batch", "", 4096}, {"fixed_batch", "10", 8}, {"fixed_batch", "1", 4},
		{"any_width", "", 4096}, {"any_width", "100", 100}, {"any_width", "1", 1},
	}
	for _, tt := range tests {
		with := map[string]string{}
		if tt.maxBatch != "" {
			with["max_batch"] = tt.maxBatch
		}
		m, err := load(t, tt.model, with, udf.Invalid, arg("x", udf.Float8), arg("y", udf.Float8))
		if err != nil {
			t.Fatal(describe(err))
		}
		if m.MaxBatch() != tt.want {
			t.Errorf("%s with max_batch %q: MaxBatch is %d, want %d", tt.model, tt.maxBatch, m.MaxBatch(), tt.want)
		}
		got, err := m.Predict(context.Background(), []udf.Column{x, y})
		if err != nil {
			t.Fatal(describe(err))
		}
		udftest.Compare(t, got, want, near)
	}
}

func TestCancelStopsARun(t *testing.T) {
	t.Parallel()
	udftest.Cancel(t, library(t), udf.Spec{Name: "slow", Artifact: testModel("slow")},
		[]udf.Column{{Type: udf.Float8, Floats: []float64{1, 2}}})
}

// TestCancelledModelStillWorks checks that a run that was stopped leaves nothing behind that stops the next.
func TestCancelledModelStillWorks(t *testing.T) {
	t.Parallel()
	rt := onnx.New(onnx.Config{Sessions: 1})
	if _, _, err := library(t).Library(); err != nil {
		t.Fatal(err)
	}
	m, err := rt.Load(context.Background(), udf.Spec{Name: "trees", Artifact: testModel("trees")})
	if err != nil {
		t.Fatal(describe(err))
	}
	defer m.Close()
	args, want := expect(t, "trees", "label", m.Signature())
	for range 200 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		if _, err := m.Predict(ctx, args); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(describe(err))
		}
		got, err := m.Predict(context.Background(), args)
		if err != nil {
			t.Fatal(describe(err))
		}
		udftest.Compare(t, got, want, 0)
	}
}

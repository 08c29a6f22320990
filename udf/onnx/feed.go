package onnx

import (
	"fmt"
	"math"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// feed holds the memory of one input, which is used again for each run.
type feed interface {
	// fill takes rows lo to lo+n of the input's arguments, and repeats the last row up to padded rows.
	fill(args []udf.Column, lo, n, padded int) error
	// tensor is the memory's first rows as ONNX Runtime wants them. The feed keeps it.
	tensor(rows int) (ort.Value, error)
	// values are the memory's first rows, as a slice of a Go type that stands for the element type. The feed keeps it.
	values(rows int) Tensor
	// free gives back what ONNX Runtime holds.
	free()
}

// newFeed makes the memory for an input.
func newFeed(in *input) feed {
	switch in.elem {
	case elemFloat:
		return newNumberFeed[float32](in, math.Inf(-1), math.Inf(1))
	case elemDouble:
		return newNumberFeed[float64](in, math.Inf(-1), math.Inf(1))
	case elemInt8:
		return newNumberFeed[int8](in, math.MinInt8, math.MaxInt8)
	case elemInt16:
		return newNumberFeed[int16](in, math.MinInt16, math.MaxInt16)
	case elemInt32:
		return newNumberFeed[int32](in, math.MinInt32, math.MaxInt32)
	case elemInt64:
		return newNumberFeed[int64](in, math.MinInt64, math.MaxInt64)
	case elemUint8:
		return newNumberFeed[uint8](in, 0, math.MaxUint8)
	case elemUint16:
		return newNumberFeed[uint16](in, 0, math.MaxUint16)
	case elemUint32:
		return newNumberFeed[uint32](in, 0, math.MaxUint32)
	case elemUint64:
		return newNumberFeed[uint64](in, 0, math.MaxUint64)
	case elemBool:
		return &boolFeed{memory: memory[bool]{in: in}}
	}
	return &textFeed{in: in}
}

// memory is a tensor over Go's memory, made anew only when the number of rows changes.
type memory[T ort.TensorData] struct {
	in   *input
	buf  []T
	made *ort.Tensor[T]
	rows int
}

// grow makes room for rows, and drops a tensor over memory that is too small.
func (m *memory[T]) grow(rows int) {
	if need := rows * m.in.width; len(m.buf) < need {
		m.free()
		m.buf = make([]T, need)
	}
}

// pad repeats row n-1 up to rows.
func (m *memory[T]) pad(n, rows int) {
	w := m.in.width
	for i := n; i < rows; i++ {
		copy(m.buf[i*w:(i+1)*w], m.buf[(n-1)*w:n*w])
	}
}

// tensor implements feed.
func (m *memory[T]) tensor(rows int) (ort.Value, error) {
	if m.made != nil && m.rows == rows {
		return m.made, nil
	}
	m.free()
	t, err := ort.NewTensor(m.in.shape(rows), m.buf)
	if err != nil {
		return nil, err
	}
	m.made, m.rows = t, rows
	return t, nil
}

// values implements feed.
func (m *memory[T]) values(rows int) Tensor { return m.in.values(m.buf[:rows*m.in.width]) }

// free implements feed.
func (m *memory[T]) free() {
	if m.made != nil {
		m.made.Destroy()
		m.made = nil
	}
}

// shape is the shape of the input's tensor for some rows.
func (in *input) shape(rows int) ort.Shape {
	if in.rank == 1 {
		return ort.NewShape(int64(rows))
	}
	return ort.NewShape(int64(rows), int64(in.width))
}

// values names the input that some values are for.
func (in *input) values(data any) Tensor {
	t := Tensor{Name: in.name, Data: data}
	if in.rank == 2 {
		t.Width = in.width
	}
	return t
}

// number is an element type that holds numbers.
type number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// numberFeed fills a tensor of numbers.
type numberFeed[T number] struct {
	memory[T]
	// float marks a floating-point tensor, whose NULL is NaN. Otherwise low and high are the type's range.
	float     bool
	low, high float64
}

// newNumberFeed makes the memory for an input of numbers in a range.
func newNumberFeed[T number](in *input, low, high float64) feed {
	return &numberFeed[T]{memory: memory[T]{in: in}, float: in.elem.isFloat(), low: low, high: high}
}

// fill implements feed.
func (f *numberFeed[T]) fill(args []udf.Column, lo, n, padded int) error {
	f.grow(padded)
	w := f.in.width
	for k := range w {
		c := &args[f.in.first+k]
		if err := f.column(c, k, lo, n); err != nil {
			return err
		}
		if c.Nulls == nil {
			continue
		}
		for i := range n {
			if !c.Nulls[lo+i] {
				continue
			}
			if !f.float {
				return nullError(lo+i, f.in)
			}
			nan := math.NaN()
			f.buf[i*w+k] = T(nan)
		}
	}
	f.pad(n, padded)
	return nil
}

// column copies one argument to its place in each row.
func (f *numberFeed[T]) column(c *udf.Column, k, lo, n int) error {
	w := f.in.width
	switch c.Type.Storage() {
	case udf.StoreFloats:
		for i, x := range c.Floats[lo : lo+n] {
			f.buf[i*w+k] = T(x)
		}
	case udf.StoreBools:
		for i, x := range c.Bools[lo : lo+n] {
			f.buf[i*w+k] = 0
			if x {
				f.buf[i*w+k] = 1
			}
		}
	case udf.StoreInts:
		for i, x := range c.Ints[lo : lo+n] {
			v := T(x)
			if !f.float && (int64(v) != x || x < 0 && f.low == 0) {
				return &udf.RowError{Row: lo + i, Err: &udf.Error{
					Code:    "22003",
					Message: fmt.Sprintf("%d is out of range for %v, which input %q takes", x, f.in.elem, f.in.name),
				}}
			}
			f.buf[i*w+k] = v
		}
	case udf.StoreTexts: // numeric
		for i, s := range c.Texts[lo : lo+n] {
			if c.Null(lo + i) {
				continue
			}
			x, err := strconv.ParseFloat(s, 64)
			if err != nil && !math.IsInf(x, 0) {
				return &udf.RowError{Row: lo + i, Err: &udf.Error{
					Code:    "22P02",
					Message: fmt.Sprintf("argument for input %q is not a number", f.in.name),
				}}
			}
			f.buf[i*w+k] = T(x)
		}
	}
	return nil
}

// boolFeed fills a tensor of booleans.
type boolFeed struct {
	memory[bool]
}

// fill implements feed.
func (f *boolFeed) fill(args []udf.Column, lo, n, padded int) error {
	f.grow(padded)
	w := f.in.width
	for k := range w {
		c := &args[f.in.first+k]
		for i, x := range c.Bools[lo : lo+n] {
			if c.Null(lo + i) {
				return nullError(lo+i, f.in)
			}
			f.buf[i*w+k] = x
		}
	}
	f.pad(n, padded)
	return nil
}

// textFeed fills a tensor of strings.
type textFeed struct {
	in   *input
	buf  []string
	made *ort.StringTensor
	rows int
}

// fill implements feed.
func (f *textFeed) fill(args []udf.Column, lo, n, padded int) error {
	w := f.in.width
	if need := padded * w; cap(f.buf) < need {
		f.buf = make([]string, need)
	}
	f.buf = f.buf[:padded*w]
	for k := range w {
		c := &args[f.in.first+k]
		for i, s := range c.Texts[lo : lo+n] {
			if c.Null(lo + i) {
				return nullError(lo+i, f.in)
			}
			f.buf[i*w+k] = s
		}
	}
	for i := n; i < padded; i++ {
		copy(f.buf[i*w:(i+1)*w], f.buf[(n-1)*w:n*w])
	}
	return nil
}

// tensor implements feed.
func (f *textFeed) tensor(rows int) (ort.Value, error) {
	if f.made == nil || f.rows != rows {
		f.free()
		t, err := ort.NewStringTensor(f.in.shape(rows))
		if err != nil {
			return nil, err
		}
		f.made, f.rows = t, rows
	}
	err := f.made.SetContents(f.buf)
	clear(f.buf)
	return f.made, err
}

// values implements feed.
func (f *textFeed) values(rows int) Tensor { return f.in.values(f.buf[:rows*f.in.width]) }

// free implements feed.
func (f *textFeed) free() {
	if f.made != nil {
		f.made.Destroy()
		f.made = nil
	}
}

// nullError says that a NULL has no place in an input's type.
func nullError(row int, in *input) error {
	return &udf.RowError{Row: row, Err: &udf.Error{
		Code:    "22004",
		Message: fmt.Sprintf("input %q takes %v, which has no NULL", in.name, in.elem),
		Hint:    "Only inputs of float and double take NULL, as NaN.",
	}}
}

package dask

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// number is what a tensor of numbers holds.
type number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// encode writes the inputs of a run as an Arrow stream of one batch, a column an input; a matrix is a column of lists of
// fixed size. Booleans travel as bytes.
func encode(inputs []onnx.Tensor, rows int) (payload []byte, docs []inputDoc, err error) {
	fields := make([]arrow.Field, len(inputs))
	columns := make([]arrow.Array, len(inputs))
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, t := range inputs {
		flat, dtype, err := flatArray(t.Data)
		if err != nil {
			return nil, nil, fmt.Errorf("input %q: %w", t.Name, err)
		}
		columns[i] = flat
		if t.Width > 0 {
			columns[i] = listOf(flat, t.Width, rows)
			flat.Release()
		}
		fields[i] = arrow.Field{Name: t.Name, Type: columns[i].DataType()}
		docs = append(docs, inputDoc{Name: t.Name, Width: t.Width, DType: dtype})
	}
	schema := arrow.NewSchema(fields, nil)
	batch := array.NewRecordBatch(schema, columns, int64(rows))
	defer batch.Release()
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
	if err := w.Write(batch); err != nil {
		return nil, nil, err
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	return buf.Bytes(), docs, nil
}

// listOf groups the values of an array, width to a row.
func listOf(flat arrow.Array, width, rows int) arrow.Array {
	typ := arrow.FixedSizeListOfNonNullable(int32(width), flat.DataType())
	data := array.NewData(typ, rows, []*memory.Buffer{nil}, []arrow.ArrayData{flat.Data()}, 0, 0)
	defer data.Release()
	return array.NewFixedSizeListData(data)
}

// flatArray makes an array over the values of a tensor, and gives NumPy's name of their type.
func flatArray(data any) (arrow.Array, string, error) {
	switch v := data.(type) {
	case []float32:
		return numbers(v, arrow.PrimitiveTypes.Float32), "float32", nil
	case []float64:
		return numbers(v, arrow.PrimitiveTypes.Float64), "float64", nil
	case []int8:
		return numbers(v, arrow.PrimitiveTypes.Int8), "int8", nil
	case []int16:
		return numbers(v, arrow.PrimitiveTypes.Int16), "int16", nil
	case []int32:
		return numbers(v, arrow.PrimitiveTypes.Int32), "int32", nil
	case []int64:
		return numbers(v, arrow.PrimitiveTypes.Int64), "int64", nil
	case []uint8:
		return numbers(v, arrow.PrimitiveTypes.Uint8), "uint8", nil
	case []uint16:
		return numbers(v, arrow.PrimitiveTypes.Uint16), "uint16", nil
	case []uint32:
		return numbers(v, arrow.PrimitiveTypes.Uint32), "uint32", nil
	case []uint64:
		return numbers(v, arrow.PrimitiveTypes.Uint64), "uint64", nil
	case []bool:
		bytes := make([]uint8, len(v))
		for i, x := range v {
			if x {
				bytes[i] = 1
			}
		}
		return numbers(bytes, arrow.PrimitiveTypes.Uint8), "bool", nil
	case []string:
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		b.AppendValues(v, nil)
		return b.NewArray(), "string", nil
	}
	return nil, "", fmt.Errorf("values of a kind that cannot be sent: %T", data)
}

// numbers makes an array over a slice, without copying it.
func numbers[T number](values []T, typ arrow.DataType) arrow.Array {
	data := array.NewData(typ, len(values), []*memory.Buffer{nil, memory.NewBufferBytes(arrow.GetBytes(values))}, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// decode reads a run's answer. Arrow's reader may panic on what is no Arrow: that is an error.
func decode(h reply, payload []byte) (a onnx.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = onnx.Answer{}, fmt.Errorf("what is no Arrow stream: %v", p)
		}
	}()
	r, err := ipc.NewReader(bytes.NewReader(payload))
	if err != nil {
		return onnx.Answer{}, err
	}
	defer r.Release()
	var parts []arrow.RecordBatch
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	for r.Next() {
		batch := r.RecordBatch()
		batch.Retain()
		parts = append(parts, batch)
	}
	if err := r.Err(); err != nil {
		return onnx.Answer{}, err
	}
	if h.Maps {
		maps, err := decodeMaps(parts, h.Bits)
		return onnx.Answer{Maps: maps}, err
	}
	data, err := decodeFlat(parts, h.DType)
	if err != nil {
		return onnx.Answer{}, err
	}
	return onnx.Answer{Dims: h.Dims, Data: data}, checkDims(h.Dims, data)
}

// checkDims refuses a tensor whose dimensions are not those of its values.
func checkDims(dims []int64, data any) error {
	n := int64(1)
	for _, d := range dims {
		if d < 0 || d > maxPayload || n > maxPayload {
			return fmt.Errorf("a tensor of the shape %v", dims)
		}
		n *= d
	}
	if int64(lengthOf(data)) != n {
		return fmt.Errorf("%d values for a tensor of the shape %v", lengthOf(data), dims)
	}
	return nil
}

// lengthOf is the number of a tensor's values.
func lengthOf(data any) int {
	switch v := data.(type) {
	case []float32:
		return len(v)
	case []float64:
		return len(v)
	case []int8:
		return len(v)
	case []int16:
		return len(v)
	case []int32:
		return len(v)
	case []int64:
		return len(v)
	case []uint8:
		return len(v)
	case []uint16:
		return len(v)
	case []uint32:
		return len(v)
	case []uint64:
		return len(v)
	case []bool:
		return len(v)
	case []string:
		return len(v)
	}
	return -1
}

// decodeFlat copies the values of the first column out of Arrow's memory, as the type that NumPy calls dtype.
func decodeFlat(parts []arrow.RecordBatch, dtype string) (any, error) {
	columns := make([]arrow.Array, len(parts))
	for i, p := range parts {
		if p.NumCols() != 1 || p.Column(0).NullN() != 0 {
			return nil, fmt.Errorf("an answer of %d columns, or with NULLs", p.NumCols())
		}
		columns[i] = p.Column(0)
	}
	switch dtype {
	case "float32":
		return collect(columns, (*array.Float32).Float32Values)
	case "float64":
		return collect(columns, (*array.Float64).Float64Values)
	case "int8":
		return collect(columns, (*array.Int8).Int8Values)
	case "int16":
		return collect(columns, (*array.Int16).Int16Values)
	case "int32":
		return collect(columns, (*array.Int32).Int32Values)
	case "int64":
		return collect(columns, (*array.Int64).Int64Values)
	case "uint8":
		return collect(columns, (*array.Uint8).Uint8Values)
	case "uint16":
		return collect(columns, (*array.Uint16).Uint16Values)
	case "uint32":
		return collect(columns, (*array.Uint32).Uint32Values)
	case "uint64":
		return collect(columns, (*array.Uint64).Uint64Values)
	case "bool":
		values, err := collect(columns, (*array.Uint8).Uint8Values)
		bools := make([]bool, len(values))
		for i, x := range values {
			bools[i] = x != 0
		}
		return bools, err
	case "string":
		return collect(columns, texts)
	}
	return nil, fmt.Errorf("an answer of type %q", dtype)
}

// collect copies the values of arrays of one type.
func collect[A arrow.Array, T any](columns []arrow.Array, values func(A) []T) ([]T, error) {
	all := []T{}
	for _, c := range columns {
		a, ok := c.(A)
		if !ok {
			return nil, fmt.Errorf("a column of %v", c.DataType())
		}
		all = append(all, values(a)...)
	}
	return all, nil
}

// texts copies an array's strings.
func texts(a *array.String) []string {
	all := make([]string, a.Len())
	for i := range all {
		all[i] = string([]byte(a.Value(i)))
	}
	return all
}

// decodeMaps reads ZipMap's maps: a list of labels and a list of probabilities a row.
func decodeMaps(parts []arrow.RecordBatch, bits int) ([]onnx.Map, error) {
	maps := []onnx.Map{}
	for _, p := range parts {
		if p.NumCols() != 2 {
			return nil, fmt.Errorf("maps of %d columns", p.NumCols())
		}
		labels, ok := p.Column(0).(*array.List)
		probabilities, ok2 := p.Column(1).(*array.List)
		if !ok || !ok2 {
			return nil, fmt.Errorf("maps of %v and %v", p.Column(0).DataType(), p.Column(1).DataType())
		}
		keys, ok := labels.ListValues().(*array.String)
		values, ok2 := probabilities.ListValues().(*array.Float64)
		if !ok || !ok2 {
			return nil, fmt.Errorf("maps of %v and %v", p.Column(0).DataType(), p.Column(1).DataType())
		}
		all := texts(keys)
		for i := range int(p.NumRows()) {
			from, to := labels.ValueOffsets(i)
			low, high := probabilities.ValueOffsets(i)
			if to-from != high-low {
				return nil, fmt.Errorf("a map of %d labels and %d probabilities", to-from, high-low)
			}
			maps = append(maps, onnx.Map{
				Labels: all[from:to], Probabilities: slices.Clone(values.Float64Values()[low:high]), Bits: bits,
			})
		}
	}
	return maps, nil
}

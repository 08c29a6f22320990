package dask

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// FuzzDecode reads answers that nobody made: an error or an answer, and no panic.
func FuzzDecode(f *testing.F) {
	for _, t := range []onnx.Tensor{
		{Data: []float32{1, 2}}, {Data: []int64{1, 2}}, {Data: []string{"a", ""}}, {Width: 2, Data: []float64{1, 2, 3, 4}},
	} {
		payload, docs, err := encode([]onnx.Tensor{t}, 2)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload, docs[0].DType, int64(2), false)
		f.Add(payload, "float64", int64(-1), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, dtype string, rows int64, maps bool) {
		a, err := decode(reply{DType: dtype, Dims: []int64{rows}, Maps: maps}, payload)
		if err == nil && !maps && int64(lengthOf(a.Data)) != rows {
			t.Errorf("%d values for %d rows", lengthOf(a.Data), rows)
		}
	})
}

// FuzzReadFrame reads frames that nobody made.
func FuzzReadFrame(f *testing.F) {
	var buf bytes.Buffer
	if err := writeFrame(&buf, request{ID: 7, Op: "run"}, []byte("payload")); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add(make([]byte, 12))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, payload, err := readFrame(bytes.NewReader(data)); err == nil && len(payload) > len(data) {
			t.Errorf("a payload of %d bytes in a frame of %d", len(payload), len(data))
		}
	})
}

// TestTensorsAreReadBack sends each kind of values as an answer.
func TestTensorsAreReadBack(t *testing.T) {
	t.Parallel()
	for _, data := range []any{
		[]float32{1, -2}, []float64{1, 2}, []int8{1, 2}, []int16{1, 2}, []int32{1, 2}, []int64{1, 2}, []uint8{1, 2},
		[]uint16{1, 2}, []uint32{1, 2}, []uint64{1, 1 << 63}, []bool{true, false}, []string{"", "é"},
	} {
		payload, docs, err := encode([]onnx.Tensor{{Name: "x", Data: data}}, 2)
		if err != nil {
			t.Fatal(err)
		}
		a, err := decode(reply{DType: docs[0].DType, Dims: []int64{2}}, payload)
		if err != nil || !reflect.DeepEqual(a.Data, data) {
			t.Errorf("%T came back as %#v (%v)", data, a.Data, err)
		}
	}
}

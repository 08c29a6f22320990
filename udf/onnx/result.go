package onnx

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// result is what a run answers in the output that was asked for: a tensor, or ZipMap's maps.
type result struct {
	// dims are the tensor's dimensions, and data its values as a slice of a Go type that stands for the element type:
	// []float32, []float64, []int8 … []uint64, []bool or []string.
	dims []int64
	data any
	// maps are ZipMap's, a map a row; then data is nil.
	maps []Map
	// done, if it is not nil, lets go what the result's memory belongs to.
	done func()
}

// Map is a row's answer of ZipMap: a probability for each label, in one order.
type Map struct {
	Labels        []string
	Probabilities []float64
	// Bits is 32 or 64, the width that the probabilities had.
	Bits int
}

// release lets the result's memory go.
func (r *result) release() {
	if r.done != nil {
		r.done()
	}
}

// resultOf reads what ONNX Runtime answered; release destroys it.
func resultOf(v ort.Value) (result, error) {
	r := result{done: func() { v.Destroy() }}
	var err error
	if seq, ok := v.(*ort.Sequence); ok {
		r.maps, err = mapsOf(seq)
	} else {
		r.dims = v.GetShape()
		r.data, err = dataOf(v)
	}
	if err != nil {
		r.release()
	}
	return r, err
}

// dataOf gives a tensor's values, in the tensor's own memory.
func dataOf(v ort.Value) (any, error) {
	switch t := v.(type) {
	case *ort.Tensor[float32]:
		return t.GetData(), nil
	case *ort.Tensor[float64]:
		return t.GetData(), nil
	case *ort.Tensor[int8]:
		return t.GetData(), nil
	case *ort.Tensor[int16]:
		return t.GetData(), nil
	case *ort.Tensor[int32]:
		return t.GetData(), nil
	case *ort.Tensor[int64]:
		return t.GetData(), nil
	case *ort.Tensor[uint8]:
		return t.GetData(), nil
	case *ort.Tensor[uint16]:
		return t.GetData(), nil
	case *ort.Tensor[uint32]:
		return t.GetData(), nil
	case *ort.Tensor[uint64]:
		return t.GetData(), nil
	case *ort.Tensor[bool]:
		return t.GetData(), nil
	case *ort.StringTensor:
		texts, err := t.GetContents()
		if err != nil {
			return nil, brokenResult(err.Error())
		}
		return texts, nil
	}
	return nil, brokenResult("an output is of a kind that cannot be read")
}

// mapsOf reads ZipMap's sequence of maps.
func mapsOf(seq *ort.Sequence) ([]Map, error) {
	values, err := seq.GetValues()
	if err != nil {
		return nil, brokenResult(fmt.Sprintf("a sequence of maps cannot be read: %v", err))
	}
	maps := make([]Map, len(values))
	for i, v := range values {
		m, ok := v.(*ort.Map)
		if !ok {
			return nil, brokenResult("an output is a sequence, but not of maps")
		}
		labels, probabilities, bits, err := mapContents(m)
		if err != nil || len(labels) != len(probabilities) {
			return nil, brokenResult("a map of an output cannot be read")
		}
		maps[i] = Map{Labels: labels, Probabilities: probabilities, Bits: bits}
	}
	return maps, nil
}

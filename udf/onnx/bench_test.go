package onnx_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// late is the flights model of the examples: a gradient-boosted classifier.
const late = "../../examples/flights/late.onnx"

// benchArgs makes rows for a model.
func benchArgs(sig udf.Signature, rows int) []udf.Column {
	args := make([]udf.Column, len(sig.Args))
	for k, a := range sig.Args {
		args[k] = udf.NewColumn(a.Type, rows)
		for i := range args[k].Floats {
			args[k].Floats[i] = float64((i*7 + k*13) % 97)
		}
		for i := range args[k].Ints {
			args[k].Ints[i] = int64((i*7 + k*13) % 97)
		}
		for i := range args[k].Texts {
			args[k].Texts[i] = []string{"AA", "UA", "DL"}[i%3]
		}
	}
	return args
}

// BenchmarkPredict measures rows a second through udf.Model, at several batch sizes:
//
//	PINNACLE_ONNXRUNTIME=… go test -run '^$' -bench Predict ./udf/onnx
func BenchmarkPredict(b *testing.B) {
	rt := library(b)
	for _, path := range []string{testModel("label_int"), testModel("trees"), testModel("mixed"), late} {
		for _, rows := range []int{1, 1024, 4096, 8192} {
			b.Run(fmt.Sprintf("%s/rows=%d", filepath.Base(path), rows), func(b *testing.B) {
				m, err := rt.Load(context.Background(), udf.Spec{
					Name: "m", Artifact: path, Options: map[string]string{"max_batch": "8192"},
				})
				if err != nil {
					b.Fatal(describe(err))
				}
				defer m.Close()
				args := benchArgs(m.Signature(), rows)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := m.Predict(context.Background(), args); err != nil {
						b.Fatal(describe(err))
					}
				}
				b.ReportMetric(float64(b.N)*float64(rows)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// BenchmarkSideBySide measures one model with as many callers as there are processors.
func BenchmarkSideBySide(b *testing.B) {
	rt := library(b)
	m, err := rt.Load(context.Background(), udf.Spec{Name: "m", Artifact: late})
	if err != nil {
		b.Fatal(describe(err))
	}
	defer m.Close()
	args := benchArgs(m.Signature(), 4096)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.Predict(context.Background(), args); err != nil {
				b.Error(describe(err))
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkRaw measures ONNX Runtime itself on a tensor that is there already: what BenchmarkPredict can reach at most.
func BenchmarkRaw(b *testing.B) {
	library(b)
	for _, path := range []string{testModel("label_int"), testModel("trees"), late} {
		ins, outs, err := ort.GetInputOutputInfo(path)
		if err != nil {
			b.Fatal(err)
		}
		if len(ins) != 1 || len(ins[0].Dimensions) != 2 || ins[0].DataType != ort.TensorElementDataTypeFloat {
			b.Logf("%s does not take one matrix of floats", path)
			continue
		}
		for _, rows := range []int{1, 1024, 4096, 8192} {
			b.Run(fmt.Sprintf("%s/rows=%d", filepath.Base(path), rows), func(b *testing.B) {
				raw(b, path, ins[0], outs[0].Name, rows)
			})
		}
	}
}

// raw runs a model of one matrix of floats on one tensor, with one thread, and drops what it answers.
func raw(b *testing.B, path string, in ort.InputOutputInfo, output string, rows int) {
	opts, err := ort.NewSessionOptions()
	if err != nil {
		b.Fatal(err)
	}
	defer opts.Destroy()
	if err := opts.SetIntraOpNumThreads(1); err != nil {
		b.Fatal(err)
	}
	s, err := ort.NewDynamicAdvancedSession(path, []string{in.Name}, []string{output}, opts)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Destroy()
	width := int(in.Dimensions[1])
	data := make([]float32, rows*width)
	for i := range data {
		data[i] = float32((i/width*7 + i%width*13) % 97)
	}
	tensor, err := ort.NewTensor(ort.NewShape(int64(rows), int64(width)), data)
	if err != nil {
		b.Fatal(err)
	}
	defer tensor.Destroy()
	for b.Loop() {
		answers := make([]ort.Value, 1)
		if err := s.Run([]ort.Value{tensor}, answers); err != nil {
			b.Fatal(err)
		}
		answers[0].Destroy()
	}
	b.ReportMetric(float64(b.N)*float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

package dask_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/dask"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// BenchmarkPredict measures rows a second of the flights' classifier in this process and on a cluster of two workers on
// the same machine, with as many batches under way as each takes:
//
//	go test -run '^$' -bench Predict ./udf/dask
func BenchmarkPredict(b *testing.B) {
	at, err := filepath.Abs(root)
	if err != nil {
		b.Fatal(err)
	}
	cluster, err := lab.StartDask(context.Background(), at, b.TempDir(), 2)
	if errors.Is(err, lab.ErrNotInstalled) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Stop()
	compute := dask.New(dask.Config{Address: cluster.Address(), Python: cluster.Python(), ConnectTimeout: limit})
	defer compute.Close()
	runtimes := []struct {
		name string
		*onnx.Runtime
	}{
		{"here", onnx.New(onnx.Config{SearchDirs: []string{filepath.Join(root, ".cache", "onnxruntime")}})},
		{"cluster", onnx.New(onnx.Config{Compute: compute})},
	}
	for _, rt := range runtimes {
		m, err := rt.Load(context.Background(), udf.Spec{
			Name: "late", Artifact: filepath.Join(root, "examples", "flights", "late.onnx"), Options: map[string]string{"max_batch": "65536"},
		})
		if err != nil {
			b.Fatalf("%s: %v", rt.name, err)
		}
		for _, rows := range []int{1, 100, 4096, 65_536} {
			b.Run(fmt.Sprintf("%s/rows=%d", rt.name, rows), func(b *testing.B) { together(b, m, arguments(m.Signature(), rows)) })
		}
		if err := m.Close(); err != nil {
			b.Error(err)
		}
	}
}

// together has as many batches under way as the model says.
func together(b *testing.B, m udf.Model, args []udf.Column) {
	batches := make(chan struct{})
	var running sync.WaitGroup
	for range m.(udf.Concurrent).Concurrency() {
		running.Go(func() {
			for range batches {
				if _, err := m.Predict(context.Background(), args); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for b.Loop() {
		batches <- struct{}{}
	}
	close(batches)
	running.Wait()
	b.ReportMetric(float64(b.N)*float64(args[0].Len())/b.Elapsed().Seconds(), "rows/s")
}

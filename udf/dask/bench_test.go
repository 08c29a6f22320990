package dask_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/dask"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// place is where a model runs in a benchmark.
type place struct {
	name string
	*onnx.Runtime
}

// places are this process with a pool of one processor and of all, and a cluster of two workers on the same machine.
func places(b *testing.B) ([]place, *lab.Dask) {
	b.Helper()
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
	compute := dask.New(dask.Config{Address: cluster.Address(), Python: cluster.Python(), ConnectTimeout: limit})
	b.Cleanup(func() {
		if err := errors.Join(compute.Close(), cluster.Stop()); err != nil {
			b.Error(err)
		}
	})
	here := func(processors int) place {
		library := []string{filepath.Join(root, ".cache", "onnxruntime")}
		return place{fmt.Sprintf("local-%d", processors), onnx.New(onnx.Config{SearchDirs: library, IntraOpThreads: 1, Sessions: processors, Pool: udf.NewPool(processors)})}
	}
	all := []place{here(1)}
	if n := runtime.GOMAXPROCS(0); n > 1 {
		all = append(all, here(n))
	}
	return append(all, place{"dask-2", onnx.New(onnx.Config{Compute: compute})}), cluster
}

// BenchmarkCompute measures where a Dask cluster pays: a model of several costs a row, in batches of several sizes, in this
// process and on a cluster of two workers on the same machine, one after the other, with as many batches under way as each
// takes, for a second each (-benchtime 1x). It gives rows a second, and what processor time a row takes on the proxy's side
// (this process and the bridge) and on the cluster's (scheduler and workers), which other work on the machine changes least.
//
//	make bench-dask
func BenchmarkCompute(b *testing.B) {
	all, cluster := places(b)
	models := make([]udf.Model, len(all))
	for i, at := range all {
		m, err := at.Load(context.Background(), udf.Spec{Name: "costly", Artifact: filepath.Join("..", "onnx", "testdata", "costly.onnx"), Options: map[string]string{"max_batch": "16384"}})
		if err != nil {
			b.Fatalf("%s: %v", at.name, err)
		}
		defer m.Close()
		models[i] = m
	}
	for _, turns := range []int64{20, 200, 2000, 20_000, 200_000} { // some 5 ns each
		for _, rows := range []int{1, 128, 1024, 16_384} {
			if turns*int64(rows) > 400_000_000 {
				continue // seconds a batch
			}
			for i, at := range all {
				b.Run(fmt.Sprintf("turns=%d/rows=%d/%s", turns, rows, at.name), func(b *testing.B) {
					args := []udf.Column{udf.NewColumn(models[i].Signature().Args[0].Type, rows), udf.NewColumn(models[i].Signature().Args[1].Type, rows)}
					for r := range rows {
						args[0].Floats[r], args[1].Ints[r] = float64(r%97)/97, turns
					}
					proxy, workers := used(b, cluster)
					done := float64(together(b, models[i], args))
					after, afterwards := used(b, cluster)
					b.ReportMetric((after-proxy)*1e6/done, "cpu-µs/row-proxy")
					b.ReportMetric((afterwards-workers)*1e6/done, "cpu-µs/row-cluster")
				})
			}
		}
	}
}

// BenchmarkPredict measures rows a second of the flights' classifier in this process and on a cluster of two workers on
// the same machine, with as many batches under way as each takes.
func BenchmarkPredict(b *testing.B) {
	all, _ := places(b)
	for _, at := range all {
		m, err := at.Load(context.Background(), udf.Spec{
			Name: "late", Artifact: filepath.Join(root, "examples", "flights", "late.onnx"), Options: map[string]string{"max_batch": "65536"},
		})
		if err != nil {
			b.Fatalf("%s: %v", at.name, err)
		}
		for _, rows := range []int{1, 100, 4096, 65_536} {
			b.Run(fmt.Sprintf("rows=%d/%s", rows, at.name), func(b *testing.B) { together(b, m, arguments(m.Signature(), rows)) })
		}
		if err := m.Close(); err != nil {
			b.Error(err)
		}
	}
}

// span is how long batches are begun in a benchmark.
const span = time.Second

// together has as many batches under way as the model says, and gives the number of rows that were answered.
func together(b *testing.B, m udf.Model, args []udf.Column) (rows int64) {
	var batches atomic.Int64
	var running sync.WaitGroup
	began := time.Now()
	for range m.(udf.Concurrent).Concurrency() {
		running.Go(func() {
			for time.Since(began) < span {
				if _, err := m.Predict(context.Background(), args); err != nil {
					b.Error(err)
					return
				}
				batches.Add(1)
			}
		})
	}
	running.Wait()
	rows = batches.Load() * int64(args[0].Len())
	b.ReportMetric(float64(rows)/time.Since(began).Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
	return rows
}

// used is the processor time, in seconds, of this process and its bridge, and of the processes of a cluster.
func used(b *testing.B, cluster *lab.Dask) (proxy, workers float64) {
	b.Helper()
	theirs := map[int]bool{}
	for _, pid := range cluster.Processes() {
		theirs[pid] = true
		workers += processor(b, pid)
	}
	own := os.Getpid()
	proxy = processor(b, own)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		b.Skipf("processor time cannot be read: %v", err)
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && !theirs[pid] && pid != own && parent(pid) == own {
			proxy += processor(b, pid)
		}
	}
	return proxy, workers
}

// fields are those of /proc/PID/stat behind the program's name, as proc(5) counts them from 3 on; nil where the process is
// gone.
func fields(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
}

// parent is the process that has started another one; 0 where that is gone.
func parent(pid int) int {
	if f := fields(pid); len(f) > 1 {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

// processor is the processor time of a process so far, in seconds: utime and stime, in ticks of 10 ms.
func processor(b *testing.B, pid int) float64 {
	b.Helper()
	f := fields(pid)
	if len(f) < 13 {
		return 0
	}
	user, err := strconv.ParseFloat(f[11], 64)
	system, err2 := strconv.ParseFloat(f[12], 64)
	if err := errors.Join(err, err2); err != nil {
		b.Fatal(err)
	}
	return (user + system) / 100
}

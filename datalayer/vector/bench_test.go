package vector_test

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// vectorsVariable names a file of little-endian float32 vectors of 384 components, which scripts/vectors.py makes of real
// sentences (make bench-vectors). The last thousand of them are queries.
const vectorsVariable = "PINNACLE_BENCH_VECTORS"

const benchDimension = 384

// realVectors reads the file; the benchmark is skipped where there is none.
func realVectors(b *testing.B) (data, queries [][]float32) {
	b.Helper()
	path := os.Getenv(vectorsVariable)
	if path == "" {
		b.Skip(vectorsVariable + " names no file of vectors; scripts/vectors.py makes one")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var all [][]float32
	for lo := 0; lo+4*benchDimension <= len(raw); lo += 4 * benchDimension {
		v := make([]float32, benchDimension)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[lo+4*i:]))
		}
		all = append(all, v)
	}
	if len(all) < 2000 {
		b.Fatalf("%s has only %d vectors", path, len(all))
	}
	if most, err := strconv.Atoi(os.Getenv(vectorsVariable + "_COUNT")); err == nil && most+1000 < len(all) {
		return all[:most], all[len(all)-1000:]
	}
	return all[:len(all)-1000], all[len(all)-1000:]
}

// cpu is the processor time that the process has used, which says more than the clock on a machine that others use too.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkReal prints what processor time an index of real sentence embeddings takes to build, to search and to add to
// (cpu-…), how long its building takes (s-build), and the recall of its searches against exact ones. It is to be run once
// (-benchtime 1x): a round searches for all queries, and each begins with building the index.
func BenchmarkReal(b *testing.B) {
	data, queries := realVectors(b)
	for _, m := range []vector.Measure{vector.Cosine, vector.Dot, vector.L2} {
		b.Run(m.String(), func(b *testing.B) {
			x, err := vector.New(vector.Config{Dimension: benchDimension, Measure: m})
			if err != nil {
				b.Fatal(err)
			}
			items := make([]vector.Item, len(data))
			for i, v := range data {
				items[i] = vector.Item{Key: strconv.Itoa(i), Vector: v}
			}
			start, used := time.Now(), cpu(b)
			if err := x.PutAll(items); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), "s-build")
			b.ReportMetric((cpu(b) - used).Seconds(), "cpu-s-build")
			if err := x.Measure(context.Background()); err != nil {
				b.Fatal(err)
			}
			benchSearches(b, x, queries)
		})
	}
}

// benchSearches reports the figures of one index.
func benchSearches(b *testing.B, x *vector.Index, queries [][]float32) {
	const judged, filtered = 300, 20
	each := func(used time.Duration, n int, unit string) {
		b.ReportMetric(float64((cpu(b)-used).Microseconds())/float64(n), unit)
	}
	used := cpu(b)
	truth := make([][]vector.Match, judged)
	for i := range truth {
		truth[i], _ = x.Exact(queries[i], 10)
	}
	each(used, judged, "cpu-µs-exact")
	hits, few := 0, 0
	for i := range truth {
		found, _ := x.Search(queries[i], 10, nil)
		hits += shared(truth[i], found)
	}
	passes := func(key string) bool { return len(key) > 2 && key[len(key)-2:] == "77" }
	for _, q := range queries[:filtered] {
		all, _ := x.Exact(q, x.Len())
		all = slices.DeleteFunc(all, func(m vector.Match) bool { return !passes(m.Key) })
		found, _ := x.Search(q, 10, passes)
		few += shared(all[:10], found)
	}
	used = cpu(b)
	for _, q := range queries[:filtered] {
		if _, err := x.Search(q, 10, passes); err != nil {
			b.Fatal(err)
		}
	}
	each(used, filtered, "cpu-µs-of-1%")
	used = cpu(b)
	for range b.N {
		for _, q := range queries {
			if _, err := x.Search(q, 10, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	each(used, b.N*len(queries), "cpu-µs-search")
	used = cpu(b)
	for i, q := range queries {
		if err := x.Put(vector.Item{Key: "new" + strconv.Itoa(i), Vector: q}); err != nil {
			b.Fatal(err)
		}
	}
	each(used, len(queries), "cpu-µs-add")
	s := x.Stats()
	b.ReportMetric(float64(hits)/(10*judged), "recall@10")
	b.ReportMetric(float64(few)/(10*filtered), "recall@10-of-1%")
	b.ReportMetric(float64(s.Width), "width")
	b.ReportMetric(float64(s.Bytes)/float64(s.Vectors), "B/vector")
}

// shared is the number of keys that both lists have.
func shared(a, b []vector.Match) int {
	n := 0
	for _, m := range a {
		if slices.ContainsFunc(b, func(o vector.Match) bool { return o.Key == m.Key }) {
			n++
		}
	}
	return n
}

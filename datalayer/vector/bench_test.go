package vector_test

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// vectorsVariable names a file of little-endian float32 vectors of 384 components, which scripts/vectors.py makes of real
// sentences. The last thousand of them are queries.
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

// BenchmarkReal prints how long an index of real sentence embeddings takes to build, to search and to add to, and the
// recall of its searches against exact ones.
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
			start := time.Now()
			if err := x.PutAll(items); err != nil {
				b.Fatal(err)
			}
			build := time.Since(start)
			if err := x.Measure(context.Background()); err != nil {
				b.Fatal(err)
			}
			benchSearches(b, x, queries, build)
		})
	}
}

// benchSearches reports the figures of one index.
func benchSearches(b *testing.B, x *vector.Index, queries [][]float32, build time.Duration) {
	start := time.Now()
	truth := make([][]vector.Match, len(queries))
	for i, q := range queries {
		truth[i], _ = x.Exact(q, 10)
	}
	exact := time.Since(start)
	hits, filtered := 0, 0
	few := func(key string) bool { return len(key) > 2 && key[len(key)-2:] == "77" }
	for i, q := range queries {
		found, _ := x.Search(q, 10, nil)
		hits += shared(truth[i], found)
		if i < 100 {
			all, _ := x.Exact(q, x.Len())
			all = slices.DeleteFunc(all, func(m vector.Match) bool { return !few(m.Key) })
			found, _ = x.Search(q, 10, few)
			filtered += shared(all[:10], found)
		}
	}
	b.ResetTimer()
	for i := range b.N {
		if _, err := x.Search(queries[i%len(queries)], 10, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	start = time.Now()
	for i := range 1000 {
		if err := x.Put(vector.Item{Key: "new" + strconv.Itoa(i), Vector: queries[i%len(queries)]}); err != nil {
			b.Fatal(err)
		}
	}
	s := x.Stats()
	b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "µs/add")
	b.ReportMetric(build.Seconds(), "s/build")
	b.ReportMetric(float64(exact.Microseconds())/float64(len(queries)), "µs/exact")
	b.ReportMetric(float64(hits)/float64(10*len(queries)), "recall@10")
	b.ReportMetric(float64(filtered)/1000, "recall@10-of-1%")
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

package stream_test

import (
	"fmt"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// nothing is a sink that keeps no rows.
type nothing struct{}

// Row implements stream.Sink.
func (nothing) Row([][]byte) error { return nil }

// Flush implements stream.Sink.
func (nothing) Flush() error { return nil }

// BenchmarkEmit streams 100,000 rows by a model that costs next to nothing, so that what lies around the model shows.
func BenchmarkEmit(b *testing.B) {
	const rows = 100_000
	for _, distinct := range []int{10, rows} {
		b.Run(fmt.Sprintf("distinct=%d", distinct), func(b *testing.B) {
			m := double()
			m.most = 4096
			m.whole = func(args []udf.Column) (udf.Column, error) {
				out := udf.NewColumn(udf.Int4, args[0].Len())
				for i, v := range args[0].Ints {
					out.Ints[i] = 2 * v
				}
				return out, nil
			}
			r := selectList(m, numbers(rows, func(i int) int { return i % distinct }))
			for b.Loop() {
				r.home.at = 0
				if _, n, err := r.run(b).Emit(b.Context(), 0, nothing{}); n != rows || err != nil {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

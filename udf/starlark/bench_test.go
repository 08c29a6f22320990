package starlark_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// BenchmarkPredict measures rows a second:
//
//	go test -run '^$' -bench Predict ./udf/starlark
func BenchmarkPredict(b *testing.B) {
	models := []struct {
		name string
		spec udf.Spec
	}{
		{"mph", def("def predict(distance, air_time):\n    return distance / air_time * 60\n", udf.Float8, udf.Float8, udf.Float8)},
		{"branches", def(`
def predict(delay, distance):
    if delay > 60:
        return 1.0
    if delay > 15 and distance < 500:
        return 0.5 + 0.01 * delay
    return 0.1 * math.sqrt(distance)
`, udf.Float8, udf.Float8, udf.Float8)},
		{"dot", def(`
W = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
def predict(x, y):
    s = 0.0
    for i in range(10):
        s += W[i] * x
    return s + y
`, udf.Float8, udf.Float8, udf.Float8)},
		{"text", def(`
def predict(x, y):
    return "%d km" % int(x) if x > y else "far".upper()
`, udf.Text, udf.Float8, udf.Float8)},
	}
	for _, m := range models {
		for _, rows := range []int{1, 2048} {
			b.Run(fmt.Sprintf("%s/rows=%d", m.name, rows), func(b *testing.B) {
				model := load(b, m.spec)
				x, y := make([]float64, rows), make([]float64, rows)
				for i := range x {
					x[i], y[i] = float64(i%97), float64(i%89)+1
				}
				args := []udf.Column{floats(x...), floats(y...)}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := model.Predict(context.Background(), args); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*float64(rows)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

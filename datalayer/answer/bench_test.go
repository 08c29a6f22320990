package answer_test

import (
	"context"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer/badgercache"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// instant is a model that costs next to nothing, so that what lies around the model shows.
type instant struct{ version *datalayer.ModelVersion }

// Version implements answer.Model.
func (m *instant) Version() *datalayer.ModelVersion { return m.version }

// MaxBatch implements answer.Model.
func (m *instant) MaxBatch() int { return 4096 }

// Predict implements answer.Model.
func (m *instant) Predict(_ context.Context, args []udf.Column) (udf.Column, error) {
	out := udf.NewColumn(udf.Int8, args[0].Len())
	for i, v := range args[0].Ints {
		out.Ints[i] = 2 * v
	}
	return out, nil
}

// BenchmarkAnswer answers 8,192 rows, per row: plain by the model alone; shared with calls claimed; missed with the
// cache looked into, claimed, and written; hit from the cache.
func BenchmarkAnswer(b *testing.B) {
	const rows = 8192
	for _, c := range []struct {
		name          string
		deterministic bool
		cache, fresh  bool
	}{{"plain", false, false, false}, {"shared", true, false, false}, {"missed", true, true, true}, {"hit", true, true, false}} {
		b.Run(c.name, func(b *testing.B) {
			config := answer.Config{}
			if c.cache {
				cache, err := badgercache.Open(badgercache.Config{Dir: b.TempDir(), MaxBytes: 256 << 20})
				if err != nil {
					b.Fatal(err)
				}
				config.Cache = cache
			}
			a := answer.New(config)
			m := &instant{version: &datalayer.ModelVersion{Name: "m", Version: 1, Hash: "h", Args: []udf.Arg{{Type: udf.Int8}, {Type: udf.Text}},
				Returns: udf.Int8, Deterministic: c.deterministic}}
			texts := make([]string, rows)
			for i := range texts {
				texts[i] = "some text"
			}
			from := int64(0)
			request := func() answer.Request {
				if c.fresh {
					from += rows
				}
				args := append(span(from, from+rows), udf.Column{Type: udf.Text, Texts: texts})
				return answer.Request{Model: m, Args: args, UseCache: c.cache, CacheAlways: c.cache}
			}
			if _, err := a.Answer(b.Context(), request()); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				a.Relearn(m.version, time.Millisecond) // so that the model seems worth it
				if _, err := a.Answer(b.Context(), request()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			if err := a.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

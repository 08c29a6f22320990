package metrics

import "github.com/prometheus/client_golang/prometheus"

// Answers are what is asked, when metrics are read, of the part that answers predict. A nil function counts as 0.
type Answers struct {
	// Waiting is the number of rows that wait for a call of another statement.
	Waiting func() int
	// CacheBytes is what the cache of answers takes of the disk.
	CacheBytes func() int64
	// CacheDropped counts the answers that the cache had no room for.
	CacheDropped func() int64
}

// WatchAnswers says what to ask; the last one counts.
func (m *Metrics) WatchAnswers(a Answers) { m.answers.Store(&a) }

// answersCollectors make the metrics of Answers.
func (m *Metrics) answersCollectors() []prometheus.Collector {
	ask := func(of func(a *Answers) float64) func() float64 {
		return func() float64 {
			if a := m.answers.Load(); a != nil {
				return of(a)
			}
			return 0
		}
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "predict_waiting", Help: "Rows that wait for a call that another statement has under way."},
			ask(func(a *Answers) float64 { return float64(called(a.Waiting)) })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "predict_cache_bytes", Help: "What the cache of answers takes of the disk, in bytes."},
			ask(func(a *Answers) float64 { return float64(called(a.CacheBytes)) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: "predict_cache_dropped_total", Help: "Answers that the cache of answers had no room for."},
			ask(func(a *Answers) float64 { return float64(called(a.CacheDropped)) })),
	}
}

// called is what a function gives, 0 for none.
func called[T int | int64](f func() T) T {
	if f == nil {
		return 0
	}
	return f()
}

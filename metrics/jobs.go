package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// countTimeout bounds how long the metadata store may take to count jobs when metrics are read.
const countTimeout = 2 * time.Second

// Jobs are what is asked of the queue of jobs when metrics are read.
type Jobs struct {
	// Counts are the jobs of all proxies that are pending and running.
	Counts func(ctx context.Context) (pending, running int, err error)
}

// WatchJobs says what to ask; the last one counts.
func (m *Metrics) WatchJobs(j Jobs) { m.jobs.Store(&j) }

// JobEnded tells of an attempt at a job that ended here: in a final state, or pending where it will be made again.
func (m *Metrics) JobEnded(kind, state string, took time.Duration) {
	kind = m.kinds.of(kind)
	m.jobAttempts.WithLabelValues(kind, state).Inc()
	m.jobSeconds.WithLabelValues(kind).Add(took.Seconds())
}

// jobStates counts jobs by state; where they cannot be counted there is no sample.
type jobStates struct {
	m    *Metrics
	desc *prometheus.Desc
}

func newJobStates(m *Metrics) *jobStates {
	return &jobStates{m, prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "jobs"), "Jobs of all proxies on the metadata store that have not ended, by state.", []string{"state"}, nil)}
}

// Describe implements prometheus.Collector.
func (s *jobStates) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

// Collect implements prometheus.Collector.
func (s *jobStates) Collect(ch chan<- prometheus.Metric) {
	j := s.m.jobs.Load()
	if j == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	pending, running, err := j.Counts(ctx)
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(pending), "pending")
	ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(running), "running")
}

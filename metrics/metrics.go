// Package metrics counts what the proxy does and shows it to Prometheus. Its Metrics implements the observers of wire,
// session and datalayer. No label holds what a client can choose freely without bound.
package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// The most values that a label may have; what comes later is counted under "other".
const (
	maxReasons = 32
	maxPlans   = 32
	maxCodes   = 300
	maxModels  = 1000
	maxKinds   = 32
)

// Metrics holds the collectors, in a registry of their own. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	connectionsOpen  prometheus.Gauge
	connectionsTotal prometheus.Counter
	refused          *prometheus.CounterVec
	requests         *prometheus.CounterVec
	relayed          prometheus.Counter
	statements       *prometheus.CounterVec
	statementSeconds *prometheus.HistogramVec
	errors           *prometheus.CounterVec
	toHome, toClient prometheus.Counter
	homeUp           prometheus.Gauge

	predicted      map[string]*prometheus.CounterVec
	predictSeconds *prometheus.CounterVec
	modelSeconds   *prometheus.HistogramVec

	jobAttempts *prometheus.CounterVec
	jobSeconds  *prometheus.CounterVec

	listeners *listeners

	reasons, plans, codes, models, kinds, listenerNames *bounded

	answers atomic.Pointer[Answers]
	jobs    atomic.Pointer[Jobs]
}

// Build is what pinnacle_build_info tells.
type Build struct{ Version, Commit, Go string }

// New makes the collectors.
func New(build Build) *Metrics {
	m := &Metrics{
		registry:         prometheus.NewRegistry(),
		connectionsOpen:  gauge("connections_open", "Client connections at the moment."),
		connectionsTotal: counter("connections_total", "Client connections accepted."),
		refused:          counters("connections_refused_total", "Connections that did not become a session.", "reason"),
		requests:         counters("requests_total", "Query, Execute and FunctionCall messages of clients, by who answered: relay (the PostgreSQL behind) or proxy.", "by"),
		statements:       counters("statements_total", "Statements that the proxy ran itself, by the kind of plan and outcome (ok or error).", "plan", "outcome"),
		statementSeconds: histogram("statement_seconds", "Time of a statement that the proxy ran itself, in seconds.", "plan"),
		errors:           counters("errors_total", "Errors that the proxy itself raised.", "sqlstate"),
		toHome:           counter("bytes_to_home_total", "Bytes written to the PostgreSQL behind."),
		toClient:         counter("bytes_to_clients_total", "Bytes written to clients."),
		homeUp:           gauge("home_up", "1 while the PostgreSQL behind takes sessions, 0 while it does not."),
		predictSeconds:   counters("predict_model_seconds_total", "Time spent in the model, in seconds.", "model", "version"),
		modelSeconds:     histogram("predict_statement_model_seconds", "Time that one statement spent in the model, in seconds.", "model"),
		jobAttempts:      counters("job_attempts_total", "Attempts at jobs that ended in this proxy, by the state they led to; pending means that another attempt is made.", "kind", "state"),
		jobSeconds:       counters("job_seconds_total", "Time spent on jobs in this proxy, in seconds.", "kind"),
		kinds:            newBounded(maxKinds),
		reasons:          newBounded(maxReasons),
		plans:            newBounded(maxPlans),
		codes:            newBounded(maxCodes),
		models:           newBounded(maxModels),
		listeners:        newListeners(),
		listenerNames:    newBounded(maxListeners),
	}
	m.relayed = m.requests.WithLabelValues("relay")
	m.predicted = make(map[string]*prometheus.CounterVec)
	for name, help := range map[string]string{
		"rows":         "Rows for which an answer was asked.",
		"distinct":     "Distinct arguments among them.",
		"null_skipped": "Rows answered NULL for a NULL argument.",
		"cached":       "Distinct arguments answered from the cache.",
		"shared":       "Distinct arguments answered by a call that another statement had under way.",
		"calls":        "Argument tuples handed to the model.",
		"batches":      "Times that the model was called.",
		"errors":       "Argument tuples that the model could not answer.",
	} {
		m.predicted[name] = counters("predict_"+name+"_total", help, "model", "version")
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "1, with what was built as labels."},
		[]string{"version", "commit", "go"})
	info.WithLabelValues(build.Version, build.Commit, build.Go).Set(1)
	m.registry.MustRegister(m.answersCollectors()...)
	m.registry.MustRegister(m.connectionsOpen, m.connectionsTotal, m.refused, m.requests, m.statements, m.statementSeconds, m.errors,
		m.jobAttempts, m.jobSeconds, newJobStates(m), m.toHome, m.toClient, m.homeUp, m.predictSeconds, m.modelSeconds, info,
		m.listeners.rows, m.listeners.behindRows, m.listeners.behindDuration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range m.predicted {
		m.registry.MustRegister(c)
	}
	return m
}

// namespace begins the names of the proxy's metrics.
const namespace = "pinnacle"

// counter makes a counter.
func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

// counters makes a counter with labels.
func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// gauge makes a gauge.
func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

// histogram makes a histogram of seconds, from 0.1 ms to about 100 s.
func histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help,
		Buckets: prometheus.ExponentialBuckets(0.0001, 4, 11)}, labels)
}

// ConnectionOpened implements wire.Observer.
func (m *Metrics) ConnectionOpened() {
	m.connectionsTotal.Inc()
	m.connectionsOpen.Inc()
}

// ConnectionClosed implements wire.Observer.
func (m *Metrics) ConnectionClosed() { m.connectionsOpen.Dec() }

// ConnectionRefused implements wire.Observer.
func (m *Metrics) ConnectionRefused(reason string) {
	m.refused.WithLabelValues(m.reasons.of(reason)).Inc()
}

// Statement implements wire.Observer.
func (m *Metrics) Statement(kind string) {
	if kind == "relay" {
		m.relayed.Inc()
		return
	}
	m.requests.WithLabelValues(m.plans.of(kind)).Inc()
}

// ErrorSent implements wire.Observer.
func (m *Metrics) ErrorSent(code string) { m.errors.WithLabelValues(m.codes.of(code)).Inc() }

// Bytes implements wire.Observer.
func (m *Metrics) Bytes(toHome, toClient int) {
	m.toHome.Add(float64(toHome))
	m.toClient.Add(float64(toClient))
}

// StatementDone implements session.Observer.
func (m *Metrics) StatementDone(plan string, took time.Duration, failed bool) {
	plan, outcome := m.plans.of(plan), "ok"
	if failed {
		outcome = "error"
	}
	m.statements.WithLabelValues(plan, outcome).Inc()
	m.statementSeconds.WithLabelValues(plan).Observe(took.Seconds())
}

// Predicted implements datalayer.Observer.
func (m *Metrics) Predicted(model string, version int, s datalayer.CallStats) {
	v := strconv.Itoa(version)
	if m.models.of(model+"@"+v) == other {
		model, v = other, ""
	}
	for name, n := range map[string]int64{"rows": s.Rows, "distinct": s.Distinct, "null_skipped": s.NullSkipped, "cached": s.Cached,
		"shared": s.Shared, "calls": s.Calls, "batches": s.Batches, "errors": s.Errors} {
		m.predicted[name].WithLabelValues(model, v).Add(float64(n))
	}
	m.predictSeconds.WithLabelValues(model, v).Add(s.Busy.Seconds())
	m.modelSeconds.WithLabelValues(model).Observe(s.Busy.Seconds())
}

// HomeUp notes whether the PostgreSQL behind takes sessions.
func (m *Metrics) HomeUp(up bool) {
	if up {
		m.homeUp.Set(1)
		return
	}
	m.homeUp.Set(0)
}

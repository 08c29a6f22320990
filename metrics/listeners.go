package metrics

import "github.com/prometheus/client_golang/prometheus"

// listeners count what is done for listeners.
type listeners struct {
	rows                       *prometheus.CounterVec
	behindRows, behindDuration *prometheus.GaugeVec
}

// maxListeners bounds the label listener.
const maxListeners = 1000

// newListeners makes the collectors.
func newListeners() *listeners {
	gauges := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, []string{"listener"})
	}
	return &listeners{
		rows:           counters("listener_rows_total", "Source rows of listeners, by what became of their outputs: written, removed, or failed.", "listener", "outcome"),
		behindRows:     gauges("listener_behind_rows", "Rows whose outputs are known to be out of date."),
		behindDuration: gauges("listener_behind_seconds", "How long ago the oldest change was that outputs do not follow yet, in seconds."),
	}
}

// Kept implements listener.Observer.
func (m *Metrics) Kept(listener string, written, removed, failed int64) {
	name := m.listenerNames.of(listener)
	m.listeners.rows.WithLabelValues(name, "written").Add(float64(written))
	m.listeners.rows.WithLabelValues(name, "removed").Add(float64(removed))
	m.listeners.rows.WithLabelValues(name, "failed").Add(float64(failed))
}

// Behind implements listener.Observer.
func (m *Metrics) Behind(listener string, rows int64, seconds float64) {
	name := m.listenerNames.of(listener)
	m.listeners.behindRows.WithLabelValues(name).Set(float64(rows))
	m.listeners.behindDuration.WithLabelValues(name).Set(seconds)
}

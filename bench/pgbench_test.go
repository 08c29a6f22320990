package main

import (
	"os"
	"strings"
	"testing"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	const lines = "pgbench (15.18)\nprogress: 1.0 s, 10.0 tps, lat 0.4 ms stddev 1.4, 0 failed\n" +
		"progress: 2.0 s, 20.0 tps, lat 0.4 ms\nprogress: 4.0 s, 40.0 tps, lat 0.4 ms\nprogress: 5.0 s, 80.0 tps\n"
	for _, c := range []struct {
		name                  string
		from, to              float64
		transactions, seconds float64
	}{
		{"all", 0, 9, 190, 5},
		{"the first left out", 1, 9, 180, 4},
		{"the last too", 1, 4, 100, 3},
		{"a border inside a line counts it not before, and whole after", 3, 4.5, 80, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := &meter{at: &endpoint{port: 1, pid: os.Getpid()}, from: c.from, to: c.to}
			if err := m.read(strings.NewReader(lines)); err != nil {
				t.Fatal(err)
			}
			if m.transactions != c.transactions || m.seconds != c.seconds {
				t.Errorf("%v transactions in %v seconds, want %v in %v", m.transactions, m.seconds, c.transactions, c.seconds)
			}
		})
	}
	m := &meter{at: &endpoint{port: 1, pid: os.Getpid()}, from: 6, to: 9}
	if err := m.read(strings.NewReader(lines)); err == nil {
		t.Error("no transactions after the sixth second were no error")
	}
}

package main

import (
	"math"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		samples []float64
		want    float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 9}, 3},
	} {
		if got := median(c.samples); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.samples, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN", got)
	}
}

func TestReportVerdicts(t *testing.T) {
	t.Parallel()
	var r report
	r.add("speed", "rows/s", []float64{1, 3, 2})
	r.ratio("good", []float64{9, 10}, []float64{10, 10}, 0.9)
	r.ratio("poor", []float64{5, 20}, []float64{10, 10000}, 0.9)
	r.ratio("free", []float64{1}, []float64{4}, noAim)
	r.atMost("small", "KiB", 64, 64)
	r.atMost("large", "KiB", 65, 64)
	var out strings.Builder
	r.print(&out)
	for _, line := range strings.Split(out.String(), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		last := words[len(words)-1]
		want := map[string]string{"speed": "3.00", "good": "reached", "poor": "missed", "free": "0.25", "small": "reached", "large": "missed"}
		if w, ok := want[words[0]]; ok && last != w {
			t.Errorf("line %q ends with %q, want %q", line, last, w)
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	var e endpoint
	if err := e.Set("5432:17"); err != nil || e != (endpoint{5432, 17}) {
		t.Errorf("Set gave %v, %v", e, err)
	}
	for _, bad := range []string{"", "5432", "5432:", ":17", "a:b", "0:1", "1:-1"} {
		if err := e.Set(bad); err == nil {
			t.Errorf("Set(%q) is no error", bad)
		}
	}
}

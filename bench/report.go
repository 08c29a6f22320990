package main

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// report is what was measured, in the order of measuring.
type report struct {
	lines   []line
	verdict []verdict
}

// line is one figure: the samples of the rounds.
type line struct {
	title   string
	unit    string
	samples []float64
}

// noAim stands for an aim where there is none.
const noAim = 0

// verdict is one ratio or figure with its aim.
type verdict struct {
	title string
	value float64
	unit  string
	aim   float64
	// most says that the aim is an upper bound.
	most bool
}

// add notes a figure's samples and gives their median.
func (r *report) add(title, unit string, samples []float64) float64 {
	r.lines = append(r.lines, line{title, unit, samples})
	return median(samples)
}

// ratio notes the median of a[i]/b[i], which must reach aim.
func (r *report) ratio(title string, a, b []float64, aim float64) {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	r.verdict = append(r.verdict, verdict{title: title, value: median(ratios), aim: aim})
}

// ratioAtMost notes the median of a[i]/b[i], which must not be greater than aim.
func (r *report) ratioAtMost(title string, a, b []float64, aim float64) {
	r.ratio(title, a, b, aim)
	r.verdict[len(r.verdict)-1].most = true
}

// atMost notes a figure that must not be greater than aim.
func (r *report) atMost(title, unit string, value, aim float64) {
	r.verdict = append(r.verdict, verdict{title: title, value: value, unit: unit, aim: aim, most: true})
}

// print writes all figures with their medians and ranges, and then the ratios with their aims.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\n%-64s %12s   %-14s %s\n", "", "median", "unit", "range of the rounds")
	for _, l := range r.lines {
		fmt.Fprintf(w, "%-64s %12s   %-14s", l.title, figure(median(l.samples)), l.unit)
		if len(l.samples) > 1 {
			fmt.Fprintf(w, " %s … %s", figure(slices.Min(l.samples)), figure(slices.Max(l.samples)))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	for _, v := range r.verdict {
		fmt.Fprintf(w, "%-64s %12s   %-14s", v.title, figure(v.value), v.unit)
		switch {
		case v.aim == noAim:
		case v.most:
			fmt.Fprintf(w, " aim: at most %s, %s", figure(v.aim), reached(v.value <= v.aim))
		default:
			fmt.Fprintf(w, " aim: at least %s, %s", figure(v.aim), reached(v.value >= v.aim))
		}
		fmt.Fprintln(w)
	}
}

func reached(yes bool) string {
	if yes {
		return "reached"
	}
	return "missed"
}

// figure prints three significant digits or all digits before the point, whichever is more.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// median is the middle of the samples, NaN when there are none.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(samples))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

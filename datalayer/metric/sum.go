package metric

import "math"

// sum adds numbers without losing the small ones beside the large: Neumaier's form of Kahan's compensated summation (A.
// Neumaier, Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen, 1974). The error does not grow with
// the number of terms.
type sum struct{ total, lost float64 }

// add adds one number.
func (s *sum) add(x float64) {
	t := s.total + x
	if math.Abs(s.total) >= math.Abs(x) {
		s.lost += (s.total - t) + x
	} else {
		s.lost += (x - t) + s.total
	}
	s.total = t
}

// value is the sum.
func (s *sum) value() float64 {
	if math.IsInf(s.total, 0) || math.IsNaN(s.total) {
		return s.total
	}
	return s.total + s.lost
}

// spread is the sum of squared distances from the mean, of numbers that are seen once (B. P. Welford, Note on a method for
// calculating corrected sums of squares and products, 1962), with the mean and the sum compensated.
type spread struct {
	n       int64
	mean, m sum
}

// add takes one number.
func (s *spread) add(x float64) {
	s.n++
	d := x - s.mean.value()
	s.mean.add(d / float64(s.n))
	s.m.add(d * (x - s.mean.value()))
}

// value is the sum of squared distances from the mean.
func (s *spread) value() float64 { return s.m.value() }

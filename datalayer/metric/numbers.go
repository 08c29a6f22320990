package metric

import "math"

// numbers computes mae, rmse and r2.
type numbers struct {
	rows              int64
	absolute, squared sum
	targets           spread
}

// add takes the target and the answer of one row.
func (n *numbers) add(target, answer float64) {
	n.rows++
	d := target - answer
	n.absolute.add(math.Abs(d))
	n.squared.add(d * d)
	n.targets.add(target)
}

// mae is the mean absolute error.
func (n *numbers) mae() (float64, string) { return n.absolute.value() / float64(n.rows), "" }

// rmse is the root of the mean squared error.
func (n *numbers) rmse() (float64, string) { return math.Sqrt(n.squared.value() / float64(n.rows)), "" }

// r2 is the coefficient of determination. Where all targets are equal it is 1 for answers without error and 0 otherwise,
// as in sklearn (force_finite).
func (n *numbers) r2() (float64, string) {
	if n.rows < 2 {
		return math.NaN(), "r2 needs at least two rows"
	}
	numerator, denominator := n.squared.value(), n.targets.value()
	switch {
	case denominator > 0:
		return 1 - numerator/denominator, ""
	case numerator == 0:
		return 1, "all targets are equal"
	}
	return 0, "all targets are equal"
}

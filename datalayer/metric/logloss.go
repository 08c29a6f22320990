package metric

import (
	"fmt"
	"math"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// losses computes log_loss. Which probability belongs to which label is known only when all labels are, so the logarithms
// of all are summed for each label.
type losses struct {
	labels *labels
	// sums are by target, then by the place of the probability; width is the number of places, 2 for answers that are the
	// probability of one label.
	sums  [][]sum
	width int
	rows  int64
	// clip is the distance that a probability keeps from 0 and 1: numpy's eps of the answers' type, as in sklearn.
	clip float64
}

// clipOf is losses.clip for answers of a type.
func clipOf(t udf.Type) float64 {
	if t == udf.Float4 || t == udf.Float4Array {
		return 0x1p-23
	}
	return 0x1p-52
}

// add takes the probabilities of one row.
func (l *losses) add(target int, probabilities []float64) error {
	if l.rows == 0 {
		l.width = len(probabilities)
	}
	if len(probabilities) != l.width {
		return &Error{Code: "22023", Message: fmt.Sprintf("the model gave %d probabilities for one row and %d for another", l.width, len(probabilities))}
	}
	for len(l.sums) <= target {
		l.sums = append(l.sums, make([]sum, l.width))
	}
	for i, p := range probabilities {
		if !(p >= 0 && p <= 1) {
			return &Error{Code: "22023", Message: "an answer is not a probability, which log_loss needs", Detail: "Probabilities lie between 0 and 1.",
				Hint: "Validate a model that answers with probabilities, or leave log_loss out."}
		}
		l.sums[target][i].add(math.Log(min(max(p, l.clip), 1-l.clip)))
	}
	l.rows++
	return nil
}

// value is the mean of the negative logarithms of the probabilities that the targets were given.
func (l *losses) value(positive *string) (float64, string) {
	order := l.labels.sorted()
	switch {
	case len(order) < 2:
		return math.NaN(), "log_loss needs at least two labels"
	case len(order) != l.width:
		return math.NaN(), fmt.Sprintf("the model gives %d probabilities, and the targets have %d labels", l.width, len(order))
	}
	if positive != nil && l.labels.show(order[0]) == *positive && l.width == 2 {
		order[0], order[1] = order[1], order[0]
	}
	var total sum
	for place, target := range order {
		if target < len(l.sums) {
			total.add(-l.sums[target][place].value())
		}
	}
	return total.value() / float64(l.rows), ""
}

package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// family says which labels can be equal to each other: those of one family.
type family uint8

// The families. Truth values are the numbers 0 and 1, as in sklearn.
const (
	noLabels family = iota
	numberLabels
	textLabels
)

// familyOf is the family of a type's values as labels.
func familyOf(t udf.Type) family {
	switch t {
	case udf.Bool, udf.Int2, udf.Int4, udf.Int8, udf.Float4, udf.Float8, udf.Numeric:
		return numberLabels
	case udf.Text, udf.UUID, udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz, udf.Interval:
		return textLabels
	}
	return noLabels
}

// labels gives each label that it sees the next number, from 0.
type labels struct {
	family family
	// truth says that the labels are truth values, for how they are shown.
	truth   bool
	most    int
	numbers map[int64]int
	texts   map[string]int
	ints    []int64
	strings []string
}

func newLabels(f family, truth bool, most int) *labels {
	return &labels{family: f, truth: truth, most: most, numbers: map[int64]int{}, texts: map[string]int{}}
}

// count is the number of labels seen.
func (l *labels) count() int { return len(l.numbers) + len(l.texts) }

// of gives the number of the label in row i of a column of the family, which is not NULL.
func (l *labels) of(c *udf.Column, i int) (int, error) {
	if l.family == textLabels {
		return l.text(c.Texts[i])
	}
	switch c.Type.Storage() {
	case udf.StoreBools:
		if c.Bools[i] {
			return l.number(1)
		}
		return l.number(0)
	case udf.StoreInts:
		return l.number(c.Ints[i])
	}
	x, err := number(c, i)
	if err != nil {
		return 0, err
	}
	if x != math.Trunc(x) || math.Abs(x) > 1<<53 {
		return 0, &Error{Code: "22023", Message: "a number with a fraction is not a label",
			Detail: fmt.Sprintf("Labels of type %s are whole numbers.", c.Type),
			Hint:   "Use mae, rmse and r2 for numbers; for classes, validate a model that answers with the class, or round in the select."}
	}
	return l.number(int64(x))
}

// number is of for a number.
func (l *labels) number(x int64) (int, error) {
	if n, ok := l.numbers[x]; ok {
		return n, nil
	}
	if err := l.room(); err != nil {
		return 0, err
	}
	n := len(l.ints)
	l.numbers[x], l.ints = n, append(l.ints, x)
	return n, nil
}

// text is of for a text.
func (l *labels) text(s string) (int, error) {
	if n, ok := l.texts[s]; ok {
		return n, nil
	}
	if err := l.room(); err != nil {
		return 0, err
	}
	n := len(l.strings)
	s = string(append([]byte(nil), s...)) // what it was cut from is not kept
	l.texts[s], l.strings = n, append(l.strings, s)
	return n, nil
}

// room refuses one more label than are allowed.
func (l *labels) room() error {
	if l.count() < l.most {
		return nil
	}
	return &Error{Code: "54000", Message: fmt.Sprintf("targets and answers have more than %d labels", l.most),
		Hint: "Use mae, rmse and r2 for numbers, or raise the setting validate_max_labels."}
}

// sorted gives the labels' numbers in the order of sklearn: numbers by value, texts by code points.
func (l *labels) sorted() []int {
	order := make([]int, l.count())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if l.family == textLabels {
			return cmp.Compare(l.strings[a], l.strings[b])
		}
		return cmp.Compare(l.ints[a], l.ints[b])
	})
	return order
}

// show is a label for people.
func (l *labels) show(n int) string {
	switch {
	case l.family == textLabels:
		return l.strings[n]
	case l.truth:
		return strconv.FormatBool(l.ints[n] == 1)
	}
	return strconv.FormatInt(l.ints[n], 10)
}

// find is the number of a label as show gives it; -1 for one that was not seen.
func (l *labels) find(shown string) int {
	for n := range l.count() {
		if l.show(n) == shown {
			return n
		}
	}
	return -1
}

// positive is the number of the positive label among the labels seen: the one that is given as asked, else 1 of at most two
// numbers. known is false where there is none; n is -1 for a label that is positive but was not seen.
func (l *labels) positive(asked *string) (n int, known bool) {
	if asked != nil {
		return l.find(*asked), true
	}
	if l.family != numberLabels || l.count() > 2 {
		return -1, false
	}
	if n, ok := l.numbers[1]; ok {
		return n, true
	}
	_, zero := l.numbers[0]
	return -1, zero && l.count() == 1
}

// number is the value of row i of a column as a number, which is neither NaN nor infinite.
func number(c *udf.Column, i int) (float64, error) {
	var x float64
	switch c.Type.Storage() {
	case udf.StoreBools:
		if c.Bools[i] {
			x = 1
		}
	case udf.StoreInts:
		x = float64(c.Ints[i])
	case udf.StoreFloats:
		x = c.Floats[i]
	case udf.StoreTexts:
		var err error
		if x, err = strconv.ParseFloat(c.Texts[i], 64); err != nil {
			return 0, &Error{Code: "22003", Message: "a numeric is out of the range of double precision", Err: err}
		}
	}
	return x, finite(x)
}

// finite refuses NaN and infinity, as sklearn does.
func finite(x float64) error {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return &Error{Code: "22023", Message: "a target or an answer is NaN or infinite", Detail: "No metric is defined for it.",
			Hint: "Leave such rows out by a WHERE in the select. Rows with NULL are left out anyway."}
	}
	return nil
}

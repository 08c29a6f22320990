package metric

import "math"

// pairs counts rows by target and answer: the confusion matrix, and what follows from it.
type pairs struct {
	labels *labels
	// counts has a row of side labels a target, both by the numbers of labels.
	counts []int64
	side   int
	rows   int64
}

// add takes one row.
func (p *pairs) add(target, answer int) {
	p.grow(max(target, answer) + 1)
	p.counts[target*p.side+answer]++
	p.rows++
}

// grow makes room for so many labels.
func (p *pairs) grow(labels int) {
	if labels <= p.side {
		return
	}
	side := max(labels, 2*p.side, 4)
	counts := make([]int64, side*side)
	for t := range p.side {
		copy(counts[t*side:], p.counts[t*p.side:(t+1)*p.side])
	}
	p.side, p.counts = side, counts
}

// tally is how often a label is the target, the answer, and both.
type tally struct{ target, answer, both int64 }

// tallies gives the tally of each label.
func (p *pairs) tallies() []tally {
	all := make([]tally, p.labels.count())
	p.grow(len(all))
	for t := range all {
		for a := range all {
			n := p.counts[t*p.side+a]
			all[t].target += n
			all[a].answer += n
			if t == a {
				all[t].both = n
			}
		}
	}
	return all
}

// accuracy is the share of answers that are the target.
func (p *pairs) accuracy() float64 {
	var right int64
	for _, t := range p.tallies() {
		right += t.both
	}
	return float64(right) / float64(p.rows)
}

// ratio is a share whose division by zero is 0, as sklearn's zero_division="warn" has it.
func ratio(of, all int64) (float64, bool) {
	if all == 0 {
		return 0, false
	}
	return float64(of) / float64(all), true
}

// score is precision, recall or f1 of one tally; defined is false where it is 0 because nothing is to be divided by.
func (t tally) score(base string) (value float64, defined bool) {
	switch base {
	case "precision":
		return ratio(t.both, t.answer)
	case "recall":
		return ratio(t.both, t.target)
	}
	return ratio(2*t.both, t.target+t.answer)
}

// zeroDivision is the note of a score that would be divided by zero.
const zeroDivision = "0 where nothing is to be divided by: a label is never answered, or never a target"

// averaged is precision, recall or f1 over the labels. resolved is the average that Automatic became.
func (p *pairs) averaged(s Spec, positive *string) (value float64, resolved Average, note string, err error) {
	resolved = s.Average
	n, known := p.labels.positive(positive)
	if resolved == Automatic {
		resolved = Macro
		if known && (p.labels.count() <= 2 || positive != nil) {
			resolved = Binary
		}
	}
	all := p.tallies()
	defined := true
	switch resolved {
	case Binary:
		if !known || p.labels.count() > 2 {
			return 0, resolved, "", errNotBinary(s, p.labels.count())
		}
		if n < 0 {
			return 0, resolved, zeroDivision, nil
		}
		value, defined = all[n].score(s.Base)
	case Micro:
		var total tally
		for _, t := range all {
			total.target, total.answer, total.both = total.target+t.target, total.answer+t.answer, total.both+t.both
		}
		value, defined = total.score(s.Base)
	default:
		value, defined = weighted(all, s.Base, resolved == Weighted)
	}
	if !defined {
		note = zeroDivision
	}
	return value, resolved, note, nil
}

// weighted is the mean of the labels' scores, each label the same, or by how often it is the target.
func weighted(all []tally, base string, byTarget bool) (float64, bool) {
	var total, weights sum
	defined := true
	for _, t := range all {
		v, ok := t.score(base)
		defined = defined && ok
		w := 1.0
		if byTarget {
			w = float64(t.target)
		}
		total.add(w * v)
		weights.add(w)
	}
	if weights.value() == 0 {
		return math.NaN(), false
	}
	return total.value() / weights.value(), defined
}

// errNotBinary refuses a binary metric where there is no positive label.
func errNotBinary(s Spec, labels int) error {
	e := &Error{Code: "22023", Message: "the positive label is not known, which " + s.String() + " is of",
		Hint: "Name it by WITH (positive = '…'), or use " + s.Base + "_macro, _micro or _weighted."}
	if labels > 2 {
		e.Message = s.String() + " is of two labels, and there are more"
		e.Hint = "Use " + s.Base + "_macro, " + s.Base + "_micro or " + s.Base + "_weighted."
	}
	return e
}

// Matrix is a confusion matrix: Counts[i][j] rows have the target Labels[i] and the answer Labels[j].
type Matrix struct {
	Labels []string  `json:"labels"`
	Counts [][]int64 `json:"counts"`
}

// matrix is the confusion matrix in the order of labels.
func (p *pairs) matrix() *Matrix {
	order := p.labels.sorted()
	p.grow(len(order))
	m := &Matrix{Labels: []string{}, Counts: [][]int64{}}
	for _, t := range order {
		m.Labels = append(m.Labels, p.labels.show(t))
		row := make([]int64, len(order))
		for j, a := range order {
			row[j] = p.counts[t*p.side+a]
		}
		m.Counts = append(m.Counts, row)
	}
	return m
}

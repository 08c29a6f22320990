package metric

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// group is the rows of one score: how many have either label.
type group struct {
	score  float64
	counts [2]uint64
}

// groupBytes is the size of a group in memory and on disk.
const groupBytes = 24

// ranking computes roc_auc exactly, also where scores are equal: rows are counted by distinct score. What does not fit into
// memory is written to disk as sorted runs, which are merged at the end.
type ranking struct {
	labels *labels
	// groups are those in memory, at most most of them; sorted of them are in order and distinct.
	groups []group
	most   int
	runs   *runs
	totals [2]uint64
}

// add takes one row. It is not NaN.
func (r *ranking) add(target int, score float64) error {
	if target > 1 {
		return &Error{Code: "22023", Message: "roc_auc is of two labels, and there are more", Hint: "Use log_loss, or validate each label against the rest: TARGET an expression that is true for it."}
	}
	if len(r.groups) >= r.most {
		r.settle()
		if len(r.groups) > r.most/2 { // else most scores were equal to others
			if err := r.runs.write(r.groups); err != nil {
				return err
			}
			r.groups = r.groups[:0]
		}
	}
	g := group{score: score + 0} // -0 is 0
	g.counts[target] = 1
	r.totals[target]++
	r.groups = append(r.groups, g)
	return nil
}

// settle sorts what is in memory, and makes one group of those with equal scores.
func (r *ranking) settle() {
	slices.SortFunc(r.groups, func(a, b group) int { return cmp.Compare(a.score, b.score) })
	kept := r.groups[:0]
	for _, g := range r.groups {
		kept = appendGroup(kept, g)
	}
	r.groups = kept
}

// appendGroup appends a group to sorted ones, to the last of them if its score is the same.
func appendGroup(to []group, g group) []group {
	if n := len(to); n > 0 && to[n-1].score == g.score {
		to[n-1].counts[0] += g.counts[0]
		to[n-1].counts[1] += g.counts[1]
		return to
	}
	return append(to, g)
}

// value is the area under the curve: the share of pairs of a positive and a negative row in which the positive one has the
// greater score, half of those in which the scores are equal (H. B. Mann, D. R. Whitney, 1947). It is counted in whole
// numbers. The positive label is the greater one, as in sklearn, unless another is given.
func (r *ranking) value(positive *string) (float64, string, error) {
	order := r.labels.sorted()
	if len(order) < 2 || r.totals[0] == 0 || r.totals[1] == 0 {
		return math.NaN(), "roc_auc needs rows of both labels", nil
	}
	p := order[1]
	if positive != nil {
		if p = r.labels.find(*positive); p < 0 {
			return math.NaN(), "no row has the positive label", nil
		}
	}
	r.settle()
	var high, low, below uint64 // high and low: twice the number of pairs
	take := func(g group) error {
		h, l := bits.Mul64(g.counts[p], 2*below+g.counts[1-p])
		var carry uint64
		low, carry = bits.Add64(low, l, 0)
		high += h + carry
		below += g.counts[1-p]
		return nil
	}
	if err := r.runs.merge(r.groups, take); err != nil {
		return 0, "", err
	}
	won := float64(high)*0x1p64 + float64(low)
	return won / 2 / float64(r.totals[0]) / float64(r.totals[1]), "", nil
}

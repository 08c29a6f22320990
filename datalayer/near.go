package datalayer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxNearNames and maxListed bound what a hint names.
	maxNearNames = 3
	maxListed    = 20
)

// unknownModel is the error for a name that no model has.
func (c *catalog) unknownModel(name string) *Error {
	e := &Error{Code: "42704", Message: fmt.Sprintf("model %q does not exist", name)}
	switch near := near(name, c.names()); {
	case len(near) > 0:
		e.Hint = "Perhaps you meant " + strings.Join(near, " or ") + "."
	case len(c.models) > 0:
		e.Hint = "SHOW MODELS lists the models that exist."
	default:
		e.Hint = "There are no models yet; CREATE MODEL makes one."
	}
	return e
}

// unknownVersion is the error for a number that no version of the model has.
func (m *model) unknownVersion(version int) *Error {
	var exist []string
	for _, v := range slices.Backward(m.versions) {
		if len(exist) == maxListed {
			exist = append(exist, "…")
			break
		}
		exist = append(exist, strconv.Itoa(v.Version))
	}
	return &Error{
		Code:    "42704",
		Message: fmt.Sprintf("version %d of model %q does not exist", version, m.name),
		Hint:    "Versions that exist, newest first: " + strings.Join(exist, ", ") + ".",
	}
}

// near lists names, quoted, that a name may be a slip of, the nearest first: names that differ in a third of their
// letters at most.
func near(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	folded := []rune(strings.ToLower(name))
	for _, n := range names {
		other := []rune(strings.ToLower(n))
		allowed := max(1, max(len(folded), len(other))/3)
		if max(len(folded)-len(other), len(other)-len(folded)) > allowed {
			continue
		}
		if d := editDistance(folded, other); d <= allowed && d < max(len(folded), len(other)) {
			found = append(found, candidate{n, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var quoted []string
	for _, f := range found[:min(len(found), maxNearNames)] {
		quoted = append(quoted, strconv.Quote(f.name))
	}
	return quoted
}

// editDistance counts the letters that have to be put in, left out, replaced, or swapped with their neighbour to make b
// of a (optimal string alignment).
func editDistance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

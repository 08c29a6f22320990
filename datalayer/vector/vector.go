// Package vector finds the vectors nearest to a given one: by scanning all of them, or by walking a graph in which each is
// linked to near ones, with a beam as wide as the wanted recall takes, measured on the vectors themselves. Where vectors
// are such that a graph does not help, the beam grows until scanning is cheaper, and searches are exact.
//
// An Index lives in memory. A Store keeps one on disk: a snapshot and a log of changes, from which it is recovered.
package vector

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Measure says when two vectors are alike. The zero value is Cosine.
type Measure uint8

// The measures. Each gives a score that is the greater the more alike two vectors are.
const (
	// Cosine is the cosine of the angle between the vectors, -1 to 1; 0 where one of them is all zeros.
	Cosine Measure = iota
	// Dot is the inner product.
	Dot
	// L2 is the Euclidean distance, negated.
	L2
)

// String is the measure's name in SQL.
func (m Measure) String() string {
	switch m {
	case Cosine:
		return "cosine"
	case Dot:
		return "dot"
	case L2:
		return "l2"
	}
	return fmt.Sprintf("measure %d", uint8(m))
}

// ParseMeasure reads a measure's name, in any case.
func ParseMeasure(name string) (Measure, error) {
	for _, m := range []Measure{Cosine, Dot, L2} {
		if strings.EqualFold(name, m.String()) {
			return m, nil
		}
	}
	return 0, fmt.Errorf("measure %q is none of cosine, dot, l2", name)
}

// MaxDimension is the largest number of components of a vector.
const MaxDimension = 16_000

// The errors of this package, beside those of files.
var (
	// ErrDimension: a vector has not the index's number of components.
	ErrDimension = errors.New("vector has the wrong number of components")
	// ErrNotFinite: a component is NaN or infinite, or the vector is too long for its length to be told.
	ErrNotFinite = errors.New("vector has a component that is not a finite number")
	// ErrFull: the index holds as many bytes as it may.
	ErrFull = errors.New("vector index is full")
	// ErrClosed: the store was closed, or could not write and must be opened again.
	ErrClosed = errors.New("vector store is closed")
)

// Config is what an index is made with.
type Config struct {
	// Dimension is the number of components of every vector, 1 to MaxDimension.
	Dimension int
	Measure   Measure
	// Exact has every search scan every vector.
	Exact bool
	// Recall is the share of the ten nearest vectors that a search finds on average, as measured now and then on some of
	// the vectors; 0 means 0.98.
	Recall float64
	// MaxBytes bounds the memory of the index; 0 means 4 GiB. Making the graph anew takes as much again while it lasts.
	MaxBytes int64
}

// The values that Config's zero values stand for.
const (
	defaultRecall   = 0.98
	defaultMaxBytes = 4 << 30
)

// complete fills in what was left out, and refuses what cannot be.
func (c Config) complete() (Config, error) {
	if c.Dimension < 1 || c.Dimension > MaxDimension {
		return c, fmt.Errorf("dimension %d is not between 1 and %d", c.Dimension, MaxDimension)
	}
	if c.Measure > L2 {
		return c, fmt.Errorf("%v does not exist", c.Measure)
	}
	if c.Recall == 0 {
		c.Recall = defaultRecall
	}
	if !(c.Recall > 0 && c.Recall <= 1) {
		return c, fmt.Errorf("recall %v is not between 0 and 1", c.Recall)
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	return c, nil
}

// Item is a vector under its key. Tag is the caller's own mark of the row that the vector was made from, by which it
// knows whether the row has changed since.
type Item struct {
	Key    string
	Tag    uint64
	Vector []float32
}

// Match is a vector that was found.
type Match struct {
	Key   string
	Score float32
}

// check holds a vector against the index's dimension and gives a copy as the index keeps it: of length 1 for Cosine.
func (c Config) check(v []float32) ([]float32, error) {
	if len(v) != c.Dimension {
		return nil, fmt.Errorf("%w: %d, not %d", ErrDimension, len(v), c.Dimension)
	}
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if math.IsNaN(square) || square > math.MaxFloat32 {
		return nil, ErrNotFinite
	}
	own := make([]float32, len(v))
	if c.Measure != Cosine || square == 0 {
		copy(own, v)
		return own, nil
	}
	length := math.Sqrt(square)
	for i, x := range v {
		own[i] = float32(float64(x) / length)
	}
	return own, nil
}

// score is the measure of two vectors that check has passed.
func (m Measure) score(a, b []float32) float32 {
	if m == L2 {
		return -distance(a, b)
	}
	return dot(a, b)
}

// Normal gives a copy of a vector as an index of the configuration keeps it. The errors are ErrDimension and ErrNotFinite.
func (c Config) Normal(v []float32) ([]float32, error) { return c.check(v) }

package session

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// Reading all rows for their distinct arguments takes longer than many a statement itself. Where few arguments come again
// and again, the first rows have them all; that this is so is a guess, and the round that follows shows whether it was
// right, since its functions ask for what is missing. Where nearly each row has arguments of its own, to tell them apart
// costs home more than to send them.

// The sizes of samples.
const (
	// firstSample is the number of rows that are read to begin with; of a table with fewer rows that is all.
	firstSample = 20_000
	// sampledArguments is the largest number of distinct arguments that a sample is to hold, sampledBytes their size, and
	// sampledMemory the part of predict-memory, one of so many, that this may not pass.
	sampledArguments = 50_000
	sampledBytes     = 16 << 20
	sampledMemory    = 4
	// sampledPart is the part of the rows that a sample may be: one of so many.
	sampledPart = 3
	// sampledTimes says how often a sample must come by each of the arguments, if they are equally frequent: their number's
	// logarithm and so many times more, so that in one of some hundred samples one is missing.
	sampledTimes = 5
	// guessMisses is the number of misses in a round after which a guess was wrong.
	guessMisses = 1_000
)

// reading is how a function's arguments are read ahead.
type reading uint8

const (
	// fromDistinct: by a SELECT DISTINCT over all rows.
	fromDistinct reading = iota
	// fromRows: those of each row, to be told apart here.
	fromRows
	// fromSample: a sample has had all rows.
	fromSample
	// fromGuess: a sample has had all arguments, to all appearance.
	fromGuess
)

// sample is what the first rows have in the way of arguments.
type sample struct {
	asked *ship.Asked
	// rows counts them, distinct their different arguments, and lone those of which one row has them.
	rows, distinct, lone int64
	// bytes is the size of the arguments; past most the sample is not whole.
	bytes, most int
}

// sample reads the first rows and chooses how the arguments are to be read; s are the arguments where that is done.
func (c *shipCursor) sample(ctx context.Context, h *homeSide, b *block, a *planner.Ahead) (way reading, s *sample, err error) {
	if s, err = c.readSample(ctx, h, b, a, firstSample); err != nil || s.bytes > s.most {
		return fromDistinct, nil, err
	}
	if s.rows < firstSample {
		return fromSample, s, nil
	}
	e, err := h.estimateDistinct(ctx, b, a.Text, c.p.params(), &c.bound)
	if e == nil || err != nil {
		return fromDistinct, nil, unpositioned(err)
	}
	if 2*s.distinct > s.rows && e.rows <= int64(c.toldApart()) {
		return fromRows, nil, nil
	}
	rows := s.wanted(e)
	if rows == 0 || c.p.ship.Writes || !holds(a.Function) || !c.p.ship.Inlinable(a.Function) {
		return fromDistinct, nil, nil
	}
	if rows > firstSample {
		if s, err = c.readSample(ctx, h, b, a, rows); err != nil {
			return fromDistinct, nil, err
		}
	}
	if s.lone > 0 || 2*s.distinct < e.distinct || s.bytes > s.most {
		return fromDistinct, nil, nil
	}
	return fromGuess, s, nil
}

// wanted is the number of rows that a sample needs to have all arguments, by home's estimates; 0 where it would not have
// them, or be too large a part of the rows.
func (s *sample) wanted(e *estimate) int {
	distinct := float64(max(e.distinct, s.distinct, 1))
	rows := distinct * (math.Log(distinct) + sampledTimes)
	met := distinct * (1 - math.Exp(-float64(s.rows)/distinct)) // if all are equally frequent, wherever they stand
	if distinct > sampledArguments || rows > float64(e.rows)/sampledPart || firstSample > e.rows/sampledPart || 2*float64(s.distinct) < met {
		return 0
	}
	return max(int(rows), firstSample)
}

// readSample reads a sample of so many rows.
func (c *shipCursor) readSample(ctx context.Context, h *homeSide, b *block, a *planner.Ahead, rows int) (*sample, error) {
	text, _ := a.Sample(rows)
	s := &sample{asked: ship.NewAsked(a.Function), most: sampledBytes}
	if memory := c.p.s.cfg.Stream.MemoBytes; memory > 0 {
		s.most = min(s.most, memory/sampledMemory)
	}
	return s, c.readPortal(ctx, h, b, text, s.row, func(bool) (bool, error) { return s.bytes <= s.most, nil })
}

// row takes a row of a sample: arguments, and the number of rows that have them.
func (s *sample) row(values [][]byte) error {
	last := len(values) - 1
	const size = 8 // an int8's
	if last < 0 || len(values[last]) != size {
		return fmt.Errorf("home gave no count with a sample of %d columns", last)
	}
	for _, v := range values[:last] {
		s.bytes += len(v)
	}
	n := int64(binary.BigEndian.Uint64(values[last]))
	if s.rows, s.distinct = s.rows+n, s.distinct+1; n == 1 {
		s.lone++
	}
	if s.bytes > s.most {
		return nil
	}
	return s.asked.Row(values[:last])
}

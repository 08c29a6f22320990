package stream

import (
	"context"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// cell is where a value lies in a batch's arena; size -1 is NULL.
type cell struct {
	at   uint32
	size int32
}

// batch is a run of home's rows with what was computed for them.
type batch struct {
	rows  int
	width int
	arena []byte
	cells []cell
	// keep lists the rows that conditions have left, in order.
	keep     []int32
	computed []computed
	// at is the place in keep that is emitted next.
	at int
	// started is the first call, which runs beside the reading of the next batch; nil when it was waited for.
	started *pendingCall
}

// computed is a column that a call or an Eval gave: for a call the answers' places in its memo, for an Eval the values.
type computed struct {
	call    *callState
	memo    *memo
	entries []int32 // by row; -1 is NULL
	arena   []byte
	cells   []cell
	oid     uint32
}

// answer gives the column and place of a call's answer; false for NULL.
func (c *computed) answer(row int) (*udf.Column, int, bool) {
	e := c.entries[row]
	if e < 0 {
		return nil, 0, false
	}
	return &c.memo.answers, int(e), true
}

// value gives what an Eval computed, nil for NULL.
func (c *computed) value(row int) []byte {
	v := c.cells[row]
	if v.size < 0 {
		return nil
	}
	if v.size == 0 {
		return []byte{} // an empty arena would give nil, which is NULL
	}
	return c.arena[v.at : v.at+uint32(v.size) : v.at+uint32(v.size)]
}

func (c *computed) set(row int, v []byte) {
	c.cells[row] = cell{uint32(len(c.arena)), -1}
	if v != nil {
		c.cells[row].size = int32(len(v))
		c.arena = append(c.arena, v...)
	}
}

// cell gives a value of home, nil for NULL.
func (b *batch) cell(row, column int) []byte {
	c := b.cells[row*b.width+column]
	if c.size < 0 {
		return nil
	}
	if c.size == 0 {
		return []byte{}
	}
	return b.arena[c.at : c.at+uint32(c.size) : c.at+uint32(c.size)]
}

// add copies a row of home into the batch.
func (b *batch) add(values [][]byte) {
	for _, v := range values {
		c := cell{uint32(len(b.arena)), -1}
		if v != nil {
			c.size = int32(len(v))
			b.arena = append(b.arena, v...)
		}
		b.cells = append(b.cells, c)
	}
	b.keep = append(b.keep, int32(b.rows))
	b.rows++
}

// maxArena keeps offsets in 32 bits: a batch's values pass it by one value at most, and that has at most 1 GiB
// (PostgreSQL's own limit of a message).
const maxArena = 2 << 30

// pageRatio is how many times BatchBytes a page of home's rows, and what expressions make of it, may have.
const pageRatio = 64

// errPage is the error for a page that is too large to be held.
func (r *Run) errPage() error {
	return &datalayer.Error{Code: "54000", Message: fmt.Sprintf("rows beside predict are too large: a page of them passes %d bytes", r.pageBytes()),
		Hint: "Lower the setting predict-batch-rows, or raise predict-batch-bytes."}
}

func (r *Run) pageBytes() int { return min(pageRatio*r.cfg.Limits.BatchBytes, maxArena) }

// bytes is the size of a batch's values.
func (b *batch) bytes() int {
	n := len(b.arena)
	for i := range b.computed {
		n += len(b.computed[i].arena)
	}
	return n
}

// read takes the next batch of home's rows.
func (r *Run) read(ctx context.Context, paged bool, limit int64) (*batch, error) {
	b := r.newBatch()
	n := r.size
	if limit > 0 && len(r.plan.Filters) == 0 && int64(n) > limit {
		n = int(limit)
	}
	if !r.asked {
		ask := 0
		if paged {
			ask = n
		}
		if err := r.home.Fetch(ask); err != nil {
			return nil, err
		}
		r.asked = true
	}
	for paged || (b.rows < n && len(b.arena) < r.cfg.Limits.BatchBytes) {
		values, status, err := r.home.Next(ctx)
		if err != nil {
			return nil, err
		}
		if status == Row {
			if len(values) != b.width {
				return nil, errWidth(len(values), b.width)
			}
			if b.rows > 0 && len(b.arena) > r.pageBytes() {
				return nil, r.errPage()
			}
			b.add(values)
			r.HomeRows++
			continue
		}
		r.asked = false
		r.ended = status == End
		break
	}
	if r.size < r.cfg.Limits.BatchRows {
		r.size = min(r.size*2, r.cfg.Limits.BatchRows)
	}
	r.shrink(len(b.arena), b.rows)
	return b, nil
}

// shrink makes the next batch as small as rows of the size of these need it.
func (r *Run) shrink(bytes, rows int) {
	if bytes >= r.cfg.Limits.BatchBytes {
		r.size = max(1, min(r.size, rows*r.cfg.Limits.BatchBytes/bytes))
	}
}

func (r *Run) newBatch() *batch {
	if b := r.takeSpare(); b != nil {
		return b
	}
	return &batch{width: len(r.cfg.Fields), computed: make([]computed, r.plan.Computed)}
}

// takeSpare gives a batch that was emitted, to be filled anew.
func (r *Run) takeSpare() *batch {
	b := r.spare
	r.spare = nil
	return b
}

// recycle keeps an emitted batch's memory for the next.
func (r *Run) recycle(b *batch) {
	if cap(b.arena) > 2*r.cfg.Limits.BatchBytes {
		return
	}
	b.rows, b.arena, b.cells, b.keep = 0, b.arena[:0], b.cells[:0], b.keep[:0]
	for i := range b.computed {
		c := &b.computed[i]
		*c = computed{entries: c.entries[:0], arena: c.arena[:0], cells: c.cells[:0]}
	}
	r.spare = b
}

// start begins the first step of a batch, if it is a call, so that it runs while the next batch is read.
func (r *Run) start(ctx context.Context, b *batch) error {
	if err := r.bounds(b); err != nil {
		return err
	}
	if r.plan.Limited && r.limit == 0 {
		b.keep, r.done = b.keep[:0], true
		return nil
	}
	steps := r.plan.Filters
	if len(steps) == 0 && !r.plan.Limited {
		steps = r.plan.Finals
	}
	if len(steps) == 0 || steps[0].Predict == nil {
		return nil
	}
	p, err := r.begin(ctx, b, steps[0].Predict)
	b.started = p
	return err
}

// wait waits for the call that was started.
func (b *batch) wait() {
	if b.started != nil {
		<-b.started.done
	}
}

// finished reports whether the call that was started has ended, or none was.
func (b *batch) finished() bool {
	if b.started == nil {
		return true
	}
	select {
	case <-b.started.done:
		return true
	default:
		return false
	}
}

// finish does the steps of a batch, down to the rows that the client gets.
func (r *Run) finish(ctx context.Context, b *batch) error {
	if err := r.steps(ctx, b, r.plan.Filters); err != nil {
		return err
	}
	r.window(b)
	return r.steps(ctx, b, r.plan.Finals)
}

func (r *Run) steps(ctx context.Context, b *batch, steps []planner.Step) error {
	for _, s := range steps {
		var err error
		switch {
		case len(b.keep) == 0 && b.started == nil:
			return nil
		case s.Predict != nil:
			err = r.predict(ctx, b, s.Predict)
		default:
			err = r.eval(ctx, b, s.Eval)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

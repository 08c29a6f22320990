package stream

import (
	"encoding/binary"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func errWidth(got, want int) error {
	return fmt.Errorf("home gave a row of %d columns where it described %d", got, want)
}

// bounds reads from the first row of home what holds for all: LIMIT and OFFSET, where they are expressions, and how
// floats are printed.
func (r *Run) bounds(b *batch) error {
	if r.bounded || b.rows == 0 {
		return nil
	}
	r.bounded = true
	if r.layout.limit >= 0 {
		n, ok, err := bound(b.cell(0, r.layout.limit), "LIMIT", "2201W")
		if err != nil {
			return err
		}
		r.limit = -1
		if ok {
			r.limit = n
		}
	}
	if r.layout.offset >= 0 {
		n, _, err := bound(b.cell(0, r.layout.offset), "OFFSET", "2201X")
		if err != nil {
			return err
		}
		r.offset = n
	}
	if r.layout.digits >= 0 {
		v := b.cell(0, r.layout.digits)
		if len(v) != 4 {
			return errWidth(len(v), 4)
		}
		r.digits = int(int32(binary.BigEndian.Uint32(v)))
	}
	if r.layout.collations >= 0 {
		return r.readCollations(b.cell(0, r.layout.collations))
	}
	return nil
}

// readCollations reads the collations of plan.Collated.
func (r *Run) readCollations(v []byte) error {
	d, err := pgvalue.NewDecoder(udf.TextArray.OID(), udf.TextArray)
	if err != nil {
		return err
	}
	c := udf.Column{Type: udf.TextArray}
	if err := d.Append(&c, v); err != nil || c.Null(0) || len(c.TextLists[0]) != len(r.plan.Collated) {
		return fmt.Errorf("home gave no %d collations: %w", len(r.plan.Collated), err)
	}
	r.collations = map[planner.ColumnID]string{}
	for i, name := range c.TextLists[0] {
		if name != `"default"` {
			r.collations[r.plan.Collated[i].Col] = name
		}
	}
	return nil
}

// bound reads one of them; NULL is none.
func bound(v []byte, clause, code string) (int64, bool, error) {
	if v == nil {
		return 0, false, nil
	}
	if len(v) != 8 {
		return 0, false, errWidth(len(v), 8)
	}
	n := int64(binary.BigEndian.Uint64(v))
	if n < 0 {
		return 0, false, &datalayer.Error{Code: code, Message: clause + " must not be negative"}
	}
	return n, true, nil
}

// window cuts the rows that conditions have left to OFFSET and LIMIT.
func (r *Run) window(b *batch) {
	if !r.plan.Limited {
		return
	}
	skip := min(r.offset, int64(len(b.keep)))
	r.offset -= skip
	b.keep = b.keep[skip:]
	if r.limit < 0 {
		return
	}
	if int64(len(b.keep)) >= r.limit {
		b.keep = b.keep[:r.limit]
		r.done = true
	}
	r.limit -= int64(len(b.keep))
}

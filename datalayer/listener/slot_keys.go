package listener

import (
	"bytes"
	"context"
	"slices"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
)

// slotRoute is where the changes of a relation are noted: a capture, by its key's columns and their types.
type slotRoute struct {
	capture int
	columns []string
	types   []uint32
}

// loadRoutes reads which relations of home (tables, partitions and children) are captured by slot, by their OIDs.
func loadRoutes(ctx context.Context, q querier) (map[uint32][]slotRoute, error) {
	rows, err := q.Query(ctx, `WITH RECURSIVE d(capture, oid) AS (
			SELECT id, pg_catalog.to_regclass(relation)::oid FROM `+schema+`.captures WHERE means = $1 AND pg_catalog.to_regclass('`+schema+`.changes_' || id) IS NOT NULL
			UNION SELECT d.capture, i.inhrelid FROM d JOIN pg_catalog.pg_inherits i ON i.inhparent = d.oid
		)
		SELECT d.oid, c.id, c.key_columns, ARRAY (SELECT coalesce(pg_catalog.to_regtype(u.t)::oid, 0) FROM pg_catalog.unnest(c.key_types) WITH ORDINALITY AS u(t, at) ORDER BY u.at)
		FROM d JOIN `+schema+`.captures c ON c.id = d.capture WHERE d.oid IS NOT NULL ORDER BY c.id`, CaptureSlot)
	if err != nil {
		return nil, err
	}
	routes := map[uint32][]slotRoute{}
	var relation uint32
	var r slotRoute
	_, err = pgx.ForEachRow(rows, []any{&relation, &r.capture, &r.columns, &r.types}, func() error {
		routes[relation] = append(routes[relation], slotRoute{r.capture, slices.Clone(r.columns), slices.Clone(r.types)})
		return nil
	})
	return routes, err
}

// slotNotes are what is to be noted of one capture.
type slotNotes struct {
	// whole says that all rows are to be looked at.
	whole bool
	// keys are lines of COPY's text format.
	keys []byte
}

// slotChanges gathers the keys of changed rows out of home's log (PostgreSQL's protocol of logical replication, version 1,
// as its plugin pgoutput writes it).
type slotChanges struct {
	routes    map[uint32][]slotRoute
	relations map[uint32]*pglogrepl.RelationMessage
	notes     map[int]*slotNotes
	// rows and bytes are the size of notes.
	rows, bytes int
}

// newSlotChanges has no routes yet.
func newSlotChanges() *slotChanges {
	return &slotChanges{relations: map[uint32]*pglogrepl.RelationMessage{}, notes: map[int]*slotNotes{}}
}

// forget empties the notes, once they are at home.
func (c *slotChanges) forget() {
	c.notes, c.rows, c.bytes = map[int]*slotNotes{}, 0, 0
}

// of gives the notes of a capture.
func (c *slotChanges) of(capture int) *slotNotes {
	n := c.notes[capture]
	if n == nil {
		n = &slotNotes{}
		c.notes[capture] = n
	}
	return n
}

// whole notes that all rows of a capture are to be looked at.
func (c *slotChanges) whole(capture int) {
	if n := c.of(capture); !n.whole {
		n.whole = true
		c.rows++
	}
}

// add takes a message that changes rows; any other says nothing.
func (c *slotChanges) add(m pglogrepl.Message) {
	switch m := m.(type) {
	case *pglogrepl.InsertMessage:
		c.row(m.RelationID, nil, false, m.Tuple)
	case *pglogrepl.UpdateMessage:
		c.row(m.RelationID, m.OldTuple, m.OldTupleType == pglogrepl.UpdateMessageTupleTypeKey, m.NewTuple)
		if m.OldTuple == nil {
			c.unchangedKey(m.RelationID)
		}
	case *pglogrepl.DeleteMessage:
		c.row(m.RelationID, m.OldTuple, m.OldTupleType == pglogrepl.DeleteMessageTupleTypeKey, nil)
	case *pglogrepl.TruncateMessage:
		for _, id := range m.RelationIDs {
			for _, r := range c.routes[id] {
				c.whole(r.capture)
			}
		}
	}
}

// row notes the keys of a row as it was and as it is, each nil where there is none. onlyKey says that old has the values
// of the replica identity's columns alone.
func (c *slotChanges) row(id uint32, old *pglogrepl.TupleData, onlyKey bool, now *pglogrepl.TupleData) {
	relation := c.relations[id]
	for _, r := range c.routes[id] {
		places, ok := r.places(relation)
		if !ok || len(r.columns) == 0 {
			c.whole(r.capture)
			continue
		}
		if old != nil {
			if onlyKey && !identified(relation, places) {
				c.whole(r.capture)
			} else {
				c.key(r.capture, places, old, nil)
			}
		}
		if now != nil {
			c.key(r.capture, places, now, old)
		}
	}
}

// unchangedKey is for an update without the row as it was: the replica identity has not changed. Where the key is not part
// of it, that says nothing of the key.
func (c *slotChanges) unchangedKey(id uint32) {
	for _, r := range c.routes[id] {
		if places, ok := r.places(c.relations[id]); ok && !identified(c.relations[id], places) {
			c.whole(r.capture)
		}
	}
}

// places finds the key's columns in a relation as it was when the row was written. ok is false where they are not there
// with their types.
func (r *slotRoute) places(relation *pglogrepl.RelationMessage) (places []int, ok bool) {
	if relation == nil {
		return nil, false
	}
	for i, name := range r.columns {
		at := slices.IndexFunc(relation.Columns, func(c *pglogrepl.RelationMessageColumn) bool { return c.Name == name && c.DataType == r.types[i] })
		if at < 0 {
			return nil, false
		}
		places = append(places, at)
	}
	return places, true
}

// identified reports whether columns are part of a relation's replica identity.
func identified(relation *pglogrepl.RelationMessage, places []int) bool {
	for _, at := range places {
		if relation.Columns[at].Flags&1 == 0 {
			return false
		}
	}
	return true
}

// key notes the key of a row as a line of COPY. A value that is stored apart and has not changed is not sent: it is that of
// the row before.
func (c *slotChanges) key(capture int, places []int, row, before *pglogrepl.TupleData) {
	var line []byte
	for i, at := range places {
		if i > 0 {
			line = append(line, '\t')
		}
		value := valueAt(row, at)
		if value != nil && value.DataType == pglogrepl.TupleDataTypeToast {
			value = valueAt(before, at)
		}
		switch {
		case value != nil && value.DataType == pglogrepl.TupleDataTypeNull:
			line = append(line, `\N`...)
		case value != nil && value.DataType == pglogrepl.TupleDataTypeText:
			line = appendCopied(line, value.Data)
		default:
			c.whole(capture)
			return
		}
	}
	n := c.of(capture)
	n.keys = append(append(n.keys, line...), '\n')
	c.rows++
	c.bytes += len(line) + 1
}

// valueAt is a column of a row; nil where the row has none.
func valueAt(row *pglogrepl.TupleData, at int) *pglogrepl.TupleDataColumn {
	if row == nil || at >= len(row.Columns) {
		return nil
	}
	return row.Columns[at]
}

// appendCopied writes a value in COPY's text format.
func appendCopied(to, value []byte) []byte {
	if bytes.IndexAny(value, "\\\n\r\t") < 0 {
		return append(to, value...)
	}
	for _, b := range value {
		switch b {
		case '\\':
			to = append(to, `\\`...)
		case '\n':
			to = append(to, `\n`...)
		case '\r':
			to = append(to, `\r`...)
		case '\t':
			to = append(to, `\t`...)
		default:
			to = append(to, b)
		}
	}
	return to
}

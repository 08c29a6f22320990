package foreign

import (
	"encoding/binary"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// flushAt is how much an outlet gathers before it writes.
const flushAt = 64 << 10

// outlet gathers messages and writes them in large pieces. The first error of a write stays.
type outlet struct {
	w   io.Writer
	buf []byte
	err error
}

// send appends a message.
func (o *outlet) send(m pgproto3.BackendMessage) {
	buf, err := m.Encode(o.buf)
	if err != nil {
		if o.err == nil {
			o.err = err
		}
		return
	}
	o.buf = buf
	o.spill()
}

// row appends a DataRow (protocol section 55.7), values being PostgreSQL's text, nil for NULL.
func (o *outlet) row(values [][]byte) {
	size := 4 + 2
	for _, v := range values {
		size += 4 + len(v)
	}
	o.buf = append(o.buf, 'D')
	o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(size))
	o.buf = binary.BigEndian.AppendUint16(o.buf, uint16(len(values)))
	for _, v := range values {
		if v == nil {
			o.buf = append(o.buf, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(len(v)))
		o.buf = append(o.buf, v...)
	}
	o.spill()
}

// spill writes what there is when it is much.
func (o *outlet) spill() {
	if len(o.buf) >= flushAt {
		o.flush()
	}
}

// flush writes what there is.
func (o *outlet) flush() error {
	if o.err == nil && len(o.buf) > 0 {
		_, o.err = o.w.Write(o.buf)
	}
	if cap(o.buf) > 4*flushAt {
		o.buf = make([]byte, 0, flushAt+4096)
	}
	o.buf = o.buf[:0]
	return o.err
}

// describe appends a RowDescription, or NoData where there are no columns. The names are of no use to postgres_fdw.
func (o *outlet) describe(columns []dialect.Type) {
	if columns == nil {
		o.send(&pgproto3.NoData{})
		return
	}
	fields := make([]pgproto3.FieldDescription, len(columns))
	for i, t := range columns {
		fields[i] = pgproto3.FieldDescription{Name: []byte("?column?"), DataTypeOID: t.OID, DataTypeSize: -1, TypeModifier: t.Mod}
	}
	o.send(&pgproto3.RowDescription{Fields: fields})
}

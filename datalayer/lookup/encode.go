package lookup

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// typeName is a type's name that no schema of the user's can stand before.
func typeName(t udf.Type) string {
	switch t {
	case udf.Bool:
		return "pg_catalog.bool"
	case udf.Int2:
		return "pg_catalog.int2"
	case udf.Int4:
		return "pg_catalog.int4"
	case udf.Int8:
		return "pg_catalog.int8"
	case udf.Float4:
		return "pg_catalog.float4"
	case udf.Float8:
		return "pg_catalog.float8"
	case udf.Time:
		return "pg_catalog.time"
	case udf.Timestamp:
		return "pg_catalog.timestamp"
	case udf.Timestamptz:
		return "pg_catalog.timestamptz"
	}
	return "pg_catalog." + t.String()
}

// header is the head of an array without NULLs in send form (array_send in PostgreSQL's arrayfuncs.c).
func header(oid uint32, dims []dimension) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(dims)))
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, oid)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d.size))
		b = binary.BigEndian.AppendUint32(b, uint32(int32(d.low)))
	}
	return b
}

// appendInt adds an array's element, an integer of so many bytes.
func appendInt(b []byte, v int64, size int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	if size == 4 {
		return binary.BigEndian.AppendUint32(b, uint32(int32(v)))
	}
	return binary.BigEndian.AppendUint64(b, uint64(v))
}

// intArray is an array of a type that PostgreSQL sends as integers of so many bytes.
func intArray(t udf.Type, values []int64, size int) Param {
	b := header(t.OID(), []dimension{{1, int64(len(values))}})
	for _, v := range values {
		b = appendInt(b, v, size)
	}
	return Param{t.ArrayOID(), b}
}

// floatArray is an array of float8.
func floatArray(values []float64) Param {
	b := header(udf.Float8.OID(), []dimension{{1, int64(len(values))}})
	for _, v := range values {
		b = appendInt(b, int64(math.Float64bits(v)), 8)
	}
	return Param{udf.Float8.ArrayOID(), b}
}

// integer is one int8.
func integer(v int64) Param {
	return Param{udf.Int8.OID(), binary.BigEndian.AppendUint64(nil, uint64(v))}
}

// jsonWriter writes a jsonb object or array in send form: a version, and its text (jsonb_recv in PostgreSQL's jsonb.c).
type jsonWriter struct {
	b []byte
	// values counts what was written; in an object, keys too.
	values int
	object bool
}

// newJSON begins an object or an array by its opening bracket.
func newJSON(open byte) *jsonWriter {
	return &jsonWriter{b: []byte{1, open}, object: open == '{'}
}

// separate writes what stands before the next value.
func (w *jsonWriter) separate() {
	switch {
	case w.object && w.values%2 == 1:
		w.b = append(w.b, ':')
	case w.values > 0:
		w.b = append(w.b, ',')
	}
	w.values++
}

// number writes an integer.
func (w *jsonWriter) number(n int64) {
	w.separate()
	w.b = strconv.AppendInt(w.b, n, 10)
}

// null writes the value of which ->> gives NULL.
func (w *jsonWriter) null() {
	w.separate()
	w.b = append(w.b, "null"...)
}

// text writes a string, which must be one that a text of PostgreSQL can hold.
func (w *jsonWriter) text(s string) error {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("invalid byte sequence for encoding UTF8 in a text")
	}
	w.separate()
	w.b = append(w.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.b = append(w.b, '\\', c)
		case c < 0x20:
			w.b = fmt.Appendf(w.b, `\u%04x`, c)
		default:
			w.b = append(w.b, c)
		}
	}
	w.b = append(w.b, '"')
	return nil
}

// param ends the document by its closing bracket.
func (w *jsonWriter) param(end byte) Param {
	return Param{udf.JSONB.OID(), append(w.b, end)}
}

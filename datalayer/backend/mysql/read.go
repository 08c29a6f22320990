package mysql

import (
	"bytes"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// reader appends PostgreSQL's text of a value as the binary protocol gives it: int64, float32, float64 or []byte.
type reader func(dst []byte, v driver.Value) (text []byte, null bool, err error)

// kindOf is how values of an expression are read, by its type. ok is false for types that no expression has here.
func kindOf(t dialect.Type) (f facts, ok bool) {
	switch t.OID {
	case pgtype.BoolOID:
		return facts{kind: asBoolean}, true
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return facts{kind: asInteger}, true
	case pgtype.NumericOID:
		return facts{kind: asNumeric}, true
	case pgtype.Float4OID:
		return facts{kind: asFloat4}, true
	case pgtype.Float8OID:
		return facts{kind: asFloat8}, true
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.UUIDOID, pgtype.InetOID:
		return facts{kind: asText}, true
	case pgtype.BPCharOID:
		return facts{kind: asChar, length: int(max(t.Mod-4, 0))}, true
	case pgtype.ByteaOID:
		return facts{kind: asBytes}, true
	case pgtype.BitOID:
		return facts{kind: asBit, length: int(t.Mod)}, true
	case pgtype.DateOID:
		return facts{kind: asDate}, true
	case pgtype.TimestampOID:
		return facts{kind: asTimestamp}, true
	case pgtype.TimestamptzOID:
		return facts{kind: asTimestamptz}, true
	case pgtype.TimeOID:
		return facts{kind: asTime}, true
	case pgtype.JSONBOID:
		return facts{kind: asJSON}, true
	}
	return facts{}, false
}

// newReader gives the reader of a column; name is for messages.
func newReader(f facts, how reading, name string) reader {
	return func(dst []byte, v driver.Value) ([]byte, bool, error) {
		if v == nil {
			return dst, true, nil
		}
		if f.kind == asDate || f.kind == asTimestamp || f.kind == asTimestamptz {
			if raw, ok := v.([]byte); ok && zeroDate(raw) {
				if how.zeroDatesNull {
					return dst, true, nil
				}
				return dst, false, unreadable("22008", name, "it holds a date with a zero month or day, which PostgreSQL has not",
					"Put zero_dates=null into the databackend's URI to read such dates as NULL.")
			}
		}
		text, err := f.append(dst, v, name)
		return text, false, err
	}
}

// append appends a value that is not NULL.
func (f facts) append(dst []byte, v driver.Value, name string) ([]byte, error) {
	switch v := v.(type) {
	case int64:
		switch f.kind {
		case asBoolean:
			if v != 0 && v != 1 {
				return dst, unreadable("22003", name, "it holds a number that is no boolean", "Put tinyint1=smallint into the databackend's URI to read tinyint(1) as numbers.")
			}
			return append(dst, "ft"[v]), nil
		case asFloat8:
			return pgvalue.AppendFloat(dst, float64(v), 64), nil
		}
		return strconv.AppendInt(dst, v, 10), nil
	case float32:
		return pgvalue.AppendFloat(dst, float64(v), 32), nil
	case float64:
		if f.kind == asFloat4 {
			return pgvalue.AppendFloat(dst, v, 32), nil
		}
		return pgvalue.AppendFloat(dst, v, 64), nil
	case string:
		return append(dst, v...), nil // unsigned numbers above those of int64
	case []byte:
		return f.appendBytes(dst, v, name)
	}
	return dst, &backend.Error{Code: "XX000", Message: fmt.Sprintf("the driver gave a %T", v)}
}

// appendBytes appends a value that comes as text or bytes.
func (f facts) appendBytes(dst, v []byte, name string) ([]byte, error) {
	switch f.kind {
	case asBytes:
		dst = append(dst, `\x`...)
		return hex.AppendEncode(dst, v), nil
	case asBit:
		for i := f.length - 1; i >= 0; i-- {
			bit := byte('0')
			if at := len(v) - 1 - i/8; at >= 0 && v[at]>>(i%8)&1 == 1 {
				bit = '1'
			}
			dst = append(dst, bit)
		}
		return dst, nil
	case asDate:
		return appendDay(dst, v, nil), nil
	case asTimestamp, asTimestamptz:
		if len(v) == 10 { // a date among timestamps
			v = append(bytes.Clone(v), " 00:00:00"...)
		}
		if f.kind == asTimestamptz {
			return appendDay(dst, v[:10], append(fraction(bytes.Clone(v[10:])), "+00"...)), nil
		}
		return appendDay(dst, v[:10], fraction(v[10:])), nil
	case asTime, asInterval:
		return f.appendTime(dst, v, name)
	case asFloat8, asFloat4:
		n, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			return dst, &backend.Error{Code: "XX000", Message: "the databackend gave a number that cannot be read"}
		}
		return pgvalue.AppendFloat(dst, n, map[bool]int{true: 32, false: 64}[f.kind == asFloat4]), nil
	case asJSON:
		return pgvalue.AppendJSONB(dst, v)
	}
	if bytes.IndexByte(v, 0) >= 0 {
		return dst, unreadable("22021", name, "it holds a text with a zero byte, which PostgreSQL has not", "")
	}
	start := len(dst)
	dst = append(dst, v...)
	if f.kind == asChar {
		for n := utf8Length(dst[start:]); n < f.length; n++ {
			dst = append(dst, ' ')
		}
	}
	return dst, nil
}

// utf8Length counts characters.
func utf8Length(text []byte) int {
	n := 0
	for _, b := range text {
		if b&0xC0 != 0x80 {
			n++
		}
	}
	return n
}

// zeroDate says whether a date has a zero month or day.
func zeroDate(v []byte) bool {
	return len(v) >= 10 && (string(v[5:7]) == "00" || string(v[8:10]) == "00")
}

// appendDay appends a day and what comes behind it. MySQL's year 0 is PostgreSQL's 1 BC.
func appendDay(dst, day, rest []byte) []byte {
	if string(day[:4]) != "0000" {
		return append(append(dst, day...), rest...)
	}
	dst = append(append(dst, "0001"...), day[4:]...)
	return append(append(dst, rest...), " BC"...)
}

// fraction drops zeros at the end of a fraction of a second, which PostgreSQL does not show.
func fraction(v []byte) []byte {
	if bytes.IndexByte(v, '.') < 0 {
		return v
	}
	return bytes.TrimSuffix(bytes.TrimRight(v, "0"), []byte("."))
}

// appendTime appends a time of day, or, as an interval, a time from -838:59:59 to 838:59:59.
func (f facts) appendTime(dst, v []byte, name string) ([]byte, error) {
	v = fraction(v)
	if f.kind == asInterval {
		return append(dst, v...), nil
	}
	if v[0] == '-' || bytes.IndexByte(v, ':') > 2 || string(v[:2]) > "24" || string(v[:2]) == "24" && string(v) != "24:00:00" {
		return dst, unreadable("22008", name, "it holds a time outside of a day", "Put time=interval into the databackend's URI to read times as intervals.")
	}
	return append(dst, v...), nil
}

// unreadable is the error for a value that PostgreSQL has not.
func unreadable(code, column, why, hint string) error {
	return &backend.Error{Code: code, Message: fmt.Sprintf("column %q cannot be read: %s", column, why), Hint: hint, Column: column}
}

package pgvalue

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Encodable reports whether Append gives values of a type in a format. For what it does not, PostgreSQL itself converts
// the text form.
func Encodable(t udf.Type, format int16) bool {
	switch t {
	case udf.Bytea:
		return format == BinaryFormat // the text form depends on bytea_output
	case udf.Invalid, udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz, udf.Interval, udf.Numeric, udf.JSON, udf.JSONB, udf.UUID:
		return false // PostgreSQL checks and normalises the text of these
	}
	return true
}

// Append adds row i of a column to dst in a format, without a length. The row must not be NULL.
func Append(dst []byte, c *udf.Column, i int, format int16) ([]byte, error) {
	if format == TextFormat {
		return AppendText(dst, c, i, 1)
	}
	return appendBinary(dst, c, i)
}

func appendBinary(dst []byte, c *udf.Column, i int) ([]byte, error) {
	switch c.Type {
	case udf.Bool:
		return append(dst, boolByte(c.Bools[i])), nil
	case udf.Int2, udf.Int4, udf.Int8:
		return appendInt(dst, c.Type, c.Ints[i])
	case udf.Float4, udf.Float8:
		return appendFloat(dst, c.Type, c.Floats[i]), nil
	case udf.Text:
		return append(dst, c.Texts[i]...), checkText(c.Texts[i])
	case udf.Bytea:
		return append(dst, c.Bytes[i]...), nil
	case udf.Float4Array, udf.Float8Array, udf.Int4Array, udf.Int8Array, udf.BoolArray, udf.TextArray:
		return appendListBinary(dst, c, i)
	}
	return dst, fmt.Errorf("%s has no binary form here", c.Type)
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendInt(dst []byte, t udf.Type, v int64) ([]byte, error) {
	switch t {
	case udf.Int2:
		if v != int64(int16(v)) {
			return dst, errRange(t)
		}
		return binary.BigEndian.AppendUint16(dst, uint16(v)), nil
	case udf.Int4:
		if v != int64(int32(v)) {
			return dst, errRange(t)
		}
		return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
	}
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func errRange(t udf.Type) error {
	return &udf.Error{Code: "22003", Message: t.String() + " out of range"}
}

// checkText refuses what no text of PostgreSQL holds.
func checkText(s string) error {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return &udf.Error{Code: "22021", Message: `invalid byte sequence for encoding "UTF8": 0x00`}
	case !utf8.ValidString(s):
		return &udf.Error{Code: "22021", Message: `invalid byte sequence for encoding "UTF8"`}
	}
	return nil
}

func appendFloat(dst []byte, t udf.Type, v float64) []byte {
	if t == udf.Float4 {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(v)))
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

// element is the type of an array type's elements.
func element(t udf.Type) udf.Type {
	switch t {
	case udf.BoolArray:
		return udf.Bool
	case udf.Int4Array:
		return udf.Int4
	case udf.Int8Array:
		return udf.Int8
	case udf.Float4Array:
		return udf.Float4
	case udf.Float8Array:
		return udf.Float8
	}
	return udf.Text
}

// listColumn is a list's elements as a column.
func listColumn(c *udf.Column, i int) udf.Column {
	e := udf.Column{Type: element(c.Type), Nulls: c.ElementNulls(i)}
	switch c.Type.Storage() {
	case udf.StoreBoolLists:
		e.Bools = c.BoolLists[i]
	case udf.StoreIntLists:
		e.Ints = c.IntLists[i]
	case udf.StoreFloatLists:
		e.Floats = c.FloatLists[i]
	default:
		e.Texts = c.TextLists[i]
	}
	return e
}

func appendListBinary(dst []byte, c *udf.Column, i int) ([]byte, error) {
	e := listColumn(c, i)
	return AppendArray(dst, &e, e.Type.OID())
}

// ArrayHeader adds the head of a one-dimensional array in send form: n elements of type oid, the flag whether there
// are NULLs.
func ArrayHeader(dst []byte, oid uint32, n int, nulls bool) []byte {
	dims := uint32(1)
	if n == 0 {
		dims = 0
	}
	dst = binary.BigEndian.AppendUint32(dst, dims)
	flag := uint32(0)
	if nulls {
		flag = 1
	}
	dst = binary.BigEndian.AppendUint32(dst, flag)
	dst = binary.BigEndian.AppendUint32(dst, oid)
	if n == 0 {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	return binary.BigEndian.AppendUint32(dst, 1)
}

// AppendArray adds a whole column as one array in send form (array_send in PostgreSQL's arrayfuncs.c).
func AppendArray(dst []byte, c *udf.Column, oid uint32) ([]byte, error) {
	n := c.Len()
	dst = ArrayHeader(dst, oid, n, c.Nulls != nil)
	for i := range n {
		var err error
		if dst, err = AppendSized(dst, c, i, BinaryFormat); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// AppendSized adds row i with its four-byte length before it, -1 for NULL.
func AppendSized(dst []byte, c *udf.Column, i int, format int16) ([]byte, error) {
	if c.Null(i) {
		return binary.BigEndian.AppendUint32(dst, math.MaxUint32), nil
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst, err := Append(dst, c, i, format)
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, err
}

// AppendText is Append in text format under a setting of extra_float_digits.
func AppendText(dst []byte, c *udf.Column, i, digits int) ([]byte, error) {
	switch c.Type {
	case udf.Bool:
		if c.Bools[i] {
			return append(dst, 't'), nil
		}
		return append(dst, 'f'), nil
	case udf.Int2, udf.Int4, udf.Int8:
		if _, err := appendInt(nil, c.Type, c.Ints[i]); err != nil {
			return dst, err
		}
		return strconv.AppendInt(dst, c.Ints[i], 10), nil
	case udf.Float4:
		return printFloat(dst, c.Floats[i], 32, digits), nil
	case udf.Float8:
		return printFloat(dst, c.Floats[i], 64, digits), nil
	case udf.Text:
		return append(dst, c.Texts[i]...), checkText(c.Texts[i])
	case udf.Bytea:
		dst = append(dst, `\x`...)
		return hex.AppendEncode(dst, c.Bytes[i]), nil
	case udf.BoolArray, udf.Int4Array, udf.Int8Array, udf.Float4Array, udf.Float8Array, udf.TextArray:
		return appendListText(dst, c, i, digits)
	}
	return append(dst, c.Texts[i]...), nil
}

// printFloat prints a float as float8out and float4out do: the shortest digits where extra_float_digits is above 0,
// otherwise so many significant digits (15 or 6 and the setting, at least 1).
func printFloat(dst []byte, f float64, bits, digits int) []byte {
	if digits > 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return formatFloat(dst, f, bits)
	}
	precision := 15
	if bits == 32 {
		precision = 6
	}
	return strconv.AppendFloat(dst, f, 'g', max(1, precision+digits), 64)
}

// appendListText prints a list as PostgreSQL's array_out does.
func appendListText(dst []byte, c *udf.Column, i, digits int) ([]byte, error) {
	e := listColumn(c, i)
	dst = append(dst, '{')
	for j := range e.Len() {
		if j > 0 {
			dst = append(dst, ',')
		}
		if e.Null(j) {
			dst = append(dst, "NULL"...)
			continue
		}
		if e.Type == udf.Text {
			if err := checkText(e.Texts[j]); err != nil {
				return dst, err
			}
			dst = appendElementText(dst, e.Texts[j])
			continue
		}
		var err error
		if dst, err = AppendText(dst, &e, j, digits); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendElementText quotes an element where array_out does: empty, the word NULL, or with a delimiter, quote,
// backslash, brace or white space in it.
func appendElementText(dst []byte, s string) []byte {
	if s != "" && !strings.EqualFold(s, "null") && !strings.ContainsAny(s, "{},\"\\ \t\n\r\v\f") {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for k := range len(s) {
		if s[k] == '"' || s[k] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[k])
	}
	return append(dst, '"')
}

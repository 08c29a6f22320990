package mongodb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// errMisfit says that a stored value is none of its column's type.
var errMisfit = errors.New("the value does not fit")

// errNUL says that a string holds the character U+0000, which PostgreSQL's texts cannot.
var errNUL = errors.New("the text holds the character U+0000")

// absent says whether a value is SQL's NULL: null, undefined or missing.
func absent(v bson.RawValue) bool {
	return v.Type == 0 || v.Type == bson.TypeNull || v.Type == bson.TypeUndefined
}

// absent says whether a value is SQL's NULL in a column of the type: where JSON is verbatim, null is JSON's.
func (t *pgType) absent(v bson.RawValue) bool {
	return absent(v) && !(t.verbatim && v.Type == bson.TypeNull)
}

// appendText appends PostgreSQL's text of a stored value that is not absent, or gives errMisfit or errNUL.
func (t *pgType) appendText(dst []byte, v bson.RawValue) ([]byte, error) {
	switch t.kind {
	case integers:
		return t.appendInteger(dst, v)
	case floats:
		return t.appendFloat(dst, v)
	case decimals, mixedDecimals:
		return t.appendDecimal(dst, v)
	case booleans:
		if b, ok := v.BooleanOK(); ok {
			return append(dst, "ft"[boolIndex(b)]), nil
		}
	case texts, spelled:
		if s, ok := v.StringValueOK(); ok {
			return appendString(dst, s)
		}
	case objectIDs:
		if id, ok := v.ObjectIDOK(); ok {
			return hex.AppendEncode(dst, id[:]), nil
		}
	case dates:
		if ms, ok := v.DateTimeOK(); ok {
			return t.appendDate(dst, ms)
		}
	case uuids, binaries:
		return t.appendBinary(dst, v)
	case jsons:
		return jsonWriter{verbatim: t.verbatim}.value(dst, v)
	case arrays:
		if a, ok := v.ArrayOK(); ok {
			return t.elem.appendArray(dst, a)
		}
	}
	return nil, errMisfit
}

// boolIndex is 1 for true.
func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendString appends a text.
func appendString(dst []byte, s string) ([]byte, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, errNUL
	}
	if !utf8.ValidString(s) {
		return nil, errMisfit
	}
	return append(dst, s...), nil
}

// integerOf is a stored number without a fraction.
func integerOf(v bson.RawValue) (int64, bool) {
	switch v.Type {
	case bson.TypeInt32:
		return int64(v.Int32()), true
	case bson.TypeInt64:
		return v.Int64(), true
	case bson.TypeDouble:
		d := v.Double()
		return int64(d), d == math.Trunc(d) && d >= -1<<63 && d < 1<<63
	case bson.TypeDecimal128:
		coefficient, exp, err := v.Decimal128().BigInt()
		if err != nil || exp > 20 {
			return 0, false
		}
		n, rest := coefficient, new(big.Int)
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
		if exp > 0 {
			n = new(big.Int).Mul(n, scale)
		} else {
			n, rest = new(big.Int).QuoRem(n, scale, rest)
		}
		return n.Int64(), n.IsInt64() && rest.Sign() == 0
	}
	return 0, false
}

// limits are an integer type's least and greatest value.
func (t *pgType) limits() (least, greatest int64) {
	switch t.OID {
	case pgtype.Int2OID:
		return math.MinInt16, math.MaxInt16
	case pgtype.Int4OID:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func (t *pgType) appendInteger(dst []byte, v bson.RawValue) ([]byte, error) {
	n, ok := integerOf(v)
	if least, greatest := t.limits(); !ok || n < least || n > greatest {
		return nil, errMisfit
	}
	return strconv.AppendInt(dst, n, 10), nil
}

// exactInteger is the greatest integer below which a double holds all.
const exactInteger = 1 << 53

func (t *pgType) appendFloat(dst []byte, v bson.RawValue) ([]byte, error) {
	var d float64
	switch v.Type {
	case bson.TypeDouble:
		d = v.Double()
	case bson.TypeInt32, bson.TypeInt64:
		n := v.AsInt64()
		if n > exactInteger || n < -exactInteger {
			return nil, errMisfit
		}
		d = float64(n)
	default:
		return nil, errMisfit
	}
	if t.OID == pgtype.Float4OID {
		if float64(float32(d)) != d && d == d {
			return nil, errMisfit
		}
		return pgvalue.AppendFloat(dst, d, 32), nil
	}
	return pgvalue.AppendFloat(dst, d, 64), nil
}

// appendDecimal prints a numeric: all digits, without an exponent, and with as many behind the point as the type says.
func (t *pgType) appendDecimal(dst []byte, v bson.RawValue) ([]byte, error) {
	switch v.Type {
	case bson.TypeInt32, bson.TypeInt64:
		return appendScaled(dst, big.NewInt(v.AsInt64()), 0, t.scale)
	case bson.TypeDecimal128:
		d := v.Decimal128()
		switch {
		case d.IsNaN():
			return append(dst, "NaN"...), nil
		case d.IsInf() > 0:
			return append(dst, "Infinity"...), nil
		case d.IsInf() < 0:
			return append(dst, "-Infinity"...), nil
		}
		coefficient, exp, err := d.BigInt()
		if err != nil {
			return nil, errMisfit
		}
		return appendScaled(dst, coefficient, exp, t.scale)
	case bson.TypeDouble:
		if t.kind == mixedDecimals {
			return appendDouble(dst, v.Double())
		}
	}
	return nil, errMisfit
}

// appendDouble prints a double as a numeric: the shortest digits that mean it.
func appendDouble(dst []byte, d float64) ([]byte, error) {
	switch {
	case math.IsNaN(d):
		return append(dst, "NaN"...), nil
	case math.IsInf(d, 1):
		return append(dst, "Infinity"...), nil
	case math.IsInf(d, -1):
		return append(dst, "-Infinity"...), nil
	case d == 0:
		return append(dst, '0'), nil
	}
	return strconv.AppendFloat(dst, d, 'f', -1, 64), nil
}

// appendScaled prints coefficient·10^exp. scale is the number of digits behind the point, -1 for as many as exp says; a
// number that has more is a misfit.
func appendScaled(dst []byte, coefficient *big.Int, exp, scale int) ([]byte, error) {
	if exp > 0 {
		coefficient = new(big.Int).Mul(coefficient, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exp)), nil))
		exp = 0
	}
	if coefficient.Sign() < 0 {
		dst = append(dst, '-')
	}
	digits := new(big.Int).Abs(coefficient).Append(nil, 10)
	for scale >= 0 && -exp > scale {
		last := len(digits) - 1
		if digits[last] != '0' {
			return nil, errMisfit
		}
		if digits, exp = digits[:last], exp+1; last == 0 {
			digits = []byte{'0'}
		}
	}
	for scale > -exp {
		digits, exp = append(digits, '0'), exp-1
	}
	if zeros := 1 - exp - len(digits); zeros > 0 {
		digits = append(bytes.Repeat([]byte{'0'}, zeros), digits...)
	}
	dst = append(dst, digits[:len(digits)+exp]...)
	if exp < 0 {
		dst = append(append(dst, '.'), digits[len(digits)+exp:]...)
	}
	return dst, nil
}

const (
	// postgresEpoch is 2000-01-01 in milliseconds from 1970-01-01.
	postgresEpoch = 946_684_800_000
	msPerDay      = 86_400_000
	// firstMs and endMs bound the instants that PostgreSQL's timestamps hold (MIN_TIMESTAMP and END_TIMESTAMP in
	// datatype/timestamp.h), in milliseconds from 2000-01-01.
	firstMs = -211_813_488_000_000
	endMs   = 9_223_371_331_200_000
)

// appendDate prints an instant of MongoDB: milliseconds from 1970-01-01.
func (t *pgType) appendDate(dst []byte, ms int64) ([]byte, error) {
	if ms < firstMs+postgresEpoch || ms >= endMs+postgresEpoch {
		return nil, errMisfit
	}
	ms -= postgresEpoch
	switch t.OID {
	case pgtype.DateOID:
		if ms%msPerDay != 0 {
			return nil, errMisfit
		}
		return pgvalue.AppendDate(dst, int32(ms/msPerDay)), nil
	case pgtype.TimestampOID:
		return pgvalue.AppendTimestamp(dst, ms*1000), nil
	}
	return pgvalue.AppendTimestamptz(dst, ms*1000), nil
}

// The subtypes of binary (BSON specification).
const (
	subtypeGeneric = 0x00
	subtypeUUID    = 0x04
)

func (t *pgType) appendBinary(dst []byte, v bson.RawValue) ([]byte, error) {
	subtype, data, ok := v.BinaryOK()
	switch {
	case ok && t.kind == uuids && subtype == subtypeUUID && len(data) == 16:
		return fmt.Appendf(dst, "%x-%x-%x-%x-%x", data[:4], data[4:6], data[6:8], data[8:10], data[10:]), nil
	case ok && t.kind == binaries && subtype == subtypeGeneric:
		return hex.AppendEncode(append(dst, `\x`...), data), nil
	}
	return nil, errMisfit
}

// appendArray prints an array of a type (array_out in PostgreSQL's arrayfuncs.c).
func (t *pgType) appendArray(dst []byte, a bson.RawArray) ([]byte, error) {
	values, err := a.Values()
	if err != nil {
		return nil, errMisfit
	}
	dst = append(dst, '{')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		if absent(v) {
			dst = append(dst, "NULL"...)
			continue
		}
		text, err := t.appendText(nil, v)
		if err != nil {
			return nil, err
		}
		dst = appendQuoted(dst, text)
	}
	return append(dst, '}'), nil
}

// appendQuoted quotes an array's element where it must be.
func appendQuoted(dst, text []byte) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, "{},\"\\ \t\n\r\v\f") && !bytes.EqualFold(text, []byte("NULL")) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

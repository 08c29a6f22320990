package session

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// directValue is how values of one column go from a databackend to the client without home. The databackend gives
// PostgreSQL's text; what PostgreSQL's own input and output would still change in it is done here.
type directValue struct {
	// text appends the value's text as home would print it, binary its binary form (pg_type.typsend); binary may be nil.
	text, binary func(dst, v []byte) ([]byte, error)
	// dated says that the text follows DateStyle, zoned that it follows TimeZone, floating that it follows extra_float_digits,
	// hexed that it follows bytea_output.
	dated, zoned, floating, hexed bool
}

// valueOf gives the way of a type; ok is false for one whose values go through home.
func valueOf(oid uint32, mod int32) (directValue, bool) {
	switch oid {
	case pgtype.Int2OID:
		return wholeValue(16), true
	case pgtype.Int4OID:
		return wholeValue(32), true
	case pgtype.Int8OID:
		return wholeValue(64), true
	case pgtype.TextOID:
		return directValue{text: asItStands, binary: asItStands}, true
	case pgtype.VarcharOID:
		return varcharValue(mod), true
	case pgtype.NumericOID:
		return numericValue(mod), true
	case pgtype.JSONOID:
		return directValue{text: asItStands, binary: asItStands}, true
	case pgtype.JSONBOID:
		return directValue{text: pgvalue.AppendJSONB, binary: func(dst, v []byte) ([]byte, error) { return pgvalue.AppendJSONB(append(dst, 1), v) }}, true
	case pgtype.BoolOID:
		return directValue{text: boolText, binary: boolBinary}, true
	case pgtype.Float4OID:
		return floatValue(32), true
	case pgtype.Float8OID:
		return floatValue(64), true
	case pgtype.UUIDOID:
		return directValue{text: uuidText, binary: uuidBinary}, true
	case pgtype.DateOID:
		return directValue{text: asItStands, binary: dateBinary, dated: true}, true
	case pgtype.TimestampOID:
		return directValue{text: asItStands, binary: timestampBinary, dated: true}, mod == -1
	case pgtype.TimestamptzOID:
		return directValue{text: asItStands, dated: true, zoned: true}, mod == -1
	case pgtype.ByteaOID:
		return directValue{text: asItStands, binary: hexBinary, hexed: true}, true
	}
	return directValue{}, false
}

// asItStands is the value itself.
func asItStands(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }

// badValue is the error for a text that is none of a type.
func badValue(what string) error {
	return coded("22P02", "the databackend gave a value that is no "+what, "", "")
}

// wholeValue is a number without a fraction of so many bits.
func wholeValue(bits int) directValue {
	return directValue{
		text: func(dst, v []byte) ([]byte, error) {
			n, err := strconv.ParseInt(string(v), 10, bits)
			if err != nil {
				return dst, badValue("whole number")
			}
			return strconv.AppendInt(dst, n, 10), nil
		},
		binary: func(dst, v []byte) ([]byte, error) {
			n, err := strconv.ParseInt(string(v), 10, bits)
			if err != nil {
				return dst, badValue("whole number")
			}
			switch bits {
			case 16:
				return binary.BigEndian.AppendUint16(dst, uint16(n)), nil
			case 32:
				return binary.BigEndian.AppendUint32(dst, uint32(n)), nil
			}
			return binary.BigEndian.AppendUint64(dst, uint64(n)), nil
		},
	}
}

// readBool reads what boolin takes of what databackends say.
func readBool(v []byte) (value, ok bool) {
	switch string(v) {
	case "t", "true", "1":
		return true, true
	case "f", "false", "0":
		return false, true
	}
	return false, false
}

func boolText(dst, v []byte) ([]byte, error) {
	b, ok := readBool(v)
	switch {
	case !ok:
		return dst, badValue("boolean")
	case b:
		return append(dst, 't'), nil
	}
	return append(dst, 'f'), nil
}

func boolBinary(dst, v []byte) ([]byte, error) {
	b, ok := readBool(v)
	switch {
	case !ok:
		return dst, badValue("boolean")
	case b:
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

// floatValue is a floating-point number of so many bits, printed as with extra_float_digits over 0.
func floatValue(bits int) directValue {
	read := func(v []byte) (float64, error) {
		f, err := strconv.ParseFloat(string(v), bits)
		if err != nil {
			return 0, badValue("number")
		}
		return f, nil
	}
	return directValue{
		floating: true,
		text: func(dst, v []byte) ([]byte, error) {
			f, err := read(v)
			if err != nil {
				return dst, err
			}
			return pgvalue.AppendFloat(dst, f, bits), nil
		},
		binary: func(dst, v []byte) ([]byte, error) {
			f, err := read(v)
			switch {
			case err != nil:
				return dst, err
			case bits == 32:
				return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f))), nil
			}
			return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
		},
	}
}

// uuidBytes reads a UUID in its usual form.
func uuidBytes(v []byte) ([]byte, error) {
	if len(v) != 36 || v[8] != '-' || v[13] != '-' || v[18] != '-' || v[23] != '-' {
		return nil, badValue("uuid")
	}
	out, err := hex.DecodeString(string(bytes.ReplaceAll(v, []byte("-"), nil)))
	if err != nil || len(out) != 16 {
		return nil, badValue("uuid")
	}
	return out, nil
}

func uuidText(dst, v []byte) ([]byte, error) {
	u, err := uuidBytes(v)
	if err != nil {
		return dst, err
	}
	return fmt.Appendf(dst, "%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), nil
}

func uuidBinary(dst, v []byte) ([]byte, error) {
	u, err := uuidBytes(v)
	return append(dst, u...), err
}

// epoch is 2000-01-01 in seconds since 1970, day the seconds of a day.
const (
	epoch = 946_684_800
	day   = 24 * 60 * 60
)

// daysOf reads a date, of any year, as days since 2000-01-01: YYYY-MM-DD, and BC behind it for years before 1.
func daysOf(v []byte) (int32, error) {
	text, before := strings.CutSuffix(string(v), " BC")
	parts := strings.Split(text, "-")
	if len(parts) != 3 || len(parts[0]) < 4 || len(parts[1]) != 2 || len(parts[2]) != 2 {
		return 0, badValue("date")
	}
	var n [3]int
	for i, part := range parts {
		var err error
		if n[i], err = strconv.Atoi(part); err != nil || n[i] < 1 {
			return 0, badValue("date")
		}
	}
	if before {
		n[0] = 1 - n[0]
	}
	at := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	if at.Day() != n[2] || n[1] > 12 {
		return 0, badValue("date")
	}
	return int32((at.Unix() - epoch) / day), nil
}

func dateBinary(dst, v []byte) ([]byte, error) {
	switch string(v) {
	case "infinity":
		return binary.BigEndian.AppendUint32(dst, math.MaxInt32), nil
	case "-infinity":
		return binary.BigEndian.AppendUint32(dst, 1<<31), nil
	}
	days, err := daysOf(v)
	if err != nil {
		return dst, err
	}
	return binary.BigEndian.AppendUint32(dst, uint32(days)), nil
}

// timestampBinary is a point in time as microseconds since 2000-01-01.
func timestampBinary(dst, v []byte) ([]byte, error) {
	switch string(v) {
	case "infinity":
		return binary.BigEndian.AppendUint64(dst, math.MaxInt64), nil
	case "-infinity":
		return binary.BigEndian.AppendUint64(dst, 1<<63), nil
	}
	text, before := strings.CutSuffix(string(v), " BC")
	date, clock, ok := strings.Cut(text, " ")
	if before {
		date += " BC"
	}
	days, err := daysOf([]byte(date))
	if err != nil || !ok {
		return dst, badValue("timestamp")
	}
	at, err := time.Parse("15:04:05.999999", clock)
	if err != nil {
		return dst, badValue("timestamp")
	}
	within := at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)).Microseconds()
	return binary.BigEndian.AppendUint64(dst, uint64(int64(days)*day*1_000_000+within)), nil
}

// hexBinary is bytes of which the text is \x and two digits each.
func hexBinary(dst, v []byte) ([]byte, error) {
	digits, ok := bytes.CutPrefix(v, []byte(`\x`))
	out, err := hex.DecodeString(string(digits))
	if !ok || err != nil {
		return dst, badValue("bytea")
	}
	return append(dst, out...), nil
}

// varcharValue is a text of a greatest length, in characters; blanks beyond it are cut, as varchar_in does.
func varcharValue(mod int32) directValue {
	if mod < 4 {
		return directValue{text: asItStands, binary: asItStands}
	}
	most := int(mod - 4)
	fit := func(dst, v []byte) ([]byte, error) {
		if len(v) <= most || utf8.RuneCount(v) <= most {
			return append(dst, v...), nil
		}
		cut := 0
		for range most {
			_, n := utf8.DecodeRune(v[cut:])
			cut += n
		}
		if len(bytes.TrimRight(v[cut:], " ")) > 0 {
			return dst, coded("22001", fmt.Sprintf("value too long for type character varying(%d)", most), "", "")
		}
		return append(dst, v[:cut]...), nil
	}
	return directValue{text: fit, binary: fit}
}

// directParam gives the text of a client's parameter as postgres_fdw would send it; ok is false where home must read it.
func directParam(oid uint32, format int16, v []byte) (text []byte, ok bool) {
	if v == nil {
		return nil, true
	}
	if format == 1 {
		return binaryParam(oid, v)
	}
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		n, err := strconv.ParseInt(string(v), 10, map[uint32]int{pgtype.Int2OID: 16, pgtype.Int4OID: 32, pgtype.Int8OID: 64}[oid])
		plain := strconv.AppendInt(nil, n, 10)
		return plain, err == nil && bytes.Equal(plain, v)
	case pgtype.TextOID, pgtype.VarcharOID:
		return v, utf8.Valid(v) && !slices.Contains(v, 0)
	case pgtype.UUIDOID:
		text, err := uuidText(nil, v)
		return text, err == nil
	case pgtype.BoolOID:
		return v, len(v) == 1 && (v[0] == 't' || v[0] == 'f')
	case pgtype.DateOID:
		_, err := daysOf(v)
		return v, err == nil && len(v) == len(time.DateOnly)
	}
	return nil, false
}

// binaryParam is directParam for a value in its binary form.
func binaryParam(oid uint32, v []byte) (text []byte, ok bool) {
	switch {
	case oid == pgtype.Int2OID && len(v) == 2:
		return strconv.AppendInt(nil, int64(int16(binary.BigEndian.Uint16(v))), 10), true
	case oid == pgtype.Int4OID && len(v) == 4:
		return strconv.AppendInt(nil, int64(int32(binary.BigEndian.Uint32(v))), 10), true
	case oid == pgtype.Int8OID && len(v) == 8:
		return strconv.AppendInt(nil, int64(binary.BigEndian.Uint64(v)), 10), true
	case oid == pgtype.TextOID, oid == pgtype.VarcharOID:
		return v, utf8.Valid(v) && !slices.Contains(v, 0)
	case oid == pgtype.UUIDOID && len(v) == 16:
		return fmt.Appendf(nil, "%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:]), true
	case oid == pgtype.BoolOID && len(v) == 1:
		return []byte(map[bool]string{true: "t", false: "f"}[v[0] != 0]), true
	}
	return nil, false
}

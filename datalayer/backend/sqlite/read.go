package sqlite

import (
	"bytes"
	"encoding/hex"
	stdjson "encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
	lib "modernc.org/sqlite/lib"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// read appends PostgreSQL's text of column i of the row that s stands on; null says that it is NULL. A value that is
// not of the form is an error.
func (f *form) read(dst []byte, s *statement, i int) (out []byte, null bool, err error) {
	class := s.class(i)
	if class == lib.SQLITE_NULL {
		if f.notNull {
			return dst, false, &backend.Error{Code: "23502", Table: f.table, Column: f.column,
				Message: "primary key column \"" + f.column + "\" of table \"" + f.table + "\" holds a NULL",
				Detail:  "SQLite allows it in a PRIMARY KEY that is not declared NOT NULL; PostgreSQL does not."}
		}
		return dst, true, nil
	}
	ok, start := false, len(dst)
	switch f.kind {
	case integer:
		dst, ok = f.readInteger(dst, s, i, class)
	case real:
		dst, ok = f.readReal(dst, s, i, class)
	case decimal:
		dst, ok = f.readDecimal(dst, s, i, class)
	case boolean:
		dst, ok = readBoolean(dst, s, i, class)
	case text, untyped:
		return f.readText(dst, s, i, class)
	case blob:
		if ok = class == lib.SQLITE_BLOB; ok {
			dst = hex.AppendEncode(append(dst, `\x`...), s.bytes(i))
		}
	case date, timestamp, timestamptz:
		dst, ok = f.readInstant(dst, s, i, class)
	case clock:
		if ok = class == lib.SQLITE_TEXT; ok {
			var micros int64
			if micros, ok = parseClock(string(s.text(i))); ok {
				dst = pgvalue.AppendTime(dst, micros)
			}
		}
	case uuid:
		dst, ok = readUUID(dst, s, i, class)
	case json:
		if dst, ok = readJSON(dst, s, i, class); ok && f.typ.OID == pgtype.JSONBOID {
			normal, err := pgvalue.AppendJSONB(nil, dst[start:])
			dst, ok = append(dst[:start], normal...), err == nil
		}
	case verbatim:
		if ok = class == lib.SQLITE_TEXT; ok {
			dst = append(dst, s.text(i)...)
		}
	}
	if !ok {
		return dst, false, misfit(f.table, f.column, "type "+f.typeName)
	}
	return dst, false, nil
}

func (f *form) readInteger(dst []byte, s *statement, i int, class int32) ([]byte, bool) {
	if class != lib.SQLITE_INTEGER {
		return dst, false
	}
	n := s.int(i)
	if shift := 64 - integerBits(f.typ.OID); n<<shift>>shift != n {
		return dst, false
	}
	return strconv.AppendInt(dst, n, 10), true
}

func (f *form) readReal(dst []byte, s *statement, i int, class int32) ([]byte, bool) {
	if class != lib.SQLITE_FLOAT && class != lib.SQLITE_INTEGER {
		return dst, false
	}
	v, bits := s.float(i), 64
	if class == lib.SQLITE_INTEGER && int64(v) != s.int(i) {
		return dst, false // a whole number that no float8 holds
	}
	if f.typ.OID == pgtype.Float4OID {
		if bits = 32; float64(float32(v)) != v {
			return dst, false
		}
	}
	return pgvalue.AppendFloat(dst, v, bits), true
}

// readDecimal reads a number as the shortest decimal that is it, rounded to the declared scale as PostgreSQL rounds what
// it stores.
func (f *form) readDecimal(dst []byte, s *statement, i int, class int32) ([]byte, bool) {
	var digits string
	switch class {
	case lib.SQLITE_INTEGER:
		digits = strconv.FormatInt(s.int(i), 10)
	case lib.SQLITE_FLOAT:
		v := s.float(i)
		if math.IsInf(v, 0) {
			return dst, false
		}
		digits = strconv.FormatFloat(v, 'f', -1, 64)
	case lib.SQLITE_TEXT:
		digits = string(s.text(i))
		if digits == "NaN" {
			return append(dst, digits...), true
		}
		if !plainDecimal(digits) {
			return dst, false
		}
	default:
		return dst, false
	}
	if f.typ.Mod < 0 {
		return append(dst, digits...), true
	}
	precision, scale := int(f.typ.Mod-4)>>16, int(f.typ.Mod-4)&0xffff
	_, fraction, _ := strings.Cut(digits, ".")
	switch missing := scale - len(fraction); {
	case missing < 0:
		number, ok := new(big.Rat).SetString(digits)
		if !ok {
			return dst, false
		}
		digits = number.FloatString(scale) // half away from zero, as PostgreSQL
	case missing > 0:
		if fraction == "" {
			digits += "."
		}
		digits += strings.Repeat("0", missing)
	}
	whole, _, _ := strings.Cut(strings.TrimPrefix(digits, "-"), ".")
	if len(strings.TrimLeft(whole, "0")) > precision-scale {
		return dst, false
	}
	if strings.HasPrefix(digits, "-") && strings.Trim(digits, "-0.") == "" {
		digits = digits[1:] // numeric has no negative zero
	}
	return append(dst, digits...), true
}

// plainDecimal reports digits with an optional sign and point.
func plainDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" || point && fraction == "" {
		return false
	}
	return strings.Trim(whole+fraction, "0123456789") == ""
}

// readBoolean knows 0 and 1 and the words that PostgreSQL's boolean input and most programs write.
func readBoolean(dst []byte, s *statement, i int, class int32) ([]byte, bool) {
	switch class {
	case lib.SQLITE_INTEGER:
		switch s.int(i) {
		case 0:
			return append(dst, 'f'), true
		case 1:
			return append(dst, 't'), true
		}
	case lib.SQLITE_TEXT:
		switch strings.ToLower(string(s.text(i))) {
		case "f", "false", "n", "no", "off":
			return append(dst, 'f'), true
		case "t", "true", "y", "yes", "on":
			return append(dst, 't'), true
		}
	}
	return dst, false
}

// readText reads a text. Of an untyped column numbers are read as well.
func (f *form) readText(dst []byte, s *statement, i int, class int32) (out []byte, null bool, err error) {
	switch {
	case class == lib.SQLITE_TEXT:
	case f.kind == untyped && class == lib.SQLITE_INTEGER:
		return strconv.AppendInt(dst, s.int(i), 10), false, nil
	case f.kind == untyped && class == lib.SQLITE_FLOAT:
		return pgvalue.AppendFloat(dst, s.float(i), 64), false, nil
	default:
		return dst, false, misfit(f.table, f.column, "type "+f.typeName)
	}
	v := s.text(i)
	if bytes.IndexByte(v, 0) >= 0 || !utf8.Valid(v) {
		return dst, false, &backend.Error{Code: "22021", Table: f.table, Column: f.column,
			Message: "column \"" + f.column + "\" of table \"" + f.table + "\" holds a text that is not valid UTF-8, or has a zero byte"}
	}
	if f.typ.Mod > 4 && len(v) > int(f.typ.Mod-4) && utf8.RuneCount(v) > int(f.typ.Mod-4) {
		return dst, false, &backend.Error{Code: "22001", Table: f.table, Column: f.column,
			Message: "column \"" + f.column + "\" of table \"" + f.table + "\" holds a text that is too long for type " + f.typeName,
			Hint:    "With lengths=off in the databackend's URI declared lengths are ignored."}
	}
	dst = append(dst, v...)
	if f.typ.OID == pgtype.BPCharOID {
		for n := utf8.RuneCount(v); n < int(f.typ.Mod-4); n++ {
			dst = append(dst, ' ')
		}
	}
	return dst, false, nil
}

func readUUID(dst []byte, s *statement, i int, class int32) ([]byte, bool) {
	v := s.bytes(i)
	var raw [16]byte
	switch {
	case class == lib.SQLITE_BLOB && len(v) == 16:
		copy(raw[:], v)
	case class == lib.SQLITE_TEXT:
		v = s.text(i)
		plain := bytes.ReplaceAll(bytes.Trim(v, "{}"), []byte("-"), nil)
		if n, err := hex.Decode(raw[:], plain[:min(len(plain), 32)]); err != nil || n != 16 || len(plain) != 32 {
			return dst, false
		}
	default:
		return dst, false
	}
	for _, part := range [][]byte{raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		dst = append(hex.AppendEncode(dst, part), '-')
	}
	dst = dst[:len(dst)-1]
	return dst, true
}

// readJSON reads JSON text, and the numbers that SQLite's NUMERIC affinity makes of the JSON texts that are numbers.
func readJSON(dst []byte, s *statement, i int, class int32) ([]byte, bool) {
	switch class {
	case lib.SQLITE_INTEGER:
		return strconv.AppendInt(dst, s.int(i), 10), true
	case lib.SQLITE_FLOAT:
		if v := s.float(i); !math.IsInf(v, 0) {
			return pgvalue.AppendFloat(dst, v, 64), true
		}
	case lib.SQLITE_TEXT:
		if v := s.text(i); stdjson.Valid(v) && utf8.Valid(v) {
			return append(dst, v...), true
		}
	}
	return dst, false
}

// readInstant reads a date or a timestamp: ISO text, and numbers as SQLite's modifier auto takes them, as Julian days up to
// the end of the year 9999, which is 5373484.5, and otherwise as seconds from 1970
// (https://sqlite.org/lang_datefunc.html#modifiers). A whole Julian day, which begins at noon, is all of its date in a date column.
func (f *form) readInstant(dst []byte, s *statement, i int, class int32) ([]byte, bool) {
	var micros int64
	switch class {
	case lib.SQLITE_TEXT:
		m, ok := parseInstant(string(s.text(i)))
		if !ok {
			return dst, false
		}
		micros = m
	case lib.SQLITE_INTEGER:
		n := s.int(i)
		switch {
		case n < -210866760000 || n > 253402300799:
			return dst, false
		case n < 0 || n > lastJulianDay:
			micros = (n - epochSeconds) * 1e6
		case f.kind == date:
			micros = n*microsPerDay - julianMicros - microsPerDay/2
		default:
			micros = n*microsPerDay - julianMicros
		}
	case lib.SQLITE_FLOAT:
		switch v := s.float(i); {
		case v >= 0 && v < lastJulianDay+0.5:
			micros = int64(v*86400e3+0.5)*1000 - julianMicros
		case v >= -210866760000 && v < 253402300800:
			micros = int64(math.Round(v*1e6)) - epochSeconds*1e6
		default:
			return dst, false
		}
	default:
		return dst, false
	}
	switch f.kind {
	case date:
		if micros%microsPerDay != 0 {
			return dst, false
		}
		return pgvalue.AppendDate(dst, int32(micros/microsPerDay)), true
	case timestamptz:
		return pgvalue.AppendTimestamptz(dst, micros), true
	}
	return pgvalue.AppendTimestamp(dst, micros), true
}

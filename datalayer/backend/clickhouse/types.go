package clickhouse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// kind is how values of a column are read and written.
type kind uint8

// The kinds of values.
const (
	asText kind = iota
	asBoolean
	asInteger
	asNumeric
	asFloat4
	asFloat8
	asBytes
	asDate
	asSeconds // DateTime, as the seconds since 1970
	asMicros  // DateTime64, as the microseconds since 1970
	asJSON    // what is shown as jsonb
)

// facts are what the engine knows of a column.
type facts struct {
	kind kind
	// typ is the column's type without Nullable and LowCardinality.
	typ native
	// nullable: the column takes NULL.
	nullable bool
	// fixed is the length of a FixedString, shown as text without the zero bytes at its end.
	fixed int
	// words are the values of an enum.
	words []string
	// low and high bound whole numbers, and days or seconds since 1970, as texts; "" for none.
	low, high string
	// raw: the column is compared as it is stored, for once.
	raw bool
	// keyed: the column is part of the table's sorting or partition key, and cannot be updated.
	keyed bool
}

// native is a type of ClickHouse: its name and what stands in parentheses.
type native struct {
	name string
	args []string
}

// parseType reads a type: "Map(String, Array(Nullable(UInt8)))" has the arguments String and Array(Nullable(UInt8)).
func parseType(text string) native {
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return native{name: text}
	}
	t := native{name: text[:open]}
	depth, quoted, start := 0, byte(0), open+1
	for i := start; i < len(text)-1; i++ {
		switch c := text[i]; {
		case quoted != 0:
			if c == '\\' {
				i++
			} else if c == quoted {
				quoted = 0
			}
		case c == '\'' || c == '`' || c == '"':
			quoted = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			t.args = append(t.args, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	t.args = append(t.args, strings.TrimSpace(text[start:len(text)-1]))
	return t
}

// strip takes Nullable, LowCardinality and SimpleAggregateFunction from a type.
func strip(text string) (t native, nullable bool) {
	for {
		t = parseType(text)
		switch {
		case t.name == "Nullable":
			nullable = true
			text = t.args[0]
		case t.name == "LowCardinality":
			text = t.args[0]
		case t.name == "SimpleAggregateFunction" && len(t.args) > 1:
			text = t.args[1]
		default:
			return t, nullable
		}
	}
}

// number gives an argument that is a number; otherwise what is said.
func (t native) number(i, otherwise int) int {
	if i < len(t.args) {
		if n, err := strconv.Atoi(t.args[i]); err == nil {
			return n
		}
	}
	return otherwise
}

// numeric is numeric(precision, scale).
func numeric(precision, scale int) dialect.Type {
	return dialect.Type{OID: pgtype.NumericOID, Mod: int32(precision<<16|scale) + 4}
}

// typeOf maps a type of ClickHouse to PostgreSQL's nearest that loses nothing. exact is false where the engine's
// comparisons of the type are not PostgreSQL's; ok is false for types that are not shown.
func typeOf(text string, how reading) (t dialect.Type, f facts, exact, ok bool) {
	f.typ, f.nullable = strip(text)
	plain := func(oid uint32, k kind) (dialect.Type, facts, bool, bool) {
		f.kind = k
		return dialect.Type{OID: oid, Mod: -1}, f, true, true
	}
	if t, ok := wholeNumber(&f); ok {
		return t, f, true, true
	}
	switch f.typ.name {
	case "Bool":
		return plain(pgtype.BoolOID, asBoolean)
	case "Float32", "BFloat16":
		return plain(pgtype.Float4OID, asFloat4)
	case "Float64":
		return plain(pgtype.Float8OID, asFloat8)
	case "Decimal":
		f.kind = asNumeric
		return numeric(f.typ.number(0, 10), f.typ.number(1, 0)), f, true, true
	case "String":
		if how.stringBytes {
			return plain(pgtype.ByteaOID, asBytes)
		}
		return plain(pgtype.TextOID, asText)
	case "FixedString":
		if f.fixed = f.typ.number(0, 0); how.fixedBytes {
			return plain(pgtype.ByteaOID, asBytes)
		}
		t, f, _, _ = plain(pgtype.TextOID, asText)
		return t, f, false, true
	case "Enum8", "Enum16", "Enum":
		f.words = enumWords(f.typ.args)
		return plain(pgtype.TextOID, asText)
	case "UUID":
		t, f, _, _ = plain(pgtype.UUIDOID, asText)
		return t, f, false, true // its halves are ordered the other way round
	case "IPv4", "IPv6":
		t, f, _, _ = plain(pgtype.InetOID, asText)
		return t, f, false, true
	case "AggregateFunction", "Nothing", "QBit":
		return t, f, false, false
	}
	return momentOrDocument(f, how)
}

// wholeNumber maps whole numbers: those that PostgreSQL has not become numeric.
func wholeNumber(f *facts) (dialect.Type, bool) {
	of := func(oid uint32, low, high string) (dialect.Type, bool) {
		f.kind, f.low, f.high = asInteger, low, high
		return dialect.Type{OID: oid, Mod: -1}, true
	}
	wide := func(digits int, low, high string) (dialect.Type, bool) {
		f.kind, f.low, f.high = asNumeric, low, high
		return numeric(digits, 0), true
	}
	switch f.typ.name {
	case "Int8":
		return of(pgtype.Int2OID, "-128", "127")
	case "UInt8":
		return of(pgtype.Int2OID, "0", "255")
	case "Int16":
		return of(pgtype.Int2OID, "-32768", "32767")
	case "UInt16":
		return of(pgtype.Int4OID, "0", "65535")
	case "Int32":
		return of(pgtype.Int4OID, "-2147483648", "2147483647")
	case "UInt32":
		return of(pgtype.Int8OID, "0", "4294967295")
	case "Int64":
		return of(pgtype.Int8OID, "-9223372036854775808", "9223372036854775807")
	case "UInt64":
		return wide(20, "0", "18446744073709551615")
	case "Int128":
		return wide(39, "-170141183460469231731687303715884105728", "170141183460469231731687303715884105727")
	case "UInt128":
		return wide(39, "0", "340282366920938463463374607431768211455")
	case "Int256":
		return wide(77, "-57896044618658097711785492504343953926634992332820282019728792003956564819968", "57896044618658097711785492504343953926634992332820282019728792003956564819967")
	case "UInt256":
		return wide(78, "0", "115792089237316195423570985008687907853269984665640564039457584007913129639935")
	}
	return dialect.Type{}, false
}

// momentOrDocument maps dates and times, and what is shown as jsonb: arrays, maps, tuples, documents, geometry. What a
// later version may add is read as text.
func momentOrDocument(f facts, how reading) (dialect.Type, facts, bool, bool) {
	switch name := f.typ.name; name {
	case "Date":
		f.kind, f.low, f.high = asDate, "1970-01-01", "2149-06-06"
		return dialect.Type{OID: pgtype.DateOID, Mod: -1}, f, true, true
	case "Date32":
		f.kind, f.low, f.high = asDate, "1900-01-01", "2299-12-31"
		return dialect.Type{OID: pgtype.DateOID, Mod: -1}, f, true, true
	case "DateTime":
		f.kind, f.low, f.high = asSeconds, "1970-01-01 00:00:00", "2106-02-07 06:28:15"
		return dialect.Type{OID: pgtype.TimestamptzOID, Mod: 0}, f, true, true
	case "DateTime64":
		f.low, f.high = "1900-01-01 00:00:00", "2299-12-31 23:59:59.999999"
		digits := f.typ.number(0, 3)
		if digits > 6 && !how.nanosTruncated {
			return dialect.Type{OID: pgtype.TextOID, Mod: -1}, f, false, true
		}
		if digits == 9 {
			f.high = "2262-04-11 23:47:16.854775"
		}
		f.kind = asMicros
		return dialect.Type{OID: pgtype.TimestamptzOID, Mod: int32(min(digits, 6))}, f, digits <= 6, true
	case "Array", "Map", "Tuple", "Nested", "JSON", "Object", "Variant", "Dynamic", "Point", "Ring", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "Geometry":
		f.kind = asJSON
		return dialect.Type{OID: pgtype.JSONBOID, Mod: -1}, f, false, true
	}
	return dialect.Type{OID: pgtype.TextOID, Mod: -1}, f, false, true
}

// enumWords reads the values of "'a' = 1, 'it\'s' = 2".
func enumWords(args []string) []string {
	var words []string
	for _, a := range args {
		if end := strings.LastIndexByte(a, '\''); end > 0 && a[0] == '\'' {
			words = append(words, string(unescape(nil, []byte(a[1:end]))))
		}
	}
	return words
}

// typeName is a type as DDL says it (PostgreSQL's format_type).
func typeName(t dialect.Type) string {
	switch t.OID {
	case pgtype.BoolOID:
		return "boolean"
	case pgtype.Int2OID:
		return "smallint"
	case pgtype.Int4OID:
		return "integer"
	case pgtype.Int8OID:
		return "bigint"
	case pgtype.NumericOID:
		return fmt.Sprintf("numeric(%d,%d)", (t.Mod-4)>>16, (t.Mod-4)&0xffff)
	case pgtype.Float4OID:
		return "real"
	case pgtype.Float8OID:
		return "double precision"
	case pgtype.ByteaOID:
		return "bytea"
	case pgtype.DateOID:
		return "date"
	case pgtype.TimestamptzOID:
		return fmt.Sprintf("timestamp(%d) with time zone", t.Mod)
	case pgtype.JSONBOID:
		return "jsonb"
	case pgtype.UUIDOID:
		return "uuid"
	case pgtype.InetOID:
		return "inet"
	}
	return "text"
}

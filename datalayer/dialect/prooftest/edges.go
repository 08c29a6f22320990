package prooftest

import "strings"

// edges are values of each type, by pg_type.typname, at its ends and where engines differ. NULL is always one more. What an
// engine cannot store is left out for it.
var edges = map[string][]string{
	"bool": {"t", "f"},
	"int2": {"-32768", "-7", "-1", "0", "1", "2", "7", "32767"},
	"int4": {"-2147483648", "-32769", "-7", "-1", "0", "1", "2", "7", "46341", "2147483647"},
	"int8": {"-9223372036854775808", "-2147483649", "-7", "-1", "0", "1", "2", "7", "9007199254740993", "9223372036854775807"},
	"numeric": {"-99999999.99", "-1.50", "-0.01", "0.00", "0.01", "0.05", "1.00", "1.50", "2.50", "7.00", "12345678.91",
		"99999999.99"},
	"float4": {"-Infinity", "-1.5", "-0", "0", "1e-45", "0.1", "1.5", "16777217", "3.4028235e+38", "Infinity", "NaN"},
	"float8": {"-Infinity", "-1.5", "-0", "0", "5e-324", "0.1", "0.30000000000000004", "1.5", "9007199254740993", "1e+15",
		"1.7976931348623157e+308", "Infinity", "NaN"},
	"text": {"", " ", "a", "A", "a ", " a", "ab", "aB", "b", "B", "é", "e\u0301", "É", "ß", "SS", "ss", "z", "Z", "_", "%", `\`, "a%b",
		"日本", "日本語", "😀", "İ", "ı", "I", "i", "10", "9", "it's", "NULL", "a\tb", "a\nb", strings.Repeat("x", 300), "abc%def", "ABC", "abcdef"},
	"varchar": {"", " ", "a", "A", "a ", "ab", "é", "10", "9"},
	"bpchar":  {"", "a", "A", "ab", "é", "10", "9"},
	"date": {"-infinity", "4713-01-01 BC", "0001-01-01", "1000-01-01", "1582-10-10", "1969-12-31", "1970-01-01", "1995-03-15",
		"1999-12-31", "2000-02-29", "2020-02-29", "2023-03-31", "2024-12-31", "2100-02-28", "9999-12-31", "infinity"},
	"timestamp": {"-infinity", "0001-01-01 00:00:00", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", "1999-12-31 23:59:59.5",
		"2000-02-29 12:34:56.789", "2020-02-29 00:00:00", "2023-03-26 02:30:00", "2023-03-31 23:59:59.999999", "2024-12-31 23:00:00",
		"9999-12-31 23:59:59", "infinity"},
	"timestamptz": {"-infinity", "0001-01-01 00:00:00+00", "1969-12-31 23:59:59.999999+00", "1970-01-01 00:00:00+00",
		"2000-02-29 12:34:56.789+00", "2023-03-26 01:30:00+00", "2023-10-29 00:30:00+00", "2024-12-31 23:00:00+00",
		"9999-12-31 23:59:59+00", "infinity"},
	"time":     {"00:00:00", "00:00:00.000001", "12:34:56", "23:59:59.999999"},
	"interval": {"-1 mons", "00:00:00", "00:00:01", "1 day", "24:00:00", "30 days", "1 mon", "1 year 2 mons 3 days 04:05:06.789"},
	"uuid": {"00000000-0000-0000-0000-000000000000", "80000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		"ffffffff-ffff-ffff-ffff-ffffffffffff"},
	// field is a text that names a field of EXTRACT.
	"field": {"century", "day", "decade", "dow", "doy", "hour", "isodow", "isoyear", "millennium", "minute", "month", "quarter", "week",
		"year", "second", "epoch", "nothing"},
	"bytea": {`\x`, `\x00`, `\x61`, `\xff`, `\x6162`},
	"json":  {`{"a": 1}`, `[]`, `null`},
	"jsonb": {`{"a": 1}`, `[]`, `null`},
}

// second are other values for a second operand of the same type, where another shape of the type should meet the first.
var second = map[string][]string{
	"numeric": {"-99999.9999", "-1.5000", "-0.0001", "0.0000", "0.0001", "1.0000", "1.5000", "2.5001", "99999.9999"},
}

// declared are the types of the columns, by operand, where the plain name does not do.
var declared = map[string][2]string{
	"numeric": {"numeric(10,2)", "numeric(9,4)"},
	"varchar": {"character varying(10)", "character varying(10)"},
	"bpchar":  {"character(4)", "character(4)"},
}

// modified are the types that a cast with a modifier is tried with.
var modified = map[string]string{
	"numeric": "numeric(8,1)", "varchar": "character varying(3)", "bpchar": "character(3)", "timestamp": "timestamp(0) without time zone",
	"timestamptz": "timestamp(0) with time zone", "time": "time(0) without time zone",
}

// columnType is the SQL type of the column for an operand, counted from 0.
func columnType(typname string, operand int) string {
	if d, ok := declared[typname]; ok {
		return d[min(operand, 1)]
	}
	return sqlNames[typname]
}

// sqlNames are the types as SQL says them.
var sqlNames = map[string]string{"bool": "boolean", "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real",
	"float8": "double precision", "text": "text", "field": "text", "date": "date", "timestamp": "timestamp without time zone",
	"timestamptz": "timestamp with time zone", "time": "time without time zone", "interval": "interval", "uuid": "uuid", "bytea": "bytea",
	"json": "json", "jsonb": "jsonb"}

// values are the edges for an operand.
func values(typname string, operand int) []string {
	if operand > 0 {
		if v, ok := second[typname]; ok {
			return v
		}
	}
	return edges[typname]
}

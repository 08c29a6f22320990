package clickhouse

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// epoch is 2000-01-01, from which PostgreSQL counts, in microseconds since 1970.
const epoch = 946684800 * 1e6

// unescape appends a text of the format TabSeparated without its escaping (ClickHouse documentation, Formats).
func unescape(dst, text []byte) []byte {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 >= len(text) {
			return append(dst, text...)
		}
		dst = append(dst, text[:at]...)
		c := text[at+1]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case '0':
			c = 0
		}
		dst, text = append(dst, c), text[at+2:]
	}
}

// column is one column of a result.
type column struct {
	facts facts
	// name is for messages.
	name string
}

// append appends PostgreSQL's text of a value as the format TabSeparated writes it.
func (c column) append(dst, raw []byte) (text []byte, null bool, err error) {
	if string(raw) == `\N` {
		return dst, true, nil
	}
	switch c.facts.kind {
	case asInteger, asNumeric, asDate:
		return append(dst, raw...), false, nil
	case asBoolean:
		return append(dst, map[bool]byte{true: 't', false: 'f'}[string(raw) == "true" || string(raw) == "1"]), false, nil
	case asFloat4, asFloat8:
		bits := map[kind]int{asFloat4: 32, asFloat8: 64}[c.facts.kind]
		n, err := strconv.ParseFloat(string(raw), bits)
		if err != nil {
			return dst, false, c.unreadable("58000", "it holds a number that cannot be read", "")
		}
		if math.IsNaN(n) {
			n = math.NaN() // one without a sign
		}
		return pgvalue.AppendFloat(dst, n, bits), false, nil
	case asSeconds, asMicros:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return dst, false, c.unreadable("58000", "it holds a time that cannot be read", "")
		}
		if c.facts.kind == asSeconds {
			n *= 1e6
		}
		return pgvalue.AppendTimestamptz(dst, n-epoch), false, nil
	}
	return c.appendText(dst, raw)
}

// appendText appends texts, bytes and documents.
func (c column) appendText(dst, raw []byte) ([]byte, bool, error) {
	start := len(dst)
	dst = unescape(dst, raw)
	switch value := dst[start:]; c.facts.kind {
	case asBytes:
		raw = bytes.Clone(value)
		dst = append(dst[:start], `\x`...)
		return hex.AppendEncode(dst, raw), false, nil
	case asJSON:
		out, err := pgvalue.AppendJSONB(nil, value)
		if err != nil {
			return dst, false, c.unreadable("22P02", "it holds what jsonb cannot hold", "")
		}
		return append(dst[:start], out...), false, nil
	}
	if c.facts.fixed > 0 {
		dst = append(dst[:start], bytes.TrimRight(dst[start:], "\x00")...)
	}
	if value := dst[start:]; bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		option := "strings"
		if c.facts.fixed > 0 {
			option = "fixed_strings"
		}
		return dst, false, c.unreadable("22021", "it holds bytes that are no text in UTF-8", "Put "+option+"=bytea into the databackend's URI to read such columns as bytes.")
	}
	return dst, false, nil
}

// unreadable is the error for a value that PostgreSQL has not.
func (c column) unreadable(code, why, hint string) error {
	return &backend.Error{Code: code, Message: fmt.Sprintf("column %q cannot be read: %s", c.name, why), Hint: hint, Column: c.name}
}

// kindOf is how values of an expression are read, by its type.
func kindOf(t dialect.Type) (facts, bool) {
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
	case pgtype.ByteaOID:
		return facts{kind: asBytes}, true
	case pgtype.DateOID:
		return facts{kind: asDate}, true
	case pgtype.TimestamptzOID:
		return facts{kind: asMicros}, true
	case pgtype.JSONBOID:
		return facts{kind: asJSON}, true
	}
	return facts{}, false
}

// shownAs is the expression that is asked for to read a value.
func (f facts) shownAs(expression string) string {
	switch f.kind {
	case asSeconds:
		return "toUnixTimestamp(" + expression + ")"
	case asMicros:
		return "toUnixTimestamp64Micro(" + expression + ")"
	case asJSON:
		if f.nullable || f.typ.name == "Variant" || f.typ.name == "Dynamic" {
			return "if(isNull(" + expression + "), NULL, toJSONString(" + expression + "))"
		}
		return "toJSONString(" + expression + ")"
	case asText:
		if f.typ.name == "DateTime64" {
			return "toString(toTimeZone(" + expression + ", 'UTC'))"
		}
	}
	return expression
}

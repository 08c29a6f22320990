package clickhouse

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// escape appends a text with the escaping of the format TabSeparated. Bytes that are no text are told by their numbers.
func escape(dst []byte, text string) []byte {
	bare := utf8.ValidString(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\':
			dst = append(dst, `\\`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == 0:
			dst = append(dst, `\0`...)
		case c >= utf8.RuneSelf && !bare:
			dst = append(dst, '\\', 'x')
			dst = hex.AppendEncode(dst, []byte{c})
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// literal appends a text as a literal.
func literal(dst []byte, text string) []byte {
	dst = append(dst, '\'')
	for i, part := range strings.Split(text, "'") {
		if i > 0 {
			dst = append(dst, `\'`...)
		}
		dst = escape(dst, part)
	}
	return append(dst, '\'')
}

// refused is the error for a value that a column cannot hold.
func refused(code, column, why string) error {
	return &backend.Error{Code: code, Message: fmt.Sprintf("column %q of the databackend cannot hold the value: %s", column, why), Column: column}
}

// bind turns PostgreSQL's text of a value, which is not NULL, into ClickHouse's text of the column's type. What the server
// would change in silence (numbers and dates out of range, texts that are too long) is refused.
func (f facts) bind(text, column string) (string, error) {
	switch f.kind {
	case asInteger, asNumeric:
		return f.bindNumber(text, column)
	case asBoolean:
		return map[bool]string{true: "true", false: "false"}[text == "t" || text == "true"], nil
	case asFloat4, asFloat8:
		switch text {
		case "NaN":
			return "nan", nil
		case "Infinity":
			return "inf", nil
		case "-Infinity":
			return "-inf", nil
		}
		return text, nil
	case asBytes:
		raw, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
		if err != nil {
			return "", refused("22P02", column, "it is no bytea")
		}
		if f.fixed > 0 && len(raw) != f.fixed {
			return "", refused("22026", column, fmt.Sprintf("it takes %d bytes, neither more nor fewer", f.fixed))
		}
		return string(raw), nil
	case asDate:
		if len(text) != 10 || text < f.low || text > f.high {
			return "", refused("22008", column, "it takes dates from "+f.low+" to "+f.high)
		}
		return text, nil
	case asSeconds, asMicros:
		return f.bindMoment(text, column)
	case asJSON:
		return f.bindDocument(text, column)
	}
	switch {
	case f.words != nil && !slices.Contains(f.words, text):
		return "", refused("22P02", column, "it takes "+strings.Join(f.words, ", ")+" only")
	case f.fixed > 0 && (len(text) > f.fixed || strings.HasSuffix(text, "\x00")):
		return "", refused("22001", column, fmt.Sprintf("it takes %d bytes", f.fixed))
	case f.typ.name == "IPv4" && (strings.Contains(text, "/") || strings.Contains(text, ":")), f.typ.name == "IPv6" && strings.Contains(text, "/"):
		return "", refused("22P02", column, "it takes one address of "+f.typ.name)
	case f.typ.name == "DateTime64":
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("column %q is shown as text because its times have more digits than PostgreSQL's, and cannot be written", column), Hint: "Put nanoseconds=truncate into the databackend's URI to have it as timestamps.", Column: column}
	}
	return text, nil
}

// bindNumber checks the range of a whole number and the digits of a decimal, which the server would wrap or cut.
func (f facts) bindNumber(text, column string) (string, error) {
	if strings.ContainsAny(text, "nN") { // NaN, Infinity
		return "", refused("22003", column, "its numbers have no "+text)
	}
	if f.low != "" {
		n, ok := new(big.Int).SetString(text, 10)
		low, _ := new(big.Int).SetString(f.low, 10)
		high, _ := new(big.Int).SetString(f.high, 10)
		if !ok || n.Cmp(low) < 0 || n.Cmp(high) > 0 {
			return "", refused("22003", column, "it takes whole numbers from "+f.low+" to "+f.high)
		}
		return n.String(), nil
	}
	if f.typ.name == "Decimal" {
		whole, fraction, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
		precision, scale := f.typ.number(0, 10), f.typ.number(1, 0)
		if len(strings.TrimLeft(whole, "0")) > precision-scale || len(strings.TrimRight(fraction, "0")) > scale {
			return "", refused("22003", column, fmt.Sprintf("it takes %d digits, %d of them behind the point", precision, scale))
		}
	}
	return text, nil
}

// bindMoment writes a timestamp with time zone in UTC, as best_effort reads it.
func (f facts) bindMoment(text, column string) (string, error) {
	var moment time.Time
	var err error
	for _, layout := range []string{"2006-01-02 15:04:05-07", "2006-01-02 15:04:05-07:00", "2006-01-02 15:04:05"} {
		if moment, err = time.Parse(layout, text); err == nil {
			break
		}
	}
	plain := moment.UTC().Format("2006-01-02 15:04:05.999999")
	if err != nil || plain < f.low || plain > f.high {
		return "", refused("22008", column, "it takes times from "+f.low+" to "+f.high+" UTC")
	}
	return moment.UTC().Format("2006-01-02T15:04:05.999999Z"), nil
}

// bindDocument writes a JSON text as a value of an array, a map, a tuple or a document.
func (f facts) bindDocument(text, column string) (string, error) {
	if f.typ.name == "JSON" || f.typ.name == "Object" {
		if !strings.HasPrefix(text, "{") {
			return "", refused("22P02", column, "it takes objects only")
		}
		return text, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return "", refused("22P02", column, "it is no JSON")
	}
	out, err := appendNested(nil, f.typ.String(), value, column)
	return string(out), err
}

// String writes a type again.
func (t native) String() string {
	if t.args == nil {
		return t.name
	}
	return t.name + "(" + strings.Join(t.args, ", ") + ")"
}

// appendNested appends a value of an array, a map or a tuple as ClickHouse's text, checked by its type.
func appendNested(dst []byte, typ string, value any, column string) ([]byte, error) {
	_, f, _, _ := typeOf(typ, reading{})
	bad := func() ([]byte, error) { return dst, refused("22P02", column, "a part of it is no "+typ) }
	if value == nil {
		if !f.nullable {
			return bad()
		}
		return append(dst, "NULL"...), nil
	}
	switch v := value.(type) {
	case []any:
		return appendList(dst, f.typ, v, column)
	case map[string]any:
		return appendObject(dst, f.typ, v, column)
	case bool:
		if f.kind != asBoolean {
			return bad()
		}
		return strconv.AppendBool(dst, v), nil
	case json.Number:
		if f.kind != asInteger && f.kind != asNumeric && f.kind != asFloat4 && f.kind != asFloat8 {
			return bad()
		}
		text, err := f.bind(v.String(), column)
		return append(dst, text...), err
	case string:
		if f.kind == asJSON || f.kind == asBoolean || f.kind == asInteger {
			return bad()
		}
		text, err := f.bind(v, column)
		return literal(dst, text), err
	}
	return bad()
}

// appendList appends an array, or a tuple without names.
func appendList(dst []byte, t native, values []any, column string) ([]byte, error) {
	element := func(i int) string { return t.args[0] }
	open, end := byte('['), byte(']')
	switch {
	case t.name == "Array" && len(t.args) == 1:
	case t.name == "Tuple" && len(t.args) == len(values):
		open, end = '(', ')'
		element = func(i int) string { _, typ := fieldOf(t.args[i]); return typ }
	default:
		return dst, refused("22P02", column, "a part of it is no "+t.String())
	}
	dst = append(dst, open)
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendNested(dst, element(i), v, column); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

// appendObject appends a map, or a tuple with names.
func appendObject(dst []byte, t native, values map[string]any, column string) ([]byte, error) {
	bad := refused("22P02", column, "a part of it is no "+t.String())
	var err error
	switch {
	case t.name == "Map" && len(t.args) == 2:
		dst = append(dst, '{')
		for i, key := range slices.Sorted(func(yield func(string) bool) {
			for k := range values {
				if !yield(k) {
					return
				}
			}
		}) {
			if i > 0 {
				dst = append(dst, ',')
			}
			_, f, _, _ := typeOf(t.args[0], reading{})
			text, err := f.bind(key, column)
			if err != nil {
				return dst, err
			}
			if f.kind == asText {
				text = string(literal(nil, text))
			}
			if dst, err = appendNested(append(append(dst, text...), ':'), t.args[1], values[key], column); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	case t.name == "Tuple" && len(t.args) == len(values):
		dst = append(dst, '(')
		for i, arg := range t.args {
			name, typ := fieldOf(arg)
			value, ok := values[name]
			if !ok {
				return dst, bad
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendNested(dst, typ, value, column); err != nil {
				return dst, err
			}
		}
		return append(dst, ')'), nil
	}
	return dst, bad
}

// fieldOf splits a part of a tuple: "a UInt8" or "UInt8".
func fieldOf(arg string) (name, typ string) {
	if body, quoted := strings.CutPrefix(arg, "`"); quoted {
		name, typ, _ = strings.Cut(body, "` ")
		return name, typ
	}
	name, typ, named := strings.Cut(arg, " ")
	if !named || strings.ContainsAny(name, "(,") {
		return "", arg
	}
	return name, typ
}

package duckdb

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	lib "github.com/duckdb/duckdb-go-bindings"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// write turns PostgreSQL's text of a value into what is bound for it: numbers, dates and bytes as they are, the rest as a
// text that the statement casts to the column's type.
func (f *form) write(v []byte) (any, error) {
	if v == nil {
		return nil, nil
	}
	if f.readOnly {
		return nil, f.where(&backend.Error{Code: "0A000", Message: "values of this type of DuckDB's cannot be written"})
	}
	bad := func() error {
		return f.where(&backend.Error{Code: "22P02", Message: "a value is not of its type"})
	}
	s := string(v)
	switch f.typ.OID {
	case pgtype.BoolOID:
		return s == "t" || s == "true", nil
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, bad()
		}
		return n, nil
	case pgtype.Float4OID, pgtype.Float8OID:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, bad()
		}
		return n, nil
	case pgtype.ByteaOID:
		raw, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		if err != nil {
			return nil, bad()
		}
		return raw, nil
	case pgtype.DateOID:
		days, ok := pgvalue.ParseDate(v)
		if !ok {
			return nil, bad()
		}
		return lib.NewDate(shiftDate(days)), nil
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		micros, ok := pgvalue.ParseTimestamp(v)
		if ok {
			micros, ok = shiftMicros(micros)
		}
		if !ok {
			return nil, f.where(beyond("a timestamp is out of DuckDB's range"))
		}
		if f.typ.OID == pgtype.TimestamptzOID {
			return instant(micros), nil
		}
		return lib.NewTimestamp(micros), nil
	case pgtype.IntervalOID:
		months, days, micros, ok := pgvalue.ParseInterval(v)
		if !ok || micros == math.MaxInt64 || micros == math.MinInt64 {
			return nil, f.where(beyond("DuckDB has no such interval"))
		}
		return lib.NewInterval(months, days, micros), nil
	case pgtype.JSONBOID:
		return exactNumbers(v), nil
	}
	if strings.HasSuffix(f.typeName, "[]") {
		return listText(v)
	}
	return s, nil
}

// shiftDate turns days from 2000 into days from 1970, and PostgreSQL's infinities into DuckDB's.
func shiftDate(days int32) int32 {
	switch days {
	case math.MaxInt32:
		return days
	case math.MinInt32:
		return -math.MaxInt32
	}
	return days + epochDays
}

// shiftMicros turns microseconds from 2000 into microseconds from 1970, and the infinities.
func shiftMicros(micros int64) (int64, bool) {
	switch {
	case micros == math.MaxInt64:
		return micros, true
	case micros == math.MinInt64:
		return -math.MaxInt64, true
	case micros >= math.MaxInt64-epochMicros:
		return 0, false
	}
	return micros + epochMicros, true
}

// exactNumbers puts the numbers of a JSON text that no float8 need hold exactly in quotes: DuckDB reads the numbers of
// a document as float8 where the type wants a decimal, but texts digit by digit.
func exactNumbers(v []byte) string {
	var out strings.Builder
	for i := 0; i < len(v); {
		c := v[i]
		switch {
		case c == '"':
			end := i + 1
			for ; end < len(v) && v[end] != '"'; end++ {
				if v[end] == '\\' {
					end++
				}
			}
			out.Write(v[i:min(end+1, len(v))])
			i = end + 1
		case c == '-' || c >= '0' && c <= '9':
			end := i + 1
			for end < len(v) && strings.IndexByte("0123456789.eE+-", v[end]) >= 0 {
				end++
			}
			if number := string(v[i:end]); strings.ContainsAny(number, ".eE") || len(number) > 15 {
				out.WriteString(`"` + number + `"`)
			} else {
				out.WriteString(number)
			}
			i = end
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String()
}

// listText turns an array of one dimension in PostgreSQL's text into a JSON array of texts, which DuckDB casts to a
// list.
func listText(v []byte) (string, error) {
	items, err := (&arrayText{rest: string(v)}).items()
	if err != nil {
		return "", err
	}
	var out []byte
	out = append(out, '[')
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		if item == nil {
			out = append(out, "null"...)
			continue
		}
		out = pgvalue.AppendJSONString(out, []byte(*item))
	}
	return string(append(out, ']')), nil
}

// arrayText reads PostgreSQL's text of an array (its array_out).
type arrayText struct{ rest string }

// items gives the elements of an array of one dimension, nil for NULL.
func (a *arrayText) items() ([]*string, error) {
	refused := func(why string) error { return &backend.Error{Code: "0A000", Message: why} }
	if !strings.HasPrefix(a.rest, "{") || !strings.HasSuffix(a.rest, "}") {
		return nil, refused("DuckDB has no arrays with bounds of their own")
	}
	a.rest = a.rest[1 : len(a.rest)-1]
	var out []*string
	for a.rest != "" {
		var item string
		switch a.rest[0] {
		case '{':
			return nil, refused("a list of DuckDB's has one dimension")
		case '"':
			i := 1
			for ; i < len(a.rest) && a.rest[i] != '"'; i++ {
				if a.rest[i] == '\\' {
					i++
				}
				item += a.rest[i : i+1]
			}
			a.rest = a.rest[min(i+1, len(a.rest)):]
			out = append(out, &item)
		default:
			item, _, _ = strings.Cut(a.rest, ",")
			a.rest = a.rest[len(item):]
			if item == "NULL" {
				out = append(out, nil)
			} else {
				out = append(out, &item)
			}
		}
		a.rest = strings.TrimPrefix(a.rest, ",")
	}
	return out, nil
}

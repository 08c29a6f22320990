package sqlite

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// write turns PostgreSQL's text of a value into what SQLite stores for it: int64, float64, string or []byte, nil for
// NULL. What SQLite cannot store without loss is an error.
func (f *form) write(v []byte) (any, error) {
	if v == nil {
		return nil, nil
	}
	s := string(v)
	switch f.kind {
	case integer:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, f.refused("22003", "is out of the range of SQLite's integers")
		}
		return n, nil
	case real:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) {
			return nil, f.refused("22003", "cannot be stored: SQLite has no NaN")
		}
		return n, nil
	case decimal:
		return f.writeDecimal(s)
	case text:
		if f.typ.OID == pgtype.BPCharOID {
			return strings.TrimRight(s, " "), nil
		}
	case boolean:
		return int64(map[string]int64{"t": 1, "true": 1}[s]), nil
	case blob:
		raw, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		if err != nil {
			return nil, f.refused("22P02", "is not hexadecimal")
		}
		return raw, nil
	case date, timestamp:
		if _, ok := parseInstant(s); !ok {
			return nil, f.refused("22008", "is outside the years 0001 to 9999, which ISO dates hold in SQLite")
		}
		return s, nil
	case timestamptz:
		return f.writeInstant(s)
	case clock:
		if _, ok := parseClock(s); !ok {
			return nil, f.refused("22008", "is no time of day that SQLite knows")
		}
	}
	return s, nil
}

// writeDecimal stores a number as a whole number or a float where that gives it back exactly. What is stored for more
// digits depends on the column's affinity, so they are refused.
func (f *form) writeDecimal(s string) (any, error) {
	if f.textual {
		return s, nil
	}
	if !strings.Contains(s, ".") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return nil, f.refused("22003", "cannot be stored: SQLite has no NaN and no infinity of numeric")
	}
	exact := strings.TrimPrefix(s, "-")
	if strings.Contains(exact, ".") {
		exact = strings.TrimRight(strings.TrimRight(exact, "0"), ".")
	}
	if back := strconv.FormatFloat(math.Abs(n), 'f', -1, 64); back != exact {
		return nil, f.refused("22003", "has more digits than SQLite stores in a number")
	}
	return n, nil
}

// writeInstant stores a timestamp with time zone in UTC, as ISO text with its offset.
func (f *form) writeInstant(s string) (any, error) {
	micros, ok := parseInstant(s)
	if !ok {
		return nil, f.refused("22008", "is outside the years 0001 to 9999, which ISO dates hold in SQLite")
	}
	return string(append(pgvalue.AppendTimestamp(nil, micros), "+00:00"...)), nil
}

// refused says that a value cannot be stored. It does not say the value.
func (f *form) refused(code, why string) error {
	what := "a value"
	if f.column != "" {
		what = "a value for column \"" + f.column + "\" of table \"" + f.table + "\""
	}
	return &backend.Error{Code: code, Message: what + " " + why, Table: f.table, Column: f.column}
}

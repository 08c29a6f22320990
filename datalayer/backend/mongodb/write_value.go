package mongodb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// errPrecise says that an instant has parts of a millisecond, which no stored date has.
var errPrecise = errors.New("it is more precise than a millisecond")

// parse reads PostgreSQL's text of a value as it is to be stored. Values that MongoDB cannot hold are *backend.Error.
func (t *pgType) parse(text []byte) (any, error) {
	s := string(text)
	switch t.kind {
	case integers:
		return t.parseInteger(s)
	case floats:
		bits := 64
		if t.OID == pgtype.Float4OID {
			bits = 32
		}
		d, err := strconv.ParseFloat(s, bits)
		if err != nil {
			return nil, t.invalid()
		}
		return d, nil
	case decimals, mixedDecimals:
		return parseDecimal(s)
	case booleans:
		return s == "t" || s == "true", nil
	case texts, spelled:
		return s, nil
	case objectIDs:
		id, err := bson.ObjectIDFromHex(s)
		if err != nil || id.Hex() != s {
			return nil, &backend.Error{Code: "22P02", Message: "an ObjectId is 24 hexadecimal digits in lower case",
				Hint: "Leave the column out, and it gets a new one."}
		}
		return id, nil
	case dates:
		ms, err := t.parseDate(text)
		if err != nil {
			return nil, err
		}
		return bson.DateTime(ms), nil
	case uuids:
		data, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
		if err != nil || len(data) != 16 {
			return nil, t.invalid()
		}
		return bson.Binary{Subtype: subtypeUUID, Data: data}, nil
	case binaries:
		data, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		if err != nil {
			return nil, t.invalid()
		}
		return bson.Binary{Data: data}, nil
	case arrays:
		return t.elem.parseArray(s)
	}
	return parseJSON(text, t.verbatim)
}

// invalid is the error for text that is none of the type's.
func (t *pgType) invalid() error {
	return &backend.Error{Code: "22P02", Message: "invalid input syntax for type " + t.ddl()}
}

// parseInteger gives an int for the types that fit one, otherwise a long.
func (t *pgType) parseInteger(s string) (any, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, t.invalid()
	}
	if least, greatest := t.limits(); n < least || n > greatest {
		return nil, &backend.Error{Code: "22003", Message: t.ddl() + " out of range"}
	}
	if t.OID == pgtype.Int8OID {
		return n, nil
	}
	return int32(n), nil
}

// parseDecimal gives a decimal of at most 34 digits.
func parseDecimal(s string) (any, error) {
	d, err := bson.ParseDecimal128(s)
	if err != nil {
		return nil, &backend.Error{Code: "22003", Message: "the number has more digits than MongoDB's decimals, which have 34"}
	}
	return d, nil
}

// assigned is a text as an assignment to the type makes it, which postgres_fdw leaves to the engine where a change goes
// down whole: digits behind the point are rounded, halves away from zero, texts are padded or, where they are too long,
// refused (numeric and varchar of PostgreSQL's numeric.c and varchar.c).
func (t *pgType) assigned(text []byte) ([]byte, error) {
	switch {
	case t.OID == pgtype.NumericOID && t.precision >= 0 && string(text) != "NaN":
		n, ok := new(big.Rat).SetString(string(text))
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(0, t.precision-t.scale))), nil)
		if !ok || t.scale < 0 {
			return text, nil // infinity, or a scale that this does not know
		}
		rounded := n.FloatString(t.scale)
		if n, _ = n.SetString(rounded); n.Abs(n).Cmp(new(big.Rat).SetInt(limit)) >= 0 {
			return nil, &backend.Error{Code: "22003", Message: "numeric field overflow",
				Detail: fmt.Sprintf("A field with precision %d, scale %d must round to an absolute value less than 10^%d.", t.precision, t.scale, t.precision-t.scale)}
		}
		return []byte(rounded), nil
	case (t.OID == pgtype.VarcharOID || t.OID == pgtype.BPCharOID) && t.Mod > 4:
		size := int(t.Mod) - 4
		runes := []rune(string(text))
		if len(runes) > size {
			if strings.Trim(string(runes[size:]), " ") != "" {
				return nil, &backend.Error{Code: "22001", Message: "value too long for type " + t.ddl()}
			}
			runes = runes[:size]
		}
		if t.OID == pgtype.BPCharOID {
			return []byte(string(runes) + strings.Repeat(" ", size-len(runes))), nil
		}
		return []byte(string(runes)), nil
	}
	return text, nil
}

// parseDate gives milliseconds from 1970-01-01; beside errPrecise, those of the millisecond before.
func (t *pgType) parseDate(text []byte) (int64, error) {
	infinite := &backend.Error{Code: "22008", Message: "MongoDB's dates have no infinity"}
	ms, rest, infinity, err := parseInstant(string(text))
	switch {
	case err != nil:
		return 0, t.invalid()
	case infinity:
		return 0, infinite
	}
	if rest != 0 {
		return ms, errPrecise
	}
	return ms, nil
}

// parseInstant reads PostgreSQL's text of a date or a timestamp, with or without a zone: milliseconds from 1970-01-01, and the microseconds
// behind them.
func parseInstant(s string) (ms, rest int64, infinity bool, err error) {
	if strings.HasSuffix(s, "infinity") {
		return 0, 0, true, nil
	}
	s, before := strings.CutSuffix(s, " BC")
	day, clock, _ := strings.Cut(s, " ")
	sign, at := int64(1), strings.IndexAny(clock, "+-")
	offset := ""
	if at >= 0 {
		if clock[at] == '-' {
			sign = -1
		}
		clock, offset = clock[:at], clock[at+1:]
	}
	parts := strings.Split(day, "-")
	if len(parts) != 3 {
		return 0, 0, false, errors.New("it is no date")
	}
	var ymd [3]int
	for i, part := range parts {
		if ymd[i], err = strconv.Atoi(part); err != nil {
			return 0, 0, false, err
		}
	}
	if before {
		ymd[0] = 1 - ymd[0]
	}
	midnight := time.Date(ymd[0], time.Month(ymd[1]), ymd[2], 0, 0, 0, 0, time.UTC)
	var of, shift int64
	if of, err = clockMicros(clock); err != nil {
		return 0, 0, false, err
	}
	if shift, err = clockMicros(offset); err != nil {
		return 0, 0, false, err
	}
	of -= sign * shift
	if rest = of % 1000; rest < 0 {
		rest += 1000
	}
	return midnight.Unix()*1000 + (of-rest)/1000, rest, false, nil
}

// clockMicros reads "hh[:mm[:ss[.ffffff]]]"; nothing is 0.
func clockMicros(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	s, fraction, _ := strings.Cut(s, ".")
	total, unit := int64(0), int64(3_600_000_000)
	for part := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return 0, err
		}
		total, unit = total+int64(n)*unit, unit/60
	}
	if fraction == "" {
		return total, nil
	}
	n, err := strconv.ParseUint((fraction + "000000")[:6], 10, 32)
	return total + int64(n), err
}

// parseArray reads an array's text (array_in in PostgreSQL's arrayfuncs.c) of one dimension that counts from 1.
func (t *pgType) parseArray(s string) (any, error) {
	if !strings.HasPrefix(s, "{") || strings.HasPrefix(s, "{{") {
		return nil, &backend.Error{Code: "0A000", Message: "MongoDB stores arrays of one dimension that count from 1", Hint: "Declare the column as jsonb."}
	}
	list := bson.A{}
	for rest := strings.TrimPrefix(s, "{"); rest != "}"; {
		word, quoted, after, ok := arrayElement(rest)
		if !ok {
			return nil, t.invalid()
		}
		rest = after
		if !quoted && word == "NULL" {
			list = append(list, nil)
			continue
		}
		v, err := t.parse([]byte(word))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// arrayElement takes the first element off what is left of an array's text.
func arrayElement(s string) (word string, quoted bool, rest string, ok bool) {
	var b strings.Builder
	for i, open := 0, false; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '"':
			open, quoted = !open, true
		case !open && c == ',':
			return b.String(), quoted, s[i+1:], true
		case !open && c == '}':
			return b.String(), quoted, s[i:], i == len(s)-1
		default:
			b.WriteByte(c)
		}
	}
	return "", false, "", false
}

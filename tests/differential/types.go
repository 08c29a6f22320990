package differential

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// typ is an SQL type as it is written in a cast. Types that a round makes itself are named without their schema, which is
// first in the search path.
type typ string

// The types of columns, arguments and answers.
const (
	tBool        typ = "bool"
	tInt2        typ = "int2"
	tInt4        typ = "int4"
	tInt8        typ = "int8"
	tFloat4      typ = "float4"
	tFloat8      typ = "float8"
	tNumeric     typ = "numeric"
	tText        typ = "text"
	tBytea       typ = "bytea"
	tDate        typ = "date"
	tTime        typ = "time"
	tTimestamp   typ = "timestamp"
	tTimestamptz typ = "timestamptz"
	tInterval    typ = "interval"
	tUUID        typ = "uuid"
	tJSONB       typ = "jsonb"
	tInt4s       typ = "int4[]"
	tInt8s       typ = "int8[]"
	tFloat8s     typ = "float8[]"
	tTexts       typ = "text[]"
	tBools       typ = "bool[]"
	// tMood is an enum, tPair a composite of an int4 a and a text b.
	tMood typ = "mood"
	tPair typ = "pair"
	// tDeep is a composite of a pair p, a mood m and an array l of int4.
	tDeep     typ = "deep"
	tMoods    typ = "mood[]"
	tPairs    typ = "pair[]"
	tNumerics typ = "numeric[]"
	tDates    typ = "date[]"
	tUUIDs    typ = "uuid[]"
	tInet     typ = "inet"
	tRange    typ = "int4range"
	tBits     typ = "varbit"
	tName     typ = "name"
	// tJSON is for arguments only: nothing compares its values.
	tJSON typ = "json"
)

// scalars are the types that expressions are made of most.
var scalars = []weighted[typ]{{tInt4, 10}, {tText, 8}, {tBool, 4}, {tNumeric, 3}, {tFloat8, 3}, {tInt8, 3}, {tDate, 2}, {tTimestamptz, 2},
	{tTimestamp, 1}, {tInterval, 1}, {tUUID, 1}, {tJSONB, 2}, {tBytea, 1}, {tInt2, 1}, {tFloat4, 1}, {tInt4s, 2}, {tTexts, 1},
	{tFloat8s, 1}, {tTime, 1}, {tMood, 2}, {tPair, 1}, {tInt8s, 1}, {tBools, 1},
	{tDeep, 1}, {tMoods, 1}, {tPairs, 1}, {tNumerics, 1}, {tDates, 1}, {tUUIDs, 1}, {tInet, 1}, {tRange, 1}, {tBits, 1}, {tName, 1}}

// weighted is a choice and how often it is taken.
type weighted[T any] struct {
	value  T
	weight int
}

// pick takes one of some choices by their weights.
func pick[T any](r *rand.Rand, from []weighted[T]) T {
	total := 0
	for _, w := range from {
		total += w.weight
	}
	n := r.IntN(total)
	for _, w := range from {
		if n -= w.weight; n < 0 {
			return w.value
		}
	}
	panic("weights do not add up")
}

// one takes one of a list.
func one[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func itoa(n int) string { return strconv.Itoa(n) }

// quote is an SQL string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// values are each type's, as PostgreSQL reads them, the frequent first. Values that are equal are written equally, so that
// it does not show which of them a GROUP BY keeps; floats are sums of powers of two, so that their sums do not depend on
// the order; intervals stay below a day's hours and a month's days for the same reason.
var values = map[typ][]string{
	tBool:        {"true", "false"},
	tInt2:        {"1", "2", "3", "0", "5", "-4", "30"},
	tInt4:        {"1", "2", "3", "4", "5", "0", "7", "10", "-3", "42", "100", "999"},
	tInt8:        {"1", "2", "3", "0", "10", "-5", "10000000000", "77"},
	tFloat4:      {"1", "0.5", "2.25", "-3", "100"},
	tFloat8:      {"1", "0.5", "2.25", "0", "-3", "10.125", "1024", "NaN", "Infinity"},
	tNumeric:     {"1.00", "2.50", "0.00", "-3.25", "10.10", "99.99"},
	tText:        {"a", "b", "ab", "A", "Ab", "B", "", "é", "Zebra", "zebra", "it''s", "日本", "a b", "%", "a_b", "\\", "x,\"y\""},
	tBytea:       {`\x01`, `\x0102`, `\x`, `\xdeadbeef`, `\x00ff`},
	tDate:        {"2024-01-01", "2024-01-31", "2024-02-29", "1999-12-31", "2030-06-15", "0099-03-04"},
	tTime:        {"00:00:00", "12:30:00", "23:59:59.5"},
	tTimestamp:   {"2024-01-01 00:00:00", "2024-02-29 12:30:00", "1999-12-31 23:59:59.5", "2030-06-15 06:00:00"},
	tTimestamptz: {"2024-01-01 00:00:00+00", "2024-03-31 00:30:00+00", "1999-12-31 23:59:59.5+00", "2030-06-15 06:00:00+00"},
	tInterval:    {"1 day", "2 hours", "1 mon 3 days", "-1 hour", "00:00:01.5"},
	tUUID:        {"00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002", "deadbeef-dead-4eef-8ead-deadbeefdead"},
	tJSONB:       {`{"v": 1}`, `{"v": 2, "k": "a"}`, `[1, "a", null]`, `"text"`, `7`, `{}`, `{"v": 3, "k": {"v": [true, false]}}`},
	tInt4s:       {"{1,2}", "{3}", "{}", "{1,2,3,4}", "{-1,0}", "{NULL,2}"},
	tInt8s:       {"{1,2}", "{10000000000}", "{}", "{NULL,3}"},
	tFloat8s:     {"{1,0.5}", "{}", "{2.25}", "{1,NULL}"},
	tTexts:       {"{a,b}", "{}", `{"x y",é,""}`, "{a}", `{NULL,"NULL",b}`},
	tBools:       {"{t,f}", "{}", "{t}", "{NULL,f}"},
	tMood:        {"ok", "sad", "happy"},
	tPair:        {"(1,a)", "(2,b)", "(3,\"x y\")"},
	tDeep:        {`("(1,a)",ok,"{1,2}")`, `("(2,""x y"")",sad,{})`, `(,happy,{3})`},
	tMoods:       {"{ok,sad}", "{}", "{happy}"},
	tPairs:       {`{"(1,a)","(2,b)"}`, "{}", `{"(3,\"x y\")"}`},
	tNumerics:    {"{1.00,2.50}", "{}", "{99.99}"},
	tDates:       {"{2024-01-01,1999-12-31}", "{}", "{2024-02-29}"},
	tUUIDs:       {"{00000000-0000-4000-8000-000000000001}", "{}"},
	tInet:        {"10.0.0.1", "10.0.0.0/8", "192.168.1.5"},
	tRange:       {"[1,5)", "empty", "[3,)", "(,10)"},
	tBits:        {"101", "", "1"},
	tName:        {"a", "Ab", "x y"},
	tJSON:        {`{"v": 1}`, `[1, "a", null]`, `"text"`, `{}`},
}

// value is a random value of a type as PostgreSQL reads it, unquoted but with quotes doubled; most are among the first.
func (t typ) value(r *rand.Rand) string {
	all := values[t]
	if r.IntN(2) == 0 {
		return all[r.IntN(min(3, len(all)))]
	}
	return all[r.IntN(len(all))]
}

// literal is a constant expression of the type.
func (t typ) literal(r *rand.Rand) string {
	v := t.value(r)
	switch {
	case t == tBool:
		return v
	case t == tInt4 && v[0] != '-':
		return v
	case t == tText && r.IntN(2) == 0:
		return "'" + v + "'"
	case t == tNumeric && v[0] != '-' && r.IntN(2) == 0:
		return v
	}
	return t.constant(v)
}

// constant is a value as a constant expression of the type.
func (t typ) constant(v string) string { return fmt.Sprintf("'%s'::%s", v, t) }

// simplest is the plainest constant of the type.
func (t typ) simplest() string {
	switch t {
	case tBool:
		return "true"
	case tInt4:
		return "1"
	case tText:
		return "'a'::text"
	}
	return t.constant(values[t][0])
}

// array is whether the type is one of arrays, and of what.
func (t typ) array() (elem typ, ok bool) {
	e, ok := strings.CutSuffix(string(t), "[]")
	return typ(e), ok
}

// noMax says that PostgreSQL has no max and min for the type.
func (t typ) noMax() bool {
	switch t {
	case tUUID, tBytea, tPair, tDeep, tJSONB, tRange, tBits, tName:
		return true
	}
	return false
}

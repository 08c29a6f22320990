package lookup

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// The bounds of PostgreSQL's dates and timestamps (datatype/timestamp.h), from 2000-01-01: days, and microseconds. The
// infinite ones are the extremes of int4 and int8.
const (
	firstDay, lastDay           = -2451545, 2145031948
	firstMicro, lastMicro       = -211813488000000000, 9223371331199999999
	lastTime                    = 86_400_000_000
	microsPerDay          int64 = 86_400_000_000
)

// following gives the function that tells the next value of a type whose values are integers, false where there is none.
func following(t udf.Type) func(int64) (int64, bool) {
	type bounds struct{ infinite, first, last, infinity int64 }
	var b bounds
	switch t {
	case udf.Date:
		b = bounds{math.MinInt32, firstDay, lastDay, math.MaxInt32}
	case udf.Timestamp, udf.Timestamptz:
		b = bounds{math.MinInt64, firstMicro, lastMicro, math.MaxInt64}
	case udf.Time:
		return func(v int64) (int64, bool) { return v + 1, v < lastTime }
	default:
		return func(v int64) (int64, bool) { return v + 1, v < math.MaxInt64 }
	}
	return func(v int64) (int64, bool) {
		switch v {
		case b.infinite:
			return b.first, true
		case b.last:
			return b.infinity, true
		case b.infinity:
			return 0, false
		}
		return v + 1, true
	}
}

// parseDateTime reads a date, time or timestamp as columns hold it (package pgvalue: DateStyle ISO, time zone UTC), as
// PostgreSQL's integer: days or microseconds from 2000-01-01, or microseconds of the day.
func parseDateTime(t udf.Type, text string) (int64, error) {
	wrong := fmt.Errorf("%q is not a %s as PostgreSQL prints it", text, t)
	if v, ok := infinity(t, text); ok {
		return v, nil
	}
	if t == udf.Time {
		v, ok := clock(text)
		if !ok {
			return 0, wrong
		}
		return v, nil
	}
	rest, before := strings.CutSuffix(text, " BC")
	if t == udf.Timestamptz {
		cut, ok := strings.CutSuffix(rest, "+00")
		if rest = cut; !ok {
			return 0, wrong
		}
	}
	date, hours, timed := strings.Cut(rest, " ")
	days, ok := day(date, before)
	if !ok || timed == (t == udf.Date) {
		return 0, wrong
	}
	if t == udf.Date {
		if days < firstDay || days > lastDay {
			return 0, wrong
		}
		return days, nil
	}
	micros, ok := clock(hours)
	if !ok || micros >= microsPerDay || days < firstMicro/microsPerDay || days > lastMicro/microsPerDay {
		return 0, wrong
	}
	return days*microsPerDay + micros, nil
}

// infinity reads the infinite dates and timestamps.
func infinity(t udf.Type, text string) (int64, bool) {
	if t == udf.Time {
		return 0, false
	}
	switch text {
	case "infinity":
		if t == udf.Date {
			return math.MaxInt32, true
		}
		return math.MaxInt64, true
	case "-infinity":
		if t == udf.Date {
			return math.MinInt32, true
		}
		return math.MinInt64, true
	}
	return 0, false
}

// day reads a day of the proleptic Gregorian calendar in days from 2000-01-01.
func day(text string, before bool) (int64, bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 3 || len(parts[0]) < 4 || len(parts[0]) > 7 {
		return 0, false
	}
	year, ok1 := digits(parts[0], len(parts[0]))
	month, ok2 := digits(parts[1], 2)
	dayOf, ok3 := digits(parts[2], 2)
	if !ok1 || !ok2 || !ok3 || year == 0 || month < 1 || month > 12 || dayOf < 1 {
		return 0, false
	}
	if before {
		year = 1 - year
	}
	d := time.Date(int(year), time.Month(month), int(dayOf), 0, 0, 0, 0, time.UTC)
	if d.Day() != int(dayOf) {
		return 0, false
	}
	return (d.Unix() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()) / 86400, true
}

// clock reads a time of day in microseconds.
func clock(text string) (int64, bool) {
	whole, fraction, fractional := strings.Cut(text, ".")
	if len(whole) != 8 || whole[2] != ':' || whole[5] != ':' {
		return 0, false
	}
	hour, ok1 := digits(whole[:2], 2)
	minute, ok2 := digits(whole[3:5], 2)
	second, ok3 := digits(whole[6:], 2)
	micros := int64(0)
	if fractional {
		if len(fraction) == 0 || len(fraction) > 6 {
			return 0, false
		}
		var ok bool
		if micros, ok = digits(fraction+strings.Repeat("0", 6-len(fraction)), 6); !ok {
			return 0, false
		}
	}
	total := ((hour*60+minute)*60+second)*1_000_000 + micros
	return total, ok1 && ok2 && ok3 && minute < 60 && second < 60 && total <= lastTime
}

// digits reads a number of exactly so many digits.
func digits(s string, n int) (int64, bool) {
	if len(s) != n || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil
}

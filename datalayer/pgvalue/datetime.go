package pgvalue

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Dates and times reach models as PostgreSQL prints them with DateStyle ISO and IntervalStyle postgres, timestamps with
// time zone in UTC, whatever the session's settings: equal instants are equal arguments. They are read from their
// send form (timestamp.c, date.c: 64-bit microseconds and 32-bit days from 2000-01-01).

const (
	microsPerSecond = int64(1_000_000)
	microsPerDay    = 86400 * microsPerSecond
	// epochDays is 2000-01-01 in days from 1970-01-01.
	epochDays = 10957
)

// dateTimeReader gives the reader of a date or time type.
func dateTimeReader(to udf.Type) func(*udf.Column, []byte) error {
	size, format := 8, appendTimestamp
	switch to {
	case udf.Date:
		size, format = 4, appendDate
	case udf.Time:
		format = func(dst []byte, v []byte) []byte { return appendTime(dst, int64(binary.BigEndian.Uint64(v))) }
	case udf.Timestamptz:
		format = func(dst []byte, v []byte) []byte { return zoned(appendTimestamp(dst, v)) }
	case udf.Interval:
		size, format = 16, appendInterval
	}
	return func(c *udf.Column, v []byte) error {
		if len(v) != size {
			return errLength(size, v)
		}
		c.Texts = append(c.Texts, string(format(make([]byte, 0, 32), v)))
		return nil
	}
}

// appendDate prints a date: days from 2000-01-01, with the extremes for the infinities.
func appendDate(dst, v []byte) []byte {
	switch days := int32(binary.BigEndian.Uint32(v)); days {
	case math.MaxInt32:
		return append(dst, "infinity"...)
	case math.MinInt32:
		return append(dst, "-infinity"...)
	default:
		dst, before := appendDay(dst, int64(days))
		return era(dst, before)
	}
}

// appendTimestamp prints a timestamp: microseconds from 2000-01-01, with the extremes for the infinities.
func appendTimestamp(dst, v []byte) []byte {
	micros := int64(binary.BigEndian.Uint64(v))
	switch micros {
	case math.MaxInt64:
		return append(dst, "infinity"...)
	case math.MinInt64:
		return append(dst, "-infinity"...)
	}
	days, rest := micros/microsPerDay, micros%microsPerDay
	if rest < 0 {
		days, rest = days-1, rest+microsPerDay
	}
	dst, before := appendDay(dst, days)
	dst = appendTime(append(dst, ' '), rest)
	return era(dst, before)
}

// zoned puts UTC's offset behind a timestamp, before the era.
func zoned(dst []byte) []byte {
	switch n := len(dst); {
	case n > 0 && dst[n-1] == 'y': // infinity
		return dst
	case n > 3 && dst[n-1] == 'C':
		return append(dst[:n-3], "+00 BC"...)
	}
	return append(dst, "+00"...)
}

func era(dst []byte, before bool) []byte {
	if before {
		return append(dst, " BC"...)
	}
	return dst
}

// appendDay prints a day of the proleptic Gregorian calendar, and says whether its year is before the common era. The
// computation counts years from March, so that leap days come last, in eras of 400 years (146,097 days).
func appendDay(dst []byte, days int64) ([]byte, bool) {
	d := days + epochDays + 719468 // from 0000-03-01
	era := d / 146097
	if d < 0 {
		era = (d - 146096) / 146097
	}
	day := d - era*146097
	year := (day - day/1460 + day/36524 - day/146096) / 365
	day -= 365*year + year/4 - year/100
	month := (5*day + 2) / 153
	day -= (153*month + 2) / 5
	year += era * 400
	if month += 3; month > 12 {
		month, year = month-12, year+1
	}
	before := year <= 0
	if before {
		year = 1 - year
	}
	return fmt.Appendf(dst, "%04d-%02d-%02d", year, month, day+1), before
}

// appendTime prints a time of day in microseconds.
func appendTime(dst []byte, micros int64) []byte {
	seconds := micros / microsPerSecond
	dst = fmt.Appendf(dst, "%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	return appendFraction(dst, micros%microsPerSecond)
}

// appendFraction prints microseconds without trailing zeros.
func appendFraction(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	dst = fmt.Appendf(dst, ".%06d", micros)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendInterval prints an interval in the style postgres (EncodeInterval in datetime.c): microseconds, days, months;
// a positive field behind a negative one gets a sign of its own.
func appendInterval(dst, v []byte) []byte {
	micros := int64(binary.BigEndian.Uint64(v))
	days, months := int64(int32(binary.BigEndian.Uint32(v[8:]))), int64(int32(binary.BigEndian.Uint32(v[12:])))
	if text := infiniteInterval(micros, days, months); text != "" {
		return append(dst, text...)
	}
	zero, before := true, false
	for _, f := range []struct {
		n    int64
		unit string
	}{{months / 12, "year"}, {months % 12, "mon"}, {days, "day"}} {
		if f.n == 0 {
			continue
		}
		if !zero {
			dst = append(dst, ' ')
		}
		if before && f.n > 0 {
			dst = append(dst, '+')
		}
		dst = fmt.Appendf(dst, "%d %s", f.n, f.unit)
		if f.n != 1 {
			dst = append(dst, 's')
		}
		zero, before = false, f.n < 0
	}
	if micros == 0 && !zero {
		return dst
	}
	if !zero {
		dst = append(dst, ' ')
	}
	switch {
	case micros < 0:
		dst = append(dst, '-')
	case before:
		dst = append(dst, '+')
	}
	return appendClock(dst, micros)
}

// appendClock prints the time of an interval without its sign; its hours have no bound.
func appendClock(dst []byte, micros int64) []byte {
	abs := uint64(micros)
	if micros < 0 {
		abs = -abs
	}
	seconds := abs / uint64(microsPerSecond)
	dst = fmt.Appendf(dst, "%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	return appendFraction(dst, int64(abs%uint64(microsPerSecond)))
}

// infiniteInterval names the infinite intervals of PostgreSQL 17 and later, "" for any other.
func infiniteInterval(micros, days, months int64) string {
	switch {
	case micros == math.MaxInt64 && days == math.MaxInt32 && months == math.MaxInt32:
		return "infinity"
	case micros == math.MinInt64 && days == math.MinInt32 && months == math.MinInt32:
		return "-infinity"
	}
	return ""
}

package pgvalue

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

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
	size, format := 8, func(dst, v []byte) []byte { return AppendTimestamp(dst, int64(binary.BigEndian.Uint64(v))) }
	switch to {
	case udf.Date:
		size, format = 4, func(dst, v []byte) []byte { return AppendDate(dst, int32(binary.BigEndian.Uint32(v))) }
	case udf.Time:
		format = func(dst, v []byte) []byte { return AppendTime(dst, int64(binary.BigEndian.Uint64(v))) }
	case udf.Timestamptz:
		format = func(dst, v []byte) []byte { return AppendTimestamptz(dst, int64(binary.BigEndian.Uint64(v))) }
	case udf.Interval:
		size, format = 16, func(dst, v []byte) []byte {
			days, months := int32(binary.BigEndian.Uint32(v[8:])), int32(binary.BigEndian.Uint32(v[12:]))
			return AppendInterval(dst, months, days, int64(binary.BigEndian.Uint64(v)))
		}
	}
	return func(c *udf.Column, v []byte) error {
		if len(v) != size {
			return errLength(size, v)
		}
		c.Texts = append(c.Texts, string(format(make([]byte, 0, 32), v)))
		return nil
	}
}

// AppendDate prints a date as PostgreSQL does with DateStyle ISO: days from 2000-01-01, with the extremes for the
// infinities.
func AppendDate(dst []byte, days int32) []byte {
	switch days {
	case math.MaxInt32:
		return append(dst, "infinity"...)
	case math.MinInt32:
		return append(dst, "-infinity"...)
	default:
		dst, before := appendDay(dst, int64(days))
		return era(dst, before)
	}
}

// AppendTimestamp prints a timestamp as PostgreSQL does with DateStyle ISO: microseconds from 2000-01-01, with the
// extremes for the infinities.
func AppendTimestamp(dst []byte, micros int64) []byte {
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
	dst = AppendTime(append(dst, ' '), rest)
	return era(dst, before)
}

// AppendTimestamptz prints a timestamp with time zone, in UTC.
func AppendTimestamptz(dst []byte, micros int64) []byte {
	return zoned(AppendTimestamp(dst, micros))
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
	if year > 9999 {
		dst = strconv.AppendInt(dst, year, 10)
	} else {
		dst = appendPair(appendPair(dst, year/100), year%100)
	}
	return appendPair(append(appendPair(append(dst, '-'), month), '-'), day+1), before
}

// AppendTime prints a time of day in microseconds.
func AppendTime(dst []byte, micros int64) []byte {
	seconds := micros / microsPerSecond
	dst = append(appendPair(dst, seconds/3600), ':')
	dst = append(appendPair(dst, seconds/60%60), ':')
	return appendFraction(appendPair(dst, seconds%60), micros%microsPerSecond)
}

// appendPair prints a number below 100 with two digits.
func appendPair(dst []byte, n int64) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// appendFraction prints microseconds without trailing zeros.
func appendFraction(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = appendPair(appendPair(appendPair(dst, micros/10000), micros/100%100), micros%100)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// AppendInterval prints an interval in the style postgres (EncodeInterval in datetime.c); a positive field behind a negative one gets a sign of its own.
func AppendInterval(dst []byte, months, days int32, micros int64) []byte {
	if text := infiniteInterval(micros, int64(days), int64(months)); text != "" {
		return append(dst, text...)
	}
	zero, before := true, false
	for _, f := range []struct {
		n    int32
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

package pgvalue

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// ParseDate reads a date as AppendDate prints it: days from 2000-01-01, the extremes for the infinities.
func ParseDate(text []byte) (days int32, ok bool) {
	switch string(text) {
	case "infinity":
		return math.MaxInt32, true
	case "-infinity":
		return math.MinInt32, true
	}
	body, before := cutEra(text)
	day, rest, ok := parseDay(body, before)
	if !ok || len(rest) > 0 || day != int64(int32(day)) {
		return 0, false
	}
	return int32(day), true
}

// ParseTimestamp reads a timestamp as AppendTimestamp and AppendTimestamptz print it, with any offset: microseconds from
// 2000-01-01 in UTC, the extremes for the infinities.
func ParseTimestamp(text []byte) (micros int64, ok bool) {
	switch string(text) {
	case "infinity":
		return math.MaxInt64, true
	case "-infinity":
		return math.MinInt64, true
	}
	body, before := cutEra(text)
	day, rest, ok := parseDay(body, before)
	if !ok || len(rest) == 0 || rest[0] != ' ' {
		return 0, false
	}
	clock, rest, ok := parseClock(rest[1:], 2)
	if !ok || clock >= microsPerDay+1 {
		return 0, false
	}
	offset, ok := parseOffset(rest)
	if !ok || day > math.MaxInt64/microsPerDay-2 || day < math.MinInt64/microsPerDay+2 {
		return 0, false
	}
	return day*microsPerDay + clock - offset, true
}

// ParseTime reads a time of day as AppendTime prints it, in microseconds.
func ParseTime(text []byte) (micros int64, ok bool) {
	micros, rest, ok := parseClock(text, 2)
	return micros, ok && len(rest) == 0 && micros <= microsPerDay
}

// ParseInterval reads an interval in the style postgres, as AppendInterval prints it.
func ParseInterval(text []byte) (months, days int32, micros int64, ok bool) {
	switch string(text) {
	case "infinity":
		return math.MaxInt32, math.MaxInt32, math.MaxInt64, true
	case "-infinity":
		return math.MinInt32, math.MinInt32, math.MinInt64, true
	}
	words := strings.Fields(string(text))
	wide := int64(0)
	for i := 0; i < len(words); i++ {
		if strings.Contains(words[i], ":") {
			micros, ok = signedClock(words[i])
			if !ok || i != len(words)-1 {
				return 0, 0, 0, false
			}
			break
		}
		n, err := strconv.ParseInt(words[i], 10, 32)
		if i++; err != nil || i == len(words) {
			return 0, 0, 0, false
		}
		switch strings.TrimSuffix(words[i], "s") {
		case "year":
			wide += 12 * n
		case "mon":
			wide += n
		case "day":
			days = int32(n)
		default:
			return 0, 0, 0, false
		}
	}
	return int32(wide), days, micros, len(words) > 0 && wide == int64(int32(wide))
}

// signedClock reads the time of an interval, whose hours have no bound.
func signedClock(word string) (int64, bool) {
	negative := strings.HasPrefix(word, "-")
	micros, rest, ok := parseClock([]byte(strings.TrimLeft(word, "+-")), 12)
	if negative {
		micros = -micros
	}
	return micros, ok && len(rest) == 0
}

// cutEra takes " BC" from the end.
func cutEra(text []byte) (rest []byte, before bool) {
	return bytes.CutSuffix(text, []byte(" BC"))
}

// parseDay reads a day of the proleptic Gregorian calendar, as days from 2000-01-01; appendDay is its inverse.
func parseDay(text []byte, before bool) (days int64, rest []byte, ok bool) {
	year, text, ok1 := parseNumber(text, 4, 7, '-')
	month, text, ok2 := parseNumber(text, 2, 2, '-')
	day, text, ok3 := parseNumber(text, 2, 2, 0)
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, nil, false
	}
	if before {
		year = 1 - year
	}
	if month -= 3; month < 0 {
		month, year = month+12, year-1
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	of := year - era*400
	days = era*146097 + of*365 + of/4 - of/100 + (153*month+2)/5 + day - 1
	return days - 719468 - epochDays, text, true
}

// parseClock reads HH:MM:SS with up to six digits of fractions; hours have up to so many digits.
func parseClock(text []byte, hourDigits int) (micros int64, rest []byte, ok bool) {
	hours, text, ok1 := parseNumber(text, 2, hourDigits, ':')
	minutes, text, ok2 := parseNumber(text, 2, 2, ':')
	seconds, text, ok3 := parseNumber(text, 2, 2, 0)
	if !ok1 || !ok2 || !ok3 || minutes > 59 || seconds > 59 {
		return 0, nil, false
	}
	micros = ((hours*60+minutes)*60 + seconds) * microsPerSecond
	if len(text) == 0 || text[0] != '.' {
		return micros, text, true
	}
	digits := text[1:]
	fraction, rest, ok := parseNumber(digits, 1, 6, 0)
	for range 6 - (len(digits) - len(rest)) {
		fraction *= 10
	}
	return micros + fraction, rest, ok
}

// parseOffset reads +HH, +HH:MM or +HH:MM:SS, or nothing, in microseconds.
func parseOffset(text []byte) (int64, bool) {
	if len(text) == 0 {
		return 0, true
	}
	sign := int64(1)
	switch text[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	total, unit := int64(0), int64(3600)
	text = text[1:]
	for {
		n, rest, ok := parseNumber(text, 2, 2, 0)
		if !ok || unit == 0 {
			return 0, false
		}
		total += n * unit
		if unit /= 60; len(rest) == 0 {
			return sign * total * microsPerSecond, true
		}
		if rest[0] != ':' {
			return 0, false
		}
		text = rest[1:]
	}
}

// parseNumber reads between least and most digits, and the separator behind them, 0 for none.
func parseNumber(text []byte, least, most int, separator byte) (n int64, rest []byte, ok bool) {
	i := 0
	for ; i < len(text) && i < most && text[i] >= '0' && text[i] <= '9'; i++ {
		n = 10*n + int64(text[i]-'0')
	}
	if i < least {
		return 0, nil, false
	}
	if separator == 0 {
		return n, text[i:], true
	}
	if i == len(text) || text[i] != separator {
		return 0, nil, false
	}
	return n, text[i+1:], true
}

package sqlite

import (
	"strings"
	"time"
)

const (
	microsPerDay = int64(86400e6)
	// epochSeconds is 2000-01-01 in seconds from 1970-01-01.
	epochSeconds = int64(946684800)
	// julianMicros is the Julian day of 2000-01-01 00:00, 2451544.5, in microseconds.
	julianMicros = int64(24515445) * (microsPerDay / 10)
	// lastJulianDay is the Julian day of the noon of 9999-12-31; what is greater is no Julian day to SQLite.
	lastJulianDay = 5373484
)

// parseInstant reads "YYYY-MM-DD", and behind it a blank or T and "HH:MM", "HH:MM:SS" or "HH:MM:SS.fraction" with "Z"
// or an offset, and gives microseconds from 2000-01-01 in UTC; further digits are rounded as PostgreSQL does.
func parseInstant(s string) (int64, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	d := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	if d.Day() != int(day) {
		return 0, false
	}
	micros := (d.Unix() - epochSeconds) * 1e6
	if len(s) == 10 {
		return micros, true
	}
	if s[10] != ' ' && s[10] != 'T' {
		return 0, false
	}
	rest, offset, ok := cutOffset(s[11:])
	if !ok {
		return 0, false
	}
	clock, ok := parseClock(rest)
	return micros + clock - offset, ok
}

// cutOffset takes "Z", "+HH", "+HH:MM" from the end of a time; the offset is in microseconds.
func cutOffset(s string) (rest string, offset int64, ok bool) {
	if rest, found := strings.CutSuffix(s, "Z"); found {
		return strings.TrimRight(rest, " "), 0, true
	}
	at := strings.LastIndexAny(s, "+-")
	if at < 0 {
		return s, 0, true
	}
	hours, minutes, _ := strings.Cut(s[at+1:], ":")
	if minutes == "" && len(hours) == 4 {
		hours, minutes = hours[:2], hours[2:]
	}
	h, ok := digits(hours)
	m, okMinutes := digits(minutes)
	if !ok || minutes != "" && !okMinutes || h > 15 || m > 59 {
		return "", 0, false
	}
	offset = (h*60 + m) * 60e6
	if s[at] == '-' {
		offset = -offset
	}
	return strings.TrimRight(s[:at], " "), offset, true
}

// parseClock reads "HH:MM", "HH:MM:SS" and "HH:MM:SS.fraction" as microseconds.
func parseClock(s string) (int64, bool) {
	if len(s) < 5 || s[2] != ':' {
		return 0, false
	}
	h, ok1 := digits(s[0:2])
	m, ok2 := digits(s[3:5])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	micros := (h*60 + m) * 60e6
	if len(s) == 5 {
		return micros, true
	}
	if len(s) < 8 || s[5] != ':' {
		return 0, false
	}
	sec, ok := digits(s[6:8])
	if !ok || sec > 59 {
		return 0, false
	}
	micros += sec * 1e6
	if len(s) == 8 {
		return micros, true
	}
	fraction := s[9:]
	if s[8] != '.' || fraction == "" || len(fraction) > 18 {
		return 0, false
	}
	f, ok := digits(fraction)
	if !ok {
		return 0, false
	}
	return micros + scaleFraction(f, len(fraction)), true
}

// scaleFraction turns n of 10^-places seconds into microseconds, rounding half to even.
func scaleFraction(n int64, places int) int64 {
	for ; places < 6; places++ {
		n *= 10
	}
	unit := int64(1)
	for ; places > 6; places-- {
		unit *= 10
	}
	whole, rest := n/unit, n%unit
	if 2*rest > unit || 2*rest == unit && whole%2 == 1 {
		whole++
	}
	return whole
}

// digits reads up to 18 decimal digits.
func digits(s string) (int64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(s[i]-'0')
	}
	return n, true
}

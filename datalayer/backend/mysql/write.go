package mysql

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// bind turns PostgreSQL's text of a value, which is not NULL, into what the driver sends. Texts of dates, decimals and
// JSON are sent as they are: the server reads them by the column's type, and refuses what it cannot hold.
func (f facts) bind(text, column string) (driver.Value, error) {
	refuse := func(code, message string) error { return &backend.Error{Code: code, Message: message, Column: column} }
	switch f.kind {
	case asBoolean:
		return int64(map[bool]int{true: 1}[text == "t" || text == "true"]), nil
	case asInteger:
		return strconv.ParseInt(text, 10, 64)
	case asNumeric:
		if strings.ContainsAny(text, "nN") { // NaN, Infinity
			return nil, refuse("22003", "the databackend's numbers have no "+text)
		}
		return text, nil
	case asFloat4, asFloat8:
		n, err := strconv.ParseFloat(text, map[bool]int{true: 32, false: 64}[f.kind == asFloat4])
		if err != nil || n != n || n > maxFloat || n < -maxFloat {
			return nil, refuse("22003", "the databackend's numbers have no "+text)
		}
		return n, nil
	case asBytes:
		raw, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
		if err != nil {
			return nil, refuse("22P02", "invalid value for bytea")
		}
		if f.fixed && len(raw) != f.length {
			return nil, refuse("22026", fmt.Sprintf("the databackend's column takes %d bytes, neither more nor fewer", f.length))
		}
		return raw, nil
	case asBit:
		n, err := strconv.ParseUint(text, 2, 64)
		if err != nil || len(text) != f.length {
			return nil, refuse("22026", "invalid length of a bit string")
		}
		return n, nil
	case asJSON:
		if _, err := pgvalue.AppendJSONB(nil, []byte(text)); err != nil {
			return nil, refuse("22P02", "invalid value for jsonb")
		}
		return text, nil
	case asChar:
		return strings.TrimRight(text, " "), nil
	case asDate, asTimestamp, asTimestamptz:
		return day(text, column)
	case asInterval:
		return clock(text, column)
	}
	if f.words != nil {
		return f.word(text, column)
	}
	return text, nil
}

// maxFloat is the largest double.
const maxFloat = 1.7976931348623157e308

// word checks a value of an enum or a set: MySQL would read "2" as the second one, and take other letter cases.
func (f facts) word(text, column string) (driver.Value, error) {
	parts := []string{text}
	if f.set {
		if parts = strings.Split(text, ","); text == "" {
			parts = nil
		}
	}
	for _, p := range parts {
		if !slices.Contains(f.words, p) {
			return nil, &backend.Error{Code: "22P02", Message: "the databackend's column takes only some values", Column: column,
				Detail: "They are: " + strings.Join(f.words, ", ") + "."}
		}
	}
	return text, nil
}

// day makes MySQL's date or timestamp of PostgreSQL's: years 1 to 9999, and 1 BC as year 0; in UTC, where there is a zone.
func day(text, column string) (driver.Value, error) {
	body, before := strings.CutSuffix(text, " BC")
	body = strings.TrimSuffix(body, "+00")
	year, rest, ok := strings.Cut(body, "-")
	if before && year == "0001" {
		year, before = "0000", false
	}
	if !ok || before || len(year) != 4 {
		return nil, &backend.Error{Code: "22008", Message: "date out of range for the databackend", Column: column, Detail: "It has the years up to 9999."}
	}
	if !strings.ContainsAny(rest, "+") && strings.LastIndexByte(rest, '-') < 5 {
		return year + "-" + rest, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05-07", "2006-01-02 15:04:05-07:00"} {
		if moment, err := time.Parse(layout, year+"-"+rest); err == nil {
			return moment.UTC().Format("2006-01-02 15:04:05.999999"), nil
		}
	}
	return nil, &backend.Error{Code: "22007", Message: "invalid time zone in a timestamp", Column: column}
}

// clock makes MySQL's time of an interval in PostgreSQL's text: hours, minutes and seconds only.
func clock(text, column string) (driver.Value, error) {
	if strings.ContainsAny(text, "dmy") { // days, months, years
		return nil, &backend.Error{Code: "22008", Message: "the databackend's times are hours, minutes and seconds", Column: column,
			Hint: "Use make_interval with hours in place of days."}
	}
	return text, nil
}

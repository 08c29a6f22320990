package answer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// CacheMode says which models' answers are cached.
type CacheMode uint8

// The modes: CacheAuto caches models that are deterministic, where it is faster than asking them; CacheOn caches all;
// CacheOff none.
const (
	CacheAuto CacheMode = iota
	CacheOn
	CacheOff
)

// Settings are what a session may set for its statements, by SET predict.….
type Settings struct {
	// Cache is predict.cache: auto, on or off.
	Cache CacheMode
	// Limits are predict.max_calls, predict.max_tokens and predict.timeout.
	Limits Limits
	// OnError is predict.on_error: fail or null.
	OnError OnError
	// BatchSize is predict.batch_size and Concurrency predict.concurrency; 0 leaves them to the model.
	BatchSize, Concurrency int
}

// DefaultSettings are the settings where neither the proxy's configuration nor the session says anything.
func DefaultSettings() Settings {
	return Settings{Limits: Limits{MaxCalls: 100_000_000, MaxTokens: 10_000_000, Timeout: time.Hour}}
}

// Request gives a request with what the settings say filled in.
func (s Settings) Request(m Model, budget *Budget) Request {
	return Request{Model: m, UseCache: s.Cache != CacheOff, CacheAlways: s.Cache == CacheOn, OnError: s.OnError, Budget: budget,
		BatchSize: s.BatchSize, Concurrency: s.Concurrency}
}

// prefix begins the names of the settings.
const prefix = "predict."

// The bounds of BatchSize and Concurrency.
const (
	maxBatchSize   = 1_000_000
	maxConcurrency = 1_024
)

// setting is one that a session may set.
type setting struct {
	name string
	set  func(s *Settings, text string) error
	// takes says what set takes.
	takes string
}

// settings are all of them.
func settings() []setting {
	return []setting{
		{"cache", func(s *Settings, text string) error { return setCache(&s.Cache, text) }, "It is auto, on or off."},
		{"max_calls", func(s *Settings, text string) error { return setNumber(&s.Limits.MaxCalls, text, math.MaxInt64) }, "It is a number of argument tuples; 0 is no limit."},
		{"max_tokens", func(s *Settings, text string) error { return setNumber(&s.Limits.MaxTokens, text, math.MaxInt64) }, "It is a number of tokens; 0 is no limit."},
		{"timeout", func(s *Settings, text string) error { return setTimeout(&s.Limits.Timeout, text) },
			"It is a time such as 500ms, 30s, 5min or 1h, without a unit in milliseconds; 0 is no limit."},
		{"on_error", func(s *Settings, text string) error { return setOnError(&s.OnError, text) }, "It is fail or null."},
		{"batch_size", func(s *Settings, text string) error { return setNumber(&s.BatchSize, text, maxBatchSize) },
			fmt.Sprintf("It is a number of rows up to %d; 0 leaves it to the model.", maxBatchSize)},
		{"concurrency", func(s *Settings, text string) error { return setNumber(&s.Concurrency, text, maxConcurrency) },
			fmt.Sprintf("It is a number of calls up to %d; 0 leaves it to the model.", maxConcurrency)},
	}
}

// SettingNames are the names of what a session may set.
func SettingNames() []string {
	var names []string
	for _, s := range settings() {
		names = append(names, prefix+s.name)
	}
	return names
}

// ParseSettings reads the settings of a session over DefaultSettings; see With.
func ParseSettings(values map[string]string) (Settings, error) { return DefaultSettings().With(values) }

// With gives the settings with those of a session in the place of s's. values has PostgreSQL's text by name
// (predict.cache); one that is missing or "" stays as it is in s, since PostgreSQL gives "" for a setting that was set
// and whose transaction was rolled back. A value that is none is a *datalayer.Error with 22023
// (invalid_parameter_value), a name that is none one with 42704 (undefined_object).
func (s Settings) With(values map[string]string) (Settings, error) {
	known := settings()
	for name, text := range values {
		i := slices.IndexFunc(known, func(k setting) bool { return prefix+k.name == strings.ToLower(name) })
		if i < 0 {
			return Settings{}, &datalayer.Error{Code: "42704", Message: fmt.Sprintf("unrecognized configuration parameter %q", name),
				Hint: "There are " + strings.Join(SettingNames(), ", ") + "."}
		}
		text = strings.ToLower(strings.TrimSpace(text))
		if text == "" {
			continue
		}
		if err := known[i].set(&s, text); err != nil {
			return Settings{}, &datalayer.Error{Code: "22023", Message: fmt.Sprintf("invalid value for parameter %q: %q", prefix+known[i].name, text),
				Detail: fmt.Sprintf("The value %v.", err), Hint: known[i].takes}
		}
	}
	return s, nil
}

// setCache reads a CacheMode. on and off may be said in all the ways that PostgreSQL's boolean settings know.
func setCache(to *CacheMode, text string) error {
	switch text {
	case "auto", "default":
		*to = CacheAuto
	case "on", "true", "yes", "1":
		*to = CacheOn
	case "off", "false", "no", "0":
		*to = CacheOff
	default:
		return fmt.Errorf("is not a mode of the cache")
	}
	return nil
}

// setOnError reads an OnError.
func setOnError(to *OnError, text string) error {
	switch text {
	case "fail", "error":
		*to = Fail
	case "null":
		*to = Null
	default:
		return fmt.Errorf("is not what may become of a row")
	}
	return nil
}

// setNumber reads a number from 0 to most.
func setNumber[T int | int64](to *T, text string, most T) error {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return fmt.Errorf("is not a whole number")
	case n < 0:
		return fmt.Errorf("is below 0")
	case n > int64(most):
		return fmt.Errorf("is above %d", most)
	}
	*to = T(n)
	return nil
}

// setTimeout sets a time to what ParseTime reads.
func setTimeout(to *time.Duration, text string) (err error) {
	*to, err = ParseTime(text)
	return err
}

// ParseTime reads a time as PostgreSQL's settings write it: a number and one of its units us, ms, s, min, h and d, or
// milliseconds without one.
func ParseTime(text string) (time.Duration, error) {
	digits := strings.TrimRightFunc(text, func(r rune) bool { return r >= 'a' && r <= 'z' })
	unit, ok := map[string]time.Duration{"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[text[len(digits):]]
	if !ok {
		return 0, fmt.Errorf("has a unit that is none of us, ms, s, min, h and d")
	}
	var n int64
	if err := setNumber(&n, strings.TrimSpace(digits), int64(math.MaxInt64/unit)); err != nil {
		return 0, err
	}
	return time.Duration(n) * unit, nil
}

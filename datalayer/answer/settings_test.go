package answer_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
)

func TestParseSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		change      func(*answer.Settings)
	}{
		{"predict.cache", "", func(*answer.Settings) {}},
		{"predict.cache", "auto", func(*answer.Settings) {}},
		{"predict.cache", "ON", func(s *answer.Settings) { s.Cache = answer.CacheOn }},
		{"predict.cache", " false ", func(s *answer.Settings) { s.Cache = answer.CacheOff }},
		{"Predict.Max_Calls", "12", func(s *answer.Settings) { s.Limits.MaxCalls = 12 }},
		{"predict.max_calls", "0", func(s *answer.Settings) { s.Limits.MaxCalls = 0 }},
		{"predict.max_tokens", "9223372036854775807", func(s *answer.Settings) { s.Limits.MaxTokens = 1<<63 - 1 }},
		{"predict.timeout", "1500", func(s *answer.Settings) { s.Limits.Timeout = 1500 * time.Millisecond }},
		{"predict.timeout", "2 min", func(s *answer.Settings) { s.Limits.Timeout = 2 * time.Minute }},
		{"predict.timeout", "10d", func(s *answer.Settings) { s.Limits.Timeout = 240 * time.Hour }},
		{"predict.timeout", "0", func(s *answer.Settings) { s.Limits.Timeout = 0 }},
		{"predict.on_error", "null", func(s *answer.Settings) { s.OnError = answer.Null }},
		{"predict.on_error", "fail", func(*answer.Settings) {}},
		{"predict.batch_size", "1000000", func(s *answer.Settings) { s.BatchSize = 1_000_000 }},
		{"predict.concurrency", "8", func(s *answer.Settings) { s.Concurrency = 8 }},
	} {
		want := answer.DefaultSettings()
		c.change(&want)
		got, err := answer.ParseSettings(map[string]string{c.name: c.value})
		if err != nil || got != want {
			t.Errorf("%s = %q: %+v, %v", c.name, c.value, got, err)
		}
	}
}

func TestParseSettingsRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"predict.cache", "maybe", "22023"},
		{"predict.max_calls", "-1", "22023"},
		{"predict.max_calls", "1.5", "22023"},
		{"predict.max_tokens", "9223372036854775808", "22023"},
		{"predict.timeout", "5 weeks", "22023"},
		{"predict.timeout", "ms", "22023"},
		{"predict.timeout", "9223372036854775807", "22023"},
		{"predict.on_error", "ignore", "22023"},
		{"predict.batch_size", "1000001", "22023"},
		{"predict.concurrency", "1025", "22023"},
		{"predict.cash", "on", "42704"},
		{"cache", "on", "42704"},
	} {
		_, err := answer.ParseSettings(map[string]string{c[0]: c[1]})
		var e *datalayer.Error
		if !errors.As(err, &e) || e.Code != c[2] || e.Hint == "" || e.Code == "22023" && e.Detail == "" {
			t.Errorf("%s = %q: %+v", c[0], c[1], err)
		}
	}
}

func TestSettingNamesAreParsed(t *testing.T) {
	t.Parallel()
	names := answer.SettingNames()
	if len(names) != 7 || !slices.Contains(names, "predict.cache") {
		t.Fatal(names)
	}
	for _, name := range names {
		if _, err := answer.ParseSettings(map[string]string{name: ""}); err != nil {
			t.Error(name, err)
		}
	}
}

// FuzzParseSettings reads any text of any setting: it is taken, or refused with a code and a hint, and never beyond the
// setting's bounds.
func FuzzParseSettings(f *testing.F) {
	for i, text := range []string{"on", "100", "0", "5 min", "null", "10", "3"} {
		f.Add(uint8(i), text)
	}
	f.Add(uint8(3), "9223372036854775807us")
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		names := answer.SettingNames()
		s, err := answer.ParseSettings(map[string]string{names[int(which)%len(names)]: text})
		var e *datalayer.Error
		switch {
		case err != nil && (!errors.As(err, &e) || e.Code != "22023" || e.Hint == "" || e.Detail == ""):
			t.Fatalf("%+v", err)
		case s.Limits.MaxCalls < 0 || s.Limits.MaxTokens < 0 || s.Limits.Timeout < 0 || s.BatchSize < 0 || s.Concurrency < 0 || s.Concurrency > 1024:
			t.Fatalf("%+v", s)
		}
	})
}

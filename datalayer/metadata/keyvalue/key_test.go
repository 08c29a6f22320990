package keyvalue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// tricky are parts that a careless separator would mix up, in their order.
var tricky = []string{"", "\x00", "\x00\x01", "\x01", "\x01\x01", "\x02", "\x02\x01", "\x03", "/", "1", "a", "a\x00b", "a\x01", "a\x01b", "a/b", "aa", "ä", "数据", "\U0010FFFF"}

func TestKeyOrder(t *testing.T) {
	t.Parallel()
	var keys []string
	for _, first := range tricky {
		for _, second := range tricky {
			keys = append(keys, keyvalue.Key(first, second))
		}
	}
	if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
		t.Fatal("the keys are not ordered as their parts, or not distinct")
	}
	for i, key := range keys {
		want := []string{tricky[i/len(tricky)], tricky[i%len(tricky)]}
		if got, ok := keyvalue.Parts(key); !ok || !slices.Equal(got, want) {
			t.Errorf("Parts(%q) = %q, %v, want %q", key, got, ok, want)
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"": "", "a": "b", "v/": "v0", "a\x7f": "a\u0080", "\ud7ff": "\ue000", "a\U0010FFFF": "b", "\U0010FFFF": "",
		keyvalue.Key("m"): "m\x02",
	} {
		if got := keyvalue.PrefixEnd(prefix); got != want {
			t.Errorf("PrefixEnd(%q) = %q, want %q", prefix, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	numbers := []uint64{0, 1, 9, 10, 1 << 32, 1<<64 - 1}
	for i := range numbers[1:] {
		if a, b := keyvalue.Number(numbers[i]), keyvalue.Number(numbers[i+1]); a >= b || len(a) != len(b) {
			t.Errorf("%q is not before %q", a, b)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		space keyvalue.Space
		key   string
		size  int
		code  string
	}{
		{"good", "job_logs2", "a", 1, ""},
		{"longest", keyvalue.Space(strings.Repeat("s", 32)), strings.Repeat("k", keyvalue.MaxKeyBytes), keyvalue.MaxValueBytes, ""},
		{"no space", "", "a", 0, "22023"},
		{"upper case", "Jobs", "a", 0, "22023"},
		{"quote", `jobs"`, "a", 0, "22023"},
		{"digit first", "1jobs", "a", 0, "22023"},
		{"long space", keyvalue.Space(strings.Repeat("s", 33)), "a", 0, "22023"},
		{"no key", "jobs", "", 0, "22023"},
		{"zero", "jobs", "a\x00b", 0, "22023"},
		{"not UTF-8", "jobs", "a\xff", 0, "22023"},
		{"long key", "jobs", strings.Repeat("k", keyvalue.MaxKeyBytes+1), 0, "54000"},
		{"big value", "jobs", "a", keyvalue.MaxValueBytes + 1, "54000"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var e *keyvalue.Error
			code := ""
			if errors.As(keyvalue.Check(c.space, c.key, c.size), &e) {
				code = e.Code
			}
			if code != c.code {
				t.Fatalf("code %q, want %q", code, c.code)
			}
		})
	}
}

func FuzzKey(f *testing.F) {
	for _, part := range tricky {
		f.Add(part, "x", keyvalue.Key(part))
	}
	f.Fuzz(func(t *testing.T, a, b, key string) {
		ka, kb := keyvalue.Key(a, "1"), keyvalue.Key(b, "1")
		if (a < b) != (ka < kb) || (a == b) != (ka == kb) {
			t.Fatalf("%q and %q are ordered otherwise than %q and %q", ka, kb, a, b)
		}
		if parts, ok := keyvalue.Parts(key); ok && keyvalue.Key(parts...) != key {
			t.Fatalf("%q has the parts %q, which make %q", key, parts, keyvalue.Key(parts...))
		}
		if end := keyvalue.PrefixEnd(key); utf8.ValidString(key) && end != "" && (end <= key || strings.HasPrefix(end, key) || !utf8.ValidString(end)) {
			t.Fatalf("PrefixEnd(%q) = %q", key, end)
		}
	})
}

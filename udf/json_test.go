package udf_test

import (
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestAppendJSONString(t *testing.T) {
	t.Parallel()
	got := string(udf.AppendJSONString([]byte("x"), "a\"b\\c\b\f\n\r\t\x01\x1f\x7fÜ😀"))
	if want := `x"a\"b\\c\b\f\n\r\t\u0001\u001f` + "\x7fÜ😀\""; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCompareJSONBKeys(t *testing.T) {
	t.Parallel()
	keys := []string{"b", "aa", "", "a", "é", "ab"}
	slices.SortFunc(keys, udf.CompareJSONBKeys)
	if want := []string{"", "a", "b", "aa", "ab", "é"}; !slices.Equal(keys, want) {
		t.Errorf("got %q, want %q", keys, want)
	}
}

func FuzzAppendJSONString(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\"\\", "\u2028", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			t.Skip()
		}
		var back string
		if err := json.Unmarshal(udf.AppendJSONString(nil, s), &back); err != nil || back != s {
			t.Fatalf("%q reads back as %q, %v", s, back, err)
		}
	})
}

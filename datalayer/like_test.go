package datalayer

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLike(t *testing.T) {
	t.Parallel()
	cases := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"%", "", true}, {"%%", "abc", true}, {"_", "ü", true},
		{"_", "", false}, {"_", "ab", false}, {"a%c", "abc", true}, {"a%c", "ac", true}, {"a%c", "abcd", false},
		{"%b%", "abc", true}, {"%b%d", "abcbd", true}, {"a_c", "abc", true}, {`a\_c`, "abc", false},
		{`a\_c`, "a_c", true}, {`\%`, "%", true}, {`\\`, `\`, true}, {`\a`, "a", true}, {"A", "a", false},
		{"%ab", "aab", true}, {"%_", "", false}, {"%_", "ab", true}, {"_%_", "a", false},
	}
	for _, c := range cases {
		if got, err := like(c.pattern, c.text); err != nil || got != c.want {
			t.Errorf("%q LIKE %q is %v, %v, want %v", c.text, c.pattern, got, err, c.want)
		}
	}
	if _, err := like(`a\`, "ab"); err == nil {
		t.Errorf("a pattern that ends in a backslash gives no error")
	}
}

// FuzzLike compares like with the regular expression that the pattern stands for.
func FuzzLike(f *testing.F) {
	f.Add("a%c_", "abcd")
	f.Add(`\%%\__`, "%x_y")
	f.Add("%%%%a", strings.Repeat("a", 50))
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 50 || !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return
		}
		got, err := like(pattern, text)
		if err != nil {
			return
		}
		var expression strings.Builder
		expression.WriteString(`(?s)\A`)
		escaped := false
		for _, r := range pattern {
			switch {
			case !escaped && r == '\\':
				escaped = true
				continue
			case !escaped && r == '%':
				expression.WriteString(".*")
			case !escaped && r == '_':
				expression.WriteString(".")
			default:
				expression.WriteString(regexp.QuoteMeta(string(r)))
			}
			escaped = false
		}
		if escaped {
			return // not reached in the text
		}
		expression.WriteString(`\z`)
		if want := regexp.MustCompile(expression.String()).MatchString(text); got != want {
			t.Fatalf("%q LIKE %q is %v, want %v", text, pattern, got, want)
		}
	})
}

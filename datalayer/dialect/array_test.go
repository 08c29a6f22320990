package dialect_test

import (
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestArrayElements takes texts of arrays apart; "!" stands for a text that is none of one dimension.
func TestArrayElements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: ``, `{1,2}`: `1|2`, `{a,NULL,"NULL"}`: `a|<null>|NULL`, `{"a,b","c\"d","e\\f",""}`: `a,b|c"d|e\f|`, `{null}`: `<null>`,
		`{{1},{2}}`: `!`, `[0:1]={1,2}`: `!`, `{1,}`: `!`, `{,1}`: `!`, `{"a}`: `!`, `{"a"b}`: `!`, ``: `!`, `{`: `!`,
	} {
		texts, nulls, ok := dialect.ArrayElements(text)
		for i := range texts {
			if nulls[i] {
				texts[i] = "<null>"
			}
		}
		got := strings.Join(texts, "|")
		if !ok {
			got = "!"
		}
		if got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
}

// FuzzArrayElements checks that no text makes it panic, and that there are as many NULLs as texts.
func FuzzArrayElements(f *testing.F) {
	for _, s := range []string{`{}`, `{1,2}`, `{"a\"b",NULL}`, `{{1}}`, `{"`, `{\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		texts, nulls, ok := dialect.ArrayElements(text)
		if ok && len(texts) != len(nulls) {
			t.Fatalf("%q gives %d texts and %d NULLs", text, len(texts), len(nulls))
		}
	})
}

package sentence

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// vocabulary is a small one.
const vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nun\n##aff\n##able\ncafe\n!\n中\n国\nα\n##β\n"

func TestTokens(t *testing.T) {
	t.Parallel()
	tk, err := newTokenizer(vocabulary, true)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int64{
		"":                               {2, 3},
		"the unaffable":                  {2, 4, 5, 6, 7, 3},
		"  The\tUNAFFABLE!\n":            {2, 4, 5, 6, 7, 9, 3},
		"Café":                           {2, 8, 3},
		"cafe\u0301":                     {2, 8, 3},
		"c\u200baf\u00ade\x00":           {2, 8, 3},
		"中国!":                            {2, 10, 11, 9, 3},
		"xyz the":                        {2, 1, 4, 3},
		"unaffably":                      {2, 1, 3},
		"ΑΒ":                             {2, 12, 13, 3},
		strings.Repeat("un", 60) + " un": {2, 1, 5, 3},
		"the\u00a0the\u3000the":          {2, 4, 4, 4, 3},
	} {
		if got := tk.ids(text, 100); !slices.Equal(got, want) {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
	if got := tk.ids("the the the the", 4); !slices.Equal(got, []int64{2, 4, 4, 3}) {
		t.Errorf("cut to four pieces: %v", got)
	}
	if _, err := newTokenizer("[UNK]\n[CLS]\n", true); err == nil {
		t.Error("a vocabulary without [SEP] is accepted")
	}
}

func FuzzTokens(f *testing.F) {
	tk, err := newTokenizer(vocabulary, true)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "the unaffable!", "Café 中", "\xff\xfe", strings.Repeat("a", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := tk.ids(text, 16)
		if len(ids) < 2 || len(ids) > 16 || ids[0] != 2 || ids[len(ids)-1] != 3 {
			t.Fatalf("%q is %v", text, ids)
		}
		for _, w := range tk.words(text) {
			if w == "" || utf8.ValidString(text) && !utf8.ValidString(w) {
				t.Fatalf("%q has the word %q", text, w)
			}
		}
	})
}

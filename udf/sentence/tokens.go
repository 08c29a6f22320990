package sentence

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// tokenizer cuts texts into the word pieces of BERT: words are cut at blanks and punctuation, and each into the longest
// pieces that the vocabulary has, from left to right (Devlin et al., arXiv:1810.04805; Wu et al., arXiv:1609.08144).
type tokenizer struct {
	vocabulary map[string]int64
	// lower says that texts are put in lower case and lose their accents.
	lower                  bool
	unknown, first, behind int64
}

// maxWord is the length in characters above which a word is unknown as a whole.
const maxWord = 100

// newTokenizer reads a vocabulary: a piece a line, whose number is the line's, from 0.
func newTokenizer(vocabulary string, lower bool) (*tokenizer, error) {
	t := &tokenizer{vocabulary: map[string]int64{}, lower: lower}
	n := int64(0)
	for line := range strings.SplitSeq(strings.TrimSuffix(vocabulary, "\n"), "\n") {
		t.vocabulary[strings.TrimSuffix(line, "\r")] = n
		n++
	}
	for name, id := range map[string]*int64{"[UNK]": &t.unknown, "[CLS]": &t.first, "[SEP]": &t.behind} {
		at, there := t.vocabulary[name]
		if !there {
			return nil, fmt.Errorf("the vocabulary has no %s", name)
		}
		*id = at
	}
	return t, nil
}

// ids are the numbers of a text's pieces, at most most of them with those that stand first and last.
func (t *tokenizer) ids(text string, most int) []int64 {
	ids := []int64{t.first}
	for _, word := range t.words(text) {
		if ids = t.pieces(ids, word); len(ids) >= most {
			ids = ids[:most-1]
			break
		}
	}
	return append(ids, t.behind)
}

// pieces appends the pieces of a word.
func (t *tokenizer) pieces(ids []int64, word string) []int64 {
	if len(word) > maxWord && len([]rune(word)) > maxWord {
		return append(ids, t.unknown)
	}
	before := len(ids)
	prefix := ""
	for at := 0; at < len(word); {
		end := len(word)
		for end > at {
			if id, there := t.vocabulary[prefix+word[at:end]]; there {
				ids = append(ids, id)
				break
			}
			for end--; end > at && word[end]&0xC0 == 0x80; end-- { // to where a character begins
			}
		}
		if end == at {
			return append(ids[:before], t.unknown)
		}
		at, prefix = end, "##"
	}
	return ids
}

// words cuts a text at blanks and around punctuation and Chinese characters.
func (t *tokenizer) words(text string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range t.clean(text) {
		switch {
		case unicode.IsSpace(r):
			end()
		case punctuation(r) || chinese(r):
			end()
			words = append(words, string(r))
		default:
			word.WriteRune(r)
		}
	}
	end()
	return words
}

// clean removes control characters and, where the vocabulary has lower case only, accents and capitals.
func (t *tokenizer) clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r == 0 || r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, text)
	if !t.lower {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(text))
	return strings.ToLower(text)
}

// punctuation is what BERT takes for it: ASCII's characters that are no letters, digits or blanks, and Unicode's.
func punctuation(r rune) bool {
	if r < 128 {
		return r > ' ' && r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 127
	}
	return unicode.Is(unicode.P, r)
}

// chinese are the blocks of CJK ideographs, each of which is a word.
func chinese(r rune) bool {
	for _, block := range [][2]rune{
		{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F},
	} {
		if r >= block[0] && r <= block[1] {
			return true
		}
	}
	return false
}

package sqlparse

// stride is how many bytes a search of a wordSet goes on at a time. A word of stride+1 bytes or more holds, wherever it
// lies, one pair of bytes that the search looks at; which it is, is one of the word's first stride pairs.
const stride = 3

// wordSet finds whole words of at least stride+1 bytes, in any case of their ASCII letters.
type wordSet struct {
	words []string
	// pairs says for two bytes, by their five low bits each (which fold the case of letters), which words hold them
	// among their first stride pairs: one bit a word.
	pairs [1 << 10]uint16
}

func newWordSet(words ...string) wordSet {
	s := wordSet{words: words}
	for i, w := range words {
		for k := range stride {
			s.pairs[pairOf(w[k], w[k+1])] |= 1 << i
		}
	}
	return s
}

func pairOf(a, b byte) uint16 { return uint16(a&31)<<5 | uint16(b&31) }

// find gives the place of the first word at or behind from, and its end; -1 for none.
func (s *wordSet) find(sql []byte, from int) (start, end int) {
	for i := from; i+1 < len(sql); i += stride {
		set := s.pairs[pairOf(sql[i], sql[i+1])&1023]
		if set == 0 {
			continue
		}
		if start, end := s.around(sql, i, from, set); start >= 0 {
			return start, end
		}
	}
	return -1, -1
}

// around looks for the words of set such that one of their first pairs lies at i.
func (s *wordSet) around(sql []byte, i, from int, set uint16) (start, end int) {
	for k := 0; set != 0; k, set = k+1, set>>1 {
		if set&1 == 0 {
			continue
		}
		w := s.words[k]
		for start := max(from, i-stride+1); start <= i; start++ {
			if (start == 0 || !identByte(sql[start-1])) && matchesFold(sql[start:], w) {
				return start, start + len(w)
			}
		}
	}
	return -1, -1
}

// matchesFold reports whether sql begins with w, a word in lower case, in any case of its ASCII letters, and the word
// ends there.
func matchesFold(sql []byte, w string) bool {
	if len(sql) < len(w) || len(sql) > len(w) && identByte(sql[len(w)]) {
		return false
	}
	for i := 0; i < len(w); i++ {
		c := sql[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != w[i] {
			return false
		}
	}
	return true
}

// holdsWord reports whether sql holds the word, in any case of its ASCII letters. A word that may be cut short or be
// written with other bytes in a text (63 bytes or more, or with a quote in it) is taken to be there.
func holdsWord(sql []byte, w string) bool {
	if w == "" {
		return false
	}
	if len(w) >= maxNameBytes {
		return true
	}
	first := w[0]
	for i := 0; i < len(w); i++ {
		if w[i] == '"' {
			return true
		}
	}
	upper := first
	if 'a' <= first && first <= 'z' {
		upper -= 'a' - 'A'
	}
	for i := 0; i+len(w) <= len(sql); i++ {
		if (sql[i] == first || sql[i] == upper) && (i == 0 || !identByte(sql[i-1])) && matchesFold(sql[i:], w) {
			return true
		}
	}
	return false
}

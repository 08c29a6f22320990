package sqlparse

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// wordSet finds whole words, of four bytes or more, in any case of their ASCII letters. It looks at three bytes at every
// stride-th place: a word of stride+2 bytes or more holds, wherever it lies, one such place, and which three bytes stand
// there is one of stride possibilities a word.
type wordSet struct {
	words  []string
	stride int
	// triples has a bit for the hash of each possible three bytes, and places says, by the hash's low bits, of which
	// words they are.
	triples [512]uint64
	places  [32][]triplePlace
}

// triplePlace says that three bytes with the hash stand at an offset into a word.
type triplePlace struct {
	hash, word, offset uint16
}

func newWordSet(words ...string) *wordSet {
	s := &wordSet{words: words, stride: 3}
	for _, w := range words {
		s.stride = min(s.stride, len(w)-2)
	}
	for i, w := range words {
		at := rarest(w, s.stride+2)
		for k := at; k < at+s.stride; k++ {
			h := tripleHash(uint32(w[k]) | uint32(w[k+1])<<8 | uint32(w[k+2])<<16)
			s.triples[h>>6] |= 1 << (h & 63)
			s.places[h&31] = append(s.places[h&31], triplePlace{uint16(h), uint16(i), uint16(k)})
		}
	}
	return s
}

// tripleHash makes 15 bits of the five low bits of each of the three low bytes; these fold the case of letters.
func tripleHash(v uint32) uint32 { return (v & 0x1f1f1f) * 0x9E3779B1 >> 17 }

// What SQL texts are full of: letters, given by the rank of each from a to z (the most frequent is a), and words.
const (
	letterRanks = "ctjkaopqexvimfdnyhgblurwsz"
	commonWords = "select insert into update delete from where create table values and order group limit"
)

// rarest is where the n bytes of w that are the least likely in a text begin.
func rarest(w string, n int) int {
	best, bestScore := 0, 0
	for at := 0; at+n <= len(w); at++ {
		score := 1
		for _, c := range []byte(w[at : at+n]) {
			score += rarity(c)
		}
		for k := at; k+3 <= at+n; k++ {
			if !strings.Contains(commonWords, w[k:k+3]) {
				score += 1000
			}
		}
		if score > bestScore {
			best, bestScore = at, score
		}
	}
	return best
}

// rarity is 1 to 26 for the letters from e, the most frequent one, to z, and 0 for any other byte.
func rarity(c byte) int {
	if c < 'a' || c > 'z' {
		return 0
	}
	return int(letterRanks[c-'a']-'a') + 1
}

// find gives the index of the first word at or behind from, and where it ends; -1 for none.
func (s *wordSet) find(sql []byte, from int) (word, end int) {
	i := from
	for ; i+4 <= len(sql); i += s.stride {
		h := tripleHash(binary.LittleEndian.Uint32(sql[i:]))
		if s.triples[h>>6]>>(h&63)&1 != 0 {
			if word, end := s.around(sql, i, from, h); word >= 0 {
				return word, end
			}
		}
	}
	if i+3 == len(sql) {
		h := tripleHash(uint32(sql[i]) | uint32(sql[i+1])<<8 | uint32(sql[i+2])<<16)
		return s.around(sql, i, from, h)
	}
	return -1, -1
}

// around looks for a word that has the three bytes at i, whose hash is h.
func (s *wordSet) around(sql []byte, i, from int, h uint32) (word, end int) {
	for _, p := range s.places[h&31] {
		if start := i - int(p.offset); uint32(p.hash) == h && start >= from && wordAt(sql, start, s.words[p.word]) {
			return int(p.word), start + len(s.words[p.word])
		}
	}
	return -1, -1
}

// wordAt reports whether w, which is in lower case, stands at start as a whole word, in any case of its ASCII letters.
func wordAt(sql []byte, start int, w string) bool {
	end := start + len(w)
	if end > len(sql) || foldByte(sql[start]) != w[0] || start > 0 && identByte(sql[start-1]) || end < len(sql) && identByte(sql[end]) {
		return false
	}
	for i := 1; i < len(w); i++ {
		if foldByte(sql[start+i]) != w[i] {
			return false
		}
	}
	return true
}

func foldByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// holdsWord reports whether sql holds the word. One that may be cut short or be written with other bytes in a text (63
// bytes or more, or with a quote in it) is taken to be there.
func holdsWord(sql []byte, w string) bool {
	if w == "" {
		return false
	}
	if len(w) >= maxNameBytes || strings.IndexByte(w, '"') >= 0 {
		return true
	}
	at := 0
	for i := 1; i < len(w); i++ {
		if rarity(w[i]) > rarity(w[at]) {
			at = i
		}
	}
	lower := w[at]
	if holdsWordBy(sql, w, at, lower) {
		return true
	}
	return 'a' <= lower && lower <= 'z' && holdsWordBy(sql, w, at, lower-('a'-'A'))
}

// holdsWordBy looks for w wherever c stands, which is the byte at at of w.
func holdsWordBy(sql []byte, w string, at int, c byte) bool {
	for i := at; i < len(sql); i++ {
		next := bytes.IndexByte(sql[i:], c)
		if next < 0 {
			return false
		}
		if i += next; wordAt(sql, i-at, w) {
			return true
		}
	}
	return false
}

package datalayer

import "unicode/utf8"

// like reports whether text matches an SQL LIKE pattern: % stands for any run of characters, _ for one, and a backslash
// takes the character after it as it is. As PostgreSQL has it, a pattern that ends in a lone backslash is an error
// (22025). The time taken is at most the product of both lengths.
func like(pattern, text string) (bool, error) {
	p, t := 0, 0
	// After the last % that was met: where the pattern goes on, and the text that the next try begins with.
	restart, from := -1, 0
	for {
		if p < len(pattern) && pattern[p] == '%' {
			p++
			restart, from = p, t
			continue
		}
		if p == len(pattern) && t == len(text) {
			return true, nil
		}
		pn, tn, err := likeStep(pattern[p:], text[t:])
		if err != nil {
			return false, err
		}
		if pn > 0 {
			p, t = p+pn, t+tn
			continue
		}
		if restart < 0 || from >= len(text) {
			return false, nil
		}
		_, size := utf8.DecodeRuneInString(text[from:])
		from += size
		p, t = restart, from
	}
}

// likeStep matches the first character of a pattern, which is not %, with that of a text, and gives the lengths of both;
// 0 where they do not match or one is at its end.
func likeStep(pattern, text string) (pn, tn int, err error) {
	if pattern == "" {
		return 0, 0, nil
	}
	escaped := pattern[0] == '\\'
	if escaped && len(pattern) == 1 {
		return 0, 0, &Error{Code: "22025", Message: "LIKE pattern must not end with escape character"}
	}
	if text == "" {
		return 0, 0, nil
	}
	want := pattern
	if escaped {
		want = pattern[1:]
	}
	wantRune, wantSize := utf8.DecodeRuneInString(want)
	gotRune, gotSize := utf8.DecodeRuneInString(text)
	if wantRune != gotRune && (escaped || wantRune != '_') {
		return 0, 0, nil
	}
	return len(pattern) - len(want) + wantSize, gotSize, nil
}

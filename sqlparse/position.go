package sqlparse

import "unicode/utf8"

// CharPosition turns a byte offset into text into the position that PostgreSQL's messages use: characters, counted from
// 1. An offset behind the end counts as the end.
func CharPosition(text string, offset int) int {
	offset = max(0, min(offset, len(text)))
	return utf8.RuneCountInString(text[:offset]) + 1
}

// ByteOffset turns a position of PostgreSQL's messages (characters, counted from 1) into a byte offset into text; the
// text's length for a position behind its end.
func ByteOffset(text string, position int) int {
	n := 1
	for i := range text {
		if n >= position {
			return i
		}
		n++
	}
	return len(text)
}

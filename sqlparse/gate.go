package sqlparse

import "bytes"

// Gate decides, without parsing and without allocating, whether a statement's text may concern the proxy. It has no
// false negatives: for a text that it lets by, Parse finds no component statement, no call and no relation. It has
// false positives (words in strings and comments). A Gate is safe for concurrent use.
type Gate struct {
	// names concern the proxy wherever they stand.
	names wordSet
	// nouns do so where one of verbs stands before them; the words are common names of tables otherwise.
	nouns wordSet
	verbs wordSet
}

// NewGate makes a Gate.
func NewGate() *Gate {
	return &Gate{
		names: newWordSet("predict", "try_predict", "predict_details", "nearest", "similarity", "pinnacle"),
		nouns: newWordSet("model", "models", "listener", "listeners", "vector", "dataset", "datasets", "metric", "metrics",
			"secret", "secrets", "artifact", "artifacts", "jobs", "component"),
		verbs: newWordSet("create", "alter", "drop", "show", "describe", "validate", "refresh", "replace", "execute"),
	}
}

// Concerns reports whether the text may concern the proxy: it holds the name of a predict or search function, the name
// of the schema pinnacle, the beginning of a component statement, or U&"…", which can spell any name.
func (g *Gate) Concerns(sql []byte) bool {
	if unicodeName(sql) {
		return true
	}
	if i, _ := g.names.find(sql, 0); i >= 0 {
		return true
	}
	if i, _ := g.nouns.find(sql, 0); i < 0 {
		return false
	}
	for at := 0; ; {
		i, end := g.verbs.find(sql, at)
		if i < 0 {
			return false
		}
		if g.namesComponent(sql, end) {
			return true
		}
		at = end
	}
}

// ConcernsWith is Concerns, and also true for a text that holds one of the words. They are in lower case, and found in
// any case, as whole words.
func (g *Gate) ConcernsWith(sql []byte, extra []string) bool {
	if g.Concerns(sql) {
		return true
	}
	for _, w := range extra {
		if holdsWord(sql, w) {
			return true
		}
	}
	return false
}

// namesComponent reports whether a noun follows at, behind blanks and comments, or ON and then one (GRANT EXECUTE ON
// MODEL).
func (g *Gate) namesComponent(sql []byte, at int) bool {
	at = skipBlanks(sql, at)
	if at+2 < len(sql) && sql[at]|0x20 == 'o' && sql[at+1]|0x20 == 'n' && !identByte(sql[at+2]) {
		at = skipBlanks(sql, at+2)
	}
	for _, w := range g.nouns.words {
		if matchesFold(sql[at:], w) {
			return true
		}
	}
	return false
}

// unicodeName reports whether sql holds U&" in either case.
func unicodeName(sql []byte) bool {
	for at := 0; ; {
		i := bytes.IndexByte(sql[at:], '&')
		if i < 0 {
			return false
		}
		i += at
		if i > 0 && sql[i-1]|0x20 == 'u' && i+1 < len(sql) && sql[i+1] == '"' {
			return true
		}
		at = i + 1
	}
}

// skipBlanks is the offset of the first byte at or behind at that is in no blank and no comment.
func skipBlanks(sql []byte, at int) int {
	for at < len(sql) {
		switch c := sql[at]; {
		case c == ' ' || '\t' <= c && c <= '\r':
			at++
		case c == '-' && at+1 < len(sql) && sql[at+1] == '-':
			for at < len(sql) && sql[at] != '\n' && sql[at] != '\r' {
				at++
			}
		case c == '/' && at+1 < len(sql) && sql[at+1] == '*':
			at = skipComment(sql, at)
		default:
			return at
		}
	}
	return at
}

// skipComment goes behind the comment /* … */ at at; such comments nest.
func skipComment(sql []byte, at int) int {
	depth := 1
	for at += 2; at+1 < len(sql); {
		switch {
		case sql[at] == '/' && sql[at+1] == '*':
			depth++
			at += 2
		case sql[at] == '*' && sql[at+1] == '/':
			at += 2
			if depth--; depth == 0 {
				return at
			}
		default:
			at++
		}
	}
	return len(sql)
}

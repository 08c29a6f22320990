package sqlparse

import "bytes"

// Gate decides, without parsing and without allocating, whether a statement's text may concern the proxy. It has no
// false negatives: for a text that it lets by, Parse finds no component statement, no call and no relation. It has
// false positives (words in strings and comments). A Gate is safe for concurrent use.
type Gate struct {
	// words are the names that concern the proxy wherever they stand (the first names of them), and the nouns that do so
	// where one of verbs stands before them; these are common names of tables otherwise.
	words *wordSet
	names int
	verbs *wordSet
}

// NewGate makes a Gate.
func NewGate() *Gate {
	names := []string{"predict", "try_predict", "predict_details", "nearest", "similarity", schema}
	nouns := []string{"model", "models", "listener", "listeners", "vector", "dataset", "datasets", "metric", "metrics",
		"secret", "secrets", "artifact", "artifacts", "component", "components", "views"}
	return &Gate{
		words: newWordSet(append(names, nouns...)...),
		names: len(names),
		verbs: newWordSet("create", "alter", "drop", "show", "describe", "validate", "refresh", "replace", "execute"),
	}
}

// shortNoun is the noun that is too short for a search in long strides.
const shortNoun = "jobs"

// Concerns reports whether the text may concern the proxy: it holds the name of a predict or search function, the name
// of the schema pinnacle, the beginning of a component statement, or U&"…", which can spell any name.
func (g *Gate) Concerns(sql []byte) bool {
	if unicodeName(sql) || describesView(sql) {
		return true
	}
	noun := false
	for at := 0; ; {
		word, end := g.words.find(sql, at)
		if word < 0 {
			break
		}
		if word < g.names {
			return true
		}
		noun, at = true, end
	}
	if !noun && !holdsWord(sql, shortNoun) {
		return false
	}
	return g.componentVerb(sql)
}

// describesView reports whether a text begins with DESCRIBE VIEW. The noun alone is in too many statements that are
// PostgreSQL's to be looked for.
func describesView(sql []byte) bool {
	at := skipBlanks(sql, 0)
	if at >= len(sql) || !wordAt(sql, at, "describe") {
		return false
	}
	at = skipBlanks(sql, at+len("describe"))
	return at < len(sql) && wordAt(sql, at, "view")
}

// componentVerb reports whether a noun stands behind one of verbs. A text in which the same comments would have to be
// skipped from many verbs is taken to concern the proxy: the time is to grow with the length only.
func (g *Gate) componentVerb(sql []byte) bool {
	skipped := 0
	for at := 0; ; {
		verb, end := g.verbs.find(sql, at)
		if verb < 0 {
			return false
		}
		noun := g.nounPlace(sql, end)
		if g.nounAt(sql, noun) {
			return true
		}
		if skipped += noun - end; skipped > 4*len(sql) {
			return true
		}
		at = end
	}
}

// ConcernsWith is Concerns, and also true for a text that holds one of the words. They are in lower case, and found in
// any case of their ASCII letters, as whole words.
func (g *Gate) ConcernsWith(sql []byte, extra []string) bool {
	return g.Concerns(sql) || HoldsAny(sql, extra)
}

// HoldsAny reports whether a text holds one of the words, which are in lower case, as a whole word in any case of its ASCII
// letters.
func HoldsAny(sql []byte, words []string) bool {
	for _, w := range words {
		if holdsWord(sql, w) {
			return true
		}
	}
	return false
}

// nounPlace is where the noun behind a verb would begin: behind blanks and comments, and behind ON (GRANT EXECUTE ON
// MODEL).
func (g *Gate) nounPlace(sql []byte, at int) int {
	at = skipBlanks(sql, at)
	if at+2 < len(sql) && wordAt(sql, at, "on") {
		at = skipBlanks(sql, at+2)
	}
	return at
}

func (g *Gate) nounAt(sql []byte, at int) bool {
	if at >= len(sql) {
		return false
	}
	for _, w := range g.words.words[g.names:] {
		if wordAt(sql, at, w) {
			return true
		}
	}
	return wordAt(sql, at, shortNoun)
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

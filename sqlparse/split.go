package sqlparse

import pg_query "github.com/pganalyze/pg_query_go/v5"

// splitStatements cuts tokens at the semicolons that end statements, and leaves out empty statements. Semicolons within
// parentheses (CREATE RULE … DO (a; b)) and within BEGIN ATOMIC … END end none.
func splitStatements(text string, toks []Token) [][]Token {
	var pieces [][]Token
	start, parens, atomic := 0, 0, 0
	for i, t := range toks {
		switch t.Kind {
		case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
			parens++
		case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93:
			parens = max(0, parens-1)
		case pg_query.Token_BEGIN_P:
			if atomic == 0 && i+1 < len(toks) && toks[i+1].Kind == pg_query.Token_ATOMIC && definesRoutine(text, toks[start:]) {
				atomic = 1
			}
		case pg_query.Token_CASE:
			if atomic > 0 && !isLabel(toks, i) {
				atomic++
			}
		case pg_query.Token_END_P:
			if atomic > 0 && !isLabel(toks, i) {
				atomic--
			}
		case pg_query.Token_ASCII_59:
			if parens > 0 || atomic > 0 {
				continue
			}
			if i > start {
				pieces = append(pieces, toks[start:i])
			}
			start = i + 1
		}
	}
	if len(toks) > start {
		pieces = append(pieces, toks[start:])
	}
	return pieces
}

// isLabel reports whether the keyword at i is a name: it stands behind "." or AS.
func isLabel(toks []Token, i int) bool {
	return i > 0 && (toks[i-1].Kind == pg_query.Token_ASCII_46 || toks[i-1].Kind == pg_query.Token_AS)
}

// definesRoutine reports whether toks begin with CREATE [OR REPLACE] {FUNCTION | PROCEDURE}.
func definesRoutine(text string, toks []Token) bool {
	w := words(text, toks, 4)
	if w[0] != "create" {
		return false
	}
	if w[1] == "or" && w[2] == "replace" {
		return w[3] == "function" || w[3] == "procedure"
	}
	return w[1] == "function" || w[1] == "procedure"
}

// words are the first n tokens as words: in lower case, "" for those that are none or are not there.
func words(text string, toks []Token, n int) []string {
	w := make([]string, n)
	for i := 0; i < n && i < len(toks); i++ {
		w[i] = toks[i].word(text)
	}
	return w
}

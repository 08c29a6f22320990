package sqlparse

import (
	"errors"
	"sort"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"github.com/pganalyze/pg_query_go/v5/parser"
)

// Token is one token of PostgreSQL's scanner. Comments are not among them.
type Token struct {
	// Kind is the scanner's own: Token_SELECT, Token_IDENT, Token_ASCII_40 for "(", Token_Op for an operator.
	Kind pg_query.Token
	// Keyword says which kind of keyword it is, NO_KEYWORD for anything else.
	Keyword pg_query.KeywordKind
	Span    Span
}

// Tokens gives the tokens of text with their byte spans. Where the scanner refuses the text (an open quote, say), the
// error is an *Error with SQLSTATE 42601; 22021 for a text with a zero byte.
func Tokens(text string) ([]Token, error) {
	if at := strings.IndexByte(text, 0); at >= 0 {
		return nil, zeroByte(at)
	}
	res, err := pg_query.Scan(text)
	if err != nil {
		return nil, grammarError(text, err)
	}
	toks := make([]Token, 0, len(res.Tokens))
	for i, t := range res.Tokens {
		if t.Token == pg_query.Token_C_COMMENT || t.Token == pg_query.Token_SQL_COMMENT {
			continue
		}
		span := Span{int(t.Start), int(t.End)}
		if t.Token == pg_query.Token_UIDENT || t.Token == pg_query.Token_USCONST {
			// The scanner gives no end for U&"…" and U&'…': only blanks stand between it and the next token.
			span.End = len(text)
			if i+1 < len(res.Tokens) {
				span.End = int(res.Tokens[i+1].Start)
			}
			span.End = span.Start + len(strings.TrimRight(text[span.Start:span.End], blanks))
		}
		toks = append(toks, Token{Kind: t.Token, Keyword: t.KeywordKind, Span: span})
	}
	return toks, nil
}

// blanks are the bytes that PostgreSQL's scanner skips between tokens.
const blanks = " \t\n\r\f\v"

func zeroByte(at int) *Error {
	return &Error{Code: "22021", Message: "the text of a statement holds a zero byte", Position: at}
}

// grammarError turns an error of pg_query into an Error of this package.
func grammarError(text string, err error) *Error {
	var pe *parser.Error
	if !errors.As(err, &pe) {
		return &Error{Code: "54001", Message: "statement is nested too deeply", Detail: err.Error(), Position: -1}
	}
	e := &Error{Code: "42601", Message: pe.Message, Position: -1}
	if pe.Cursorpos > 0 {
		e.Position = ByteOffset(text, pe.Cursorpos)
	}
	return e
}

// word is the token in lower case if it is an unquoted identifier or a keyword, "" otherwise.
func (t Token) word(text string) string {
	if t.Keyword == pg_query.KeywordKind_NO_KEYWORD && t.Kind != pg_query.Token_IDENT {
		return ""
	}
	w := t.Span.Of(text)
	if w[0] == '"' {
		return ""
	}
	return lowerASCII(w)
}

// lowerASCII folds as PostgreSQL folds identifiers in multi-byte encodings: ASCII letters only.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// tokenFrom is the index of the first token that starts at or behind pos.
func tokenFrom(toks []Token, pos int) int {
	return sort.Search(len(toks), func(i int) bool { return toks[i].Span.Start >= pos })
}

// afterName is the index behind the name at i: one token, or three for U&"…" UESCAPE '…'.
func afterName(toks []Token, i int) int {
	if toks[i].Kind == pg_query.Token_UIDENT && i+2 < len(toks) && toks[i+1].Kind == pg_query.Token_UESCAPE {
		return i + 3
	}
	return i + 1
}

// closingParen is the index of the parenthesis or bracket that closes the one at open, -1 if none does.
func closingParen(toks []Token, open int) int {
	depth := 0
	for i := open; i < len(toks); i++ {
		switch toks[i].Kind {
		case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
			depth++
		case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

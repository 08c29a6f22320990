package sqlparse

import (
	"strings"
	"unicode/utf8"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Parse takes the text of one Query or Parse message apart.
//
// A text over the limits is an *Error with SQLSTATE 54001, a component statement or predict call that is written wrong
// one with 42601 (or a more special code) and a position. A text that PostgreSQL's grammar does not know and that holds
// no component statement gives a Script with Opaque set: the server may know more, or has the better message.
//
// Texts are UTF-8. One that is not (the client has another encoding) is Opaque if nothing in it concerns the proxy, and
// an *Error with SQLSTATE 22021 otherwise.
func Parse(text string, limits Limits) (*Script, error) {
	if err := limits.checkSize(text); err != nil {
		return nil, err
	}
	if at := strings.IndexByte(text, 0); at >= 0 {
		return nil, zeroByte(at)
	}
	if !utf8.ValidString(text) {
		return parseUnknownEncoding(text, limits)
	}
	toks, err := Tokens(text)
	if err != nil {
		return &Script{Text: text, Opaque: true}, nil
	}
	if err := limits.checkTokens(toks); err != nil {
		return nil, err
	}
	p := &scriptParser{text: text, toks: toks}
	return p.parse()
}

// parseUnknownEncoding looks into a text that is not UTF-8 with its odd bytes replaced, and only to see whether it can
// be left alone: names and constants of such a text cannot be trusted.
func parseUnknownEncoding(text string, limits Limits) (*Script, error) {
	plain := []byte(text)
	at := -1
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			plain[i] = '_'
			if at < 0 {
				at = i
			}
		}
		i += n
	}
	s, err := Parse(string(plain), limits)
	if err == nil && !s.Concerns() {
		return &Script{Text: text, Opaque: true}, nil
	}
	return nil, &Error{Code: "22021", Message: "a statement with predict or about components must be UTF-8", Position: at,
		Hint: "Hand text that is not ASCII over as parameters, or SET client_encoding = 'UTF8'."}
}

// scriptParser is the work on one text.
type scriptParser struct {
	text string
	toks []Token
}

func (p *scriptParser) parse() (*Script, error) {
	script := &Script{Text: p.text}
	pieces := splitStatements(p.text, p.toks)
	components := map[int]*Statement{} // by index into pieces
	for i, piece := range pieces {
		c, err := parseComponent(p.text, piece)
		if err != nil {
			return nil, err
		}
		if c != nil {
			components[i] = &Statement{Span: spanOfTokens(piece), Component: c}
		}
	}
	var others []*Statement
	if len(components) < len(pieces) {
		res, err := p.parseTree(p.blank(components), pieces)
		if err != nil {
			e := grammarError(p.text, err)
			if len(components) == 0 && e.Code == "42601" {
				opaque := &Script{Text: p.text, Opaque: true}
				if len(pieces) == 1 && p.calls() {
					opaque.Unread = e
				}
				return opaque, nil
			}
			return nil, e
		}
		for _, raw := range res.Stmts {
			st, err := p.statement(raw)
			if err != nil {
				return nil, err
			}
			others = append(others, st)
		}
	}
	for i := range pieces {
		if st, ok := components[i]; ok {
			for len(others) > 0 && others[0].Span.Start < st.Span.Start {
				script.Statements, others = append(script.Statements, others[0]), others[1:]
			}
			script.Statements = append(script.Statements, st)
		}
	}
	script.Statements = append(script.Statements, others...)
	return script, nil
}

// calls reports whether the text holds something that reads as a call of predict.
func (p *scriptParser) calls() bool {
	for i := 1; i < len(p.toks); i++ {
		if p.toks[i].Kind != pg_query.Token_ASCII_40 {
			continue
		}
		switch p.toks[i-1].word(p.text) {
		case "predict", "try_predict", "predict_details":
			return true
		}
	}
	return false
}

// blank is the text with the component statements overwritten by blanks, so that PostgreSQL's grammar reads the rest
// and every location in its tree is one of the text.
func (p *scriptParser) blank(components map[int]*Statement) string {
	if len(components) == 0 {
		return p.text
	}
	b := []byte(p.text)
	for _, st := range components {
		for i := st.Span.Start; i < st.Span.End; i++ {
			b[i] = ' '
		}
	}
	return string(b)
}

// statement finds what concerns the proxy in one statement of PostgreSQL's own.
func (p *scriptParser) statement(raw *pg_query.RawStmt) (*Statement, error) {
	toks := p.tokensOf(raw)
	st := &Statement{Span: spanOfTokens(toks), Node: raw.Stmt}
	if c := raw.Stmt.GetCopyStmt(); c != nil && c.IsFrom && !c.IsProgram && c.Filename == "" &&
		c.Relation.GetSchemaname() == "pinnacle" && c.Relation.GetRelname() == "artifacts" {
		st.Component = &CopyArtifact{}
		return st, nil
	}
	call, err := p.functionCall(toks, raw.Stmt)
	if err != nil {
		return nil, err
	}
	if call != nil {
		st.Component = call
		return st, nil
	}
	f := finder{text: p.text, toks: toks}
	f.find(raw.Stmt)
	if f.err != nil {
		return nil, f.err
	}
	st.Calls, st.Relations = f.finish()
	st.Searches, st.Datasets = f.searches, f.datasets
	st.command = commandOf(p.text, toks, raw.Stmt)
	return st, nil
}

// tokensOf are the tokens of a statement, without its semicolon.
func (p *scriptParser) tokensOf(raw *pg_query.RawStmt) []Token {
	start, end := int(raw.StmtLocation), len(p.text)
	if raw.StmtLen > 0 {
		end = start + int(raw.StmtLen)
	}
	first, last := tokenFrom(p.toks, start), tokenFrom(p.toks, end)
	toks := p.toks[first:last]
	for len(toks) > 0 && toks[0].Kind == pg_query.Token_ASCII_59 {
		toks = toks[1:]
	}
	for len(toks) > 0 && toks[len(toks)-1].Kind == pg_query.Token_ASCII_59 {
		toks = toks[:len(toks)-1]
	}
	return toks
}

// spanOfTokens goes from the first of toks to the last.
func spanOfTokens(toks []Token) Span {
	if len(toks) == 0 {
		return Span{}
	}
	return Span{toks[0].Span.Start, toks[len(toks)-1].Span.End}
}

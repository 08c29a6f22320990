package sqlparse

import (
	"fmt"
	"strconv"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// parseComponent reads the tokens of one statement as component DDL. It gives nil without an error for any other
// statement.
func parseComponent(text string, toks []Token) (Component, error) {
	w := words(text, toks, 5)
	d := &ddl{text: text, toks: toks, i: 2}
	switch {
	case w[0] == "create" && w[1] == "model", w[0] == "create" && w[1] == "or" && w[2] == "replace" && w[3] == "model":
		d.i = 1
		return d.component(createModelHint, d.createModel)
	case w[0] == "explain":
		return parseExplainCreate(d)
	case w[0] == "alter" && w[1] == "model":
		return d.component(alterModelHint, d.alterModel)
	case w[0] == "drop" && w[1] == "model":
		return d.component(dropModelHint, d.dropModel)
	case w[0] == "describe" && w[1] == "model":
		return d.component("DESCRIBE MODEL name[@version]", d.describe)
	case w[0] == "show" && (w[1] == "models" || w[1] == "artifacts") && !d.isKind(pg_query.Token_ASCII_46):
		return d.component("SHOW {MODELS | ARTIFACTS} [LIKE 'pattern']", d.show)
	}
	return nil, plannedComponent(w, toks)
}

// The grammars that the hints of syntax errors show.
const (
	createModelHint = "CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [(argument type, …)] [RETURNS type] [FROM {'artifact' | (select)}] " +
		"[TARGET column] USING runtime [AS $$source$$] [WITH (key = value, …)]"
	alterModelHint = "ALTER MODEL name {SET (key = value, …) | RENAME TO name | SET DEFAULT VERSION number}"
	dropModelHint  = "DROP MODEL [IF EXISTS] name[@version] [CASCADE | RESTRICT]"
)

// ddl reads component DDL by recursive descent. Its methods panic with *Error, which component turns into an error.
type ddl struct {
	text string
	toks []Token
	i    int
}

// component runs one statement's rule to its end; grammar is the hint of its syntax errors.
func (d *ddl) component(grammar string, rule func() Component) (c Component, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			if e.Hint == "" {
				e.Hint = grammar
			}
			c, err = nil, e
		default:
			panic(e)
		}
	}()
	c = rule()
	if d.i < len(d.toks) {
		d.unexpected()
	}
	return c, nil
}

// unexpected fails at the current token.
func (d *ddl) unexpected() {
	if d.i < len(d.toks) {
		t := d.toks[d.i]
		d.fail("42601", t.Span.Start, `syntax error at or near "%s"`, t.Span.Of(d.text))
	}
	d.fail("42601", d.toks[len(d.toks)-1].Span.End, "syntax error at end of input")
}

func (d *ddl) fail(code string, at int, format string, args ...any) {
	panic(&Error{Code: code, Message: fmt.Sprintf(format, args...), Position: at})
}

func (d *ddl) isKind(k pg_query.Token) bool { return d.i < len(d.toks) && d.toks[d.i].Kind == k }

// peek is the current token as a word.
func (d *ddl) peek() string {
	if d.i < len(d.toks) {
		return d.toks[d.i].word(d.text)
	}
	return ""
}

// accept goes past the words if they are next.
func (d *ddl) accept(want ...string) bool {
	for k, w := range want {
		if d.i+k >= len(d.toks) || d.toks[d.i+k].word(d.text) != w {
			return false
		}
	}
	d.i += len(want)
	return true
}

func (d *ddl) expect(want ...string) {
	for _, w := range want {
		if !d.accept(w) {
			d.unexpected()
		}
	}
}

func (d *ddl) expectKind(k pg_query.Token) Token {
	if !d.isKind(k) {
		d.unexpected()
	}
	d.i++
	return d.toks[d.i-1]
}

// identifier reads a name: any identifier, and any keyword that PostgreSQL takes for a column's name.
func (d *ddl) identifier() (string, Span) {
	if d.i >= len(d.toks) {
		d.unexpected()
	}
	t := d.toks[d.i]
	switch {
	case t.Kind == pg_query.Token_UIDENT:
		end := afterName(d.toks, d.i)
		span := spanOfTokens(d.toks[d.i:end])
		name := decodeUnicode(span.Of(d.text))
		if name == "" {
			d.unexpected()
		}
		d.i = end
		return name, span
	case t.Kind == pg_query.Token_IDENT, t.Keyword == pg_query.KeywordKind_UNRESERVED_KEYWORD, t.Keyword == pg_query.KeywordKind_COL_NAME_KEYWORD:
		d.i++
		return identifier(d.text, t), t.Span
	}
	d.unexpected()
	return "", Span{}
}

// name reads a component's name, with @version where versioned is set.
func (d *ddl) name(versioned bool) Name {
	start := d.i
	name, span := d.identifier()
	for k := 0; k < len(name); k++ {
		if name[k] == '@' {
			d.fail("42602", span.Start, `the name of a model cannot hold "@"`)
		}
	}
	n := Name{Name: name}
	if versioned && d.isKind(pg_query.Token_Op) && d.toks[d.i].Span.Of(d.text) == "@" {
		d.i++
		n.Version = d.version()
	}
	n.Span = spanOfTokens(d.toks[start:d.i])
	return n
}

// version reads a version's number, 1 or more.
func (d *ddl) version() int {
	t := d.expectKind(pg_query.Token_ICONST)
	v, err := strconv.ParseInt(t.Span.Of(d.text), 10, 32)
	if err != nil || v < 1 {
		d.fail("22023", t.Span.Start, "versions count from 1")
	}
	return int(v)
}

// str reads a string constant in any of PostgreSQL's spellings.
func (d *ddl) str() (string, Span) {
	if !d.isKind(pg_query.Token_SCONST) && !d.isKind(pg_query.Token_USCONST) {
		d.unexpected()
	}
	start := d.i
	d.i++
	if d.toks[start].Kind == pg_query.Token_USCONST && d.accept("uescape") {
		d.expectKind(pg_query.Token_SCONST)
	}
	span := spanOfTokens(d.toks[start:d.i])
	s, err := stringConstant(span.Of(d.text))
	if err != nil {
		d.fail("42601", span.Start, "%s", err.Error())
	}
	return s, span
}

// options reads (key = value, …).
func (d *ddl) options() []Option {
	d.expectKind(pg_query.Token_ASCII_40)
	var opts []Option
	for {
		o := d.option()
		for _, other := range opts {
			if other.Key == o.Key {
				d.fail("42601", o.Span.Start, `option "%s" is given twice`, o.Key)
			}
		}
		opts = append(opts, o)
		if !d.isKind(pg_query.Token_ASCII_44) {
			break
		}
		d.i++
	}
	d.expectKind(pg_query.Token_ASCII_41)
	return opts
}

// option reads key = value: a string, a number with or without a sign, or a word.
func (d *ddl) option() Option {
	start := d.i
	var o Option
	if d.peek() != "" {
		o.Key = d.peek()
		d.i++
	} else {
		key, _ := d.identifier()
		o.Key = lowerASCII(key)
	}
	d.expectKind(pg_query.Token_ASCII_61)
	switch {
	case d.isKind(pg_query.Token_SCONST), d.isKind(pg_query.Token_USCONST):
		o.Value, _ = d.str()
	case d.peek() != "":
		o.Value = d.toks[d.i].Span.Of(d.text)
		d.i++
	default:
		o.Value = d.number()
	}
	o.Span = spanOfTokens(d.toks[start:d.i])
	return o
}

func (d *ddl) number() string {
	sign := ""
	if d.isKind(pg_query.Token_ASCII_43) {
		d.i++
	} else if d.isKind(pg_query.Token_ASCII_45) {
		sign = "-"
		d.i++
	}
	if !d.isKind(pg_query.Token_ICONST) && !d.isKind(pg_query.Token_FCONST) {
		d.unexpected()
	}
	d.i++
	return sign + d.toks[d.i-1].Span.Of(d.text)
}

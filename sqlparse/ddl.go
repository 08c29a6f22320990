package sqlparse

import (
	"fmt"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// parseComponent reads the tokens of one statement as one about components. It gives nil without an error for any other
// statement: none that it takes is one that PostgreSQL could run.
func parseComponent(text string, toks []Token) (Component, error) {
	w := words(text, toks, 6)
	d := &ddl{text: text, toks: toks, i: 1}
	switch w[0] {
	case "create":
		if kind := createdKind(w[1:]); kind != "" {
			d.kind = kind
			return d.component(createGrammars[kind], func() Component { return d.create() })
		}
	case "explain":
		return parseExplainCreate(d)
	case "alter", "drop", "describe":
		kind, n := kindAt(w[1:])
		if w[0] == "describe" && w[1] == "view" { // to make and drop views is PostgreSQL's
			kind, n = w[1], 1
		}
		if n == 0 {
			return nil, nil
		}
		d.kind, d.i = kind, 1+n
		switch w[0] {
		case "alter":
			return d.component(alterGrammar(kind), d.alter)
		case "drop":
			return d.component(dropGrammar(kind), d.drop)
		}
		return d.component("DESCRIBE "+upperWords(kind)+" name"+versionGrammar(kind), d.describe)
	case "show":
		if what, n := shownAt(w[1:]); n > 0 {
			if d.i = 1 + n; !d.isKind(pg_query.Token_ASCII_46) {
				return d.component(showGrammar, func() Component { return d.show(what) })
			}
		}
	case "validate":
		if w[1] == "model" {
			d.kind, d.i = "model", 2
			return d.component(validateGrammar, d.validate)
		}
	case "refresh":
		if w[1] == "listener" {
			d.kind, d.i = "listener", 2
			return d.component("REFRESH LISTENER name", func() Component { return &RefreshListener{Name: d.name(false)} })
		}
	case "grant", "revoke":
		return parseGrant(d, w)
	}
	return nil, nil
}

// kindAt reads the words of a kind, and says how many they are; 0 where there are none.
func kindAt(w []string) (kind string, n int) {
	switch w[0] {
	case "model", "listener", "dataset", "metric", "secret":
		return w[0], 1
	case "vector":
		if w[1] == "index" {
			return "vector_index", 2
		}
	}
	return "", 0
}

// createdKind is the kind that the words behind CREATE name, "" for none.
func createdKind(w []string) string {
	if w[0] == "or" && w[1] == "replace" {
		w = w[2:]
	}
	kind, _ := kindAt(w)
	return kind
}

// shownAt reads what SHOW lists, and says how many words that is; 0 for anything else.
func shownAt(w []string) (what string, n int) {
	switch w[0] {
	case "models", "listeners", "datasets", "metrics", "secrets", "components", "jobs", "artifacts", "views":
		return w[0], 1
	case "vector":
		if w[1] == "indexes" {
			return "vector_indexes", 2
		}
	}
	return "", 0
}

// upperWords is a kind as SQL writes it.
func upperWords(kind string) string { return strings.ToUpper(lowerWords(kind)) }

// lowerWords is a kind as messages name it.
func lowerWords(kind string) string { return strings.ReplaceAll(kind, "_", " ") }

// ddl reads component DDL by recursive descent. Its methods panic with *Error, which component turns into an error.
type ddl struct {
	text string
	toks []Token
	i    int
	// kind is the kind of component that the statement is about.
	kind string
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
			d.fail("42602", span.Start, `the name of a %s cannot hold "@"`, lowerWords(d.kind))
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

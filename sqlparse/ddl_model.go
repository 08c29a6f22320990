package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// createModel reads what follows the name. The clauses behind the arguments may stand in any order, each once.
func (d *ddl) createModel(head Creation) *CreateModel {
	m := &CreateModel{Creation: head}
	if d.isKind(pg_query.Token_ASCII_40) {
		m.HasArgs = true
		m.Args = d.arguments()
	}
	d.clauses(func(clause string) { d.clause(m, clause) })
	switch {
	case m.Using == "" && m.Sequence == nil:
		d.fail("42601", d.end(), "CREATE MODEL needs USING and the name of a runtime, or AS SEQUENCE and models")
	case m.Sequence != nil && (m.Using != "" || m.HasArgs || m.Returns != "" || m.Artifact != "" || m.Query != Span{}):
		d.fail("42601", m.Sequence[0].Span.Start, "a sequence takes the arguments of its first model and gives the answer of its last")
	}
	return m
}

// clause reads one clause of CREATE MODEL.
func (d *ddl) clause(m *CreateModel, clause string) {
	switch clause {
	case "returns":
		d.i++
		m.Returns, m.ReturnsSpan = d.returns()
	case "from":
		d.i++
		if d.isKind(pg_query.Token_ASCII_40) {
			m.Query = d.selectInParens("a model is trained from")
		} else {
			m.Artifact, m.ArtifactSpan = d.str()
			if m.Artifact == "" {
				d.fail("22023", m.ArtifactSpan.Start, "the artifact's name is empty")
			}
		}
	case "target":
		d.i++
		m.Target, _ = d.identifier()
	case "using":
		d.i++
		m.Using, m.UsingSpan = d.identifier()
	case "as":
		d.i++
		if d.accept("sequence") {
			m.Sequence = d.sequence()
			return
		}
		m.Source, _ = d.str()
		m.HasSource = true
	case "validate":
		d.i++
		m.Validation = &Validation{}
		d.validation(m.Validation)
	case "with":
		d.i++
		m.Options = d.options()
	default:
		d.unexpected()
	}
}

// sequence reads (model, …), at least one.
func (d *ddl) sequence() []Name {
	d.expectKind(pg_query.Token_ASCII_40)
	models := []Name{d.name(true)}
	for d.isKind(pg_query.Token_ASCII_44) {
		d.i++
		models = append(models, d.name(true))
	}
	d.expectKind(pg_query.Token_ASCII_41)
	return models
}

// postgres has PostgreSQL's grammar read a part of the text between before and after; its errors are placed in the text.
func (d *ddl) postgres(before string, span Span, after string) *pg_query.ParseResult {
	text := before + span.Of(d.text) + after
	tree, err := pg_query.Parse(text)
	if err == nil {
		return tree
	}
	e := grammarError(text, err)
	if e.Position >= 0 {
		e.Position = min(max(e.Position-len(before), 0), span.End-span.Start) + span.Start
	}
	panic(e)
}

// arguments reads (name type, …) as PostgreSQL reads the parameters of CREATE FUNCTION.
func (d *ddl) arguments() []ArgDecl {
	const before = "CREATE FUNCTION f"
	open := d.i
	end := closingParen(d.toks, open)
	if end < 0 {
		d.i = len(d.toks)
		d.unexpected()
	}
	list := spanOfTokens(d.toks[open : end+1])
	tree := d.postgres(before, list, " RETURNS int LANGUAGE sql")
	params := tree.Stmts[0].Stmt.GetCreateFunctionStmt().GetParameters()
	d.i = end + 1
	if len(params) == 0 {
		return nil
	}
	spans := listSpans(d.toks, open)
	args := make([]ArgDecl, 0, len(params))
	for i, n := range params {
		p := n.GetFunctionParameter()
		if p.Mode != pg_query.FunctionParameterMode_FUNC_PARAM_DEFAULT {
			d.fail("42601", spans[i].Start, "the arguments of a model have no mode")
		}
		if p.Defexpr != nil {
			d.fail("0A000", spans[i].Start, "the arguments of a model have no defaults")
		}
		for _, a := range args {
			if a.Name != "" && a.Name == p.Name {
				d.fail("42P13", spans[i].Start, `argument "%s" is named twice`, p.Name)
			}
		}
		args = append(args, ArgDecl{Name: p.Name, Type: d.typeName(p.ArgType, spans[i].Start), Span: spans[i]})
	}
	return args
}

// returns reads a type up to the next clause.
func (d *ddl) returns() (string, Span) {
	const before = "CREATE FUNCTION f() RETURNS "
	start := d.i
	for depth := 0; d.i < len(d.toks) && (depth > 0 || !d.atClause()); d.i++ {
		switch d.toks[d.i].Kind {
		case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
			depth++
		case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93:
			depth--
		}
	}
	if d.i == start {
		d.unexpected()
	}
	span := spanOfTokens(d.toks[start:d.i])
	tree := d.postgres(before, span, " LANGUAGE sql")
	fn := tree.Stmts[0].Stmt.GetCreateFunctionStmt()
	if len(fn.GetParameters()) > 0 || fn.GetReturnType() == nil {
		d.fail("0A000", span.Start, "a model returns one value, not a table")
	}
	if len(fn.Options) > 1 { // words behind the type were read as properties of the function
		d.i = tokenFrom(d.toks, int(fn.Options[0].GetDefElem().GetLocation())-len(before)+span.Start)
		d.unexpected()
	}
	return d.typeName(fn.ReturnType, span.Start), span
}

// atClause reports whether a clause of CREATE MODEL begins here. WITH is also a word of the types' own.
func (d *ddl) atClause() bool {
	switch d.peek() {
	case "from", "target", "using", "as", "returns", "validate":
		return true
	case "with":
		return d.i+1 >= len(d.toks) || d.toks[d.i+1].Kind != pg_query.Token_TIME
	}
	return false
}

// typeName writes a type by the short name that pg_type has, with [] for an array of any dimensions. Modifiers are left
// out, as CREATE FUNCTION leaves them out.
func (d *ddl) typeName(t *pg_query.TypeName, at int) string {
	if t.Setof {
		d.fail("0A000", at, "a model takes and returns single values, not sets")
	}
	if t.PctType {
		d.fail("0A000", at, "%%TYPE is not supported for models")
	}
	var parts []string
	for _, n := range t.Names {
		parts = append(parts, QuoteIdentifier(n.GetString_().GetSval()))
	}
	if len(parts) == 2 && parts[0] == "pg_catalog" {
		parts = []string{t.Names[1].GetString_().GetSval()}
	}
	name := strings.Join(parts, ".")
	if len(t.ArrayBounds) > 0 {
		name += "[]"
	}
	return name
}

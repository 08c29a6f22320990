package sqlparse

import pg_query "github.com/pganalyze/pg_query_go/v5"

// selectInParens reads (select) and gives the span between the parentheses. what begins the sentence that says what is
// wrong with anything else.
func (d *ddl) selectInParens(what string) Span {
	open := d.i
	end := closingParen(d.toks, open)
	if end < 0 {
		d.i = len(d.toks)
		d.unexpected()
	}
	if end == open+1 {
		d.i = end
		d.unexpected()
	}
	span := spanOfTokens(d.toks[open+1 : end])
	d.checkSelect(span, what)
	d.i = end + 1
	return span
}

// checkSelect has PostgreSQL's grammar read one SELECT.
func (d *ddl) checkSelect(span Span, what string) {
	tree := d.postgres("", span, "")
	if len(tree.Stmts) == 1 {
		if s := tree.Stmts[0].Stmt.GetSelectStmt(); s != nil && s.IntoClause == nil {
			return
		}
	}
	d.fail("42601", span.Start, "%s one SELECT", what)
}

// table reads a name with up to two qualifiers.
func (d *ddl) table() Table {
	start := d.i
	var t Table
	for {
		part, _ := d.identifier()
		t.Parts = append(t.Parts, part)
		if len(t.Parts) == 3 || !d.isKind(pg_query.Token_ASCII_46) {
			t.Span = spanOfTokens(d.toks[start:d.i])
			return t
		}
		d.i++
	}
}

// columns reads (column, …), each once.
func (d *ddl) columns() []string {
	d.expectKind(pg_query.Token_ASCII_40)
	var list []string
	for {
		name, span := d.identifier()
		for _, other := range list {
			if other == name {
				d.fail("42701", span.Start, `column "%s" is given twice`, name)
			}
		}
		list = append(list, name)
		if !d.isKind(pg_query.Token_ASCII_44) {
			break
		}
		d.i++
	}
	d.expectKind(pg_query.Token_ASCII_41)
	return list
}

// expressions reads (expression, …), maybe none.
func (d *ddl) expressions() []Expression {
	if !d.isKind(pg_query.Token_ASCII_40) {
		d.unexpected()
	}
	open := d.i
	end := closingParen(d.toks, open)
	if end < 0 {
		d.i = len(d.toks)
		d.unexpected()
	}
	var list []Expression
	if end > open+1 {
		for _, span := range listSpans(d.toks, open) {
			list = append(list, d.expression(span))
		}
	}
	d.i = end + 1
	return list
}

// expression has PostgreSQL's grammar read one expression.
func (d *ddl) expression(span Span) Expression {
	if span.Start >= span.End {
		d.fail("42601", d.toks[d.i].Span.Start, "an expression is missing in the list")
	}
	e := Expression{Span: span}
	stmts := d.postgres("SELECT (", span, "\n)").Stmts
	if len(stmts) != 1 {
		d.fail("42601", span.Start, "one expression is expected")
	}
	targets := stmts[0].Stmt.GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		d.fail("42601", span.Start, "one expression is expected")
	}
	if fields := targets[0].GetResTarget().GetVal().GetColumnRef().GetFields(); len(fields) == 1 {
		e.Column = fields[0].GetString_().GetSval()
	}
	return e
}

// role reads a role, or one of the words for one.
func (d *ddl) role() Role {
	if d.i < len(d.toks) {
		span := d.toks[d.i].Span
		switch d.peek() {
		case "current_user", "current_role":
			d.i++
			return Role{Name: "current_user", Word: true, Span: span}
		case "session_user":
			d.i++
			return Role{Name: "session_user", Word: true, Span: span}
		}
	}
	name, span := d.identifier()
	return Role{Name: name, Word: name == "public", Span: span}
}

package dialect

import (
	"strconv"
)

// expr writes an expression in parentheses where another could stand around it.
func (f *formatter) expr(e Expr) {
	switch x := e.(type) {
	case *ColumnRef:
		f.name(x.Relation, x.Name)
	case *RowID:
		f.name(x.Relation, "ctid")
	case *HasRow:
		f.write("((", quoteName(x.Relation), ".*)::text IS NOT NULL)")
	case *WholeRow:
		f.wholeRow(x)
	case *Constant:
		f.write(literal(x))
	case *Param:
		f.param(x)
	case *Default:
		f.write("DEFAULT")
	case *Operator:
		f.operator(x)
	case *Call:
		f.call(x)
	case *Aggregate:
		f.aggregate(x)
	case *Cast:
		f.cast(x)
	case *Array:
		f.write("ARRAY[")
		f.list(x.Elems)
		f.write("]")
	case *Subscript:
		f.write("(")
		f.expr(x.Arg)
		f.write(")")
		for _, i := range x.Index {
			f.write("[")
			f.expr(i)
			f.write("]")
		}
	case *Case:
		f.caseExpr(x)
	case *Coalesce:
		f.write(x.Name, "(")
		f.list(x.Args)
		f.write(")")
	default:
		f.condition(e)
	}
}

// condition writes what gives a boolean by grammar.
func (f *formatter) condition(e Expr) {
	f.write("(")
	defer f.write(")")
	switch x := e.(type) {
	case *BoolOp:
		if x.Op == "NOT" {
			f.write("NOT ")
			f.expr(x.Args[0])
			return
		}
		for i, a := range x.Args {
			if i > 0 {
				f.write(" ", x.Op, " ")
			}
			f.expr(a)
		}
	case *RowKey:
		for i, c := range x.Columns {
			if i > 0 {
				f.write(" AND ")
			}
			f.name(x.Relation, c.Name)
			f.write(" = ")
			f.expr(x.Values[i])
		}
	case *NullTest:
		f.expr(x.Arg)
		f.write(" IS ", notWord(x.Not), "NULL")
	case *BoolTest:
		f.expr(x.Arg)
		f.write(" IS ", notWord(x.Not), x.Is)
	case *Distinct:
		f.expr(x.Left)
		f.write(" IS ", notWord(x.Not), "DISTINCT FROM ")
		f.expr(x.Right)
	case *ArrayOp:
		f.expr(x.Left)
		quantifier := " ANY ("
		if x.All {
			quantifier = " ALL ("
		}
		f.write(" ", x.Name, quantifier)
		f.expr(x.Array)
		f.write(")")
	case *Exists:
		f.write("EXISTS (")
		f.selectStmt(x.Select)
		f.write(")")
	}
}

func notWord(not bool) string {
	if not {
		return "NOT "
	}
	return ""
}

func (f *formatter) name(relation, name string) {
	if relation != "" {
		f.write(quoteName(relation), ".")
	}
	f.write(quoteName(name))
}

func (f *formatter) wholeRow(w *WholeRow) {
	if w.Has == nil {
		f.write("ROW(")
		f.list(w.Columns)
		f.write(")")
		return
	}
	f.write("CASE WHEN (", quoteName(w.Relation), ".*)::text IS NOT NULL THEN ROW(")
	f.list(w.Columns)
	f.write(") END")
}

// param writes $n with its type, or the place of one.
func (f *formatter) param(p *Param) {
	switch {
	case p.Number == 0:
		f.write("((SELECT null::", p.Type.String(), ")::", p.Type.String(), ")")
	case p.Type.OID == 0 || p.Type.OID == oidUnknown:
		f.write("$", strconv.Itoa(p.Number))
	default:
		f.write("$", strconv.Itoa(p.Number), "::", p.Type.String())
	}
}

func (f *formatter) operator(o *Operator) {
	f.write("(")
	if o.Left != nil {
		f.expr(o.Left)
		f.write(" ")
	}
	f.write(o.Name, " ")
	f.expr(o.Right)
	f.write(")")
}

func (f *formatter) call(c *Call) {
	f.name(c.Schema, c.Name)
	f.write("(")
	f.arguments(c.Args, c.Variadic)
	f.write(")")
}

func (f *formatter) arguments(args []Expr, variadic bool) {
	for i, a := range args {
		if i > 0 {
			f.write(", ")
		}
		if variadic && i == len(args)-1 {
			f.write("VARIADIC ")
		}
		f.expr(a)
	}
}

func (f *formatter) aggregate(a *Aggregate) {
	f.write(quoteName(a.Name), "(")
	switch {
	case a.Star:
		f.write("*")
	case a.Distinct:
		f.write("DISTINCT ")
	}
	f.arguments(a.Args, a.Variadic)
	if a.WithinGroup {
		f.write(") WITHIN GROUP (")
		f.sorts("ORDER BY ", a.OrderBy, nil)
	} else {
		f.sorts(" ORDER BY ", a.OrderBy, nil)
	}
	f.write(")")
	if a.Filter != nil {
		f.write(" FILTER (WHERE ")
		f.expr(a.Filter)
		f.write(")")
	}
}

// cast writes a cast that the text says; an implicit one is left to PostgreSQL. What is cast stands in parentheses unless
// it is a name, as "-1::text" is not "(-1)::text".
func (f *formatter) cast(c *Cast) {
	if c.Implicit {
		f.expr(c.Arg)
		return
	}
	switch c.Arg.(type) {
	case *ColumnRef, *Operator, *Call, *Param:
		f.expr(c.Arg)
	default:
		f.write("(")
		f.expr(c.Arg)
		f.write(")")
	}
	if c.To.OID == 0 {
		f.write("::", c.Name)
		return
	}
	f.write("::", c.To.String())
}

func (f *formatter) caseExpr(c *Case) {
	f.write("CASE")
	if c.Arg != nil {
		f.write(" ")
		f.expr(c.Arg)
	}
	for _, w := range c.Whens {
		f.write(" WHEN ")
		f.expr(w.When)
		f.write(" THEN ")
		f.expr(w.Then)
	}
	if c.Else != nil {
		f.write(" ELSE ")
		f.expr(c.Else)
	}
	f.write(" END")
}

package planner

import (
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// inner is what a query joins by inner joins alone: its tables, the equalities between two of them or with a table further
// out, and the conditions of WHERE and ON.
type inner struct {
	tables []string
	equal  []equality
	terms  []joinTerm
}

// joinTerm is a condition, in a place where the tables of the query from first up to end are known.
type joinTerm struct {
	sqlparse.Operand
	first, end int
}

// equality is a condition that a column of one table equals one of another.
type equality struct{ left, right, text string }

// joinedFirst has the terms of a condition that call a model of columns of one table evaluated for the rows alone that it is
// joined with: home would evaluate them for every row of that table before it joins. Such a term becomes CASE WHEN join
// condition THEN term END. from are the tables, of a statement that writes its own before the others.
func (b *shipBuilder) joinedFirst(where *pg_query.Node, from []*pg_query.Node) {
	if len(from) == 0 || len(from) == 1 && from[0].GetJoinExpr() == nil {
		return
	}
	j := &inner{}
	for _, n := range from {
		if !b.innerJoins(j, n) {
			return
		}
	}
	b.joinTerms(j, pg_query.Token_WHERE, where, 0)
	for i, name := range j.tables {
		if slices.Contains(j.tables[:i], name) { // in one schema and another
			return
		}
	}
	for _, o := range j.terms {
		if !b.hasSite(o.Span) || !b.ofColumns(o.Node) {
			continue
		}
		for _, table := range j.tables {
			if conds := j.joining(table, o); len(conds) > 0 && readsOnly(o.Node, table) {
				b.text.wrap(o.Span, "CASE WHEN "+strings.Join(conds, " AND ")+" THEN (", ") END")
				break
			}
		}
	}
}

// innerJoins adds an item of FROM; false where it holds anything but tables, subqueries and inner joins of these.
func (b *shipBuilder) innerJoins(j *inner, n *pg_query.Node) bool {
	name := ""
	switch f := n.GetNode().(type) {
	case *pg_query.Node_RangeVar:
		name = tableName(f.RangeVar)
	case *pg_query.Node_RangeSubselect:
		name = f.RangeSubselect.GetAlias().GetAliasname()
	case *pg_query.Node_JoinExpr:
		e := f.JoinExpr
		if e.Jointype != pg_query.JoinType_JOIN_INNER || e.IsNatural || e.Alias != nil || e.JoinUsingAlias != nil {
			return false
		}
		first := len(j.tables)
		if !b.innerJoins(j, e.Larg) || !b.innerJoins(j, e.Rarg) {
			return false
		}
		if len(j.tables) == first+2 { // of more, it is not known which have the column
			for _, u := range e.UsingClause {
				column := "." + sqlparse.QuoteIdentifier(u.GetString_().GetSval())
				l, r := j.tables[first], j.tables[first+1]
				j.equal = append(j.equal, equality{l, r, sqlparse.QuoteIdentifier(l) + column + " = " + sqlparse.QuoteIdentifier(r) + column})
			}
		}
		b.joinTerms(j, pg_query.Token_ON, e.Quals, first)
		return true
	}
	j.tables = append(j.tables, name)
	return name != ""
}

// joinTerms adds the terms of a condition behind a keyword, which knows the tables from first on that there are.
func (b *shipBuilder) joinTerms(j *inner, keyword pg_query.Token, cond *pg_query.Node, first int) {
	if cond == nil {
		return
	}
	span := b.at.Clause(keyword, cond)
	if span.Start >= span.End {
		return
	}
	terms := []sqlparse.Operand{{Span: span, Node: cond}}
	if e := cond.GetBoolExpr(); e != nil && e.Boolop == pg_query.BoolExprType_AND_EXPR {
		terms = b.at.Operands(span, cond)
	}
	for _, o := range terms {
		j.terms = append(j.terms, joinTerm{o, first, len(j.tables)})
		e := o.Node.GetAExpr()
		if e.GetKind() == pg_query.A_Expr_Kind_AEXPR_OP && len(e.Name) == 1 && e.Name[0].GetString_().GetSval() == "=" {
			if l, r := qualifier(e.Lexpr), qualifier(e.Rexpr); l != "" && r != "" && l != r {
				j.equal = append(j.equal, equality{l, r, o.Span.Of(b.req.Text)})
			}
		}
	}
}

// joining are the equalities that a table's rows must meet with the tables that they are joined with, directly or by others:
// those that are known where a term stands. Names that are no table's of the query are of one further out.
func (j *inner) joining(table string, at joinTerm) []string {
	known := func(name string) bool {
		i := slices.Index(j.tables, name)
		return i < 0 || at.first <= i && i < at.end
	}
	var conds []string
	reached, used := map[string]bool{table: true}, make([]bool, len(j.equal))
	for more := true; more; {
		more = false
		for i, e := range j.equal {
			if used[i] || !reached[e.left] && !reached[e.right] || !known(e.left) || !known(e.right) {
				continue
			}
			reached[e.left], reached[e.right], used[i], more = true, true, true, true
			conds = append(conds, e.text)
		}
	}
	return conds
}

// ofColumns reports whether each call in an expression has a column among its arguments: others are made once, and a
// comparison with them may be what home finds rows by.
func (b *shipBuilder) ofColumns(n *pg_query.Node) bool {
	of := true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil && b.byFn[f] != nil {
			of = of && !constant(n)
		}
		return of
	})
	return of
}

// qualifier is the table that a column is named with; "" for anything else.
func qualifier(n *pg_query.Node) string {
	if f := n.GetColumnRef().GetFields(); len(f) == 2 && f[1].GetString_() != nil {
		return f[0].GetString_().GetSval()
	}
	return ""
}

// readsOnly reports whether all columns of an expression, of which there are some, are named with one table.
func readsOnly(n *pg_query.Node, table string) bool {
	some, only := false, true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if n.GetColumnRef() != nil {
			some, only = true, only && qualifier(n) == table
		}
		only = only && n.GetSubLink() == nil
		return only
	})
	return some && only
}

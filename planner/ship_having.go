package planner

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// aggregatesFirst has terms of HAVING that call a model evaluated for those groups only that its cheap terms over aggregates
// leave: PostgreSQL makes a term without aggregates a condition of WHERE, which is evaluated for every row. Each such term
// becomes CASE WHEN cheap terms THEN term END.
func (b *shipBuilder) aggregatesFirst(having *pg_query.Node) {
	if having.GetBoolExpr().GetBoolop() != pg_query.BoolExprType_AND_EXPR || having.GetBoolExpr() == nil {
		return
	}
	span := b.at.Clause(pg_query.Token_HAVING, having)
	if span.Start >= span.End || !b.hasSite(span) {
		return
	}
	var first []string
	var calling []sqlparse.Operand
	for _, o := range b.at.Operands(span, having) {
		switch {
		case !b.hasSite(o.Span) && b.cheapAggregate(o.Node):
			first = append(first, o.Span.Of(b.req.Text))
		case b.hasSite(o.Span) && !b.aggregates(o.Node):
			calling = append(calling, o)
		}
	}
	if len(first) == 0 {
		return
	}
	for _, o := range calling {
		b.text.replace(sqlparse.Span{Start: o.Span.Start, End: o.Span.Start}, "CASE WHEN "+strings.Join(first, " AND ")+" THEN (")
		b.text.replace(sqlparse.Span{Start: o.Span.End, End: o.Span.End}, ") END")
	}
}

// cheapAggregate reports whether a condition compares aggregates that cannot fail with values, or with each other.
func (b *shipBuilder) cheapAggregate(n *pg_query.Node) bool {
	e := n.GetAExpr()
	if e == nil || e.Kind != pg_query.A_Expr_Kind_AEXPR_OP || len(e.Name) != 1 || !comparisons[e.Name[0].GetString_().GetSval()] {
		return false
	}
	left, right := b.plainAggregate(e.Lexpr), b.plainAggregate(e.Rexpr)
	return (left || right) && (left || value(e.Lexpr)) && (right || value(e.Rexpr))
}

// plainAggregate tells count(*), and count, min and max of a column.
func (b *shipBuilder) plainAggregate(n *pg_query.Node) bool {
	f := n.GetFuncCall()
	if f == nil || f.Over != nil || f.AggFilter != nil || len(f.AggOrder) > 0 || f.AggWithinGroup || b.kinds[functionName(f)] != sqlparse.AggregateFunction {
		return false
	}
	switch functionName(f) {
	case "count":
		return f.AggStar || len(f.Args) == 1 && f.Args[0].GetColumnRef() != nil
	case "min", "max":
		return len(f.Args) == 1 && f.Args[0].GetColumnRef() != nil
	}
	return false
}

// aggregates reports whether an expression holds an aggregate, or a subquery.
func (b *shipBuilder) aggregates(n *pg_query.Node) bool {
	found := false
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		f := n.GetFuncCall()
		found = found || n.GetSubLink() != nil || n.GetGroupingFunc() != nil || f != nil && (f.AggStar || b.kinds[functionName(f)] == sqlparse.AggregateFunction)
		return !found
	})
	return found
}

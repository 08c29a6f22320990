package planner

import (
	"slices"
	"sort"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// edit notes every change of the client's text.
func (b *shipBuilder) edit() error {
	for _, s := range slices.Backward(b.sites) { // those among arguments first
		b.editCall(s)
	}
	for f, d := range b.draws {
		b.editDraw(f, d)
	}
	found := b.survey()
	for _, s := range found.queries { // before columns are named: their expressions are copied
		b.tiesOnly(s)
	}
	for _, item := range found.items {
		b.nameColumn(item)
	}
	for _, c := range found.conds {
		b.cheapFirst(c.keyword, c.expr)
	}
	for _, s := range found.queries {
		b.needless(s)
		b.joinedFirst(s.WhereClause, s.FromClause)
	}
	switch s := b.req.Node.GetNode().(type) {
	case *pg_query.Node_DeleteStmt:
		b.joinedFirst(s.DeleteStmt.WhereClause, append([]*pg_query.Node{rangeNode(s.DeleteStmt.Relation)}, s.DeleteStmt.UsingClause...))
	case *pg_query.Node_UpdateStmt:
		b.joinedFirst(s.UpdateStmt.WhereClause, append([]*pg_query.Node{rangeNode(s.UpdateStmt.Relation)}, s.UpdateStmt.FromClause...))
	}
	for _, having := range found.havings {
		b.aggregatesFirst(having)
	}
	for _, f := range found.calls {
		if err := b.nameFunction(f); err != nil {
			return err
		}
	}
	return nil
}

// editCall puts the temporary function's name in place of the call's, and takes the model out of the arguments.
func (b *shipBuilder) editCall(s *site) {
	if b.editInline(s) {
		return
	}
	b.text.replace(b.at.NameOf(s.call), "pg_temp."+s.fn.Name)
	b.text.replace(s.call.ModelSpan, "")
	if comma := b.at.CommaOf(s.call); comma.Start < comma.End {
		b.text.replace(comma, "")
	}
	if s.row != nil {
		b.text.replace(s.row.Span, strings.Join(b.rowFields(s), ", "))
	}
}

// rowFields are the fields of a row that is handed over as a whole, in the model's order.
func (b *shipBuilder) rowFields(s *site) []string {
	name := s.row.Span
	if len(s.row.Node.GetColumnRef().Fields) > 1 { // t.*
		name.End = b.at.Tokens()[b.at.After(name.End)-2].Span.Start
	}
	row := name.Of(b.req.Text)
	fields := make([]string, len(s.model.Args))
	for i, a := range s.model.Args {
		fields[i] = "(" + row + ")." + sqlparse.QuoteIdentifier(a.Name)
	}
	return fields
}

// nameColumn gives a column that is named after a call that name, where it has no alias.
func (b *shipBuilder) nameColumn(item *pg_query.ResTarget) {
	if item.Name != "" || item.Val == nil {
		return
	}
	f, name := sqlparse.NamingFunction(item.Val), ""
	if s := b.byFn[f]; s != nil {
		name = s.call.Func
	} else if d := b.draws[f]; d != nil {
		name = d.Text
	}
	if name != "" {
		end := b.at.ExpressionEnd(int(item.Location))
		b.text.replace(sqlparse.Span{Start: end, End: end}, " AS "+sqlparse.QuoteIdentifier(name))
	}
}

// nameFunction gives a call in FROM without an alias, and its column, the name that PostgreSQL would.
func (b *shipBuilder) nameFunction(f *pg_query.RangeFunction) error {
	var calls []*site
	for _, item := range f.Functions {
		if s := b.byFn[item.GetList().GetItems()[0].GetFuncCall()]; s != nil {
			calls = append(calls, s)
		}
	}
	if len(calls) == 0 {
		return nil
	}
	if len(f.Functions) > 1 {
		if len(f.GetAlias().GetColnames()) >= len(f.Functions) {
			return nil
		}
		return &sqlparse.Error{Code: "0A000", Position: calls[0].call.Span.Start,
			Message: calls[0].call.Func + " is not supported in ROWS FROM with several functions whose columns are not named",
			Hint:    "Name the columns: ROWS FROM (…) AS t(a, b)."}
	}
	if f.Alias != nil {
		return nil
	}
	toks := b.at.Tokens()
	i := b.at.After(calls[0].call.Span.End)
	if f.IsRowsfrom {
		i++ // its parenthesis
	}
	if f.Ordinality {
		i += 2
	}
	end := toks[i-1].Span.End
	b.text.replace(sqlparse.Span{Start: end, End: end}, " AS "+sqlparse.QuoteIdentifier(calls[0].call.Func))
	return nil
}

// cheapFirst moves, in the OR of a condition and in AND below it, what is cheap and cannot fail before what calls a model:
// PostgreSQL evaluates these operands in their order. The terms of the AND at the top it orders by their cost itself.
func (b *shipBuilder) cheapFirst(keyword pg_query.Token, cond *pg_query.Node) {
	if !b.hasOr(cond) {
		return
	}
	if span := b.at.Clause(keyword, cond); span.Start < span.End {
		b.cheapOperands(span, cond, true)
	}
}

// hasOr reports whether a condition has an OR outside functions and subqueries.
func (b *shipBuilder) hasOr(n *pg_query.Node) bool {
	e := n.GetBoolExpr()
	if e == nil {
		return false
	}
	if e.Boolop == pg_query.BoolExprType_OR_EXPR {
		return true
	}
	for _, a := range e.Args {
		if b.hasOr(a) {
			return true
		}
	}
	return false
}

// cheapOperands does the work of cheapFirst on the condition at span; top says that it is a term of the AND at the top, or
// that AND.
func (b *shipBuilder) cheapOperands(span sqlparse.Span, n *pg_query.Node, top bool) {
	if n.GetBoolExpr() == nil || top && !b.hasOr(n) || !b.hasSite(span) {
		return
	}
	operands := b.at.Operands(span, n)
	and := n.GetBoolExpr().Boolop == pg_query.BoolExprType_AND_EXPR
	for _, o := range operands {
		b.cheapOperands(o.Span, o.Node, top && and)
	}
	if len(operands) < 2 || top && and {
		return
	}
	// What is cheap moves before the first operand with a call, and no other operand moves against its neighbours.
	first := -1
	for i, o := range operands {
		if first < 0 && b.hasSite(o.Span) {
			first = i
		}
	}
	if first < 0 {
		return
	}
	var order, rest []int
	for i, o := range operands {
		if i < first || cheap(o.Node) {
			order = append(order, i)
		} else {
			rest = append(rest, i)
		}
	}
	if len(order) == first {
		return
	}
	parts := make([]sqlparse.Span, len(operands))
	for i, o := range operands {
		parts[i] = o.Span
	}
	b.text.move(parts, append(order, rest...))
}

// hasSite reports whether a call stands in a range of the text, which ends within no call that begins in it.
func (b *shipBuilder) hasSite(span sqlparse.Span) bool {
	i := sort.Search(len(b.sites), func(i int) bool { return b.sites[i].call.Span.Start >= span.Start })
	return i < len(b.sites) && b.sites[i].call.Span.Start < span.End
}

// comparisons are the operators that cheap knows: they cannot fail.
var comparisons = map[string]bool{"=": true, "<>": true, "<": true, ">": true, "<=": true, ">=": true}

// cheap reports whether a condition costs next to nothing and cannot fail: comparisons, and AND, OR and NOT of them, of
// columns, constants and parameters.
func cheap(n *pg_query.Node) bool {
	switch e := n.GetNode().(type) {
	case *pg_query.Node_BoolExpr:
		return all(e.BoolExpr.Args, cheap)
	case *pg_query.Node_NullTest:
		return value(e.NullTest.Arg)
	case *pg_query.Node_BooleanTest:
		return cheap(e.BooleanTest.Arg)
	case *pg_query.Node_AExpr:
		return cheapOperator(e.AExpr)
	}
	return value(n)
}

func cheapOperator(e *pg_query.A_Expr) bool {
	if len(e.Name) != 1 || !value(e.Lexpr) {
		return false
	}
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP:
		return comparisons[e.Name[0].GetString_().GetSval()] && value(e.Rexpr)
	case pg_query.A_Expr_Kind_AEXPR_IN, pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN:
		return all(e.Rexpr.GetList().GetItems(), value)
	case pg_query.A_Expr_Kind_AEXPR_LIKE, pg_query.A_Expr_Kind_AEXPR_ILIKE:
		// A pattern may end in the escape character, which fails.
		pattern := e.Rexpr.GetAConst().GetSval()
		return pattern != nil && !strings.Contains(pattern.Sval, `\`)
	case pg_query.A_Expr_Kind_AEXPR_DISTINCT, pg_query.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return value(e.Rexpr)
	}
	return false
}

// value tells columns, parameters and constants (with a cast or without).
func value(n *pg_query.Node) bool {
	if c := n.GetTypeCast(); c != nil {
		return c.Arg.GetAConst() != nil
	}
	return plainTarget(n)
}

func all(nodes []*pg_query.Node, is func(*pg_query.Node) bool) bool {
	for _, n := range nodes {
		if !is(n) {
			return false
		}
	}
	return true
}

package planner

import (
	"sort"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// ranker gives every call of a statement its rank: a missing answer of a call of one rank has no influence on what calls
// of the same and of lower ranks are asked, other than that they are asked less. A rank that is too high costs a round,
// never a wrong answer, so what is not sure to be without influence ranks before what follows.
//
// Its methods take the rank that what they look at has at least, and give the rank that what is influenced by it has.
type ranker struct {
	b *shipBuilder
	// level are the calls by their texts, of the query that is looked at: in one query equal texts have equal values.
	level map[string]*site
	// lazy says that what is looked at may end before it has given all its rows.
	lazy bool
	// after are the ranks behind the common table expressions that can be seen.
	after map[string]int
	seen  int // number of ranked calls
	small bool
}

// rank ranks all calls.
func (b *shipBuilder) rank() {
	r := &ranker{b: b, after: map[string]int{}, level: map[string]*site{}}
	r.statement(b.req.Node, 0)
	last := 0
	for _, s := range b.sites {
		if s.ranked {
			last = max(last, s.rank)
		}
	}
	for _, s := range b.sites { // in a place that is not known here: each for itself
		if !s.ranked {
			last++
			s.rank, s.ranked = last, true
		}
	}
	b.plan.Small = r.small
}

// parallel looks at expressions of which none decides whether another is evaluated.
func (r *ranker) parallel(nodes []*pg_query.Node, at int) int {
	next := at
	for _, n := range nodes {
		next = max(next, r.expr(n, at))
	}
	return next
}

// sequence looks at expressions of which each may decide whether the next is evaluated.
func (r *ranker) sequence(nodes []*pg_query.Node, at int) int {
	for _, n := range nodes {
		at = r.expr(n, at)
	}
	return at
}

// expr looks at an expression.
func (r *ranker) expr(n *pg_query.Node, at int) int {
	if n == nil {
		return at
	}
	switch e := n.GetNode().(type) {
	case *pg_query.Node_AConst, *pg_query.Node_ColumnRef, *pg_query.Node_ParamRef, *pg_query.Node_SqlvalueFunction, *pg_query.Node_SetToDefault:
		return at
	case *pg_query.Node_FuncCall:
		return r.function(e.FuncCall, at)
	case *pg_query.Node_SubLink:
		return r.subquery(e.SubLink, at)
	case *pg_query.Node_SelectStmt:
		return r.query(e.SelectStmt, at)
	case *pg_query.Node_AExpr:
		return r.operator(e.AExpr, at)
	case *pg_query.Node_CaseExpr:
		return r.caseExpr(e.CaseExpr, at)
	case *pg_query.Node_TypeCast:
		return r.expr(e.TypeCast.Arg, at)
	case *pg_query.Node_CollateClause:
		return r.expr(e.CollateClause.Arg, at)
	case *pg_query.Node_NamedArgExpr:
		return r.expr(e.NamedArgExpr.Arg, at)
	case *pg_query.Node_ResTarget:
		return r.expr(e.ResTarget.Val, at)
	case *pg_query.Node_SortBy:
		return r.expr(e.SortBy.Node, at)
	case *pg_query.Node_MinMaxExpr:
		return r.parallel(e.MinMaxExpr.Args, at)
	case *pg_query.Node_RowExpr:
		return r.parallel(e.RowExpr.Args, at)
	case *pg_query.Node_AArrayExpr:
		return r.parallel(e.AArrayExpr.Elements, at)
	case *pg_query.Node_List:
		return r.parallel(e.List.Items, at)
	}
	return r.sequence(sqlparse.Children(n), at) // BoolExpr and CoalesceExpr, and what is not known here
}

// function looks at a function call. In one query, a call with the same text as one before has its rank.
func (r *ranker) function(f *pg_query.FuncCall, at int) int {
	s := r.b.byFn[f]
	if s == nil {
		return r.call(f, at)
	}
	next := r.parallel(f.Args, at)
	if !s.ranked {
		s.rank, s.ranked = next, true
		r.seen++
		if first := r.level[s.same]; first != nil {
			s.rank = first.rank
		} else {
			r.level[s.same] = s
		}
	}
	return max(next, s.rank+1)
}

// call looks at a function that is none of the proxy's: the arguments of a plain one are all evaluated, those of an
// aggregate for the rows that its FILTER leaves.
func (r *ranker) call(f *pg_query.FuncCall, at int) int {
	at = r.expr(f.AggFilter, at)
	next := max(r.parallel(f.Args, at), r.parallel(f.AggOrder, at))
	if f.Over != nil {
		next = max(next, r.window(f.Over, at))
	}
	return next
}

// window looks at a window's definition.
func (r *ranker) window(w *pg_query.WindowDef, at int) int {
	next := max(r.parallel(w.PartitionClause, at), r.parallel(w.OrderClause, at))
	return max(next, r.expr(w.StartOffset, at), r.expr(w.EndOffset, at))
}

// subquery looks at a subquery in an expression: with IN, ANY and ALL the left side decides how much of it is read.
func (r *ranker) subquery(s *pg_query.SubLink, at int) int {
	before, lazy := r.seen, r.lazy
	at = r.expr(s.Testexpr, at)
	r.lazy = lazy || s.SubLinkType != pg_query.SubLinkType_ARRAY_SUBLINK
	at = r.expr(s.Subselect, at)
	if r.lazy && r.seen > before {
		r.small = true
	}
	r.lazy = lazy
	return at
}

// operator looks at an operator: both sides are evaluated, but for those that PostgreSQL turns into AND and OR.
func (r *ranker) operator(e *pg_query.A_Expr, at int) int {
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_IN, pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		return r.sequence(e.Rexpr.GetList().GetItems(), r.expr(e.Lexpr, at))
	}
	left, right := e.Lexpr.GetRowExpr().GetArgs(), e.Rexpr.GetRowExpr().GetArgs()
	if len(left) > 0 && len(left) == len(right) { // (a, b) = (c, d) is a = c AND b = d
		for i := range left {
			at = max(r.expr(left[i], at), r.expr(right[i], at))
		}
		return at
	}
	return max(r.expr(e.Lexpr, at), r.expr(e.Rexpr, at))
}

// caseExpr looks at CASE: each condition decides about its result and about everything behind it.
func (r *ranker) caseExpr(c *pg_query.CaseExpr, at int) int {
	at = r.expr(c.Arg, at)
	next := at
	for _, n := range c.Args {
		when := n.GetCaseWhen()
		at = r.expr(when.Expr, at)
		next = max(next, at, r.expr(when.Result, at))
	}
	return max(next, r.expr(c.Defresult, at))
}

// conditions looks at conditions that rows must meet all. One whose calls can only drop rows while their answers are
// missing decides nothing wrongly, so such ones share a rank. PostgreSQL evaluates the cheaper first, and equal ones in
// their order, so the others are looked at by their number of calls.
func (r *ranker) conditions(conds []*pg_query.Node, at int) int {
	var terms, telling []*pg_query.Node
	for _, c := range conds {
		terms = appendTerms(terms, c)
	}
	var dropping []*pg_query.Node
	for _, t := range terms {
		if r.b.drops(t) {
			dropping = append(dropping, t)
		} else {
			telling = append(telling, t)
		}
	}
	if len(telling) > 1 {
		sort.SliceStable(telling, func(i, j int) bool { return r.b.count(telling[i]) < r.b.count(telling[j]) })
	}
	return r.parallel(dropping, r.sequence(telling, at))
}

// appendTerms adds the operands of the AND at the top of a condition.
func appendTerms(terms []*pg_query.Node, n *pg_query.Node) []*pg_query.Node {
	if e := n.GetBoolExpr(); e.GetBoolop() == pg_query.BoolExprType_AND_EXPR {
		for _, a := range e.Args {
			terms = appendTerms(terms, a)
		}
		return terms
	}
	if n != nil {
		terms = append(terms, n)
	}
	return terms
}

// count is the number of calls in an expression.
func (b *shipBuilder) count(n *pg_query.Node) int {
	count := 0
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil && b.byFn[f] != nil {
			count++
		}
		return true
	})
	return count
}

// strict are operators that give NULL where one of their operands is NULL, whatever the types that PostgreSQL has them
// for.
var strict = map[string]bool{"=": true, "<>": true, "<": true, ">": true, "<=": true, ">=": true, "+": true, "-": true, "*": true, "/": true,
	"%": true, "^": true, "~": true, "!~": true, "~*": true, "!~*": true, "~~": true, "!~~": true, "~~*": true, "!~~*": true, "->": true, "->>": true,
	"#>": true, "#>>": true, "@>": true, "<@": true, "&&": true, "?": true}

// drops reports whether a condition, while answers are missing and so NULL, is true only where it is true whatever they
// are: NULL must go up through AND, OR, NOT and strict operators only.
func (b *shipBuilder) drops(n *pg_query.Node) bool {
	switch e := n.GetNode().(type) {
	case nil:
		return true
	case *pg_query.Node_AConst, *pg_query.Node_ColumnRef, *pg_query.Node_ParamRef:
		return true
	case *pg_query.Node_FuncCall:
		if s := b.byFn[e.FuncCall]; s != nil && s.model.NullOnNull {
			return all(e.FuncCall.Args, b.drops)
		}
		if b.byFn[e.FuncCall] != nil {
			return b.count(n) == 1
		}
	case *pg_query.Node_TypeCast:
		return b.drops(e.TypeCast.Arg)
	case *pg_query.Node_CollateClause:
		return b.drops(e.CollateClause.Arg)
	case *pg_query.Node_NamedArgExpr:
		return b.drops(e.NamedArgExpr.Arg)
	case *pg_query.Node_BoolExpr:
		return all(e.BoolExpr.Args, b.drops)
	case *pg_query.Node_List:
		return all(e.List.Items, b.drops)
	case *pg_query.Node_AExpr:
		return b.dropsOperator(e.AExpr) || b.count(n) == 0
	}
	return b.count(n) == 0
}

func (b *shipBuilder) dropsOperator(e *pg_query.A_Expr) bool {
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP, pg_query.A_Expr_Kind_AEXPR_IN, pg_query.A_Expr_Kind_AEXPR_LIKE, pg_query.A_Expr_Kind_AEXPR_ILIKE,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
	default:
		return false
	}
	if e.Kind == pg_query.A_Expr_Kind_AEXPR_OP && (len(e.Name) != 1 || !strict[e.Name[0].GetString_().GetSval()]) {
		return false
	}
	return (e.Lexpr == nil || b.drops(e.Lexpr)) && (e.Rexpr == nil || b.drops(e.Rexpr))
}

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
	b     *shipBuilder
	scope *scope
	// ctes are the common table expressions that home puts in place of their only reference, by name; after are the ranks
	// behind the others.
	ctes  map[string]*pg_query.CommonTableExpr
	after map[string]int
	// lazy says that what is looked at may end before it has given all its rows, early that it then has not read all of
	// its tables' either.
	lazy, early bool
	// cond counts the conditions on which the expression that is looked at is evaluated; key says that it is matched with
	// others as a key of GROUP BY, ORDER BY or DISTINCT is.
	cond int
	key  bool
	// done are expressions that were looked at where they are evaluated and stand elsewhere too.
	done map[*pg_query.Node]bool
	// small is what Ship.Small says.
	small bool
}

// maxRanks bounds the ranks of a statement, each of which costs a round: where there are more, as in an OR of a thousand
// calls, the last ones are asked for together.
const maxRanks = 32

// rank ranks all calls.
func (b *shipBuilder) rank() {
	r := &ranker{b: b, scope: newScope(nil), done: map[*pg_query.Node]bool{}}
	r.statement(b.req.Node, 0)
	for _, d := range b.draws {
		if d.Rank < 0 || r.small && sequences[d.Text] { // the statement may end before it comes to it
			d.Rank = maxRanks
		}
		d.Rank = min(d.Rank, maxRanks)
	}
	last := -1
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
		s.rank = min(s.rank, maxRanks-1)
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
	cond := r.cond
	for _, n := range nodes {
		at = r.expr(n, at)
		r.cond = cond + 1
	}
	r.cond = cond
	return at
}

// conditional looks at an expression that is not always evaluated.
func (r *ranker) conditional(n *pg_query.Node, at int) int {
	r.cond++
	at = r.expr(n, at)
	r.cond--
	return at
}

// keys looks at expressions that home matches with others by their texts.
func (r *ranker) keys(nodes []*pg_query.Node, at int) int {
	key := r.key
	r.key = true
	next := r.parallel(nodes, at)
	r.key = key
	for _, n := range nodes {
		r.done[n] = true
	}
	return next
}

// expr looks at an expression.
func (r *ranker) expr(n *pg_query.Node, at int) int {
	if n == nil || r.done[n] {
		return at
	}
	switch e := n.GetNode().(type) {
	case *pg_query.Node_AConst, *pg_query.Node_ParamRef, *pg_query.Node_SqlvalueFunction, *pg_query.Node_SetToDefault:
		return at
	case *pg_query.Node_ColumnRef:
		return r.column(e.ColumnRef, at)
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

// function looks at a function call. In one query calls with the same text have the same value: where one of them is
// surely evaluated, or home is to match them, the others have its rank. A call that may be evaluated in several places
// has the rank of the last, unless it surely is in one.
func (r *ranker) function(f *pg_query.FuncCall, at int) int {
	s := r.b.byFn[f]
	if s == nil {
		return r.call(f, at)
	}
	next := r.parallel(f.Args, at)
	r.small = r.small || r.early
	first := r.scope.level[s.same]
	switch {
	case !s.model.Deterministic && (first == nil || first == s || !first.key): // each evaluation has an answer of its own
		s.rank, s.key = max(s.rank, next), r.key
		r.scope.level[s.same] = s
	case first != nil && first != s && (first.sure || first.key || next <= first.rank+1): // nothing but the first comes between
		s.rank, s.sure = first.rank, true
	case !s.sure:
		s.rank = max(s.rank, next)
		s.sure = r.cond == 0 || r.key
		r.scope.level[s.same] = s
	}
	s.ranked = true
	return max(next, s.rank+1)
}

// call looks at a function that is none of the proxy's: the arguments of a plain one are all evaluated, those of an
// aggregate for the rows that its FILTER leaves.
func (r *ranker) call(f *pg_query.FuncCall, at int) int {
	if f.AggFilter != nil {
		at = r.expr(f.AggFilter, at)
		r.cond++
		defer func() { r.cond-- }()
	}
	next := max(r.parallel(f.Args, at), r.parallel(f.AggOrder, at))
	if d := r.b.draws[f]; d != nil {
		d.Rank = max(d.Rank, next)
	}
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
	lazy, early := r.lazy, r.early
	at = r.expr(s.Testexpr, at)
	switch s.SubLinkType {
	case pg_query.SubLinkType_EXISTS_SUBLINK, pg_query.SubLinkType_ANY_SUBLINK, pg_query.SubLinkType_ALL_SUBLINK:
		r.lazy, r.early = true, true
	default:
		r.lazy, r.early = false, false
	}
	at = r.expr(s.Subselect, at)
	r.lazy, r.early = lazy, early
	return at
}

// operator looks at an operator: both sides are evaluated, but for those that PostgreSQL turns into AND and OR.
func (r *ranker) operator(e *pg_query.A_Expr, at int) int {
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_IN, pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		items := e.Rexpr.GetList().GetItems()
		if len(items) == 0 {
			return r.expr(e.Lexpr, at)
		}
		at = max(r.expr(e.Lexpr, at), r.expr(items[0], at))
		r.cond++
		at = r.sequence(items[1:], at)
		r.cond--
		return at
	}
	left, right := e.Lexpr.GetRowExpr().GetArgs(), e.Rexpr.GetRowExpr().GetArgs()
	if len(left) > 0 && len(left) == len(right) { // (a, b) = (c, d) is a = c AND b = d
		cond := r.cond
		for i := range left {
			at = max(r.expr(left[i], at), r.expr(right[i], at))
			r.cond = cond + 1
		}
		r.cond = cond
		return at
	}
	return max(r.expr(e.Lexpr, at), r.expr(e.Rexpr, at))
}

// caseExpr looks at CASE: each condition decides about its result and about everything behind it.
func (r *ranker) caseExpr(c *pg_query.CaseExpr, at int) int {
	at = r.expr(c.Arg, at)
	next, cond := at, r.cond
	for _, n := range c.Args {
		when := n.GetCaseWhen()
		at = r.expr(when.Expr, at)
		r.cond = cond + 1
		next = max(next, at, r.expr(when.Result, at))
	}
	next = max(next, r.conditional(c.Defresult, at))
	r.cond = cond
	return next
}

// term is a condition and the query that it is to be read in.
type term struct {
	node  *pg_query.Node
	scope *scope
}

// conditions looks at conditions that rows must meet all. One whose calls can only drop rows while their answers are
// missing decides nothing wrongly, so such ones share a rank. PostgreSQL evaluates first what reads no column, then the
// cheaper, and equal ones in their order, so the others are looked at by their number of calls.
func (r *ranker) conditions(conds []term, at int) int {
	var telling, dropping []term
	for _, c := range conds {
		for _, n := range appendTerms(nil, c.node) {
			if r.in(c.scope).drops(n) {
				dropping = append(dropping, term{n, c.scope})
			} else {
				telling = append(telling, term{n, c.scope})
			}
		}
	}
	if len(telling) > 1 {
		cost := map[*pg_query.Node]int{}
		for _, t := range telling {
			if constant(t.node) && !r.b.shifts(t.node) {
				cost[t.node] = -1
			} else {
				cost[t.node] = r.in(t.scope).count(t.node)
			}
		}
		sort.SliceStable(telling, func(i, j int) bool { return cost[telling[i].node] < cost[telling[j].node] })
	}
	scope := r.scope
	for _, t := range telling {
		r.scope = t.scope
		at = r.expr(t.node, at)
	}
	next := at
	for _, t := range dropping {
		r.scope = t.scope
		next = max(next, r.expr(t.node, at))
	}
	r.scope = scope
	return next
}

// constant reports whether an expression reads no column and no table.
func constant(n *pg_query.Node) bool {
	is := true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		is = is && n.GetColumnRef() == nil && n.GetSubLink() == nil
		return is
	})
	return is
}

// appendTerms adds the conditions that home makes of one: the operands of AND at its top, of a negated OR, the two sides of
// BETWEEN.
func appendTerms(terms []*pg_query.Node, n *pg_query.Node) []*pg_query.Node {
	if n == nil {
		return terms
	}
	switch e := n.GetBoolExpr(); e.GetBoolop() {
	case pg_query.BoolExprType_AND_EXPR:
		for _, a := range e.Args {
			terms = appendTerms(terms, a)
		}
		return terms
	case pg_query.BoolExprType_NOT_EXPR:
		inner := e.Args[0].GetBoolExpr()
		switch inner.GetBoolop() {
		case pg_query.BoolExprType_NOT_EXPR:
			return appendTerms(terms, inner.Args[0])
		case pg_query.BoolExprType_OR_EXPR:
			for _, a := range inner.Args {
				not := &pg_query.BoolExpr{Boolop: pg_query.BoolExprType_NOT_EXPR, Args: []*pg_query.Node{a}}
				terms = appendTerms(terms, &pg_query.Node{Node: &pg_query.Node_BoolExpr{BoolExpr: not}})
			}
			return terms
		}
	}
	if e := n.GetAExpr(); e.GetKind() == pg_query.A_Expr_Kind_AEXPR_BETWEEN {
		for i, bound := range e.Rexpr.GetList().GetItems() {
			terms = append(terms, pg_query.MakeAExprNode(pg_query.A_Expr_Kind_AEXPR_OP,
				[]*pg_query.Node{pg_query.MakeStrNode([]string{">=", "<="}[i])}, e.Lexpr, bound, e.Location))
		}
		return terms
	}
	return append(terms, n)
}

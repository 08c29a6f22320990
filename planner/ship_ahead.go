package planner

import (
	"fmt"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Ahead is a statement that reads the distinct arguments of a function's calls before Home is run: those that Home will
// ask for, and no others.
type Ahead struct {
	Function *Function
	// Text has the parameters of Home; its columns are the arguments, in the model's types. Rows gives the same for each
	// row, so that arguments come as often as there are rows with them.
	Text, Rows string
	// sampled says that the rows are those of one table, so that few of them cost little; columns is the number of
	// arguments.
	sampled bool
	columns int
}

// Sample is the statement that reads the distinct arguments of so many rows, and behind them how many of these rows each
// has; ok is false where rows can only be had all together.
func (a *Ahead) Sample(rows int) (text string, ok bool) {
	if !a.sampled {
		return "", false
	}
	names := make([]string, a.columns)
	for i := range names {
		names[i] = fmt.Sprintf("a%d", i)
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf("SELECT %s, pg_catalog.count(*) FROM (%s LIMIT %d) AS pinnacle_sample(%s) GROUP BY %s", list, a.Rows, rows, list, list), true
}

// ahead finds the calls that are made for every row that the outermost FROM and WHERE give, and makes the statements that
// read their arguments. Home may still ask for others: it may evaluate a condition before a join, or before one that is
// dearer, and what DISTINCT takes for equal may not be the same for a model.
func (b *shipBuilder) ahead() {
	if u := b.req.Node.GetUpdateStmt(); u != nil {
		b.aheadOfUpdate(u)
		return
	}
	sel := b.req.Node.GetSelectStmt()
	if sel == nil || b.plan.Small || sel.Op != pg_query.SetOperation_SETOP_NONE || len(sel.ValuesLists) > 0 || len(sel.FromClause) == 0 ||
		into(sel) != nil || len(sel.LockingClause) > 0 || sel.LimitCount != nil || sel.LimitOffset != nil || writesIn(sel.WithClause) {
		return
	}
	shape, err := sqlparse.ShapeOf(b.req.Text, b.req.Span, sel)
	if err != nil || b.hasSite(shape.With) || b.hasSite(shape.From) || b.shiftingRows(sel) {
		return
	}
	always := map[*site]bool{}
	var cond []string
	filters := 0
	terms := flatten(sel.WhereClause)
	if len(terms) != len(shape.Terms) && sel.WhereClause != nil {
		return
	}
	for i, span := range shape.Terms {
		if !b.hasSite(span) {
			cond = append(cond, "("+span.Of(b.req.Text)+")")
			continue
		}
		filters++
		b.evaluated(terms[i], always)
	}
	if filters > 1 {
		return // each may spare the next
	}
	if filters == 0 {
		for _, list := range [][]*pg_query.Node{sel.TargetList, sel.GroupClause, sel.SortClause, sel.DistinctClause} {
			for _, n := range list {
				b.evaluated(n, always)
			}
		}
	}
	b.aheadOfAll(always, aheadFrom{with: shape.With.Of(b.req.Text), from: shape.From.Of(b.req.Text), cond: strings.Join(cond, " AND "),
		table: sel.WithClause == nil && len(sel.FromClause) == 1 && sel.FromClause[0].GetRangeVar() != nil})
}

// aheadFrom says which rows Ahead reads: the WITH clause, what stands behind FROM, and the condition, "" for none. table
// says that they are those of one table.
type aheadFrom struct {
	with, from, cond string
	table            bool
}

// shiftingRows reports whether a query may have other rows each time that it is run.
func (b *shipBuilder) shiftingRows(s *pg_query.SelectStmt) bool {
	for _, n := range s.FromClause {
		if b.shifts(n) {
			return true
		}
	}
	for _, n := range s.WithClause.GetCtes() {
		if b.shifts(n) {
			return true
		}
	}
	return b.shifts(s.WhereClause)
}

// aheadOfUpdate is ahead for an UPDATE of one table whose condition holds no call.
func (b *shipBuilder) aheadOfUpdate(u *pg_query.UpdateStmt) {
	toks := b.at.Tokens()
	update := b.find(0, pg_query.Token_UPDATE)
	set := b.find(update+1, pg_query.Token_SET)
	if b.shifts(u.WhereClause) || u.WithClause != nil || len(u.FromClause) > 0 || u.WhereClause.GetCurrentOfExpr() != nil || update < 0 || set < update+2 {
		return
	}
	end := len(toks)
	if returning := b.find(set, pg_query.Token_RETURNING); returning >= 0 {
		end = returning
	}
	cond := sqlparse.Span{}
	if where := b.find(set, pg_query.Token_WHERE); where >= 0 && where+1 < end {
		cond = sqlparse.Span{Start: toks[where+1].Span.Start, End: toks[end-1].Span.End}
	}
	if b.hasSite(cond) {
		return
	}
	always := map[*site]bool{}
	for _, n := range u.TargetList {
		b.evaluated(n, always)
	}
	table := sqlparse.Span{Start: toks[update+1].Span.Start, End: toks[set-1].Span.End}
	b.aheadOfAll(always, aheadFrom{from: table.Of(b.req.Text), cond: cond.Of(b.req.Text), table: true})
}

// aheadOfAll makes the statements of all functions that have one.
func (b *shipBuilder) aheadOfAll(always map[*site]bool, from aheadFrom) {
	covered := map[*Function]map[string]bool{}
	for _, s := range b.sites {
		if covered[s.fn] == nil {
			covered[s.fn] = map[string]bool{}
		}
		covered[s.fn][s.same] = covered[s.fn][s.same] || always[s]
	}
	for _, f := range b.plan.Functions {
		b.aheadOf(f, covered[f], always, from)
	}
}

// aheadOf makes the statement for a function, if all its calls have the same arguments and one of them is always made.
func (b *shipBuilder) aheadOf(f *Function, calls map[string]bool, always map[*site]bool, from aheadFrom) {
	if len(calls) != 1 || len(f.Model.Args) == 0 || !f.Model.Deterministic {
		return
	}
	for _, s := range b.sites {
		if s.fn != f || !always[s] || s.row != nil {
			continue
		}
		items := make([]string, len(s.args))
		for i, a := range s.args {
			if !b.ofRow(a.Node) || b.shifts(a.Node) || f.Model.Args[i].Type == udf.JSON { // which home cannot compare
				return
			}
			items[i] = fmt.Sprintf("(%s)::%s", a.Span.Of(b.req.Text), f.Model.Args[i].Type)
		}
		rest := strings.Join(items, ", ") + " FROM " + from.from
		if from.cond != "" {
			rest += " WHERE " + from.cond
		}
		b.plan.Ahead = append(b.plan.Ahead, &Ahead{Function: f, Text: from.with + " SELECT DISTINCT " + rest, Rows: from.with + " SELECT " + rest,
			sampled: from.table, columns: len(items)})
		return
	}
}

// ofRow reports whether an argument is computed of a row of FROM alone: without calls of models, aggregates, windows,
// subqueries and functions that give many rows.
func (b *shipBuilder) ofRow(n *pg_query.Node) bool {
	ok := true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		switch e := n.GetNode().(type) {
		case *pg_query.Node_SubLink, *pg_query.Node_GroupingFunc:
			ok = false
		case *pg_query.Node_FuncCall:
			_, special := b.kinds[functionName(e.FuncCall)]
			ok = ok && !special && e.FuncCall.Over == nil && b.byFn[e.FuncCall] == nil
		}
		return ok
	})
	return ok
}

// evaluated notes the calls in an expression that are made whenever it is evaluated.
func (b *shipBuilder) evaluated(n *pg_query.Node, always map[*site]bool) {
	switch e := n.GetNode().(type) {
	case *pg_query.Node_FuncCall:
		if s := b.byFn[e.FuncCall]; s != nil {
			always[s] = true
			return
		}
		if e.FuncCall.AggFilter != nil {
			b.evaluated(e.FuncCall.AggFilter, always) // the arguments only where it is true
			return
		}
		for _, a := range append(append([]*pg_query.Node(nil), e.FuncCall.Args...), e.FuncCall.AggOrder...) {
			b.evaluated(a, always)
		}
	case *pg_query.Node_AExpr:
		if e.AExpr.Kind == pg_query.A_Expr_Kind_AEXPR_OP {
			b.evaluated(e.AExpr.Lexpr, always)
			b.evaluated(e.AExpr.Rexpr, always)
		}
	case *pg_query.Node_CaseExpr: // its first condition
		b.evaluated(e.CaseExpr.Arg, always)
		b.evaluated(e.CaseExpr.Args[0].GetCaseWhen().Expr, always)
	case *pg_query.Node_CoalesceExpr:
		b.evaluated(e.CoalesceExpr.Args[0], always)
	case *pg_query.Node_TypeCast:
		b.evaluated(e.TypeCast.Arg, always)
	case *pg_query.Node_CollateClause:
		b.evaluated(e.CollateClause.Arg, always)
	case *pg_query.Node_ResTarget:
		b.evaluated(e.ResTarget.Val, always)
	case *pg_query.Node_SortBy:
		b.evaluated(e.SortBy.Node, always)
	case *pg_query.Node_NullTest:
		b.evaluated(e.NullTest.Arg, always)
	case *pg_query.Node_BooleanTest:
		b.evaluated(e.BooleanTest.Arg, always)
	}
}

// AllAhead reports whether Ahead has a statement for each function, so that Demand has nothing to add.
func (s *Ship) AllAhead() bool {
	have := map[*Function]bool{}
	for _, a := range s.Ahead {
		have[a.Function] = true
	}
	for _, f := range s.Functions {
		if !have[f] {
			return false
		}
	}
	return true
}

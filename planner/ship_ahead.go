package planner

import (
	"fmt"
	"slices"
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
	// arguments. Of several the arguments are those of calls with different texts.
	sampled, several bool
	columns          int
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

// ahead finds the calls that are made for every row that FROM and WHERE of the outermost query give, and makes the
// statements that read their arguments. Home may still ask for others: it may evaluate a condition before a join, or before
// one that is dearer, and what DISTINCT takes for equal may not be the same for a model.
func (b *shipBuilder) ahead() {
	if u := b.req.Node.GetUpdateStmt(); u != nil {
		b.aheadOfUpdate(u)
		return
	}
	sel, span := b.outermost()
	if sel == nil || sel.Op != pg_query.SetOperation_SETOP_NONE || len(sel.ValuesLists) > 0 || len(sel.FromClause) == 0 ||
		into(sel) != nil || len(sel.LockingClause) > 0 || writesIn(sel.WithClause) {
		return
	}
	limited := sel.LimitCount != nil || sel.LimitOffset != nil
	if b.plan.Small && !limited {
		return
	}
	shape, err := sqlparse.ShapeOf(b.req.Text, span, sel)
	if err != nil || b.shiftingRows(sel) {
		return
	}
	if b.hasSite(shape.With) || b.hasSite(shape.From) {
		if !limited {
			b.aheadOfDerived(sel, shape)
		}
		return
	}
	var cond []string
	filters := 0
	terms := flatten(sel.WhereClause)
	if len(terms) != len(shape.Terms) && sel.WhereClause != nil {
		return
	}
	asks := asking{}
	for i, term := range shape.Terms {
		if !b.hasSite(term) {
			cond = append(cond, "("+term.Of(b.req.Text)+")")
			continue
		}
		filters++
		b.evaluated(terms[i], "", true, asks)
	}
	switch {
	case filters > 1 || limited && filters > 0:
		return // each may spare the next
	case filters > 0:
	case limited:
		b.sorting(sel, asks)
	default:
		b.evaluatedLists(sel, asks)
	}
	b.aheadOfAll(asks, aheadFrom{with: shape.With.Of(b.req.Text), from: shape.From.Of(b.req.Text), cond: strings.Join(cond, " AND "),
		table: b.req.Node.GetDeclareCursorStmt() == nil && sel.WithClause == nil && len(sel.FromClause) == 1 && sel.FromClause[0].GetRangeVar() != nil})
	b.plan.Whole = filters == 0 && asks.whole() && !b.rowOfNothing(sel)
	b.joint(sel, shape)
}

// evaluatedLists notes the calls that are made for rows that FROM and WHERE of a query without LIMIT give. Those of groups that
// HAVING may leave out are not among them, but those that are aggregated are.
func (b *shipBuilder) evaluatedLists(sel *pg_query.SelectStmt, asks asking) {
	b.evaluatedAll(sel.GroupClause, "", asks)
	for _, list := range [][]*pg_query.Node{sel.TargetList, sel.SortClause, sel.DistinctClause} {
		for _, n := range list {
			switch {
			case b.tied[n]:
			case sel.HavingClause == nil:
				b.evaluated(n, "", false, asks)
			default:
				b.evaluatedAll(b.aggregated(n), "", asks)
			}
		}
	}
}

// rowOfNothing reports whether a query gives a row, and evaluates its select list, where FROM gives none.
func (b *shipBuilder) rowOfNothing(sel *pg_query.SelectStmt) bool {
	if len(sel.GroupClause) > 0 {
		return slices.ContainsFunc(sel.GroupClause, func(n *pg_query.Node) bool { return n.GetGroupingSet() != nil })
	}
	aggregates := func(n *pg_query.Node) bool { return len(b.aggregated(n)) > 0 }
	return sel.HavingClause != nil || slices.ContainsFunc(sel.TargetList, aggregates) || slices.ContainsFunc(sel.SortClause, aggregates)
}

// aggregated are the outermost aggregates in an expression, outside subqueries.
func (b *shipBuilder) aggregated(n *pg_query.Node) []*pg_query.Node {
	var out []*pg_query.Node
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		f := n.GetFuncCall()
		switch {
		case n.GetSubLink() != nil, f != nil && f.Over != nil:
			return false
		case f != nil && aggregate(f, b.kinds):
			out = append(out, n)
			return false
		}
		return true
	})
	return out
}

// outermost is the query whose rows a statement gives or writes, and where it stands; nil where there is none, or where
// calls stand elsewhere in the statement too.
func (b *shipBuilder) outermost() (*pg_query.SelectStmt, sqlparse.Span) {
	var span sqlparse.Span
	toks := b.at.Tokens()
	sel := source(b.req.Node)
	switch s := b.req.Node.GetNode().(type) {
	case *pg_query.Node_SelectStmt:
		return sel, b.req.Span
	case *pg_query.Node_CopyStmt:
		sel, span = s.CopyStmt.Query.GetSelectStmt(), b.copied()
	case *pg_query.Node_DeclareCursorStmt:
		if i := b.find(0, pg_query.Token_FOR); i >= 0 {
			span = b.span(i+1, len(toks))
		}
	case *pg_query.Node_CreateTableAsStmt:
		if i := b.find(0, pg_query.Token_AS); i >= 0 && !s.CreateTableAsStmt.Into.GetSkipData() && s.CreateTableAsStmt.Objtype == pg_query.ObjectType_OBJECT_TABLE {
			span = b.span(i+1, withoutData(toks))
		}
	case *pg_query.Node_InsertStmt:
		i := b.find(0, pg_query.Token_INSERT)
		if start := b.sourceStart(i); i >= 0 && start >= 0 && s.InsertStmt.WithClause == nil {
			span = b.span(start, b.sourceEnd(start, s.InsertStmt))
		}
	}
	for _, s := range b.sites {
		if s.call.Span.Start < span.Start || s.call.Span.End > span.End {
			return nil, span
		}
	}
	return sel, span
}

// withoutData is the index behind the last token of the query of CREATE TABLE … AS query [WITH DATA].
func withoutData(toks []sqlparse.Token) int {
	if n := len(toks) - 2; n > 0 && toks[n].Kind == pg_query.Token_WITH && toks[n+1].Kind == pg_query.Token_DATA_P {
		return n
	}
	return len(toks)
}

// sorting notes the calls in the first key by which the rows of a query are sorted before LIMIT cuts them: they are made for
// all of its rows, since nothing can have these in that order already.
func (b *shipBuilder) sorting(s *pg_query.SelectStmt, asks asking) {
	if len(s.DistinctClause) > 0 || len(s.GroupClause) > 0 || s.HavingClause != nil || len(s.SortClause) == 0 || s.LimitCount.GetAConst().GetIval().GetIval() == 0 {
		return
	}
	key := s.SortClause[0].GetSortBy().GetNode()
	for i, t := range s.TargetList {
		if means(key, i+1, columnName(t.GetResTarget())) {
			b.evaluated(t, "", false, asks)
		}
	}
	b.evaluated(key, "", false, asks)
}

// aheadFrom says which rows Ahead reads: the WITH clause, what stands behind FROM, and the condition, "" for none. table
// says that they are those of one table.
type aheadFrom struct {
	with, from, cond string
	table            bool
	// outer is nil but for the rows of a subquery under conditions of the query around it.
	outer *aheadOuter
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
	asks := asking{}
	b.evaluatedAll(u.TargetList, "", asks)
	table := sqlparse.Span{Start: toks[update+1].Span.Start, End: toks[set-1].Span.End}
	b.aheadOfAll(asks, aheadFrom{from: table.Of(b.req.Text), cond: cond.Of(b.req.Text), table: true})
}

// aheadOfAll makes the statements of all functions that have one.
func (b *shipBuilder) aheadOfAll(asks asking, from aheadFrom) {
	for _, f := range b.plan.Functions {
		b.aheadOf(f, asks, from)
	}
}

// aheadOf makes the statement for a function, if it is known of all its calls for which rows they are made.
func (b *shipBuilder) aheadOf(f *Function, asks asking, from aheadFrom) {
	if len(f.Model.Args) == 0 || !f.Model.Deterministic {
		return
	}
	calls := map[string]*site{}
	conds := map[string][]rowCondition{}
	var order []string // of calls with equal texts, one
	for _, s := range b.sites {
		if s.fn != f {
			continue
		}
		if calls[s.same] == nil {
			calls[s.same], order = s, append(order, s.same)
		}
		conds[s.same] = append(conds[s.same], asks[s]...)
	}
	var queries []string
	for _, same := range order {
		items, ok := b.itemsOf(calls[same])
		if !ok || len(conds[same]) == 0 {
			return
		}
		for _, c := range grouped(conds[same]) {
			queries = append(queries, from.query(items, c))
		}
	}
	a := &Ahead{Function: f, sampled: from.table && len(queries) == 1, several: len(order) > 1, columns: len(f.Model.Args)}
	a.Text, a.Rows = from.with+" SELECT DISTINCT "+queries[0], from.with+" SELECT "+queries[0]
	if len(queries) > 1 {
		all := "SELECT " + strings.Join(queries, " UNION ALL SELECT ")
		a.Text, a.Rows = from.with+" SELECT DISTINCT * FROM ("+all+") AS pinnacle_asked", from.with+" "+all
	}
	b.plan.Ahead = append(b.plan.Ahead, a)
}

// grouped joins the conditions that have outer ones in common; one that always holds stands for all.
func grouped(conds []rowCondition) []rowCondition {
	byOuter := map[string][]rowCondition{}
	var order []string
	for _, c := range conds {
		if c == (rowCondition{}) {
			return []rowCondition{c}
		}
		if byOuter[c.outer] == nil {
			order = append(order, c.outer)
		}
		byOuter[c.outer] = append(byOuter[c.outer], c)
	}
	out := make([]rowCondition, len(order))
	for i, outer := range order {
		out[i] = eitherOf(byOuter[outer])
	}
	return out
}

// where is the WHERE clause of two conditions, "" for none.
func where(cond, when string) string {
	switch {
	case cond == "" && when == "":
		return ""
	case cond == "":
		return " WHERE " + when
	case when == "":
		return " WHERE " + cond
	}
	return " WHERE " + cond + " AND (" + when + ")"
}

// itemsOf are the arguments of a call as columns of the model's types; ok is false where they are not of a row alone.
func (b *shipBuilder) itemsOf(s *site) (items []string, ok bool) {
	if s.row != nil {
		return nil, false
	}
	items = make([]string, len(s.args))
	for i, a := range s.args {
		typ := s.model.Args[i].Type
		if !b.ofRow(a.Node) || b.shifts(a.Node) || typ == udf.JSON { // which home cannot compare
			return nil, false
		}
		items[i] = fmt.Sprintf("(%s)::%s", a.Span.Of(b.req.Text), typ)
		if typ == udf.Text { // what a collation takes for equal may not be the same for a model
			items[i] += ` COLLATE pg_catalog."C"`
		}
	}
	return items, true
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

// Exactly reports whether Ahead reads all that Home asks for: each row of the statement asks for its arguments, and those that
// home takes for equal are the same for models.
func (s *Ship) Exactly() bool {
	for _, f := range s.Functions {
		for _, a := range f.Model.Args {
			switch a.Type {
			case udf.Bool, udf.Int2, udf.Int4, udf.Int8, udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz, udf.UUID, udf.Text, udf.Bytea:
			default:
				return false
			}
		}
	}
	return s.Whole && s.AllAhead()
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

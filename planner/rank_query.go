package planner

import (
	"maps"
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// statement looks at a whole statement, or one in WITH.
func (r *ranker) statement(n *pg_query.Node, at int) int {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_SelectStmt:
		return r.query(s.SelectStmt, at)
	case *pg_query.Node_InsertStmt:
		return r.insert(s.InsertStmt, at)
	case *pg_query.Node_UpdateStmt:
		defer r.enter()()
		u := s.UpdateStmt
		at = r.with(u.WithClause, at)
		at = r.where(u.FromClause, at, u.WhereClause)
		return r.parallel(u.ReturningList, r.parallel(u.TargetList, at))
	case *pg_query.Node_DeleteStmt:
		defer r.enter()()
		d := s.DeleteStmt
		at = r.with(d.WithClause, at)
		return r.parallel(d.ReturningList, r.where(d.UsingClause, at, d.WhereClause))
	case *pg_query.Node_MergeStmt:
		return r.merge(s.MergeStmt, at)
	case *pg_query.Node_CopyStmt:
		return r.statement(s.CopyStmt.Query, at)
	case *pg_query.Node_DeclareCursorStmt:
		return r.statement(s.DeclareCursorStmt.Query, at)
	case *pg_query.Node_CreateTableAsStmt:
		return r.statement(s.CreateTableAsStmt.Query, at)
	}
	return r.expr(n, at)
}

// enter begins a query of its own; what it gives is to be called at its end.
func (r *ranker) enter() func() {
	was := *r
	r.scope, r.cond, r.key = newScope(was.scope), 0, false
	return func() {
		r.scope, r.cond, r.key, r.ctes, r.after = was.scope, was.cond, was.key, was.ctes, was.after
		r.lazy, r.early = was.lazy, was.early
	}
}

// with looks at common table expressions. Those that do not read each other are evaluated each for itself; one that home
// puts in place of its only reference is looked at there.
func (r *ranker) with(w *pg_query.WithClause, at int) int {
	if w == nil {
		return at
	}
	ctes, after := map[string]*pg_query.CommonTableExpr{}, map[string]int{}
	maps.Copy(ctes, r.ctes)
	maps.Copy(after, r.after)
	r.ctes, r.after = ctes, after
	next := at
	for _, n := range w.Ctes {
		cte := n.GetCommonTableExpr()
		delete(r.ctes, cte.Ctename)
		delete(r.after, cte.Ctename)
		if !w.Recursive && cte.Ctequery.GetSelectStmt() != nil && r.moves(cte) {
			r.ctes[cte.Ctename] = cte
			continue
		}
		begin := at
		sqlparse.Walk(cte.Ctequery, func(n *pg_query.Node) bool {
			if t := n.GetRangeVar(); t != nil && t.Schemaname == "" {
				begin = max(begin, r.after[t.Relname])
			}
			return true
		})
		end := r.statement(cte.Ctequery, begin)
		r.after[cte.Ctename] = end
		next = max(next, end)
	}
	return next
}

// moves reports whether home evaluates a common table expression where it is referred to.
func (r *ranker) moves(cte *pg_query.CommonTableExpr) bool {
	if r.b.shifts(cte.Ctequery) {
		return false
	}
	switch cte.Ctematerialized {
	case pg_query.CTEMaterialize_CTEMaterializeAlways:
		return false
	case pg_query.CTEMaterialize_CTEMaterializeNever:
		return true
	}
	references := 0
	sqlparse.Walk(r.b.req.Node, func(n *pg_query.Node) bool {
		if t := n.GetRangeVar(); t != nil && t.Schemaname == "" && t.Relname == cte.Ctename {
			references++
		}
		return true
	})
	return references == 1
}

// where looks at FROM and WHERE. The conditions of inner joins are as those of WHERE; those of outer joins decide which
// rows there are.
func (r *ranker) where(from []*pg_query.Node, at int, where ...*pg_query.Node) int {
	var constants, own, conds []term
	for _, n := range where {
		for _, t := range appendTerms(nil, n) {
			if constant(t) && !r.b.shifts(t) { // before anything is read
				constants = append(constants, term{t, r.scope})
			} else {
				own = append(own, term{t, r.scope})
			}
		}
	}
	at = r.conditions(constants, at)
	at = r.items(from, at, &conds, false)
	return r.conditions(append(conds, own...), at)
}

// items looks at tables that are read beside each other. nullable says that an outer join may give NULL in place of their
// rows: their columns are evaluated before it then.
func (r *ranker) items(from []*pg_query.Node, at int, conds *[]term, nullable bool) int {
	next := at
	for _, n := range from {
		begin := at
		if lateral(n) {
			begin = next
		}
		next = max(next, r.from(n, begin, conds, nullable))
		if !r.quiet(n) { // whether it has rows decides whether the next ones are read
			at = next
		}
	}
	return next
}

// lateral reports whether an item of FROM may read the ones before it.
func lateral(n *pg_query.Node) bool {
	switch f := n.GetNode().(type) {
	case *pg_query.Node_RangeVar:
		return false
	case *pg_query.Node_RangeSubselect:
		return f.RangeSubselect.Lateral
	}
	found := false
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		found = found || n.GetColumnRef() != nil
		return !found
	})
	return found
}

// quiet reports whether no call in an item of FROM decides how many rows it has.
func (r *ranker) quiet(n *pg_query.Node) bool {
	switch f := n.GetNode().(type) {
	case *pg_query.Node_RangeVar:
		return r.ctes[f.RangeVar.Relname] == nil
	case *pg_query.Node_RangeFunction:
		return true
	case *pg_query.Node_RangeSubselect:
		s := f.RangeSubselect.Subquery.GetSelectStmt()
		if s.GetOp() != pg_query.SetOperation_SETOP_NONE || s.LimitCount != nil || s.LimitOffset != nil || s.WithClause != nil {
			break
		}
		for _, n := range s.FromClause {
			if !r.quiet(n) {
				return false
			}
		}
		return r.b.count(s.WhereClause) == 0 && r.b.count(s.HavingClause) == 0
	}
	return r.b.count(n) == 0
}

// from looks at an item of FROM, and adds to conds the conditions of inner joins and those of subqueries that home makes
// a part of the query.
func (r *ranker) from(n *pg_query.Node, at int, conds *[]term, nullable bool) int {
	switch f := n.GetNode().(type) {
	case *pg_query.Node_JoinExpr:
		return r.join(f.JoinExpr, at, conds, nullable)
	case *pg_query.Node_RangeSubselect:
		return r.subselect(f.RangeSubselect.Subquery, f.RangeSubselect.Alias, at, conds, nullable)
	case *pg_query.Node_RangeVar:
		t := f.RangeVar
		cte := r.ctes[t.Relname]
		if cte == nil || t.Schemaname != "" {
			r.scope.add(tableName(t), nil)
			return max(at, r.after[t.Relname])
		}
		alias := &pg_query.Alias{Aliasname: tableName(t), Colnames: t.GetAlias().GetColnames()}
		if len(alias.Colnames) == 0 {
			alias.Colnames = cte.Aliascolnames
		}
		return r.subselect(cte.Ctequery, alias, at, conds, nullable)
	case *pg_query.Node_RangeFunction:
		r.scope.add(f.RangeFunction.GetAlias().GetAliasname(), nil)
	}
	return r.parallel(sqlparse.Children(n), at)
}

// join looks at JOIN.
func (r *ranker) join(j *pg_query.JoinExpr, at int, conds *[]term, nullable bool) int {
	own := conds
	if j.Jointype != pg_query.JoinType_JOIN_INNER {
		own = &[]term{} // of joins below the outer one
	}
	left := nullable || j.Jointype == pg_query.JoinType_JOIN_RIGHT || j.Jointype == pg_query.JoinType_JOIN_FULL
	right := nullable || j.Jointype == pg_query.JoinType_JOIN_LEFT || j.Jointype == pg_query.JoinType_JOIN_FULL
	next := r.from(j.Larg, at, own, left)
	if lateral(j.Rarg) || !r.quiet(j.Larg) {
		at = next
	}
	at = max(next, r.from(j.Rarg, at, own, right))
	quals := j.Quals
	switch {
	case j.IsNatural:
		quals = columnNode(&pg_query.Node{Node: &pg_query.Node_AStar{AStar: &pg_query.A_Star{}}})
	case len(j.UsingClause) > 0:
		list := make([]*pg_query.Node, len(j.UsingClause))
		for i, name := range j.UsingClause {
			list[i] = columnNode(name)
		}
		quals = &pg_query.Node{Node: &pg_query.Node_List{List: &pg_query.List{Items: list}}}
	}
	if j.Alias != nil {
		r.scope.add(j.Alias.Aliasname, r.scope.joined())
	}
	on := term{quals, r.scope}
	if j.Jointype == pg_query.JoinType_JOIN_INNER {
		if quals != nil {
			*conds = append(*conds, on)
		}
		return at
	}
	at = r.conditions(*own, at)
	if quals != nil {
		at = r.conditions([]term{on}, at)
	}
	return at
}

// columnNode is a reference to a column, or a star.
func columnNode(name *pg_query.Node) *pg_query.Node {
	return &pg_query.Node{Node: &pg_query.Node_ColumnRef{ColumnRef: &pg_query.ColumnRef{Fields: []*pg_query.Node{name}}}}
}

// subselect looks at a subquery in FROM.
func (r *ranker) subselect(n *pg_query.Node, alias *pg_query.Alias, at int, conds *[]term, nullable bool) int {
	s := n.GetSelectStmt()
	if nullable || !r.simple(s) {
		r.scope.add(alias.GetAliasname(), nil)
		return r.expr(n, at)
	}
	outer := r.scope
	r.scope = newScope(outer)
	at = r.items(s.FromClause, at, conds, false)
	if s.WhereClause != nil {
		*conds = append(*conds, term{s.WhereClause, r.scope})
	}
	in := newInlined(s, alias, r.scope)
	r.scope = outer
	outer.add(alias.GetAliasname(), in)
	return at
}

// simple reports whether home makes a subquery in FROM a part of the query around it, as is_simple_subquery in its
// prepjointree.c says.
func (r *ranker) simple(s *pg_query.SelectStmt) bool {
	if s.GetOp() != pg_query.SetOperation_SETOP_NONE || len(s.ValuesLists) > 0 || s.WithClause != nil || len(s.GroupClause) > 0 ||
		s.HavingClause != nil || len(s.DistinctClause) > 0 || len(s.SortClause) > 0 || s.LimitCount != nil || s.LimitOffset != nil ||
		len(s.LockingClause) > 0 {
		return false
	}
	plain := true
	for _, n := range s.TargetList {
		if r.b.shifts(n) {
			return false
		}
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			f := n.GetFuncCall()
			if n.GetSubLink() != nil || !plain {
				return false
			}
			plain = f == nil || r.b.byFn[f] != nil || f.Over == nil && !aggregate(f, r.b.kinds) && r.b.kinds[functionName(f)] == 0
			return true
		})
	}
	return plain
}

// query looks at a SELECT, VALUES or set operation.
func (r *ranker) query(s *pg_query.SelectStmt, at int) int {
	defer r.enter()()
	at = max(r.expr(s.LimitOffset, at), r.expr(s.LimitCount, at))
	r.lazy = r.lazy || s.LimitCount != nil
	r.early = (r.early || s.LimitCount != nil) && !r.readsAll(s)
	at = r.with(s.WithClause, at)
	switch {
	case s.Op != pg_query.SetOperation_SETOP_NONE:
		left := r.query(s.Larg, at)
		if r.lazy { // the rows of the first decide whether the second is read
			at = left
		}
		at = max(left, r.query(s.Rarg, at))
		at = r.parallel(s.SortClause, at)
	case len(s.ValuesLists) > 0:
		at = r.parallel(s.ValuesLists, at)
	default:
		early, late := r.having(s)
		at = r.selected(s, late, r.where(s.FromClause, at, append(early, s.WhereClause)...))
	}
	return at
}

// readsAll reports whether a query is sure to read all rows of its tables before it gives one: an aggregate over all of
// them, an order or groups that no index can give.
func (r *ranker) readsAll(s *pg_query.SelectStmt) bool {
	if s.Op != pg_query.SetOperation_SETOP_NONE {
		return false
	}
	groups := r.resolve(s, groupKeys(s.GroupClause))
	if len(groups) == 0 {
		if aggregates, _ := r.aggregates(append(slices.Clone(s.TargetList), s.HavingClause)); len(aggregates) > 0 {
			return true
		}
	}
	sorts := sortKeys(s)
	if len(sorts) > 0 {
		sorts = r.resolve(s, sorts[:1])
	}
	return slices.ContainsFunc(slices.Concat(groups, sorts), func(n *pg_query.Node) bool { return r.b.count(n) > 0 })
}

// selected looks at what follows WHERE, in the order of evaluation.
func (r *ranker) selected(s *pg_query.SelectStmt, having []*pg_query.Node, at int) int {
	groups := r.resolve(s, groupKeys(s.GroupClause))
	sorts := r.resolve(s, sortKeys(s))
	on := r.resolve(s, distinctKeys(s))
	exprs := slices.Concat(s.TargetList, sorts, on, s.WindowClause, having)
	aggregates, windows := r.aggregates(exprs)
	next := max(r.keys(groups, at), r.parallel(aggregates, at))
	r.skip(aggregates)
	conds := make([]term, len(having))
	for i, n := range having {
		conds[i] = term{n, r.scope}
	}
	at = r.conditions(conds, next)
	next = r.parallel(windows, at)
	for _, w := range s.WindowClause {
		next = max(next, r.window(w.GetWindowDef(), at))
	}
	r.skip(windows)
	at = next
	if len(on) > 0 || r.lazy && len(s.DistinctClause) == 0 { // the first rows of an order are all that is read
		at = max(r.keys(on, at), r.keys(sorts, at))
		return r.parallel(s.TargetList, at)
	}
	return max(r.keys(sorts, at), r.parallel(s.TargetList, at))
}

// having gives the terms of HAVING that home evaluates as terms of WHERE, those without aggregates and subqueries, and the
// others.
func (r *ranker) having(s *pg_query.SelectStmt) (early, late []*pg_query.Node) {
	sets := slices.ContainsFunc(s.GroupClause, func(n *pg_query.Node) bool { return n.GetGroupingSet() != nil })
	for _, t := range appendTerms(nil, s.HavingClause) {
		subquery := false
		sqlparse.Walk(t, func(n *pg_query.Node) bool {
			subquery = subquery || n.GetSubLink() != nil
			return !subquery
		})
		if aggregates, _ := r.aggregates([]*pg_query.Node{t}); sets || subquery || len(aggregates) > 0 || r.b.shifts(t) {
			late = append(late, t)
		} else {
			early = append(early, t)
		}
	}
	return early, late
}

// skip leaves expressions out where they stand again.
func (r *ranker) skip(nodes []*pg_query.Node) {
	for _, n := range nodes {
		r.done[n] = true
	}
}

// distinctKeys are the expressions of DISTINCT ON.
func distinctKeys(s *pg_query.SelectStmt) []*pg_query.Node {
	var keys []*pg_query.Node
	for _, n := range s.DistinctClause {
		if n.GetNode() != nil { // DISTINCT without ON is one empty node
			keys = append(keys, n)
		}
	}
	return keys
}

// resolve puts the select list's expressions in place of keys that are their number or their name. A name may be a
// column's too: then an expression is looked at earlier than need be.
func (r *ranker) resolve(s *pg_query.SelectStmt, keys []*pg_query.Node) []*pg_query.Node {
	out := make([]*pg_query.Node, 0, len(keys))
	for _, k := range keys {
		out = append(out, k)
		for i, n := range s.TargetList {
			if t := n.GetResTarget(); means(k, i+1, columnName(t)) {
				out = append(out, t.Val)
			}
		}
	}
	return out
}

// means reports whether a key of GROUP BY, ORDER BY or DISTINCT ON stands for a column of the select list.
func means(key *pg_query.Node, number int, name string) bool {
	if f := key.GetColumnRef().GetFields(); len(f) == 1 {
		return f[0].GetString_().GetSval() == name
	}
	i := key.GetAConst().GetIval()
	return i != nil && int(i.Ival) == number
}

// columnName is the name of a column of a select list.
func columnName(t *pg_query.ResTarget) string {
	if t.Name != "" {
		return t.Name
	}
	return sqlparse.FigureColumnName(t.Val)
}

// aggregates gives the outermost aggregate and window functions of expressions, outside subqueries.
func (r *ranker) aggregates(nodes []*pg_query.Node) (aggregates, windows []*pg_query.Node) {
	for _, n := range nodes {
		if n == nil || n.GetNode() == nil {
			continue
		}
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			f := n.GetFuncCall()
			switch {
			case n.GetSubLink() != nil:
				return false
			case f == nil || r.b.byFn[f] != nil:
				return true
			case f.Over != nil:
				windows = append(windows, n)
				return true // an aggregate may stand in it
			case aggregate(f, r.b.kinds):
				aggregates = append(aggregates, n)
				return false
			}
			return true
		})
	}
	return aggregates, windows
}

// aggregate tells aggregate functions.
func aggregate(f *pg_query.FuncCall, kinds map[string]sqlparse.FunctionKind) bool {
	return f.AggStar || f.AggFilter != nil || f.AggDistinct || f.AggWithinGroup || len(f.AggOrder) > 0 ||
		kinds[functionName(f)] == sqlparse.AggregateFunction
}

// insert looks at an INSERT.
func (r *ranker) insert(s *pg_query.InsertStmt, at int) int {
	defer r.enter()()
	at = r.with(s.WithClause, at)
	if s.SelectStmt != nil {
		at = r.expr(s.SelectStmt, at)
	}
	if c := s.OnConflictClause; c != nil {
		at = r.conditions([]term{{c.WhereClause, r.scope}}, at)
		at = r.parallel(c.TargetList, at)
	}
	return r.parallel(s.ReturningList, at)
}

// merge looks at a MERGE: the conditions of WHEN are tried in their order.
func (r *ranker) merge(s *pg_query.MergeStmt, at int) int {
	defer r.enter()()
	at = r.with(s.WithClause, at)
	at = r.where([]*pg_query.Node{s.SourceRelation}, at)
	at = r.expr(s.JoinCondition, at)
	next := at
	for _, n := range s.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		if sqlparse.IsReturning(w) {
			return r.parallel(w.TargetList, next)
		}
		at = r.expr(w.Condition, at)
		next = max(next, at, r.parallel(w.TargetList, at), r.parallel(w.Values, at))
	}
	return next
}

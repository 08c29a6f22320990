package planner

import (
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
		at = r.where(u.FromClause, u.WhereClause, at)
		return r.parallel(u.ReturningList, r.parallel(u.TargetList, at))
	case *pg_query.Node_DeleteStmt:
		defer r.enter()()
		d := s.DeleteStmt
		at = r.with(d.WithClause, at)
		return r.parallel(d.ReturningList, r.where(d.UsingClause, d.WhereClause, at))
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
	level, lazy := r.level, r.lazy
	after := make(map[string]int, len(r.after))
	for name, at := range r.after {
		after[name] = at
	}
	outer := r.after
	r.level, r.after = map[string]*site{}, after
	return func() { r.level, r.lazy, r.after = level, lazy, outer }
}

// with looks at common table expressions. Those that do not read each other are evaluated each for itself.
func (r *ranker) with(w *pg_query.WithClause, at int) int {
	next := at
	for _, n := range w.GetCtes() {
		cte := n.GetCommonTableExpr()
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

// where looks at FROM and WHERE. The conditions of inner joins are as those of WHERE; those of outer joins decide which
// rows there are.
func (r *ranker) where(from []*pg_query.Node, cond *pg_query.Node, at int) int {
	var conds []*pg_query.Node
	for _, n := range from {
		at = r.from(n, at, &conds)
	}
	if cond != nil {
		conds = append(conds, cond)
	}
	return r.conditions(conds, at)
}

// from looks at an item of FROM, and adds the conditions of inner joins to conds.
func (r *ranker) from(n *pg_query.Node, at int, conds *[]*pg_query.Node) int {
	switch f := n.GetNode().(type) {
	case *pg_query.Node_JoinExpr:
		j := f.JoinExpr
		if j.Jointype == pg_query.JoinType_JOIN_INNER {
			at = r.from(j.Rarg, r.from(j.Larg, at, conds), conds)
			if j.Quals != nil {
				*conds = append(*conds, j.Quals)
			}
			return at
		}
		var inner []*pg_query.Node // of joins below the outer one
		at = r.from(j.Rarg, r.from(j.Larg, at, &inner), &inner)
		return r.conditions([]*pg_query.Node{j.Quals}, r.conditions(inner, at))
	case *pg_query.Node_RangeSubselect:
		return r.expr(f.RangeSubselect.Subquery, at)
	case *pg_query.Node_RangeVar:
		return at
	}
	return r.sequence(sqlparse.Children(n), at)
}

// query looks at a SELECT, VALUES or set operation.
func (r *ranker) query(s *pg_query.SelectStmt, at int) int {
	defer r.enter()()
	before := r.seen
	at = max(r.expr(s.LimitOffset, at), r.expr(s.LimitCount, at))
	counted := r.seen
	r.lazy = r.lazy || s.LimitCount != nil
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
		at = r.selected(s, r.where(s.FromClause, s.WhereClause, at))
	}
	if s.LimitCount != nil && r.seen > counted || s.LimitCount != nil && counted > before {
		r.small = true
	}
	return at
}

// selected looks at what follows WHERE, in the order of evaluation.
func (r *ranker) selected(s *pg_query.SelectStmt, at int) int {
	keys := r.resolve(s, groupKeys(s.GroupClause))
	sorts := r.resolve(s, sortKeys(s))
	all := append(append([]*pg_query.Node(nil), s.TargetList...), sorts...)
	all = append(all, s.HavingClause)
	aggregates, windows := r.aggregates(append(append(all, s.WindowClause...), s.DistinctClause...))
	at = max(r.parallel(keys, at), r.parallel(aggregates, at))
	at = r.conditions([]*pg_query.Node{s.HavingClause}, at)
	next := r.parallel(windows, at)
	for _, w := range s.WindowClause {
		next = max(next, r.window(w.GetWindowDef(), at))
	}
	at = next
	if on := r.resolve(s, distinctKeys(s)); len(on) > 0 || r.lazy { // the first rows of an order are all that is read
		at = r.parallel(sorts, r.parallel(on, at))
		return r.parallel(s.TargetList, at)
	}
	return max(r.parallel(sorts, at), r.parallel(s.TargetList, at))
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
		number := int(k.GetAConst().GetIval().GetIval())
		name := ""
		if f := k.GetColumnRef().GetFields(); len(f) == 1 {
			name = f[0].GetString_().GetSval()
		}
		for i, t := range s.TargetList {
			if t := t.GetResTarget(); number == i+1 || name != "" && (name == t.Name || t.Name == "" && name == sqlparse.FigureColumnName(t.Val)) {
				out = append(out, t.Val)
			}
		}
	}
	return out
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
			case f.AggStar || f.AggFilter != nil || f.AggDistinct || f.AggWithinGroup || len(f.AggOrder) > 0 ||
				r.b.kinds[functionName(f)] == sqlparse.AggregateFunction:
				aggregates = append(aggregates, n)
				return false
			}
			return true
		})
	}
	return aggregates, windows
}

// insert looks at an INSERT.
func (r *ranker) insert(s *pg_query.InsertStmt, at int) int {
	defer r.enter()()
	at = r.with(s.WithClause, at)
	if s.SelectStmt != nil {
		at = r.expr(s.SelectStmt, at)
	}
	if c := s.OnConflictClause; c != nil {
		at = r.conditions([]*pg_query.Node{c.WhereClause}, at)
		at = r.parallel(c.TargetList, at)
	}
	return r.parallel(s.ReturningList, at)
}

// merge looks at a MERGE: the conditions of WHEN are tried in their order.
func (r *ranker) merge(s *pg_query.MergeStmt, at int) int {
	defer r.enter()()
	at = r.with(s.WithClause, at)
	at = r.where([]*pg_query.Node{s.SourceRelation}, nil, at)
	at = r.expr(s.JoinCondition, at)
	next := at
	for _, n := range s.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		at = r.expr(w.Condition, at)
		next = max(next, at, r.parallel(w.TargetList, at), r.parallel(w.Values, at))
	}
	return next
}

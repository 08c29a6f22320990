package planner

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// needless changes a query so that home does not ask for answers that have no influence on the result: an order of rows that
// are only counted, and the rows of a materialized common table expression that nobody reads.
func (b *shipBuilder) needless(s *pg_query.SelectStmt) {
	if s == nil || s.Op != pg_query.SetOperation_SETOP_NONE || len(s.FromClause) != 1 {
		return
	}
	if sub := s.FromClause[0].GetRangeSubselect().GetSubquery().GetSelectStmt(); sub != nil && b.onlyCounts(s) {
		b.leaveOrder(sub)
	}
	if ctes := s.WithClause.GetCtes(); len(ctes) == 1 && !s.WithClause.Recursive {
		b.openMaterialized(s, ctes[0].GetCommonTableExpr())
	}
}

// onlyCounts reports whether a query gives one row of aggregates for which the order of its rows does not matter.
func (b *shipBuilder) onlyCounts(s *pg_query.SelectStmt) bool {
	if len(s.TargetList) == 0 || len(s.GroupClause) > 0 || s.HavingClause != nil || len(s.WindowClause) > 0 || len(s.DistinctClause) > 0 || len(s.LockingClause) > 0 {
		return false
	}
	for _, t := range s.TargetList {
		if !b.plainAggregate(t.GetResTarget().GetVal()) {
			return false
		}
	}
	return true
}

// leaveOrder takes ORDER BY, the last clause of a subquery, out of its text.
func (b *shipBuilder) leaveOrder(s *pg_query.SelectStmt) {
	if s.Op != pg_query.SetOperation_SETOP_NONE || len(s.SortClause) == 0 || len(s.DistinctClause) > 0 || len(s.LockingClause) > 0 || s.LimitCount != nil || s.LimitOffset != nil {
		return
	}
	calls := 0
	for _, key := range sortKeys(s) {
		if calls += b.count(key); !b.plainKey(key) {
			return
		}
	}
	span := b.at.Clause(pg_query.Token_BY, s.SortClause[0].GetSortBy().Node)
	if calls == 0 || span.Start >= span.End {
		return
	}
	toks := b.at.Tokens()
	order := b.at.After(span.Start) - 2 // before BY
	for i := order; i >= 0 && i < len(toks); i++ {
		switch toks[i].Kind {
		case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
			if i = b.at.Closing(i); i < 0 {
				return
			}
		case pg_query.Token_ASCII_41:
			b.text.replace(sqlparse.Span{Start: toks[order].Span.Start, End: toks[i].Span.Start}, "")
			return
		}
	}
}

// plainKey reports whether a key of ORDER BY calls nothing but models.
func (b *shipBuilder) plainKey(n *pg_query.Node) bool {
	plain := true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		f := n.GetFuncCall()
		plain = plain && n.GetSubLink() == nil && (f == nil || b.byFn[f] != nil && b.byFn[f].model.Deterministic)
		return plain
	})
	return plain
}

// openMaterialized makes a common table expression that is MATERIALIZED, and that the query alone reads, one that is not: its
// columns are then computed for the rows that the query's conditions leave. Neither these conditions nor anything in the common
// table expression but the models may fail.
func (b *shipBuilder) openMaterialized(s *pg_query.SelectStmt, c *pg_query.CommonTableExpr) {
	in := c.GetCtequery().GetSelectStmt()
	if c.GetCtematerialized() != pg_query.CTEMaterialize_CTEMaterializeAlways || in == nil || s.FromClause[0].GetRangeVar().GetRelname() != c.Ctename ||
		s.FromClause[0].GetRangeVar().GetSchemaname() != "" || s.WhereClause == nil || !cheap(s.WhereClause) || !b.plainQuery(in) {
		return
	}
	toks := b.at.Tokens()
	if i := b.at.After(int(c.Location)); b.references(c.Ctename) == 1 && i >= 0 {
		for ; i < len(toks); i++ {
			switch toks[i].Kind {
			case pg_query.Token_MATERIALIZED:
				b.text.replace(sqlparse.Span{Start: toks[i].Span.Start, End: toks[i].Span.Start}, "NOT ")
				return
			case pg_query.Token_ASCII_40:
				if i = b.at.Closing(i); i < 0 {
					return
				}
			}
		}
	}
}

// plainQuery reports whether a query gives a row, of columns, constants and calls of these, for each row of a table that a cheap
// condition leaves.
func (b *shipBuilder) plainQuery(s *pg_query.SelectStmt) bool {
	if s.Op != pg_query.SetOperation_SETOP_NONE || len(s.FromClause) != 1 || s.FromClause[0].GetRangeVar() == nil || s.WhereClause != nil && !cheap(s.WhereClause) ||
		len(s.GroupClause) > 0 || s.HavingClause != nil || len(s.WindowClause) > 0 || len(s.DistinctClause) > 0 || len(s.SortClause) > 0 ||
		s.LimitCount != nil || s.LimitOffset != nil || len(s.LockingClause) > 0 || s.WithClause != nil || len(s.ValuesLists) > 0 {
		return false
	}
	called := false
	for _, n := range s.TargetList {
		v := n.GetResTarget().GetVal()
		site := b.byFn[v.GetFuncCall()]
		switch {
		case v.GetFuncCall() != nil && site != nil:
			called = true
			if !site.model.Deterministic || site.row != nil {
				return false
			}
			for _, a := range site.args {
				if !value(a.Node) {
					return false
				}
			}
		case !value(v):
			return false
		}
	}
	return called
}

package planner

import (
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// tiesOnly has the keys of ORDER BY that call models behind keys that are columns evaluated for the rows alone that have the
// values of these in common: of others they decide nothing. Such a key becomes CASE WHEN count(*) OVER (PARTITION BY the
// columns) > 1 THEN key END.
func (b *shipBuilder) tiesOnly(s *pg_query.SelectStmt) {
	if s.Op != pg_query.SetOperation_SETOP_NONE || len(s.ValuesLists) > 0 || len(s.SortClause) < 2 || len(s.GroupClause) > 0 || s.HavingClause != nil ||
		len(s.DistinctClause) > 0 || len(s.LockingClause) > 0 || b.req.Node.GetDeclareCursorStmt() != nil {
		return
	}
	first := slices.IndexFunc(s.SortClause, func(n *pg_query.Node) bool { return b.count(b.sorted(s, n).node) > 0 })
	if first < 1 || slices.ContainsFunc(s.TargetList, func(n *pg_query.Node) bool { return b.aggregates(n) || star(n.GetResTarget().GetVal()) }) {
		return
	}
	spans := b.sortSpans(s)
	if len(spans) != len(s.SortClause) {
		return
	}
	var columns []string
	for i, n := range s.SortClause[:first] {
		key := b.sorted(s, n)
		if key.node.GetColumnRef() == nil || n.GetSortBy().SortbyDir == pg_query.SortByDir_SORTBY_USING {
			return
		}
		if key.span.Start == key.span.End {
			key.span = spans[i]
		}
		columns = append(columns, key.span.Of(b.req.Text))
	}
	ties := "CASE WHEN pg_catalog.count(*) OVER (PARTITION BY " + strings.Join(columns, ", ") + ") OPERATOR(pg_catalog.>) 1 THEN ("
	for i, n := range s.SortClause {
		if i < first || !b.decidesTies(s, n) {
			continue
		}
		key := b.sorted(s, n)
		if key.span.Start == key.span.End {
			b.text.wrap(spans[i], ties, ") END")
		} else {
			with := (&fragment{}).addAt(ties, spans[i].Start)
			b.text.pieces, b.text.sorted = append(b.text.pieces, splice{span: spans[i], with: with.append(b.text.emit(key.span)).add(") END")}), false
		}
		if b.tied == nil {
			b.tied = map[*pg_query.Node]bool{}
		}
		b.tied[n] = true
	}
}

// sortKey is what a key of ORDER BY stands for: its own expression, or, where span is not empty, that of the select list there.
type sortKey struct {
	node *pg_query.Node
	span sqlparse.Span
}

// sorted gives what a key of ORDER BY stands for.
func (b *shipBuilder) sorted(s *pg_query.SelectStmt, n *pg_query.Node) sortKey {
	key := n.GetSortBy().GetNode()
	for i, t := range s.TargetList {
		if r := t.GetResTarget(); means(key, i+1, columnName(r)) {
			return sortKey{r.Val, b.targetSpan(r)}
		}
	}
	return sortKey{node: key}
}

// targetSpan is the place of the expression of an item of a select list.
func (b *shipBuilder) targetSpan(r *pg_query.ResTarget) sqlparse.Span {
	span := sqlparse.Span{Start: int(r.Location), End: b.at.ExpressionEnd(int(r.Location))}
	toks := b.at.Tokens()
	if next := b.at.After(span.End); r.Name != "" && (next >= len(toks) || toks[next].Kind != pg_query.Token_AS) { // an alias without AS is its last token
		span.End = toks[next-2].Span.End
	}
	return span
}

// decidesTies reports whether a key of ORDER BY calls models that nothing else has called for every row.
func (b *shipBuilder) decidesTies(s *pg_query.SelectStmt, n *pg_query.Node) bool {
	key := b.sorted(s, n)
	if key.span.Start < key.span.End && s.LimitCount == nil || !b.plainKey(key.node) {
		return false
	}
	calls, lone := 0, true
	sqlparse.Walk(key.node, func(n *pg_query.Node) bool {
		if own := b.byFn[n.GetFuncCall()]; own != nil {
			calls++
			for _, other := range b.sites {
				lone = lone && (other == own || other.same != own.same || s.LimitCount != nil && isTarget(s, other))
			}
		}
		return true
	})
	return calls > 0 && lone
}

// isTarget reports whether a call is itself an item of a select list.
func isTarget(s *pg_query.SelectStmt, c *site) bool {
	return slices.ContainsFunc(s.TargetList, func(n *pg_query.Node) bool { return n.GetResTarget().GetVal().GetFuncCall() == c.call.Node })
}

// sortSpans are the places of the expressions of ORDER BY; none where the text is not as the tree says.
func (b *shipBuilder) sortSpans(s *pg_query.SelectStmt) []sqlparse.Span {
	clause := b.at.Clause(pg_query.Token_BY, s.SortClause[0].GetSortBy().GetNode())
	if clause.Start >= clause.End {
		return nil
	}
	toks := b.at.Tokens()
	var spans []sqlparse.Span
	for i := b.at.After(clause.Start); i < len(toks); i++ {
		start, whole := toks[i].Span.Start, b.at.ExpressionEnd(toks[i].Span.Start)
		end := start
		for ; i < len(toks) && toks[i].Span.End <= whole; i++ {
			if k := toks[i].Kind; k == pg_query.Token_ASC || k == pg_query.Token_DESC || k == pg_query.Token_NULLS_P || k == pg_query.Token_USING {
				break
			} else if k == pg_query.Token_ASCII_40 || k == pg_query.Token_ASCII_91 {
				if i = b.at.Closing(i); i < 0 {
					return nil
				}
			}
			end = toks[i].Span.End
		}
		if spans = append(spans, sqlparse.Span{Start: start, End: end}); len(spans) == len(s.SortClause) {
			break
		}
		if i = b.find(i, pg_query.Token_ASCII_44); i < 0 {
			return nil
		}
	}
	return spans
}

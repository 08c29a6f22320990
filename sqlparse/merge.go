package sqlparse

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// MergeReturning is the list of RETURNING of a MERGE; nil where there is none. PostgreSQL has it from version 17 on, and the tree
// here is that of 16: it has the list in the place of one more WHEN clause, of no command, which stands last.
func MergeReturning(s *pg_query.MergeStmt) []*pg_query.Node {
	if n := len(s.GetMergeWhenClauses()); n > 0 {
		if w := s.MergeWhenClauses[n-1].GetMergeWhenClause(); IsReturning(w) {
			return w.TargetList
		}
	}
	return nil
}

// IsReturning tells the clause that MergeReturning has its list from.
func IsReturning(w *pg_query.MergeWhenClause) bool {
	return w.GetCommandType() == pg_query.CmdType_CMD_UTILITY
}

// parseTree has PostgreSQL's grammar read a text. Where that does not know it, lists of RETURNING behind MERGE are read apart.
func (p *scriptParser) parseTree(text string, pieces [][]Token) (*pg_query.ParseResult, error) {
	res, err := pg_query.Parse(text)
	if err == nil {
		return res, nil
	}
	rest := []byte(text)
	lists := map[int]Span{} // by the place of the statement
	for _, piece := range pieces {
		if at := mergeReturning(piece); at > 0 {
			list := spanOfTokens(piece[at:])
			lists[piece[0].Span.Start] = list
			for i := list.Start; i < list.End; i++ {
				rest[i] = ' '
			}
		}
	}
	if len(lists) == 0 {
		return nil, err
	}
	again, failed := pg_query.Parse(string(rest))
	if failed != nil {
		return nil, err
	}
	concerns := false
	for _, raw := range again.Stmts {
		toks := p.tokensOf(raw)
		span, has := lists[spanOfTokens(toks).Start]
		if has {
			merge, list := mergeOf(raw.Stmt), readReturning(text, span)
			if merge == nil || list == nil {
				return nil, err
			}
			merge.MergeWhenClauses = append(merge.MergeWhenClauses, &pg_query.Node{Node: &pg_query.Node_MergeWhenClause{
				MergeWhenClause: &pg_query.MergeWhenClause{CommandType: pg_query.CmdType_CMD_UTILITY, TargetList: list}}})
		}
		f := finder{text: p.text, toks: toks}
		f.find(raw.Stmt)
		concerns = concerns || f.err != nil || len(f.calls) > 0
	}
	if !concerns { // the server knows best
		return nil, err
	}
	return again, nil
}

// mergeReturning is the index of the RETURNING of a MERGE; -1 where a statement has none.
func mergeReturning(toks []Token) int {
	merges := false
	for i := 0; i < len(toks); i++ {
		switch {
		case opens(toks[i]):
			if i = closingParen(toks, i); i < 0 {
				return -1
			}
		case toks[i].Kind == pg_query.Token_MERGE && i+1 < len(toks) && toks[i+1].Kind == pg_query.Token_INTO: // also behind PREPARE … AS
			merges = true
		case merges && toks[i].Kind == pg_query.Token_RETURNING && !label(toks, i):
			return i
		}
	}
	return -1
}

// mergeOf is the MERGE that a statement is, or that it explains or prepares; nil for another.
func mergeOf(n *pg_query.Node) *pg_query.MergeStmt {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_MergeStmt:
		return s.MergeStmt
	case *pg_query.Node_ExplainStmt:
		return mergeOf(s.ExplainStmt.Query)
	case *pg_query.Node_PrepareStmt:
		return mergeOf(s.PrepareStmt.Query)
	}
	return nil
}

// readReturning reads a RETURNING and its list as the select list of a SELECT in its place; nil where it is none.
func readReturning(text string, span Span) []*pg_query.Node {
	b := make([]byte, span.End)
	for i := range b {
		b[i] = ' '
	}
	const returning = "RETURNING"
	copy(b[span.Start:], "SELECT")
	copy(b[span.Start+len(returning):], text[span.Start+len(returning):span.End])
	res, err := pg_query.Parse(string(b))
	if err != nil || len(res.Stmts) != 1 {
		return nil
	}
	s := res.Stmts[0].Stmt.GetSelectStmt()
	if s == nil || s.Op != pg_query.SetOperation_SETOP_NONE || s.DistinctClause != nil || s.IntoClause != nil || s.FromClause != nil || s.WhereClause != nil ||
		s.GroupClause != nil || s.HavingClause != nil || s.WindowClause != nil || s.SortClause != nil || s.LimitCount != nil || s.LimitOffset != nil || s.LockingClause != nil {
		return nil
	}
	return s.TargetList
}

package sqlparse

import (
	"fmt"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// SelectShape says where the clauses of a simple SELECT (no set operation, not VALUES) stand in the text. A clause that
// is not there has a zero span. Spans of clauses hold what follows their keyword.
type SelectShape struct {
	// Select is the tree's node.
	Select *pg_query.SelectStmt
	// With covers everything before the SELECT keyword: the WITH clause.
	With    Span
	Targets []Target
	// TargetList covers all targets; where there are none it is empty and stands behind SELECT.
	TargetList Span
	From       Span
	Where      Span
	// Terms are the operands of the AND at the top of WHERE, parentheses around groups of them opened; a single one
	// where there is no AND.
	Terms   []Span
	GroupBy Span
	Having  Span
	Window  Span
	OrderBy Span
	// Limit covers the expression of LIMIT or FETCH FIRST, LimitClause the keywords with it.
	Limit, LimitClause   Span
	Offset, OffsetClause Span
	Locking              Span
}

// Target is one entry of a target list.
type Target struct {
	// Span covers the entry with its alias, Expr the expression alone.
	Span, Expr Span
	// Name is the column's name as PostgreSQL gives it, by the alias or FigureColumnName; "" for a star.
	Name string
	// Star tells *, t.* and (composite).*.
	Star bool
	Node *pg_query.Node
}

// errShape says that text and tree do not fit together: the statement is written in a way that the token rules of
// this file do not know.
func errShape(what string, pos int) *Error {
	return &Error{Code: "0A000", Message: "predict is not supported in a statement written like this", Position: pos,
		Detail: "the " + what + " could not be told apart in the statement's text"}
}

// ShapeOf finds the clauses of sel, which is the whole of the text's range span.
func ShapeOf(text string, span Span, sel *pg_query.SelectStmt) (*SelectShape, error) {
	all, err := Tokens(text)
	if err != nil {
		return nil, err
	}
	toks := within(all, span)
	toks = stripParens(toks)
	s := &SelectShape{Select: sel}
	at := s.findSelect(toks)
	if at < 0 {
		return nil, errShape("SELECT", span.Start)
	}
	if err := s.clauses(toks, at); err != nil {
		return nil, err
	}
	if len(s.Targets) != len(sel.TargetList) {
		return nil, errShape("target list", s.TargetList.Start)
	}
	for i := range s.Targets {
		s.Targets[i].describe(toks, sel.TargetList[i].GetResTarget())
	}
	return s, nil
}

// ReturningOf finds the list of RETURNING of an INSERT, UPDATE, DELETE or MERGE, which is the whole of the text's range span: as
// the target list of a SELECT that has no other clause. With covers everything before it.
func ReturningOf(text string, span Span, list []*pg_query.Node) (*SelectShape, error) {
	all, err := Tokens(text)
	if err != nil {
		return nil, err
	}
	toks := within(all, span)
	s := &SelectShape{Select: &pg_query.SelectStmt{TargetList: list}}
	for i := 0; i < len(toks); i++ {
		switch {
		case opens(toks[i]):
			if i = closingParen(toks, i); i < 0 {
				return nil, errShape("parentheses", span.Start)
			}
		case toks[i].Kind == pg_query.Token_RETURNING && !label(toks, i):
			s.With = spanOfTokens(toks[:i])
			s.set(pg_query.Token_SELECT, nil, toks[i+1:])
			if len(s.Targets) != len(list) {
				return nil, errShape("list of RETURNING", toks[i].Span.Start)
			}
			for j := range s.Targets {
				s.Targets[j].describe(toks, list[j].GetResTarget())
			}
			return s, nil
		}
	}
	return nil, errShape("RETURNING", span.Start)
}

// within gives the tokens that lie in span.
func within(toks []Token, span Span) []Token {
	lo := 0
	for lo < len(toks) && toks[lo].Span.Start < span.Start {
		lo++
	}
	hi := lo
	for hi < len(toks) && toks[hi].Span.End <= span.End {
		hi++
	}
	return toks[lo:hi]
}

func opens(t Token) bool {
	return t.Kind == pg_query.Token_ASCII_40 || t.Kind == pg_query.Token_ASCII_91
}
func closes(t Token) bool {
	return t.Kind == pg_query.Token_ASCII_41 || t.Kind == pg_query.Token_ASCII_93
}

// Unwrapped are tokens without the parentheses that enclose all of them.
func Unwrapped(toks []Token) []Token { return stripParens(toks) }

// stripParens takes off parentheses that enclose all of toks.
func stripParens(toks []Token) []Token {
	for len(toks) > 2 && toks[0].Kind == pg_query.Token_ASCII_40 && closingParen(toks, 0) == len(toks)-1 {
		toks = toks[1 : len(toks)-1]
	}
	return toks
}

// findSelect gives the index of the outermost SELECT keyword and notes the WITH clause before it.
func (s *SelectShape) findSelect(toks []Token) int {
	for i := 0; i < len(toks); i++ {
		if opens(toks[i]) {
			if i = closingParen(toks, i); i < 0 {
				return -1
			}
			continue
		}
		if toks[i].Kind == pg_query.Token_SELECT {
			s.With = spanOfTokens(toks[:i])
			return i
		}
	}
	return -1
}

// clauseStart reports whether the token at i begins a clause of SELECT, and how many tokens its keywords take.
func clauseStart(toks []Token, i int) (pg_query.Token, int) {
	next := pg_query.Token_NUL
	if i+1 < len(toks) {
		next = toks[i+1].Kind
	}
	switch k := toks[i].Kind; k {
	case pg_query.Token_INTO, pg_query.Token_WHERE, pg_query.Token_HAVING, pg_query.Token_WINDOW,
		pg_query.Token_LIMIT, pg_query.Token_OFFSET, pg_query.Token_FOR:
		return k, 1
	case pg_query.Token_FROM:
		if distinctFrom(toks, i) {
			return 0, 0
		}
		return k, 1
	case pg_query.Token_FETCH:
		return k, 2 // FIRST or NEXT
	case pg_query.Token_GROUP_P, pg_query.Token_ORDER:
		if next == pg_query.Token_BY {
			return k, 2
		}
	}
	return 0, 0
}

// distinctFrom reports whether the FROM at i is that of IS [NOT] DISTINCT FROM. DISTINCT may be a column's alias too.
func distinctFrom(toks []Token, i int) bool {
	if i--; i < 0 || toks[i].Kind != pg_query.Token_DISTINCT {
		return false
	}
	if i--; i >= 0 && toks[i].Kind == pg_query.Token_NOT {
		i--
	}
	return i >= 0 && toks[i].Kind == pg_query.Token_IS && !label(toks, i)
}

// clauses cuts the tokens behind SELECT, at index at, into clauses.
func (s *SelectShape) clauses(toks []Token, at int) error {
	i := at + 1
	if i < len(toks) && toks[i].Kind == pg_query.Token_ALL {
		i++
	}
	if i < len(toks) && toks[i].Kind == pg_query.Token_DISTINCT {
		if i++; i < len(toks) && toks[i].Kind == pg_query.Token_ON {
			if i = closingParen(toks, i+1) + 1; i == 0 {
				return errShape("DISTINCT ON", toks[at].Span.Start)
			}
		}
	}
	clause, words, start := pg_query.Token_SELECT, 0, i
	begin := toks[at].Span.End
	if i > at+1 {
		begin = toks[i-1].Span.End
	}
	s.TargetList = Span{begin, begin}
	for ; i <= len(toks); i++ {
		if i < len(toks) && opens(toks[i]) {
			if i = closingParen(toks, i); i < 0 {
				return errShape("parentheses", toks[start].Span.Start)
			}
			continue
		}
		var next pg_query.Token
		n := 0
		if i < len(toks) {
			if label(toks, i) {
				continue
			}
			if next, n = clauseStart(toks, i); n == 0 || (next == pg_query.Token_FROM && clause != pg_query.Token_SELECT && clause != pg_query.Token_INTO) {
				continue
			}
		}
		s.set(clause, toks[start:min(start+words, len(toks))], toks[min(start+words, i):i])
		clause, words, start = next, n, i
	}
	return nil
}

// label reports whether the token at i stands where any keyword is a mere name: behind AS or a dot.
func label(toks []Token, i int) bool {
	return i > 0 && (toks[i-1].Kind == pg_query.Token_AS || toks[i-1].Kind == pg_query.Token_ASCII_46)
}

// set notes a clause: its keywords and what follows them.
func (s *SelectShape) set(clause pg_query.Token, words, body []Token) {
	whole := spanOfTokens(append(append([]Token(nil), words...), body...))
	switch clause {
	case pg_query.Token_SELECT:
		if len(body) > 0 {
			s.TargetList = spanOfTokens(body)
		}
		for _, t := range splitAt(body, pg_query.Token_ASCII_44) {
			s.Targets = append(s.Targets, Target{Span: spanOfTokens(t)})
		}
	case pg_query.Token_FROM:
		s.From = spanOfTokens(body)
	case pg_query.Token_WHERE:
		s.Where = spanOfTokens(body)
		if where := s.Select.GetWhereClause(); where != nil {
			s.Terms = terms(body, []*pg_query.Node{where}, betweens(where))
		}
	case pg_query.Token_GROUP_P:
		s.GroupBy = spanOfTokens(body)
	case pg_query.Token_HAVING:
		s.Having = spanOfTokens(body)
	case pg_query.Token_WINDOW:
		s.Window = spanOfTokens(body)
	case pg_query.Token_ORDER:
		s.OrderBy = spanOfTokens(body)
	case pg_query.Token_LIMIT:
		s.Limit, s.LimitClause = spanOfTokens(body), whole
	case pg_query.Token_FETCH:
		s.Limit, s.LimitClause = fetchCount(body), whole
	case pg_query.Token_OFFSET:
		s.Offset, s.OffsetClause = offsetCount(body), whole
	case pg_query.Token_FOR:
		if s.Locking == (Span{}) {
			s.Locking = whole
		}
		s.Locking.End = whole.End
	}
}

// fetchCount is the count of FETCH FIRST [count] ROW[S] ONLY; zero where there is none, which means 1.
func fetchCount(body []Token) Span {
	for i, t := range body {
		if t.Kind == pg_query.Token_ROW || t.Kind == pg_query.Token_ROWS {
			return spanOfTokens(body[:i])
		}
	}
	return Span{}
}

// offsetCount is the count of OFFSET count [ROW[S]].
func offsetCount(body []Token) Span {
	if n := len(body); n > 1 && (body[n-1].Kind == pg_query.Token_ROW || body[n-1].Kind == pg_query.Token_ROWS) {
		return spanOfTokens(body[:n-1])
	}
	return spanOfTokens(body)
}

// splitAt cuts toks at the tokens of a kind that stand outside parentheses.
func splitAt(toks []Token, kind pg_query.Token) [][]Token {
	if len(toks) == 0 {
		return nil
	}
	var parts [][]Token
	start, depth := 0, 0
	for i, t := range toks {
		switch {
		case opens(t):
			depth++
		case closes(t):
			depth--
		case depth == 0 && t.Kind == kind:
			parts = append(parts, toks[start:i])
			start = i + 1
		}
	}
	return append(parts, toks[start:])
}

// terms cuts a condition into the operands of the AND at its top, opening parentheses around groups of them. nodes are
// the operands that toks hold together: PostgreSQL's tree has (a AND b) AND c as one AND of three.
func terms(toks []Token, nodes []*pg_query.Node, betweens map[int]bool) []Span {
	if len(nodes) == 1 {
		e := nodes[0].GetBoolExpr()
		if e == nil || e.GetBoolop() != pg_query.BoolExprType_AND_EXPR {
			return []Span{spanOfTokens(toks)}
		}
		nodes = e.GetArgs()
	}
	pieces := splitBool(stripParens(toks), pg_query.Token_AND, betweens)
	first := len(nodes) - len(pieces) + 1
	if len(pieces) < 2 || first < 1 {
		return []Span{spanOfTokens(toks)}
	}
	spans := terms(pieces[0], nodes[:first], betweens)
	for i, p := range pieces[1:] {
		spans = append(spans, terms(p, nodes[first+i:first+i+1], betweens)...)
	}
	return spans
}

// betweens gives the places of the operators BETWEEN and NOT BETWEEN in a condition; the word may be a column's name too.
func betweens(where *pg_query.Node) map[int]bool {
	at := map[int]bool{}
	Walk(where, func(n *pg_query.Node) bool {
		switch e := n.GetAExpr(); e.GetKind() {
		case pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN,
			pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
			at[int(e.GetLocation())] = true
		}
		return true
	})
	return at
}

// splitBool cuts toks at the tokens of a kind, AND or OR, that neither belong to a BETWEEN nor stand in parentheses or
// inside CASE … END.
func splitBool(toks []Token, kind pg_query.Token, betweens map[int]bool) [][]Token {
	var parts [][]Token
	start, cases, between := 0, 0, 0
	for i := 0; i < len(toks); i++ {
		if opens(toks[i]) {
			if i = closingParen(toks, i); i < 0 {
				return nil
			}
			continue
		}
		if label(toks, i) {
			continue
		}
		switch toks[i].Kind {
		case pg_query.Token_CASE:
			cases++
		case pg_query.Token_END_P:
			cases--
		}
		if cases > 0 {
			continue
		}
		switch k := toks[i].Kind; {
		case k == pg_query.Token_BETWEEN:
			if betweens[toks[i].Span.Start] || i > 0 && toks[i-1].Kind == pg_query.Token_NOT && betweens[toks[i-1].Span.Start] {
				between++
			}
		case k == pg_query.Token_AND && between > 0:
			between--
		case k == kind:
			parts = append(parts, toks[start:i])
			start = i + 1
		}
	}
	return append(parts, toks[start:])
}

// describe fills in what tokens and tree tell of a target.
func (t *Target) describe(toks []Token, res *pg_query.ResTarget) {
	t.Node = res.GetVal()
	own := within(toks, t.Span)
	t.Expr = t.Span
	if res.GetName() != "" {
		n := len(own) - 1
		if n > 1 && own[n-1].Kind == pg_query.Token_UESCAPE { // U&"…" UESCAPE '…'
			n -= 2
		}
		if n > 0 && own[n-1].Kind == pg_query.Token_AS {
			n--
		}
		t.Expr = spanOfTokens(own[:n])
		t.Name = res.GetName()
		return
	}
	if n := len(own); n > 0 && own[n-1].Kind == pg_query.Token_ASCII_42 && isStar(t.Node) {
		t.Star = true
		return
	}
	t.Name = FigureColumnName(t.Node)
}

// isStar tells *, t.* and (x).* .
func isStar(n *pg_query.Node) bool {
	var fields []*pg_query.Node
	switch {
	case n.GetColumnRef() != nil:
		fields = n.GetColumnRef().GetFields()
	case n.GetAIndirection() != nil:
		fields = n.GetAIndirection().GetIndirection()
	}
	return len(fields) > 0 && fields[len(fields)-1].GetAStar() != nil
}

// ClauseAt names the clause of the SELECT in which the byte at pos stands, as a user would call it.
func (s *SelectShape) ClauseAt(pos int) string {
	for _, c := range []struct {
		name string
		span Span
	}{
		{"a common table expression (WITH)", s.With}, {"the select list", s.TargetList}, {"FROM", s.From},
		{"WHERE", s.Where}, {"GROUP BY", s.GroupBy}, {"HAVING", s.Having}, {"WINDOW", s.Window},
		{"ORDER BY", s.OrderBy}, {"LIMIT", s.LimitClause}, {"OFFSET", s.OffsetClause},
	} {
		if c.span.Start <= pos && pos < c.span.End {
			return c.name
		}
	}
	if d := s.Select.GetDistinctClause(); len(d) > 0 && pos < s.TargetList.Start {
		return "DISTINCT ON"
	}
	return fmt.Sprintf("the statement at byte %d", pos)
}

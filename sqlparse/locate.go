package sqlparse

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
)

// Locator finds in the tokens of one statement what PostgreSQL's tree gives no place for: where expressions end, where
// the operands of AND and OR stand.
type Locator struct {
	text string
	toks []Token
}

// NewLocator reads the tokens of the statement that is the text's range span.
func NewLocator(text string, span Span) (*Locator, error) {
	toks, err := Tokens(text)
	if err != nil {
		return nil, err
	}
	return &Locator{text: text, toks: within(toks, span)}, nil
}

// Tokens are the statement's tokens.
func (l *Locator) Tokens() []Token { return l.toks }

// NameOf covers a call's name, with its schema.
func (l *Locator) NameOf(c *Call) Span {
	first := tokenFrom(l.toks, c.Span.Start)
	end := first
	for end+1 < len(l.toks) && l.toks[end+1].Kind != pg_query.Token_ASCII_40 {
		end++
	}
	return Span{c.Span.Start, l.toks[end].Span.End}
}

// CommaOf covers the comma behind a call's model; it is empty where there is none.
func (l *Locator) CommaOf(c *Call) Span {
	i := tokenFrom(l.toks, c.ModelSpan.End)
	if i < len(l.toks) && l.toks[i].Kind == pg_query.Token_ASCII_44 {
		return l.toks[i].Span
	}
	return Span{c.ModelSpan.End, c.ModelSpan.End}
}

// ExpressionEnd is the byte behind the expression that begins at byte pos, with an alias that follows without AS.
func (l *Locator) ExpressionEnd(pos int) int {
	end, cases := pos, 0
	for i := tokenFrom(l.toks, pos); i < len(l.toks); i++ {
		t := l.toks[i]
		switch {
		case opens(t):
			if i = closingParen(l.toks, i); i < 0 {
				return l.toks[len(l.toks)-1].Span.End
			}
			t = l.toks[i]
		case closes(t), t.Kind == pg_query.Token_ASCII_44, t.Kind == pg_query.Token_ASCII_59:
			return end
		case label(l.toks, i):
		case t.Kind == pg_query.Token_CASE:
			cases++
		case t.Kind == pg_query.Token_END_P && cases > 0:
			cases--
		case cases == 0 && l.endsExpression(i):
			return end
		}
		end = t.Span.End
	}
	return end
}

// endsExpression reports whether the token at i cannot stand in an expression outside parentheses and CASE, other than
// as a label.
func (l *Locator) endsExpression(i int) bool {
	next := pg_query.Token_NUL
	if i+1 < len(l.toks) {
		next = l.toks[i+1].Kind
	}
	switch l.toks[i].Kind {
	case pg_query.Token_FROM:
		return !distinctFrom(l.toks, i)
	case pg_query.Token_GROUP_P, pg_query.Token_ORDER:
		return next == pg_query.Token_BY
	case pg_query.Token_WITH:
		return next != pg_query.Token_TIME
	case pg_query.Token_LEFT, pg_query.Token_RIGHT: // names of functions too
		return next != pg_query.Token_ASCII_40
	case pg_query.Token_AS, pg_query.Token_INTO, pg_query.Token_WHERE, pg_query.Token_HAVING, pg_query.Token_WINDOW, pg_query.Token_LIMIT,
		pg_query.Token_OFFSET, pg_query.Token_FETCH, pg_query.Token_FOR, pg_query.Token_UNION, pg_query.Token_INTERSECT,
		pg_query.Token_EXCEPT, pg_query.Token_ON, pg_query.Token_RETURNING, pg_query.Token_WHEN, pg_query.Token_THEN,
		pg_query.Token_JOIN, pg_query.Token_FULL, pg_query.Token_INNER_P, pg_query.Token_CROSS, pg_query.Token_NATURAL:
		return true
	}
	return false
}

// After gives the index of the first token at or behind byte pos; the number of tokens where there is none.
func (l *Locator) After(pos int) int { return tokenFrom(l.toks, pos) }

// Closing is the index of the parenthesis that closes the one at token open, -1 where none does.
func (l *Locator) Closing(open int) int { return closingParen(l.toks, open) }

// Items are the places of the items, parted by commas, between the parenthesis at token open and its end.
func (l *Locator) Items(open int) []Span { return listSpans(l.toks, open) }

// Clause covers the expression behind the nearest keyword of a kind before it, WHERE or ON: its place in the text where
// it is parenthesized or negated. It is empty where the keyword is not found.
func (l *Locator) Clause(keyword pg_query.Token, expr *pg_query.Node) Span {
	first := firstLocation(expr)
	if first < 0 {
		return Span{}
	}
	for i := tokenFrom(l.toks, first) - 1; i >= 0; i-- {
		if l.toks[i].Kind == keyword && !label(l.toks, i) {
			start := l.toks[i+1].Span.Start
			return Span{start, l.ExpressionEnd(start)}
		}
	}
	return Span{}
}

// firstLocation is the smallest place of a node of an expression, -1 where none is known.
func firstLocation(expr *pg_query.Node) int {
	first := -1
	walkMessage(expr, nil, func(m, _ proto.Message) bool {
		if at, ok := m.(interface{ GetLocation() int32 }); ok && at.GetLocation() > 0 && (first < 0 || int(at.GetLocation()) < first) {
			first = int(at.GetLocation())
		}
		return true
	})
	return first
}

// Operand is one operand of AND or OR as it stands in the text. Where parentheses in the text group several operands of
// the tree's, Node is an expression made of these.
type Operand struct {
	Span Span
	Node *pg_query.Node
}

// Operands cuts the expression node, AND, OR or NOT, whose place is span, into its operands; nil where it cannot.
func (l *Locator) Operands(span Span, node *pg_query.Node) []Operand {
	e := node.GetBoolExpr()
	kind := pg_query.Token_AND
	toks := stripParens(within(l.toks, span))
	switch e.GetBoolop() {
	case pg_query.BoolExprType_AND_EXPR:
	case pg_query.BoolExprType_OR_EXPR:
		kind = pg_query.Token_OR
	case pg_query.BoolExprType_NOT_EXPR:
		if len(toks) < 2 || toks[0].Kind != pg_query.Token_NOT {
			return nil
		}
		return []Operand{{Span: spanOfTokens(toks[1:]), Node: e.GetArgs()[0]}}
	default:
		return nil
	}
	pieces := splitBool(toks, kind, betweens(node))
	grouped := len(e.GetArgs()) - len(pieces) + 1 // PostgreSQL's tree has (a OR b) OR c as one OR of three
	if len(pieces) < 2 || grouped < 1 {
		return nil
	}
	operands := make([]Operand, len(pieces))
	for i, p := range pieces {
		operands[i] = Operand{Span: spanOfTokens(p)}
		if i > 0 {
			operands[i].Node = e.GetArgs()[grouped+i-1]
		}
	}
	operands[0].Node = e.GetArgs()[0]
	if grouped > 1 {
		operands[0].Node = &pg_query.Node{Node: &pg_query.Node_BoolExpr{BoolExpr: &pg_query.BoolExpr{
			Boolop: e.GetBoolop(), Args: e.GetArgs()[:grouped], Location: e.GetLocation()}}}
	}
	return operands
}

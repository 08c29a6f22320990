package sqlparse

import pg_query "github.com/pganalyze/pg_query_go/v5"

// CastTo gives the type that an expression is cast to at its outside, where that type has modifiers (numeric(6,2),
// varchar(4)); zero for any other expression. node is the expression in the text's range span.
func CastTo(text string, span Span, node *pg_query.Node) Span {
	cast := node.GetTypeCast()
	if cast == nil || len(cast.GetTypeName().GetTypmods()) == 0 {
		return Span{}
	}
	all, err := Tokens(text)
	if err != nil {
		return Span{}
	}
	toks := stripParens(within(all, span))
	if len(toks) == 0 {
		return Span{}
	}
	end := len(toks)
	if toks[0].Kind == pg_query.Token_CAST && closingParen(toks, 1) == end-1 {
		end--
	}
	from := tokenFrom(toks, int(cast.GetTypeName().GetLocation()))
	if from >= end || toks[from].Span.Start != int(cast.GetTypeName().GetLocation()) {
		return Span{}
	}
	return spanOfTokens(toks[from:end])
}

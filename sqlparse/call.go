package sqlparse

import (
	"fmt"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// isPredict reports whether a function's name is one of the predict functions, and gives it without its schema.
func isPredict(names []*pg_query.Node) (string, bool) {
	switch len(names) {
	case 1:
	case 2:
		if names[0].GetString_().GetSval() != "pinnacle" {
			return "", false
		}
	default:
		return "", false
	}
	name := names[len(names)-1].GetString_().GetSval()
	switch name {
	case "predict", "try_predict", "predict_details":
		return name, true
	}
	return "", false
}

// modelArgument looks at the first argument of a call: a string constant or a parameter, with or without casts.
func modelArgument(n *pg_query.Node) (text string, param, ok bool) {
	for n.GetTypeCast() != nil {
		n = n.GetTypeCast().GetArg()
	}
	if n.GetParamRef() != nil {
		return "", true, true
	}
	if s, is := n.GetAConst().GetVal().(*pg_query.A_Const_Sval); is && !n.GetAConst().GetIsnull() {
		return s.Sval.GetSval(), false, true
	}
	return "", false, false
}

// call takes a function call apart; nil without an error for a function that is none of the proxy's.
func (f *finder) call(node *pg_query.FuncCall) (*Call, error) {
	name, ok := isPredict(node.Funcname)
	if !ok || len(node.Args) == 0 {
		return nil, nil
	}
	model, param, ok := modelArgument(node.Args[0])
	if !ok {
		return nil, nil
	}
	at := int(node.Location)
	if what := aggregateClause(node); what != "" {
		return nil, &Error{Code: "42809", Message: what + " specified, but " + name + " is not an aggregate function", Position: at}
	}
	if node.FuncVariadic {
		return nil, &Error{Code: "0A000", Message: "VARIADIC is not supported in a call of " + name, Position: at,
			Hint: "Give each argument by itself."}
	}
	c := &Call{Func: name, Node: node}
	spans, ok := f.callSpans(c, len(node.Funcname))
	if !ok || len(spans) != len(node.Args) {
		return nil, &Error{Code: "42601", Message: "cannot tell the arguments of " + name + " apart", Position: at}
	}
	c.ModelSpan = spans[0]
	if !param {
		var err *Error
		if c.Model, c.Version, err = modelName(model); err != nil {
			err.Position = c.ModelSpan.Start
			return nil, err
		}
	}
	for i, n := range node.Args[1:] {
		a := Arg{Span: spans[i+1], Node: n}
		if named := n.GetNamedArgExpr(); named != nil {
			a.Name, a.Node = named.Name, named.Arg
			a.Span = f.afterArrow(a.Span)
		}
		c.Args = append(c.Args, a)
	}
	return c, nil
}

// aggregateClause names what only a call of an aggregate or window function may have, "" for none.
func aggregateClause(n *pg_query.FuncCall) string {
	switch {
	case n.AggDistinct:
		return "DISTINCT"
	case n.AggWithinGroup:
		return "WITHIN GROUP"
	case len(n.AggOrder) > 0:
		return "ORDER BY"
	case n.AggFilter != nil:
		return "FILTER"
	case n.Over != nil:
		return "OVER"
	}
	return ""
}

// modelName takes 'name' or 'name@version' apart.
func modelName(s string) (string, int, *Error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		if s == "" {
			return "", 0, &Error{Code: "22023", Message: "the model's name is empty"}
		}
		return s, 0, nil
	}
	version, err := strconv.ParseUint(s[at+1:], 10, 31)
	if err != nil || version == 0 || at == 0 {
		return "", 0, &Error{Code: "22023", Message: fmt.Sprintf("%s is not the name of a model", QuoteLiteral(s)),
			Hint: "Write 'name', or 'name@version' with a version of 1 or more."}
	}
	return s[:at], int(version), nil
}

// callSpans sets the call's span and gives those of its arguments, from the tokens.
func (f *finder) callSpans(c *Call, parts int) ([]Span, bool) {
	first := tokenFrom(f.toks, int(c.Node.Location))
	i := first
	for ; parts > 0 && i < len(f.toks); parts-- {
		if i = afterName(f.toks, i); parts > 1 {
			i++ // the dot
		}
	}
	if i >= len(f.toks) || f.toks[i].Kind != pg_query.Token_ASCII_40 {
		return nil, false
	}
	end := closingParen(f.toks, i)
	if end < 0 {
		return nil, false
	}
	c.Span = Span{f.toks[first].Span.Start, f.toks[end].Span.End}
	return listSpans(f.toks, i), true
}

// afterArrow is the span of an argument without its name => or name :=.
func (f *finder) afterArrow(s Span) Span {
	i := afterName(f.toks, tokenFrom(f.toks, s.Start))
	if i+1 < len(f.toks) {
		s.Start = f.toks[i+1].Span.Start
	}
	return s
}

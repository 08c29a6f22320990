package sqlparse

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// functions are the proxy's own functions of the schema pinnacle, apart from predict's: what component statements do, for
// tools that refuse foreign grammar, and what is done to jobs.
var functions = []string{"add", "remove", "show", "validate", "cancel_job", "retry_job", "refresh"}

// isFunction reports whether a function's name is one of functions, qualified, and gives it without its schema.
func isFunction(names []*pg_query.Node) (string, bool) {
	if len(names) != 2 || names[0].GetString_().GetSval() != schema {
		return "", false
	}
	name := names[1].GetString_().GetSval()
	return name, slices.Contains(functions, name)
}

// misplaced is the error for a call of such a function in any other place than a SELECT of its own.
func misplaced(name string, at int) *Error {
	return &Error{Code: "0A000", Message: "pinnacle." + name + " must stand alone in its statement", Position: at,
		Hint: "Write it as SELECT pinnacle." + name + "(…)."}
}

// functionCall reads SELECT pinnacle.function(argument, …) [AS name]; nil for any other statement.
func (p *scriptParser) functionCall(toks []Token, stmt *pg_query.Node) (*FunctionCall, error) {
	s := stmt.GetSelectStmt()
	if s == nil || len(s.TargetList) != 1 {
		return nil, nil
	}
	target := s.TargetList[0].GetResTarget()
	call := target.GetVal().GetFuncCall()
	name, ok := isFunction(call.GetFuncname())
	if !ok {
		return nil, nil
	}
	at := int(call.Location)
	if !plainSelect(s) {
		return nil, misplaced(name, at)
	}
	if what := aggregateClause(call); what != "" || call.FuncVariadic || call.AggStar {
		return nil, &Error{Code: "42809", Message: "pinnacle." + name + " takes plain arguments", Position: at}
	}
	c := &FunctionCall{Name: name, Column: target.Name}
	if c.Column == "" {
		c.Column = name
	}
	open := tokenFrom(toks, at)
	for open < len(toks) && toks[open].Kind != pg_query.Token_ASCII_40 {
		open++
	}
	if len(call.Args) > 0 {
		c.Args = listSpans(toks, open)
	}
	f := finder{text: p.text, toks: toks}
	for _, arg := range call.Args {
		if arg.GetNamedArgExpr() != nil {
			return nil, &Error{Code: "42809", Message: "pinnacle." + name + " takes arguments without names", Position: at}
		}
		f.find(arg)
	}
	if f.err != nil {
		return nil, f.err
	}
	if len(f.calls) > 0 || len(f.relations) > 0 {
		return nil, &Error{Code: "0A000", Message: "the arguments of pinnacle." + name + " cannot hold predict or tables of the schema pinnacle", Position: at}
	}
	return c, nil
}

// plainSelect reports whether a select has nothing but its target.
func plainSelect(s *pg_query.SelectStmt) bool {
	return len(s.DistinctClause) == 0 && s.IntoClause == nil && len(s.FromClause) == 0 && s.WhereClause == nil && len(s.GroupClause) == 0 &&
		s.HavingClause == nil && len(s.WindowClause) == 0 && len(s.ValuesLists) == 0 && len(s.SortClause) == 0 && s.LimitCount == nil &&
		s.LimitOffset == nil && len(s.LockingClause) == 0 && s.WithClause == nil && s.Op == pg_query.SetOperation_SETOP_NONE
}

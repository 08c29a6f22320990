package sqlparse

import (
	"crypto/md5"
	"fmt"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// What a view of home has in place of a call: an expression of the call's type that keeps its arguments, and that always
// fails when home evaluates it, because there is no setting of the name.
const (
	stubBefore = "pinnacle: this view calls "
	stubBehind = "; only a query through pinnacle-proxy can read it"
)

// What a materialized view of home has in place of a call fails in the same way, unless LiveSetting is "on": then it calls a
// temporary function by its name, which the view does not depend on.
const (
	liveBefore = "pinnacle: this materialized view calls "
	liveBehind = "; refresh it through pinnacle-proxy"
	// LiveSetting is the setting of home that lets the stubs of materialized views call.
	LiveSetting = "pinnacle.live"
)

// StubType is the type of home that stubs refer to, so that the views with stubs can be found by their dependencies. Next
// to no other view does.
const StubType = "information_schema.time_stamp"

// StubHead is what stands before the arguments of a call in its stub, and StubTail what stands behind them, with a comma
// before each argument. model is name or name@version, returns the type as SQL spells it.
func StubHead(kind, model string) string {
	name := stubBefore + kind + "(" + QuoteLiteral(model) + ")" + stubBehind
	return "CASE WHEN pg_catalog.current_setting(" + QuoteLiteral(name) + ") OPERATOR(pg_catalog.=) ROW(NULL::" + StubType
}

// StubTail is the end of a stub.
func StubTail(returns string) string { return ")::pg_catalog.text THEN NULL::" + returns + " END" }

// LiveName is the name of the temporary function that a live stub calls. It gives the answer's text as a JSON string in
// which no byte is one that XML escapes.
func LiveName(kind, model string) string {
	return fmt.Sprintf("pinnacle_live_%x", md5.Sum([]byte(kind+" "+model)))
}

// LiveStubHead is StubHead for a materialized view, with the types of the arguments.
func LiveStubHead(kind, model string, args []string) string {
	call := "SELECT pg_temp." + LiveName(kind, model) + "("
	for i, t := range args {
		if i > 0 {
			call += ", "
		}
		call += fmt.Sprintf("%%%d$L::%s", i+2, t)
	}
	name := liveBefore + kind + "(" + QuoteLiteral(model) + ")" + liveBehind
	return "CASE WHEN pg_catalog.current_setting(" + QuoteLiteral(name) + ", pg_catalog.current_setting('" + LiveSetting + "', true) IS NOT DISTINCT FROM 'on') IS NULL" +
		" THEN (pg_catalog.substring(pg_catalog.query_to_xml(pg_catalog.format(" +
		QuoteLiteral(call+") AS a") + ", NULL::" + StubType
}

// LiveStubTail is the end of a live stub.
func LiveStubTail(returns string) string {
	return "), false, true, '')::pg_catalog.text, '>(\"[^<>]*\")<')::pg_catalog.jsonb OPERATOR(pg_catalog.#>>) '{}')::" + returns + " END"
}

// Stub is a stub in a text.
type Stub struct {
	// Kind is the function, Model the call's first argument, name or name@version, and Returns the type.
	Kind, Model, Returns string
	// Live says that it is of a materialized view.
	Live bool
	Span Span
	// Args are the call's arguments.
	Args []Span
}

// HoldsStub reports whether a text may hold a stub.
func HoldsStub(text string) bool {
	return strings.Contains(text, stubBefore) || strings.Contains(text, liveBefore)
}

// Edits turn a stub back into its call. They leave the arguments as they are.
func (s *Stub) Edits() []Edit {
	call := s.Kind + "(" + QuoteLiteral(s.Model)
	if len(s.Args) == 0 {
		return []Edit{{s.Span, call + ")"}}
	}
	return []Edit{
		{Span{s.Span.Start, s.Args[0].Start}, call + ", "},
		{Span{s.Args[len(s.Args)-1].End, s.Span.End}, ")"},
	}
}

// Stubs finds the stubs in a statement as home prints it.
func Stubs(text string, span Span, node *pg_query.Node) ([]Stub, error) {
	at, err := NewLocator(text, span)
	if err != nil {
		return nil, err
	}
	var stubs []Stub
	Walk(node, func(n *pg_query.Node) bool {
		if c := n.GetCaseExpr(); c != nil {
			if s, ok := at.stub(c); ok {
				stubs = append(stubs, s)
			}
		}
		return true
	})
	return stubs, nil
}

// stub takes a CASE apart, if it is a stub.
func (l *Locator) stub(c *pg_query.CaseExpr) (Stub, bool) {
	if len(c.Args) != 1 || c.Arg != nil {
		return Stub{}, false
	}
	when := c.Args[0].GetCaseWhen()
	s, before, behind := Stub{}, stubBefore, stubBehind
	setting := when.GetExpr().GetAExpr().GetLexpr().GetFuncCall()
	if n := when.GetExpr().GetNullTest(); n != nil {
		s.Live, before, behind = true, liveBefore, liveBehind
		setting = n.GetArg().GetFuncCall()
	}
	if setting == nil || len(setting.Args) == 0 || functionName(setting) != "current_setting" {
		return Stub{}, false
	}
	name := setting.Args[0]
	for name.GetTypeCast() != nil {
		name = name.GetTypeCast().GetArg()
	}
	call, ok := strings.CutPrefix(name.GetAConst().GetSval().GetSval(), before)
	if !ok {
		return Stub{}, false
	}
	if call, ok = strings.CutSuffix(call, ")"+behind); !ok {
		return Stub{}, false
	}
	var literal string
	s.Kind, literal, _ = strings.Cut(call, "(")
	switch s.Kind {
	case "predict", "try_predict", "predict_details":
	default:
		return Stub{}, false
	}
	var err error
	if s.Model, err = stringConstant(literal); err != nil {
		return Stub{}, false
	}
	open, first := stubList(when, s.Live)
	return s, open >= 0 && l.stubPlaces(c, open, first, &s)
}

// stubList is the place of the name before the list that a stub has its arguments in, and the number of items in it that
// come before them; -1 where there is none.
func stubList(when *pg_query.CaseWhen, live bool) (at, before int) {
	if !live {
		row := when.GetExpr().GetAExpr().GetRexpr().GetTypeCast().GetArg().GetRowExpr()
		if row == nil {
			return -1, 0
		}
		return int(row.Location), 1
	}
	at = -1
	Walk(when.GetResult(), func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil && at < 0 && functionName(f) == "format" {
			at = int(f.Location)
		}
		return at < 0
	})
	return at, 2
}

// stubPlaces finds the places of a stub and of its arguments, in a list that a name at byte list stands before.
func (l *Locator) stubPlaces(c *pg_query.CaseExpr, list, before int, s *Stub) bool {
	first := l.After(int(c.Location))
	depth, last, end := 0, -1, -1
	for i := first; i < len(l.toks) && end < 0; i++ {
		switch l.toks[i].Kind {
		case pg_query.Token_CASE:
			depth++
		case pg_query.Token_ELSE:
			if depth == 1 {
				last = i
			}
		case pg_query.Token_END_P:
			if depth--; depth == 0 {
				end = i
			}
		}
	}
	open := l.After(list) + 1
	if end < 0 || last < 0 || open >= len(l.toks) || l.toks[open].Kind != pg_query.Token_ASCII_40 {
		return false
	}
	items := listSpans(l.toks, open)
	if len(items) < before {
		return false
	}
	s.Returns = strings.TrimPrefix(Span{l.toks[last+1].Span.Start, l.toks[end-1].Span.End}.Of(l.text), "NULL::")
	s.Span = Span{l.toks[first].Span.Start, l.toks[end].Span.End}
	s.Args = items[before:]
	return true
}

// ModelName takes 'name' or 'name@version' apart; the version is 0 where there is none.
func ModelName(s string) (name string, version int, err error) {
	name, version, bad := modelName(s)
	if bad != nil {
		return "", 0, bad
	}
	return name, version, nil
}

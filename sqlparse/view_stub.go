package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// What a view of home has in place of a call: an expression of the call's type that keeps its arguments, and that always
// fails when home evaluates it, because there is no setting of the name.
const (
	stubBefore = "pinnacle: this view calls "
	stubBehind = "; read it through pinnacle-proxy"
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

// Stub is a stub in a text.
type Stub struct {
	// Kind is the function, Model the call's first argument, name or name@version, and Returns the type.
	Kind, Model, Returns string
	Span                 Span
	// Args are the call's arguments.
	Args []Span
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
	cond := c.Args[0].GetCaseWhen().GetExpr().GetAExpr()
	setting := cond.GetLexpr().GetFuncCall()
	row := cond.GetRexpr().GetTypeCast().GetArg().GetRowExpr()
	if setting == nil || row == nil || len(setting.Args) != 1 || len(row.Args) == 0 || functionName(setting) != "current_setting" {
		return Stub{}, false
	}
	name := setting.Args[0]
	for name.GetTypeCast() != nil {
		name = name.GetTypeCast().GetArg()
	}
	call, ok := strings.CutPrefix(name.GetAConst().GetSval().GetSval(), stubBefore)
	if !ok {
		return Stub{}, false
	}
	if call, ok = strings.CutSuffix(call, ")"+stubBehind); !ok {
		return Stub{}, false
	}
	s := Stub{}
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
	ok = l.stubPlaces(c, row, &s)
	return s, ok
}

// stubPlaces finds the places of a stub and of its arguments.
func (l *Locator) stubPlaces(c *pg_query.CaseExpr, row *pg_query.RowExpr, s *Stub) bool {
	first := l.After(int(c.Location))
	depth, then, end := 0, -1, -1
	for i := first; i < len(l.toks) && end < 0; i++ {
		switch l.toks[i].Kind {
		case pg_query.Token_CASE:
			depth++
		case pg_query.Token_THEN:
			if depth == 1 {
				then = i
			}
		case pg_query.Token_ELSE, pg_query.Token_END_P:
			if depth == 1 && s.Returns == "" && then >= 0 {
				s.Returns = strings.TrimPrefix(Span{l.toks[then+1].Span.Start, l.toks[i-1].Span.End}.Of(l.text), "NULL::")
			}
			if l.toks[i].Kind == pg_query.Token_END_P {
				if depth--; depth == 0 {
					end = i
				}
			}
		}
	}
	open := l.After(int(row.Location)) + 1
	if end < 0 || open >= len(l.toks) || l.toks[open].Kind != pg_query.Token_ASCII_40 {
		return false
	}
	items := listSpans(l.toks, open)
	if len(items) != len(row.Args) {
		return false
	}
	s.Span = Span{l.toks[first].Span.Start, l.toks[end].Span.End}
	s.Args = items[1:]
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

package sqlparse

import (
	"fmt"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Prepare is PREPARE name [(types)] AS statement.
type Prepare struct {
	Name string
	// ArgTypes are the spellings of the declared parameter types.
	ArgTypes []string
	// Inner covers the statement behind AS, and InnerNode is its tree.
	Inner     Span
	InnerNode *pg_query.Node
}

// Execute is EXECUTE name [(values)].
type Execute struct {
	Name string
	// NameSpan covers the name.
	NameSpan Span
	// Params are the values' expressions, and ParamSpans where they stand.
	Params     []*pg_query.Node
	ParamSpans []Span
}

// Deallocate is DEALLOCATE [PREPARE] {name | ALL}.
type Deallocate struct {
	Name string
	All  bool
}

// Discard is DISCARD {ALL | PLANS | SEQUENCES | TEMP}.
type Discard struct {
	All   bool
	Plans bool
}

// Explain is EXPLAIN [(option, …)] statement.
type Explain struct {
	Analyze bool
	Verbose bool
	// Format is text, xml, json or yaml.
	Format string
	// Options are all that were given, those with fields of their own among them, in the order of the text.
	Options []ExplainOption
	// Inner covers the explained statement, and InnerNode is its tree.
	Inner     Span
	InnerNode *pg_query.Node
}

// ExplainOption is one option of EXPLAIN; Value is "" where the text gives none, which means on.
type ExplainOption struct{ Name, Value string }

// CommandOf says whether a statement manages statements itself: *Prepare, *Execute, *Deallocate, *Discard or *Explain,
// nil for any other.
func CommandOf(st *Statement) any { return st.command }

func commandOf(text string, toks []Token, n *pg_query.Node) any {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_PrepareStmt:
		return prepareOf(text, toks, s.PrepareStmt)
	case *pg_query.Node_ExecuteStmt:
		return executeOf(toks, s.ExecuteStmt)
	case *pg_query.Node_DeallocateStmt:
		return &Deallocate{Name: s.DeallocateStmt.Name, All: s.DeallocateStmt.Name == ""}
	case *pg_query.Node_DiscardStmt:
		target := s.DiscardStmt.Target
		return &Discard{All: target == pg_query.DiscardMode_DISCARD_ALL, Plans: target == pg_query.DiscardMode_DISCARD_PLANS}
	case *pg_query.Node_ExplainStmt:
		return explainOf(toks, s.ExplainStmt)
	}
	return nil
}

func prepareOf(text string, toks []Token, s *pg_query.PrepareStmt) *Prepare {
	p := &Prepare{Name: s.Name, InnerNode: s.Query}
	i := afterName(toks, 1)
	if len(s.Argtypes) > 0 {
		for _, span := range listSpans(toks, i) {
			p.ArgTypes = append(p.ArgTypes, span.Of(text))
		}
		i = closingParen(toks, i) + 1
	}
	p.Inner = spanOfTokens(toks[i+1:]) // behind AS
	return p
}

func executeOf(toks []Token, s *pg_query.ExecuteStmt) *Execute {
	e := &Execute{Name: s.Name, Params: s.Params}
	behind := afterName(toks, 1)
	e.NameSpan = spanOfTokens(toks[1:behind])
	if len(s.Params) > 0 {
		e.ParamSpans = listSpans(toks, behind)
	}
	return e
}

// ExecuteIn gives the EXECUTE that a statement is, explains, or makes a table of; nil where there is none.
func ExecuteIn(text string, span Span, n *pg_query.Node) (*Execute, error) {
	if inner := n.GetExplainStmt().GetQuery(); inner != nil {
		n = inner
	}
	if inner := n.GetCreateTableAsStmt().GetQuery(); inner != nil {
		n = inner
	}
	stmt := n.GetExecuteStmt()
	if stmt == nil {
		return nil, nil
	}
	toks, err := Tokens(text)
	if err != nil {
		return nil, err
	}
	toks = within(toks, span)
	// The word may be the name of a table before, and of the statement behind it.
	for i := len(toks) - 2; i >= 0; i-- {
		if toks[i].Kind == pg_query.Token_EXECUTE && isName(toks[i+1]) {
			return executeOf(toks[i:], stmt), nil
		}
	}
	return nil, fmt.Errorf("the EXECUTE of a statement was not found")
}

// explainOf reads the options as PostgreSQL does: the last of several with one name counts.
func explainOf(toks []Token, s *pg_query.ExplainStmt) *Explain {
	e := &Explain{Format: "text", InnerNode: s.Query}
	for _, o := range s.Options {
		d := o.GetDefElem()
		opt := ExplainOption{Name: d.GetDefname(), Value: optionText(d.GetArg())}
		e.Options = append(e.Options, opt)
		switch opt.Name {
		case "analyze":
			e.Analyze = opt.On()
		case "verbose":
			e.Verbose = opt.On()
		case "format":
			e.Format = strings.ToLower(opt.Value)
		}
	}
	i := 1
	if len(toks) > 2 && toks[1].Kind == pg_query.Token_ASCII_40 && isExplainOption(toks[2]) {
		i = closingParen(toks, 1) + 1
	}
	for i < len(toks) && isExplainWord(toks[i].Kind) {
		i++
	}
	e.Inner = spanOfTokens(toks[i:])
	return e
}

// isExplainOption tells EXPLAIN (ANALYZE) … from EXPLAIN (SELECT …).
func isExplainOption(t Token) bool {
	switch t.Kind {
	case pg_query.Token_SELECT, pg_query.Token_VALUES, pg_query.Token_WITH, pg_query.Token_TABLE, pg_query.Token_ASCII_40:
		return false
	}
	return true
}

// On reports whether the option is switched on, by PostgreSQL's rules for a boolean option.
func (o ExplainOption) On() bool {
	switch strings.ToLower(o.Value) {
	case "", "true", "on", "1":
		return true
	}
	return false
}

// optionText is an option's value as text.
func optionText(n *pg_query.Node) string {
	switch v := n.GetNode().(type) {
	case *pg_query.Node_String_:
		return v.String_.Sval
	case *pg_query.Node_Integer:
		return strconv.Itoa(int(v.Integer.Ival))
	case *pg_query.Node_Float:
		return v.Float.Fval
	case *pg_query.Node_Boolean:
		if v.Boolean.Boolval {
			return "true"
		}
		return "false"
	}
	return ""
}

// listSpans are the spans of the items, parted by commas, between the parenthesis at open and its end.
func listSpans(toks []Token, open int) []Span {
	end := -1
	if open < len(toks) {
		end = closingParen(toks, open)
	}
	var spans []Span
	depth, start := 0, open+1
	for j := open + 1; j <= end; j++ {
		switch toks[j].Kind {
		case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
			depth++
			continue
		case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93:
			if depth--; depth >= 0 {
				continue
			}
		case pg_query.Token_ASCII_44:
			if depth > 0 {
				continue
			}
		default:
			continue
		}
		spans = append(spans, spanOfTokens(toks[start:j]))
		start = j + 1
	}
	return spans
}

func isExplainWord(k pg_query.Token) bool {
	return k == pg_query.Token_ANALYZE || k == pg_query.Token_ANALYSE || k == pg_query.Token_VERBOSE
}

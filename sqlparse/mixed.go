package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// FunctionKind says how PostgreSQL runs a function.
type FunctionKind byte

// The kinds of functions. A name that stands for functions of several kinds counts as the last of these.
const (
	PlainFunction     FunctionKind = 'f'
	AggregateFunction FunctionKind = 'a'
	WindowFunction    FunctionKind = 'w'
	SetFunction       FunctionKind = 's'
)

// Mixed is an expression around predict calls, taken apart: Parts, in the order of the text, are to be replaced by
// values that are known once the models have answered; everything between them PostgreSQL evaluates then.
type Mixed struct {
	Span  Span
	Parts []Part
	// Pure says that the expression is one call and nothing else.
	Pure bool
}

// Part is a piece of a Mixed expression: a call, or something that home evaluates where it stands (a column, a
// parameter, an aggregate, a subquery).
type Part struct {
	Span Span
	// Call is nil for a piece that home evaluates.
	Call *Call
}

// dissector walks one expression.
type dissector struct {
	text  string
	toks  []Token
	calls map[*pg_query.FuncCall]*Call
	kinds map[string]FunctionKind
	parts []Part
}

// Dissect takes the expression node, which is the text's range span, apart. kinds has the kinds of the functions named
// by FunctionNames. A call that is not evaluated for every row is an *Error 0A000.
func Dissect(text string, span Span, node *pg_query.Node, calls []*Call, kinds map[string]FunctionKind) (*Mixed, error) {
	toks, err := Tokens(text)
	if err != nil {
		return nil, err
	}
	d := &dissector{text: text, toks: within(toks, span), calls: map[*pg_query.FuncCall]*Call{}, kinds: kinds}
	for _, c := range calls {
		d.calls[c.Node] = c
	}
	if err := d.visit(node, false); err != nil {
		return nil, d.placed(err)
	}
	m := &Mixed{Span: span, Parts: sortParts(d.parts)}
	m.Pure = len(m.Parts) == 1 && m.Parts[0].Call != nil && spanOfTokens(stripParens(d.toks)) == m.Parts[0].Span
	return m, nil
}

func sortParts(parts []Part) []Part {
	for i := 1; i < len(parts); i++ {
		for j := i; j > 0 && parts[j].Span.Start < parts[j-1].Span.Start; j-- {
			parts[j], parts[j-1] = parts[j-1], parts[j]
		}
	}
	return parts
}

// HasCall reports whether one of calls stands in node.
func HasCall(node *pg_query.Node, calls []*Call) bool {
	found := false
	Walk(node, func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil {
			for _, c := range calls {
				found = found || c.Node == f
			}
		}
		return !found
	})
	return found
}

// FunctionNames lists the functions, by their last name, that node calls outside the arguments of predict calls and
// outside subqueries.
func FunctionNames(node *pg_query.Node, calls []*Call) []string {
	var names []string
	Walk(node, func(n *pg_query.Node) bool {
		if n.GetSubLink() != nil {
			return false
		}
		f := n.GetFuncCall()
		if f == nil {
			return true
		}
		for _, c := range calls {
			if c.Node == f {
				return false
			}
		}
		names = append(names, functionName(f))
		return true
	})
	return names
}

func functionName(f *pg_query.FuncCall) string {
	names := f.GetFuncname()
	return names[len(names)-1].GetString_().GetSval()
}

func (d *dissector) refuse(what string, at int32) *Error {
	return &Error{Code: "0A000", Message: "predict is not supported " + what, Position: int(at),
		Hint: "Call predict in the select list or as a term of WHERE, where it is evaluated for every row."}
}

// placed gives an error without a place that of the expression's first call.
func (d *dissector) placed(err error) error {
	e, ok := err.(*Error)
	if !ok || e.Position >= 0 {
		return err
	}
	for _, t := range d.toks {
		for _, c := range d.calls {
			if c.Span.Start == t.Span.Start {
				e.Position = t.Span.Start
				return e
			}
		}
	}
	return e
}

// conditional is the message for a call that some rows never reach.
func (d *dissector) conditional(where string, at int) *Error {
	return d.refuse("in "+where+", which is not evaluated for every row", int32(at))
}

func (d *dissector) visitAll(nodes []*pg_query.Node, cond bool) error {
	for _, n := range nodes {
		if err := d.visit(n, cond); err != nil {
			return err
		}
	}
	return nil
}

// visitLazily visits operands of which only the first is sure to be evaluated.
func (d *dissector) visitLazily(nodes []*pg_query.Node, cond bool) error {
	for i, n := range nodes {
		if err := d.visit(n, cond || i > 0); err != nil {
			return err
		}
	}
	return nil
}

// visit collects the parts of an expression; cond says that n is not evaluated for every row.
func (d *dissector) visit(n *pg_query.Node, cond bool) error {
	if n == nil {
		return nil
	}
	switch e := n.GetNode().(type) {
	case *pg_query.Node_AConst, *pg_query.Node_SqlvalueFunction, *pg_query.Node_SetToDefault:
		return nil
	case *pg_query.Node_ColumnRef:
		return d.column(e.ColumnRef)
	case *pg_query.Node_ParamRef:
		return d.lift(int(e.ParamRef.GetLocation()), func(i int) int { return i })
	case *pg_query.Node_FuncCall:
		return d.function(e.FuncCall, cond)
	case *pg_query.Node_GroupingFunc:
		return d.lift(int(e.GroupingFunc.GetLocation()), d.functionEnd)
	case *pg_query.Node_SubLink:
		return d.subquery(e.SubLink, cond)
	case *pg_query.Node_AExpr:
		return d.operator(e.AExpr, cond)
	case *pg_query.Node_BoolExpr:
		return d.visitLazily(e.BoolExpr.GetArgs(), cond)
	case *pg_query.Node_CaseExpr:
		return d.caseExpr(e.CaseExpr, cond)
	case *pg_query.Node_CoalesceExpr:
		return d.visitLazily(e.CoalesceExpr.GetArgs(), cond)
	case *pg_query.Node_MinMaxExpr:
		return d.visitAll(e.MinMaxExpr.GetArgs(), cond)
	case *pg_query.Node_TypeCast:
		return d.visit(e.TypeCast.GetArg(), cond)
	case *pg_query.Node_CollateClause:
		return d.visit(e.CollateClause.GetArg(), cond)
	case *pg_query.Node_NullTest:
		return d.visit(e.NullTest.GetArg(), cond)
	case *pg_query.Node_BooleanTest:
		return d.visit(e.BooleanTest.GetArg(), cond)
	case *pg_query.Node_AIndirection:
		return d.indirection(e.AIndirection, cond)
	case *pg_query.Node_AArrayExpr:
		return d.visitAll(e.AArrayExpr.GetElements(), cond)
	case *pg_query.Node_RowExpr:
		return d.visitAll(e.RowExpr.GetArgs(), cond)
	case *pg_query.Node_NamedArgExpr:
		return d.visit(e.NamedArgExpr.GetArg(), cond)
	case *pg_query.Node_List:
		return d.visitAll(e.List.GetItems(), cond)
	}
	return d.refuse("in this kind of expression", -1)
}

// tokenAt gives the index of the token that begins at a byte.
func (d *dissector) tokenAt(pos int) int {
	for i := range d.toks {
		if d.toks[i].Span.Start == pos {
			return i
		}
	}
	return -1
}

// lift notes a piece for home, from the token at pos to the one that end gives.
func (d *dissector) lift(pos int, end func(i int) int) error {
	i := d.tokenAt(pos)
	if i < 0 {
		return errShape("expression", pos)
	}
	j := end(i)
	if j < i || j >= len(d.toks) {
		return errShape("expression", pos)
	}
	d.parts = append(d.parts, Part{Span: Span{d.toks[i].Span.Start, d.toks[j].Span.End}})
	return nil
}

// qualifiedEnd gives the last token of a name with at most so many dots in it that begins at i.
func (d *dissector) qualifiedEnd(i, dots int) int {
	i = afterName(d.toks, i)
	for ; dots > 0 && i+1 < len(d.toks) && d.toks[i].Kind == pg_query.Token_ASCII_46; dots-- {
		i = afterName(d.toks, i+1)
	}
	return i - 1
}

func (d *dissector) column(c *pg_query.ColumnRef) error {
	fields := c.GetFields()
	if fields[len(fields)-1].GetAStar() != nil {
		return d.refuse("in an expression with *", c.GetLocation())
	}
	return d.lift(int(c.GetLocation()), func(i int) int { return d.qualifiedEnd(i, len(fields)-1) })
}

// functionEnd gives the last token of a function call that begins at i, with WITHIN GROUP, FILTER and OVER.
func (d *dissector) functionEnd(i int) int {
	i = d.qualifiedEnd(i, len(d.toks))
	if i+1 >= len(d.toks) || d.toks[i+1].Kind != pg_query.Token_ASCII_40 {
		return -1
	}
	i = d.closing(i + 1)
	for i >= 0 && i+1 < len(d.toks) {
		next := i + 1
		switch d.toks[next].Kind {
		case pg_query.Token_WITHIN: // WITHIN GROUP (…)
			next += 2
		case pg_query.Token_FILTER, pg_query.Token_OVER:
			next++
		default:
			return i
		}
		if next >= len(d.toks) {
			return -1
		}
		if d.toks[next].Kind != pg_query.Token_ASCII_40 { // OVER name
			i = next
			continue
		}
		i = d.closing(next)
	}
	return i
}

// closing gives the token that closes the parenthesis at i.
func (d *dissector) closing(i int) int {
	return closingParen(d.toks, i)
}

func (d *dissector) function(f *pg_query.FuncCall, cond bool) error {
	if c := d.calls[f]; c != nil {
		if cond {
			return d.conditional("a branch of CASE, COALESCE, AND or OR", c.Span.Start)
		}
		d.parts = append(d.parts, Part{Span: c.Span, Call: c})
		return nil
	}
	kind := d.kinds[functionName(f)]
	over := f.GetOver() != nil
	if over || f.GetAggStar() || f.GetAggDistinct() || f.GetAggFilter() != nil || f.GetAggWithinGroup() || len(f.GetAggOrder()) > 0 ||
		kind == AggregateFunction || kind == WindowFunction {
		return d.aggregate(f, over)
	}
	if kind == SetFunction {
		return d.refuse("beside a function that returns a set", f.GetLocation())
	}
	return d.visitAll(f.GetArgs(), cond)
}

// aggregate leaves an aggregate or window function to home, which no call may stand in.
func (d *dissector) aggregate(f *pg_query.FuncCall, over bool) error {
	all := make([]*Call, 0, len(d.calls))
	for _, c := range d.calls {
		all = append(all, c)
	}
	if HasCall(&pg_query.Node{Node: &pg_query.Node_FuncCall{FuncCall: f}}, all) {
		what := "inside an aggregate function"
		if over {
			what = "inside a window function"
		}
		return d.refuse(what, f.GetLocation())
	}
	return d.lift(int(f.GetLocation()), d.functionEnd)
}

func (d *dissector) subquery(s *pg_query.SubLink, cond bool) error {
	at := s.GetLocation()
	if cond {
		return d.refuse("beside a subquery in a branch of CASE, COALESCE, AND or OR", at)
	}
	all := make([]*Call, 0, len(d.calls))
	for _, c := range d.calls {
		all = append(all, c)
	}
	if HasCall(s.GetSubselect(), all) {
		return d.refuse("in a subquery", at)
	}
	switch s.GetSubLinkType() {
	case pg_query.SubLinkType_EXPR_SUBLINK:
		return d.lift(int(at), d.closing)
	case pg_query.SubLinkType_EXISTS_SUBLINK, pg_query.SubLinkType_ARRAY_SUBLINK:
		return d.lift(int(at), func(i int) int { return d.closing(i + 1) })
	}
	return d.refuse("beside a subquery with IN, ANY or ALL", at)
}

func (d *dissector) operator(e *pg_query.A_Expr, cond bool) error {
	if err := d.visit(e.GetLexpr(), cond); err != nil {
		return err
	}
	switch e.GetKind() {
	case pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM,
		pg_query.A_Expr_Kind_AEXPR_IN:
		return d.visitLazily(e.GetRexpr().GetList().GetItems(), cond)
	}
	return d.visit(e.GetRexpr(), cond)
}

func (d *dissector) caseExpr(c *pg_query.CaseExpr, cond bool) error {
	if err := d.visit(c.GetArg(), cond); err != nil {
		return err
	}
	for i, n := range c.GetArgs() {
		when := n.GetCaseWhen()
		if err := d.visit(when.GetExpr(), cond || i > 0); err != nil {
			return err
		}
		if err := d.visit(when.GetResult(), true); err != nil {
			return err
		}
	}
	return d.visit(c.GetDefresult(), true)
}

func (d *dissector) indirection(a *pg_query.A_Indirection, cond bool) error {
	if err := d.visit(a.GetArg(), cond); err != nil {
		return err
	}
	for _, n := range a.GetIndirection() {
		if i := n.GetAIndices(); i != nil {
			if err := d.visit(i.GetLidx(), cond); err != nil {
				return err
			}
			if err := d.visit(i.GetUidx(), cond); err != nil {
				return err
			}
		}
	}
	return nil
}

// Replace gives the expression's text with each part replaced by what with says.
func (m *Mixed) Replace(text string, with func(Part) string) string {
	var b strings.Builder
	at := m.Span.Start
	for _, p := range m.Parts {
		b.WriteString(text[at:p.Span.Start])
		b.WriteString(with(p))
		at = p.Span.End
	}
	b.WriteString(text[at:m.Span.End])
	return b.String()
}

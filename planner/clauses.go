package planner

import (
	"fmt"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// refuseAt is the error for a call in a place where it cannot be answered.
func refuseAt(where string, pos int) *sqlparse.Error {
	return &sqlparse.Error{Code: "0A000", Message: "predict is not supported in " + where, Position: pos,
		Hint: "Call predict in the select list, or as a term of WHERE, of the outermost SELECT."}
}

// statementName names a statement that is no SELECT.
func statementName(n *pg_query.Node) string {
	switch n.GetNode().(type) {
	case *pg_query.Node_InsertStmt:
		return "INSERT"
	case *pg_query.Node_UpdateStmt:
		return "UPDATE"
	case *pg_query.Node_DeleteStmt:
		return "DELETE"
	case *pg_query.Node_MergeStmt:
		return "MERGE"
	case *pg_query.Node_CopyStmt:
		return "COPY"
	case *pg_query.Node_DeclareCursorStmt:
		return "DECLARE CURSOR"
	case *pg_query.Node_ViewStmt:
		return "CREATE VIEW"
	case *pg_query.Node_CreateTableAsStmt:
		if n.GetCreateTableAsStmt().GetObjtype() == pg_query.ObjectType_OBJECT_MATVIEW {
			return "CREATE MATERIALIZED VIEW"
		}
		return "CREATE TABLE AS"
	case *pg_query.Node_CreateStmt:
		return "CREATE TABLE"
	case *pg_query.Node_AlterTableStmt:
		return "ALTER TABLE"
	case *pg_query.Node_IndexStmt:
		return "CREATE INDEX"
	case *pg_query.Node_RuleStmt:
		return "CREATE RULE"
	case *pg_query.Node_CreatePolicyStmt:
		return "CREATE POLICY"
	case *pg_query.Node_CallStmt:
		return "CALL"
	case *pg_query.Node_ExecuteStmt:
		return "the arguments of EXECUTE"
	}
	return "this kind of statement"
}

// check finds calls that stand where Stream cannot answer them, and clauses that it cannot run.
func (b *builder) check() error {
	for _, c := range b.req.Calls {
		if c.Outer != nil {
			continue
		}
		where := b.shape.ClauseAt(c.Span.Start)
		if where != "the select list" && where != "WHERE" {
			return refuseAt(where, c.Span.Start)
		}
		b.filters = b.filters || where == "WHERE"
	}
	sel := b.shape.Select
	first := b.req.Calls[0].Span.Start
	if err := b.checkDistinct(sel.GetDistinctClause(), first); err != nil {
		return err
	}
	if err := b.checkReferences("GROUP BY", groupKeys(sel.GetGroupClause())); err != nil {
		return err
	}
	if err := b.checkReferences("ORDER BY", sortKeys(sel)); err != nil {
		return err
	}
	if len(sel.GetGroupClause()) > 0 {
		for _, t := range b.shape.Targets { // what is grouped by is no expression of its own any more where it is taken apart
			if calls := b.callsIn(t.Expr); len(calls) > 0 && (len(calls) > 1 || calls[0].Span != t.Expr) {
				return refuseAt("an expression of a SELECT with GROUP BY", calls[0].Span.Start)
			}
		}
	}
	if b.filters {
		return b.checkFilter(sel)
	}
	return nil
}

// checkDistinct refuses DISTINCT, unless it is DISTINCT ON what home itself computes and home's rows are the client's: then calls
// are made for the rows that it leaves.
func (b *builder) checkDistinct(distinct []*pg_query.Node, first int) error {
	switch {
	case len(distinct) == 0:
		return nil
	case b.filters || distinct[0].GetNode() == nil: // DISTINCT is a list of nothing
		return refuseAt("a SELECT with DISTINCT", first)
	}
	return b.checkReferences("DISTINCT ON", distinct)
}

// groupKeys gives the keys of GROUP BY, those inside ROLLUP, CUBE, GROUPING SETS and (a, b) too.
func groupKeys(nodes []*pg_query.Node) []*pg_query.Node {
	var keys []*pg_query.Node
	for _, n := range nodes {
		switch r := n.GetRowExpr(); {
		case n.GetGroupingSet() != nil:
			keys = append(keys, groupKeys(n.GetGroupingSet().GetContent())...)
		case r != nil && r.GetRowFormat() == pg_query.CoercionForm_COERCE_IMPLICIT_CAST:
			keys = append(keys, groupKeys(r.GetArgs())...)
		default:
			keys = append(keys, n)
		}
	}
	return keys
}

func sortKeys(sel *pg_query.SelectStmt) []*pg_query.Node {
	var keys []*pg_query.Node
	for _, n := range sel.GetSortClause() {
		keys = append(keys, n.GetSortBy().GetNode())
	}
	return keys
}

// checkFilter finds what would see rows that a condition with predict drops.
func (b *builder) checkFilter(sel *pg_query.SelectStmt) error {
	at := b.shape.Where.Start
	for _, c := range b.req.Calls {
		if b.shape.Where.Contains(c.Span) {
			at = c.Span.Start
			break
		}
	}
	switch {
	case len(sel.GetGroupClause()) > 0:
		return refuseAt("the WHERE of a SELECT with GROUP BY", at)
	case sel.GetHavingClause() != nil:
		return refuseAt("the WHERE of a SELECT with HAVING", at)
	case len(sel.GetLockingClause()) > 0:
		return refuseAt("the WHERE of a SELECT with FOR UPDATE or FOR SHARE", at)
	case sel.GetLimitOption() == pg_query.LimitOption_LIMIT_OPTION_WITH_TIES:
		return refuseAt("the WHERE of a SELECT with FETCH FIRST … WITH TIES", at)
	}
	for i, k := range sortKeys(sel) {
		if k.GetColumnRef() == nil && k.GetAConst() == nil {
			return refuseAt(fmt.Sprintf("the WHERE of a SELECT whose ORDER BY has an expression (entry %d)", i+1), at)
		}
	}
	return nil
}

// checkReferences refuses keys of GROUP BY and ORDER BY that name a column of the select list that home does not
// compute, by number or by name.
func (b *builder) checkReferences(clause string, keys []*pg_query.Node) error {
	for _, k := range keys {
		for i, t := range b.shape.Targets {
			if !b.special(t) {
				continue
			}
			if b.refersTo(k, i, t.Name) {
				pos := t.Expr.Start
				if calls := b.callsIn(t.Expr); len(calls) > 0 {
					pos = calls[0].Span.Start
					return refuseAt(clause, pos)
				}
				return refuseAt("the WHERE of a SELECT whose "+clause+" names an expression of the select list", pos)
			}
		}
	}
	return nil
}

// refersTo reports whether a key may stand for target i, named name.
func (b *builder) refersTo(key *pg_query.Node, i int, name string) bool {
	if c := key.GetColumnRef(); c != nil {
		f := c.GetFields()
		return len(f) == 1 && f[0].GetString_().GetSval() == name
	}
	c := key.GetAConst()
	if c == nil || c.GetIval() == nil {
		return false
	}
	for _, before := range b.shape.Targets[:i] {
		if before.Star {
			return int(c.GetIval().GetIval()) > i // a star's width is not known here
		}
	}
	return int(c.GetIval().GetIval()) == i+1
}

// special reports whether home gives only a place holder for a target.
func (b *builder) special(t sqlparse.Target) bool {
	return len(b.callsIn(t.Expr)) > 0 || (b.hasFilter() && !t.Star && !plainTarget(t.Node))
}

// hasFilter reports whether a call stands in WHERE.
func (b *builder) hasFilter() bool {
	for _, c := range b.req.Calls {
		if c.Outer == nil && b.shape.Where.Contains(c.Span) {
			return true
		}
	}
	return false
}

// plainTarget reports whether home may compute a target for rows that are dropped later: it neither fails nor has an
// effect.
func plainTarget(n *pg_query.Node) bool {
	if c := n.GetTypeCast(); c.GetArg().GetColumnRef() != nil && castsToText(c.TypeName) {
		return true // it cannot fail, and of a column of text it is the column itself
	}
	return n.GetColumnRef() != nil || n.GetAConst() != nil || n.GetParamRef() != nil
}

// castsToText reports whether a type's name is text.
func castsToText(t *pg_query.TypeName) bool {
	names := t.GetNames()
	return len(names) > 0 && names[len(names)-1].GetString_().GetSval() == "text" && len(t.ArrayBounds) == 0 &&
		(len(names) == 1 || len(names) == 2 && names[0].GetString_().GetSval() == "pg_catalog")
}

// functionNames lists the functions whose kinds matter.
func (b *builder) functionNames() []string {
	var names []string
	for _, t := range b.shape.Targets {
		if b.filters || len(b.callsIn(t.Expr)) > 0 {
			names = append(names, sqlparse.FunctionNames(t.Node, b.req.Calls)...)
		}
	}
	names = append(names, sqlparse.FunctionNames(b.shape.Select.GetWhereClause(), b.req.Calls)...)
	for _, c := range b.req.Calls {
		for _, a := range c.Args {
			if b.filters || sqlparse.HasCall(a.Node, b.req.Calls) {
				names = append(names, sqlparse.FunctionNames(a.Node, b.req.Calls)...)
			}
		}
	}
	return names
}

// checkFunctions refuses, beside a filter, functions that look at more than their own row.
func (b *builder) checkFunctions() error {
	if !b.filters {
		return nil
	}
	for _, c := range b.req.Calls {
		for _, a := range c.Args {
			if !b.shape.Where.Contains(c.Span) {
				continue
			}
			if what := b.manyRows(a.Node); what != "" && a.Node.GetSubLink() == nil { // PostgreSQL has its own word on these
				return refuseAt("a WHERE with "+what, c.Span.Start)
			}
		}
	}
	for _, t := range b.shape.Targets {
		nodes := []*pg_query.Node{t.Node}
		for _, c := range b.req.Calls {
			if t.Expr.Contains(c.Span) {
				for _, a := range c.Args {
					nodes = append(nodes, a.Node)
				}
			}
		}
		for _, n := range nodes {
			if what := b.manyRows(n); what != "" {
				return refuseAt("the WHERE of a SELECT with "+what, b.shape.Where.Start)
			}
		}
	}
	return nil
}

// manyRows names the kind of function in an expression that looks at, or gives, more than one row.
func (b *builder) manyRows(n *pg_query.Node) string {
	what := ""
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if n.GetSubLink() != nil {
			what = "a subquery in its select list"
			return false
		}
		f := n.GetFuncCall()
		if f == nil {
			return what == ""
		}
		names := f.GetFuncname()
		switch kind := b.kinds[names[len(names)-1].GetString_().GetSval()]; {
		case f.GetOver() != nil || kind == sqlparse.WindowFunction:
			what = "window functions"
		case f.GetAggStar() || kind == sqlparse.AggregateFunction:
			what = "aggregate functions"
		case kind == sqlparse.SetFunction:
			what = "functions that return sets"
		}
		return what == ""
	})
	return what
}

// filter plans one term of WHERE that holds calls.
func (b *builder) filter(i int, term sqlparse.Span) error {
	node := whereTerm(b.shape.Select.GetWhereClause(), i, len(b.shape.Terms))
	if node == nil {
		return refuseAt("this WHERE", term.Start)
	}
	if b.cheapBehind(node) {
		return refuseAt("an OR with a condition behind it that needs no model", term.Start) // which rounds try first
	}
	m, err := b.dissect(term, node)
	if err != nil {
		return err
	}
	eval := &Eval{}
	check := b.addHidden(Hidden{Kind: CheckColumn}, nil) // before other columns, so that it gives parameters their types
	text, err := b.evaluation(m, &b.plan.Filters, eval)
	if err != nil {
		return err
	}
	eval.Filter = text
	b.plan.Filters = append(b.plan.Filters, Step{Eval: eval})
	b.plan.FilterTexts = append(b.plan.FilterTexts, term.Of(b.req.Text))
	b.hidden[check] = (&fragment{}).add("CASE WHEN false THEN ((").append(b.placeholderBody(m)).add(") AND true) END")
	b.later = true
	return nil
}

// cheapBehind reports whether an OR has a cheap condition behind one with a call.
func (b *builder) cheapBehind(n *pg_query.Node) bool {
	e := n.GetBoolExpr()
	called := false
	for _, a := range e.GetArgs() {
		switch {
		case sqlparse.HasCall(a, b.req.Calls):
			if called = true; b.cheapBehind(a) {
				return true
			}
		case called && e.Boolop == pg_query.BoolExprType_OR_EXPR && cheap(a):
			return true
		}
	}
	return false
}

// whereTerm gives the tree of term i of n of a condition.
func whereTerm(where *pg_query.Node, i, n int) *pg_query.Node {
	flat := flatten(where)
	if len(flat) != n {
		return nil
	}
	return flat[i]
}

func flatten(n *pg_query.Node) []*pg_query.Node {
	e := n.GetBoolExpr()
	if e == nil || e.GetBoolop() != pg_query.BoolExprType_AND_EXPR {
		return []*pg_query.Node{n}
	}
	var all []*pg_query.Node
	for _, a := range e.GetArgs() {
		all = append(all, flatten(a)...)
	}
	return all
}

// limits takes LIMIT and OFFSET away from home where rows are dropped after it.
func (b *builder) limits(edits *[]edit) error {
	if !b.filters {
		return nil
	}
	b.plan.Limited = true
	b.plan.Limit = -1
	if b.shape.LimitClause != (sqlparse.Span{}) {
		*edits = append(*edits, edit{b.shape.LimitClause, &fragment{}})
		if b.shape.Limit == (sqlparse.Span{}) { // FETCH FIRST ROW ONLY
			b.plan.Limit = 1
		} else {
			if err := b.bound(LimitColumn, b.shape.Limit, b.shape.Select.GetLimitCount(), &b.plan.Limit); err != nil {
				return err
			}
		}
	}
	if b.shape.OffsetClause != (sqlparse.Span{}) {
		*edits = append(*edits, edit{b.shape.OffsetClause, &fragment{}})
		return b.bound(OffsetColumn, b.shape.Offset, b.shape.Select.GetLimitOffset(), &b.plan.Offset)
	}
	return nil
}

// bound notes the value of LIMIT or OFFSET: a number in the text, or a hidden column.
func (b *builder) bound(kind HiddenKind, s sqlparse.Span, n *pg_query.Node, to *int64) error {
	text := s.Of(b.req.Text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		*to = n
		return nil
	}
	if up := strings.ToUpper(text); up == "ALL" || up == "NULL" {
		return nil
	}
	if err := noVariables(kind, n); err != nil {
		return err
	}
	b.addHidden(Hidden{Kind: kind}, (&fragment{}).add("(").copy(b.req.Text, s).add(")::bigint"))
	return nil
}

// noVariables refuses columns in LIMIT and OFFSET, as PostgreSQL does.
func noVariables(kind HiddenKind, n *pg_query.Node) error {
	clause := "LIMIT"
	if kind == OffsetColumn {
		clause = "OFFSET"
	}
	var err error
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if c := n.GetColumnRef(); c != nil && err == nil {
			err = &sqlparse.Error{Code: "42P10", Message: "argument of " + clause + " must not contain variables", Position: int(c.GetLocation())}
		}
		return n.GetSubLink() == nil
	})
	return err
}

// targets plans the select list. It gives the fragment of the last target if that is replaced.
func (b *builder) targets(edits *[]edit) (*fragment, error) {
	eval := &Eval{}
	var last *fragment
	for _, t := range b.shape.Targets {
		last = nil
		if !b.special(t) {
			continue
		}
		f, out, err := b.target(t, eval)
		if err != nil {
			return nil, err
		}
		out.HomeName = "pinnacle_out_" + strconv.Itoa(len(b.plan.Outputs))
		out.Name = t.Name
		b.plan.Outputs = append(b.plan.Outputs, out)
		f.add(" AS " + out.HomeName)
		*edits = append(*edits, edit{t.Span, f})
		last = f
	}
	if len(eval.Exprs) > 0 {
		b.plan.Finals = append(b.plan.Finals, Step{Eval: eval})
	}
	return last, nil
}

// target plans one target that home cannot give.
func (b *builder) target(t sqlparse.Target, eval *Eval) (*fragment, Output, error) {
	m, err := b.dissect(t.Expr, t.Node)
	if err != nil {
		return nil, Output{}, err
	}
	if m.Pure {
		i, err := b.call(m.Parts[0].Call, &b.plan.Finals)
		if err != nil {
			return nil, Output{}, err
		}
		call := b.plan.Calls[i]
		f := (&fragment{}).add("NULL::" + call.Model.Returns.String())
		b.typed = append(b.typed, edit{t.Expr, b.unfolded(m)})
		if convertible(call.Model.Returns) {
			b.floats(call.Model.Returns)
			return f, Output{Col: call.Out}, nil
		}
	}
	text, err := b.evaluation(m, &b.plan.Finals, eval)
	if err != nil {
		return nil, Output{}, err
	}
	out := b.compute()
	eval.Exprs = append(eval.Exprs, text)
	eval.Outs = append(eval.Outs, out)
	f := b.placeholder(m)
	if cast := sqlparse.CastTo(b.req.Text, t.Expr, t.Node); cast != (sqlparse.Span{}) {
		f = (&fragment{}).add("(").append(f).add(")::").copy(b.req.Text, cast) // CASE would lose the type's modifier
	}
	if !m.Pure && len(b.callsIn(t.Expr)) > 0 {
		b.typed = append(b.typed, edit{t.Expr, b.unfolded(m)})
	}
	return f, Output{Col: out, Inherits: inherits(t.Node), Cast: castColumn(t.Node)}, nil
}

// floats has home say how floats are printed, once, where answers of type t are handed to the client.
func (b *builder) floats(t udf.Type) {
	switch t {
	case udf.Float4, udf.Float8, udf.Float4Array, udf.Float8Array:
	default:
		return
	}
	for _, h := range b.plan.Hidden {
		if h.Kind == FloatDigitsColumn {
			return
		}
	}
	b.addHidden(Hidden{Kind: FloatDigitsColumn}, (&fragment{}).add("(SELECT pg_catalog.current_setting('extra_float_digits')::pg_catalog.int4)"))
}

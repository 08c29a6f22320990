package planner

import (
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// asking says of calls for which of the rows that a query reads they are made: those that meet one of the conditions.
type asking map[*site][]rowCondition

// rowCondition is a condition in SQL over the columns of a row, "" for one that always holds: inner of the query in which a
// call stands, outer of the query that this is a subquery of, if there is one.
type rowCondition struct{ inner, outer string }

// add notes that a call is made under a condition.
func (a asking) add(s *site, when string) { a.addOuter(s, when, "") }

// addOuter is add for a call in a subquery.
func (a asking) addOuter(s *site, inner, outer string) {
	c := rowCondition{inner, outer}
	for _, have := range a[s] {
		if have == (rowCondition{}) || have == c {
			return
		}
	}
	if c == (rowCondition{}) {
		a[s] = nil
	}
	a[s] = append(a[s], c)
}

// condition is the one under which a call is made that stands in no subquery; ok is false where that is not known.
func (a asking) condition(s *site) (when string, ok bool) {
	have, ok := a[s]
	return eitherOf(have).inner, ok
}

// whole reports whether all calls in it are made for every row.
func (a asking) whole() bool {
	for _, conds := range a {
		if eitherOf(conds) != (rowCondition{}) {
			return false
		}
	}
	return true
}

// eitherOf joins conditions of which one must hold, and that have outer ones in common.
func eitherOf(conds []rowCondition) rowCondition {
	var inner []string
	outer := ""
	for _, c := range conds {
		if c == (rowCondition{}) {
			return c
		}
		inner, outer = append(inner, c.inner), c.outer
	}
	if slices.Contains(inner, "") {
		return rowCondition{outer: outer}
	}
	return rowCondition{strings.Join(inner, " OR "), outer}
}

// both is the condition that two hold, of which the second is evaluated only where the first does: it may fail elsewhere.
func both(first, second string) string {
	switch {
	case first == "":
		return second
	case second == "":
		return first
	}
	return "CASE WHEN " + first + " THEN " + second + " ELSE false END"
}

// evaluated notes the calls in an expression that are made for certain rows of its query, where the expression itself is
// evaluated for those for which when holds. What depends on answers of models, on aggregates or on subqueries is left out.
// PostgreSQL evaluates the operands of AND and OR in their order, which in a condition is that of Home (see cheapFirst); the
// terms of the AND at the top of one, which it orders itself, are not looked at here together.
func (b *shipBuilder) evaluated(n *pg_query.Node, when string, condition bool, asks asking) {
	switch e := n.GetNode().(type) {
	case *pg_query.Node_FuncCall:
		b.evaluatedCall(e.FuncCall, when, asks)
	case *pg_query.Node_ColumnRef:
		b.evaluatedColumn(e.ColumnRef, when, asks)
	case *pg_query.Node_AExpr:
		b.evaluatedOperator(e.AExpr, when, asks)
	case *pg_query.Node_BoolExpr:
		switch e.BoolExpr.Boolop {
		case pg_query.BoolExprType_AND_EXPR:
			b.inOrder(b.effective(e.BoolExpr.Args, condition), when, condition, " IS NOT FALSE", asks)
		case pg_query.BoolExprType_OR_EXPR:
			b.inOrder(b.effective(e.BoolExpr.Args, condition), when, condition, " IS NOT TRUE", asks)
		default:
			b.evaluated(e.BoolExpr.Args[0], when, condition, asks)
		}
	case *pg_query.Node_CaseExpr:
		b.evaluatedCase(e.CaseExpr, when, asks)
	case *pg_query.Node_CoalesceExpr:
		b.inOrder(e.CoalesceExpr.Args, when, false, " IS NOT DISTINCT FROM NULL", asks)
	case *pg_query.Node_MinMaxExpr:
		b.evaluatedAll(e.MinMaxExpr.Args, when, asks)
	case *pg_query.Node_AArrayExpr:
		b.evaluatedAll(e.AArrayExpr.Elements, when, asks)
	case *pg_query.Node_AIndirection:
		b.evaluated(e.AIndirection.Arg, when, false, asks)
	case *pg_query.Node_TypeCast:
		b.evaluated(e.TypeCast.Arg, when, false, asks)
	case *pg_query.Node_CollateClause:
		b.evaluated(e.CollateClause.Arg, when, false, asks)
	case *pg_query.Node_ResTarget:
		b.evaluated(e.ResTarget.Val, when, false, asks)
	case *pg_query.Node_SortBy:
		b.evaluated(e.SortBy.Node, when, false, asks)
	case *pg_query.Node_NullTest:
		b.evaluated(e.NullTest.Arg, when, false, asks)
	case *pg_query.Node_BooleanTest:
		b.evaluated(e.BooleanTest.Arg, when, false, asks)
	}
}

// evaluatedAll is evaluated for expressions that are evaluated together.
func (b *shipBuilder) evaluatedAll(list []*pg_query.Node, when string, asks asking) {
	for _, n := range list {
		b.evaluated(n, when, false, asks)
	}
}

// evaluatedCall is evaluated for a call of a function: a model's, whose arguments may hold other calls, or another's.
func (b *shipBuilder) evaluatedCall(f *pg_query.FuncCall, when string, asks asking) {
	if s := b.byFn[f]; s != nil {
		asks.add(s, when)
		for _, a := range s.args {
			b.evaluated(a.Node, when, false, asks)
		}
		return
	}
	if f.AggFilter != nil { // the arguments only where it is true
		b.evaluated(f.AggFilter, when, false, asks)
		if !b.anyCalls(f.Args) && !b.anyCalls(f.AggOrder) {
			return
		}
		filter, ok := b.conditionText(f.AggFilter)
		if !ok {
			return
		}
		when = both(when, filter)
	}
	b.evaluatedAll(f.Args, when, asks)
	b.evaluatedAll(f.AggOrder, when, asks)
	b.evaluatedAll(f.Over.GetPartitionClause(), when, asks)
	b.evaluatedAll(f.Over.GetOrderClause(), when, asks)
}

// evaluatedOperator is evaluated for an operator. PostgreSQL makes of some several, of which not all are evaluated.
func (b *shipBuilder) evaluatedOperator(e *pg_query.A_Expr, when string, asks asking) {
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP, pg_query.A_Expr_Kind_AEXPR_NULLIF, pg_query.A_Expr_Kind_AEXPR_DISTINCT, pg_query.A_Expr_Kind_AEXPR_NOT_DISTINCT,
		pg_query.A_Expr_Kind_AEXPR_LIKE, pg_query.A_Expr_Kind_AEXPR_ILIKE:
		if e.Lexpr.GetRowExpr() != nil || e.Rexpr.GetRowExpr() != nil {
			return // its columns are compared one by one
		}
		b.evaluated(e.Lexpr, when, false, asks)
		b.evaluated(e.Rexpr, when, false, asks)
	case pg_query.A_Expr_Kind_AEXPR_IN, pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN:
		b.evaluated(e.Lexpr, when, false, asks)
	}
}

// evaluatedCase is evaluated for CASE: a branch is evaluated where its condition is true and none before it is.
func (b *shipBuilder) evaluatedCase(e *pg_query.CaseExpr, when string, asks asking) {
	if n := (&pg_query.Node{Node: &pg_query.Node_CaseExpr{CaseExpr: e}}); b.count(n) == 0 && !b.namesDerived(n) {
		return
	}
	compared := ""
	if e.Arg != nil {
		b.evaluated(e.Arg, when, false, asks)
		text, ok := b.rowText(e.Arg)
		if !ok {
			b.evaluated(e.Args[0].GetCaseWhen().GetExpr(), when, false, asks)
			return
		}
		compared = "(" + text + ") = "
	}
	for _, n := range e.Args {
		branch := n.GetCaseWhen()
		b.evaluated(branch.GetExpr(), when, false, asks)
		text, ok := b.rowText(branch.GetExpr())
		if !ok {
			return
		}
		cond := "(" + compared + "(" + text + "))"
		b.evaluated(branch.GetResult(), both(when, cond+" IS TRUE"), false, asks)
		when = both(when, cond+" IS NOT TRUE")
	}
	b.evaluated(e.Defresult, when, false, asks)
}

// inOrder is evaluated for operands of which each is evaluated only where all before it are as told.
func (b *shipBuilder) inOrder(operands []*pg_query.Node, when string, condition bool, told string, asks asking) {
	for i, o := range operands {
		b.evaluated(o, when, condition, asks)
		if !b.anyCalls(operands[i+1:]) {
			return
		}
		text, ok := b.rowText(o)
		if !ok {
			return
		}
		when = both(when, "("+text+")"+told)
	}
}

// effective are operands in the order in which Home has them.
func (b *shipBuilder) effective(operands []*pg_query.Node, condition bool) []*pg_query.Node {
	if !condition {
		return operands
	}
	var order, rest []*pg_query.Node
	called := false
	for _, o := range operands {
		if called = called || b.count(o) > 0; called && !cheap(o) {
			rest = append(rest, o)
		} else {
			order = append(order, o)
		}
	}
	return append(order, rest...)
}

// anyCalls reports whether one of some expressions holds a call of a model, or a column that stands for one.
func (b *shipBuilder) anyCalls(list []*pg_query.Node) bool {
	return slices.ContainsFunc(list, func(n *pg_query.Node) bool { return b.count(n) > 0 || b.namesDerived(n) })
}

// conditionText is rowText of what is true or not.
func (b *shipBuilder) conditionText(n *pg_query.Node) (text string, ok bool) {
	text, ok = b.rowText(n)
	return "(" + text + ") IS TRUE", ok
}

// rowText is the text of an expression over a row alone, that has the same value each time; ok is false for any other, and for
// one whose text would not be read as it is meant, as where the writer of trees leaves parentheses out.
func (b *shipBuilder) rowText(n *pg_query.Node) (text string, ok bool) {
	if !b.ofRow(n) || b.shifts(n) || b.namesDerived(n) {
		return "", false
	}
	stmt := &pg_query.SelectStmt{LimitOption: pg_query.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg_query.SetOperation_SETOP_NONE,
		TargetList: []*pg_query.Node{{Node: &pg_query.Node_ResTarget{ResTarget: &pg_query.ResTarget{Val: n}}}}}
	text, err := pg_query.Deparse(&pg_query.ParseResult{Stmts: []*pg_query.RawStmt{{Stmt: &pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: stmt}}}}})
	if err != nil {
		return "", false
	}
	text = strings.TrimPrefix(text, "SELECT ")
	if cheap(n) { // no operator of it is another one's operand
		return text, true
	}
	read, err := pg_query.Parse("SELECT " + text)
	if err != nil || len(read.Stmts) != 1 {
		return "", false
	}
	targets := read.Stmts[0].GetStmt().GetSelectStmt().GetTargetList()
	if len(targets) != 1 || !sameTree(targets[0].GetResTarget().GetVal().ProtoReflect(), n.ProtoReflect()) {
		return "", false
	}
	return text, true
}

// sameTree reports whether two trees say the same, wherever it stands in their texts.
func sameTree(a, b protoreflect.Message) bool {
	if a.IsValid() != b.IsValid() || a.Descriptor() != b.Descriptor() {
		return false
	}
	fields := a.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.Name() == "location":
		case a.Has(f) != b.Has(f):
			return false
		case f.IsList():
			x, y := a.Get(f).List(), b.Get(f).List()
			if x.Len() != y.Len() {
				return false
			}
			for j := range x.Len() {
				if !sameValue(f, x.Get(j), y.Get(j)) {
					return false
				}
			}
		case a.Has(f) && !sameValue(f, a.Get(f), b.Get(f)):
			return false
		}
	}
	return true
}

// sameValue is sameTree for a value of a field.
func sameValue(f protoreflect.FieldDescriptor, a, b protoreflect.Value) bool {
	if f.Kind() == protoreflect.MessageKind {
		return sameTree(a.Message(), b.Message())
	}
	return a.Equal(b)
}

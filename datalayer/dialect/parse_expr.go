package dialect

import (
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// expr reads an expression and gives it its type.
func (p *parser) expr(n *pg_query.Node, in *scope) (Expr, error) {
	switch n := n.GetNode().(type) {
	case *pg_query.Node_ColumnRef:
		return in.reference(n.ColumnRef)
	case *pg_query.Node_AConst:
		return constant(n.AConst)
	case *pg_query.Node_ParamRef:
		return &Param{Number: int(n.ParamRef.Number), Type: unknownType}, nil
	case *pg_query.Node_TypeCast:
		return p.typeCast(n.TypeCast, in)
	case *pg_query.Node_AExpr:
		return p.aExpr(n.AExpr, in)
	case *pg_query.Node_BoolExpr:
		return p.boolExpr(n.BoolExpr, in)
	case *pg_query.Node_NullTest:
		return p.nullTest(n.NullTest, in)
	case *pg_query.Node_BooleanTest:
		return p.booleanTest(n.BooleanTest, in)
	case *pg_query.Node_FuncCall:
		return p.funcCall(n.FuncCall, in)
	case *pg_query.Node_CaseExpr:
		return p.caseExpr(n.CaseExpr, in)
	case *pg_query.Node_CoalesceExpr:
		return p.coalesce("COALESCE", n.CoalesceExpr.Args, in)
	case *pg_query.Node_MinMaxExpr:
		name := "GREATEST"
		if n.MinMaxExpr.Op == pg_query.MinMaxOp_IS_LEAST {
			name = "LEAST"
		}
		return p.coalesce(name, n.MinMaxExpr.Args, in)
	case *pg_query.Node_AArrayExpr:
		return p.array(n.AArrayExpr, in)
	case *pg_query.Node_AIndirection:
		return p.subscript(n.AIndirection, in)
	case *pg_query.Node_RowExpr:
		return p.row(n.RowExpr, in)
	case *pg_query.Node_SubLink:
		return p.subLink(n.SubLink, in)
	}
	return nil, notCanonical("a kind of expression")
}

// exprs reads a list.
func (p *parser) exprs(list []*pg_query.Node, in *scope) ([]Expr, error) {
	var all []Expr
	for _, n := range list {
		e, err := p.expr(n, in)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// constant reads a bare constant: numbers are integer, bigint or numeric, strings have no type yet.
func constant(n *pg_query.A_Const) (Expr, error) {
	if n.Isnull {
		return &Constant{Null: true, Type: unknownType}, nil
	}
	switch v := n.Val.(type) {
	case *pg_query.A_Const_Ival:
		return &Constant{Text: strconv.Itoa(int(v.Ival.GetIval())), Type: scalar(oidInt4)}, nil
	case *pg_query.A_Const_Fval:
		text := v.Fval.GetFval()
		if wholeNumber(text) && fits(text, oidInt8) {
			return &Constant{Text: text, Type: scalar(oidInt8)}, nil
		}
		return &Constant{Text: text, Type: scalar(oidNumeric)}, nil
	case *pg_query.A_Const_Boolval:
		if v.Boolval.GetBoolval() {
			return &Constant{Text: "t", Type: boolType}, nil
		}
		return &Constant{Text: "f", Type: boolType}, nil
	case *pg_query.A_Const_Sval:
		return &Constant{Text: v.Sval.GetSval(), Type: unknownType}, nil
	case *pg_query.A_Const_Bsval:
		if text := v.Bsval.GetBsval(); text != "" && text[0] == 'b' {
			return &Constant{Text: text[1:], Type: scalar(oidBit)}, nil
		}
	}
	return nil, notCanonical("a kind of constant")
}

// fits says whether an integer's text is in the range of a type.
func fits(text string, oid uint32) bool {
	bits := map[uint32]int{oidInt2: 16, oidInt4: 32, oidInt8: 64}[oid]
	_, err := strconv.ParseInt(text, 10, bits)
	return err == nil
}

// typeCast reads arg::type. A cast constant is a constant of the type, for that is how postgres_fdw writes one.
func (p *parser) typeCast(n *pg_query.TypeCast, in *scope) (Expr, error) {
	to := typeOf(n.TypeName)
	if s := n.Arg.GetSubLink(); s != nil && isPlaceholder(s) {
		return &Param{Type: to}, nil
	}
	arg, err := p.expr(n.Arg, in)
	if err != nil {
		return nil, err
	}
	if to.OID == 0 {
		if len(n.TypeName.Typmods) > 0 {
			return nil, notCanonical("a modifier of a type of another schema")
		}
		name := qualified(n.TypeName.Names) + strings.Repeat("[]", len(n.TypeName.ArrayBounds))
		return &Cast{Arg: p.settle(arg), Name: name}, nil
	}
	switch a := arg.(type) {
	case *Constant:
		if a.Type.OID == oidUnknown {
			return typedLiteral(a, to), nil
		}
		if a.Type == to {
			return a, nil
		}
		if c := numberAs(a, to); c != nil {
			return c, nil
		}
	case *Param:
		if a.Type.OID == oidUnknown {
			a.Type = to
			return a, nil
		}
	}
	return &Cast{Arg: arg, To: to}, nil
}

// isPlaceholder recognises "(SELECT null::integer)", which stands in an EXPLAIN for a value that is not there yet.
func isPlaceholder(n *pg_query.SubLink) bool {
	s := n.Subselect.GetSelectStmt()
	if n.SubLinkType != pg_query.SubLinkType_EXPR_SUBLINK || s == nil || len(s.FromClause) > 0 || len(s.TargetList) != 1 {
		return false
	}
	return s.TargetList[0].GetResTarget().GetVal().GetTypeCast().GetArg().GetAConst().GetIsnull()
}

// aExpr reads operators and what the grammar treats like them.
func (p *parser) aExpr(n *pg_query.A_Expr, in *scope) (Expr, error) {
	name := lastName(n.Name)
	if len(n.Name) > 2 || len(n.Name) == 2 && n.Name[0].GetString_().GetSval() != "pg_catalog" {
		return nil, notCanonical("an operator of another schema")
	}
	var left Expr
	var err error
	if n.Lexpr != nil {
		if left, err = p.expr(n.Lexpr, in); err != nil {
			return nil, err
		}
	}
	if n.Kind == pg_query.A_Expr_Kind_AEXPR_IN {
		return nil, notCanonical("IN with a list") // it is always = ANY
	}
	right, err := p.expr(n.Rexpr, in)
	if err != nil {
		return nil, err
	}
	switch n.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP, pg_query.A_Expr_Kind_AEXPR_LIKE, pg_query.A_Expr_Kind_AEXPR_ILIKE:
		return p.operator(name, left, right), nil
	case pg_query.A_Expr_Kind_AEXPR_OP_ANY, pg_query.A_Expr_Kind_AEXPR_OP_ALL:
		return p.arrayOp(name, left, right, n.Kind == pg_query.A_Expr_Kind_AEXPR_OP_ALL), nil
	case pg_query.A_Expr_Kind_AEXPR_DISTINCT, pg_query.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return p.distinct(left, right, n.Kind == pg_query.A_Expr_Kind_AEXPR_NOT_DISTINCT), nil
	case pg_query.A_Expr_Kind_AEXPR_NULLIF:
		eq := p.operator("=", left, right).(*Operator)
		c := &Coalesce{Name: "NULLIF", Args: []Expr{eq.Left, eq.Right}}
		if eq.Type.OID == oidBool {
			c.Type = eq.Left.ResultType()
		}
		return c, nil
	}
	return nil, notCanonical("a kind of operator")
}

// operator resolves an operator; left is nil for a prefix operator.
func (p *parser) operator(name string, left, right Expr) Expr {
	l := uint32(0)
	if left != nil {
		l = left.ResultType().OID
		if l == 0 {
			return &Operator{Name: name, Left: left, Right: right}
		}
	}
	r := right.ResultType().OID
	if left == nil {
		if c := negated(name, right); c != nil {
			return c
		}
	}
	s, ok := p.pg.operator(name, l, r)
	if ok {
		s, ok = p.pg.polymorphic(s, []uint32{l, r})
	}
	if !ok || r == 0 {
		return &Operator{Name: name, Left: left, Right: right}
	}
	if left != nil {
		left = p.coerce(left, s.args[0])
	}
	return &Operator{Name: name, Left: left, Right: p.coerce(right, s.args[1]), Type: scalar(s.result)}
}

// negated folds "- 5" into a constant, as the grammar does for a bare number.
func negated(name string, right Expr) Expr {
	c, ok := right.(*Constant)
	if !ok || name != "-" || c.Null || !numberType(c.Type.OID) || c.Text == "" || c.Text[0] < '0' || c.Text[0] > '9' {
		return nil
	}
	if c.Type.OID != oidFloat4 && c.Type.OID != oidFloat8 && strings.Trim(c.Text, "0.") == "" {
		return c // only floats have a negative zero
	}
	return &Constant{Text: "-" + c.Text, Type: c.Type}
}

// distinct reads IS [NOT] DISTINCT FROM, which compares with "=".
func (p *parser) distinct(left, right Expr, not bool) Expr {
	op := p.operator("=", left, right).(*Operator)
	return &Distinct{Left: op.Left, Right: op.Right, Not: not}
}

// arrayOp resolves "left op ANY (array)" over the array's elements.
func (p *parser) arrayOp(name string, left, array Expr, all bool) Expr {
	l, a := left.ResultType().OID, array.ResultType().OID
	elem := array.ResultType().Elem().OID
	if a == oidUnknown {
		elem = oidUnknown
	}
	if l == 0 || elem == 0 {
		return &ArrayOp{Name: name, Left: left, Array: array, All: all, Unresolved: true}
	}
	s, ok := p.pg.operator(name, l, elem)
	if ok {
		s, ok = p.pg.polymorphic(s, []uint32{l, elem})
	}
	if !ok || s.result != oidBool {
		return &ArrayOp{Name: name, Left: left, Array: array, All: all, Unresolved: true}
	}
	info := p.pg.types[s.args[1]]
	return &ArrayOp{Name: name, Left: p.coerce(left, s.args[0]), Array: p.coerce(array, info.array), All: all}
}

func (p *parser) boolExpr(n *pg_query.BoolExpr, in *scope) (Expr, error) {
	args, err := p.exprs(n.Args, in)
	if err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = p.coerce(args[i], oidBool)
	}
	op := map[pg_query.BoolExprType]string{pg_query.BoolExprType_AND_EXPR: "AND", pg_query.BoolExprType_OR_EXPR: "OR",
		pg_query.BoolExprType_NOT_EXPR: "NOT"}[n.Boolop]
	return &BoolOp{Op: op, Args: args}, nil
}

func (p *parser) nullTest(n *pg_query.NullTest, in *scope) (Expr, error) {
	not := n.Nulltesttype == pg_query.NullTestType_IS_NOT_NULL
	if c := n.Arg.GetTypeCast(); c != nil && not {
		if alias, ok := wholeRow(c.Arg.GetColumnRef()); ok {
			if s := in.source(alias); s != nil && s.table != nil {
				return &HasRow{Relation: alias, Table: s.table}, nil
			}
		}
	}
	arg, err := p.expr(n.Arg, in)
	if err != nil {
		return nil, err
	}
	return &NullTest{Arg: p.settle(arg), Not: not}, nil
}

func (p *parser) booleanTest(n *pg_query.BooleanTest, in *scope) (Expr, error) {
	arg, err := p.expr(n.Arg, in)
	if err != nil {
		return nil, err
	}
	t := &BoolTest{Arg: p.coerce(arg, oidBool)}
	switch n.Booltesttype {
	case pg_query.BoolTestType_IS_TRUE:
		t.Is = "TRUE"
	case pg_query.BoolTestType_IS_NOT_TRUE:
		t.Is, t.Not = "TRUE", true
	case pg_query.BoolTestType_IS_FALSE:
		t.Is = "FALSE"
	case pg_query.BoolTestType_IS_NOT_FALSE:
		t.Is, t.Not = "FALSE", true
	case pg_query.BoolTestType_IS_UNKNOWN:
		t.Is = "UNKNOWN"
	default:
		t.Is, t.Not = "UNKNOWN", true
	}
	return t, nil
}

// subLink reads EXISTS.
func (p *parser) subLink(n *pg_query.SubLink, in *scope) (Expr, error) {
	s := n.Subselect.GetSelectStmt()
	if n.SubLinkType != pg_query.SubLinkType_EXISTS_SUBLINK || s == nil {
		return nil, notCanonical("a query within an expression")
	}
	sel, err := p.selectStmt(s, in)
	if err != nil {
		return nil, err
	}
	return &Exists{Select: sel}, nil
}

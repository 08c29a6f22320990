package lookup

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// mostNodes is the size of an argument's tree past which evaluating it again is not cheap.
const mostNodes = 12

// Repeatable reports whether an argument may stand in an expression several times: it is cheap, and it holds nothing
// but columns, constants, parameters and what of PostgreSQL's own always gives the same for them.
func Repeatable(node *pg_query.Node) bool { return RepeatableWith(node, nil) }

// RepeatableWith is Repeatable where calls of functions that known knows have expressions in their places, which are cheap. It
// may be nil.
func RepeatableWith(node *pg_query.Node, known func(*pg_query.FuncCall) bool) bool {
	left := mostNodes
	return repeatable(node, known, &left)
}

// callNodes is what an expression in the place of a call counts for among mostNodes, without its arguments.
const callNodes = 4

func repeatable(node *pg_query.Node, known func(*pg_query.FuncCall) bool, left *int) bool {
	if *left--; node == nil || *left < 0 {
		return false
	}
	all := func(nodes ...*pg_query.Node) bool {
		return !slices.ContainsFunc(nodes, func(n *pg_query.Node) bool { return !repeatable(n, known, left) })
	}
	switch n := node.Node.(type) {
	case *pg_query.Node_AConst, *pg_query.Node_ParamRef:
		return true
	case *pg_query.Node_FuncCall:
		*left -= callNodes
		return known != nil && known(n.FuncCall) && all(n.FuncCall.Args...)
	case *pg_query.Node_NamedArgExpr:
		return all(n.NamedArgExpr.Arg)
	case *pg_query.Node_ColumnRef:
		return len(n.ColumnRef.Fields) > 0 && n.ColumnRef.Fields[len(n.ColumnRef.Fields)-1].GetAStar() == nil
	case *pg_query.Node_TypeCast:
		return ownType(n.TypeCast.TypeName) && all(n.TypeCast.Arg)
	case *pg_query.Node_CollateClause:
		return all(n.CollateClause.Arg)
	case *pg_query.Node_CoalesceExpr:
		return all(n.CoalesceExpr.Args...)
	case *pg_query.Node_NullTest:
		return all(n.NullTest.Arg)
	case *pg_query.Node_BoolExpr:
		return all(n.BoolExpr.Args...)
	case *pg_query.Node_AExpr:
		if !ownOperator(n.AExpr) {
			return false
		}
		if n.AExpr.Lexpr == nil {
			return all(n.AExpr.Rexpr)
		}
		return all(n.AExpr.Lexpr, n.AExpr.Rexpr)
	}
	return false
}

// ownOperator reports whether an operator has one of the names whose operators in PostgreSQL are none of them volatile.
func ownOperator(e *pg_query.A_Expr) bool {
	if e.Kind != pg_query.A_Expr_Kind_AEXPR_OP || len(e.Name) != 1 {
		return false
	}
	return slices.Contains([]string{"+", "-", "*", "/", "%", "||", "->", "->>", "#>", "#>>", "=", "<>", "<", ">", "<=", ">="},
		e.Name[0].GetString_().GetSval())
}

// ownType reports whether a cast is to one of PostgreSQL's own types.
func ownType(t *pg_query.TypeName) bool {
	if t == nil || t.Setof || len(t.Names) == 0 || len(t.Names) > 2 {
		return false
	}
	if len(t.Names) == 2 && t.Names[0].GetString_().GetSval() != "pg_catalog" {
		return false
	}
	return slices.Contains([]string{"bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "bytea",
		"date", "time", "timestamp", "timestamptz", "interval", "uuid", "json", "jsonb"}, t.Names[len(t.Names)-1].GetString_().GetSval())
}

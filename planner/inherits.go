package planner

import pg_query "github.com/pganalyze/pg_query_go/v5"

// inherits reports whether an expression may have the type modifier or the origin of a part of it (exprTypmod in nodeFuncs.c).
func inherits(n *pg_query.Node) bool {
	switch e := n.GetNode().(type) {
	case *pg_query.Node_CaseExpr, *pg_query.Node_CoalesceExpr, *pg_query.Node_MinMaxExpr, *pg_query.Node_AArrayExpr, *pg_query.Node_AIndirection,
		*pg_query.Node_SubLink, *pg_query.Node_ColumnRef:
		return true
	case *pg_query.Node_AExpr:
		return e.AExpr.Kind == pg_query.A_Expr_Kind_AEXPR_NULLIF
	case *pg_query.Node_CollateClause: // the place holder is not cast to what is below it
		return len(e.CollateClause.Arg.GetTypeCast().GetTypeName().GetTypmods()) > 0 || inherits(e.CollateClause.Arg)
	case *pg_query.Node_TypeCast:
		names := e.TypeCast.TypeName.GetNames()
		switch {
		case len(e.TypeCast.TypeName.GetTypmods()) > 0: // the place holder is cast to it too, but is no column
			return castColumn(n)
		case len(names) == 2 && names[0].GetString_().GetSval() == "pg_catalog":
			return inherits(e.TypeCast.Arg)
		}
		return true // of a domain
	}
	return false
}

// castColumn reports whether an expression is a column under casts.
func castColumn(n *pg_query.Node) bool {
	c := n.GetTypeCast()
	return c != nil && (c.Arg.GetColumnRef() != nil || castColumn(c.Arg))
}

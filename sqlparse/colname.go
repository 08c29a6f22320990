package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// unnamedColumn is what PostgreSQL calls a column that nothing gives a name.
const unnamedColumn = "?column?"

// FigureColumnName is the name that PostgreSQL gives an item of a select list without an alias, by the rules of
// FigureColname in its parse_target.c. It is "" for a scalar subquery over a star, whose name only the catalog knows.
func FigureColumnName(node *pg_query.Node) string {
	name, strength := figureName(node)
	if strength == noName {
		return unnamedColumn
	}
	return name
}

// NamingFunction is the function call after which PostgreSQL names an item of a select list without an alias; nil where
// the name comes from anything else, also where it comes from a subquery's own select list.
func NamingFunction(node *pg_query.Node) *pg_query.FuncCall {
	switch n := node.GetNode().(type) {
	case *pg_query.Node_FuncCall:
		return n.FuncCall
	case *pg_query.Node_AIndirection:
		if _, strength := lastField(n.AIndirection.Indirection); strength == noName {
			return NamingFunction(n.AIndirection.Arg)
		}
	case *pg_query.Node_TypeCast:
		return NamingFunction(n.TypeCast.Arg)
	case *pg_query.Node_CollateClause:
		return NamingFunction(n.CollateClause.Arg)
	case *pg_query.Node_CaseExpr:
		return NamingFunction(n.CaseExpr.Defresult)
	}
	return nil
}

// How good a name is: a cast's type name or "case" gives way to a name from further inside.
const (
	noName = iota
	weakName
	strongName
)

func figureName(node *pg_query.Node) (string, int) {
	switch n := node.GetNode().(type) {
	case *pg_query.Node_ColumnRef:
		return lastField(n.ColumnRef.Fields)
	case *pg_query.Node_AIndirection:
		if name, strength := lastField(n.AIndirection.Indirection); strength != noName {
			return name, strength
		}
		return figureName(n.AIndirection.Arg)
	case *pg_query.Node_FuncCall:
		return lastField(n.FuncCall.Funcname)
	case *pg_query.Node_AExpr:
		if n.AExpr.Kind == pg_query.A_Expr_Kind_AEXPR_NULLIF {
			return "nullif", strongName
		}
	case *pg_query.Node_TypeCast:
		name, strength := figureName(n.TypeCast.Arg)
		if strength <= weakName && n.TypeCast.TypeName != nil {
			name, _ = lastField(n.TypeCast.TypeName.Names)
			return name, weakName
		}
		return name, strength
	case *pg_query.Node_CollateClause:
		return figureName(n.CollateClause.Arg)
	case *pg_query.Node_SubLink:
		return subLinkName(n.SubLink)
	case *pg_query.Node_CaseExpr:
		if name, strength := figureName(n.CaseExpr.Defresult); strength > weakName {
			return name, strength
		}
		return "case", weakName
	case *pg_query.Node_MinMaxExpr:
		if n.MinMaxExpr.Op == pg_query.MinMaxOp_IS_LEAST {
			return "least", strongName
		}
		return "greatest", strongName
	case *pg_query.Node_SqlvalueFunction:
		return valueFunctionName(n.SqlvalueFunction.Op), strongName
	case *pg_query.Node_XmlExpr:
		return xmlName(n.XmlExpr.Op)
	}
	return constructorName(node)
}

// constructorName names what has one name whatever is in it.
func constructorName(node *pg_query.Node) (string, int) {
	switch node.GetNode().(type) {
	case *pg_query.Node_AArrayExpr:
		return "array", strongName
	case *pg_query.Node_RowExpr:
		return "row", strongName
	case *pg_query.Node_CoalesceExpr:
		return "coalesce", strongName
	case *pg_query.Node_GroupingFunc:
		return "grouping", strongName
	case *pg_query.Node_XmlSerialize:
		return "xmlserialize", strongName
	case *pg_query.Node_JsonObjectConstructor:
		return "json_object", strongName
	case *pg_query.Node_JsonArrayConstructor, *pg_query.Node_JsonArrayQueryConstructor:
		return "json_array", strongName
	case *pg_query.Node_JsonObjectAgg:
		return "json_objectagg", strongName
	case *pg_query.Node_JsonArrayAgg:
		return "json_arrayagg", strongName
	}
	return "", noName
}

// lastField is the last name among the parts of a reference; stars and subscripts are none.
func lastField(fields []*pg_query.Node) (string, int) {
	for i := len(fields) - 1; i >= 0; i-- {
		if s := fields[i].GetString_(); s != nil {
			return s.Sval, strongName
		}
	}
	return "", noName
}

func subLinkName(s *pg_query.SubLink) (string, int) {
	switch s.SubLinkType {
	case pg_query.SubLinkType_EXISTS_SUBLINK:
		return "exists", strongName
	case pg_query.SubLinkType_ARRAY_SUBLINK:
		return "array", strongName
	case pg_query.SubLinkType_EXPR_SUBLINK:
		return firstColumnName(s.Subselect.GetSelectStmt()), strongName
	}
	return "", noName
}

// firstColumnName is the name of a subquery's first column, "" where the text does not tell it.
func firstColumnName(sel *pg_query.SelectStmt) string {
	for sel.GetLarg() != nil {
		sel = sel.Larg
	}
	if len(sel.GetValuesLists()) > 0 {
		return "column1"
	}
	if len(sel.GetTargetList()) == 0 {
		return ""
	}
	target := sel.TargetList[0].GetResTarget()
	if target.GetName() != "" {
		return target.Name
	}
	if fields := starFields(target.GetVal()); len(fields) > 0 && fields[len(fields)-1].GetAStar() != nil {
		return ""
	}
	return FigureColumnName(target.GetVal())
}

// starFields are the parts of a reference that may end in a star.
func starFields(n *pg_query.Node) []*pg_query.Node {
	if c := n.GetColumnRef(); c != nil {
		return c.Fields
	}
	return n.GetAIndirection().GetIndirection()
}

// valueFunctionName turns SVFOP_CURRENT_TIME_N into current_time.
func valueFunctionName(op pg_query.SQLValueFunctionOp) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimPrefix(op.String(), "SVFOP_")), "_n")
}

// xmlName turns IS_XMLCONCAT into xmlconcat; IS DOCUMENT has no name.
func xmlName(op pg_query.XmlExprOp) (string, int) {
	if op == pg_query.XmlExprOp_IS_DOCUMENT {
		return "", noName
	}
	return strings.ToLower(strings.TrimPrefix(op.String(), "IS_")), strongName
}

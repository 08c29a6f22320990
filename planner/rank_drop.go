package planner

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// reader reads expressions of one query.
type reader struct {
	b     *shipBuilder
	scope *scope
}

// in gives a reader of a query's expressions.
func (r *ranker) in(s *scope) reader { return reader{r.b, s} }

// count is the number of calls in an expression.
func (b *shipBuilder) count(n *pg_query.Node) int { return reader{b, nil}.count(n) }

// count is the number of calls in an expression, those behind columns of subqueries in FROM among them.
func (r reader) count(n *pg_query.Node) int {
	count := 0
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		switch e := n.GetNode().(type) {
		case *pg_query.Node_FuncCall:
			if r.b.byFn[e.FuncCall] != nil {
				count++
			}
		case *pg_query.Node_ColumnRef:
			for _, t := range r.scope.resolve(e.ColumnRef) {
				count += reader{r.b, t.scope}.count(t.node)
			}
		}
		return true
	})
	return count
}

// strict are operators that give NULL where one of their operands is NULL, whatever the types that PostgreSQL has them
// for.
var strict = map[string]bool{"=": true, "<>": true, "<": true, ">": true, "<=": true, ">=": true, "+": true, "-": true, "*": true, "/": true,
	"%": true, "^": true, "~": true, "!~": true, "~*": true, "!~*": true, "~~": true, "!~~": true, "~~*": true, "!~~*": true, "->": true, "->>": true,
	"#>": true, "#>>": true, "@>": true, "<@": true, "&&": true, "?": true}

// drops reports whether a condition, while answers are missing and so NULL, is true only where it is true whatever they
// are: NULL must go up through AND, OR, NOT and strict operators only.
func (r reader) drops(n *pg_query.Node) bool {
	switch e := n.GetNode().(type) {
	case nil, *pg_query.Node_AConst, *pg_query.Node_ParamRef:
		return true
	case *pg_query.Node_ColumnRef:
		for _, t := range r.scope.resolve(e.ColumnRef) {
			if !(reader{r.b, t.scope}).drops(t.node) {
				return false
			}
		}
		return true
	case *pg_query.Node_FuncCall:
		if s := r.b.byFn[e.FuncCall]; s != nil && s.model.NullOnNull {
			return all(e.FuncCall.Args, r.drops)
		} else if s != nil {
			return r.count(n) == 1
		}
	case *pg_query.Node_TypeCast:
		return r.drops(e.TypeCast.Arg)
	case *pg_query.Node_CollateClause:
		return r.drops(e.CollateClause.Arg)
	case *pg_query.Node_NamedArgExpr:
		return r.drops(e.NamedArgExpr.Arg)
	case *pg_query.Node_BoolExpr:
		return all(e.BoolExpr.Args, r.drops)
	case *pg_query.Node_List:
		return all(e.List.Items, r.drops)
	case *pg_query.Node_AExpr:
		if r.dropsOperator(e.AExpr) {
			return true
		}
	}
	return r.count(n) == 0
}

func (r reader) dropsOperator(e *pg_query.A_Expr) bool {
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP:
		if len(e.Name) != 1 || !strict[e.Name[0].GetString_().GetSval()] {
			return false
		}
	case pg_query.A_Expr_Kind_AEXPR_IN, pg_query.A_Expr_Kind_AEXPR_LIKE, pg_query.A_Expr_Kind_AEXPR_ILIKE,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg_query.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg_query.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
	default:
		return false
	}
	return (e.Lexpr == nil || r.drops(e.Lexpr)) && (e.Rexpr == nil || r.drops(e.Rexpr))
}

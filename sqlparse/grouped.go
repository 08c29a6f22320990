package sqlparse

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// aggregates are PostgreSQL's own aggregate functions, whose arguments need not be grouped by. One that is not here makes
// dependent too careful, and nothing else.
var aggregates = [...]string{"any_value", "array_agg", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count", "covar_pop",
	"covar_samp", "every", "json_agg", "json_object_agg", "jsonb_agg", "jsonb_object_agg", "max", "min", "mode", "percentile_cont", "percentile_disc",
	"range_agg", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "stddev",
	"stddev_pop", "stddev_samp", "string_agg", "sum", "var_pop", "var_samp", "variance", "xmlagg"}

// dependent reports whether a query block of a statement may name, beside GROUP BY, a column that it does not group by,
// which PostgreSQL allows where the primary key of the column's table is grouped by. It may say so wrongly.
func dependent(node *pg_query.Node) bool {
	found := false
	Walk(node, func(n *pg_query.Node) bool {
		if s := n.GetSelectStmt(); s != nil {
			found = found || ungrouped(s)
		}
		return !found
	})
	return found
}

// ungrouped reports whether a column of the block itself may be one that is not grouped by. The arms of a set operation
// are messages of their own, without nodes around them.
func ungrouped(s *pg_query.SelectStmt) bool {
	if s == nil {
		return false
	}
	if ungrouped(s.Larg) || ungrouped(s.Rarg) {
		return true
	}
	if len(s.GroupClause) == 0 {
		return false
	}
	names, places := grouping(s.GroupClause)
	rest := []*pg_query.Node{s.HavingClause}
	var outputs []string
	for i, t := range s.TargetList {
		target := t.GetResTarget()
		if target.GetName() != "" {
			outputs = append(outputs, target.GetName())
		}
		if !slices.Contains(places, i+1) && (target.GetName() == "" || !slices.Contains(names, target.GetName())) {
			rest = append(rest, target.GetVal())
		}
	}
	for _, k := range s.SortClause {
		if c := k.GetSortBy().GetNode().GetColumnRef(); c == nil || len(c.Fields) > 1 || !slices.Contains(outputs, c.Fields[0].GetString_().GetSval()) {
			rest = append(rest, k) // a name alone is an output column first, which is looked at as such
		}
	}
	return slices.ContainsFunc(rest, func(n *pg_query.Node) bool { return n != nil && reads(n, names) })
}

// grouping are the last parts of the names, and the numbers of the targets, that a GROUP BY has.
func grouping(clause []*pg_query.Node) (names []string, places []int) {
	for _, g := range clause {
		Walk(g, func(n *pg_query.Node) bool {
			if c := n.GetColumnRef(); c != nil {
				names = append(names, c.Fields[len(c.Fields)-1].GetString_().GetSval())
			}
			if i := n.GetAConst().GetIval(); i != nil {
				places = append(places, int(i.Ival))
			}
			return n.GetFuncCall() == nil && n.GetAExpr() == nil
		})
	}
	return names, places
}

// reads reports whether an expression has, outside of aggregates, a column that is none of those named.
func reads(n *pg_query.Node, names []string) bool {
	found := false
	Walk(n, func(n *pg_query.Node) bool {
		if c := n.GetColumnRef(); c != nil {
			last := c.Fields[len(c.Fields)-1]
			found = found || last.GetAStar() != nil || !slices.Contains(names, last.GetString_().GetSval())
		}
		return !found && !aggregate(n.GetFuncCall())
	})
	return found
}

// aggregate reports whether a call is surely one of an aggregate function, and not as a window function.
func aggregate(f *pg_query.FuncCall) bool {
	if f == nil || f.Over != nil {
		return false
	}
	return f.AggStar || f.AggDistinct || f.AggFilter != nil || f.AggWithinGroup || len(f.AggOrder) > 0 ||
		len(f.Funcname) == 1 && slices.Contains(aggregates[:], f.Funcname[0].GetString_().GetSval())
}

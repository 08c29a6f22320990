package planner

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Guesses are, for the functions without an Ahead, statements over the distinct arguments of one of their calls, for home's
// planner to estimate; they are not run. Such a statement reads the tables that the arguments name, under the conditions on
// these alone: a join or another call may leave fewer rows to the call. Functions for whose calls there is no such statement,
// since their arguments are a subquery's or of columns that are not qualified, are left out.
func (s *Ship) Guesses() []*Ahead {
	if s.guesses == nil {
		return nil
	}
	return s.guesses()
}

// queryBlock is what a call's arguments may be columns of.
type queryBlock struct {
	from  []*pg_query.Node
	where *pg_query.Node
}

// guesses makes Ship.Guesses.
func (b *shipBuilder) guesses() []*Ahead {
	have := map[*Function]bool{}
	for _, a := range b.plan.Ahead {
		have[a.Function] = true
	}
	blocks := b.callBlocks()
	var out []*Ahead
	for _, s := range b.sites {
		if have[s.fn] {
			continue
		}
		if text := b.guess(s, blocks[s]); text != "" {
			have[s.fn] = true
			out = append(out, &Ahead{Function: s.fn, Text: text})
		}
	}
	return out
}

// callBlocks finds the innermost query block of each call.
func (b *shipBuilder) callBlocks() map[*site]queryBlock {
	out := map[*site]queryBlock{}
	note := func(root *pg_query.Node, q queryBlock) {
		sqlparse.Walk(root, func(n *pg_query.Node) bool {
			if s := b.byFn[n.GetFuncCall()]; s != nil {
				out[s] = q
			}
			return true
		})
	}
	sqlparse.Walk(b.req.Node, func(n *pg_query.Node) bool {
		switch e := n.GetNode().(type) {
		case *pg_query.Node_SelectStmt:
			for _, leaf := range leaves(e.SelectStmt) {
				note(&pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: leaf}}, queryBlock{leaf.FromClause, leaf.WhereClause})
			}
		case *pg_query.Node_UpdateStmt:
			note(n, queryBlock{append([]*pg_query.Node{rangeNode(e.UpdateStmt.Relation)}, e.UpdateStmt.FromClause...), e.UpdateStmt.WhereClause})
		case *pg_query.Node_DeleteStmt:
			note(n, queryBlock{append([]*pg_query.Node{rangeNode(e.DeleteStmt.Relation)}, e.DeleteStmt.UsingClause...), e.DeleteStmt.WhereClause})
		case *pg_query.Node_MergeStmt:
			note(n, queryBlock{from: []*pg_query.Node{rangeNode(e.MergeStmt.Relation), e.MergeStmt.SourceRelation}})
		}
		return true
	})
	return out
}

// leaves are the queries that a set operation is of; s alone where it is none.
func leaves(s *pg_query.SelectStmt) []*pg_query.SelectStmt {
	if s.Op == pg_query.SetOperation_SETOP_NONE {
		return []*pg_query.SelectStmt{s}
	}
	return append(leaves(s.Larg), leaves(s.Rarg)...)
}

// rangeNode is a table as an item of FROM.
func rangeNode(r *pg_query.RangeVar) *pg_query.Node {
	return &pg_query.Node{Node: &pg_query.Node_RangeVar{RangeVar: r}}
}

// guess makes the statement for a call in a block; "" where there is none.
func (b *shipBuilder) guess(s *site, q queryBlock) string {
	if s.row != nil || len(s.args) == 0 {
		return ""
	}
	tables, single, conditions := plainTables(q.from)
	used := map[*pg_query.Node]bool{}
	stmt := &pg_query.SelectStmt{DistinctClause: []*pg_query.Node{{}}, LimitOption: pg_query.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg_query.SetOperation_SETOP_NONE}
	for i, a := range s.args {
		if !b.ofRow(a.Node) || s.model.Args[i].Type == udf.JSON || !tablesOf(a.Node, tables, single, used, true) {
			return ""
		}
		stmt.TargetList = append(stmt.TargetList, &pg_query.Node{Node: &pg_query.Node_ResTarget{ResTarget: &pg_query.ResTarget{Val: a.Node}}})
	}
	var terms []*pg_query.Node
	for _, t := range append(conditions, flatten(q.where)...) {
		if t != nil && b.ofRow(t) && tablesOf(t, tables, single, used, false) {
			terms = append(terms, t)
		}
	}
	for _, t := range tables {
		if used[t] {
			stmt.FromClause = append(stmt.FromClause, t)
		}
	}
	switch len(terms) {
	case 0:
	case 1:
		stmt.WhereClause = terms[0]
	default:
		stmt.WhereClause = &pg_query.Node{Node: &pg_query.Node_BoolExpr{BoolExpr: &pg_query.BoolExpr{Boolop: pg_query.BoolExprType_AND_EXPR, Args: terms}}}
	}
	text, err := pg_query.Deparse(&pg_query.ParseResult{Stmts: []*pg_query.RawStmt{{Stmt: &pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: stmt}}}}})
	if err != nil {
		return "" // an estimate is left out
	}
	return text
}

// plainTables are the tables of FROM, by themselves or in joins; single is the one where there is nothing else, and conditions
// are those of inner joins.
func plainTables(from []*pg_query.Node) (tables []*pg_query.Node, single *pg_query.Node, conditions []*pg_query.Node) {
	others := 0
	var collect func(n *pg_query.Node)
	collect = func(n *pg_query.Node) {
		switch e := n.GetNode().(type) {
		case *pg_query.Node_RangeVar:
			tables = append(tables, n)
		case *pg_query.Node_JoinExpr:
			collect(e.JoinExpr.Larg)
			collect(e.JoinExpr.Rarg)
			if e.JoinExpr.Jointype == pg_query.JoinType_JOIN_INNER {
				conditions = append(conditions, flatten(e.JoinExpr.Quals)...)
			}
		default:
			others++
		}
	}
	for _, n := range from {
		collect(n)
	}
	if len(tables) == 1 && others == 0 {
		single = tables[0]
	}
	return tables, single, conditions
}

// tablesOf reports whether all columns in an expression are known to be of some tables: all are qualified by them, or there
// is one table alone. The tables are added to used; where more is false, the expression must get along with those that are used
// already.
func tablesOf(n *pg_query.Node, tables []*pg_query.Node, single *pg_query.Node, used map[*pg_query.Node]bool, more bool) bool {
	ok := true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		c := n.GetColumnRef()
		if c == nil {
			return ok
		}
		table := single
		switch len(c.Fields) {
		case 1:
		case 2:
			table = tableNamed(tables, c.Fields[0].GetString_().GetSval())
		default:
			table = nil
		}
		if ok = ok && table != nil && (more || used[table]); ok {
			used[table] = true
		}
		return false
	})
	return ok
}

// tableNamed is the table with an alias; nil for none.
func tableNamed(tables []*pg_query.Node, alias string) *pg_query.Node {
	for _, t := range tables {
		r := t.GetRangeVar()
		if name := r.GetAlias().GetAliasname(); name == alias || name == "" && r.Relname == alias {
			return t
		}
	}
	return nil
}

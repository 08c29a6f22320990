package planner

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// survey is what one walk over a statement's tree finds.
type survey struct {
	// functions are the names of the functions that are called, other than predict.
	functions []string
	// items are the entries of select lists and RETURNING, and the assignments of SET.
	items []*pg_query.ResTarget
	// calls are the functions in FROM.
	calls []*pg_query.RangeFunction
	conds []condition
	// queries are all SELECTs, those that set operations combine too.
	queries []*pg_query.SelectStmt
	// havings are the conditions behind HAVING.
	havings []*pg_query.Node
	// writes says that data is changed or a table made.
	writes bool
}

// condition is the expression behind a keyword, WHERE or ON.
type condition struct {
	keyword pg_query.Token
	expr    *pg_query.Node
}

// survey gives what a walk over the statement finds, which is made once.
func (b *shipBuilder) survey() *survey {
	if b.found != nil {
		return b.found
	}
	s := &survey{}
	b.found = s
	inXML := map[*pg_query.Node]bool{} // an item there has no name of its own
	sqlparse.Walk(b.req.Node, func(n *pg_query.Node) bool {
		switch e := n.GetNode().(type) {
		case *pg_query.Node_FuncCall:
			if b.byFn[e.FuncCall] == nil {
				s.functions = append(s.functions, functionName(e.FuncCall))
			}
		case *pg_query.Node_XmlExpr:
			for _, named := range e.XmlExpr.NamedArgs {
				inXML[named] = true
			}
		case *pg_query.Node_ResTarget:
			if !inXML[n] {
				s.items = append(s.items, e.ResTarget)
			}
		case *pg_query.Node_RangeFunction:
			s.calls = append(s.calls, e.RangeFunction)
		case *pg_query.Node_JoinExpr:
			s.add(pg_query.Token_ON, e.JoinExpr.Quals)
		case *pg_query.Node_SelectStmt:
			s.selects(e.SelectStmt)
		case *pg_query.Node_UpdateStmt:
			s.writes = true
			s.add(pg_query.Token_WHERE, e.UpdateStmt.WhereClause)
		case *pg_query.Node_DeleteStmt:
			s.writes = true
			s.add(pg_query.Token_WHERE, e.DeleteStmt.WhereClause)
		case *pg_query.Node_InsertStmt, *pg_query.Node_MergeStmt, *pg_query.Node_CreateTableAsStmt:
			s.writes = true
		}
		return true
	})
	return s
}

// add notes a condition.
func (s *survey) add(keyword pg_query.Token, expr *pg_query.Node) {
	if expr != nil {
		s.conds = append(s.conds, condition{keyword, expr})
	}
}

// selects looks at a SELECT and at the branches of a set operation, which are no nodes of their own.
func (s *survey) selects(sel *pg_query.SelectStmt) {
	s.writes = s.writes || sel.IntoClause != nil
	s.queries = append(s.queries, sel)
	s.add(pg_query.Token_WHERE, sel.WhereClause)
	if sel.HavingClause != nil {
		s.havings = append(s.havings, sel.HavingClause)
	}
	for _, branch := range []*pg_query.SelectStmt{sel.Larg, sel.Rarg} {
		if branch != nil {
			s.selects(branch)
		}
	}
}

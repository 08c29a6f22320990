package planner

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// refuseStatement finds statements in which no call can stand: those that home cannot prepare, and definitions, which
// would keep the call of a function that lives as long as the session.
func refuseStatement(n *pg_query.Node, calls []*sqlparse.Call) error {
	at := calls[0].Span.Start
	switch s := n.GetNode().(type) {
	case *pg_query.Node_SelectStmt, *pg_query.Node_InsertStmt, *pg_query.Node_UpdateStmt, *pg_query.Node_DeleteStmt,
		*pg_query.Node_MergeStmt, *pg_query.Node_DeclareCursorStmt:
		return nil
	case *pg_query.Node_CopyStmt:
		if s.CopyStmt.Query != nil {
			return nil
		}
		return refuseDefinition("COPY FROM … WHERE", at)
	case *pg_query.Node_CreateTableAsStmt:
		if s.CreateTableAsStmt.Query.GetExecuteStmt() != nil {
			return refuseDefinition("the arguments of EXECUTE", at)
		}
		if s.CreateTableAsStmt.Objtype != pg_query.ObjectType_OBJECT_MATVIEW {
			return nil
		}
	case *pg_query.Node_IndexStmt:
		return refuseIndex(s.IndexStmt, calls)
	case *pg_query.Node_CreateStmt:
		return refuseTable(s.CreateStmt, calls)
	case *pg_query.Node_AlterTableStmt:
		return refuseAlter(s.AlterTableStmt, calls)
	}
	return refuseDefinition(statementName(n), at)
}

// refuseDefinition is the error for a call in an expression that a definition would keep.
func refuseDefinition(where string, pos int) *sqlparse.Error {
	return &sqlparse.Error{Code: "0A000", Message: "predict is not supported in " + where, Position: pos,
		Hint: "Call predict in a SELECT, INSERT, UPDATE, DELETE or MERGE, and keep its answer."}
}

// immutable is PostgreSQL's error for an expression that must not change.
func immutable(message string, pos int) *sqlparse.Error {
	return &sqlparse.Error{Code: "42P17", Message: message, Position: pos,
		Detail: "predict is not immutable: the model behind a name may be replaced.",
		Hint:   "Keep the answer in a column of its own, and fill that with UPDATE."}
}

// first is the place of the first call in a node, -1 for none.
func first(n *pg_query.Node, calls []*sqlparse.Call) int {
	at := -1
	if n == nil {
		return at
	}
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil {
			for _, c := range calls {
				if c.Node == f && (at < 0 || c.Span.Start < at) {
					at = c.Span.Start
				}
			}
		}
		return true
	})
	return at
}

func refuseIndex(s *pg_query.IndexStmt, calls []*sqlparse.Call) error {
	if at := first(s.WhereClause, calls); at >= 0 {
		return immutable("functions in index predicate must be marked IMMUTABLE", at)
	}
	return immutable("functions in index expression must be marked IMMUTABLE", calls[0].Span.Start)
}

func refuseTable(s *pg_query.CreateStmt, calls []*sqlparse.Call) error {
	for _, p := range s.GetPartspec().GetPartParams() {
		if at := first(p, calls); at >= 0 {
			return immutable("functions in partition key expression must be marked IMMUTABLE", at)
		}
	}
	for _, list := range [][]*pg_query.Node{s.TableElts, s.Constraints} {
		for _, n := range list {
			if err := refuseElement(n, calls); err != nil {
				return err
			}
		}
	}
	return refuseDefinition("CREATE TABLE", calls[0].Span.Start)
}

func refuseAlter(s *pg_query.AlterTableStmt, calls []*sqlparse.Call) error {
	for _, n := range s.Cmds {
		c := n.GetAlterTableCmd()
		at := first(n, calls)
		if at < 0 {
			continue
		}
		switch c.GetSubtype() {
		case pg_query.AlterTableType_AT_ColumnDefault:
			return refuseDefinition("DEFAULT", at)
		case pg_query.AlterTableType_AT_AlterColumnType:
			return refuseDefinition("ALTER COLUMN TYPE … USING", at)
		}
		if err := refuseElement(c.Def, calls); err != nil {
			return err
		}
	}
	return refuseDefinition("ALTER TABLE", calls[0].Span.Start)
}

// refuseElement names the constraint of a table or column in which a call stands; nil where there is none.
func refuseElement(n *pg_query.Node, calls []*sqlparse.Call) error {
	if d := n.GetColumnDef(); d != nil {
		for _, c := range d.Constraints {
			if err := refuseElement(c, calls); err != nil {
				return err
			}
		}
	}
	at := first(n, calls)
	if at < 0 {
		return nil
	}
	switch n.GetConstraint().GetContype() {
	case pg_query.ConstrType_CONSTR_DEFAULT:
		return refuseDefinition("DEFAULT", at)
	case pg_query.ConstrType_CONSTR_CHECK:
		return refuseDefinition("CHECK", at)
	case pg_query.ConstrType_CONSTR_GENERATED:
		return immutable("generation expression is not immutable", at)
	case pg_query.ConstrType_CONSTR_EXCLUSION:
		return immutable("functions in index expression must be marked IMMUTABLE", at)
	}
	return nil
}

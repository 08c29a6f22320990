package foreign

import (
	"errors"
	"sync"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Statement is a text that was understood: what it says, and how the engine is told. It does not change any more, but for
// what it remembers to be quick.
type Statement struct {
	// Text is the canonical SQL.
	Text string
	// Columns are the types of the rows that it gives; nil for a change without RETURNING.
	Columns []dialect.Type
	// Params is the highest number of a parameter.
	Params int
	// Unproven says why the engine is not asked for all of it; nil if it is. What is missing is finished by the local
	// PostgreSQL.
	Unproven *dialect.Unproven
	// unconditional says that the engine is asked for whole tables, as it failed over the values of some of them.
	unconditional bool

	tree dialect.Statement
	// program is the whole statement for the engine, nil where there is none.
	program backend.Program
	// ids says how the rows of a Select get their ctid; nil where it asks for none.
	ids *rowIDs
	// keyed is an UPDATE or DELETE of the row that a ticket stands for; nil for others.
	keyed *keyedChange
	// refused is why a Select cannot be run though it can be estimated; nil if it can.
	refused error
	// found is an UPDATE or DELETE that is made row by row; nil for others.
	found *foundChange
	// finish is how it is finished where it is unproven; nil otherwise.
	finish *finishing
	// fixed are rows that need no engine: PostgreSQL's sizes and counts of a relation. sample is the share of the rows that
	// ANALYZE asks for; 0: all of them.
	fixed  [][][]byte
	sample float64

	guess estimate
	// variants are the forms of an INSERT in which the engine gives the values of some columns, by their pattern.
	mu       sync.Mutex
	variants map[string]*variant
}

// Program is what the engine is told in place of the whole statement, for EXPLAIN (VERBOSE); "" where it is not asked for
// the whole.
func (s *Statement) Program() string {
	if s.program == nil {
		return ""
	}
	return s.program.Text()
}

// Reads reports whether the statement changes nothing.
func (s *Statement) Reads() bool {
	_, ok := s.tree.(*dialect.Select)
	return ok
}

// Compile understands a text; what was understood before, with the same schema, is remembered. An error has an SQLSTATE.
func (s *Server) Compile(text string) (*Statement, error) {
	catalog := s.schemaNow()
	if st := catalog.statement(text); st != nil {
		return st, nil
	}
	st, err := s.compile(text, catalog)
	if err != nil {
		return nil, err
	}
	catalog.keep(st, s.config.Statements)
	return st, nil
}

// compile understands a text anew.
func (s *Server) compile(text string, catalog *schema) (*Statement, error) {
	if st, ok, err := s.analysis(text, catalog); ok || err != nil {
		return st, err
	}
	tree, err := dialect.Parse(text, catalog)
	if err != nil {
		return nil, err
	}
	st := &Statement{Text: text, tree: tree}
	st.count(tree)
	switch tree := tree.(type) {
	case *dialect.Select:
		err = s.compileSelect(st, tree)
	case *dialect.Insert:
		err = s.compileInsert(st, tree)
	case *dialect.Update:
		err = s.compileUpdate(st, tree)
	case *dialect.Delete:
		err = s.compileDelete(st, tree)
	case *dialect.Truncate:
		err = s.compileTruncate(st, tree)
	}
	if err != nil {
		return nil, err
	}
	return st, nil
}

// count finds the highest parameter.
func (s *Statement) count(tree dialect.Statement) {
	dialect.WalkStatement(tree, func(e dialect.Expr) bool {
		if p, ok := e.(*dialect.Param); ok {
			s.Params = max(s.Params, p.Number)
		}
		return true
	})
}

// typesOf are the types of expressions.
func typesOf(columns []dialect.Expr) []dialect.Type {
	out := make([]dialect.Type, len(columns))
	for i, c := range columns {
		out[i] = c.ResultType()
	}
	return out
}

// engineCompile asks the engine for a program. unproven is not nil where the engine may answer otherwise than PostgreSQL.
func (s *Server) engineCompile(tree dialect.Statement) (program backend.Program, unproven *dialect.Unproven, err error) {
	program, err = s.config.Engine.Compile(tree)
	if errors.As(err, &unproven) {
		return nil, unproven, nil
	}
	return program, nil, err
}

// compileSelect prepares a Select: whole for the engine, or to be finished.
func (s *Server) compileSelect(st *Statement, tree *dialect.Select) error {
	st.Columns = typesOf(tree.Columns)
	if tree.From == nil {
		st.Unproven = &dialect.Unproven{What: "a statement without a table"}
		return st.finishSelect(s, tree)
	}
	plain, share := sampling(tree)
	asked, ids, err := withKeys(plain)
	if err != nil {
		// PostgreSQL asks for an estimate before it knows whether it will want the rows: that much is answered.
		st.refused = err
		return nil
	}
	st.program, st.Unproven, err = s.engineCompile(asked)
	if err != nil {
		return err
	}
	if st.Unproven != nil && asked.Lock {
		unlocked := *asked
		unlocked.Lock = false
		if program, unproven, err := s.engineCompile(&unlocked); err == nil && unproven == nil {
			st.program, st.Unproven = program, nil
		}
	}
	if st.Unproven == nil {
		st.ids, st.sample = ids, share
		return nil
	}
	return st.finishSelect(s, tree)
}

// Package sqlparse turns the text of a client's statements into what the proxy needs to know of them: which concern it,
// where predict calls and component relations stand in the bytes, and the component DDL. It knows neither connections
// nor stores nor engines.
package sqlparse

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Span is a half-open range of byte offsets into the script's text.
type Span struct{ Start, End int }

// Of gives the bytes of text that the span covers.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

// Contains reports whether o lies within s.
func (s Span) Contains(o Span) bool { return s.Start <= o.Start && o.End <= s.End }

// Script is the text of one Query or Parse message, taken apart.
type Script struct {
	Text string
	// Statements are in the order of the text; none for a text of blanks and comments.
	Statements []*Statement
	// Opaque says that PostgreSQL's grammar does not know the text and no component statement is in it: it is to be
	// forwarded as it came. Statements is nil then.
	Opaque bool
	// Unread says, of an Opaque script of one statement in which a name of the proxy's functions stands before a
	// parenthesis, where PostgreSQL's grammar ends to know it; nil for any other script.
	Unread *Error
}

// Concerns reports whether any statement holds something that PostgreSQL alone cannot answer.
func (s *Script) Concerns() bool {
	for _, st := range s.Statements {
		if st.Component != nil || len(st.Calls) > 0 || len(st.Relations) > 0 || len(st.Searches) > 0 || len(st.Datasets) > 0 {
			return true
		}
	}
	return false
}

// Statement is one statement of a script.
type Statement struct {
	// Span covers the statement from its first token to its last, without the semicolon.
	Span Span
	// Node is PostgreSQL's own tree of it, with locations counted from the start of the script's text; nil for
	// component statements that PostgreSQL's grammar does not know.
	Node *pg_query.Node
	// Component is set for statements about components, which component.go has one by one.
	Component Component
	// Calls are the predict calls, in the order of their text (an outer call before those inside its arguments).
	Calls []*Call
	// Relations are the references to tables of the schema pinnacle.
	Relations []Relation
	// Searches are the calls of nearest and similarity, in the order of the text.
	Searches []*Search
	// Datasets are the calls of pinnacle.dataset, in the order of the text.
	Datasets []*DatasetCall

	command any
}

// Call is one predict(…) in a statement. A function call is one if its name is predict, try_predict or
// predict_details, unqualified or qualified by pinnacle, and its first argument is a string literal or a parameter.
type Call struct {
	// Func is the function's name in lower case, without the schema.
	Func string
	// Model and Version are what the first argument says, 'name' or 'name@version'; Version 0 is the default one.
	// Model is "" if the first argument is a parameter ($1).
	Model   string
	Version int
	// Span covers the whole call, from its name (with a schema) to its closing parenthesis.
	Span Span
	// ModelSpan covers the first argument.
	ModelSpan Span
	// Args are the arguments after the first.
	Args []Arg
	// Outer is the call in whose arguments this one stands, nil for none.
	Outer *Call
	// Node is the call in PostgreSQL's tree.
	Node *pg_query.FuncCall
}

// Arg is one argument of a call.
type Arg struct {
	// Name is set for name => expr.
	Name string
	// Span covers the expression (without name =>).
	Span Span
	Node *pg_query.Node
}

// Relation is a reference to a table of the schema pinnacle in a FROM clause, or a column reference that is qualified
// by one (pinnacle.models.name).
type Relation struct {
	// Name is the table's name, lower case as PostgreSQL folds it.
	Name string
	// Span covers schema and table name: pinnacle.models, without alias and without ONLY or *.
	Span Span
	// Aliased says that an alias follows in the text.
	Aliased bool
	// Column says that this is the qualifier of a column reference; Span then covers "pinnacle." only, which is to
	// be cut out.
	Column bool
	// Target says that the statement does not read it as a FROM clause does: it writes to it or defines something on it
	// (INSERT, UPDATE, DELETE, MERGE, TRUNCATE, ALTER, DROP, LOCK, COPY FROM, CREATE INDEX, REFERENCES …).
	Target bool
	// Table covers the keyword TABLE of the statement TABLE pinnacle.models, in place of which SELECT * FROM is to be
	// put before the relation can become a subquery; zero elsewhere.
	Table Span
}

// Error is a component statement or a call that is written wrong. Code is an SQLSTATE; Position is a byte offset into
// the script's text, -1 for none.
type Error struct {
	Code     string
	Message  string
	Detail   string
	Hint     string
	Position int
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// SQLState is the error's five-character code.
func (e *Error) SQLState() string { return e.Code }

// Package planner decides how a statement with predict calls is run. It is pure: it reads a statement and a catalog and
// gives a plan; it does no I/O of its own.
package planner

import (
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Catalog is what a plan needs to know beyond the statement.
type Catalog interface {
	// Model finds a model version; version 0 is the default one.
	Model(name string, version int) (*datalayer.ModelVersion, error)
	// FunctionKinds gives the kinds of those functions of home that are not plain, by name.
	FunctionKinds(names []string) (map[string]sqlparse.FunctionKind, error)
	// Volatile gives those names for which home has a volatile function.
	Volatile(names []string) (map[string]bool, error)
	// UserFunctions gives those names for which home has a function that is not PostgreSQL's own.
	UserFunctions(names []string) (map[string]bool, error)
	// Drawn gives the functions that a call by a name may mean, in a schema or, with "", in the search path, if a temporary
	// function can stand in place of each: plain volatile ones whose types are no pseudo-types. It gives none otherwise.
	Drawn(schema, name string) ([]VolatileFunction, error)
}

// ColumnID numbers the columns that a running plan works on: from 0 up the hidden columns of the home statement, in their
// order; from -1 down those that calls and evaluations give.
type ColumnID int

// Computed gives the place of a column among the computed ones, and whether it is one.
func (c ColumnID) Computed() (int, bool) { return int(-c - 1), c < 0 }

// HiddenKind says what a hidden column of the home statement is for.
type HiddenKind uint8

// The kinds of hidden columns.
const (
	// ArgColumn is an argument of a call.
	ArgColumn HiddenKind = iota
	// LeafColumn is a piece of an expression around a call.
	LeafColumn
	// CheckColumn is never read: it makes home check a condition, and find the types of the parameters in it, before
	// anything runs. It is always NULL.
	CheckColumn
	// LimitColumn and OffsetColumn hold the value of LIMIT and OFFSET, in every row.
	LimitColumn
	OffsetColumn
	// FloatDigitsColumn holds the setting extra_float_digits, in every row, where floats are handed to the client.
	FloatDigitsColumn
	// CollationsColumn holds the collations of Stream.Collated as a text[], '' for one that cannot be told, in every
	// row.
	CollationsColumn
)

// Hidden is a column that the home statement has beside the client's own.
type Hidden struct {
	Kind HiddenKind
	// Name is the column's name in the home statement.
	Name string
	// Type is the declared type of the argument, for ArgColumn and for a CheckColumn of an argument.
	Type udf.Type
	// Call and Arg say which argument it is, for those; Cast whether the statement casts it to Type.
	Call, Arg int
	Cast      bool
	// Position is where the argument stands in the client's text.
	Position int
	// Parameter says that the column is a parameter and nothing else.
	Parameter bool
}

// Call is one predict call; calls of one model over the same argument texts are one.
type Call struct {
	Model *datalayer.ModelVersion
	// Args are the columns that hold the arguments, in the model's order.
	Args []ColumnID
	// Out is the column of the answers.
	Out ColumnID
	// Text is the call as the client wrote it, for messages and EXPLAIN.
	Text string
}

// Eval is an expression, or several, that home evaluates over a batch of rows once models have answered. Their texts
// refer to the column n of the batch by ColumnName(n).
type Eval struct {
	Inputs []ColumnID
	Exprs  []string
	// Outs are the columns that take the values of Exprs.
	Outs []ColumnID
	// Filter, where it is not "", is a condition; rows for which it is not true are dropped.
	Filter string
}

// Step is one thing to do with a batch: exactly one of the two is set.
type Step struct {
	Predict *Call
	Eval    *Eval
}

// Output is a column of the client's result that home cannot give: its place in home's rows holds NULL.
type Output struct {
	// HomeName is the name of the place holder in home's RowDescription, Name the one that the client sees.
	HomeName, Name string
	Col            ColumnID
	// Inherits says that the column may have the type modifier, or the table's column, of a part of its expression, which the
	// place holder does not have; Stream.Typed does. Cast says that it is a cast of a column, which may be the column itself.
	Inherits, Cast bool
}

// Stream is the plan for calls in the outermost select list and in the AND terms of its WHERE, or in RETURNING: home runs
// the statement without the calls, its rows stream through in batches.
type Stream struct {
	// Home is the statement that home runs, Text the client's; Origin maps positions of the first to the second.
	Home   string
	Origin func(pos int) int
	// Tag is the statement's command tag without the number of rows.
	Tag    string
	Hidden []Hidden
	// Typed has the client's columns alone, as Home's parameters are: what home says of them, before it is run, is what it would
	// say if predict were a function. It is never run.
	Typed string
	Calls []*Call
	// Filters are the steps before rows are counted against LIMIT, Finals those after.
	Filters, Finals []Step
	Outputs         []Output
	// Limited says that LIMIT and OFFSET are counted here, not by home; -1 stands for no limit. They are overridden
	// by LimitColumn and OffsetColumn where there are such.
	Limited       bool
	Limit, Offset int64
	// Collated lists what Evals read and what may have a collation of its own.
	Collated []Collated
	// Computed is the number of columns that calls and evaluations give.
	Computed int
	// FilterTexts are the conditions with calls, in the client's words, for EXPLAIN.
	FilterTexts []string
}

// RowAlias is the name under which an Eval's text refers to the batch.
const RowAlias = "pinnacle_row"

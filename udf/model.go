// Package udf runs models: columns in, column out. It knows runtimes, and neither SQL nor sessions.
package udf

import (
	"context"
	"fmt"
)

// Column is a run of values of one type, row by row. Exactly the slice that Type.Storage names is set, and its length
// is the number of rows; a NULL's place in it holds the zero value.
//
// Numeric, Date, Time, Timestamp, Timestamptz, Interval, UUID, JSON and JSONB are in Texts, as PostgreSQL prints them
// with DateStyle ISO and IntervalStyle postgres. Lists are one-dimensional; what is NULL in them is in ListNulls.
type Column struct {
	Type Type
	// Nulls marks the rows that are NULL; nil when none is.
	Nulls      []bool
	Bools      []bool
	Ints       []int64
	Floats     []float64
	Texts      []string
	Bytes      [][]byte
	BoolLists  [][]bool
	IntLists   [][]int64
	FloatLists [][]float64
	TextLists  [][]string
	// ListNulls marks the elements that are NULL in the lists of rows, for each element one mark; an element's place in its
	// list holds the zero value. It is nil for a row whose list has no NULL, and may be shorter than the column.
	ListNulls [][]bool
}

// ElementNulls marks the elements of row i's list that are NULL; nil when none is.
func (c *Column) ElementNulls(i int) []bool {
	if i < len(c.ListNulls) {
		return c.ListNulls[i]
	}
	return nil
}

// SetElementNulls sets what ElementNulls gives of row i. The places of NULLs must hold the zero value.
func (c *Column) SetElementNulls(i int, nulls []bool) {
	for len(c.ListNulls) <= i {
		if nulls == nil {
			return
		}
		c.ListNulls = append(c.ListNulls, nil)
	}
	c.ListNulls[i] = nulls
}

// CopyListNulls copies the marks of all rows of another column to the rows from at on.
func (c *Column) CopyListNulls(at int, from *Column) {
	for i, nulls := range from.ListNulls {
		c.SetElementNulls(at+i, nulls)
	}
}

// Len is the number of rows.
func (c *Column) Len() int {
	switch c.Type.Storage() {
	case StoreBools:
		return len(c.Bools)
	case StoreInts:
		return len(c.Ints)
	case StoreFloats:
		return len(c.Floats)
	case StoreTexts:
		return len(c.Texts)
	case StoreBytes:
		return len(c.Bytes)
	case StoreBoolLists:
		return len(c.BoolLists)
	case StoreIntLists:
		return len(c.IntLists)
	case StoreFloatLists:
		return len(c.FloatLists)
	case StoreTextLists:
		return len(c.TextLists)
	}
	return 0
}

// Null reports whether row i is NULL.
func (c *Column) Null(i int) bool { return c.Nulls != nil && c.Nulls[i] }

// Arg is one argument of a model.
type Arg struct {
	Name string
	Type Type
}

// Signature is what a model takes and gives.
type Signature struct {
	Args    []Arg
	Returns Type
}

// Spec is what a Runtime loads a model from.
type Spec struct {
	// Name and Version are for messages only.
	Name    string
	Version int
	// Source is the text of AS $$ … $$, "" when there is none.
	Source string
	// Artifact is the path of a local, verified copy of the model's bytes, "" when there is none. It is not
	// written to and may be removed once Load has returned.
	Artifact string
	// Args and Returns are what the statement declares; nil and Invalid where it leaves that to the model.
	Args    []Arg
	Returns Type
	// Options are the WITH (key = value) of the statement, keys in lower case.
	Options map[string]string
}

// Runtime loads models of one kind. It is safe for concurrent use.
type Runtime interface {
	// Name is the word after USING.
	Name() string
	// Load makes a model ready to run. A Spec that cannot be one is a *Error.
	Load(ctx context.Context, spec Spec) (Model, error)
}

// Model answers rows. It is safe for concurrent use.
type Model interface {
	Signature() Signature
	// Deterministic reports whether equal arguments always give equal answers.
	Deterministic() bool
	// MaxBatch is the largest number of rows that Predict takes at once with profit; at least 1.
	MaxBatch() int
	// Predict answers the rows of args, which are in the signature's order and types and all of one length, at
	// most MaxBatch. The answer has Signature().Returns as its type and the same length. Arguments may be NULL
	// only for a model that is declared to be called on NULL.
	//
	// When a row cannot be answered the error is a *RowError if the runtime knows which; otherwise the caller
	// bisects. An error says what happened ("division by zero"); the caller names the model. Predict returns soon
	// after ctx ends, with ctx's error.
	Predict(ctx context.Context, args []Column) (Column, error)
	// Close frees what the model holds, once no Predict runs.
	Close() error
}

// Concurrent is a Model that profits from several Predicts at once. Of one that is not, a statement has one under way at
// a time.
type Concurrent interface {
	// Concurrency is the number of Predicts that one statement may have under way with profit; at least 1.
	Concurrency() int
}

// RowError says that one row of a batch could not be answered.
type RowError struct {
	Row int
	Err error
}

// Error implements error.
func (e *RowError) Error() string { return fmt.Sprintf("row %d: %v", e.Row, e.Err) }

// Unwrap gives the row's own error.
func (e *RowError) Unwrap() error { return e.Err }

// Error is a runtime's error that a user can act on. Code is an SQLSTATE.
type Error struct {
	Code    string
	Message string
	Detail  string
	Hint    string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// SQLState is the error's five-character code.
func (e *Error) SQLState() string { return e.Code }

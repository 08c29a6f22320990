// Package backend is the contract of databackends other than PostgreSQL: what datalayer/foreign asks of an engine. Each
// engine is a package below, with its driver, its introspection and its table of proven constructs; backendtest is the
// suite that all of them pass.
package backend

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Engine is one open databackend. It is safe for concurrent use.
type Engine interface {
	// Describe names engine and version for users and logs, without secrets: "MariaDB 10.11.6 at 127.0.0.1:3306".
	Describe() string
	// Traits are what the engine can do at all.
	Traits() Traits
	// Ping says whether the engine answers now.
	Ping(ctx context.Context) error
	// Catalog reads the schema as it is now. Reading thousands of tables is a handful of queries, not one a table.
	Catalog(ctx context.Context) (*dialect.Catalog, error)
	// Compile turns a statement into one of the engine's. It does no I/O. *dialect.Unproven says that the engine's
	// answer may differ from PostgreSQL's; any other error is a *Error. A Select that only names columns of one relation,
	// in any order, with no condition, must always compile; so must an Insert of rows of Params, and, where the table has a
	// PrimaryKey, an Update of columns to Params and a Delete whose Where is one dialect.RowKey, unless the engine cannot do
	// it at all (0A000).
	Compile(stmt dialect.Statement) (Program, error)
	// Connect opens a session. Sessions come from a pool of the engine's where that is cheaper.
	Connect(ctx context.Context) (Conn, error)
	// Close ends everything.
	Close() error
}

// Definer is an Engine whose schema can be changed.
type Definer interface {
	// Define carries out one change. What the engine lacks is a *Error with 0A000 and a sentence that says what.
	Define(ctx context.Context, conn Conn, change dialect.Change) error
}

// Traits are what an engine can do at all.
type Traits struct {
	// Transactions: Begin, Commit and Rollback mean what they say. Without, a session's writes are durable at once.
	Transactions bool
	// Savepoints within transactions.
	Savepoints bool
	// DDLInTransactions: Define can be rolled back.
	DDLInTransactions bool
	// OneWriter: a second writing transaction waits for the first.
	OneWriter bool
	// ManyResults: any number of Rows may be open on one Conn while other statements read on it. Without, the rest of an
	// open result is read into a spool before the next statement of the Conn runs.
	ManyResults bool
}

// Program is a compiled statement. It is immutable and may run on any session of its engine, many times.
type Program interface {
	// Text is what the engine is told, for EXPLAIN (VERBOSE): its SQL or its pipeline.
	Text() string
}

// Conn is one session of an engine. It is used by one goroutine at a time; one Rows may be open while another statement
// runs on the same Conn, which an engine that cannot do so itself provides by reading ahead, bounded, to a file.
type Conn interface {
	// Begin begins a transaction: reads see one snapshot where the engine has snapshots.
	Begin(ctx context.Context, mode TxMode) error
	Commit(ctx context.Context) error
	// Rollback ends the transaction whatever its state. It is not an error if there is none.
	Rollback(ctx context.Context) error
	// Savepoint, Release and RollbackTo are for names of the caller's, letters, digits and underscores.
	Savepoint(ctx context.Context, name string) error
	Release(ctx context.Context, name string) error
	RollbackTo(ctx context.Context, name string) error
	// Query runs a Select, or a change with Returning. params are in PostgreSQL's text, nil for NULL, in the order of
	// their numbers. Rows stream: what is not read costs the engine as little as it allows. When ctx ends, the statement
	// is ended at the engine, at the latest when its Rows are closed.
	Query(ctx context.Context, program Program, params [][]byte) (Rows, error)
	// Exec runs a change without Returning and gives the number of rows that it touched as PostgreSQL counts them.
	Exec(ctx context.Context, program Program, params [][]byte) (int64, error)
	// Estimate guesses the rows that a Select gives, from the engine's own statistics; negative: it cannot tell.
	Estimate(ctx context.Context, program Program) (rows float64, err error)
	// Close gives the session back; an open transaction is rolled back.
	Close() error
}

// TxMode is how a transaction is begun.
type TxMode struct {
	// Serializable asks for serializable isolation, otherwise a snapshot (REPEATABLE READ) is asked for.
	Serializable bool
	ReadOnly     bool
}

// Rows are the rows of a Query.
type Rows interface {
	// Next gives the next row: PostgreSQL's text of each value, nil for NULL; io.EOF after the last. The slices are valid
	// until the next call.
	Next(ctx context.Context) ([][]byte, error)
	// Close ends the query; it may be called more than once.
	Close() error
}

// Error is an engine's error as a client should see it.
type Error struct {
	// Code is an SQLSTATE; Message says what PostgreSQL would, where it has such an error.
	Code    string
	Message string
	// Detail has the engine's own words.
	Detail     string
	Hint       string
	Constraint string
	Column     string
	Table      string
	Schema     string
	// Lost says that the session is gone.
	Lost bool
	// Err is the cause, nil for none.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// SQLState is the error's five-character code (PostgreSQL documentation, appendix A).
func (e *Error) SQLState() string { return e.Code }

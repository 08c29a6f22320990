package datalayer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Execute runs one SQL statement, with predict and statements about components as any client may send them. args are its
// parameters $1, $2, … (pgx's query options may stand before them). It returns when the first row is there or the
// statement has ended, so an error of most statements is Execute's own; one that comes behind the first row is that of
// Rows.Err. The error is an *Error, which wraps PostgreSQL's own (*pgconn.PgError) where that raised it.
//
// Every statement has a session to itself for as long as its Rows are open: what it sets, prepares or opens there ends
// with them. It waits for a session while all are taken. Transactions, COPY and batches need Session.
func (d *Datalayer) Execute(ctx context.Context, sql string, args ...any) (*Rows, error) {
	conn, err := d.Session(ctx)
	if err != nil {
		return nil, err
	}
	// Nothing that the session has prepared can be out of date this way.
	options := append([]any{pgx.QueryExecModeDescribeExec}, args...)
	rows, err := conn.Query(ctx, sql, options...)
	if err != nil {
		conn.Release()
		return nil, errorOfSession(err)
	}
	r := &Rows{Rows: rows, session: conn}
	r.held = r.Next()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// Session gives one of the sessions of Execute, for what takes more than one statement: transactions, COPY, batches,
// LISTEN. It waits while all are taken. Release gives it back, and rolls back a transaction that is open; what was set,
// prepared or opened in the session ends with it.
func (d *Datalayer) Session(ctx context.Context) (*pgxpool.Conn, error) {
	if d.config.Sessions == nil {
		return nil, &Error{Code: "55000", Message: "this Datalayer has no sessions to run SQL in",
			Hint: "Open it by the package pinnacle, or set Config.Sessions."}
	}
	conn, err := d.config.Sessions.Acquire(ctx)
	if err != nil {
		return nil, errorOfSession(err)
	}
	return conn, nil
}

// Rows is what a statement of Execute gives: its rows, none for a command, and then its CommandTag. It is used as
// pgx.Rows, also by functions such as pgx.CollectRows, by one goroutine at a time. Close gives the session back; Next
// does so too when it finds no more rows.
type Rows struct {
	pgx.Rows
	// session is nil once it was given back.
	session *pgxpool.Conn
	// held says that the current row was not given by Next yet.
	held bool
	err  error
}

// Next makes the next row the current one. Without one it closes the Rows and is false; Err then tells why.
func (r *Rows) Next() bool {
	if r.held {
		r.held = false
		return true
	}
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close reads over the rows that are left and gives the session back. To leave a long result early, end Execute's context
// first. It may be called more than once.
func (r *Rows) Close() {
	r.held = false
	r.Rows.Close()
	if r.session == nil {
		return
	}
	r.err = errorOfSession(r.Rows.Err())
	if pg := r.session.Conn().PgConn(); r.err == nil && !pg.IsClosed() && pg.TxStatus() != 'I' {
		r.err = &Error{Code: "25001", Message: "Execute cannot leave a transaction open", Detail: "It was rolled back.",
			Hint: "Begin a transaction on a Session, whose statements share it."}
	}
	r.session.Release()
	r.session = nil
}

// Err is the error that ended the rows, an *Error; it is known once Next was false or Close was called.
func (r *Rows) Err() error {
	if r.err == nil {
		return errorOfSession(r.Rows.Err())
	}
	return r.err
}

// errorOfSession is ErrorOf for the errors of sessions, and nil for nil.
func errorOfSession(err error) error {
	var (
		own     *Error
		raised  *pgconn.PgError
		connect *pgconn.ConnectError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &raised):
		e := &Error{Code: raised.Code, Message: raised.Message, Detail: raised.Detail, Hint: raised.Hint, Err: err}
		if strings.HasPrefix(e.Code, "28") && e.Hint == "" {
			e.Hint = "Execute logs in as the user of the databackend's URI; name the password by passfile=… there, or by PGPASSFILE."
		}
		return e
	case errors.As(err, &connect):
		return &Error{Code: "08006", Message: fmt.Sprintf("no session could be opened: %v", errors.Unwrap(err)), Err: err}
	}
	return ErrorOf(err)
}

package foreign

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// The SQLSTATEs that this package raises itself (PostgreSQL documentation, appendix A).
const (
	codeConnectionFailure = "08006"
	codeUnknownResolution = "08007"
	codeProtocolViolation = "08P01"
	codeNotSupported      = "0A000"
	codeFailedTransaction = "25P02"
	codeNoTransaction     = "25P01"
	codeInvalidStatement  = "26000"
	codeInvalidAuth       = "28000"
	codeInvalidCursor     = "34000"
	codeInvalidSavepoint  = "3B001"
	codeDuplicateCursor   = "42P03"
	codeSyntaxError       = "42601"
	codeUndefinedTable    = "42P01"
	codeUndefinedParam    = "42P02"
	codeDiskFull          = "53100"
	codeTooManySessions   = "53300"
	codeLimitExceeded     = "53400"
	codeQueryCanceled     = "57014"
	codeShutdown          = "57P01"
	codeInternal          = "XX000"
)

// Causes with which a statement's context ends.
var (
	errCancelled = &backend.Error{Code: codeQueryCanceled, Message: "canceling statement due to user request"}
	errShutdown  = &backend.Error{Code: codeShutdown, Message: "the proxy is shutting down"}
	errGone      = errors.New("the local PostgreSQL has closed its session")
)

// failure makes an error for the client from any error: engines' and PostgreSQL's keep all their fields.
func failure(ctx context.Context, err error) *backend.Error {
	var known *backend.Error
	if cause := context.Cause(ctx); cause != nil && errors.As(cause, &known) {
		return known
	}
	if errors.As(err, &known) {
		return known
	}
	var unproven *dialect.Unproven
	if errors.As(err, &unproven) {
		return &backend.Error{Code: codeNotSupported, Message: "the databackend cannot run this statement",
			Detail: unproven.What + " is not proven to give PostgreSQL's answer there.", Err: err}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return &backend.Error{Code: pg.Code, Message: pg.Message, Detail: pg.Detail, Hint: pg.Hint, Constraint: pg.ConstraintName,
			Column: pg.ColumnName, Table: pg.TableName, Schema: pg.SchemaName, Err: err}
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) && len(state.SQLState()) == 5 {
		return &backend.Error{Code: state.SQLState(), Message: err.Error(), Err: err}
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return &backend.Error{Code: codeDiskFull, Message: "no space is left for rows that wait to be read", Detail: err.Error(), Err: err,
			Hint: "Free space in the data directory."}
	case errors.Is(err, context.Canceled):
		return errCancelled
	}
	return &backend.Error{Code: codeInternal, Message: err.Error(), Err: err}
}

// refuse is an error about something that is not supported, 0A000.
func refuse(format string, args ...any) *backend.Error {
	return &backend.Error{Code: codeNotSupported, Message: fmt.Sprintf(format, args...)}
}

// errorResponse is the message for an error.
func errorResponse(e *backend.Error) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: e.Code, Message: e.Message, Detail: e.Detail,
		Hint: e.Hint, SchemaName: e.Schema, TableName: e.Table, ColumnName: e.Column, ConstraintName: e.Constraint}
}

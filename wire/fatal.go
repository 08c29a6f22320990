package wire

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"
)

// fatal is an error that ends a session; the client is told it as an ErrorResponse of severity FATAL.
type fatal struct {
	code, message, detail, hint string
	// cause is what the log is told and the client is not.
	cause error
	// old asks for the form that clients before protocol 3 understand: a line of text.
	old bool
}

// Error implements error.
func (f *fatal) Error() string {
	if f.cause != nil {
		return fmt.Sprintf("%s: %s: %v", f.code, f.message, f.cause)
	}
	return f.code + ": " + f.message
}

// Unwrap returns the cause.
func (f *fatal) Unwrap() error { return f.cause }

// encode appends the ErrorResponse to dst.
func (f *fatal) encode(dst []byte) []byte {
	if f.old {
		return append(dst, "EFATAL:  "+f.message+"\n\x00"...)
	}
	return encodeError(dst, "FATAL", &pgproto3.ErrorResponse{
		Code: f.code, Message: f.message, Detail: f.detail, Hint: f.hint,
	})
}

// encodeError appends an ErrorResponse with the given severity to dst. A field with a NUL byte would break the message,
// so it is cut there; a response that cannot be encoded at all is replaced by an internal error.
func encodeError(dst []byte, severity string, response *pgproto3.ErrorResponse) []byte {
	e := *response
	e.Severity, e.SeverityUnlocalized = severity, severity
	for _, field := range []*string{&e.Code, &e.Message, &e.Detail, &e.Hint, &e.Where, &e.InternalQuery, &e.SchemaName,
		&e.TableName, &e.ColumnName, &e.DataTypeName, &e.ConstraintName, &e.File, &e.Routine} {
		*field = cutNUL(*field)
	}
	if len(e.Code) != 5 {
		e.Code = "XX000"
	}
	if e.Message == "" {
		e.Message = "the error has no message"
	}
	out, err := e.Encode(dst)
	if err != nil {
		short := pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: "XX000",
			Message: "the error message is too long to be sent"}
		out, _ = short.Encode(dst)
	}
	return out
}

// cutNUL returns s up to its first NUL byte.
func cutNUL(s string) string {
	for i := range len(s) {
		if s[i] == 0 {
			return s[:i]
		}
	}
	return s
}

// protocolViolation is the end of a session whose client does not speak the protocol.
func protocolViolation(message, detail string) *fatal {
	return &fatal{code: "08P01", message: message, detail: detail}
}

// endsSession reports whether home has ended the session with an error.
func endsSession(e *pgproto3.ErrorResponse) bool {
	return e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC"
}

// fromHome is the end of a session that home itself has ended.
func fromHome(e *pgproto3.ErrorResponse) *fatal {
	return &fatal{code: e.Code, message: e.Message, detail: e.Detail, hint: e.Hint}
}

// homeUnreachable is the end of a connection that found no PostgreSQL behind.
func homeUnreachable(cause error) *fatal {
	return &fatal{
		code:    "57P03",
		message: "the proxy cannot reach the PostgreSQL behind it",
		hint:    "Try again in a moment. If it stays so, see the proxy's log and whether the server behind it runs.",
		cause:   cause,
	}
}

// homeLost is the end of a session whose connection to home broke.
func homeLost(cause error) *fatal {
	return &fatal{
		code:    "08006",
		message: ErrHomeGone.Error(),
		hint:    "The running transaction was rolled back or its outcome is unknown. Connect again.",
		cause:   cause,
	}
}

// drained is the end of a session that the server's shutdown closes.
func drained() *fatal {
	return &fatal{
		code:    "57P01",
		message: ErrDraining.Error(),
		hint:    "The proxy is being stopped. Connect again in a moment.",
	}
}

// tooManyConnections refuses a session above Config.MaxConnections.
func tooManyConnections(limit int) *fatal {
	return &fatal{
		code:    "53300",
		message: "sorry, too many clients already",
		detail:  fmt.Sprintf("The proxy accepts %d sessions at once.", limit),
		hint:    "Close idle connections, use a pool, or raise the proxy's limit of connections.",
	}
}

// internalError is the end of a session after a fault of the proxy itself.
func internalError(cause error) *fatal {
	return &fatal{
		code:    "XX000",
		message: "internal error of the proxy",
		hint:    "The proxy's log has the details. Other sessions are not affected.",
		cause:   cause,
	}
}

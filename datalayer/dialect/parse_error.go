package dialect

// ParseError says that a text is not a statement of the canonical form, or that it names what is not there.
type ParseError struct {
	// Code is an SQLSTATE: 42601 where PostgreSQL's grammar refuses the text, 42P01 and 42703 for a relation and a column
	// that are not there, 0A000 for SQL that postgres_fdw does not send, 54001 for a text that is too large.
	Code    string
	Message string
	// Hidden says that the text names a relation where it cannot be seen from.
	Hidden bool
}

// Error implements error.
func (e *ParseError) Error() string { return e.Message }

// SQLState is the error's five-character code (PostgreSQL documentation, appendix A).
func (e *ParseError) SQLState() string { return e.Code }

// notCanonical is the error for SQL that Parse does not know.
func notCanonical(what string) error {
	return &ParseError{Code: "0A000", Message: "not of the form that postgres_fdw sends: " + what}
}

package component

// Error is an error of a kind that a user can act on. It holds no secrets.
type Error struct {
	// Code is an SQLSTATE.
	Code    string
	Message string
	Detail  string
	Hint    string
	// Err is the cause, nil for none.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// SQLState is the error's five-character code.
func (e *Error) SQLState() string { return e.Code }

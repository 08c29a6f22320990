package keyvalue

import (
	"errors"
	"fmt"
)

// ErrNotFound says that there is no such key.
var ErrNotFound = errors.New("no such key")

// Error is a store's error that a user can act on.
type Error struct {
	// Code is an SQLSTATE: 08006 (connection_failure), 22023 (invalid_parameter_value), 42501
	// (insufficient_privilege), 53100 (disk_full), 54000 (program_limit_exceeded), 55000 (the store is of a newer
	// program), 55006 (object_in_use), 57P01 (the store is closed), 58030 (io_error), XX001 (data_corrupted).
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

// Closed is the error of every method of a closed store.
func Closed() *Error {
	return &Error{Code: "57P01", Message: "the metadata store is closed"}
}

// Newer is the error for a store of a newer program. what is found to have that layout: "its
// records", say.
func Newer(what string, have, known int) *Error {
	return &Error{
		Code:    "55000",
		Message: "the metadata store was written by a newer version of this program",
		Detail:  fmt.Sprintf("The layout of %s is %d; this program knows those up to %d.", what, have, known),
		Hint:    "Run that newer version, or name another metadata store (--metadata-store).",
	}
}

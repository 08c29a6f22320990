package artifacts

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrNotFound says that the store has no artifact of that digest.
	ErrNotFound = errors.New("artifact not found")
	// ErrCorrupt says that the bytes kept under a digest are not those that it was made from.
	ErrCorrupt = errors.New("artifact is corrupt")
)

// Error is a store's error that a user can act on.
type Error struct {
	// Code is an SQLSTATE: 53100 (disk_full), XX001 (data_corrupted), 58P01 (undefined_file), 58030 (io_error).
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

// Corrupt is the error for an artifact whose bytes are not what its digest says; detail says what was found. It wraps
// ErrCorrupt.
func Corrupt(d Digest, detail string) *Error {
	return &Error{
		Code:    "XX001",
		Message: fmt.Sprintf("artifact %s is corrupt", d),
		Detail:  detail,
		Hint:    "Put the same bytes into the store again; that replaces the corrupt copy.",
		Err:     ErrCorrupt,
	}
}

// NotFound is the error for a digest that the store does not have. It wraps ErrNotFound.
func NotFound(d Digest) *Error {
	return &Error{
		Code:    "58P01",
		Message: fmt.Sprintf("artifact %s does not exist", d),
		Err:     ErrNotFound,
	}
}

// Failed is the error for an operation that the machine refused: 53100 where space or quota is used up, 58030
// otherwise. doing completes "could not …"; where names what the user can look at.
func Failed(doing, where string, err error) *Error {
	e := &Error{
		Code:    "58030",
		Message: fmt.Sprintf("could not %s: %v", doing, cause(err)),
		Detail:  fmt.Sprintf("The store is %s.", where),
		Err:     err,
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e.Code = "53100"
		e.Hint = "Free space there, or drop models and artifacts that are not needed."
	}
	return e
}

// cause is the operating system's own error inside err, which says no temporary names, or err where there is none.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

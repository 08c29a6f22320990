package datalayer

import (
	"errors"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Failure gives an error of this version's Predict the form that a user is told: it names the model and the version,
// which the runtime's own error does not. The code is the runtime's, or 38000 (external_routine_exception) where it has
// none. Of an *Error it is a copy, and nil for nil.
func (v *ModelVersion) Failure(err error) *Error {
	var (
		own     *Error
		row     *udf.RowError
		runtime *udf.Error
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		e := *own
		return &e
	}
	cause := err
	if errors.As(err, &row) {
		cause = row.Err
	}
	e := &Error{Code: "38000", Message: fmt.Sprintf("model %q version %d failed: %s", v.Name, v.Version, cause), Err: err}
	if errors.As(cause, &runtime) {
		e.Code, e.Detail, e.Hint = runtime.Code, runtime.Detail, runtime.Hint
	}
	return e
}

// Unreadable is the error for a value of home's that argument i, from 0, of the model does not take: an array of two
// dimensions, say.
func (v *ModelVersion) Unreadable(i int, err error) *Error {
	e := &Error{Code: "22000", Message: fmt.Sprintf("argument %d of model %q cannot be read", i+1, v.Name), Detail: err.Error(), Err: err}
	var own *udf.Error
	if errors.As(err, &own) {
		e.Code, e.Hint = own.Code, own.Hint
	}
	return e
}

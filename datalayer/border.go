package datalayer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// ErrorOf gives any error of a runtime, a store or a context the form that a user is told: an *Error stays as it is, a
// runtime's and an artifact store's keep what they say, the end of a context is 57014 (query_canceled), and anything else
// XX000 (internal_error). It is nil for nil.
func ErrorOf(err error) *Error {
	var (
		own      *Error
		runtime  *udf.Error
		artifact *artifacts.Error
		stored   *keyvalue.Error
		used     *component.UsedError
		kind     *component.Error
		raised   *pgconn.PgError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &kind):
		return &Error{Code: kind.Code, Message: kind.Message, Detail: kind.Detail, Hint: kind.Hint, Err: err}
	case errors.As(err, &used):
		return inUse(used)
	case errors.As(err, &runtime):
		return &Error{Code: runtime.Code, Message: runtime.Message, Detail: runtime.Detail, Hint: runtime.Hint, Err: err}
	case errors.As(err, &artifact):
		return &Error{Code: artifact.Code, Message: artifact.Message, Detail: artifact.Detail, Hint: artifact.Hint, Err: err}
	case errors.As(err, &stored):
		return &Error{Code: stored.Code, Message: stored.Message, Detail: stored.Detail, Hint: stored.Hint, Err: err}
	case errors.As(err, &raised):
		return &Error{Code: raised.Code, Message: raised.Message, Detail: raised.Detail, Hint: raised.Hint, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: "57014", Message: "canceling statement due to statement timeout", Err: err}
	case errors.Is(err, context.Canceled):
		return &Error{Code: "57014", Message: "canceling statement due to user request", Err: err}
	default:
		return &Error{Code: "XX000", Message: err.Error(), Err: err}
	}
}

// inUse is the error for a component that others use.
func inUse(used *component.UsedError) *Error {
	var list []string
	for i, u := range used.Users {
		if i == maxListed {
			list = append(list, fmt.Sprintf("and %d more", len(used.Users)-i))
			break
		}
		list = append(list, u.String())
	}
	return &Error{
		Code:    "2BP01",
		Message: fmt.Sprintf("cannot change or drop %s because other components depend on it", used.Ref),
		Detail:  "It is used by " + strings.Join(list, ", ") + ".",
		Hint:    "DROP … CASCADE drops these too.",
		Err:     used,
	}
}

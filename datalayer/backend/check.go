package backend

import (
	"errors"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Unchecked is the error for a CHECK that an engine cannot be told: 0A000, with what it is not proven to judge where err is an
// *dialect.Unproven. Any other error stays.
func Unchecked(engine string, c dialect.Check, err error) error {
	var unproven *dialect.Unproven
	if !errors.As(err, &unproven) {
		return err
	}
	return &Error{Code: "0A000", Message: fmt.Sprintf("%s cannot be told the condition of CHECK %q", engine, c.Name), Constraint: c.Name,
		Detail: "It is not proven to judge this as PostgreSQL does: " + unproven.What, Hint: "Leave the constraint out, or write a simpler condition."}
}

// Package listener keeps a model's outputs for the rows of a table or query in a table of home, and keeps them right while
// the rows, the model and the listener change.
//
// What is right is said by one comparison: a row of the outputs is fresh if it has the key of a source row, the hash of
// the input that the source row has now, and the number of the model version that is called now. A scan makes the
// comparison for every key, in the order of keys and with a checkpoint that is written in the transaction of the outputs.
// Everything else (triggers at home that note the keys of changed rows, statistics of home, a redeployed model, a timer)
// only says which keys, or that all of them, are to be compared again. So whatever is lost or done twice is made good
// by a scan.
package listener

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Definition is a listener as its component has it.
type Definition struct {
	Name string
	// Version is the component's; 0 where versions are not counted. What has an older one than home knows is not set up any
	// more, nor is what home knows to be dropped.
	Version int
	// Owner is the role of home that the outputs are given to; "" leaves them to the role of the Keeper's pool.
	Owner string
	component.ListenerDefinition
}

// The values of component.ListenerDefinition.Refresh.
const (
	// RefreshChange follows the source's changes; it is the default.
	RefreshChange = "change"
	// RefreshEvery compares all rows each time that an interval has passed.
	RefreshEvery = "every"
	// RefreshManual compares all rows when it is asked to.
	RefreshManual = "manual"
)

// The values of the option capture, which says how changes of the source are noticed under RefreshChange.
const (
	// CaptureTriggers are triggers on the source's tables.
	CaptureTriggers = "triggers"
	// CaptureTimer looks at home's statistics of the source's tables, and compares all rows when they have changed.
	CaptureTimer = "timer"
	// CaptureSlot reads changes from home's log by a replication slot, where wal_level is logical.
	CaptureSlot = "slot"
)

// Models are the models that listeners call.
type Models interface {
	// Describe gives a version of a model, 0 for the default one. It is called often and must be quick.
	Describe(ctx context.Context, name string, version int) (*datalayer.ModelVersion, error)
	// Permit refuses a role that may not call a model now, with 42501. It is called before each batch and must be quick.
	Permit(ctx context.Context, role string, model *datalayer.ModelVersion) error
	// Predict answers rows by a version that Describe gave. The rows differ from each other, unless the model is not
	// deterministic, and those that are NULL without a call are not among them; where the model takes no arguments, rows is
	// their number. A row that the model cannot answer has an error in failed (nil where none has) and a NULL in answers. err
	// is about none of the rows: the model cannot be loaded, say.
	Predict(ctx context.Context, model *datalayer.ModelVersion, args []udf.Column, rows int) (answers udf.Column, failed []error, err error)
}

// Observer is told what listeners do, for metrics. It is safe for concurrent use and does not block.
type Observer interface {
	// Kept is called after each batch: the rows whose outputs were written, taken away, and marked as failed.
	Kept(listener string, written, removed, failed int64)
	// Behind is called now and then: how many rows a listener is behind its source, and since when, in seconds.
	Behind(listener string, rows int64, seconds float64)
}

// The defaults of Config.
const (
	defaultPoll      = 200 * time.Millisecond
	defaultVerify    = 10 * time.Second
	defaultReconcile = time.Hour
	defaultTimer     = 2 * time.Second
	defaultBatchRows = 2_000
	defaultBatchSize = 4 << 20
	defaultWorkers   = 2
)

// maxBackoff is the longest time between two tries of a listener that fails as a whole, maxRowBackoff that of a row.
const (
	maxBackoff    = 30 * time.Second
	maxRowBackoff = time.Hour
)

// backoff is how long to wait after so many failures in a row: a second, doubled each time, at most most.
func backoff(failures int, most time.Duration) time.Duration {
	return min(most, time.Second<<min(max(failures-1, 0), 20))
}

// errorOf makes of home's error, or any other, what a user is told.
func errorOf(err error) *datalayer.Error {
	var (
		own  *datalayer.Error
		home *pgconn.PgError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &home):
		return &datalayer.Error{Code: home.Code, Message: home.Message, Detail: home.Detail, Hint: home.Hint, Err: err}
	}
	return datalayer.ErrorOf(err)
}

// about says of which listener an error is.
func about(name string, err error) error {
	e := *errorOf(err)
	e.Message, e.Err = fmt.Sprintf("listener %q: %s", name, e.Message), err
	return &e
}

// fault is an error that a user can act on.
func fault(code, message, hint string) *datalayer.Error {
	return &datalayer.Error{Code: code, Message: message, Hint: hint}
}

// faultf is fault with a message to be filled in, without a hint.
func faultf(code, format string, args ...any) *datalayer.Error {
	return &datalayer.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

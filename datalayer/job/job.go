// Package job is the durable queue of work that takes longer than a statement: backfills, training, validation, the
// building of indexes. Jobs are in the metadata store, so they survive a crash, and several proxies on one store share
// them: each job runs in one place at a time, and a dead proxy's jobs are taken over.
//
// A job is pending, then running, and then succeeded, failed or cancelled. Who runs it holds it by a lease, which
// heartbeats renew. Proxies need no common clock: a lease is over when its heartbeat has not changed for the lease's time by
// the clock of the one who watches. A worker that could not renew its lease stops before that. Every write of a worker is
// made in a transaction that finds the lease's number (its epoch) unchanged, so one that was taken for dead changes nothing
// any more.
package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// State is where a job is on its way.
type State string

// The states. The last three are final.
const (
	Pending   State = "pending"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Final reports whether nothing more happens to a job in the state.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Cancelled }

// States are all states, in their order.
func States() []State { return []State{Pending, Running, Succeeded, Failed, Cancelled} }

// Spec is a job to be done.
type Spec struct {
	// Kind is the name that the handler is registered by.
	Kind string
	// Component is what the job works for; its Kind is "" for none.
	Component component.Ref
	// Args is marshalled to JSON; nil for none. It holds no secrets and no values of rows.
	Args any
	// Owner is the role on home on whose behalf the job runs, and whose rights count.
	Owner string
	// DependsOn are jobs that have to succeed before.
	DependsOn []int64
	// MaxAttempts is how often the job may be tried when it fails, 0 for the queue's default.
	MaxAttempts int
}

// Job is a job as the metadata store has it.
type Job struct {
	ID        int64           `json:"id"`
	Kind      string          `json:"kind"`
	Component component.Ref   `json:"component,omitzero"`
	Args      json.RawMessage `json:"args,omitempty"`
	Owner     string          `json:"owner,omitempty"`
	State     State           `json:"state"`
	CreatedAt time.Time       `json:"created_at"`
	// StartedAt is when the attempt at hand began, or the last one. FinishedAt is when the job became final.
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	// NotBefore is when a pending job may be tried next.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Attempt counts the attempts begun, Failures those that failed, and Losses those whose proxy died since the job last
	// saved its state.
	Attempt     int `json:"attempt"`
	Failures    int `json:"failures,omitempty"`
	Losses      int `json:"losses,omitempty"`
	MaxAttempts int `json:"max_attempts"`
	// DependsOn is as it was asked for, WaitsFor those of them that have not succeeded yet.
	DependsOn []int64 `json:"depends_on,omitempty"`
	WaitsFor  []int64 `json:"waits_for,omitempty"`
	// Inline says that a session runs the job and waits for it: nobody takes it over.
	Inline bool `json:"inline,omitempty"`
	// CancelBy is who asked to cancel a running job, "" for nobody.
	CancelBy string   `json:"cancel_by,omitempty"`
	Progress Progress `json:"progress,omitzero"`
	// Failure is why the last attempt failed, or the job was cancelled; nil for no reason.
	Failure *Failure `json:"failure,omitempty"`
	// Worker is the proxy that has run it last. Epoch counts the leases, Beat the heartbeats of the one at hand.
	Worker string `json:"worker,omitempty"`
	Epoch  int64  `json:"epoch,omitempty"`
	Beat   int64  `json:"beat,omitempty"`
	// Lines counts the log lines written; the newest are kept.
	Lines int64 `json:"lines,omitempty"`
}

// Progress is how far a job is, in rows.
type Progress struct {
	Done int64 `json:"done,omitempty"`
	// Of is 0 where it is not known.
	Of int64 `json:"of,omitempty"`
	// Rate is in rows a second, over the attempt at hand; 0 where it is not known.
	Rate float64 `json:"rate,omitempty"`
}

// Percent is from 0 to 100; known is false where the number of rows is not.
func (p Progress) Percent() (percent float64, known bool) {
	if p.Of <= 0 {
		return 0, false
	}
	return min(100, 100*float64(p.Done)/float64(p.Of)), true
}

// Left is the time that the rest takes at the rate so far; known is false where there is no rate.
func (p Progress) Left() (left time.Duration, known bool) {
	if p.Of <= 0 || p.Rate <= 0 {
		return 0, false
	}
	seconds := float64(max(0, p.Of-p.Done)) / p.Rate
	if seconds > 1e9 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// Failure is why an attempt failed: what a user may see of an error. It has no detail, since details quote arguments.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Clone is a copy whose lists and pointers are its own.
func (j *Job) Clone() *Job {
	c := *j
	c.Args, c.DependsOn, c.WaitsFor = slices.Clone(j.Args), slices.Clone(j.DependsOn), slices.Clone(j.WaitsFor)
	if j.Failure != nil {
		f := *j.Failure
		c.Failure = &f
	}
	return &c
}

// Error is an error that a user can act on. Code is an SQLSTATE.
type Error struct {
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

var (
	// ErrLost says that a worker does not hold its job any more: another one has taken it over, or it has ended. What the
	// worker does then is not recorded. It is also the cause of the context of a handler that has to stop for this.
	ErrLost = errors.New("the job is not this worker's any more")
	// ErrCancelled is the cause of the context of a handler whose job is to be cancelled.
	ErrCancelled = errors.New("the job is to be cancelled")
	// ErrStopping is the cause of the context of a handler whose proxy is about to end. The job goes on from its saved
	// state, elsewhere or later, and the attempt is not counted.
	ErrStopping = errors.New("the proxy is about to end")
)

// permanent is an error after which no further attempt is made.
type permanent struct{ error }

// Unwrap gives the cause.
func (p permanent) Unwrap() error { return p.error }

// Permanent marks a handler's error as one that another attempt would not mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// notFound is the error for a job that does not exist.
func notFound(id int64) error {
	return &Error{Code: "42704", Message: fmt.Sprintf("job %d does not exist", id),
		Hint: "SELECT id, kind, state FROM pinnacle.jobs lists them. Jobs that have ended are removed after the setting job_retention."}
}

// failureOf is what is recorded of an error.
func failureOf(err error) *Failure {
	f := &Failure{Code: "XX000", Message: err.Error()}
	var coded interface {
		error
		SQLState() string
	}
	if errors.As(err, &coded) {
		f.Code, f.Message = coded.SQLState(), coded.Error()
	}
	var own *Error
	if errors.As(err, &own) {
		f.Hint = own.Hint
	}
	return f
}

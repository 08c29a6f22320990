package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Handler does the work of one kind of jobs. It returns soon after ctx has ended, whose cause says why: ErrCancelled,
// ErrStopping or ErrLost. nil means that the job is done; any other error that the attempt failed, and it is made again
// later unless the error is Permanent. A handler may be run again at any time, also when it had done its work but not said
// so yet: it goes on from what it saved, and what it does can be done twice.
type Handler func(ctx context.Context, run *Run) error

// Run is one attempt at a job, as its handler sees it. It is safe for concurrent use.
type Run struct {
	lease lease
	job   *Job
	now   func() time.Time
	wake  chan struct{}

	mu       sync.Mutex
	progress Progress
	// began and first are the moment and the row count of the attempt's first Progress, which the rate is measured from.
	began time.Time
	first int64
	lines []Line
	// dropped counts log lines that came faster than they could be written.
	dropped int
	// writing is held while what was said is written, so that lines keep their order.
	writing sync.Mutex
}

// newRun makes the run of a job that was claimed.
func newRun(q *Queue, j *Job) *Run {
	return &Run{lease: lease{q, j.ID, j.Epoch}, job: j, now: q.Now, wake: make(chan struct{}, 1), progress: j.Progress}
}

// Job is the job as it was when the attempt began. It is not changed.
func (r *Run) Job() *Job { return r.job }

// Args reads the job's arguments into a value, as json.Unmarshal does.
func (r *Run) Args(into any) error {
	if len(r.job.Args) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.job.Args, into); err != nil {
		return Permanent(fmt.Errorf("arguments of job %d: %w", r.job.ID, err))
	}
	return nil
}

// State reads what the job has saved last into a value; false: nothing was saved.
func (r *Run) State(ctx context.Context, into any) (bool, error) {
	var value []byte
	err := r.lease.q.Store.View(ctx, func(rd keyvalue.Reader) (err error) {
		value, err = rd.Get(spaceState, number(r.job.ID))
		return err
	})
	if errors.Is(err, keyvalue.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(value, into)
	}
	if err != nil {
		return false, fmt.Errorf("saved state of job %d: %w", r.job.ID, err)
	}
	return true, nil
}

// Save writes the state that the job goes on from if it is interrupted, with the progress so far. It is durable when Save
// returns nil. It is ErrLost if the job is not this run's any more; the handler then has to stop.
func (r *Run) Save(ctx context.Context, state any) error {
	b, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("state of job %d: %w", r.job.ID, err)
	}
	return r.flush(func(rep report) error { return r.lease.save(ctx, rep, b, nil) })
}

// Update makes a change of the metadata that is done only if the job is this run's still (ErrLost otherwise). change may run
// several times. A state that is not nil is saved with it.
func (r *Run) Update(ctx context.Context, state any, change func(tx keyvalue.Tx) error) error {
	var b []byte
	if state != nil {
		var err error
		if b, err = json.Marshal(state); err != nil {
			return fmt.Errorf("state of job %d: %w", r.job.ID, err)
		}
	}
	return r.flush(func(rep report) error { return r.lease.save(ctx, rep, b, change) })
}

// Guard is ErrLost, within a transaction of the caller's, unless the job is this run's still.
func (r *Run) Guard(rd keyvalue.Reader) error {
	_, err := r.lease.guard(rd)
	return err
}

// Progress says how many rows are done, and of how many; 0 where that is not known. It is cheap: what was said last is
// written with the next heartbeat.
func (r *Run) Progress(done, of int64) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		r.began, r.first = now, done
	}
	r.progress.Done, r.progress.Of = done, of
	if took := now.Sub(r.began).Seconds(); took > 0 && done > r.first {
		r.progress.Rate = float64(done-r.first) / took
	}
}

// Log adds a line to the job's log, without values of rows.
func (r *Run) Log(format string, args ...any) { r.line(Info, format, args) }

// Warn adds a line to the job's log that matters.
func (r *Run) Warn(format string, args ...any) { r.line(Warn, format, args) }

// line keeps a line until it is written.
func (r *Run) line(level Level, format string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) >= linesAtOnce {
		r.dropped++
		return
	}
	r.lines = append(r.lines, Line{At: r.now(), Level: level, Text: fmt.Sprintf(format, args...)})
}

// take is what there is to write.
func (r *Run) take() report {
	r.mu.Lock()
	defer r.mu.Unlock()
	rep := report{progress: r.progress, lines: r.lines}
	if r.dropped > 0 {
		rep.lines = append(rep.lines, Line{At: r.now(), Level: Warn, Text: fmt.Sprintf("%d lines came too fast and were left out", r.dropped)})
	}
	r.lines, r.dropped = nil, 0
	return rep
}

// flush writes what there is to write; what could not be written is kept for the next time.
func (r *Run) flush(write func(report) error) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	rep := r.take()
	err := write(rep)
	if err != nil {
		r.mu.Lock()
		r.lines = append(rep.lines, r.lines...)
		r.mu.Unlock()
	}
	return err
}

// perform runs the handler, while heartbeats renew the lease, and records the outcome. It gives the handler's error and
// that of recording it. ctx's cause says why it ends, where it does.
func (r *Run) perform(ctx context.Context, handle Handler) (handled, recorded error) {
	q := r.lease.q
	q.runs.add(r.job.ID, r.job.Epoch, r.wake)
	defer q.runs.remove(r.job.ID, r.job.Epoch)
	running, end := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.heartbeats(running, end)
	}()
	handled = guarded(running, r, handle)
	cause := context.Cause(running)
	end(nil)
	<-stopped
	if handled != nil && cause == nil && errors.Is(handled, ErrLost) {
		cause = ErrLost
	}
	return handled, r.record(context.WithoutCancel(ctx), handled, cause)
}

// guarded runs a handler; its panic is an error.
func guarded(ctx context.Context, r *Run, handle Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.lease.q.Logger.Error("a job's handler has panicked", "job", r.job.ID, "kind", r.job.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &Error{Code: "XX000", Message: "the job's handler has failed by a defect of the program", Hint: "The proxy's log has more."}
		}
	}()
	return handle(ctx, r)
}

// heartbeats renew the lease until ctx ends. When it cannot be renewed in time, or somebody wants the job to end, they end
// the run.
func (r *Run) heartbeats(ctx context.Context, end context.CancelCauseFunc) {
	q := r.lease.q
	ticks := time.NewTicker(q.Heartbeat)
	defer ticks.Stop()
	renewed := time.Now() // the lease's life is measured on the machine's steady clock
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case <-r.wake:
		}
		began := time.Now()
		left := q.Lease*3/4 - began.Sub(renewed)
		if left <= 0 {
			end(ErrLost)
			return
		}
		trying, cancel := context.WithTimeout(ctx, left)
		var cancelled string
		err := r.flush(func(rep report) (err error) {
			cancelled, err = r.lease.beat(trying, rep)
			return err
		})
		cancel()
		switch {
		case errors.Is(err, ErrLost):
			end(ErrLost)
			return
		case err != nil:
			if ctx.Err() == nil {
				q.Logger.Warn("a job's lease could not be renewed", "job", r.job.ID, "error", err)
			}
		case cancelled != "":
			end(ErrCancelled)
			return
		default:
			renewed = began
		}
	}
}

// record writes how the attempt ended, and tries again while the lease may be good.
func (r *Run) record(ctx context.Context, handled, cause error) error {
	q := r.lease.q
	ctx, cancel := context.WithTimeout(ctx, q.Lease)
	defer cancel()
	for {
		err := r.flush(func(rep report) error { return r.lease.done(ctx, rep, handled, cause) })
		if err == nil || errors.Is(err, ErrLost) || ctx.Err() != nil {
			return err
		}
		q.Logger.Warn("a job's end could not be recorded", "job", r.job.ID, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(q.Heartbeat):
		}
	}
}

// Do runs a job within the caller's statement: it is in the queue, with its progress, and can be cancelled as any, but the
// caller waits for it, and it ends with the caller's proxy. It gives the handler's error, or ErrCancelled.
func (q *Queue) Do(ctx context.Context, s Spec, handle Handler) (id int64, err error) {
	var j *Job
	err = q.Store.Update(ctx, func(tx keyvalue.Tx) (err error) {
		s.DependsOn, s.MaxAttempts = nil, 1
		if j, err = q.make(tx, s); err != nil {
			return err
		}
		j.State, j.Inline, j.StartedAt, j.Worker, j.Attempt, j.Epoch = Running, true, q.Now(), q.Name, 1, 1
		return q.put(tx, nil, j)
	})
	if err != nil {
		return 0, err
	}
	r := newRun(q, j)
	cancelled := false
	handled, recorded := r.perform(ctx, func(ctx context.Context, r *Run) error {
		err := handle(ctx, r)
		cancelled = err != nil && errors.Is(context.Cause(ctx), ErrCancelled)
		return err
	})
	q.Wake()
	switch {
	case cancelled:
		return j.ID, ErrCancelled
	case handled != nil:
		return j.ID, handled
	}
	return j.ID, recorded
}

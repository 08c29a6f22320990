package job

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// lease is a worker's hold of one job: what it may write while it has it.
type lease struct {
	q     *Queue
	id    int64
	epoch int64
}

// guard is ErrLost, within a transaction, unless the lease is still good. It gives the record.
func (l *lease) guard(r keyvalue.Reader) (*Job, error) {
	j, err := l.q.get(r, l.id)
	if isNotFound(err) || err == nil && (j.State != Running || j.Epoch != l.epoch) {
		return nil, ErrLost
	}
	return j, err
}

// update changes the record, if the lease is still good.
func (l *lease) update(ctx context.Context, change func(tx keyvalue.Tx, after *Job) error) (after *Job, err error) {
	err = l.q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		before, err := l.guard(tx)
		if err != nil {
			return err
		}
		after = before.Clone()
		if err := change(tx, after); err != nil {
			return err
		}
		return l.q.put(tx, before, after)
	})
	return after, err
}

// report is what a worker has to say of its job since it said something last.
type report struct {
	progress Progress
	lines    []Line
}

// write puts a report into the record.
func (l *lease) write(tx keyvalue.Tx, after *Job, r report) error {
	after.Progress = r.progress
	return l.q.writeLines(tx, after, r.lines)
}

// beat renews the lease. cancel says who wants the job to end, "" for nobody.
func (l *lease) beat(ctx context.Context, r report) (cancel string, err error) {
	after, err := l.update(ctx, func(tx keyvalue.Tx, after *Job) error {
		after.Beat++
		return l.write(tx, after, r)
	})
	if err != nil {
		return "", err
	}
	return after.CancelBy, nil
}

// save writes the state that the job goes on from, and whatever else belongs to it.
func (l *lease) save(ctx context.Context, r report, state []byte, also func(tx keyvalue.Tx) error) error {
	_, err := l.update(ctx, func(tx keyvalue.Tx, after *Job) error {
		after.Losses = 0
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		if state != nil {
			if err := tx.Put(spaceState, number(l.id), state); err != nil {
				return err
			}
		}
		return l.write(tx, after, r)
	})
	return err
}

// done records how the attempt ended: err is the handler's, cause that of its context's end, nil while it had not ended.
func (l *lease) done(ctx context.Context, r report, err, cause error) error {
	if errors.Is(cause, ErrLost) {
		return ErrLost
	}
	return l.q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		before, guard := l.guard(tx)
		if guard != nil {
			return guard
		}
		after := before.Clone()
		if err := l.write(tx, after, r); err != nil {
			return err
		}
		return l.outcome(tx, before, after, err, cause)
	})
}

// outcome makes the state that an attempt's end leads to.
func (l *lease) outcome(tx keyvalue.Tx, before, after *Job, err, cause error) error {
	q := l.q
	var final permanent
	switch {
	case err == nil:
		return q.end(tx, after, Succeeded, nil)
	case errors.Is(cause, ErrCancelled) || before.CancelBy != "" || before.Inline && cause != nil:
		who := before.CancelBy
		if who == "" {
			who = "the session"
		}
		return q.end(tx, after, Cancelled, cancelledBy(who))
	case errors.Is(cause, ErrStopping) && !before.Inline:
		after.State, after.NotBefore = Pending, q.Now()
		return q.put(tx, before, after)
	}
	after.Failures++
	after.Failure = q.Explain(err)
	if errors.As(err, &final) || after.Failures >= after.MaxAttempts {
		return q.end(tx, after, Failed, after.Failure)
	}
	after.State, after.NotBefore = Pending, q.Now().Add(q.delay(after.Failures))
	line := Line{At: q.Now(), Level: Warn, Text: fmt.Sprintf("attempt %d failed: %s", after.Attempt, after.Failure.Message)}
	if err := q.writeLines(tx, after, []Line{line}); err != nil {
		return err
	}
	return q.put(tx, before, after)
}

// runs are the jobs that this process runs at the moment.
type runs struct {
	mu   sync.Mutex
	held map[int64]held
}

type held struct {
	epoch int64
	wake  chan struct{}
}

// add notes a run; wake is where it is told to renew its lease at once.
func (r *runs) add(id, epoch int64, wake chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = map[int64]held{}
	}
	r.held[id] = held{epoch, wake}
}

// remove forgets a run.
func (r *runs) remove(id, epoch int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[id].epoch == epoch {
		delete(r.held, id)
	}
}

// holds reports whether this process runs a job with a lease of that number.
func (r *runs) holds(id, epoch int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.held[id]
	return ok && h.epoch == epoch
}

// beat has a job of this process renew its lease now, and so see what is asked of it.
func (r *runs) beat(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h, ok := r.held[id]; ok {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

package job

import (
	"context"
	"fmt"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// end makes a job final, and with it the jobs that wait for it: after a success they may begin, otherwise they fail, and
// those that wait for them. before is read anew.
func (q *Queue) end(tx keyvalue.Tx, j *Job, state State, why *Failure) error {
	ended := []*Job{q.final(j, state, why)}
	for len(ended) > 0 {
		j := ended[0]
		ended = ended[1:]
		before, err := q.get(tx, j.ID)
		if err != nil && !isNotFound(err) {
			return err
		}
		if err := q.put(tx, before, j); err != nil {
			return err
		}
		if j.State == Succeeded { // the others may be tried again, from what they saved
			if err := tx.Delete(spaceState, number(j.ID)); err != nil {
				return err
			}
		}
		failed, err := q.release(tx, j)
		if err != nil {
			return err
		}
		ended = append(ended, failed...)
	}
	return nil
}

// final is the job in a final state.
func (q *Queue) final(j *Job, state State, why *Failure) *Job {
	c := j.Clone()
	c.State, c.Failure, c.FinishedAt, c.WaitsFor = state, why, q.Now(), nil
	if state == Succeeded {
		c.Failure = nil
		c.Progress.Of = c.Progress.Done
	}
	return c
}

// release lets go the jobs that wait for one that is final now, and gives those that fail by it, not put yet.
func (q *Queue) release(tx keyvalue.Tx, j *Job) (failed []*Job, err error) {
	waiting, err := q.numbers(tx, keyvalue.Key(indexWait, number(j.ID)), 2, 0)
	if err != nil {
		return nil, err
	}
	for _, id := range waiting {
		before, err := q.get(tx, id)
		if err != nil {
			return nil, err
		}
		if j.State != Succeeded {
			failed = append(failed, q.final(before, Failed, dependencyFailed(j)))
			continue
		}
		after := before.Clone()
		after.WaitsFor = slices.DeleteFunc(after.WaitsFor, func(id int64) bool { return id == j.ID })
		if err := q.put(tx, before, after); err != nil {
			return nil, err
		}
	}
	return failed, nil
}

// dependencyFailed is why a job fails that depends on one that did not succeed.
func dependencyFailed(d *Job) *Failure {
	return &Failure{Code: "55000", Message: fmt.Sprintf("job %d, which it depends on, was not done: it is %s", d.ID, d.State),
		Hint: fmt.Sprintf("SELECT pinnacle.retry_job(%d), and then this one.", d.ID)}
}

// isNotFound reports whether an error is that of a job that does not exist.
func isNotFound(err error) bool {
	own, ok := err.(*Error)
	return ok && own.Code == "42704"
}

// Cancel ends a job: at once if it is pending, at the worker's next heartbeat if it is running, wherever that is. by names
// who asks. Where the work is not the handler's, Config.Stop ends it first. One that has ended is an *Error with 55000. It gives the job as it is then.
func (q *Queue) Cancel(ctx context.Context, id int64, by string) (*Job, error) {
	j, err := q.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	if stop := q.Stop[j.Kind]; stop != nil && !j.State.Final() {
		if err := stop(ctx, j); err != nil {
			return nil, err
		}
	}
	err = q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		before, err := q.get(tx, id)
		if err != nil {
			return err
		}
		if before.State.Final() {
			return &Error{Code: "55000", Message: fmt.Sprintf("job %d cannot be cancelled: it is %s", id, before.State)}
		}
		j, err = q.cancel(tx, before, by)
		return err
	})
	if err != nil {
		return nil, err
	}
	q.runs.beat(id)
	q.Wake()
	return j, nil
}

// CancelOf ends the jobs of a component, of any version, within the transaction that removes it.
func (q *Queue) CancelOf(tx keyvalue.Tx, c component.Ref, by string) error {
	jobs, err := q.Of(tx, c)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		current, err := q.get(tx, j.ID) // an earlier one's end may have ended it
		if err != nil {
			return err
		}
		if current.State.Final() {
			continue
		}
		if _, err := q.cancel(tx, current, by); err != nil {
			return err
		}
	}
	return nil
}

// cancel ends a job, or asks its worker to.
func (q *Queue) cancel(tx keyvalue.Tx, before *Job, by string) (*Job, error) {
	if by == "" {
		by = "the proxy"
	}
	if before.State == Pending {
		if err := q.end(tx, before, Cancelled, cancelledBy(by)); err != nil {
			return nil, err
		}
		return q.get(tx, before.ID)
	}
	after := before.Clone()
	after.CancelBy = by
	return after, q.put(tx, before, after)
}

// cancelledBy is why a job is cancelled.
func cancelledBy(who string) *Failure {
	return &Failure{Code: "57014", Message: "cancelled by " + who}
}

// unmet are the jobs that have not succeeded yet, of those that a job depends on; one that never will is an *Error with
// 55000.
func (q *Queue) unmet(tx keyvalue.Tx, dependencies []int64) (waits []int64, err error) {
	for _, id := range dependencies {
		d, err := q.get(tx, id)
		switch {
		case isNotFound(err): // done and removed since
		case err != nil:
			return nil, err
		case d.State == Succeeded || slices.Contains(waits, id):
		case d.State.Final():
			return nil, &Error{Code: "55000", Message: dependencyFailed(d).Message, Hint: fmt.Sprintf("SELECT pinnacle.retry_job(%d) first.", id)}
		default:
			waits = append(waits, id)
		}
	}
	return waits, nil
}

// Retry makes a job pending again that has failed or was cancelled. It goes on from its saved state.
func (q *Queue) Retry(ctx context.Context, id int64) (*Job, error) {
	var after *Job
	err := q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		before, err := q.get(tx, id)
		switch {
		case err != nil:
			return err
		case before.State != Failed && before.State != Cancelled:
			return &Error{Code: "55000", Message: fmt.Sprintf("job %d cannot be tried again: it is %s", id, before.State)}
		case before.Inline:
			return &Error{Code: "55000", Message: fmt.Sprintf("job %d was a part of a statement and cannot be tried again", id),
				Hint: "Run the statement again."}
		}
		after = before.Clone()
		after.State, after.Failures, after.Losses, after.NotBefore, after.FinishedAt, after.CancelBy = Pending, 0, 0, q.Now(), zeroTime, ""
		if after.WaitsFor, err = q.unmet(tx, before.DependsOn); err != nil {
			return err
		}
		return q.put(tx, before, after)
	})
	if err != nil {
		return nil, err
	}
	q.Wake()
	return after, nil
}

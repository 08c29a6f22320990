package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Config says how a Queue works. Store is required; what is zero otherwise has the default that is written with it.
type Config struct {
	// Store is where the jobs are. It belongs to the caller, who closes it after the Worker has ended.
	Store keyvalue.Store
	// Name tells this proxy from others in pinnacle.jobs: "worker".
	Name string
	// Exclusive says that no other process uses the store: what is running when a Worker begins is then taken over at once.
	Exclusive bool
	// Lease is how long a job is its worker's without a heartbeat (setting job_lease): 15 s.
	Lease time.Duration
	// Heartbeat is the time between two: a fifteenth of Lease, at most a second.
	Heartbeat time.Duration
	// MaxAttempts is how often a job is tried that says nothing of it (setting job_max_attempts): 5.
	MaxAttempts int
	// MaxLosses is how many proxies may die over a job without its having saved its state (setting job_max_losses): 20.
	MaxLosses int
	// FirstDelay and LastDelay are the times between attempts: they double from one to the other (settings
	// job_retry_delay and job_retry_max_delay): 1 s and 5 minutes.
	FirstDelay, LastDelay time.Duration
	// Retention is how long a job is kept after its end (setting job_retention): 7 days. Kept is how many such jobs are
	// kept at most (setting job_kept): 10000.
	Retention time.Duration
	Kept      int
	// LogLines is how many lines are kept of a job (setting job_log_lines): 500.
	LogLines int
	// Stop is called before a job of a kind is cancelled, by whoever cancels it and wherever it runs, for work that goes on
	// though its handler has ended. It may be called more than once, and for a job that is not cancelled in the end: its
	// next attempt then has the work go on. An error of it is Cancel's.
	Stop map[string]func(ctx context.Context, j *Job) error
	// Explain says what is recorded of a handler's error; nil: its SQLSTATE and its text. It quotes no arguments.
	Explain func(error) *Failure
	// Now is the clock: time.Now. Jitter gives numbers from 0 to 1 by which delays differ: random ones.
	Now    func() time.Time
	Jitter func() float64
	// Logger gets what an operator should know: nothing.
	Logger *slog.Logger
}

// Queue is the queue. It is safe for concurrent use and owns no goroutines; a Worker does the work.
type Queue struct {
	Config
	// woken holds a word when there may be something to do, or to tell.
	woken chan struct{}
	runs  runs
}

// NewQueue makes a queue over a store.
func NewQueue(c Config) *Queue {
	c.Name = cmp.Or(c.Name, "worker")
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, min(c.Lease/15, time.Second))
	c.MaxAttempts, c.MaxLosses = cmp.Or(c.MaxAttempts, 5), cmp.Or(c.MaxLosses, 20)
	c.FirstDelay, c.LastDelay = cmp.Or(c.FirstDelay, time.Second), cmp.Or(c.LastDelay, 5*time.Minute)
	c.Retention, c.Kept = cmp.Or(c.Retention, 7*24*time.Hour), cmp.Or(c.Kept, 10000)
	c.LogLines = cmp.Or(c.LogLines, 500)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = randomJitter
	}
	if c.Explain == nil {
		c.Explain = failureOf
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Queue{Config: c, woken: make(chan struct{}, 1)}
}

// Wake tells the worker of this process that there may be something to do. It is called after a transaction with Enqueue;
// without it the worker finds the job when it looks next.
func (q *Queue) Wake() {
	select {
	case q.woken <- struct{}{}:
	default:
	}
}

// Enqueue adds a job within the transaction that makes what it works for, and gives its number. If a job that it depends on
// has failed already, so has it.
func (q *Queue) Enqueue(tx keyvalue.Tx, s Spec) (int64, error) {
	j, err := q.make(tx, s)
	if err != nil {
		return 0, err
	}
	if j.State.Final() {
		return j.ID, q.end(tx, j, j.State, j.Failure)
	}
	return j.ID, q.put(tx, nil, j)
}

// make makes the record of a new job, with a number of its own. It is not put yet.
func (q *Queue) make(tx keyvalue.Tx, s Spec) (*Job, error) {
	if s.Kind == "" || s.MaxAttempts < 0 {
		return nil, &Error{Code: "22023", Message: "a job needs a kind, and a number of attempts that is not negative"}
	}
	now := q.Now()
	j := &Job{Kind: s.Kind, Component: s.Component, Owner: s.Owner, State: Pending, CreatedAt: now, NotBefore: now,
		MaxAttempts: cmp.Or(s.MaxAttempts, q.MaxAttempts), DependsOn: s.DependsOn}
	if s.Args != nil {
		args, err := json.Marshal(s.Args)
		if err != nil {
			return nil, fmt.Errorf("arguments of a job: %w", err)
		}
		j.Args = args
	}
	for _, id := range s.DependsOn {
		d, err := q.get(tx, id)
		switch {
		case err != nil:
			return nil, err
		case d.State == Succeeded || slices.Contains(j.WaitsFor, id):
		case d.State.Final():
			j.State, j.Failure = Failed, dependencyFailed(d)
		default:
			j.WaitsFor = append(j.WaitsFor, id)
		}
	}
	if j.State == Failed {
		j.WaitsFor = nil
	}
	var err error
	j.ID, err = q.next(tx)
	return j, err
}

// next gives a number that no other job has had. Numbers count from 1.
func (q *Queue) next(tx keyvalue.Tx) (int64, error) {
	key := keyvalue.Key(indexNext)
	id := int64(1)
	value, err := tx.Get(spaceIndex, key)
	if err == nil {
		err = json.Unmarshal(value, &id)
	}
	if err != nil && !errors.Is(err, keyvalue.ErrNotFound) {
		return 0, err
	}
	return id, tx.Put(spaceIndex, key, encode(id+1))
}

// get reads a job.
func (q *Queue) get(r keyvalue.Reader, id int64) (*Job, error) {
	value, err := r.Get(spaceJobs, number(id))
	if errors.Is(err, keyvalue.ErrNotFound) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, err
	}
	return decode(value)
}

// decode reads a record.
func decode(value []byte) (*Job, error) {
	j := &Job{}
	if err := json.Unmarshal(value, j); err != nil {
		return nil, &Error{Code: "XX001", Message: "a job's record in the metadata store is damaged", Err: err}
	}
	return j, nil
}

// put writes a job's record, its entries in the index, and, if its state is another, what there is to tell.
func (q *Queue) put(tx keyvalue.Tx, before, after *Job) error {
	var old map[string][]byte
	if before != nil {
		old = entries(before)
	}
	fresh := entries(after)
	for key := range old {
		if _, ok := fresh[key]; ok {
			continue
		}
		if err := tx.Delete(spaceIndex, key); err != nil {
			return err
		}
	}
	for key, value := range fresh {
		if had, ok := old[key]; ok && string(had) == string(value) {
			continue
		}
		if err := tx.Put(spaceIndex, key, value); err != nil {
			return err
		}
	}
	if before == nil || before.State != after.State {
		if err := q.tell(tx, after); err != nil {
			return err
		}
	}
	return tx.Put(spaceJobs, number(after.ID), encode(after))
}

// Job reads one job; an *Error with 42704 if there is none.
func (q *Queue) Job(ctx context.Context, id int64) (j *Job, err error) {
	err = q.Store.View(ctx, func(r keyvalue.Reader) (err error) {
		j, err = q.get(r, id)
		return err
	})
	return j, err
}

// Jobs gives every job to each, ordered by number.
func (q *Queue) Jobs(ctx context.Context, each func(*Job) error) error {
	return q.Store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(spaceJobs, "", "", 0, func(_ string, value []byte) error {
			j, err := decode(value)
			if err != nil {
				return err
			}
			return each(j)
		})
	})
}

// Of gives the jobs of a component, of any version, that are not final, ordered by number.
func (q *Queue) Of(r keyvalue.Reader, c component.Ref) ([]*Job, error) {
	ids, err := q.numbers(r, ofKey(c), 3, 0)
	if err != nil {
		return nil, err
	}
	var all []*Job
	for _, id := range ids {
		j, err := q.get(r, id)
		if err != nil {
			return nil, err
		}
		all = append(all, j)
	}
	return all, nil
}

// numbers reads the numbers of jobs at a place of the index's keys with a prefix.
func (q *Queue) numbers(r keyvalue.Reader, prefix string, place, limit int) (ids []int64, err error) {
	err = r.Scan(spaceIndex, prefix, keyvalue.PrefixEnd(prefix), limit, func(key string, _ []byte) error {
		id, err := numberAt(key, place)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// Counts are the numbers of jobs that are pending and running now.
func (q *Queue) Counts(ctx context.Context) (pending, running int, err error) {
	err = q.Store.View(ctx, func(r keyvalue.Reader) error {
		for _, c := range []struct {
			index string
			place int
			into  *int
		}{{indexReady, 2, &pending}, {indexWait, 2, &pending}, {indexRunning, 1, &running}} {
			ids, err := q.numbers(r, keyvalue.Key(c.index), c.place, 0)
			if err != nil {
				return err
			}
			slices.Sort(ids) // one that waits for several has several entries
			*c.into += len(slices.Compact(ids))
		}
		return nil
	})
	return pending, running, err
}

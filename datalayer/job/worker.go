package job

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// WorkerConfig says what a Worker does.
type WorkerConfig struct {
	// Handlers do the work, by kind. Jobs of other kinds are left to other proxies.
	Handlers map[string]Handler
	// Workers is the number of jobs that run at once here (setting job_workers): 2. Less than 0: none.
	Workers int
	// Poll is the time between two looks for work that others have added (setting job_poll_interval): 1 s.
	Poll time.Duration
	// Notify tells of new states, at least once each and in order of time; nil: nobody is told.
	Notify func(ctx context.Context, events []Event) error
	// Tidy is called now and then, for what belongs to jobs and is kept elsewhere; nil: nothing does.
	Tidy func(ctx context.Context) error
	// Ended is told of each attempt that ended here, for metrics; nil: nobody is. state is Pending for one to be made again.
	Ended func(kind string, state State, took time.Duration)
}

// purgeEvery is the time between two looks for jobs that are kept no longer.
const purgeEvery = time.Minute

// Worker runs jobs of a queue in this process. There is one a process.
type Worker struct {
	WorkerConfig
	q *Queue
	// places has a word for each job that runs.
	places chan struct{}
	jobs   sync.WaitGroup
}

// NewWorker makes a worker, which works while Run runs.
func NewWorker(q *Queue, c WorkerConfig) *Worker {
	c.Workers, c.Poll = cmp.Or(c.Workers, 2), cmp.Or(c.Poll, time.Second)
	return &Worker{WorkerConfig: c, q: q, places: make(chan struct{}, max(c.Workers, 0))}
}

// Run works until ctx ends; then the jobs at hand are told to stop, given back, and Run returns.
func (w *Worker) Run(ctx context.Context) {
	running, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	watched, atOnce := watch{}, w.q.Exclusive
	purged := time.Now()
	for ctx.Err() == nil {
		atOnce = w.takeOver(ctx, watched, atOnce) && atOnce
		w.start(ctx, running)
		w.tell(ctx)
		if time.Since(purged) > purgeEvery {
			w.purge(ctx)
			if w.Tidy != nil {
				w.complain(ctx, "what is left of old work could not be removed", w.Tidy(ctx))
			}
			purged = time.Now()
		}
		select {
		case <-ctx.Done():
		case <-w.q.woken:
		case <-time.After(w.Poll):
		}
	}
	stop(ErrStopping)
	w.jobs.Wait()
	w.tell(context.WithoutCancel(ctx))
}

// takeOver makes the jobs pending again whose proxy has died. failed says that it could not look.
func (w *Worker) takeOver(ctx context.Context, watched watch, atOnce bool) (failed bool) {
	over, err := watched.look(ctx, w.q, atOnce)
	for id, stopped := range over {
		if takeErr := w.q.takeOver(ctx, id, stopped); takeErr != nil {
			err = errors.Join(err, takeErr)
			continue
		}
		w.q.Logger.Warn("a job of a proxy that has ended was taken over", "job", id)
	}
	w.complain(ctx, "dead proxies' jobs could not be looked for", err)
	return err != nil
}

// start begins jobs while there are places for them.
func (w *Worker) start(ctx, running context.Context) {
	for {
		select {
		case w.places <- struct{}{}:
		default:
			return
		}
		j, err := w.q.claim(ctx, func(kind string) bool { return w.Handlers[kind] != nil })
		if j == nil || err != nil {
			w.complain(ctx, "jobs could not be looked for", err)
			<-w.places
			return
		}
		w.jobs.Go(func() {
			w.work(running, j)
			<-w.places
			w.q.Wake()
		})
	}
}

// work runs one job.
func (w *Worker) work(ctx context.Context, j *Job) {
	began := time.Now()
	log := w.q.Logger.With("job", j.ID, "kind", j.Kind, "component", j.Component.Name)
	log.Info("a job begins", "attempt", j.Attempt)
	handled, recorded := newRun(w.q, j).perform(ctx, w.Handlers[j.Kind])
	took := time.Since(began)
	if recorded != nil {
		log.Warn("a job was lost to another proxy, or its end could not be recorded", "error", recorded)
		return
	}
	state := Pending
	if now, err := w.q.Job(context.WithoutCancel(ctx), j.ID); err == nil {
		state = now.State
	}
	if handled != nil {
		f := w.q.Explain(handled) // which quotes no arguments
		log.Warn("a job's attempt has not ended well", "state", state, "code", f.Code, "reason", f.Message, "took", took)
	} else {
		log.Info("a job is done", "took", took)
	}
	if w.Ended != nil {
		w.Ended(j.Kind, state, took)
	}
}

// tell hands new states on.
func (w *Worker) tell(ctx context.Context) {
	say := w.Notify
	if say == nil {
		say = func(context.Context, []Event) error { return nil }
	}
	for more := true; more; {
		var err error
		if more, err = w.q.deliver(ctx, say); err != nil {
			w.complain(ctx, "new states of jobs could not be told", err)
			w.complain(ctx, "states that were not told could not be removed", w.q.dropEvents(ctx))
			return
		}
	}
}

// purge removes what is kept no longer.
func (w *Worker) purge(ctx context.Context) {
	for ctx.Err() == nil {
		removed, err := w.q.purge(ctx)
		if !removed || err != nil {
			w.complain(ctx, "old jobs could not be removed", err)
			return
		}
	}
}

// complain logs an error that the worker lives on after.
func (w *Worker) complain(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		w.q.Logger.Warn(what, "error", err)
	}
}

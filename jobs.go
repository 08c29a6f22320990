package pinnacle

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
)

// jobChannel is the channel of home on which new states of jobs are told.
const jobChannel = "pinnacle_jobs"

// newJobs makes the queue over the metadata store. exclusive says that no other process uses the store.
func (p *Proxy) newJobs(store keyvalue.Store, exclusive bool) *job.Queue {
	c := &p.settings
	return job.NewQueue(job.Config{
		Store: store, Name: p.instance(), Exclusive: exclusive, Lease: c.JobLease, MaxAttempts: c.JobMaxAttempts, MaxLosses: c.JobMaxLosses,
		Stop:       map[string]func(context.Context, *job.Job) error{listener.JobBackfill: func(ctx context.Context, j *job.Job) error { return p.keeper.StopBackfill(ctx, j) }},
		FirstDelay: c.JobRetryDelay, LastDelay: c.JobRetryMaxDelay, Retention: c.JobRetention, Kept: c.JobKept, LogLines: c.JobLogLines,
		Explain: explainFailure, Logger: p.options.Logger.With("for", "jobs"),
	})
}

// explainFailure is what is recorded of a job's error, for all to see: without its detail and what else may quote a row.
func explainFailure(err error) *job.Failure {
	e := datalayer.ErrorOf(err)
	f := &job.Failure{Code: e.Code, Message: e.Message, Hint: e.Hint}
	var (
		own    *job.Error
		raised *pgconn.PgError
		figure *metric.Error
	)
	switch {
	case errors.As(err, &own):
		f = &job.Failure{Code: own.Code, Message: own.Message, Hint: own.Hint}
	case errors.As(err, &raised):
		f = &job.Failure{Code: raised.Code, Message: raised.Message, Hint: raised.Hint}
	case errors.As(err, &figure):
		f = &job.Failure{Code: figure.Code, Message: figure.Message, Hint: figure.Hint}
	}
	switch {
	case strings.HasPrefix(f.Code, "22"): // invalid input syntax for type …: "the value"
		f.Message, _, _ = strings.Cut(f.Message, `: "`)
	case f.Code == "38000": // model … failed: in the words of its runtime
		f.Message, _, _ = strings.Cut(f.Message, " failed: ")
		f.Message += " failed"
	}
	return f
}

// instance names this process among those that share jobs: the machine, the address, and what no other process has.
func (p *Proxy) instance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "proxy"
	}
	unique := make([]byte, 3)
	_, _ = rand.Read(unique) // it does not fail (crypto/rand)
	return host + "/" + p.options.Address + "/" + hex.EncodeToString(unique)
}

// startJobs begins to work on jobs, until Close.
func (p *Proxy) startJobs(q *job.Queue, handlers map[string]job.Handler) {
	worker := job.NewWorker(q, job.WorkerConfig{Handlers: handlers, Workers: p.settings.JobWorkers, Poll: p.settings.JobPollInterval,
		Notify: p.notifyJobs, Tidy: func(ctx context.Context) error { return p.forgetValidations(ctx, q.Store) }, Ended: func(kind string, state job.State, took time.Duration) {
			p.options.Metrics.JobEnded(kind, string(state), took)
		}})
	p.options.Metrics.WatchJobs(metrics.Jobs{Counts: func(ctx context.Context) (pending, running int, err error) { return q.Counts(ctx) }})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		worker.Run(ctx)
	}()
	p.onClose(func(context.Context) error {
		stop()
		<-ended
		return nil
	})
}

// notifyTimeout bounds how long home may take to pass on what jobs became.
const notifyTimeout = 10 * time.Second

// notifyJobs tells home's listeners of new states of jobs, as JSON.
func (p *Proxy) notifyJobs(ctx context.Context, events []job.Event) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	payloads := make([]string, len(events))
	for i, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		payloads[i] = string(text)
	}
	_, err := p.own.Exec(ctx, "SELECT pg_catalog.pg_notify($1, payload) FROM pg_catalog.unnest($2::text[]) WITH ORDINALITY AS e(payload, place) ORDER BY place", jobChannel, payloads)
	return err
}

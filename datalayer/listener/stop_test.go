package listener_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// gated are models that answer only while gate lets them.
type gated struct {
	*models
	mu   sync.Mutex
	gate chan struct{}
}

// Predict implements listener.Models.
func (g *gated) Predict(ctx context.Context, v *datalayer.ModelVersion, args []udf.Column, rows int) (udf.Column, []error, error) {
	g.mu.Lock()
	gate := g.gate
	g.mu.Unlock()
	select {
	case <-gate:
	case <-ctx.Done():
		return udf.Column{}, nil, ctx.Err()
	}
	return g.models.Predict(ctx, v, args, rows)
}

// jobs is a queue of jobs over a store of its own, with a worker that does the Keeper's.
func (h *home) jobs() *job.Queue {
	h.t.Helper()
	store, err := badgerstore.Open(h.t.Context(), badgerstore.Config{Dir: filepath.Join(h.t.TempDir(), "jobs")})
	if err != nil {
		h.t.Fatal(err)
	}
	q := job.NewQueue(job.Config{Store: store, Exclusive: true, FirstDelay: 50 * time.Millisecond, Lease: 5 * time.Second,
		Stop: map[string]func(context.Context, *job.Job) error{listener.JobBackfill: h.keeper.StopBackfill}})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		job.NewWorker(q, job.WorkerConfig{Handlers: h.keeper.Handlers(), Poll: 20 * time.Millisecond}).Run(ctx)
	}()
	h.t.Cleanup(func() {
		stop()
		<-ended
		if err := store.Close(); err != nil {
			h.t.Error(err)
		}
	})
	return q
}

// backfill adds the job of a listener.
func (h *home) backfill(q *job.Queue, name string) (id int64) {
	h.t.Helper()
	err := q.Store.Update(h.t.Context(), func(tx keyvalue.Tx) (err error) {
		id, err = q.Enqueue(tx, job.Spec{Kind: listener.JobBackfill, Component: component.Ref{Kind: component.KindListener, Name: name}, Args: listener.JobArgs{Name: name}})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	q.Wake()
	return id
}

// status is how a listener stands.
func (h *home) status(name string) (found listener.Status) {
	h.t.Helper()
	all, err := h.keeper.Status(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			found = s
		}
	}
	return found
}

// TestCancelledBackfill cancels a backfill in its middle: no further batch is asked for, what was written stays, changed rows
// are followed, and the job goes on where it was when it is tried again.
func TestCancelledBackfill(t *testing.T) {
	t.Parallel()
	g := &gated{gate: make(chan struct{})}
	h := newHome(t, func(c *listener.Config) {
		g.models = c.Models.(*models)
		c.Models, c.BatchRows = g, 50
	})
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 1000) i")
	q := h.jobs()
	h.listen(define("tags", "items", "tag", "word", "n"))
	id := h.backfill(q, "tags")
	state := func(want job.State) {
		t.Helper()
		h.until(fmt.Sprintf("job %d is %s", id, want), func() string {
			j, err := q.Job(t.Context(), id)
			if err != nil || j.State != want {
				return fmt.Sprintf("%+v %v", j, err)
			}
			return ""
		})
	}
	state(job.Running)
	for range 3 { // three batches pass
		g.gate <- struct{}{}
	}
	if _, err := q.Cancel(t.Context(), id, "ada"); err != nil {
		j, _ := q.Job(t.Context(), id)
		t.Fatalf("%v: %+v", err, j.Failure)
	}
	state(job.Cancelled)
	open := make(chan struct{})
	close(open)
	g.mu.Lock()
	earlier := g.gate
	g.gate = open
	g.mu.Unlock()
	close(earlier) // the batch that had begun
	h.until("it is stopped", func() string {
		if s := h.status("tags"); s.State != "stopped" {
			return fmt.Sprintf("%+v", s)
		}
		return ""
	})
	h.do("INSERT INTO items VALUES (5000, 'new', 1)")
	h.wait("SELECT id, output FROM tags WHERE id = 5000", "SELECT 5000::bigint, 'v1:new/1'")
	if asked := h.models.count(); asked >= 600 {
		t.Errorf("%d rows were asked for, of a backfill that was cancelled after 150 of 1000", asked)
	}
	h.stop() // another Keeper knows that it is stopped
	h.start()
	h.do("UPDATE items SET word = 'newer' WHERE id = 5000")
	h.wait("SELECT id, output FROM tags WHERE id = 5000", "SELECT 5000::bigint, 'v1:newer/1'")
	if s := h.status("tags"); s.State != "stopped" {
		t.Errorf("after another start it is %s", s.State)
	}
	before := h.models.count()
	if _, err := q.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	state(job.Succeeded)
	h.wait(tagged, recompute)
	if asked := h.models.count() - before; asked > 1000-100 {
		t.Errorf("%d rows were asked for when it went on, though at least 100 of 1000 were done", asked)
	}
}

// TestCancelledBeforeItBegan stops a backfill of which nothing was done: REFRESH begins it. What is stopped in the middle of another
// version's backfill goes on with the next version.
func TestCancelledBeforeItBegan(t *testing.T) {
	t.Parallel()
	g := &gated{gate: make(chan struct{})}
	h := newHome(t, func(c *listener.Config) {
		g.models = c.Models.(*models)
		c.Models, c.BatchRows = g, 50
	})
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 1000) i")
	stop := func(gate chan struct{}) {
		t.Helper()
		if err := h.keeper.StopBackfill(t.Context(), &job.Job{Component: component.Ref{Kind: component.KindListener, Name: "tags"}}); err != nil {
			t.Fatal(err)
		}
		close(gate)
		h.until("it is stopped", func() string {
			if s := h.status("tags"); s.State != "stopped" {
				return fmt.Sprintf("%+v", s)
			}
			return ""
		})
	}
	h.listen(define("tags", "items", "tag", "word", "n"))
	stop(g.gate)
	if err := h.keeper.Refresh(t.Context(), "tags"); err != nil {
		t.Fatal(err)
	}
	h.wait(tagged, recompute)
	h.quiet("tags")
	gate := make(chan struct{})
	g.mu.Lock()
	g.gate = gate
	g.mu.Unlock()
	h.models.deploy("tag")
	h.until("the next version's backfill", func() string {
		if s := h.status("tags"); s.ModelVersion != 2 || s.State != "scanning" {
			return fmt.Sprintf("%+v", s)
		}
		return ""
	})
	stop(gate)
	h.models.deploy("tag")
	h.wait(tagged, strings.Replace(strings.ReplaceAll(recompute, "v1", "v3"), ", 1 ", ", 3 ", 1))
}

// TestUpgrade takes up what earlier versions of the tables have at home.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	second := []string{"DROP TABLE pinnacle_listeners.slots", "ALTER TABLE pinnacle_listeners.captures DROP COLUMN means",
		"ALTER TABLE pinnacle_listeners.captures ADD UNIQUE (relation, key_columns, key_types)"}
	for version, back := range map[int][]string{1: append([]string{"ALTER TABLE pinnacle_listeners.listeners DROP COLUMN scan_stopped"}, second...), 2: second} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			h := newHome(t, nil)
			h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 100) i")
			h.listen(define("tags", "items", "tag", "word", "n"))
			h.wait(tagged, recompute)
			h.stop()
			h.do(append(back, fmt.Sprintf("UPDATE pinnacle_listeners.schema_version SET number = %d", version), "UPDATE items SET word = 'changed' WHERE id = 7")...)
			if s := h.status("tags"); s.State != "behind" || s.Rows != 1 {
				t.Errorf("before the upgrade: %+v", s)
			}
			h.start()
			h.wait(tagged, recompute)
			h.wait("SELECT number FROM pinnacle_listeners.schema_version", "SELECT 3")
			h.change("tags", func(d *listener.Definition) { d.Options = map[string]string{"capture": "slot"} })
			h.wait(slots, "VALUES ('pgoutput false'), ('items')")
			h.do("UPDATE items SET word = 'by the log' WHERE id = 8")
			h.wait(tagged, recompute)
			h.do("UPDATE pinnacle_listeners.schema_version SET number = 4")
			if err := h.keeper.SetUp(t.Context(), h.all()[0]); err == nil || !strings.Contains(err.Error(), "version 4") {
				t.Errorf("a newer version is taken: %v", err)
			}
			h.do("UPDATE pinnacle_listeners.schema_version SET number = 3")
		})
	}
}

package listener

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config is what a Keeper works with. Pool, Models and Definitions are required; what is zero otherwise has the default
// that is written with it.
type Config struct {
	// Pool are sessions of home itself, as a role that may make tables and triggers. The caller closes it after Run has
	// returned. A Keeper takes up to Workers and three of them at once, and keeps advisory locks in them: a pooler in
	// between must not share a session among clients by the transaction. A replication slot is read by a session of its own,
	// opened as those of the pool are.
	Pool   *pgxpool.Pool
	Models Models
	// Definitions gives all listeners that there are now. It is called often and must be quick.
	Definitions func() []Definition
	// Capture says how changes are noticed where a listener's option does not say it: CaptureTriggers.
	Capture string
	// Poll is the time between two looks for changes (setting listener_poll): 200 ms.
	Poll time.Duration
	// Verify is the time between two looks whether what listeners need at home is there: 10 s.
	Verify time.Duration
	// Reconcile is the time after which all rows are compared again though nothing says that any has changed (setting
	// listener_reconcile): an hour; less than 0: never.
	Reconcile time.Duration
	// Timer is the least time between two scans of a listener that is captured by the timer (setting listener_timer): 2 s.
	Timer time.Duration
	// BatchRows and BatchBytes bound what is read, asked for and written at once: 2,000 rows and 4 MiB.
	BatchRows, BatchBytes int
	// Workers is how many listeners are worked on at once (setting listener_workers): 2.
	Workers int
	// Logger gets what an operator should know: nothing.
	Logger *slog.Logger
	// Observer is told what is done: nobody.
	Observer Observer
}

// Keeper keeps the outputs of listeners right. Its methods may be called while Run runs, and several Keepers may work on
// one home: each listener is worked on by one at a time.
type Keeper struct {
	config Config

	mu    sync.Mutex
	tasks map[string]*task
	// captures are those of home as far as they are known; nil asks for them again.
	captures []capture
	wake     chan struct{}
}

// New makes a Keeper. It does nothing before Run.
func New(config Config) *Keeper {
	config.Capture = cmp.Or(config.Capture, CaptureTriggers)
	config.Poll = cmp.Or(config.Poll, defaultPoll)
	config.Verify = cmp.Or(config.Verify, defaultVerify)
	config.Reconcile = cmp.Or(config.Reconcile, defaultReconcile)
	config.Timer = cmp.Or(config.Timer, defaultTimer)
	config.BatchRows = cmp.Or(config.BatchRows, defaultBatchRows)
	config.BatchBytes = cmp.Or(config.BatchBytes, defaultBatchSize)
	config.Workers = cmp.Or(config.Workers, defaultWorkers)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{config: config, tasks: map[string]*task{}, wake: make(chan struct{}, 1)}
}

// Run works until ctx ends, and returns when everything that it began has ended. It is called once.
func (k *Keeper) Run(ctx context.Context) {
	var passes sync.WaitGroup
	defer passes.Wait()
	passes.Go(func() { k.readSlot(ctx) })
	tick := time.NewTicker(k.config.Poll)
	defer tick.Stop()
	failed := false
	measured := time.Now()
	for ctx.Err() == nil {
		k.adopt()
		if k.config.Observer != nil && time.Since(measured) > measureEvery {
			measured = time.Now()
			passes.Go(func() { k.measure(ctx) })
		}
		if err := k.look(ctx); err != nil && ctx.Err() == nil {
			if !failed {
				k.config.Logger.Warn("changes for listeners cannot be looked for", "error", err)
			}
			failed = true
			k.forgetCaptures()
		} else {
			failed = false
		}
		k.start(ctx, &passes)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-k.wake:
		}
	}
}

// measureEvery is the time between two tellings of how far listeners are behind.
const measureEvery = 5 * time.Second

// measure tells the Observer how far listeners are behind.
func (k *Keeper) measure(ctx context.Context) {
	k.mu.Lock()
	some := len(k.tasks) > 0
	k.mu.Unlock()
	if !some {
		return
	}
	all, err := k.Status(ctx)
	if err != nil {
		return // Run's own looks say what is wrong
	}
	for _, s := range all {
		k.config.Observer.Behind(s.Name, s.Rows, s.Seconds)
	}
}

// Wake has Run look at once for what there is to do: after a listener or model was changed, say.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// look hands on the changes that home has noted, and marks the listeners that they are for.
func (k *Keeper) look(ctx context.Context) error {
	k.mu.Lock()
	captures, some := k.captures, len(k.tasks) > 0
	k.mu.Unlock()
	if !some {
		return nil
	}
	return k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if captures == nil {
			found, err := loadCaptures(ctx, c)
			if err != nil {
				return err
			}
			captures = append([]capture{}, found...)
			k.mu.Lock()
			k.captures = captures
			k.mu.Unlock()
		}
		found, err := changed(ctx, c, captures)
		if err != nil {
			return err
		}
		for _, one := range found {
			for left := true; left; {
				var now capture
				var busy bool
				if now, left, busy, err = dispatch(ctx, c.Conn(), one.id); err != nil {
					return err
				}
				if busy {
					break
				}
				k.dueIDs(append(now.listeners, now.whole...))
			}
		}
		return nil
	})
}

// forgetCaptures has the captures read again.
func (k *Keeper) forgetCaptures() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.captures = nil
}

// dueIDs marks listeners by their numbers at home.
func (k *Keeper) dueIDs(ids []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.tasks {
		if t.kept == nil || slices.Contains(ids, t.kept.id) {
			t.due = true
		}
	}
}

// due marks a listener, and has Run look at once.
func (k *Keeper) due(name string) {
	k.mu.Lock()
	if t := k.tasks[name]; t != nil {
		t.due = true
	}
	k.mu.Unlock()
	k.Wake()
}

// shrink notes how often in a row the model could answer nothing.
func (k *Keeper) shrink(name string, failing int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t := k.tasks[name]; t != nil {
		t.failing = failing
	}
}

// start begins passes of the listeners that want one, as many as may run.
func (k *Keeper) start(ctx context.Context, passes *sync.WaitGroup) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, running := time.Now(), 0
	var ready []*task
	for _, t := range k.tasks {
		switch {
		case t.running:
			running++
		case now.Before(t.at):
		case t.due, !t.next.IsZero() && now.After(t.next), now.Sub(t.verified) > k.config.Verify:
			ready = append(ready, t)
		}
	}
	slices.SortFunc(ready, func(a, b *task) int { return a.verified.Compare(b.verified) })
	for _, t := range ready {
		if running++; running > k.config.Workers {
			return
		}
		turn, stop := context.WithCancel(ctx)
		t.running, t.due, t.stop, t.next = true, false, stop, time.Time{}
		def := t.def
		passes.Go(func() {
			defer stop()
			after := k.turn(turn, t, &def)
			k.mu.Lock()
			t.running, t.stop = false, nil
			t.due = t.due || after.again
			t.at = after.at
			if !after.next.IsZero() {
				t.next = after.next
			}
			k.mu.Unlock()
			if after.again {
				k.Wake()
			}
		})
	}
}

// after says when a listener wants its next pass.
type after struct {
	// again is at once, but not before at; next is then in any case.
	again    bool
	at, next time.Time
}

// turn is one pass of a listener, with a session and under the listener's lock.
func (k *Keeper) turn(ctx context.Context, t *task, def *Definition) after {
	conn, err := k.config.Pool.Acquire(ctx)
	if err != nil {
		return after{again: true, at: time.Now().Add(backoff(1, maxBackoff))}
	}
	defer conn.Release()
	next, id, err := k.locked(ctx, conn.Conn(), t, def)
	if err == nil || ctx.Err() != nil {
		return next
	}
	return k.failed(ctx, conn.Conn(), t, id, err)
}

// failed notes an error of a pass. What was found out about the source is found out again.
func (k *Keeper) failed(ctx context.Context, conn *pgx.Conn, t *task, id int, err error) after {
	e := errorOf(err)
	k.mu.Lock()
	t.kept = nil
	k.captures = nil
	k.mu.Unlock()
	wait := backoff(1, maxBackoff)
	var raised *pgconn.PgError
	if conn.IsClosed() || (!errors.As(err, &raised) && errors.As(err, new(*pgconn.ConnectError))) {
		return after{again: true, at: time.Now().Add(wait)}
	}
	if id == 0 {
		id = listenerID(ctx, conn, t.def.Name)
	}
	if id != 0 {
		if own, noted := note(ctx, conn, id, e); noted == nil {
			wait = own
		}
	}
	// The message may quote a row; pinnacle.listeners has it.
	k.config.Logger.Warn("a listener cannot go on", "listener", t.def.Name, "code", e.Code, "again_in", wait)
	return after{again: true, at: time.Now().Add(wait)}
}

// listenerID finds a listener's number at home, 0 if it has none.
func listenerID(ctx context.Context, q querier, name string) (id int) {
	if there, err := hasSchema(ctx, q); err != nil || !there {
		return 0
	}
	if err := q.QueryRow(ctx, "SELECT id FROM "+schema+".listeners WHERE name = $1", name).Scan(&id); err != nil {
		return 0
	}
	return id
}

// locked sets a listener up where that is to be done, and runs a pass of it under its lock. Where another has the lock, it
// is tried again soon.
func (k *Keeper) locked(ctx context.Context, conn *pgx.Conn, t *task, def *Definition) (a after, id int, err error) {
	have, err := k.current(ctx, conn, t, def)
	switch {
	case errors.Is(err, errOutdated):
		return after{}, 0, nil
	case err != nil || def.Disabled:
		return after{}, 0, err
	}
	var mine bool
	if err := conn.QueryRow(ctx, "SELECT pg_catalog.pg_try_advisory_lock($1, $2)", lockClass, have.id).Scan(&mine); err != nil {
		return after{}, have.id, err
	}
	if !mine {
		return after{again: true, at: time.Now().Add(2 * k.config.Poll)}, have.id, nil
	}
	defer func() {
		_, unlock := conn.Exec(context.WithoutCancel(ctx), "RESET search_path; RESET enable_seqscan; RESET jit; SELECT pg_catalog.pg_advisory_unlock_all()")
		if err == nil {
			err = unlock
		}
	}()
	if err := k.prepare(ctx, conn, have); err != nil {
		return after{}, have.id, err
	}
	k.mu.Lock()
	failing := t.failing
	k.mu.Unlock()
	p := &pass{keeper: k, conn: conn, k: have, size: size{rows: min(firstRows, k.config.BatchRows), most: k.config.BatchRows, failing: failing}}
	if failing > 0 {
		p.size.rows = min(failedRows<<min(failing, 16), k.config.BatchRows)
	}
	if err := k.plan(ctx, conn, have); err != nil {
		return after{}, have.id, err
	}
	if err := p.run(ctx); err != nil {
		return after{}, have.id, err
	}
	k.shrink(def.Name, 0)
	a, err = k.afterwards(ctx, conn, have)
	return a, have.id, err
}

// current gives what there is of a listener at home, set up where it was not looked at for a while.
func (k *Keeper) current(ctx context.Context, conn *pgx.Conn, t *task, def *Definition) (*kept, error) {
	name, number, err := modelOf(def)
	if err != nil {
		return nil, err
	}
	model, err := k.config.Models.Describe(ctx, name, number)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	have, verified := t.kept, t.verified
	k.mu.Unlock()
	if have != nil && same(have.def, def) && time.Since(verified) < k.config.Verify && have.model.Version == model.Version {
		return have, nil
	}
	if have, err = setUp(ctx, conn, def, model, k.how(def), k.others(def)); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	t.kept, t.verified, t.version = have, time.Now(), model.Version
	k.captures = nil
	return have, nil
}

// others are the names of all listeners but one.
func (k *Keeper) others(def *Definition) []string {
	names := []string{}
	for _, other := range k.config.Definitions() {
		if other.Name != def.Name {
			names = append(names, other.Name)
		}
	}
	return names
}

// how says how a listener's changes are noticed.
func (k *Keeper) how(def *Definition) string {
	if def.Disabled || cmp.Or(def.Refresh, RefreshChange) != RefreshChange {
		return ""
	}
	return cmp.Or(def.Options["capture"], k.config.Capture)
}

// prepare sets the session up for a pass: names are read as the definition means them, and rows are looked up by indexes
// where there are any, whatever home believes of the sizes of new tables.
func (k *Keeper) prepare(ctx context.Context, conn *pgx.Conn, have *kept) error {
	seqscan := "on"
	if have.keyed {
		seqscan = "off"
	}
	path := have.def.SearchPath
	if path == "" {
		_, err := conn.Exec(ctx, "SELECT pg_catalog.set_config('enable_seqscan', $1, false), pg_catalog.set_config('jit', 'off', false)", seqscan)
		return err
	}
	_, err := conn.Exec(ctx, "SELECT pg_catalog.set_config('enable_seqscan', $1, false), pg_catalog.set_config('jit', 'off', false), pg_catalog.set_config('search_path', $2, false)", seqscan, path)
	return err
}

// outdated reports whether the model that a pass calls is not the one to be called any more.
func (k *Keeper) outdated(ctx context.Context, have *kept) bool {
	name, number, err := modelOf(have.def)
	if err != nil {
		return false
	}
	v, err := k.config.Models.Describe(ctx, name, number)
	return err == nil && v.Version != have.model.Version
}

package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
)

// openStore opens a store of its own for a test.
func openStore(t testing.TB) keyvalue.Store {
	t.Helper()
	s, err := badgerstore.Open(context.Background(), badgerstore.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// effects is where the work of the model's jobs leaves its marks: by job, the number of steps that were done.
const effects keyvalue.Space = "test_effects"

// world is several proxies on one store, each with a clock of its own.
type world struct {
	t       *testing.T
	r       *rand.Rand
	store   keyvalue.Store
	now     time.Time
	proxies []*proxy
	jobs    map[int64]*expected
	// dead are leases of proxies that have died, or were taken for dead: they go on writing.
	dead []*lease
	told map[int64][]State
	log  []string
}

// expected is what the model knows of a job.
type expected struct {
	steps     int
	dependsOn []int64
}

// proxy is one process of the model.
type proxy struct {
	q       *Queue
	watched watch
	leases  []*lease
	// over is what a look before has found, which may be out of date.
	over map[int64]pulse
}

// newProxy starts a process, whose clock is up to a minute off.
func (w *world) newProxy(name string) *proxy {
	skew := time.Duration(w.r.IntN(120)-60) * time.Second
	q := NewQueue(Config{Store: w.store, Name: name, Lease: 10 * time.Second, MaxAttempts: 3, MaxLosses: 4, FirstDelay: time.Second,
		LastDelay: 8 * time.Second, LogLines: 3, Retention: time.Hour, Now: func() time.Time { return w.now.Add(skew) }, Jitter: w.r.Float64})
	return &proxy{q: q, watched: watch{}}
}

// note writes down what was done, for a failure's message.
func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

// must fails the test, with the history.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v\n%v", err, w.log)
	}
}

var anyKind = func(string) bool { return true }

// enqueue adds a job of some steps, which may depend on others.
func (w *world) enqueue(p *proxy) {
	spec := Spec{Kind: "steps", Component: component.Ref{Kind: "listener", Name: fmt.Sprint("l", w.r.IntN(3))}}
	for id := range w.jobs {
		if w.r.IntN(6) == 0 && len(spec.DependsOn) < 3 {
			spec.DependsOn = append(spec.DependsOn, id)
		}
	}
	var id int64
	w.must(w.store.Update(context.Background(), func(tx keyvalue.Tx) (err error) {
		id, err = p.q.Enqueue(tx, spec)
		return err
	}))
	if w.jobs[id] != nil {
		w.t.Fatalf("number %d was given twice", id)
	}
	w.jobs[id] = &expected{steps: 1 + w.r.IntN(4), dependsOn: spec.DependsOn}
	w.note("%s enqueues %d, which needs %v", p.q.Name, id, spec.DependsOn)
}

// step is what a handler does: one step of a job, with its saved state, in one fenced transaction. It reports whether the
// job has no more.
func (w *world) step(l *lease) (done bool, err error) {
	var state int
	err = l.save(context.Background(), report{lines: []Line{{Text: "step"}}}, nil, func(tx keyvalue.Tx) error {
		state = 0
		if value, err := tx.Get(spaceState, number(l.id)); err == nil {
			if err := json.Unmarshal(value, &state); err != nil {
				return err
			}
		} else if !errors.Is(err, keyvalue.ErrNotFound) {
			return err
		}
		marks := 0
		if value, err := tx.Get(effects, number(l.id)); err == nil {
			if err := json.Unmarshal(value, &marks); err != nil {
				return err
			}
		}
		if state >= w.jobs[l.id].steps {
			return nil
		}
		if marks != state {
			return fmt.Errorf("job %d has saved %d steps and done %d", l.id, state, marks)
		}
		state++
		if err := tx.Put(effects, number(l.id), encode(marks+1)); err != nil {
			return err
		}
		return tx.Put(spaceState, number(l.id), encode(state))
	})
	return state >= w.jobs[l.id].steps, err
}

// act does one random thing.
func (w *world) act() {
	p := w.proxies[w.r.IntN(len(w.proxies))]
	ctx := context.Background()
	switch n := w.r.IntN(100); {
	case n < 8:
		w.enqueue(p)
	case n < 30:
		j, err := p.q.claim(ctx, anyKind)
		w.must(err)
		if j != nil {
			w.note("%s claims %d, lease %d", p.q.Name, j.ID, j.Epoch)
			p.leases = append(p.leases, &lease{p.q, j.ID, j.Epoch})
			p.q.runs.add(j.ID, j.Epoch, make(chan struct{}, 1))
		}
	case n < 75:
		if len(p.leases) > 0 {
			w.work(p, w.r.IntN(len(p.leases)))
		}
	case n < 80:
		w.crash(p)
	case n < 83:
		w.cancel(p)
	case n < 85:
		w.retry(p)
	case n < 93:
		w.now = w.now.Add(time.Duration(w.r.IntN(8000)) * time.Millisecond)
	default:
		w.lookAround(p)
	}
	if len(w.dead) > 0 && w.r.IntN(4) == 0 {
		w.haunt(w.dead[w.r.IntN(len(w.dead))])
	}
}

// work goes on with a job that a proxy holds: a step, a heartbeat, or the end of the attempt.
func (w *world) work(p *proxy, i int) {
	l := p.leases[i]
	var err error
	ended := true
	switch n := w.r.IntN(20); {
	case n < 12:
		var done bool
		if done, err = w.step(l); err == nil && done {
			w.note("%s is done with %d", p.q.Name, l.id)
			err = l.done(context.Background(), report{}, nil, nil)
		} else {
			ended = false
		}
	case n < 17:
		var by string
		if by, err = l.beat(context.Background(), report{}); err == nil && by != "" {
			w.note("%s ends %d as %s asks", p.q.Name, l.id, by)
			err = l.done(context.Background(), report{}, context.Canceled, ErrCancelled)
		} else {
			ended = false
		}
	case n < 18:
		w.note("%s fails at %d", p.q.Name, l.id)
		err = l.done(context.Background(), report{}, errors.New("division by zero"), nil)
	default:
		w.note("%s gives %d back", p.q.Name, l.id)
		err = l.done(context.Background(), report{}, context.Canceled, ErrStopping)
	}
	if err != nil && !errors.Is(err, ErrLost) {
		w.must(err)
	}
	if ended || errors.Is(err, ErrLost) {
		p.leases = slices.Delete(p.leases, i, i+1)
		p.q.runs.remove(l.id, l.epoch)
		w.dead = append(w.dead, l)
	}
}

// crash ends a proxy without a word, and starts another in its place.
func (w *world) crash(p *proxy) {
	w.note("%s dies with %d jobs", p.q.Name, len(p.leases))
	w.dead = append(w.dead, p.leases...)
	*p = *w.newProxy(fmt.Sprintf("%s'", p.q.Name))
}

// haunt has a lease that may be over write all it can. What is not its own any more must not change.
func (w *world) haunt(l *lease) {
	before, err := w.proxies[0].q.Job(context.Background(), l.id)
	if isNotFound(err) {
		return
	}
	w.must(err)
	own := before.State == Running && before.Epoch == l.epoch
	_, err = l.beat(context.Background(), report{progress: Progress{Done: 666}, lines: []Line{{Text: "ghost"}}})
	if own != (err == nil) {
		w.t.Fatalf("a lease of job %d that is good: %v, could write: %v", l.id, own, err)
	}
	if !own {
		_, stepErr := w.step(l)
		doneErr := l.done(context.Background(), report{}, nil, nil)
		if !errors.Is(stepErr, ErrLost) || !errors.Is(doneErr, ErrLost) {
			w.t.Fatalf("a lease of job %d that is over: %v, %v", l.id, stepErr, doneErr)
		}
	}
}

// cancel has somebody cancel some job.
func (w *world) cancel(p *proxy) {
	for id := range w.jobs {
		j, err := p.q.Cancel(context.Background(), id, "ada")
		w.note("ada cancels %d: %v", id, err)
		var own *Error
		if err != nil && !(errors.As(err, &own) && own.Code == "55000") {
			w.must(err)
		}
		if err == nil && j.State != Cancelled && j.CancelBy != "ada" {
			w.t.Fatalf("cancelled: %+v", j)
		}
		return
	}
}

// retry has somebody try some job again.
func (w *world) retry(p *proxy) {
	for id := range w.jobs {
		_, err := p.q.Retry(context.Background(), id)
		w.note("ada retries %d: %v", id, err)
		var own *Error
		if err != nil && !(errors.As(err, &own) && own.Code == "55000") {
			w.must(err)
		}
		return
	}
}

// lookAround takes over what has died, and tells what is new.
func (w *world) lookAround(p *proxy) {
	over, err := p.watched.look(context.Background(), p.q, false)
	w.must(err)
	if w.r.IntN(2) == 0 {
		over, p.over = p.over, over
	}
	for id, stopped := range over {
		w.note("%s takes %d over", p.q.Name, id)
		before, err := p.q.Job(context.Background(), id)
		w.must(err)
		w.must(p.q.takeOver(context.Background(), id, stopped))
		after, err := p.q.Job(context.Background(), id)
		w.must(err)
		if alive := before.State == Running && (pulse{before.Epoch, before.Beat} != stopped); alive && after.Epoch != before.Epoch {
			w.t.Fatalf("job %d was taken over from a proxy that lives", id)
		}
	}
	_, err = p.q.deliver(context.Background(), func(_ context.Context, events []Event) error {
		for _, e := range events {
			w.told[e.ID] = append(w.told[e.ID], e.State)
		}
		return nil
	})
	w.must(err)
}

// check holds the store against what must always be so: the index is what the records say, and nothing else.
func (w *world) check() {
	index, jobs := map[string]string{}, map[int64]*Job{}
	w.must(w.store.View(context.Background(), func(r keyvalue.Reader) error {
		err := r.Scan(spaceIndex, "", "", 0, func(key string, value []byte) error {
			parts, _ := keyvalue.Parts(key)
			if parts[0] != indexNext && parts[0] != indexEvent {
				index[key] = string(value)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return r.Scan(spaceJobs, "", "", 0, func(_ string, value []byte) error {
			j, err := decode(value)
			jobs[j.ID] = j
			return err
		})
	}))
	for id, j := range jobs {
		for key, value := range entries(j) {
			if index[key] != string(value) {
				w.t.Fatalf("job %d: the index has %q under %q, not %q\n%v", id, index[key], key, value, w.log)
			}
			delete(index, key)
		}
		w.checkJob(j, jobs)
	}
	if len(index) > 0 || len(jobs) != len(w.jobs) {
		w.t.Fatalf("%d of %d jobs; left over in the index: %q\n%v", len(jobs), len(w.jobs), index, w.log)
	}
}

// checkJob holds one job against what must always be so.
func (w *world) checkJob(j *Job, jobs map[int64]*Job) {
	if j.Failures > j.MaxAttempts || j.Lines > 0 && j.Attempt == 0 && j.State == Running {
		w.t.Fatalf("job %+v\n%v", j, w.log)
	}
	if j.Attempt == 0 && (j.State == Running || j.State == Succeeded) {
		w.t.Fatalf("job %d is %s without an attempt", j.ID, j.State)
	}
	for _, d := range j.DependsOn {
		begun := j.State == Running || j.State == Succeeded
		if begun && jobs[d].State != Succeeded {
			w.t.Fatalf("job %d is %s, and %d, which it depends on, is %s\n%v", j.ID, j.State, d, jobs[d].State, w.log)
		}
		if j.State == Pending && jobs[d].State.Final() && jobs[d].State != Succeeded {
			w.t.Fatalf("job %d waits, and %d, which it depends on, is %s\n%v", j.ID, d, jobs[d].State, w.log)
		}
	}
}

// settle lets one more proxy do all that is left, and checks the outcome: every job is final, and what succeeded was done
// once, whole.
func (w *world) settle() {
	for range 10000 {
		w.now = w.now.Add(5 * time.Second)
		for _, p := range w.proxies {
			w.lookAround(p)
			for len(p.leases) > 0 {
				w.work(p, 0)
			}
			if j, err := p.q.claim(context.Background(), anyKind); err == nil && j != nil {
				p.leases = append(p.leases, &lease{p.q, j.ID, j.Epoch})
				p.q.runs.add(j.ID, j.Epoch, make(chan struct{}, 1))
			}
		}
		pending, running, err := w.proxies[0].q.Counts(context.Background())
		w.must(err)
		if pending+running == 0 {
			break
		}
	}
	w.now = w.now.Add(10 * time.Minute) // everybody's events are orphans now
	w.lookAround(w.proxies[0])
	w.check()
	w.must(w.proxies[0].q.Jobs(context.Background(), func(j *Job) error {
		var marks int
		_ = w.store.View(context.Background(), func(r keyvalue.Reader) error {
			value, err := r.Get(effects, number(j.ID))
			if err == nil {
				return json.Unmarshal(value, &marks)
			}
			return nil
		})
		want := w.jobs[j.ID].steps
		if !j.State.Final() || marks > want || j.State == Succeeded && marks != want {
			w.t.Errorf("job %d is %s; %d of %d steps were done\n%v", j.ID, j.State, marks, want, w.log)
		}
		told := w.told[j.ID]
		if len(told) == 0 || !slices.Contains(told, j.State) || !slices.Contains(told, Pending) && j.Attempt > 0 {
			w.t.Errorf("job %d is %s; told was %v", j.ID, j.State, told)
		}
		lines := 0
		err := w.proxies[0].q.Lines(context.Background(), j.ID, func(Line) error { lines++; return nil })
		if lines > 3 {
			w.t.Errorf("job %d has %d log lines", j.ID, lines)
		}
		return err
	}))
}

// TestRandomHistories runs random histories of several proxies that work, fail, die, come back with other clocks, and write
// with leases that are over, and holds every moment of them against what must be so.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	histories := 40
	if testing.Short() {
		histories = 5
	}
	for seed := range histories {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &world{t: t, r: rand.New(rand.NewPCG(uint64(seed), 5)), store: openStore(t), jobs: map[int64]*expected{}, told: map[int64][]State{},
				now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
			for i := range 3 {
				w.proxies = append(w.proxies, w.newProxy(fmt.Sprint("p", i)))
			}
			for range 200 {
				w.act()
				w.check()
			}
			w.settle()
		})
	}
}

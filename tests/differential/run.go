package differential

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what a run does.
type Options struct {
	// Seed determines everything; First and Statements say which of its statements are run.
	Seed              uint64
	First, Statements int
	// Only limits the run to positions whose name holds it.
	Only string
	// Workers is how many sessions run beside each other.
	Workers int
	// Shrink is how many differences of one class are made small; Failures is how many are kept in all.
	Shrink, Failures int
	// Oracle and Proxy are the connection strings of the two sides. ProxyIsOracle says that the second is a plain PostgreSQL
	// with the functions too.
	Oracle, Proxy string
	ProxyIsOracle bool
	// Log is told of each difference as it is found, in a line.
	Log func(text string)
}

// Run runs random statements on both sides and compares. An error is of the run itself.
func Run(ctx context.Context, o Options) (*report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := newReport()
	var lock sync.Mutex
	var next atomic.Int64
	next.Store(int64(o.First))
	var wait sync.WaitGroup
	for n := range o.Workers {
		wait.Go(func() {
			w, err := newWorker(ctx, "w"+itoa(n), o.Oracle, o.Proxy, o.ProxyIsOracle)
			if err != nil {
				cancel(err)
				return
			}
			defer func() {
				w.close()
				lock.Lock()
				defer lock.Unlock()
				r.oracle += w.oracle.Spent
				r.proxy += w.proxy.Spent
			}()
			// A worker takes whole rounds, since each has a database of its own.
			for ctx.Err() == nil {
				start := int(next.Add(roundLength)) - roundLength
				if start >= o.First+o.Statements {
					return
				}
				for i := start; i < min(start+roundLength, o.First+o.Statements) && ctx.Err() == nil; i++ {
					if err := w.one(ctx, o, i, r, &lock); err != nil {
						cancel(err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
	return r, context.Cause(ctx)
}

// RunTPC runs statements of a suite of TPC, whose tables are in schemas of its name on both sides, with calls in place of
// columns.
func RunTPC(ctx context.Context, o Options, suite string, texts []tpcText) (*report, error) {
	r := newReport()
	w, err := newWorker(ctx, suite, o.Oracle, o.Proxy, o.ProxyIsOracle)
	if err != nil {
		return r, err
	}
	defer w.close()
	for i := o.First; i < o.First+o.Statements && ctx.Err() == nil; i++ {
		c := newTPCCase(rand.New(rand.NewPCG(o.Seed, uint64(i))), texts[i%len(texts)])
		got := c.run(w.oracle, w.proxy)
		if err := c.settle(ctx, w, got); err != nil {
			return r, err
		}
		r.add(c, got)
		if got.verdict != different || r.classes[got.class] > o.Shrink {
			continue
		}
		s := &shrinking{ctx: ctx, w: w, c: c, last: got, tries: 20, until: time.Now().Add(shrinkTime)}
		s.protocol()
		s.texts()
		f := &failure{seed: o.Seed, index: i, c: c, r: s.last}
		r.failures = append(r.failures, f)
		o.Log(texts[i%len(texts)].name + ": " + f.title())
	}
	r.oracle, r.proxy = w.oracle.Spent, w.proxy.Spent
	return r, ctx.Err()
}

// one runs one case, counts it, and makes it small if it differs.
func (w *worker) one(ctx context.Context, o Options, i int, r *report, lock *sync.Mutex) error {
	c := caseAt(o.Seed, i, o.Only)
	got, err := w.try(ctx, i, c)
	if err != nil {
		return err
	}
	lock.Lock()
	r.add(c, got)
	keep := got.verdict == different && r.classes[got.class] <= o.Shrink && len(r.failures) < o.Failures
	lock.Unlock()
	if !keep {
		return nil
	}
	small, err := w.shrink(ctx, c, got)
	if err != nil {
		return err
	}
	f := &failure{seed: o.Seed, index: i, c: c, r: small}
	lock.Lock()
	defer lock.Unlock()
	r.failures = append(r.failures, f)
	o.Log(f.title())
	return nil
}

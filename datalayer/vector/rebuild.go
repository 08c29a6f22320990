package vector

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// The numbers of upkeep.
const (
	// judges is the number of vectors that recall is measured with.
	judges = 200
	// narrowest is the smallest width of a beam.
	narrowest = 40
	// fewDead is the number of dead slots that are never worth a rebuild.
	fewDead = 1000
)

// wantsRebuild reports whether so many slots are dead that the graph should be made anew.
func (x *Index) wantsRebuild() bool {
	dead := x.held.deadSlots()
	return dead > fewDead && dead > len(x.held.slots)/3
}

// wantsMeasure reports whether there are so many more vectors, or so many fewer, than when recall was measured.
func (x *Index) wantsMeasure() bool {
	n := len(x.held.slots)
	return !x.cfg.Exact && n >= scanBelow && (n >= 2*x.measured || n <= x.measured/4)
}

// Maintain does what is due: it makes the graph anew where too much of it is dead, and measures recall. Searches and
// changes go on meanwhile. The only error is ctx's.
func (x *Index) Maintain(ctx context.Context) error {
	x.mu.RLock()
	rebuild := x.wantsRebuild()
	x.mu.RUnlock()
	if rebuild {
		if err := x.Rebuild(ctx); err != nil {
			return err
		}
	}
	x.mu.RLock()
	measure := x.wantsMeasure()
	x.mu.RUnlock()
	if measure {
		return x.Measure(ctx)
	}
	return nil
}

// Run calls Maintain whenever something may be due, until ctx ends.
func (x *Index) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-x.due:
			if err := x.Maintain(ctx); err != nil {
				return err
			}
		}
	}
}

// Rebuild makes the graph anew, without what is dead.
func (x *Index) Rebuild(ctx context.Context) error {
	x.rebuilding.Lock()
	defer x.rebuilding.Unlock()
	x.mu.Lock()
	x.changed = map[string]struct{}{}
	old := x.held
	keys := make([]string, 0, len(old.slots))
	for key := range old.slots {
		keys = append(keys, key)
	}
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		x.changed = nil
		x.mu.Unlock()
	}()
	slices.Sort(keys)
	fresh := newBody(x.cfg)
	if err := x.bring(ctx, old, fresh, keys); err != nil {
		return err
	}
	// What changed meanwhile, until it is little, and then the rest while nobody writes.
	for last := false; ; {
		x.mu.Lock()
		keys = keys[:0]
		for key := range x.changed {
			keys = append(keys, key)
		}
		x.changed = map[string]struct{}{}
		x.mu.Unlock()
		if len(keys) <= growBatch && !last {
			x.writing.Lock()
			defer x.writing.Unlock()
			last = true
			x.mu.Lock()
			for key := range x.changed {
				keys = append(keys, key)
			}
			x.mu.Unlock()
		}
		slices.Sort(keys)
		if err := x.bring(ctx, old, fresh, slices.Compact(keys)); err != nil {
			return err
		}
		if last {
			x.mu.Lock()
			x.held = fresh
			x.mu.Unlock()
			return nil
		}
	}
}

// bring gives keys in fresh what they have in old.
func (x *Index) bring(ctx context.Context, old, fresh *body, keys []string) error {
	var alone sync.Mutex // nobody else has fresh yet
	for chunk := range slices.Chunk(keys, growBatch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := make([]checked, 0, len(chunk))
		x.mu.RLock()
		for _, key := range chunk {
			if slot, there := old.slots[key]; there {
				batch = append(batch, checked{key, old.tags[slot], old.vector(slot)})
			} else {
				fresh.remove(key)
			}
		}
		x.mu.RUnlock()
		if len(batch) > 0 {
			fresh.put(batch, &alone)
		}
	}
	return nil
}

// judge is a query that recall is measured with, with the nearest vectors there are.
type judge struct {
	// slot is that of the query itself, which is searched for as if it were not there; nowhere for a query that is not.
	slot  uint32
	query []float32
	truth []candidate
}

// accepts passes the slots among which a judge's truth was looked for: those of a graph that had a size, without its own.
// The graph may have grown since.
func (j *judge) accepts(size uint32) func(slot uint32) bool {
	return func(slot uint32) bool { return slot < size && slot != j.slot }
}

// alive is the number of the judge's nearest vectors that were not removed since.
func (j *judge) alive(held *body) int {
	n := 0
	for _, c := range j.truth {
		if !held.dead[c.id] {
			n++
		}
	}
	return n
}

// farMisses is how much more often a nearest vector may be missed by queries that are unlike the vectors.
const farMisses = 2.5

// Measure finds the least width of the beam with which searches find the wanted share of the ten nearest vectors. It tries
// vectors of the index itself, each as if it had never been put, for links would lead to it; and for the sake of queries
// that are of another kind than the vectors, points between two of them, where farMisses applies. Where the beam would be
// wider than an eighth of the vectors, searches scan. What is put meanwhile is passed over: it would take the places of those
// that are looked for.
func (x *Index) Measure(ctx context.Context) error {
	x.mu.RLock()
	held, size, n := x.held, x.held.size, len(x.held.slots)
	like, far := x.judges(held)
	x.mu.RUnlock()
	width, limit := narrowest, n/8
	for _, tried := range []struct {
		judges []judge
		misses float64
	}{{like, 1 - x.cfg.Recall}, {far, farMisses * (1 - x.cfg.Recall)}} {
		x.try(ctx, tried.judges, func(j *judge) {
			j.truth = held.scan(j.query, judged, j.accepts(size))
		})
		for ; width <= limit && ctx.Err() == nil; width += width / 4 {
			var found, wanted atomic.Int64
			x.try(ctx, tried.judges, func(j *judge) {
				w := held.walks.Get().(*walk)
				defer held.walks.Put(w)
				found.Add(int64(both(j.truth, held.searchWithout(w, j.query, judged, width, j.slot, j.accepts(size)))))
				wanted.Add(int64(j.alive(held)))
			})
			if float64(wanted.Load()-found.Load()) <= tried.misses*float64(wanted.Load()) {
				break
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if width > limit {
		width = 0
	}
	x.mu.Lock()
	x.width, x.measured = width, n
	x.mu.Unlock()
	return nil
}

// judged is the number of nearest vectors whose recall is measured.
const judged = 10

// try searches for queries on all processors. Each search takes the lock for itself, so that who changes the index never
// waits long.
func (x *Index) try(ctx context.Context, tried []judge, search func(j *judge)) {
	parallel(len(tried), func(i int) {
		if ctx.Err() == nil {
			x.mu.RLock()
			defer x.mu.RUnlock()
			search(&tried[i])
		}
	})
}

// judges draws vectors to measure recall with, and makes points between two of them, nearer to one. The caller holds the
// lock.
func (x *Index) judges(held *body) (like, far []judge) {
	rng := rand.New(rand.NewPCG(uint64(held.size), uint64(len(held.slots))))
	for range 40 * judges {
		if slot := uint32(rng.IntN(max(1, int(held.size)))); slot < held.size && !held.dead[slot] && len(like) < judges {
			like = append(like, judge{slot: slot, query: held.vector(slot)})
		}
	}
	for i := 0; i+1 < len(like); i += 2 {
		q := make([]float32, x.cfg.Dimension)
		for k := range q {
			q[k] = 0.6*like[i].query[k] + 0.4*like[i+1].query[k]
		}
		if q, err := x.cfg.check(q); err == nil {
			far = append(far, judge{slot: nowhere, query: q})
		}
	}
	return like, far
}

// both is the number of slots that both lists have.
func both(a, b []candidate) int {
	n := 0
	for _, c := range a {
		if slices.ContainsFunc(b, func(o candidate) bool { return o.id == c.id }) {
			n++
		}
	}
	return n
}

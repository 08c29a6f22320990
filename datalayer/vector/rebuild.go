package vector

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
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

// Measure finds how wide the beam of searches must be for the wanted share of the ten nearest vectors. The queries it tries
// lie between two of the vectors, nearer to one: the vectors themselves are found too easily, since links lead to them.
// Where the beam would be wider than an eighth of the vectors, searches scan.
func (x *Index) Measure(ctx context.Context) error {
	const ten = 10
	x.mu.RLock()
	held, n := x.held, len(x.held.slots)
	queries := x.judges(held)
	x.mu.RUnlock()
	truth := make([][]candidate, len(queries))
	// Each search takes the lock for itself, so that who changes the index never waits long.
	look := func(i int, search func(query []float32) []candidate) []candidate {
		if ctx.Err() != nil {
			return nil
		}
		x.mu.RLock()
		defer x.mu.RUnlock()
		return search(queries[i])
	}
	parallel(len(queries), func(i int) {
		truth[i] = look(i, func(q []float32) []candidate { return held.scan(q, ten, nil) })
	})
	width, limit := narrowest, n/8
	for ; width <= limit; width += width / 4 {
		hits := make([]int, len(queries))
		parallel(len(queries), func(i int) {
			hits[i] = both(truth[i], look(i, func(q []float32) []candidate {
				w := held.walks.Get().(*walk)
				defer held.walks.Put(w)
				return slices.Clone(held.search(w, q, ten, width, nil))
			}))
		})
		total, wanted := 0, 0
		for i, h := range hits {
			total, wanted = total+h, wanted+len(truth[i])
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if float64(total) >= x.cfg.Recall*float64(wanted) {
			break
		}
	}
	if width > limit {
		width = 0
	}
	x.mu.Lock()
	x.width, x.measured = width, n
	x.mu.Unlock()
	return ctx.Err()
}

// judges makes queries to measure recall with. The caller holds the lock.
func (x *Index) judges(held *body) [][]float32 {
	rng := rand.New(rand.NewPCG(uint64(held.size), uint64(len(held.slots))))
	var picked [][]float32
	for range 40 * judges {
		if slot := uint32(rng.IntN(max(1, int(held.size)))); slot < held.size && !held.dead[slot] && len(picked) < 2*judges {
			picked = append(picked, held.vector(slot))
		}
	}
	var queries [][]float32
	for i := 0; i+1 < len(picked); i += 2 {
		q := make([]float32, x.cfg.Dimension)
		for k := range q {
			q[k] = 0.6*picked[i][k] + 0.4*picked[i+1][k]
		}
		if q, err := x.cfg.check(q); err == nil {
			queries = append(queries, q)
		}
	}
	return queries
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

package vector

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// The numbers of searches.
const (
	// scanBelow is the number of vectors below which everything is scanned: that takes a tenth of a millisecond.
	scanBelow = 1000
	// firstWidth is the width of the beam before recall was measured.
	firstWidth = 64
	// selective is the share of keys that a filter passes below which all that it passes are scanned.
	selective = 0.1
)

// Index holds vectors by key and finds the nearest ones. It is safe for concurrent use. Changes wait for each other; they
// keep searches waiting only while links are written, not while they are looked for.
type Index struct {
	cfg Config
	// writing is held by who changes the index.
	writing sync.Mutex
	// rebuilding is held by who makes the graph anew.
	rebuilding sync.Mutex
	// due is told when there may be something for Maintain to do.
	due chan struct{}

	mu   sync.RWMutex
	held *body
	// width is that of the beam; 0 where scanning is cheaper.
	width int
	// measured is the number of vectors when width was found.
	measured int
	// bytes is the memory of the keys and vectors that are there.
	bytes int64
	// changed has the keys that changed since a rebuild began; nil while there is none.
	changed map[string]struct{}
}

// New makes an empty index.
func New(cfg Config) (*Index, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	return &Index{cfg: cfg, held: newBody(cfg), width: firstWidth, due: make(chan struct{}, 1)}, nil
}

// overhead is what a vector takes beside its components and its key's bytes: its links, its key's entry in the map and
// in the table of keys, and its tag.
const overhead = 4*(1+maxLinks0) + 140

// size is the memory that an item takes.
func (c Config) size(key string) int64 { return int64(4*c.Dimension + len(key) + overhead) }

// Put gives a key its vector, in place of the one it had. The errors are ErrDimension, ErrNotFinite and ErrFull.
func (x *Index) Put(it Item) error { return x.PutAll([]Item{it}) }

// PutAll gives keys their vectors, in order, on all processors. Where one cannot be put, those before it may have been.
func (x *Index) PutAll(items []Item) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	return x.putAll(items)
}

// putAll is PutAll for who holds writing.
func (x *Index) putAll(items []Item) error {
	batch := make([]checked, 0, min(growBatch, len(items)))
	there := map[string]bool{}
	for _, it := range items {
		v, err := x.cfg.check(it.Vector)
		if err != nil {
			return err
		}
		if len(batch) == growBatch || there[it.Key] {
			if err := x.putBatch(batch); err != nil {
				return err
			}
			batch = batch[:0]
			clear(there)
		}
		batch, there[it.Key] = append(batch, checked{it.Key, it.Tag, v}), true
	}
	return x.putBatch(batch)
}

// putBatch puts items of different keys. One whose vector is the same as before only gets its tag.
func (x *Index) putBatch(batch []checked) error {
	x.mu.Lock()
	bytes := x.bytes
	batch = slices.DeleteFunc(batch, func(it checked) bool {
		slot, there := x.held.slots[it.key]
		if !there {
			bytes += x.cfg.size(it.key)
			return false
		}
		same := slices.Equal(x.held.vector(slot), it.vector)
		if same {
			x.held.tags[slot] = it.tag
			x.touch(it.key)
		}
		return same
	})
	if bytes > x.cfg.MaxBytes {
		n, now := len(x.held.slots), x.bytes
		x.mu.Unlock()
		return fmt.Errorf("%w: %d vectors take %d bytes, the limit is %d", ErrFull, n, now, x.cfg.MaxBytes)
	}
	x.bytes = bytes
	held := x.held
	x.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	held.put(batch, &x.mu)
	x.mu.Lock()
	for _, it := range batch {
		x.touch(it.key)
	}
	x.mu.Unlock()
	x.remind()
	return nil
}

// Delete removes a key and reports whether it was there.
func (x *Index) Delete(key string) bool {
	x.writing.Lock()
	defer x.writing.Unlock()
	return x.remove(key)
}

// remove is Delete for who holds writing.
func (x *Index) remove(key string) bool {
	x.mu.Lock()
	there := x.held.remove(key)
	if there {
		x.bytes -= x.cfg.size(key)
		x.touch(key)
		if len(x.held.slots) == 0 && x.changed == nil { // nothing to walk over any more
			x.held = newBody(x.cfg)
		}
	}
	x.mu.Unlock()
	x.remind()
	return there
}

// touch notes a change for who rebuilds.
func (x *Index) touch(key string) {
	if x.changed != nil {
		x.changed[key] = struct{}{}
	}
}

// remind tells Run that there may be something to do.
func (x *Index) remind() {
	select {
	case x.due <- struct{}{}:
	default:
	}
}

// Len is the number of vectors.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.held.slots)
}

// Stats says what an index is like.
type Stats struct {
	Vectors int
	// Dead is the number of vectors that were removed and take memory until the graph is made anew.
	Dead int
	// Bytes is the memory of the vectors with their keys and links.
	Bytes int64
	// Width is that of the beam of searches, 0 where they scan everything.
	Width int
}

// Stats gives the index's figures.
func (x *Index) Stats() Stats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := Stats{Vectors: len(x.held.slots), Dead: x.held.deadSlots(), Bytes: x.bytes, Width: x.width}
	if x.scans() {
		s.Width = 0
	}
	return s
}

// scans reports whether searches scan everything.
func (x *Index) scans() bool { return x.cfg.Exact || x.width == 0 || len(x.held.slots) < scanBelow }

// Get gives a key's vector and tag. Under Cosine the vector has the length 1, whatever was put.
func (x *Index) Get(key string) (Item, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	slot, there := x.held.slots[key]
	if !there {
		return Item{}, false
	}
	return Item{Key: key, Tag: x.held.tags[slot], Vector: slices.Clone(x.held.vector(slot))}, true
}

// Tags gives every key with its tag.
func (x *Index) Tags() map[string]uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	tags := make(map[string]uint64, len(x.held.slots))
	for key, slot := range x.held.slots {
		tags[key] = x.held.tags[slot]
	}
	return tags
}

// Score is the measure of a key's vector and a query, and whether the key is there.
func (x *Index) Score(key string, query []float32) (float32, bool, error) {
	q, err := x.cfg.check(query)
	if err != nil {
		return 0, false, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	slot, there := x.held.slots[key]
	if !there {
		return 0, false, nil
	}
	return x.cfg.Measure.score(q, x.held.vector(slot)), true, nil
}

// Search gives the n keys that are nearest to a query, the best first. With allow, only keys that it passes; it must be
// quick, for nobody changes the index meanwhile. A filter that passes few is searched exactly.
func (x *Index) Search(query []float32, n int, allow func(key string) bool) ([]Match, error) {
	q, err := x.cfg.check(query)
	if err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	n = min(n, len(x.held.slots))
	if n <= 0 {
		return nil, nil
	}
	var accept func(uint32) bool
	width := max(x.width, n+n/2)
	if allow != nil {
		accept = func(slot uint32) bool { return allow(x.held.keys[slot]) }
		share := x.share(accept)
		if share < selective {
			return x.matches(x.held.scan(q, n, accept)), nil
		}
		width = int(float64(width) / share)
	}
	if x.scans() || width > len(x.held.slots)/8 {
		return x.matches(x.held.scan(q, n, accept)), nil
	}
	w := x.held.walks.Get().(*walk)
	defer x.held.walks.Put(w)
	found := x.held.search(w, q, n, width, accept)
	if len(found) < n { // links may not lead everywhere
		found = x.held.scan(q, n, accept)
	}
	return x.matches(found), nil
}

// Exact is Search that scans everything.
func (x *Index) Exact(query []float32, n int) ([]Match, error) {
	q, err := x.cfg.check(query)
	if err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.matches(x.held.scan(q, max(0, min(n, len(x.held.slots))), nil)), nil
}

// Among gives the n of the given keys that are nearest to a query, the best first, exactly.
func (x *Index) Among(query []float32, n int, keys []string) ([]Match, error) {
	q, err := x.cfg.check(query)
	if err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	b := newBest(max(0, min(n, len(keys))))
	for _, key := range keys {
		if slot, there := x.held.slots[key]; there {
			b.offer(slot, x.cfg.Measure.score(q, x.held.vector(slot)))
		}
	}
	return x.matches(b.sorted()), nil
}

// share estimates the share of vectors that a filter passes, from about 500 of them.
func (x *Index) share(accept func(slot uint32) bool) float64 {
	step := max(1, x.held.size/500)
	seen, passed := 0, 0
	for slot := uint32(0); slot < x.held.size; slot += step {
		if x.held.dead[slot] {
			continue
		}
		seen++
		if accept(slot) {
			passed++
		}
	}
	return float64(passed) / float64(max(1, seen))
}

// matches gives candidates their keys; of equal scores the least key comes first.
func (x *Index) matches(found []candidate) []Match {
	m := make([]Match, len(found))
	for i, c := range found {
		m[i] = Match{Key: x.held.keys[c.id], Score: c.score}
	}
	slices.SortFunc(m, func(a, b Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Key, b.Key)) })
	return m
}

// Dimension is the number of components of every vector.
func (x *Index) Dimension() int { return x.cfg.Dimension }

// Check says why a vector cannot be put or searched for; nil where it can.
func (x *Index) Check(v []float32) error {
	_, err := x.cfg.check(v)
	return err
}

package vector

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The numbers of the graph.
const (
	// maxLinks is the number of neighbours of a vector on the upper levels, maxLinks0 on the lowest, which has them all.
	maxLinks  = 16
	maxLinks0 = 32
	// buildWidth is the width of the beam that looks for the neighbours of a new vector.
	buildWidth = 96
	// maxLevel bounds the levels; each has a sixteenth of the vectors of the one below it.
	maxLevel = 12
	// chunkSlots is the number of vectors that are held in one piece of memory.
	chunkSlots = 1024
)

// graph is a hierarchical navigable small world (Malkov and Yashunin, arXiv:1603.09320): each vector is linked to near
// ones, on several levels, and a search walks along the links. Slots are only ever added; a vector that is removed is dead
// and still walked over. Vectors and links of slots below size do not move, so they may be read while slots are added;
// links and the rest change only under the index's lock.
type graph struct {
	dim     int
	measure Measure
	// size is the number of slots that are in the graph; beyond it, vectors may be waiting to be linked.
	size    uint32
	vectors [][]float32
	// base has the links on level 0: for each slot their number, and room for maxLinks0 of them.
	base [][]uint32
	// upper has the links on level i+1 for the few slots that are on it.
	upper [][][]uint32
	dead  []bool
	// entry is where walks begin: a slot on level top. While size is 0, there is none.
	entry uint32
	top   int
	rng   *rand.Rand
}

func newGraph(dim int, m Measure) *graph {
	return &graph{dim: dim, measure: m, rng: rand.New(rand.NewPCG(uint64(dim), uint64(m)))}
}

// vector is the vector of a slot. It is not a copy.
func (g *graph) vector(slot uint32) []float32 {
	at := int(slot%chunkSlots) * g.dim
	return g.vectors[slot/chunkSlots][at : at+g.dim : at+g.dim]
}

// store puts a vector behind the others; it is not in the graph yet. The caller holds the index's lock.
func (g *graph) store(v []float32, level int) (slot uint32) {
	slot = uint32(len(g.dead))
	if slot%chunkSlots == 0 {
		g.vectors = append(g.vectors, make([]float32, chunkSlots*g.dim))
		g.base = append(g.base, make([]uint32, chunkSlots*(1+maxLinks0)))
	}
	g.dead = append(g.dead, false)
	var links [][]uint32
	if level > 0 {
		links = make([][]uint32, level)
	}
	g.upper = append(g.upper, links)
	copy(g.vector(slot), v)
	return slot
}

// drawLevel draws the level of a new vector.
func (g *graph) drawLevel() int {
	return min(maxLevel, int(-math.Log(1-g.rng.Float64())/math.Log(maxLinks)))
}

// level is the highest level that a slot is on.
func (g *graph) level(slot uint32) int { return len(g.upper[slot]) }

// links are the neighbours of a slot on a level that it is on.
func (g *graph) links(slot uint32, level int) []uint32 {
	if level > 0 {
		return g.upper[slot][level-1]
	}
	at := int(slot%chunkSlots) * (1 + maxLinks0)
	row := g.base[slot/chunkSlots][at : at+1+maxLinks0]
	return row[1 : 1+row[0]]
}

// setLinks replaces the neighbours of a slot. The caller holds the index's lock.
func (g *graph) setLinks(slot uint32, level int, links []uint32) {
	if level > 0 {
		g.upper[slot][level-1] = slices.Clone(links)
		return
	}
	at := int(slot%chunkSlots) * (1 + maxLinks0)
	row := g.base[slot/chunkSlots][at : at+1+maxLinks0]
	row[0] = uint32(copy(row[1:], links))
}

// capacity is the largest number of links on a level.
func capacity(level int) int {
	if level == 0 {
		return maxLinks0
	}
	return maxLinks
}

// walk is the memory of one walk through the graph.
type walk struct {
	// seen holds, by slot, the number of the walk that saw it last.
	seen   []uint32
	number uint32
	next   []candidate
	found  best
}

// begin forgets the walk before.
func (w *walk) begin(slots, width int) {
	if len(w.seen) < slots {
		w.seen = make([]uint32, slots+slots/4+64)
		w.number = 0
	}
	if w.number++; w.number == 0 {
		clear(w.seen)
		w.number = 1
	}
	w.next = w.next[:0]
	w.found = best{n: width, heap: w.found.heap[:0]}
}

// nowhere is no slot.
const nowhere = math.MaxUint32

// beam walks on one level from some slots towards a query, and keeps the width best that are alive and that accept, which
// may be nil, passes. They are in w.found then. It goes on as if the slot without, which may be nowhere, had never been put.
func (g *graph) beam(w *walk, query []float32, from []uint32, width, level int, without uint32, accept func(slot uint32) bool) {
	w.begin(int(g.size), width)
	if without != nowhere {
		w.seen[without] = w.number
	}
	visit := func(slot uint32) {
		w.seen[slot] = w.number
		s := g.measure.score(query, g.vector(slot))
		if len(w.found.heap) == width && s <= w.found.heap[0].score {
			return
		}
		w.push(candidate{slot, s})
		if !g.dead[slot] && (accept == nil || accept(slot)) {
			w.found.offer(slot, s)
		}
	}
	for _, slot := range from {
		if w.seen[slot] != w.number {
			visit(slot)
		}
	}
	for len(w.next) > 0 {
		c := w.pop()
		if len(w.found.heap) == width && c.score < w.found.heap[0].score {
			return
		}
		for _, slot := range g.links(c.id, level) {
			if w.seen[slot] != w.number {
				visit(slot)
			}
		}
	}
}

// descend walks from the entry down to a level, and gives the slot it ends at. It goes to the slot without, which may be
// nowhere, only if that is the entry.
func (g *graph) descend(query []float32, level int, without uint32) uint32 {
	at := g.entry
	score := g.measure.score(query, g.vector(at))
	for l := g.top; l > level; l-- {
		for moved := true; moved; {
			moved = false
			for _, slot := range g.links(at, l) {
				if s := g.measure.score(query, g.vector(slot)); s > score && slot != without {
					at, score, moved = slot, s, true
				}
			}
		}
	}
	return at
}

// search gives the n best that a beam of a width finds, the best first.
func (g *graph) search(w *walk, query []float32, n, width int, accept func(slot uint32) bool) []candidate {
	if g.size == 0 {
		return nil
	}
	return g.searchWithout(w, query, n, width, nowhere, accept)
}

// searchWithout is search as if one slot, which may be nowhere, had never been put.
func (g *graph) searchWithout(w *walk, query []float32, n, width int, without uint32, accept func(slot uint32) bool) []candidate {
	from := []uint32{g.descend(query, 0, without)}
	if from[0] == without { // the entry: go on from its neighbours
		from = g.links(without, 0)
	}
	g.beam(w, query, from, max(n, width), 0, without, accept)
	found := w.found.sorted()
	w.found.heap = found
	return found[:min(n, len(found))]
}

// scan gives the n best of all that are alive and that accept, which may be nil, passes, the best first.
func (g *graph) scan(query []float32, n int, accept func(slot uint32) bool) []candidate {
	b := newBest(n)
	for slot := range g.size {
		if !g.dead[slot] && (accept == nil || accept(slot)) {
			b.offer(slot, g.measure.score(query, g.vector(slot)))
		}
	}
	return b.sorted()
}

// choose picks at most most neighbours for a vector out of candidates, the best first: one is left out if it is nearer to
// one that was picked than to the vector, so that links lead in all directions (algorithm 4 of the paper).
func (g *graph) choose(from []candidate, most int) []uint32 {
	picked := make([]uint32, 0, most)
	for _, c := range from {
		if len(picked) == most {
			break
		}
		v := g.vector(c.id)
		if !slices.ContainsFunc(picked, func(p uint32) bool { return g.measure.score(v, g.vector(p)) > c.score }) {
			picked = append(picked, c.id)
		}
	}
	return picked
}

// push adds to the slots to go on from, of which pop takes the best.
func (w *walk) push(c candidate) {
	w.next = append(w.next, c)
	for i := len(w.next) - 1; i > 0; {
		parent := (i - 1) / 2
		if w.next[parent].score >= w.next[i].score {
			return
		}
		w.next[parent], w.next[i] = w.next[i], w.next[parent]
		i = parent
	}
}

func (w *walk) pop() candidate {
	top := w.next[0]
	last := len(w.next) - 1
	w.next[0] = w.next[last]
	w.next = w.next[:last]
	for i := 0; ; {
		most := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if w.next[child].score > w.next[most].score {
				most = child
			}
		}
		if most == i {
			return top
		}
		w.next[i], w.next[most] = w.next[most], w.next[i]
		i = most
	}
}

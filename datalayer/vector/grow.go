package vector

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
)

// growBatch is the number of vectors that are linked at once: their neighbours are looked for side by side.
const growBatch = 64

// joining is a vector on its way into the graph.
type joining struct {
	slot uint32
	// links are its neighbours by level.
	links [][]uint32
}

// place is a slot on a level.
type place struct {
	slot  uint32
	level int
}

// relinking is a place's new list of neighbours.
type relinking struct {
	place
	links []uint32
}

// join finds the neighbours of vectors that are stored behind size, and what the lists of these neighbours become. It
// only reads, so that searches go on meanwhile; nobody else may grow the graph. commit makes the changes.
func (g *graph) join(slots []uint32, walks *sync.Pool) []relinking {
	new := make([]joining, len(slots))
	parallel(len(slots), func(i int) {
		w := walks.Get().(*walk)
		defer walks.Put(w)
		new[i] = joining{slot: slots[i], links: g.neighbours(w, slots[i], slots)}
	})
	back := map[place][]uint32{}
	for _, j := range new {
		for level, links := range j.links {
			for _, n := range links {
				back[place{n, level}] = append(back[place{n, level}], j.slot)
			}
		}
	}
	var changes []relinking
	for _, j := range new {
		for level, links := range j.links {
			if p := (place{j.slot, level}); back[p] == nil {
				changes = append(changes, relinking{p, links})
			}
		}
	}
	own := len(changes)
	for p := range back {
		changes = append(changes, relinking{place: p})
	}
	slices.SortFunc(changes[own:], func(a, b relinking) int {
		return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.level, b.level))
	})
	first := slots[0]
	parallel(len(changes)-own, func(i int) {
		c := &changes[own+i]
		links := slices.Clone(back[c.place])
		if c.slot >= first {
			links = append(links, new[c.slot-first].links[c.level]...)
		} else {
			links = append(links, g.links(c.slot, c.level)...)
		}
		c.links = g.trim(c.slot, links, capacity(c.level))
	})
	return changes
}

// neighbours are those of a new vector, by level: of the graph's, and of the others that come with it.
func (g *graph) neighbours(w *walk, slot uint32, together []uint32) [][]uint32 {
	v := g.vector(slot)
	links := make([][]uint32, g.level(slot)+1)
	var from []uint32
	if g.size > 0 {
		from = []uint32{g.descend(v, g.level(slot), nowhere)}
	}
	for level := len(links) - 1; level >= 0; level-- {
		var near []candidate
		if from != nil && level <= g.top {
			g.beam(w, v, from, buildWidth, level, nowhere, nil)
			near = append(near, w.found.heap...)
			if len(near) > 0 {
				from = from[:0]
				for _, c := range near {
					from = append(from, c.id)
				}
			}
		}
		for _, other := range together {
			if other != slot && g.level(other) >= level {
				near = append(near, candidate{other, g.measure.score(v, g.vector(other))})
			}
		}
		slices.SortFunc(near, byScore)
		links[level] = g.choose(near, maxLinks)
	}
	return links
}

// trim makes a list of neighbours fit: without repetitions and, where it is too long, the ones to keep.
func (g *graph) trim(slot uint32, links []uint32, most int) []uint32 {
	slices.Sort(links)
	links = slices.Compact(links)
	if len(links) <= most {
		return links
	}
	v := g.vector(slot)
	near := make([]candidate, len(links))
	for i, n := range links {
		near[i] = candidate{n, g.measure.score(v, g.vector(n))}
	}
	slices.SortFunc(near, byScore)
	return g.choose(near, most)
}

// commit makes the changes of join. The caller holds the index's lock.
func (g *graph) commit(slots []uint32, changes []relinking) {
	for _, c := range changes {
		g.setLinks(c.slot, c.level, c.links)
	}
	for _, slot := range slots {
		if g.size == 0 || g.level(slot) > g.top {
			g.entry, g.top = slot, g.level(slot)
		}
		g.size = slot + 1
	}
}

// byScore orders candidates, the best first.
func byScore(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
}

// parallel runs do for 0 to n-1 on all processors.
func parallel(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	wg.Wait()
}

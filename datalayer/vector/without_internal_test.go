package vector

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// drawn are vectors of noise.
func drawn(rng *rand.Rand, n int) []Item {
	var all []Item
	for i := range n {
		v := make([]float32, 16)
		for k := range v {
			v[k] = float32(rng.NormFloat64())
		}
		all = append(all, Item{Key: strconv.Itoa(i), Vector: v})
	}
	return all
}

// TestJudgesWhileItGrows: vectors that are put, or removed, while recall is measured do not make it less than it is: an index
// that is filled in one go would have all its searches scan.
func TestJudgesWhileItGrows(t *testing.T) {
	t.Parallel()
	x, err := New(Config{Dimension: 16})
	if err != nil {
		t.Fatal(err)
	}
	all := drawn(rand.New(rand.NewPCG(12, 12)), 6000)
	if err := x.PutAll(all[:1500]); err != nil {
		t.Fatal(err)
	}
	held, size := x.held, x.held.size
	like, far := x.judges(held)
	judges := append(like, far...)
	for i := range judges {
		judges[i].truth = held.scan(judges[i].query, judged, judges[i].accepts(size))
	}
	if err := x.PutAll(all[1500:]); err != nil {
		t.Fatal(err)
	}
	for _, it := range all[:200] {
		x.Delete(it.Key)
	}
	found, wanted, w := 0, 0, new(walk)
	for i := range judges {
		j := &judges[i]
		found += both(j.truth, held.searchWithout(w, j.query, judged, 100, j.slot, j.accepts(size)))
		wanted += j.alive(held)
	}
	if wanted >= judged*len(judges) || wanted < judged*len(judges)/2 || found < wanted*95/100 {
		t.Errorf("%d of %d were found", found, wanted)
	}
}

// TestSearchWithout: recall is measured with vectors of the index, and each is searched for as if it were not there: it is
// never found nor walked over, wherever it stands, and the others are.
func TestSearchWithout(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 11))
	x, err := New(Config{Dimension: 16})
	if err != nil {
		t.Fatal(err)
	}
	all := drawn(rng, 1500)
	if err := x.PutAll(all); err != nil {
		t.Fatal(err)
	}
	g, w := x.held, new(walk)
	hits := 0
	slots := []uint32{g.entry}
	for range 100 {
		slots = append(slots, uint32(rng.IntN(len(all))))
	}
	for _, slot := range slots {
		query := g.vector(slot)
		truth := g.scan(query, 10, func(s uint32) bool { return s != slot })
		found := g.searchWithout(w, query, 10, 100, slot, nil)
		if len(found) != 10 || slices.ContainsFunc(found, func(c candidate) bool { return c.id == slot }) {
			t.Fatalf("slot %d: found %v", slot, found)
		}
		hits += both(truth, found)
	}
	if hits < 95*len(slots)/10 {
		t.Errorf("%d of %d nearest others were found", hits, 10*len(slots))
	}
}

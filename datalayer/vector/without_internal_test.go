package vector

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestSearchWithout: recall is measured with vectors of the index, and each is searched for as if it were not there: it is
// never found nor walked over, wherever it stands, and the others are.
func TestSearchWithout(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 11))
	x, err := New(Config{Dimension: 16})
	if err != nil {
		t.Fatal(err)
	}
	var all []Item
	for i := range 1500 {
		v := make([]float32, 16)
		for k := range v {
			v[k] = float32(rng.NormFloat64())
		}
		all = append(all, Item{Key: strconv.Itoa(i), Vector: v})
	}
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

package vector_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// measures are all of them.
var measures = []vector.Measure{vector.Cosine, vector.Dot, vector.L2}

// score is the measure by its definition, in float64.
func score(m vector.Measure, a, b []float32) float64 {
	var ab, aa, bb, diff float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb, diff = ab+x*y, aa+x*x, bb+y*y, diff+(x-y)*(x-y)
	}
	switch {
	case m == vector.Dot:
		return ab
	case m == vector.L2:
		return -math.Sqrt(diff)
	case aa == 0 || bb == 0:
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// clustered makes n vectors around a few centres.
func clustered(rng *rand.Rand, n, dim int) [][]float32 {
	centres := make([][]float32, 20)
	for i := range centres {
		centres[i] = noise(rng, dim)
	}
	all := make([][]float32, n)
	for i := range all {
		v, c := noise(rng, dim), centres[rng.IntN(len(centres))]
		for k := range v {
			v[k] = 0.6*v[k] + c[k]
		}
		all[i] = v
	}
	return all
}

// noise is a vector of normally distributed components.
func noise(rng *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for k := range v {
		v[k] = float32(rng.NormFloat64())
	}
	return v
}

func items(vectors [][]float32) []vector.Item {
	all := make([]vector.Item, len(vectors))
	for i, v := range vectors {
		all[i] = vector.Item{Key: fmt.Sprintf("k%05d", i), Tag: uint64(i), Vector: v}
	}
	return all
}

func mustIndex(t *testing.T, cfg vector.Config, put []vector.Item) *vector.Index {
	t.Helper()
	x, err := vector.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.PutAll(put); err != nil {
		t.Fatal(err)
	}
	return x
}

// expected is what an exact search must find among items.
func expected(m vector.Measure, all []vector.Item, query []float32, n int) []vector.Match {
	var found []vector.Match
	for _, it := range all {
		found = append(found, vector.Match{Key: it.Key, Score: float32(score(m, it.Vector, query))})
	}
	slices.SortFunc(found, func(a, b vector.Match) int { return cmp.Compare(b.Score, a.Score) })
	return found[:min(n, len(found))]
}

// same holds matches against the expected ones: scores within rounding, in order; keys may differ where scores tie.
func same(t *testing.T, got, want []vector.Match) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d matches, want %d", len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i].Score-want[i].Score)) > 1e-4*(1+math.Abs(float64(want[i].Score))) {
			t.Fatalf("match %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestExactIsExact(t *testing.T) {
	t.Parallel()
	for _, m := range measures {
		for _, dim := range []int{1, 3, 8, 33} {
			rng := rand.New(rand.NewPCG(1, uint64(dim)))
			all := items(clustered(rng, 400, dim))
			x := mustIndex(t, vector.Config{Dimension: dim, Measure: m}, all)
			for range 20 {
				q := noise(rng, dim)
				want := expected(m, all, q, 7)
				got, err := x.Search(q, 7, nil)
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, want)
				s, there, err := x.Score(want[0].Key, q)
				if err != nil || !there || math.Abs(float64(s-want[0].Score)) > 1e-4*(1+math.Abs(float64(s))) {
					t.Fatalf("score of %s is %v %v %v, want %v", want[0].Key, s, there, err, want[0].Score)
				}
			}
		}
	}
}

// recall is the share of the ten nearest that searches find.
func recall(t *testing.T, x *vector.Index, queries [][]float32) float64 {
	t.Helper()
	hits, wanted := 0, 0
	for _, q := range queries {
		truth, err := x.Exact(q, 10)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Search(q, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		hits, wanted = hits+shared(truth, got), wanted+len(truth)
	}
	return float64(hits) / float64(wanted)
}

func TestRecall(t *testing.T) {
	t.Parallel()
	for _, m := range measures {
		rng := rand.New(rand.NewPCG(2, 2))
		all := clustered(rng, 4000, 32)
		x := mustIndex(t, vector.Config{Dimension: 32, Measure: m}, items(all[:3900]))
		if err := x.Measure(context.Background()); err != nil {
			t.Fatal(err)
		}
		if r := recall(t, x, all[3900:]); r < 0.95 {
			t.Errorf("%v: recall is %.3f with a beam of %d", m, r, x.Stats().Width)
		}
	}
}

// Noise of many dimensions has no structure for a graph to follow: the beam is made wider for it.
func TestRecallOfNoise(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	var all [][]float32
	for range 2500 {
		all = append(all, noise(rng, 256))
	}
	x := mustIndex(t, vector.Config{Dimension: 256}, items(all[:2450]))
	if err := x.Measure(context.Background()); err != nil {
		t.Fatal(err)
	}
	if r := recall(t, x, all[2450:]); r < 0.9 {
		t.Errorf("recall is %.3f with a beam of %d", r, x.Stats().Width)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 4))
	all := items(clustered(rng, 3000, 24))
	x := mustIndex(t, vector.Config{Dimension: 24}, all)
	for name, f := range map[string]func(key string) bool{
		"one in a hundred": func(key string) bool { return key[len(key)-2:] == "42" },
		"half":             func(key string) bool { return key[len(key)-1]%2 == 0 },
		"none":             func(string) bool { return false },
	} {
		var passed []vector.Item
		var keys []string
		for _, it := range all {
			if f(it.Key) {
				passed, keys = append(passed, it), append(keys, it.Key)
			}
		}
		hits, wanted := 0, 0
		for range 30 {
			q := noise(rng, 24)
			want := expected(vector.Cosine, passed, q, 10)
			got, err := x.Search(q, 10, f)
			if err != nil {
				t.Fatal(err)
			}
			hits, wanted = hits+shared(want, got), wanted+len(want)
			among, err := x.Among(q, 10, keys)
			if err != nil {
				t.Fatal(err)
			}
			same(t, among, want)
			if name == "one in a hundred" {
				same(t, got, want)
			}
		}
		if float64(hits) < 0.95*float64(wanted) {
			t.Errorf("%s: %d of %d found", name, hits, wanted)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x := mustIndex(t, vector.Config{Dimension: 2, MaxBytes: 1000}, nil)
	for _, c := range []struct {
		v    []float32
		want error
	}{
		{[]float32{1}, vector.ErrDimension}, {[]float32{1, 2, 3}, vector.ErrDimension}, {nil, vector.ErrDimension},
		{[]float32{nan, 1}, vector.ErrNotFinite}, {[]float32{inf, 1}, vector.ErrNotFinite},
		{[]float32{math.MaxFloat32, math.MaxFloat32}, vector.ErrNotFinite},
	} {
		if err := x.Put(vector.Item{Key: "a", Vector: c.v}); !errors.Is(err, c.want) {
			t.Errorf("put %v: %v, want %v", c.v, err, c.want)
		}
		if _, err := x.Search(c.v, 1, nil); !errors.Is(err, c.want) {
			t.Errorf("search %v: %v, want %v", c.v, err, c.want)
		}
	}
	var err error
	n := 0
	for ; err == nil; n++ {
		err = x.Put(vector.Item{Key: fmt.Sprint(n), Vector: []float32{1, float32(n)}})
	}
	if !errors.Is(err, vector.ErrFull) || n < 2 || x.Len() != n-1 {
		t.Errorf("after %d vectors, of which %d are there: %v", n, x.Len(), err)
	}
	if err := x.Put(vector.Item{Key: "0", Vector: []float32{5, 5}}); err != nil {
		t.Errorf("a full index takes no new vector for a key: %v", err)
	}
	for _, cfg := range []vector.Config{{}, {Dimension: vector.MaxDimension + 1}, {Dimension: 1, Recall: 2}, {Dimension: 1, Measure: 9}} {
		if _, err := vector.New(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

// Searches, changes and rebuilds side by side: what is there all the time is found all the time.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	all := items(clustered(rng, 1500, 16))
	x := mustIndex(t, vector.Config{Dimension: 16}, all)
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := x.Rebuild(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			it := all[1000+i%500]
			if i%3 == 0 {
				x.Delete(it.Key)
			} else if err := x.Put(it); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 300 {
		it := all[i%1000]
		got, err := x.Search(it.Vector, 3, func(key string) bool { return key < "k01000" })
		if err != nil || !slices.ContainsFunc(got, func(m vector.Match) bool { return m.Score > 0.9999 }) {
			t.Fatalf("%s is not found: %v %v", it.Key, got, err)
		}
	}
	stop()
	wg.Wait()
}

func TestParseMeasure(t *testing.T) {
	t.Parallel()
	for _, m := range measures {
		if got, err := vector.ParseMeasure(m.String()); err != nil || got != m {
			t.Errorf("%v: %v %v", m, got, err)
		}
	}
	if m, err := vector.ParseMeasure("L2"); err != nil || m != vector.L2 {
		t.Errorf("L2: %v %v", m, err)
	}
	if _, err := vector.ParseMeasure("hamming"); err == nil {
		t.Error("hamming is a measure")
	}
}

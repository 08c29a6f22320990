package metadatatest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// Shared has two stores of the same records, as two proxies have them, add versions of one model at the same time: each
// number is given once, and none is left out.
func Shared(t *testing.T, first, second metadata.Store) {
	t.Helper()
	const n = 50
	given := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		s := first
		if i%2 == 1 {
			s = second
		}
		wg.Go(func() {
			err := s.Update(context.Background(), func(tx metadata.Tx) (err error) {
				given[i], err = tx.AddVersion("m", &metadata.Version{})
				return err
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	slices.Sort(given)
	for i, number := range given {
		if number != i+1 {
			t.Fatalf("the numbers given are %v, want 1 to %d", given, n)
		}
	}
	for _, s := range []metadata.Store{first, second} {
		if got := versions(model(t, s, "m")); !slices.Equal(got, given) {
			t.Errorf("recorded are %v", got)
		}
	}
}

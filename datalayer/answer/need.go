package answer

import (
	"context"
	"slices"
)

// Left is how many calls the budget still allows; limited is false where it has no limit of calls.
func (b *Budget) Left() (calls int64, limited bool) {
	if b == nil || b.limits.MaxCalls <= 0 {
		return 0, false
	}
	return max(0, b.limits.MaxCalls-b.calls.Load()), true
}

// Check is Spend that takes nothing: the error, before anything is called, for calls that are certain to be needed and that
// the budget does not allow.
func (b *Budget) Check(calls int64) error {
	if left, limited := b.Left(); limited && calls > left {
		return errSpent(b.Spent(), calls, b.limits.MaxCalls, "calls of models", "predict.max_calls")
	}
	return nil
}

// Needed is how many rows of a request would be handed to the model now: those that neither the cache nor Config.Outputs has,
// and that no other request has under way. Nothing is called and nothing is kept.
func (a *Answerer) Needed(ctx context.Context, r Request) (int64, error) {
	k := &asking{Request: r, a: a, version: r.Model.Version(), rows: r.rows()}
	k.known = a.hold(k.version)
	defer a.let(k.known)
	if err := k.check(); err != nil {
		return 0, err
	}
	return k.needed(ctx), nil
}

// weigh holds the rows of the request against the budget before the first of them is called.
func (k *asking) weigh(ctx context.Context) error {
	left, limited := k.Budget.Left()
	if !limited || int64(k.rows) <= left {
		return nil
	}
	return k.Budget.Check(k.needed(ctx))
}

// needed does the work of Needed.
func (k *asking) needed(ctx context.Context) int64 {
	share, cache := k.sharing(), k.caching()
	if !share && !cache {
		return int64(k.rows)
	}
	var n int64
	for from := 0; from < k.rows; from += maxChunk {
		rows := chunkRows(nil, from, min(from+maxChunk, k.rows))
		left := k.claim(rows, false)
		if share {
			left = k.known.flights.free(k, left)
		}
		if cache && len(left) > 0 {
			left = k.notCached(left)
		}
		if len(left) > 0 && k.looksAtOutputs() {
			left = k.notKept(ctx, left)
		}
		n += int64(len(left))
	}
	return n
}

// notCached leaves out the rows that the cache has.
func (k *asking) notCached(list []*flight) []*flight {
	hit := make([]bool, len(list))
	k.a.cache.Get(k.cacheKeys(list), func(i int, _ []byte) { hit[i] = true })
	return without(list, hit)
}

// notKept leaves out the rows that Config.Outputs has; none where it cannot be looked at.
func (k *asking) notKept(ctx context.Context, list []*flight) []*flight {
	rows := make([]int32, len(list))
	for i, f := range list {
		rows[i] = f.row
	}
	places, _, err := k.a.outputs.Find(ctx, k.version, k.Args, rows)
	if err != nil {
		return list
	}
	hit := make([]bool, len(list))
	for _, at := range places {
		hit[at] = true
	}
	return without(list, hit)
}

// without gives those of a list that are not hit.
func without(list []*flight, hit []bool) []*flight {
	at := -1
	return slices.DeleteFunc(list, func(*flight) bool { at++; return hit[at] })
}

// free gives those of a list that no other owner has claimed.
func (f *flights) free(owner *asking, list []*flight) []*flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(list, func(n *flight) bool {
		other, ok := f.byKey[n.key]
		return ok && other.owner != owner
	})
}

package answer

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// maxClaimed is the number of rows that are claimed for one batch at most, which bounds their memory.
const maxClaimed = 1 << 16

// maxChunk is how many rows are looked up at once; also the largest batch while it is not known how fast a model is.
const maxChunk = 4096

// chunk claims rows, looks them up, and sends those that are not found to the model as soon as they fill a batch.
func (k *asking) chunk(ctx context.Context, calls *calls, rows []int32, share, cache bool) (bool, error) {
	claimed := k.claim(rows, share)
	defer func() { // what went into a batch is not abandoned here, since it is taken out of claimed
		k.known.flights.abandon(claimed)
	}()
	if cache {
		claimed = k.lookUp(calls, claimed)
	}
	if len(claimed) > 0 && k.looksAtOutputs() {
		claimed = k.lookUpOutputs(ctx, calls, claimed)
	}
	for len(claimed) > 0 {
		row := int(claimed[0].row)
		bytes := k.bytes(row, row+1)
		if k.next != nil && k.next.bytes+bytes > k.a.batchBytes {
			if on, err := k.send(ctx, calls); !on || err != nil {
				return false, err
			}
		}
		if k.next == nil {
			k.next = k.newBatch()
		}
		k.next.bytes += bytes
		if err := k.add(claimed[0]); err != nil {
			return false, err
		}
		claimed = claimed[1:]
		if k.next.rows >= k.limit() {
			if on, err := k.send(ctx, calls); !on || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// limit is the number of rows at which a batch of claimed rows is sent.
func (k *asking) limit() int {
	if k.known.perRow.Load() == 0 {
		return min(k.size, maxChunk)
	}
	return min(k.size, maxClaimed)
}

// claim encodes the keys of rows, and, where they are shared, claims them. It gives the flights of those that are this
// request's to ask.
func (k *asking) claim(rows []int32, share bool) []*flight {
	k.arena, k.ends = k.arena[:0], k.ends[:0]
	for _, row := range rows {
		k.arena = appendKey(k.arena, k.Args, int(row))
		k.ends = append(k.ends, len(k.arena))
	}
	all := string(k.arena)
	keys := make([]string, len(rows))
	at := 0
	for i, end := range k.ends {
		keys[i] = all[at:end]
		at = end
	}
	mine := make([]*flight, 0, len(rows))
	if share {
		k.known.flights.claim(k, keys, rows, func(f *flight) { mine = append(mine, f) },
			func(row int32, f *flight) { k.theirs = append(k.theirs, waiting{row, f}) })
		return mine
	}
	list := make([]flight, len(rows))
	for i, key := range keys {
		list[i] = flight{owner: k, key: key, row: rows[i], settled: true}
		mine = append(mine, &list[i])
	}
	return mine
}

// lookUp looks for claimed rows in the cache, and gives those that are not there.
func (k *asking) lookUp(calls *calls, claimed []*flight) []*flight {
	keys := k.cacheKeys(claimed)
	hit := make([]bool, len(claimed))
	var found []*flight
	calls.mu.Lock() // batches under way write into the same column of answers
	k.a.cache.Get(keys, func(i int, value []byte) {
		if hit[i] {
			return
		}
		one := udf.NewColumn(k.version.Returns, 1)
		if err := decodeValue(value, &one, 0); err != nil {
			k.a.logger.Warn("the cache of answers holds bytes that are no answer; the model is asked", "model", k.version.Name)
			return
		}
		copyRows(&k.result.Answers, int(claimed[i].row), &one)
		hit[i] = true
		found = append(found, claimed[i])
		k.detail(claimed[i].row, Detail{Cached: true})
	})
	k.known.flights.settle(found, func(i int) (*udf.Column, int, error) { return &k.result.Answers, int(found[i].row), nil })
	calls.mu.Unlock()
	k.result.Stats.Cached += int64(len(found))
	if len(found) == 0 {
		return claimed
	}
	left := claimed[:0]
	for i, f := range claimed {
		if !hit[i] {
			left = append(left, f)
		}
	}
	return left
}

// cacheKeys gives the keys of rows as the cache has them.
func (k *asking) cacheKeys(list []*flight) [][]byte {
	k.keys = k.keys[:0]
	arena := make([]byte, 0, len(list)*(identityBytes+32))
	for _, f := range list {
		at := len(arena)
		arena = append(append(arena, k.known.identity[:]...), f.key...)
		k.keys = append(k.keys, arena[at:len(arena):len(arena)])
	}
	return k.keys
}

// newBatch makes an empty batch to which rows are added.
func (k *asking) newBatch() *batch {
	b := &batch{args: make([]udf.Column, len(k.Args)), flights: []*flight{}}
	for i := range k.Args {
		b.args[i].Type = k.Args[i].Type
	}
	return b
}

// add puts a row into the batch that is being filled.
func (k *asking) add(f *flight) error {
	for i := range k.Args {
		if err := pgvalue.Copy(&k.next.args[i], &k.Args[i], int(f.row)); err != nil {
			return err
		}
	}
	k.next.flights = append(k.next.flights, f)
	k.next.rows++
	return nil
}

// send hands the batch that is being filled to the model. It reports whether to go on.
func (k *asking) send(ctx context.Context, calls *calls) (bool, error) {
	b := k.next
	if err := k.spend(b.rows); err != nil {
		return false, err
	}
	k.next = nil
	on := calls.start(ctx, b)
	if !on && !b.ended {
		k.drop(b)
	}
	return on, nil
}

// drop gives up a batch that is not sent.
func (k *asking) drop(b *batch) {
	if b != nil {
		k.known.flights.abandon(b.flights)
	}
}

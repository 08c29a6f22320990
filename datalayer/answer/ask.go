package answer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// asking is one Answer under way. Its fields belong to the goroutine of Answer, but for the result, which batches that have
// run change too, one at a time.
type asking struct {
	Request
	a       *Answerer
	version *datalayer.ModelVersion
	known   *known
	rows    int
	// size is the number of rows of a full batch; wide are the arguments whose values differ in size.
	size int
	wide []int

	// next is the batch that is being filled with rows that nobody has an answer of.
	next *batch
	// theirs are the tuples that other requests have under way.
	theirs []waiting
	// spent says that the budget was asked for the rest of the rows.
	spent bool

	arena []byte
	ends  []int
	keys  [][]byte

	result Result
}

// waiting is a row whose answer another request is to give.
type waiting struct {
	row int32
	*flight
}

// run answers all rows: first those that nobody else has under way, then, where others gave up, these again.
func (k *asking) run(ctx context.Context) error {
	if err := k.check(); err != nil {
		return err
	}
	k.size = k.batchRows()
	for i := range k.Args {
		if k.Args[i].Type.Size() < 0 {
			k.wide = append(k.wide, i)
		}
	}
	if k.Request.Details {
		k.result.Details = make([]Detail, k.rows)
	}
	if k.rows == 0 {
		k.result.Answers = udf.NewColumn(k.version.Returns, 0)
		return nil
	}
	if err := k.weigh(ctx); err != nil {
		return err
	}
	if k.upTo(0) == k.rows && !k.sharing() && !k.caching() {
		return k.whole(ctx)
	}
	k.result.Answers = udf.NewColumn(k.version.Returns, k.rows)
	var again []int32
	for {
		err := k.pass(ctx, again)
		if err == nil {
			again, err = k.follow(ctx)
		}
		k.known.flights.waiting.Add(-int64(len(k.theirs)))
		if err != nil || len(again) == 0 {
			return err
		}
	}
}

// whole has the model answer all rows at once; its column is the result as it is.
func (k *asking) whole(ctx context.Context) error {
	if err := k.spend(k.rows); err != nil {
		return err
	}
	b := &batch{args: k.Args, rows: k.rows}
	k.caller().run(ctx, b)
	if k.note(b); b.err == nil {
		k.result.Answers = b.answers
	}
	return b.err
}

// caller calls the model for the request.
func (k *asking) caller() *caller {
	return &caller{model: k.Model, version: k.version, onError: k.OnError}
}

// batchRows is the number of rows that the model gets at once.
func (k *asking) batchRows() int {
	n := k.Model.MaxBatch()
	if k.BatchSize > 0 {
		n = min(n, k.BatchSize)
	}
	if len(k.Args) == 0 { // one row is all that such a model can be told
		n = 1
	}
	return max(1, n)
}

// upTo is the end of the batch that begins with a row: it has as many rows as the model takes, and BatchBytes at most,
// but one row in any case.
func (k *asking) upTo(from int) int {
	end := min(from+k.size, k.rows)
	if k.bytes(from, end) <= k.a.batchBytes {
		return end
	}
	bytes := 0
	for row := from; row < end; row++ {
		if bytes += k.bytes(row, row+1); bytes > k.a.batchBytes {
			return max(row, from+1)
		}
	}
	return end
}

// bytes is the size of the values that differ in size of the rows from lo to hi.
func (k *asking) bytes(lo, hi int) int {
	n := 0
	for _, i := range k.wide {
		part := k.Args[i].Slice(lo, hi)
		n += pgvalue.Held(&part)
	}
	return n
}

// concurrency is the number of calls under way at once.
func (k *asking) concurrency() int {
	if k.Concurrency > 0 {
		return k.Concurrency
	}
	if m, ok := k.Model.(udf.Concurrent); ok {
		return max(1, m.Concurrency())
	}
	return 1
}

// sharing reports whether calls are shared with other requests; see shareFrom.
func (k *asking) sharing() bool { return k.version.Deterministic && k.known.slower(shareFrom) }

// caching reports whether the cache is looked into; see Config.CacheFrom.
func (k *asking) caching() bool {
	switch {
	case k.a.cache == nil || !k.UseCache:
		return false
	case k.CacheAlways:
		return true
	}
	return k.version.Deterministic && k.known.slower(k.a.cacheFrom)
}

// spend takes rows from the budget and counts them.
func (k *asking) spend(rows int) error {
	if !k.spent {
		if err := k.Budget.Spend(int64(rows)); err != nil {
			return err
		}
	}
	k.result.Stats.Calls += int64(rows)
	return nil
}

// pass answers rows (nil: all) but for those that other requests have under way, which it adds to theirs.
func (k *asking) pass(ctx context.Context, rows []int32) error {
	k.next, k.theirs = nil, nil
	calls := newCalls(k.caller(), k.concurrency(), k.took)
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop() // what is still under way then is of no use
		_ = calls.wait()
		k.drop(k.next)
	}()
	n := k.rows
	if rows != nil {
		n, k.spent = len(rows), false
	}
	for from := 0; from < n; {
		to := min(from+min(max(k.size, 64), maxChunk), n)
		share, cache := k.sharing(), k.caching()
		plain := !share && !cache && rows == nil
		if plain {
			to = k.upTo(from)
		}
		var on bool
		var err error
		if plain {
			on, err = k.direct(ctx, calls, from, to)
		} else {
			on, err = k.chunk(ctx, calls, chunkRows(rows, from, to), share, cache)
		}
		if err != nil {
			return err
		}
		if !on {
			break
		}
		from = to
	}
	if k.next != nil && !calls.stopped() {
		if _, err := k.send(ctx, calls); err != nil {
			return err
		}
	}
	return calls.wait()
}

// chunkRows are the rows from to to of a list, or of all.
func chunkRows(rows []int32, from, to int) []int32 {
	if rows != nil {
		return rows[from:to]
	}
	chunk := make([]int32, to-from)
	for i := range chunk {
		chunk[i] = int32(from + i)
	}
	return chunk
}

// direct sends rows to the model that are neither looked up nor shared. It reports whether to go on.
func (k *asking) direct(ctx context.Context, calls *calls, from, to int) (bool, error) {
	if !k.spent { // for all that are left, so that an error says how many these are and nothing is called in vain
		if err := k.Budget.Spend(int64(k.rows - from)); err != nil {
			return false, err
		}
		k.spent = true
	}
	if err := k.spend(to - from); err != nil {
		return false, err
	}
	return calls.start(ctx, &batch{args: pgvalue.Slice(k.Args, from, to), rows: to - from, at: from}), nil
}

// took puts the answers of a batch in their places, into the cache, and tells those who wait for them.
func (k *asking) took(b *batch) {
	b.ended = true
	k.note(b)
	if b.err == nil && b.flights == nil {
		copyRows(&k.result.Answers, b.at, &b.answers)
		return
	}
	if b.err == nil {
		for i, f := range b.flights {
			one := b.answers.Slice(i, i+1)
			copyRows(&k.result.Answers, int(f.row), &one)
		}
		k.keep(b)
	}
	k.known.flights.settle(b.flights, func(i int) (*udf.Column, int, error) {
		if err := b.failed[i]; err != nil {
			return nil, 0, err
		}
		if b.err != nil {
			return nil, 0, errAbandoned
		}
		return &b.answers, i, nil
	})
}

// keep puts the answers of a batch into the cache.
func (k *asking) keep(b *batch) {
	if !k.caching() {
		return
	}
	var arena []byte
	var keys, values [][]byte
	for i, f := range b.flights {
		if b.failed[i] != nil {
			continue
		}
		at := len(arena)
		arena = append(append(arena, k.known.identity[:]...), f.key...)
		end := len(arena)
		arena = appendValue(arena, &b.answers, i)
		keys, values = append(keys, arena[at:end:end]), append(values, arena[end:len(arena):len(arena)])
	}
	k.a.cache.Put(keys, values)
}

// note counts what came of a batch, and learns from it how fast the model is.
func (k *asking) note(b *batch) {
	k.result.Stats.Batches += b.calls
	k.result.Stats.Busy += b.busy
	if b.err != nil {
		return
	}
	if b.calls == 1 {
		k.known.learn(b.busy, b.rows)
	}
	if k.Request.Details {
		for i := range b.rows {
			row := int32(b.at + i)
			if b.flights != nil {
				row = b.flights[i].row
			}
			k.detail(row, Detail{Err: b.failed[i], Busy: b.busy})
		}
	}
	k.result.Failed += int64(len(b.failed))
	k.result.Stats.Errors += int64(len(b.failed))
}

// detail notes how a row was answered, where that was asked for.
func (k *asking) detail(row int32, d Detail) {
	if k.Request.Details {
		k.result.Details[row] = d
	}
}

// follow waits for the answers of other requests. It gives the rows whose requests gave up, to be asked again.
func (k *asking) follow(ctx context.Context) (again []int32, err error) {
	for _, w := range k.theirs {
		select {
		case <-w.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		switch {
		case w.err == nil:
			copyRows(&k.result.Answers, int(w.row), &w.answer)
			k.result.Stats.Shared++
			k.detail(w.row, Detail{Shared: true})
		case errors.Is(w.err, errAbandoned):
			again = append(again, w.row)
		case k.OnError == Null && !final(w.err):
			k.result.Answers.SetNull(int(w.row))
			k.result.Failed++
			k.result.Stats.Errors++
			k.detail(w.row, Detail{Err: w.err, Shared: true})
		default:
			return nil, k.caller().rowFailed(k.Args, int(w.row), w.err)
		}
	}
	return again, nil
}

// panicked is the error for a panic on the way to a model.
func panicked(v *datalayer.ModelVersion, said any) error {
	return &datalayer.Error{Code: "XX000", Message: fmt.Sprintf("model %q broke its runtime", v.Name), Err: fmt.Errorf("panic: %v\n%s", said, debug.Stack())}
}

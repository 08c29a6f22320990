package answer

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// asking is one Answer under way.
type asking struct {
	Request
	version *datalayer.ModelVersion
	rows    int
	result  Result
	// err is the error of the first batch that failed.
	err error
}

// run answers all rows.
func (k *asking) run(ctx context.Context) error {
	if err := k.check(); err != nil {
		return err
	}
	if err := k.Budget.Spend(int64(k.rows)); err != nil {
		return err
	}
	return k.callAll(ctx)
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

// callAll has the model answer all rows.
func (k *asking) callAll(ctx context.Context) error {
	size := k.batchRows()
	if k.rows > size {
		k.result.Answers = udf.NewColumn(k.version.Returns, k.rows)
	}
	ctx, calls := newCalls(ctx, caller{model: k.Model, version: k.version, onError: k.OnError}, k.concurrency(), func(b *batch) {
		k.note(b)
		switch {
		case b.err != nil:
		case k.rows <= size:
			k.result.Answers = b.answers
		default:
			copyRows(&k.result.Answers, b.at, &b.answers)
		}
	})
	defer calls.wait()
	for from := 0; from < k.rows; from += size {
		to := min(from+size, k.rows)
		b := &batch{args: pgvalue.Slice(k.Args, from, to), rows: to - from, at: from}
		k.result.Stats.Calls += int64(b.rows)
		if !calls.start(ctx, b) {
			break
		}
	}
	calls.wait()
	return k.err
}

// note counts what came of a batch.
func (k *asking) note(b *batch) {
	k.result.Stats.Batches += b.calls
	k.result.Stats.Busy += b.busy
	if b.err != nil {
		if k.err == nil {
			k.err = b.err
		}
		return
	}
	k.result.Failed += int64(len(b.failed))
	k.result.Stats.Errors += int64(len(b.failed))
}

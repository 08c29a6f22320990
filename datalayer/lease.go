package datalayer

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Lease holds one loaded model version for as long as a statement needs it, so that a model dropped or replaced
// meanwhile goes on answering the statements that began with it.
type Lease struct {
	version *ModelVersion
	model   udf.Model
	// maxBatch is MaxBatch: what the model says, or the option max_batch where that is less.
	maxBatch int
	release  func()
}

// Version is the version that is held.
func (l *Lease) Version() *ModelVersion { return l.version }

// MaxBatch is the largest number of rows that one Predict takes.
func (l *Lease) MaxBatch() int { return l.maxBatch }

// Predict answers up to MaxBatch rows; see udf.Model.
func (l *Lease) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	return l.model.Predict(ctx, args)
}

// Concurrency is the number of Predicts that one statement may have under way with profit; see udf.Concurrent.
func (l *Lease) Concurrency() int {
	if m, ok := l.model.(udf.Concurrent); ok {
		return max(1, m.Concurrency())
	}
	return 1
}

// Release lets the model go. It is called once.
func (l *Lease) Release() { l.release() }

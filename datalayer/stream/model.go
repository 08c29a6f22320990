package stream

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Model answers rows for a call; see udf.Model. *datalayer.Lease is one.
type Model interface {
	// MaxBatch is the largest number of rows that one Predict takes.
	MaxBatch() int
	Predict(ctx context.Context, args []udf.Column) (udf.Column, error)
}

// held is a Model as an answer.Model: it stands for the version that it says itself, or else for the plan's.
type held struct {
	Model
	planned *datalayer.ModelVersion
}

// Version implements answer.Model.
func (h held) Version() *datalayer.ModelVersion {
	if m, ok := h.Model.(interface {
		Version() *datalayer.ModelVersion
	}); ok {
		return m.Version()
	}
	return h.planned
}

// Concurrency implements udf.Concurrent.
func (h held) Concurrency() int {
	if m, ok := h.Model.(udf.Concurrent); ok {
		return max(1, m.Concurrency())
	}
	return 1
}

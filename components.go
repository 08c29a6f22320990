package pinnacle

import (
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// componentJobs is the queue as the Datalayer uses it. It implements datalayer.Jobs.
type componentJobs struct{ *job.Queue }

// Enqueue implements datalayer.Jobs.
func (j componentJobs) Enqueue(tx keyvalue.Tx, of component.Ref, owner string, work component.Job) error {
	_, err := j.Queue.Enqueue(tx, job.Spec{Kind: work.Kind, Component: of, Args: work.Args, Owner: owner, MaxAttempts: work.MaxAttempts})
	return err
}

// Cancel implements datalayer.Jobs.
func (j componentJobs) Cancel(tx keyvalue.Tx, of component.Ref) error { return j.CancelOf(tx, of, "") }

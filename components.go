package pinnacle

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dataset"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/search"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/secret"
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

// kinds are the kinds of components beside models.
func (p *Proxy) kinds(sessions *pgxpool.Pool) []component.Kind {
	return []component.Kind{listener.Kind{Keeper: p.keeper}, search.Kind{Keeper: p.searches}, dataset.Kind{Sessions: sessions}, metric.Kind{}, p.secrets()}
}

// secrets reads secrets.
func (p *Proxy) secrets() secret.Kind { return secret.Kind{Dirs: p.settings.SecretDirs} }

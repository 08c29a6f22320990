package pinnacle

import (
	"context"
	"path/filepath"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/search"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// searchSessions are the sessions of home that vector indexes are kept and searched with.
const searchSessions = 4

// newSearches makes the Keeper of the proxy's vector indexes, with sessions of home of its own; none is opened before there
// is an index. It runs from runSearches on.
func (p *Proxy) newSearches(ctx context.Context) error {
	c, err := p.ownSessions("vector indexes")
	if err != nil {
		return err
	}
	c.MaxConns = searchSessions
	pool, err := p.openSessions(ctx, c)
	if err != nil {
		return err
	}
	s := &p.settings
	p.searches = search.New(search.Config{Pool: pool, Dir: filepath.Join(s.DataDir, "vectors"), Poll: s.VectorPollInterval, Reconcile: s.VectorReconcileInterval,
		MaxBytes: int64(s.VectorMaxBytes), Logger: p.options.Logger})
	return nil
}

// runSearches has vector indexes kept until Close.
func (p *Proxy) runSearches() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.searches.Run(ctx)
	}()
	p.onClose(func(context.Context) error {
		stop()
		<-done
		return nil
	})
}

// searchModels are the searches of vector indexes as models. It implements datalayer.Virtual.
type searchModels struct{ *search.Keeper }

var _ datalayer.Virtual = searchModels{}

// Virtual implements datalayer.Virtual.
func (m searchModels) Virtual(name string) (udf.Model, string, error) { return m.Keeper.Virtual(name) }

// buildVectors is the job that watches a vector index being built.
func (p *Proxy) buildVectors(ctx context.Context, run *job.Run) error {
	var args search.JobArgs
	if err := run.Args(&args); err != nil {
		return err
	}
	return p.searches.Build(ctx, args.Name, run)
}

// vectorTable is pinnacle.vector_index_stats.
func (p *Proxy) vectorTable() datalayer.SystemTable {
	return datalayer.SystemTable{Name: "vector_index_stats", Columns: tableColumns(
		"name text", "version int4", "source text", "state text", "dimension int4", "measure text", "vectors int8", "removed int8", "bytes int8", "width int4",
		"rows_skipped int8", "scanned_at timestamptz", "sqlstate text", "error text", "place text", "captured bool",
	), Rows: func(context.Context) ([][]any, error) {
		var rows [][]any
		for _, s := range p.searches.Status() {
			row := []any{s.Name, int64(s.Version), s.Table, s.State, int64(s.Dimension), s.Measure, int64(s.Vectors), int64(s.Dead), s.Bytes, int64(s.Width), s.Skipped, nil, nil, nil, s.Place, s.Captured}
			if !s.Scanned.IsZero() {
				row[11] = s.Scanned
			}
			if s.Err != nil {
				e := datalayer.ErrorOf(s.Err)
				row[12], row[13] = e.Code, e.Message
			}
			rows = append(rows, row)
		}
		return rows, nil
	}}
}

//go:build !noduckdb

package pinnacle

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/duckdb"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/frames"
)

// largeEngines are the databackends whose libraries make a build large and slow to link: they are left out with the build
// tag noduckdb.
func largeEngines() map[string]openEngine {
	folder := func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error) {
		return frames.Open(ctx, uri, frames.Options{Spool: o.spool, TempDirectory: o.spool.Dir, Logger: o.logger})
	}
	return map[string]openEngine{
		"pandas": folder,
		"polars": folder,
		"duckdb": func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error) {
			return duckdb.Open(ctx, uri, duckdb.Options{Spool: o.spool, TempDirectory: o.spool.Dir})
		},
	}
}

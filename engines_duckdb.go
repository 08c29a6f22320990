//go:build !noduckdb

package pinnacle

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/duckdb"
)

// largeEngines are the databackends whose libraries make a build large and slow to link: they are left out with the build
// tag noduckdb.
func largeEngines() map[string]openEngine {
	return map[string]openEngine{
		"duckdb": func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error) {
			return duckdb.Open(ctx, uri, duckdb.Options{Spool: o.spool, TempDirectory: o.spool.Dir})
		},
	}
}

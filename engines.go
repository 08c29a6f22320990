package pinnacle

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/clickhouse"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/mongodb"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/mysql"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlite"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stores"
)

// engineOptions are what every engine may be told beyond its URI.
type engineOptions struct {
	spool  spool.Limits
	logger *slog.Logger
}

// openEngine opens the databackend that a URI names.
type openEngine func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error)

// engines are the databackends other than PostgreSQL that this build has, by the scheme of their URIs.
func engines() map[string]openEngine {
	all := map[string]openEngine{
		"sqlite": func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error) {
			return sqlite.Open(ctx, uri, sqlite.Options{Spool: o.spool})
		},
		"mysql": func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error) {
			return mysql.Open(ctx, uri, mysql.Options{Spool: o.spool, Log: o.logger})
		},
	}
	all["mariadb"] = all["mysql"]
	all["clickhouse"] = func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error) {
		return clickhouse.Open(ctx, uri, clickhouse.Options{Log: o.logger})
	}
	all["mongodb"] = func(ctx context.Context, uri string, o engineOptions) (backend.Engine, error) {
		return mongodb.Open(ctx, uri, mongodb.Options{Spool: o.spool})
	}
	all["mongodb+srv"] = all["mongodb"]
	maps.Copy(all, largeEngines())
	return all
}

// CheckEngine says whether this build has the databackend of the settings, which must be one that is no PostgreSQL. The
// error is a *config.Error.
func CheckEngine(c *config.Config) error {
	_, err := engineOf(c)
	return err
}

// engineOf finds the engine of the settings.
func engineOf(c *config.Config) (openEngine, error) {
	scheme, _, _ := strings.Cut(c.Databackend, "://")
	if open, ok := engines()[scheme]; ok {
		return open, nil
	}
	return nil, &config.Error{Message: fmt.Sprintf("this build has no databackend %s://", scheme),
		Hint: "It has " + strings.Join(slices.Sorted(maps.Keys(engines())), "://, ") + "://, and postgres://."}
}

// OpenEngine opens the databackend of the settings, which must be one that is no PostgreSQL. The caller closes it.
func OpenEngine(ctx context.Context, c *config.Config, logger *slog.Logger) (backend.Engine, error) {
	open, err := engineOf(c)
	if err != nil {
		return nil, err
	}
	uri, err := stores.WithPassword(c.Databackend)
	if err != nil {
		return nil, err
	}
	return open(ctx, uri, engineOptions{logger: logger, spool: spool.Limits{
		Memory: int64(c.ForeignMemory), Disk: int64(c.ForeignSpoolBytes), Dir: spoolDirectory(c)}})
}

// spoolDirectory is where rows of the databackend wait that do not fit in memory.
func spoolDirectory(c *config.Config) string { return filepath.Join(c.DataDir, "spool") }

package sqlstore

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/metadatatest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
)

// openRecords opens the records at a URI.
func openRecords(t *testing.T, uri string) metadata.Store {
	t.Helper()
	s, err := records.Open(context.Background(), openURI(t, uri))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRecords runs the suite of models, versions and artifacts on each engine, and two proxies on one database.
func TestRecords(t *testing.T) {
	t.Parallel()
	for name, uri := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "meta.db") },
		"PostgreSQL": postgresURI,
		"MariaDB":    mariadbURI,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			metadatatest.Run(t, func(t *testing.T) metadatatest.Fixture {
				place := uri(t)
				return metadatatest.Fixture{Store: openRecords(t, place), Reopen: func(t *testing.T) metadata.Store { return openRecords(t, place) }}
			})
			t.Run("two proxies", func(t *testing.T) {
				place := uri(t)
				metadatatest.Shared(t, openRecords(t, place), openRecords(t, place))
			})
		})
	}
}

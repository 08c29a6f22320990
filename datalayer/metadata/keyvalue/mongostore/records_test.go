package mongostore

import (
	"context"
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

// TestRecords runs the suite of models, versions and artifacts, and two proxies on one database.
func TestRecords(t *testing.T) {
	t.Parallel()
	metadatatest.Run(t, func(t *testing.T) metadatatest.Fixture {
		uri := newURI(t)
		return metadatatest.Fixture{Store: openRecords(t, uri), Reopen: func(t *testing.T) metadata.Store { return openRecords(t, uri) }}
	})
	t.Run("two proxies", func(t *testing.T) {
		uri := newURI(t)
		metadatatest.Shared(t, openRecords(t, uri), openRecords(t, uri))
	})
}

package sqlite_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlite"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect/prooftest"
)

// TestProof proves the engine's table against a PostgreSQL.
func TestProof(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("every entry of the table is compared with a PostgreSQL, which takes minutes")
	}
	prooftest.Run(t, prooftest.Subject{Engine: fresh(t, "", ""), Entries: sqlite.Entries(), Schema: "public"})
}

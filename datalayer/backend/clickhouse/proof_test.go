package clickhouse_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/clickhouse"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect/prooftest"
)

// TestProof compares each entry of the dialect's table with PostgreSQL.
func TestProof(t *testing.T) {
	if testing.Short() {
		t.Skip("runs thousands of statements")
	}
	t.Parallel()
	e, _ := open(t, "")
	prooftest.Run(t, prooftest.Subject{Engine: e, Entries: clickhouse.Entries(), Schema: "public"})
}

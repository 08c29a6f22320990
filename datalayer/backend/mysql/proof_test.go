package mysql_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/mysql"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect/prooftest"
)

// TestProof compares each entry of the dialect's table with PostgreSQL.
func TestProof(t *testing.T) {
	if testing.Short() {
		t.Skip("runs thousands of statements")
	}
	t.Parallel()
	_, uri := database(t)
	e, _ := open(t, uri)
	prooftest.Run(t, prooftest.Subject{Engine: e, Entries: mysql.Entries(), Schema: "public"})
}

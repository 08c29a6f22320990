package foreign_test

import (
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// TestRefusedLate has an engine that finds only while it runs that it cannot answer: the local PostgreSQL finishes, unless
// something else was asked in the transaction.
func TestRefusedLate(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), nil, foreign.Config{Memory: 1 << 10})
	ran := false
	b.engine.late = func(text string) bool {
		is := strings.Contains(text, "sum(")
		ran = ran || is
		return is
	}
	b.same(t, "SELECT n, sum(item) FROM orders GROUP BY n ORDER BY n")
	b.same(t, "BEGIN; SELECT sum(item) FROM orders WHERE n = 3; SELECT count(*) FROM items; COMMIT")
	if !ran {
		t.Fatal("the sum was never asked of the engine")
	}
	got := answer(b.local, "BEGIN; SELECT count(*) FROM items; SELECT sum(item) FROM orders WHERE n = 3")
	if !strings.Contains(got, "ERROR 0A000") {
		t.Fatalf("after another query: %s", got)
	}
	run(t, b.local, "ROLLBACK")
	b.same(t, "SELECT count(*) FROM items")
}

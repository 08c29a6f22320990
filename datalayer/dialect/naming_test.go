package dialect_test

import (
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

func TestForeignSchema(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 46)
	for schema, want := range map[string]string{"public": "pinnacle_foreign_public", long: "pinnacle_foreign_" + long} {
		if got := dialect.ForeignSchema(schema); got != want {
			t.Errorf("ForeignSchema(%q) = %q, want %q", schema, got, want)
		}
	}
	a, b := dialect.ForeignSchema(long+"a"), dialect.ForeignSchema(long+"b")
	if len(a) > 63 || len(b) > 63 || a == b {
		t.Errorf("long schemas become %q and %q", a, b)
	}
}

package sqlstore

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/keyvaluetest"
)

// openURI opens a store that the test closes at its end.
func openURI(t *testing.T, uri string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Config{URI: uri})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// fixture is a store, and the same another time, at a URI.
func fixture(t *testing.T, uri string) keyvaluetest.Fixture {
	again := func(t *testing.T) keyvalue.Store { return openURI(t, uri) }
	return keyvaluetest.Fixture{Store: again(t), Reopen: again, Second: again}
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	keyvaluetest.Run(t, func(t *testing.T) keyvaluetest.Fixture {
		return fixture(t, "sqlite://"+filepath.Join(t.TempDir(), "meta data?%.db"))
	})
}

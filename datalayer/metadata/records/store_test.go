package records_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/metadatatest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
)

// openDir opens a store in a directory that the test closes at its end.
func openDir(t *testing.T, dir string) *records.Store {
	t.Helper()
	kv, err := badgerstore.Open(context.Background(), badgerstore.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := records.Open(context.Background(), kv)
	if err != nil {
		t.Fatal(errors.Join(err, kv.Close()))
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestBadger(t *testing.T) {
	t.Parallel()
	metadatatest.Run(t, func(t *testing.T) metadatatest.Fixture {
		dir := t.TempDir()
		s := openDir(t, dir)
		return metadatatest.Fixture{Store: s, Reopen: func(t *testing.T) metadata.Store {
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return openDir(t, dir)
		}}
	})
}

// wantCode fails the test unless err is a *keyvalue.Error with that code.
func wantCode(t *testing.T, err error, code string) *keyvalue.Error {
	t.Helper()
	var e *keyvalue.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %#v, want %s", err, code)
	}
	return e
}

func TestNewerRecords(t *testing.T) {
	t.Parallel()
	s := openDir(t, t.TempDir())
	err := s.KeyValue().Update(context.Background(), func(tx keyvalue.Tx) error { return tx.Put("schema", "version", []byte(`{"version":99}`)) })
	if err != nil {
		t.Fatal(err)
	}
	_, err = records.Open(context.Background(), s.KeyValue())
	if e := wantCode(t, err, "55000"); !strings.Contains(e.Detail, "layout 99") || e.Hint == "" {
		t.Errorf("detail %q, hint %q", e.Detail, e.Hint)
	}
}

func TestCorruptRecord(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openDir(t, t.TempDir())
	for space, key := range map[keyvalue.Space]string{"models": keyvalue.Key("m"), "artifacts": "a"} {
		if err := s.KeyValue().Update(ctx, func(tx keyvalue.Tx) error { return tx.Put(space, key, []byte("{")) }); err != nil {
			t.Fatal(err)
		}
	}
	_, modelErr := s.Model(ctx, "m")
	_, modelsErr := s.Models(ctx)
	_, artifactsErr := s.Artifacts(ctx)
	for name, err := range map[string]error{"models": modelErr, "of models": modelsErr, "of artifacts": artifactsErr} {
		if e := wantCode(t, err, "XX001"); !strings.Contains(e.Message, name) {
			t.Errorf("message %q does not name the record", e.Message)
		}
	}
}

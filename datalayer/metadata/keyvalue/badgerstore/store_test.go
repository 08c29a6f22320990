package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/keyvaluetest"
)

// openDir opens a store that the test closes at its end.
func openDir(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Config{Dir: dir})
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

// wantError fails the test unless err is a *keyvalue.Error with that code.
func wantError(t *testing.T, err error, code string) *keyvalue.Error {
	t.Helper()
	var e *keyvalue.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %#v, want %s", err, code)
	}
	return e
}

func TestContract(t *testing.T) {
	t.Parallel()
	keyvaluetest.Run(t, func(t *testing.T) keyvaluetest.Fixture {
		dir := t.TempDir()
		return keyvaluetest.Fixture{Store: openDir(t, dir), Reopen: func(t *testing.T) keyvalue.Store { return openDir(t, dir) }}
	})
}

func TestInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openDir(t, dir)
	_, err := Open(context.Background(), Config{Dir: dir})
	e := wantError(t, err, "55006")
	if want := fmt.Sprintf("data directory %s is in use by process %d", dir, os.Getpid()); e.Message != want || e.Hint == "" {
		t.Errorf("message %q, hint %q, want %q and a hint", e.Message, e.Hint, want)
	}
}

// TestEmptyLog opens a store whose process was killed right after it had made a file.
func TestEmptyLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(context.Background(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(context.Background(), func(tx keyvalue.Tx) error { return tx.Put("things", "a", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "00099.mem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(context.Background(), Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.View(context.Background(), func(r keyvalue.Reader) error {
		_, err := r.Get("things", "a")
		return err
	}); err != nil {
		t.Error(err)
	}
}

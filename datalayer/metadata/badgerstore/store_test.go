package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/metadatatest"
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

// wantError fails the test unless err is a *datalayer.Error with that code.
func wantError(t *testing.T, err error, code string) *datalayer.Error {
	t.Helper()
	var e *datalayer.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %#v, want %s", err, code)
	}
	return e
}

func TestContract(t *testing.T) {
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

func TestInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openDir(t, dir)
	_, err := Open(context.Background(), Config{Dir: dir})
	e := wantError(t, err, "55006")
	if want := fmt.Sprintf("data directory %s is in use by process %d", dir, os.Getpid()); e.Message != want || e.Hint == "" {
		t.Errorf("message %q, hint %q, want %q and a hint", e.Message, e.Hint, want)
	}
	if _, err := s.Models(context.Background()); err != nil {
		t.Errorf("the store that was first: %v", err)
	}
}

func TestNewerLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openDir(t, dir)
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	if err := errors.Join((&tx{txn: txn}).setNumber(schemaKey, 99), txn.Commit(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), Config{Dir: dir})
	if e := wantError(t, err, "55000"); !strings.Contains(e.Detail, "layout 99") || e.Hint == "" {
		t.Errorf("detail %q, hint %q", e.Detail, e.Hint)
	}
}

func TestLayoutIsNoted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		s := openDir(t, dir)
		txn := s.db.NewTransaction(false)
		got, err := (&tx{txn: txn}).number(schemaKey)
		txn.Discard()
		if err != nil || got != len(migrations()) {
			t.Fatalf("layout %d, %v, want %d", got, err, len(migrations()))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCorruptRecord(t *testing.T) {
	t.Parallel()
	s := openDir(t, t.TempDir())
	err := s.db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(modelPrefix+"m"), []byte("{")) })
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Model(context.Background(), "m")
	if e := wantError(t, err, "XX001"); !strings.Contains(e.Message, `"m/m"`) {
		t.Errorf("message %q does not name the record", e.Message)
	}
}

func TestTooBig(t *testing.T) {
	t.Parallel()
	s := openDir(t, t.TempDir())
	err := s.Update(context.Background(), func(tx metadata.Tx) error {
		for {
			if _, err := tx.AddVersion("m", &metadata.Version{}); err != nil {
				return err
			}
		}
	})
	wantError(t, err, "54000")
	if _, err := s.Model(context.Background(), "m"); !errors.Is(err, metadata.ErrNotFound) {
		t.Errorf("afterwards: %v, want ErrNotFound", err)
	}
}

// TestNoSpace records models on a small file system until it is full, which needs the right to mount one. Without the
// look at the free space the process would be killed.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s, err := Open(context.Background(), Config{Dir: dir, MinFree: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	added := 0
	for err == nil {
		err = s.Update(context.Background(), func(tx metadata.Tx) error {
			_, err := tx.AddVersion("m", &metadata.Version{Source: strings.Repeat("x", 1<<20)})
			return err
		})
		if err == nil {
			added++
		}
	}
	if e := wantError(t, err, "53100"); e.Hint == "" || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %#v, want a hint and ENOSPC as its cause", e)
	}
	m, err := s.Model(context.Background(), "m")
	if err != nil || len(m.Versions) != added {
		t.Errorf("of %d versions there are %v, %v", added, m, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	_, err = Open(context.Background(), Config{Dir: dir})
	wantError(t, err, "53100")
}

// TestCollect has a file of the value log full of dead values, which the collector frees on its own. Badger notices
// that they are dead when it compacts tables, which it does at the latest when the store is closed.
func TestCollect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := filepath.Join(dir, "000001.vlog")
	source := strings.Repeat("x", 4<<20)
	deadline := time.Now().Add(time.Minute)
	for {
		s, err := Open(context.Background(), Config{Dir: dir, CollectEvery: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			err := s.Update(context.Background(), func(tx metadata.Tx) error {
				if err := tx.RemoveModel("m"); err != nil && !errors.Is(err, metadata.ErrNotFound) {
					return err
				}
				_, err := tx.AddVersion("m", &metadata.Version{Source: source})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err = os.Stat(first)
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the first file of the value log is still there")
		}
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	l.Debugf("a %d", 1)
	l.Infof("b %d\n", 2)
	l.Warningf("c %d\n", 3)
	l.Errorf("d %d", 4)
	got := out.String()
	for text, want := range map[string]bool{
		"a 1": false, "b 2": false,
		`level=WARN msg="metadata store: c 3"`: true, `level=ERROR msg="metadata store: d 4"`: true,
	} {
		if strings.Contains(got, text) != want {
			t.Errorf("%q in the log: %v, want %v\n%s", text, !want, want, got)
		}
	}
}

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

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

func TestTooBig(t *testing.T) {
	t.Parallel()
	s := openDir(t, t.TempDir())
	err := s.Update(context.Background(), func(tx keyvalue.Tx) error {
		for i := 0; ; i++ {
			if err := tx.Put("things", fmt.Sprint(i), []byte("1")); err != nil {
				return err
			}
		}
	})
	wantError(t, err, "54000")
	err = s.View(context.Background(), func(r keyvalue.Reader) error {
		_, err := r.Get("things", "0")
		return err
	})
	if !errors.Is(err, keyvalue.ErrNotFound) {
		t.Errorf("afterwards: %v, want ErrNotFound", err)
	}
}

// TestNoSpace records on a small file system until it is full, which needs the right to mount one. Without the
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
		err = s.Update(context.Background(), func(tx keyvalue.Tx) error {
			return tx.Put("things", fmt.Sprint(added), []byte(strings.Repeat("1", 1<<20)))
		})
		if err == nil {
			added++
		}
	}
	if e := wantError(t, err, "53100"); e.Hint == "" || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %#v, want a hint and ENOSPC as its cause", e)
	}
	there := 0
	err = s.View(context.Background(), func(r keyvalue.Reader) error {
		return r.Scan("things", "", "", 0, func(string, []byte) error { there++; return nil })
	})
	if err != nil || there != added || added == 0 {
		t.Errorf("of %d records there are %d, %v", added, there, err)
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
	value := []byte(strings.Repeat("1", 4<<20))
	deadline := time.Now().Add(time.Minute)
	for {
		s, err := Open(context.Background(), Config{Dir: dir, CollectEvery: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			err := s.Update(context.Background(), func(tx keyvalue.Tx) error { return tx.Put("things", "a", value) })
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

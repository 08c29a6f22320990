package home_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
)

// TestFetched downloads PostgreSQL; the second start uses what the first one fetched.
func TestFetched(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads 15 MB")
	}
	t.Parallel()
	dir := dataDir(t)
	for range 2 {
		lock, err := home.LockDirectory(dir)
		if err != nil {
			t.Fatal(err)
		}
		c := config(lock, logger(t))
		c.Fetch = home.FetchAlways
		began := time.Now()
		local, err := home.StartLocal(within(t, 2*startTime), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("started in %v", time.Since(began))
		if !strings.Contains(local.Describe(), "PostgreSQL 18.") {
			t.Errorf("got %s, want version 18", local.Describe())
		}
		conn := client(t, local, dir)
		for sql, want := range map[string]string{
			"SELECT upper('ä') || (SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,B,ä,a,Z}'::text[]) x)":     "ÄBZabä",
			"SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = current_database()": "b C.UTF-8",
			"SELECT name FROM pg_available_extensions WHERE name = 'postgres_fdw'":                                "postgres_fdw",
		} {
			if got := query(t, conn, sql); got != want {
				t.Errorf("%s: got %q, want %q", sql, got, want)
			}
		}
		stop(t, local, lock)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres", "fetch-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRepositoryThatIsNone(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	lock, err := home.LockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	c := config(lock, logger(t))
	c.Fetch, c.Repository = home.FetchAlways, "http://127.0.0.1:1"
	_, err = home.StartLocal(within(t, time.Minute), c)
	var e *home.Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, "cannot be fetched") || e.Hint == "" {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres", "*-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNoPrograms(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	lock, err := home.LockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	c := config(lock, logger(t))
	for _, c.BinDir = range []string{"/nonexistent", "/usr/bin"} {
		_, err = home.StartLocal(within(t, time.Minute), c)
		var e *home.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, "no PostgreSQL was found") || !strings.Contains(e.Detail, strings.TrimPrefix(c.BinDir, "/")) {
			t.Errorf("%s: got %v (%+v)", c.BinDir, err, e)
		}
	}
}

package databackends

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestProxyKilled kills the proxy, in whose process these databackends run, in the middle of transactions that have written:
// when it is back, what was committed is there and nothing else.
func TestProxyKilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, uri string
		// make makes the table with one row; nil where the proxy does.
		make func(t *testing.T, dir string)
	}{
		{"sqlite", "sqlite://%s/small.db", func(t *testing.T, dir string) {
			other(t, filepath.Join(dir, "small.db"), "CREATE TABLE small (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, s TEXT) STRICT; INSERT INTO small VALUES (1, 1, 'a')")
		}},
		{"duckdb", "duckdb://%s/small.duckdb?mode=rwc", nil},
		{"polars", "polars://%s", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "small.csv"), []byte("id,n,s\n1,1,a\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, home := filepath.Join(place, "killed-"+c.name), "killed-"+c.name+"-proxy"
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if c.make != nil {
				c.make(t, dir)
			}
			uri := fmt.Sprintf(c.uri, dir)
			p := startProxy(t, home, uri)
			conn := connect(t, p)
			if c.make == nil {
				if _, err := conn.Exec(t.Context(), "CREATE TABLE small (id bigint PRIMARY KEY, n bigint NOT NULL, s text)"); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Exec(t.Context(), "INSERT INTO small VALUES (1, 1, 'a')"); err != nil {
					t.Fatal(err)
				}
			}
			for round := range 2 {
				kept := fmt.Sprintf("INSERT INTO small SELECT i, 1, 'kept' FROM generate_series(%d, %[1]d + 99) AS i", 1000*(round+1))
				if _, err := conn.Exec(t.Context(), kept); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Exec(t.Context(), "BEGIN; INSERT INTO small SELECT i, 1, 'lost' FROM generate_series(5000, 5999) AS i; UPDATE small SET n = 2 WHERE id = 1"); err != nil {
					t.Fatal(err)
				}
				if err := p.Kill(); err != nil {
					t.Fatal(err)
				}
				p = startProxy(t, home, uri)
				conn = connect(t, p)
				want(t, conn, "SELECT count(*) FROM small", int64(1+100*(round+1)))
				want(t, conn, "SELECT count(*) FROM small WHERE n = 1 AND s IN ('a', 'kept')", int64(1+100*(round+1)))
			}
		})
	}
}

package differential

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

var tpc = flag.String("tpc", "", "directory that tpc.py has filled; without it the test is skipped")

// TestTPC runs statements of TPC-H and TPC-DS with calls in place of columns.
func TestTPC(t *testing.T) {
	if *tpc == "" {
		t.Skip("no -tpc: tests/suites/tpc.sh makes the data and runs this test")
	}
	eachTarget(t, tpcModels, func(t *testing.T, o Options) {
		for _, suite := range tpcSuites {
			script, tables, columns, err := tpcSchema(*tpc, suite)
			if err != nil {
				t.Fatal(err)
			}
			texts, err := readTPC(*tpc, suite, columns)
			if err != nil {
				t.Fatal(err)
			}
			for _, url := range []string{o.Oracle, o.Proxy} {
				if err := loadTPC(t.Context(), url, suite, script, tables); err != nil {
					t.Fatal(err)
				}
			}
			o.check(t, path.Base(t.Name())+", "+suite, func() (*report, error) { return RunTPC(t.Context(), o, suite, texts) })
		}
	})
}

// loadTPC makes a suite's tables in a schema of its name and fills them.
func loadTPC(ctx context.Context, url, suite, script string, tables []string) error {
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := conn.Exec(ctx, fmt.Sprintf("CREATE SCHEMA %s; SET search_path = %s; %s", suite, suite, script)).Close(); err != nil {
		return err
	}
	for _, table := range tables {
		f, err := os.Open(filepath.Join(*tpc, suite, table+".csv"))
		if err != nil {
			return err
		}
		_, err = conn.CopyFrom(ctx, f, "COPY "+table+" FROM STDIN (FORMAT csv)")
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	return conn.Exec(ctx, "ANALYZE").Close()
}

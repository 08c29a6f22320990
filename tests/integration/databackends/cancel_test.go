package databackends

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// TestCancelled cancels statements that would run for hours on databackends in the proxy's process: they are gone from there. The
// servers' tests do the same with theirs, ClickHouse's package with one that can kill statements.
func TestCancelled(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(place, "cancelled.db")
		other(t, file, "PRAGMA journal_mode = wal; CREATE TABLE big (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT; WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200000) INSERT INTO big SELECT i, i FROM c")
		p := startProxy(t, "cancelled-sqlite", "sqlite://"+file)
		cancelLong(t, p, func() error { return readers(t.Context(), file) })
	})
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		p := startProxy(t, "cancelled-duckdb", "duckdb://"+filepath.Join(place, "cancelled.duckdb")+"?mode=rwc")
		conn := connect(t, p)
		for _, statement := range []string{"CREATE TABLE big (id int PRIMARY KEY, n int NOT NULL)", "INSERT INTO big SELECT i, i FROM generate_series(1, 200000) i"} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		cancelLong(t, p, nil)
	})
}

// cancelLong cancels a statement that goes down whole, once the proxy's process has computed for a while. Afterwards the process
// rests, and gone, where it is not nil, finds nothing more.
func cancelLong(t *testing.T, p *lab.Proxy, gone func() error) {
	t.Helper()
	const text = "SELECT count(*) FROM big a JOIN big b ON a.n < b.n JOIN big c ON b.n < c.n"
	conn := connect(t, p)
	if plan := explained(t, conn, text); strings.Count(plan, "Foreign Scan") != 1 || strings.Contains(plan, "Finished by") {
		t.Fatalf("the statement does not go down whole:\n%s", plan)
	}
	done := make(chan error, 1)
	before := computed(t, p.Process())
	go func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), text)
		done <- err
	}()
	until(t, "the statement runs", func() error {
		if gone != nil && gone() == nil {
			return errors.New("nothing is read")
		}
		if now := computed(t, p.Process()); now < before+50 {
			return fmt.Errorf("the proxy has computed for %d ticks", now-before)
		}
		return nil
	})
	if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; state(err) != "57014" {
		t.Errorf("%v, want 57014", err)
	}
	if gone != nil {
		until(t, "the statement has ended", gone)
	}
	last := computed(t, p.Process())
	until(t, "the proxy rests", func() error {
		now := computed(t, p.Process())
		defer func() { last = now }()
		if now-last > 1 {
			return fmt.Errorf("it has computed for %d ticks more", now-last)
		}
		return nil
	})
	want(t, conn, "SELECT count(*) FROM big", 200000)
}

// explained is a statement's plan.
func explained(t *testing.T, conn *pgx.Conn, text string) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "EXPLAIN (VERBOSE) "+text)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// computed is how long a process has computed, in ticks of a hundredth of a second (proc(5), stat).
func computed(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("the system does not tell how long a process has computed: %v", err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	total := int64(0)
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

// readers is an error as long as somebody reads an older state of a SQLite file: the log can be emptied only when nobody does
// (https://sqlite.org/pragma.html#pragma_wal_checkpoint). It writes, so that there is something in the log.
func readers(ctx context.Context, file string) (err error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "UPDATE big SET n = -n WHERE id = 1"); err != nil {
		return err
	}
	var busy, pages, done int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("the file is read")
	}
	return nil
}

package crash

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// envBackfill is how many rows TestBackfill has.
const envBackfill = "PINNACLE_TEST_BACKFILL_ROWS"

// backfillBytes is how much memory of its own the proxy may have (RLIMIT_DATA) while it backfills, whatever the number of rows.
const backfillBytes = 1 << 30

// TestBackfill makes the outputs of a table's rows with a limit on the proxy's memory, and kills it in the middle: the next
// proxy goes on where it was.
func TestBackfill(t *testing.T) {
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("no prlimit, which sets limits of processes (util-linux)")
	}
	ctx, rows := t.Context(), number(t, envBackfill, 50_000)
	s := &site{world: all, dir: filepath.Join(all.dir, "backfill"), database: "backfill", store: "databackend"}
	if err := all.postgres.Load(ctx, "postgres", "CREATE DATABASE backfill"); err != nil {
		t.Fatal(err)
	}
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	err := all.postgres.Load(ctx, "backfill", "CREATE TABLE many (id bigint PRIMARY KEY, word text)",
		fmt.Sprintf("INSERT INTO many SELECT i, 'word ' || i FROM generate_series(1, %d) AS i", rows), "VACUUM ANALYZE many")
	if err != nil {
		t.Fatal(err)
	}
	start := func() {
		t.Helper()
		if err := s.start(ctx); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(ctx, "prlimit", "--pid", strconv.Itoa(s.proxy.Process()), "--data="+strconv.Itoa(backfillBytes)).CombinedOutput()
		if err != nil {
			t.Fatalf("prlimit: %v\n%s", err, out)
		}
	}
	start()
	for _, sql := range []string{model("MODEL first", "text", "w[:6]"), "CREATE LISTENER many_first ON many PREDICT first (word) WITH (capture = 'triggers')"} {
		if _, err := s.query(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	at := s.backfilled(t, rows/2)
	most := peak(t, s.proxy.Process())
	if err := s.proxy.Kill(); err != nil {
		t.Fatal(err)
	}
	start()
	s.backfilled(t, rows)
	took := time.Since(began)
	most = max(most, peak(t, s.proxy.Process()))
	if err := s.settle(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := s.query(ctx, "SELECT count(*), count(*) FILTER (WHERE output = left(word, 6)), (SELECT rows_written FROM pinnacle.listeners) FROM many LEFT JOIN many_first USING (id)")
	if want := fmt.Sprintf("%[1]d|%[1]d|%[1]d", rows); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("rows, right outputs, outputs written: %v, not %s; %v", got, want, err)
	}
	t.Logf("%d rows in %s, with a kill -9 at row %d; the proxy had %d MiB at most", rows, took.Round(time.Second), at, most>>20)
}

// backfilled waits until the listener has done so many rows, as long as it gets on, and gives how many it has.
func (s *site) backfilled(t *testing.T, rows int) int {
	t.Helper()
	last, since := -1, time.Now()
	for {
		got, err := s.query(t.Context(), "SELECT rows_done FROM pinnacle.listeners")
		if err == nil && len(got) == 1 {
			n, err := strconv.Atoi(got[0])
			if err != nil {
				t.Fatal(err)
			}
			if n >= rows {
				return n
			}
			if n != last {
				last, since = n, time.Now()
			}
		}
		if time.Since(since) > patience || s.proxy.Ended() {
			t.Fatalf("the backfill does not get on from row %d: %v\n%s", last, err, s.proxy.Tail(20))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// peak is the most memory that a process has had, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("the system does not tell the most memory of a process")
	return 0
}

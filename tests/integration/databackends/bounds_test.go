package databackends

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver that another program would write the file with

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// bigQuery asks for big while another statement of the transaction comes: the rest waits in a file.
const bigQuery = "BEGIN; DECLARE c CURSOR FOR SELECT * FROM big; FETCH 1 FROM c; SELECT count(*) FROM small"

// spoolIsFull reads two results at once, of which the first does not fit where it is to wait: once for the setting that
// bounds it, once for the disk. The statement fails and says why, and the session goes on.
func (b *bed) spoolIsFull(t *testing.T) {
	all := b.rows(t)
	limited := startProxy(t, b.name+"-limited", b.uri(b.server.Port), "--foreign-memory", "64KiB", "--foreign-spool-bytes", "1MiB")
	conn := connect(t, limited)
	fails(t, conn, bigQuery, "53400")
	fails(t, conn, "SELECT 1 FROM small", "25P02")
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	want(t, conn, "SELECT count(*) FROM small", all)

	// The files of results lie in the data directory.
	conn = connect(t, b.proxy)
	spools := b.proxy.Data("spool")
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", spools).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", spools).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	fails(t, conn, bigQuery, "53100")
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	want(t, conn, "SELECT count(*) FROM small", all)
	// The space is free again.
	if _, err := conn.Exec(t.Context(), "BEGIN; DECLARE c CURSOR FOR SELECT id FROM big; FETCH 1 FROM c; SELECT count(*) FROM small; COMMIT"); err != nil {
		t.Error(err)
	}
}

// manyRows is how many rows TestLongResult reads; they have about 100 bytes each.
const manyRows = 1_500_000

// TestLongResult reads a result that is many times larger than what the proxy may take for it.
func TestLongResult(t *testing.T) {
	t.Parallel()
	file := filepath.Join(place, "long.db")
	other(t, file, fmt.Sprintf(`CREATE TABLE long (id INTEGER PRIMARY KEY, s TEXT NOT NULL) STRICT;
		WITH RECURSIVE counted (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < %d) INSERT INTO long SELECT i, printf('%%0100d', i) FROM counted`, manyRows))
	p := startProxy(t, t.Name(), "sqlite://"+file)
	conn := connect(t, p)
	want(t, conn, "SELECT count(*) FROM long", manyRows)
	const limit = 100 << 20
	before := peak(t, p.Process())
	var lines counter
	if _, err := conn.PgConn().CopyTo(t.Context(), &lines, "COPY (SELECT * FROM long) TO STDOUT"); err != nil || lines.lines != manyRows {
		t.Errorf("%d lines of %d, %v", lines.lines, manyRows, err)
	}
	rows, err := conn.Query(t.Context(), "SELECT * FROM long")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if rows.Err() != nil || n != manyRows {
		t.Errorf("%d rows of %d, %v", n, manyRows, rows.Err())
	}
	if grown := peak(t, p.Process()) - before; grown > limit {
		t.Errorf("the proxy's memory has grown by %d MiB for a result of %d MiB", grown>>20, manyRows*110>>20)
	}
}

// counter counts lines.
type counter struct{ lines int }

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	c.lines += strings.Count(string(p), "\n")
	return len(p), nil
}

var _ io.Writer = (*counter)(nil)

// peak is the most memory that a process has had, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("the system does not tell the memory of a process: %v", err)
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
	t.Skip("the system does not tell the most memory of a process")
	return 0
}

// other runs statements on a SQLite file past the proxy.
func other(t *testing.T, file, script string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(script); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// clients is how many there are at once.
const clients = 64

// TestManyClients has 64 clients at once before databackends that let one write at a time.
func TestManyClients(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(place, "clients.db")
		other(t, file, "CREATE TABLE small (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, s TEXT) STRICT")
		manyClients(t, startProxy(t, "clients-sqlite", "sqlite://"+file), true)
	})
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		p := startProxy(t, "clients-duckdb", "duckdb://"+filepath.Join(place, "clients.duckdb")+"?mode=rwc")
		if _, err := connect(t, p).Exec(t.Context(), "CREATE TABLE small (id bigint PRIMARY KEY, n bigint NOT NULL, s text)"); err != nil {
			t.Fatal(err)
		}
		manyClients(t, p, true)
	})
}

// manyClients has 64 clients at once that each write rows of their own and read them, in transactions that are tried again
// where the databackend says that another was in the way.
func manyClients(t *testing.T, p *lab.Proxy, transactions bool) {
	rounds := 3
	if !transactions { // ClickHouse's engine runs one statement at a time here, and takes its time
		rounds = 1
	}
	url, err := p.URL()
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(t.Context()), 2*patience)
	defer end()
	failed := make([]error, clients)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() { failed[c] = oneClient(ctx, url, c, rounds, transactions) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, p)
	want(t, conn, "SELECT count(*) FROM small WHERE id >= 10000", int64(2*clients*rounds))
	if transactions {
		want(t, conn, "SELECT count(*) FROM small WHERE id >= 10000 AND s = 'changed'", int64(clients*rounds))
	}
}

// oneClient is one of them; it writes and reads as often as rounds says.
func oneClient(ctx context.Context, url string, c, rounds int, transactions bool) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // it has done its work
	for round := range rounds {
		id := 10000 + 100*c + 2*round
		insert := fmt.Sprintf("INSERT INTO small VALUES (%d, %d, 'new'), (%d, %d, 'new')", id, c, id+1, c)
		if transactions {
			err = again(ctx, conn, insert, fmt.Sprintf("UPDATE small SET s = 'changed' WHERE id = %d", id))
		} else {
			err = again(ctx, conn, insert)
		}
		if err != nil {
			return fmt.Errorf("client %d: %w", c, err)
		}
		n, err := number(ctx, conn, fmt.Sprintf("SELECT count(*) FROM small WHERE n = %d AND id >= 10000", c))
		if err != nil || n != int64(2*round+2) {
			return fmt.Errorf("client %d sees %d rows of its own in round %d: %w", c, n, round, err)
		}
	}
	return nil
}

// again runs a transaction until no other is in its way.
func again(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for {
		_, err := conn.Exec(ctx, "BEGIN; "+strings.Join(statements, "; ")+"; COMMIT")
		switch state(err) {
		case "40001", "40P01", "55P03":
			if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
				return err
			}
			continue
		}
		return err
	}
}

// cancelled cancels a statement that would run for hours: it is gone from the server's list of statements.
func (b *bed) cancelled(t *testing.T) {
	all := b.rows(t)
	running := func() (n int, err error) {
		db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/common", b.server.Port))
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		return n, db.QueryRowContext(t.Context(), "SELECT count(*) FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Sleep' AND ID <> CONNECTION_ID() AND INFO LIKE '%big%'").Scan(&n)
	}
	for _, text := range []string{"SELECT count(*) FROM big a JOIN big b ON a.s = b.s", "SELECT a.id, b.id FROM big a JOIN big b ON a.s = b.s"} {
		conn := connect(t, b.proxy)
		done := make(chan error, 1)
		go func() {
			_, err := conn.Exec(context.WithoutCancel(t.Context()), text)
			done <- err
		}()
		until(t, "the server runs the statement", func() error {
			if n, err := running(); err != nil || n == 0 {
				return fmt.Errorf("%d run: %w", n, err)
			}
			return nil
		})
		if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; state(err) != "57014" {
			t.Errorf("%s: %v, want 57014", text, err)
		}
		until(t, "the server has ended the statement", func() error {
			if n, err := running(); err != nil || n != 0 {
				return fmt.Errorf("%d run: %w", n, err)
			}
			return nil
		})
		want(t, conn, "SELECT count(*) FROM small", all)
	}
}

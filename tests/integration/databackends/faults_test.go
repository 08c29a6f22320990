package databackends

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// fault is a way in which the server is lost, and how it comes back.
type fault struct {
	name       string
	lose, mend func(t *testing.T, b *bed)
}

// faults are the crash of the server and the cut of the network.
func faults() []fault {
	return []fault{
		{"killed", func(t *testing.T, b *bed) {
			if err := b.server.Kill(); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, b *bed) {
			if err := b.server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		{"cut", func(_ *testing.T, b *bed) { b.relay.Cut() }, func(_ *testing.T, b *bed) { b.relay.Mend() }},
	}
}

// faults loses the server in the middle of a scan, of a transaction that writes and of a commit: each is an error of
// class 08, the client's session lives on and says so at once, nothing is half-written, and statements work as soon as the
// server is back.
func (b *bed) faults(t *testing.T) {
	for _, f := range faults() {
		t.Run("scan "+f.name, func(t *testing.T) { b.inScan(t, f) })
		t.Run("idle "+f.name, func(t *testing.T) { b.whileIdle(t, f) })
		t.Run("write "+f.name, func(t *testing.T) { b.inWrite(t, f) })
		t.Run("statement "+f.name, func(t *testing.T) { b.inStatement(t, f) })
		t.Run("commit "+f.name, func(t *testing.T) { b.inCommit(t, f) })
	}
}

// lost demands an error of class 08, and that the session lives.
func lost(t *testing.T, conn *pgx.Conn, what string, err error) {
	t.Helper()
	if code := state(err); !strings.HasPrefix(code, "08") {
		t.Errorf("%s: %v, want class 08", what, err)
	}
	if conn.IsClosed() {
		t.Fatalf("%s: the session is gone", what)
	}
}

// back waits until the table can be read again on a session that had an error, and is as it was.
func (b *bed) back(t *testing.T, conn *pgx.Conn, rows int64) {
	t.Helper()
	until(t, "the server is back", func() error {
		n, err := number(t.Context(), conn, "SELECT count(*) FROM small")
		if err == nil && n != rows {
			t.Errorf("small has %d rows, not %d", n, rows)
		}
		return err
	})
	if n := b.rows(t); n != rows {
		t.Errorf("small has %d rows at the server, not %d", n, rows)
	}
	want(t, conn, fmt.Sprintf("SELECT count(*) FROM big WHERE id <= %d", b.big.rows/2), int64(b.big.rows/2))
}

// inScan loses the server while a client reads.
func (b *bed) inScan(t *testing.T, f fault) {
	conn := connect(t, b.proxy)
	rows, err := conn.Query(t.Context(), "SELECT id, n, s FROM big")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	f.lose(t, b)
	read := 1
	for rows.Next() {
		read++
	}
	if rows.Err() == nil && read < b.big.rows {
		t.Errorf("the scan ended with %d rows and no error", read)
	}
	if rows.Err() != nil {
		lost(t, conn, "the scan", rows.Err())
	}
	_, err = conn.Exec(t.Context(), "SELECT n FROM small WHERE id = 1")
	lost(t, conn, "a statement while the server is away", err)
	want(t, conn, "SELECT 1", 1)
	f.mend(t, b)
	b.back(t, conn, smallRows)
}

// whileIdle loses the server while nothing runs: who comes after it is back notices nothing.
func (b *bed) whileIdle(t *testing.T, f fault) {
	conn := connect(t, b.proxy)
	for range 3 {
		want(t, conn, "SELECT count(*) FROM small", smallRows)
	}
	f.lose(t, b)
	f.mend(t, b)
	if b.name == "mongodb" { // its driver looks by itself whether the server is back
		b.back(t, conn, smallRows)
	}
	want(t, conn, "SELECT count(*) FROM small", smallRows)
	want(t, conn, "SELECT n FROM small WHERE id = 7", 7)
}

// inWrite loses the server within a transaction that has written.
func (b *bed) inWrite(t *testing.T, f fault) {
	conn := connect(t, b.proxy)
	ctx := t.Context()
	if _, err := conn.Exec(ctx, "BEGIN; INSERT INTO small SELECT i, i, 'w' FROM generate_series(1001, 1500) AS i"); err != nil {
		t.Fatal(err)
	}
	f.lose(t, b)
	_, err := conn.Exec(ctx, "UPDATE small SET n = 0 WHERE id = 1")
	if b.transactions {
		lost(t, conn, "a change", err)
	} else if state(err) == "" {
		t.Errorf("a change: %v", err)
	}
	if tag, err := conn.Exec(ctx, "COMMIT"); err != nil || tag.String() != "ROLLBACK" {
		t.Errorf("the commit of what has failed: %v, %v", tag, err)
	}
	f.mend(t, b)
	b.back(t, conn, smallRows)
	want(t, conn, "SELECT n FROM small WHERE id = 1", 1)
}

// inStatement loses the server within one statement that writes many rows.
func (b *bed) inStatement(t *testing.T, f fault) {
	conn := connect(t, b.proxy)
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), "INSERT INTO small SELECT i, i, repeat('w', 100) FROM generate_series(1001, 1000000) AS i")
		done <- err
	}()
	watcher := connect(t, b.proxy)
	until(t, "the INSERT runs", func() error {
		n, err := number(t.Context(), watcher, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO %small%' AND state = 'active' AND pid <> pg_backend_pid()")
		if err == nil && n == 0 {
			err = fmt.Errorf("it is not seen")
		}
		return err
	})
	f.lose(t, b)
	select {
	case err := <-done:
		lost(t, conn, "the INSERT", err)
	case <-time.After(patience):
		t.Fatal("the INSERT does not end")
	}
	f.mend(t, b)
	b.back(t, conn, smallRows)
}

// inCommit loses the server when a transaction has written and is to be committed: the client is told, and nothing is there.
func (b *bed) inCommit(t *testing.T, f fault) {
	conn := connect(t, b.proxy)
	ctx := t.Context()
	if _, err := conn.Exec(ctx, "BEGIN; INSERT INTO small VALUES (1001, 1001, 'w'), (1002, 1002, 'w')"); err != nil {
		t.Fatal(err)
	}
	f.lose(t, b)
	_, err := conn.Exec(ctx, "COMMIT")
	lost(t, conn, "the commit", err)
	f.mend(t, b)
	b.back(t, conn, smallRows)
}

// unknownCommit cuts the network when the server has committed and its answer is on the way: the client is told that
// it cannot be known, 08007, and finds the rows.
func (b *bed) unknownCommit(t *testing.T) {
	before := b.rows(t)
	conn := connect(t, b.proxy)
	ctx := context.WithoutCancel(t.Context())
	if _, err := conn.Exec(ctx, "BEGIN; INSERT INTO small VALUES (3001, 3001, 'w'), (3002, 3002, 'w')"); err != nil {
		t.Fatal(err)
	}
	b.relay.Deafen()
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(ctx, "COMMIT")
		done <- err
	}()
	until(t, "the server has committed", func() error {
		if n := b.rows(t); n != before+2 {
			return fmt.Errorf("%d rows", n)
		}
		return nil
	})
	b.relay.Cut()
	select {
	case err := <-done:
		if code := state(err); code != "08007" {
			t.Errorf("the commit: %v, want 08007", err)
		}
	case <-time.After(patience):
		t.Fatal("the commit does not end")
	}
	b.relay.Mend()
	b.back(t, conn, before+2)
}

// silence lets nothing through the network any more: a statement can be cancelled all the same, and the session lives.
func (b *bed) silence(t *testing.T) {
	conn := connect(t, b.proxy)
	want(t, conn, "SELECT count(*) FROM small", smallRows)
	for _, statement := range []string{"SELECT count(*) FROM big WHERE n > 5", "INSERT INTO small VALUES (2001, 2001, 'w')"} {
		b.relay.Freeze()
		done := make(chan error, 1)
		go func() {
			_, err := conn.Exec(context.WithoutCancel(t.Context()), statement)
			done <- err
		}()
		watcher := connect(t, b.proxy)
		until(t, "the statement runs", func() error {
			n, err := number(t.Context(), watcher, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%"+statement[:10]+"%' AND state = 'active' AND pid <> pg_backend_pid()")
			if err == nil && n == 0 {
				err = fmt.Errorf("it is not seen")
			}
			return err
		})
		if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if code := state(err); code != "57014" && !strings.HasPrefix(code, "08") {
				t.Errorf("%s: %v, want 57014", statement, err)
			}
		case <-time.After(patience):
			t.Fatalf("%s does not end", statement)
		}
		b.relay.Cut()
		b.relay.Mend()
		b.back(t, conn, b.rows(t))
	}
}

package foreign_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// TestFewRowsAreRead asks for few rows of many, with several cursors open.
func TestFewRowsAreRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, backend.Traits{Transactions: true, Savepoints: true}, nil, foreign.Config{})
	run(t, b.data, "INSERT INTO orders SELECT i, i, i, 'x' FROM generate_series(10000, 200000) i")
	b.engine.fetched.Store(0)
	if got := answer(b.local, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM orders; FETCH 5 FROM c; COMMIT"); strings.Count(got, "\n") != 9 {
		t.Fatalf("the cursor gave %s", got)
	}
	if n := b.engine.fetched.Load(); n > 200 {
		t.Errorf("for 5 rows %d were read", n)
	}
	// One result waits in a spool while the other is read.
	b.engine.fetched.Store(0)
	want := "1\n2\nFETCH 2\n"
	got := answer(b.local, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM orders WHERE id > 0 ORDER BY id; DECLARE d CURSOR FOR SELECT id FROM items ORDER BY id; FETCH 2 FROM c; FETCH 2 FROM d; COMMIT")
	if strings.Count(got, want) != 2 {
		t.Fatalf("the cursors gave %s", got)
	}
}

// TestSpoolIsBounded has more waiting than the spool may hold.
func TestSpoolIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), nil, foreign.Config{Memory: 1 << 10, SpoolBytes: 1 << 12})
	got := answer(b.local, "BEGIN; DECLARE c CURSOR FOR SELECT * FROM orders; FETCH 2 FROM c; SELECT count(*) FROM items")
	if !strings.Contains(got, "ERROR 53400") {
		t.Fatalf("a full spool gave %s", got)
	}
	if got := answer(b.local, "ROLLBACK; SELECT count(*) FROM items"); got != "ROLLBACK\n500\nSELECT 1\n" {
		t.Fatalf("afterwards %s", got)
	}
}

// TestRowsAreChangedOnce joins so that a row is found several times.
func TestRowsAreChangedOnce(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(dialect.Statement) string{"whole": nil, "finished": noConditions} {
		b := newBench(t, all(), refuse, foreign.Config{Memory: 1 << 10})
		// Several orders name each item; to_char keeps the statement off the engine, so that it is changed by ctid.
		text := "UPDATE items i SET qty = coalesce(i.qty, 0) + 1000 FROM orders o WHERE o.n = i.qty AND to_char(o.id, '9') <> 'x' AND i.id < 60"
		b.same(t, text)
		if got, want := answer(b.data, "SELECT id, qty FROM items ORDER BY id"), answer(b.plain, "SELECT id, qty FROM items ORDER BY id"); got != want {
			t.Fatalf("%s: the engine has\n%s\nPostgreSQL\n%s", name, head(got), head(want))
		}
	}
}

// TestCancel ends a statement of a client, and with it the engine's.
func TestCancel(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), nil, foreign.Config{})
	run(t, b.data, "INSERT INTO orders SELECT i, i, i, 'x' FROM generate_series(10000, 60000) i")
	ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
	defer cancel()
	slow := connect(t, b.localURL)
	defer func() { _ = slow.Close(context.Background()) }()
	pid := slow.PgConn().PID()
	failed := make(chan error, 1)
	go func() {
		_, err := slow.PgConn().Exec(context.Background(), "SELECT count(*) FROM orders a JOIN orders b ON a.n <> b.n AND a.id <> b.n + 1").ReadAll()
		failed <- err
	}()
	<-ctx.Done()
	if got := answer(b.local, fmt.Sprintf("SELECT pg_cancel_backend(%d)", pid)); !strings.HasPrefix(got, "t") {
		t.Fatal(got)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "57014") {
		t.Fatalf("the statement gave %v", err)
	}
	eventually(t, "the engine's statement is gone", func() bool {
		return answer(b.data, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()") == "0\nSELECT 1\n"
	})
	if got := answer(slow, "SELECT count(*) FROM items"); got != "500\nSELECT 1\n" {
		t.Fatalf("afterwards %s", got)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// TestLostSession ends the engine's sessions: idle ones are replaced unseen, one in a transaction is an error that says so.
func TestLostSession(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), nil, foreign.Config{})
	const kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	run(t, b.local, "SELECT count(*) FROM items")
	run(t, b.data, kill)
	if got := answer(b.local, "SELECT count(*) FROM items"); got != "500\nSELECT 1\n" {
		t.Fatalf("after an idle session was ended: %s", got)
	}
	run(t, b.local, "BEGIN")
	run(t, b.local, "UPDATE items SET qty = 1 WHERE id = 1")
	run(t, b.data, kill)
	if got := answer(b.local, "SELECT count(*) FROM items"); !strings.HasPrefix(got, "ERROR 08006") {
		t.Fatalf("in the middle of a transaction: %s", got)
	}
	run(t, b.local, "ROLLBACK")
	if got := answer(b.local, "SELECT count(*) FROM items"); got != "500\nSELECT 1\n" {
		t.Fatalf("in the next transaction: %s", got)
	}
	run(t, b.local, "BEGIN")
	run(t, b.local, "UPDATE items SET qty = 1 WHERE id = 1")
	run(t, b.data, kill)
	if got := answer(b.local, "COMMIT"); !strings.HasPrefix(got, "ERROR 08") {
		t.Fatalf("at the commit: %s", got)
	}
	if got := answer(b.local, "SELECT count(*) FROM items"); got != "500\nSELECT 1\n" {
		t.Fatalf("after the commit: %s", got)
	}
}

// TestNoSavepoints has an engine that cannot undo a part: the transaction can only be rolled back, and shows nothing
// that was to be undone.
func TestNoSavepoints(t *testing.T) {
	t.Parallel()
	b := newBench(t, backend.Traits{Transactions: true}, nil, foreign.Config{})
	if got := answer(b.local, "BEGIN; UPDATE items SET qty = 1 WHERE id = 1; SAVEPOINT a; SELECT count(*) FROM items; ROLLBACK TO a; COMMIT"); strings.Contains(got, "ERROR") {
		t.Fatalf("nothing was changed since the savepoint, and yet %s", got)
	}
	got := answer(b.local, "BEGIN; SAVEPOINT a; UPDATE items SET qty = 50 WHERE id = 2; ROLLBACK TO a; SELECT 1; COMMIT")
	if !strings.Contains(got, "ERROR 0A000: the databackend has no savepoints") {
		t.Fatalf("the commit gave %s", got)
	}
	for _, then := range []string{"SELECT qty FROM items WHERE id = 2", "UPDATE items SET qty = 3 WHERE id = 3"} {
		got = answer(b.local, "BEGIN; SAVEPOINT a; UPDATE items SET qty = 50 WHERE id = 2; ROLLBACK TO a; "+then)
		if !strings.Contains(got, "ERROR 0A000: the databackend has no savepoints") || strings.Contains(got, "50") {
			t.Errorf("%s gave %s", then, got)
		}
		run(t, b.local, "ROLLBACK")
	}
	if got := answer(b.data, "SELECT id, qty FROM items WHERE id < 3 ORDER BY id"); got != "1|1\n2|2\nSELECT 2\n" {
		t.Fatalf("the engine has %s", got)
	}
}

// TestAnalyze gathers statistics, whole and by a sample as newer versions ask for it.
func TestAnalyze(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), nil, foreign.Config{})
	run(t, b.local, "ANALYZE items, keyless")
	if got := answer(b.local, "SELECT reltuples::int FROM pg_class WHERE relname = 'items'"); got != "500\nSELECT 1\n" {
		t.Fatalf("the table has %s", got)
	}
	for text, want := range map[string]string{
		"SELECT reltuples, relkind FROM pg_catalog.pg_class WHERE oid = 'public.items'::pg_catalog.regclass": "1000|v\nSELECT 1\n",
		"SELECT pg_catalog.pg_relation_size('public.\"items\"'::pg_catalog.regclass) / 8192":                 "21\nSELECT 1\n",
	} {
		st, err := b.server.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := direct(t, b.server, 0, st); got != want {
			t.Errorf("%s gave %s", text, got)
		}
	}
	for _, text := range []string{"SELECT id FROM public.items WHERE pg_catalog.random() < 0.5", "SELECT id FROM public.items TABLESAMPLE BERNOULLI(50)"} {
		st, err := b.server.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(direct(t, b.server, 0, st), "\n"); n < 150 || n > 350 {
			t.Errorf("%s gave %d of 500 rows", text, n)
		}
	}
}

// direct runs a statement by Server.Run.
func direct(t *testing.T, s *foreign.Server, process uint32, st *foreign.Statement, params ...[]byte) string {
	t.Helper()
	ctx := context.Background()
	rows, n, err := s.Run(ctx, process, st, params)
	if err != nil {
		return "ERROR " + err.Error()
	}
	if rows == nil {
		return fmt.Sprintf("changed %d\n", n)
	}
	var out strings.Builder
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out.Write(bytes.Join(row, []byte("|")))
		out.WriteByte('\n')
		n++
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%sSELECT %d\n", out.String(), n)
}

// TestDirect runs statements past postgres_fdw: within a transaction that it has, and without one.
func TestDirect(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), someConditions, foreign.Config{})
	compile := func(text string) *foreign.Statement {
		st, err := b.server.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	plain := compile("SELECT id, name FROM public.items WHERE ((id < $1::integer)) ORDER BY id ASC NULLS LAST")
	finished := compile("SELECT qty FROM public.items WHERE ((qty = 77))")
	if plain.Unproven != nil || !strings.Contains(plain.Program(), "ORDER BY") || finished.Unproven == nil {
		t.Fatalf("%v, %q and %v", plain.Unproven, plain.Program(), finished.Unproven)
	}
	if got := direct(t, b.server, 0, plain, []byte("3")); got != "1|name b1\n2|name c2\nSELECT 2\n" {
		t.Fatal(got)
	}
	run(t, b.local, "BEGIN")
	process := b.local.PgConn().PID()
	if b.server.InTransaction(process) {
		t.Error("a transaction that has not asked for anything is the engine's already")
	}
	run(t, b.local, "UPDATE items SET qty = 77 WHERE id = 3")
	if !b.server.InTransaction(process) {
		t.Error("the transaction is not found by its process")
	}
	if got := direct(t, b.server, process, finished); got != "77\nSELECT 1\n" {
		t.Errorf("within the transaction: %s", got)
	}
	if got := direct(t, b.server, 0, finished); got != "SELECT 0\n" {
		t.Errorf("outside: %s", got)
	}
	if got := direct(t, b.server, process, compile("UPDATE public.items SET qty = 78 WHERE ((id = 4))")); got != "changed 1\n" {
		t.Errorf("a change within: %s", got)
	}
	run(t, b.local, "ROLLBACK")
	if got := direct(t, b.server, process, finished); got != "SELECT 0\n" {
		t.Errorf("after the rollback: %s", got)
	}
	if got := direct(t, b.server, 0, compile("DELETE FROM public.items WHERE ((id = 4)) RETURNING id")); got != "4\nSELECT 1\n" {
		t.Errorf("a change that returns: %s", got)
	}
	if got := answer(b.local, "SELECT count(*) FROM items"); got != "499\nSELECT 1\n" {
		t.Errorf("afterwards %s", got)
	}
}

// TestManyClients has more transactions than engine sessions.
func TestManyClients(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), someConditions, foreign.Config{Sessions: 3})
	done := make(chan error, 16)
	for i := range cap(done) {
		c := connect(t, b.localURL)
		go func() {
			defer func() { _ = c.Close(context.Background()) }()
			for j := range 10 {
				want := fmt.Sprintf("UPDATE 1\n%d\nSELECT 1\n", j)
				if got := answer(c, fmt.Sprintf("UPDATE orders SET n = %d WHERE id = %d; SELECT n FROM orders WHERE id = %d", j, i+1, i+1)); got != want {
					done <- fmt.Errorf("client %d got %s", i, got)
					return
				}
			}
			done <- nil
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := b.engine.connected.Load(); n > 8 {
		t.Errorf("%d engine sessions were made for 3 at a time", n)
	}
}

// TestShutdown ends while a statement runs and a transaction is open: both end, and nothing is left of them.
func TestShutdown(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), nil, foreign.Config{})
	run(t, b.data, "INSERT INTO orders SELECT i, i, i, 'x' FROM generate_series(10000, 60000) i")
	open := connect(t, b.localURL)
	defer func() { _ = open.Close(context.Background()) }()
	run(t, open, "BEGIN")
	run(t, open, "UPDATE items SET qty = 99 WHERE id = 1")
	slow := make(chan string, 1)
	busy := connect(t, b.localURL)
	defer func() { _ = busy.Close(context.Background()) }()
	go func() {
		slow <- answer(busy, "SELECT count(*) FROM orders a JOIN orders b ON a.n <> b.n AND a.id <> b.n + 1")
	}()
	const active = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = "
	eventually(t, "the engine works", func() bool { return answer(b.data, active+"'active'") == "1\nSELECT 1\n" })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := b.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-slow; !strings.HasPrefix(got, "ERROR") {
		t.Errorf("the statement gave %s", got)
	}
	if got := answer(open, "COMMIT"); !strings.HasPrefix(got, "ERROR 08") {
		t.Errorf("the commit gave %s", got)
	}
	eventually(t, "the engine has no sessions", func() bool {
		return answer(b.data, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") == "0\nSELECT 1\n"
	})
	if got := answer(b.data, "SELECT qty FROM items WHERE id = 1"); got != "1\nSELECT 1\n" {
		t.Errorf("the engine has %s", got)
	}
}

// TestParametersWithValues runs prepared statements on an engine that takes no parameters of some types: it is told their values.
func TestParametersWithValues(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), func(s dialect.Statement) string {
		what := ""
		dialect.WalkStatement(s, func(e dialect.Expr) bool {
			// Keys of rows are parameters too.
			if p, ok := e.(*dialect.Param); ok && slices.Contains([]uint32{pgtype.Int4ArrayOID, pgtype.Int8OID, pgtype.NumericOID, pgtype.BoolOID}, p.Type.OID) {
				what = "a parameter"
			}
			return what == ""
		})
		return what
	}, foreign.Config{})
	const prepared = `SET plan_cache_mode = force_generic_plan; PREPARE listed(int[]) AS SELECT id, qty FROM items WHERE id = ANY ($1) ORDER BY id;
		PREPARE gone(int[]) AS DELETE FROM items WHERE id = ANY ($1) RETURNING id; PREPARE few(int) AS SELECT id FROM items ORDER BY id LIMIT $1; PREPARE typed(bool, text, numeric) AS SELECT count(*) FROM items WHERE $1 AND id > $3 AND $2 <> 'it''s \'`
	run(t, b.local, prepared)
	run(t, b.plain, prepared)
	for _, c := range []struct {
		text string
		// rows is the most that may be read.
		rows int64
	}{
		{"EXECUTE listed('{1,2,NULL,7}')", 3},
		{"EXECUTE listed('{}')", 0},
		{"EXECUTE listed(NULL)", 0},
		{"EXECUTE gone('{3,4,NULL,4000}')", 2},
		{"EXECUTE few(4)", 500},
		{"EXECUTE few(NULL)", 500},
		{`EXECUTE typed(true, '\', 490.5)`, 500},
		{"EXECUTE typed(NULL, 'x', 1)", 500},
	} {
		b.engine.fetched.Store(0)
		if got, want := answer(b.local, c.text), answer(b.plain, c.text); got != want {
			t.Errorf("%s: %s, not %s", c.text, got, want)
		}
		if n := b.engine.fetched.Load(); n > c.rows {
			t.Errorf("%s: %d rows were read, not %d", c.text, n, c.rows)
		}
	}
}

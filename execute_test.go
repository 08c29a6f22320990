package pinnacle_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
)

func TestExecuteCommands(t *testing.T) {
	t.Parallel()
	p := before(t, nil)
	for _, c := range []struct{ sql, tag string }{
		{"CREATE TABLE commands (k int4)", "CREATE TABLE"},
		{"INSERT INTO commands SELECT generate_series(1, 5)", "INSERT 0 5"},
		{strings.Replace(double, "%s", "commands", 1), "CREATE MODEL"},
		{"ALTER MODEL commands RENAME TO commanded", "ALTER MODEL"},
		{"DELETE FROM commands WHERE k = 7", "DELETE 0"},
		{"DROP MODEL commanded", "DROP MODEL"},
		{"DROP TABLE commands", "DROP TABLE"},
	} {
		rows, err := p.Execute(t.Context(), c.sql)
		if err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		// A command's session is back already, so that its Rows may be dropped.
		if got := rows.CommandTag().String(); got != c.tag {
			t.Errorf("%s: tag %q, want %q", c.sql, got, c.tag)
		}
		if rows.Next() {
			t.Errorf("%s: has a row", c.sql)
		}
	}
}

func TestExecuteWithParameters(t *testing.T) {
	t.Parallel()
	p := before(t, nil)
	do(t, p, strings.Replace(double, "%s", "twice", 1))
	if got := value[int32](t, p, "SELECT predict('twice', $1::int4) WHERE $2::text = 'yes'", 21, "yes"); got != 42 {
		t.Errorf("predict gives %d", got)
	}
	if got := value[int32](t, p, "SELECT predict('twice', @x::int4)", pgx.NamedArgs{"x": 4}); got != 8 {
		t.Errorf("with named arguments predict gives %d", got)
	}
	if got := value[[]string](t, p, "SELECT array_agg(name) FROM pinnacle.models WHERE name = $1", "twice"); len(got) != 1 {
		t.Errorf("pinnacle.models has %v", got)
	}
	if got := value[map[string]any](t, p, "SELECT jsonb_build_object('a', $1::int)", 1); got["a"] != float64(1) {
		t.Errorf("got %v", got)
	}
}

func TestExecuteErrors(t *testing.T) {
	t.Parallel()
	p := before(t, one)
	do(t, p, "CREATE MODEL picky(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return 1 // (x - 500)\n$$")
	_, err := p.Execute(t.Context(), "SELEC 1")
	wantCode(t, err, "42601")
	var raised *pgconn.PgError
	if !errors.As(err, &raised) || raised.Position != 1 {
		t.Errorf("got %+v, want PostgreSQL's own error inside", err)
	}
	_, err = p.Execute(t.Context(), "SELECT predict('pickey', 1)")
	if e := wantCode(t, err, "42704"); !strings.Contains(e.Hint, "picky") {
		t.Errorf("the hint is %q", e.Hint)
	}
	_, err = p.Execute(t.Context(), "SELECT 1; SELECT 2")
	wantCode(t, err, "42601")
	for _, sql := range []string{"COPY t FROM STDIN", "/* a file */ copy t (k) from StdIn WITH (FORMAT csv)", "COPY pinnacle.artifacts FROM STDIN"} {
		_, err = p.Execute(t.Context(), sql)
		wantCode(t, err, "0A000")
	}
	if got := value[string](t, p, "SELECT 'COPY t FROM STDIN'"); got != "COPY t FROM STDIN" {
		t.Errorf("got %q", got)
	}
	_, err = p.Execute(t.Context(), "SELECT $1::int4")
	if err == nil {
		t.Error("a missing argument is no error")
	}
	// 1,000 is more than the first batch, so rows come before the error.
	rows, err := p.Execute(t.Context(), "SELECT predict('picky', 100000 - x) FROM generate_series(1, 99999) x")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	e := wantCode(t, rows.Err(), "38000")
	if n == 0 || !strings.HasPrefix(e.Message, `model "picky" version 1 failed: `) || strings.Count(e.Message, "picky") != 1 || !strings.Contains(e.Detail, "x = 500") {
		t.Errorf("after %d rows: %s (%s)", n, e.Message, e.Detail)
	}
	if got := value[int32](t, p, "SELECT 1"); got != 1 {
		t.Errorf("the one session gives %d after errors", got)
	}
}

func TestExecuteGivesCleanSessions(t *testing.T) {
	t.Parallel()
	p := before(t, one)
	pid := value[int32](t, p, "SELECT pg_backend_pid()")
	do(t, p, "SET search_path TO nowhere", "CREATE TEMP TABLE passing (k int4)", "LISTEN news")
	_, err := p.Execute(t.Context(), "SELECT * FROM passing")
	wantCode(t, err, "42P01")
	if path := value[string](t, p, "SHOW search_path"); path == "nowhere" {
		t.Error("a setting went over to the next Execute")
	}
	if again := value[int32](t, p, "SELECT pg_backend_pid()"); again != pid {
		t.Errorf("the session is another one: %d, was %d", again, pid)
	}
}

func TestTransactionsNeedASession(t *testing.T) {
	t.Parallel()
	p := before(t, one)
	_, err := p.Execute(t.Context(), "BEGIN")
	if e := wantCode(t, err, "25001"); e.Hint == "" {
		t.Error("there is no hint")
	}
	do(t, p, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept (k int4)")
	s, err := p.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []func(pgx.Tx) error{
		func(tx pgx.Tx) error { return tx.Rollback(t.Context()) },
		func(tx pgx.Tx) error { return tx.Commit(t.Context()) },
	} {
		tx, err := s.Begin(t.Context())
		if err == nil {
			_, err = tx.Exec(t.Context(), "INSERT INTO kept VALUES (1)")
		}
		if err == nil {
			err = end(tx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	copied, err := s.CopyFrom(t.Context(), pgx.Identifier{"kept"}, []string{"k"}, pgx.CopyFromRows([][]any{{2}, {3}}))
	if err != nil || copied != 2 {
		t.Errorf("CopyFrom: %d, %v", copied, err)
	}
	s.Release()
	if n := value[int64](t, p, "SELECT count(*) FROM kept"); n != 3 {
		t.Errorf("the table has %d rows, want that of the transaction that was committed and two copied ones", n)
	}
}

func TestExecuteWaitsForASession(t *testing.T) {
	t.Parallel()
	p := before(t, one)
	rows, err := p.Execute(t.Context(), "SELECT generate_series(1, 10)")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = p.Execute(ctx, "SELECT 1")
	wantCode(t, err, "57014")
	next := make(chan error, 1)
	go func() {
		rows, err := p.Execute(context.Background(), "SELECT 1")
		if err == nil {
			rows.Close()
			err = rows.Err()
		}
		next <- err
	}()
	rows.Close()
	if err := <-next; err != nil {
		t.Errorf("after the session was given back: %v", err)
	}
}

func TestExecuteIsCancelled(t *testing.T) {
	t.Parallel()
	p := before(t, one)
	do(t, p, "CREATE MODEL slow(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    for i in range(1000000):\n        pass\n    return x\n$$")
	pid := value[int32](t, p, "SELECT pg_backend_pid()")
	for _, sql := range []string{"SELECT pg_sleep(600)", "SELECT predict('slow', x) FROM generate_series(1, 1000000) x"} {
		ctx, cancel := context.WithCancel(t.Context())
		running := time.AfterFunc(100*time.Millisecond, cancel)
		_, err := p.Execute(ctx, sql)
		running.Stop()
		wantCode(t, err, "57014")
	}
	// A long result is left early.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows, err := p.Execute(ctx, "SELECT generate_series(1, 1000000000000)")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	rows.Close()
	wantCode(t, rows.Err(), "57014")
	if again := value[int32](t, p, "SELECT pg_backend_pid()"); again != pid {
		t.Errorf("a cancel cost the session: its process was %d, is %d", pid, again)
	}
}

func TestExecuteAfterItsSessionsWereEnded(t *testing.T) {
	t.Parallel()
	p := before(t, one)
	pid := value[int32](t, p, "SELECT pg_backend_pid()")
	if !value[bool](t, embedded.Proxy, "SELECT pg_terminate_backend($1)", pid) {
		t.Fatal("the session cannot be ended")
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		rows, err := p.Execute(t.Context(), "SELECT 1")
		if err == nil {
			rows.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Execute does not come back: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestExecuteWithoutPassword(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := before(t, func(c *config.Config) { c.Databackend = databackend(none) })
	_, err := p.Execute(t.Context(), "SELECT 1")
	if e := wantCode(t, err, "28P01"); !strings.Contains(e.Hint, "passfile") {
		t.Errorf("the hint is %q", e.Hint)
	}
	if strings.Contains(err.Error(), databackend(none)) {
		t.Errorf("the error shows the URI: %v", err)
	}
}

func TestCloseFindsRowsThatAreOpen(t *testing.T) {
	t.Parallel()
	settings := config.Default()
	settings.DataDir, settings.Databackend = t.TempDir(), databackend(filepath.Join(embedded.dir, "pgpass"))
	p, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := p.Execute(t.Context(), "SELECT generate_series(1, 10)")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantCode(t, p.Close(ctx), "55006")
	rows.Close()
	if _, err := p.Execute(t.Context(), "SELECT 1"); err == nil {
		t.Error("Execute works on a closed proxy")
	}
}

func TestCloseAtOnce(t *testing.T) {
	t.Parallel()
	settings := config.Default()
	settings.DataDir, settings.Databackend = t.TempDir(), databackend(filepath.Join(embedded.dir, "pgpass"))
	p, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	value[int32](t, p, "SELECT 1")
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(now); err != nil {
		t.Errorf("Close with nothing to wait for: %v", err)
	}
}

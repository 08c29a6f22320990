package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// numbers makes a table of so many rows.
func numbers(n int) []string {
	return []string{"CREATE TABLE n (id int PRIMARY KEY, v varchar(100) NOT NULL)", fmt.Sprintf("INSERT INTO n SELECT seq, repeat('x', 100) FROM seq_1_to_%d", n)}
}

// scan is a program that reads a whole table.
func scan(t *testing.T, e backend.Engine, table *dialect.Table) backend.Program {
	t.Helper()
	return compile(t, e, &dialect.Select{Columns: all(table), From: &dialect.Relation{Table: table}})
}

// running counts the statements of the server whose text has a part.
func running(t *testing.T, db *sql.DB, part string) int {
	t.Helper()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Sleep' AND ID <> CONNECTION_ID() AND DB = DATABASE() AND INFO LIKE ?", "%"+part+"%").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// until polls until a condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 20 seconds: " + what)
		}
	}
}

// TestCancel ends statements that wait for a lock or send rows: they are gone at the server, and the session lives on.
func TestCancel(t *testing.T) {
	t.Parallel()
	db, uri := database(t, numbers(200000)...)
	e, c := open(t, uri)
	n := table(t, e, "n")
	lock, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec("UPDATE n SET v = 'locked' WHERE id = 5"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		program := compile(t, e, &dialect.Delete{Table: &dialect.Relation{Table: n}})
		go func() {
			_, err := c.Exec(ctx, program, nil)
			ended <- err
		}()
		until(t, "the statement runs", func() bool { return running(t, db, "DELETE FROM `") == 1 })
		cancel()
		var failure *backend.Error
		if err := <-ended; !errors.As(err, &failure) || failure.Code != "57014" || failure.Lost {
			t.Fatalf("canceled: %v", err)
		}
		until(t, "the statement is gone", func() bool { return running(t, db, "DELETE FROM `") == 0 })
		if got := len(texts(t, c, scan(t, e, n))); got != 200000 {
			t.Fatalf("%d rows after a cancel", got)
		}
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	// In the middle of rows, by the context and by Close.
	for _, byContext := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		rows, err := c.Query(ctx, scan(t, e, n), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rows.Next(ctx); err != nil {
			t.Fatal(err)
		}
		if byContext {
			// The server sees that it was killed when it can write again: a full socket is emptied by Close.
			cancel()
			if _, err := rows.Next(ctx); err == nil {
				t.Error("a row was given after the end of its context")
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if got := len(texts(t, c, scan(t, e, n))); got != 200000 {
			t.Fatalf("%d rows after a result that was left", got)
		}
		until(t, "nothing runs", func() bool { return running(t, db, "FROM `d") == 0 })
	}
}

// TestParked runs statements while rows are open, among them a change of the same table: the rows are those of before.
func TestParked(t *testing.T) {
	t.Parallel()
	_, uri := database(t, numbers(100000)...)
	e, c := open(t, uri)
	n := table(t, e, "n")
	if err := c.Begin(t.Context(), backend.TxMode{}); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(t.Context(), scan(t, e, n), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if gone, err := c.Exec(t.Context(), compile(t, e, &dialect.Delete{Table: &dialect.Relation{Table: n}}), nil); err != nil || gone != 100000 {
		t.Fatal(gone, err)
	}
	if got := len(rest(t, rows)); got != 99999 {
		t.Fatalf("%d rows were left", got)
	}
	if err := errors.Join(rows.Close(), c.Rollback(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := len(texts(t, c, scan(t, e, n))); got != 100000 {
		t.Fatalf("%d rows after the rollback", got)
	}
}

// TestTransactions looks at snapshots, savepoints and a deadlock.
func TestTransactions(t *testing.T) {
	t.Parallel()
	db, uri := database(t, numbers(3)...)
	e, c := open(t, uri)
	n := table(t, e, "n")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func() int { t.Helper(); return len(texts(t, c, scan(t, e, n))) }
	add := func(id string) error {
		_, err := c.Exec(t.Context(), compile(t, e, insert(n, []string{id, "x"})), nil)
		return err
	}
	do(c.Begin(t.Context(), backend.TxMode{}))
	_, err := db.Exec("INSERT INTO n VALUES (100, 'other')")
	do(err)
	if got := count(); got != 3 {
		t.Errorf("the snapshot has %d rows", got)
	}
	do(c.Savepoint(t.Context(), "s1"))
	do(add("4"))
	do(c.Savepoint(t.Context(), "s2"))
	do(add("5"))
	var failure *backend.Error
	if err := add("5"); !errors.As(err, &failure) || failure.Code != "23505" || failure.Constraint != "PRIMARY" {
		t.Error(err)
	}
	do(c.RollbackTo(t.Context(), "s2"))
	do(c.Release(t.Context(), "s1"))
	do(c.Commit(t.Context()))
	if got := count(); got != 5 {
		t.Errorf("%d rows after the commit", got)
	}
	do(c.Begin(t.Context(), backend.TxMode{ReadOnly: true}))
	if err := add("6"); !errors.As(err, &failure) || failure.Code != "25006" {
		t.Error(err)
	}
	do(c.Rollback(t.Context()))
	do(c.Rollback(t.Context()))

	// A deadlock takes back the whole transaction at the server: nothing more runs until its end is said.
	set := func(id string) (int64, error) {
		return c.Exec(t.Context(), compile(t, e, &dialect.Update{Table: &dialect.Relation{Table: n}, Set: []dialect.Assignment{{Column: n.Columns[1], Value: constant(n.Columns[1], "y")}},
			Where: []dialect.Expr{&dialect.RowKey{Columns: n.Columns[:1], Values: []dialect.Expr{constant(n.Columns[0], id)}}}}), nil)
	}
	do(c.Begin(t.Context(), backend.TxMode{}))
	_, err = set("1")
	do(err)
	other, err := db.Begin()
	do(err)
	_, err = other.Exec("UPDATE n SET v = 'heavier' WHERE id IN (2, 3, 4)")
	do(err)
	waits := make(chan error, 1)
	go func() { _, err := other.Exec("UPDATE n SET v = 'z' WHERE id = 1"); waits <- err }()
	until(t, "the other waits", func() bool { return running(t, db, "v = 'z'") == 1 })
	if _, err := set("2"); !errors.As(err, &failure) || failure.Code != "40P01" {
		t.Fatal(err)
	}
	do(<-waits)
	if err := add("7"); !errors.As(err, &failure) || failure.Code != "25P02" {
		t.Errorf("after a deadlock: %v", err)
	}
	do(c.Rollback(t.Context()))
	do(other.Rollback())
	do(add("7"))
}

// TestReturning looks at what changes give back, at keys that are taken, and at all or nothing.
func TestReturning(t *testing.T) {
	t.Parallel()
	_, uri := database(t, "CREATE TABLE r (id int AUTO_INCREMENT PRIMARY KEY, k varchar(10) UNIQUE, v int DEFAULT 7, u timestamp NULL DEFAULT current_timestamp(), twice int AS (v * 2) STORED, CHECK (v < 100))")
	e, c := open(t, uri)
	r := table(t, e, "r")
	relation := &dialect.Relation{Table: r, Alias: "x"}
	id, k, v := r.Columns[0], r.Columns[1], r.Columns[2]
	refs := func(cs ...*dialect.Column) (list []dialect.Expr) {
		for _, c := range cs {
			list = append(list, &dialect.ColumnRef{Column: c, Name: c.Name, Type: c.Type})
		}
		return list
	}
	if id.Generated != dialect.Identity || v.Default != "7" || r.Columns[3].Generated != dialect.EngineDefault || r.Columns[4].Generated != dialect.Computed {
		t.Errorf("columns %+v %+v %+v %+v", id, v, r.Columns[3], r.Columns[4])
	}
	rows := func(keys ...string) (list [][]dialect.Expr) {
		for _, key := range keys {
			list = append(list, []dialect.Expr{&dialect.Default{}, constant(k, key), &dialect.Default{}})
		}
		return list
	}
	ins := &dialect.Insert{Into: relation, Columns: r.Columns[:3], Rows: rows("a", "b"), Returning: refs(id, k, r.Columns[4])}
	if got := texts(t, c, compile(t, e, ins)); fmt.Sprint(got) != "[[1 a 14] [2 b 14]]" {
		t.Error(got)
	}
	again := &dialect.Insert{Into: relation, Columns: r.Columns[:3], Rows: rows("a", "c", "c", "B"), DoNothing: true}
	if n, err := c.Exec(t.Context(), compile(t, e, again), nil); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	again.Rows, again.Returning = rows("c", "d"), refs(k)
	if got := texts(t, c, compile(t, e, again)); fmt.Sprint(got) != "[[d]]" {
		t.Error(got)
	}
	again.Returning = nil
	again.Rows = append(rows("e", "f"), []dialect.Expr{&dialect.Default{}, constant(k, "g"), constant(v, "100")})
	var failure *backend.Error
	if _, err := c.Exec(t.Context(), compile(t, e, again), nil); !errors.As(err, &failure) || failure.Code != "23514" {
		t.Errorf("%v", err)
	}
	where := []dialect.Expr{&dialect.Operator{Name: "=", Left: refs(v)[0], Right: &dialect.Param{Number: 1, Type: v.Type}, Type: dialect.Type{OID: 16, Mod: -1}}}
	up := &dialect.Update{Table: &dialect.Relation{Table: r}, Set: []dialect.Assignment{{Column: v, Value: &dialect.Param{Number: 2, Type: v.Type}}}, Where: where, Returning: refs(k, r.Columns[4])}
	if got := texts(t, c, compile(t, e, up), []byte("7"), []byte("8")); fmt.Sprint(got) != "[[a 16] [b 16] [c 16] [d 16]]" {
		t.Error(got)
	}
	up.Returning = nil
	if n, err := c.Exec(t.Context(), compile(t, e, up), [][]byte{[]byte("8"), []byte("8")}); err != nil || n != 4 {
		t.Errorf("rows that stay the same: %d, %v", n, err)
	}
	text := func(value string) []dialect.Expr {
		text := dialect.Type{OID: 25, Mod: -1}
		return []dialect.Expr{&dialect.Operator{Name: "=", Left: &dialect.Cast{Arg: refs(k)[0], To: text}, Right: &dialect.Constant{Text: value, Type: text}, Type: dialect.Type{OID: 16, Mod: -1}}}
	}
	if n, err := c.Exec(t.Context(), compile(t, e, &dialect.Delete{Table: &dialect.Relation{Table: r}, Where: text("A")}), nil); err != nil || n != 0 {
		t.Errorf("a text of another case: %d, %v", n, err)
	}
	if got := texts(t, c, compile(t, e, &dialect.Delete{Table: relation, Where: text("a"), Returning: refs(k, id)})); fmt.Sprint(got) != "[[a 1]]" {
		t.Error(got)
	}
	if _, err := c.Exec(t.Context(), compile(t, e, &dialect.Truncate{Tables: []*dialect.Table{r}}), nil); err != nil {
		t.Error(err)
	}
	if got := texts(t, c, scan(t, e, r)); len(got) != 0 {
		t.Error(got)
	}
}

// TestLost ends a session at the server: the next statement says so, and the next session works.
func TestLost(t *testing.T) {
	t.Parallel()
	db, uri := database(t, numbers(10)...)
	e, c := open(t, uri)
	n := table(t, e, "n")
	name := strings.TrimPrefix(uri[strings.LastIndex(uri, "/"):], "/")
	found, err := db.Query("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()", name)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for found.Next() {
		var id string
		if err := found.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := db.Exec("KILL CONNECTION " + id); err != nil && !strings.Contains(err.Error(), "1094") {
			t.Fatal(err)
		}
	}
	_, err = c.Query(t.Context(), scan(t, e, n), nil)
	var failure *backend.Error
	if !errors.As(err, &failure) || !failure.Lost {
		t.Fatalf("a session that was ended: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	next, err := e.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	if got := len(texts(t, next, scan(t, e, n))); got != 10 {
		t.Errorf("%d rows", got)
	}
	if rows, err := next.Estimate(t.Context(), compile(t, e, &dialect.Select{Columns: all(n), From: &dialect.Relation{Table: n},
		Where: []dialect.Expr{&dialect.RowKey{Columns: n.Columns[:1], Values: []dialect.Expr{constant(n.Columns[0], "3")}}}})); err != nil || rows != 1 {
		t.Errorf("one row is guessed to be %v, %v", rows, err)
	}
}

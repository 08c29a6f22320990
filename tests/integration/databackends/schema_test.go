package databackends

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemaChanged has another client change the tables at the server, between the statements of a session and within one: a
// statement that needs what is gone fails with an SQLSTATE that says so, others go on, and SELECT pinnacle.refresh() shows
// what is there now.
func (b *bed) schemaChanged(t *testing.T) {
	if b.alter == nil {
		t.Skip("collections have no columns; documents that no longer fit are tested with MongoDB's package")
	}
	all := b.rows(t)
	conn := connect(t, b.proxy)
	// From its second run on a text may go to the server without being planned again.
	for range 3 {
		want(t, conn, "SELECT n FROM small WHERE id = 5", 5)
		want(t, conn, "SELECT count(s) FROM small", all)
	}
	b.tell(t, "ALTER TABLE small DROP COLUMN s")
	fails(t, conn, "SELECT count(s) FROM small", "42703")
	fails(t, conn, "SELECT * FROM small", "42703")
	fails(t, conn, "UPDATE small SET s = 'x' WHERE id = 1", "42703", "0A000")
	want(t, conn, "SELECT n FROM small WHERE id = 5", 5)
	want(t, conn, "SELECT count(*) FROM small", all)
	b.refresh(t, conn)
	fails(t, conn, "SELECT count(s) FROM small", "42703")
	want(t, conn, "SELECT count(*) FROM (SELECT * FROM small) AS x", all)

	b.tell(t, "ALTER TABLE small ADD COLUMN more INT DEFAULT 3")
	want(t, conn, "SELECT count(*) FROM (SELECT * FROM small) AS x", all)
	b.refresh(t, conn)
	want(t, conn, "SELECT sum(more) FROM small", 3*all)

	b.tell(t, "ALTER TABLE small MODIFY COLUMN n VARCHAR(300)")
	b.tell(t, b.spoil)
	until(t, "a text where a number was is an error", func() error {
		_, err := number(t.Context(), conn, "SELECT n FROM small WHERE id = 9")
		if code := state(err); code == "" || code == "XX000" {
			return fmt.Errorf("%w, %s", err, code)
		}
		return nil
	})
	b.refresh(t, conn)
	want(t, conn, "SELECT count(*) FROM small WHERE n = 'nine'", 1)

	b.withinScan(t, conn)

	b.tell(t, "DROP TABLE small")
	fails(t, conn, "SELECT count(*) FROM small", "42P01")
	b.refresh(t, conn)
	fails(t, conn, "SELECT count(*) FROM small", "42P01")
	want(t, conn, "SELECT count(*) FROM pg_class WHERE relname = 'small'", 0)
}

// withinScan drops a column of big while a client reads it: the rows that were asked for come, or an error.
func (b *bed) withinScan(t *testing.T, conn *pgx.Conn) {
	ctx, end := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer end()
	rows, err := conn.Query(ctx, "SELECT id, s FROM big")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	altered := make(chan error, 1)
	go func() { altered <- b.alter(ctx, b.server.Port, "ALTER TABLE big DROP COLUMN s") }()
	read := 1
	for rows.Next() {
		read++
	}
	if err := rows.Err(); err != nil && (state(err) == "" || state(err) == "XX000") || err == nil && read != b.big.rows {
		t.Errorf("%d rows, %v", read, err)
	}
	select {
	case err := <-altered:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the server's ALTER TABLE waits for a scan that has ended")
	}
	fails(t, conn, "SELECT count(*) FROM big WHERE s = 'x'", "42703")
	want(t, conn, "SELECT count(*) FROM big", int64(b.big.rows))
}

// fails demands one of some SQLSTATEs, and that the session lives.
func fails(t *testing.T, conn *pgx.Conn, sql string, codes ...string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	for _, code := range codes {
		if state(err) == code && !conn.IsClosed() {
			return
		}
	}
	t.Errorf("%s: %v, want %v", sql, err, codes)
}

// tell changes the schema past the proxy.
func (b *bed) tell(t *testing.T, sql string) {
	t.Helper()
	if err := b.alter(t.Context(), b.server.Port, sql); err != nil {
		t.Fatal(err)
	}
}

// refresh has the proxy read the schema, and waits where a session still holds a table.
func (b *bed) refresh(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	until(t, "the schema is shown", func() error {
		var text string
		var told struct{ Waiting int }
		err := conn.QueryRow(t.Context(), "SELECT pinnacle.refresh()").Scan(&text)
		if err == nil {
			err = json.Unmarshal([]byte(text), &told)
		}
		if err == nil && told.Waiting > 0 {
			err = fmt.Errorf("%d relations wait", told.Waiting)
		}
		return err
	})
}

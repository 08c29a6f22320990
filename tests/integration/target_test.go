package integration

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// target is a database that statements are run on: plain PostgreSQL or one behind a proxy.
type target struct {
	name           string
	addr           string
	user, password string
	database       string
	// functions says that models are SQL functions here, each in a schema of its own: statements are rewritten for it
	// by oracleText.
	functions bool
	// proxy is the proxy that serves the target; nil for plain PostgreSQL.
	proxy *proxy
}

// url is a connection string; extra is appended to its parameters ("&a=b").
func (t *target) url(extra string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(t.user, t.password), Host: t.addr, Path: "/" + t.database}
	return u.String() + "?sslmode=disable" + extra
}

// load runs statements one Query message at a time where they are a list, or a whole script in one.
func (t *target) load(ctx context.Context, statements ...string) error {
	conn, err := pgconn.Connect(ctx, t.url(""))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if err := conn.Exec(ctx, s).Close(); err != nil {
			return fmt.Errorf("%w\nin %.200s", err, s)
		}
	}
	return nil
}

// connect opens a pgx connection that is closed with the test.
func (t *target) connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), t.url(""))
	if err != nil {
		tb.Fatalf("connect to %s: %v", t.name, err)
	}
	tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// exec runs a script as one Query message, on a connection of its own, and fails the test on an error.
func (t *target) exec(tb testing.TB, sql string) {
	tb.Helper()
	if err := t.load(tb.Context(), sql); err != nil {
		tb.Fatal(err)
	}
}

// value runs a statement that gives one row of one column, as text ("NULL" for NULL).
func (t *target) value(tb testing.TB, sql string) string {
	tb.Helper()
	rows := t.rows(tb, sql)
	if len(rows) != 1 || len(rows[0]) != 1 {
		tb.Fatalf("%s: %d rows: %.200v, want one value", sql, len(rows), rows)
	}
	return rows[0][0]
}

// rows runs one statement by the simple protocol and gives its rows as text, NULLs as "NULL".
func (t *target) rows(tb testing.TB, sql string) [][]string {
	tb.Helper()
	conn, err := pgconn.Connect(tb.Context(), t.url(""))
	if err != nil {
		tb.Fatalf("connect to %s: %v", t.name, err)
	}
	defer conn.Close(context.Background())
	rows, err := simpleRows(tb.Context(), conn, sql)
	if err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// simpleRows is rows on a connection that is there already.
func simpleRows(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for _, r := range results {
		for _, row := range r.Rows {
			cells := make([]string, len(row))
			for i, v := range row {
				cells[i] = "NULL"
				if v != nil {
					cells[i] = string(v)
				}
			}
			out = append(out, cells)
		}
	}
	return out, nil
}

// showLogOnFailure prints what the proxy logged during the test, if the test fails.
func (t *target) showLogOnFailure(tb testing.TB) {
	if t.proxy == nil {
		return
	}
	from := t.proxy.logSize()
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("log of %s:\n%s", t.proxy.name, t.proxy.tail(from, 40))
		}
	})
}

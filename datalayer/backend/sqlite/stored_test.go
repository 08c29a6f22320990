package sqlite_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestStoredClasses reads what other programs store in columns of every declared type: SQLite keeps the class of a value that it
// cannot convert (https://sqlite.org/datatype3.html).
func TestStoredClasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ declared, stored, want string }{
		{"INTEGER", "7", "7"},
		{"INTEGER", "'8'", "8"},
		{"INTEGER", "9.0", "9"},
		{"INTEGER", "1.5", "22P02"},
		{"INTEGER", "'abc'", "22P02"},
		{"INTEGER", "x'31'", "22P02"},
		{"SMALLINT", "40000", "22P02"},
		{"REAL", "1", "1"},
		{"REAL", "'1e3'", "1000"},
		{"REAL", "'x'", "22P02"},
		{"TEXT", "5", "5"},
		{"TEXT", "x'61'", "22P02"},
		{"VARCHAR(3)", "'abcd'", "22001"},
		{"BLOB", "x'00ff'", `\x00ff`},
		{"BLOB", "'text'", "22P02"},
		{"", "3", "3"},
		{"", "2.5", "2.5"},
		{"", "'t'", "t"},
		{"", "x'00'", "22P02"},
		{"NUMERIC", "'12345678901234567890'", "12345678901234567000"},
		{"DECIMAL(10,2)", "1.005", "1.01"},
		{"DECIMAL(4,2)", "123.4", "22P02"},
		{"BOOLEAN", "1", "t"},
		{"BOOLEAN", "'no'", "f"},
		{"BOOLEAN", "2", "22P02"},
		{"UUID", "x'a0eebc999c0b4ef8bb6d6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{"UUID", "'{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{"UUID", "'a0ee'", "22P02"},
		{"JSON", "'{bad'", "22P02"},
		{"DATE", "'2024-02-29'", "2024-02-29"},
		{"DATE", "2460369.5", "2024-02-29"},
		{"DATE", "1709164800", "2024-02-29"},
		{"DATE", "2460370", "2024-02-29"},
		{"DATE", "2460369.75", "22P02"},
		{"DATETIME", "5373484", "9999-12-31 12:00:00"},
		{"DATETIME", "5373485", "1970-03-04 04:38:05"},
		{"DATETIME", "0", "4714-11-24 12:00:00 BC"},
		{"DATETIME", "1709164800.25", "2024-02-29 00:00:00.25"},
		{"DATE", "'2024-02-29 01:00'", "22P02"},
		{"DATE", "'2023-02-29'", "22P02"},
		{"DATETIME", "2460370.0", "2024-02-29 12:00:00"},
		{"DATETIME", "julianday('2024-02-29 12:34:56.789')", "2024-02-29 12:34:56.789"},
		{"DATETIME", "unixepoch('2024-02-29 12:34:56')", "2024-02-29 12:34:56"},
		{"DATETIME", "'2024-02-29T12:34:56.5Z'", "2024-02-29 12:34:56.5"},
		{"DATETIME", "1709164800000", "22P02"},
		{"TIMESTAMPTZ", "'2024-02-29 12:00:00+02:00'", "2024-02-29 10:00:00+00"},
		{"TIMESTAMPTZ", "2460370.0", "2024-02-29 12:00:00+00"},
		{"TIME", "'10:11'", "10:11:00"},
		{"TIME", "10", "22P02"},
	} {
		t.Run(c.declared+" "+c.stored, func(t *testing.T) {
			t.Parallel()
			engine := fresh(t, fmt.Sprintf("CREATE TABLE stored (id INTEGER PRIMARY KEY, v %s); INSERT INTO stored VALUES (1, %s)", c.declared, c.stored), "")
			rows, err := read(t, engine, "v")
			var known *backend.Error
			switch {
			case errors.As(err, &known):
				if known.Code != c.want || known.Detail+known.Hint == "" || strings.Contains(known.Message+known.Detail+known.Hint, "40000") {
					t.Errorf("%s %q, DETAIL %q, HINT %q, want %s", known.Code, known.Message, known.Detail, known.Hint, c.want)
				}
			case err != nil || len(rows) != 1 || rows[0] != c.want:
				t.Errorf("%q, %v, want %q", rows, err, c.want)
			}
		})
	}
}

// read scans a column of table stored.
func read(t *testing.T, engine backend.Engine, column string) ([]string, error) {
	t.Helper()
	ctx := t.Context()
	table := tableOf(t, engine, "stored")
	program, err := engine.Compile(backendtest.Scan(table, column))
	if err != nil {
		t.Fatal(err)
	}
	conn := sessionOf(t, engine)
	rows, err := conn.Query(ctx, program, nil)
	if err != nil {
		return nil, err
	}
	return backendtest.Drain(ctx, rows)
}

// tableOf finds a table of a database.
func tableOf(t *testing.T, engine backend.Engine, name string) *dialect.Table {
	t.Helper()
	catalog, err := engine.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range catalog.Tables {
		if table.Name == name {
			return table
		}
	}
	t.Fatalf("no table %s", name)
	return nil
}

// sessionOf opens a session that ends with the test.
func sessionOf(t *testing.T, engine backend.Engine) backend.Conn {
	t.Helper()
	conn, err := engine.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// TestStoredDatesCompared compares dates of every stored form at SQLite, where they must be the dates that reading gives.
func TestStoredDatesCompared(t *testing.T) {
	t.Parallel()
	engine := fresh(t, `CREATE TABLE stored (id INTEGER PRIMARY KEY, v DATE);
INSERT INTO stored VALUES (1, '2024-02-29'), (2, 2460369.5), (3, 2460370), (4, 1709164800), (5, '2024-02-29T00:00:00'), (6, '2024-03-01'), (7, NULL)`, "")
	table, conn := tableOf(t, engine, "stored"), sessionOf(t, engine)
	query := backendtest.Scan(table, "id")
	v := table.Column("v")
	query.Where = []dialect.Expr{&dialect.Operator{Name: "=", Type: dialect.Type{OID: pgtype.BoolOID, Mod: -1},
		Left: &dialect.ColumnRef{Relation: "r1", Column: v, Name: v.Name, Type: v.Type}, Right: &dialect.Constant{Text: "2024-02-29", Type: v.Type}}}
	program, err := engine.Compile(query)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), program, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := backendtest.Drain(t.Context(), rows); err != nil || strings.Join(got, " ") != "1 2 3 4 5" {
		t.Errorf("%q, %v", got, err)
	}
}

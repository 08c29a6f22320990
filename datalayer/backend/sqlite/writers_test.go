package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlite"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// shared is a database that another program has open as well.
type shared struct {
	engine backend.Engine
	// other is the other program's one connection.
	other *sql.DB
}

// share makes a database of two programs, of which the engine waits a tenth of a second for the other's lock.
func share(t *testing.T, script string) shared {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shared.db")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
	s := shared{other: other}
	s.do(t, script)
	if s.engine, err = sqlite.Open(t.Context(), "sqlite://"+path+"?busy_timeout=100ms", sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// do runs statements of the other program.
func (s shared) do(t *testing.T, script string) {
	t.Helper()
	if _, err := s.other.Exec(script); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

// insert adds a row to table stored through the engine.
func (s shared) insert(t *testing.T, conn backend.Conn, id, v string) error {
	t.Helper()
	program, err := s.engine.Compile(backendtest.Insert(tableOf(t, s.engine, "stored"), 1, "id", "v"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), program, backendtest.Texts(id, v))
	return err
}

// wantCode fails the test unless an error has the SQLSTATE.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var known *backend.Error
	if !errors.As(err, &known) || known.Code != code || known.Hint == "" {
		t.Errorf("%v, want %s and a hint", err, code)
	}
}

// TestTwoWriters writes while another program holds the lock, and after it wrote behind a snapshot.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	s := share(t, "CREATE TABLE stored (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO stored VALUES (1, 'a')")
	conn := sessionOf(t, s.engine)

	s.do(t, "BEGIN IMMEDIATE; INSERT INTO stored VALUES (2, 'b')")
	wantCode(t, s.insert(t, conn, "3", "c"), "55P03")
	if rows, err := read(t, s.engine, "v"); err != nil || len(rows) != 1 {
		t.Errorf("a reader beside a writer: %q, %v", rows, err)
	}
	s.do(t, "COMMIT")
	if err := s.insert(t, conn, "3", "c"); err != nil {
		t.Errorf("after the lock: %v", err)
	}

	if err := conn.Begin(t.Context(), backend.TxMode{}); err != nil {
		t.Fatal(err)
	}
	program, err := s.engine.Compile(backendtest.Scan(tableOf(t, s.engine, "stored"), "v"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := conn.Query(t.Context(), program, nil)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := backendtest.Drain(t.Context(), before); err != nil || len(rows) != 3 {
		t.Errorf("before: %q, %v", rows, err)
	}
	s.do(t, "INSERT INTO stored VALUES (4, 'd')")
	wantCode(t, s.insert(t, conn, "5", "e"), "40001")
	if err := conn.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.insert(t, conn, "5", "e"); err != nil {
		t.Errorf("run again: %v", err)
	}
	if rows, err := read(t, s.engine, "id"); err != nil || len(rows) != 5 {
		t.Errorf("in the end: %q, %v", rows, err)
	}
}

// TestWithoutRowid changes rows that are found by their key alone (https://sqlite.org/withoutrowid.html).
func TestWithoutRowid(t *testing.T) {
	t.Parallel()
	s := share(t, "CREATE TABLE stored (id TEXT, v INT, w BLOB, PRIMARY KEY (v, id)) WITHOUT ROWID; INSERT INTO stored VALUES ('x', 1, x'00'), ('y', 1, NULL)")
	table, conn := tableOf(t, s.engine, "stored"), sessionOf(t, s.engine)
	if table.RowKey != nil || len(table.PrimaryKey) != 2 || table.PrimaryKey[0] != "v" {
		t.Fatalf("row key %v, primary key %v", table.RowKey, table.PrimaryKey)
	}
	key := &dialect.RowKey{}
	for i, name := range table.PrimaryKey {
		c := table.Column(name)
		key.Columns, key.Values = append(key.Columns, c), append(key.Values, &dialect.Param{Number: i + 1, Type: c.Type})
	}
	program, err := s.engine.Compile(&dialect.Delete{Table: &dialect.Relation{Table: table}, Where: []dialect.Expr{key}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Exec(t.Context(), program, backendtest.Texts("1", "x")); n != 1 || err != nil {
		t.Errorf("delete: %d, %v", n, err)
	}
	if rows, err := read(t, s.engine, "id"); err != nil || len(rows) != 1 || rows[0] != "y" {
		t.Errorf("%q, %v", rows, err)
	}
}

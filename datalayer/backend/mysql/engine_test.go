package mysql_test

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the driver of the tests' own connections

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/mysql"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// server is the MariaDB of these tests; databases counts theirs.
var (
	server    = lab.NewShared("mariadb", "SETTINGS=--max-connections=300")
	databases atomic.Int32
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// database makes a database with tables, and gives a connection of the tests' own and the URI for the engine.
func database(t testing.TB, statements ...string) (db *sql.DB, uri string) {
	t.Helper()
	name := fmt.Sprintf("d%d", databases.Add(1))
	place := fmt.Sprintf("127.0.0.1:%d", server.Start(t).Port)
	own, err := sql.Open("mysql", "root@tcp("+place+")/?charset=utf8mb4")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4"); err != nil {
		t.Fatal(err)
	}
	if err := own.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = sql.Open("mysql", "root@tcp("+place+")/"+name+"?charset=utf8mb4&sql_mode=''"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(s, err)
		}
	}
	return db, "mysql://root@" + place + "/" + name
}

// open opens the engine over a new database.
func open(t testing.TB, uri string) (*mysql.Engine, backend.Conn) {
	t.Helper()
	e, err := mysql.Open(t.Context(), uri, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	c, err := e.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return e, c
}

// table finds one in the catalog.
func table(t testing.TB, e backend.Engine, name string) *dialect.Table {
	t.Helper()
	c, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range c.Tables {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("table %s is not in the catalog", name)
	return nil
}

// all are the columns of a table, as a select list.
func all(t *dialect.Table) []dialect.Expr {
	var list []dialect.Expr
	for _, c := range t.Columns {
		list = append(list, &dialect.ColumnRef{Column: c, Name: c.Name, Type: c.Type})
	}
	return list
}

// compile compiles, or fails the test.
func compile(t testing.TB, e backend.Engine, s dialect.Statement) backend.Program {
	t.Helper()
	p, err := e.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// texts reads the rows of a query, NULL as "∅".
func texts(t testing.TB, c backend.Conn, p backend.Program, params ...[]byte) [][]string {
	t.Helper()
	rows, err := c.Query(t.Context(), p, params)
	if err != nil {
		t.Fatal(p.Text(), err)
	}
	defer func() { _ = rows.Close() }()
	return rest(t, rows)
}

// rest reads rows to their end.
func rest(t testing.TB, rows backend.Rows) (all [][]string) {
	t.Helper()
	for {
		row, err := rows.Next(t.Context())
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, v := range row {
			if v == nil {
				line = append(line, "∅")
				continue
			}
			line = append(line, string(v))
		}
		all = append(all, line)
	}
}

// constant is a value of a column's type.
func constant(c *dialect.Column, text string) dialect.Expr {
	return &dialect.Constant{Text: text, Null: text == "∅", Type: c.Type}
}

// insert is an INSERT of rows of texts into all columns of a table.
func insert(t *dialect.Table, rows ...[]string) *dialect.Insert {
	s := &dialect.Insert{Into: &dialect.Relation{Table: t}, Columns: t.Columns}
	for _, row := range rows {
		var values []dialect.Expr
		for i, text := range row {
			values = append(values, constant(t.Columns[i], text))
		}
		s.Rows = append(s.Rows, values)
	}
	return s
}

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // SQLite's driver

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// engine is a databackend that is measured.
type engine struct {
	name string
	// start makes a database below dir and loads the tables from the files of data, by the engine itself.
	start func(ctx context.Context, dir, data string) (native, error)
}

// native is a database by its own driver.
type native interface {
	// uri is the databackend's for the proxy.
	uri() string
	// text is a query of TPC-H as the engine writes it.
	text(sql string) string
	// rows runs a statement and reads all of its rows; point reads the order with a key.
	rows(ctx context.Context, sql string) (int, error)
	point(ctx context.Context, key int64) error
	close() error
}

func engines() []engine {
	return []engine{{"duckdb", startDuckDB}, {"sqlite", startSQLite}, {"mariadb", startMariaDB}, {"clickhouse", startClickHouse}}
}

// relational is a database of database/sql.
type relational struct {
	db      *sql.DB
	stmt    *sql.Stmt
	address string
	written func(string) string
	stop    func() error
}

func (r *relational) uri() string            { return r.address }
func (r *relational) text(sql string) string { return r.written(sql) }

func (r *relational) rows(ctx context.Context, text string) (int, error) {
	rows, err := r.db.QueryContext(ctx, text)
	if err != nil {
		return 0, err
	}
	return drain(rows)
}

func (r *relational) point(ctx context.Context, key int64) error {
	rows, err := r.stmt.QueryContext(ctx, key)
	if err != nil {
		return err
	}
	n, err := drain(rows)
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows have the key %d", n, key)
	}
	return err
}

// drain reads all rows and their values.
func drain(rows *sql.Rows) (n int, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(sql.RawBytes)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

// ready prepares the statement for points.
func (r *relational) ready(ctx context.Context) (native, error) {
	r.db.SetMaxOpenConns(2)
	var err error
	if r.stmt, err = r.db.PrepareContext(ctx, pointText+"?"); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *relational) close() error { return errors.Join(r.db.Close(), r.stop()) }

// script runs statements.
func (r *relational) script(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if _, err := r.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%w in %s", err, s)
		}
	}
	return nil
}

// startSQLite makes a file, with the driver that the proxy has, too.
func startSQLite(ctx context.Context, dir, data string) (native, error) {
	file := filepath.Join(dir, "tpch.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	r := &relational{db: db, address: "sqlite://" + file, written: sqliteText, stop: func() error { return nil }}
	if err := r.script(ctx, create("")); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for _, t := range tables() {
		if err := insert(ctx, db, t, filepath.Join(data, t.name+".csv")); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	if err := r.script(ctx, append(indexes(), "ANALYZE", "PRAGMA journal_mode = wal")); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return r.ready(ctx)
}

// insert fills a table from a file of CSV in one transaction.
func insert(ctx context.Context, db *sql.DB, t table, file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	marks := strings.TrimSuffix(strings.Repeat("?, ", strings.Count(t.columns, "NOT NULL")), ", ")
	stmt, err := tx.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s VALUES (%s)", t.name, marks))
	if err != nil {
		return err
	}
	for r := csv.NewReader(f); ; {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return tx.Commit()
		}
		if err != nil {
			return err
		}
		values := make([]any, len(record))
		for i, v := range record {
			values[i] = v
		}
		if _, err := stmt.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
}

// startMariaDB starts a server; texts compare by their bytes, as in PostgreSQL.
func startMariaDB(ctx context.Context, dir, data string) (native, error) {
	server, err := lab.StartScript(ctx, "mariadb", dir, "SETTINGS=--innodb-buffer-pool-size=512M")
	if err != nil {
		return nil, fmt.Errorf("MariaDB %w: %w", lab.ErrNotInstalled, err)
	}
	admin, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/", server.Port))
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE tpch CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"); err != nil {
		return nil, errors.Join(err, admin.Close(), server.Stop())
	}
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/tpch", server.Port))
	if err = errors.Join(err, admin.Close()); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	r := &relational{db: db, address: fmt.Sprintf("mysql://root@127.0.0.1:%d/tpch", server.Port), written: plainText, stop: server.Stop}
	script := create("")
	for _, t := range tables() {
		file := filepath.Join(data, t.name+".csv")
		mysql.RegisterLocalFile(file)
		script = append(script, fmt.Sprintf(`LOAD DATA LOCAL INFILE '%s' INTO TABLE %s FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\n'`, file, t.name))
	}
	if err := r.script(ctx, append(append(script, indexes()...), "ANALYZE TABLE lineitem, orders, partsupp, part, customer, supplier, nation, region")); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r.ready(ctx)
}

// clickhouse is the engine behind its HTTP interface.
type clickhouse struct {
	server *lab.Script
	client http.Client
}

// startClickHouse starts the engine of ClickHouse in the test's program for it.
func startClickHouse(ctx context.Context, dir, data string) (native, error) {
	server, err := lab.StartScript(ctx, "chdb", dir)
	if err != nil {
		return nil, fmt.Errorf("ClickHouse %w: %w", lab.ErrNotInstalled, err)
	}
	c := &clickhouse{server: server}
	err = c.tell(ctx, "", "CREATE DATABASE tpch", nil)
	for _, s := range create(" ENGINE = MergeTree ORDER BY (%s)") {
		if err == nil {
			err = c.tell(ctx, "tpch", s, nil)
		}
	}
	for _, t := range tables() {
		if err != nil {
			break
		}
		var raw []byte
		if raw, err = os.ReadFile(filepath.Join(data, t.name+".csv")); err == nil {
			err = c.tell(ctx, "tpch", "INSERT INTO "+t.name+" FORMAT CSV\n", raw)
		}
	}
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return c, nil
}

// tell sends a statement with what follows it.
func (c *clickhouse) tell(ctx context.Context, database, statement string, data []byte) error {
	_, err := c.ask(ctx, database, statement, data)
	return err
}

// ask counts the lines of an answer.
func (c *clickhouse) ask(ctx context.Context, database, statement string, data []byte) (int, error) {
	to := fmt.Sprintf("http://127.0.0.1:%d/", c.server.Port)
	if database != "" {
		to += "?" + url.Values{"database": {database}}.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, io.MultiReader(strings.NewReader(statement), bytes.NewReader(data)))
	if err != nil {
		return 0, err
	}
	request.ContentLength = int64(len(statement) + len(data))
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%.300s", text)
	}
	return bytes.Count(text, []byte("\n")), err
}

func (c *clickhouse) uri() string {
	return fmt.Sprintf("clickhouse://default@127.0.0.1:%d/tpch", c.server.Port)
}
func (c *clickhouse) text(sql string) string { return plainText(sql) }
func (c *clickhouse) close() error           { return c.server.Stop() }

func (c *clickhouse) rows(ctx context.Context, sql string) (int, error) {
	return c.ask(ctx, "tpch", sql, nil)
}

func (c *clickhouse) point(ctx context.Context, key int64) error {
	n, err := c.ask(ctx, "tpch", fmt.Sprintf("%s%d", pointText, key), nil)
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows have the key %d", n, key)
	}
	return err
}

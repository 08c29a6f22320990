package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	lib "github.com/duckdb/duckdb-go-bindings"
)

// duckDB is a file that this process and the proxy's have open to read.
type duckDB struct {
	file string
	db   lib.Database
	c    lib.Connection
	stmt lib.PreparedStatement
}

// startDuckDB makes a file, and opens it again to read.
func startDuckDB(_ context.Context, dir, data string) (native, error) {
	d := &duckDB{file: filepath.Join(dir, "tpch.duckdb")}
	if err := d.open("READ_WRITE"); err != nil {
		return nil, err
	}
	script := create("")
	for _, t := range tables() {
		script = append(script, fmt.Sprintf("COPY %s FROM '%s' (FORMAT csv, HEADER false)", t.name, filepath.Join(data, t.name+".csv")))
	}
	for _, s := range script {
		if _, err := d.rows(context.Background(), s); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	if err := d.close(); err != nil {
		return nil, err
	}
	if err := d.open("READ_ONLY"); err != nil {
		return nil, err
	}
	if lib.Prepare(d.c, pointText+"$1", &d.stmt) != lib.StateSuccess {
		return nil, errors.Join(errors.New(lib.PrepareError(d.stmt)), d.close())
	}
	return d, nil
}

// open opens the file in a mode.
func (d *duckDB) open(mode string) error {
	var config lib.Config
	if lib.CreateConfig(&config) != lib.StateSuccess {
		return errors.New("no configuration")
	}
	defer lib.DestroyConfig(&config)
	if lib.SetConfig(config, "access_mode", mode) != lib.StateSuccess {
		return errors.New("no such mode")
	}
	var words string
	if lib.OpenExt(d.file, &d.db, config, &words) != lib.StateSuccess {
		return errors.New(words)
	}
	if lib.Connect(d.db, &d.c) != lib.StateSuccess {
		return errors.New("no connection")
	}
	return nil
}

func (d *duckDB) uri() string            { return "duckdb://" + d.file + "?mode=ro" }
func (d *duckDB) text(sql string) string { return sql }

func (d *duckDB) close() error {
	lib.DestroyPrepare(&d.stmt)
	lib.Disconnect(&d.c)
	lib.Close(&d.db)
	return nil
}

func (d *duckDB) rows(_ context.Context, sql string) (int, error) {
	var result lib.Result
	defer lib.DestroyResult(&result)
	if lib.Query(d.c, sql, &result) != lib.StateSuccess {
		return 0, errors.New(lib.ResultError(&result))
	}
	return fetched(result), nil
}

func (d *duckDB) point(_ context.Context, key int64) error {
	var result lib.Result
	defer lib.DestroyResult(&result)
	if lib.BindInt64(d.stmt, 1, key) != lib.StateSuccess || lib.ExecutePrepared(d.stmt, &result) != lib.StateSuccess {
		return errors.New(lib.ResultError(&result))
	}
	if n := fetched(result); n != 1 {
		return fmt.Errorf("%d rows have the key %d", n, key)
	}
	return nil
}

// fetched takes all chunks of a result: columns of values, which the caller would read where they are.
func fetched(result lib.Result) (n int) {
	for {
		chunk := lib.FetchChunk(result)
		if chunk.Ptr == nil {
			return n
		}
		n += int(lib.DataChunkGetSize(chunk))
		lib.DestroyDataChunk(&chunk)
	}
}

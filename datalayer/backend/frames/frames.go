// Package frames is the databackend of a folder of data frames: pandas://dir and polars://dir. Each file, or each set of
// numbered files, is a table; DuckDB reads and writes them, in the proxy's process.
package frames

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/duckdb"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Options are what the proxy's configuration says beyond the URI.
type Options struct {
	// Spool bounds rows that are read ahead of another statement on the same session.
	Spool spool.Limits
	// TempDirectory is where DuckDB writes what its memory does not hold; "" leaves it to DuckDB.
	TempDirectory string
	// Logger is told of files that cannot be read; nil: nobody is.
	Logger *slog.Logger
}

// schemaName is the schema in which clients see the tables.
const schemaName = "public"

// engine is one folder.
type engine struct {
	duck    backend.Engine
	dir     string
	pandas  bool
	options Options
	// writer has one token: who holds it may change files, or the views over them.
	writer chan struct{}

	mu sync.Mutex
	// shown are the tables whose views are made.
	shown map[string]frame
	// scratch is the directory of what was made of Arrow files, "" while there is none.
	scratch string
}

// Open opens a folder. The URI's options are those of DuckDB: memory_limit, threads, nanoseconds.
func Open(ctx context.Context, uri string, options Options) (backend.Engine, error) {
	scheme, rest, _ := strings.Cut(uri, "://")
	path, query, _ := strings.Cut(rest, "?")
	dir, err := url.PathUnescape(path)
	if err != nil || dir == "" || scheme != "pandas" && scheme != "polars" {
		return nil, &backend.Error{Code: "22023", Message: "the URI of a folder of data frames is pandas://directory or polars://directory"}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, &backend.Error{Code: "58030", Message: "the folder of data frames cannot be found", Detail: err.Error(), Err: err}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &backend.Error{Code: "08001", Message: "the folder of data frames does not exist", Detail: dir, Err: err}
	}
	if strings.Contains(query, "mode=") {
		return nil, &backend.Error{Code: "22023", Message: "a folder of data frames has no option mode"}
	}
	duck, err := duckdb.Open(ctx, "duckdb://:memory:?"+query, duckdb.Options{Spool: options.Spool, TempDirectory: options.TempDirectory})
	if err != nil {
		return nil, err
	}
	e := &engine{duck: duck, dir: dir, pandas: scheme == "pandas", options: options, writer: make(chan struct{}, 1), shown: map[string]frame{}}
	if e.options.Logger == nil {
		e.options.Logger = slog.New(slog.DiscardHandler)
	}
	return e, nil
}

// Describe implements backend.Engine.
func (e *engine) Describe() string { return e.duck.Describe() + " over the files of " + e.dir }

// Traits implements backend.Engine.
func (e *engine) Traits() backend.Traits {
	return backend.Traits{Transactions: true, DDLInTransactions: true, OneWriter: true}
}

// Ping implements backend.Engine.
func (e *engine) Ping(ctx context.Context) error {
	if _, err := os.ReadDir(e.dir); err != nil {
		return &backend.Error{Code: "58030", Message: "the folder of data frames cannot be read", Detail: err.Error(), Err: err}
	}
	return e.duck.Ping(ctx)
}

// Close implements backend.Engine.
func (e *engine) Close() error {
	err := e.duck.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.scratch != "" {
		err = errors.Join(err, os.RemoveAll(e.scratch))
	}
	return err
}

// Connect implements backend.Engine.
func (e *engine) Connect(ctx context.Context) (backend.Conn, error) {
	inner, err := e.duck.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{engine: e, duck: inner, changed: map[string]bool{}}, nil
}

// lock waits for the right to change files.
func (e *engine) lock(ctx context.Context) error {
	select {
	case e.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &backend.Error{Code: "57014", Message: "canceling statement due to user request", Err: context.Cause(ctx)}
	}
}

func (e *engine) unlock() { <-e.writer }

// Catalog implements backend.Engine. Files that came, went or changed since the last time are seen.
func (e *engine) Catalog(ctx context.Context) (*dialect.Catalog, error) {
	if err := e.sync(ctx); err != nil {
		return nil, err
	}
	catalog, err := e.duck.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	tables := catalog.Tables[:0]
	for _, t := range catalog.Tables {
		f, ok := e.shown[t.Name]
		if !ok || t.Schema != schemaName {
			continue
		}
		t.Kind, t.ReadOnly = dialect.BaseTable, f.readOnly()
		if t.ReadOnly == "" && t.Column("rowid") == nil {
			t.RowKey = duckdb.RowKey(t)
		}
		tables = append(tables, t)
	}
	catalog.Tables = tables
	return catalog, nil
}

// sync makes the views be those of the files that are there now.
func (e *engine) sync(ctx context.Context) error {
	frames, err := list(e.dir)
	if err != nil {
		return &backend.Error{Code: "58030", Message: "the folder of data frames cannot be read", Detail: err.Error(), Err: err}
	}
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer e.unlock()
	on, err := e.duck.Connect(ctx)
	if err != nil {
		return err
	}
	err = e.update(ctx, on, frames)
	return errors.Join(err, on.Close())
}

// update is sync with the writer's token in hand.
func (e *engine) update(ctx context.Context, on backend.Conn, frames []frame) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	there := map[string]bool{}
	for _, f := range frames {
		there[f.name] = true
		if e.shown[f.name].state == f.state {
			continue
		}
		if err := e.show(ctx, on, f); err != nil {
			if ctx.Err() != nil {
				return err
			}
			// One file that cannot be read leaves the others as they are.
			e.options.Logger.Warn("a file of the folder of data frames cannot be read", "table", f.name, "error", detail(err))
			there[f.name] = false
			continue
		}
		e.shown[f.name] = f
	}
	for name := range e.shown {
		if there[name] {
			continue
		}
		if err := duckdb.Run(ctx, on, "DROP VIEW IF EXISTS main."+quote(name)); err != nil {
			return err
		}
		delete(e.shown, name)
	}
	return nil
}

// detail is what an error says of its cause.
func detail(err error) string {
	var known *backend.Error
	if errors.As(err, &known) && known.Detail != "" {
		return known.Detail
	}
	return err.Error()
}

// show makes the view of a table.
func (e *engine) show(ctx context.Context, on backend.Conn, f frame) error {
	sql, err := e.view(ctx, on, f)
	if err != nil {
		return err
	}
	return duckdb.Run(ctx, on, "CREATE OR REPLACE VIEW main."+quote(f.name)+" AS "+sql)
}

// pandasIndex is the column in which pandas keeps an index without a name in a parquet file.
const pandasIndex = "__index_level_0__"

// view is the select over a table's files. Of text formats all rows are looked at, once, to find the types.
func (e *engine) view(ctx context.Context, on backend.Conn, f frame) (string, error) {
	if f.format == arrow {
		files, err := e.converted(ctx, f)
		if err != nil {
			return "", err
		}
		f.files = files
	}
	rows, err := duckdb.Texts(ctx, on, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+reading(f.format, f.files, "")+")")
	if err != nil {
		return "", err
	}
	names := map[string]bool{}
	var types []string
	for _, row := range rows {
		names[row[0]] = true
		types = append(types, text(row[0])+": "+text(row[1]))
	}
	columns := ""
	if f.format == csv || f.format == tsv || f.format == ndjson {
		columns = "{" + strings.Join(types, ", ") + "}"
	}
	what := "*"
	if e.pandas && names[pandasIndex] && !names["index"] {
		what = "* RENAME (" + quote(pandasIndex) + ` AS "index")`
	}
	return "SELECT " + what + " FROM " + reading(f.format, f.files, columns), nil
}

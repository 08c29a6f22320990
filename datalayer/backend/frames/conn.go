package frames

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/duckdb"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// program is a statement of DuckDB's with the tables that it needs as tables, not as views over their files: those that
// it changes, or whose rows are to be found again.
type program struct {
	backend.Program
	tables  []string
	changes bool
}

// Compile implements backend.Engine.
func (e *engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	inner, err := e.duck.Compile(stmt)
	if err != nil {
		return nil, err
	}
	p := &program{Program: inner}
	change := func(t *dialect.Table) { p.changes, p.tables = true, append(p.tables, t.Name) }
	switch s := stmt.(type) {
	case *dialect.Insert:
		change(s.Into.Table)
	case *dialect.Update:
		change(s.Table.Table)
	case *dialect.Delete:
		change(s.Table.Table)
	case *dialect.Truncate:
		for _, t := range s.Tables {
			change(t)
		}
	case *dialect.Select:
		relations := dialect.Relations(s.From)
		dialect.WalkStatement(s, func(x dialect.Expr) bool {
			if ref, ok := x.(*dialect.ColumnRef); ok && ref.Column != nil {
				for _, r := range relations {
					if r.Table.RowKey == ref.Column {
						p.tables = append(p.tables, r.Table.Name)
					}
				}
			}
			return true
		})
	}
	return p, nil
}

// conn implements backend.Conn. Within a transaction that changes a table, the table's view is a table with the file's
// rows; DuckDB shows that to this session alone. Before the transaction commits, the table is written to a new file, which
// takes the old one's name.
type conn struct {
	engine *engine
	duck   backend.Conn
	inside bool
	// holds says that the session has the writer's token; changed are the tables that were made of files, and whether
	// they were changed.
	holds   bool
	changed map[string]bool
	// made are the files of tables that this transaction creates, removed the files of those that it drops.
	made, removed map[string]frame
}

// Begin implements backend.Conn.
func (c *conn) Begin(ctx context.Context, mode backend.TxMode) error {
	if err := c.duck.Begin(ctx, mode); err != nil {
		return err
	}
	c.inside = true
	return nil
}

// Commit implements backend.Conn. Several tables are not replaced at once: where the second file cannot be written, the
// first is new already.
func (c *conn) Commit(ctx context.Context) error {
	if !c.inside {
		return c.duck.Commit(ctx)
	}
	if err := c.write(ctx); err != nil {
		return errors.Join(err, c.Rollback(ctx))
	}
	err := c.duck.Commit(ctx)
	return errors.Join(err, c.ended(ctx, err == nil))
}

// Rollback implements backend.Conn.
func (c *conn) Rollback(ctx context.Context) error {
	err := c.duck.Rollback(ctx)
	return errors.Join(err, c.ended(ctx, false))
}

// ended gives the writer's token back.
func (c *conn) ended(ctx context.Context, committed bool) error {
	c.inside = false
	if !c.holds {
		return nil
	}
	c.holds = false
	defer c.engine.unlock()
	c.changed, c.made, c.removed = map[string]bool{}, nil, nil
	if !committed {
		return nil
	}
	frames, err := list(c.engine.dir)
	if err != nil {
		return err
	}
	on, err := c.engine.duck.Connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.engine.update(ctx, on, frames), on.Close())
}

// own makes tables of the views that a program needs as tables.
func (c *conn) own(ctx context.Context, names []string, changes bool) error {
	for _, name := range names {
		if _, ok := c.changed[name]; !ok {
			if !c.holds {
				if err := c.engine.lock(ctx); err != nil {
					return err
				}
				c.holds = true
			}
			place := "main." + quote(name)
			for _, sql := range []string{
				"CREATE TABLE main.\"pinnacle copy\" AS SELECT * FROM " + place,
				"DROP VIEW " + place,
				"ALTER TABLE main.\"pinnacle copy\" RENAME TO " + quote(name),
			} {
				if err := duckdb.Run(ctx, c.duck, sql); err != nil {
					return err
				}
			}
		}
		c.changed[name] = c.changed[name] || changes
	}
	return nil
}

// write writes the changed tables to files and puts views in their places.
func (c *conn) write(ctx context.Context) error {
	for name, changed := range c.changed {
		f, ok := c.made[name]
		if !ok {
			c.engine.mu.Lock()
			f = c.engine.shown[name]
			c.engine.mu.Unlock()
		}
		if changed {
			if err := c.export(ctx, f); err != nil {
				return err
			}
		}
		if err := duckdb.Run(ctx, c.duck, "DROP TABLE main."+quote(name)); err != nil {
			return err
		}
		if err := c.engine.show(ctx, c.duck, f); err != nil {
			return err
		}
	}
	for _, f := range c.removed {
		for _, file := range f.files {
			if err := os.Remove(file); err != nil {
				return failed(err)
			}
		}
	}
	return nil
}

// export writes a table to a file beside its own, makes it durable and gives it the name.
func (c *conn) export(ctx context.Context, f frame) error {
	path := f.files[0]
	temporary := filepath.Join(c.engine.dir, ".pinnacle-"+filepath.Base(path)+".new")
	defer os.Remove(temporary)
	options := writing(f.format)
	what := "*"
	if f.format == parquet && c.engine.pandas {
		var err error
		if what, options, err = c.pandasFile(ctx, f, options); err != nil {
			return err
		}
	}
	sql := fmt.Sprintf("COPY (SELECT %s FROM main.%s) TO %s (%s)", what, quote(f.name), text(temporary), options)
	if err := duckdb.Run(ctx, c.duck, sql); err != nil {
		return err
	}
	if err := durable(temporary); err != nil {
		return failed(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return failed(err)
	}
	return failed(durable(c.engine.dir))
}

// pandasFile keeps what pandas wrote into a parquet file beside the rows: the name of its index, and its own description
// of the columns.
func (c *conn) pandasFile(ctx context.Context, f frame, options string) (what, with string, err error) {
	if _, err := os.Stat(f.files[0]); err != nil {
		return "*", options, nil // a new file
	}
	names, err := duckdb.Texts(ctx, c.duck, "SELECT name FROM parquet_schema("+text(f.files[0])+") WHERE name IN ('index', "+text(pandasIndex)+")")
	if err != nil {
		return "", "", err
	}
	what = "*"
	if len(names) == 1 && names[0][0] == pandasIndex {
		what = `* RENAME ("index" AS ` + quote(pandasIndex) + ")"
	}
	notes, err := duckdb.Texts(ctx, c.duck, "SELECT decode(value) FROM parquet_kv_metadata("+text(f.files[0])+") WHERE decode(key) = 'pandas'")
	if err != nil || len(notes) == 0 {
		return what, options, err
	}
	return what, options + ", KV_METADATA {pandas: " + text(notes[0][0]) + "}", nil
}

// durable waits until a file or a directory is on the disk.
func durable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func failed(err error) error {
	if err == nil {
		return nil
	}
	return &backend.Error{Code: "58030", Message: "a file of the folder of data frames cannot be written", Detail: err.Error(), Err: err}
}

// within runs something in the transaction, or in one of its own.
func (c *conn) within(ctx context.Context, do func() error) error {
	if c.inside {
		return do()
	}
	if err := c.Begin(ctx, backend.TxMode{}); err != nil {
		return err
	}
	if err := do(); err != nil {
		return errors.Join(err, c.Rollback(context.WithoutCancel(ctx)))
	}
	return c.Commit(ctx)
}

// Query implements backend.Conn.
func (c *conn) Query(ctx context.Context, p backend.Program, params [][]byte) (backend.Rows, error) {
	prog, err := ours(p)
	if err != nil {
		return nil, err
	}
	if len(prog.tables) == 0 {
		return c.duck.Query(ctx, prog.Program, params)
	}
	if c.inside {
		if err := c.own(ctx, prog.tables, prog.changes); err != nil {
			return nil, err
		}
		return c.duck.Query(ctx, prog.Program, params)
	}
	kept := &keptRows{spool.New(c.engine.options.Spool)}
	err = c.within(ctx, func() error {
		if err := c.own(ctx, prog.tables, prog.changes); err != nil {
			return err
		}
		rows, err := c.duck.Query(ctx, prog.Program, params)
		if err != nil {
			return err
		}
		return kept.fill(ctx, rows)
	})
	if err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	return kept, nil
}

// Exec implements backend.Conn.
func (c *conn) Exec(ctx context.Context, p backend.Program, params [][]byte) (n int64, err error) {
	prog, err := ours(p)
	if err != nil {
		return 0, err
	}
	err = c.within(ctx, func() error {
		if err := c.own(ctx, prog.tables, prog.changes); err != nil {
			return err
		}
		n, err = c.duck.Exec(ctx, prog.Program, params)
		return err
	})
	return n, err
}

func ours(p backend.Program) (*program, error) {
	prog, ok := p.(*program)
	if !ok {
		return nil, &backend.Error{Code: "XX000", Message: "a program of another engine"}
	}
	return prog, nil
}

// Savepoint implements backend.Conn.
func (c *conn) Savepoint(ctx context.Context, name string) error { return c.duck.Savepoint(ctx, name) }

// Release implements backend.Conn.
func (c *conn) Release(ctx context.Context, name string) error { return c.duck.Release(ctx, name) }

// RollbackTo implements backend.Conn.
func (c *conn) RollbackTo(ctx context.Context, name string) error {
	return c.duck.RollbackTo(ctx, name)
}

// Estimate implements backend.Conn.
func (c *conn) Estimate(ctx context.Context, p backend.Program) (float64, error) {
	prog, err := ours(p)
	if err != nil {
		return -1, nil
	}
	return c.duck.Estimate(ctx, prog.Program)
}

// Close implements backend.Conn.
func (c *conn) Close() error {
	if c.duck == nil {
		return nil
	}
	err := errors.Join(c.Rollback(context.Background()), c.duck.Close())
	c.duck = nil
	return err
}

// Define implements backend.Definer: a new table is a parquet file, one that is dropped loses its file.
func (e *engine) Define(ctx context.Context, on backend.Conn, change dialect.Change) error {
	c, ok := on.(*conn)
	if !ok {
		return &backend.Error{Code: "XX000", Message: "a session of another engine"}
	}
	definer, ok := e.duck.(backend.Definer)
	if !ok {
		return &backend.Error{Code: "0A000", Message: "the schema cannot be changed"}
	}
	switch x := change.(type) {
	case *dialect.CreateTable:
		return c.within(ctx, func() error { return c.create(ctx, definer, x) })
	case *dialect.DropTable:
		return c.within(ctx, func() error { return c.drop(ctx, x.Table) })
	case *dialect.AlterTable:
		if x.AddColumn != nil && x.AddCheck == nil || x.DropColumn != nil || x.Column != nil && x.RenameTo != "" || x.SetType != nil {
			return c.within(ctx, func() error {
				if x.Table.ReadOnly != "" {
					return &backend.Error{Code: "0A000", Message: "the table cannot be changed", Detail: x.Table.ReadOnly}
				}
				if err := c.own(ctx, []string{x.Table.Name}, true); err != nil {
					return err
				}
				return definer.Define(ctx, c.duck, change)
			})
		}
	}
	return &backend.Error{Code: "0A000", Message: "files of data frames keep columns and rows only: no keys, indexes, defaults or views"}
}

// create makes a table whose file is written when the transaction commits.
func (c *conn) create(ctx context.Context, definer backend.Definer, x *dialect.CreateTable) error {
	name := x.Table.Name
	if x.Table.Schema != schemaName || strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, ".") || part.MatchString(name) {
		return &backend.Error{Code: "0A000", Message: fmt.Sprintf("a folder of data frames cannot hold a table %s.%s", x.Table.Schema, name)}
	}
	if len(x.Table.Checks) > 0 {
		return &backend.Error{Code: "0A000", Message: "files of data frames keep columns and rows only: no CHECK constraints"}
	}
	if !c.holds {
		if err := c.engine.lock(ctx); err != nil {
			return err
		}
		c.holds = true
	}
	if err := definer.Define(ctx, c.duck, x); err != nil {
		return err
	}
	if c.made == nil {
		c.made = map[string]frame{}
	}
	c.made[name] = frame{name: name, format: parquet, files: []string{filepath.Join(c.engine.dir, name+".parquet")}}
	c.changed[name] = true
	return nil
}

// drop removes a table; its files go when the transaction commits.
func (c *conn) drop(ctx context.Context, t *dialect.Table) error {
	if err := c.own(ctx, []string{t.Name}, false); err != nil {
		return err
	}
	if err := duckdb.Run(ctx, c.duck, "DROP TABLE main."+quote(t.Name)); err != nil {
		return err
	}
	c.engine.mu.Lock()
	f := c.engine.shown[t.Name]
	c.engine.mu.Unlock()
	delete(c.changed, t.Name)
	if _, ok := c.made[t.Name]; ok {
		delete(c.made, t.Name)
		return nil
	}
	if c.removed == nil {
		c.removed = map[string]frame{}
	}
	c.removed[t.Name] = f
	return nil
}

// keptRows are rows that outlive the transaction in which they were read.
type keptRows struct{ kept *spool.Spool }

// fill reads rows to their end.
func (k *keptRows) fill(ctx context.Context, rows backend.Rows) error {
	for {
		row, err := rows.Next(ctx)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, rows.Close())
		}
		if err := k.kept.Add(row); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
}

// Next implements backend.Rows.
func (k *keptRows) Next(context.Context) ([][]byte, error) { return k.kept.Next() }

// Close implements backend.Rows.
func (k *keptRows) Close() error { return k.kept.Close() }

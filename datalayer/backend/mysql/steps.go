package mysql

import (
	"context"
	"fmt"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// stepPoint is the savepoint of statements that are done in steps.
const stepPoint = "pinnacle_step"

// atomically runs steps so that all of them or none count.
func (c *Conn) atomically(ctx context.Context, steps func() error) error {
	if !c.inTransaction {
		if err := c.Begin(ctx, backend.TxMode{}); err != nil {
			return err
		}
		if err := steps(); err != nil {
			_ = c.Rollback(ctx) // the first error is the one to tell
			return err
		}
		return c.Commit(ctx)
	}
	if err := c.Savepoint(ctx, stepPoint); err != nil {
		return err
	}
	if err := steps(); err != nil {
		if c.doomed || c.session.lost {
			return err
		}
		if back := c.RollbackTo(context.WithoutCancel(ctx), stepPoint); back != nil {
			c.doomed = true // half of the steps stand: nothing but an end is right now
		}
		return err
	}
	return c.Release(ctx, stepPoint)
}

// collect runs a query and appends its rows.
func (c *Conn) collect(ctx context.Context, p *Program, params [][]byte, into *spool.Spool) error {
	found, err := c.query(ctx, p, params)
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }() // it is at its end, or the error is known
	for {
		row, err := found.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = into.Add(row)
		}
		if err != nil {
			return err
		}
	}
}

// spooled are rows that steps have collected.
type spooled struct{ *spool.Spool }

// Next implements backend.Rows.
func (s spooled) Next(ctx context.Context) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	return s.Spool.Next()
}

// collected runs steps that fill a spool, and gives its rows.
func (c *Conn) collected(ctx context.Context, steps func(into *spool.Spool) error) (backend.Rows, error) {
	into := spool.New(c.engine.options.Spool)
	if err := c.atomically(ctx, func() error { return steps(into) }); err != nil {
		_ = into.Close() // the first error is the one to tell
		return nil, err
	}
	return spooled{into}, nil
}

// insertion is an INSERT in steps: all rows at once where that does, otherwise row by row.
type insertion struct {
	// whole is the statement without DO NOTHING and RETURNING.
	whole *Program
	each  []insertedRow
	// doNothing passes over rows whose key is taken.
	doNothing, returning bool
}

// insertedRow is one row of an insertion.
type insertedRow struct {
	insert *Program
	// back reads the row again by its key; nil where insert itself gives it.
	back *Program
	// counted says that the last parameter of back is the number that AUTO_INCREMENT gave.
	counted int
}

// insertInSteps compiles an INSERT with DO NOTHING or RETURNING.
func (e *Engine) insertInSteps(s *dialect.Insert) (*Program, error) {
	plain := *s
	plain.DoNothing, plain.Returning = false, nil
	whole, err := e.plainInsert(&plain)
	if err != nil {
		return nil, err
	}
	steps := &insertion{whole: whole, doNothing: s.DoNothing, returning: len(s.Returning) > 0}
	rows := s.Rows
	if len(rows) == 0 {
		rows = [][]dialect.Expr{nil}
	}
	for _, row := range rows {
		one := plain
		one.Rows = [][]dialect.Expr{row}
		var step insertedRow
		if steps.returning && e.server.mariaDB {
			one.Returning = s.Returning
		}
		if step.insert, err = e.plainInsert(&one); err != nil {
			return nil, err
		}
		if steps.returning && !e.server.mariaDB {
			if step.back, step.counted, err = e.readBack(s, row); err != nil {
				return nil, err
			}
		}
		steps.each = append(steps.each, step)
	}
	text := whole.text
	if s.DoNothing {
		text += " /* rows whose key is taken are passed over */"
	}
	return &Program{text: text, steps: steps, guess: -1}, nil
}

// readBack compiles the select of a row that was inserted, by its primary key. counted is the parameter for the number
// that AUTO_INCREMENT gave, 0 for none: it is one more than those of the statement can be.
func (e *Engine) readBack(s *dialect.Insert, row []dialect.Expr) (p *Program, counted int, err error) {
	t := s.Into.Table
	if len(t.PrimaryKey) == 0 {
		return nil, 0, &backend.Error{Code: "0A000", Message: fmt.Sprintf("INSERT … RETURNING needs a primary key, and table %q has none", t.Name), Table: t.Name}
	}
	key := &dialect.RowKey{}
	for _, name := range t.PrimaryKey {
		column := t.Column(name)
		var value dialect.Expr = &dialect.Default{}
		for i, c := range s.Columns {
			if c == column && i < len(row) {
				value = row[i]
			}
		}
		if _, ok := value.(*dialect.Default); ok {
			if column.Generated != dialect.Identity {
				return nil, 0, &backend.Error{Code: "0A000", Message: "INSERT … RETURNING needs the values of the primary key", Table: t.Name, Column: name}
			}
			counted = lastNumber
			value = &dialect.Param{Number: lastNumber, Type: column.Type}
		}
		key.Columns, key.Values = append(key.Columns, column), append(key.Values, value)
	}
	p, err = e.compileSelect(&dialect.Select{Columns: unqualified(s.Returning), From: &dialect.Relation{Table: t}, Where: []dialect.Expr{key}})
	return p, counted, err
}

// lastNumber is the number of the parameter that stands for AUTO_INCREMENT's number: beyond those of any statement.
const lastNumber = 1 << 16

// exec implements steps.
func (s *insertion) exec(ctx context.Context, c *Conn, params [][]byte) (n int64, err error) {
	err = c.atomically(ctx, func() error {
		if n, err = c.exec(ctx, s.whole, params); err == nil || !s.passes(err) {
			return err
		}
		n = 0 // the server has taken back what of the statement had gone in
		for _, row := range s.each {
			one, err := c.exec(ctx, row.insert, params)
			if err != nil && !s.passes(err) {
				return err
			}
			n += one
		}
		return nil
	})
	return n, err
}

// passes says whether an error is that of a key that is taken, where such rows are passed over.
func (s *insertion) passes(err error) bool { return s.doNothing && numberOf(err) == errDuplicate }

// query implements steps.
func (s *insertion) query(ctx context.Context, c *Conn, params [][]byte) (backend.Rows, error) {
	return c.collected(ctx, func(into *spool.Spool) error {
		for _, row := range s.each {
			if err := row.run(ctx, c, params, into); err != nil && !s.passes(err) {
				return err
			}
		}
		return nil
	})
}

// run inserts a row and puts it into a spool.
func (r insertedRow) run(ctx context.Context, c *Conn, params [][]byte, into *spool.Spool) error {
	if r.back == nil {
		return c.collect(ctx, r.insert, params, into)
	}
	if _, err := c.exec(ctx, r.insert, params); err != nil {
		return err
	}
	if r.counted > 0 {
		rows, err := c.session.ask("SELECT LAST_INSERT_ID()")
		if err != nil {
			return c.after(err)
		}
		all := make([][]byte, r.counted)
		copy(all, params)
		all[r.counted-1] = []byte(rows[0][0])
		params = all
	}
	return c.collect(ctx, r.back, params, into)
}

// update is an UPDATE with RETURNING: the keys of the rows, the change, the rows.
type update struct{ keys, change, back *Program }

// updateInSteps compiles an UPDATE with RETURNING.
func (e *Engine) updateInSteps(s *dialect.Update) (*Program, error) {
	t := s.Table.Table
	if len(t.PrimaryKey) == 0 {
		return nil, &backend.Error{Code: "0A000", Message: fmt.Sprintf("UPDATE … RETURNING needs a primary key, and table %q has none", t.Name), Table: t.Name}
	}
	plain := *s
	plain.Returning = nil
	keys := &dialect.Select{From: s.Table, Where: s.Where, Lock: true}
	key := &dialect.RowKey{}
	for i, name := range t.PrimaryKey {
		column := t.Column(name)
		var now dialect.Expr = &dialect.ColumnRef{Relation: s.Table.Alias, Column: column, Name: name, Type: column.Type}
		for _, a := range s.Set {
			if a.Column == column {
				return nil, &dialect.Unproven{What: "UPDATE of a primary key with RETURNING"}
			}
		}
		keys.Columns = append(keys.Columns, now)
		key.Columns = append(key.Columns, column)
		key.Values = append(key.Values, &dialect.Param{Number: i + 1, Type: column.Type})
	}
	var steps update
	var err error
	if steps.keys, err = e.compileSelect(keys); err != nil {
		return nil, err
	}
	if steps.change, err = e.compileUpdate(&plain); err != nil {
		return nil, err
	}
	if steps.back, err = e.compileSelect(&dialect.Select{Columns: unqualified(s.Returning), From: &dialect.Relation{Table: t}, Where: []dialect.Expr{key}}); err != nil {
		return nil, err
	}
	return &Program{text: steps.keys.text + "; " + steps.change.text + "; " + steps.back.text, steps: &steps, guess: -1}, nil
}

// exec implements steps.
func (u *update) exec(ctx context.Context, c *Conn, params [][]byte) (int64, error) {
	return c.exec(ctx, u.change, params)
}

// query implements steps.
func (u *update) query(ctx context.Context, c *Conn, params [][]byte) (backend.Rows, error) {
	return c.collected(ctx, func(into *spool.Spool) error {
		keys := spool.New(c.engine.options.Spool)
		defer func() { _ = keys.Close() }() // nothing of it is wanted any more
		if err := c.collect(ctx, u.keys, params, keys); err != nil {
			return err
		}
		if _, err := c.exec(ctx, u.change, params); err != nil {
			return err
		}
		for {
			key, err := keys.Next()
			if err == io.EOF {
				return nil
			}
			if err == nil {
				err = c.collect(ctx, u.back, key, into)
			}
			if err != nil {
				return err
			}
		}
	})
}

// deletion is a DELETE with RETURNING for MySQL: the rows, then the change.
type deletion struct{ rows, change *Program }

// deleteInSteps compiles a DELETE with RETURNING.
func (e *Engine) deleteInSteps(s *dialect.Delete) (*Program, error) {
	plain := *s
	plain.Returning = nil
	var steps deletion
	var err error
	if steps.rows, err = e.compileSelect(&dialect.Select{Columns: s.Returning, From: s.Table, Where: s.Where, Lock: true}); err != nil {
		return nil, err
	}
	if steps.change, err = e.compileDelete(&plain); err != nil {
		return nil, err
	}
	return &Program{text: steps.rows.text + "; " + steps.change.text, steps: &steps, guess: -1}, nil
}

// exec implements steps.
func (d *deletion) exec(ctx context.Context, c *Conn, params [][]byte) (int64, error) {
	return c.exec(ctx, d.change, params)
}

// query implements steps.
func (d *deletion) query(ctx context.Context, c *Conn, params [][]byte) (backend.Rows, error) {
	return c.collected(ctx, func(into *spool.Spool) error {
		if err := c.collect(ctx, d.rows, params, into); err != nil {
			return err
		}
		_, err := c.exec(ctx, d.change, params)
		return err
	})
}

// truncation empties several tables.
type truncation []*Program

// exec implements steps.
func (t truncation) exec(ctx context.Context, c *Conn, params [][]byte) (int64, error) {
	return 0, c.atomically(ctx, func() error {
		for _, p := range t {
			if _, err := c.exec(ctx, p, params); err != nil {
				return err
			}
		}
		return nil
	})
}

// query implements steps.
func (t truncation) query(ctx context.Context, c *Conn, params [][]byte) (backend.Rows, error) {
	if _, err := t.exec(ctx, c, params); err != nil {
		return nil, err
	}
	return spooled{spool.New(c.engine.options.Spool)}, nil
}

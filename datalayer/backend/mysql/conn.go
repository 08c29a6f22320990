package mysql

import (
	"context"
	"database/sql/driver"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// Conn is a session of an Engine for one user.
type Conn struct {
	engine  *Engine
	session *session
	// open are the rows that the connection still gives, nil for none.
	open *rows
	// inTransaction: between Begin and its end. doomed says that the server itself has rolled the transaction back: until
	// the end is said nothing runs, for it would be durable at once.
	inTransaction, doomed, closed bool
}

// ready makes the connection free for a statement.
func (c *Conn) ready() error {
	switch {
	case c.closed || c.session.lost:
		return &backend.Error{Code: "08003", Message: "the session of the databackend is gone", Lost: true}
	case c.doomed:
		return &backend.Error{Code: "25P02", Message: "current transaction is aborted, commands ignored until end of transaction block",
			Detail: "The databackend has rolled it back."}
	}
	return c.park()
}

// park puts the rest of open rows aside.
func (c *Conn) park() error {
	if c.open == nil {
		return nil
	}
	return explain(c.open.park())
}

// after notes what an error has done to the transaction, and makes it one for users.
func (c *Conn) after(err error) error {
	if n := numberOf(err); c.inTransaction && (n == errDeadlock || n == errChanged) {
		c.doomed = true // the server has rolled back the whole transaction
	}
	return explain(err)
}

// Begin implements backend.Conn.
func (c *Conn) Begin(ctx context.Context, mode backend.TxMode) error {
	if err := c.ready(); err != nil {
		return err
	}
	level, begin := "REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE"
	if mode.Serializable {
		level, begin = "SERIALIZABLE", "START TRANSACTION READ WRITE"
	}
	if mode.ReadOnly {
		begin = begin[:len(begin)-len("WRITE")] + "ONLY"
	}
	if err := c.session.run(ctx, "SET TRANSACTION ISOLATION LEVEL "+level); err != nil {
		return c.after(err)
	}
	if err := c.session.run(ctx, begin); err != nil {
		return c.after(err)
	}
	c.inTransaction = true
	return nil
}

// Commit implements backend.Conn.
func (c *Conn) Commit(ctx context.Context) error {
	if err := c.ready(); err != nil {
		return err
	}
	err := c.session.run(ctx, "COMMIT")
	if err == nil {
		c.inTransaction = false
	}
	return c.after(err)
}

// Rollback implements backend.Conn.
func (c *Conn) Rollback(ctx context.Context) error {
	if c.closed || c.session.lost {
		c.inTransaction, c.doomed = false, false
		return nil // the server rolls back what a lost connection has begun
	}
	if c.open != nil {
		_ = c.open.Close() // its errors are the rows' own
	}
	if !c.inTransaction {
		return nil
	}
	err := c.session.run(context.WithoutCancel(ctx), "ROLLBACK")
	c.inTransaction, c.doomed = false, false
	if err != nil {
		c.session.lost = true // what it has begun must not go on
	}
	return explain(err)
}

// Savepoint implements backend.Conn.
func (c *Conn) Savepoint(ctx context.Context, name string) error {
	return c.savepoint(ctx, "SAVEPOINT ", name)
}

// Release implements backend.Conn.
func (c *Conn) Release(ctx context.Context, name string) error {
	return c.savepoint(ctx, "RELEASE SAVEPOINT ", name)
}

// RollbackTo implements backend.Conn.
func (c *Conn) RollbackTo(ctx context.Context, name string) error {
	return c.savepoint(ctx, "ROLLBACK TO SAVEPOINT ", name)
}

// savepoint runs one of the three. In MySQL a second savepoint of a name takes the first one's place, where PostgreSQL
// keeps both; the names that postgres_fdw gives (s2, s3, …) are unique at any time.
func (c *Conn) savepoint(ctx context.Context, verb, name string) error {
	if err := c.ready(); err != nil {
		return err
	}
	return c.after(c.session.run(ctx, verb+quote(name)))
}

// Query implements backend.Conn.
func (c *Conn) Query(ctx context.Context, program backend.Program, params [][]byte) (backend.Rows, error) {
	p, err := c.begin(ctx, program)
	if err != nil {
		return nil, err
	}
	if p.steps != nil {
		return p.steps.query(ctx, c, params)
	}
	return c.query(ctx, p, params)
}

// query runs a statement that gives rows.
func (c *Conn) query(ctx context.Context, p *Program, params [][]byte) (*rows, error) {
	args, err := p.bind(params)
	if err != nil {
		return nil, err
	}
	s := c.session
	w := s.watch(ctx)
	stmt, done, err := s.prepare(p.text, p.keep)
	if err != nil {
		return nil, c.after(w.end(s.failed(err)))
	}
	found, err := stmt.Query(args) //nolint:staticcheck // with a context the driver would cut the connection
	if err != nil {
		done()
		return nil, c.after(w.end(s.failed(err)))
	}
	c.open = &rows{conn: c, program: p, found: found, watch: w, done: done, values: make([]driver.Value, len(found.Columns())), row: make([][]byte, len(p.columns)), text: make([]byte, 0, 256)}
	return c.open, nil
}

// Exec implements backend.Conn.
func (c *Conn) Exec(ctx context.Context, program backend.Program, params [][]byte) (int64, error) {
	p, err := c.begin(ctx, program)
	if err != nil {
		return 0, err
	}
	if p.steps != nil {
		return p.steps.exec(ctx, c, params)
	}
	return c.exec(ctx, p, params)
}

// exec runs a statement that gives no rows.
func (c *Conn) exec(ctx context.Context, p *Program, params [][]byte) (int64, error) {
	args, err := p.bind(params)
	if err != nil {
		return 0, err
	}
	result, err := c.session.exec(ctx, p.text, args, p.keep)
	if err != nil {
		return 0, c.after(err)
	}
	n, err := result.RowsAffected()
	return n, explain(err)
}

// begin checks a program and makes the connection free for it.
func (c *Conn) begin(ctx context.Context, program backend.Program) (*Program, error) {
	p, ok := program.(*Program)
	if !ok {
		return nil, &backend.Error{Code: "XX000", Message: "a program of another engine"}
	}
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	return p, c.ready()
}

// Close implements backend.Conn.
func (c *Conn) Close() error {
	if c.closed {
		return nil
	}
	err := c.Rollback(context.Background())
	c.closed = true
	c.engine.give(c.session)
	return err
}

var _ backend.Conn = (*Conn)(nil)

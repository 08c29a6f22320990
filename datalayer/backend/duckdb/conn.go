package duckdb

import (
	"context"
	"errors"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// keptStatements is how many prepared statements a session keeps.
const keptStatements = 64

// session is one connection with its prepared statements.
type session struct {
	engine   *engine
	c        *connection
	prepared map[*program]*statement
	// broken says that it is not to be used again.
	broken bool
}

// end closes the connection.
func (s *session) end() {
	for _, st := range s.prepared {
		st.close()
	}
	s.prepared = nil
	s.c.close()
}

// statementFor gives a prepared statement of a program.
func (s *session) statementFor(p *program) (*statement, error) {
	if st := s.prepared[p]; st != nil {
		return st, nil
	}
	st, err := s.c.prepare(p.SQL)
	if err != nil {
		return nil, err
	}
	if len(s.prepared) >= keptStatements {
		for old, o := range s.prepared {
			o.close()
			delete(s.prepared, old)
			break
		}
	}
	s.prepared[p] = st
	return st, nil
}

// conn implements backend.Conn.
type conn struct {
	session *session
	// open is the result that is being read: DuckDB has one at a time.
	open   *rows
	inside bool
}

// control runs a statement about transactions, after the result that is open was read ahead.
func (c *conn) control(ctx context.Context, sql string) error {
	if err := c.readAhead(ctx); err != nil {
		return err
	}
	_, err := c.session.c.run(sql)
	return asError(ctx, err, nil)
}

// Begin implements backend.Conn. A transaction sees one snapshot, from its first statement on.
func (c *conn) Begin(ctx context.Context, mode backend.TxMode) error {
	if c.inside {
		return &backend.Error{Code: "25001", Message: "there is already a transaction in progress"}
	}
	sql := "BEGIN TRANSACTION"
	if mode.ReadOnly {
		sql += " READ ONLY"
	}
	if err := c.control(ctx, sql); err != nil {
		return err
	}
	c.inside = true
	return nil
}

// Commit implements backend.Conn.
func (c *conn) Commit(ctx context.Context) error {
	if !c.inside {
		return &backend.Error{Code: "25P01", Message: "there is no transaction in progress"}
	}
	c.abandon()
	c.inside = false
	_, err := c.session.c.run("COMMIT")
	if err != nil {
		// A failed COMMIT ended the transaction already, or left it aborted.
		_, _ = c.session.c.run("ROLLBACK")
	}
	return asError(ctx, err, nil)
}

// Rollback implements backend.Conn.
func (c *conn) Rollback(ctx context.Context) error {
	c.abandon()
	if !c.inside {
		return nil
	}
	c.inside = false
	_, err := c.session.c.run("ROLLBACK")
	if err != nil {
		c.session.broken = true
	}
	return asError(ctx, err, nil)
}

// abandon ends the result that is open, because its transaction ends.
func (c *conn) abandon() {
	if c.open != nil {
		c.open.abandon()
	}
}

// noSavepoints is the answer to what DuckDB lacks.
func noSavepoints() error {
	return &backend.Error{Code: "0A000", Message: "DuckDB has no savepoints",
		Hint: "Roll the whole transaction back, or let each change be a transaction of its own."}
}

// Savepoint implements backend.Conn.
func (c *conn) Savepoint(context.Context, string) error { return noSavepoints() }

// Release implements backend.Conn.
func (c *conn) Release(context.Context, string) error { return noSavepoints() }

// RollbackTo implements backend.Conn.
func (c *conn) RollbackTo(context.Context, string) error { return noSavepoints() }

// readAhead moves the open result to a spool: DuckDB forgets it when another statement begins.
func (c *conn) readAhead(ctx context.Context) error {
	if c.open == nil {
		return nil
	}
	return c.open.detach(ctx)
}

// start prepares a program and binds its parameters.
func (c *conn) start(ctx context.Context, p backend.Program, params [][]byte) (*program, *statement, error) {
	prog, ok := p.(*program)
	if !ok {
		return nil, nil, &backend.Error{Code: "XX000", Message: "a program of another engine"}
	}
	if err := c.readAhead(ctx); err != nil {
		return nil, nil, err
	}
	if ctx.Err() != nil {
		return nil, nil, canceled(ctx)
	}
	st, err := c.session.statementFor(prog)
	if err != nil {
		return nil, nil, asError(ctx, err, prog.Table)
	}
	for i, a := range prog.Args {
		text, err := prog.Param(i, params)
		var value any
		if err == nil {
			value, err = a.Form.write(text)
		}
		if err == nil {
			err = st.bind(i+1, value)
		}
		if err != nil {
			return nil, nil, asError(ctx, err, prog.Table)
		}
	}
	return prog, st, nil
}

// Query implements backend.Conn.
func (c *conn) Query(ctx context.Context, p backend.Program, params [][]byte) (backend.Rows, error) {
	prog, st, err := c.start(ctx, p, params)
	if err != nil {
		return nil, err
	}
	defer c.session.c.watch(ctx)()
	s, err := st.stream()
	if err != nil {
		c.forget(prog, err)
		return nil, asError(ctx, err, prog.Table)
	}
	r := &rows{conn: c, program: prog, stream: s, buf: make([]byte, 0, 1024)} // of a buffer that is nil an empty text would be NULL
	c.open = r
	if !prog.Changes {
		return r, nil
	}
	return r, r.detach(ctx) // so that the change is done
}

// Exec implements backend.Conn.
func (c *conn) Exec(ctx context.Context, p backend.Program, params [][]byte) (int64, error) {
	prog, st, err := c.start(ctx, p, params)
	if err != nil {
		return 0, err
	}
	defer c.session.c.watch(ctx)()
	n, err := st.execute()
	if err != nil {
		c.forget(prog, err)
	}
	return n, asError(ctx, err, prog.Table)
}

// forget drops a prepared statement that failed: its plan may be of a schema that is gone.
func (c *conn) forget(p *program, err error) {
	var f *failure
	if st := c.session.prepared[p]; st != nil && errors.As(err, &f) && !strings.HasPrefix(f.message, "Constraint") {
		st.close()
		delete(c.session.prepared, p)
	}
}

// Estimate implements backend.Conn.
func (c *conn) Estimate(_ context.Context, p backend.Program) (float64, error) {
	prog, ok := p.(*program)
	if !ok {
		return -1, nil
	}
	return prog.Guess, nil
}

// Close implements backend.Conn.
func (c *conn) Close() error {
	if c.session == nil {
		return nil
	}
	err := c.Rollback(context.Background())
	c.session.engine.giveBack(c.session)
	c.session = nil
	return err
}

// quote writes an identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

package sqlite

import (
	"context"
	"errors"
	"strings"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// busySlice is how long the library itself waits for a lock. Longer waits are repetitions, between which a cancelled
// context is seen.
const busySlice = 50 * time.Millisecond

// keptStatements is how many prepared statements a session keeps.
const keptStatements = 64

// session is one connection with its prepared statements.
type session struct {
	engine   *engine
	h        *handle
	prepared map[*program]*statement
}

// end closes the connection.
func (s *session) end() error {
	for _, st := range s.prepared {
		st.finalize()
	}
	s.prepared = nil
	return s.h.close()
}

// patiently repeats what fails because of a lock, until the time of busy_timeout is over or ctx ends. A statement that
// fails so has done nothing.
func (s *session) patiently(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(s.engine.settings.busyTimeout)
	for {
		err := do()
		var f *failure
		if err == nil || !errors.As(err, &f) || f.code&0xff != lib.SQLITE_BUSY || f.code == lib.SQLITE_BUSY_SNAPSHOT {
			return err
		}
		if ctx.Err() != nil {
			return &backend.Error{Code: "57014", Message: "canceling statement due to user request", Err: context.Cause(ctx)}
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// texts runs a statement of the engine's own and gives all its rows as texts; NULL is "".
func (s *session) texts(sql string) ([][]string, error) {
	st, err := s.h.prepare(sql)
	if err != nil {
		return nil, err
	}
	defer st.finalize()
	var rows [][]string
	for {
		more, err := st.step()
		if err != nil || !more {
			return rows, err
		}
		row := make([]string, st.columns())
		for i := range row {
			row[i] = string(st.text(i))
		}
		rows = append(rows, row)
	}
}

// statementFor gives a prepared statement of a program that nobody uses now.
func (s *session) statementFor(p *program) (*statement, error) {
	if st := s.prepared[p]; st != nil && !st.busy {
		st.busy = true
		return st, nil
	}
	st, err := s.h.prepare(p.SQL)
	if err != nil {
		return nil, err
	}
	st.busy = true
	if s.prepared[p] != nil {
		return st, nil // for this run alone
	}
	if len(s.prepared) >= keptStatements {
		for old, o := range s.prepared {
			if !o.busy {
				o.finalize()
				delete(s.prepared, old)
				break
			}
		}
	}
	if len(s.prepared) < keptStatements {
		s.prepared[p] = st
	}
	return st, nil
}

// release gives a statement back.
func (s *session) release(p *program, st *statement) {
	if s.prepared[p] == st {
		st.reset()
		return
	}
	st.finalize()
}

// conn implements backend.Conn.
type conn struct {
	session *session
	// open are the results that are not read to the end.
	open map[*rows]struct{}
	// inside says that the caller began a transaction, readOnly how.
	inside, readOnly bool
}

// watch interrupts the connection when ctx ends, again and again, since SQLite forgets an interrupt that comes before
// the statement runs. The function that it gives back ends the watch.
func (c *conn) watch(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	enough, over := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		for {
			c.session.h.interrupt()
			select {
			case <-enough:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() {
		close(enough)
		if !stop() {
			<-over
		}
	}
}

// ready refuses statements after SQLite rolled the transaction back by itself, which it does when the disk is full or
// memory is short.
func (c *conn) ready() error {
	if c.inside && c.session.h.autocommit() {
		return &backend.Error{Code: "25P02", Message: "current transaction is aborted, commands ignored until end of transaction block",
			Detail: "SQLite rolled it back after an error."}
	}
	return nil
}

// control runs a statement about transactions.
func (c *conn) control(ctx context.Context, sql string) error {
	if err := c.ready(); err != nil {
		return err
	}
	return asError(ctx, c.session.patiently(ctx, func() error { return c.session.h.run(sql) }), nil)
}

// Begin implements backend.Conn. SQLite's transactions are serializable; the snapshot is taken by the first read.
func (c *conn) Begin(ctx context.Context, mode backend.TxMode) error {
	if c.inside {
		return &backend.Error{Code: "25001", Message: "there is already a transaction in progress"}
	}
	if mode.ReadOnly {
		if err := c.control(ctx, "PRAGMA query_only = on"); err != nil {
			return err
		}
		c.readOnly = true
	}
	if err := c.control(ctx, "BEGIN"); err != nil {
		return errors.Join(err, c.writable(ctx))
	}
	c.inside = true
	return nil
}

// writable ends a read-only transaction's mark.
func (c *conn) writable(ctx context.Context) error {
	if !c.readOnly {
		return nil
	}
	c.readOnly = false
	return asError(ctx, c.session.h.run("PRAGMA query_only = off"), nil)
}

// Commit implements backend.Conn.
func (c *conn) Commit(ctx context.Context) error {
	if !c.inside {
		return &backend.Error{Code: "25P01", Message: "there is no transaction in progress"}
	}
	for r := range c.open {
		r.abandon()
	}
	if err := c.control(ctx, "COMMIT"); err != nil {
		return errors.Join(err, c.Rollback(ctx))
	}
	c.inside = false
	return c.writable(ctx)
}

// Rollback implements backend.Conn. It works on a context that has ended as well.
func (c *conn) Rollback(ctx context.Context) error {
	for r := range c.open {
		r.abandon()
	}
	inside := c.inside
	c.inside = false
	if inside && !c.session.h.autocommit() {
		if err := c.session.h.run("ROLLBACK"); err != nil {
			return asError(ctx, err, nil)
		}
	}
	return c.writable(ctx)
}

// Savepoint implements backend.Conn.
func (c *conn) Savepoint(ctx context.Context, name string) error {
	return c.control(ctx, "SAVEPOINT "+quote(name))
}

// Release implements backend.Conn.
func (c *conn) Release(ctx context.Context, name string) error {
	return c.control(ctx, "RELEASE "+quote(name))
}

// RollbackTo implements backend.Conn. Results that are open are read ahead, since SQLite ends them.
func (c *conn) RollbackTo(ctx context.Context, name string) error {
	if err := c.readAhead(ctx); err != nil {
		return err
	}
	return c.control(ctx, "ROLLBACK TO "+quote(name))
}

// Query implements backend.Conn.
func (c *conn) Query(ctx context.Context, p backend.Program, params [][]byte) (backend.Rows, error) {
	prog, err := c.own(ctx, p)
	if err != nil {
		return nil, err
	}
	st, more, err := c.start(ctx, prog, params)
	if err != nil {
		return nil, err
	}
	r := &rows{conn: c, program: prog, st: st, stands: more, ended: !more, buf: make([]byte, 0, 1024)} // of a buffer that is nil an empty text would be NULL
	if !more {
		c.session.release(prog, st)
		return r, nil
	}
	if c.open == nil {
		c.open = map[*rows]struct{}{}
	}
	c.open[r] = struct{}{}
	if !prog.Changes {
		return r, nil
	}
	return c.finished(ctx, r)
}

// finished reads the rows of a change at once: SQLite has done all of the change with the first row, but a transaction
// of the statement's own ends with the last.
func (c *conn) finished(ctx context.Context, r *rows) (backend.Rows, error) {
	if err := r.detach(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Exec implements backend.Conn.
func (c *conn) Exec(ctx context.Context, p backend.Program, params [][]byte) (int64, error) {
	prog, err := c.own(ctx, p)
	if err != nil {
		return 0, err
	}
	st, more, err := c.start(ctx, prog, params)
	if err != nil {
		return 0, err
	}
	defer c.session.release(prog, st)
	defer c.watch(ctx)()
	for more {
		if more, err = st.step(); err != nil {
			return 0, asError(ctx, err, prog.Table)
		}
	}
	return c.session.h.changes(), nil
}

// own checks that a program is one of this engine's and that the session can run it. Before a change, results that are
// open are read ahead: they must not see it.
func (c *conn) own(ctx context.Context, p backend.Program) (*program, error) {
	prog, ok := p.(*program)
	if !ok {
		return nil, &backend.Error{Code: "XX000", Message: "a program of another engine"}
	}
	if err := c.ready(); err != nil {
		return nil, err
	}
	if prog.Changes {
		return prog, c.readAhead(ctx)
	}
	return prog, nil
}

// readAhead moves open results to spools.
func (c *conn) readAhead(ctx context.Context) error {
	for r := range c.open {
		if err := r.detach(ctx); err != nil {
			return err
		}
	}
	return nil
}

// start binds parameters and runs a program to its first row; more says that there is one.
func (c *conn) start(ctx context.Context, p *program, params [][]byte) (st *statement, more bool, err error) {
	defer c.watch(ctx)()
	if err := c.session.patiently(ctx, func() error { st, err = c.session.statementFor(p); return err }); err != nil {
		return nil, false, asError(ctx, err, p.Table)
	}
	for i, a := range p.Args {
		text, err := p.Param(i, params)
		var value any
		if err == nil {
			value, err = a.Form.write(text)
		}
		if err == nil {
			err = st.bind(i+1, value)
		}
		if err != nil {
			c.session.release(p, st)
			return nil, false, asError(ctx, err, p.Table)
		}
	}
	err = c.session.patiently(ctx, func() error {
		if more, err = st.step(); err != nil {
			lib.Xsqlite3_reset(st.h.tls, st.p) // bindings stay
		}
		return err
	})
	if err != nil {
		c.session.release(p, st)
		return nil, false, asError(ctx, err, p.Table)
	}
	return st, more, nil
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
	s := c.session
	c.session = nil
	if err != nil {
		return errors.Join(err, s.end())
	}
	return s.engine.giveBack(s)
}

// quote writes an identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

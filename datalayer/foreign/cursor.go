package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// cursor is an open cursor of a session. Its rows are taken from the engine as they are fetched.
type cursor struct {
	statement *Statement
	params    [][]byte
	columns   []dialect.Type
	// rows is nil until the first FETCH, and again after MOVE BACKWARD ALL.
	rows backend.Rows
	// ctx is that of the engine's statement; it outlives the FETCH in which it began.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// level is the number of savepoints that stood when it was declared: it goes with the last of them.
	level int
	ended bool
}

// declare opens a cursor. The engine's statement begins at once, so that it sees what is there now.
func (s *session) declare(c command, statement *Statement, params [][]byte) error {
	if !s.link.tx.open {
		return &backend.Error{Code: codeNoTransaction, Message: "DECLARE CURSOR can only be used in transaction blocks"}
	}
	if !statement.Reads() {
		return &backend.Error{Code: codeSyntaxError, Message: "a cursor is declared for a SELECT"}
	}
	if _, exists := s.cursors[c.name]; exists {
		return &backend.Error{Code: codeDuplicateCursor, Message: fmt.Sprintf("cursor %q already exists", c.name)}
	}
	cur := &cursor{statement: statement, params: cloneParams(params), columns: statement.Columns, level: len(s.link.tx.savepoints)}
	if err := cur.start(s); err != nil {
		return err
	}
	s.cursors[c.name] = cur
	return nil
}

// start begins the engine's statement.
func (c *cursor) start(s *session) (err error) {
	c.ctx, c.cancel = context.WithCancelCause(s.ctx)
	leave := s.cancellable(c.cancel)
	defer leave()
	if c.rows, err = s.link.run(c.ctx, c.statement, c.params); err != nil {
		err = failure(c.ctx, err)
		c.cancel(err)
	}
	return err
}

// rewind makes the next FETCH begin from the first row: the statement runs again, in the same transaction.
func (c *cursor) rewind() error {
	c.ended = false
	return c.close()
}

// close ends the engine's statement.
func (c *cursor) close() error {
	if c.rows == nil {
		return nil
	}
	err := c.rows.Close()
	c.rows = nil
	c.cancel(nil)
	return err
}

// fetch sends at most count rows, all of them where count is negative.
func (s *session) fetch(c command) (int64, error) {
	cur := s.cursors[c.name]
	if cur == nil {
		return 0, noCursor(c.name)
	}
	if cur.rows == nil && !cur.ended {
		if err := cur.start(s); err != nil {
			return 0, err
		}
	}
	leave := s.cancellable(cur.cancel)
	defer leave()
	var n int64
	for !cur.ended && (c.count < 0 || n < c.count) {
		row, err := cur.rows.Next(cur.ctx)
		if errors.Is(err, io.EOF) {
			cur.ended = true
			break
		}
		if err != nil {
			return n, failure(cur.ctx, err)
		}
		s.out.row(row)
		if s.out.err != nil {
			return n, s.out.err
		}
		n++
	}
	return n, nil
}

// noCursor is PostgreSQL's error.
func noCursor(name string) *backend.Error {
	return &backend.Error{Code: codeInvalidCursor, Message: fmt.Sprintf("cursor %q does not exist", name)}
}

// move rewinds a cursor.
func (s *session) move(c command) error {
	cur := s.cursors[c.name]
	if cur == nil {
		return noCursor(c.name)
	}
	return cur.rewind()
}

// closeCursor closes one cursor, or all where the name is empty.
func (s *session) closeCursor(name string) error {
	if name == "" {
		s.closeCursors(0)
		return nil
	}
	cur := s.cursors[name]
	if cur == nil {
		return noCursor(name)
	}
	delete(s.cursors, name)
	return cur.close()
}

// closeCursors closes those that were declared with level savepoints or more.
func (s *session) closeCursors(level int) {
	for name, cur := range s.cursors {
		if cur.level >= level {
			delete(s.cursors, name)
			_ = cur.close() // its rows are not wanted any more
		}
	}
}

// cloneParams copies what lies in a message's buffer.
func cloneParams(params [][]byte) [][]byte {
	if params == nil {
		return nil
	}
	out := make([][]byte, len(params))
	for i, p := range params {
		if p != nil {
			out[i] = append(make([]byte, 0, len(p)), p...)
		}
	}
	return out
}

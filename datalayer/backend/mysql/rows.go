package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
)

// drainMost is how many rows are read to get to the end of a result that is not wanted any more, before the server is
// told to stop.
const drainMost = 256

// rows are the rows of one statement: read from the connection, or, once another statement has come, from a spool.
type rows struct {
	conn    *Conn
	program *Program
	found   driver.Rows
	watch   *watch
	// done gives the prepared statement back.
	done   func()
	values []driver.Value
	row    [][]byte
	// text is the memory of row.
	text []byte
	kept *spool.Spool
	// err is how it ended: io.EOF, or why reading failed.
	err error
}

// Next implements backend.Rows.
func (r *rows) Next(ctx context.Context) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	if r.kept != nil {
		row, err := r.kept.Next()
		if err == io.EOF {
			err = r.err // reading may have failed behind the last row
		}
		return row, err
	}
	return r.read()
}

// read reads one row from the connection.
func (r *rows) read() ([][]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := r.found.Next(r.values); err != nil {
		return nil, r.end(r.conn.session.failed(err))
	}
	if r.text == nil {
		r.text = make([]byte, 0, 256) // an empty text is not NULL
	}
	r.text = r.text[:0]
	for i := range r.row {
		start := len(r.text)
		text, null, err := r.program.columns[i](r.text, r.values[i])
		if err != nil {
			return nil, r.end(err)
		}
		r.text = text
		if null {
			r.row[i] = nil
			continue
		}
		// An append may move the memory; what was given before stays where it was.
		r.row[i] = r.text[start:len(r.text):len(r.text)]
	}
	if r.program.rendered == nil {
		return r.row, nil
	}
	row, err := r.program.rendered.Row(r.row)
	if err != nil {
		return nil, r.end(err)
	}
	return row, nil
}

// end makes the connection free. err is io.EOF where the rows are at their end; otherwise the rest is not wanted.
func (r *rows) end(err error) error {
	if r.found == nil {
		return r.err
	}
	s := r.conn.session
	if err != io.EOF && numberOf(err) == 0 && !s.lost {
		r.skip()
	}
	closing := s.failed(r.found.Close())
	if numberOf(closing) == errInterrupted {
		closing = nil
	}
	r.done()
	problem := err
	if err == io.EOF {
		problem = closing
	}
	ended := r.watch.end(problem)
	r.found, r.conn.open = nil, nil
	if r.err = io.EOF; ended != nil {
		r.err = r.conn.after(ended)
	}
	return r.err
}

// skip gets to the end of the rows: by reading where there are few, otherwise by ending the statement.
func (r *rows) skip() {
	for range drainMost {
		if r.found.Next(r.values) != nil {
			return
		}
	}
	r.watch.cut()
}

// park reads the rest into a spool, so that the connection is free for another statement.
func (r *rows) park() error {
	kept := spool.New(r.conn.engine.options.Spool)
	for {
		row, err := r.read()
		if err != nil {
			break // r.err has it
		}
		if err := kept.Add(row); err != nil {
			_ = r.end(err) // it gives the error back
			return errors.Join(err, kept.Close())
		}
	}
	r.kept = kept
	return nil
}

// Close implements backend.Rows.
func (r *rows) Close() error {
	if r.kept != nil {
		return r.kept.Close()
	}
	if r.found != nil {
		_ = r.end(errUnwanted) // it gives the error back
	}
	r.err = io.EOF
	return nil
}

// errUnwanted ends rows that nobody reads any more.
var errUnwanted = errors.New("the rows are not wanted any more")

var _ backend.Rows = (*rows)(nil)

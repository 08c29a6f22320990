package sqlite

import (
	"context"
	"errors"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
)

// The rows that are read ahead of what is asked for: the first call reads one, each further one twice as many, up to
// these bounds of rows and bytes.
const (
	batchRows  = 256
	batchBytes = 256 << 10
)

// rows implements backend.Rows. They read the statement's rows as they are asked for, in batches, until something
// forces the rest to be read into a spool.
type rows struct {
	conn    *conn
	program *program
	st      *statement
	// stands says that the statement stands on a row that was not read yet, ended that it has none any more.
	stands, ended bool
	kept          *spool.Spool
	// batch are the rows read ahead: the values lie in buf behind one another, each ends at its place in ends, or is -1
	// for NULL. at is the next one to give, size how many rows the next batch may have.
	buf      []byte
	ends     []int
	at, size int
	start    int
	row      [][]byte
	// failed is the error behind the last row of the batch.
	failed error
}

// Next implements backend.Rows.
func (r *rows) Next(ctx context.Context) ([][]byte, error) {
	if r.at < len(r.ends) {
		return r.program.Row(r.give())
	}
	switch {
	case r.kept != nil:
		row, err := r.kept.Next()
		if err == io.EOF {
			err = r.failed
		}
		return row, err
	case r.failed != nil:
		return nil, r.failed
	case r.ended:
		return nil, io.EOF
	}
	r.read(ctx)
	return r.Next(ctx)
}

// give gives the next row of the batch.
func (r *rows) give() [][]byte {
	if r.row == nil {
		r.row = make([][]byte, len(r.program.Outputs))
	}
	for i := range r.row {
		end := r.ends[r.at+i]
		if end < 0 {
			r.row[i] = nil
			continue
		}
		r.row[i] = r.buf[r.start:end:end]
		r.start = end
	}
	r.at += len(r.row)
	return r.row
}

// read reads a batch. An error stands behind the rows that came before it.
func (r *rows) read(ctx context.Context) {
	defer r.conn.watch(ctx)()
	if r.buf == nil {
		r.buf = make([]byte, 0, 256) // an empty text is not NULL
	}
	r.buf, r.ends, r.at, r.start = r.buf[:0], r.ends[:0], 0, 0
	r.size = min(max(2*r.size, 1), batchRows)
	for n := 0; n < r.size && len(r.buf) < batchBytes; n++ {
		if !r.stands {
			more, err := r.st.step()
			if err != nil || !more {
				r.failed = asError(ctx, err, r.program.Table)
				r.end()
				return
			}
		}
		r.stands = false
		if err := r.values(); err != nil {
			r.ends = r.ends[:n*len(r.program.Outputs)]
			r.failed = err
			r.end()
			return
		}
	}
}

// values reads the row that the statement stands on.
func (r *rows) values() (err error) {
	for i, f := range r.program.Outputs {
		var null bool
		if r.buf, null, err = f.read(r.buf, r.st, i); err != nil {
			return err
		}
		end := len(r.buf)
		if null {
			end = -1
		}
		r.ends = append(r.ends, end)
	}
	return nil
}

// detach reads what is left into a spool, so that the statement is free. An error of the result's own is kept for those
// who read it.
func (r *rows) detach(ctx context.Context) error {
	if r.kept != nil {
		return nil
	}
	kept := spool.New(r.conn.session.engine.options.Spool)
	for {
		row, err := r.Next(ctx)
		if err != nil {
			r.end()
			if ctx.Err() != nil {
				return errors.Join(err, kept.Close())
			}
			r.kept, r.failed = kept, err // io.EOF is one
			return nil
		}
		if err := kept.Add(row); err != nil {
			r.end()
			return errors.Join(err, kept.Close())
		}
	}
}

// abandon ends rows because their transaction ended.
func (r *rows) abandon() {
	r.end()
	r.ends, r.at = nil, 0
	r.failed = &backend.Error{Code: "24000", Message: "the result ended with its transaction"}
}

// end frees the statement.
func (r *rows) end() {
	if r.ended {
		return
	}
	r.ended = true
	if r.st != nil {
		r.conn.session.release(r.program, r.st)
		r.st = nil
	}
	delete(r.conn.open, r)
}

// Close implements backend.Rows.
func (r *rows) Close() error {
	r.end()
	if r.kept != nil {
		return r.kept.Close()
	}
	return nil
}

package duckdb

import (
	"context"
	"errors"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// rows implements backend.Rows: chunk by chunk, as they are asked for.
type rows struct {
	conn    *conn
	program *program
	stream  *stream
	// at is the next row of the chunk, of size.
	at, size int
	row      [][]byte
	buf      []byte
	ends     []int
	kept     *spool.Spool
	// over is what the end of the rows is: io.EOF, or what went wrong; nil while there may be more.
	over error
}

// Next implements backend.Rows.
func (r *rows) Next(ctx context.Context) ([][]byte, error) {
	if r.kept != nil {
		row, err := r.kept.Next()
		if err == io.EOF {
			err = r.over
		}
		return row, err
	}
	if r.over != nil {
		return nil, r.over
	}
	if r.at == r.size {
		if err := r.fetch(ctx); err != nil {
			r.end(err)
			return nil, err
		}
	}
	row, err := r.values()
	if err != nil {
		r.end(err)
	}
	r.at++
	return row, err
}

// fetch goes to the next chunk.
func (r *rows) fetch(ctx context.Context) error {
	defer r.conn.session.c.watch(ctx)()
	n, err := r.stream.next()
	switch {
	case err != nil:
		return asError(ctx, err, r.program.Table)
	case n == 0:
		return io.EOF
	}
	r.at, r.size = 0, n
	return nil
}

// values reads one row of the chunk. All values lie in one buffer.
func (r *rows) values() ([][]byte, error) {
	if r.row == nil {
		r.row, r.ends = make([][]byte, len(r.program.Outputs)), make([]int, len(r.program.Outputs))
		r.buf = make([]byte, 0, 256) // an empty text is not NULL
	}
	if r.buf == nil {
		r.buf = make([]byte, 0, 256) // an empty text is no NULL
	}
	r.buf = r.buf[:0]
	for i, f := range r.program.Outputs {
		column := r.stream.columns[i]
		if column.null(r.at) {
			r.ends[i] = -1
			continue
		}
		var err error
		if f.json {
			var json []byte
			if json, err = column.appendJSON(nil, r.at); err == nil {
				r.buf, err = pgvalue.AppendJSONB(r.buf, json)
			}
		} else {
			r.buf, err = column.appendText(r.buf, r.at)
		}
		if err != nil {
			return nil, f.where(err)
		}
		r.ends[i] = len(r.buf)
	}
	start := 0
	for i, end := range r.ends {
		if end < 0 {
			r.row[i] = nil
			continue
		}
		r.row[i] = r.buf[start:end:end]
		start = end
	}
	return r.program.Row(r.row)
}

// where says which column an error is about.
func (f *form) where(err error) error {
	var known *backend.Error
	if errors.Is(err, pgvalue.ErrJSON) {
		return &backend.Error{Code: "22P02", Message: "a value is none that jsonb can hold", Column: f.column, Table: f.table, Err: err}
	}
	if errors.As(err, &known) && f.column != "" {
		known.Table, known.Column = f.table, f.column
		known.Message += " (column \"" + f.column + "\" of table \"" + f.table + "\")"
	}
	return err
}

// detach reads what is left into a spool, so that the connection is free. An error of the result's own is kept for
// those who read it.
func (r *rows) detach(ctx context.Context) error {
	if r.kept != nil || r.over != nil {
		return nil
	}
	kept := spool.New(r.conn.session.engine.options.Spool)
	for {
		row, err := r.Next(ctx)
		if err != nil {
			if ctx.Err() != nil || r.program.Changes && err != io.EOF {
				return errors.Join(err, kept.Close())
			}
			r.kept = kept
			return nil
		}
		if err := kept.Add(row); err != nil {
			r.end(err)
			return errors.Join(err, kept.Close())
		}
	}
}

// abandon ends rows because their transaction ended.
func (r *rows) abandon() {
	if r.over == nil {
		r.end(&backend.Error{Code: "24000", Message: "the result ended with its transaction"})
	}
}

// end frees the result.
func (r *rows) end(why error) {
	if r.over != nil {
		return
	}
	r.over = why
	r.stream.close()
	if r.conn.open == r {
		r.conn.open = nil
	}
}

// Close implements backend.Rows.
func (r *rows) Close() error {
	r.end(io.EOF)
	if r.kept != nil {
		return r.kept.Close()
	}
	return nil
}

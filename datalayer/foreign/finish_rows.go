package foreign

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// The size of a chunk, by rows and by bytes, whichever is reached first. The first is small, since few rows may be wanted.
const (
	firstChunkRows = 256
	chunkRows      = 65536
	chunkBytes     = 8 << 20
)

// finishSession is what a session that finishes is set to: the forms in which postgres_fdw reads values, and sequential
// scans that give a table's rows in their order.
const finishSession = `BEGIN;
SET LOCAL search_path = pg_catalog; SET LOCAL timezone = 'GMT'; SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres;
SET LOCAL extra_float_digits = 3; SET LOCAL synchronize_seqscans = off; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL client_min_messages = warning; SET LOCAL statement_timeout = 0`

// finishRows are the rows of a statement that a session of the local PostgreSQL finishes.
type finishRows struct {
	plan *finishing
	// params are those of the plan's text.
	params [][]byte
	conn   *pgxpool.Conn
	pg     *pgconn.PgConn
	// source are the engine's rows of the one relation of a chunked statement; nil once they are at their end.
	source backend.Rows
	chunk  int
	result *pgconn.ResultReader
	// skip and left are what is to be passed over and given of a chunked statement; left is negative without a limit.
	skip, left int64
	copy       copyText
}

// finishedRows begins a statement that is to be finished. The relations are read in full, but for a chunked statement.
func (l *link) finishedRows(ctx context.Context, f *finishing, params [][]byte) (rows backend.Rows, err error) {
	waiting, enough := context.WithTimeout(ctx, endTime)
	conn, err := l.server.config.Finish.Acquire(waiting)
	enough()
	if err != nil {
		return nil, &backend.Error{Code: codeTooManySessions, Message: "no session of the local PostgreSQL could be had to finish a statement", Detail: err.Error(), Err: err}
	}
	r := &finishRows{plan: f, params: (&variant{params: f.params}).values(params), conn: conn, pg: conn.Conn().PgConn(), chunk: firstChunkRows, skip: f.offset, left: f.limit}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	setup := finishSession
	for _, sc := range f.scans {
		setup += "; CREATE TEMPORARY TABLE " + quoteName(sc.table) + " (" + sc.create + ") ON COMMIT DROP"
	}
	if _, err := r.pg.Exec(ctx, setup).ReadAll(); err != nil {
		return nil, err
	}
	for _, sc := range f.scans {
		source, err := l.scan(ctx, sc, params)
		if err != nil {
			return nil, err
		}
		if f.chunked {
			r.source = source
			return r, nil
		}
		if err := r.load(ctx, sc.table, source, -1); err != nil {
			return nil, errors.Join(err, source.Close())
		}
		if err := source.Close(); err != nil {
			return nil, err
		}
	}
	if len(f.scans) > 1 {
		analyze := "ANALYZE"
		for i, sc := range f.scans {
			if i > 0 {
				analyze += ","
			}
			analyze += " pg_temp." + quoteName(sc.table)
		}
		if _, err := r.pg.Exec(ctx, analyze).ReadAll(); err != nil {
			return nil, err
		}
	}
	r.query(ctx)
	return r, nil
}

// scan reads one relation from the engine.
func (l *link) scan(ctx context.Context, sc *scan, params [][]byte) (backend.Rows, error) {
	rows, err := l.query(ctx, sc.program, (&variant{params: sc.params}).values(params), false)
	if err != nil {
		return nil, err
	}
	if sc.ids == nil {
		return rows, nil
	}
	return newTicketRows(rows, &l.tickets, sc.ids), nil
}

// query runs the statement over what was loaded.
func (r *finishRows) query(ctx context.Context) {
	r.result = r.pg.ExecParams(ctx, r.plan.text, r.params, nil, nil, nil)
}

// load copies rows into a temporary table, at most limit where it is not negative. When they end, source is nil.
func (r *finishRows) load(ctx context.Context, table string, source backend.Rows, limit int) error {
	r.copy = copyText{ctx: ctx, rows: source, limit: limit, buf: r.copy.buf[:0]}
	_, err := r.pg.CopyFrom(ctx, &r.copy, "COPY pg_temp."+quoteName(table)+" FROM STDIN")
	if r.copy.err != nil {
		return r.copy.err
	}
	return err
}

// Next implements backend.Rows.
func (r *finishRows) Next(ctx context.Context) ([][]byte, error) {
	if r.left == 0 {
		return nil, io.EOF
	}
	for {
		if r.result == nil {
			if r.source == nil {
				return nil, io.EOF
			}
			if err := r.nextChunk(ctx); err != nil {
				return nil, err
			}
		}
		for r.result.NextRow() {
			if r.skip > 0 {
				r.skip--
				continue
			}
			if r.left > 0 {
				r.left--
			}
			return r.result.Values(), nil
		}
		_, err := r.result.Close()
		r.result = nil
		if err != nil {
			return nil, err
		}
	}
}

// nextChunk loads as many rows as a chunk has, and runs the statement over them.
func (r *finishRows) nextChunk(ctx context.Context) error {
	table := r.plan.scans[0].table
	if r.chunk > firstChunkRows {
		if _, err := r.pg.Exec(ctx, "TRUNCATE pg_temp."+quoteName(table)).ReadAll(); err != nil {
			return err
		}
	}
	if err := r.load(ctx, table, r.source, r.chunk); err != nil {
		return err
	}
	if r.copy.ended {
		err := r.source.Close()
		r.source = nil
		if err != nil {
			return err
		}
	}
	r.chunk = min(chunkRows, r.chunk*4)
	r.query(ctx)
	return nil
}

// Close implements backend.Rows. The session's transaction is rolled back, and its temporary tables with it.
func (r *finishRows) Close() error {
	if r.conn == nil {
		return nil
	}
	var err error
	if r.source != nil {
		err = r.source.Close()
		r.source = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if r.result != nil {
		// What is left may be long: the session ends rather than to send it all.
		r.result = nil
		err = errors.Join(err, r.conn.Conn().Close(ctx))
	} else if _, rollback := r.pg.Exec(ctx, "ROLLBACK").ReadAll(); rollback != nil {
		_ = r.conn.Conn().Close(ctx) // the pool makes another
	}
	r.conn.Release()
	r.conn = nil
	return err
}

// copyText gives rows as the text that COPY FROM STDIN reads (PostgreSQL documentation, COPY, text format).
type copyText struct {
	ctx  context.Context
	rows backend.Rows
	// limit is how many rows are given, all of them if it is negative.
	limit, given, bytes int
	buf                 []byte
	at                  int
	ended               bool
	err                 error
}

// Read implements io.Reader.
func (c *copyText) Read(to []byte) (int, error) {
	if c.at == len(c.buf) {
		c.buf, c.at = c.buf[:0], 0
		for len(c.buf) < len(to) && !c.ended && (c.limit < 0 || c.given < c.limit && c.bytes < chunkBytes) {
			row, err := c.rows.Next(c.ctx)
			if errors.Is(err, io.EOF) {
				c.ended = true
				break
			}
			if err != nil {
				c.err = err
				return 0, err
			}
			before := len(c.buf)
			c.buf = appendCopyRow(c.buf, row)
			c.bytes += len(c.buf) - before
			c.given++
		}
	}
	if c.at == len(c.buf) {
		return 0, io.EOF
	}
	n := copy(to, c.buf[c.at:])
	c.at += n
	return n, nil
}

// appendCopyRow appends one line.
func appendCopyRow(dst []byte, row [][]byte) []byte {
	for i, v := range row {
		if i > 0 {
			dst = append(dst, '\t')
		}
		if v == nil {
			dst = append(dst, `\N`...)
			continue
		}
		for len(v) > 0 {
			n := bytes.IndexAny(v, "\\\t\n\r")
			if n < 0 {
				dst = append(dst, v...)
				break
			}
			dst = append(dst, v[:n]...)
			switch v[n] {
			case '\\':
				dst = append(dst, `\\`...)
			case '\t':
				dst = append(dst, `\t`...)
			case '\n':
				dst = append(dst, `\n`...)
			case '\r':
				dst = append(dst, `\r`...)
			}
			v = v[n+1:]
		}
	}
	return append(dst, '\n')
}

package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Conn is a session of an Engine. HTTP has none: each statement stands for itself, and what it writes is durable at once.
type Conn struct {
	engine *Engine
	closed bool
}

// lacksTransactions is the error for what needs one.
func lacksTransactions(what string) error {
	return &backend.Error{Code: "0A000", Message: "ClickHouse lacks " + what, Detail: "It has no transactions: what a statement writes is durable at once."}
}

// Begin implements backend.Conn. There is nothing to begin; the caller sees to it that at most one statement writes.
func (c *Conn) Begin(ctx context.Context, _ backend.TxMode) error { return explain(ctx.Err()) }

// Commit implements backend.Conn.
func (c *Conn) Commit(ctx context.Context) error { return explain(ctx.Err()) }

// Rollback implements backend.Conn.
func (c *Conn) Rollback(context.Context) error { return nil }

// Savepoint implements backend.Conn.
func (c *Conn) Savepoint(context.Context, string) error { return lacksTransactions("savepoints") }

// Release implements backend.Conn.
func (c *Conn) Release(context.Context, string) error { return lacksTransactions("savepoints") }

// RollbackTo implements backend.Conn.
func (c *Conn) RollbackTo(context.Context, string) error { return lacksTransactions("savepoints") }

// Query implements backend.Conn.
func (c *Conn) Query(ctx context.Context, program backend.Program, params [][]byte) (backend.Rows, error) {
	p, err := c.program(program)
	if err != nil {
		return nil, err
	}
	if p.rows != nil {
		return c.insertReturning(ctx, p, params)
	}
	text, err := p.statement(params)
	if err != nil {
		return nil, err
	}
	a, err := c.engine.send(ctx, text+rowFormat, nil)
	var lacking *backend.Error
	if errors.As(err, &lacking) && lacking.Code == "0A000" {
		return nil, &dialect.Unproven{What: "a statement that ClickHouse cannot run"}
	}
	if err != nil {
		return nil, err
	}
	return &rows{answer: a, columns: p.columns, rendered: p.rendered, row: make([][]byte, len(p.columns)), text: make([]byte, 0, 256)}, nil
}

// program checks that a program is one of this engine.
func (c *Conn) program(program backend.Program) (*Program, error) {
	p, ok := program.(*Program)
	switch {
	case !ok:
		return nil, &backend.Error{Code: "XX000", Message: "a program of another engine"}
	case c.closed:
		return nil, &backend.Error{Code: "08003", Message: "the session of the databackend is closed"}
	}
	return p, nil
}

// insertReturning runs an INSERT and gives back values that it says itself.
func (c *Conn) insertReturning(ctx context.Context, p *Program, params [][]byte) (backend.Rows, error) {
	var back said
	for _, row := range p.rows {
		values := make([][]byte, len(p.echo))
		for i, at := range p.echo {
			text, null, err := row[at].given(params)
			if err != nil {
				return nil, err
			}
			if !null {
				values[i] = []byte(text)
			}
		}
		back = append(back, values)
	}
	_, err := c.insert(ctx, p, params)
	return &back, err
}

// insert runs an INSERT.
func (c *Conn) insert(ctx context.Context, p *Program, params [][]byte) (int64, error) {
	data, err := p.data(params)
	if err != nil {
		return 0, err
	}
	text, err := p.statement(params)
	if err != nil {
		return 0, err
	}
	return int64(len(p.rows)), c.engine.run(ctx, text, data)
}

// Exec implements backend.Conn.
func (c *Conn) Exec(ctx context.Context, program backend.Program, params [][]byte) (int64, error) {
	p, err := c.program(program)
	if err != nil {
		return 0, err
	}
	if p.rows != nil {
		return c.insert(ctx, p, params)
	}
	text, err := p.statement(params)
	if err != nil {
		return 0, err
	}
	var n int64
	if p.count != nil {
		counting, err := p.count.statement(params)
		if err != nil {
			return 0, err
		}
		found, err := c.engine.ask(ctx, counting)
		if err != nil {
			return 0, err
		}
		if n, err = strconv.ParseInt(found[0][0], 10, 64); err != nil || n == 0 {
			return 0, explain(err)
		}
	}
	if err := c.engine.run(ctx, text, nil); err != nil {
		return 0, err
	}
	for _, more := range p.all {
		if _, err := c.Exec(ctx, more, params); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// Estimate implements backend.Conn: the rows of the parts that EXPLAIN ESTIMATE says are read.
func (c *Conn) Estimate(ctx context.Context, program backend.Program) (float64, error) {
	p, err := c.program(program)
	if err != nil || p.guess >= 0 || p.rows != nil || p.count != nil {
		if p == nil {
			return -1, err
		}
		return p.guess, err
	}
	for _, x := range p.pieces {
		if x.number > 0 || x.unknown {
			return -1, nil // the values are not known yet
		}
	}
	text, err := p.statement(nil)
	if err != nil {
		return -1, err
	}
	lines, err := c.engine.ask(ctx, "SELECT sum(rows) FROM (EXPLAIN ESTIMATE "+text+")")
	if err != nil || lines[0][0] == "" {
		return -1, err
	}
	return strconv.ParseFloat(lines[0][0], 64)
}

// Close implements backend.Conn.
func (c *Conn) Close() error {
	c.closed = true
	return nil
}

// rows are the rows of an answer.
type rows struct {
	answer  *answer
	columns []column
	// rendered is the program's.
	rendered *dialect.Rendered
	row      [][]byte
	// text is the memory of row.
	text []byte
}

// Next implements backend.Rows.
func (r *rows) Next(ctx context.Context) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	line, err := r.answer.line()
	if err != nil {
		return nil, err
	}
	if len(r.columns) == 0 {
		return r.row, nil
	}
	if r.text == nil {
		r.text = make([]byte, 0, 256) // an empty text is not NULL
	}
	r.text = r.text[:0]
	for i, c := range r.columns {
		field, rest, more := bytes.Cut(line, []byte{'\t'})
		if more != (i+1 < len(r.columns)) {
			return nil, r.answer.strange()
		}
		line = rest
		start := len(r.text)
		text, null, err := c.append(r.text, field)
		if err != nil {
			r.answer.leave()
			return nil, err
		}
		// An append may move the memory; what was given before stays where it was.
		r.text, r.row[i] = text, text[start:len(text):len(text)]
		if null {
			r.row[i] = nil
		}
	}
	if r.rendered == nil {
		return r.row, nil
	}
	row, err := r.rendered.Row(r.row)
	if err != nil {
		r.answer.leave()
	}
	return row, explain(err)
}

// Close implements backend.Rows.
func (r *rows) Close() error {
	r.answer.leave()
	return nil
}

// said are rows that a statement said itself.
type said [][][]byte

// Next implements backend.Rows.
func (s *said) Next(ctx context.Context) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	if len(*s) == 0 {
		return nil, io.EOF
	}
	row := (*s)[0]
	*s = (*s)[1:]
	return row, nil
}

// Close implements backend.Rows.
func (s *said) Close() error { return nil }

var _ backend.Conn = (*Conn)(nil)

package foreign_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// engine is a databackend that is itself a PostgreSQL, so that every answer can be compared with what a plain one gives.
type engine struct {
	url    string
	traits backend.Traits
	// refuse names what a statement holds that is not to go down, "" if it may.
	refuse func(dialect.Statement) string
	// late names the texts that are refused only when they run, which fails the transaction.
	late func(text string) bool
	// fetched counts the rows that were taken from Rows, connected the sessions.
	fetched, connected atomic.Int64

	mu   sync.Mutex
	pids map[uint32]bool
}

// program is a text for it.
type program struct{ text string }

// Text implements backend.Program.
func (p *program) Text() string { return p.text }

// Describe implements backend.Engine.
func (e *engine) Describe() string { return "PostgreSQL of a test" }

// Traits implements backend.Engine.
func (e *engine) Traits() backend.Traits { return e.traits }

// Ping implements backend.Engine.
func (e *engine) Ping(context.Context) error { return nil }

// Close implements backend.Engine.
func (e *engine) Close() error { return nil }

// Catalog implements backend.Engine.
func (e *engine) Catalog(ctx context.Context) (*dialect.Catalog, error) {
	conn, err := pgconn.Connect(ctx, e.url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, `SELECT c.relname, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), a.attnotnull,
		coalesce(a.attnum = ANY (i.indkey), false), a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval%', a.attgenerated <> ''
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, a.attnum`).ReadAll()
	if err != nil {
		return nil, err
	}
	c := &dialect.Catalog{}
	for _, row := range results[0].Rows {
		if n := len(c.Tables); n == 0 || c.Tables[n-1].Name != string(row[0]) {
			c.Tables = append(c.Tables, &dialect.Table{Schema: "public", Name: string(row[0]), Rows: 1000})
		}
		t := c.Tables[len(c.Tables)-1]
		oid, _ := strconv.ParseUint(string(row[2]), 10, 32)
		mod, _ := strconv.ParseInt(string(row[3]), 10, 32)
		column := &dialect.Column{Name: string(row[1]), Native: string(row[1]), Type: dialect.Type{OID: uint32(oid), Mod: int32(mod)},
			TypeName: string(row[4]), NotNull: string(row[5]) == "t", Bytewise: true, Exact: true}
		if string(row[6]) == "t" {
			t.PrimaryKey = append(t.PrimaryKey, column.Name)
		}
		switch {
		case string(row[7]) == "t":
			column.Generated = dialect.Identity
		case string(row[8]) == "t":
			column.Generated = dialect.Computed
		}
		t.Columns = append(t.Columns, column)
	}
	return c, nil
}

// Compile implements backend.Engine.
func (e *engine) Compile(s dialect.Statement) (backend.Program, error) {
	if e.refuse != nil {
		if what := e.refuse(s); what != "" {
			return nil, &dialect.Unproven{What: what}
		}
	}
	return &program{dialect.Format(s)}, nil
}

// Connect implements backend.Engine.
func (e *engine) Connect(ctx context.Context) (backend.Conn, error) {
	pg, err := pgconn.Connect(ctx, e.url)
	if err != nil {
		return nil, &backend.Error{Code: "08006", Message: "cannot connect", Err: err}
	}
	if _, err := pg.Exec(ctx, "SET search_path = pg_catalog; SET timezone = 'GMT'; SET extra_float_digits = 3").ReadAll(); err != nil {
		return nil, errors.Join(err, pg.Close(ctx))
	}
	e.connected.Add(1)
	return &conn{engine: e, pg: pg}, nil
}

// conn is one session of it, with one open result at most.
type conn struct {
	engine *engine
	pg     *pgconn.PgConn
}

// lost tells a session that is gone from other failures.
func (c *conn) fail(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code < "57P00" || errors.As(err, &pg) && pg.Code > "57P99" {
		return &backend.Error{Code: pg.Code, Message: pg.Message, Detail: pg.Detail, Hint: pg.Hint, Err: err}
	}
	return &backend.Error{Code: "08006", Message: "the session was lost", Err: err, Lost: c.pg.IsClosed() || errors.As(err, &pg)}
}

func (c *conn) run(ctx context.Context, text string) error {
	_, err := c.pg.Exec(ctx, text).ReadAll()
	return c.fail(err)
}

// Begin implements backend.Conn.
func (c *conn) Begin(ctx context.Context, mode backend.TxMode) error {
	text := "BEGIN ISOLATION LEVEL REPEATABLE READ"
	if mode.Serializable {
		text = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	}
	return c.run(ctx, text)
}

// Commit implements backend.Conn.
func (c *conn) Commit(ctx context.Context) error { return c.run(ctx, "COMMIT") }

// Rollback implements backend.Conn.
func (c *conn) Rollback(ctx context.Context) error { return c.run(ctx, "ROLLBACK") }

// Savepoint implements backend.Conn.
func (c *conn) Savepoint(ctx context.Context, name string) error {
	return c.run(ctx, "SAVEPOINT "+name)
}

// Release implements backend.Conn.
func (c *conn) Release(ctx context.Context, name string) error {
	return c.run(ctx, "RELEASE SAVEPOINT "+name)
}

// RollbackTo implements backend.Conn.
func (c *conn) RollbackTo(ctx context.Context, name string) error {
	return c.run(ctx, "ROLLBACK TO SAVEPOINT "+name)
}

// Query implements backend.Conn.
func (c *conn) Query(ctx context.Context, p backend.Program, params [][]byte) (backend.Rows, error) {
	if c.engine.late != nil && c.engine.late(p.Text()) {
		_ = c.run(ctx, "SELECT 1/0")
		return nil, &dialect.Unproven{What: "a value"}
	}
	r := c.pg.ExecParams(ctx, p.Text(), params, nil, nil, nil)
	out := &rows{conn: c, reader: r}
	if out.more = r.NextRow(); !out.more {
		if err := out.Close(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Exec implements backend.Conn.
func (c *conn) Exec(ctx context.Context, p backend.Program, params [][]byte) (int64, error) {
	result := c.pg.ExecParams(ctx, p.Text(), params, nil, nil, nil).Read()
	return result.CommandTag.RowsAffected(), c.fail(result.Err)
}

// Estimate implements backend.Conn.
func (c *conn) Estimate(ctx context.Context, p backend.Program) (float64, error) {
	results, err := c.pg.Exec(ctx, "EXPLAIN "+p.Text()).ReadAll()
	if err != nil {
		return -1, c.fail(err)
	}
	_, after, _ := strings.Cut(string(results[0].Rows[0][0]), " rows=")
	digits, _, _ := strings.Cut(after, " ")
	return strconv.ParseFloat(digits, 64)
}

// Close implements backend.Conn.
func (c *conn) Close() error { return c.pg.Close(context.Background()) }

// rows are the rows of a query; the first is there already.
type rows struct {
	conn   *conn
	reader *pgconn.ResultReader
	more   bool
	err    error
}

// Next implements backend.Rows.
func (r *rows) Next(context.Context) ([][]byte, error) {
	if !r.more {
		if r.err == nil {
			r.err = r.Close()
		}
		if r.err != nil {
			return nil, r.err
		}
		return nil, io.EOF
	}
	values := r.reader.Values()
	r.conn.engine.fetched.Add(1)
	// The next row overwrites this one's bytes, so it is asked for when this one has been used.
	r.more = false
	row := make([][]byte, len(values))
	for i, v := range values {
		if v != nil {
			row[i] = append([]byte{}, v...)
		}
	}
	r.more = r.reader.NextRow()
	return row, nil
}

// Close implements backend.Rows.
func (r *rows) Close() error {
	if r.reader == nil {
		return nil
	}
	_, err := r.reader.Close()
	r.reader, r.more = nil, false
	return r.conn.fail(err)
}

package session_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// readEngine is the databackend of these tests for reading: its SQL is the canonical form itself. What it does not implement
// is never called.
type readEngine struct {
	backend.Engine
	url string
	// runs counts queries.
	runs atomic.Int64
}

// Traits implements backend.Engine.
func (e *readEngine) Traits() backend.Traits {
	return backend.Traits{Transactions: true, Savepoints: true}
}

// Compile implements backend.Engine.
func (e *readEngine) Compile(s dialect.Statement) (backend.Program, error) {
	return readProgram(dialect.Format(s)), nil
}

// readProgram is the text of a statement.
type readProgram string

// Text implements backend.Program.
func (p readProgram) Text() string { return string(p) }

// Connect implements backend.Engine.
func (e *readEngine) Connect(ctx context.Context) (backend.Conn, error) {
	pg, err := pgconn.Connect(ctx, e.url)
	return &readConn{engine: e, pg: pg}, err
}

// readConn is one session of it.
type readConn struct {
	backend.Conn
	engine *readEngine
	pg     *pgconn.PgConn
}

// Rollback implements backend.Conn.
func (c *readConn) Rollback(context.Context) error { return nil }

// Close implements backend.Conn.
func (c *readConn) Close() error { return c.pg.Close(context.Background()) }

// Query implements backend.Conn.
func (c *readConn) Query(ctx context.Context, p backend.Program, params [][]byte) (backend.Rows, error) {
	c.engine.runs.Add(1)
	result := c.pg.ExecParams(ctx, p.Text(), params, nil, nil, nil).Read()
	return &readRows{rows: result.Rows}, result.Err
}

// readRows are rows that were read.
type readRows struct{ rows [][][]byte }

// Next implements backend.Rows.
func (r *readRows) Next(context.Context) ([][]byte, error) {
	if len(r.rows) == 0 {
		return nil, io.EOF
	}
	row := r.rows[0]
	r.rows = r.rows[1:]
	return row, nil
}

// Close implements backend.Rows.
func (r *readRows) Close() error { return nil }

// readCatalog are the tables of foreignTables and kindTable.
func readCatalog() *dialect.Catalog {
	table := func(schema, name string, columns ...*dialect.Column) *dialect.Table {
		return &dialect.Table{Schema: schema, Name: name, Columns: columns, PrimaryKey: []string{"id"}}
	}
	column := func(name string, oid uint32, mod int32) *dialect.Column {
		return &dialect.Column{Name: name, Native: name, Type: dialect.Type{OID: oid, Mod: mod}, Bytewise: true, Exact: true}
	}
	return &dialect.Catalog{Tables: []*dialect.Table{
		table("public", "t", column("id", pgtype.Int4OID, -1), column("name", pgtype.TextOID, -1), column("k", pgtype.Int4OID, -1), column("d", pgtype.DateOID, -1)),
		table("public", "u", column("id", pgtype.Int4OID, -1), column("t_id", pgtype.Int4OID, -1), column("v", pgtype.NumericOID, 10<<16|2+4)),
		table("s2", "t", column("id", pgtype.Int4OID, -1), column("other", pgtype.TextOID, -1)),
		table("public", "kinds", column("id", pgtype.Int4OID, -1), column("i2", pgtype.Int2OID, -1), column("i8", pgtype.Int8OID, -1), column("b", pgtype.BoolOID, -1),
			column("f4", pgtype.Float4OID, -1), column("f8", pgtype.Float8OID, -1), column("n", pgtype.NumericOID, -1), column("n2", pgtype.NumericOID, 8<<16|3+4),
			column("vc", pgtype.VarcharOID, 9), column("uu", pgtype.UUIDOID, -1), column("ts", pgtype.TimestampOID, -1), column("tz", pgtype.TimestamptzOID, -1),
			column("by", pgtype.ByteaOID, -1), column("js", pgtype.JSONOID, -1), column("jb", pgtype.JSONBOID, -1), column("d", pgtype.DateOID, -1)),
	}}
}

// kindTable has a column of each type whose values need no home, and kindRows its rows.
const (
	kindTable = `CREATE TABLE kinds(id int PRIMARY KEY, i2 int2, i8 int8, b bool, f4 float4, f8 float8, n numeric, n2 numeric(8,3), vc varchar(5), uu uuid, ts timestamp,
  tz timestamptz, by bytea, js json, jb jsonb, d date);`
	kindRows = `INSERT INTO kinds VALUES (1, -32768, 9223372036854775807, true, 1.5, 1e300, 12345678901234567890.123456789, 1.5, 'ab', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  '2020-02-29 12:34:56.789', '2020-02-29 12:34:56+02', '\x00ff', '{"b": 1,  "a":2}', '{"b": 1,  "a":2}', '1999-12-31'),
  (2, 0, -1, false, 'NaN', '-Infinity', 'NaN', -0.0005, 'ü€', null, '0001-01-01', '9999-12-31 23:59:59.999999+00', '', '[]', '"x"', '0001-01-01'),
  (5, 1, 1, true, 1, 1, 'Infinity', 10, 'abcde', null, 'infinity', '-infinity', null, null, null, 'infinity'),
  (6, 1, 1, true, 1, 1, 40000000, -10, 'abcde', null, '0044-03-15 12:00:00 BC', null, null, null, null, '12345-01-31'),
  (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
  (4, 1, 1, true, 0.1, 0.1, -0.000100, 99999.999, '', '00000000-0000-0000-0000-000000000000', '1970-01-01 00:00:00', '1970-01-01', 'abc', '1', '1.50', '2000-01-01');`
)

// directTexts are queries that are one scan of the databackend, with a parameter for each.
var directTexts = []struct {
	text   string
	params []string
	// home says that it is not: home folds the parameter away.
	home bool
}{
	{"SELECT id, name, k, d FROM t WHERE id = 5", nil, false},
	{"SELECT d, k, name, id FROM public.t WHERE id = 7", nil, false},
	{"SELECT name FROM t WHERE id = $1", []string{"3"}, false},
	{"SELECT id AS x, name FROM t AS a WHERE a.name = $1", []string{"n4"}, false},
	{"SELECT a.id, b.v, a.name FROM t a JOIN u b ON b.t_id = a.id WHERE a.id = 5 AND b.id = 4", nil, false},
	{"SELECT a.id, b.id, a.k FROM t a JOIN t b ON b.k = a.id WHERE a.id = 2 AND b.id = 7", nil, false},
	{"SELECT count(*), sum(k), min(name) FROM t", nil, false},
	{"SELECT count(*) FROM t WHERE k = $1", []string{"2"}, false},
	{"SELECT name FROM t WHERE id = 5 AND k = $2 AND name <> $1", []string{"a", "0"}, false},
	{"SELECT name FROM t WHERE id > $1 AND id < $2", []string{"5", "7"}, false},
	{"SELECT * FROM kinds WHERE id = 1", nil, false},
	{"SELECT * FROM kinds WHERE id = $1", []string{"2"}, false},
	{"SELECT id, n, n2 FROM kinds WHERE id IN ($1, $2)", []string{"5", "6"}, true},
	{"SELECT id, k FROM t WHERE name = $2 AND k = $1 + 1 AND id > $3", []string{"0", "n21", "1"}, true},
	{"SELECT jb, js, n2, n, id FROM kinds WHERE id = 3", nil, false},
	{"SELECT * FROM kinds WHERE id = 4", nil, false},
	{"SELECT d, ts FROM kinds WHERE id = 5", nil, false},
	{"SELECT d, ts FROM kinds WHERE id = 6", nil, false},
	{"SELECT id FROM t WHERE id = -1", nil, false},
}

// newDirect is newMirror with a way around home.
func newDirect(t *testing.T) (mine, want *client, engine *readEngine) {
	t.Helper()
	var direct *foreign.Server
	engine = &readEngine{}
	p, plain := newMirrorWith(t, kindTable, kindRows, func(url string) *foreign.Server {
		engine.url = url
		catalog := readCatalog()
		direct = foreign.NewServer(foreign.Config{Engine: engine, Catalog: func() *dialect.Catalog { return catalog }, PeerUID: -1})
		t.Cleanup(func() { _ = direct.Shutdown(context.Background()) })
		return direct
	})
	return p.connect(t), plainSide(t, plain), engine
}

// TestDirect compares what a databackend answers without home with a plain PostgreSQL, in text and binary.
func TestDirect(t *testing.T) {
	t.Parallel()
	mine, want, engine := newDirect(t)
	for _, tt := range directTexts {
		for _, format := range []int16{0, 1} {
			before := engine.runs.Load()
			for range 4 {
				var params [][]byte
				for _, v := range tt.params {
					params = append(params, []byte(v))
				}
				for _, c := range []*client{mine, want} {
					c.send(&pgproto3.Parse{Query: tt.text}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Bind{Parameters: params, ResultFormatCodes: []int16{format}},
						&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{})
				}
				got, asked := mine.whole(), want.whole()
				expect(t, tt.text, got, asked...)
			}
			binaryZone := format == 1 && strings.Contains(tt.text, "* FROM kinds")
			if engine.runs.Load() == before && !binaryZone && !tt.home {
				t.Errorf("%s: home ran it each time", tt.text)
			}
		}
		if tt.params != nil {
			continue
		}
		for range 3 {
			mine.send(&pgproto3.Query{String: tt.text})
			want.send(&pgproto3.Query{String: tt.text})
			got, asked := mine.whole(), want.whole()
			expect(t, tt.text, got, asked...)
		}
	}
}

// TestDirectOrHome looks at what decides who runs a query that could be run without home.
func TestDirectOrHome(t *testing.T) {
	t.Parallel()
	mine, want, engine := newDirect(t)
	const text = "SELECT id, d FROM t WHERE id = 5"
	both := func(text string, direct bool) {
		t.Helper()
		before := engine.runs.Load()
		mine.send(&pgproto3.Query{String: text})
		want.send(&pgproto3.Query{String: text})
		got, asked := mine.whole(), want.whole()
		expect(t, text, got, asked...)
		if ran := engine.runs.Load() > before; ran != direct {
			t.Errorf("%s: without home is %v, not %v", text, ran, direct)
		}
	}
	both(text, false)
	both(text, true)
	both("BEGIN", false)
	both(text, false)
	both("UPDATE t SET d = '2001-02-03' WHERE id = 5", false)
	both(text, false)
	both("ROLLBACK", false)
	both(text, true)
	both("SET DateStyle = 'German'", false)
	both(text, false)
	both("RESET DateStyle", false)
	both("CREATE TEMP TABLE t AS SELECT 5 AS id, 'mine' AS d", false)
	both(text, false)
	both("DROP TABLE t", false)
	mine.must("CREATE ROLE direct_reader")
	mine.must("SET ROLE direct_reader")
	expect(t, "without rights", mine.query(text), "error 42501", "I")
	expect(t, "without rights", mine.query(text), "error 42501", "I")
	mine.must("RESET ROLE")
	mine.must("DROP ROLE direct_reader")
	both("SELECT id FROM t WHERE id = 5 FOR UPDATE", false)
	both("SELECT id FROM t WHERE id = 5 FOR UPDATE", false)
	both(text+"; "+text, true)
	both("SELECT id, random() < 2 FROM t WHERE id = 5", false)
	both("SELECT id, random() < 2 FROM t WHERE id = 5", false)
	for range 3 { // part of the rows
		for _, c := range []*client{mine, want} {
			c.send(&pgproto3.Parse{Query: "SELECT id FROM t"}, &pgproto3.Bind{}, &pgproto3.Execute{MaxRows: 2}, &pgproto3.Execute{MaxRows: 3}, &pgproto3.Sync{})
		}
		got, asked := mine.whole(), want.whole()
		expect(t, "portal", got, asked...)
	}
	for _, v := range []string{"5", " 5", "05", "x", "5.0"} {
		for _, c := range []*client{mine, want} {
			c.send(&pgproto3.Parse{Query: "SELECT id FROM t WHERE id = $1"}, &pgproto3.Bind{Parameters: [][]byte{[]byte(v)}}, &pgproto3.Execute{}, &pgproto3.Sync{})
		}
		got, asked := mine.whole(), want.whole()
		expect(t, "parameter "+v, got, asked...)
	}
}

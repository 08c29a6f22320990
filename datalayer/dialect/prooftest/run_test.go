package prooftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// mirrorEngine is a PostgreSQL as an engine: what is in Base must be proven of it, and a wrong entry must not.
type mirrorEngine struct {
	backend.Engine
	url    string
	sql    *dialect.SQL
	tables dialect.Catalog
}

type mirrorProgram struct{ *dialect.Rendered }

func (p mirrorProgram) Text() string { return p.Rendered.Text }

type mirrorConn struct {
	backend.Conn
	pg *pgconn.PgConn
}

type mirrorRows struct {
	rows    [][][]byte
	program *dialect.Rendered
}

func (e *mirrorEngine) Catalog(context.Context) (*dialect.Catalog, error) { return &e.tables, nil }

func (e *mirrorEngine) Define(ctx context.Context, conn backend.Conn, change dialect.Change) error {
	t := change.(*dialect.CreateTable).Table
	var defs []string
	for _, c := range t.Columns {
		c.Native, c.Exact, c.Bytewise = c.Name, true, true
		defs = append(defs, c.Name+" "+c.TypeName)
	}
	t.Native = []string{t.Schema, t.Name}
	e.tables.Tables = append(e.tables.Tables, t)
	return conn.(*mirrorConn).pg.Exec(ctx, fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s; CREATE TABLE %[1]s.%s (%s)", t.Schema, t.Name, strings.Join(defs, ", "))).Close()
}

func (e *mirrorEngine) Compile(stmt dialect.Statement) (backend.Program, error) {
	if s, ok := stmt.(*dialect.Select); ok {
		r, err := e.sql.Render(s)
		return mirrorProgram{r}, err
	}
	return mirrorProgram{&dialect.Rendered{Text: dialect.Format(stmt)}}, nil
}

func (e *mirrorEngine) Connect(ctx context.Context) (backend.Conn, error) {
	pg, err := pgconn.Connect(ctx, e.url)
	if err == nil {
		err = pg.Exec(ctx, "SET extra_float_digits = 3").Close()
	}
	return &mirrorConn{pg: pg}, err
}

func (c *mirrorConn) Close() error { return c.pg.Close(context.Background()) }

func (c *mirrorConn) Exec(ctx context.Context, program backend.Program, params [][]byte) (int64, error) {
	return 0, c.pg.ExecParams(ctx, program.Text(), params, nil, nil, nil).Read().Err
}

func (c *mirrorConn) Query(ctx context.Context, program backend.Program, params [][]byte) (backend.Rows, error) {
	var args [][]byte
	p := program.(mirrorProgram)
	for _, a := range p.Args {
		args = append(args, params[a.(*dialect.Param).Number-1])
	}
	r := c.pg.ExecParams(ctx, p.Text(), args, nil, nil, nil).Read()
	return &mirrorRows{r.Rows, p.Rendered}, r.Err
}

func (r *mirrorRows) Next(context.Context) ([][]byte, error) {
	if len(r.rows) == 0 {
		return nil, io.EOF
	}
	row := r.rows[0]
	r.rows = r.rows[1:]
	return r.program.Row(row)
}

func (r *mirrorRows) Close() error { return nil }

// newMirror makes an engine of a PostgreSQL with some entries.
func newMirror(url, more string) *mirrorEngine {
	return &mirrorEngine{url: url, sql: &dialect.SQL{
		Entries: dialect.ReadEntries(dialect.Base, more),
		Quote:   sqlparse.QuoteIdentifier,
		Type:    func(t dialect.Type) (string, bool) { return t.String(), true },
		Semi:    true,
		Checked: true, MaxDigits: 1000,
		Value: func(n int, e dialect.Expr) (string, bool, error) {
			if c, ok := e.(*dialect.Constant); ok {
				return sqlparse.QuoteLiteral(c.Text) + "::" + c.Type.String(), false, nil
			}
			return fmt.Sprintf("$%d::%s", n, e.ResultType()), true, nil
		},
	}}
}

// TestRunBase proves Base, and a few entries beyond, of PostgreSQL itself.
func TestRunBase(t *testing.T) {
	if testing.Short() {
		t.Skip("runs thousands of statements")
	}
	t.Parallel()
	server := startPostgres(t)
	if err := server.Load(t.Context(), "postgres", "CREATE DATABASE mirror"); err != nil {
		t.Fatal(err)
	}
	e := newMirror(server.URL("mirror"), `
		numeric {+,-,*} numeric
		{int4,int8} + {int4,int8}
		sum({int4,int8,numeric})
		text ~~ text => $1 LIKE $2 if plain 2
		int4 / int4 if nonzero 2
		substring(text,int4,int4) => substring($1, $2, $3) if const 2, const 3
		int4::numeric
		numeric::numeric()`)
	Run(t, Subject{Engine: e, Entries: e.sql.Entries, Schema: "proofs"})
}

// TestProveFindsErrors gives entries that are wrong, which must not be proven.
func TestProveFindsErrors(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	if err := server.Load(t.Context(), "postgres", "CREATE DATABASE mirror"); err != nil {
		t.Fatal(err)
	}
	for signature, template := range map[string]string{
		"int4 < int8":     "$1 <= $2",
		"text = text":     "lower($1) = lower($2)",
		"text < text":     `$1 < $2 COLLATE "en-x-icu"`,
		"- int4":          "0.0 - $1",
		"int4 + int4":     "$1::int8 + $2",
		"count(int4)":     "count(*)",
		"sum(int4)":       "coalesce(sum($1), 0)",
		"abs(int8)":       "abs($1::float8)::int8",
		"lower(uuid)":     "lower($1)",
		"min(text)":       "max($1)",
		"text::varchar()": "$1",
	} {
		t.Run(signature, func(t *testing.T) {
			e := newMirror(server.URL("mirror"), signature+" => "+template)
			b := newBench(t, Subject{Engine: e, Entries: e.sql.Entries, Schema: "wrong_" + fmt.Sprint(len(signature), len(template))}, server)
			if err := b.prove(t.Context(), signature); err == nil {
				t.Errorf("%s as %s is taken for proven", signature, template)
			}
		})
	}
}

// TestNumericArithmetic compares what the last step computes of numerics with PostgreSQL.
func TestNumericArithmetic(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	pg, err := pgconn.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Close(context.Background()) })
	numbers := []string{"0", "0.00", "1", "-1", "2.5", "3", "7.00", "0.0001", "-0.00010000", "9999", "10000", "10001.5", "99999999.99",
		"123456789012345678901234567890.12345", "0.00000000000000000001", "33.3333", "600000", "1e3", "12345678", "-99.995"}
	for _, l := range numbers {
		for _, r := range numbers {
			for _, op := range []string{"+", "-", "*", "/"} {
				l, r := strings.ReplaceAll(l, "1e3", "1000"), strings.ReplaceAll(r, "1e3", "1000")
				want, wantErr := askOne(t.Context(), pg, fmt.Sprintf("SELECT '%s'::numeric %s '%s'::numeric", l, op, r))
				got, gotErr := rowOf(op, l, r)
				if got != want || (gotErr == nil) != (wantErr == nil) {
					t.Errorf("%s %s %s is %s, PostgreSQL says %s (%v, %v)", l, op, r, got, want, gotErr, wantErr)
				}
			}
		}
	}
}

func askOne(ctx context.Context, pg *pgconn.PgConn, text string) (string, error) {
	results, err := pg.Exec(ctx, text).ReadAll()
	if err != nil {
		return "", err
	}
	return string(results[0].Rows[0][0]), nil
}

// rowOf computes an expression of two columns through Rendered.Row.
func rowOf(op, l, r string) (string, error) {
	numeric := dialect.TypeNamed("numeric")
	ref := func(name string) dialect.Expr {
		return &dialect.ColumnRef{Name: name, Type: numeric, Column: &dialect.Column{Name: name, Native: name, Type: numeric}}
	}
	s := newMirror("", "").sql
	out, err := s.Render(&dialect.Select{Columns: []dialect.Expr{&dialect.Operator{Name: op, Left: ref("a"), Right: ref("b"), Type: numeric}},
		From: &dialect.Relation{Table: &dialect.Table{Native: []string{"t"}}}})
	if err != nil {
		return "", err
	}
	if !out.Computes() || len(out.Raw) != 2 {
		return "", errors.New("nothing to compute")
	}
	row, err := out.Row([][]byte{[]byte(l), []byte(r)})
	if err != nil {
		return "", err
	}
	return string(row[0]), nil
}

package foreign_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// steady is an engine that gives rows without work, so that the path is measured and not an engine.
type steady struct {
	engine
	rows int
}

// plainOnly is a steady engine that is asked for columns alone.
type plainOnly struct{ steady }

// Compile implements backend.Engine.
func (e *plainOnly) Compile(s dialect.Statement) (backend.Program, error) {
	if what := noConditions(s); what != "" {
		return nil, &dialect.Unproven{What: what}
	}
	return e.steady.Compile(s)
}

// Compile implements backend.Engine.
func (e *steady) Compile(s dialect.Statement) (backend.Program, error) {
	return &program{dialect.Format(s)}, nil
}

// Connect implements backend.Engine.
func (e *steady) Connect(context.Context) (backend.Conn, error) {
	return &steadyConn{rows: e.rows}, nil
}

// steadyConn is a session of it.
type steadyConn struct {
	conn
	rows int
}

// Query implements backend.Conn.
func (c *steadyConn) Query(context.Context, backend.Program, [][]byte) (backend.Rows, error) {
	return &steadyRows{left: c.rows, row: [][]byte{nil, []byte("a name of twenty byte"), []byte("12345.67"), nil}}, nil
}

// Estimate implements backend.Conn.
func (c *steadyConn) Estimate(context.Context, backend.Program) (float64, error) {
	return float64(c.rows), nil
}

// Close implements backend.Conn.
func (c *steadyConn) Close() error { return nil }

// steadyRows are its rows.
type steadyRows struct {
	left   int
	row    [][]byte
	number [20]byte
}

// Next implements backend.Rows.
func (r *steadyRows) Next(context.Context) ([][]byte, error) {
	if r.left == 0 {
		return nil, io.EOF
	}
	r.left--
	r.row[0] = strconv.AppendInt(r.number[:0], int64(r.left), 10)
	return r.row, nil
}

// Close implements backend.Rows.
func (r *steadyRows) Close() error { return nil }

// steadyCatalog is the table of a steady engine.
func steadyCatalog() *dialect.Catalog {
	column := func(name, typ string, oid uint32) *dialect.Column {
		return &dialect.Column{Name: name, Native: name, Type: dialect.Type{OID: oid, Mod: -1}, TypeName: typ, Exact: true, Bytewise: true}
	}
	return &dialect.Catalog{Tables: []*dialect.Table{{Schema: "public", Name: "big", Rows: 300_000, PrimaryKey: []string{"id"}, Columns: []*dialect.Column{
		column("id", "integer", 23), column("name", "text", 25), column("price", "numeric", 1700), column("qty", "integer", 23)}}}}
}

// newSteady starts a local PostgreSQL before a steady engine.
func newSteady(b *testing.B, engine backend.Engine) (stop func(), local *pgx.Conn) {
	b.Helper()
	n := startCluster(b)
	catalog := steadyCatalog()
	finish, err := pgxpool.New(context.Background(), cluster.server.URL("postgres"))
	if err != nil {
		b.Fatal(err)
	}
	server := foreign.NewServer(foreign.Config{Engine: engine, Finish: finish, Catalog: func() *dialect.Catalog { return catalog }, PeerUID: -1})
	path, served := serve(b, server, n)
	root := connect(b, cluster.server.URL("postgres"))
	run(b, root, fmt.Sprintf("CREATE DATABASE steady%d", n))
	local = connect(b, cluster.server.URL(fmt.Sprintf("steady%d", n)))
	mirror(b, local, catalog, path)
	run(b, local, "ALTER SERVER "+dialect.ForeignServer+" OPTIONS (SET fetch_size '10000')")
	return func() {
		ctx := context.Background()
		_, _ = local.Close(ctx), root.Close(ctx)
		if err := server.Shutdown(ctx); err != nil {
			b.Error(err)
		}
		<-served
		finish.Close()
	}, local
}

// BenchmarkScan reads 300,000 rows of four columns through postgres_fdw; rows/s is what counts.
func BenchmarkScan(b *testing.B) {
	const rows = 300_000
	bench, local := newSteady(b, &steady{rows: rows})
	defer bench()
	b.ResetTimer()
	for range b.N {
		if got := answer(local, "SELECT count(ROW(id, name, price, qty)) FROM big"); got != "300000\nSELECT 1\n" {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkFinish reads 300,000 rows under a condition that the local PostgreSQL finishes.
func BenchmarkFinish(b *testing.B) {
	const rows = 300_000
	stop, local := newSteady(b, &plainOnly{steady{rows: rows}})
	defer stop()
	b.ResetTimer()
	for range b.N {
		if got := answer(local, "SELECT id, name, price, qty FROM big WHERE id = 7"); got == "" {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkPoint reads one row through postgres_fdw, with what PostgreSQL asks while it plans.
func BenchmarkPoint(b *testing.B) {
	bench, local := newSteady(b, &steady{rows: 1})
	defer bench()
	b.ResetTimer()
	for range b.N {
		if got := answer(local, "SELECT id, name, price, qty FROM big WHERE id = 7"); got == "" {
			b.Fatal(got)
		}
	}
}

// BenchmarkDirect reads one row past postgres_fdw.
func BenchmarkDirect(b *testing.B) {
	catalog := steadyCatalog()
	s := foreign.NewServer(foreign.Config{Engine: &steady{rows: 1}, Catalog: func() *dialect.Catalog { return catalog }})
	ctx := context.Background()
	b.ReportAllocs()
	for range b.N {
		st, err := s.Compile("SELECT id, name FROM public.big WHERE ((id = $1::integer))")
		if err != nil {
			b.Fatal(err)
		}
		rows, _, err := s.Run(ctx, 0, st, [][]byte{[]byte("7")})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := rows.Next(ctx); err != nil {
			b.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

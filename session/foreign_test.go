package session_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/filesystem"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
	"github.com/pinnacle-proxy/pinnacle-proxy/session"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// foreignTables are the tables of the tests' databackend, which is a database of the tests' PostgreSQL.
const foreignTables = `
CREATE TABLE t(id int PRIMARY KEY, name text NOT NULL, k int DEFAULT 7, d date);
INSERT INTO t SELECT i, 'n' || i, i % 5, date '2020-01-01' + i FROM generate_series(1, 40) i;
CREATE TABLE u(id int PRIMARY KEY, t_id int, v numeric(10,2));
INSERT INTO u SELECT i, i % 40 + 1, i * 1.5 FROM generate_series(1, 100) i;
CREATE TABLE g(id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO g VALUES (1), (2);
CREATE SCHEMA s2; CREATE TABLE s2.t(id int PRIMARY KEY, other text); INSERT INTO s2.t VALUES (1, 'x'), (2, NULL);`

// mirrorTables are the same tables as they are mirrored in home.
const mirrorTables = `
CREATE TABLE t(id int PRIMARY KEY, name text NOT NULL, k int DEFAULT 7, d date);
CREATE TABLE u(id int PRIMARY KEY, t_id int, v numeric(10,2));
CREATE SCHEMA s2; CREATE TABLE s2.t(id int PRIMARY KEY, other text);
CREATE SCHEMA pinnacle_foreign_public; CREATE SCHEMA pinnacle_foreign_s2;
CREATE FOREIGN TABLE pinnacle_foreign_public.t() INHERITS (t) SERVER pinnacle_databackend OPTIONS (schema_name 'public');
CREATE FOREIGN TABLE pinnacle_foreign_public.u() INHERITS (u) SERVER pinnacle_databackend OPTIONS (schema_name 'public');
CREATE TABLE g(id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE FOREIGN TABLE pinnacle_foreign_public.g() INHERITS (g) SERVER pinnacle_databackend OPTIONS (schema_name 'public');
CREATE FOREIGN TABLE pinnacle_foreign_s2.t() INHERITS (s2.t) SERVER pinnacle_databackend OPTIONS (schema_name 's2');
ALTER FOREIGN TABLE pinnacle_foreign_public.t ALTER k SET DEFAULT 7;
GRANT USAGE ON SCHEMA pinnacle_foreign_public, pinnacle_foreign_s2, s2 TO PUBLIC;`

// mirror is session.Foreign with fixed names.
type mirror struct{ names *sqlparse.Names }

// Mirrored implements session.Foreign.
func (m *mirror) Mirrored() (*sqlparse.Names, uint64) { return m.names, 1 }

// newMirror makes a plain database, a databackend with the same tables, and a proxy whose home mirrors these.
func newMirror(t *testing.T) (p *proxy, plain string) {
	t.Helper()
	return newMirrorWith(t, "", "", nil)
}

// newMirrorWith makes one with another table, and with a way around home to the databackend of a URL; nil for none.
func newMirrorWith(t *testing.T, table, rows string, direct func(url string) *foreign.Server) (p *proxy, plain string) {
	t.Helper()
	if server == nil {
		t.Skip("no PostgreSQL")
	}
	ctx := t.Context()
	name := strings.ToLower(strings.NewReplacer("/", "_").Replace(t.Name()))
	for _, suffix := range []string{"plain", "engine", "home"} {
		must(t, server.Load(ctx, "postgres", "CREATE DATABASE "+name+"_"+suffix))
	}
	must(t, server.Load(ctx, name+"_plain", foreignTables, table+rows))
	must(t, server.Load(ctx, name+"_engine", foreignTables, table+rows))
	at, err := url.Parse(server.URL("postgres"))
	must(t, err)
	word, _ := at.User.Password()
	must(t, server.Load(ctx, name+"_home", "CREATE EXTENSION postgres_fdw", fmt.Sprintf(
		"CREATE SERVER pinnacle_databackend FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%s', dbname '%s_engine', use_remote_estimate 'true')", at.Port(), name),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER pinnacle_databackend OPTIONS (user 'postgres', password '%s')", word), mirrorTables))
	config := session.Config{Foreign: &mirror{sqlparse.NewNames([]string{"t", "u", "g", "kinds"})}}
	if table != "" {
		must(t, server.Load(ctx, name+"_home", table,
			"CREATE FOREIGN TABLE pinnacle_foreign_public.kinds() INHERITS (kinds) SERVER pinnacle_databackend OPTIONS (schema_name 'public')"))
	}
	if direct != nil {
		config.Direct = direct(server.URL(name + "_engine"))
	}
	return foreignProxy(t, name+"_home", config), name + "_plain"
}

// foreignProxy is newProxy before a database that mirrors a databackend.
func foreignProxy(t *testing.T, database string, config session.Config) *proxy {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	kv, err := badgerstore.Open(ctx, badgerstore.Config{Dir: filepath.Join(dir, "metadata")})
	must(t, err)
	store, err := records.Open(ctx, kv)
	must(t, err)
	files, err := filesystem.Open(filepath.Join(dir, "artifacts"))
	must(t, err)
	p := &proxy{models: &models{asked: map[string][]int64{}}, database: database}
	layer, err := datalayer.Open(ctx, datalayer.Config{Metadata: store, Artifacts: files, Runtimes: []udf.Runtime{p.models}, CacheDir: filepath.Join(dir, "loading")})
	must(t, err)
	behind, err := home.Connect(ctx, server.URL(database), nil)
	must(t, err)
	answers := answer.New(answer.Config{})
	config.Datalayer, config.Answerer = layer, answers
	sessions := session.NewFactory(config)
	srv := wire.NewServer(wire.Config{}, behind, sessions.New, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p.address = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		errs := []error{srv.Shutdown(ctx), <-served, answers.Close(), layer.Close(), behind.Close(ctx), store.Close()}
		if err := errors.Join(errs...); err != nil && !errors.Is(err, wire.ErrServerClosed) {
			t.Error(err)
		}
	})
	return p
}

// plainSide connects to the plain database without a proxy.
func plainSide(t *testing.T, database string) *client {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), server.URL(database))
	must(t, err)
	own, err := conn.Hijack()
	must(t, err)
	t.Cleanup(func() { _ = own.Conn.Close() })
	return &client{t: t, front: own.Frontend, conn: own.Conn, pid: own.PID, key: own.SecretKey}
}

// whole receives up to ReadyForQuery and gives the messages with all that a client sees of them but OIDs of tables and
// their rows' types. A COPY is given two rows, and behindCopy behind them.
func (c *client) whole(behindCopy ...pgproto3.FrontendMessage) []string {
	c.t.Helper()
	must(c.t, c.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	var got []string
	for {
		m, err := c.front.Receive()
		must(c.t, err)
		switch m := m.(type) {
		case *pgproto3.RowDescription:
			for _, f := range m.Fields {
				got = append(got, fmt.Sprintf("column %s %d %d %d %v", f.Name, min(f.DataTypeOID, 16384), f.TypeModifier, f.TableAttributeNumber, f.TableOID != 0))
			}
		case *pgproto3.ErrorResponse:
			got = append(got, fmt.Sprintf("error %s %s at %d", m.Code, m.Message, m.Position))
		case *pgproto3.DataRow, *pgproto3.CommandComplete, *pgproto3.ParameterDescription, *pgproto3.CopyData, *pgproto3.CopyOutResponse, *pgproto3.CopyInResponse:
			if _, in := m.(*pgproto3.CopyInResponse); in {
				c.send(&pgproto3.CopyData{Data: []byte("900\tcopied\n")}, &pgproto3.CopyData{Data: []byte("901\ttoo\n")}, &pgproto3.CopyDone{})
				c.send(behindCopy...)
			}
			got = append(got, fmt.Sprintf("%T %+v", m, m))
		case *pgproto3.ReadyForQuery:
			return append(got, string(m.TxStatus))
		default:
			got = append(got, fmt.Sprintf("%T", m))
		}
	}
}

// foreignStatements run in this order, on the databackend and on a plain PostgreSQL.
var foreignStatements = []string{
	"SELECT count(*), sum(k), min(name) FROM t",
	"SELECT id, name, k, d FROM t WHERE id = 5",
	"SELECT public.t.id, t.* FROM public.t WHERE public.t.id < 3 ORDER BY 1",
	"SELECT t.id, u.v FROM t JOIN u ON u.t_id = t.id WHERE t.k = 2 ORDER BY u.id LIMIT 5",
	"SELECT * FROM ONLY t ORDER BY id LIMIT 2",
	"SELECT a.id, b.id FROM t a, s2.t b WHERE a.id = b.id ORDER BY 1",
	"SELECT public.t.id, s2.t.other FROM public.t, s2.t WHERE public.t.id = s2.t.id ORDER BY 1",
	"TABLE s2.t ORDER BY id",
	"SELECT id, name, count(*) FROM t GROUP BY id ORDER BY id LIMIT 3",
	"SELECT t.id, t.name, sum(u.v) FROM t JOIN u ON t.id = u.t_id GROUP BY t.id ORDER BY 1 LIMIT 3",
	"BEGIN; SELECT id, name FROM t GROUP BY id ORDER BY id LIMIT 1; SELECT 1; COMMIT",
	"BEGIN", "SELECT id, name FROM t GROUP BY id ORDER BY id LIMIT 1", "INSERT INTO t(id, name) VALUES (500, 'x') RETURNING *", "ROLLBACK",
	"SELECT t FROM t WHERE id = 1", "SELECT row_to_json(t.*) FROM t WHERE id = 1", "SELECT (t).name FROM t WHERE id = 2",
	"WITH t AS (SELECT 1 AS one) SELECT * FROM t",
	"WITH w AS (SELECT k, count(*) AS n FROM t GROUP BY k) SELECT * FROM w ORDER BY k",
	"SELECT nothing FROM t", "SELECT id FROM t WHERE t.nothing = 1", "SELECT public.t.nothing FROM t", "SELECT 1/0 FROM t", "SELEC * FROM t",
	"INSERT INTO t(id, name) VALUES (100, 'a'), (101, 'b')", "INSERT INTO t VALUES (102, 'c', DEFAULT, NULL) RETURNING id, k, d",
	"INSERT INTO t(id, name) SELECT id + 200, name FROM t WHERE id < 4 RETURNING id", "INSERT INTO t VALUES (1, 'again')", "INSERT INTO t(id) VALUES (7000)",
	"UPDATE t SET k = k + 1 WHERE id < 10 RETURNING id, k", "UPDATE public.t SET name = u.v FROM u WHERE public.t.id = u.t_id AND u.id = 5",
	"DELETE FROM t WHERE id >= 200 RETURNING id", "DELETE FROM t USING s2.t b WHERE t.id = b.id",
	"COPY t (id, name) FROM STDIN", "SELECT id, name FROM t WHERE id >= 900 ORDER BY id", "COPY s2.t TO STDOUT", "COPY s2.t (other) TO STDOUT (FORMAT csv, HEADER)",
	"COPY (SELECT count(*) FROM t) TO STDOUT", "COPY g TO STDOUT", "SELECT * FROM g ORDER BY id", "INSERT INTO g VALUES (3, DEFAULT) RETURNING *",
	"INSERT INTO g VALUES (3), (4) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING *",
	"SELECT * FROM t WHERE id = 20 FOR UPDATE", "SELECT id FROM t WHERE id = 20 FOR UPDATE OF t",
	"BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id; FETCH 2 FROM c; CLOSE c; COMMIT",
	"PREPARE p(int) AS SELECT id, name FROM t WHERE id = $1; EXECUTE p(12); DEALLOCATE p", "SELECT count(*) FROM t",
	"DISCARD ALL", "SELECT count(*) FROM t",
	"CREATE TEMP TABLE kept AS SELECT id FROM t WHERE id < 15", "SELECT count(*) FROM kept", "DROP TABLE kept",
	"CREATE TEMP TABLE t(mine int)", "INSERT INTO t VALUES (1)", "SELECT * FROM t", "SELECT count(*) FROM public.t", "DROP TABLE t", "SELECT count(*) FROM t",
	"SET search_path = s2", "SELECT * FROM t ORDER BY id", "SELECT count(*) FROM u", "SELECT count(*) FROM public.u", "RESET search_path",
	"SELECT count(*) FROM t; SELECT count(*) FROM u; SELECT nothing FROM t; SELECT 1",
	"BEGIN", "INSERT INTO t(id, name) VALUES (600, 'six')", "SAVEPOINT a", "DELETE FROM t", "ROLLBACK TO a", "SELECT count(*) FROM t", "SELECT nothing FROM t", "SELECT 1", "ROLLBACK",
	"SELECT count(*) FROM t WHERE id = 600", "SELECT count(*) FROM otherdb.public.t", "SELECT * FROM missing.t",
	"INSERT INTO t(id, name) VALUES (3, 'x') ON CONFLICT DO NOTHING", "INSERT INTO t(id, name) VALUES (3, 'x'), (990, 'y'), (990, 'z') ON CONFLICT (id) DO NOTHING",
	"INSERT INTO t(id, name) VALUES (3, 'x'), (991, 'y') ON CONFLICT (id) DO NOTHING RETURNING id, name",
	"INSERT INTO t VALUES (3, 'three', DEFAULT, '2021-01-01') ON CONFLICT (id) DO UPDATE SET name = excluded.name || t.name, k = excluded.k, d = excluded.d RETURNING *",
	"INSERT INTO t AS x (id, name) VALUES (3, 'x'), (992, 'new') ON CONFLICT (id) DO UPDATE SET name = x.name || excluded.name RETURNING x.id, length(name), x.*",
	"INSERT INTO public.t(name, id) SELECT 'n' || id, id FROM u WHERE id < 6 ON CONFLICT (id) DO UPDATE SET k = public.t.k + 10 WHERE public.t.id > 3 RETURNING public.t.id, k",
	"WITH w AS (SELECT 4 AS i) INSERT INTO t(id, name) SELECT i, 'w' FROM w ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET (name, k) = (SELECT 'sub', 1)",
	"INSERT INTO t(id, name) VALUES (3, 'a'), (3, 'b') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
	"INSERT INTO t(id, name) VALUES (3, 'a') ON CONFLICT (name) DO UPDATE SET k = 1", "INSERT INTO t(id, name) VALUES (3, 'a') ON CONFLICT (id) DO UPDATE SET nothing = 1",
	"INSERT INTO t(id, name) VALUES (3, 'a') ON CONFLICT (id) DO UPDATE SET k = k + 1", "INSERT INTO t(id, name) VALUES ('x', 'a') ON CONFLICT (id) DO NOTHING",
	"INSERT INTO t(id, name) VALUES (3, 'a') ON CONFLICT DO UPDATE SET k = 1", "SELECT * FROM t WHERE id < 7 OR id > 900 ORDER BY id",
	"TRUNCATE ONLY t", "SELECT count(*) FROM t", "TRUNCATE u", "SELECT count(*) FROM u",
}

// TestForeignStatements compares what clients get over mirrored tables with a plain PostgreSQL, by both protocols.
func TestForeignStatements(t *testing.T) {
	t.Parallel()
	p, plain := newMirror(t)
	mine, want := p.connect(t), plainSide(t, plain)
	for _, text := range foreignStatements {
		mine.send(&pgproto3.Query{String: text})
		want.send(&pgproto3.Query{String: text})
		got, asked := mine.whole(), want.whole()
		expect(t, text, got, asked...)
	}
}

// TestForeignExtended compares by the extended protocol.
func TestForeignExtended(t *testing.T) {
	t.Parallel()
	p, plain := newMirror(t)
	mine, want := p.connect(t), plainSide(t, plain)
	for _, text := range foreignStatements {
		if strings.Contains(text, ";") {
			continue
		}
		for _, c := range []*client{mine, want} {
			c.send(&pgproto3.Parse{Query: text}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Bind{ResultFormatCodes: []int16{0}}, &pgproto3.Describe{ObjectType: 'P'},
				&pgproto3.Execute{}, &pgproto3.Sync{})
		}
		got, asked := mine.whole(&pgproto3.Sync{}), want.whole(&pgproto3.Sync{})
		expect(t, text, got, asked...)
	}
}

// TestForeignPredict runs predict over mirrored tables.
func TestForeignPredict(t *testing.T) {
	t.Parallel()
	p, _ := newMirror(t)
	c := p.connect(t)
	c.must("CREATE MODEL double(x int4) RETURNS int4 USING test AS $$double$$")
	expect(t, "stream", c.query("SELECT public.t.id, predict('double', k) FROM public.t WHERE id < 4 ORDER BY id"), "1,2", "2,4", "3,6", "SELECT 3", "I")
	expect(t, "rounds", c.query("SELECT count(*), predict('double', t.k) FROM t JOIN u ON u.t_id = t.id GROUP BY 2 ORDER BY 2 LIMIT 2"), "20,0", "20,2", "SELECT 2", "I")
	expect(t, "insert", c.query("INSERT INTO t(id, name, k) SELECT id + 1000, name, predict('double', k) FROM t WHERE id < 3 RETURNING id, k"), "1001,2", "1002,4", "INSERT 0 2", "I")
	expect(t, "update", c.query("UPDATE t SET k = predict('double', k) WHERE id > 1000"), "UPDATE 2", "I")
	expect(t, "grouped", c.query("SELECT id, name, predict('double', k) FROM t WHERE id > 1000 GROUP BY id ORDER BY id"), "1001,n1,8", "1002,n2,16", "SELECT 2", "I")
	expect(t, "upsert", c.query("INSERT INTO t(id, name) SELECT 1, predict('double', 1)::text ON CONFLICT (id) DO NOTHING"), "error 0A000", "I")
	expect(t, "error", c.query("SELECT predict('double', nothing) FROM t"), "error 42703", "I")
	expect(t, "prepared", c.query("PREPARE p(int) AS SELECT predict('double', k) FROM t WHERE id = $1; EXECUTE p(3)"), "PREPARE", "6", "SELECT 1", "I")
	got := c.query("EXPLAIN (COSTS OFF) SELECT predict('double', k) FROM t WHERE id < 4")
	if all := strings.Join(got, "\n"); strings.Contains(all, "Append") || !strings.Contains(all, "Foreign Scan") {
		t.Errorf("the foreign table is not in the statement's place: %q", got)
	}
}

// TestForeignRights looks at rights and policies of what clients name.
func TestForeignRights(t *testing.T) {
	t.Parallel()
	p, _ := newMirror(t)
	c := p.connect(t)
	c.must("CREATE ROLE foreign_reader; GRANT SELECT (id) ON t TO foreign_reader; GRANT SELECT (id) ON pinnacle_foreign_public.t TO foreign_reader")
	c.must("SET ROLE foreign_reader")
	expect(t, "a column", c.query("SELECT count(id) FROM t"), "40", "SELECT 1", "I")
	c.send(&pgproto3.Query{String: "SELECT name FROM t"})
	if got := c.whole(); got[0] != "error 42501 permission denied for table t at 0" {
		t.Error(got)
	}
	expect(t, "insert", c.query("INSERT INTO t(id, name) VALUES (5000, 'x')"), "error 42501", "I")
	expect(t, "upsert", c.query("INSERT INTO t(id, name) VALUES (5000, 'x') ON CONFLICT (id) DO UPDATE SET k = 1"), "error 42501", "I")
	c.must("RESET ROLE; GRANT SELECT ON t TO foreign_reader; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON t USING (id < 3)")
	c.must("SET ROLE foreign_reader")
	expect(t, "a policy", c.query("SELECT count(id) FROM t"), "2", "SELECT 1", "I")
	c.must("RESET ROLE; DROP POLICY few ON t; ALTER TABLE t DISABLE ROW LEVEL SECURITY; DROP OWNED BY foreign_reader; DROP ROLE foreign_reader")
}

// TestForeignPrepared follows names from one execution of a prepared statement to the next, with parameters.
func TestForeignPrepared(t *testing.T) {
	t.Parallel()
	p, plain := newMirror(t)
	mine, want := p.connect(t), plainSide(t, plain)
	both := func(what string, msgs ...pgproto3.FrontendMessage) {
		t.Helper()
		msgs = append(msgs, &pgproto3.Sync{})
		mine.send(msgs...)
		want.send(msgs...)
		got, asked := mine.whole(), want.whole()
		expect(t, what, got, asked...)
	}
	run := func(v string) []pgproto3.FrontendMessage {
		return []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "p", Parameters: [][]byte{[]byte(v)}}, &pgproto3.Execute{}}
	}
	both("prepare", &pgproto3.Parse{Name: "p", Query: "SELECT id FROM t WHERE id = $1"}, &pgproto3.Describe{ObjectType: 'S', Name: "p"})
	both("again", run("1")...)
	both("other value", run("2")...)
	both("not a number", run("x")...)
	both("a temporary table", &pgproto3.Parse{Query: "CREATE TEMP TABLE t AS SELECT 77 AS id"}, &pgproto3.Bind{}, &pgproto3.Execute{})
	both("with it", run("77")...)
	both("dropped", &pgproto3.Parse{Query: "DROP TABLE t"}, &pgproto3.Bind{}, &pgproto3.Execute{})
	both("without it", run("1")...)
	both("closed", &pgproto3.Close{ObjectType: 'S', Name: "p"})
	both("gone", run("1")...)
	both("upsert", &pgproto3.Parse{Name: "u", Query: "INSERT INTO t(id, name, k) VALUES ($1, $2, $3 + 1) ON CONFLICT (id) DO UPDATE SET k = t.k + $3 RETURNING id, k"},
		&pgproto3.Describe{ObjectType: 'S', Name: "u"}, &pgproto3.Bind{PreparedStatement: "u", Parameters: [][]byte{[]byte("1"), []byte("x"), []byte("5")}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
	both("upsert again", &pgproto3.Bind{PreparedStatement: "u", Parameters: [][]byte{[]byte("4000"), []byte("x"), []byte("5")}}, &pgproto3.Execute{})
	both("portals", &pgproto3.Parse{Query: "SELECT id FROM t ORDER BY id"}, &pgproto3.Bind{}, &pgproto3.Execute{MaxRows: 2}, &pgproto3.Execute{MaxRows: 1},
		&pgproto3.Close{ObjectType: 'P'}, &pgproto3.Execute{})
}

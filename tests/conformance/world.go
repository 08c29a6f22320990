package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// world is one engine behind a proxy, and a database of the oracle with the same tables.
type world struct {
	// ctx lasts as long as the engine's test.
	ctx    context.Context
	engine *engine
	// proxy and oracle are connection strings.
	proxy, oracle string
	// schema is where the proxy shows the tables, and where they are on the oracle.
	schema string
	// tables are the common tables, with the columns that are shown.
	tables []table
	// patience is how long a statement may take.
	patience time.Duration
}

// models are what statements call; functions are the same on the oracle.
const (
	models = `CREATE MODEL twice(x int8) RETURNS int8 USING starlark AS $$
def predict(x):
    return x * 2
$$;
CREATE MODEL shout(s text) RETURNS text USING starlark AS $$
def predict(s):
    return s + "!"
$$;
CREATE MODEL plus(a float8, b float8) RETURNS float8 USING starlark AS $$
def predict(a, b):
    return a + b
$$`
	functions = `CREATE FUNCTION public.predict(text, int8) RETURNS int8 STRICT STABLE LANGUAGE sql AS 'SELECT $2 * 2';
CREATE FUNCTION public.predict(text, text) RETURNS text STRICT STABLE LANGUAGE sql AS $$SELECT $2 || '!'$$;
CREATE FUNCTION public.predict(text, float8, float8) RETURNS float8 STRICT STABLE LANGUAGE sql AS 'SELECT $2 + $3'`
)

// bench is what the engines of a run share.
type bench struct {
	// ctx lasts as long as the run.
	ctx context.Context
	// dir is where files go, bin the proxy's binary.
	dir, bin string
	// programs are those of the PostgreSQL that the proxy has fetched, "" as long as it has not.
	programs string
	// oracles are the servers by their programs, "" for the machine's: the oracle is of the version that is behind the proxy.
	oracles map[string]*lab.Postgres
}

// oracle is the server with some programs.
func (b *bench) oracle(programs string) (*lab.Postgres, error) {
	if server := b.oracles[programs]; server != nil {
		return server, nil
	}
	dir := filepath.Join(b.dir, fmt.Sprintf("oracle-%d", len(b.oracles)))
	var server *lab.Postgres
	var err error
	if programs == "" {
		server, err = lab.StartPostgres(b.ctx, dir, "autovacuum=off")
	} else {
		server, err = lab.StartPostgresOf(b.ctx, programs, dir, "autovacuum=off")
	}
	b.oracles[programs] = server
	return server, err
}

// proxy starts a proxy before an engine. What one has fetched, the next ones use.
func (b *bench) proxy(ctx context.Context, dir, uri string, args []string) (*lab.Proxy, string, error) {
	if uri != "" && b.programs != "" {
		args = append([]string{"--postgres-bin-dir", b.programs}, args...)
	}
	proxy, err := lab.StartProxy(ctx, b.bin, dir, uri, args...)
	if err != nil || uri == "" {
		return proxy, "", err
	}
	if fetched := proxy.Programs(); b.programs == "" && fetched != "" {
		kept := filepath.Join(b.dir, "postgres")
		if err := os.CopyFS(kept, os.DirFS(filepath.Dir(fetched))); err != nil {
			return proxy, "", err
		}
		b.programs = filepath.Join(kept, "bin")
	}
	return proxy, b.programs, nil
}

// open starts an engine, the proxy before it, and fills a database of the oracle.
func (b *bench) open(t *testing.T, e *engine, list []table) *world {
	t.Helper()
	ctx := t.Context()
	dir := filepath.Join(b.dir, e.name)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	uri := ""
	if e.start != nil {
		var err error
		if uri, err = e.start(t, dir, list); errors.Is(err, lab.ErrNotInstalled) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	proxy, programs, err := b.proxy(ctx, filepath.Join(dir, "proxy"), uri, e.args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the proxy:\n%s", proxy.Tail(15))
		}
		if err := proxy.Stop(); err != nil {
			t.Error(err)
		}
	})
	server, err := b.oracle(programs)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{ctx: ctx, engine: e, oracle: server.URL(e.name), patience: 30 * time.Second}
	if e.slow {
		w.patience = 3 * time.Minute
	}
	if w.proxy, err = proxy.URL(); err != nil {
		t.Fatal(err)
	}
	if e.start == nil {
		if err := loadEmbedded(ctx, w.proxy, list); err != nil {
			t.Fatal(err)
		}
	}
	if err := lab.Load(ctx, w.proxy, strings.SplitAfter(models, "$$;")...); err != nil {
		t.Fatal(err)
	}
	if err := server.Load(ctx, "postgres", "CREATE DATABASE "+e.name); err != nil {
		t.Fatal(err)
	}
	if err := w.mirror(ctx, list); err != nil {
		t.Fatal(err)
	}
	return w
}

// mirror makes the tables on the oracle as the proxy shows them, with the same rows.
func (w *world) mirror(ctx context.Context, list []table) error {
	conn, err := pgx.Connect(ctx, w.proxy)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relname = $1 AND nspname NOT LIKE 'pinnacle%' AND relkind IN ('r', 'p', 'f')`, list[0].name).Scan(&w.schema)
	if err != nil {
		return fmt.Errorf("the table %s is not shown: %w", list[0].name, err)
	}
	script := []string{functions, fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %q", w.schema), fmt.Sprintf("SET search_path = %q", w.schema)}
	for _, t := range list {
		if t, err = w.create(ctx, conn, t, &script); err != nil {
			return err
		}
		w.tables = append(w.tables, t)
	}
	if err := loadPostgres(ctx, w.oracle, script); err != nil {
		return err
	}
	script = []string{"SET search_path = " + fmt.Sprintf("%q", w.schema)}
	for _, t := range list {
		if t.file != "" {
			if err := copyPostgres(ctx, w.oracle, w.schema, t); err != nil {
				return err
			}
		}
	}
	for _, t := range w.tables {
		for _, c := range t.indexed {
			script = append(script, fmt.Sprintf("CREATE INDEX ON %q (%q)", t.name, c))
		}
	}
	return loadPostgres(ctx, w.oracle, append(script, "ANALYZE"))
}

// create adds a table's statements to a script, and gives the table with the columns that are shown.
func (w *world) create(ctx context.Context, conn *pgx.Conn, t table, script *[]string) (table, error) {
	rows, err := conn.Query(ctx, `SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, fmt.Sprintf("%q.%q", w.schema, t.name))
	if err != nil {
		return t, err
	}
	type attribute struct {
		Name, Type string
		NotNull    bool
	}
	shown, err := pgx.CollectRows(rows, pgx.RowToStructByPos[attribute])
	if err != nil || len(shown) == 0 {
		return t, fmt.Errorf("the table %s is not shown: %w", t.name, err)
	}
	out := table{name: t.name, key: t.key, unique: t.unique, refers: t.refers, indexed: t.indexed}
	var at []int
	var parts []string
	for _, a := range shown {
		i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == a.Name })
		if i < 0 {
			return t, fmt.Errorf("the table %s is shown with a column %s, which it does not have", t.name, a.Name)
		}
		part := fmt.Sprintf("%q %s", a.Name, a.Type)
		if a.NotNull {
			part += " NOT NULL"
		}
		parts, at = append(parts, part), append(at, i)
		out.columns = append(out.columns, column{a.Name, kind(a.Type), a.NotNull})
	}
	keys, err := conn.Query(ctx, `SELECT 'CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
		WHERE conrelid = to_regclass($1) AND contype IN ('p', 'u', 'f') ORDER BY contype DESC`, fmt.Sprintf("%q.%q", w.schema, t.name))
	if err != nil {
		return t, err
	}
	constraints, err := pgx.CollectRows(keys, pgx.RowTo[string])
	if err != nil {
		return t, err
	}
	for _, row := range t.rows {
		var kept []any
		for _, i := range at {
			kept = append(kept, row[i])
		}
		out.rows = append(out.rows, kept)
	}
	*script = append(*script, fmt.Sprintf("CREATE TABLE %q (%s)", t.name, strings.Join(append(parts, constraints...), ", ")))
	if len(shown) < len(t.columns) && t.file != "" {
		return t, fmt.Errorf("of the table %s only %d columns are shown", t.name, len(shown))
	}
	if t.file == "" {
		*script = append(*script, postgresDialect().inserts(out)...)
	}
	return out, nil
}

// copyPostgres fills a table from its file.
func copyPostgres(ctx context.Context, url, schema string, t table) error {
	raw, err := os.ReadFile(t.file)
	if err != nil {
		return err
	}
	p := &peer.Peer{URL: url, Input: raw}
	if err := p.Connect(ctx); err != nil {
		return err
	}
	defer p.Close()
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return p.Script(fmt.Sprintf("COPY %q.%q (%s) FROM STDIN (FORMAT csv)", schema, t.name, strings.Join(names, ", ")))
}

// loadPostgres runs statements on a PostgreSQL on one session.
func loadPostgres(ctx context.Context, url string, statements []string) error {
	p := &peer.Peer{URL: url}
	if err := p.Connect(ctx); err != nil {
		return err
	}
	defer p.Close()
	for _, sql := range statements {
		if err := p.Script(sql); err != nil {
			return fmt.Errorf("%w\nin %.300s", err, sql)
		}
	}
	return nil
}

// pair is a session on each side.
type pair struct {
	w             *world
	oracle, proxy *peer.Peer
}

// connect opens a session on each side.
func (w *world) connect(ctx context.Context) (*pair, error) {
	limit := w.patience + time.Minute // the server ends the statement before
	p := &pair{w: w, oracle: &peer.Peer{URL: w.oracle, Limit: limit}, proxy: &peer.Peer{URL: w.proxy, Limit: limit}}
	return p, p.reset(ctx, true)
}

// reset makes the sessions as they were at first; anew opens them again.
func (p *pair) reset(ctx context.Context, anew bool) error {
	for _, side := range []*peer.Peer{p.oracle, p.proxy} {
		if anew || !side.Connected() {
			if err := side.Connect(ctx); err != nil {
				return err
			}
			// Tables' row types have other OIDs on each side.
			if err := side.Learn(p.w.schema); err != nil {
				return err
			}
		} else {
			if side.Status != 'I' {
				if err := side.Script("ROLLBACK"); err != nil {
					return err
				}
			}
			if err := side.Script("DISCARD ALL"); err != nil {
				return err
			}
		}
		if err := side.Script(fmt.Sprintf("SET client_min_messages = error; SET jit = off; SET timezone = 'UTC'; SET statement_timeout = %d; SET search_path = %q, public", p.w.patience.Milliseconds(), p.w.schema)); err != nil {
			return err
		}
	}
	return nil
}

// close ends both sessions.
func (p *pair) close() {
	p.oracle.Close()
	p.proxy.Close()
}

// shown is the type that a column is shown with, "" if it is not shown.
func (w *world) shown(name, column string) string {
	for _, t := range w.tables {
		if t.name != name {
			continue
		}
		for _, c := range t.columns {
			if c.name == column {
				return string(c.kind)
			}
		}
	}
	return ""
}

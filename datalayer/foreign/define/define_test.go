package define_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign/define"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign/mirror"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// recorder is a databackend without rows: it notes the changes that it is asked for, and makes those of whole tables.
type recorder struct {
	backend.Engine
	catalog *dialect.Catalog
	changes []string
}

func (r *recorder) Catalog(context.Context) (*dialect.Catalog, error) { return r.catalog, nil }
func (r *recorder) Connect(context.Context) (backend.Conn, error)     { return conn{}, nil }
func (r *recorder) Describe() string                                  { return "a recorder" }
func (r *recorder) remove(t *dialect.Table) {
	r.catalog = &dialect.Catalog{Tables: slices.DeleteFunc(slices.Clone(r.catalog.Tables), func(o *dialect.Table) bool { return o == t })}
}
func (r *recorder) add(t *dialect.Table) {
	r.catalog = &dialect.Catalog{Tables: append(slices.Clone(r.catalog.Tables), t)}
}

// alter makes a new name of a table, and notes it in the keys that refer to it.
func (r *recorder) alter(c *dialect.AlterTable) {
	if c.Column != nil || c.RenameTo == "" {
		return
	}
	var all []*dialect.Table
	for _, t := range r.catalog.Tables {
		like := *t
		if t == c.Table {
			like.Name = c.RenameTo
		}
		like.ForeignKeys = slices.Clone(t.ForeignKeys)
		for i := range like.ForeignKeys {
			if k := &like.ForeignKeys[i]; k.RefName == c.Table.Name {
				k.RefName = c.RenameTo
			}
		}
		all = append(all, &like)
	}
	r.catalog = &dialect.Catalog{Tables: all}
}

// Define implements backend.Definer.
func (r *recorder) Define(_ context.Context, _ backend.Conn, change dialect.Change) error {
	switch c := change.(type) {
	case *dialect.CreateTable:
		r.add(c.Table)
		raw, err := json.Marshal(c.Table)
		r.changes = append(r.changes, "create "+string(raw))
		return err
	case *dialect.DropTable:
		r.remove(c.Table)
	case *dialect.AlterTable:
		r.alter(c)
	case *dialect.CreateSchema:
		return &backend.Error{Code: "0A000", Message: "no schemas"}
	}
	r.changes = append(r.changes, written(change))
	return nil
}

// written is a change in short.
func written(change dialect.Change) string {
	switch c := change.(type) {
	case *dialect.DropTable:
		return fmt.Sprintf("drop %s cascade %t", c.Table.Name, c.Cascade)
	case *dialect.CreateIndex:
		return fmt.Sprintf("index %s %v unique %t", c.Index.Name, c.Index.Columns, c.Index.Unique)
	case *dialect.DropIndex:
		return "drop index " + c.Name + " of " + c.Table.Name
	case *dialect.AlterTable:
		out := "alter " + c.Table.Name
		switch {
		case c.AddColumn != nil:
			out = fmt.Sprintf("%s add %s %s null %t default %s", out, c.AddColumn.Name, c.AddColumn.TypeName, !c.AddColumn.NotNull, c.AddColumn.Default)
			if c.AddCheck != nil {
				out += " check " + c.AddCheck.Name + " " + c.AddCheck.Expression
			}
			return out
		case c.AddCheck != nil:
			return out + " check " + c.AddCheck.Name + " " + c.AddCheck.Expression
		case c.DropColumn != nil:
			return out + " drop " + c.DropColumn.Name
		case c.AddUnique != nil:
			return fmt.Sprintf("%s unique %v", out, c.AddUnique.Columns)
		case c.AddForeignKey != nil:
			return fmt.Sprintf("%s key %v to %s", out, c.AddForeignKey.Columns, c.AddForeignKey.RefName)
		case c.AddPrimaryKey != nil:
			return fmt.Sprintf("%s primary %v", out, c.AddPrimaryKey)
		case c.DropConstraint != "":
			return out + " drop constraint " + c.DropConstraint
		}
		if c.Column != nil {
			out += " " + c.Column.Name
		}
		switch {
		case c.RenameTo != "":
			return out + " to " + c.RenameTo
		case c.SetType != nil:
			return out + " type " + c.SetType.TypeName
		case c.SetNotNull, c.DropNotNull:
			return fmt.Sprintf("%s not null %t", out, c.SetNotNull)
		}
		return fmt.Sprintf("%s default %s drop %t", out, c.SetDefault, c.DropDefault)
	}
	return fmt.Sprintf("%T", change)
}

// conn is a session of the recorder's.
type conn struct{ backend.Conn }

func (conn) Close() error { return nil }

// shownSchema is a mirror as a Definer wants it.
type shownSchema struct{ *mirror.Mirror }

func (s shownSchema) Refresh(ctx context.Context) error {
	_, err := s.Mirror.Refresh(ctx)
	return err
}

// ready starts a PostgreSQL that shows a recorder's two tables.
func ready(t *testing.T) (context.Context, *recorder, *define.Definer, *pgx.Conn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "define")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	server, err := lab.StartPostgres(ctx, filepath.Join(dir, "server"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	if err := server.Load(ctx, "postgres", "CREATE ROLE pinnacle; CREATE ROLE other", "CREATE DATABASE d OWNER pinnacle"); err != nil {
		t.Fatal(err)
	}
	connect := func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, server.URL("d")) }
	column := func(name string, oid uint32, typ string) *dialect.Column {
		return &dialect.Column{Name: name, Type: dialect.Type{OID: oid, Mod: -1}, TypeName: typ}
	}
	r := &recorder{catalog: &dialect.Catalog{Tables: []*dialect.Table{
		{Schema: "public", Name: "a", PrimaryKey: []string{"id"}, Indexes: []dialect.Key{{Name: "x", Columns: []string{"n"}}},
			Columns: []*dialect.Column{column("id", pgtype.Int4OID, "integer"), column("n", pgtype.TextOID, "text"), column("m", pgtype.Int4OID, "integer")}},
		{Schema: "public", Name: "b", Indexes: []dialect.Key{{Name: "x", Columns: []string{"a"}}}, ForeignKeys: []dialect.ForeignKey{{Name: "to_a", Columns: []string{"a"}, RefSchema: "public", RefName: "a", RefColumns: []string{"id"}}},
			Columns: []*dialect.Column{column("a", pgtype.Int4OID, "integer")}},
	}}}
	m := mirror.New(mirror.Config{Source: r, Connect: connect, Owner: "pinnacle", URI: "recorder://"})
	if _, err := m.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	local, err := connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close(context.Background()) })
	return ctx, r, define.New(define.Config{Engine: r, Mirror: shownSchema{m}, Connect: connect, Owner: "pinnacle", KeyName: mirror.KeyName}), local
}

// run has a Definer carry a statement out.
func run(ctx context.Context, t *testing.T, d *define.Definer, by define.Client, sql string) (tag string, home bool, err error) {
	t.Helper()
	tree, err := pg_query.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	if !define.Concerns(tree.Stmts[0].Stmt) {
		return "", true, nil
	}
	return d.Define(ctx, by, define.Statement{Text: sql, Node: tree.Stmts[0].Stmt})
}

func TestDefine(t *testing.T) {
	ctx, r, d, local := ready(t)
	if _, err := local.Exec(ctx, "CREATE TABLE own (x int); ALTER TABLE own OWNER TO pinnacle; CREATE VIEW v AS SELECT m FROM a; ALTER VIEW v OWNER TO pinnacle"); err != nil {
		t.Fatal(err)
	}
	by := define.Client{Role: "pinnacle", SearchPath: `"$user", public`}
	for _, c := range []struct {
		sql string
		// want are the changes, "home", or an SQLSTATE.
		want string
	}{
		{"ALTER TABLE a ADD COLUMN z numeric(8,2) NOT NULL DEFAULT 1.5, ALTER n TYPE varchar(9)", "alter a n type character varying(9); alter a add z numeric(8,2) null false default 1.5"},
		{"ALTER TABLE a ALTER n SET DEFAULT 'q', ALTER m SET NOT NULL", "alter a n default 'q'::text drop false; alter a m not null true"},
		{"ALTER TABLE a ADD UNIQUE (m), ADD FOREIGN KEY (m) REFERENCES a (id)", "alter a key [m] to a; alter a unique [m]"},
		{"ALTER TABLE a DROP COLUMN m", "2BP01"},
		{"ALTER TABLE a DROP COLUMN nothing", "42703"},
		{"ALTER TABLE a ENABLE ROW LEVEL SECURITY", "0A000"},
		{"ALTER TABLE a SET SCHEMA pg_temp", "0A000"},
		{"ALTER TABLE own ADD y int", "home"},
		{"ALTER TABLE a OWNER TO other", "home"},
		{"ALTER TABLE b DROP CONSTRAINT to_a", "alter b drop constraint to_a"},
		{"ALTER TABLE b ADD PRIMARY KEY (a)", "alter b a not null true; alter b primary [a]"},
		{"CREATE INDEX ON a (m, n)", "index a_m_n_idx [m n] unique false"},
		{"CREATE UNIQUE INDEX CONCURRENTLY u ON a (m)", "index u [m] unique true"},
		{"CREATE INDEX ON a (lower(n))", "0A000"},
		{"DROP INDEX a_x_idx", "drop index x of a"},
		{"DROP INDEX nothing", "home"},
		{"CREATE TABLE a (x int)", "42P07"},
		{"CREATE TABLE IF NOT EXISTS a (x int)", "home"},
		{"CREATE TABLE c (x point, EXCLUDE USING gist (x WITH ~=))", "0A000"},
		{"CREATE TABLE c (x nosuch)", "42704"},
		{"CREATE TABLE c (x int) PARTITION BY LIST (x)", "0A000"},
		{"CREATE TEMP TABLE c (x int)", "home"},
		{"CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()", "0A000"},
		{"CREATE SCHEMA s", "home"},
		{"DROP TABLE a", "2BP01"},
		{"DROP TABLE nothing", "home"},
		{"DROP VIEW v", "home"},
		{"ALTER TABLE a RENAME COLUMN n TO name", "alter a n to name"},
	} {
		r.changes = nil
		tag, home, err := run(ctx, t, d, by, c.sql)
		got := strings.Join(r.changes, "; ")
		var coded interface{ SQLState() string }
		switch {
		case errors.As(err, &coded):
			got = coded.SQLState()
		case err != nil:
			got = err.Error()
		case home:
			got = "home"
		case tag == "":
			t.Errorf("%s: no tag", c.sql)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.sql, got, c.want)
		}
	}
}

func TestCreateAndDrop(t *testing.T) {
	ctx, r, d, local := ready(t)
	by := define.Client{Role: "pinnacle", SearchPath: `"$user", public`}
	const sql = `CREATE TABLE c (id bigserial PRIMARY KEY, a int REFERENCES a ON DELETE SET NULL, "Name" varchar(7) NOT NULL DEFAULT 'x', at timestamptz DEFAULT now(), UNIQUE (a, "Name"))`
	if tag, home, err := run(ctx, t, d, by, sql); tag != "CREATE TABLE" || home || err != nil {
		t.Fatal(tag, home, err)
	}
	var made dialect.Table
	if err := json.Unmarshal([]byte(strings.TrimPrefix(r.changes[0], "create ")), &made); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(made.Schema, made.Name, made.PrimaryKey, made.Uniques, made.ForeignKeys)
	if want := "publicc[id] [{c_a_Name_key [a Name] true}] [{c_a_fkey [a] public a [id] SET NULL }]"; got != want {
		t.Errorf("made %s, want %s", got, want)
	}
	got = ""
	for _, c := range made.Columns {
		got += fmt.Sprintf("%s %s %t %q %d; ", c.Name, c.TypeName, c.NotNull, c.Default, c.Generated)
	}
	if want := `id bigint true "" 1; a integer false "" 0; Name character varying(7) true "'x'::character varying" 0; at timestamp with time zone false "now()" 0; `; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	if _, _, err := run(ctx, t, d, define.Client{Role: "other", SearchPath: "public"}, "CREATE TABLE e (x int)"); err == nil || !strings.Contains(err.Error(), "42501") {
		t.Errorf("a table of a role that may make none: %v", err)
	}
	if _, _, err := run(ctx, t, d, define.Client{Role: "other", SearchPath: "public"}, "DROP TABLE c"); err == nil || !strings.Contains(err.Error(), "42501") {
		t.Errorf("a table dropped by a role that does not own it: %v", err)
	}
	blocked := by
	blocked.Block = true
	_, _, err := run(ctx, t, d, blocked, "DROP TABLE c")
	var e *backend.Error
	if !errors.As(err, &e) || e.Code != "25001" {
		t.Errorf("inside a transaction: %v", err)
	}
	if _, home, err := run(ctx, t, d, blocked, "CREATE TEMP TABLE e (x int)"); !home || err != nil {
		t.Errorf("a temporary table inside a transaction: %v, %v", home, err)
	}
	if _, err := local.Exec(ctx, "CREATE VIEW v AS SELECT id FROM c; ALTER VIEW v OWNER TO pinnacle"); err != nil {
		t.Fatal(err)
	}
	r.changes = nil
	if _, _, err := run(ctx, t, d, by, "DROP TABLE c CASCADE"); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := local.QueryRow(ctx, "SELECT count(*) FROM pg_class WHERE relname IN ('c', 'v')").Scan(&left); err != nil || left != 0 || r.changes[0] != "drop c cascade true" {
		t.Errorf("after DROP … CASCADE %d relations are left (%v); changes %v", left, err, r.changes)
	}
	r.changes = nil
	if _, _, err := run(ctx, t, d, by, "DROP TABLE a, b"); err != nil || len(r.changes) != 2 {
		t.Errorf("two tables, one of which refers to the other: %v, %v", r.changes, err)
	}
}

// TestChecks carries CHECK constraints to the databackend, with its own columns and by themselves, and shows them.
func TestChecks(t *testing.T) {
	ctx, r, d, local := ready(t)
	by := define.Client{Role: "pinnacle", SearchPath: `"$user", public`}
	for _, c := range []struct{ sql, want string }{
		{`CREATE TABLE c (n int CHECK (n >= 0), s varchar(9), CONSTRAINT few CHECK (s IN ('a', 'b')))`, ""},
		{"ALTER TABLE a ADD CONSTRAINT positive CHECK (m > 0)", "alter a check positive (m > 0)"},
		{"ALTER TABLE a ADD COLUMN z int NOT NULL CHECK (z <> 7)", "alter a add z integer null false default  check a_z_check (z <> 7)"},
		{"ALTER TABLE a DROP CONSTRAINT positive", "alter a drop constraint positive"},
	} {
		r.changes = nil
		if _, home, err := run(ctx, t, d, by, c.sql); home || err != nil {
			t.Fatalf("%s: %v, %v", c.sql, home, err)
		}
		if got := strings.Join(r.changes, "; "); c.want != "" && got != c.want {
			t.Errorf("%s: %s, want %s", c.sql, got, c.want)
		}
	}
	var made string
	err := local.QueryRow(ctx, `SELECT string_agg(conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid), '; ' ORDER BY 1) FROM pg_constraint
		WHERE contype = 'c' AND connamespace = 'public'::regnamespace`).Scan(&made)
	if want := "c c_n_check CHECK ((n >= 0)) NO INHERIT; c few CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))) NO INHERIT"; err != nil || made != want {
		t.Errorf("shown are %s, %v", made, err)
	}
}

// TestRename gives a table another name: what it has in the local PostgreSQL alone, rights and views, stays.
func TestRename(t *testing.T) {
	ctx, _, d, local := ready(t)
	by := define.Client{Role: "pinnacle", SearchPath: `"$user", public`}
	if _, err := local.Exec(ctx, "GRANT SELECT (n), INSERT ON a TO other; CREATE VIEW v AS SELECT m FROM a; ALTER VIEW v OWNER TO pinnacle"); err != nil {
		t.Fatal(err)
	}
	if tag, home, err := run(ctx, t, d, by, `ALTER TABLE a RENAME TO "New"`); tag != "ALTER TABLE" || home || err != nil {
		t.Fatal(tag, home, err)
	}
	var got string
	err := local.QueryRow(ctx, `SELECT concat_ws(' ', to_regclass('public.a'), has_table_privilege('other', 'public."New"', 'INSERT'), has_column_privilege('other', 'pinnacle_foreign_public."New"', 'n', 'SELECT'),
		pg_get_viewdef('v'), (SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 'pinnacle_foreign_public."New"'::regclass),
		(SELECT bool_and(encode(tgargs, 'escape') LIKE '%"New"%') FROM pg_trigger WHERE tgrelid = 'public."New"'::regclass AND tgname = 'pinnacle_route'),
		(SELECT string_agg(confrelid::regclass::text, '') FROM pg_constraint WHERE conname = 'to_a'))`).Scan(&got)
	if want := `t t  SELECT "New".m
   FROM "New"; {schema_name=public,table_name=New} t "New"`; err != nil || got != want {
		t.Errorf("after the new name: %s, %v", got, err)
	}
}

package mirror_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign/mirror"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// server is the PostgreSQL of the tests. Each test has two databases there: one that plays the databackend, and one that
// shows it.
var server *lab.Postgres

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mirror")
		if err == nil {
			defer os.RemoveAll(dir)
			err = os.Chmod(dir, 0o755)
		}
		if err == nil {
			server, err = lab.StartPostgres(context.Background(), filepath.Join(dir, "server"), "max_connections=50")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Stop()
		if err := server.Load(context.Background(), "postgres", "CREATE ROLE pinnacle LOGIN"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// bench is a mirror with the databackend that it shows.
type bench struct {
	t       *testing.T
	ctx     context.Context
	name    string
	mirror  *mirror.Mirror
	catalog *dialect.Catalog
	// engine and local are superusers' sessions of both databases; user is the owner's in the local one.
	engine, local, user *pgx.Conn
	log                 *logLines
}

// Catalog implements mirror.Source.
func (b *bench) Catalog(context.Context) (*dialect.Catalog, error) { return b.catalog, nil }

// logLines keeps what is logged.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// has says whether something was logged.
func (l *logLines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// newBench makes the databases of a test. setup runs in the databackend's.
func newBench(t *testing.T, setup string, tables ...*dialect.Table) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	name := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "_"))
	if err := server.Load(ctx, "postgres", "CREATE DATABASE "+name+"_engine", "CREATE DATABASE "+name+" OWNER pinnacle"); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, ctx: ctx, name: name, catalog: &dialect.Catalog{Tables: tables}, log: &logLines{}}
	b.engine, b.local, b.user = b.connect(name+"_engine"), b.connect(name), b.connect(name)
	b.must(b.engine, setup)
	b.must(b.user, "SET SESSION AUTHORIZATION pinnacle")
	b.mirror = b.newMirror()
	return b
}

// newMirror makes a mirror as a proxy that starts does.
func (b *bench) newMirror() *mirror.Mirror {
	c := b.local.Config()
	return mirror.New(mirror.Config{
		Source: b, Owner: "pinnacle", User: "postgres", URI: "test://" + b.name, LockTimeout: 100 * time.Millisecond,
		Connect: func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, server.URL(b.name)) },
		Options: map[string]string{"host": c.Host, "port": fmt.Sprint(c.Port), "dbname": b.name + "_engine", "use_remote_estimate": "true"},
		Logger:  slog.New(slog.NewTextHandler(b.log, nil)),
	})
}

// connect opens a session of the superuser.
func (b *bench) connect(database string) *pgx.Conn {
	b.t.Helper()
	conn, err := pgx.Connect(b.ctx, server.URL(database))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// must runs statements.
func (b *bench) must(conn *pgx.Conn, sql string) {
	b.t.Helper()
	if _, err := conn.PgConn().Exec(b.ctx, sql).ReadAll(); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

// fails runs a statement that must fail with a code.
func (b *bench) fails(conn *pgx.Conn, sql, code string) {
	b.t.Helper()
	_, err := conn.PgConn().Exec(b.ctx, sql).ReadAll()
	if err == nil || !strings.Contains(err.Error(), code) {
		b.t.Errorf("%s: error %v, want %s", sql, err, code)
	}
}

// want compares a query's result, rows with | between values.
func (b *bench) want(conn *pgx.Conn, sql, want string) {
	b.t.Helper()
	results, err := conn.PgConn().Exec(b.ctx, sql).ReadAll()
	if err != nil {
		b.t.Errorf("%s: %v", sql, err)
		return
	}
	var rows []string
	for _, row := range results[len(results)-1].Rows {
		var values []string
		for _, v := range row {
			if v == nil {
				v = []byte("NULL")
			}
			values = append(values, string(v))
		}
		rows = append(rows, strings.Join(values, "|"))
	}
	if got := strings.Join(rows, "\n"); got != want {
		b.t.Errorf("%s:\n%s\nwant\n%s", sql, got, want)
	}
}

// refresh refreshes, and looks at what was done: created, changed, dropped, waiting, kept.
func (b *bench) refresh(created, changed, dropped, waiting, kept int) {
	b.t.Helper()
	r, err := b.mirror.Refresh(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	if got, want := [5]int{r.Created, r.Changed, r.Dropped, r.Waiting, r.Kept}, [5]int{created, changed, dropped, waiting, kept}; got != want {
		b.t.Fatalf("created, changed, dropped, waiting, kept = %v, want %v\n%s", got, want, b.log.text.String())
	}
	b.must(b.local, "DO $$ BEGIN ALTER USER MAPPING FOR PUBLIC SERVER pinnacle_databackend OPTIONS (ADD password 'lab-super-word'); EXCEPTION WHEN duplicate_object THEN NULL; END $$")
}

// col makes a column.
func col(name string, oid uint32, typ string, more ...func(*dialect.Column)) *dialect.Column {
	c := &dialect.Column{Name: name, Native: name, Type: dialect.Type{OID: oid, Mod: -1}, TypeName: typ}
	for _, f := range more {
		f(c)
	}
	return c
}

func notNull(c *dialect.Column)  { c.NotNull = true }
func identity(c *dialect.Column) { c.Generated = dialect.Identity }
func engines(c *dialect.Column)  { c.Generated = dialect.EngineDefault }
func computed(c *dialect.Column) { c.Generated = dialect.Computed }
func preset(sql string) func(*dialect.Column) {
	return func(c *dialect.Column) { c.Default = sql }
}
func remark(text string) func(*dialect.Column) {
	return func(c *dialect.Column) { c.Comment = text }
}

// customers and orders are two tables that refer to each other.
func customers() *dialect.Table {
	return &dialect.Table{Schema: "public", Name: "customers", Comment: "who buys", PrimaryKey: []string{"id"},
		Uniques: []dialect.Key{{Name: "email_key", Columns: []string{"email"}, Unique: true}},
		Columns: []*dialect.Column{
			col("id", pgtype.Int4OID, "integer", notNull, identity), col("email", pgtype.TextOID, "text", remark("one each")),
			col("city", pgtype.TextOID, "text", preset("'Paris'::text")), col("at", pgtype.TimestamptzOID, "timestamp with time zone", engines),
		}}
}

func orders() *dialect.Table {
	return &dialect.Table{Schema: "public", Name: "orders", PrimaryKey: []string{"id"},
		Indexes:     []dialect.Key{{Name: "by_customer", Columns: []string{"customer"}}},
		ForeignKeys: []dialect.ForeignKey{{Columns: []string{"customer"}, RefSchema: "public", RefName: "customers", RefColumns: []string{"id"}, OnDelete: "CASCADE"}},
		Columns: []*dialect.Column{
			col("id", pgtype.Int4OID, "integer", notNull), col("customer", pgtype.Int4OID, "integer"),
			col("price", pgtype.NumericOID, "numeric(10,2)"), col("twice", pgtype.NumericOID, "numeric(10,2)", computed),
		}}
}

// ordersSetup is the databackend that both stand for.
const ordersSetup = `CREATE TABLE customers (id int PRIMARY KEY, email text UNIQUE, city text, at timestamptz);
CREATE TABLE orders (id int PRIMARY KEY, customer int, price numeric(10,2), twice numeric(10,2) GENERATED ALWAYS AS (price * 2) STORED);
INSERT INTO customers VALUES (1, 'a@b', 'Rome', '2024-01-01'), (2, 'c@d', 'Oslo', NULL); INSERT INTO orders VALUES (1, 1, 2.50), (2, 1, 3), (3, 2, 4);
CREATE VIEW big AS SELECT id, price FROM orders WHERE price > 2.7;`

func big() *dialect.Table {
	return &dialect.Table{Schema: "public", Name: "big", Kind: dialect.View, ReadOnly: "It is a view.", Comment: "dear ones",
		Columns: []*dialect.Column{col("id", pgtype.Int4OID, "integer"), col("price", pgtype.NumericOID, "numeric(10,2)", remark("in euros"))}}
}

func TestShown(t *testing.T) {
	t.Parallel()
	b := newBench(t, ordersSetup, customers(), orders(), big())
	b.refresh(3, 0, 0, 0, 0)
	b.refresh(0, 0, 0, 0, 0)
	b.want(b.user, "SELECT relname, relkind, relowner::regrole FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r','v') ORDER BY 1",
		"big|v|pinnacle\ncustomers|r|pinnacle\norders|r|pinnacle")
	b.want(b.user, "SELECT id, email, city FROM customers ORDER BY id", "1|a@b|Rome\n2|c@d|Oslo")
	b.want(b.user, "SELECT c.city, sum(o.price), sum(o.twice) FROM customers c JOIN orders o ON o.customer = c.id GROUP BY 1 ORDER BY 1", "Oslo|4.00|8.00\nRome|5.50|11.00")
	b.want(b.user, "SELECT * FROM big ORDER BY id", "2|3.00\n3|4.00")
	b.want(b.user, "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('customers'::regclass, 'orders'::regclass) AND contype IN ('p','u','f') ORDER BY 1",
		"customers_pkey|PRIMARY KEY (id)\nemail_key|UNIQUE (email)\norders_customer_fkey|FOREIGN KEY (customer) REFERENCES customers(id) ON DELETE CASCADE\norders_pkey|PRIMARY KEY (id)")
	b.want(b.user, "SELECT obj_description('customers'::regclass), col_description('customers'::regclass, 2), obj_description('big'::regclass), col_description('big'::regclass, 2)",
		"who buys|one each|dear ones|in euros")
	b.want(b.user, "SELECT column_name, is_identity, is_nullable, is_generated FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('customers', 'orders') AND (is_identity = 'YES' OR is_generated = 'ALWAYS') ORDER BY 1",
		"id|YES|NO|NEVER\ntwice|NO|YES|ALWAYS")
	// What the marker is, the server for postgres_fdw turns into DEFAULT: another PostgreSQL shows it as it came.
	mark, _ := dialect.Marker(pgtype.Int4OID)
	for i, insert := range []string{"INSERT INTO customers (email) VALUES ('x@y')", "INSERT INTO pinnacle_foreign_public.customers (email) VALUES ('x@y')"} {
		b.must(b.user, insert)
		b.want(b.engine, "SELECT id, email, city, extract(year FROM at AT TIME ZONE 'UTC') FROM customers WHERE id NOT IN (1, 2)", mark+"|x@y|Paris|294275")
		b.must(b.user, "DELETE FROM customers WHERE email = 'x@y'")
		b.want(b.engine, fmt.Sprintf("SELECT %d, count(*) FROM customers", i), fmt.Sprintf("%d|2", i))
	}
	b.must(b.user, "UPDATE orders SET price = 5 WHERE id = 3; INSERT INTO orders (id, customer, price) VALUES (4, 2, 1)")
	b.want(b.engine, "SELECT id, twice FROM orders ORDER BY id", "1|5.00\n2|6.00\n3|10.00\n4|2.00")
	b.fails(b.user, "INSERT INTO big VALUES (1, 1)", "55000")
	b.fails(b.user, "CREATE TRIGGER mine BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION pinnacle_foreign.route('ALTER ROLE pinnacle SUPERUSER')", "42501")
	b.must(b.user, "TRUNCATE orders")
	b.want(b.engine, "SELECT count(*) FROM orders", "0")
}

func TestRights(t *testing.T) {
	t.Parallel()
	b := newBench(t, ordersSetup+"CREATE SCHEMA sales; CREATE TABLE sales.items (id int); INSERT INTO sales.items VALUES (7)", customers(), big(),
		&dialect.Table{Schema: "sales", Name: "items", Columns: []*dialect.Column{col("id", pgtype.Int4OID, "integer")}})
	b.refresh(3, 0, 0, 0, 0)
	role := b.name + "_reader"
	b.must(b.local, "CREATE ROLE "+role)
	other := b.connect(b.name)
	b.must(other, "SET SESSION AUTHORIZATION "+role)
	both := func(columns, where string, check func(sql string)) {
		for _, schema := range []string{"public", "pinnacle_foreign_public"} {
			check("SELECT " + columns + " FROM " + schema + ".customers " + where)
		}
	}
	both("*", "", func(sql string) { b.fails(other, sql, "42501") })
	b.must(b.user, "GRANT SELECT (id) ON customers TO "+role)
	both("id", "WHERE id = 1", func(sql string) { b.want(other, sql, "1") })
	both("city", "WHERE id = 1", func(sql string) { b.fails(other, sql, "42501") })
	b.must(b.user, "GRANT SELECT, INSERT ON customers TO "+role)
	both("city", "WHERE id = 1", func(sql string) { b.want(other, sql, "Rome") })
	b.must(other, "INSERT INTO customers (id, email) VALUES (9, 'i')")
	b.fails(other, "DELETE FROM customers", "42501")
	b.fails(other, "DELETE FROM pinnacle_foreign_public.customers", "42501")
	b.must(b.user, "GRANT SELECT ON sales.items TO "+role)
	b.fails(other, "SELECT * FROM sales.items", "42501")
	b.fails(other, "SELECT * FROM pinnacle_foreign_sales.items", "42501")
	b.must(b.user, "GRANT USAGE ON SCHEMA sales TO "+role)
	b.want(other, "SELECT * FROM sales.items", "7")
	b.want(other, "SELECT * FROM pinnacle_foreign_sales.items", "7")
	// A relation that is made anew keeps what was granted.
	b.must(b.user, "GRANT SELECT ON big TO "+role+" WITH GRANT OPTION")
	changed := big()
	changed.Columns[0], changed.Columns[1] = changed.Columns[1], changed.Columns[0]
	b.catalog = &dialect.Catalog{Tables: []*dialect.Table{customers(), changed, b.catalog.Tables[2]}}
	b.refresh(0, 1, 0, 0, 0)
	b.want(other, "SELECT * FROM big WHERE id = 2", "3.00|2")
	b.want(other, "SELECT * FROM pinnacle_foreign_public.big WHERE id = 2", "3.00|2")
	b.must(b.local, "DROP OWNED BY "+role+"; DROP ROLE "+role)
	b.want(b.user, "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee <> 0 AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.grantee)", "0")
}

func TestChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t, ordersSetup, customers(), orders())
	b.refresh(2, 0, 0, 0, 0)
	b.must(b.user, "CREATE VIEW v AS SELECT id, email FROM customers; CREATE VIEW prices AS SELECT price FROM orders")
	b.must(b.engine, "ALTER TABLE customers ADD COLUMN age int; UPDATE customers SET age = 40; ALTER TABLE customers DROP COLUMN city; ALTER TABLE customers ALTER at TYPE date")
	c := customers()
	c.Columns = append(c.Columns[:2], col("at", pgtype.DateOID, "date"), col("age", pgtype.Int4OID, "integer", remark("years")))
	c.PrimaryKey, c.Comment = nil, ""
	b.catalog = &dialect.Catalog{Tables: []*dialect.Table{c, orders()}}
	b.refresh(0, 1, 0, 0, 0)
	b.want(b.user, "SELECT * FROM customers WHERE id = 1", "1|a@b|2024-01-01|40")
	b.want(b.user, "SELECT * FROM v WHERE id = 1", "1|a@b")
	b.want(b.user, "SELECT obj_description('customers'::regclass), col_description('customers'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attname = 'age'", "NULL|years")
	b.want(b.user, "SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'f') AND conrelid IN ('customers'::regclass, 'orders'::regclass)", "1")
	// A key that comes back brings the foreign keys to it back.
	c2 := *c
	c2.PrimaryKey = []string{"id"}
	b.catalog = &dialect.Catalog{Tables: []*dialect.Table{&c2, orders()}}
	b.refresh(0, 1, 0, 0, 0)
	b.want(b.user, "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'orders'::regclass", "1")
	// A column that a view uses stays, and so does a table.
	o := orders()
	o.Columns = append(o.Columns[:2:2], o.Columns[3])
	b.catalog = &dialect.Catalog{Tables: []*dialect.Table{&c2, o}}
	b.refresh(0, 0, 0, 0, 1)
	b.want(b.user, "SELECT price FROM prices ORDER BY 1", "2.50\n3.00\n4.00")
	if !b.log.has("depends on it") {
		t.Error("nothing was logged about the column that stays")
	}
	b.catalog = &dialect.Catalog{Tables: []*dialect.Table{o}}
	b.refresh(0, 0, 0, 0, 2)
	b.must(b.user, "DROP VIEW v; DROP VIEW prices")
	b.refresh(0, 1, 1, 0, 0)
	b.want(b.user, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1", "orders")
	b.want(b.user, "SELECT count(*) FROM pg_class WHERE relnamespace = 'pinnacle_foreign_public'::regnamespace", "1")
	// Somebody drops a parent behind the mirror's back.
	b.must(b.user, "DROP TABLE orders CASCADE")
	b.refresh(0, 1, 0, 0, 0)
	b.want(b.user, "SELECT id FROM orders ORDER BY 1", "1\n2\n3")
}

func TestInUse(t *testing.T) {
	t.Parallel()
	b := newBench(t, ordersSetup, customers(), orders())
	b.refresh(2, 0, 0, 0, 0)
	b.must(b.engine, "ALTER TABLE customers ADD COLUMN age int")
	b.must(b.user, "BEGIN; SELECT count(*) FROM customers")
	c := customers()
	c.Columns = append(c.Columns, col("age", pgtype.Int4OID, "integer"))
	o := orders()
	o.Comment = "what is bought"
	b.catalog = &dialect.Catalog{Tables: []*dialect.Table{c, o}}
	b.refresh(0, 1, 0, 1, 0)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.mirror.Run(ctx)
	}()
	b.must(b.user, "SELECT count(*) FROM customers; COMMIT")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var n int
		if err := b.local.QueryRow(b.ctx, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attname = 'age'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the column did not come")
		}
	}
	cancel()
	<-done
}

func TestOddities(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 60)
	odd := &dialect.Table{Schema: "Mixed Case", Name: `q"t'; DROP TABLE x; --`, Comment: "it's\x00 odd", Columns: []*dialect.Column{
		col("select", pgtype.TextOID, "text", remark("a'b"), preset("'x'); DROP TABLE y; --")), col(`a"b`, pgtype.JSONOID, "json"), col(long, pgtype.VarcharOID, "character varying(5)", engines),
	}, PrimaryKey: []string{`a"b`}, Uniques: []dialect.Key{{Name: "same", Columns: []string{"select"}}}}
	odd.Columns[2].Type.Mod = 9
	twin := &dialect.Table{Schema: "Mixed Case", Name: long + "abc", Columns: []*dialect.Column{col("a", pgtype.Int4OID, "integer"), col("big", pgtype.NumericOID, "numeric(20,0)", identity)},
		Indexes: []dialect.Key{{Name: "same", Columns: []string{"a"}}, {Name: "same", Columns: []string{"big"}}}}
	wrong := &dialect.Table{Schema: "public", Name: "wrong", Columns: []*dialect.Column{col("a", pgtype.Int4OID, "integer", preset("no_such_function()"), notNull)}}
	none := &dialect.Table{Schema: "public", Name: "none"}
	unknown := &dialect.Table{Schema: "public", Name: "unknown", Columns: []*dialect.Column{col("a", 99999, "no_such_type")}}
	b := newBench(t, "CREATE TABLE wrong (a int); INSERT INTO wrong VALUES (4)", odd, twin, wrong, none, unknown)
	b.refresh(3, 0, 0, 0, 2)
	b.want(b.user, "SELECT a FROM wrong", "4")
	b.want(b.user, "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'Mixed Case'", "3")
	b.want(b.user, `SELECT pg_get_expr(adbin, adrelid) IS NULL FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attname = 'select' AND attrelid = '"Mixed Case"."q""t''; DROP TABLE x; --"'::regclass`, "t")
	b.fails(b.user, `INSERT INTO "Mixed Case"."q""t'; DROP TABLE x; --" ("select") VALUES ('x')`, "0A000")
	b.refresh(1-1, 0, 0, 0, 1) // what cannot be shown is tried again
}

func TestRemove(t *testing.T) {
	t.Parallel()
	b := newBench(t, ordersSetup, customers(), orders(), big())
	b.refresh(3, 0, 0, 0, 0)
	b.must(b.user, "CREATE VIEW v AS SELECT id, email FROM customers; CREATE TABLE mine (a int)")
	if err := mirror.Remove(b.ctx, b.local, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	b.want(b.user, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1", "mine")
	b.want(b.user, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pinnacle%'", "0")
	if err := mirror.Remove(b.ctx, b.local, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	// A client's own table of the same name is left alone.
	b.must(b.user, "CREATE TABLE orders (own text); INSERT INTO orders VALUES ('kept')")
	b.mirror = b.newMirror()
	b.refresh(2, 0, 0, 0, 1)
	b.want(b.user, "SELECT * FROM orders", "kept")
	b.want(b.user, "SELECT count(*) FROM customers", "2")
}

// TestMadeAnew has the databackend's columns come in another order, so that the relation is made anew: what the local PostgreSQL alone has
// of it stays, and what the databackend says of it is the newest.
func TestMadeAnew(t *testing.T) {
	t.Parallel()
	b := newBench(t, ordersSetup, customers(), orders())
	b.refresh(2, 0, 0, 0, 0)
	b.must(b.user, "COMMENT ON TABLE customers IS 'mine'; COMMENT ON TABLE orders IS 'ours'; COMMENT ON COLUMN orders.price IS 'in euros'; GRANT SELECT ON orders TO PUBLIC")
	b.must(b.local, "ALTER TABLE orders ADD CONSTRAINT cheap CHECK (price < 1000) NO INHERIT")
	c, o := customers(), orders()
	o.Columns[0], o.Columns[len(o.Columns)-1] = o.Columns[len(o.Columns)-1], o.Columns[0]
	c.Columns[0], c.Columns[1] = c.Columns[1], c.Columns[0]
	c.Comment = "theirs"
	b.catalog = &dialect.Catalog{Tables: []*dialect.Table{c, o}}
	b.refresh(0, 2, 0, 0, 0)
	b.want(b.user, "SELECT obj_description('orders'::regclass), has_table_privilege('pg_monitor', 'orders', 'SELECT')", "ours|t")
	b.want(b.user, "SELECT col_description('orders'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'price'", "in euros")
	b.want(b.user, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'cheap'", "CHECK ((price < (1000)::numeric)) NO INHERIT")
	b.want(b.user, "SELECT obj_description('customers'::regclass)", "theirs")
}

package integration

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver that other programs would write the file with
)

// otherProgram runs statements on a SQLite file past the proxy.
func otherProgram(t *testing.T, path, script string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(script); err != nil {
		t.Fatal(err)
	}
}

// shop is a SQLite file that another program has made.
const shop = `CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT DEFAULT 'Paris');
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT REFERENCES customers (id), price NUMERIC(10,2));
CREATE VIEW dear AS SELECT id, price FROM orders WHERE price > 3;
INSERT INTO customers (name) VALUES ('ada'), ('bob'); INSERT INTO orders (customer, price) VALUES (1, 2.5), (1, 5), (2, 9);`

// expect runs a statement and compares its rows, values joined by | and rows by line breaks, or its SQLSTATE.
func expect(t *testing.T, conn *pgx.Conn, statement, want string) {
	t.Helper()
	results, err := conn.PgConn().Exec(context.Background(), statement).ReadAll()
	var rows []string
	for _, r := range results {
		for _, row := range r.Rows {
			var values []string
			for _, v := range row {
				values = append(values, string(v))
			}
			rows = append(rows, strings.Join(values, "|"))
		}
	}
	got := strings.Join(rows, "\n")
	if err != nil {
		got = err.Error()
		if want != "" && strings.Contains(got, "SQLSTATE "+want) {
			return
		}
	}
	if got != want {
		t.Errorf("%s: %s, want %s", statement, got, want)
	}
}

// TestForeignSchema takes a SQLite file through its life behind the proxy: shown, changed by clients and by another
// program, granted to roles, shown again after a restart, and taken away with another databackend.
func TestForeignSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	file, other := filepath.Join(dir, "shop.db"), filepath.Join(dir, "other.db")
	otherProgram(t, file, shop)
	otherProgram(t, other, "CREATE TABLE alone (x INT4); INSERT INTO alone VALUES (4)")
	start := func(databackend ...string) *proxy {
		p, err := startProxy(world.bin, filepath.Join(dir, "proxy"), proxyOptions{name: "shop", args: append([]string{"--postgres-fetch", "never", "--databackend-refresh", "0"}, databackend...)})
		if err != nil {
			t.Fatalf("%v\n%s", err, p.tail(0, 40))
		}
		return p
	}
	connect := func(p *proxy) *pgx.Conn {
		to, err := p.target()
		if err != nil {
			t.Fatal(err)
		}
		return to.connect(t)
	}
	stop := func(p *proxy) {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
	p := start("--databackend", "sqlite://"+file)
	conn := connect(p)
	expect(t, conn, "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1", "customers|BASE TABLE\ndear|VIEW\norders|BASE TABLE")
	expect(t, conn, "SELECT c.name, sum(o.price) FROM customers c JOIN orders o ON o.customer = c.id GROUP BY 1 ORDER BY 1", "ada|7.50\nbob|9.00")
	expect(t, conn, "SELECT count(*) FROM dear", "2")
	expect(t, conn, "DO $$ BEGIN INSERT INTO customers (name) VALUES ('cyd'); END $$; SELECT name, city FROM customers WHERE id = 3", "cyd|Paris")
	t.Run("definitions", func(t *testing.T) { defineInShop(t, conn) })
	t.Run("rights", func(t *testing.T) { grantInShop(t, conn) })
	otherProgram(t, file, "ALTER TABLE customers ADD COLUMN age INT4; UPDATE customers SET age = 40; CREATE TABLE late (x TEXT)")
	expect(t, conn, "CREATE VIEW names AS SELECT name FROM customers", "")
	expect(t, conn, "SELECT pinnacle.refresh()", `{"changed":1,"created":1,"dropped":0,"kept":0,"relations":5,"waiting":0}`)
	expect(t, conn, "SELECT age FROM customers WHERE id = 1; SELECT count(*) FROM names; SELECT count(*) FROM late", "40\n3\n0")
	stop(p)
	p = start("--databackend", "sqlite://"+file)
	conn = connect(p)
	expect(t, conn, "SELECT count(*) FROM names; SELECT count(*) FROM made", "3\n2")
	stop(p)
	p = start("--databackend", "sqlite://"+other)
	conn = connect(p)
	expect(t, conn, "SELECT x FROM alone", "4")
	expect(t, conn, "SELECT to_regclass('orders') IS NULL", "t")
	stop(p)
	p = start()
	conn = connect(p)
	expect(t, conn, "SELECT to_regclass('alone') IS NULL, (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pinnacle%')", "t|0")
	stop(p)
}

// defineInShop changes the schema through the proxy, by both protocols.
func defineInShop(t *testing.T, conn *pgx.Conn) {
	ctx := context.Background()
	for _, c := range []struct{ sql, tag string }{
		{"CREATE TABLE made (id serial PRIMARY KEY, name varchar(20) NOT NULL, n numeric(10,2) DEFAULT 1.5, customer int REFERENCES customers (id))", "CREATE TABLE"},
		{"INSERT INTO made (name) VALUES ('a'), ('b')", "INSERT 0 2"},
		{"ALTER TABLE made ADD COLUMN x int DEFAULT 7", "ALTER TABLE"},
		{"ALTER TABLE made RENAME COLUMN name TO title", "ALTER TABLE"},
		{"CREATE INDEX made_title ON made (title)", "CREATE INDEX"},
		{"CREATE TABLE copied AS SELECT title, n AS \"N\" FROM made WITH DATA", "SELECT 2"},
		{"SELECT id, title INTO into_it FROM made WHERE id = 1", "SELECT 1"},
		{"CREATE TABLE empty AS SELECT * FROM customers WITH NO DATA", "CREATE TABLE AS"},
		{"CREATE TEMP TABLE passing (x int)", "CREATE TABLE"},
		{"DROP TABLE IF EXISTS nothing, copied", "DROP TABLE"},
		{"DROP TABLE passing", "DROP TABLE"},
		{"DROP INDEX made_title", "DROP INDEX"},
	} {
		tag, err := conn.Exec(ctx, c.sql)
		if err != nil || tag.String() != c.tag {
			t.Errorf("%s: %v, %v, want %s", c.sql, tag, err, c.tag)
		}
	}
	expect(t, conn, "SELECT id, title, n, x FROM made ORDER BY id", "1|a|1.50|7\n2|b|1.50|7")
	expect(t, conn, "SELECT * FROM into_it; SELECT count(*) FROM empty", "1|a\n0")
	expect(t, conn, "DROP TABLE made, nothing", "0A000")
	expect(t, conn, "CREATE TABLE IF NOT EXISTS made (x int)", "")
	expect(t, conn, "CREATE TABLE bad (x int CHECK (x > length(current_user)))", "0A000")
	expect(t, conn, "CREATE TABLE bad (x int, y int GENERATED ALWAYS AS (x * 2) STORED)", "0A000")
	expect(t, conn, "CREATE TABLE bad (x nosuchtype)", "42704")
	expect(t, conn, "BEGIN; CREATE TABLE bad (x int)", "25001")
	expect(t, conn, "ROLLBACK", "")
	expect(t, conn, "BEGIN; SET LOCAL pinnacle.ddl_in_transactions = immediate; CREATE TABLE quick (x int); INSERT INTO quick VALUES (1); COMMIT; SELECT x FROM quick", "1")
	expect(t, conn, "ALTER ROLE pinnacle SET pinnacle.ddl_in_transactions = immediate", "")
	expect(t, conn, "ALTER ROLE pinnacle RESET pinnacle.ddl_in_transactions", "")
	expect(t, conn, "CREATE TABLE failed AS SELECT 1 / (id - 1) AS x FROM made", "22012")
	expect(t, conn, "SELECT to_regclass('failed') IS NULL", "t")
	expect(t, conn, "CREATE VIEW over AS SELECT * FROM quick", "")
	expect(t, conn, "DROP TABLE quick", "2BP01")
	expect(t, conn, "DROP TABLE quick, into_it, empty CASCADE", "")
	expect(t, conn, "SELECT to_regclass('over') IS NULL, to_regclass('quick') IS NULL", "t|t")
}

// grantInShop looks at the rights of another role. The account of clients may make roles from PostgreSQL 16 on.
func grantInShop(t *testing.T, conn *pgx.Conn) {
	var may bool
	if err := conn.QueryRow(context.Background(), "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user").Scan(&may); err != nil {
		t.Fatal(err)
	}
	if !may {
		t.Skip("the local PostgreSQL is older than 16: CREATE ROLE is not for clients")
	}
	expect(t, conn, "CREATE ROLE shop_reader LOGIN PASSWORD 'of a reader'", "")
	c := conn.Config().Copy()
	c.User, c.Password = "shop_reader", "of a reader"
	reader, err := pgx.ConnectConfig(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close(context.Background())
	for _, statement := range []string{"SELECT count(*) FROM orders", "SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer"} {
		expect(t, reader, statement, "42501")
	}
	expect(t, conn, "GRANT SELECT ON orders, customers TO shop_reader", "")
	expect(t, reader, "SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer", "3")
	for _, statement := range []string{"DELETE FROM orders", "DROP TABLE orders", "ALTER TABLE orders ADD x int", "CREATE TABLE mine (x int)"} {
		expect(t, reader, statement, "42501")
	}
	expect(t, conn, "REVOKE ALL ON orders FROM shop_reader", "")
	expect(t, reader, "SELECT count(*) FROM orders", "42501")
}

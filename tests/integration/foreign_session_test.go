package integration

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// stock is a SQLite file whose columns hold just what their types say.
const stock = `CREATE TABLE parts (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INTEGER, at REAL) STRICT;
CREATE TABLE places (part INTEGER NOT NULL REFERENCES parts (id), shelf TEXT NOT NULL, PRIMARY KEY (part, shelf)) STRICT;
INSERT INTO parts VALUES (1, 'bolt', 10, 0.5), (2, 'nut', NULL, 1.25), (3, 'Öse', 7, -3);
INSERT INTO places VALUES (1, 'a'), (1, 'b'), (3, 'a');`

// TestForeignSession runs what sessions do for a databackend's tables, each statement several times, since a query may go to
// the databackend without PostgreSQL in between from its second run on.
func TestForeignSession(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "stock.db")
	otherProgram(t, file, stock)
	p, err := startProxy(world.bin, filepath.Join(dir, "proxy"), proxyOptions{name: "stock", args: []string{"--postgres-fetch", "never", "--databackend", "sqlite://" + file}})
	if err != nil {
		t.Fatalf("%v\n%s", err, p.tail(0, 40))
	}
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	to, err := p.target()
	if err != nil {
		t.Fatal(err)
	}
	conn := to.connect(t)
	for range 4 {
		expect(t, conn, "SELECT * FROM parts WHERE id = 3", "3|Öse|7|-3")
		expect(t, conn, "SELECT public.parts.name FROM public.parts WHERE public.parts.id = 2", "nut")
		expect(t, conn, "SELECT p.name, count(*) FROM parts p JOIN places s ON s.part = p.id GROUP BY p.name ORDER BY 1", "bolt|2\nÖse|1")
		expect(t, conn, "SELECT p.id, p.name, count(s.shelf) FROM parts p LEFT JOIN places s ON s.part = p.id GROUP BY p.id ORDER BY 1", "1|bolt|2\n2|nut|0\n3|Öse|1")
		expect(t, conn, "SELECT parts FROM parts WHERE id = 2", "(2,nut,,1.25)")
		var name string
		var at float64
		if err := conn.QueryRow(context.Background(), "SELECT name, at FROM parts WHERE id = $1 AND n = $2", 1, 10).Scan(&name, &at); err != nil || name != "bolt" || at != 0.5 {
			t.Errorf("by parameters: %s %v %v", name, at, err)
		}
	}
	expect(t, conn, "SELECT wrong FROM parts", "42703")
	expect(t, conn, "INSERT INTO parts VALUES (1, 'again')", "23505")
	expect(t, conn, "INSERT INTO parts AS p VALUES (2, 'nut', 5), (4, 'pin', 1) ON CONFLICT (id) DO UPDATE SET n = coalesce(p.n, 0) + excluded.n RETURNING id, n", "2|5\n4|1")
	expect(t, conn, "INSERT INTO parts VALUES (2, 'nut', 5), (5, 'key', 1) ON CONFLICT (id) DO UPDATE SET n = parts.n + excluded.n WHERE parts.id > 2 RETURNING id", "5")
	expect(t, conn, "INSERT INTO parts VALUES (6, 'a'), (6, 'b') ON CONFLICT (id) DO UPDATE SET name = excluded.name", "21000")
	expect(t, conn, "INSERT INTO parts VALUES (6, 'a'), (6, 'b'), (1, 'c') ON CONFLICT (id) DO NOTHING RETURNING id, name", "6|a")
	expect(t, conn, "INSERT INTO places VALUES (1, 'a') ON CONFLICT (shelf) DO NOTHING", "42P10")
	expect(t, conn, "MERGE INTO parts USING places ON part = id WHEN MATCHED THEN DELETE", "0A000")
	expect(t, conn, "SELECT * FROM parts TABLESAMPLE system (10)", "0A000")
	expect(t, conn, "BEGIN; UPDATE parts SET n = 99 WHERE id = 1; SELECT n FROM parts WHERE id = 1; SELECT n FROM parts WHERE id = 1; SELECT n FROM parts WHERE id = 1", "99\n99\n99")
	expect(t, conn, "ROLLBACK; SELECT n FROM parts WHERE id = 1; SELECT n FROM parts WHERE id = 1", "10\n10")
	expect(t, conn, "CREATE TEMP TABLE parts AS SELECT 'mine' AS name; SELECT name FROM parts; DROP TABLE pg_temp.parts; SELECT count(*) FROM parts", "mine\n6")
}

package foreign_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// asPg finds PostgreSQL's error.
func asPg(err error, pg **pgconn.PgError) bool { return errors.As(err, pg) }

// all is an engine that can do everything.
func all() backend.Traits {
	return backend.Traits{Transactions: true, Savepoints: true}
}

// noConditions refuses every condition, value and aggregate, so that all that can be finished is.
func noConditions(s dialect.Statement) string {
	what := ""
	dialect.WalkStatement(s, func(e dialect.Expr) bool {
		switch e := e.(type) {
		case *dialect.ColumnRef, *dialect.Param, *dialect.Constant, *dialect.RowKey, *dialect.Default:
		default:
			what = "an expression"
			_ = e
		}
		return what == ""
	})
	if sel, ok := s.(*dialect.Select); ok {
		if _, join := sel.From.(*dialect.Join); join {
			what = "a join"
		}
		if len(sel.GroupBy) > 0 || sel.Distinct || len(sel.OrderBy) > 0 || sel.Limit != nil {
			what = "a clause"
		}
	}
	return what
}

// someConditions refuses what names qty or who, and RETURNING.
func someConditions(s dialect.Statement) string {
	what := ""
	switch s := s.(type) {
	case *dialect.Insert:
		if len(s.Returning) > 0 {
			return "RETURNING"
		}
		return ""
	case *dialect.Update:
		if len(s.Returning) > 0 {
			return "RETURNING"
		}
	case *dialect.Delete:
		if len(s.Returning) > 0 {
			return "RETURNING"
		}
	}
	dialect.WalkStatement(s, func(e dialect.Expr) bool {
		if op, ok := e.(*dialect.Operator); ok {
			for _, side := range []dialect.Expr{op.Left, op.Right} {
				if c, ok := side.(*dialect.ColumnRef); ok && (c.Name == "qty" || c.Name == "who") {
					what = "operator on " + c.Name
				}
			}
		}
		return what == ""
	})
	return what
}

// engines are the kinds of engines that every comparison is made with.
func engines() map[string]func(*testing.T) *bench {
	return map[string]func(*testing.T) *bench{
		"whole":    func(t *testing.T) *bench { return newBench(t, all(), nil, foreign.Config{}) },
		"finished": func(t *testing.T) *bench { return newBench(t, all(), noConditions, foreign.Config{}) },
		"partly": func(t *testing.T) *bench {
			return newBench(t, all(), someConditions, foreign.Config{Memory: 1 << 10, Statements: 3, Sessions: 2})
		},
	}
}

// same runs a text on both sides and compares.
func (b *bench) same(t *testing.T, text string) {
	t.Helper()
	got, want := answer(b.local, text), answer(b.plain, text)
	if strings.Contains(text, "RETURNING") { // in no order
		got, want = sorted(got), sorted(want)
	}
	if got != want {
		t.Fatalf("%s\ngave\n%s\nand PostgreSQL\n%s", text, head(got), head(want))
	}
}

// sorted puts lines in order.
func sorted(s string) string {
	lines := strings.SplitAfter(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// head is the beginning of a long text.
func head(s string) string {
	lines := strings.SplitAfter(s, "\n")
	return strings.Join(lines[:min(len(lines), 25)], "")
}

// TestReads compares what statements read, on engines that answer all, some and nothing of their conditions.
func TestReads(t *testing.T) {
	t.Parallel()
	for name, make := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := make(t)
			for _, text := range reads {
				b.same(t, text)
			}
		})
	}
}

// reads are statements whose rows come in an order that they say.
var reads = []string{
	"SELECT * FROM items ORDER BY id",
	"SELECT count(*) FROM items",
	"SELECT id FROM items WHERE qty = 4 ORDER BY id",
	"SELECT id, name FROM items WHERE qty > 4 AND price < 100 AND name LIKE 'name%' ORDER BY id DESC LIMIT 7 OFFSET 2",
	"SELECT qty, count(*), sum(price), min(name), max(at), avg(price)::numeric(12,4) FROM items GROUP BY qty ORDER BY qty NULLS FIRST",
	"SELECT qty, count(*) FROM items GROUP BY qty HAVING count(*) > 49 ORDER BY 1",
	"SELECT DISTINCT qty FROM items ORDER BY qty",
	"SELECT i.name, o.n, o.who FROM items i JOIN orders o ON o.item = i.id WHERE o.who = 'who 3' AND i.qty < 5 ORDER BY o.id LIMIT 40",
	"SELECT o.id, i.name FROM orders o LEFT JOIN items i ON i.id = o.item AND i.qty = 2 ORDER BY o.id",
	"SELECT o.id, i.name FROM orders o LEFT JOIN items i ON i.id = o.item WHERE i.id IS NULL ORDER BY o.id",
	"SELECT o.id, i.id FROM orders o FULL JOIN items i ON i.id = o.item ORDER BY 1, 2",
	"SELECT i.id, (SELECT count(*) FROM orders o WHERE o.item = i.id) FROM items i WHERE i.id < 20 ORDER BY i.id",
	"SELECT id FROM items i WHERE EXISTS (SELECT 1 FROM orders o WHERE o.item = i.id AND o.n = 3 AND o.who > 'who 2') ORDER BY id",
	"SELECT id FROM items i WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.item = i.id) ORDER BY id",
	"SELECT tags[1], note->>'k', tags FROM items WHERE note @> '{\"k\": 3}' ORDER BY id LIMIT 5",
	"SELECT i, o FROM items i LEFT JOIN orders o ON o.item = i.id AND o.n = 5 WHERE i.id < 30 ORDER BY i.id, o.id",
	"SELECT sum(v), count(DISTINCT b) FROM pairs WHERE a IN (3, 4, 5)",
	"SELECT a, b FROM pairs p WHERE (a, b) > (18, 'b5') ORDER BY a, b",
	"SELECT x, y FROM keyless WHERE y LIKE E'%\\n%4' ORDER BY x",
	"SELECT upper(name) || qty FROM items WHERE id BETWEEN 10 AND 20 ORDER BY id",
	"SELECT rank() OVER (PARTITION BY qty ORDER BY price DESC), id FROM items ORDER BY id LIMIT 30",
	"WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT r.id * 2 FROM r JOIN items i ON i.id = r.id) SELECT * FROM r ORDER BY 1",
	"SELECT (SELECT max(id) FROM orders), (SELECT min(at) FROM items), CASE WHEN EXISTS (SELECT 1 FROM pairs WHERE a = 99) THEN 1 END",
	"SELECT id FROM items WHERE at > '2020-01-10 12:00+03' AND made < date '2020-02-01' ORDER BY at",
	"SELECT id FROM items WHERE name IS NULL ORDER BY id LIMIT 3",
	"SELECT count(*), i.qty FROM items i, orders o WHERE o.item = i.id AND o.who <> 'who 1' GROUP BY i.qty ORDER BY 2",
	"SELECT id, qty / (id - 7) FROM items WHERE id < 7 ORDER BY id",
	"SELECT id, qty / (id - 7) FROM items WHERE id < 9 ORDER BY id",
	"SELECT * FROM items WHERE false",
	"SELECT min(a.id), max(b.id) FROM items a JOIN items b ON a.id = b.qty",
	"PREPARE p(integer, text) AS SELECT id, name FROM items WHERE qty = $1 AND name > $2 ORDER BY id; EXECUTE p(4, 'name c'); EXECUTE p(NULL, 'x'); EXECUTE p(5, 'name x'); DEALLOCATE p",
	"BEGIN; DECLARE c CURSOR FOR SELECT id FROM items WHERE qty = 1 ORDER BY id; FETCH 3 FROM c; SELECT count(*) FROM orders WHERE n = 1; FETCH 2 FROM c; CLOSE c; COMMIT",
	"DO $$ DECLARE r record; total integer := 0; BEGIN FOR r IN SELECT id, qty FROM items WHERE qty IS NOT NULL ORDER BY id LOOP total := total + r.qty + (SELECT count(*) FROM orders WHERE item = r.id AND n = 2); END LOOP; IF total <> 2296 THEN RAISE EXCEPTION 'total %', total; END IF; END $$",
}

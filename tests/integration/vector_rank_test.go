package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestSearchPositions: an error in a statement with searches is placed where it is in the client's own text.
func TestSearchPositions(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		on.exec(t, "CREATE TABLE placed (id int PRIMARY KEY, v real[])")
		on.exec(t, "INSERT INTO placed VALUES (1, '{1,0}'), (2, '{0,1}')")
		on.exec(t, "CREATE VECTOR INDEX placed_index ON placed (v)")
		on.eventually(t, "SELECT state, vectors, captured FROM pinnacle.vector_index_stats WHERE name = 'placed_index'", "[[ready 2 t]]")
		for _, sql := range []string{
			"SELECT *, |nothing FROM nearest('placed_index', '{1,0}'::real[], 2) AS n",
			"SELECT 'é', |n.nothing FROM nearest('placed_index', '{1,0}'::real[], 2) AS n",
			"SELECT * FROM nearest('placed_index', |nothing, 2) AS n, placed",
			"SELECT * FROM placed AS p, nearest('placed_index', p.v, |nothing) AS n",
			"SELECT * FROM placed AS p, nearest('placed_index', key => |nothing) AS n",
			"SELECT * FROM placed AS p ORDER BY similarity('placed_index', |q, '{1,0}') DESC LIMIT 1",
			"SELECT * FROM placed AS p ORDER BY similarity('placed_index', p, |nothing) DESC LIMIT 1",
			"SELECT similarity('placed_index', p, '{1,0}') FROM placed AS p WHERE |nothing = 1",
			"PREPARE x AS SELECT n.id, |nothing FROM nearest('placed_index', $1::text) AS n",
			"EXPLAIN SELECT n.id, |nothing FROM nearest('placed_index', '{1,0}') AS n",
		} {
			at := len([]rune(sql[:strings.Index(sql, "|")])) + 1
			err := on.load(t.Context(), strings.Replace(sql, "|", "", 1))
			var raised *pgconn.PgError
			if !errors.As(err, &raised) || int(raised.Position) != at {
				t.Errorf("%s: %v at %v, want it at %d", sql, err, raised, at)
			}
		}
		on.exec(t, "DROP VECTOR INDEX placed_index")
		on.exec(t, "DROP TABLE placed")
	})
}

// TestSearchRights: who may not read the table learns nothing of it from its index, by whatever function.
func TestSearchRights(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		if on.proxy.opts.databackend == nil {
			t.Skip("the proxy's own PostgreSQL has a single role")
		}
		super := &target{name: "super", addr: world.oracle.addr(), user: "postgres", password: superPassword, database: "postgres"}
		on.exec(t, "CREATE TABLE secret_note (id int PRIMARY KEY, v real[])")
		on.exec(t, "INSERT INTO secret_note VALUES (1, '{1,0}'), (2, '{0,1}')")
		super.exec(t, "CREATE ROLE curious; GRANT curious TO app")
		on.exec(t, "CREATE TABLE decoy (id int); INSERT INTO decoy VALUES (1); GRANT SELECT ON decoy TO curious")
		on.exec(t, "CREATE VECTOR INDEX secret_index ON secret_note (v)")
		on.eventually(t, "SELECT state, vectors FROM pinnacle.vector_index_stats WHERE name = 'secret_index'", "[[ready 2]]")
		for _, sql := range []string{
			"SELECT id FROM nearest('secret_index', '{1,0}'::real[])",
			"SELECT similarity('secret_index', d, '{1,0}') FROM decoy AS d",
			"SELECT id FROM decoy AS d ORDER BY similarity('secret_index', d, '{1,0}') DESC LIMIT 1",
			"SELECT pinnacle.predict('nearest(secret_index)', 'query', '{1,0}', 2)",
			"SELECT pinnacle.predict('vector(secret_index)', 'key', '[1]')",
		} {
			err := on.load(t.Context(), "SET ROLE curious; "+sql)
			var raised *pgconn.PgError
			if !errors.As(err, &raised) || raised.Code != "42501" || !strings.Contains(raised.Message, "secret_note") {
				t.Errorf("%s: %v, want 42501", sql, err)
			}
		}
		on.exec(t, "GRANT SELECT (id) ON secret_note TO curious")
		on.exec(t, "SET ROLE curious; SELECT id FROM nearest('secret_index', '{1,0}'::real[]); SELECT similarity('secret_index', d, '{1,0}') FROM decoy AS d")
		on.exec(t, "DROP VECTOR INDEX secret_index")
		on.exec(t, "DROP TABLE secret_note")
		on.exec(t, "DROP TABLE decoy")
		super.exec(t, "DROP ROLE curious")
	})
}

// TestRankedByIndex: ORDER BY similarity LIMIT gives what it would give with every row looked at, and looks at few.
func TestRankedByIndex(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		on.exec(t, "CREATE TABLE ranked (id int PRIMARY KEY, kind int, v real[]); CREATE SEQUENCE looked")
		// Points on a circle: the nearest are sure, and no two are equally near to the queries.
		on.exec(t, "INSERT INTO ranked SELECT i, i % 100, ARRAY[cos(i * 0.0005), sin(i * 0.0005)]::real[] FROM generate_series(1, 6000) i")
		on.exec(t, "INSERT INTO ranked SELECT i, 7, NULL FROM generate_series(6001, 6010) i")
		// It counts how often it is called, and says that it does not.
		on.exec(t, "CREATE FUNCTION passes(kind int) RETURNS bool STABLE LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''looked''); RETURN kind % 2 = 0; END'")
		on.exec(t, "CREATE VECTOR INDEX ranked_index ON ranked (v) WITH (measure = 'l2')")
		on.eventually(t, "SELECT state, vectors FROM pinnacle.vector_index_stats WHERE name = 'ranked_index'", "[[ready 6000]]")
		query := "ARRAY[cos(3000.2 * 0.0005), sin(3000.2 * 0.0005)]::real[]"
		query = on.value(t, "SELECT "+query+"::text")
		for _, c := range []struct {
			where, limit string
			few          bool
		}{
			{"passes(kind)", "LIMIT 10", true},
			{"passes(kind)", "LIMIT 5 OFFSET 7", true},
			{"passes(kind) AND kind <> 4", "LIMIT 3", true},
			{"passes(kind) AND kind = 8", "LIMIT 10", false},
			{"passes(kind) AND false", "LIMIT 10", false},
			{"id > 5990", "LIMIT 20", false},
		} {
			exact := on.rows(t, fmt.Sprintf("SELECT id FROM ranked AS r WHERE %s ORDER BY (SELECT sum((a - b) ^ 2) FROM unnest(r.v, '%s'::real[]) AS u(a, b)) NULLS LAST %s", c.where, query, c.limit))
			before := on.value(t, "SELECT nextval('looked')")
			got := on.rows(t, fmt.Sprintf("SELECT id FROM ranked AS r WHERE %s ORDER BY similarity('ranked_index', r, '%s') DESC %s", c.where, query, c.limit))
			looked := on.value(t, fmt.Sprintf("SELECT nextval('looked') - %s - 1", before))
			sorted := fmt.Sprint(got)
			if c.where == "id > 5990" { // ten that have a vector, and then ten that have none, in any order
				sorted = fmt.Sprint(got[:10])
				exact = exact[:10]
				if len(got) != 20 {
					t.Errorf("%d rows where there are 20", len(got))
				}
			}
			if sorted != fmt.Sprint(exact) {
				t.Errorf("WHERE %s %s gives\n%v, not\n%v", c.where, c.limit, got, exact)
			}
			if few := len(looked) < 4; c.few && !few {
				t.Errorf("WHERE %s %s looks at %s rows", c.where, c.limit, looked)
			}
		}
		conn := on.connect(t)
		for _, n := range []int{1, 4, 9} {
			rows, err := conn.Query(t.Context(), "SELECT r.id, similarity('ranked_index', r, $1::real[]) AS s FROM ranked AS r WHERE kind < $2 ORDER BY s DESC, id LIMIT $3", query, 60, n)
			if err != nil {
				t.Fatal(err)
			}
			count, last := 0, 1.0
			for rows.Next() {
				var id int
				var s float64
				if err := rows.Scan(&id, &s); err != nil {
					t.Fatal(err)
				}
				if s > last || id%100 >= 60 {
					t.Errorf("row %d of similarity %v after %v", id, s, last)
				}
				count, last = count+1, s
			}
			if rows.Err() != nil || count != n {
				t.Errorf("%d rows, want %d: %v", count, n, rows.Err())
			}
		}
		on.exec(t, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM ranked AS r WHERE kind = 8 ORDER BY similarity('ranked_index', r, '"+query+"') DESC LIMIT 3; FETCH 2 FROM c; COMMIT")
		// What follows a scan does not scan again.
		scanned := on.value(t, "SELECT scanned_at FROM pinnacle.vector_index_stats WHERE name = 'ranked_index'")
		on.exec(t, "UPDATE ranked SET v = '{9,9}' WHERE id = 17; DELETE FROM ranked WHERE id = 3000; INSERT INTO ranked VALUES (7001, 1, '{9,9.5}')")
		on.eventually(t, "SELECT string_agg(id::text, ' ' ORDER BY score DESC) FROM nearest('ranked_index', '{9,9}', 2)", "[[17 7001]]")
		on.eventually(t, "SELECT count(*) FROM nearest('ranked_index', '"+query+"', 3) WHERE id = 3000", "[[0]]")
		if now := on.value(t, "SELECT scanned_at FROM pinnacle.vector_index_stats WHERE name = 'ranked_index'"); now != scanned {
			t.Errorf("the table was scanned at %s, and again at %s", scanned, now)
		}
		on.exec(t, "DROP VECTOR INDEX ranked_index")
		on.exec(t, "DROP TABLE ranked; DROP FUNCTION passes; DROP SEQUENCE looked")
	})
}

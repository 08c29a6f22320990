package foreign_test

import (
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// TestWrites compares what statements change, on engines that answer all, some and nothing of their conditions.
func TestWrites(t *testing.T) {
	t.Parallel()
	for name, make := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := make(t)
			for _, text := range writes {
				b.same(t, text)
				for _, table := range []string{"items", "orders", "pairs", "counted"} {
					all := "SELECT * FROM " + table + " ORDER BY 1, 2"
					if got, want := answer(b.data, all), answer(b.plain, all); got != want {
						t.Fatalf("after\n%s\n%s has\n%s\nand in PostgreSQL\n%s", text, table, head(got), head(want))
					}
				}
			}
		})
	}
}

// writes are run one after the other. What the foreign tables refuse otherwise than ordinary ones is not among them.
var writes = []string{
	"INSERT INTO items (id, name, qty) VALUES (1001, 'one', 1), (1002, NULL, 2), (1003, E'a\\tb\\\\c', NULL)",
	"INSERT INTO items (id, name, qty) VALUES (1004, 'four', 4) RETURNING id, name, price, qty + 1",
	"INSERT INTO items (id) SELECT 2000 + i FROM generate_series(1, 95) i",
	"INSERT INTO items (id, name) VALUES (1, 'twice') ON CONFLICT DO NOTHING",
	"INSERT INTO items (id, name) VALUES (1, 'twice'), (3001, 'new') ON CONFLICT DO NOTHING",
	"INSERT INTO counted (v) VALUES ('x'), ('y')",
	"INSERT INTO counted (id, v) VALUES (100, 'z'), (DEFAULT, 'q'), (101, 'r')",
	"INSERT INTO counted DEFAULT VALUES",
	"UPDATE items SET name = 'low' WHERE id < 5",
	"UPDATE items SET qty = qty + 1 WHERE qty = 4",
	"UPDATE items SET qty = qty * 2, price = price / 3 WHERE qty = 5 RETURNING id, qty, price",
	"UPDATE items SET name = NULL, tags = ARRAY['new', NULL] WHERE id = 7 RETURNING *",
	"UPDATE items SET name = md5(random()::text) || 'x' WHERE false",
	"UPDATE items SET name = 'local ' || to_char(made, 'DD Mon') WHERE id BETWEEN 40 AND 60",
	"UPDATE items SET name = 'r ' || to_char(made, 'DD Mon') WHERE id BETWEEN 40 AND 43 RETURNING id, name, qty",
	"UPDATE items SET id = id + 10000 WHERE to_char(made, 'MM') = '02' AND id < 100",
	"UPDATE items i SET qty = o.n FROM orders o WHERE o.item = i.id AND o.id BETWEEN 100 AND 140 AND o.who = 'who 4'",
	"UPDATE items i SET name = o.who FROM (SELECT item, max(who) AS who FROM orders GROUP BY item) o WHERE o.item = i.id AND i.id < 30",
	"UPDATE pairs SET b = b || '!' WHERE a = 3",
	"UPDATE pairs SET v = v + 1 WHERE (a, b) IN (SELECT a, b FROM pairs WHERE a < 3)",
	"UPDATE counted SET v = 'n' || to_char(id, '999') RETURNING id, v",
	"DELETE FROM orders WHERE who = 'who 5' RETURNING id, who",
	"DELETE FROM orders WHERE n = 3",
	"DELETE FROM orders WHERE to_char(id, '9999') LIKE '%7'",
	"DELETE FROM items i USING orders o WHERE o.item = i.id AND o.n = 6 AND i.qty = 3",
	"DELETE FROM pairs WHERE a = 4 AND upper(b) = 'B3' RETURNING a, b, v",
	"BEGIN; UPDATE items SET qty = 77 WHERE id = 8; SELECT qty FROM items WHERE id = 8; ROLLBACK; SELECT qty FROM items WHERE id = 8",
	"BEGIN; DELETE FROM items WHERE id = 9; SAVEPOINT a; DELETE FROM items WHERE id = 10; ROLLBACK TO a; SELECT id FROM items WHERE id IN (9, 10); COMMIT",
	"BEGIN; SAVEPOINT a; INSERT INTO items (id) VALUES (5001); SAVEPOINT b; INSERT INTO items (id) VALUES (5002); RELEASE b; ROLLBACK TO a; INSERT INTO items (id) VALUES (5003); COMMIT",
	"DO $$ BEGIN INSERT INTO items (id) VALUES (6001); BEGIN INSERT INTO items (id) VALUES (6002); RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN UPDATE items SET qty = 9 WHERE id = 6001; END; END $$",
	"DO $$ DECLARE r record; BEGIN FOR r IN SELECT id, qty FROM items WHERE id < 200 ORDER BY id LOOP UPDATE items SET qty = coalesce(r.qty, 0) + 1 WHERE id = r.id; IF r.id % 50 = 0 THEN DELETE FROM pairs WHERE a = r.id / 50; END IF; END LOOP; END $$",
	"INSERT INTO orders SELECT id + 100000, item, n, who FROM orders WHERE n = 2",
	"BEGIN; SELECT id FROM items WHERE qty = 6 ORDER BY id FOR UPDATE; UPDATE items SET qty = 60 WHERE qty = 6 AND to_char(made, 'MM') <> '03'; COMMIT",
	"WITH gone AS (DELETE FROM orders WHERE n = 5 RETURNING *) INSERT INTO pairs SELECT id, who, n FROM gone WHERE id % 2 = 0",
	"TRUNCATE counted",
	"BEGIN; TRUNCATE pairs; SELECT count(*) FROM pairs; ROLLBACK; SELECT count(*) FROM pairs",
	"BEGIN; TRUNCATE pairs; COMMIT; SELECT count(*) FROM pairs",
	"INSERT INTO keyless VALUES (100, 'new'), (100, 'new')",
	"SELECT x, count(*) FROM keyless WHERE y = 'new' GROUP BY x",
	"INSERT INTO pairs VALUES (1, 'a', 'NaN'), (1, 'b', '-Infinity'), (2, '', 1e-300)",
}

// TestRefusals are statements that are refused, with the SQLSTATE and what is said.
func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), someConditions, foreign.Config{})
	for text, want := range map[string]string{
		"INSERT INTO items (id) VALUES (1)":                                        "ERROR 23505: duplicate key value violates unique constraint \"items_pkey\" Key (id)=(1) already exists.\n",
		"INSERT INTO items (id) VALUES (NULL)":                                     "ERROR 23502: null value in column \"id\" of relation \"items\" violates not-null constraint Failing row contains (null, null, null, null, null, null, null, null).\n",
		"UPDATE keyless SET y = to_char(x, '99') WHERE x = 1":                      "ERROR 0A000: table \"keyless\" of the databackend has no primary key, so its rows cannot be changed one by one The statement has a condition, a value or a join that the databackend is not asked for, and PostgreSQL can then name the rows only by their key.\n",
		"SELECT 1 / (id - 1) FROM items WHERE id = 1":                              "ERROR 22012: division by zero \n",
		"BEGIN; PREPARE TRANSACTION 'x'":                                           "",
		"SELECT id FROM items WHERE ctid = '(0,1)'":                                "",
		"BEGIN READ ONLY; UPDATE items SET qty = 1 WHERE id = 1":                   "",
		"BEGIN; SELECT qty / 0 FROM items; ROLLBACK; SELECT id FROM items LIMIT 0": "",
	} {
		if want == "" {
			answer(b.local, text+";ROLLBACK")
			answer(b.local, "ROLLBACK")
		} else if got := answer(b.local, text); got != want {
			t.Errorf("%s\ngave %s\nnot  %s", text, got, want)
		}
		if got := answer(b.local, "SELECT id FROM items WHERE id = 1"); got != "1\nSELECT 1\n" {
			t.Errorf("after %s the session gives %s", text, got)
		}
	}
}

// TestKeyless changes a table without a key by statements that go down whole.
func TestKeyless(t *testing.T) {
	t.Parallel()
	b := newBench(t, all(), nil, foreign.Config{})
	for _, text := range []string{"UPDATE keyless SET y = 'short' WHERE x < 5", "DELETE FROM keyless WHERE x = 7", "UPDATE keyless SET x = x + 1 RETURNING x, y", "SELECT count(*), min(x) FROM keyless WHERE y = 'short'"} {
		b.same(t, text)
	}
	if got := answer(b.local, "UPDATE keyless SET y = to_char(x, '99') WHERE x = 3"); !strings.HasPrefix(got, "ERROR 0A000: table \"keyless\" of the databackend has no primary key") {
		t.Error(got)
	}
}

// TestNoTransactions has an engine whose changes are final: they wait for the commit, and nothing comes after them.
func TestNoTransactions(t *testing.T) {
	t.Parallel()
	b := newBench(t, backend.Traits{}, nil, foreign.Config{Memory: 1 << 10})
	rows := func() string { return answer(b.data, "SELECT count(*), sum(qty) FROM items") }
	before := rows()
	for _, text := range []string{
		"BEGIN; INSERT INTO items (id, qty) VALUES (1001, 5), (1002, 6); ROLLBACK",
		"BEGIN; UPDATE items SET qty = 100 WHERE id < 50; ROLLBACK",
		"BEGIN; DELETE FROM items WHERE to_char(id, '999') LIKE '%3'; ROLLBACK",
		"BEGIN; SAVEPOINT a; DELETE FROM items; ROLLBACK TO a; COMMIT",
		"BEGIN; TRUNCATE items; ROLLBACK",
	} {
		if out := answer(b.local, text); out[:5] == "ERROR" {
			t.Fatalf("%s\n%s", text, out)
		}
		if got := rows(); got != before {
			t.Fatalf("after %s there are %s, and before %s", text, got, before)
		}
	}
	const refused = "ERROR 0A000: the databackend has no transactions: a statement that changes rows must be the last one of its transaction \n"
	for _, text := range []string{
		"BEGIN; INSERT INTO items (id) VALUES (1001); SELECT count(*) FROM items",
		"BEGIN; INSERT INTO items (id) VALUES (1001); UPDATE items SET qty = 1 WHERE id = 1",
		"BEGIN; DELETE FROM orders WHERE n = 1; DELETE FROM items WHERE id = 2",
	} {
		if got := answer(b.local, text); len(got) < len(refused) || got[len(got)-len(refused):] != refused {
			t.Errorf("%s\ngave %s", text, got)
		}
		answer(b.local, "ROLLBACK")
		if got := rows(); got != before {
			t.Fatalf("after %s there are %s, and before %s", text, got, before)
		}
	}
	for _, text := range []string{
		"INSERT INTO items (id, qty) SELECT 1000 + i, i FROM generate_series(1, 200) i",
		"UPDATE items SET qty = 100 WHERE id < 50",
		"UPDATE items SET name = to_char(made, 'DD') WHERE id < 100",
		"DELETE FROM items WHERE to_char(id, '999') LIKE '%3'",
		"DELETE FROM items WHERE id = 12",
		"TRUNCATE pairs",
	} {
		b.same(t, text)
		for _, table := range []string{"items", "pairs"} {
			all := "SELECT * FROM " + table + " ORDER BY 1"
			if got, want := answer(b.data, all), answer(b.plain, all); got != want {
				t.Fatalf("after %s: %s\n%s\nand in PostgreSQL\n%s", text, table, head(got), head(want))
			}
		}
	}
}

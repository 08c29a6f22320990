package listener_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
)

// bySlot defines a listener whose changes come from home's log.
func bySlot(def listener.Definition) listener.Definition {
	def.Options = map[string]string{"capture": "slot"}
	return def
}

// slots are what home has of replication slots of this database, and of what it publishes.
const slots = "SELECT plugin || ' ' || temporary FROM pg_replication_slots WHERE database = current_database() UNION ALL SELECT tablename FROM pg_publication_tables"

// TestBySlot follows writes of every sort by home's log, without a trigger.
func TestBySlot(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 500) i")
	h.listen(bySlot(define("tags", "items", "tag", "word", "n")))
	h.wait(tagged, recompute)
	h.wait(slots, "VALUES ('pgoutput false'), ('items')")
	if triggers, err := h.lines("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"); err != nil || triggers != "" {
		t.Errorf("there are triggers %s, %v", triggers, err)
	}
	for _, write := range []string{
		"INSERT INTO items VALUES (1001, 'one', 1), (1002, 'two', 2)",
		"UPDATE items SET word = 'other' WHERE id = 3",
		"UPDATE items SET id = id + 10000 WHERE id % 100 = 0",
		"UPDATE items SET word = NULL WHERE id = 4",
		"UPDATE items SET note = 'no argument of the model' WHERE id = 5",
		"DELETE FROM items WHERE id % 7 = 0",
		"BEGIN; INSERT INTO items VALUES (2000, 'lost', 1); ROLLBACK; BEGIN; INSERT INTO items VALUES (2001, 'kept', 1); SAVEPOINT s; DELETE FROM items; ROLLBACK TO s; COMMIT",
		"SET session_replication_role = replica; INSERT INTO items VALUES (2002, 'past all triggers', 1); RESET session_replication_role",
		"MERGE INTO items t USING (VALUES (2001), (2003)) AS g(id) ON t.id = g.id WHEN MATCHED THEN UPDATE SET word = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (g.id, 'new', 2)",
		"TRUNCATE items",
		"INSERT INTO items SELECT i, 'again', i FROM generate_series(1, 30000) i",
	} {
		h.do(write)
		h.wait(tagged, recompute)
	}
	asked := h.models.count()
	h.do("UPDATE items SET note = 'still none' WHERE id < 100", "INSERT INTO items VALUES (40000, 'last', 1)")
	h.wait(tagged, recompute)
	if more := h.models.count() - asked; more != 1 {
		t.Errorf("the model was asked for %d rows, not the one that is new", more)
	}
}

// TestSlotKeys follows keys of types whose text is not plain, and with values that are stored apart from their rows.
func TestSlotKeys(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(`CREATE TYPE mood AS ENUM ('sad', E'a\tb\\c')`, `CREATE TABLE odd (a text, "B c" timestamptz, m mood, x bytea, w text, PRIMARY KEY (x, a, "B c", m))`)
	h.listen(bySlot(define("shouts", "odd", "shout", "w")))
	check := func() {
		t.Helper()
		h.wait(`SELECT x, a, "B c", m, output FROM shouts`, `SELECT x, a, "B c", m, 'v1:' || upper(w) || '!' FROM odd`)
	}
	h.do(`INSERT INTO odd VALUES (E'tab\there', 'infinity', 'sad', '\x00ff', 'one'), (E'line\nand \\N', '2020-02-29 12:00+05:30', E'a\tb\\c', '', 'two'), ('', '0044-03-15 BC', 'sad', '\x5c', 'three')`)
	check()
	h.do(`ALTER TABLE odd ALTER COLUMN a SET STORAGE EXTERNAL`, `INSERT INTO odd SELECT string_agg(md5(i::text), ''), now(), 'sad', '\x01', 'long' FROM generate_series(1, 70) i`)
	check()
	if apart, err := h.lines("SELECT pg_relation_size(reltoastrelid) > 0 FROM pg_class WHERE relname = 'odd'"); err != nil || apart != "(t)" {
		t.Errorf("no key is stored apart from its row: %s, %v", apart, err)
	}
	h.do(`UPDATE odd SET w = w || '!'`, `UPDATE odd SET m = E'a\tb\\c' WHERE w LIKE 'one%'`, `DELETE FROM odd WHERE w LIKE 'three%'`)
	check()
}

// TestSlotOfSources captures a partitioned table, one with children, a query, and another key than the primary one.
func TestSlotOfSources(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do("CREATE TABLE parted (id int PRIMARY KEY, word text, n int) PARTITION BY RANGE (id)", "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100)",
		"CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (1000)", "CREATE TABLE kinds (n int PRIMARY KEY, kind text)",
		"CREATE TABLE family (id int PRIMARY KEY, word text, n int)", "CREATE TABLE child (PRIMARY KEY (id)) INHERITS (family)",
		"CREATE TABLE other (id int PRIMARY KEY, code text NOT NULL UNIQUE, word text, n int)", "ALTER TABLE other REPLICA IDENTITY USING INDEX other_code_key",
		"INSERT INTO parted SELECT i, 'w', i FROM generate_series(1, 300) i", "INSERT INTO kinds VALUES (1, 'one')", "INSERT INTO other VALUES (1, 'a', 'w', 1)", "INSERT INTO child VALUES (7, 'c', 7)")
	h.listen(bySlot(define("of_parted", "parted", "tag", "word", "n")))
	of := bySlot(define("of_query", "", "tag", "kind", "n"))
	of.Query, of.Key = "SELECT p.id, k.kind, p.n FROM parted p JOIN kinds k USING (n)", []string{"id"}
	h.listen(of)
	h.listen(bySlot(define("of_family", "family", "tag", "word", "n")))
	by := bySlot(define("of_code", "other", "tag", "word", "n"))
	by.Key = []string{"code"}
	h.listen(by)
	check := func() {
		t.Helper()
		h.wait("SELECT id, output FROM of_parted", "SELECT id, 'v1:' || word || '/' || n FROM parted")
		h.wait("SELECT id, output FROM of_query", "SELECT p.id, 'v1:' || kind || '/' || n FROM parted p JOIN kinds USING (n)")
		h.wait("SELECT id, output FROM of_family", "SELECT id, 'v1:' || word || '/' || n FROM family")
		h.wait("SELECT code, output FROM of_code", "SELECT code, 'v1:' || word || '/' || n FROM other")
	}
	check()
	h.do("INSERT INTO parted VALUES (500, 'new', 1)", "UPDATE parted SET id = 600 WHERE id = 50", "INSERT INTO kinds VALUES (2, 'two')", "UPDATE other SET code = 'b', word = 'x'", "DELETE FROM child")
	check()
	h.do("TRUNCATE parted_1", "CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (1000) TO (2000)", "INSERT INTO parted VALUES (1500, 'late', 3)", "DELETE FROM kinds WHERE n = 1")
	check()
	h.do("CREATE TABLE late_child (PRIMARY KEY (id)) INHERITS (family)", "INSERT INTO late_child VALUES (8, 'l', 8)")
	check()
	h.do("UPDATE late_child SET word = 'm'", "TRUNCATE parted")
	check()
}

// TestSlotSurvives ends Keepers, and takes the slot and what is published away, while rows change.
func TestSlotSurvives(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items VALUES (1, 'a', 1)")
	h.listen(bySlot(define("tags", "items", "tag", "word", "n")))
	h.wait(tagged, recompute)
	h.wait(slots, "VALUES ('pgoutput false'), ('items')")
	h.stop()
	h.do("INSERT INTO items SELECT i, 'away', i FROM generate_series(10, 40) i", "DELETE FROM items WHERE id = 1")
	h.start()
	h.wait(tagged, recompute)
	h.stop()
	h.do("INSERT INTO items VALUES (50, 'not in any log', 1)", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()",
		"INSERT INTO items VALUES (51, 'neither', 1)")
	h.start()
	h.wait(tagged, recompute)
	h.do("DROP PUBLICATION pinnacle_listeners", "UPDATE items SET word = 'unpublished' WHERE id = 20")
	h.wait(tagged, recompute)
	h.wait(slots, "VALUES ('pgoutput false'), ('items')")
	h.do("UPDATE items SET word = 'published again' WHERE id = 21", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()",
		"UPDATE items SET word = 'read by another' WHERE id = 22")
	h.wait(tagged, recompute)
}

// TestSlotGoes leaves neither slot nor publication behind when no listener goes by them.
func TestSlotGoes(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items VALUES (1, 'a', 1)", "CREATE TABLE more (id int PRIMARY KEY, word text, n int)")
	h.listen(bySlot(define("tags", "items", "tag", "word", "n")))
	h.listen(bySlot(define("others", "more", "tag", "word", "n")))
	h.wait(tagged, recompute)
	h.wait(slots, "VALUES ('pgoutput false'), ('items'), ('more')")
	h.change("tags", func(d *listener.Definition) { d.Options = nil; d.Version++ })
	h.wait(slots, "VALUES ('pgoutput false'), ('more')")
	h.do("UPDATE items SET word = 'by triggers'")
	h.wait(tagged, recompute)
	h.mu.Lock()
	h.definitions = h.definitions[:1]
	h.mu.Unlock()
	if err := h.keeper.TearDown(t.Context(), "others", 0, false); err != nil {
		t.Fatal(err)
	}
	h.wait(slots, "SELECT 'nothing' WHERE false")
	h.do("INSERT INTO items VALUES (2, 'b', 2)")
	h.wait(tagged, recompute)
}

// TestSlotRefused names what a slot cannot capture before anything is made.
func TestSlotRefused(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do("CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, word text, n int)", "CREATE TABLE keyless (id int, word text, n int)",
		"CREATE TABLE coded (id int PRIMARY KEY, code text NOT NULL UNIQUE, word text, n int)")
	keyless, coded := define("l", "keyless", "tag", "word", "n"), define("l", "coded", "tag", "word", "n")
	keyless.Key, coded.Key = []string{"id"}, []string{"code"}
	for _, c := range []struct {
		def        listener.Definition
		code, says string
	}{
		{define("l", "unlogged", "tag", "word", "n"), "0A000", "not logged"},
		{keyless, "55000", "REPLICA IDENTITY"},
		{coded, "55000", "REPLICA IDENTITY"},
	} {
		err := h.keeper.Check(t.Context(), bySlot(c.def))
		var e *datalayer.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.says) || e.Hint == "" {
			t.Errorf("a listener on %s: %v", c.def.Table, err)
		}
	}
}

// TestWritersOutliveTheirIdentity takes the primary key of a captured table away, without which PostgreSQL refuses to change
// rows that are published: what is captured goes, the listener says why, and goes on when there is a key again.
func TestWritersOutliveTheirIdentity(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items VALUES (1, 'a', 1)")
	h.listen(bySlot(define("tags", "items", "tag", "word", "n")))
	h.wait(tagged, recompute)
	h.wait(slots, "VALUES ('pgoutput false'), ('items')")
	h.do("ALTER TABLE items REPLICA IDENTITY NOTHING")
	h.until("an update", func() string {
		if _, err := h.Exec(t.Context(), "UPDATE items SET word = 'b'"); err != nil {
			return err.Error()
		}
		return ""
	})
	h.until("an error 55000", func() string {
		all, err := h.keeper.Status(t.Context())
		if err != nil || len(all) != 1 || all[0].Code != "55000" {
			return fmt.Sprintf("%+v %v", all, err)
		}
		return ""
	})
	h.do("ALTER TABLE items REPLICA IDENTITY DEFAULT")
	h.wait(tagged, recompute)
	h.do("UPDATE items SET word = 'c'")
	h.wait(tagged, recompute)
}

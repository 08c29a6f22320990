package listener_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
)

// define makes a listener over a table.
func define(name, table, model string, arguments ...string) listener.Definition {
	return listener.Definition{Name: name, ListenerDefinition: component.ListenerDefinition{Table: table, Model: model, Arguments: arguments}}
}

// items is a table, and what the listener tags makes of it.
const (
	items     = "CREATE TABLE items (id bigint PRIMARY KEY, word text, n int, note text)"
	tagged    = "SELECT id, output, model_version FROM tags"
	recompute = "SELECT id, 'v1:' || word || '/' || n, 1 FROM items"
)

func TestFollowsEveryWrite(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 500) i")
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.wait(tagged, recompute)
	for _, write := range []string{
		"INSERT INTO items VALUES (1001, 'one', 1)",
		"INSERT INTO items SELECT i, 'm' || i, i FROM generate_series(2000, 2999) i",
		"UPDATE items SET word = 'changed' WHERE id <= 10",
		"UPDATE items SET word = NULL WHERE id = 11",
		"UPDATE items SET id = id + 10000 WHERE id BETWEEN 20 AND 30",
		"UPDATE items SET id = -id",
		"DELETE FROM items WHERE id % 7 = 0",
		"MERGE INTO items USING generate_series(100, 600) AS g ON items.id = -g WHEN MATCHED AND g % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET n = n + 1 WHEN NOT MATCHED THEN INSERT VALUES (-g, 'merged', g)",
		"INSERT INTO items VALUES (-1, 'again', 5) ON CONFLICT (id) DO UPDATE SET word = excluded.word",
		"TRUNCATE items",
		"INSERT INTO items VALUES (5, 'after', 1)",
	} {
		h.do(write)
		h.wait(tagged, recompute)
	}
	h.quiet("tags")
	before := h.models.count()
	h.do("UPDATE items SET note = 'of no matter'")
	h.quiet("tags")
	h.wait("SELECT count(*) FROM pinnacle_listeners.queue_1", "SELECT 0::bigint")
	if now := h.models.count(); now != before {
		t.Errorf("the model was asked %d times for a column that it does not get", now-before)
	}
}

func TestTransactionsAndSavepoints(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items)
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.do("BEGIN; INSERT INTO items VALUES (1, 'a', 1); ROLLBACK; BEGIN; INSERT INTO items VALUES (2, 'b', 2); SAVEPOINT s; INSERT INTO items VALUES (3, 'c', 3); UPDATE items SET word = 'x' WHERE id = 2; ROLLBACK TO s; INSERT INTO items VALUES (4, 'd', 4); COMMIT")
	h.wait(tagged, "VALUES (2::bigint, 'v1:b/2', 1), (4, 'v1:d/4', 1)")
	// What commits late was written early.
	tx, err := h.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "INSERT INTO items VALUES (10, 'late', 10)"); err != nil {
		t.Fatal(err)
	}
	h.do("INSERT INTO items VALUES (11, 'early', 11)")
	h.wait(tagged, recompute)
	h.quiet("tags")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.wait(tagged, recompute)
}

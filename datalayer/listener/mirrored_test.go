package listener_test

import (
	"fmt"
	"net/url"
	"testing"
)

// TestFollowsMirroredTable follows a table whose rows are those of a foreign table behind it, by writes to either.
func TestFollowsMirroredTable(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	at, err := url.Parse(server.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	word, _ := at.User.Password()
	h.do("CREATE EXTENSION postgres_fdw", "CREATE SCHEMA base", "CREATE SCHEMA foreign_public",
		"CREATE TABLE base.items (id bigint PRIMARY KEY, word text, n int, note text)", items,
		fmt.Sprintf("DO $do$ BEGIN EXECUTE format('CREATE SERVER behind FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host ''127.0.0.1'', port %%L, dbname %%L)', '%s', current_database()); END $do$", at.Port()),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER behind OPTIONS (user 'postgres', password '%s')", word),
		"CREATE FOREIGN TABLE foreign_public.items () INHERITS (public.items) SERVER behind OPTIONS (schema_name 'base')",
		"INSERT INTO base.items SELECT i, 'w' || i, i FROM generate_series(1, 50) i")
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.wait(tagged, recompute)
	for _, write := range []string{
		"INSERT INTO foreign_public.items VALUES (1001, 'one', 1), (1002, 'two', 2)",
		"UPDATE foreign_public.items SET word = 'direct' WHERE id = 3",
		"UPDATE items SET word = 'parent' WHERE id = 4",
		"DELETE FROM items WHERE id % 7 = 0",
		"DELETE FROM foreign_public.items WHERE id % 5 = 0",
		"BEGIN; INSERT INTO foreign_public.items VALUES (2000, 'lost', 1); ROLLBACK; INSERT INTO foreign_public.items VALUES (2001, 'kept', 1)",
		"TRUNCATE items",
	} {
		h.do(write)
		h.wait(tagged, recompute)
	}
}

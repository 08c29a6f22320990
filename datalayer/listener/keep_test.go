package listener_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
)

func TestRedeployedModel(t *testing.T) {
	t.Parallel()
	h := newHome(t, func(c *listener.Config) { c.BatchRows = 100 })
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 3000) i")
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.wait(tagged, recompute)
	h.models.deploy("tag")
	h.until("rows of one version", func() string {
		mixed, err := h.lines("SELECT * FROM tags WHERE output NOT LIKE 'v' || model_version || ':%'")
		if err != nil || mixed != "" {
			t.Fatalf("output and version do not belong together: %s %v", mixed, err)
		}
		left, err := h.lines("SELECT 1 FROM tags WHERE model_version = 1 LIMIT 1")
		if err != nil {
			return err.Error()
		}
		return left
	})
	h.wait(tagged, strings.Replace(strings.ReplaceAll(recompute, "v1", "v2"), ", 1 ", ", 2 ", 1))
}

func TestModelFailsForSomeRows(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items)
	h.models.set(func() { h.models.bad["evil"] = true })
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.do("INSERT INTO items VALUES (1, 'good', 1), (2, 'evil', 2), (3, NULL, 3)")
	h.wait(tagged, "SELECT id, 'v1:' || word || '/' || n, 1 FROM items WHERE id <> 2")
	h.until("an error", func() string {
		found, err := h.keeper.Errors(t.Context(), 10)
		if err != nil || len(found) != 1 {
			return fmt.Sprintf("%v %v", found, err)
		}
		if e := found[0]; e.Key != `{"id" : 2}` || e.Code != "38000" || !strings.Contains(e.Message, "bad text") || e.RetryAt == nil || e.Listener != "tags" {
			t.Fatalf("%+v", e)
		}
		return ""
	})
	// An output that was right once goes when its input does.
	h.do("UPDATE items SET word = 'evil' WHERE id = 1")
	h.wait(tagged, "SELECT 3::bigint, NULL, 1")
	h.models.set(func() { clear(h.models.bad) })
	h.wait(tagged, recompute)
	h.until("no errors", func() string {
		found, err := h.keeper.Errors(t.Context(), 10)
		return strings.Trim(fmt.Sprint(found, err), "[] <nil>")
	})
}

func TestModelIsDown(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 200) i")
	h.models.set(func() { h.models.down = errors.New("no such server") })
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.until("the error of the listener", func() string {
		all, err := h.keeper.Status(t.Context())
		if err != nil || len(all) != 1 || all[0].State != "failing" || !strings.Contains(all[0].Error, "no such server") {
			return fmt.Sprintf("%+v %v", all, err)
		}
		return ""
	})
	h.do("INSERT INTO items VALUES (1000, 'written all the same', 1)")
	h.models.set(func() { h.models.down = nil })
	h.wait(tagged, recompute)
	h.quiet("tags")
}

func TestOutputsThatHomeRefuses(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do("CREATE TABLE docs (id int PRIMARY KEY, body text)", "INSERT INTO docs SELECT i, '{\"n\": ' || i || '}' FROM generate_series(1, 100) i", "INSERT INTO docs VALUES (50000, 'no json'), (50001, '{}')")
	h.listen(define("parsed", "docs", "json", "body"))
	h.wait("SELECT id, output FROM parsed", "SELECT id, body::jsonb FROM docs WHERE id <> 50000")
	h.until("an error", func() string {
		found, err := h.keeper.Errors(t.Context(), 10)
		if err != nil || len(found) != 1 || found[0].Key != `{"id" : 50000}` {
			return fmt.Sprintf("%v %v", found, err)
		}
		return ""
	})
}

func TestTenListenersAndAChain(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 100) i")
	for i := range 10 {
		h.listen(define(fmt.Sprintf("tags_%d", i), "items", "tag", "word", fmt.Sprintf("n + %d", i)))
	}
	h.listen(define("loud", "tags_3", "shout", "output"))
	h.do("UPDATE items SET word = 'u' || n WHERE id < 50", "DELETE FROM items WHERE id = 60", "INSERT INTO items VALUES (500, 'new', 1)")
	for i := range 10 {
		h.wait(fmt.Sprintf("SELECT id, output FROM tags_%d", i), fmt.Sprintf("SELECT id, 'v1:' || word || '/' || n + %d FROM items", i))
	}
	h.wait("SELECT id, output FROM loud", "SELECT id, 'v1:' || upper('v1:' || word || '/' || n + 3) || '!' FROM items")
	captures, err := h.lines("SELECT relation FROM pinnacle_listeners.captures")
	if err != nil || captures != "(public.items)\n(public.tags_3)" {
		t.Errorf("captures are %q, %v", captures, err)
	}
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do("CREATE TABLE docs (id int PRIMARY KEY, body text)", "INSERT INTO docs VALUES (1, 'a b c'), (2, ''), (3, NULL), (4, 'one')")
	def := define("pieces", "docs", "words", "body")
	def.Flatten, def.Into = true, "public.word_list"
	h.listen(def)
	got, want := "SELECT id, ordinal, output FROM word_list", "SELECT id, o::int, w FROM docs, string_to_table(nullif(body, ''), ' ') WITH ORDINALITY AS t(w, o)"
	h.wait(got, want)
	h.do("UPDATE docs SET body = 'd e' WHERE id = 1", "UPDATE docs SET body = 'now some' WHERE id = 2", "UPDATE docs SET body = '' WHERE id = 4")
	h.wait(got, want)
	h.quiet("pieces")
	before := h.models.count()
	if err := h.keeper.Refresh(t.Context(), "pieces"); err != nil {
		t.Fatal(err)
	}
	h.quiet("pieces")
	if now := h.models.count(); now != before {
		t.Errorf("a scan asked the model %d times for rows that have no words, or theirs", now-before)
	}
	h.do("DELETE FROM docs WHERE id = 1")
	h.wait(got, want)
}

func TestKeysOfManyTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, columns, key, rows string }{
		{"text", "k text", "k", "'k ''\\\"%s' || i"},
		{"uuid", "k uuid", "k", "md5(i::text)::uuid"},
		{"timestamptz", "k timestamptz", "k", "timestamptz '2024-03-01 12:00:00.000001+02' + i * interval '7 hours 13 microseconds'"},
		{"numeric", "k numeric(12, 3)", "k", "i * 1.001"},
		{"float8", "k float8", "k", "i / 3.0"},
		{"char", "k char(8)", "k", "'c' || i"},
		{"bytea", "k bytea", "k", "decode(md5(i::text), 'hex')"},
		{"composite", `"A b" text, "select" date, k smallint`, `"select", k, "A b"`, "'a' || i % 7, date '2024-01-01' + i % 11, i"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, func(c *listener.Config) { c.BatchRows = 30 })
			h.do(fmt.Sprintf(`CREATE TABLE "My items" (%s, word text, n int, PRIMARY KEY (%s))`, c.columns, c.key),
				fmt.Sprintf(`INSERT INTO "My items" SELECT %s, 'w' || i, i FROM generate_series(1, 200) i`, c.rows))
			h.listen(define("tags", `"My items"`, "tag", "word", "n"))
			want := `SELECT ` + c.key + `, 'v1:' || word || '/' || n FROM "My items"`
			h.wait("SELECT "+c.key+", output FROM tags", want)
			h.do(`UPDATE "My items" SET n = -n WHERE n % 3 = 0`, `DELETE FROM "My items" WHERE n % 5 = 0`)
			h.wait("SELECT "+c.key+", output FROM tags", want)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "CREATE TABLE loose (id int, word text, n int)", "INSERT INTO loose VALUES (1, 'a', 1), (1, 'b', 2)", "CREATE TABLE taken (x int)",
		"CREATE TABLE clash (output int PRIMARY KEY, word text, n int)")
	query := define("q", "", "tag", "word", "n")
	query.Query = "SELECT * FROM items"
	into := define("i", "items", "tag", "word", "n")
	into.Into = "taken"
	keyed := define("k", "loose", "tag", "word", "n")
	keyed.Key = []string{"id"}
	wrong := define("w", "items", "tag", "word", "n")
	wrong.Key = []string{"nothing"}
	often := define("o", "items", "tag", "word", "n")
	often.Refresh, often.Every = listener.RefreshEvery, "soon"
	flat := define("f", "items", "tag", "word", "n")
	flat.Flatten = true
	unknown := define("s", "items", "tag", "word", "n")
	unknown.Options = map[string]string{"capture": "telepathy"}
	for _, c := range []struct {
		def           listener.Definition
		code, message string
	}{
		{define("a", "nowhere", "tag", "word", "n"), "42P01", "nowhere"},
		{define("a", "items", "nobody", "word"), "42704", "nobody"},
		{define("a", "items", "tag", "word"), "42883", "takes 2 arguments"},
		{define("a", "items", "tag", "wort", "n"), "42703", "wort"},
		{define("a", "items", "tag", "word", "word"), "42883", "argument 2"},
		{define("a", "loose", "tag", "word", "n"), "42P16", "no primary key"},
		{define("a", "clash", "tag", "word", "n"), "42701", "output"},
		{query, "42P16", "needs KEY"},
		{into, "42P07", "taken"},
		{keyed, "23505", "one key"},
		{wrong, "42703", "nothing"},
		{often, "22007", "interval"},
		{flat, "42804", "FLATTEN"},
		{unknown, "22023", "telepathy"},
	} {
		err := h.keeper.Check(t.Context(), c.def)
		var e *datalayer.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.message) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if there, err := h.lines("SELECT to_regclass('pinnacle_listeners.listeners')"); err != nil || there != "()" {
		t.Errorf("a check made the schema: %s %v", there, err)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	h := newHome(t, func(c *listener.Config) { c.BatchRows = 50 })
	h.do(items, "CREATE TABLE kinds (n int PRIMARY KEY, kind text)", "CREATE VIEW both_ways AS SELECT id, word || '-' || kind AS word, n FROM items JOIN kinds USING (n)",
		"INSERT INTO items SELECT i, 'w' || i, i % 10 FROM generate_series(1, 300) i", "INSERT INTO kinds SELECT i, 'k' || i FROM generate_series(0, 8) i",
		"CREATE TABLE parted (id int PRIMARY KEY, word text, n int) PARTITION BY RANGE (id)", "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100)", "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (1000)",
		"CREATE TABLE loose (id int, word text, n int)", "INSERT INTO loose SELECT id, word, n FROM items", "CREATE UNIQUE INDEX ON loose (id) WHERE n > 0")
	query := define("joined", "", "tag", "word", "n")
	query.Query, query.Key = "SELECT id, word || '-' || kind AS word, n FROM items JOIN kinds USING (n) -- why not", []string{"id"}
	view := define("viewed", "both_ways", "tag", "word", "n")
	view.Key = []string{"id"}
	loose := define("untied", "loose", "tag", "word", "n")
	loose.Key = []string{"id"}
	h.listen(query)
	h.listen(view)
	h.listen(loose)
	h.listen(define("parts", "parted", "tag", "word", "n"))
	check := func() {
		t.Helper()
		h.wait("SELECT id, output FROM joined", "SELECT id, 'v1:' || word || '/' || n FROM both_ways")
		h.wait("SELECT id, output FROM viewed", "SELECT id, 'v1:' || word || '/' || n FROM both_ways")
		h.wait("SELECT id, output FROM untied", "SELECT id, 'v1:' || word || '/' || n FROM loose")
		h.wait("SELECT id, output FROM parts", "SELECT id, 'v1:' || word || '/' || n FROM parted")
	}
	check()
	h.do("INSERT INTO kinds VALUES (9, 'late')", "UPDATE kinds SET kind = 'other' WHERE n = 3", "DELETE FROM items WHERE id < 20", "DELETE FROM loose WHERE id < 20", "UPDATE loose SET n = 77 WHERE id = 100",
		"INSERT INTO parted VALUES (1, 'a', 1), (101, 'b', 2)")
	check()
	h.do("INSERT INTO parted_2 VALUES (102, 'behind the back', 3)", "UPDATE parted SET id = 500 WHERE id = 1", "TRUNCATE kinds")
	check()
}

func TestByTheTimer(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items)
	def := define("tags", "items", "tag", "word", "n")
	def.Options = map[string]string{"capture": "timer"}
	h.listen(def)
	h.do("INSERT INTO items VALUES (1, 'a', 1), (2, 'b', 2)", "SELECT pg_stat_force_next_flush()")
	h.wait(tagged, recompute)
	h.do("UPDATE items SET word = 'c' WHERE id = 1", "SELECT pg_stat_force_next_flush()")
	h.wait(tagged, recompute)
	h.do("TRUNCATE items")
	h.wait(tagged, recompute)
	if triggers, err := h.lines("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"); err != nil || triggers != "" {
		t.Errorf("there are triggers %s, %v", triggers, err)
	}
}

func TestByIntervalAndByHand(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items VALUES (1, 'a', 1)")
	often := define("often", "items", "tag", "word", "n")
	often.Refresh, often.Every = listener.RefreshEvery, "1 second"
	manual := define("tags", "items", "tag", "word", "n")
	manual.Refresh = listener.RefreshManual
	h.listen(often)
	h.listen(manual)
	h.wait(tagged, recompute)
	h.do("UPDATE items SET word = 'b'")
	h.wait("SELECT id, output FROM often", "SELECT id, 'v1:' || word || '/' || n FROM items")
	if old, err := h.lines("SELECT output FROM tags"); err != nil || old != "(v1:a/1)" {
		t.Errorf("a listener that is refreshed by hand has %s, %v", old, err)
	}
	if err := h.keeper.Refresh(t.Context(), "tags"); err != nil {
		t.Fatal(err)
	}
	h.wait(tagged, recompute)
}

func TestSourceChangesItsForm(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items VALUES (1, 'a', 1)")
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.wait(tagged, recompute)
	failing := func(code string) {
		t.Helper()
		h.until("an error "+code, func() string {
			all, err := h.keeper.Status(t.Context())
			if err != nil || len(all) != 1 || all[0].Code != code {
				return fmt.Sprintf("%+v %v", all, err)
			}
			return ""
		})
	}
	h.do("ALTER TABLE items RENAME word TO wort")
	h.do("INSERT INTO items VALUES (2, 'b', 2)")
	failing("42703")
	h.do("ALTER TABLE items RENAME wort TO word")
	h.wait(tagged, recompute)
	h.do("ALTER TABLE items ALTER n TYPE bigint")
	h.do("INSERT INTO items VALUES (3, 'c', 3)")
	failing("42883")
	h.do("ALTER TABLE items ALTER n TYPE smallint", "INSERT INTO items VALUES (4, 'd', 4)")
	h.wait(tagged, recompute)
	h.do("ALTER TABLE items ALTER id TYPE int", "INSERT INTO items VALUES (5, 'e', 5)")
	h.wait("SELECT id, output FROM tags", "SELECT id, 'v1:' || word || '/' || n FROM items")
	h.do("ALTER TABLE items RENAME id TO ident", "INSERT INTO items VALUES (6, 'f', 6)")
	h.wait("SELECT ident, output FROM tags", "SELECT ident, 'v1:' || word || '/' || n FROM items")
	h.do("DROP TABLE items")
	failing("42P01")
	h.do(items, "INSERT INTO items VALUES (7, 'g', 7)")
	h.wait(tagged, recompute)
}

func TestWhatIsTakenAwayComesBack(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 50) i")
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.wait(tagged, recompute)
	h.do("DROP TABLE tags")
	h.wait(tagged, recompute)
	h.do("DROP TRIGGER pinnacle_capture_1_insert ON items", "INSERT INTO items VALUES (100, 'unseen', 1)")
	h.wait(tagged, recompute)
	h.do("INSERT INTO items VALUES (101, 'seen', 1)")
	h.wait(tagged, recompute)
	h.do("DROP SCHEMA pinnacle_listeners CASCADE", "INSERT INTO items VALUES (102, 'anew', 1)")
	h.wait(tagged, recompute)
}

func TestDropAndDisable(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items VALUES (1, 'a', 1)")
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.listen(define("more", "items", "tag", "word", "n"))
	h.wait(tagged, recompute)
	h.change("tags", func(d *listener.Definition) { d.Disabled = true })
	h.change("more", func(d *listener.Definition) { d.Disabled = true })
	for _, d := range h.all() {
		if err := h.keeper.SetUp(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	h.wait("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal", "SELECT 1 WHERE false")
	h.do("INSERT INTO items VALUES (2, 'b', 2)")
	h.change("tags", func(d *listener.Definition) { d.Disabled = false })
	h.wait(tagged, recompute)
	h.mu.Lock()
	h.definitions = nil
	h.mu.Unlock()
	for name, keep := range map[string]bool{"tags": true, "more": false} {
		if err := h.keeper.TearDown(t.Context(), name, 0, keep); err != nil {
			t.Fatal(err)
		}
	}
	left, err := h.lines("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname IN ('public', 'pinnacle_listeners')")
	if want := "(captured)\n(captures)\n(dropped)\n(items)\n(listeners)\n(schema_version)\n(slots)\n(tags)"; err != nil || left != want {
		t.Errorf("left are\n%s\n%v", left, err)
	}
	h.listen(define("tags", "items", "tag", "word", "n")) // takes the table that was kept
	h.do("INSERT INTO items VALUES (3, 'c', 3)")
	h.wait(tagged, recompute)
}

func TestRenamed(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	h.do(items, "INSERT INTO items VALUES (1, 'a', 1)")
	def := define("first", "items", "tag", "word", "n")
	def.Into = "public.tags"
	h.listen(def)
	h.wait(tagged, recompute)
	h.change("first", func(d *listener.Definition) { d.Name = "second" })
	h.do("INSERT INTO items VALUES (2, 'b', 2)")
	h.wait(tagged, recompute)
	h.quiet("second")
	if asked := h.models.count(); asked != 2 {
		t.Errorf("the model was asked %d times for 2 rows", asked)
	}
	if names, err := h.lines("SELECT name FROM pinnacle_listeners.listeners"); err != nil || names != "(second)" {
		t.Errorf("home knows %s, %v", names, err)
	}
}

func TestTwoKeepersAndRestarts(t *testing.T) {
	t.Parallel()
	h := newHome(t, func(c *listener.Config) { c.BatchRows = 40 })
	h.do(items, "INSERT INTO items SELECT i, 'w' || i, i FROM generate_series(1, 5000) i")
	t.Cleanup(runKeeper(listener.New(h.config)))
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.listen(define("more", "items", "tag", "word", "n"))
	for i := range 5 {
		h.do(fmt.Sprintf("UPDATE items SET n = n + 1 WHERE id %% 5 = %d", i))
		h.stop()
		h.start()
	}
	h.wait(tagged, recompute)
	h.wait("SELECT id, output FROM more", "SELECT id, 'v1:' || word || '/' || n FROM items")
	if asked, most := h.models.count(), 2*3*5000; asked > most {
		t.Errorf("the model was asked %d times, which is more than %d", asked, most)
	}
}

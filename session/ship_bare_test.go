package session_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// TestReadOnlyTransactions runs statements in sessions that have made no functions, in transactions that can make none, and
// wants what an expression in SQL gives in the place of calls.
func TestReadOnlyTransactions(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("CREATE TABLE bare_t AS SELECT i AS id, nullif(i % 9, 4) AS x, 'n' || i AS name FROM generate_series(1, 60) AS i")
	for _, text := range []string{
		"SELECT sum(predict('double', x)) FROM bare_t",
		"SELECT predict('double', length(name)) AS p, count(*) FROM bare_t GROUP BY 1 ORDER BY 1",
		"SELECT max(predict('double', predict('double', abs(x - 3)))) FROM bare_t",
		"SELECT predict('double', predict('double', predict('double', 1))) + count(*) FROM bare_t WHERE predict('double', x) > 3",
		"SELECT predict('double', max(x)) FROM bare_t GROUP BY id % 3 ORDER BY predict('double', count(*)::int), 1",
		"SELECT id FROM bare_t ORDER BY predict('double', (SELECT count(*)::int FROM bare_t b WHERE b.x = bare_t.x)), id LIMIT 3",
		"SELECT id FROM bare_t o WHERE EXISTS (SELECT FROM bare_t i WHERE i.id = predict('double', o.id) AND i.x > 2) ORDER BY 1",
		"SELECT id FROM bare_t a LEFT JOIN (SELECT predict('double', id) AS k FROM bare_t) b ON a.id = b.k WHERE b.k IS NULL ORDER BY 1",
		"WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT predict('double', n) FROM r WHERE n < 50) SELECT n FROM r",
		"SELECT rank() OVER (PARTITION BY predict('double', x % 2) ORDER BY id) FROM bare_t ORDER BY id LIMIT 5",
		"SELECT predict('double', x => bare_t.x) FROM bare_t ORDER BY predict('double', id) DESC LIMIT 2",
	} {
		want := direct(t, doubled(text))
		for how, run := range map[string]func(*client, string) []string{"simple": (*client).query, "extended": (*client).extended} {
			own := p.connect(t)
			own.must("BEGIN READ ONLY")
			got := run(own, text)
			if have := strings.ReplaceAll(strings.Join(got[:max(0, len(got)-2)], " "), "NULL", ""); first(have) != first(want) {
				t.Errorf("%s, %s, gives %q, not %q", text, how, got, want)
			}
			expect(t, "the end", own.query("COMMIT"), "COMMIT", "I")
		}
	}
	own := p.connect(t)
	own.must("BEGIN READ ONLY")
	expect(t, "COPY", own.query("COPY (SELECT predict('double', predict('double', id)) FROM bare_t WHERE id < 3 ORDER BY predict('double', id)) TO STDOUT"), "COPY 2", "T")
	expect(t, "predict_details", own.query("SELECT predict_details('double', x)->'value' FROM bare_t WHERE id < 6 ORDER BY predict_details('double', x)->>'model', id"), "2", "4", "6", "10", "NULL", "SELECT 5", "T")
	expect(t, "a cursor", own.query("DECLARE c CURSOR FOR SELECT predict('double', abs(x)) FROM bare_t ORDER BY id"), "DECLARE CURSOR", "T")
	expect(t, "FETCH", own.query("FETCH 2 FROM c"), "2", "4", "FETCH 2", "T")
	expect(t, "a statement that writes", own.query("INSERT INTO bare_t SELECT predict('double', 1)"), "error 25006", "E")
}

// doubled puts an expression in place of the calls of a text, the inner ones first.
func doubled(text string) string {
	text = strings.ReplaceAll(text, "x => ", "")
	for {
		at := strings.LastIndex(text, "predict('double', ")
		if at < 0 {
			return text
		}
		rest, depth := text[at+len("predict('double', "):], 1
		end := strings.IndexFunc(rest, func(r rune) bool {
			switch r {
			case '(':
				depth++
			case ')':
				depth--
			}
			return depth == 0
		})
		text = text[:at] + "(2 * (" + rest[:end] + "))" + rest[end+1:]
	}
}

// first leaves of rows and their columns what direct gives: the first column.
func first(rows string) string {
	words := strings.Fields(rows)
	for i, w := range words {
		words[i], _, _ = strings.Cut(w, ",")
	}
	return strings.Join(words, " ")
}

// TestPreparedTransactions ends transactions with predict by PREPARE TRANSACTION, which PostgreSQL refuses where temporary
// objects were used.
func TestPreparedTransactions(t *testing.T) {
	t.Parallel()
	if server == nil {
		t.Skip("no PostgreSQL")
	}
	dir, err := os.MkdirTemp("", "two") // PostgreSQL runs under another user, who may not enter t.TempDir
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	two, err := lab.StartPostgres(context.Background(), filepath.Join(dir, "two"), "shared_buffers=16MB", "max_prepared_transactions=2")
	must(t, err)
	t.Cleanup(func() { _ = two.Stop() })
	limits := defaults
	limits.LookupBytes = 1 << 10
	p := newProxyOf(t, two, limits)
	c := p.connect(t)
	c.must("CREATE TABLE two_t AS SELECT i AS x FROM generate_series(1, 20) AS i")
	for _, prepared := range []bool{false, true} { // a session that has functions has no use for them there
		c.must("BEGIN")
		c.must("INSERT INTO two_t SELECT predict('double', x) FROM two_t WHERE predict('double', x) > 30")
		c.must("UPDATE two_t SET x = predict('double', predict('double', x)) WHERE x = 7")
		expect(t, "SELECT", c.extended("SELECT sum(predict('double', x)) FROM two_t"), "822", "SELECT 1", "T")
		c.must("DELETE FROM two_t WHERE predict('double', x) = 56")
		expect(t, "RETURNING", c.query("INSERT INTO two_t VALUES (predict('double', 3)) RETURNING predict('double', x)"), "12", "INSERT 0 1", "T")
		expect(t, "PREPARE TRANSACTION", c.query("PREPARE TRANSACTION 'two'"), "PREPARE TRANSACTION", "I")
		c.must("ROLLBACK PREPARED 'two'")
		if !prepared {
			expect(t, "outside", c.query("SELECT sum(predict('double', x)) FROM two_t"), "420", "SELECT 1", "I")
		}
	}
	c.must("BEGIN")
	expect(t, "many", c.query("SELECT sum(predict('double', i)) FROM generate_series(1, 5000) AS i"), "25005000", "SELECT 1", "T")
	expect(t, "they went into a table", c.query("PREPARE TRANSACTION 'two'"), "error 0A000", "I")
}

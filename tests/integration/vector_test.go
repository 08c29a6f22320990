package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// letters makes a vector of a text: how often it has each of four letters.
const letters = `CREATE OR REPLACE MODEL letters(t text) RETURNS float8[] USING starlark AS $$
def predict(t):
    return [float(t.count(c)) + 0.01 for c in ["a", "b", "c", "d"]]
$$`

// eventually asks until the answer is the wanted one, as text.
func (t *target) eventually(tb testing.TB, query, want string) {
	tb.Helper()
	var got string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got = fmt.Sprint(t.rows(tb, query)); got == want {
			return
		}
	}
	tb.Fatalf("%s\n gives %s\nwanted %s", query, got, want)
}

// TestVectorIndex makes indexes of texts, vectors and a listener's outputs, and searches them from everywhere.
func TestVectorIndex(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, letters, "CREATE MODEL")
		on.exec(t, "CREATE TABLE page (site text, id int, body text, PRIMARY KEY (site, id))")
		on.exec(t, "INSERT INTO page VALUES ('x', 1, 'aaaa'), ('x', 2, 'bbb'), ('y', 1, 'aab'), ('y', 2, 'cccd'), ('y', 3, NULL)")
		s.wantTag(t, "CREATE VECTOR INDEX page_index ON page (body) WITH (model = 'letters', measure = 'cosine')", "CREATE VECTOR INDEX")
		on.eventually(t, "SELECT state, vectors, dimension FROM pinnacle.vector_index_stats WHERE name = 'page_index'", "[[ready 4 4]]")
		s.wantRow(t, "SELECT string_agg(site || id, ' ' ORDER BY score DESC) FROM nearest('page_index', 'aaaaa', 2)", "x1 y1")
		s.wantRow(t, "SELECT p.body, n.score > 0.94 FROM nearest('page_index', '{0,0,1,0}'::real[], n => 1) AS n JOIN page AS p USING (site, id)", "cccd", "t")
		s.wantRow(t, "SELECT string_agg(p.body || '~' || q.body, ' ' ORDER BY p.body) FROM page p, nearest('page_index', key => (p.site, p.id), n => 2) n JOIN page q USING (site, id) WHERE q.body <> p.body", "aaaa~aab aab~aaaa bbb~aab cccd~aab")
		s.wantRow(t, "SELECT body, similarity('page_index', p, 'd') > 0.3 FROM page AS p WHERE site = 'y' AND body IS NOT NULL ORDER BY similarity('page_index', p, 'd') DESC LIMIT 1", "cccd", "t")
		s.wantRow(t, "SELECT count(*) FROM nearest('page_index', NULL::text)", "0")

		on.exec(t, "INSERT INTO page VALUES ('z', 9, 'dddd')")
		on.exec(t, "UPDATE page SET body = 'bbbb' WHERE body = 'aaaa'")
		on.exec(t, "DELETE FROM page WHERE body = 'cccd'")
		on.eventually(t, "SELECT string_agg(site || id, ' ' ORDER BY site, id) FROM nearest('page_index', 'd', 10) WHERE score > 0.5", "[[z9]]")
		on.eventually(t, "SELECT string_agg(site || id, ' ' ORDER BY score DESC) FROM nearest('page_index', 'a', 1)", "[[y1]]")
		// Another version of the model, and of another dimension: all vectors are made anew.
		on.exec(t, strings.Replace(letters, `"c", "d"`, `"c", "d", "x"`, 1))
		on.eventually(t, "SELECT state, vectors, dimension FROM pinnacle.vector_index_stats WHERE name = 'page_index'", "[[ready 4 5]]")
		s.wantRow(t, "SELECT string_agg(site || id, ' ' ORDER BY score DESC) FROM nearest('page_index', 'aaaaa', 1)", "y1")
		on.exec(t, "TRUNCATE page")
		on.eventually(t, "SELECT count(*) FROM nearest('page_index', 'a')", "[[0]]")

		for _, c := range []struct{ sql, code, word string }{
			{"SELECT * FROM nearest('nothing', 'x')", "42704", "nothing"},
			{"SELECT * FROM nearest('page_index', '{1,2}'::real[])", "22023", "5"},
			{"SELECT * FROM nearest('page_index', 'x', -1)", "22023", "-1"},
			{"SELECT * FROM nearest('page_index', key => 1)", "42883", "2 columns"},
			{"CREATE VECTOR INDEX bad ON page (body)", "42P16", "model"},
			{"CREATE VECTOR INDEX bad ON page (id) WITH (model = 'letters')", "42804", "integer"},
			{"CREATE VECTOR INDEX bad ON nothing (id)", "42P01", "nothing"},
			{"CREATE VECTOR INDEX bad ON page (body) WITH (model = 'nothing')", "42704", "nothing"},
			{"CREATE VECTOR INDEX bad ON page (body) USING ivf WITH (model = 'letters')", "22023", "ivf"},
			{"CREATE VECTOR INDEX bad ON page (body) WITH (model = 'letters', size = 3)", "22023", "size"},
			{"CREATE VECTOR INDEX bad ON LISTENER nothing", "42704", "nothing"},
			{"DROP MODEL letters", "2BP01", "page_index"},
		} {
			s.wantError(t, c.sql, c.code, c.word)
		}
		s.wantTag(t, "DROP VECTOR INDEX page_index", "DROP VECTOR INDEX")

		on.exec(t, "INSERT INTO page VALUES ('x', 1, 'aaaa'), ('x', 2, 'bbb')")
		s.wantTag(t, "CREATE LISTENER page_letters ON page PREDICT letters (body)", "CREATE LISTENER")
		s.wantTag(t, "CREATE VECTOR INDEX output_index ON LISTENER page_letters WITH (measure = 'l2')", "CREATE VECTOR INDEX")
		on.eventually(t, "SELECT state, vectors, measure FROM pinnacle.vector_index_stats WHERE name = 'output_index'", "[[ready 2 l2]]")
		s.wantRow(t, "SELECT site, id, score FROM nearest('output_index', 'aaaa', 1)", "x", "1", "0")
		s.wantError(t, "DROP LISTENER page_letters", "2BP01", "output_index")
		s.wantTag(t, "DROP LISTENER page_letters CASCADE", "DROP LISTENER")
		s.wantError(t, "SELECT * FROM nearest('output_index', 'x')", "42704", "output_index")
	})
}

// TestVectorIndexOfAnExpression: an index on an expression of several columns is right after whatever is written, also beside
// full-text search.
func TestVectorIndexOfAnExpression(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		on.exec(t, strings.Replace(letters, "letters(", "spelled(", 1))
		on.exec(t, "CREATE TABLE entry (id int PRIMARY KEY, title text, body text, seen int DEFAULT 0)")
		on.exec(t, "INSERT INTO entry VALUES (1, 'AA', 'a'), (2, 'BB', 'b'), (3, 'C', NULL), (4, 'dd', 'd')")
		on.exec(t, "CREATE VECTOR INDEX entry_index ON entry (lower(title || coalesce(body, ''))) WITH (model = 'spelled')")
		on.eventually(t, "SELECT state, vectors FROM pinnacle.vector_index_stats WHERE name = 'entry_index'", "[[ready 4]]")
		const like = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM nearest('entry_index', '%s', 10) WHERE score > 0.9"
		for _, step := range []struct{ write, letter, want string }{
			{"", "a", "[[1]]"},
			{"UPDATE entry SET title = 'A', body = 'AAA' WHERE id = 2", "a", "[[1 2]]"},
			{"UPDATE entry SET body = 'cccc', title = 'c' WHERE id = 1", "a", "[[2]]"},
			{"UPDATE entry SET seen = seen + 1", "c", "[[1 3]]"},
			{"UPDATE entry SET id = 30 WHERE id = 3", "c", "[[1 30]]"},
			{"UPDATE entry SET title = NULL WHERE id = 1", "c", "[[30]]"},
			{"DELETE FROM entry WHERE id = 4", "d", "[[]]"},
			{"BEGIN; INSERT INTO entry VALUES (5, 'd', 'd'); ROLLBACK; INSERT INTO entry VALUES (6, 'D', 'food')", "d", "[[6]]"},
		} {
			if step.write != "" {
				on.exec(t, step.write)
			}
			on.eventually(t, fmt.Sprintf(like, step.letter), strings.Replace(step.want, "[]", "[NULL]", 1))
		}
		// By words and by meaning: 6 is first of both.
		on.eventually(t, `WITH meaning AS (SELECT id, row_number() OVER (ORDER BY score DESC) AS place FROM nearest('entry_index', 'd', 3)),
			words AS (SELECT id, 1 AS place FROM entry WHERE to_tsvector('english', coalesce(body, '')) @@ to_tsquery('english', 'food'))
			SELECT id FROM entry LEFT JOIN meaning USING (id) LEFT JOIN words USING (id) ORDER BY coalesce(1.0 / (60 + meaning.place), 0) + coalesce(1.0 / (60 + words.place), 0) DESC LIMIT 1`, "[[6]]")
		on.exec(t, "TRUNCATE entry")
		on.eventually(t, "SELECT count(*) FROM nearest('entry_index', 'a')", "[[0]]")
		for _, sql := range []string{"DROP VECTOR INDEX entry_index", "DROP TABLE entry", "DROP MODEL spelled"} {
			on.exec(t, sql)
		}
	})
}

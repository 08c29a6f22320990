package sqlparse

import (
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
)

// spliceAll puts relations of the schema f_s in place of all that have the schema s or none, but for the one named other,
// statement by statement. A statement that cannot be edited is left as it is.
func spliceAll(t testing.TB, text string) string {
	t.Helper()
	script, err := Parse(text, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var edits []Edit
	for _, st := range script.Statements {
		m, err := FindMentions(text, st.Span, st.Node)
		if err != nil {
			t.Fatal(err)
		}
		places := make([]Place, len(m.Relations))
		for i, r := range m.Relations {
			if (r.Schema == "" || r.Schema == "s") && r.Name != "other" {
				places[i] = Place{Schema: "f_s", Parent: "s"}
			}
		}
		if own, ok := m.Splice(text, places); ok {
			edits = append(edits, own...)
		}
	}
	spliced, err := Splice(text, edits)
	if err != nil {
		t.Fatal(err)
	}
	return spliced.Text
}

func TestSpliceMentions(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"SELECT a, t.b FROM t", "SELECT a, t.b FROM f_s.t"},
		{"SELECT s.t.a, s.t.*, db.s.t.b FROM s.t WHERE s.t.a = 1", "SELECT f_s.t.a, f_s.t.*, f_s.t.b FROM f_s.t WHERE f_s.t.a = 1"},
		{"SELECT s.t.a FROM t", "SELECT f_s.t.a FROM f_s.t"},
		{"SELECT * FROM ONLY t, ONLY (u), v *, w AS t2", "SELECT * FROM ONLY f_s.t, ONLY (f_s.u), f_s.v *, f_s.w AS t2"},
		{"TABLE t", "TABLE f_s.t"},
		{`SELECT * FROM "T x" JOIN S . "Ü"`, `SELECT * FROM "T x" JOIN S . "Ü"`}, // not PostgreSQL's grammar
		{`SELECT * FROM "T x" CROSS JOIN S . "Ü"`, `SELECT * FROM f_s."T x" CROSS JOIN f_s."Ü"`},
		{"WITH t AS (SELECT * FROM t) SELECT * FROM t, u", "WITH t AS (SELECT * FROM f_s.t) SELECT * FROM t, f_s.u"},
		{"WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t", "WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t"},
		{"WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t", "WITH t AS (SELECT 1) INSERT INTO f_s.t SELECT * FROM t"},
		{"INSERT INTO t(t, a) VALUES (1, DEFAULT) RETURNING t.a", "INSERT INTO f_s.t(t, a) VALUES (1, DEFAULT) RETURNING t.a"},
		{"UPDATE ONLY t SET a = u.a FROM u WHERE t.id = u.id RETURNING *", "UPDATE ONLY f_s.t SET a = u.a FROM f_s.u WHERE t.id = u.id RETURNING *"},
		{"DELETE FROM s.t USING o.t x WHERE s.t.a = x.a", "DELETE FROM f_s.t USING o.t x WHERE f_s.t.a = x.a"},
		{"MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DO NOTHING", "MERGE INTO f_s.t USING f_s.u ON t.a = u.a WHEN MATCHED THEN DO NOTHING"},
		{"COPY t TO STDOUT", "COPY (SELECT * FROM f_s.t) TO STDOUT"},
		{"COPY s.t (a, \"b\") TO STDOUT WITH (FORMAT csv)", "COPY (SELECT a, \"b\" FROM f_s.t) TO STDOUT WITH (FORMAT csv)"},
		{"COPY t (a) FROM STDIN; COPY (SELECT a FROM t) TO STDOUT (FORMAT text)", "COPY f_s.t (a) FROM STDIN; COPY (SELECT a FROM f_s.t) TO STDOUT (FORMAT text)"},
		{"TRUNCATE ONLY t, other", "TRUNCATE ONLY f_s.t, other"},
		{"EXPLAIN ANALYZE SELECT * FROM t; PREPARE p AS SELECT * FROM t", "EXPLAIN ANALYZE SELECT * FROM f_s.t; PREPARE p AS SELECT * FROM f_s.t"},
		{"DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE OF t", "DECLARE c CURSOR FOR SELECT * FROM f_s.t FOR UPDATE OF t"},
		{"CREATE TEMP TABLE n AS SELECT * FROM t; SELECT a INTO n FROM t", "CREATE TEMP TABLE n AS SELECT * FROM f_s.t; SELECT a INTO n FROM f_s.t"},
		{"CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW v AS SELECT * FROM t; DROP TABLE t; LOCK TABLE t", ""},
		{"ALTER TABLE t ADD b int; CREATE INDEX ON t (a); GRANT SELECT ON t TO r; COMMENT ON TABLE t IS 'x'; VACUUM t", ""},
		{"SELECT t FROM t", ""},
		{"SELECT t FROM (SELECT a AS t FROM t) x GROUP BY t ORDER BY t", "SELECT t FROM (SELECT a AS t FROM f_s.t) x GROUP BY t ORDER BY t"},
		{"WITH x AS (SELECT a AS t FROM t) SELECT t FROM x, u WHERE EXISTS (SELECT 1 FROM v WHERE v.a = t)", "WITH x AS (SELECT a AS t FROM f_s.t) SELECT t FROM x, f_s.u WHERE EXISTS (SELECT 1 FROM f_s.v WHERE v.a = t)"},
		{"SELECT (SELECT t) FROM t", ""},
		{"SELECT a FROM t, LATERAL (SELECT t) x", ""},
		{"SELECT a FROM t JOIN u ON t IS NULL", ""},
		{"UPDATE t SET a = 1 FROM u WHERE u IS NULL", ""},
		{"SELECT s.t FROM s.t", ""},
		{"SELECT row_to_json(t.*) FROM t", ""},
		{"SELECT (t).a FROM t", ""},
		{"SELECT x::text FROM t x", ""},
		{"SELECT * FROM t TABLESAMPLE system (10)", ""},
		{"SELECT s.t.a FROM s.t UNION SELECT s.t.a FROM s.t", "SELECT f_s.t.a FROM f_s.t UNION SELECT f_s.t.a FROM f_s.t"},
		{"SELECT (SELECT max(a) FROM u WHERE u.x = t.x), EXISTS (TABLE t) FROM t", "SELECT (SELECT max(a) FROM f_s.u WHERE u.x = t.x), EXISTS (TABLE f_s.t) FROM f_s.t"},
		{"SELECT 'FROM t', t.a -- FROM t\nFROM t /* t */", "SELECT 'FROM t', t.a -- FROM t\nFROM f_s.t /* t */"},
	}
	for _, tt := range tests {
		want := tt.want
		if want == "" {
			want = tt.text
		}
		if got := spliceAll(t, tt.text); got != want {
			t.Errorf("%s\nbecomes  %s\nnot      %s", tt.text, got, want)
		}
	}
}

func TestMentionsGrouped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want bool
	}{
		{"SELECT a FROM t", false},
		{"SELECT a, count(*), sum(b) FROM t GROUP BY a ORDER BY a, max(c)", false},
		{"SELECT t.a AS x FROM t GROUP BY t.a HAVING count(b) > 1", false},
		{"SELECT lower(a) AS l, count(DISTINCT b) FROM t GROUP BY l", false},
		{"SELECT lower(a), string_agg(b, ',' ORDER BY c) FROM t GROUP BY 1", false},
		{"SELECT a, b, sum(c) FILTER (WHERE d) FROM t GROUP BY ROLLUP (a, b)", false},
		{"SELECT a, sum(b) AS total FROM t GROUP BY a ORDER BY total DESC, a", false},
		{"SELECT id, name FROM t GROUP BY id", true},
		{"SELECT id, name AS n FROM t GROUP BY id ORDER BY n", true},
		{"SELECT id, sum(b) AS n FROM t GROUP BY id ORDER BY n || name", true},
		{"SELECT id FROM t GROUP BY id ORDER BY name", true},
		{"SELECT id FROM t GROUP BY id HAVING length(name) > 1", true},
		{"SELECT t.* FROM t GROUP BY id", true},
		{"SELECT 1 UNION SELECT name FROM t GROUP BY id", true},
		{"SELECT * FROM (SELECT id, name FROM t GROUP BY id) x", true},
		{"SELECT id, sum(k) OVER () FROM t GROUP BY id", true},
		{"SELECT a, mine(b) FROM t GROUP BY a", true},
	}
	for _, tt := range tests {
		script, err := Parse(tt.text, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		m, err := FindMentions(tt.text, script.Statements[0].Span, script.Statements[0].Node)
		if err != nil {
			t.Fatal(err)
		}
		if m.Grouped != tt.want {
			t.Errorf("%s: %v, not %v", tt.text, m.Grouped, tt.want)
		}
	}
}

// FuzzSpliceMentions checks that an edited text is parsed as the client's is, but for the schemas of relations and of
// columns. COPY name TO, which becomes COPY of a query, is left out.
func FuzzSpliceMentions(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	f.Add("SELECT s.t.a, t.* FROM s.t JOIN ONLY (U&\"\\0074\" UESCAPE '\\') x USING (a), db.s . \"T\" WHERE s.t.a = ANY (SELECT s.t.b FROM s.t)")
	f.Add("WITH t AS (DELETE FROM t USING u WHERE t.a = s.u.a RETURNING *) INSERT INTO s.t SELECT * FROM t, u * ON CONFLICT DO NOTHING")
	f.Add("MERGE INTO ONLY t USING s.u ON s.u.a = t.a WHEN MATCHED THEN UPDATE SET a = s.u.b; TRUNCATE t, ONLY u CASCADE; COPY t (a) FROM STDIN")
	f.Add("WITH w AS (SELECT 1) INSERT INTO s.t AS x (a, b) VALUES (1, DEFAULT), (2, (SELECT 1)) ON CONFLICT (a, b) DO UPDATE SET a = 1 WHERE x.b > 2 RETURNING x.*")
	f.Add("INSERT INTO t SELECT * FROM u JOIN v ON conflict = 1 ON CONFLICT ON CONSTRAINT c DO UPDATE SET (a, b) = (1, 2)")
	f.Add("INSERT INTO t (a[1], b.c) OVERRIDING USER VALUE VALUES (1) LIMIT 2 ON CONFLICT (lower(a) COLLATE x) WHERE b DO NOTHING; INSERT INTO t DEFAULT VALUES ON CONFLICT (a) DO NOTHING")
	f.Fuzz(func(t *testing.T, text string) {
		limits := Limits{MaxBytes: 1 << 14, MaxTokens: 1 << 11, MaxDepth: 200}
		script, err := Parse(text, limits)
		if err != nil || script.Opaque || script.Concerns() || strings.Contains(strings.ToLower(text), "copy") {
			return
		}
		for _, st := range script.Statements {
			if u, err := FindUpsert(text, st.Span, st.Node); err != nil || u != nil && u.Odd == "" && !st.Span.Contains(u.Name) {
				t.Fatalf("%q: %v %v", text, u, err)
			}
		}
		spliced := spliceAll(t, text)
		again, err := pg_query.Parse(spliced)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", text, spliced, err)
		}
		before, err := pg_query.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		unplace(before)
		unplace(again)
		if !proto.Equal(before, again) {
			t.Fatalf("%q becomes %q\n%v\n%v", text, spliced, before, again)
		}
	})
}

// unplace takes out of trees what an edited text has otherwise: places, and schemas of relations and columns.
func unplace(tree *pg_query.ParseResult) {
	for _, raw := range tree.Stmts {
		raw.StmtLocation, raw.StmtLen = 0, 0
		walkMessage(raw.Stmt, nil, func(m, _ proto.Message) bool {
			switch m := m.(type) {
			case *pg_query.RangeVar:
				m.Schemaname, m.Catalogname = "", ""
			case *pg_query.MultiAssignRef: // the walk enters the source once
				if m.Colno > 1 {
					m.Source = nil
				}
			case *pg_query.ColumnRef:
				m.Fields = m.Fields[max(0, len(m.Fields)-2):]
			}
			if field := m.ProtoReflect().Descriptor().Fields().ByName("location"); field != nil {
				m.ProtoReflect().Clear(field)
			}
			return true
		})
	}
}

func TestFindUpsert(t *testing.T) {
	t.Parallel()
	text := "WITH w AS (SELECT 1) INSERT INTO s.t AS x (a, \"B\") VALUES (1, DEFAULT), (f(2), ($1)) ON CONFLICT (a, \"B\") DO UPDATE SET a = (SELECT 1 WHERE true) WHERE x.b > 2 RETURNING x.*, 1"
	script, err := Parse(text, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	u, err := FindUpsert(text, script.Statements[0].Span, script.Statements[0].Node)
	if err != nil || u == nil {
		t.Fatal(u, err)
	}
	got := []string{u.With.Of(text), u.Name.Of(text), u.Alias, u.Table, strings.Join(u.Columns, ","), strings.Join(u.Keys, ","), u.Set.Of(text), u.Where.Of(text),
		u.Returning.Of(text), u.Odd, u.Rows[1][0].Span.Of(text), u.Rows[1][1].Span.Of(text)}
	want := []string{"WITH w AS (SELECT 1)", "s.t", "x", "t", "a,B", "a,B", "a = (SELECT 1 WHERE true)", "x.b > 2", "x.*, 1", "", "f(2)", "($1)"}
	if strings.Join(got, "|") != strings.Join(want, "|") || !u.Rows[0][1].Default || u.Rows[0][0].Default || !u.Update {
		t.Errorf("%q, not %q", got, want)
	}
}

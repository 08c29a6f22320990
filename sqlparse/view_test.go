package sqlparse

import (
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// readingsOf lists what the statements of a text read, and the schemas before its columns.
func readingsOf(t *testing.T, text string) (readings []Reading, qualifiers []Qualifier) {
	t.Helper()
	script, err := Parse(text, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range script.Statements {
		r, q, err := Readings(text, st.Span, st.Node)
		if err != nil {
			t.Fatal(err)
		}
		readings, qualifiers = append(readings, r...), append(qualifiers, q...)
	}
	return readings, qualifiers
}

func TestReadings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		// want are the texts of the spans, each with a + behind it where an alias follows.
		want []string
	}{
		{"SELECT * FROM v", []string{"v"}},
		{"SELECT * FROM a.v, db.a.v AS w, \"V x\" y(c)", []string{"a.v", "db.a.v+", `"V x"+`}},
		{"SELECT * FROM ONLY v JOIN ONLY (a.v) USING (x) LEFT JOIN v * AS w ON true", []string{"ONLY v", "ONLY (a.v)", "v *+"}},
		{"TABLE v", []string{"v"}},
		{"SELECT (SELECT max(x) FROM v) FROM w WHERE EXISTS (TABLE ONLY u)", []string{"v", "w", "ONLY u"}},
		{"SELECT 1 UNION SELECT x FROM v UNION ALL (SELECT y FROM w LIMIT 1)", []string{"v", "w"}},
		{"WITH v AS (SELECT * FROM v) SELECT * FROM v, w", []string{"v", "w"}},
		{"WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b", []string{"b"}},
		{"WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b, s.a", []string{"s.a"}},
		{"SELECT * FROM (WITH v AS (SELECT 1) SELECT * FROM v) x, v", []string{"v"}},
		{"WITH x AS (SELECT 1) SELECT (WITH y AS (SELECT * FROM x) SELECT count(*) FROM y, x, z)", []string{"z"}},
		{"INSERT INTO v SELECT * FROM w ON CONFLICT DO NOTHING", []string{"w"}},
		{"WITH w AS (SELECT 1) INSERT INTO v WITH u AS (SELECT 1) SELECT * FROM w, u, v", []string{"v"}},
		{"UPDATE v SET a = (SELECT 1 FROM x) FROM w WHERE true", []string{"x", "w"}},
		{"DELETE FROM v USING w WHERE true", []string{"w"}},
		{"MERGE INTO v USING w ON true WHEN MATCHED THEN DELETE", []string{"w"}},
		{"COPY v TO STDOUT; COPY v FROM STDIN; COPY (SELECT * FROM v) TO STDOUT", []string{"v"}},
		{"DECLARE c CURSOR FOR SELECT * FROM v; PREPARE p AS SELECT * FROM w; EXPLAIN SELECT * FROM x", []string{"v", "w", "x"}},
		{"CREATE TABLE t AS SELECT * FROM v; SELECT * INTO t FROM w; CREATE MATERIALIZED VIEW m AS SELECT * FROM x", []string{"v", "w", "x"}},
		{"CREATE VIEW t AS SELECT * FROM v; CREATE RULE r AS ON INSERT TO t DO ALSO INSERT INTO t SELECT * FROM v", nil},
		{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 FROM v; END; EXPLAIN CREATE MATERIALIZED VIEW m AS SELECT * FROM v", []string{"v"}},
		{"SELECT * FROM v TABLESAMPLE system (1), w FOR UPDATE OF w", []string{"w"}},
		{"ALTER VIEW v RENAME TO w; DROP VIEW v; LOCK TABLE v; GRANT SELECT ON v TO x; REFRESH MATERIALIZED VIEW v", nil},
		{"SELECT * FROM U&\"\\0076\" UESCAPE '\\' , v", []string{"U&\"\\0076\" UESCAPE '\\'", "v"}},
	}
	for _, tt := range tests {
		got, _ := readingsOf(t, tt.text)
		var texts []string
		for _, r := range got {
			text := r.Span.Of(tt.text)
			if r.Aliased {
				text += "+"
			}
			texts = append(texts, text)
		}
		if strings.Join(texts, " | ") != strings.Join(tt.want, " | ") {
			t.Errorf("%s reads %q, want %q", tt.text, texts, tt.want)
		}
	}
	_, q := readingsOf(t, "SELECT a.v.x, db . a . v . *, v.x, x FROM a.v WHERE (a.v.y).z = 1")
	var texts []string
	for _, one := range q {
		texts = append(texts, one.Span.Of("SELECT a.v.x, db . a . v . *, v.x, x FROM a.v WHERE (a.v.y).z = 1"))
		if one.Schema != "a" || one.Name != "v" {
			t.Errorf("%+v", one)
		}
	}
	if got := strings.Join(texts, "|"); got != "a.|db . a . |a." {
		t.Errorf("the schemas before columns are %q", got)
	}
}

// FuzzReadings puts a subquery in place of whatever a text reads: the text is one of PostgreSQL's grammar still. Names finds
// each name, and a script that reads none is the same.
func FuzzReadings(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	f.Add("WITH a AS (TABLE ONLY s.v) SELECT s.v.x FROM ONLY (v), LATERAL (TABLE w) x, \"a\"\"b\" * FOR UPDATE")
	f.Add("UPDATE v SET x = 1 FROM v AS w JOIN u USING (x); MERGE INTO v USING w ON true WHEN MATCHED THEN DELETE")
	gate := NewGate()
	f.Fuzz(func(t *testing.T, text string) {
		script, err := Parse(text, Limits{MaxBytes: 1 << 14, MaxTokens: 1 << 11, MaxDepth: 300})
		if err != nil || script.Opaque {
			return
		}
		var edits []Edit
		for _, st := range script.Statements {
			if st.Node == nil {
				return
			}
			readings, qualifiers, err := Readings(text, st.Span, st.Node)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range readings {
				if !st.Span.Contains(r.Span) || !r.Span.Contains(r.NameSpan) {
					t.Fatalf("%q: %+v", text, r)
				}
				if !NewNames([]string{"other", r.Name}).In([]byte(text)) && !gate.Concerns([]byte(text)) {
					t.Fatalf("%q names %q, which is not found", text, r.Name)
				}
				e := Edit{r.Span, "(SELECT 1)"}
				if !r.Aliased {
					e.Text += " AS " + QuoteIdentifier(r.Name)
				}
				if edits = append(edits, e); r.Table != (Span{}) {
					edits = append(edits, Edit{r.Table, "SELECT * FROM"})
				}
			}
			for _, q := range qualifiers {
				edits = append(edits, Edit{Span: q.Span})
			}
		}
		spliced, err := Splice(text, edits)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, err := pg_query.Parse(spliced.Text); err != nil {
			t.Fatalf("%q became %q: %v", text, spliced.Text, err)
		}
	})
}

func TestMadeView(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"CREATE OR REPLACE TEMP VIEW s.v AS SELECT 1": "v", "ALTER VIEW v RENAME TO w": "w", "ALTER TABLE v RENAME TO w": "w",
		"ALTER VIEW v RENAME COLUMN a TO b": "", "CREATE TABLE t AS SELECT 1": "", "SELECT 1": "",
		"CREATE RECURSIVE VIEW r (n) AS SELECT 1": "r",
	} {
		script, err := Parse(text, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if got := MadeView(script.Statements[0].Node); got != want {
			t.Errorf("%s makes %q, want %q", text, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("v", 63)
	tests := []struct {
		names []string
		text  string
		want  bool
	}{
		{nil, "SELECT * FROM v", false},
		{[]string{"v"}, "SELECT * FROM v", true},
		{[]string{"v"}, "SELECT * FROM V", true},
		{[]string{"v"}, "v", true},
		{[]string{"v"}, "SELECT * FROM v1, _v, v$, ev", false},
		{[]string{"V"}, `SELECT * FROM "V"`, true},
		{[]string{"my view"}, `SELECT * FROM "my view"`, true},
		{[]string{`a"b`}, `SELECT * FROM "a""b"`, true},
		{[]string{"+-"}, `SELECT * FROM "+-"`, true},
		{[]string{"+"}, "SELECT 1", true},
		{[]string{"ÉtÉ"}, `SELECT * FROM "ÉtÉ"`, true},
		{[]string{"été"}, "SELECT * FROM ÉTÉ", false}, // PostgreSQL folds ASCII letters only
		{[]string{long}, "SELECT * FROM " + long + "vvv", true},
		{[]string{"x", "other_view"}, "SELECT * FROM a JOIN Other_View USING (id)", true},
		{[]string{"x", "other_view"}, "SELECT * FROM a JOIN others USING (id)", false},
	}
	for _, tt := range tests {
		if got := NewNames(tt.names).In([]byte(tt.text)); got != tt.want {
			t.Errorf("%q in %q: %v", tt.names, tt.text, got)
		}
	}
	var none *Names
	if none.In([]byte("x")) || none.Has("x") || len(none.List()) != 0 {
		t.Error("no names have some")
	}
}

func TestNamesAllocateNothing(t *testing.T) {
	n, sql := NewNames([]string{"one_view", "two_view"}), []byte("SELECT a, b FROM t WHERE c = $1 AND one_vie = two_vie")
	if allocs := testing.AllocsPerRun(100, func() { n.In(sql) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkNames(b *testing.B) {
	sql := []byte("SELECT id, name, email, created_at FROM customers WHERE customers.id = $1 AND deleted_at IS NULL LIMIT 1")[:100]
	for _, n := range []int{0, 1, 5000} {
		names := make([]string, n)
		for i := range names {
			names[i] = "view_of_" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26%40)
		}
		set := NewNames(names)
		b.Run(map[int]string{0: "none", 1: "one", 5000: "5000"}[n], func(b *testing.B) {
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				if set.In(sql) {
					b.Fatal("found")
				}
			}
		})
	}
}

func TestStubs(t *testing.T) {
	t.Parallel()
	inner := `CASE
             WHEN (current_setting('pinnacle: this view calls predict(''in''''ner@2''); only a query through pinnacle-proxy can read it'::text) = (ROW((NULL::timestamp with time zone)::information_schema.time_stamp, t.b))::text) THEN NULL::double precision
             ELSE NULL::double precision
         END`
	outer := `CASE
             WHEN (current_setting('pinnacle: this view calls try_predict(''m''); only a query through pinnacle-proxy can read it'::text) = (ROW((NULL::timestamp with time zone)::information_schema.time_stamp, (t.a + 1), ` + inner + `))::text) THEN NULL::integer[]
             ELSE NULL::integer[]
         END`
	none := `CASE WHEN (current_setting('pinnacle: this view calls predict(''m''); only a query through pinnacle-proxy can read it'::text) = (ROW((NULL::timestamp with time zone)::information_schema.time_stamp))::text) THEN NULL::text ELSE NULL::text END`
	live := `CASE WHEN (current_setting('pinnacle: this materialized view calls predict(''m''); refresh it through pinnacle-proxy'::text, (NOT (current_setting('pinnacle.live'::text, true) IS DISTINCT FROM 'on'::text))) IS NULL) THEN ((("substring"((query_to_xml(format('SELECT pg_temp.f(%2$L::integer) AS a'::text, (NULL::timestamp with time zone)::information_schema.time_stamp, t.a), false, true, ''::text))::text, '>("[^<>]*")<'::text))::jsonb #>> '{}'::text[]))::integer ELSE NULL::integer END`
	tests := []struct{ text, want, types string }{
		{"SELECT t.id, " + outer + " AS p FROM t", "SELECT t.id, try_predict('m', (t.a + 1), predict('in''ner@2', t.b)) AS p FROM t", "integer[] double precision"},
		{"SELECT " + none + " AS predict", "SELECT predict('m') AS predict", "text"},
		{"SELECT " + live + " AS p FROM t", "SELECT predict('m', t.a) AS p FROM t", "integer"},
		{"SELECT CASE WHEN (current_setting('pinnacle: other'::text) = (ROW(1))::text) THEN NULL::text ELSE NULL::text END", "", ""},
		{strings.ReplaceAll("SELECT "+none, "predict(''m'')", "evil(''m'')"), "", ""},
		{strings.ReplaceAll("SELECT "+none, "predict(''m'')", "predict(''m''), evil()"), "", ""},
	}
	for _, tt := range tests {
		script, err := Parse(tt.text, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		stubs, err := Stubs(tt.text, script.Statements[0].Span, script.Statements[0].Node)
		if err != nil {
			t.Fatal(err)
		}
		var edits []Edit
		var types []string
		for _, s := range stubs {
			edits, types = append(edits, s.Edits()...), append(types, s.Returns)
		}
		spliced, err := Splice(tt.text, edits)
		if err != nil {
			t.Fatal(err)
		}
		if tt.want == "" {
			tt.want = tt.text
		}
		if got := strings.Join(strings.Fields(spliced.Text), " "); got != strings.Join(strings.Fields(tt.want), " ") || strings.Join(types, " ") != tt.types {
			t.Errorf("%s became\n%s of %q, want\n%s of %s", tt.text, got, types, tt.want, tt.types)
		}
	}
}

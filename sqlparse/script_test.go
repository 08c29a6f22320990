package sqlparse

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string
	}{
		{"", nil},
		{" -- only 'a comment\n ; /* ; /* ; */ */ ;", nil},
		{" SELECT 1 -- ;\n ;; select 'é;' ; ", []string{"SELECT 1", "select 'é;'"}},
		{"SELECT 1; CREATE MODEL m USING x AS $$ ; $$; SELECT 'é', predict('m', 1);;DROP MODEL m", []string{"SELECT 1", "CREATE MODEL m USING x AS $$ ; $$", "SELECT 'é', predict('m', 1)", "DROP MODEL m"}},
		{"CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SHOW MODELS", []string{"CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", "SHOW MODELS"}},
		{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN x.end END AS end; SELECT 1; END; SHOW MODELS; BEGIN; END",
			[]string{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN x.end END AS end; SELECT 1; END", "SHOW MODELS", "BEGIN", "END"}},
	}
	for _, tt := range tests {
		s, err := Parse(tt.text, DefaultLimits())
		if err != nil || s.Opaque {
			t.Errorf("Parse(%q): %v, %+v", tt.text, err, s)
			continue
		}
		var got []string
		for _, st := range s.Statements {
			got = append(got, st.Span.Of(tt.text))
			for _, c := range st.Calls {
				if !st.Span.Contains(c.Span) || !strings.HasPrefix(c.Span.Of(tt.text), "predict(") {
					t.Errorf("%q: call %q", tt.text, c.Span.Of(tt.text))
				}
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%q)\n got %q\nwant %q", tt.text, got, tt.want)
		}
	}
}

func TestRelations(t *testing.T) {
	t.Parallel()
	// Each relation is given as name, then letters (a aliased, c column, t target, k behind the keyword TABLE), then text.
	tests := []struct {
		text string
		want []string
	}{
		{"SELECT pinnacle.models.name, m.*, 'é' FROM pinnacle.models, ONLY pinnacle . \"jobs\" AS m",
			[]string{"models c pinnacle.", "models  pinnacle.models", `jobs a pinnacle . "jobs"`}},
		{"SELECT db.pinnacle.models.* FROM db.pinnacle.models", []string{"models c db.pinnacle.", "models  db.pinnacle.models"}},
		{"TABLE pinnacle.models", []string{"models k pinnacle.models"}},
		{`SELECT 1 FROM t JOIN U&"p!0069nnacle" UESCAPE '!' . MODELS x ON true`, []string{`models a U&"p!0069nnacle" UESCAPE '!' . MODELS`}},
		{"WITH x AS (SELECT 1 FROM pinnacle.models) INSERT INTO t SELECT * FROM x, pinnacle.jobs", []string{"models  pinnacle.models", "jobs  pinnacle.jobs"}},
		{"INSERT INTO pinnacle.models SELECT * FROM pinnacle.models", []string{"models t pinnacle.models", "models  pinnacle.models"}},
		{"UPDATE pinnacle.models SET a = 1 FROM pinnacle.jobs j", []string{"models t pinnacle.models", "jobs a pinnacle.jobs"}},
		{"DELETE FROM t USING pinnacle.models", []string{"models  pinnacle.models"}},
		{"DELETE FROM pinnacle.models", []string{"models t pinnacle.models"}},
		{"MERGE INTO pinnacle.models USING pinnacle.jobs ON true WHEN MATCHED THEN DELETE", []string{"models t pinnacle.models", "jobs  pinnacle.jobs"}},
		{"TRUNCATE t, pinnacle.models", []string{"models t pinnacle.models"}},
		{"ALTER TABLE pinnacle.models ADD a int", []string{"models t pinnacle.models"}},
		{"DROP TABLE a, pinnacle.models, \"pinnacle\".jobs", []string{"models t pinnacle.models", `jobs t "pinnacle".jobs`}},
		{"COMMENT ON TABLE pinnacle.models IS 'x'", []string{"models t pinnacle.models"}},
		{"COPY pinnacle.models TO STDOUT", []string{"models  pinnacle.models"}},
		{"COPY pinnacle.models FROM STDIN", []string{"models t pinnacle.models"}},
		{"CREATE TABLE t (a int REFERENCES pinnacle.models)", []string{"models t pinnacle.models"}},
		{"CREATE VIEW v AS SELECT * FROM pinnacle.models", []string{"models  pinnacle.models"}},
		{"SELECT pinnacle.models FROM models, pinnacle", nil},
		{"SELECT 'pinnacle.models'", nil},
		{"DROP FUNCTION pinnacle.models()", nil},
	}
	for _, tt := range tests {
		var got []string
		for _, r := range parseOne(t, tt.text).Relations {
			flags := ""
			for flag, set := range map[string]bool{"a": r.Aliased, "c": r.Column, "t": r.Target, "k": r.Table.End > 0 && r.Table.Of(tt.text) == "TABLE"} {
				if set {
					flags += flag
				}
			}
			got = append(got, fmt.Sprintf("%s %s %s", r.Name, flags, r.Span.Of(tt.text)))
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s\n got %q\nwant %q", tt.text, got, tt.want)
		}
		if len(got) > 0 && !NewGate().Concerns([]byte(tt.text)) {
			t.Errorf("the gate lets %q by", tt.text)
		}
	}
}

func TestCommandOf(t *testing.T) {
	t.Parallel()
	text := "PREPARE \"P é\" (int, numeric(10, 2)[]) AS /* x */ SELECT $1 /* y */;"
	p, ok := CommandOf(parseOne(t, text)).(*Prepare)
	if !ok || p.Name != "P é" || !reflect.DeepEqual(p.ArgTypes, []string{"int", "numeric(10, 2)[]"}) || p.Inner.Of(text) != "SELECT $1" || p.InnerNode.GetSelectStmt() == nil {
		t.Errorf("%s: %+v", text, p)
	}
	if p, ok = CommandOf(parseOne(t, "prepare a as insert into b values (1)")).(*Prepare); !ok || p.Name != "a" || p.ArgTypes != nil || p.Inner != (Span{13, 37}) {
		t.Errorf("prepare a: %+v", p)
	}
	text = "EXECUTE p(1, ARRAY[1, 2], 'é')"
	e, ok := CommandOf(parseOne(t, text)).(*Execute)
	if !ok || e.Name != "p" || len(e.Params) != 3 || len(e.ParamSpans) != 3 || e.ParamSpans[1].Of(text) != "ARRAY[1, 2]" || e.ParamSpans[2].Of(text) != "'é'" {
		t.Errorf("%s: %+v", text, e)
	}
	for text, want := range map[string]any{
		"EXECUTE p":            &Execute{Name: "p", NameSpan: Span{8, 9}},
		"DEALLOCATE PREPARE p": &Deallocate{Name: "p"},
		"DEALLOCATE ALL":       &Deallocate{All: true},
		"DISCARD ALL":          &Discard{All: true},
		"DISCARD PLANS":        &Discard{Plans: true},
		"DISCARD TEMP":         &Discard{},
		"SELECT 1":             nil,
	} {
		if got := CommandOf(parseOne(t, text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, inner, format string
		analyze, verbose    bool
	}{
		{"EXPLAIN SELECT 1", "SELECT 1", "text", false, false},
		{"EXPLAIN ANALYZE VERBOSE SELECT 1;", "SELECT 1", "text", true, true},
		{"explain analyse select 1", "select 1", "text", true, false},
		{"EXPLAIN (ANALYZE, FORMAT JSON, COSTS off) /* é */ SELECT 1", "SELECT 1", "json", true, false},
		{"EXPLAIN (ANALYZE false, VERBOSE 1, FORMAT 'Yaml') (SELECT 1)", "(SELECT 1)", "yaml", false, true},
		{"EXPLAIN (ANALYZE, ANALYZE off) DELETE FROM t", "DELETE FROM t", "text", false, false},
		{"EXPLAIN (SELECT 1)", "(SELECT 1)", "text", false, false},
		{"EXPLAIN EXECUTE p(1)", "EXECUTE p(1)", "text", false, false},
	}
	for _, tt := range tests {
		e, ok := CommandOf(parseOne(t, tt.text)).(*Explain)
		if !ok || e.Inner.Of(tt.text) != tt.inner || e.Format != tt.format || e.Analyze != tt.analyze || e.Verbose != tt.verbose || e.InnerNode == nil {
			t.Errorf("%s: %+v", tt.text, e)
		}
	}
	e := CommandOf(parseOne(t, "EXPLAIN (COSTS off, BUFFERS, WAL true) SELECT 1")).(*Explain)
	if want := []ExplainOption{{"costs", "off"}, {"buffers", ""}, {"wal", "true"}}; !reflect.DeepEqual(e.Options, want) || e.Options[0].On() || !e.Options[1].On() {
		t.Errorf("options %+v", e.Options)
	}
}

// TestClients has statements as clients send them by themselves: none concerns the proxy, each is understood.
func TestClients(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"-- ping", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", "SET client_encoding TO 'UTF8'; SET extra_float_digits = 3",
		"SELECT CURRENT_DATABASE()", "select pg_catalog.version()", "SHOW standard_conforming_strings", "DEALLOCATE \"pdo_stmt_1\"",
		"SELECT c.relname, CASE c.relkind WHEN 'r' THEN 'table' END AS \"Type\" FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) E'^(models)$' COLLATE pg_catalog.default",
		"INSERT INTO \"jobs\" (\"model\",\"secret\") VALUES ($1,$2) RETURNING \"id\"", "UPDATE pgbench_accounts SET abalance = abalance + 10 WHERE aid = 7;",
		"COPY model FROM STDIN (FORMAT binary)", "LISTEN jobs", "vacuum analyze artifacts", "select t.oid, typarray from pg_type t where t.oid = to_regtype($1)",
	} {
		s, err := Parse(text, DefaultLimits())
		if err != nil || s.Opaque || s.Concerns() || NewGate().Concerns([]byte(text)) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	text := "SELECT 'é' /* ñ /* x */ */ , U&\"d\\0061t\" -- \"\n , U&'a' 'b', $tag$ é $tag$\r\n,'a'\n  'b' u&'\\00e9'"
	var got []string
	toks, err := Tokens(text)
	for _, tok := range toks {
		got = append(got, tok.Span.Of(text))
	}
	want := []string{"SELECT", "'é'", ",", `U&"d\0061t"`, ",", "U&'a'", "'b'", ",", "$tag$ é $tag$", ",", "'a'\n  'b'", `u&'\00e9'`}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %q\nwant %q", err, got, want)
	}
	if _, err := Tokens("SELECT 'é', 'open"); err == nil || err.(*Error).Position != 13 {
		t.Errorf("an open quote: %#v", err)
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	s, err := Splice("SELECT 'é', predict('ü', añ) FROM t", []Edit{{Span{13, 31}, "añ::text"}})
	if err != nil || s.Text != "SELECT 'é', añ::text FROM t" {
		t.Fatalf("%q, %v", s.Text, err)
	}
	for char, want := range map[int]int{1: 1, 9: 9, 13: 13, 16: 13, 21: 29, 27: 35, 28: 36, 99: 36} {
		if got := s.OriginalCharPosition(char); got != want {
			t.Errorf("character %d comes from %d, want %d", char, got, want)
		}
	}
	for _, edits := range [][]Edit{{{Span{1, 3}, ""}, {Span{2, 4}, ""}}, {{Span{3, 2}, ""}}, {{Span{0, 99}, ""}}, {{Span{-1, 0}, ""}}} {
		if s, err := Splice("abcdef", edits); err == nil {
			t.Errorf("%v gave %q", edits, s.Text)
		}
	}
	if s, err := Splice("ab", []Edit{{Span{1, 2}, "X"}, {Span{1, 1}, "1"}, {Span{1, 1}, "2"}}); err != nil || s.Text != "a12X" {
		t.Errorf("insertions gave %q, %v", s.Text, err)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a_1": "a_1", "A": `"A"`, "1a": `"1a"`, "select": `"select"`, "int": `"int"`, "name": "name", `a"b`: `"a""b"`, "é": `"é"`, "": `""`} {
		if got := QuoteIdentifier(in); got != want {
			t.Errorf("QuoteIdentifier(%q) = %s", in, got)
		}
	}
	for in, want := range map[string]string{"": "''", "it's": "'it''s'", `a\'b`: `E'a\\''b'`} {
		if got := QuoteLiteral(in); got != want {
			t.Errorf("QuoteLiteral(%q) = %s", in, got)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"predict": "SELECT carrier, flight, predict('late', dep_delay, distance, hour) FROM flights LIMIT 10",
		"create":  "CREATE MODEL mph(distance float8, air_time float8) RETURNS float8 USING starlark AS $$def predict(a, b): return a / b$$",
		"1MB":     "SELECT predict('late', a) FROM t WHERE a IN (1" + strings.Repeat(",12345678", 110000) + ")",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text, DefaultLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

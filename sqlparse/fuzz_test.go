package sqlparse

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fuzzSeeds are texts of every kind that the package knows.
var fuzzSeeds = []string{
	"", ";", "SELECT 1", "SELECT predict('late@2', a, x => 1) FROM t WHERE predict('m', try_predict($1, b)) = 1",
	"SELECT 'é', U&\"\\0070redict\"(E'm\\x40', \"Ü\") /* /* */ */ FROM \"pinnacle\".models -- x",
	"CREATE OR REPLACE MODEL m(a float8, b text[]) RETURNS timestamp with time zone FROM 'x' USING onnx AS $a$ $$ $a$ WITH (k = 'v', n = -1)",
	"CREATE MODEL IF NOT EXISTS \"M x\" FROM (SELECT * FROM t) TARGET c USING s; SELECT 1; DROP MODEL IF EXISTS m@2 CASCADE",
	"ALTER MODEL m SET DEFAULT VERSION 2; ALTER MODEL m RENAME TO n; ALTER MODEL m SET (a = on)", "SHOW MODELS LIKE 'a%'; DESCRIBE MODEL m@1; SHOW JOBS",
	"EXPLAIN CREATE MODEL m USING x", "COPY pinnacle.artifacts FROM STDIN", "GRANT EXECUTE ON MODEL m TO r", "CREATE VECTOR INDEX v",
	"SELECT pinnacle.models.name, db.pinnacle.models.x FROM pinnacle . models AS m; TABLE pinnacle.models; DROP TABLE pinnacle.models",
	"PREPARE p(int, text) AS SELECT $1; EXECUTE p(1, 'a'); DEALLOCATE ALL; DISCARD PLANS; EXPLAIN (ANALYZE, FORMAT json) SELECT 1",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT predict('m', 1); END; SELECT 2",
	"CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT predict('m', 1))", "SELECT 1 \x00", "SELECT '\xff', predict('m')",
	"SELECT CASE WHEN x.end THEN 1 + x.then ELSE NOT - + @ a::int::text END BETWEEN 1 AND 2 IS NULL OR a AND b",
	"WITH a AS (SELECT 1 UNION SELECT 2) SELECT sum(1) OVER (ORDER BY (SELECT x FROM a JOIN b ON c AND d)) FROM a, b",
	"MERGE INTO t USING pinnacle.models m ON true WHEN MATCHED THEN UPDATE SET a = predict('m', b)",
	"CREATE LISTENER l ON s.\"T\" KEY (id) PREDICT m@2 (a, lower(b)) INTO o FLATTEN REFRESH EVERY '1 h' WITH (k = 1); REFRESH LISTENER l",
	"CREATE OR REPLACE LISTENER l ON (SELECT 1 FROM t) PREDICT m () REFRESH ON CHANGE; ALTER LISTENER l DISABLE; DROP LISTENER l KEEP OUTPUTS CASCADE",
	"CREATE VECTOR INDEX v ON LISTENER l USING hnsw WITH (measure = 'dot'); EXPLAIN CREATE VECTOR INDEX v ON t ((a || b)) KEY (id)",
	"CREATE DATASET d AS WITH x AS (TABLE t) SELECT * FROM x WITH (pin = true); CREATE METRIC m USING f1; CREATE SECRET s FROM FILE '/x'",
	"CREATE MODEL s AS SEQUENCE (a@1, \"B\") VALIDATE ON DATASET d TARGET y METRICS (f1, mae); VALIDATE MODEL m ON (SELECT 1) TARGET y",
	"GRANT EXECUTE ON MODEL m, n TO r, PUBLIC; REVOKE CREATE COMPONENT FROM CURRENT_USER; ALTER METRIC m OWNER TO r; SHOW VECTOR INDEXES LIKE 'x'",
	"SELECT pinnacle.add('{}', $1::text) AS x; SELECT pinnacle.cancel_job(1) FROM t", "DESCRIBE VECTOR INDEX v; DESCRIBE SECRET s; SHOW COMPONENTS",
	"SELECT u&\"p!0072edict\" UESCAPE '!' ('m', 1)", "select xmlforest(a as end), json_object('a': predict('m', 1))", "SELECT predict(('m'))",
}

// FuzzParse checks what Parse promises of any text.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	gate := NewGate()
	f.Fuzz(func(t *testing.T, text string) {
		limits := Limits{MaxBytes: 1 << 16, MaxTokens: 1 << 12, MaxDepth: 400}
		s, err := Parse(text, limits)
		if err != nil {
			checkError(t, text, err, gate)
			return
		}
		if s.Concerns() && !gate.Concerns([]byte(text)) {
			t.Fatalf("the gate lets %q by", text)
		}
		end := 0
		for _, st := range s.Statements {
			if st.Span.Start < end || st.Span.End <= st.Span.Start || st.Span.End > len(text) {
				t.Fatalf("statement at %v of %d bytes", st.Span, len(text))
			}
			end = st.Span.End
			checkCalls(t, text, st)
			checkSpans(t, text, st.Span, reflect.ValueOf(st.Component))
			for _, r := range st.Relations {
				if !st.Span.Contains(r.Span) || r.Span.Start >= r.Span.End || r.Name == "" && !r.Target {
					t.Fatalf("%q: relation %+v", text, r)
				}
			}
			CommandOf(st)
		}
		checkDepth(t, text, s)
	})
}

func checkError(t *testing.T, text string, err error, gate *Gate) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || len(e.Code) != 5 || e.Message == "" || e.Position < -1 || e.Position > len(text) {
		t.Fatalf("Parse(%q): %#v", text, err)
	}
	if e.Code != "54001" && e.Code != "22021" && !gate.Concerns([]byte(text)) {
		t.Fatalf("the gate lets %q by, of which Parse says %v", text, err)
	}
}

// checkSpans sees that every span of a component statement lies within it, and is zero where it covers nothing.
func checkSpans(t *testing.T, text string, within Span, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			checkSpans(t, text, within, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkSpans(t, text, within, v.Index(i))
		}
	case reflect.Struct:
		if span, ok := v.Interface().(Span); ok {
			if span != (Span{}) && (!within.Contains(span) || span.Start >= span.End) {
				t.Fatalf("%q: span %v of a statement at %v", text, span, within)
			}
			return
		}
		for i := range v.NumField() {
			checkSpans(t, text, within, v.Field(i))
		}
	}
}

func checkCalls(t *testing.T, text string, st *Statement) {
	t.Helper()
	for _, c := range st.Calls {
		if !st.Span.Contains(c.Span) || !c.Span.Contains(c.ModelSpan) || c.ModelSpan.Start >= c.ModelSpan.End {
			t.Fatalf("%q: call at %v, model at %v", text, c.Span, c.ModelSpan)
		}
		own := strings.ToLower(c.Span.Of(text))
		if !strings.HasSuffix(own, ")") {
			t.Fatalf("%q: call %q", text, own)
		}
		if named := strings.Contains(own, c.Func) || strings.Contains(own, `u&"`); !named {
			t.Fatalf("%q: call %q of %s", text, own, c.Func)
		}
		if len(c.Args)+1 != len(c.Node.Args) || c.Outer != nil && !c.Outer.Span.Contains(c.Span) {
			t.Fatalf("%q: %d arguments, %d in the tree", text, len(c.Args), len(c.Node.Args)-1)
		}
		at := c.ModelSpan.End
		for _, a := range c.Args {
			if !c.Span.Contains(a.Span) || a.Span.Start <= at || a.Span.End <= a.Span.Start {
				t.Fatalf("%q: argument at %v", text, a.Span)
			}
			at = a.Span.End
		}
	}
}

// checkDepth compares the tree with what was estimated from its tokens.
func checkDepth(t *testing.T, text string, s *Script) {
	t.Helper()
	if !utf8.ValidString(text) || s.Opaque {
		return
	}
	toks, err := Tokens(text)
	if err != nil {
		t.Fatal(err)
	}
	var d depthMeter
	estimate := d.estimate(toks)
	for _, st := range s.Statements {
		if st.Node == nil {
			continue
		}
		if depth := messageDepth(st.Node.ProtoReflect()); depth > 2*estimate+24 {
			t.Fatalf("%q is %d messages deep, but was estimated as %d nodes", text, depth, estimate)
		}
	}
}

// messageDepth is how many messages of a tree lie in each other at most.
func messageDepth(m protoreflect.Message) int {
	deepest := 0
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Kind() != protoreflect.MessageKind:
		case fd.IsList():
			for i := range v.List().Len() {
				deepest = max(deepest, messageDepth(v.List().Get(i).Message()))
			}
		default:
			deepest = max(deepest, messageDepth(v.Message()))
		}
		return true
	})
	return deepest + 1
}

// FuzzCreateModel writes a model's definition and reads it back.
func FuzzCreateModel(f *testing.F) {
	f.Add("late", "x", "def predict(x):\n  return '$$' + \\n", "key", "it's")
	f.Add(`Q"uote`, "Ü", "", "a", `back\slash`)
	f.Fuzz(func(t *testing.T, name, arg, source, key, value string) {
		for _, s := range []string{name, arg, source, key, value} {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Skip()
			}
		}
		if name == "" || arg == "" || key == "" || strings.ContainsRune(name, '@') || len(name) > maxNameBytes || len(arg) > maxNameBytes || len(key) > maxNameBytes {
			t.Skip()
		}
		text := "CREATE MODEL " + QuoteIdentifier(name) + "(" + QuoteIdentifier(arg) + " float8) USING starlark AS " + QuoteLiteral(source) +
			" WITH (" + QuoteIdentifier(key) + " = " + QuoteLiteral(value) + ")"
		s, err := Parse(text, DefaultLimits())
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		m, ok := s.Statements[0].Component.(*CreateModel)
		if !ok || m.Name.Name != name || m.Args[0].Name != arg || m.Args[0].Type != "float8" || m.Source != source ||
			m.Options[0].Key != lowerASCII(key) || m.Options[0].Value != value {
			t.Fatalf("%q was read as %+v", text, m)
		}
	})
}

// FuzzSplice checks the new text against its edits, and every offset's way back.
func FuzzSplice(f *testing.F) {
	f.Add("SELECT predict('é', a) FROM t", 7, 22, "a, b", 28, 29, "u", 3)
	f.Add("", 0, 0, "x", 0, 0, "y", 0)
	f.Fuzz(func(t *testing.T, text string, s1, e1 int, t1 string, s2, e2 int, t2 string, at int) {
		got, err := Splice(text, []Edit{{Span{s2, e2}, t2}, {Span{s1, e1}, t1}})
		valid := 0 <= s1 && s1 <= e1 && e1 <= s2 && s2 <= e2 && e2 <= len(text) && (s1 < s2 || e1 < e2 || s1 < e1)
		if !valid {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := text[:s1] + t1 + text[e1:s2] + t2 + text[e2:]; got.Text != want {
			t.Fatalf("%q, want %q", got.Text, want)
		}
		for pos := 0; pos <= len(got.Text); pos++ {
			old := got.Original(pos)
			switch {
			case pos < s1:
				if old != pos {
					t.Fatalf("%d comes from %d", pos, old)
				}
			case pos < s1+len(t1):
				if old != s1 {
					t.Fatalf("%d of the first edit comes from %d", pos, old)
				}
			case pos == len(got.Text):
				if old != len(text) {
					t.Fatalf("the end comes from %d", old)
				}
			case pos >= len(got.Text)-(len(text)-e2):
				if old != pos-len(got.Text)+len(text) {
					t.Fatalf("%d behind the edits comes from %d", pos, old)
				}
			}
		}
		if n := CharPosition(text, at); utf8.ValidString(text) && at >= 0 && at < len(text) && utf8.RuneStart(text[at]) && ByteOffset(text, n) != at {
			t.Fatalf("character %d of %q is byte %d, not %d", n, text, ByteOffset(text, n), at)
		}
	})
}

// FuzzHoldsWord compares the searches for words with a plain one.
func FuzzHoldsWord(f *testing.F) {
	f.Add("select Execute(x)", "execute")
	f.Add("xpredict predict", "predict")
	f.Fuzz(func(t *testing.T, text, word string) {
		word = lowerASCII(word)
		if len(word) < 4 || len(word) >= maxNameBytes || strings.ContainsRune(word, '"') {
			t.Skip()
		}
		sql, want := []byte(text), false
		for i := 0; i+len(word) <= len(sql); i++ {
			before, end := i > 0 && identByte(sql[i-1]), i+len(word)
			after := end < len(sql) && identByte(sql[end])
			want = want || !before && !after && lowerASCII(text[i:end]) == word
		}
		if got := holdsWord(sql, word); got != want {
			t.Fatalf("holdsWord(%q, %q) = %v", text, word, got)
		}
		if i, _ := newWordSet("unlikely", word).find(sql, 0); i >= 0 != (want || holdsWord(sql, "unlikely")) {
			t.Fatalf("find(%q) of %q: %d, want %v", text, word, i, want)
		}
	})
}

// FuzzQuote checks that PostgreSQL's grammar reads back what was quoted.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"a", "A b", `"`, "select", "time", "name", "é", `it's \n`, "x1_", "1x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Skip()
		}
		if got, err := stringConstant(QuoteLiteral(s)); err != nil || got != s {
			t.Fatalf("%s was read as %q, %v", QuoteLiteral(s), got, err)
		}
		if s == "" {
			return
		}
		tree, err := pg_query.Parse("SELECT 1 FROM " + QuoteIdentifier(s))
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.Stmts[0].Stmt.GetSelectStmt().FromClause[0].GetRangeVar().GetRelname(); got != cutName(s) {
			t.Fatalf("%s was read as %q", QuoteIdentifier(s), got)
		}
	})
}

package sqlparse

import (
	"strings"
	"testing"
)

// parseOne parses a text of one statement.
func parseOne(t *testing.T, text string) *Statement {
	t.Helper()
	s, err := Parse(text, DefaultLimits())
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	if s.Opaque || len(s.Statements) != 1 {
		t.Fatalf("Parse(%q): opaque %v, %d statements", text, s.Opaque, len(s.Statements))
	}
	return s.Statements[0]
}

func TestCalls(t *testing.T) {
	t.Parallel()
	// Each call is given as func|model|version|span's text|model's text|arguments (name=text), outer calls by index.
	tests := []struct {
		text string
		want []string
	}{
		{"SELECT predict('late', a, b)", []string{"predict|late|0|predict('late', a, b)|'late'|a|b"}},
		{"SELECT 'é', Predict ( 'm@3' , (x + 1) /* , ) */ ) FROM é", []string{"predict|m|3|Predict ( 'm@3' , (x + 1) /* , ) */ )|'m@3'|(x + 1)"}},
		{"select pinnacle . try_predict($1::text, ARRAY[1,2], f(a, b))", []string{"try_predict||0|pinnacle . try_predict($1::text, ARRAY[1,2], f(a, b))|$1::text|ARRAY[1,2]|f(a, b)"}},
		{`select "predict"(E'm\x40' '1', x => 1, "Y" := 2)`, nil}, // a continued constant needs a line break
		{"select \"predict\"(E'm\\x40'\n'1', x => 1, \"Y\" := 2)", []string{"predict|m|1|\"predict\"(E'm\\x40'\n'1', x => 1, \"Y\" := 2)|E'm\\x40'\n'1'|x=1|Y=2"}},
		{"select predict_details($$m$$)", []string{"predict_details|m|0|predict_details($$m$$)|$$m$$"}},
		{`select U&"\0070redict"(U&'\006d', a)`, []string{`predict|m|0|U&"\0070redict"(U&'\006d', a)|U&'\006d'|a`}},
		{`select U&"!0070redict" UESCAPE '!' ('m', a)`, []string{`predict|m|0|U&"!0070redict" UESCAPE '!' ('m', a)|'m'|a`}},
		{"select predict('a', predict('b', x), y)", []string{"predict|a|0|predict('a', predict('b', x), y)|'a'|predict('b', x)|y", "0 predict|b|0|predict('b', x)|'b'|x"}},
		{"select predict(1, 2), predict(a), other.predict('m'), \"Predict\"('m'), predict(), predict(*)", nil},
		{"select predict(cast('m' as text), t.*)", []string{"predict|m|0|predict(cast('m' as text), t.*)|cast('m' as text)|t.*"}},
		{"PREPARE p(int) AS SELECT predict('m', $1)", []string{"predict|m|0|predict('m', $1)|'m'|$1"}},
		{"EXPLAIN (ANALYZE) SELECT predict('m', a) FROM t", []string{"predict|m|0|predict('m', a)|'m'|a"}},
		{"DECLARE c CURSOR FOR SELECT predict('m', a) FROM t", []string{"predict|m|0|predict('m', a)|'m'|a"}},
		{"COPY (SELECT predict('m', a) FROM t) TO STDOUT", []string{"predict|m|0|predict('m', a)|'m'|a"}},
		{"CREATE VIEW v AS SELECT predict('m', a) FROM t", []string{"predict|m|0|predict('m', a)|'m'|a"}},
		{"WITH x AS (SELECT predict('m', a) FROM t) SELECT * FROM x", []string{"predict|m|0|predict('m', a)|'m'|a"}},
		{"UPDATE t SET a = predict('m', b) WHERE predict('n', c) RETURNING predict('o')", []string{"predict|m|0|predict('m', b)|'m'|b", "predict|n|0|predict('n', c)|'n'|c", "predict|o|0|predict('o')|'o'"}},
		{"SELECT sum(x) OVER (PARTITION BY predict('m', a)) FROM t JOIN u ON predict('n', t.a)", []string{"predict|m|0|predict('m', a)|'m'|a", "predict|n|0|predict('n', t.a)|'n'|t.a"}},
		{"CALL predict('m', 1)", []string{"predict|m|0|predict('m', 1)|'m'|1"}},
		{"SELECT * FROM predict('m', 1) AS p", []string{"predict|m|0|predict('m', 1)|'m'|1"}},
		{"DO $$ BEGIN PERFORM predict('m', 1); END $$", nil},
		{"SELECT 'predict(''m'')' -- predict('m')", nil},
	}
	for _, tt := range tests {
		s, err := Parse(tt.text, DefaultLimits())
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		var got []string
		for _, st := range s.Statements {
			for _, c := range st.Calls {
				got = append(got, describeCall(tt.text, st, c))
			}
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("Parse(%q)\n got %q\nwant %q", tt.text, got, tt.want)
		}
		if len(got) > 0 && !NewGate().Concerns([]byte(tt.text)) {
			t.Errorf("the gate lets %q by", tt.text)
		}
	}
}

func describeCall(text string, st *Statement, c *Call) string {
	parts := []string{c.Func, c.Model, string(rune('0' + c.Version)), c.Span.Of(text), c.ModelSpan.Of(text)}
	for _, a := range c.Args {
		p := a.Span.Of(text)
		if a.Name != "" {
			p = a.Name + "=" + p
		}
		parts = append(parts, p)
	}
	out := strings.Join(parts, "|")
	for i, o := range st.Calls {
		if c.Outer == o {
			out = string(rune('0'+i)) + " " + out
		}
	}
	return out
}

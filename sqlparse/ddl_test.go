package sqlparse

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// spanIn is where part stands in text.
func spanIn(text, part string) Span {
	at := strings.Index(text, part)
	return Span{at, at + len(part)}
}

func TestCreateModel(t *testing.T) {
	t.Parallel()
	const minimal = "CREATE MODEL late FROM 'examples/late.onnx' USING onnx"
	const full = "create /* é */ or replace model Mph(\"Distance\" float8, air_time double precision, n numeric(10,2)[], varchar(3),\n" +
		"timestamp (3) with time zone, \"my Type\", pg_catalog.int4) RETURNS timestamp with time zone USING Starlark AS $x$\ndef f():\n  '$$'\n$x$\n" +
		"WITH (a = 1, B = -2.5, c = E'x''\\ty', d = TRUE, e = off, \"F\" = bare, g = +3)"
	const trained = "EXPLAIN CREATE MODEL IF NOT EXISTS \"É \"\"x\" FROM ( SELECT * FROM t WHERE a = ')' ) TARGET \"Late\" USING sklearn"
	tests := []struct {
		text string
		want Component
	}{
		{minimal, &CreateModel{Creation: Creation{Name: Name{Name: "late", Span: spanIn(minimal, "late")}}, Artifact: "examples/late.onnx", ArtifactSpan: spanIn(minimal, "'examples/late.onnx'"),
			Using: "onnx", UsingSpan: Span{len(minimal) - 4, len(minimal)}}},
		{full, &CreateModel{Creation: Creation{Name: Name{Name: "mph", Span: spanIn(full, "Mph")}, OrReplace: true}, HasArgs: true,
			Args: []ArgDecl{
				{"Distance", "float8", spanIn(full, `"Distance" float8`)}, {"air_time", "float8", spanIn(full, "air_time double precision")},
				{"n", "numeric[]", spanIn(full, "n numeric(10,2)[]")}, {"", "varchar", spanIn(full, "varchar(3)")},
				{"", "timestamptz", spanIn(full, "timestamp (3) with time zone")}, {"", `"my Type"`, spanIn(full, `"my Type"`)}, {"", "int4", spanIn(full, "pg_catalog.int4")},
			},
			Returns: "timestamptz", ReturnsSpan: spanIn(full, "timestamp with time zone"), Using: "starlark", UsingSpan: spanIn(full, "Starlark"),
			Source: "\ndef f():\n  '$$'\n", HasSource: true,
			Options: []Option{
				{"a", "1", spanIn(full, "a = 1")}, {"b", "-2.5", spanIn(full, "B = -2.5")}, {"c", "x'\ty", spanIn(full, `c = E'x''\ty'`)}, {"d", "TRUE", spanIn(full, "d = TRUE")},
				{"e", "off", spanIn(full, "e = off")}, {"f", "bare", spanIn(full, `"F" = bare`)}, {"g", "3", spanIn(full, "g = +3")},
			}}},
		{trained, &ExplainCreate{&CreateModel{Creation: Creation{Name: Name{Name: `É "x`, Span: spanIn(trained, `"É ""x"`)}, IfNotExists: true},
			Query: spanIn(trained, "SELECT * FROM t WHERE a = ')'"), Target: "Late", Using: "sklearn", UsingSpan: spanIn(trained, "sklearn")}}},
	}
	for _, tt := range tests {
		if got := parseOne(t, tt.text).Component; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s\n got %+v\nwant %+v", tt.text, got, tt.want)
		}
	}
}

func TestComponents(t *testing.T) {
	t.Parallel()
	like := "a%'"
	tests := []struct {
		text string
		want Component
	}{
		{"ALTER MODEL m SET (batch_size = 10)", &Alter{Kind: "model", Name: Name{Name: "m", Span: Span{12, 13}}, Set: []Option{{"batch_size", "10", Span{19, 34}}}}},
		{`alter model "M" rename to "N x"`, &Alter{Kind: "model", Name: Name{Name: "M", Span: Span{12, 15}}, RenameTo: "N x"}},
		{"ALTER MODEL m SET DEFAULT VERSION 12", &Alter{Kind: "model", Name: Name{Name: "m", Span: Span{12, 13}}, DefaultVersion: 12}},
		{"DROP MODEL m", &Drop{Kind: "model", Name: Name{Name: "m", Span: Span{11, 12}}}},
		{"DROP/**/MODEL IF EXISTS m@3 CASCADE", &Drop{Kind: "model", Name: Name{"m", 3, Span{24, 27}}, IfExists: true, Cascade: true}},
		{"drop model m @ 3 restrict", &Drop{Kind: "model", Name: Name{"m", 3, Span{11, 16}}}},
		{`DROP MODEL U&"\006d"`, &Drop{Kind: "model", Name: Name{Name: "m", Span: Span{11, 20}}}},
		{"DESCRIBE MODEL model@2", &Describe{"model", Name{"model", 2, Span{15, 22}}}},
		{"SHOW MODELS", &Show{What: "models"}},
		{"show artifacts like E'a%\\''", &Show{What: "artifacts", Like: &like}},
		{"COPY pinnacle.artifacts FROM STDIN WITH (FORMAT binary)", &CopyArtifact{}},
		{"SHOW models.x", nil},
		{"SHOW search_path", nil},
		{"COPY pinnacle.artifacts FROM PROGRAM 'x'", nil},
		{"GRANT EXECUTE ON MODEL TO r", nil},
	}
	for _, tt := range tests {
		if got := parseOne(t, tt.text).Component; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s\n got %+v\nwant %+v", tt.text, got, tt.want)
		}
		if tt.want != nil && !NewGate().Concerns([]byte(tt.text)) {
			t.Errorf("the gate lets %q by", tt.text)
		}
	}
}

// TestErrors has each refused text with the part at which the error points.
func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, code, message, at string }{
		{"CREATE MODEL", "42601", "syntax error at end of input", ""},
		{"CREATE MODEL m", "42601", "CREATE MODEL needs USING and the name of a runtime, or AS SEQUENCE and models", ""},
		{"CREATE MODEL m USING", "42601", "syntax error at end of input", ""},
		{"CREATE MODEL select USING x", "42601", `syntax error at or near "select"`, "select USING x"},
		{"select 'é'; CREATE MODEL m USING x foo; select 1", "42601", `syntax error at or near "foo"`, "foo; select 1"},
		{"CREATE MODEL m(a USING x", "42601", "syntax error at end of input", ""},
		{"CREATE MODEL m(a foo bar) USING x", "42601", `syntax error at or near "bar"`, "bar) USING x"},
		{"CREATE MODEL m(a int, a int) USING x", "42P13", `argument "a" is named twice`, "a int) USING x"},
		{"CREATE MODEL m(OUT a int) USING x", "42601", "the arguments of a model have no mode", "OUT a int) USING x"},
		{"CREATE MODEL m(a int = 3) USING x", "0A000", "the arguments of a model have no defaults", "a int = 3) USING x"},
		{"CREATE MODEL m(a t.b%TYPE) USING x", "0A000", "%TYPE is not supported for models", "a t.b%TYPE) USING x"},
		{"CREATE MODEL m RETURNS USING x", "42601", `syntax error at or near "USING"`, "USING x"},
		{"CREATE MODEL m RETURNS int IMMUTABLE USING x", "42601", `syntax error at or near "IMMUTABLE"`, "IMMUTABLE USING x"},
		{"CREATE MODEL m RETURNS SETOF int USING x", "0A000", "a model takes and returns single values, not sets", "SETOF int USING x"},
		{"CREATE MODEL m RETURNS TABLE(a int) USING x", "0A000", "a model returns one value, not a table", "TABLE(a int) USING x"},
		{"CREATE MODEL m FROM (SELECT * FRO t) USING x", "42601", `syntax error at or near "FRO"`, "FRO t) USING x"},
		{"CREATE MODEL m FROM (DELETE FROM t) USING x", "42601", "a model is trained from one SELECT", "DELETE FROM t) USING x"},
		{"CREATE MODEL m FROM () USING x", "42601", `syntax error at or near ")"`, ") USING x"},
		{"CREATE MODEL m FROM '' USING x", "22023", "the artifact's name is empty", "'' USING x"},
		{"CREATE MODEL m FROM 'a' USING x FROM 'b'", "42601", "FROM is given twice", "FROM 'b'"},
		{"CREATE OR REPLACE MODEL IF NOT EXISTS m USING x", "42601", "OR REPLACE and IF NOT EXISTS exclude each other", "m USING x"},
		{"CREATE MODEL m USING x WITH (a = 1, A = 2)", "42601", `option "a" is given twice`, "A = 2)"},
		{"CREATE MODEL m USING x WITH ()", "42601", `syntax error at or near ")"`, ")"},
		{"CREATE MODEL m USING x WITH (a 1)", "42601", `syntax error at or near "1"`, "1)"},
		{"CREATE MODEL m USING x WITH (a = -'1')", "42601", `syntax error at or near "'1'"`, "'1')"},
		{`CREATE MODEL "a@1" USING x`, "42602", `the name of a model cannot hold "@"`, `"a@1" USING x`},
		{"CREATE MODEL m@1 USING x", "42601", `syntax error at or near "@"`, "@1 USING x"},
		{"ALTER MODEL m", "42601", "syntax error at end of input", ""},
		{"ALTER MODEL m SET DEFAULT VERSION 0", "22023", "versions count from 1", "0"},
		{"ALTER MODEL m RENAME n", "42601", `syntax error at or near "n"`, "n"},
		{"DROP MODEL m@0", "22023", "versions count from 1", "0"},
		{"DROP MODEL m@x", "42601", `syntax error at or near "x"`, "x"},
		{"DROP MODEL m, n", "42601", `syntax error at or near ","`, ", n"},
		{"DESCRIBE MODEL", "42601", "syntax error at end of input", ""},
		{"SHOW MODELS foo", "42601", `syntax error at or near "foo"`, "foo"},
		{"SHOW MODELS LIKE x", "42601", `syntax error at or near "x"`, "x"},
		{"EXPLAIN (ANALYZE) CREATE MODEL m USING x", "42601", `syntax error at or near "("`, "(ANALYZE) CREATE MODEL m USING x"},
		{"CREATE MODEL m USING x; SELECT 'é' FROM FROM", "42601", `syntax error at or near "FROM"`, "FROM"},
		{"select predict('', 1)", "22023", "the model's name is empty", "'', 1)"},
		{"select 'é', predict('a@', 1)", "22023", "'a@' is not the name of a model", "'a@', 1)"},
		{"select predict('a@0')", "22023", "'a@0' is not the name of a model", "'a@0')"},
		{"select predict('a@-1')", "22023", "'a@-1' is not the name of a model", "'a@-1')"},
		{"select predict('@1')", "22023", "'@1' is not the name of a model", "'@1')"},
		{"select predict('a@99999999999')", "22023", "'a@99999999999' is not the name of a model", "'a@99999999999')"},
		{"select predict('a', 1) over ()", "42809", "OVER specified, but predict is not an aggregate function", "predict('a', 1) over ()"},
		{"select predict('a') filter (where b)", "42809", "FILTER specified, but predict is not an aggregate function", "predict('a') filter (where b)"},
		{"select predict('a') within group (order by b)", "42809", "WITHIN GROUP specified, but predict is not an aggregate function", "predict('a') within group (order by b)"},
		{"select try_predict(distinct 'a', 1)", "42809", "DISTINCT specified, but try_predict is not an aggregate function", "try_predict(distinct 'a', 1)"},
		{"select predict('a', 1 order by 2)", "42809", "ORDER BY specified, but predict is not an aggregate function", "predict('a', 1 order by 2)"},
		{"select predict('a', variadic x)", "0A000", "VARIADIC is not supported in a call of predict", "predict('a', variadic x)"},
		{"select 'caf\xe9', predict('m')", "22021", "a statement with predict or about components must be UTF-8", "\xe9', predict('m')"},
		{"select predict('m')\x00", "22021", "the text of a statement holds a zero byte", "\x00"},
	}
	for _, tt := range tests {
		_, err := Parse(tt.text, DefaultLimits())
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if e.Code != tt.code || e.Message != tt.message || tt.text[e.Position:] != tt.at && e.Code != "42601" || !strings.HasPrefix(tt.text[e.Position:], tt.at) {
			t.Errorf("Parse(%q): %s %s at %q", tt.text, e.Code, e.Message, tt.text[e.Position:])
		}
		if !NewGate().Concerns([]byte(tt.text)) {
			t.Errorf("the gate lets %q by", tt.text)
		}
		if strings.HasPrefix(tt.text, "CREATE MODEL m ") && e.Code == "42601" && !strings.Contains(e.Hint, "USING runtime") && !strings.Contains(tt.text, ";") {
			t.Errorf("Parse(%q): hint %q", tt.text, e.Hint)
		}
	}
}

func TestOpaque(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"SELEC predict('m')", "SELECT 'predict", "PREPARE p AS CREATE MODEL m USING x", "CREATE MODEL m USING x AS $$ open", "SELECT 'caf\xe9' FROM predictions",
		"CREATE TABLE model FOO", "SELECT E'\\xff', predict('m')"} {
		s, err := Parse(text, DefaultLimits())
		if err != nil || !s.Opaque || s.Statements != nil || s.Text != text {
			t.Errorf("Parse(%q) = %+v, %v", text, s, err)
		}
	}
}

package sqlparse

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// named is a name where it stands first in text, behind the keywords.
func named(text, name string) Name { return Name{Name: name, Span: spanIn(text, name)} }

func TestKinds(t *testing.T) {
	t.Parallel()
	const (
		listener = "CREATE LISTENER late_out ON public.\"Trips\" KEY (id, \"K\") PREDICT late@2 (distance, coalesce(a, 0)) INTO s.o FLATTEN " +
			"REFRESH EVERY '5 min' WITH (batch = 10)"
		query   = "create or replace listener lq on (select 1 as id, predict('m', x) from t) predict mo() refresh on change key (id)"
		vector  = "CREATE VECTOR INDEX IF NOT EXISTS vi ON LISTENER li USING hnsw WITH (measure = 'cosine')"
		vectorT = "EXPLAIN CREATE VECTOR INDEX vi ON listener (embed[1:2]) KEY (id)"
		dataset = "CREATE DATASET ds AS WITH a AS (SELECT 1) SELECT * FROM a, (SELECT 2) b WITH (pin = true)"
		values  = "create dataset ds as (values (1), (2))"
		metric  = "CREATE METRIC macro USING precision WITH (average = macro)"
		env     = "CREATE OR REPLACE SECRET sk FROM ENV 'OPENAI_KEY'"
		file    = "create secret sk from file '/run/k'"
		seq     = "CREATE MODEL chain AS SEQUENCE (lower, embed@3) WITH (max_batch = 2) VALIDATE ON DATASET ds@1 TARGET label METRICS (accuracy, f1)"
		valid   = "VALIDATE MODEL late@2 ON (SELECT * FROM t) TARGET \"Y\" METRICS (mae) WITH (k = 1)"
	)
	tests := []struct {
		text string
		want Component
	}{
		{listener, &CreateListener{Creation: Creation{Name: named(listener, "late_out")}, Table: Table{[]string{"public", "Trips"}, spanIn(listener, `public."Trips"`)},
			Key: []string{"id", "K"}, Model: Name{"late", 2, spanIn(listener, "late@2")},
			Args: []Expression{{"distance", spanIn(listener, "distance")}, {"", spanIn(listener, "coalesce(a, 0)")}},
			Into: Table{[]string{"s", "o"}, spanIn(listener, "s.o")}, Flatten: true, Refresh: "every", Every: "5 min", EverySpan: spanIn(listener, "'5 min'"),
			Options: []Option{{"batch", "10", spanIn(listener, "batch = 10")}}}},
		{query, &CreateListener{Creation: Creation{Name: named(query, "lq"), OrReplace: true}, Query: spanIn(query, "select 1 as id, predict('m', x) from t"),
			Key: []string{"id"}, Model: named(query, "mo"), Refresh: "change"}},
		{vector, &CreateVectorIndex{Creation: Creation{Name: named(vector, "vi"), IfNotExists: true}, Listener: named(vector, "li"), Method: "hnsw", MethodSpan: spanIn(vector, "hnsw"),
			Options: []Option{{"measure", "cosine", spanIn(vector, "measure = 'cosine'")}}}},
		{vectorT, &ExplainCreate{&CreateVectorIndex{Creation: Creation{Name: named(vectorT, "vi")}, Table: Table{[]string{"listener"}, spanIn(vectorT, "listener")},
			Expression: Expression{"", spanIn(vectorT, "embed[1:2]")}, Key: []string{"id"}}}},
		{dataset, &CreateDataset{Creation: Creation{Name: named(dataset, "ds")}, Query: spanIn(dataset, "WITH a AS (SELECT 1) SELECT * FROM a, (SELECT 2) b"),
			Options: []Option{{"pin", "true", spanIn(dataset, "pin = true")}}}},
		{values, &CreateDataset{Creation: Creation{Name: named(values, "ds")}, Query: spanIn(values, "(values (1), (2))")}},
		{metric, &CreateMetric{Creation: Creation{Name: named(metric, "macro")}, Using: "precision", UsingSpan: spanIn(metric, "precision"),
			Options: []Option{{"average", "macro", spanIn(metric, "average = macro")}}}},
		{env, &CreateSecret{Creation: Creation{Name: named(env, "sk"), OrReplace: true}, Env: "OPENAI_KEY", Span: spanIn(env, "'OPENAI_KEY'")}},
		{file, &CreateSecret{Creation: Creation{Name: named(file, "sk")}, File: "/run/k", Span: spanIn(file, "'/run/k'")}},
		{seq, &CreateModel{Creation: Creation{Name: named(seq, "chain")}, Sequence: []Name{named(seq, "lower"), {"embed", 3, spanIn(seq, "embed@3")}},
			Options:    []Option{{"max_batch", "2", spanIn(seq, "max_batch = 2")}},
			Validation: &Validation{Dataset: Name{"ds", 1, spanIn(seq, "ds@1")}, Target: "label", Metrics: []string{"accuracy", "f1"}}}},
		{valid, &ValidateModel{Name: Name{"late", 2, spanIn(valid, "late@2")}, Validation: Validation{Query: spanIn(valid, "SELECT * FROM t"), Target: "Y", Metrics: []string{"mae"},
			Options: []Option{{"k", "1", spanIn(valid, "k = 1")}}}}},
		{"REFRESH LISTENER lx", &RefreshListener{Name{Name: "lx", Span: Span{17, 19}}}},
		{"ALTER LISTENER lx DISABLE", &Alter{Kind: "listener", Name: Name{Name: "lx", Span: Span{15, 17}}, Disable: true}},
		{"ALTER VECTOR INDEX lx OWNER TO CURRENT_ROLE", &Alter{Kind: "vector_index", Name: Name{Name: "lx", Span: Span{19, 21}}, Owner: Role{"current_user", true, Span{31, 43}}}},
		{"ALTER DATASET lx SET DEFAULT VERSION 3", &Alter{Kind: "dataset", Name: Name{Name: "lx", Span: Span{14, 16}}, DefaultVersion: 3}},
		{"DROP LISTENER lx KEEP OUTPUTS CASCADE", &Drop{Kind: "listener", Name: Name{Name: "lx", Span: Span{14, 16}}, Cascade: true, KeepOutputs: true}},
		{"DROP VECTOR INDEX IF EXISTS lx RESTRICT", &Drop{Kind: "vector_index", Name: Name{Name: "lx", Span: Span{28, 30}}, IfExists: true}},
		{"DESCRIBE VECTOR INDEX lx", &Describe{"vector_index", Name{Name: "lx", Span: Span{22, 24}}}},
		{"SHOW VECTOR INDEXES", &Show{What: "vector_indexes"}},
		{"show components", &Show{What: "components"}},
		{"SHOW JOBS", &Show{What: "jobs"}},
		{"GRANT EXECUTE ON MODEL ma, mb TO ra, PUBLIC", &Grant{Models: []Name{{Name: "ma", Span: Span{23, 25}}, {Name: "mb", Span: Span{27, 29}}},
			Roles: []Role{{"ra", false, Span{33, 35}}, {"public", true, Span{37, 43}}}}},
		{"REVOKE CREATE COMPONENT FROM ra", &Grant{Revoke: true, Roles: []Role{{"ra", false, Span{29, 31}}}}},
		{"SELECT pinnacle.add($1::text || '{', (SELECT 'x')) AS y", &FunctionCall{Name: "add", Args: []Span{{20, 35}, {37, 49}}, Column: "y"}},
		{`select "pinnacle" . show ( )`, &FunctionCall{Name: "show", Column: "show"}},
	}
	for _, tt := range tests {
		if got := parseOne(t, tt.text).Component; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s\n got %+v\nwant %+v", tt.text, got, tt.want)
		}
		if !NewGate().Concerns([]byte(tt.text)) {
			t.Errorf("the gate lets %q by", tt.text)
		}
	}
}

// TestRelayed has statements of PostgreSQL's own that look like ours.
func TestRelayed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"CREATE SEQUENCE model", "CREATE VIEW model AS SELECT 1", "CREATE OR REPLACE VIEW listener AS SELECT 1", "CREATE TABLE dataset (model int)",
		"GRANT EXECUTE ON FUNCTION model(int) TO r", "GRANT EXECUTE ON model TO r", "GRANT SELECT ON model, metric TO r", "REVOKE EXECUTE ON model, listener FROM r",
		"REFRESH MATERIALIZED VIEW listener", "DROP SEQUENCE model", "DROP VIEW metric", "ALTER TABLE listener RENAME TO dataset", "SHOW models.jobs", "SHOW search_path",
		"CREATE INDEX ON vector (model)", "EXPLAIN CREATE TABLE model AS SELECT 1", "EXPLAIN CREATE MATERIALIZED VIEW dataset AS SELECT 1",
		"CREATE INDEX listener ON t (a)", "GRANT model TO listener", "REVOKE model FROM listener", "ALTER VIEW model SET (security_barrier)",
		"SELECT add(1), public.add(1) FROM model", "CREATE STATISTICS metric ON a, b FROM dataset", "GRANT USAGE ON FOREIGN SERVER model TO r",
	} {
		s, err := Parse(text, DefaultLimits())
		if err != nil || s.Opaque || s.Concerns() {
			t.Errorf("Parse(%q) = %+v, %v", text, s, err)
		}
	}
}

// TestKindErrors has each refused text with the part at which the error points, and a part of the hint.
func TestKindErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, code, message, at, hint string }{
		{"CREATE LISTENER l", "42601", "syntax error at end of input", "", "PREDICT model"},
		{"CREATE LISTENER l ON t", "42601", "CREATE LISTENER needs PREDICT and a model with its arguments", "", "PREDICT model"},
		{"CREATE LISTENER l ON t PREDICT m", "42601", "syntax error at end of input", "", "PREDICT model"},
		{"CREATE LISTENER l ON t PREDICT m (a FROM x)", "42601", `syntax error at or near "FROM"`, "FROM x)", "PREDICT model"},
		{"CREATE LISTENER l ON t PREDICT m (a,)", "42601", "an expression is missing in the list", "(a,)", "PREDICT model"},
		{"CREATE LISTENER l ON (DELETE FROM t) PREDICT m (a)", "42601", "a listener listens to a table or one SELECT", "DELETE FROM t) PREDICT m (a)", "PREDICT model"},
		{"CREATE LISTENER l ON (SELECT 1 INTO x) PREDICT m (a)", "42601", "a listener listens to a table or one SELECT", "SELECT 1 INTO x) PREDICT m (a)", ""},
		{"CREATE LISTENER l ON t PREDICT m (a) KEY (id, id)", "42701", `column "id" is given twice`, "id)", "PREDICT model"},
		{"CREATE LISTENER l ON t PREDICT m (a) REFRESH OFTEN", "42601", `syntax error at or near "OFTEN"`, "OFTEN", "REFRESH"},
		{"CREATE LISTENER l ON t PREDICT m (a) PREDICT m (a)", "42601", "PREDICT is given twice", "PREDICT m (a)", ""},
		{"CREATE LISTENER l ON a.b.c.d PREDICT m (a)", "42601", `syntax error at or near "."`, ".d PREDICT m (a)", ""},
		{"create vector index v on t", "42601", "syntax error at end of input", "", "table (expression)"},
		{"create vector index v on t (a, b)", "42601", "a vector index is on one expression", "(a, b)", "table (expression)"},
		{"CREATE DATASET d AS", "42601", "syntax error at end of input", "", "AS select"},
		{"CREATE DATASET d AS WITH (pin = true)", "42601", `syntax error at or near "WITH"`, "WITH (pin = true)", "AS select"},
		{"CREATE DATASET d AS INSERT INTO t VALUES (1)", "42601", "a dataset is made of one SELECT", "INSERT INTO t VALUES (1)", "AS select"},
		{"CREATE DATASET d AS SELECT FROM WHERE", "42601", `syntax error at or near "WHERE"`, "WHERE", "AS select"},
		{"CREATE METRIC m", "42601", "syntax error at end of input", "", "USING metric"},
		{"CREATE SECRET s FROM 'x'", "42601", `syntax error at or near "'x'"`, "'x'", "ENV 'variable'"},
		{"CREATE SECRET s FROM ENV ''", "22023", "a secret needs the name of a variable or a file", "''", "ENV 'variable'"},
		{"CREATE SECRET s@1 FROM ENV 'x'", "42601", `syntax error at or near "@"`, "@1 FROM ENV 'x'", ""},
		{`CREATE SECRET "s@1" FROM ENV 'x'`, "42602", `the name of a secret cannot hold "@"`, `"s@1" FROM ENV 'x'`, ""},
		{"CREATE MODEL s(a int) AS SEQUENCE (a, b)", "42601", "a sequence takes the arguments of its first model and gives the answer of its last", "a, b)", "AS SEQUENCE"},
		{"CREATE MODEL s AS SEQUENCE ()", "42601", `syntax error at or near ")"`, ")", "AS SEQUENCE"},
		{"ALTER MODEL m ENABLE", "42601", `syntax error at or near "ENABLE"`, "ENABLE", "SET DEFAULT VERSION"},
		{"ALTER SECRET s SET (a = 1)", "42601", `syntax error at or near "SET"`, "SET (a = 1)", "RENAME TO"},
		{"ALTER METRIC s OWNER TO PUBLIC", "42704", `role "public" does not exist`, "PUBLIC", "OWNER TO"},
		{"DROP MODEL m KEEP OUTPUTS", "42601", `syntax error at or near "KEEP"`, "KEEP OUTPUTS", "DROP MODEL"},
		{"DROP LISTENER m CASCADE RESTRICT", "42601", `syntax error at or near "RESTRICT"`, "RESTRICT", "KEEP OUTPUTS"},
		{"DROP LISTENER m KEEP", "42601", "syntax error at end of input", "", "KEEP OUTPUTS"},
		{"DROP LISTENER m@1", "42601", `syntax error at or near "@"`, "@1", "DROP LISTENER"},
		{"SHOW COMPONENTS x", "42601", `syntax error at or near "x"`, "x", "SHOW {"},
		{"VALIDATE MODEL m ON t TARGET y", "42601", `syntax error at or near "t"`, "t TARGET y", "DATASET"},
		{"VALIDATE MODEL m ON DATASET d", "42601", "syntax error at end of input", "", "TARGET"},
		{"REFRESH LISTENER", "42601", "syntax error at end of input", "", "REFRESH LISTENER name"},
		{"GRANT EXECUTE ON MODEL m FROM r", "42601", `syntax error at or near "FROM"`, "FROM r", "GRANT"},
		{"GRANT CREATE COMPONENT TO r WITH GRANT OPTION", "0A000", "rights to components have no grant option", "WITH GRANT OPTION", ""},
		{"EXPLAIN ANALYZE CREATE LISTENER l ON t", "42601", `syntax error at or near "ANALYZE"`, "ANALYZE CREATE LISTENER l ON t", "EXPLAIN CREATE"},
		{"select 1, pinnacle.add('{}')", "0A000", "pinnacle.add must stand alone in its statement", "pinnacle.add('{}')", "SELECT pinnacle.add(…)"},
		{"select pinnacle.add('{}') from t", "0A000", "pinnacle.add must stand alone in its statement", "pinnacle.add('{}') from t", ""},
		{"select pinnacle.add(pinnacle.show())", "0A000", "pinnacle.show must stand alone in its statement", "pinnacle.show())", ""},
		{"select pinnacle.add(x => '{}')", "42809", "pinnacle.add takes arguments without names", "pinnacle.add(x => '{}')", ""},
		{"select pinnacle.add(distinct '{}')", "42809", "pinnacle.add takes plain arguments", "pinnacle.add(distinct '{}')", ""},
		{"select pinnacle.add(predict('m', 1))", "0A000", "the arguments of pinnacle.add cannot hold predict or tables of the schema pinnacle", "pinnacle.add(predict('m', 1))", ""},
		{"prepare p as select pinnacle.add('{}')", "0A000", "pinnacle.add must stand alone in its statement", "pinnacle.add('{}')", ""},
	}
	for _, tt := range tests {
		_, err := Parse(tt.text, DefaultLimits())
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if e.Code != tt.code || e.Message != tt.message || tt.text[e.Position:] != tt.at || !strings.Contains(e.Hint, tt.hint) {
			t.Errorf("Parse(%q): %s %s at %q, hint %q", tt.text, e.Code, e.Message, tt.text[e.Position:], e.Hint)
		}
		if !NewGate().Concerns([]byte(tt.text)) {
			t.Errorf("the gate lets %q by", tt.text)
		}
	}
}

package sqlparse

import (
	"strings"
	"testing"
)

func TestGate(t *testing.T) {
	t.Parallel()
	fires := []string{
		"SELECT predict('m', 1)", "select PREDICT('m')", `select "predict"('m')`, "select Try_Predict('m')", "predict_details('x')",
		"SET predict.on_error = 'null'", "select * from nearest('i', 'q')", "select similarity(a, b)", "TABLE pinnacle.models", "show views", "/* a */ DESCRIBE --b\n VIEW v", `select 1 from "pinnacle".x`,
		`select U&"\0070redict"('m')`, `select u&"x"`, "select predict", "predict",
		"CREATE MODEL m USING x", "create\n\tor replace\vmodel m", "CREATE/**/MODEL m", "create--x\nmodel", "create /* /* model */ */ -- é\r or/**/replace model",
		"select 1;drop model m", "ALTER MODEL m", "SHOW MODELS", "show artifacts", "DESCRIBE MODEL m", "EXPLAIN CREATE MODEL m",
		"CREATE LISTENER l", "drop vector index v", "create dataset d", "refresh listener l", "VALIDATE MODEL m", "show jobs", "create secret s", "create metric m",
		"GRANT EXECUTE ON MODEL m TO r", "grant execute/**/on--\nmodel m to r", "GRANT CREATE COMPONENT TO r", "show models;", "(show models", "create metrics; show metrics",
	}
	passes := []string{
		"", "S", "SELECT 1", "select * from model", "select model.id, jobs.id from model join jobs on model.id = jobs.model_id", "insert into jobs values (1)",
		"select * from predictions", "select mypredict(1)", "select predicted from t", "select unpredict", "select pinnacles.x", "select dataset, metric from secrets",
		"create table model (id int)", "create index on model (id)", "drop table models", "alter table jobs add vector int", "show model_x", "refresh materialized view vector",
		"select show, models from t", "create view models as select 1", "select u & \"x\" from t", "select 'u' & x", "begin", "select create_model", "recreate model",
		"update t set model = 'x' where model is null", "grant execute on function f to model",
	}
	g := NewGate()
	for _, s := range fires {
		if !g.Concerns([]byte(s)) {
			t.Errorf("%q does not concern the proxy", s)
		}
		for n := range 9 { // whatever phase the search is in
			if padded := strings.Repeat(" ", n) + s; !g.Concerns([]byte(padded)) {
				t.Errorf("%q does not concern the proxy", padded)
			}
		}
	}
	for _, s := range passes {
		if g.Concerns([]byte(s)) {
			t.Errorf("%q concerns the proxy", s)
		}
	}
}

func TestGateExtraWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("v", 70)
	tests := []struct {
		text  string
		words []string
		want  bool
	}{
		{"EXECUTE p", []string{"discard", "execute"}, true},
		{"select 1; Execute p", []string{"execute"}, true},
		{"select executed", []string{"execute"}, false},
		{"select 1", nil, false},
		{"select * from my_view", []string{"my_view"}, true},
		{"select * from my_views", []string{"my_view"}, false},
		{`select * from "a""b"`, []string{`a"b`}, true},
		{`select * from ` + long, []string{long[:63]}, true},
		{`select * from "ÉTÉ"`, []string{"ÉtÉ"}, true},
		{"x", []string{"x"}, true},
		{"x", []string{""}, false},
	}
	for _, tt := range tests {
		if got := NewGate().ConcernsWith([]byte(tt.text), tt.words); got != tt.want {
			t.Errorf("ConcernsWith(%q, %q) = %v", tt.text, tt.words, got)
		}
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	g, sql, words := NewGate(), []byte("select a, b from model where c = $1 and drop_me = 'x'"), []string{"execute", "my_view"}
	if n := testing.AllocsPerRun(100, func() { g.ConcernsWith(sql, words) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestGateTime has texts on which a search that skips the same comments again and again would take many minutes.
func TestGateTime(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"create/* ", "create-- ", "create ", "model create\n", "u&", "j"} {
		NewGate().Concerns([]byte("select 1 from model " + strings.Repeat(unit, 2<<20/len(unit))))
	}
}

func BenchmarkGate(b *testing.B) {
	point := "SELECT id, name, email, created_at FROM customers WHERE customers.id = $1 AND deleted_at IS NULL LIMIT 1"
	values := "INSERT INTO measurements VALUES " + strings.Repeat("(12345, 'some text of a row', 1.5e3, NULL), ", 24000) + "(1)"
	for _, bench := range []struct{ name, sql string }{
		{"100B", point[:100]},
		{"100B model", "SELECT id, name, email, created_at FROM models WHERE model.id = $1 AND deleted_at IS NULL LIMIT 1   "},
		{"1MB", values},
	} {
		b.Run(bench.name, func(b *testing.B) {
			g, sql := NewGate(), []byte(bench.sql)
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				if g.Concerns(sql) {
					b.Fatal("concerns")
				}
			}
		})
	}
	b.Run("100B with 4 words", func(b *testing.B) {
		g, sql, words := NewGate(), []byte(point[:100]), []string{"execute", "deallocate", "discard", "prepare"}
		b.SetBytes(int64(len(sql)))
		for b.Loop() {
			if g.ConcernsWith(sql, words) {
				b.Fatal("concerns")
			}
		}
	})
}

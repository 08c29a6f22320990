package integration

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// onnxDir holds small ONNX models, good and bad; examplesDir the trained ones with their data.
const (
	onnxDir     = "../../udf/onnx/testdata"
	examplesDir = "../../examples"
)

// importDirs is the setting that lets CREATE MODEL read the files of onnxDir and examplesDir.
func importDirs() []string {
	var dirs []string
	for _, dir := range []string{onnxDir, examplesDir} {
		if abs, err := filepath.Abs(dir); err == nil {
			dirs = append(dirs, abs)
		}
	}
	return []string{"--artifact-import-dirs", strings.Join(dirs, ",")}
}

// onnxFile is the absolute path of a model of onnxDir.
func onnxFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(onnxDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no such model: %v", err)
	}
	return path
}

// needONNXRuntime skips a test where the library was not found.
func needONNXRuntime(t *testing.T) {
	t.Helper()
	if os.Getenv(envONNXRuntime) == "" {
		t.Skip("ONNX Runtime is not here: scripts/install.sh test brings it")
	}
}

// TestWrongCalls calls models wrong. The session goes on after each.
func TestWrongCalls(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for _, c := range []struct {
			sql, code string
			words     []string
		}{
			{"SELECT predict('doubel', 1)", "42704", []string{"doubel", "hint=", "double"}},
			{"SELECT predict('nothing_like_it_at_all', 1)", "42704", []string{"nothing_like_it_at_all"}},
			{"SELECT predict('double@7', 1)", "42704", []string{"7"}},
			{"SELECT predict('double')", "42883", []string{"takes 1 argument", "position="}},
			{"SELECT predict('double', 1, 2)", "42883", []string{"takes 1 argument", "double(x integer)"}},
			{"SELECT predict('double', true)", "42883", []string{"position=", "x integer"}},
			{"SELECT predict('double', name) FROM item", "42883", []string{"text", "integer"}},
			{"SELECT predict('double', ai) FROM item", "42883", []string{"integer"}},
			{"SELECT predict('half', tz) FROM item", "42883", []string{"double precision"}},
			{"SELECT id FROM item WHERE predict('shout', k) = 'x'", "42883", []string{"text"}},
			{"SELECT predict()", "42883", nil},
			{"SELECT predict(1, 2)", "42883", nil},
			{"SELECT predict('', 2)", "22023", nil},
			{"SELECT predict('double@', 2)", "", nil},
			{"SELECT predict('double', y => 2)", "42883", []string{"y"}},
		} {
			got := s.query(t, c.sql)
			code, line := firstError(got)
			if code == "" || c.code != "" && code != c.code {
				t.Errorf("%s: %v, want %s", c.sql, got, c.code)
			}
			for _, w := range c.words {
				if !strings.Contains(line, w) {
					t.Errorf("%s: %s, want it to say %q", c.sql, line, w)
				}
			}
		}
		got := s.exchange(t, 1, parse("", "SELECT predict('double', $1)", 17), syncing)
		if code, line := firstError(got); code != "42883" && code != "42846" {
			t.Errorf("a parameter declared bytea: %s, want 42883 or 42846", line)
		}
		s.wantRow(t, "SELECT predict('double', 4)", "8")
	})
}

// TestNamedArguments calls a model by the names of its arguments.
func TestNamedArguments(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for _, sql := range []string{"SELECT predict('weigh', a => 1.5, b => 'xyz', c => true)", "SELECT predict('weigh', c => true, b => 'xyz', a => 1.5)", "SELECT predict('weigh', 1.5, c => true, b => 'xyz')"} {
			if code, line := firstError(s.query(t, sql)); code == "0A000" {
				t.Logf("not supported, and says so: %s", line)
				continue
			}
			s.wantRow(t, sql, "4.5")
		}
	})
}

// TestModelFailsOnARow wants the statement to fail, the row's arguments to be named, and the session to go on.
func TestModelFailsOnARow(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x int4, y text) RETURNS int4", "return 1 // (x - 500)")
		s := on.open(t)
		for _, sql := range []string{
			"SELECT predict('" + model + "', id, name) FROM item ORDER BY id",
			"SELECT id FROM item WHERE predict('" + model + "', id, 'item 0') > 10",
		} {
			s.wantError(t, sql, mustCode(t, s, sql), model, "500", "item 0", "detail=")
			s.wantRow(t, "SELECT predict('double', 4)", "8")
		}
		s.mustQuery(t, "BEGIN")
		s.query(t, "SELECT predict('"+model+"', 500, 'x')")
		s.wantError(t, "SELECT 1", "25P02")
		s.mustQuery(t, "ROLLBACK")
		if got := statsOf(t, on, model); got.Errors < 3 {
			t.Errorf("errors %d, want at least 3", got.Errors)
		}
	})
}

// mustCode gives the code of a statement that is to fail.
func mustCode(t *testing.T, s *session, sql string) string {
	t.Helper()
	got := s.query(t, sql)
	code, _ := firstError(got)
	if code == "" {
		t.Fatalf("%s: %.300v, want an error", sql, got)
	}
	return code
}

// TestFailingRowIsNotLogged lets a model, and PostgreSQL itself, fail on a value of the column secret. The search of the log
// at the end of the run finds it if it was logged.
func TestFailingRowIsNotLogged(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x text) RETURNS int4", "return 1 // 0")
		s := on.open(t)
		for _, sql := range []string{
			"SELECT predict('" + model + "', secret) FROM item WHERE id = 50",
			"SELECT secret::int FROM item WHERE id = 50",
			"SELECT predict('double', secret::int) FROM item WHERE id = 50",
		} {
			got := s.query(t, sql)
			if _, line := firstError(got); !strings.Contains(line, "c0c7c76d30bd3dcaefc96f40275bdc0a") {
				t.Errorf("%s: %v, want an error that tells the client the value", sql, got)
			}
		}
		if err := on.proxy.scanLog(); err != nil {
			t.Error(err)
		}
	})
}

// TestStarlarkSources makes models from wrong sources.
func TestStarlarkSources(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for _, c := range []struct {
			source string
			words  []string
		}{
			{"def predict(x):\n    y = 1\n    return x +\n", []string{"line 3"}},
			{"def predict(x):\n  return nothing\n", []string{"nothing", "line 2"}},
			{"def other(x):\n  return x\n", []string{"predict"}},
			{"def predict(x, y):\n  return x\n", []string{"argument"}},
			{"1 // 0\ndef predict(x):\n  return x\n", []string{"line 1"}},
			{"load('os', 'system')\ndef predict(x):\n  return x\n", []string{"load"}},
			{"", nil},
		} {
			got := s.query(t, "CREATE MODEL wrong(x int4) RETURNS int4 USING starlark AS $$"+c.source+"$$")
			code, line := firstError(got)
			if code == "" || strings.HasPrefix(code, "XX") {
				t.Errorf("%q: %v, want an error of its own", c.source, got)
			}
			for _, w := range c.words {
				if !strings.Contains(strings.ToLower(line), w) {
					t.Errorf("%q: %s, want it to say %q", c.source, line, w)
				}
			}
		}
		s.wantError(t, "DESCRIBE MODEL wrong", "42704")
	})
}

// TestWrongAnswers lets models answer what their type does not allow.
func TestWrongAnswers(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for i, c := range []struct{ returns, body, code string }{
			{"int4", "return 'text'", ""},
			{"int4", "return 1 << 40", "22003"},
			{"int2", "return 40000", "22003"},
			{"text", "return 1", ""},
			{"text", `return "a\x00b"`, "22021"},
			{"float8[]", "return ['a']", ""},
			{"date", "return 'never'", ""},
			{"uuid", "return 'x'", ""},
			{"jsonb", "return {1: 2}", ""},
			{"bool", "return [True]", ""},
		} {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				model := ownModel(t, on, "(x int4) RETURNS "+c.returns, c.body)
				code := mustCode(t, s, "SELECT predict('"+model+"', 1)")
				if c.code != "" && code != c.code || strings.HasPrefix(code, "XX") {
					t.Errorf("%s for %s: %s, want %s", c.body, c.returns, code, c.code)
				}
				s.wantRow(t, "SELECT predict('double', 4)", "8")
			})
		}
	})
}

// TestEndlessModels wants limits to end what does not end by itself.
func TestEndlessModels(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		for name, body := range map[string]string{
			"loop":   "n = 0\n    while True:\n        n += 1\n    return n",
			"memory": "s = [0]\n    while True:\n        s = s + s\n    return len(s)",
			"text":   "s = 'x'\n    while True:\n        s = s + s\n    return len(s)",
			"number": "n = 3\n    while True:\n        n = n * n\n    return 1",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				model := ownModel(t, on, "(x int4) RETURNS int8", body)
				s := on.open(t)
				code := mustCode(t, s, "SELECT predict('"+model+"', 1)")
				if !strings.HasPrefix(code, "53") && !strings.HasPrefix(code, "54") {
					t.Errorf("ended with %s, want a limit's code", code)
				}
				s.wantRow(t, "SELECT predict('double', 4)", "8")
			})
		}
	})
}

// TestONNXFiles makes models from good and bad files.
func TestONNXFiles(t *testing.T) {
	needONNXRuntime(t)
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for _, c := range []struct {
			file, code string
			words      []string
		}{
			{onnxFile(t, "not_onnx.onnx"), "", []string{"ONNX"}},
			{onnxFile(t, "opset_99.onnx"), "", []string{"opset"}},
			{onnxFile(t, "ir_99.onnx"), "", []string{"99"}},
			{onnxFile(t, "external_data.onnx"), "", nil},
			{filepath.Join(filepath.Dir(onnxFile(t, "echo_float.onnx")), "missing.onnx"), "58P01", []string{"missing.onnx"}},
			{"/etc/hostname", "42501", []string{"artifact_import_dirs"}},
			{filepath.Dir(onnxFile(t, "echo_float.onnx")) + "/../onnx.go", "", nil},
			{"sha256:0000000000000000000000000000000000000000000000000000000000000000", "58P01", nil},
		} {
			got := s.query(t, "CREATE MODEL wrong_file FROM '"+c.file+"' USING onnx")
			code, line := firstError(got)
			if code == "" || c.code != "" && code != c.code || strings.HasPrefix(code, "XX0") {
				t.Errorf("%s: %v, want %s", c.file, got, c.code)
			}
			for _, w := range c.words {
				if !strings.Contains(line, w) {
					t.Errorf("%s: %s, want it to say %q", c.file, line, w)
				}
			}
		}
		s.wantError(t, "DESCRIBE MODEL wrong_file", "42704")
	})
}

// TestONNXModel uses a trained classifier of 30 columns over made rows, NULL and NaN among them.
func TestONNXModel(t *testing.T) {
	needONNXRuntime(t)
	eachProxy(t, func(t *testing.T, on *target) {
		path, err := filepath.Abs(filepath.Join(examplesDir, "flights/late.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		s := on.open(t)
		s.wantTag(t, "CREATE MODEL late FROM '"+path+"' USING onnx", "CREATE MODEL")
		s.wantRow(t, "SELECT predict('late', 0, 1400, 17, 7), predict('late', 240, 1400, 17, 7), predict('late', NULL, 1400, 17, 7)", "0", "1", "NULL")
		s.wantRow(t, "SELECT count(*) > 0 FROM pinnacle.artifacts WHERE models > 0", "t")
		got := s.query(t, "SELECT predict('late', 'NaN', 1400, 17, 7), predict('late', 'Infinity', 1400, 17, 7)")
		if code, line := firstError(got); code != "" && !strings.HasPrefix(code, "22") {
			t.Errorf("NaN and infinity: %s", line)
		}
		s.wantError(t, "SELECT predict('late', 1, 2)", "42883", "takes 4 arguments")
		rows := on.rows(t, "SELECT predict('late', i, 1400, 17, 7) FROM generate_series(-20, 300) i")
		if len(rows) != 321 || rows[0][0] != "0" || rows[320][0] != "1" {
			t.Errorf("%d rows, first %v, last %v", len(rows), rows[0], rows[len(rows)-1])
		}
		got = s.exchange(t, 1, parse("", "SELECT predict('late', $1, $2, $3, $4)"), describe('S', ""), asking(bind("", "", "240", "1400", "17", "7"), 1), execute("", 0), syncing)
		if code, line := firstError(got); code != "" {
			t.Errorf("by the extended protocol: %s", line)
		}
	})
}

// TestArtifactByCopy sends a model's bytes through the connection.
func TestArtifactByCopy(t *testing.T) {
	needONNXRuntime(t)
	eachProxy(t, func(t *testing.T, on *target) {
		raw, err := os.ReadFile(onnxFile(t, "echo_float.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		conn := on.connect(t)
		tag, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader(string(raw)), "COPY pinnacle.artifacts FROM STDIN")
		if err != nil || tag.String() != "COPY 1" {
			t.Fatalf("COPY pinnacle.artifacts: %v, %v", tag, err)
		}
		digest := fmt.Sprintf("%x", sha256.Sum256(raw))
		s := on.open(t)
		s.wantRow(t, "SELECT bytes FROM pinnacle.artifacts WHERE digest LIKE '%"+digest+"'", fmt.Sprint(len(raw)))
		s.wantTag(t, "CREATE MODEL by_copy FROM 'sha256:"+digest+"' USING onnx", "CREATE MODEL")
		s.wantRow(t, "SELECT count(*) FROM pinnacle.models WHERE name = 'by_copy' AND artifact LIKE '%"+digest+"'", "1")
		s.send(t, query("COPY pinnacle.artifacts FROM STDIN"))
		s.upTo(&pgproto3.CopyInResponse{})
		s.send(t, &pgproto3.CopyData{Data: []byte("half of it")}, &pgproto3.CopyFail{Message: "changed my mind"})
		if code, line := firstError(s.ready(1)); code != "57014" {
			t.Errorf("CopyFail: %s", line)
		}
		s.wantRow(t, "SELECT count(*) FROM pinnacle.artifacts WHERE bytes = 10", "0")
		s.wantError(t, "COPY pinnacle.artifacts TO STDOUT", "0A000")
	})
}

// TestNoONNXRuntime wants a proxy without the library to say how to get it, and to do everything else.
func TestNoONNXRuntime(t *testing.T) {
	t.Parallel()
	file := onnxFile(t, "echo_float.onnx")
	home, err := world.oracle.newTarget("no_onnx", false)
	if err != nil {
		t.Fatal(err)
	}
	_, on := spare(t, proxyOptions{databackend: home, args: append(importDirs(), "--onnxruntime", filepath.Join(t.TempDir(), "nothing"))})
	s := on.open(t)
	got := s.query(t, "CREATE MODEL wants_onnx FROM '"+file+"' USING onnx")
	if code, line := firstError(got); code == "" || !strings.Contains(line, "hint=") || !strings.Contains(line, "onnxruntime") {
		t.Errorf("%v, want an error whose HINT says how to install ONNX Runtime", got)
	}
	s.wantTag(t, timesModel("MODEL", "starlark_lives", 2), "CREATE MODEL")
	s.wantRow(t, "SELECT predict('starlark_lives', 4)", "8")
}

// TestLargeResult predicts for as many rows as the example's flights, 336,776, and for one and none, and adds up the answers.
func TestLargeResult(t *testing.T) {
	eachTarget(t, func(t *testing.T, on *target) {
		for _, n := range []int{0, 1, 336776} {
			sql := fmt.Sprintf("SELECT i, predict('double', i %% 5000), 'some text beside it' FROM generate_series(1, %d) i", n)
			if on.functions {
				sql = oracleText(sql).text
			}
			rows, err := on.connect(t).Query(t.Context(), sql)
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for rows.Next() {
				var i, p int
				var text string
				if err := rows.Scan(&i, &p, &text); err != nil {
					t.Fatal(err)
				}
				count++
				if i != count || p != 2*(i%5000) {
					t.Fatalf("row %d holds %d, %d", count, i, p)
				}
			}
			if rows.Err() != nil || count != n {
				t.Errorf("%d rows, %v, want %d", count, rows.Err(), n)
			}
		}
	})
}

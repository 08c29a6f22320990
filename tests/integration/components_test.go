package integration

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// timesModel is a CREATE MODEL of one that multiplies; how is what stands between CREATE and the name.
func timesModel(how, name string, by int) string {
	return fmt.Sprintf("CREATE %s %s(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return x * %d\n$$", how, name, by)
}

// wantTag runs a statement and wants its tag.
func (s *session) wantTag(t *testing.T, sql, tag string) {
	t.Helper()
	got := without(s.query(t, sql), "Notice")
	if len(got) != 2 || got[0] != "CommandComplete "+tag {
		t.Errorf("%s: %v, want the tag %s", sql, got, tag)
	}
}

// wantError runs a statement and wants an error with the code and, in its line, all words.
func (s *session) wantError(t *testing.T, sql, code string, words ...string) {
	t.Helper()
	got := s.query(t, sql)
	state, line := firstError(got)
	if state != code {
		t.Errorf("%s: %v, want %s", sql, got, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			t.Errorf("%s: %s, want it to say %q", sql, line, w)
		}
	}
	if last := got[len(got)-1]; !strings.HasPrefix(last, "ReadyForQuery") {
		t.Errorf("%s: the session does not go on: %s", sql, last)
	}
}

// wantRow runs a statement and wants one row of these values.
func (s *session) wantRow(t *testing.T, sql string, values ...string) {
	t.Helper()
	want := "DataRow"
	for _, v := range values {
		if v == "NULL" {
			want += " NULL"
		} else {
			want += fmt.Sprintf(" %q", v)
		}
	}
	rows := without(s.query(t, sql), "RowDescription", "CommandComplete", "ReadyForQuery", "Notice")
	if len(rows) != 1 || rows[0] != want {
		t.Errorf("%s: %v, want %s", sql, rows, want)
	}
}

// TestLifeOfAModel walks a model from CREATE to DROP.
func TestLifeOfAModel(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, timesModel("MODEL", "life", 2), "CREATE MODEL")
		s.wantRow(t, "SELECT predict('life', 4)", "8")
		s.wantError(t, timesModel("MODEL", "life", 3), "42710", "life")
		s.wantTag(t, timesModel("MODEL IF NOT EXISTS", "life", 3), "CREATE MODEL")
		s.wantRow(t, "SELECT predict('life', 4)", "8")
		s.wantTag(t, timesModel("OR REPLACE MODEL", "life", 3), "CREATE MODEL")
		s.wantRow(t, "SELECT predict('life', 4), predict('life@1', 4), predict('life@2', 4)", "12", "8", "12")
		s.wantTag(t, timesModel("OR REPLACE MODEL", "life", 3), "CREATE MODEL")
		s.wantRow(t, "SELECT count(*), max(version) FROM pinnacle.model_versions WHERE name = 'life'", "2", "2")
		s.wantRow(t, "SELECT name, version, runtime, created_at <= now() FROM pinnacle.models WHERE name = 'life'", "life", "2", "starlark", "t")
		s.wantTag(t, "ALTER MODEL life SET DEFAULT VERSION 1", "ALTER MODEL")
		s.wantRow(t, "SELECT predict('life', 4), predict('life@2', 4)", "8", "12")
		s.wantRow(t, "SELECT version FROM pinnacle.models WHERE name = 'life'", "1")
		s.wantError(t, "ALTER MODEL life SET DEFAULT VERSION 9", "42704")
		s.wantTag(t, "ALTER MODEL life RENAME TO life2", "ALTER MODEL")
		s.wantError(t, "SELECT predict('life', 4)", "42704", "life2")
		s.wantRow(t, "SELECT predict('life2', 4)", "8")
		s.wantError(t, "ALTER MODEL life2 RENAME TO double", "42710")
		s.wantTag(t, "DROP MODEL life2@2", "DROP MODEL")
		s.wantError(t, "SELECT predict('life2@2', 4)", "42704")
		s.wantRow(t, "SELECT predict('life2', 4)", "8")
		s.wantTag(t, "DROP MODEL life2", "DROP MODEL")
		s.wantError(t, "SELECT predict('life2', 4)", "42704")
		s.wantError(t, "DROP MODEL life2", "42704")
		s.wantTag(t, "DROP MODEL IF EXISTS life2", "DROP MODEL")
	})
}

// TestShowAndDescribe reads models by SHOW, DESCRIBE and the tables of the schema pinnacle.
func TestShowAndDescribe(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		shown := on.rows(t, "SHOW MODELS LIKE 'id\\_int_'")
		names := []string{}
		for _, r := range shown {
			names = append(names, r[0])
		}
		if got := strings.Join(names, " "); got != "id_int2 id_int4 id_int8" {
			t.Errorf("SHOW MODELS LIKE gives %s", got)
		}
		if all := on.rows(t, "show models"); len(all) < len(models()) {
			t.Errorf("SHOW MODELS gives %d, want at least %d", len(all), len(models()))
		}
		described := fmt.Sprint(on.rows(t, "DESCRIBE MODEL add"))
		for _, word := range []string{"add", "starlark", "a integer, b integer", "return a + b"} {
			if !strings.Contains(described, word) {
				t.Errorf("DESCRIBE MODEL without %q: %s", word, described)
			}
		}
		s := on.open(t)
		s.wantError(t, "DESCRIBE MODEL doubel", "42704", "double")
		s.wantError(t, "SHOW MODLES", "42704")
	})
}

// TestPinnacleTables uses the proxy's tables as any others.
func TestPinnacleTables(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for sql, want := range map[string][]string{
			"SELECT count(*) FROM pinnacle.models WHERE name IN ('add', 'double')":                                                               {"2"},
			"SELECT m.name, t.label FROM pinnacle.models m JOIN tag t ON t.k = length(m.name) - 3 WHERE m.name = 'double' AND t.label = 'three'": {"double", "three"},
			"SELECT models.name FROM pinnacle.models WHERE models.name = 'half'":                                                                 {"half"},
			"SELECT pinnacle.models.name FROM pinnacle.models WHERE pinnacle.models.name = 'half'":                                               {"half"},
			"SELECT (SELECT runtime FROM pinnacle.models WHERE name = 'half')":                                                                   {"starlark"},
			"WITH m AS (SELECT * FROM pinnacle.models) SELECT name, returns FROM m WHERE name = 'half'":                                          {"half", "double precision"},
			"SELECT name, predict('size', name) FROM pinnacle.models WHERE name = 'double'":                                                      {"double", "6"},
			"SELECT name FROM pinnacle.models WHERE predict('size', name) = 6 AND name LIKE 'd%'":                                                {"double"},
			"SELECT count(*) FROM pinnacle.artifacts a LEFT JOIN pinnacle.models m ON m.artifact = a.digest WHERE false":                         {"0"},
			"SELECT v.name, v.version, v.is_default FROM pinnacle.model_versions AS v WHERE v.name = 'add'":                                      {"add", "1", "t"},
			"SELECT count(*) FROM pinnacle.predict_stats WHERE statements < 0":                                                                   {"0"},
			"SELECT arguments FROM pinnacle.models WHERE name = 'add'":                                                                           {"a integer, b integer"},
		} {
			s.wantRow(t, sql, want...)
		}
		s.wantError(t, "SELECT * FROM pinnacle.modles", "42P01", "modles")
		s.wantError(t, "SELECT nocolumn FROM pinnacle.models", "42703", "position=8")
		s.wantError(t, "INSERT INTO pinnacle.models (name) VALUES ('x')", "42809")
		s.wantError(t, "DELETE FROM pinnacle.models", "42809")
		got := s.exchange(t, 1, parse("", "SELECT name, version, created_at FROM pinnacle.models WHERE name = $1"), describe('S', ""), bind("", "", "add"), execute("", 0), syncing)
		if want := "ParameterDescription 25"; len(got) < 4 || got[1] != want || !strings.HasPrefix(got[4], `DataRow "add" "1" `) {
			t.Errorf("by the extended protocol: %v", got)
		}
	})
}

// TestNamesOfModels spells names as SQL does.
func TestNamesOfModels(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, timesModel("MODEL", "FoldedName", 2), "CREATE MODEL")
		s.wantRow(t, "SELECT predict('foldedname', 4)", "8")
		s.wantTag(t, timesModel("MODEL", `"Odd ""Name"" 1"`, 5), "CREATE MODEL")
		s.wantRow(t, `SELECT predict('Odd "Name" 1', 4), predict('Odd "Name" 1@1', 4)`, "20", "20")
		s.wantRow(t, `SELECT predict($$Odd "Name" 1$$, 4)`, "20")
		s.wantTag(t, `DROP MODEL "Odd ""Name"" 1"`, "DROP MODEL")
		s.wantTag(t, "DROP MODEL foldedname CASCADE", "DROP MODEL")
		s.wantTag(t, "/* a */ create /* b */ model -- c\n spelled ( x  INTEGER ) returns int8 using Starlark as 'def predict(x): return x' with ( deterministic = TRUE );", "CREATE MODEL")
		s.wantRow(t, "SELECT predict('spelled', 4), pg_typeof(1)", "4", "integer")
		s.wantTag(t, "drop model SPELLED", "DROP MODEL")
	})
}

// TestComponentErrors writes component statements wrong.
func TestComponentErrors(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for _, c := range []struct {
			sql, code string
			words     []string
		}{
			{"CREATE MODEL", "42601", nil},
			{"CREATE MODEL m", "42601", []string{"USING"}},
			{"CREATE MODEL m USING nothing", "42704", []string{"nothing", "starlark", "onnx"}},
			{"CREATE MODEL m(x nosuchtype) RETURNS int USING starlark AS 'def predict(x): return x'", "42704", []string{"nosuchtype", "position=16"}},
			{"CREATE MODEL m(x int) RETURNS nosuchtype USING starlark AS 'def predict(x): return x'", "42704", []string{"nosuchtype"}},
			{"CREATE MODEL m(x int) RETURNS int USING starlark", "", nil},
			{"CREATE MODEL m(x int, x int) RETURNS int USING starlark AS 'def predict(x, y): return x'", "42P13", []string{"x"}},
			{"CREATE MODEL m(x int) RETURNS int USING starlark AS 'def predict(x): return x' WITH (nosuchoption = 1)", "", []string{"nosuchoption"}},
			{"CREATE MODEL m(x int) RETURNS int USING starlark AS 'def predict(x): return x' WITH (deterministic = maybe)", "22023", []string{"deterministic"}},
			{"CREATE MODEL m(x int) RETURNS int USING starlark AS 'def predict(x): return x' WITH (", "42601", nil},
			{"CREATE MODEL m(x int) RETURNS int USING starlark AS 'def predict(x): return x' nonsense", "42601", []string{"nonsense"}},
			{"DROP MODEL", "42601", nil},
			{"ALTER MODEL double NONSENSE", "42601", []string{"NONSENSE"}},
			{"DESCRIBE MODEL", "42601", nil},
			{"DROP MODEL nosuchmodel", "42704", []string{"nosuchmodel"}},
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
		s.wantError(t, "DESCRIBE MODEL m", "42704")
	})
}

// TestComponentsAndTransactions runs component statements where a transaction is open or has failed.
func TestComponentsAndTransactions(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.mustQuery(t, "BEGIN")
		s.wantError(t, timesModel("MODEL", "in_block", 2), "25001")
		s.wantError(t, "SHOW MODELS", "25P02")
		s.mustQuery(t, "ROLLBACK")
		s.wantError(t, "SELECT 1; "+timesModel("MODEL", "in_block", 2), "25001")
		s.mustQuery(t, "BEGIN")
		s.wantTagOfRows(t, "SHOW MODELS LIKE 'double'")
		s.wantTagOfRows(t, "DESCRIBE MODEL double")
		s.mustQuery(t, "COMMIT")
		got := s.exchange(t, 1, parse("", timesModel("MODEL", "by_messages", 2)), describe('S', ""), bind("", ""), execute("", 0), syncing)
		want := []string{"ParseComplete", "ParameterDescription", "NoData", "BindComplete", "CommandComplete CREATE MODEL", "ReadyForQuery I"}
		same(t, "CREATE MODEL by the extended protocol", got, want)
		got = s.exchange(t, 1, parse("", "SHOW MODELS LIKE 'by_messages'"), describe('S', ""), bind("", ""), execute("", 0), syncing)
		if len(got) != 7 || !strings.HasPrefix(got[2], "RowDescription name:25") || !strings.HasPrefix(got[4], `DataRow "by_messages"`) {
			t.Errorf("SHOW MODELS by the extended protocol: %v", got)
		}
		s.wantTag(t, "DROP MODEL by_messages", "DROP MODEL")
	})
}

// wantTagOfRows runs a statement that gives rows and wants it to succeed.
func (s *session) wantTagOfRows(t *testing.T, sql string) {
	t.Helper()
	got := s.mustQuery(t, sql)
	if !strings.HasPrefix(got[0], "RowDescription") || len(got) < 4 {
		t.Errorf("%s: %v", sql, got)
	}
}

// TestReplacedUnderAPreparedStatement replaces a model that a prepared statement names. A new answer of the same type is
// given; an answer of another type is an error, never bytes of the wrong type.
func TestReplacedUnderAPreparedStatement(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s, other := on.open(t), on.open(t)
		other.wantTag(t, timesModel("MODEL", "changing", 2), "CREATE MODEL")
		run := func(name string) []string { return s.exchange(t, 1, bind("", name, "4"), execute("", 0), syncing) }
		s.exchange(t, 1, parse("s", "SELECT predict('changing', $1)"), describe('S', "s"), syncing)
		if got := run("s"); got[1] != `DataRow "8"` {
			t.Errorf("before: %v", got)
		}
		other.wantTag(t, timesModel("OR REPLACE MODEL", "changing", 3), "CREATE MODEL")
		if got := run("s"); got[1] != `DataRow "12"` && got[1] != `DataRow "8"` {
			t.Errorf("after a replacement: %v", got)
		}
		other.wantTag(t, "CREATE OR REPLACE MODEL changing(x int4) RETURNS text USING starlark AS 'def predict(x): return \"t%d\" % x'", "CREATE MODEL")
		if got := run("s"); !strings.HasPrefix(got[0], "Error ERROR 0A000") && !strings.HasPrefix(got[1], "Error ERROR 0A000") && got[1] != `DataRow "12"` {
			t.Errorf("after a replacement of another type: %v", got)
		}
		other.wantTag(t, "DROP MODEL changing", "DROP MODEL")
		if code, _ := firstError(run("s")); code != "42704" {
			t.Errorf("after DROP MODEL: %s", code)
		}
		s.wantRow(t, "SELECT predict('double', 4)", "8")
	})
}

// TestTwoStatementsRace makes and replaces one model from many sessions at once: versions are unique and count from 1.
func TestTwoStatementsRace(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		const sessions = 8
		codes := make([]string, sessions)
		var wg sync.WaitGroup
		for i := range sessions {
			s := on.open(t)
			wg.Add(1)
			go func() {
				defer wg.Done()
				s.front.Send(&pgproto3.Query{String: timesModel("MODEL", "raced", i+1)})
				if err := s.flush(); err != nil {
					codes[i] = err.Error()
					return
				}
				codes[i], _ = firstError(s.ready(1))
			}()
		}
		wg.Wait()
		made := 0
		for _, c := range codes {
			switch c {
			case "":
				made++
			case "42710":
			default:
				t.Errorf("a racing CREATE MODEL ended with %q", c)
			}
		}
		if made != 1 {
			t.Errorf("%d of %d racing CREATE MODEL succeeded, want one: %v", made, sessions, codes)
		}
		for i := range sessions {
			s := on.open(t)
			wg.Add(1)
			go func() {
				defer wg.Done()
				s.front.Send(&pgproto3.Query{String: timesModel("OR REPLACE MODEL", "raced", i+100)})
				if err := s.flush(); err != nil {
					codes[i] = err.Error()
					return
				}
				codes[i], _ = firstError(s.ready(1))
			}()
		}
		wg.Wait()
		for _, c := range codes {
			if c != "" {
				t.Errorf("a racing CREATE OR REPLACE MODEL ended with %q", c)
			}
		}
		got := on.value(t, "SELECT count(*) || ' ' || count(DISTINCT version) || ' ' || min(version) || ' ' || max(version) FROM pinnacle.model_versions WHERE name = 'raced'")
		if want := fmt.Sprintf("%d %[1]d 1 %[1]d", sessions+1); got != want {
			t.Errorf("versions %s, want %s", got, want)
		}
		on.exec(t, "DROP MODEL raced")
	})
}

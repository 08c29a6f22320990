package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSequences chains models, and sees what they are part of kept.
func TestSequences(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, timesModel("MODEL", "twice", 2), "CREATE MODEL")
		s.wantTag(t, "CREATE MODEL word(x int4) RETURNS text USING starlark AS $$\ndef predict(x):\n    return None if x == 6 else 'n%d' % x\n$$", "CREATE MODEL")
		s.wantTag(t, "CREATE MODEL count_null(t text) RETURNS int8 USING starlark AS $$\ndef predict(t):\n    return 0 if t == None else len(t)\n$$ WITH (null_on_null = false)", "CREATE MODEL")
		s.wantTag(t, "CREATE MODEL chain AS SEQUENCE (twice, word, count_null)", "CREATE MODEL")
		s.wantRow(t, "SELECT predict('chain', 4), predict('chain', 3), predict('chain', NULL)", "2", "0", "0")
		s.wantRow(t, "SELECT string_agg(predict('chain', x)::text, ',' ORDER BY x) FROM generate_series(1, 5) x", "2,2,0,2,3")
		s.wantRow(t, "SELECT runtime, arguments, returns FROM pinnacle.models WHERE name = 'chain'", "sequence", "x integer", "bigint")
		s.wantError(t, "CREATE MODEL bad AS SEQUENCE (word, twice)", "42804", "twice", "cannot follow model", "word")
		s.wantError(t, "CREATE MODEL bad AS SEQUENCE (word, no_such)", "42704", "no_such")
		s.wantError(t, "CREATE OR REPLACE MODEL chain AS SEQUENCE (chain, word)", "42P17")
		s.wantError(t, "DROP MODEL word", "2BP01", "chain", "version 1")
		s.wantError(t, "ALTER MODEL word RENAME TO wort", "2BP01", "chain")
		s.wantTag(t, timesModel("OR REPLACE MODEL", "twice", 20), "CREATE MODEL")
		s.wantRow(t, "SELECT predict('chain', 4)", "2")
		s.wantError(t, "DROP MODEL twice@1", "2BP01", "chain")
		if plan := fmt.Sprint(on.rows(t, "EXPLAIN CREATE OR REPLACE MODEL chain AS SEQUENCE (twice, word, count_null)")); !strings.Contains(plan, "new version") {
			t.Errorf("EXPLAIN CREATE: %s", plan)
		}
		s.wantTag(t, "CREATE OR REPLACE MODEL chain AS SEQUENCE (twice, word, count_null)", "CREATE MODEL")
		s.wantRow(t, "SELECT predict('chain', 4), predict('chain@1', 4)", "3", "2")
		s.wantRow(t, "SELECT used_by::text FROM pinnacle.components WHERE kind = 'model' AND name = 'twice' AND version = 2", `{"model \"chain\" version 2"}`)
		s.wantTag(t, "DROP MODEL twice CASCADE", "DROP MODEL")
		s.wantError(t, "SELECT predict('chain', 4)", "42704")
		s.wantTag(t, "DROP MODEL word", "DROP MODEL")
		s.wantTag(t, "DROP MODEL count_null", "DROP MODEL")
	})
}

// TestDatasetsInFrom reads datasets as the tables that they are: beside other tables, through models, in transactions.
func TestDatasetsInFrom(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, timesModel("OR REPLACE MODEL", "from_times", 2), "CREATE MODEL")
		s.mustQuery(t, "CREATE TABLE from_rows AS SELECT i AS id, CASE i WHEN 2 THEN NULL WHEN 3 THEN '' ELSE E'a,\"b\"\n' END AS t, date '2020-01-01' + i AS d FROM generate_series(1, 5000) AS i")
		s.wantTag(t, "CREATE DATASET from_kept AS SELECT id, t, d FROM from_rows WITH (pin = true)", "CREATE DATASET")
		s.wantTag(t, "CREATE DATASET from_live AS SELECT id FROM from_rows", "CREATE DATASET")
		s.mustQuery(t, "DELETE FROM from_rows WHERE id > 10")
		s.wantRow(t, "SELECT count(*), count(t), min(d), sum(length(t)) FROM pinnacle.dataset('from_kept')", "5000", "4999", "2020-01-02", "29988")
		s.wantRow(t, "SELECT from_kept.t, k.d FROM pinnacle.dataset('from_kept@1'), pinnacle.dataset('from_kept') AS k (n) WHERE from_kept.id = 3 AND k.n = 3", "", "2020-01-04")
		s.wantRow(t, "SELECT count(*) FROM pinnacle.dataset('from_live')", "10")
		s.wantRow(t, "SELECT sum(predict('from_times', k.id)) FROM pinnacle.dataset('from_kept') AS k JOIN from_rows USING (id)", "110")
		s.mustQuery(t, "CREATE TABLE from_copy AS SELECT * FROM pinnacle.dataset('from_kept') AS k WHERE k.id < 100")
		s.wantRow(t, "SELECT count(*) FROM from_copy", "99")
		s.mustQuery(t, "BEGIN")
		s.mustQuery(t, "DISCARD TEMP")
		s.wantRow(t, "SELECT count(*) FROM pinnacle.dataset('from_kept') AS k WHERE id % 2 = 0", "2500")
		s.mustQuery(t, "ROLLBACK")
		s.wantRow(t, "SELECT count(*) FROM pinnacle.dataset('from_kept')", "5000")
		p := on.connect(t)
		for _, n := range []int{7, 8} { // prepared once
			var got int
			if err := p.QueryRow(t.Context(), "SELECT count(*) FROM pinnacle.dataset('from_kept') WHERE id % $1 = 0", n).Scan(&got); err != nil || got != 5000/n {
				t.Errorf("a prepared statement over a dataset: %d, %v", got, err)
			}
			if _, err := p.Exec(t.Context(), "DISCARD TEMP"); err != nil {
				t.Error(err)
			}
		}
		s.wantError(t, "SELECT * FROM pinnacle.dataset('nobody')", "42704", "nobody")
		s.wantError(t, "SELECT pinnacle.dataset('from_kept')", "0A000", "stands in FROM")
		s.wantError(t, "SELECT * FROM pinnacle.dataset('from_kept') WHERE nothing = 1", "42703", "nothing")
		s.wantError(t, "CREATE VIEW v AS SELECT * FROM pinnacle.dataset('from_kept')", "0A000", "CREATE VIEW")
		s.mustQuery(t, "SET search_path = pg_catalog")
		s.wantError(t, "SELECT * FROM pinnacle.dataset('from_live')", "0A000", "search_path")
		s.mustQuery(t, "RESET search_path")
		s.wantTag(t, "DROP DATASET from_kept", "DROP DATASET")
		s.wantTag(t, "DROP DATASET from_live", "DROP DATASET")
		s.mustQuery(t, "DROP TABLE from_rows, from_copy")
		s.wantTag(t, "DROP MODEL from_times", "DROP MODEL")
	})
}

// TestDatasets keeps rows as they were, or the query that gives them.
func TestDatasets(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.mustQuery(t, "CREATE TABLE dataset_rows AS SELECT i AS id, CASE i WHEN 2 THEN NULL WHEN 3 THEN '' ELSE 'a,\"b\"' END AS t FROM generate_series(1, 3) AS i")
		s.wantTag(t, "CREATE DATASET kept AS SELECT id, t, predict('double', id) AS twice FROM dataset_rows ORDER BY id WITH (pin = true)", "CREATE DATASET")
		s.wantTag(t, "CREATE DATASET live AS SELECT * FROM dataset_rows", "CREATE DATASET")
		s.wantRow(t, "SELECT version, definition->'rows', definition->'columns'->2->>'type' FROM pinnacle.datasets WHERE name = 'kept'", "1", "3", "integer")
		s.wantRow(t, "SELECT count(*) FROM pinnacle.artifacts a JOIN pinnacle.datasets d ON a.digest = d.definition->>'artifact' WHERE d.name = 'kept'", "1")
		same := s.query(t, "CREATE OR REPLACE DATASET kept AS SELECT id, t, predict('double', id) AS twice FROM dataset_rows ORDER BY id WITH (pin = true)")
		if !strings.Contains(fmt.Sprint(same), "nothing was changed") {
			t.Errorf("the same dataset again: %v", same)
		}
		s.mustQuery(t, "INSERT INTO dataset_rows VALUES (4, 'new')")
		s.wantRow(t, "SELECT version FROM pinnacle.datasets WHERE name = 'kept'", "1")
		s.wantTag(t, "CREATE OR REPLACE DATASET kept AS SELECT id, t, predict('double', id) AS twice FROM dataset_rows ORDER BY id WITH (pin = true)", "CREATE DATASET")
		s.wantRow(t, "SELECT version, definition->'rows' FROM pinnacle.datasets WHERE name = 'kept'", "2", "4")
		s.wantError(t, "CREATE DATASET bad AS SELECT 1 AS a, 2 AS a", "42701")
		s.wantError(t, "CREATE DATASET bad AS SELECT * FROM no_such_table", "42P01", "no_such_table")
		s.wantError(t, "CREATE DATASET bad AS SELECT 1 WITH (pin = maybe)", "22023", "pin")
		s.wantError(t, "CREATE DATASET live AS SELECT 2", "42710", "live", "already exists")
		if shown := on.rows(t, "SHOW DATASETS LIKE 'k%'"); len(shown) != 1 || shown[0][0] != "kept" {
			t.Errorf("SHOW DATASETS: %v", shown)
		}
		s.wantTag(t, "DROP DATASET kept@1", "DROP DATASET")
		s.wantTag(t, "DROP DATASET kept", "DROP DATASET")
		s.wantTag(t, "DROP DATASET live", "DROP DATASET")
		s.wantTag(t, "DROP DATASET IF EXISTS live", "DROP DATASET")
		s.mustQuery(t, "DROP TABLE dataset_rows")
	})
}

// TestMetricsAndSecrets are what has a definition and nothing else.
func TestMetricsAndSecrets(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, "CREATE METRIC f1_all USING f1 WITH (average = 'macro')", "CREATE METRIC")
		s.wantError(t, "CREATE METRIC f1_all2 USING f1 WITH (average = 'mean')", "42704")
		s.wantError(t, "CREATE METRIC x USING f2", "42704", "roc_auc")
		s.wantError(t, "CREATE METRIC f1 USING accuracy", "42710", "built in")
		s.wantRow(t, "SELECT definition->>'metric' FROM pinnacle.metric_definitions WHERE name = 'f1_all'", "f1")
		s.wantTag(t, "DROP METRIC f1_all", "DROP METRIC")
		s.wantError(t, "CREATE SECRET k FROM ENV 'NO_SUCH_VARIABLE_HERE'", "58P01", "NO_SUCH_VARIABLE_HERE")
		s.wantError(t, "CREATE SECRET k FROM ENV 'PGPASSWORD'", "42501")
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte("hush\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.wantError(t, "CREATE SECRET k FROM FILE '"+file+"'", "42501", "secret_dirs")
		s.wantTag(t, "CREATE SECRET k FROM ENV 'PATH'", "CREATE SECRET")
		got := fmt.Sprint(s.query(t, "SELECT * FROM pinnacle.secrets"), s.query(t, "DESCRIBE SECRET k"), s.query(t, "SELECT pinnacle.show('secret', 'k')"))
		if !strings.Contains(got, "PATH") || strings.Contains(got, os.Getenv("PATH")) {
			t.Errorf("what is shown of a secret: %s", got)
		}
		s.wantTag(t, "DROP SECRET k", "DROP SECRET")
	})
}

// TestComponentFunctions does by functions what the statements do.
func TestComponentFunctions(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		add := `{"kind": "model", "name": "by_json", "runtime": "starlark", "arguments": [{"name": "x", "type": "integer"}], "returns": "integer", "source": "def predict(x):\n    return x + 1\n"}`
		s.wantRow(t, "SELECT pinnacle.add('"+add+"')", `{"change":"new","default":1,"kind":"model","name":"by_json","version":1}`)
		s.wantRow(t, "SELECT pinnacle.add(format('%s', '"+add+"'))", `{"change":"same","default":1,"kind":"model","name":"by_json","version":1}`)
		s.wantRow(t, "SELECT predict('by_json', 1)", "2")
		s.wantError(t, "SELECT pinnacle.add('{')", "22P02")
		s.wantError(t, `SELECT pinnacle.add('{"kind": "model", "name": "m", "runtime": "starlark", "sauce": "x"}')`, "22023", "sauce")
		s.wantError(t, `SELECT pinnacle.add('{"kind": "spell", "name": "m"}')`, "0A000", "spell")
		s.wantError(t, "SELECT pinnacle.add('x'), 1", "0A000", "alone")
		s.wantError(t, "SELECT pinnacle.add()", "42883")
		s.mustQuery(t, "BEGIN")
		s.wantError(t, "SELECT pinnacle.remove('model', 'by_json')", "25001")
		s.mustQuery(t, "ROLLBACK")
		if got := s.firstValue(t, "SELECT pinnacle.show('model', 'by_json')"); !strings.Contains(got, "x + 1") {
			t.Errorf("pinnacle.show: %s", got)
		}
		s.wantRow(t, "SELECT pinnacle.remove('model', 'by_json') AS gone", `[{"kind":"model","name":"by_json","version":1}]`)
		s.wantError(t, "SELECT pinnacle.remove('model', 'by_json')", "42704")
		s.wantRow(t, `SELECT pinnacle.remove('{"kind": "model", "name": "by_json", "if_exists": true}')`, `[]`)
	})
}

// TestComponentRights has roles that may call, make and change components, and such that may not.
func TestComponentRights(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		if on.proxy.opts.databackend == nil {
			t.Skip("the roles are made on the tests' server")
		}
		super := &target{name: "super", addr: world.oracle.addr(), user: "postgres", password: superPassword, database: on.database}
		super.exec(t, "CREATE ROLE caller; CREATE ROLE maker; GRANT caller, maker TO app; GRANT TEMPORARY ON DATABASE "+on.database+" TO caller, maker")
		s := on.open(t)
		as := func(role string, f func()) {
			s.mustQuery(t, "SET ROLE "+role)
			f()
			s.mustQuery(t, "RESET ROLE")
		}
		s.mustQuery(t, timesModel("MODEL", "rightful", 2))
		s.mustQuery(t, "CREATE TABLE rightful_rows AS SELECT 3 AS x; GRANT SELECT ON rightful_rows TO public")
		s.mustQuery(t, "PREPARE p AS SELECT predict('rightful', 5)")
		as("caller", func() { s.wantRow(t, "SELECT predict('rightful', 4)", "8") })
		s.wantTag(t, "REVOKE EXECUTE ON MODEL rightful FROM PUBLIC", "REVOKE")
		s.wantRow(t, "SELECT predict('rightful', 4)", "8")
		as("caller", func() {
			s.wantError(t, "SELECT predict('rightful', 4)", "42501", "permission denied for model", "rightful")
			s.wantError(t, "SELECT count(*) FROM rightful_rows GROUP BY predict('rightful', x)", "42501", "rightful")
			s.wantError(t, "EXECUTE p", "42501", "rightful")
			s.wantError(t, "CREATE MODEL of_it AS SEQUENCE (rightful)", "42501", "CREATE COMPONENT")
			s.wantError(t, "GRANT EXECUTE ON MODEL rightful TO caller", "42501", "must be owner")
			s.wantError(t, "DROP MODEL rightful", "42501", "must be owner")
			s.wantError(t, "ALTER MODEL rightful RENAME TO mine", "42501", "must be owner")
		})
		s.wantRow(t, "EXECUTE p", "10")
		s.wantTag(t, "GRANT EXECUTE ON MODEL rightful TO caller", "GRANT")
		s.wantError(t, "GRANT EXECUTE ON MODEL rightful TO no_such_role", "42704", "no_such_role")
		s.wantError(t, "GRANT EXECUTE ON MODEL no_such TO caller", "42704", "no_such")
		as("caller", func() {
			s.wantRow(t, "SELECT predict('rightful', 4)", "8")
			s.wantRow(t, "SELECT sum(predict('rightful', x)) FROM rightful_rows", "6")
			s.wantRow(t, "EXECUTE p", "10")
			s.wantError(t, timesModel("MODEL", "not_allowed", 2), "42501", "CREATE COMPONENT")
			s.wantError(t, "GRANT CREATE COMPONENT TO caller", "42501")
		})
		super.exec(t, "ALTER DATABASE "+on.database+" OWNER TO app")
		s.wantTag(t, "GRANT CREATE COMPONENT TO maker", "GRANT")
		as("maker", func() {
			s.wantTag(t, timesModel("MODEL", "made", 3), "CREATE MODEL")
			s.wantError(t, timesModel("OR REPLACE MODEL", "rightful", 3), "42501", "must be owner")
			s.wantError(t, "CREATE MODEL of_it AS SEQUENCE (rightful, made)", "42501", "permission denied for model")
		})
		s.wantTag(t, "GRANT EXECUTE ON MODEL rightful TO maker", "GRANT")
		as("maker", func() {
			s.wantTag(t, "CREATE LISTENER rightful_out ON (SELECT x FROM rightful_rows) KEY (x) PREDICT rightful (x)", "CREATE LISTENER")
		})
		awaited(t, on, "SELECT output FROM rightful_out", "SELECT 6")
		s.wantTag(t, "REVOKE EXECUTE ON MODEL rightful FROM maker", "REVOKE")
		s.mustQuery(t, "INSERT INTO rightful_rows VALUES (4)")
		s.wantTag(t, "REFRESH LISTENER rightful_out", "REFRESH LISTENER")
		awaited(t, on, "SELECT sqlstate FROM pinnacle.listeners WHERE name = 'rightful_out'", "SELECT '42501'")
		awaited(t, on, "SELECT output FROM rightful_out", "SELECT 6")
		s.wantTag(t, "GRANT EXECUTE ON MODEL rightful TO maker", "GRANT")
		awaited(t, on, "SELECT output FROM rightful_out ORDER BY 1", "VALUES (6), (8)")
		s.wantTag(t, "DROP LISTENER rightful_out", "DROP LISTENER")
		s.wantRow(t, "SELECT owner, created_by = session_user FROM pinnacle.components WHERE name = 'made'", "maker", "t")
		s.wantTag(t, "ALTER MODEL made OWNER TO caller", "ALTER MODEL")
		as("maker", func() { s.wantError(t, "DROP MODEL made", "42501", "must be owner") })
		s.wantTag(t, "REVOKE CREATE COMPONENT FROM maker", "REVOKE")
		as("maker", func() { s.wantError(t, timesModel("MODEL", "made2", 3), "42501", "CREATE COMPONENT") })
		s.mustQuery(t, "DROP MODEL made")
		s.mustQuery(t, "DROP MODEL rightful")
		s.mustQuery(t, "DROP TABLE rightful_rows")
		super.exec(t, "DROP OWNED BY caller, maker; DROP ROLE caller; DROP ROLE maker")
	})
}

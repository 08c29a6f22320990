package integration

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// awaited waits until a query on outputs gives what another one, on their source, says.
func awaited(t *testing.T, on *target, got, want string) {
	t.Helper()
	expected := fmt.Sprint(on.rows(t, want))
	deadline := time.Now().Add(90 * time.Second)
	for {
		now := fmt.Sprint(on.rows(t, got))
		if now == expected {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %.1000s\nwant %.1000s\nlisteners: %v\njobs: %v", got, now, expected, on.rows(t, "SELECT * FROM pinnacle.listeners"),
				on.rows(t, "SELECT kind, component, state, error FROM pinnacle.jobs WHERE kind LIKE 'listener%'"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestListener keeps outputs by SQL alone, as the proxy does by default, and by triggers before the user's own server too.
func TestListener(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, timesModel("OR REPLACE MODEL", "kept_times", 2), "CREATE MODEL")
		s.wantTag(t, "CREATE TABLE kept_rows (id int PRIMARY KEY, k int)", "CREATE TABLE")
		s.wantTag(t, "INSERT INTO kept_rows SELECT i, i FROM generate_series(1, 300) i", "INSERT 0 300")
		s.wantTag(t, "CREATE LISTENER kept_out ON kept_rows PREDICT kept_times (k)", "CREATE LISTENER")
		s.wantTag(t, "CREATE LISTENER kept_noted ON kept_rows PREDICT kept_times (k + 1) WITH (capture = 'triggers')", "CREATE LISTENER")
		s.wantTag(t, "CREATE LISTENER kept_chain ON kept_noted PREDICT kept_times (output) WITH (capture = 'triggers')", "CREATE LISTENER")
		check := func() {
			t.Helper()
			awaited(t, on, "SELECT id, output FROM kept_noted ORDER BY id", "SELECT id, 2 * (k + 1) FROM kept_rows ORDER BY id")
			awaited(t, on, "SELECT id, output FROM kept_chain ORDER BY id", "SELECT id, 4 * (k + 1) FROM kept_rows ORDER BY id")
			awaited(t, on, "SELECT id, output FROM kept_out ORDER BY id", "SELECT id, 2 * k FROM kept_rows ORDER BY id")
		}
		check()
		explained := fmt.Sprint(on.rows(t, "EXPLAIN SELECT predict('kept_times', k) FROM kept_rows"))
		if !strings.Contains(explained, "Outputs: kept_noted, kept_out") && !strings.Contains(explained, "Outputs: kept_out, kept_noted") {
			t.Errorf("EXPLAIN does not tell of the outputs: %s", explained)
		}
		s.wantTag(t, "UPDATE kept_rows SET k = -k, id = id + 1000 WHERE id < 50", "UPDATE 49")
		s.wantTag(t, "DELETE FROM kept_rows WHERE id BETWEEN 100 AND 120", "DELETE 21")
		s.wantTag(t, "INSERT INTO kept_rows SELECT 5000 + i, predict('kept_times', i) FROM generate_series(1, 10) i", "INSERT 0 10")
		check()
		s.wantRow(t, "SELECT model, outputs, refresh, enabled, rows_failed FROM pinnacle.listeners WHERE name = 'kept_out'", "kept_times", "public.kept_out", "change", "t", "0")
		s.wantTag(t, timesModel("OR REPLACE MODEL", "kept_times", 3), "CREATE MODEL")
		awaited(t, on, "SELECT id, output, model_version FROM kept_out ORDER BY id", "SELECT id, 3 * k, 2 FROM kept_rows ORDER BY id")
		s.wantTag(t, "ALTER LISTENER kept_out DISABLE", "ALTER LISTENER")
		s.wantRow(t, "SELECT state, enabled FROM pinnacle.listeners WHERE name = 'kept_out'", "disabled", "f")
		s.wantTag(t, "UPDATE kept_rows SET k = 7 WHERE id = 60", "UPDATE 1")
		s.wantTag(t, "ALTER LISTENER kept_out ENABLE", "ALTER LISTENER")
		s.wantTag(t, "REFRESH LISTENER kept_out", "REFRESH LISTENER")
		awaited(t, on, "SELECT output FROM kept_out WHERE id = 60", "SELECT 21")
		s.wantError(t, "DROP LISTENER kept_noted", "2BP01", "kept_chain")
		s.wantError(t, "DROP MODEL kept_times", "2BP01", "kept_out")
		for _, c := range []struct{ sql, code, word string }{
			{"CREATE LISTENER l ON nowhere PREDICT kept_times (k)", "42P01", "nowhere"},
			{"CREATE LISTENER l ON kept_rows PREDICT nobody (k)", "42704", "nobody"},
			{"CREATE LISTENER l ON kept_rows PREDICT kept_times (nothing)", "42703", "nothing"},
			{"CREATE LISTENER l ON kept_rows PREDICT kept_times (k, k)", "42883", "2"},
			{"CREATE LISTENER l ON (SELECT * FROM kept_rows) PREDICT kept_times (k)", "42P16", "KEY"},
			{"CREATE LISTENER l ON kept_rows PREDICT kept_times (k) INTO kept_rows", "42P07", "kept_rows"},
			{"CREATE LISTENER l ON kept_rows PREDICT kept_times (k) WITH (speed = 9)", "22023", "speed"},
			{"CREATE LISTENER l ON kept_rows PREDICT kept_times (k) WITH (capture = 'slot')", "55000", "wal_level"},
			{"CREATE LISTENER kept_out ON kept_rows PREDICT kept_times (id)", "42710", "kept_out"},
			{"REFRESH LISTENER nobody", "42704", "nobody"},
		} {
			s.wantError(t, c.sql, c.code, c.word)
		}
		s.wantTag(t, "DROP LISTENER kept_noted CASCADE", "DROP LISTENER")
		s.wantTag(t, "DROP LISTENER kept_out KEEP OUTPUTS", "DROP LISTENER")
		s.wantRow(t, "SELECT to_regclass('kept_out') IS NULL, to_regclass('kept_noted') IS NULL, to_regclass('kept_chain') IS NULL", "f", "t", "t")
		s.wantRow(t, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'kept_rows'::regclass", "0")
		s.wantTag(t, "DROP TABLE kept_out, kept_rows", "DROP TABLE")
		s.wantTag(t, "DROP MODEL kept_times", "DROP MODEL")
	})
}

// TestListenerOfARoleWithoutRights refuses what the role could not read itself.
func TestListenerOfARoleWithoutRights(t *testing.T) {
	t.Parallel()
	home, err := world.oracle.newTarget("unread", false)
	if err != nil {
		t.Fatal(err)
	}
	_, on := spare(t, proxyOptions{databackend: home})
	on.exec(t, timesModel("MODEL", "times", 2))
	super := &target{name: "super", addr: world.oracle.addr(), user: "postgres", password: superPassword, database: on.database}
	super.exec(t, "CREATE ROLE unread_reader; GRANT unread_reader TO app; GRANT CREATE ON DATABASE "+on.database+" TO unread_reader; GRANT ALL ON SCHEMA public TO unread_reader")
	on.exec(t, "CREATE TABLE hidden (id int PRIMARY KEY, k int)")
	on.exec(t, "CREATE DATASET hidden_rows AS SELECT * FROM hidden WITH (pin = true)")
	s := on.open(t)
	s.wantTag(t, "SET ROLE unread_reader", "SET")
	s.wantError(t, "CREATE LISTENER l ON hidden PREDICT times (k)", "42501", "hidden")
	s.wantError(t, "SELECT * FROM pinnacle.dataset('hidden_rows')", "42501", "hidden_rows")
	s.wantTag(t, "RESET ROLE", "RESET")
	s.wantTag(t, "GRANT SELECT ON hidden TO unread_reader", "GRANT")
	s.wantTag(t, "SET ROLE unread_reader", "SET")
	s.wantTag(t, "CREATE LISTENER l ON hidden PREDICT times (k)", "CREATE LISTENER")
	s.wantRow(t, "SELECT count(*) FROM l", "0")
	s.wantTag(t, "RESET ROLE", "RESET")
	// A listener calls its model with the rights of its owner, whenever it does.
	s.wantTag(t, "REVOKE EXECUTE ON MODEL times FROM PUBLIC", "REVOKE")
	s.mustQuery(t, "INSERT INTO hidden VALUES (1, 21)")
	awaited(t, on, "SELECT state, sqlstate FROM pinnacle.listeners", "SELECT 'failing', '42501'")
	s.wantRow(t, "SELECT count(*) FROM l", "0")
	s.wantTag(t, "GRANT EXECUTE ON MODEL times TO unread_reader", "GRANT")
	awaited(t, on, "SELECT id, output FROM l", "SELECT 1, 42")
}

// TestOutputsInPlaceOfCalls reads outputs where a slow model would be asked, within a transaction that has changed rows too.
func TestOutputsInPlaceOfCalls(t *testing.T) {
	t.Parallel()
	_, on := spare(t, proxyOptions{args: []string{"--predict-cache-bytes", "0"}})
	on.exec(t, strings.Replace(timesModel("MODEL", "times", 2), "    return", "    for i in range(2000):\n        i + 1\n    return", 1))
	on.exec(t, "CREATE TABLE source AS SELECT i AS id, i AS k FROM generate_series(1, 200) i")
	on.exec(t, "ALTER TABLE source ADD PRIMARY KEY (id)")
	on.exec(t, "CREATE LISTENER out ON source PREDICT times (k)")
	awaited(t, on, "SELECT count(*) FROM out", "SELECT 200")
	s := on.open(t)
	explained := fmt.Sprint(s.query(t, "EXPLAIN (ANALYZE) SELECT predict('times', k) FROM source"))
	if !strings.Contains(explained, "Outputs: out") || !strings.Contains(explained, "Cached: 200  Shared: 0  Calls: 0") {
		t.Errorf("the model was asked: %s", explained)
	}
	s.wantTag(t, "BEGIN", "BEGIN")
	s.wantTag(t, "UPDATE source SET k = k + 1000 WHERE id <= 10", "UPDATE 10")
	s.wantRow(t, "SELECT count(*) FROM source WHERE predict('times', k) = 2 * k", "200")
	explained = fmt.Sprint(s.query(t, "EXPLAIN (ANALYZE) SELECT predict('times', k) FROM source"))
	if !strings.Contains(explained, "Cached: 190  Shared: 0  Calls: 10") {
		t.Errorf("EXPLAIN after an UPDATE: %s", explained)
	}
	s.wantTag(t, "ROLLBACK", "ROLLBACK")
}

// TestListenerSurvivesKills kills the proxy in the middle of backfills, and of writes, again and again.
func TestListenerSurvivesKills(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{args: []string{"--listener-batch-rows", "50"}})
	const rows = 3000
	on.exec(t, strings.Replace(timesModel("MODEL", "times", 2), "    return", "    for i in range(2000):\n        i + 1\n    return", 1))
	on.exec(t, fmt.Sprintf("CREATE TABLE source AS SELECT i AS id, i AS k FROM generate_series(1, %d) i", rows))
	on.exec(t, "ALTER TABLE source ADD PRIMARY KEY (id)")
	on.exec(t, "CREATE LISTENER out ON source PREDICT times (k)")
	for round := range 4 {
		on.exec(t, fmt.Sprintf("UPDATE source SET k = k + 1 WHERE id %% 4 = %d", round))
		on.exec(t, fmt.Sprintf("DELETE FROM source WHERE id = %d", round+1))
		if err := p.kill(); err != nil {
			t.Fatal(err)
		}
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
	}
	awaited(t, on, "SELECT count(*), sum(output) FROM out", "SELECT count(*), sum(2 * k) FROM source")
	awaited(t, on, "SELECT count(*) FROM source LEFT JOIN out USING (id) WHERE output IS DISTINCT FROM 2 * k", "SELECT 0")
	awaited(t, on, "SELECT state, rows_behind FROM pinnacle.listeners", "SELECT 'fresh', 0")
	awaited(t, on, "SELECT DISTINCT state FROM pinnacle.jobs", "SELECT 'succeeded'")
}

// TestCancelledBackfill cancels a backfill by SQL: the outputs stop growing, also when the proxy is killed, until the job is tried
// again from the command line.
func TestCancelledBackfill(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{args: []string{"--listener-batch-rows", "20"}})
	const rows = 20000
	on.exec(t, strings.Replace(timesModel("MODEL", "times", 2), "    return", "    for i in range(20000):\n        i + 1\n    return", 1))
	on.exec(t, fmt.Sprintf("CREATE TABLE source AS SELECT i AS id, i AS k FROM generate_series(1, %d) i", rows))
	on.exec(t, "ALTER TABLE source ADD PRIMARY KEY (id)")
	on.exec(t, "CREATE LISTENER out ON source PREDICT times (k)")
	if err := until(time.Minute, func() error {
		if on.value(t, "SELECT count(*) > 0 FROM out") != "t" {
			return fmt.Errorf("no outputs")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	id := on.value(t, "SELECT id FROM pinnacle.jobs WHERE kind = 'listener_backfill'")
	on.value(t, "SELECT pinnacle.cancel_job("+id+")")
	awaited(t, on, "SELECT state, sqlstate FROM pinnacle.jobs WHERE id = "+id, "SELECT 'cancelled', '57014'")
	awaited(t, on, "SELECT state FROM pinnacle.listeners", "SELECT 'stopped'")
	if err := p.kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	on.exec(t, "UPDATE source SET k = -5 WHERE id = "+fmt.Sprint(rows))
	awaited(t, on, fmt.Sprintf("SELECT output FROM out WHERE id = %d", rows), "SELECT -10")
	if on.value(t, fmt.Sprintf("SELECT count(*) < %d FROM out", rows/2)) != "t" {
		t.Error("a backfill that was cancelled goes on")
	}
	on.exec(t, "DELETE FROM source WHERE id > 400 AND id < "+fmt.Sprint(rows)) // so that the rest does not take long
	command := func(flag string) (string, error) {
		cmd := exec.Command(world.bin, "jobs", flag, id, "--connect", on.url(""))
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PINNACLE_") })
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := command("--retry"); err != nil || !strings.Contains(out, "job "+id+" is pending") {
		t.Errorf("%v: %s", err, out)
	}
	awaited(t, on, "SELECT state FROM pinnacle.jobs WHERE id = "+id, "SELECT 'succeeded'")
	awaited(t, on, "SELECT count(*), sum(output) FROM out", "SELECT count(*), sum(2 * k) FROM source")
	if out, err := command("--cancel"); err == nil || !strings.Contains(out, "cannot be cancelled: it is succeeded") {
		t.Errorf("%v: %s", err, out)
	}
}

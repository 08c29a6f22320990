package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestViewsOfOtherSessions makes, renames and drops a view in one session and reads it in another.
func TestViewsOfOtherSessions(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s, other := on.open(t), on.open(t)
		other.mustQuery(t, "SELECT 1")
		s.wantTag(t, "CREATE VIEW seen AS SELECT id, predict('double', k) AS p FROM item", "CREATE VIEW")
		other.wantRow(t, "SELECT p FROM seen WHERE id = 4", "8")
		s.mustQuery(t, "BEGIN")
		s.mustQuery(t, "CREATE VIEW rolled AS SELECT predict('double', p) AS q FROM seen WHERE id = 4")
		s.wantRow(t, "SELECT q FROM rolled", "16")
		other.wantError(t, "SELECT q FROM rolled", "42P01")
		s.mustQuery(t, "ROLLBACK")
		s.wantError(t, "SELECT q FROM rolled", "42P01")
		s.mustQuery(t, "ALTER VIEW seen RENAME TO renamed")
		other.wantRow(t, "SELECT p FROM renamed WHERE id = 4", "8")
		other.wantError(t, "SELECT p FROM seen", "42P01")
		s.mustQuery(t, "CREATE SCHEMA IF NOT EXISTS views_elsewhere")
		s.mustQuery(t, "ALTER VIEW renamed SET SCHEMA views_elsewhere")
		other.wantRow(t, "SELECT views_elsewhere.renamed.p FROM views_elsewhere.renamed WHERE id = 4", "8")
		other.mustQuery(t, "SET search_path TO views_elsewhere")
		other.wantRow(t, "SELECT p FROM renamed WHERE id = 4", "8")
		s.mustQuery(t, "CREATE TABLE renamed (p text)")
		s.mustQuery(t, "INSERT INTO renamed VALUES ('a table')")
		s.wantRow(t, "SELECT p FROM renamed", "a table")
		s.mustQuery(t, "DROP TABLE renamed")
		s.mustQuery(t, "DROP SCHEMA views_elsewhere CASCADE")
		other.wantError(t, "SELECT p FROM renamed WHERE id = 4", "42P01")
	})
}

// TestViewsAsUsersOfModels lists views that call models, and drops them with these, or not these for them.
func TestViewsAsUsersOfModels(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.mustQuery(t, timesModel("MODEL", "called", 2))
		s.mustQuery(t, timesModel("OR REPLACE MODEL", "called", 3))
		s.mustQuery(t, "CREATE MODEL called_twice AS SEQUENCE (called, called)")
		s.mustQuery(t, `CREATE VIEW "Calls" AS SELECT predict('called@1', 4) AS one, predict('called@1', predict('called@1', 1)) AS two`)
		s.mustQuery(t, `CREATE VIEW reads AS SELECT one FROM "Calls"`)
		s.mustQuery(t, "CREATE MATERIALIZED VIEW holds AS SELECT predict('called_twice', 1) AS nine")
		s.wantRow(t, "SELECT schema, kind, calls, definition LIKE '%predict(''called@1'', predict(''called@1'', 1))%' FROM pinnacle.views WHERE name = 'Calls'", "public", "view", "{called@1}", "t")
		if shown := on.rows(t, "SHOW VIEWS LIKE 'holds'"); len(shown) != 1 || shown[0][2] != "materialized view" || shown[0][3] != "{called_twice}" {
			t.Errorf("SHOW VIEWS: %v", shown)
		}
		if got := fmt.Sprint(on.rows(t, `DESCRIBE VIEW "Calls"`)); !strings.Contains(got, `model "called" version 1`) {
			t.Errorf("DESCRIBE VIEW: %s", got)
		}
		if got := fmt.Sprint(on.rows(t, "DESCRIBE MODEL called_twice")); !strings.Contains(got, "materialized view public.holds") {
			t.Errorf("DESCRIBE MODEL: %s", got)
		}
		s.wantError(t, "DESCRIBE VIEW reads", "42704", "reads")
		s.wantError(t, "DROP MODEL called_twice", "2BP01", "public.holds", "CASCADE")
		s.wantError(t, "DROP MODEL called@1", "2BP01", "Calls")
		s.wantRow(t, "SELECT predict('called_twice', 2), predict('called@1', 2)", "18", "4")
		s.wantTag(t, "DROP MODEL called CASCADE", "DROP MODEL")
		s.wantRow(t, "SELECT count(*) FROM pg_class WHERE relname IN ('Calls', 'reads', 'holds')", "0")
		s.wantError(t, "SELECT predict('called_twice', 2)", "42704")
	})
}

// TestViewsInTheCatalog reads the definition of a view, makes the view again from it on home itself, as a restored dump
// does, and waits until the proxy has found it.
func TestViewsInTheCatalog(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		if on.proxy.opts.databackend == nil {
			t.Skip("the local PostgreSQL is the proxy's own")
		}
		s, home := on.open(t), on.proxy.opts.databackend.open(t)
		s.mustQuery(t, "CREATE VIEW dumped AS SELECT id, predict('double', k), predict('shout', name) AS s FROM item")
		home.wantError(t, "SELECT * FROM dumped", "42704", "only a query through pinnacle-proxy can read it", "predict('double')")
		home.wantRow(t, "SELECT count(*) FROM dumped", home.firstValue(t, "SELECT count(*) FROM item"))
		home.wantRow(t, "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'dumped'::regclass",
			"id integer, predict integer, s text")
		definition := home.firstValue(t, "SELECT pg_get_viewdef('dumped'::regclass)")
		home.mustQuery(t, "CREATE VIEW restored AS "+definition)
		home.mustQuery(t, "CREATE VIEW above_restored AS SELECT predict + 1 AS q FROM restored WHERE id = 4")
		if err := until(20*time.Second, func() error {
			if _, line := firstError(s.query(t, "SELECT q FROM above_restored")); line != "" {
				return fmt.Errorf("%s", line)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		s.wantRow(t, "SELECT q FROM above_restored", "9")
		s.wantRow(t, "SELECT predict, s FROM restored WHERE id = 4", "8", "item 4!")
		s.mustQuery(t, "DROP VIEW dumped, restored CASCADE")
	})
}

// firstValue is the first value of the first row of a query.
func (s *session) firstValue(t *testing.T, sql string) string {
	t.Helper()
	return s.on.value(t, sql)
}

// TestViewsAfterARestart reads views of a proxy that was stopped and started again, in the first statement of a session.
func TestViewsAfterARestart(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{})
	s := on.open(t)
	s.mustQuery(t, timesModel("MODEL", "lasting", 3))
	s.mustQuery(t, "CREATE TABLE kept AS SELECT generate_series(1, 5) AS x")
	s.mustQuery(t, "CREATE VIEW lasting_view AS SELECT x, predict('lasting', x) AS p FROM kept")
	s.mustQuery(t, "CREATE MATERIALIZED VIEW lasting_rows AS SELECT sum(p) AS n FROM lasting_view")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	on.open(t).wantRow(t, "SELECT sum(p) FROM lasting_view", "45")
	if got := strings.Join(on.open(t).exchange(t, 1, parse("", "SELECT p FROM lasting_view WHERE x = 5"), bind("", ""), execute("", 0), syncing), "; "); !strings.Contains(got, `DataRow "15"`) {
		t.Errorf("the first statement of a session, by the extended protocol: %s", got)
	}
	s = on.open(t)
	s.mustQuery(t, "INSERT INTO kept VALUES (10)")
	s.wantTag(t, "REFRESH MATERIALIZED VIEW lasting_rows", "REFRESH MATERIALIZED VIEW")
	s.wantRow(t, "SELECT n FROM lasting_rows", "75")
}

// TestViewsFollowTheirModels replaces and drops models that views call.
func TestViewsFollowTheirModels(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.mustQuery(t, timesModel("MODEL", "followed", 2))
		s.mustQuery(t, "CREATE VIEW follows AS SELECT predict('followed', 4) AS newest, predict('followed@1', 4) AS first")
		s.exchange(t, 1, parse("follows", "SELECT newest, first FROM follows"), syncing)
		bound := func() string {
			return strings.Join(s.exchange(t, 1, bind("", "follows"), execute("", 0), syncing), "; ")
		}
		s.wantRow(t, "SELECT * FROM follows", "8", "8")
		s.mustQuery(t, timesModel("OR REPLACE MODEL", "followed", 3))
		s.wantRow(t, "SELECT * FROM follows", "12", "8")
		if got := bound(); !strings.Contains(got, `DataRow "12" "8"`) {
			t.Errorf("a prepared statement after a replacement: %s", got)
		}
		s.mustQuery(t, "CREATE OR REPLACE VIEW follows AS SELECT predict('followed@1', 5) AS newest, 0 AS first")
		if got := bound(); !strings.Contains(got, `DataRow "10" "0"`) {
			t.Errorf("a prepared statement after the view was replaced: %s", got)
		}
		s.mustQuery(t, "CREATE OR REPLACE VIEW follows AS SELECT predict('followed', 4) AS newest, 0 AS first")
		s.mustQuery(t, "CREATE OR REPLACE MODEL followed(x int4) RETURNS text USING starlark AS $$\ndef predict(x):\n    return 'text'\n$$")
		s.wantError(t, "SELECT * FROM follows", "55000", "follows", "followed", "integer", "text")
		s.wantError(t, "DROP MODEL followed", "2BP01", "public.follows", "CASCADE")
		s.mustQuery(t, "SELECT pinnacle.remove('model', 'followed')") // does not look for views
		s.wantError(t, "SELECT * FROM follows", "42704", "followed", "does not exist")
		s.wantError(t, "CREATE VIEW never AS SELECT predict('followed', 1)", "42704")
		s.wantError(t, "SELECT * FROM never", "42P01")
		s.mustQuery(t, "DROP VIEW follows")
	})
}

// TestViewsAndPrivileges reads a view as roles that may read the view, its table, both or neither.
func TestViewsAndPrivileges(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		if on.proxy.opts.databackend == nil {
			t.Skip("the roles are made on the tests' server")
		}
		super := &target{name: "super", addr: world.oracle.addr(), user: "postgres", password: superPassword, database: on.database}
		super.exec(t, `CREATE ROLE view_reader; GRANT view_reader TO app; GRANT TEMPORARY ON DATABASE `+on.database+` TO view_reader`)
		s := on.open(t)
		s.mustQuery(t, "CREATE TABLE guarded AS SELECT 1 AS x")
		s.mustQuery(t, "CREATE VIEW guard AS SELECT predict('double', x) AS p FROM guarded")
		as := func(f func()) {
			s.mustQuery(t, "SET ROLE view_reader")
			f()
			s.mustQuery(t, "RESET ROLE")
		}
		s.mustQuery(t, "GRANT SELECT ON guarded TO view_reader")
		as(func() { s.wantError(t, "SELECT * FROM guard", "42501", "permission denied for view guard") })
		s.mustQuery(t, "GRANT SELECT ON guard TO view_reader")
		as(func() { s.wantRow(t, "SELECT * FROM guard", "2") })
		s.mustQuery(t, "REVOKE SELECT ON guarded FROM view_reader")
		as(func() { s.wantError(t, "SELECT * FROM guard", "42501", "guarded") })
		s.mustQuery(t, "DROP TABLE guarded CASCADE")
		super.exec(t, "DROP OWNED BY view_reader; DROP ROLE view_reader")
	})
}

// TestViewsAskTheFewest counts what models are asked by statements over views.
func TestViewsAskTheFewest(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		name := "viewed"
		m := count(t, on, "f", name, "")
		s.mustQuery(t, "SET predict.cache = off")
		s.mustQuery(t, "CREATE TEMP TABLE source AS SELECT i AS id, i % 10 AS k FROM generate_series(1, 500) AS i")
		s.mustQuery(t, "CREATE TEMP VIEW low AS SELECT id, k, predict('"+name+"', k) AS p FROM source")
		s.mustQuery(t, "CREATE TEMP VIEW high AS SELECT id, p, k FROM low WHERE id > 100")
		for _, c := range []struct {
			sql  string
			want int
		}{
			{"SELECT count(*) FROM low", 0},
			{"SELECT id, k FROM high ORDER BY id", 0},
			{"SELECT p FROM low", 10},
			{"SELECT p FROM low WHERE k < 3", 3},
			{"SELECT p FROM high WHERE k = 4 AND id < 300", 1},
			{"SELECT sum(p), count(DISTINCT p) FROM high WHERE k IN (1, 2)", 2},
			{"SELECT a.p, b.p FROM low a JOIN high b USING (id) WHERE a.k = 7", 1},
			{"SELECT EXISTS (SELECT FROM low WHERE k = 5)", 0},
			{"SELECT predict('" + name + "', k), p FROM high WHERE k < 2", 2},
		} {
			before := len(m.asked(t).tuples)
			s.mustQuery(t, c.sql)
			if got := len(m.asked(t).tuples) - before; got != c.want {
				t.Errorf("%s asks %d, want %d", c.sql, got, c.want)
			}
		}
	})
}

// TestMaterializedViews makes and refreshes materialized views, whose rows are those of a table that is made by the same
// query.
func TestMaterializedViews(t *testing.T) {
	run := func(t *testing.T, on *target) []string {
		s := on.open(t)
		var got []string
		do := func(statements ...string) {
			for _, sql := range statements {
				got = append(got, without(s.query(t, sql), "Notice")...)
			}
		}
		do("CREATE TABLE mv_source AS SELECT i AS id, i % 4 AS k, 'n<&>\"' || i AS name FROM generate_series(1, 20) AS i",
			"CREATE MATERIALIZED VIEW mv AS SELECT id, predict('double', k), predict('shout', name) AS s, predict('id_float8', id / 3.0::float8) AS f, predict('pair', id) AS a, predict('maybe', id) AS m FROM mv_source WITH DATA",
			"SELECT * FROM mv ORDER BY id",
			"CREATE UNIQUE INDEX mv_id ON mv (id)",
			"UPDATE mv_source SET k = 50, name = NULL WHERE id < 4",
			"SELECT count(*) FROM mv WHERE predict > 90",
			"REFRESH MATERIALIZED VIEW mv",
			"SELECT * FROM mv WHERE id < 6 ORDER BY id",
			"INSERT INTO mv_source VALUES (21, 7, 'x')",
			"REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
			"SELECT * FROM mv WHERE id > 20",
			"BEGIN", "DELETE FROM mv_source", "REFRESH MATERIALIZED VIEW mv", "SELECT count(*) FROM mv", "ROLLBACK", "SELECT count(*) FROM mv",
			"CREATE VIEW mv_view AS SELECT id, predict('double', k) AS p FROM mv_source",
			"CREATE MATERIALIZED VIEW IF NOT EXISTS mv_over (a, b) AS SELECT id, p FROM mv_view WHERE p > 4 WITH NO DATA",
			"SELECT * FROM mv_over",
			"REFRESH MATERIALIZED VIEW mv_over",
			"SELECT * FROM mv_over ORDER BY a",
			"REFRESH MATERIALIZED VIEW mv_over WITH NO DATA",
			"SELECT * FROM mv_over",
			"SELECT relname, relkind, relispopulated FROM pg_class WHERE relname IN ('mv', 'mv_over') ORDER BY 1",
			"SELECT attname, format_type(atttypid, atttypmod), attcollation FROM pg_attribute WHERE attrelid = 'mv'::regclass AND attnum > 0 ORDER BY attnum",
			"CREATE MATERIALIZED VIEW mv_plain AS SELECT 1 AS x", "REFRESH MATERIALIZED VIEW mv_plain",
			"REFRESH MATERIALIZED VIEW mv_view",
			"ALTER MATERIALIZED VIEW mv RENAME TO mv_renamed", "REFRESH MATERIALIZED VIEW mv_renamed", "SELECT count(*) FROM mv_renamed",
			"DROP TABLE mv_source CASCADE", "DROP MATERIALIZED VIEW mv_plain")
		return got
	}
	want := run(t, world.direct)
	eachTarget(t, func(t *testing.T, on *target) { same(t, "materialized views", run(t, on), want) })
}

// TestMaterializedViewsAreAtomic refreshes a materialized view with a model that fails, which leaves it as it was, and makes
// one, which leaves none.
func TestMaterializedViewsAreAtomic(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.mustQuery(t, "CREATE MODEL picky_rows(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return 100 // x\n$$")
		s.mustQuery(t, "CREATE TABLE picky_source AS SELECT i AS x FROM generate_series(1, 3) AS i")
		s.wantTag(t, "CREATE MATERIALIZED VIEW picky AS SELECT predict('picky_rows', x) AS p FROM picky_source", "SELECT 3")
		s.mustQuery(t, "INSERT INTO picky_source VALUES (0)")
		s.wantError(t, "REFRESH MATERIALIZED VIEW picky", "38000")
		s.wantRow(t, "SELECT sum(p) FROM picky", "183")
		s.wantError(t, "CREATE MATERIALIZED VIEW picky2 AS SELECT predict('picky_rows', x) AS p FROM picky_source", "38000")
		s.wantError(t, "SELECT * FROM picky2", "42P01")
		s.mustQuery(t, "DELETE FROM picky_source WHERE x = 0")
		got := strings.Join(s.exchange(t, 1, parse("", "REFRESH MATERIALIZED VIEW picky"), bind("", ""), execute("", 0), syncing), "; ")
		if got != "ParseComplete; BindComplete; CommandComplete REFRESH MATERIALIZED VIEW; ReadyForQuery I" {
			t.Errorf("REFRESH by the extended protocol: %s", got)
		}
		s.mustQuery(t, "DROP TABLE picky_source CASCADE")
	})
}

package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/session"
)

// defaults are the limits that tests have where they do not matter.
var defaults = session.DefaultShipLimits()

// TestFailureWritesNothing has a model fail in the middle of statements that write, and home fail behind a model.
func TestFailureWritesNothing(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	for i, st := range []struct{ text, code string }{
		{"INSERT INTO %s SELECT predict('picky', i) FROM generate_series(1, 9) AS i", "38000"},
		{"INSERT INTO %s VALUES (predict('picky', 1)), (predict('picky', 5))", "38000"},
		{"UPDATE %s SET x = predict('picky', x)", "38000"},
		{"UPDATE %s SET x = 1 / (predict('double', x) - 6)", "22012"},
		{"DELETE FROM %s WHERE predict('picky', x) > 0", "38000"},
		{"WITH gone AS (DELETE FROM %s RETURNING x) SELECT predict('picky', x) FROM gone", "38000"},
		{"MERGE INTO %s USING (VALUES (5)) AS v(y) ON x = y WHEN MATCHED THEN UPDATE SET x = predict('picky', y)", "38000"},
		{"UPDATE %s SET x = x + 1 RETURNING predict('picky', x)", "38000"},
		{"CREATE TABLE failure_made AS SELECT predict('picky', x) FROM %s", "38000"},
		{"INSERT INTO %s SELECT predict('no_such', 1)", "42704"},
	} {
		table := fmt.Sprintf("failure_%d", i)
		text := fmt.Sprintf(st.text, table)
		c.must("CREATE TABLE " + table + " AS SELECT i AS x FROM generate_series(1, 6) AS i")
		for how, run := range map[string]func(string) []string{"simple": c.query, "extended": c.extended} {
			if got := run(text); len(got) < 2 || got[len(got)-2] != "error "+st.code || got[len(got)-1] != "I" {
				t.Errorf("%s, %s: %q", text, how, got)
			}
			c.idle()
			expect(t, text, c.must("SELECT predict('double', 21)"), "42", "SELECT 1", "I")
		}
		if got := direct(t, "SELECT string_agg(x::text, ' ' ORDER BY x) FROM "+table); got != "1 2 3 4 5 6" {
			t.Errorf("%s: %s are left", text, got)
		}
	}
	if got := direct(t, "SELECT to_regclass('failure_made')"); got != "" {
		t.Error(got)
	}
}

// TestInTransactions runs statements in a transaction of the client's, with savepoints of its own.
func TestInTransactions(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	for _, level := range []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"} {
		c := p.connect(t)
		table := "tx_" + strings.ToLower(strings.ReplaceAll(level, " ", "_"))
		c.must("CREATE TABLE " + table + " AS SELECT i AS x FROM generate_series(1, 6) AS i")
		expect(t, level, c.must("BEGIN ISOLATION LEVEL "+level), "BEGIN", "T")
		expect(t, level, c.extended("UPDATE "+table+" SET x = predict('double', x) WHERE predict('next', x) > 5"), "UPDATE 2", "T")
		c.must("SAVEPOINT mine")
		expect(t, level, c.query("INSERT INTO "+table+" SELECT predict('picky', i) FROM generate_series(4, 5) AS i"), "error 38000", "E")
		expect(t, level, c.query("SELECT predict('double', 1)"), "error 25P02", "E")
		c.must("ROLLBACK TO mine")
		expect(t, level, c.extended("INSERT INTO "+table+" SELECT predict('picky', i) FROM generate_series(6, 7) AS i RETURNING x"), "12", "14", "INSERT 0 2", "T")
		c.must("RELEASE mine")
		expect(t, level, c.query("SELECT predict('double', x), count(*) FROM "+table+" GROUP BY 1 ORDER BY 1"),
			"2,1", "4,1", "6,1", "8,1", "20,1", "24,2", "28,1", "SELECT 7", "T")
		expect(t, level, c.query("SELECT predict('double', x) FROM nowhere GROUP BY 1"), "error 42P01", "E")
		expect(t, level, c.query("COMMIT"), "ROLLBACK", "I")
		if got := direct(t, "SELECT string_agg(x::text, ' ' ORDER BY x) FROM "+table); got != "1 2 3 4 5 6" {
			t.Errorf("%s: rolled back, and there are %s", level, got)
		}
		c.must("BEGIN ISOLATION LEVEL " + level)
		c.must("DELETE FROM " + table + " WHERE predict('double', x) < 12")
		expect(t, level, c.query("COMMIT"), "COMMIT", "I")
		if got := direct(t, "SELECT string_agg(x::text, ' ' ORDER BY x) FROM "+table); got != "6" {
			t.Errorf("%s: committed, and there are %s", level, got)
		}
	}
}

// TestBetweenMessages has statements between others of one implicit transaction.
func TestBetweenMessages(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("CREATE TABLE between_ (x int)")
	join := func(lists ...[]pgproto3.FrontendMessage) (all []pgproto3.FrontendMessage) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return append(all, &pgproto3.Sync{})
	}
	c.send(join(statement("INSERT INTO between_ VALUES (3)", 0), statement("SELECT predict('double', x) FROM between_ GROUP BY 1", 0),
		statement("INSERT INTO between_ SELECT predict('double', x) FROM between_", 0))...)
	expect(t, "between others", c.ready(), "INSERT 0 1", "6", "SELECT 1", "INSERT 0 1", "I")
	c.send(join(statement("INSERT INTO between_ VALUES (5)", 0), statement("UPDATE between_ SET x = predict('picky', x)", 0), statement("SELECT 1", 0))...)
	expect(t, "one fails", c.ready(), "INSERT 0 1", "error 38000", "I")
	c.send(join(statement("INSERT INTO between_ VALUES (9)", 0), statement("UPDATE between_ SET x = predict('double', 5)", 0))...)
	expect(t, "nothing tells its arguments before", c.ready(), "INSERT 0 1", "error 0A000", "I")
	c.send(join(statement("INSERT INTO between_ VALUES (9)", 0), statement("UPDATE between_ SET x = predict('double', 3) + 11 RETURNING predict('double', x)", 0))...)
	expect(t, "it makes its arguments", c.ready(), "INSERT 0 1", "error 40001", "I")
	c.send(join(statement("BEGIN", 0), statement("UPDATE between_ SET x = predict('double', 3) + 11 RETURNING predict('double', x)", 0), statement("ROLLBACK", 0))...)
	expect(t, "in a block", c.ready(), "BEGIN", "34", "34", "UPDATE 2", "ROLLBACK", "I")
	c.send(join(statement("INSERT INTO between_ VALUES (9) RETURNING predict('double', x)", 0), statement("SELECT 1/0", 0))...)
	expect(t, "RETURNING alone", c.ready(), "18", "INSERT 0 1", "error 22012", "I")
	c.send(join(statement("INSERT INTO between_ VALUES (5) RETURNING predict('picky', x)", 0), statement("SELECT 1", 0))...)
	expect(t, "RETURNING that fails", c.ready(), "error 38000", "I")
	c.send(join(statement("UPDATE between_ SET x = predict('double', x)", 0), statement("SELECT 1/0", 0))...)
	expect(t, "what follows fails", c.ready(), "UPDATE 2", "error 22012", "I")
	expect(t, "one message", c.query("INSERT INTO between_ VALUES (10); SELECT sum(predict('double', x)) FROM between_; SELECT 1/0"), "INSERT 0 1", "38", "SELECT 1", "error 22012", "I")
	expect(t, "one message", c.query("UPDATE between_ SET x = predict('double', x) WHERE x = 3; SELECT x FROM between_ ORDER BY predict('double', x)"),
		"UPDATE 1", "6", "6", "SELECT 2", "I")
	c.idle()
	if got := direct(t, "SELECT string_agg(x::text, ' ' ORDER BY x) FROM between_"); got != "6 6" {
		t.Error(got)
	}
}

// TestLimitedPortals reads results in parts: such that are held, and such that are too large for that.
func TestLimitedPortals(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]session.ShipLimits{"held": defaults, "too large": {RoundBytes: 1 << 20, ResultBytes: 1 << 10, MaxRounds: 100}} {
		p := newProxy(t, limits)
		const rows = 200
		for _, in := range []string{"", "BEGIN"} {
			c := p.connect(t)
			end := "I"
			if in != "" {
				c.must(in)
				end = "T"
			}
			text := fmt.Sprintf("SELECT i, predict('double', i %% 10) AS p FROM generate_series(1, %d) AS i ORDER BY p, i", rows)
			c.send(append(statement(text, 70), &pgproto3.Execute{MaxRows: 70}, &pgproto3.Execute{MaxRows: 70}, &pgproto3.Execute{MaxRows: 70}, &pgproto3.Sync{})...)
			got := c.ready()
			var n int
			var tags []string
			last := ""
			for _, line := range got {
				if strings.Contains(line, ",") {
					n, last = n+1, line
				} else {
					tags = append(tags, line)
				}
			}
			if n != rows || last != "199,18" || got[0] != "10,0" {
				t.Errorf("%s %s: %d rows, the last %s", name, in, n, last)
			}
			expect(t, name+" "+in, tags, "suspended", "suspended", "SELECT 60", "SELECT 0", end)
			expect(t, name, c.must("SELECT predict('double', 4)"), "8", "SELECT 1", end)
		}
	}
}

// TestLargeResults sends results that are larger than what is held, each once.
func TestLargeResults(t *testing.T) {
	t.Parallel()
	p := newProxy(t, session.ShipLimits{RoundBytes: 1 << 20, ResultBytes: 1 << 10, MaxRounds: 100})
	c := p.connect(t)
	c.must("CREATE TABLE large (x int, word text)")
	for how, run := range map[string]func(string) []string{"simple": c.query, "extended": c.extended} {
		c.must("TRUNCATE large")
		got := run("INSERT INTO large SELECT predict('double', i % 10), repeat('w', 100) FROM generate_series(1, 500) AS i RETURNING x, word")
		if len(got) != 502 || got[500] != "INSERT 0 500" || got[501] != "I" || !strings.HasPrefix(got[0], "2,www") {
			t.Errorf("%s: %d messages, %q", how, len(got), got[len(got)-2:])
		}
		got = run("SELECT word, predict('double', x) FROM large ORDER BY 2, word")
		if len(got) != 502 || got[500] != "SELECT 500" || !strings.HasSuffix(got[0], ",0") || !strings.HasSuffix(got[499], ",36") {
			t.Errorf("%s: %d messages, %q", how, len(got), got[len(got)-2:])
		}
		got = run("UPDATE large SET word = word || predict('picky', x / 2) WHERE predict('double', x) >= 0 RETURNING word")
		if got[len(got)-2] != "error 38000" || got[len(got)-1] != "I" {
			t.Errorf("%s: %d messages, %q", how, len(got), got[len(got)-2:])
		}
	}
	if got := direct(t, "SELECT count(*) FROM large WHERE length(word) = 100"); got != "500" {
		t.Error(got)
	}
}

// TestResultsInFiles sends results of some 50 kB that are held in a file, or are too large for it or for memory and are sent
// by one more run. Evaluations of a function of the client's tell how often home has run the statement.
func TestResultsInFiles(t *testing.T) {
	t.Parallel()
	for name, st := range map[string]struct {
		file int64
		runs string
	}{"in a file": {1 << 20, "1"}, "no file": {0, "2"}, "too large for the file": {16 << 10, "2"}} {
		p := newProxy(t, session.ShipLimits{RoundBytes: 1 << 20, ResultBytes: 1 << 10, ResultFileBytes: st.file, MaxRounds: 100})
		c := p.connect(t)
		counter := "runs_of_" + strings.ReplaceAll(name, " ", "_")
		c.must("CREATE SEQUENCE " + counter)
		c.must("CREATE FUNCTION " + counter + "_up() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('" + counter + "'); END $$")
		const text = "SELECT repeat('w', 100), predict('double', x % 10) AS p FROM generate_series(1, 500) AS x "
		for range 2 { // the first time it has to ask, too
			c.must("SELECT setval('" + counter + "', 1, false)")
			got := c.query(text + "WHERE " + counter + "_up() > 0 ORDER BY p, x")
			if len(got) != 502 || got[500] != "SELECT 500" || !strings.HasSuffix(got[0], "w,0") || !strings.HasSuffix(got[499], "w,18") {
				t.Errorf("%s: %d messages, %q", name, len(got), got[len(got)-2:])
			}
		}
		if got := direct(t, "SELECT last_value / 500 FROM "+counter); got != st.runs {
			t.Errorf("%s: run %s times", name, got)
		}
	}
}

// TestJIT has plans compiled by none of the proxy's statements, and the client's setting kept.
func TestJIT(t *testing.T) {
	t.Parallel()
	c := newProxy(t, defaults).connect(t)
	for _, want := range []string{"on", "off"} {
		c.must("SET jit = " + want)
		const text = "SELECT current_setting('jit'), max(predict('double', x)) FROM generate_series(1, 3) AS x"
		expect(t, "alone", c.must(text), "off,6", "SELECT 1", "I")
		c.must("BEGIN")
		expect(t, "in a block", c.must(text), "off,6", "SELECT 1", "T")
		expect(t, "behind it", c.must("SHOW jit"), want, "SHOW", "T")
		c.must("SAVEPOINT s")
		c.must("SET LOCAL jit = on")
		expect(t, "in a block", c.must(text), "off,6", "SELECT 1", "T")
		expect(t, "set in the block", c.must("SHOW jit"), "on", "SHOW", "T")
		c.query("SELECT max(predict('picky', x)) FROM generate_series(1, 9) AS x")
		c.must("ROLLBACK TO SAVEPOINT s")
		expect(t, "behind an error", c.must("SHOW jit"), want, "SHOW", "T")
		c.must("COMMIT")
		expect(t, "at last", c.must("SHOW jit"), want, "SHOW", "I")
		expect(t, "between others", c.must("SELECT 1; "+text+"; SHOW jit"), "1", "SELECT 1", "off,6", "SELECT 1", want, "SHOW", "I")
	}
}

// TestCancelBetweenRounds cancels statements while a model has their arguments.
func TestCancelBetweenRounds(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	setup := p.connect(t)
	setup.must("CREATE TABLE canceled AS SELECT i AS x FROM generate_series(1, 3) AS i")
	for _, text := range []string{
		"SELECT predict('wait', x), count(*) FROM canceled GROUP BY 1",
		"UPDATE canceled SET x = predict('wait', x)",
		"INSERT INTO canceled SELECT predict('wait', predict('double', x)) FROM canceled",
		"DELETE FROM canceled WHERE CASE WHEN predict('double', x) > 2 THEN predict('wait', x) = 1 END",
	} {
		for _, in := range []string{"", "BEGIN"} {
			c := p.connect(t)
			end := "I"
			if in != "" {
				c.must("BEGIN; INSERT INTO canceled VALUES (100)")
				end = "E"
			}
			before := p.models.times("wait")
			done := make(chan []string, 1)
			c.send(&pgproto3.Query{String: text})
			go func() { done <- c.ready() }()
			await(t, "the model is asked", func() bool { return p.models.times("wait") > before })
			expect(t, text, c.cancel(done), "error 57014", end)
			if in != "" {
				expect(t, text, c.query("ROLLBACK"), "ROLLBACK", "I")
			}
			c.idle()
			expect(t, text, c.must("SELECT predict('double', 1) ORDER BY 1"), "2", "SELECT 1", "I")
		}
	}
	if got := direct(t, "SELECT string_agg(x::text, ' ' ORDER BY x) FROM canceled"); got != "1 2 3" {
		t.Error(got)
	}
}

// TestClientGone ends the connection while a model has a statement's arguments: nothing is written.
func TestClientGone(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	setup := p.connect(t)
	setup.must("CREATE TABLE gone AS SELECT 1 AS x")
	c := p.connect(t)
	c.send(&pgproto3.Query{String: "UPDATE gone SET x = predict('wait', x)"})
	await(t, "the model is asked", func() bool { return p.models.times("wait") > 0 })
	must(t, c.conn.Close())
	await(t, "home's session has ended", func() bool {
		return direct(t, fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d", c.pid)) == "0"
	})
	expect(t, "afterwards", setup.must("SELECT x, predict('double', x) FROM gone GROUP BY 1"), "1,2", "SELECT 1", "I")
}

// TestRoundLimits meets each limit: the statement fails and says which, and the session goes on.
func TestRoundLimits(t *testing.T) {
	t.Parallel()
	p := newProxy(t, session.ShipLimits{RoundBytes: 1 << 10, ResultBytes: 1 << 10, MaxRounds: 10})
	c := p.connect(t)
	c.must("CREATE TABLE limited (x int)")
	const steps = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT predict('next', x) FROM r WHERE x < %d) SELECT count(*) FROM r"
	expect(t, "some rounds", c.query(fmt.Sprintf(steps, 5)), "5", "SELECT 1", "I")
	expect(t, "too many rounds", c.query(fmt.Sprintf(steps, 50)), "error 54000", "I")
	expect(t, "too many arguments", c.query("SELECT count(*) FROM generate_series(1, 1000) AS i WHERE (SELECT predict('double', i)) > 1"), "error 54000", "I")
	expect(t, "too many arguments of a write", c.query("INSERT INTO limited SELECT predict('double', i) FROM generate_series(1, 1000) AS i LIMIT 1000"), "error 54000", "I")
	c.idle()
	expect(t, "afterwards", c.must("SELECT count(*) FROM limited WHERE predict('double', x) = 1 OR x IS NULL"), "0", "SELECT 1", "I")
}

// TestFailingRows has rows that a model cannot answer where that does not fail the statement.
func TestFailingRows(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("CREATE TABLE failing AS SELECT i AS x FROM generate_series(4, 6) AS i")
	const warned = "WARNING 01000"
	expect(t, "try_predict", c.query("SELECT x, try_predict('picky', x) FROM failing ORDER BY 1"), "4,8", "5,NULL", "6,12", warned, "SELECT 3", "I")
	expect(t, "in a condition", c.query("SELECT x FROM failing WHERE try_predict('picky', x) IS NULL"), "5", warned, "SELECT 1", "I")
	expect(t, "twice", c.query("SELECT try_predict('picky', x), try_predict('picky', x + 1), count(*) FROM failing GROUP BY 1, 2 ORDER BY 1, 2"),
		"8,NULL,1", "12,14,1", "NULL,12,1", warned, "SELECT 3", "I")
	expect(t, "none fails", c.query("SELECT try_predict('picky', x + 100) FROM failing ORDER BY 1"), "208", "210", "212", "SELECT 3", "I")
	expect(t, "no model", c.query("SELECT try_predict('no_such', x) FROM failing"), "error 42704", "I")
	const said = "SELECT x, d->>'value', d->>'error', d->>'model', d->>'version', d->>'cached', d->>'tokens', (d->>'milliseconds')::float8 >= 0 FROM (SELECT x, predict_details('picky', x) AS d FROM failing) AS s ORDER BY 1"
	expect(t, "predict_details", c.query(said), "4,8,NULL,picky,1,false,NULL,t", "5,NULL,model \"picky\" version 1 failed: it does not like 5,picky,1,false,NULL,t",
		"6,12,NULL,picky,1,false,NULL,t", "SELECT 3", "I")
	expect(t, "of NULL", c.query("SELECT predict_details('picky', NULL)"), "NULL", "SELECT 1", "I")
	c.must("SET predict.on_error = 'null'")
	expect(t, "streamed", c.query("SELECT x, predict('picky', x) FROM failing"), "4,8", "5,NULL", "6,12", warned, "SELECT 3", "I")
	expect(t, "in rounds", c.query("SELECT sum(predict('picky', x)) FROM failing"), "20", warned, "SELECT 1", "I")
	expect(t, "in a write", c.extended("UPDATE failing SET x = predict('picky', x)"), warned, "UPDATE 3", "I")
	c.must("RESET predict.on_error")
	expect(t, "as before", c.query("SELECT predict('picky', 5)"), "error 38000", "I")
}

// TestPreparedStatements runs prepared ones again: after other transactions, a rollback of what made their functions, and a
// DISCARD.
func TestPreparedStatements(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("BEGIN")
	c.must("PREPARE again(int) AS SELECT predict('double', i) FROM generate_series(1, $1) AS i ORDER BY 1 DESC")
	expect(t, "in the transaction", c.query("EXECUTE again(2)"), "4", "2", "SELECT 2", "T")
	c.must("ROLLBACK")
	for range 2 {
		expect(t, "after its rollback", c.query("EXECUTE again(3)"), "6", "4", "2", "SELECT 3", "I")
	}
	c.must("BEGIN")
	expect(t, "a transaction later", c.query("EXECUTE again(1)"), "2", "SELECT 1", "T")
	c.must("COMMIT")
	c.send(&pgproto3.Parse{Name: "s", Query: "SELECT max(predict('double', i)) FROM generate_series(1, $1::int4) AS i"}, &pgproto3.Sync{})
	expect(t, "parsed", c.ready(), "I")
	for n := range 3 {
		c.send(&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte(fmt.Sprint(n + 1))}}, &pgproto3.Execute{}, &pgproto3.Sync{})
		expect(t, "executed", c.ready(), fmt.Sprint(2*n+2), "SELECT 1", "I")
	}
	c.must("DISCARD TEMP")
	c.send(&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("9")}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	expect(t, "its functions discarded", c.ready(), "18", "SELECT 1", "I")
}

// TestRowsOfLimit wants a subquery with LIMIT to have the same rows in all rounds, of a table so large that PostgreSQL begins a
// scan where the last one has ended.
func TestRowsOfLimit(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("CREATE TABLE limit_rows AS SELECT i AS id, repeat('x', 400) AS x FROM generate_series(1, 60000) AS i")
	for _, begin := range []bool{false, true} {
		if begin {
			c.must("BEGIN")
		}
		before := p.models.times("double")
		c.must("SELECT sum(predict('double', id)) FROM (SELECT id FROM limit_rows LIMIT 3000) AS q WHERE predict('double', id) > 0")
		if n := p.models.times("double") - before; n != 3000 {
			t.Errorf("3000 rows ask for %d answers", n)
		}
		if begin {
			expect(t, "in the block", c.must("SHOW synchronize_seqscans"), "on", "SHOW", "T")
			c.must("COMMIT")
		}
	}
}

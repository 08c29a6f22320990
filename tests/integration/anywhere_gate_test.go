package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// replaceTable puts a table's name for the word W.
func replaceTable(sql, table string) string {
	return regexp.MustCompile(`\bW\b`).ReplaceAllString(sql, table)
}

// joined is a row's columns, split by blanks.
func joined(row []string) string { return strings.Join(row, " ") }

// gated makes a counted model that answers only when open is called.
func gated(t *testing.T, on *target, like, name, more string) (c counted, open func()) {
	t.Helper()
	gate := filepath.Join(t.TempDir(), "gate")
	c = count(t, on, like, name, fmt.Sprintf(", gate = '%s'%s", gate, more))
	return c, func() {
		if err := os.WriteFile(gate, nil, 0o600); err != nil {
			t.Error(err)
		}
	}
}

// waitAsked waits until the model was asked something.
func (c counted) waitAsked(t *testing.T) {
	t.Helper()
	if err := until(exchangeLimit, func() error {
		if len(c.asked(t).tuples) == 0 {
			return fmt.Errorf("%s was not asked", c.name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// gateStatements write to the table W with the model M.
var gateStatements = []struct{ name, sql string }{
	{"INSERT", "INSERT INTO W SELECT id, predict('M', k) FROM item WHERE id <= 20"},
	{"UPDATE", "UPDATE W SET p = predict('M', id)"},
	{"DELETE", "DELETE FROM W WHERE predict('M', id) > 0"},
	{"a CTE that writes", "WITH c AS (INSERT INTO W VALUES (7, 7) RETURNING id) SELECT predict('M', id) FROM c"},
	{"an aggregate", "SELECT sum(predict('M', k)) FROM item"},
}

// TestCancelInARound cancels statements while the model has not answered: they are undone, at once, and the session goes on, in
// a transaction and out of one.
func TestCancelInARound(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		for i, c := range gateStatements {
			for _, inside := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v", c.name, inside), func(t *testing.T) {
					t.Parallel()
					model := fmt.Sprintf("cancelled_%d_%v", i, inside)
					m, _ := gated(t, on, "f", model, "")
					s := on.open(t)
					s.mustQuery(t, "CREATE TEMP TABLE w AS SELECT 1 AS id, 1 AS p")
					if inside {
						s.mustQuery(t, "BEGIN")
						s.mustQuery(t, "INSERT INTO w VALUES (2, 2)")
						s.mustQuery(t, "SAVEPOINT a")
					}
					s.send(t, &pgproto3.Query{String: strings.ReplaceAll(replaceTable(c.sql, "w"), "'M'", "'"+model+"'")})
					m.waitAsked(t)
					s.cancel(t)
					got := s.ready(1)
					if code, line := firstError(got); code != "57014" {
						t.Fatalf("the cancelled statement: %v %s", got, line)
					}
					rows := "1"
					if inside {
						if got[len(got)-1] != "ReadyForQuery E" {
							t.Errorf("the transaction is not failed: %v", got)
						}
						s.mustQuery(t, "ROLLBACK TO a")
						s.wantRow(t, "SELECT count(*) FROM w", "2")
						s.mustQuery(t, "COMMIT")
						rows = "2"
					}
					s.wantRow(t, "SELECT count(*), sum(p) - sum(id) FROM w", rows, "0")
					s.wantRow(t, "SELECT sum(predict('f', k)) FROM item", "4500")
				})
			}
		}
	})
}

// TestClientGoneInARound closes the connection while the model has not answered: nothing is written, and no lock stays.
func TestClientGoneInARound(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		on.exec(t, "CREATE TABLE gone (id int PRIMARY KEY, p int); INSERT INTO gone VALUES (1, 1)")
		m, _ := gated(t, on, "f", "gone_model", "")
		s := on.open(t)
		s.mustQuery(t, "BEGIN")
		s.mustQuery(t, "UPDATE gone SET p = 2")
		s.send(t, &pgproto3.Query{String: "INSERT INTO gone SELECT id + 1, predict('gone_model', k) FROM item"})
		m.waitAsked(t)
		_ = s.conn.Close()
		other := on.open(t)
		other.mustQuery(t, "SET lock_timeout = '30s'")
		other.wantTag(t, "UPDATE gone SET p = p + 10", "UPDATE 1")
		other.wantRow(t, "SELECT count(*), sum(p) FROM gone", "1", "11")
		other.mustQuery(t, "DROP TABLE gone")
	})
}

// TestCommitsInARound commits writes of another session while the model has not answered: the statement's arguments and its
// result are of one snapshot all the same.
func TestCommitsInARound(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		for i, c := range readers {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				table, model := fmt.Sprintf("committed_%d", i), fmt.Sprintf("committed_%d", i)
				hammered(t, on, table)
				m, open := gated(t, on, "g", model, "")
				s, writer := on.open(t), on.open(t)
				s.send(t, &pgproto3.Query{String: renamed(replaceTable(c.sql, table), map[string]string{"g": model})})
				m.waitAsked(t)
				writer.mustQuery(t, "UPDATE "+table+" SET k = k + 1000 WHERE id % 2 = 0")
				writer.mustQuery(t, "DELETE FROM "+table+" WHERE id % 5 = 0")
				writer.mustQuery(t, "INSERT INTO "+table+" SELECT i, i + 5000 FROM generate_series(100, 110) i")
				open()
				got := without(s.ready(1), "RowDescription", "CommandComplete", "ReadyForQuery")
				want := "DataRow"
				for _, v := range strings.Fields(c.want) {
					want += fmt.Sprintf(" %q", v)
				}
				if len(got) != 1 || got[0] != want {
					t.Errorf("%s: %v, want %s", c.sql, got, want)
				}
			})
		}
	})
}

// TestUpdateOfARowThatChanged lets another session change a row that an UPDATE has asked about, before the model answers.
func TestUpdateOfARowThatChanged(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		hammered(t, on, "changed")
		m, open := gated(t, on, "g", "changed_model", "")
		s, writer := on.open(t), on.open(t)
		s.send(t, &pgproto3.Query{String: "UPDATE changed SET p = predict('changed_model', k), kp = k"})
		m.waitAsked(t)
		// A row that the UPDATE has locked already makes this wait until the UPDATE has ended: the gate must not wait for it.
		done := make(chan error, 1)
		go func() { done <- writer.on.load(context.Background(), "UPDATE changed SET k = k + 1000") }()
		select {
		case err := <-done:
			done <- err
		case <-time.After(300 * time.Millisecond):
		}
		open()
		if _, line := firstError(s.ready(1)); line != "" {
			t.Errorf("the UPDATE: %s", line)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		writer.wantRow(t, "SELECT count(*), count(*) FILTER (WHERE p = 2 * kp) FROM changed", "40", "40")
	})
}

// TestConcurrentStatementsShareCalls runs one statement in several sessions at once: what one of them has asked, the others
// wait for, or find in the cache.
func TestConcurrentStatementsShareCalls(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		m, open := gated(t, on, "f", "shared", "")
		sql := "SELECT predict('shared', k), count(*) FROM item GROUP BY 1 ORDER BY 1"
		sessions := make([]*session, 4)
		for i := range sessions {
			sessions[i] = on.open(t)
			sessions[i].send(t, &pgproto3.Query{String: sql})
		}
		m.waitAsked(t)
		open()
		first := sessions[0].ready(1)
		for _, s := range sessions[1:] {
			same(t, "another session", s.ready(1), first)
		}
		if got := m.asked(t).tuples; len(got) != 10 {
			t.Errorf("asked %d times, want 10: %v", len(got), got)
		}
	})
}

// notDeterministic are statements with a model that counts its calls, M. Each gives how many rows there are, and how many
// distinct answers they have.
var notDeterministic = []struct {
	name, sql string
	rows      int
}{
	{"a target list", "SELECT predict('M', k) FROM item WHERE id <= 30", 30},
	{"a subquery", "SELECT p FROM (SELECT predict('M', k) AS p FROM item WHERE id <= 30 OFFSET 0) q", 30},
	{"a sort", "SELECT p FROM (SELECT predict('M', k) AS p FROM item WHERE id <= 30 OFFSET 0) q ORDER BY p", 30},
	{"a group", "SELECT p FROM (SELECT predict('M', k) AS p FROM item WHERE id <= 30) q GROUP BY p", 30},
	{"a materialized CTE", "WITH c AS MATERIALIZED (SELECT id, predict('M', k) AS p FROM item WHERE id <= 30) SELECT a.p FROM c a JOIN c b USING (id) WHERE a.p = b.p", 30},
	{"an aggregate", "SELECT unnest(array_agg(predict('M', k))) FROM item WHERE id <= 30", 30},
	{"a sort key that is selected", "SELECT predict('M', k) FROM item WHERE id <= 30 ORDER BY predict('M', k)", 30},
	{"a key of groups that is selected", "SELECT predict('M', k) FROM item WHERE id <= 30 GROUP BY predict('M', k)", 30},
	{"DISTINCT", "SELECT DISTINCT predict('M', k) FROM item WHERE id <= 30", 30},
	{"a window", "SELECT sum(p) OVER (ORDER BY p ROWS CURRENT ROW) FROM (SELECT predict('M', k) AS p FROM item WHERE id <= 30) q", 30},
	{"a join", "SELECT predict('M', a.k) FROM item a JOIN item b ON a.id = b.id WHERE a.id <= 30 ORDER BY 1", 30},
	{"VALUES", "VALUES (predict('M', 1)), (predict('M', 1)), (predict('M', 2))", 3},
	{"a correlated subquery", "SELECT (SELECT predict('M', i.k) + t * 0 FROM item t2 WHERE t2.id = 1) FROM item i, (VALUES (1)) v (t) WHERE i.id <= 30", 30},
	{"UPDATE", "WITH n AS (INSERT INTO w SELECT id, predict('M', k) FROM item WHERE id <= 30 RETURNING p) SELECT p FROM n", 30},
	{"many", "SELECT p FROM (SELECT predict('M', 1) AS p FROM generate_series(1, 5000) OFFSET 0) q", 5000},
	{"behind a condition with a call", "SELECT p FROM (SELECT predict('M', k) AS p FROM item WHERE predict('f', id) <= 30 OFFSET 0) q", 30},
	{"RETURNING", "INSERT INTO w SELECT id, predict('M', k) FROM item WHERE id <= 30 RETURNING p", 30},
	{"two calls", "SELECT unnest(ARRAY[predict('M', k), predict('M', k)]) FROM item WHERE id <= 30", 60},
}

// TestNotDeterministicAnywhere asks a model that is not deterministic once for each row, and shares no answer.
func TestNotDeterministicAnywhere(t *testing.T) {
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		for i, c := range notDeterministic {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				m := count(t, on, "draw", fmt.Sprintf("drawn_%d", i), "")
				s := on.open(t)
				s.mustQuery(t, "CREATE TEMP TABLE w (id int, p int)")
				got := s.query(t, strings.ReplaceAll(c.sql, "'M'", "'"+m.name+"'"))
				rows := without(got, "RowDescription", "CommandComplete", "ReadyForQuery")
				if len(rows) != c.rows {
					t.Fatalf("%s: %d rows, want %d: %v", c.sql, len(rows), c.rows, got)
				}
				slices.Sort(rows)
				if n := len(slices.Compact(rows)); n != c.rows {
					t.Errorf("%s: %d distinct answers, want %d", c.sql, n, c.rows)
				}
				if n := len(m.asked(t).tuples); n != c.rows {
					t.Errorf("%s: asked %d times, want %d", c.sql, n, c.rows)
				}
			})
		}
	})
}

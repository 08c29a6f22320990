package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// hammer writes to a table in transactions of its own until stop is called: rows come, go and change their k, which is how
// the arguments of calls change while statements with these calls run. The values are below 200, so that new ones turn up all
// the time and old ones come back.
func hammer(t *testing.T, on *target, table string, writers int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for w := range writers {
		conn := on.connect(t)
		chance := rand.New(rand.NewPCG(uint64(w), 1))
		all.Go(func() {
			for ctx.Err() == nil {
				id, k := chance.IntN(40), chance.IntN(200)
				sql := fmt.Sprintf("UPDATE %s SET k = %d WHERE id = %d", table, k, id)
				switch chance.IntN(6) {
				case 0:
					sql = fmt.Sprintf("DELETE FROM %s WHERE id = %d", table, id)
				case 1, 2:
					sql = fmt.Sprintf("INSERT INTO %s (id, k) VALUES (%d, %d) ON CONFLICT DO NOTHING", table, id, k)
				}
				if _, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil && ctx.Err() == nil && !retry(err) {
					t.Errorf("%s: %v", sql, err)
					return
				}
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// retry reports whether an error says to try again: a serialization failure or a deadlock.
func retry(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// hammered makes a table that a hammer can write to.
func hammered(t *testing.T, on *target, table string) {
	t.Helper()
	on.exec(t, fmt.Sprintf("CREATE TABLE %[1]s (id int PRIMARY KEY, k int NOT NULL, p int, kp int); INSERT INTO %[1]s SELECT i, i FROM generate_series(0, 39) i", table))
	t.Cleanup(func() {
		if err := on.load(context.Background(), "DROP TABLE "+table); err != nil {
			t.Error(err)
		}
	})
}

// readers are statements about a hammered table whose answer is the same whatever the table holds, if arguments and answers
// are of one snapshot. W is the table.
var readers = []struct{ name, sql, want string }{
	{"an aggregate", "SELECT sum(predict('g', k)) IS NOT DISTINCT FROM sum(k) * 2, count(predict('g', k)) = count(*) FROM W", "t t"},
	{"a join", "SELECT count(*) FROM W a JOIN W b ON predict('g', a.k) = predict('g', b.k) AND a.id = b.id WHERE a.k <> b.k", "0"},
	{"a self-join on answers", "SELECT count(*) = (SELECT count(*) FROM W a JOIN W b USING (k)) FROM W a JOIN W b ON predict('g', a.k) = b.k * 2", "t"},
	{"a correlated subquery", "SELECT count(*) FROM W a WHERE (SELECT predict('g', b.k) FROM W b WHERE b.id = a.id) IS DISTINCT FROM a.k * 2", "0"},
	{"a window", "SELECT bool_and(s = 2 * r) IS NOT FALSE FROM (SELECT sum(predict('g', k)) OVER (ORDER BY id) AS s, sum(k) OVER (ORDER BY id) AS r FROM W) q", "t"},
	{"a sort", "SELECT array_agg(predict('g', k) ORDER BY predict('g', k), id) IS NOT DISTINCT FROM array_agg(k * 2 ORDER BY k, id) FROM W", "t"},
	{"a CTE", "WITH c AS MATERIALIZED (SELECT id, k, predict('g', k) AS p FROM W) SELECT count(*) FROM c FULL JOIN W USING (id) WHERE c.p IS DISTINCT FROM W.k * 2", "0"},
	{"a nested call", "SELECT sum(predict('f', predict('g', k))) IS NOT DISTINCT FROM sum(k) * 2 FROM W", "t"},
	{"a stream", "SELECT count(*) FILTER (WHERE q.p IS DISTINCT FROM q.k * 2) FROM (SELECT k, predict('g', k) AS p FROM W OFFSET 0) q", "0"},
}

// hammerTime is how long statements run beside a hammer.
const hammerTime = 4 * time.Second

// TestReadersBesideWriters runs statements under each isolation level while other sessions write what they read.
func TestReadersBesideWriters(t *testing.T) {
	eachTagged(t, func(t *testing.T, on *target) {
		table := "beside_readers"
		hammered(t, on, table)
		stop := hammer(t, on, table, 2)
		defer stop()
		deadline := time.Now().Add(hammerTime)
		var all sync.WaitGroup
		for _, level := range []string{"", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"} {
			conn := on.connect(t)
			all.Go(func() {
				runs := 0
				for ; runs < len(readers) || time.Now().Before(deadline); runs++ {
					r := readers[runs%len(readers)]
					got, err := readOnce(t.Context(), on, conn, level, replaceTable(r.sql, table))
					if err != nil && retry(err) {
						continue
					}
					if err != nil || got != r.want {
						t.Errorf("%s under %q: %q, %v, want %q", r.name, level, got, err, r.want)
						return
					}
				}
				t.Logf("%d statements under %q", runs, level)
			})
		}
		all.Wait()
	})
}

// readOnce runs a statement, in a transaction of the isolation level if one is named, and gives its row.
func readOnce(ctx context.Context, on *target, conn *pgx.Conn, level, sql string) (string, error) {
	if level == "" {
		return readRow(ctx, on, conn, sql)
	}
	if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL "+level); err != nil {
		return "", err
	}
	got, err := readRow(ctx, on, conn, sql)
	if err == nil {
		_, err = conn.Exec(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = conn.Exec(ctx, "ROLLBACK")
	}
	return got, err
}

// readRow gives the only row of a statement, its columns split by blanks.
func readRow(ctx context.Context, on *target, conn *pgx.Conn, sql string) (string, error) {
	if on.functions {
		sql = oracleText(sql).text
	}
	rows, err := simpleRows(ctx, conn.PgConn(), sql)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", fmt.Errorf("%d rows", len(rows))
	}
	return joined(rows[0]), nil
}

// writersStatements change a hammered table. After each of them every row that it wrote has p = 2 * kp, whatever other sessions
// did to k, and the row it gives says whether it saw that.
var writersStatements = []struct{ name, sql string }{
	{"UPDATE", "WITH w AS (UPDATE W SET p = predict('g', k), kp = k RETURNING p, kp) SELECT count(*) FROM w WHERE p IS DISTINCT FROM kp * 2"},
	{"UPDATE WHERE", "WITH w AS (UPDATE W SET p = k * 2, kp = k WHERE predict('even', k) RETURNING k) SELECT count(*) FROM w WHERE k % 2 <> 0"},
	{"UPDATE of an answer's argument", "WITH w AS (UPDATE W SET k = (predict('g', k) + 1) % 200, p = NULL, kp = NULL RETURNING k) SELECT count(*) FROM w WHERE k IS NULL OR k % 2 <> 1"},
	{"UPDATE FROM", "WITH w AS (UPDATE W a SET p = predict('g', a.k), kp = a.k FROM W b WHERE a.id = b.id RETURNING a.p, a.kp) SELECT count(*) FROM w WHERE p IS DISTINCT FROM kp * 2"},
	{"DELETE", "WITH w AS (DELETE FROM W WHERE predict('even', k) AND id % 7 = 0 RETURNING k) SELECT count(*) FROM w WHERE k % 2 <> 0"},
	{"INSERT ON CONFLICT", "WITH w AS (INSERT INTO W AS x (id, k) SELECT i, i FROM generate_series(0, 39) i ON CONFLICT (id) DO UPDATE SET p = predict('g', x.k), kp = x.k RETURNING p, kp) SELECT count(*) FROM w WHERE p IS DISTINCT FROM kp * 2"},
	{"FOR UPDATE", "WITH w AS (SELECT k, predict('g', k) AS p FROM W WHERE predict('even', k) FOR UPDATE) SELECT count(*) FROM w WHERE p IS DISTINCT FROM k * 2 OR k % 2 <> 0"},
}

// TestWritersBesideWriters runs statements that write, under READ COMMITTED, while others write the same rows: PostgreSQL then
// looks again at the newest version of a row, whose argument no one has asked about yet.
func TestWritersBesideWriters(t *testing.T) {
	eachTagged(t, func(t *testing.T, on *target) {
		table := "beside_writers"
		hammered(t, on, table)
		stop := hammer(t, on, table, 2)
		deadline := time.Now().Add(hammerTime)
		var all sync.WaitGroup
		for w := range 2 {
			conn := on.connect(t)
			all.Go(func() {
				runs := 0
				for ; runs < len(writersStatements) || time.Now().Before(deadline); runs++ {
					s := writersStatements[(runs+w)%len(writersStatements)]
					got, err := readRow(t.Context(), on, conn, replaceTable(s.sql, table))
					if err != nil && retry(err) {
						continue
					}
					if err != nil || got != "0" {
						t.Errorf("%s: %q, %v, want no wrong row", s.name, got, err)
						return
					}
				}
				t.Logf("%d statements", runs)
			})
		}
		all.Wait()
		stop()
		if wrong := on.value(t, "SELECT count(*) FROM "+table+" WHERE p IS DISTINCT FROM kp * 2"); wrong != "0" {
			t.Errorf("%s rows hold an answer that is not their argument's", wrong)
		}
	})
}

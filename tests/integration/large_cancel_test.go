package integration

import (
	"fmt"
	"testing"
)

// largeCancels are statements over many arguments that take minutes, cancelled when home does what is named: WHERE of
// pg_stat_activity, of the session's own row, which the statement makes true sooner or later.
var largeCancels = []struct{ name, sql, when string }{
	{"while arguments are read", "SELECT predict('double', i % 10), count(*) FROM generate_series(1, 50000) AS i, generate_series(1, 50000) AS j GROUP BY 1", "query LIKE '% DISTINCT %'"},
	{"while the model runs", "SELECT predict('slow', i), count(*) FROM generate_series(1, 200000) AS i GROUP BY 1", "query LIKE '% DISTINCT %' AND wait_event = 'ClientRead'"},
	{"while the table is filled", "COPY (SELECT predict('double', i), count(*) FROM generate_series(1, 3000000) AS i GROUP BY 1) TO STDOUT", "query LIKE 'INSERT INTO pg_temp.pinnacle_large%'"},
	{"while an INSERT writes", "INSERT INTO cancelled SELECT predict('double', i % 10) FROM generate_series(1, 50000) AS i, generate_series(1, 50000) AS j", "query LIKE '% DISTINCT %'"},
	{"while a cursor is declared", "DECLARE c CURSOR WITH HOLD FOR SELECT predict('double', i % 10) FROM generate_series(1, 50000) AS i, generate_series(1, 50000) AS j", "query LIKE '% DISTINCT %'"},
}

// TestCancelOfLarge cancels statements in each of the stages that many arguments go through: they end with 57014, leave
// nothing, and the session goes on, out of a transaction and in one.
func TestCancelOfLarge(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		on.exec(t, slowModel)
		for i, c := range largeCancels {
			for _, inside := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v", c.name, inside), func(t *testing.T) {
					t.Parallel()
					name := fmt.Sprintf("cancel-%s-%d-%v", on.name, i, inside)
					s := on.open(t, "application_name", name)
					s.mustQuery(t, "CREATE TEMP TABLE cancelled (p int)")
					if inside {
						s.mustQuery(t, "BEGIN")
						s.mustQuery(t, "INSERT INTO cancelled VALUES (1)")
						s.mustQuery(t, "SAVEPOINT a")
					}
					s.send(t, query(c.sql))
					waitFor(t, on, "SELECT count(*) FROM pg_stat_activity WHERE application_name = '"+name+"' AND "+c.when, "1")
					done := make(chan []string, 1)
					go func() { done <- s.ready(1) }()
					if code, line := firstError(cancelUntil(t, s, done)); code != "57014" {
						t.Fatalf("the statement ends with %q: %s", code, line)
					}
					rows := "0"
					if inside {
						s.mustQuery(t, "ROLLBACK TO a")
						rows = "1"
					}
					s.wantRow(t, "SELECT count(*) FROM cancelled", rows)
					s.wantRow(t, "SELECT count(*) FROM pg_class WHERE relname LIKE 'pinnacle_large%' AND pg_table_is_visible(oid)", "0")
					s.wantRow(t, "SELECT sum(predict('double', i)) FROM generate_series(1, 100) AS i", "10100")
					if inside {
						s.mustQuery(t, "COMMIT")
					}
				})
			}
		}
	})
}

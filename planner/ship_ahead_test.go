package planner_test

import (
	"strings"
	"testing"
)

// TestAhead says which arguments are read before a statement is run, and of which rows; none where what is asked depends on an
// answer, on an aggregate or on how many rows are wanted.
func TestAhead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sql, want string }{
		{"SELECT sum(predict('half', a)) FROM t WHERE b > 1", "SELECT DISTINCT (a)::double precision FROM t WHERE (b > 1)"},
		{"SELECT sum(CASE WHEN b > 1 THEN predict('half', a) END) FROM t", "SELECT DISTINCT (a)::double precision FROM t WHERE ((b > 1)) IS TRUE"},
		{"SELECT sum(CASE WHEN b = 0 THEN 1 WHEN a / b > 1 THEN predict('half', a) ELSE 2 END) FROM t",
			"SELECT DISTINCT (a)::double precision FROM t WHERE CASE WHEN ((b = 0)) IS NOT TRUE THEN (((a / b) > 1)) IS TRUE ELSE false END"},
		{"SELECT sum(CASE b WHEN 1 THEN 2 ELSE predict('half', a) END) FROM t", "SELECT DISTINCT (a)::double precision FROM t WHERE ((b) = (1)) IS NOT TRUE"},
		{"SELECT sum(CASE WHEN b > 1 THEN predict('half', a) ELSE predict('half', b) END) FROM t",
			"SELECT DISTINCT * FROM (SELECT (a)::double precision FROM t WHERE ((b > 1)) IS TRUE UNION ALL SELECT (b)::double precision FROM t WHERE ((b > 1)) IS NOT TRUE) AS pinnacle_asked"},
		{"SELECT sum(CASE WHEN b > 1 THEN predict('half', a) END), sum(predict('half', a)) FROM t", "SELECT DISTINCT (a)::double precision FROM t"},
		{"SELECT count(*) FROM t WHERE predict('half', a) = 1 OR b > 1", "SELECT DISTINCT (a)::double precision FROM t WHERE (b > 1) IS NOT TRUE"},
		{"SELECT count(*) FROM t WHERE predict('half', a) = 1 OR a / b > 1", "SELECT DISTINCT (a)::double precision FROM t"},
		{"SELECT bool_or(b > 1 AND predict('half', a) = 1) FROM t", "SELECT DISTINCT (a)::double precision FROM t WHERE (b > 1) IS NOT FALSE"},
		{"SELECT sum(coalesce(b, predict('half', a))) FROM t", "SELECT DISTINCT (a)::double precision FROM t WHERE (b) IS NOT DISTINCT FROM NULL"},
		{"SELECT sum(predict('half', a)) FILTER (WHERE b > 1) FROM t", "SELECT DISTINCT (a)::double precision FROM t WHERE (b > 1) IS TRUE"},
		{"SELECT sum(predict('half', a)) FROM t GROUP BY b HAVING count(*) > 1", "SELECT DISTINCT (a)::double precision FROM t"},
		{"SELECT b FROM t GROUP BY b HAVING count(*) > 1 ORDER BY predict('half', b)", ""},
		{"SELECT sum(CASE WHEN predict('half', b) = 1 THEN predict('half', a) END) FROM t", "SELECT DISTINCT (b)::double precision FROM t"},
		{"SELECT sum(CASE WHEN (a IS NOT DISTINCT FROM b) IS NULL THEN predict('half', a) END) FROM t", ""},
		{"SELECT sum(CASE WHEN b IN (1, 2) AND note LIKE 'a%' OR NOT a BETWEEN 1 AND 3 THEN predict('half', a) END) FROM t",
			"SELECT DISTINCT (a)::double precision FROM t WHERE (((b IN (1, 2) AND note LIKE 'a%') OR NOT a BETWEEN 1 AND 3)) IS TRUE"},
		{"SELECT sum(CASE WHEN random() > 0.5 THEN predict('half', a) END) FROM t", ""},
		{"SELECT sum(CASE WHEN EXISTS (SELECT FROM u WHERE u.a = t.a) THEN predict('half', a) END) FROM t", ""},
		{"SELECT CASE WHEN count(*) > 1 THEN predict('half', b) END FROM t GROUP BY b ORDER BY 1", ""},
		{"SELECT sum(x) FROM (SELECT predict('half', a) AS x FROM t WHERE b > 1) s", "SELECT DISTINCT (a)::double precision FROM t WHERE (b > 1)"},
		{"SELECT sum(x) FROM (SELECT b, predict('half', a) AS x FROM t) s WHERE b > 1 AND x > 2",
			"SELECT DISTINCT s.pinnacle_a0 FROM (SELECT b, (a)::double precision AS pinnacle_a0 FROM t) AS s WHERE (b > 1)"},
		{"SELECT sum(CASE WHEN s.b > 1 THEN x END) FROM (SELECT b, predict('half', a) AS x FROM t) s",
			"SELECT DISTINCT s.pinnacle_a0 FROM (SELECT b, (a)::double precision AS pinnacle_a0 FROM t) AS s WHERE ((s.b > 1)) IS TRUE"},
		{"SELECT sum(b) FROM (SELECT b, predict('half', a) AS x FROM t) s", ""},
		{"SELECT count(*) FROM (SELECT DISTINCT predict('half', a) FROM t) s", "SELECT DISTINCT (a)::double precision FROM t"},
		{"SELECT max(r) FROM (SELECT rank() OVER (ORDER BY predict('half', a)) AS r FROM t) s", "SELECT DISTINCT (a)::double precision FROM t"},
		{"SELECT max(r) FROM (SELECT b, rank() OVER (PARTITION BY b ORDER BY predict('half', a)) AS r FROM t) s WHERE b = 1", ""},
		{"WITH c AS (SELECT predict('half', a) AS x FROM t) SELECT sum(x) FROM c", "SELECT DISTINCT (a)::double precision FROM t"},
		{"WITH c AS MATERIALIZED (SELECT b, predict('half', a) AS x FROM t) SELECT sum(b) FROM c", "SELECT DISTINCT (a)::double precision FROM t"},
		{"WITH c AS (SELECT predict('half', a) AS x FROM t) SELECT sum(c.x + d.x) FROM c, c d", ""},
		{"SELECT x FROM (SELECT predict('half', a) AS x FROM t) s WHERE x > 1 LIMIT 3", ""},
		{"UPDATE t SET a = CASE WHEN b > 1 THEN predict('half', a) ELSE a END", "SELECT DISTINCT (a)::double precision FROM t WHERE ((b > 1)) IS TRUE"},
	} {
		p, err := ship(c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var got []string
		for _, a := range p.Ahead {
			got = append(got, strings.TrimSpace(a.Text))
		}
		if all := strings.Join(got, "; "); all != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.sql, all, c.want)
		}
	}
}

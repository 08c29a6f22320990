package integration

import (
	"slices"
	"testing"
)

// positions are where a call may stand: each has a case of its name in testdata/positions.cases. EXPLAIN, try_predict,
// predict_details and whole rows, which have no like in functions of PostgreSQL's, have tests of their own.
var positions = []string{
	"target list", "WHERE", "WHERE, AND", "WHERE, OR", "WHERE, NOT", "WHERE, CASE", "WHERE, COALESCE", "WHERE, NULLIF", "WHERE, IN",
	"WHERE, BETWEEN", "WHERE, ANY of an array", "WHERE, ALL of an array", "JOIN ON", "LEFT JOIN ON", "RIGHT JOIN ON", "FULL JOIN ON",
	"CROSS JOIN beside", "JOIN USING beside", "NATURAL JOIN beside", "GROUP BY", "GROUP BY ordinal", "GROUP BY alias", "GROUPING SETS",
	"HAVING", "ORDER BY", "ORDER BY alias", "ORDER BY behind another key", "ORDER BY behind another key, with LIMIT", "DISTINCT",
	"DISTINCT ON", "LIMIT and OFFSET", "FETCH FIRST", "aggregate argument", "aggregate FILTER", "aggregate ORDER BY", "aggregate DISTINCT",
	"ordered-set aggregate", "window PARTITION BY", "window ORDER BY", "window frame", "window FILTER", "scalar subquery",
	"scalar subquery, correlated", "IN of a subquery", "NOT IN of a subquery", "EXISTS", "ANY of a subquery", "ALL of a subquery", "LATERAL",
	"a call in FROM", "VALUES", "UNION", "INTERSECT", "EXCEPT", "CTE", "CTE, MATERIALIZED", "CTE, recursive", "CTE, data-modifying",
	"INSERT VALUES", "INSERT SELECT", "INSERT ON CONFLICT", "UPDATE SET", "UPDATE FROM", "UPDATE WHERE", "DELETE USING", "MERGE", "RETURNING",
	"CREATE TABLE AS", "SELECT INTO", "COPY", "DECLARE CURSOR, FETCH and MOVE", "DECLARE CURSOR with a condition", "PREPARE and EXECUTE",
	"arguments of EXECUTE", "CREATE VIEW", "a view over a view", "CREATE MATERIALIZED VIEW and REFRESH", "nested calls", "named arguments",
	"arrays", "jsonb", "fields of a composite", "casts", "COLLATE", "several models", "parameters in and around calls",
	"index expression", "generated column",
}

// TestPositions runs a statement for each position through the proxies and on PostgreSQL, and compares every message.
func TestPositions(t *testing.T) {
	cases, err := readAnywhere("testdata/positions.cases")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range positions {
		if !slices.ContainsFunc(cases, func(c anywhereCase) bool { return c.title == name }) {
			t.Errorf("the position %q has no case", name)
		}
	}
	eachTagged(t, func(t *testing.T, on *target) {
		for _, c := range cases {
			t.Run(c.title, func(t *testing.T) {
				t.Parallel()
				if !slices.Contains(positions, c.title) {
					t.Error("the case is of no position")
				}
				for _, difference := range c.compare(t, on, taggedLab(t).oracle) {
					t.Error(difference)
				}
			})
		}
	})
}

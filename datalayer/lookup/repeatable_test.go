package lookup_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

func TestRepeatable(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]bool{
		"k": true, "t.k": true, "s.t.k": true, "7": true, "'x'": true, "$1": true, "NULL": true, "k::int": true, "k::numeric(10,2)": true,
		"k + 1": true, "-k": true, "j ->> 'a'": true, "(j -> 'a' ->> 'b')::float8": true, `s COLLATE "C"`: true, "coalesce(k, 0)": true,
		"k IS NULL": true, "a AND NOT b": true, "k > 3": true,
		"random()": false, "nextval('s')": false, "lower(s)": false, "(SELECT 1)": false, "t.*": false, "k + random()": false,
		"k::mytype": false, "k::other.int4": false, "a @@ b": false, "k OPERATOR(my.+) 1": false, "coalesce(k, random())": false,
		"k IN (1, 2)": false, "CASE WHEN a THEN b END": false, "ARRAY[k]": false, "ROW(k)": false, "now()": false, "current_date": false,
		"a+b+c+d+e+f+g+h+i+j": false,
	} {
		tree, err := pg_query.Parse("SELECT " + expr)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		node := tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Val
		if got := lookup.Repeatable(node); got != want {
			t.Errorf("Repeatable(%s) is %v", expr, got)
		}
	}
	if lookup.Repeatable(nil) {
		t.Error("no argument is repeatable")
	}
}

package integration

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// ownModel makes a model for one test, so that nothing else counts for it. Its name is derived from the test's, and stands in its source: answers that
// were slow to get are kept for all models of the same source.
func ownModel(t *testing.T, on *target, declaration, body string) string {
	t.Helper()
	name := "own" + strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "_"))
	name = strings.TrimRight(name[max(0, len(name)-50):], "_")
	args := regexp.MustCompile(`(\w+) \w+`).FindAllStringSubmatch(declaration[:strings.Index(declaration, ")")+1], -1)
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = a[1]
	}
	using, with, _ := strings.Cut(declaration, " WITH ")
	sql := fmt.Sprintf("CREATE MODEL %s%s USING starlark AS $$\n# %[1]s\ndef predict(%[3]s):\n    %[4]s\n$$", name, using, strings.Join(names, ", "), body)
	if with != "" {
		sql += " WITH " + with
	}
	on.exec(t, sql)
	return name
}

// stats is a row of pinnacle.predict_stats without its times.
type stats struct {
	Statements, Rows, Distinct, NullSkipped, Cached, Shared, Calls, Batches, Errors int64
}

// statsOf reads what a model was asked so far; all zero if nothing.
func statsOf(t *testing.T, on *target, model string) stats {
	t.Helper()
	rows, err := on.connect(t).Query(t.Context(), `SELECT statements, rows, distinct_arguments, null_skipped, cached, shared, calls, batches, errors
		FROM pinnacle.predict_stats WHERE model = $1`, model)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[stats])
	if err != nil {
		t.Fatal(err)
	}
	var sum stats
	for _, s := range all {
		sum.Statements += s.Statements
		sum.Rows += s.Rows
		sum.Distinct += s.Distinct
		sum.NullSkipped += s.NullSkipped
		sum.Cached += s.Cached
		sum.Shared += s.Shared
		sum.Calls += s.Calls
		sum.Batches += s.Batches
		sum.Errors += s.Errors
	}
	return sum
}

// callCases are statements with the most argument tuples that the model may be asked; M is the model. item has 1,000 rows,
// 10 distinct k and 10 distinct cheap.
var callCases = []struct {
	name, sql string
	most      int64
	// least is what any right answer needs.
	least int64
}{
	{"ten distinct arguments", "SELECT predict('M', k) FROM item", 10, 10},
	{"a constant", "SELECT predict('M', 7) FROM item", 1, 1},
	{"behind a cheap term", "SELECT id FROM item WHERE predict('M', k) = 6 AND k = 3", 1, 1},
	{"before a cheap term", "SELECT id FROM item WHERE k = 3 AND predict('M', k) = 6", 1, 1},
	{"given and filtered", "SELECT predict('M', k) FROM item WHERE predict('M', k) = 6", 10, 10},
	{"twice in one expression", "SELECT predict('M', k) + predict('M', k), predict('M', k) FROM item", 10, 10},
	{"in other blanks", "SELECT predict('M', k), predict( 'M' , k ) FROM item", 10, 10},
	{"LIMIT", "SELECT predict('M', id) FROM item ORDER BY id LIMIT 5", 5, 5},
	{"LIMIT and OFFSET", "SELECT predict('M', id) FROM item ORDER BY id LIMIT 5 OFFSET 100", 5, 5},
	{"LIMIT 0", "SELECT predict('M', id) FROM item LIMIT 0", 0, 0},
	{"LIMIT over a filter", "SELECT id FROM item WHERE predict('M', k) = 6 LIMIT 5", 10, 1},
	{"LIMIT over a filter that all rows pass", "SELECT i FROM generate_series(1, 100000) i WHERE predict('M', i) > 0 LIMIT 5", 100, 5},
	{"LIMIT 0 over a filter", "SELECT id FROM item WHERE predict('M', k) = 6 LIMIT 0", 0, 0},
	{"NULL arguments", "SELECT predict('M', odd) FROM item", 5, 5},
	{"NULL arguments alone", "SELECT predict('M', odd) FROM item WHERE odd IS NULL", 0, 0},
	{"a join", "SELECT i.id FROM tag t JOIN item i USING (k) WHERE predict('M', i.k) = 6", 2, 2},
	{"nested", "SELECT predict('M', predict('M', k)) FROM item", 20, 10},
	{"no rows", "SELECT predict('M', k) FROM empty", 0, 0},
	{"large", "SELECT predict('M', i % 1000) FROM generate_series(1, 100000) i", 1000, 1000},
	{"grouped", "SELECT k, count(*), predict('M', k) FROM item GROUP BY k", 10, 10},
}

// TestCalls counts the argument tuples that statements hand to the model.
func TestCalls(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		for _, c := range callCases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				model := ownModel(t, on, "(x int4) RETURNS int4", "return x * 2")
				on.rows(t, strings.ReplaceAll(c.sql, "'M'", "'"+model+"'"))
				if got := statsOf(t, on, model).Calls; got > c.most || got < c.least {
					t.Errorf("%s\nasked the model %d times, want %d to %d", c.sql, got, c.least, c.most)
				}
			})
		}
	})
}

// TestStats reads every count of predict_stats after one statement.
func TestStats(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x int4) RETURNS int4", "return x * 2")
		on.rows(t, "SELECT predict('"+model+"', odd) FROM item")
		got := statsOf(t, on, model)
		nulls, err := strconv.ParseInt(on.value(t, "SELECT count(*) FROM item WHERE odd IS NULL"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		want := stats{Statements: 1, Rows: 1000, Distinct: 5, NullSkipped: nulls, Calls: 5, Batches: got.Batches, Cached: got.Cached, Shared: got.Shared}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got.Batches < 1 || got.Batches > 5 {
			t.Errorf("%d batches for 5 calls", got.Batches)
		}
		columns := on.rows(t, "SELECT string_agg(attribute, ',') FROM (SELECT key AS attribute FROM json_each((SELECT row_to_json(s) FROM pinnacle.predict_stats s LIMIT 1))) c")
		const names = "model,version,statements,rows,distinct_arguments,null_skipped,cached,shared,calls,batches,errors,milliseconds"
		if columns[0][0] != names {
			t.Errorf("columns %s, want %s", columns[0][0], names)
		}
	})
}

// TestSecondFilter wants the second of two filters to be asked for rows only that the first lets pass.
func TestSecondFilter(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		first := ownModel(t, on, "(first int4) RETURNS bool", "return first == 3")
		t.Run("second", func(t *testing.T) {
			second := ownModel(t, on, "(second int4) RETURNS bool", "return second > 500")
			on.rows(t, fmt.Sprintf("SELECT id FROM item WHERE predict('%s', k) AND predict('%s', id)", first, second))
			if got := statsOf(t, on, second).Calls; got != 100 {
				t.Errorf("the second filter was asked %d times, want 100", got)
			}
		})
	})
}

// TestNotDeterministic wants a model that is declared so to be asked once for every row.
func TestNotDeterministic(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x int4) RETURNS int4 WITH (deterministic = false)", "return x * 2")
		on.rows(t, "SELECT predict('"+model+"', k) FROM item")
		if got := statsOf(t, on, model).Calls; got != 1000 {
			t.Errorf("asked %d times, want once for each of 1,000 rows", got)
		}
	})
}

// TestDescribeAsksNothing wants Parse, Describe and Bind to leave the model alone.
func TestDescribeAsksNothing(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		model := ownModel(t, on, "(x int4) RETURNS int4", "return x * 2")
		s := on.open(t)
		got := s.exchange(t, 1, parse("", "SELECT predict('"+model+"', $1)"), describe('S', ""), bind("", "", "4"), describe('P', ""), syncing)
		if code, line := firstError(got); code != "" {
			t.Fatal(line)
		}
		if got := statsOf(t, on, model).Calls; got != 0 {
			t.Errorf("asked %d times before anything ran", got)
		}
	})
}

// TestLimitStopsTheSource wants the source to be left when a LIMIT over a filter is reached: its later rows are errors.
func TestLimitStopsTheSource(t *testing.T) {
	eachTarget(t, func(t *testing.T, on *target) {
		s := on.open(t)
		got := s.query(t, "SELECT i FROM generate_series(1, 1000000) i WHERE 1 / (900000 - i) >= 0 AND predict('double', i) > 0 LIMIT 3")
		want := []string{"RowDescription i:23:len4:mod-1:text", `DataRow "1"`, `DataRow "2"`, `DataRow "3"`, "CommandComplete SELECT 3", "ReadyForQuery I"}
		same(t, "the LIMIT", got, want)
	})
}

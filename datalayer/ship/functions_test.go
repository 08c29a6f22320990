package ship_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// TestFunctionsAreMadeOnce makes the functions of two models, and later those of a third beside them.
func TestFunctionsAreMadeOnce(t *testing.T) {
	t.Parallel()
	h := connect(t)
	first, second, third := function("one", udf.Int4, udf.Int4), function("two", udf.Text), function("three", udf.Bool, udf.Text)
	if got := h.create(first, second); len(got) != 3 || !slices.Contains(got, first.Name) || !slices.Contains(got, second.Name) {
		t.Errorf("a new session lacks %q", got)
	}
	if got := h.create(second, first); len(got) != 0 {
		t.Errorf("made, and lacking: %q", got)
	}
	if got := h.create(first, second, third); !slices.Equal(got, []string{third.Name}) {
		t.Errorf("lacking: %q", got)
	}
	h.do("BEGIN")
	fourth := function("four", udf.Bool, udf.Text)
	h.create(fourth)
	h.do("ROLLBACK")
	if got := h.create(fourth); !slices.Equal(got, []string{fourth.Name}) {
		t.Errorf("rolled back, and lacking: %q", got)
	}
	h.do("DISCARD ALL")
	if got := h.create(first); len(got) != 2 {
		t.Errorf("discarded, and lacking: %q", got)
	}
	if got := ship.Create("pinnacle_no_such", []*planner.Function{first}, nil); got != nil {
		t.Errorf("made of nothing: %q", got)
	}
}

// TestDeclaration has home's catalog tell how functions are declared.
func TestDeclaration(t *testing.T) {
	t.Parallel()
	h := connect(t)
	strict, loose, details := function("strict", udf.Numeric, udf.Float8, udf.TextArray), function("loose", udf.JSON, udf.Int2), function("details", udf.Int4, udf.Int4)
	loose.Model.NullOnNull = false
	loose.Model.Args[0].Name = `odd "name"`
	details.Kind = "predict_details"
	nameless := function("nameless", udf.Date, udf.Date)
	nameless.Model.Args[0].Name = ""
	all := []*planner.Function{strict, loose, details, nameless}
	h.create(all...)
	for i, want := range []string{"a double precision, b text[]|numeric|s|true|u", `"odd ""name""" smallint|json|s|false|u`, "a integer|jsonb|s|true|u", "date|date|s|true|u"} {
		got := h.do("SELECT pg_get_function_arguments(oid), pg_get_function_result(oid), provolatile, proisstrict::text, proparallel FROM pg_proc WHERE proname = '" +
			all[i].Name + "' AND pronamespace = pg_my_temp_schema()")
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s is declared as %q, not %s", all[i].Name, got, want)
		}
	}
}

// TestAsking has a function asked inside of a round and outside.
func TestAsking(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f, known := function("asking", udf.Int8, udf.Int4), &ship.Known{}
	h.create(f)
	call := "SELECT pg_temp." + f.Name + "(i % 3) FROM generate_series(1, 9) AS i"

	if _, err := h.try(call); state(err) != ship.CodeLate {
		t.Errorf("nobody takes note, and home says %v", err)
	}
	h.do("BEGIN")
	asked := h.round(call, known, f)
	if len(asked) != 1 || len(asked[0].Keys) != 3 || !slices.Equal(asked[0].Args[0].Ints, []int64{1, 2, 0}) {
		t.Fatalf("asked for %+v", asked)
	}
	if rows := h.do("SELECT pg_temp." + f.Name + "(1), pg_temp." + f.Name + "(NULL)"); len(h.asked) != 3 || rows[0] != "<NULL>|<NULL>" {
		t.Errorf("what was noted is asked for again: %q, or a miss is not NULL: %q", h.asked, rows)
	}
	h.give(f, asked[0].Keys, &udf.Column{Type: udf.Int8, Ints: []int64{10, 20, 0}})
	h.do(ship.Noting(-1, 0))
	if got := h.do(call); strings.Join(got, " ") != "10 20 0 10 20 0 10 20 0" {
		t.Errorf("answered with %q", got)
	}
	if _, err := h.try("SELECT pg_temp." + f.Name + "(4)"); state(err) != ship.CodeLate {
		t.Errorf("late, and home says %v", err)
	}
	h.do("ROLLBACK", "BEGIN", ship.Noting(0, 0), "COMMIT")
	if _, err := h.try(call); state(err) != ship.CodeLate {
		t.Errorf("a transaction later, home says %v", err)
	}
}

// TestAnswersStay asks again in the next transaction: what was rolled back is gone, and so is what was cleared.
func TestAnswersStay(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f, other := function("stays", udf.Int4, udf.Int4), function("beside", udf.Int4, udf.Int4)
	h.create(f, other)
	call := "SELECT pg_temp." + f.Name + "(7)"
	give := func(f *planner.Function, answer int64) {
		h.do("BEGIN")
		asked := h.round("SELECT pg_temp."+f.Name+"(7)", &ship.Known{}, f)
		if len(asked) != 1 {
			t.Fatalf("asked for %+v", asked)
		}
		h.give(f, asked[0].Keys, &udf.Column{Type: udf.Int4, Ints: []int64{answer}})
		if got := h.do("SELECT pg_temp." + f.Name + "(7)"); got[0] != strconv.FormatInt(answer, 10) {
			t.Errorf("%q", got)
		}
	}
	gone := func(when string) {
		if _, err := h.try(call); state(err) != ship.CodeLate {
			t.Errorf("%s, home says %v", when, err)
		}
	}
	give(f, 14)
	h.do("ROLLBACK")
	gone("rolled back")
	for _, all := range []bool{false, true} {
		give(f, 14)
		h.do("COMMIT")
		give(other, 15)
		h.do("COMMIT")
		if got := h.do(call); got[0] != "14" {
			t.Errorf("after the commit: %q", got)
		}
		h.do(ship.Clear(f, all))
		gone("cleared")
		if _, err := h.try("SELECT pg_temp." + other.Name + "(7)"); (state(err) == ship.CodeLate) != all {
			t.Errorf("the other function, all %v: %v", all, err)
		}
		h.do(ship.Clear(other, true))
	}
}

// TestRoundsEndAfterFew bounds the distinct arguments of a round: those that it asks for again do not count.
func TestRoundsEndAfterFew(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("few", udf.Int4, udf.Int4)
	h.create(f)
	h.do("BEGIN", "SAVEPOINT r", ship.Noting(1000, 3))
	if _, err := h.try("SELECT pg_temp." + f.Name + "(i / 10) FROM generate_series(1, 100) AS i"); state(err) != ship.CodeEnough || len(h.asked) != 3 {
		t.Errorf("asked for %d, %v", len(h.asked), err)
	}
	h.asked = nil
	h.do("ROLLBACK TO r", ship.Noting(0, 0), "SELECT pg_temp."+f.Name+"(i / 10) FROM generate_series(1, 100) AS i")
	if len(h.asked) != 11 {
		t.Errorf("asked for %d, want 11", len(h.asked))
	}
}

// TestRoundsEndEarly bounds the misses of a round: the error comes with the last of them, and is undone by a savepoint.
func TestRoundsEndEarly(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("early", udf.Int4, udf.Int4)
	h.create(f)
	h.do("BEGIN")
	known := &ship.Known{}
	for i, misses := range []int{1, 2, 4} {
		h.asked = nil
		h.do("SAVEPOINT r", ship.Noting(misses, 0))
		_, err := h.try("SELECT pg_temp." + f.Name + "(i) FROM generate_series(1, 100) AS i")
		if state(err) != ship.CodeEnough || len(h.asked) != misses {
			t.Fatalf("%d misses: asked for %d, %v", misses, len(h.asked), err)
		}
		h.do("ROLLBACK TO r", "RELEASE r")
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, known, 0)
		for _, m := range h.asked {
			r.Take(ship.CodeAsked, m)
		}
		asked, err := r.Believed()
		if err != nil || asked[0].Args[0].Ints[0] != int64(1<<i) {
			t.Fatalf("round %d asks for %+v, %v", i, asked, err)
		}
		h.give(f, asked[0].Keys, &udf.Column{Type: udf.Int4, Ints: make([]int64, misses)})
	}
}

// TestLongArguments tells arguments apart that are longer than a key may be.
func TestLongArguments(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("long", udf.Int4, udf.Text, udf.TextArray)
	h.create(f)
	h.do("BEGIN")
	call := "SELECT pg_temp." + f.Name + "(repeat('é', 40000) || i, ARRAY['x', i::text]) FROM generate_series(1, 4) AS i"
	asked := h.round(call, &ship.Known{}, f)
	if len(asked) != 1 || len(asked[0].Keys) != 4 || len(asked[0].Args[0].Texts[0]) != 80001 || len(asked[0].Keys[0]) > 72 {
		t.Fatalf("asked for %d", len(asked))
	}
	h.give(f, asked[0].Keys, &udf.Column{Type: udf.Int4, Ints: []int64{1, 2, 3, 4}})
	if got := strings.Join(h.do(call), " "); got != "1 2 3 4" {
		t.Errorf("%q", got)
	}
}

// TestHostileSessions has sessions whose search_path, operators and settings would mislead functions that rely on them.
func TestHostileSessions(t *testing.T) {
	t.Parallel()
	h := connect(t)
	h.do("CREATE SCHEMA hostile",
		"CREATE FUNCTION hostile.never(bytea, bytea) RETURNS bool LANGUAGE sql AS 'SELECT true'",
		"CREATE OPERATOR hostile.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = hostile.never)",
		"CREATE FUNCTION hostile.octet_length(bytea) RETURNS int LANGUAGE sql AS 'SELECT 0'",
		"CREATE FUNCTION hostile.encode(bytea, text) RETURNS text LANGUAGE sql AS 'SELECT ''ff''::text'",
		"CREATE TABLE hostile.pinnacle_noted (call text, key bytea)",
		"SET search_path TO hostile, pg_catalog, pg_temp")
	for i, set := range []string{"SET plpgsql.variable_conflict = error", "SET bytea_output = escape", "SET client_min_messages = error", "SET check_function_bodies = off"} {
		h.do(set)
		f := function("hostile"+strconv.Itoa(i), udf.Int4, udf.Int4)
		h.create(f)
		h.do("BEGIN")
		asked := h.round("SELECT pg_temp."+f.Name+"(i) FROM generate_series(1, 2) AS i", &ship.Known{}, f)
		if len(asked) != 1 || !slices.Equal(asked[0].Args[0].Ints, []int64{1, 2}) {
			t.Fatalf("%s: asked for %+v", set, asked)
		}
		h.give(f, asked[0].Keys, &udf.Column{Type: udf.Int4, Ints: []int64{5, 6}})
		if got := strings.Join(h.do("SELECT pg_temp."+f.Name+"(i) FROM generate_series(1, 2) AS i"), " "); got != "5 6" {
			t.Errorf("%s: %q", set, got)
		}
		h.do("COMMIT")
	}
}

// TestAnalyze tells home the size of a table as it grows, and not for every few rows.
func TestAnalyze(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("analyze", udf.Int4, udf.Int4)
	h.create(f)
	told := 0
	for n := 0; n < 100_000; n += 10 {
		if text := ship.Analyze(f, n, n+10); text != "" {
			if told++; told == 1 {
				h.do(text)
			}
		}
	}
	if told < 3 || told > 12 || ship.Analyze(f, 0, 10) != "" {
		t.Errorf("told %d times", told)
	}
}

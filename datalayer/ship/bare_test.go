package ship_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// bare runs a text with the answers as its one parameter, and gives its rows, a NULL as "<NULL>".
func (h *home) bare(text string, answers *ship.BareAnswers) ([]string, error) {
	res := h.conn.ExecParams(h.t.Context(), text, [][]byte{answers.Param()}, []uint32{pgtype.JSONBOID}, []int16{1}, nil).Read()
	var rows []string
	for _, row := range res.Rows {
		value := "<NULL>"
		if row[0] != nil {
			value = string(row[0])
		}
		rows = append(rows, value)
	}
	return rows, res.Err
}

// TestBareExpressions asks for answers and gets them in a transaction that can make nothing.
func TestBareExpressions(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("0a", udf.Text, udf.Text, udf.Int4)
	text := "SELECT " + ship.BareExpr(f, []string{"x", "y"}, "$1::jsonb") + ` FROM (VALUES ('a', 1), ('b"', 2), (repeat('long', 50), 3), (NULL, 4), ('a', 1)) v (x, y)`
	h.do("BEGIN READ ONLY", ship.BareOpening(1<<20))
	got, err := h.bare(text, nil)
	if want := []string{"<NULL>", "<NULL>", "<NULL>", "<NULL>", "<NULL>"}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("without answers: %q, %v", got, err)
	}
	r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, &ship.Known{}, 0)
	if !r.TakeBare(h.do(ship.BareNotes)[0]) {
		t.Fatal("nothing was noted")
	}
	asked, err := r.Believed()
	if err != nil || len(asked) != 1 || len(asked[0].Keys) != 3 {
		t.Fatalf("%+v is asked for, %v", asked, err)
	}
	given := udf.NewColumn(udf.Text, 3)
	given.Texts[0], given.Texts[1] = "one\n", `"tw\o"`
	given.SetNull(2)
	answers := &ship.BareAnswers{}
	if err := answers.Add(asked[0], &given); err != nil {
		t.Fatal(err)
	}
	h.do(ship.BareOpening(0)) // an error where anything is missed
	got, err = h.bare(text, answers)
	if want := []string{"one\n", `"tw\o"`, "<NULL>", "<NULL>", "one\n"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("with answers: %q, %v", got, err)
	}
	if noted := h.do(ship.BareNotes)[0]; noted != "" {
		t.Errorf("with answers, and noted: %q", noted)
	}
}

// TestBareRoundsEndEarly has the message of an error hold what was missed.
func TestBareRoundsEndEarly(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("0b", udf.Int4, udf.Int4)
	text := "SELECT " + ship.BareExpr(f, []string{"i"}, "$1::jsonb") + " FROM generate_series(1, 100) i"
	for room, want := range map[int]int{1: 1, 200: 5} { // a note has 47 bytes
		h.do("BEGIN READ ONLY", ship.BareOpening(room))
		_, err := h.bare(text, nil)
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, &ship.Known{}, 0)
		if state(err) != "22P02" || !r.TakeBare(err.Error()) {
			t.Fatalf("with room for %d bytes: %v", room, err)
		}
		if asked, err := r.Believed(); err != nil || len(asked[0].Keys) != want {
			t.Errorf("with room for %d bytes %+v is asked for, %v", room, asked, err)
		}
		h.do("ROLLBACK")
	}
}

func TestBareArgumentsAreCastAsAFunctions(t *testing.T) {
	t.Parallel()
	h := connect(t)
	h.do("BEGIN READ ONLY", ship.BareOpening(1<<20))
	for _, c := range []struct {
		typ       udf.Type
		arg, code string
	}{
		{udf.Int4, "1::int2", ""}, {udf.Int4, "'7'", ""}, {udf.Int8, "1", ""}, {udf.Text, "'x'::varchar(3)", ""}, {udf.Float8, "1.5", ""}, {udf.Timestamptz, "'2024-01-01'::date", ""},
		{udf.Int4, "1::int8", "42883"}, {udf.Text, "1", "42883"}, {udf.Bool, "1", "42883"}, {udf.Int4, "'x'", "22P02"},
	} {
		h.do("SAVEPOINT s")
		_, err := h.bare("SELECT "+ship.BareExpr(function("0c", udf.Int4, c.typ), []string{c.arg}, "$1::jsonb"), nil)
		if state(err) != c.code {
			t.Errorf("%s for %s: %v", c.arg, c.typ, err)
		}
		h.do("ROLLBACK TO s")
	}
}

func TestBareHasTheCollationOfArguments(t *testing.T) {
	t.Parallel()
	h := connect(t)
	h.do("BEGIN", ship.BareOpening(1<<20))
	e := ship.BareExpr(function("0d", udf.Text, udf.Text), []string{`x COLLATE "POSIX"`}, "$1::jsonb")
	if got, err := h.bare("SELECT pg_collation_for("+e+") FROM (VALUES ('a')) v (x)", nil); err != nil || !slices.Equal(got, []string{`"POSIX"`}) {
		t.Errorf("the collation is %q, %v", got, err)
	}
}

func TestWhatIsBare(t *testing.T) {
	t.Parallel()
	details, random := function("0e", udf.Int4, udf.Int4), function("0f", udf.Int4, udf.Int4)
	details.Kind, random.Model.Deterministic = "predict_details", false
	for _, c := range []struct {
		f    *planner.Function
		want bool
	}{
		{function("1a", udf.Int4, udf.Int4, udf.JSONB), true}, {function("1b", udf.Int4Array), true}, {function("1c", udf.Int4, udf.Int4Array), false}, {details, true}, {random, false},
	} {
		if ship.Bare(c.f) != c.want {
			t.Errorf("%+v is bare: %v", c.f, !c.want)
		}
	}
	if r := ship.NewRound(&planner.Ship{}, &ship.Known{}, 0); r.TakeBare(strings.Repeat("pinnacle_x:0 ", 3)) || !r.Empty() {
		t.Error("a note was found where there is none")
	}
}

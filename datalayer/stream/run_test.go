package stream_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestRowsInOrderAndEachArgumentOnce(t *testing.T) {
	t.Parallel()
	args := numbers(50000, func(i int) int { return i * 7 % 10 })
	m := double()
	r := selectList(m, args)
	equal(t, r.all(t), rowsOf(args))
	if m.asked() != 10 {
		t.Errorf("the model was asked for %d rows, there are 10 distinct arguments", m.asked())
	}
	if !slices.Equal(r.home.fetches, []int{0}) {
		t.Errorf("home was asked for rows %v times", r.home.fetches)
	}
}

func TestBatchesDouble(t *testing.T) {
	t.Parallel()
	args := numbers(1000, func(i int) int { return i })
	m := double()
	r := where(m, args)
	r.limits = stream.Limits{BatchRows: 100, BatchBytes: 1 << 20, MemoBytes: 1 << 20, Ahead: 2}
	if n := len(r.all(t)); n != 500 {
		t.Errorf("%d rows", n)
	}
	want := []int{16, 32, 64, 100, 100, 100, 100, 100, 100, 100, 100, 100}
	if !slices.Equal(r.home.fetches, want) || !slices.Equal(m.batches[:4], want[:4]) {
		t.Errorf("home was asked for %v, the model for %v", r.home.fetches, m.batches)
	}
	if len(r.home.evals) != 12 || r.home.evals[0].Text == "" {
		t.Errorf("%d expressions evaluated", len(r.home.evals))
	}
}

func TestModelTakesAtMostMaxBatch(t *testing.T) {
	t.Parallel()
	args := numbers(5000, func(i int) int { return i })
	m := double()
	m.most = 7
	r := selectList(m, args)
	equal(t, r.all(t), rowsOf(args))
	if most := slices.Max(m.batches); most != 7 {
		t.Errorf("the model was handed %d rows at once", most)
	}
}

func TestNullIsNotAsked(t *testing.T) {
	t.Parallel()
	args := numbers(100, func(i int) int { return i })
	for i := 0; i < 100; i += 3 {
		args[i] = nil
	}
	m := double()
	r := selectList(m, args)
	run := r.run(t)
	s := &sink{}
	if _, _, err := run.Emit(t.Context(), 0, s); err != nil {
		t.Fatal(err)
	}
	equal(t, s.rows, rowsOf(args))
	if got := run.Stats()[0]; m.asked() != 66 || got.Rows != 100 || got.NullSkipped != 34 || got.Distinct != 66 || got.Calls != 66 || got.Errors != 0 {
		t.Errorf("asked %d, %+v", m.asked(), got)
	}
}

func TestCalledOnNull(t *testing.T) {
	t.Parallel()
	m := double()
	m.answer = func(args []*int) (*int, error) {
		v := 42
		if args[0] != nil {
			return nil, nil
		}
		return &v, nil
	}
	seven := 7
	r := selectList(m, []*int{nil, &seven, nil})
	r.plan.Calls[0].Model.NullOnNull = false
	equal(t, r.all(t), []string{"0 42", "1 NULL", "2 42"})
	if m.asked() != 2 {
		t.Errorf("asked %d times", m.asked())
	}
}

func TestOncePerRowWhereNotDeterministic(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	m := double()
	m.answer = func([]*int) (*int, error) { v := int(n.Add(1)); return &v, nil }
	args := numbers(1000, func(int) int { return 5 })
	r := selectList(m, args)
	r.plan.Calls[0].Model.Deterministic = false
	seen := map[string]bool{}
	for i, row := range r.all(t) {
		id, answer, _ := strings.Cut(row, " ")
		if id != strconv.Itoa(i) || seen[answer] {
			t.Fatalf("row %d is %s", i, row)
		}
		seen[answer] = true
	}
	if m.asked() != 1000 {
		t.Errorf("asked %d times", m.asked())
	}
}

func TestNoArguments(t *testing.T) {
	t.Parallel()
	m := double()
	m.answer = func([]*int) (*int, error) { v := 42; return &v, nil }
	r := selectList(m, numbers(3, func(int) int { return 0 }))
	r.plan.Calls[0].Model.Args, r.plan.Calls[0].Args = nil, nil
	equal(t, r.all(t), []string{"0 42", "1 42", "2 42"})
	if len(m.batches) != 1 {
		t.Errorf("%d calls", len(m.batches))
	}
}

func TestNoRows(t *testing.T) {
	t.Parallel()
	for _, r := range []*rig{selectList(double(), nil), where(double(), nil)} {
		s := &sink{}
		more, n, err := r.run(t).Emit(t.Context(), 0, s)
		if err != nil || more || n != 0 || s.flushes == 0 || r.models[0].asked() != 0 {
			t.Errorf("%v %d %v, %d flushes", more, n, err, s.flushes)
		}
	}
}

func TestEmptyValuesAreNotNull(t *testing.T) {
	t.Parallel()
	r := selectList(double(), numbers(2, func(int) int { return 0 }))
	r.plan.Calls[0].Model.Args[0].Type, r.plan.Calls[0].Model.Returns = udf.Text, udf.Text
	r.plan.Hidden[0].Type = udf.Text
	r.fields[1].OID, r.fields[2].OID = 25, 25
	r.home.rows = [][][]byte{{{}, nil, {}}, {nil, nil, nil}}
	r.models[0].whole = func(args []udf.Column) (udf.Column, error) { return args[0], nil }
	s := &sink{}
	if _, _, err := r.run(t).Emit(t.Context(), 0, s); err != nil {
		t.Fatal(err)
	}
	equal(t, s.rows, []string{" ", "NULL NULL"})
}

func TestLimitStopsEarly(t *testing.T) {
	t.Parallel()
	args := numbers(100000, func(i int) int { return i })
	for _, c := range []struct {
		limit, offset int64
		want          []string
		fetches       []int
	}{
		{5, 0, []string{"1 2", "3 6", "5 10", "7 14", "9 18"}, []int{16}},
		{2, 7, []string{"15 30", "17 34"}, []int{16, 32}},
		{0, 0, nil, nil},
		{0, 3, nil, nil},
		{-1, 49999, []string{"99999 199998"}, nil},
		{3, 60000, nil, nil},
	} {
		m := double()
		r := where(m, args)
		r.plan.Finals = []planner.Step{{Predict: r.plan.Calls[0]}}
		r.plan.Limit, r.plan.Offset = c.limit, c.offset
		equal(t, r.all(t), c.want)
		if len(c.want) > 1 && !slices.Equal(r.home.fetches, c.fetches) {
			t.Errorf("LIMIT %d OFFSET %d: home was asked for %v", c.limit, c.offset, r.home.fetches)
		}
		if c.limit == 0 && m.asked() > 0 {
			t.Errorf("LIMIT 0 asked for %d rows", m.asked())
		}
	}
}

// limitColumns has LIMIT and OFFSET as hidden columns.
func limitColumns(limit, offset []byte) *rig {
	r := where(double(), numbers(1000, func(i int) int { return i }))
	r.plan.Hidden = append(r.plan.Hidden, planner.Hidden{Kind: planner.LimitColumn}, planner.Hidden{Kind: planner.OffsetColumn})
	r.fields = append(r.fields, stream.Field{Name: "limit", OID: 20}, stream.Field{Name: "offset", OID: 20})
	for i := range r.home.rows {
		r.home.rows[i] = append(r.home.rows[i], limit, offset)
	}
	return r
}

func TestLimitByColumn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit, offset []byte
		rows          int
		code          string
	}{
		{int8s(5), int8s(2), 5, ""}, {nil, nil, 500, ""}, {nil, int8s(499), 1, ""}, {int8s(0), nil, 0, ""}, {int8s(1 << 62), int8s(1 << 62), 0, ""},
		{int8s(-1), nil, 0, "2201W"}, {nil, int8s(-1), 0, "2201X"},
	} {
		r := limitColumns(c.limit, c.offset)
		s := &sink{}
		_, _, err := r.run(t).Emit(t.Context(), 0, s)
		if code(err) != c.code || len(s.rows) != c.rows && c.code == "" {
			t.Errorf("LIMIT %x OFFSET %x: %d rows, %v", c.limit, c.offset, len(s.rows), err)
		}
		if c.rows == 0 && r.models[0].asked() > 0 && len(c.offset) == 0 {
			t.Errorf("LIMIT %x OFFSET %x asked for %d rows", c.limit, c.offset, r.models[0].asked())
		}
	}
}

// TestEmitInPieces runs with row limits, as Execute messages with a maximum of rows do.
func TestEmitInPieces(t *testing.T) {
	t.Parallel()
	args := numbers(100, func(i int) int { return i })
	for _, piece := range []int64{1, 3, 10, 50, 99, 100, 101} {
		for name, r := range map[string]*rig{"select list": selectList(double(), args), "where": where(double(), args)} {
			want := rowsOf(args)
			if name == "where" {
				want = filtered(args, -1, 0)
			}
			run := r.run(t)
			s := &sink{}
			for {
				before := len(s.rows)
				more, n, err := run.Emit(t.Context(), piece, s)
				if err != nil || n != int64(len(s.rows)-before) || n > piece {
					t.Fatal(more, n, err)
				}
				if !more {
					if n == piece {
						t.Errorf("%s in pieces of %d: the end was told with a full piece", name, piece)
					}
					break
				}
				if n != piece {
					t.Errorf("%s in pieces of %d: %d rows, and more to come", name, piece, n)
				}
			}
			equal(t, s.rows, want)
			if more, n, err := run.Emit(t.Context(), piece, s); more || n != 0 || err != nil {
				t.Errorf("behind the end: %v %d %v", more, n, err)
			}
			if run.HomeRows != 100 || run.Rows != int64(len(want)) {
				t.Errorf("%d rows of home, %d of the client's", run.HomeRows, run.Rows)
			}
		}
	}
}

// TestSmallPiecesOfAFilter checks that a client that takes one row at a time does not make home give one row at a time
// to a condition that drops nearly all.
func TestSmallPiecesOfAFilter(t *testing.T) {
	t.Parallel()
	r := where(double(), numbers(10000, func(i int) int { return i }))
	r.home.eval = func(_ stream.Query, in [][]byte) (bool, [][]byte) { return number(in[0])/2 == 9999, nil }
	s := &sink{}
	more, n, err := r.run(t).Emit(t.Context(), 1, s)
	if !more || n != 1 || err != nil || len(r.home.fetches) > 20 {
		t.Errorf("%v %d %v, home was asked %d times", more, n, err, len(r.home.fetches))
	}
}

func TestPiecesThenTheRest(t *testing.T) {
	t.Parallel()
	args := numbers(1000, func(i int) int { return i })
	r := selectList(double(), args)
	run := r.run(t)
	s := &sink{}
	for _, piece := range []int64{7, 30, 0} {
		if _, _, err := run.Emit(t.Context(), piece, s); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, s.rows, rowsOf(args))
}

func TestMemoIsForgotten(t *testing.T) {
	t.Parallel()
	args := numbers(20000, func(i int) int { return i % 5000 })
	m := double()
	r := selectList(m, args)
	r.limits = stream.Limits{BatchRows: 512, BatchBytes: 1 << 20, MemoBytes: 20000, Ahead: 3}
	equal(t, r.all(t), rowsOf(args))
	if m.asked() <= 5000 || m.asked() > 20000 {
		t.Errorf("asked %d times for 5000 distinct arguments in 20000 rows", m.asked())
	}
}

// TestNestedAndSeveralCalls is SELECT add(double(a), double(a) + id), double(a).
func TestNestedAndSeveralCalls(t *testing.T) {
	t.Parallel()
	args := numbers(300, func(i int) int { return i % 20 })
	args[3] = nil
	inner := double()
	r := selectList(inner, args)
	add := double()
	add.answer = func(args []*int) (*int, error) { v := *args[0]*1000 + *args[1]; return &v, nil }
	r.models = append(r.models, add)
	call := &planner.Call{Model: version("add", 2), Args: []planner.ColumnID{-1, -2}, Out: -3}
	r.plan.Calls, r.plan.Computed = append(r.plan.Calls, call), 3
	r.plan.Hidden = append(r.plan.Hidden, planner.Hidden{Kind: planner.LeafColumn})
	eval := &planner.Eval{Inputs: []planner.ColumnID{-1, 1}, Exprs: []string{"x0 + c1"}, Outs: []planner.ColumnID{-2}}
	r.plan.Finals = append(r.plan.Finals, planner.Step{Eval: eval}, planner.Step{Predict: call})
	r.plan.Outputs = append(r.plan.Outputs, planner.Output{HomeName: "out2", Col: -3})
	r.fields = []stream.Field{{Name: "id", OID: 23}, {Name: "out", OID: 23}, {Name: "out2", OID: 23}, {Name: "a", OID: 23}, {Name: "leaf", OID: 23, Array: 1007}}
	for i, row := range r.home.rows {
		r.home.rows[i] = [][]byte{row[0], nil, nil, row[2], int4(i)}
	}
	r.home.eval = func(_ stream.Query, in [][]byte) (bool, [][]byte) {
		if in[0] == nil {
			return true, [][]byte{nil}
		}
		return true, [][]byte{int4(number(in[0]) + number(in[1]))}
	}
	rows := r.all(t)
	for i, row := range rows {
		want := fmt.Sprintf("%d NULL NULL", i)
		if a := args[i]; a != nil {
			want = fmt.Sprintf("%d %d %d", i, 2**a, 2**a*1000+2**a+i)
		}
		if row != want {
			t.Fatalf("%s, not %s", row, want)
		}
	}
	if len(rows) != 300 || inner.asked() != 20 {
		t.Errorf("%d rows, %d asked", len(rows), inner.asked())
	}
}

// TestAnyLimitsGiveTheSameRows runs random plans under random limits.
func TestAnyLimitsGiveTheSameRows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for range 400 {
		args := numbers(r.IntN(400), func(int) int { return r.IntN(1 + r.IntN(300)) })
		for i := range args {
			if r.IntN(10) == 0 {
				args[i] = nil
			}
		}
		m := double()
		m.most = 1 + r.IntN(40)
		run, want := selectList(m, args), rowsOf(args)
		if r.IntN(2) == 0 {
			run = where(m, args)
			run.plan.Limit, run.plan.Offset = int64(r.IntN(200)-50), int64(r.IntN(20))
			run.plan.Limit = max(-1, run.plan.Limit)
			want = filtered(args, run.plan.Limit, run.plan.Offset)
		}
		run.limits = stream.Limits{BatchRows: 1 + r.IntN(100), BatchBytes: 1 + r.IntN(2000), MemoBytes: r.IntN(4000), Ahead: r.IntN(4)}
		pieces := int64(r.IntN(3) * r.IntN(50))
		s := &sink{}
		started := run.run(t)
		for more := true; more; {
			var err error
			if more, _, err = started.Emit(t.Context(), pieces, s); err != nil {
				t.Fatalf("%+v: %v", run.limits, err)
			}
		}
		equal(t, s.rows, want)
	}
}

// filtered are the rows that where should give.
func filtered(args []*int, limit, offset int64) []string {
	var want []string
	for i, a := range args {
		if a == nil || *a%2 == 0 {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if limit >= 0 && int64(len(want)) == limit {
			break
		}
		want = append(want, fmt.Sprintf("%d %d", i, 2**a))
	}
	return want
}

func TestHomeFormats(t *testing.T) {
	t.Parallel()
	plan := &planner.Stream{Hidden: []planner.Hidden{{Kind: planner.ArgColumn}, {Kind: planner.ArgColumn}, {Kind: planner.LeafColumn}, {Kind: planner.LimitColumn}}}
	fields := []stream.Field{{OID: 25}, {OID: 23}, {OID: 23}, {OID: 1700}, {OID: 25, Array: 1009}, {OID: 20}}
	got := stream.HomeFormats(plan, fields, []int16{1, 0})
	if want := []int16{1, 0, pgvalue.BinaryFormat, pgvalue.TextFormat, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestPlanAndHomeDoNotFit(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(r *rig){
		"fewer columns than hidden ones": func(r *rig) { r.fields = nil },
		"no place holder":                func(r *rig) { r.fields[1].Name = "other" },
		"two place holders of one name":  func(r *rig) { r.fields[0].Name = "out" },
		"an argument of another type":    func(r *rig) { r.fields[2].OID = 25 },
	} {
		r := selectList(double(), nil)
		change(r)
		if _, err := stream.NewRun(stream.Config{Plan: r.plan, Fields: r.fields, Models: []stream.Model{r.models[0]}, Limits: stream.DefaultLimits()}, r.home); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestCollations gives expressions the collations that their columns have in the client's statement.
func TestCollations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		leaf, call, want, code string
	}{
		{`"default"`, `"default"`, "x0 AS x0, c1 AS c1", ""},
		{`"en-x-icu"`, `"default"`, `x0 AS x0, c1 COLLATE "en-x-icu" AS c1`, ""},
		{`"default"`, `"a ""b"""`, `x0 COLLATE "a ""b""" AS x0, c1 AS c1`, ""},
		{`"C"`, "", "", "0A000"},
	} {
		r := where(double(), numbers(3, func(i int) int { return i }))
		r.plan.Calls[0].Model.Returns, r.plan.Collated = udf.Text, []planner.Collated{{Col: -1}, {Col: 1}}
		r.models[0].whole = func(args []udf.Column) (udf.Column, error) {
			return udf.Column{Type: udf.Text, Texts: make([]string, args[0].Len())}, nil
		}
		r.plan.Filters[1].Eval.Inputs = []planner.ColumnID{-1, 1}
		r.plan.Hidden = append(r.plan.Hidden, planner.Hidden{Kind: planner.LeafColumn}, planner.Hidden{Kind: planner.CollationsColumn})
		r.fields = append(r.fields, stream.Field{Name: "leaf", OID: 25, Array: 1009}, stream.Field{Name: "collations", OID: 1009})
		names, err := pgvalue.AppendArray(nil, &udf.Column{Type: udf.Text, Texts: []string{c.call, c.leaf}}, 25)
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.home.rows {
			r.home.rows[i] = append(r.home.rows[i], []byte("leaf"), names)
		}
		r.home.eval = func(stream.Query, [][]byte) (bool, [][]byte) { return true, nil }
		s := &sink{}
		_, _, err = r.run(t).Emit(t.Context(), 0, s)
		if code(err) != c.code {
			t.Errorf("%s and %s: %v", c.leaf, c.call, err)
			continue
		}
		if c.code == "" && (len(s.rows) != 3 || !strings.Contains(r.home.evals[0].Text, c.want)) {
			t.Errorf("%s and %s: %s", c.leaf, c.call, r.home.evals[0].Text)
		}
	}
}

// TestNoArgumentsOncePerRow asks a model without arguments, which can be asked for one row at a time only.
func TestNoArgumentsOncePerRow(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	m := double()
	m.answer = func([]*int) (*int, error) { v := int(n.Add(1)); return &v, nil }
	r := selectList(m, numbers(3, func(int) int { return 0 }))
	r.plan.Calls[0].Model.Args, r.plan.Calls[0].Args, r.plan.Calls[0].Model.Deterministic = nil, nil, false
	equal(t, r.all(t), []string{"0 1", "1 2", "2 3"})
}

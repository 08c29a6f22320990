package ship_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// field is one value of a record in send form; nil is NULL.
type field struct {
	oid   uint32
	value []byte
}

// record is what record_send gives.
func record(fields ...field) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(fields)))
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, f.oid)
		if f.value == nil {
			b = binary.BigEndian.AppendUint32(b, math.MaxUint32)
			continue
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f.value))), f.value...)
	}
	return b
}

// int4 is an integer of a record.
func int4(v int32) field { return field{udf.Int4.OID(), binary.BigEndian.AppendUint32(nil, uint32(v))} }

// message is the text of a notice by which a function asks.
func message(f *planner.Function, record []byte) string {
	return f.Name + " " + hex.EncodeToString(record)
}

// TestHostileMessages has notices that no function of this package's has written.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	f := function("f", udf.Int4, udf.Int4, udf.Text)
	good := record(int4(5), field{udf.Text.OID(), []byte("x")})
	long := slices.Clone(good)
	binary.BigEndian.PutUint32(long[8:], math.MaxInt32)
	for name, m := range map[string]string{
		"nothing":                      "",
		"no arguments":                 f.Name,
		"another function":             "pinnacle_other_p0 " + hex.EncodeToString(good),
		"no hex":                       f.Name + " zz",
		"half a byte":                  f.Name + " 0",
		"no bytes":                     f.Name + " ",
		"half a count":                 f.Name + " 0000",
		"another count":                message(f, record(int4(5))),
		"too many":                     message(f, record(int4(5), int4(6), int4(7))),
		"cut before a type":            message(f, good[:6]),
		"cut in a value":               message(f, good[:14]),
		"a length beyond the end":      message(f, long),
		"a wrong size of an integer":   message(f, record(field{udf.Int4.OID(), []byte{1}}, field{udf.Text.OID(), []byte("x")})),
		"a type that cannot be read":   message(f, record(field{600, []byte{1}}, field{udf.Text.OID(), []byte("x")})),
		"text that is no UTF-8 at all": message(f, record(int4(5), field{udf.Text.OID(), []byte{0xff, 0xfe}})),
	} {
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, &ship.Known{}, 0)
		r.Take(ship.CodeAsked, m)
		asked, err := r.Believed()
		if err == nil && name != "text that is no UTF-8 at all" { // models take text as it is
			t.Errorf("%s: %+v", name, asked)
		}
		if err != nil && (r.Empty() || strings.Contains(err.Error(), "\xff")) {
			t.Errorf("%s: %v, and empty %v", name, err, r.Empty())
		}
		r.Take(ship.CodeAsked, message(f, good))
		if _, again := r.Believed(); err != nil && again == nil {
			t.Errorf("%s: forgotten", name)
		}
	}
}

// TestLowestRankIsBelieved answers only what functions of the lowest rank have asked for.
func TestLowestRankIsBelieved(t *testing.T) {
	t.Parallel()
	low, also, high := function("low", udf.Int4, udf.Int4), function("also", udf.Int4, udf.Int4), function("high", udf.Int4, udf.Int4)
	high.Rank = 3
	functions, known := []*planner.Function{high, low, also}, &ship.Known{}
	for _, c := range []struct{ asks, want []*planner.Function }{
		{[]*planner.Function{high, low, also, high}, []*planner.Function{low, also}},
		{[]*planner.Function{also}, []*planner.Function{also}},
		{[]*planner.Function{high}, []*planner.Function{high}},
		{nil, nil},
	} {
		r := ship.NewRound(&planner.Ship{Functions: functions}, known, 0)
		for i, f := range c.asks {
			r.Take(ship.CodeAsked, message(f, record(int4(int32(100*len(c.asks)+i)))))
		}
		asked, err := r.Believed()
		var got []*planner.Function
		for _, a := range asked {
			got = append(got, a.Function)
		}
		if err != nil || !slices.Equal(got, c.want) || r.Empty() != (len(c.asks) == 0) {
			t.Errorf("%d asked, %d believed, %v", len(c.asks), len(got), err)
		}
	}
}

// TestAskedAgain is an error: home would ask for ever.
func TestAskedAgain(t *testing.T) {
	t.Parallel()
	f, other, known := function("f", udf.Int4, udf.Int4), function("g", udf.Int4, udf.Int4), &ship.Known{}
	take := func(f *planner.Function, v int32) error {
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, known, 0)
		r.Take(ship.CodeAsked, message(f, record(int4(v))))
		_, err := r.Believed()
		return err
	}
	if take(f, 1) != nil || take(f, 2) != nil || take(other, 1) != nil {
		t.Error("asked for the first time")
	}
	if err := take(f, 1); err == nil || !strings.Contains(err.Error(), "again") {
		t.Error(err)
	}
}

// TestKnownIsBounded asks for more than is remembered of a statement.
func TestKnownIsBounded(t *testing.T) {
	t.Parallel()
	f, known := function("f", udf.Int4, udf.Int4), &ship.Known{}
	ask := func(from, to int32) error {
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, known, 0)
		for v := from; v < to; v++ {
			r.Take(ship.CodeAsked, message(f, record(int4(v))))
		}
		_, err := r.Believed()
		return err
	}
	const most = 1 << 18
	if err := ask(0, most+2); err != nil {
		t.Fatal(err)
	}
	if err := ask(0, 1); err == nil {
		t.Error("the first argument is asked for again, and that is not noticed")
	}
	if err := ask(most+1, most+2); err != nil {
		t.Errorf("more is remembered than should be: %v", err)
	}
}

// TestRoundIsBounded has a round ask for more than its limit: it holds none of it beyond, and what it holds is answered.
func TestRoundIsBounded(t *testing.T) {
	t.Parallel()
	f := function("f", udf.Int4, udf.Text)
	r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, &ship.Known{}, 1<<20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	text := make([]byte, 100_000)
	for i := range 1_000 {
		binary.BigEndian.PutUint32(text, uint32(i))
		r.Take(ship.CodeAsked, message(f, record(field{udf.Text.OID(), text})))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("a round of 1 MiB holds %d bytes", grown)
	}
	asked, err := r.Believed()
	if err != nil || len(asked) != 1 || len(asked[0].Keys) == 0 || len(asked[0].Keys) > 10 || r.Cut() != len(asked[0].Keys) || r.Empty() {
		t.Errorf("%d of 1000 are kept: %v", r.Cut(), err)
	}
	runtime.KeepAlive(r)
}

// TestApart has functions tell of arguments again: each is kept once, and past the round's memory none.
func TestApart(t *testing.T) {
	t.Parallel()
	f := function("f", udf.Int4, udf.Int4)
	r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{f}}, &ship.Known{}, 4<<10)
	r.Apart()
	for i := range 1000 {
		r.Take(ship.CodeAsked, message(f, record(int4(int32(i%7)))))
	}
	if n := r.Cut(); n != 0 {
		t.Fatalf("%d of 7 arguments were kept, as if the memory were used up", n)
	}
	asked, err := r.Believed()
	if err != nil || len(asked) != 1 || len(asked[0].Keys) != 7 {
		t.Fatalf("7 arguments gave %d, %v", len(asked), err)
	}
	for i := range 1000 {
		r.Take(ship.CodeAsked, message(f, record(int4(int32(i)))))
	}
	if n := r.Cut(); n < 8 || n > 100 {
		t.Errorf("%d of 1000 arguments were kept in 4 KiB", n)
	}
}

// TestRowsAheadHaveTheKeysOfCalls reads the same arguments as rows of a query and as a call gives them.
func TestRowsAheadHaveTheKeysOfCalls(t *testing.T) {
	t.Parallel()
	f := function("f", udf.Int4, udf.Int4, udf.Text)
	loose := function("loose", udf.Int4, udf.Int4, udf.Text)
	loose.Model.NullOnNull = false
	five, x, long := binary.BigEndian.AppendUint32(nil, 5), []byte("x"), []byte(strings.Repeat("y", 1000))
	for _, c := range []struct {
		f      *planner.Function
		values [][]byte
		null   bool
	}{
		{f, [][]byte{five, x}, false}, {f, [][]byte{five, {}}, false}, {f, [][]byte{five, long}, false}, {f, [][]byte{five, nil}, true}, {f, [][]byte{nil, x}, true},
		{loose, [][]byte{five, nil}, false}, {loose, [][]byte{nil, nil}, false},
	} {
		a := ship.NewAsked(c.f)
		if err := a.Row(c.values); err != nil || c.null != (len(a.Keys) == 0) {
			t.Errorf("%q: %d keys, %v", c.values, len(a.Keys), err)
		}
		if c.null {
			continue
		}
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{c.f}}, &ship.Known{}, 0)
		r.Take(ship.CodeAsked, message(c.f, record(field{udf.Int4.OID(), c.values[0]}, field{udf.Text.OID(), c.values[1]})))
		called, err := r.Believed()
		if err != nil || !slices.Equal(called[0].Keys[0], a.Keys[0]) {
			t.Errorf("%q: %x is the key of the row, %v", c.values, a.Keys, err)
		}
	}
	for _, values := range [][][]byte{nil, {five}, {five, x, x}, {x, x}} {
		if err := ship.NewAsked(f).Row(values); err == nil {
			t.Errorf("%q was read", values)
		}
	}
}

// FuzzTake reads any message: it is taken as a whole or refused, and never panics.
func FuzzTake(f *testing.F) {
	types := []udf.Type{udf.Int4, udf.Text, udf.Float8Array, udf.JSONB, udf.Timestamptz}
	model := function("fuzzed", udf.Int4, types...)
	none := function("none", udf.Int4)
	f.Add(message(model, record(int4(1), field{25, []byte("x")}, field{1022, nil}, field{3802, []byte("\x01{}")}, field{1184, make([]byte, 8)})))
	f.Add(message(model, record(int4(1), field{25, nil}, field{1022, make([]byte, 20)}, field{3802, nil}, field{1184, nil})))
	f.Add(message(none, record()))
	f.Add(message(model, record()))
	f.Add(model.Name + " ")
	f.Add("")
	f.Add(strings.Repeat("00", 100))
	f.Fuzz(func(t *testing.T, text string) {
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{model, none}}, &ship.Known{}, 1<<16)
		r.Take(ship.CodeAsked, text)
		asked, err := r.Believed()
		if r.Empty() || err != nil {
			if len(asked) > 0 {
				t.Fatalf("%q: %v, and %+v", text, err, asked)
			}
			return
		}
		if len(asked) != 1 || len(asked[0].Keys) != 1 || len(asked[0].Keys[0]) > 72 || len(asked[0].Args) != len(asked[0].Function.Model.Args) {
			t.Fatalf("%q: %+v", text, asked)
		}
		for i := range asked[0].Args {
			if asked[0].Args[i].Len() != 1 {
				t.Fatalf("%q: argument %d has %d values", text, i, asked[0].Args[i].Len())
			}
		}
	})
}

// TestRowsTakeLittleMemory reads rows of arguments as a SELECT DISTINCT gives them: beside the columns and keys, which grow, there
// is nothing that is made for each.
func TestRowsTakeLittleMemory(t *testing.T) {
	asked := ship.NewAsked(function("f", udf.Int4, udf.Int4, udf.Text))
	const rows = 20_000
	n := testing.AllocsPerRun(1, func() { // once more to warm up
		for i := range rows {
			if err := asked.Row([][]byte{binary.BigEndian.AppendUint32(nil, uint32(i)), []byte("a")}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 3*rows { // the test's own, its rows' slice, and a text
		t.Errorf("%.0f allocations for %d rows", n, rows)
	}
	for i, key := range asked.Keys {
		if want := uint32(i % rows); binary.BigEndian.Uint32(key[20:]) != want || len(key) != 33 {
			t.Fatalf("key %d is %x", i, key)
		}
	}
}

// BenchmarkRow reads arguments, a row at a time.
func BenchmarkRow(b *testing.B) {
	asked, value := ship.NewAsked(function("f", udf.Int4, udf.Int4)), make([]byte, 4)
	row := [][]byte{value}
	b.ReportAllocs()
	for i := range b.N {
		binary.BigEndian.PutUint32(value, uint32(i))
		if err := asked.Row(row); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCutRoundBelievesTheLowestRank has functions of two ranks ask for more than the limit: whichever asks first, only what
// the one of the lower rank has asked for is kept, and at least one of it.
func TestCutRoundBelievesTheLowestRank(t *testing.T) {
	t.Parallel()
	low, high := function("low", udf.Int4, udf.Text), function("high", udf.Int4, udf.Text)
	high.Rank = 1
	ask := func(r *ship.Round, f *planner.Function, n int) {
		for i := range n {
			r.Take(ship.CodeAsked, message(f, record(field{udf.Text.OID(), fmt.Appendf(nil, "%s %d", f.Name, i)})))
		}
	}
	for _, most := range []int{1, 1 << 10, 0} {
		r := ship.NewRound(&planner.Ship{Functions: []*planner.Function{low, high}}, &ship.Known{}, most)
		ask(r, high, 100)
		ask(r, low, 100)
		ask(r, high, 100)
		asked, err := r.Believed()
		if err != nil || len(asked) != 1 || asked[0].Function != low || len(asked[0].Keys) == 0 || (r.Cut() > 0) != (most > 0) ||
			most == 0 && len(asked[0].Keys) != 100 {
			t.Errorf("of %d bytes: %+v, cut to %d: %v", most, asked, r.Cut(), err)
		}
	}
}

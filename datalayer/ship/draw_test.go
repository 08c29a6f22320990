package ship_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// drawing is a plan with two functions that draw: d0 of int4 with two signatures, d1 of text.
func drawing() *planner.Ship {
	number := planner.VolatileFunction{OID: 20000, Schema: "public", Name: "v", Parameters: "i integer", Arguments: 1, Returns: "integer", ReturnsOID: 23, ReturnsArray: 1007}
	other := number
	other.OID, other.Parameters = 20001, "i integer, j integer"
	text := planner.VolatileFunction{OID: 20002, Schema: "public", Name: "w", Returns: "text", ReturnsOID: 25, ReturnsArray: 1009, Own: true}
	return &planner.Ship{Functions: []*planner.Function{function("f", udf.Int4, udf.Int4)},
		Draws: []*planner.Draw{{Name: "d0", Functions: []planner.VolatileFunction{number, other}}, {Name: "d1", Functions: []planner.VolatileFunction{text}, Constant: true}}}
}

// told is the message of a notice with what was drawn.
func told(name string, oid int, key string, value []byte) string {
	return fmt.Sprintf("%s %d %s %s", name, oid, hex.EncodeToString([]byte(key)), hex.EncodeToString(record(field{23, value})))
}

// TestDrawnIsGiven gives home the values that were drawn, by their types, in binary arrays with NULLs.
func TestDrawnIsGiven(t *testing.T) {
	t.Parallel()
	r := ship.NewRound(drawing(), &ship.Known{}, 0)
	five := binary.BigEndian.AppendUint32(nil, 5)
	for _, m := range []string{told("d0", 20000, "a", five), told("d0", 20001, "b", nil), told("d1", 20002, "c", []byte{})} {
		r.Take(ship.CodeDrawn, m)
	}
	if !r.Empty() {
		t.Error("what is drawn is no question")
	}
	queries, err := r.GiveDrawn()
	if err != nil || len(queries) != 2 {
		t.Fatalf("%d queries, %v", len(queries), err)
	}
	head := func(oid, n uint32) []byte {
		var b []byte
		for _, v := range []uint32{1, 1, oid, n, 1} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b
	}
	want := append(binary.BigEndian.AppendUint32(head(23, 2), 4), five...)
	want = binary.BigEndian.AppendUint32(want, math.MaxUint32)
	if got := queries[0].Params[1]; string(got) != string(want) || queries[0].Types[1] != 1007 || !strings.Contains(queries[0].Text, "pinnacle_drawn_23 ") {
		t.Errorf("%x of %v, want %x; %s", got, queries[0].Types, want, queries[0].Text)
	}
	if got, want := queries[1].Params[1], binary.BigEndian.AppendUint32(head(25, 1), 0); string(got) != string(want) || queries[1].Types[1] != 1009 {
		t.Errorf("%x of %v, want %x", got, queries[1].Types, want)
	}
}

// TestHostileDrawn has notices that no function of this package's has written.
func TestHostileDrawn(t *testing.T) {
	t.Parallel()
	good := told("d0", 20000, "a", []byte{0, 0, 0, 5})
	for _, m := range []string{"", "d0", "d0 20000 61", "d2" + good[2:], told("d0", 20002, "a", nil), told("d1", 20000, "a", nil), good + " ", good[:len(good)-1],
		good[:len(good)-2], good + "00", "d0 20000 6 " + strings.Fields(good)[3], "d0 20000 61 ", "d0 99999999999999 61 " + strings.Fields(good)[3]} {
		r := ship.NewRound(drawing(), &ship.Known{}, 0)
		r.Take(ship.CodeDrawn, m)
		if _, err := r.Believed(); err == nil || r.Empty() {
			t.Errorf("%q is taken", m)
		}
	}
	r := ship.NewRound(drawing(), &ship.Known{}, 100)
	for range 100 {
		r.Take(ship.CodeDrawn, good)
	}
	if _, err := r.Believed(); state(err) != "54000" {
		t.Error(err)
	}
}

// TestOpening lists what a round begins with.
func TestOpening(t *testing.T) {
	t.Parallel()
	p := drawing()
	p.Random = true
	texts, err := ship.Opening(p, "0.25", 7)
	if err != nil || len(texts) != 3 || !strings.Contains(texts[0], "setseed('0.25')") || !strings.Contains(texts[1], "pinnacle.round', '7'") ||
		!strings.Contains(texts[2], "pinnacle.turn_d1") || strings.Contains(texts[2], "pinnacle.turn_d0") || !strings.Contains(texts[2], `"d0":0`) {
		t.Error(texts, err)
	}
	if got := strings.Join(ship.Closing(p), "; "); got != "TRUNCATE pg_temp.pinnacle_drawn_23, pg_temp.pinnacle_drawn_25, pg_temp.pinnacle_turns" {
		t.Error(got)
	}
	plain := &planner.Ship{Functions: p.Functions}
	if texts, err := ship.Opening(plain, "", 1); len(texts) > 0 || err != nil || len(ship.Closing(plain)) > 0 {
		t.Error(texts, err)
	}
	p.Functions[0].Model.Deterministic = false
	if texts, _ := ship.Opening(plain, "", 1); len(texts) != 1 || len(ship.Closing(plain)) != 1 {
		t.Error("a model that is not deterministic counts turns", texts)
	}
}

// FuzzTakeDrawn reads any message: it is taken as a whole or refused, and never panics.
func FuzzTakeDrawn(f *testing.F) {
	f.Add(told("d0", 20000, "a", []byte{0, 0, 0, 5}))
	f.Add(told("d1", 20002, "", nil))
	f.Add("d0 20000  ")
	f.Fuzz(func(t *testing.T, m string) {
		r := ship.NewRound(drawing(), &ship.Known{}, 1<<16)
		r.Take(ship.CodeDrawn, m)
		_, err := r.Believed()
		queries, other := r.GiveDrawn()
		if other != nil || (err == nil) != (len(queries) == 1) {
			t.Fatalf("%q: %v, and %d queries, %v", m, err, len(queries), other)
		}
	})
}

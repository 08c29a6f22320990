package answer

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// storages has a type of every storage.
var storages = []udf.Type{udf.Bool, udf.Int8, udf.Float8, udf.Text, udf.Bytea, udf.BoolArray, udf.Int8Array, udf.Float8Array, udf.TextArray}

// samples are columns of values that are all different, a NULL the last of each.
func samples() []udf.Column {
	list := []udf.Column{
		{Type: udf.Bool, Bools: []bool{false, true, false}},
		{Type: udf.Int8, Ints: []int64{0, -1, math.MinInt64, math.MaxInt64, 0}},
		{Type: udf.Float8, Floats: []float64{0, math.Copysign(0, -1), 1, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, 0}},
		{Type: udf.Numeric, Texts: []string{"1.0", "1.00", "1", "NaN", ""}},
		{Type: udf.Text, Texts: []string{"", "\x00", "a", "ab", "é", strings.Repeat("x", 1000), ""}},
		{Type: udf.Bytea, Bytes: [][]byte{{}, {0}, {0, 0}, {255}, nil}},
		{Type: udf.BoolArray, BoolLists: [][]bool{{}, {true}, {true, false}, nil}},
		{Type: udf.Int8Array, IntLists: [][]int64{{}, {0}, {0, 0}, {0}, {0, 0}, {0, 0}, nil},
			ListNulls: [][]bool{nil, nil, nil, {true}, {true, false}, {false, true}}},
		{Type: udf.Float8Array, FloatLists: [][]float64{{}, {0}, {math.Copysign(0, -1)}, {math.NaN()}, nil}},
		{Type: udf.TextArray, TextLists: [][]string{{}, {""}, {"", ""}, {"a", "b"}, {"ab", ""}, {"", "ab"}, nil}},
	}
	for i := range list {
		list[i].SetNull(list[i].Len() - 1)
	}
	return list
}

func TestValuesComeBackAndDiffer(t *testing.T) {
	t.Parallel()
	for _, c := range samples() {
		seen := map[string]int{}
		for row := range c.Len() {
			b := appendValue(nil, &c, row)
			if other, ok := seen[string(b)]; ok {
				t.Errorf("%s: rows %d and %d are the same", c.Type, other, row)
			}
			seen[string(b)] = row
			back := udf.NewColumn(c.Type, 1)
			if err := decodeValue(b, &back, 0); err != nil {
				t.Fatal(c.Type, row, err)
			}
			clear(b) // nothing of it is kept
			if again, ok := seen[string(appendValue(nil, &back, 0))]; !ok || again != row {
				t.Errorf("%s: row %d comes back as another", c.Type, row)
			}
			for _, length := range []int{0, 1} { // what is missing, and what is too much, is noticed
				broken := appendValue(nil, &c, row)
				broken = append(broken[:len(broken)-1+length], make([]byte, 2*length)...)
				to := udf.NewColumn(c.Type, 1)
				if decodeValue(broken, &to, 0) == nil {
					t.Errorf("%s: row %d is read from %d bytes", c.Type, row, len(broken))
				}
			}
		}
	}
}

func TestKeysTellTuplesApart(t *testing.T) {
	t.Parallel()
	args := []udf.Column{
		{Type: udf.Text, Texts: []string{"a", "ab", "", "", "x", strings.Repeat("y", 500), strings.Repeat("y", 500)}},
		{Type: udf.Text, Texts: []string{"bc", "c", "", "", "x", "z", "zz"}},
	}
	args[1].SetNull(3)
	seen := map[string]int{}
	for row := range args[0].Len() {
		key := appendKey([]byte("before"), args, row)
		if other, ok := seen[string(key)]; ok || !bytes.HasPrefix(key, []byte("before")) || len(key) > 200 {
			t.Errorf("rows %d and %d: %q", other, row, key)
		}
		seen[string(key)] = row
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	seen := map[[identityBytes]byte]int{}
	for i, v := range []datalayer.ModelVersion{{Hash: "a", Version: 1}, {Hash: "a", Version: 2}, {Hash: "b", Version: 1}, {Name: "a", Version: 1}, {Name: "b", Version: 1}} {
		id := identityOf("", &v)
		if other, ok := seen[id]; ok {
			t.Errorf("%d and %d have one identity", other, i)
		}
		seen[id] = i
	}
	if _, ok := seen[identityOf("another program", &datalayer.ModelVersion{Hash: "a", Version: 1})]; ok {
		t.Error("another program has the same identity")
	}
}

// FuzzDecodeValue reads any bytes as any type: it neither panics nor takes more memory than the bytes speak for, and what
// it takes comes back the same.
func FuzzDecodeValue(f *testing.F) {
	for _, c := range samples() {
		for row := range c.Len() {
			for i, typ := range storages {
				if typ.Storage() == c.Type.Storage() {
					f.Add(uint8(i), appendValue(nil, &c, row))
				}
			}
		}
	}
	f.Add(uint8(8), []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(uint8(7), []byte{1, 0x80, 0x80, 0x80, 0x80, 0x08})
	f.Fuzz(func(t *testing.T, typ uint8, b []byte) {
		c := udf.NewColumn(storages[int(typ)%len(storages)], 1)
		if decodeValue(b, &c, 0) != nil {
			return
		}
		back := udf.NewColumn(c.Type, 1)
		again := appendValue(nil, &c, 0)
		if err := decodeValue(again, &back, 0); err != nil || !bytes.Equal(again, appendValue(nil, &back, 0)) || len(again) > len(b) {
			t.Fatalf("%x comes back as %x: %v", b, again, err)
		}
	})
}

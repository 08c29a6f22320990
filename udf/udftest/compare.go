package udftest

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// CheckColumn checks that a column is well made: the type, the number of rows, no slice set but the type's own, and
// the zero value where a row is NULL.
func CheckColumn(t testing.TB, c udf.Column, typ udf.Type, rows int) {
	t.Helper()
	if c.Type != typ {
		t.Errorf("column is %v, want %v", c.Type, typ)
	}
	if c.Len() != rows {
		t.Errorf("column has %d rows, want %d", c.Len(), rows)
		return
	}
	if c.Nulls != nil && len(c.Nulls) != rows {
		t.Errorf("column has %d marks of NULL, want %d", len(c.Nulls), rows)
		return
	}
	set := map[udf.Storage]bool{
		udf.StoreBools: c.Bools != nil, udf.StoreInts: c.Ints != nil, udf.StoreFloats: c.Floats != nil,
		udf.StoreTexts: c.Texts != nil, udf.StoreBytes: c.Bytes != nil, udf.StoreBoolLists: c.BoolLists != nil,
		udf.StoreIntLists: c.IntLists != nil, udf.StoreFloatLists: c.FloatLists != nil,
		udf.StoreTextLists: c.TextLists != nil,
	}
	for s, is := range set {
		if is != (s == typ.Storage()) && (is || rows > 0) {
			t.Errorf("storage %d of a %v column is set: %v", s, typ, is)
		}
	}
	empty := udf.NewColumn(typ, 1)
	for i := range rows {
		if c.Null(i) && !equal(c.Slice(i, i+1), empty, 0, 0) {
			t.Errorf("row %d is NULL and holds a value", i)
		}
	}
}

// Compare checks that two columns hold the same: NULLs, and values, floats as near as near.
func Compare(t testing.TB, got, want udf.Column, near float64) {
	t.Helper()
	if got.Type != want.Type || got.Len() != want.Len() {
		t.Errorf("got %d rows of %v, want %d of %v", got.Len(), got.Type, want.Len(), want.Type)
		return
	}
	for i := range want.Len() {
		if got.Null(i) != want.Null(i) {
			t.Errorf("row %d: NULL is %v, want %v", i, got.Null(i), want.Null(i))
		}
		if !equal(got, want, i, near) {
			t.Errorf("row %d: got %+v, want %+v", i, got.Slice(i, i+1), want.Slice(i, i+1))
		}
	}
}

// equal compares row i of two columns of one type.
func equal(a, b udf.Column, i int, near float64) bool {
	same := func(x, y float64) bool { return sameFloat(x, y, near) }
	if !slices.Equal(a.ElementNulls(i), b.ElementNulls(i)) {
		return false
	}
	switch a.Type.Storage() {
	case udf.StoreBools:
		return a.Bools[i] == b.Bools[i]
	case udf.StoreInts:
		return a.Ints[i] == b.Ints[i]
	case udf.StoreFloats:
		return same(a.Floats[i], b.Floats[i])
	case udf.StoreTexts:
		return a.Texts[i] == b.Texts[i]
	case udf.StoreBytes:
		return bytes.Equal(a.Bytes[i], b.Bytes[i])
	case udf.StoreBoolLists:
		return slices.Equal(a.BoolLists[i], b.BoolLists[i])
	case udf.StoreIntLists:
		return slices.Equal(a.IntLists[i], b.IntLists[i])
	case udf.StoreFloatLists:
		return slices.EqualFunc(a.FloatLists[i], b.FloatLists[i], same)
	case udf.StoreTextLists:
		return slices.Equal(a.TextLists[i], b.TextLists[i])
	}
	return false
}

// sameFloat compares two floats; NaN equals NaN, and an infinity only itself.
func sameFloat(x, y, near float64) bool {
	if x == y || math.IsNaN(x) && math.IsNaN(y) {
		return true
	}
	return near > 0 && math.Abs(x-y) <= near*max(1, math.Abs(y))
}

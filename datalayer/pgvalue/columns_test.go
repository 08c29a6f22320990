package pgvalue_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// columns has one of each storage, of three rows, the second NULL.
func columns() []udf.Column {
	nulls := []bool{false, true, false}
	return []udf.Column{
		{Type: udf.Bool, Nulls: nulls, Bools: []bool{true, false, false}},
		{Type: udf.Int4, Nulls: nulls, Ints: []int64{1, 0, -1}},
		{Type: udf.Float4, Nulls: nulls, Floats: []float64{1.5, 0, -1}},
		{Type: udf.Text, Nulls: nulls, Texts: []string{"a", "", "bcd"}},
		{Type: udf.Bytea, Nulls: nulls, Bytes: [][]byte{{1}, nil, {2, 3}}},
		{Type: udf.BoolArray, Nulls: nulls, BoolLists: [][]bool{{true}, nil, {}}},
		{Type: udf.Int8Array, Nulls: nulls, IntLists: [][]int64{{1, 0}, nil, {0}}, ListNulls: [][]bool{{false, true}, nil, {true}}},
		{Type: udf.Float8Array, Nulls: nulls, FloatLists: [][]float64{{0}, nil, {2, 3}}, ListNulls: [][]bool{{true}}},
		{Type: udf.TextArray, Nulls: nulls, TextLists: [][]string{{"a", "b"}, nil, {""}}},
	}
}

func TestAppendAll(t *testing.T) {
	t.Parallel()
	for _, c := range columns() {
		t.Run(c.Type.String(), func(t *testing.T) {
			t.Parallel()
			to, last := udf.Column{Type: c.Type}, c.Slice(2, 3)
			last.Nulls = nil
			for _, from := range []udf.Column{last, c, last} {
				if err := pgvalue.AppendAll(&to, &from); err != nil {
					t.Fatal(err)
				}
			}
			if want := []bool{false, false, true, false, false}; to.Len() != 5 || !reflect.DeepEqual(to.Nulls, want) {
				t.Fatalf("%d rows with NULLs %v", to.Len(), to.Nulls)
			}
			for row, from := range map[int]int{0: 2, 1: 0, 3: 2, 4: 2} {
				if text(t, &to, row) != text(t, &c, from) {
					t.Errorf("row %d of %+v is not row %d of %+v", row, to, from, c)
				}
			}
			other := udf.Column{Type: udf.Int2}
			if c.Type.Storage() == udf.StoreInts {
				other.Type = udf.Text
			}
			if pgvalue.AppendAll(&other, &c) == nil {
				t.Errorf("%s was appended to %s", c.Type, other.Type)
			}
		})
	}
}

func TestSliceAndCopy(t *testing.T) {
	t.Parallel()
	for _, c := range columns() {
		t.Run(c.Type.String(), func(t *testing.T) {
			t.Parallel()
			part := pgvalue.Slice([]udf.Column{c}, 1, 3)[0]
			if part.Len() != 2 || !part.Null(0) || part.Null(1) {
				t.Fatalf("rows 1 and 2 are %+v", part)
			}
			to := udf.Column{Type: c.Type}
			for _, at := range []int{2, 0} {
				if err := pgvalue.Copy(&to, &c, at); err != nil {
					t.Fatal(err)
				}
			}
			if to.Nulls != nil {
				t.Errorf("no row is NULL, and Nulls is %v", to.Nulls)
			}
			for _, at := range []int{1, -1, 2} {
				if err := pgvalue.Copy(&to, &c, at); err != nil {
					t.Fatal(err)
				}
			}
			if want := []bool{false, false, true, true, false}; to.Len() != 5 || !reflect.DeepEqual(to.Nulls, want) {
				t.Errorf("copied %d rows with NULLs %v", to.Len(), to.Nulls)
			}
			if !reflect.DeepEqual(text(t, &to, 0), text(t, &c, 2)) || text(t, &to, 1) != text(t, &c, 0) || text(t, &to, 4) != text(t, &c, 2) {
				t.Errorf("copied %+v of %+v", to, c)
			}
			other := udf.Column{Type: udf.Int2}
			if c.Type.Storage() == udf.StoreInts {
				other.Type = udf.Text
			}
			if err := pgvalue.Copy(&other, &c, 0); err == nil {
				t.Errorf("a value of %s went into a column of %s", c.Type, other.Type)
			}
		})
	}
}

func text(t *testing.T, c *udf.Column, i int) string {
	t.Helper()
	b, err := pgvalue.Append(nil, c, i, pgvalue.TextFormat)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHeld(t *testing.T) {
	t.Parallel()
	want := map[udf.Type]int{udf.Text: 4, udf.Bytea: 3, udf.BoolArray: 1, udf.Int8Array: 24 + 3, udf.Float8Array: 24 + 1, udf.TextArray: 2 + 3*16}
	for _, c := range columns() {
		if got := pgvalue.Held(&c); got != want[c.Type] {
			t.Errorf("a column of %s holds %d bytes, not %d", c.Type, got, want[c.Type])
		}
	}
}

// TestAnswersThatDoNotFit gives values that the column's type does not have.
func TestAnswersThatDoNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		column udf.Column
		code   string
	}{
		{udf.Column{Type: udf.Int2, Ints: []int64{32768}}, "22003"},
		{udf.Column{Type: udf.Int4, Ints: []int64{-1<<31 - 1}}, "22003"},
		{udf.Column{Type: udf.Int4Array, IntLists: [][]int64{{0, 1 << 31}}}, "22003"},
		{udf.Column{Type: udf.Text, Texts: []string{"a\x00b"}}, "22021"},
		{udf.Column{Type: udf.Text, Texts: []string{"\xff"}}, "22021"},
		{udf.Column{Type: udf.TextArray, TextLists: [][]string{{"a", "\xc3"}}}, "22021"},
	} {
		for _, format := range []int16{pgvalue.TextFormat, pgvalue.BinaryFormat} {
			_, err := pgvalue.Append(nil, &c.column, 0, format)
			var coded *udf.Error
			if !errors.As(err, &coded) || coded.Code != c.code {
				t.Errorf("%+v in format %d: %v, not %s", c.column, format, err, c.code)
			}
		}
	}
}

// TestFloat4Rounds gives a column of float4 numbers that float4 does not have.
func TestFloat4Rounds(t *testing.T) {
	t.Parallel()
	c := udf.Column{Type: udf.Float4, Floats: []float64{1e-50, -1e-50, 1e50, -1e50, 0.1, 16777217}}
	want := []string{"0", "-0", "Infinity", "-Infinity", "0.1", "1.6777216e+07"}
	for i, w := range want {
		if got := text(t, &c, i); got != w {
			t.Errorf("%v is printed as %s, not %s", c.Floats[i], got, w)
		}
	}
}

// TestTextIsUTF8 has what a server holds whose encoding is SQL_ASCII.
func TestTextIsUTF8(t *testing.T) {
	t.Parallel()
	for typ, v := range map[udf.Type]string{udf.Text: "a\xe9", udf.JSON: "\"\xe9\"", udf.JSONB: "\x01\"\xe9\"",
		udf.TextArray: "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\xe9"} {
		d, err := pgvalue.NewDecoder(typ.OID(), typ)
		if err != nil {
			t.Fatal(err)
		}
		var refused *udf.Error
		if err := d.Append(&udf.Column{Type: typ}, []byte(v)); !errors.As(err, &refused) || refused.Code != "22021" {
			t.Errorf("%q as %s: %v", v, typ, err)
		}
	}
}

package udf_test

import (
	"errors"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

func TestColumnOfEachType(t *testing.T) {
	t.Parallel()
	for typ := udf.Bool; typ <= udf.TextArray; typ++ {
		c := udf.NewColumn(typ, 4)
		udftest.CheckColumn(t, c, typ, 4)
		if c.Null(2) {
			t.Errorf("%v: a new column has a NULL", typ)
		}
		c.SetNull(2)
		if !c.Null(2) || c.Null(1) {
			t.Errorf("%v: SetNull(2) gives %v", typ, c.Nulls)
		}
		s := c.Slice(1, 3)
		udftest.CheckColumn(t, s, typ, 2)
		if s.Null(0) || !s.Null(1) {
			t.Errorf("%v: Slice(1, 3) has NULLs %v", typ, s.Nulls)
		}
		if e := c.Slice(4, 4); e.Len() != 0 {
			t.Errorf("%v: empty slice has %d rows", typ, e.Len())
		}
	}
}

func TestColumnWithoutTypeHasNoRows(t *testing.T) {
	t.Parallel()
	c := udf.NewColumn(udf.Invalid, 3)
	if c.Len() != 0 {
		t.Errorf("Len is %d", c.Len())
	}
}

func TestSliceCannotGrowIntoItsColumn(t *testing.T) {
	t.Parallel()
	c := udf.NewColumn(udf.Int8, 3)
	s := c.Slice(0, 1)
	s.Ints = append(s.Ints, 99)
	if c.Ints[1] != 0 {
		t.Error("append to a slice wrote into the column")
	}
}

func TestCheckArgs(t *testing.T) {
	t.Parallel()
	sig := udf.Signature{Args: []udf.Arg{{Name: "a", Type: udf.Int8}, {Name: "b", Type: udf.Text}}, Returns: udf.Bool}
	short := udf.NewColumn(udf.Text, 2)
	short.Nulls = make([]bool, 1)
	tests := []struct {
		name string
		args []udf.Column
		code string
	}{
		{"right", []udf.Column{udf.NewColumn(udf.Int8, 2), udf.NewColumn(udf.Text, 2)}, ""},
		{"too few", []udf.Column{udf.NewColumn(udf.Int8, 2)}, "42883"},
		{"wrong type", []udf.Column{udf.NewColumn(udf.Int8, 2), udf.NewColumn(udf.JSON, 2)}, "42804"},
		{"lengths differ", []udf.Column{udf.NewColumn(udf.Int8, 2), udf.NewColumn(udf.Text, 3)}, "XX000"},
		{"NULL marks too short", []udf.Column{udf.NewColumn(udf.Int8, 2), short}, "XX000"},
	}
	for _, tt := range tests {
		n, err := udf.CheckArgs(sig, tt.args)
		if tt.code == "" {
			if err != nil || n != 2 {
				t.Errorf("%s: %d rows, error %v", tt.name, n, err)
			}
			continue
		}
		var e *udf.Error
		if !errors.As(err, &e) || e.SQLState() != tt.code {
			t.Errorf("%s: error %v, want SQLSTATE %s", tt.name, err, tt.code)
		}
	}
	if n, err := udf.CheckArgs(udf.Signature{}, nil); n != 1 || err != nil {
		t.Errorf("no arguments: %d rows, error %v", n, err)
	}
}

func TestRowErrorUnwraps(t *testing.T) {
	t.Parallel()
	err := error(&udf.RowError{Row: 7, Err: &udf.Error{Code: "22003", Message: "out of range"}})
	var e *udf.Error
	if !errors.As(err, &e) || e.Code != "22003" || err.Error() != "row 7: out of range" {
		t.Errorf("got %v", err)
	}
}

func TestElementNullsGoWithTheirRows(t *testing.T) {
	t.Parallel()
	c := udf.NewColumn(udf.Int4Array, 4)
	if c.SetElementNulls(3, nil); c.ListNulls != nil {
		t.Errorf("no list has NULLs, and ListNulls is %v", c.ListNulls)
	}
	c.IntLists[1], c.IntLists[2] = []int64{0, 7}, []int64{7}
	c.SetElementNulls(1, []bool{true, false})
	for lo, hi := range map[int]int{0: 4, 1: 2, 2: 4, 3: 4} {
		s := c.Slice(lo, hi)
		for i := lo; i < hi; i++ {
			if got := s.ElementNulls(i - lo); (got != nil) != (i == 1) {
				t.Errorf("row %d of rows %d to %d has NULLs %v", i-lo, lo, hi, got)
			}
		}
	}
	to := udf.NewColumn(udf.Int4Array, 6)
	if to.CopyListNulls(2, &c); to.ElementNulls(3) == nil || to.ElementNulls(2) != nil || to.ElementNulls(5) != nil {
		t.Errorf("rows from the second on have NULLs %v", to.ListNulls)
	}
	s := c.Slice(0, 1)
	if s.SetElementNulls(1, []bool{true}); !c.ElementNulls(1)[0] || c.ElementNulls(1)[1] {
		t.Error("a slice wrote into its column")
	}
}

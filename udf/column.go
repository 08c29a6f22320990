package udf

import "fmt"

// NewColumn makes a column of n rows of type t, each the zero value and none NULL.
func NewColumn(t Type, n int) Column {
	c := Column{Type: t}
	switch t.Storage() {
	case StoreBools:
		c.Bools = make([]bool, n)
	case StoreInts:
		c.Ints = make([]int64, n)
	case StoreFloats:
		c.Floats = make([]float64, n)
	case StoreTexts:
		c.Texts = make([]string, n)
	case StoreBytes:
		c.Bytes = make([][]byte, n)
	case StoreBoolLists:
		c.BoolLists = make([][]bool, n)
	case StoreIntLists:
		c.IntLists = make([][]int64, n)
	case StoreFloatLists:
		c.FloatLists = make([][]float64, n)
	case StoreTextLists:
		c.TextLists = make([][]string, n)
	}
	return c
}

// SetNull makes row i NULL. The row's place in the values must still hold the zero value.
func (c *Column) SetNull(i int) {
	if c.Nulls == nil {
		c.Nulls = make([]bool, c.Len())
	}
	c.Nulls[i] = true
}

// Slice is rows lo to hi (hi not included) of the column. It shares the column's memory.
func (c *Column) Slice(lo, hi int) Column {
	s := Column{Type: c.Type}
	if c.Nulls != nil {
		s.Nulls = c.Nulls[lo:hi:hi]
	}
	if lo < len(c.ListNulls) {
		end := min(hi, len(c.ListNulls))
		s.ListNulls = c.ListNulls[lo:end:end]
	}
	switch c.Type.Storage() {
	case StoreBools:
		s.Bools = c.Bools[lo:hi:hi]
	case StoreInts:
		s.Ints = c.Ints[lo:hi:hi]
	case StoreFloats:
		s.Floats = c.Floats[lo:hi:hi]
	case StoreTexts:
		s.Texts = c.Texts[lo:hi:hi]
	case StoreBytes:
		s.Bytes = c.Bytes[lo:hi:hi]
	case StoreBoolLists:
		s.BoolLists = c.BoolLists[lo:hi:hi]
	case StoreIntLists:
		s.IntLists = c.IntLists[lo:hi:hi]
	case StoreFloatLists:
		s.FloatLists = c.FloatLists[lo:hi:hi]
	case StoreTextLists:
		s.TextLists = c.TextLists[lo:hi:hi]
	}
	return s
}

// CheckArgs holds the arguments of a Predict call against the model's signature: their number, their types, and that
// they are all of one length. It gives that length. A model without arguments always has one row.
func CheckArgs(sig Signature, args []Column) (rows int, err error) {
	if len(args) != len(sig.Args) {
		return 0, &Error{
			Code:    "42883",
			Message: fmt.Sprintf("model takes %d arguments, not %d", len(sig.Args), len(args)),
		}
	}
	if len(args) == 0 {
		return 1, nil
	}
	rows = args[0].Len()
	for i := range args {
		if args[i].Type != sig.Args[i].Type {
			return 0, &Error{
				Code: "42804",
				Message: fmt.Sprintf("argument %q of the model is %s, not %s",
					sig.Args[i].Name, sig.Args[i].Type, args[i].Type),
			}
		}
		if args[i].Len() != rows || args[i].Nulls != nil && len(args[i].Nulls) != rows {
			return 0, &Error{
				Code:    "XX000",
				Message: fmt.Sprintf("argument %q of the model has not the %d rows of the others", sig.Args[i].Name, rows),
			}
		}
	}
	return rows, nil
}

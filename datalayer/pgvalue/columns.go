package pgvalue

import (
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Slice gives rows from to to of columns, without copying.
func Slice(cols []udf.Column, from, to int) []udf.Column {
	out := make([]udf.Column, len(cols))
	for i := range cols {
		out[i] = cols[i].Slice(from, to)
	}
	return out
}

// Copy appends row at of a column to one of the same type; a negative row is NULL.
func Copy(to, from *udf.Column, at int) error {
	if at < 0 || from.Null(at) {
		appendNull(to)
		return nil
	}
	if to.Type.Storage() != from.Type.Storage() {
		return fmt.Errorf("a value of %s in a column of %s", from.Type, to.Type)
	}
	if to.Nulls != nil {
		to.Nulls = append(to.Nulls, false)
	}
	to.SetElementNulls(to.Len(), from.ElementNulls(at))
	switch to.Type.Storage() {
	case udf.StoreBools:
		to.Bools = append(to.Bools, from.Bools[at])
	case udf.StoreInts:
		to.Ints = append(to.Ints, from.Ints[at])
	case udf.StoreFloats:
		to.Floats = append(to.Floats, from.Floats[at])
	case udf.StoreTexts:
		to.Texts = append(to.Texts, from.Texts[at])
	case udf.StoreBytes:
		to.Bytes = append(to.Bytes, from.Bytes[at])
	case udf.StoreBoolLists:
		to.BoolLists = append(to.BoolLists, from.BoolLists[at])
	case udf.StoreIntLists:
		to.IntLists = append(to.IntLists, from.IntLists[at])
	case udf.StoreFloatLists:
		to.FloatLists = append(to.FloatLists, from.FloatLists[at])
	case udf.StoreTextLists:
		to.TextLists = append(to.TextLists, from.TextLists[at])
	}
	return nil
}

// AppendAll appends all rows of a column to one of the same type, whose values it then shares.
func AppendAll(to, from *udf.Column) error {
	if to.Type.Storage() != from.Type.Storage() {
		return fmt.Errorf("values of %s in a column of %s", from.Type, to.Type)
	}
	to.CopyListNulls(to.Len(), from)
	if from.Nulls != nil && to.Nulls == nil {
		to.Nulls = make([]bool, to.Len(), to.Len()+from.Len())
	}
	if from.Nulls != nil {
		to.Nulls = append(to.Nulls, from.Nulls...)
	} else if to.Nulls != nil {
		to.Nulls = append(to.Nulls, make([]bool, from.Len())...)
	}
	to.Bools = append(to.Bools, from.Bools...)
	to.Ints = append(to.Ints, from.Ints...)
	to.Floats = append(to.Floats, from.Floats...)
	to.Texts = append(to.Texts, from.Texts...)
	to.Bytes = append(to.Bytes, from.Bytes...)
	to.BoolLists = append(to.BoolLists, from.BoolLists...)
	to.IntLists = append(to.IntLists, from.IntLists...)
	to.FloatLists = append(to.FloatLists, from.FloatLists...)
	to.TextLists = append(to.TextLists, from.TextLists...)
	return nil
}

// Held is the memory of a column's values that lie outside the column itself, in bytes.
func Held(c *udf.Column) int {
	n := 0
	for _, v := range c.Texts {
		n += len(v)
	}
	for _, v := range c.Bytes {
		n += len(v)
	}
	for _, v := range c.ListNulls {
		n += len(v)
	}
	for _, v := range c.BoolLists {
		n += len(v)
	}
	for _, v := range c.IntLists {
		n += 8 * len(v)
	}
	for _, v := range c.FloatLists {
		n += 8 * len(v)
	}
	for _, list := range c.TextLists {
		for _, v := range list {
			n += 16 + len(v)
		}
	}
	return n
}

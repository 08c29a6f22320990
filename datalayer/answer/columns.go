package answer

import (
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// copyRows copies a whole column into another of the same storage, from row at on.
func copyRows(to *udf.Column, at int, from *udf.Column) {
	for i, null := range from.Nulls {
		if null {
			to.SetNull(at + i)
		}
	}
	to.CopyListNulls(at, from)
	switch to.Type.Storage() {
	case udf.StoreBools:
		copy(to.Bools[at:], from.Bools)
	case udf.StoreInts:
		copy(to.Ints[at:], from.Ints)
	case udf.StoreFloats:
		copy(to.Floats[at:], from.Floats)
	case udf.StoreTexts:
		copy(to.Texts[at:], from.Texts)
	case udf.StoreBytes:
		copy(to.Bytes[at:], from.Bytes)
	case udf.StoreBoolLists:
		copy(to.BoolLists[at:], from.BoolLists)
	case udf.StoreIntLists:
		copy(to.IntLists[at:], from.IntLists)
	case udf.StoreFloatLists:
		copy(to.FloatLists[at:], from.FloatLists)
	case udf.StoreTextLists:
		copy(to.TextLists[at:], from.TextLists)
	}
}

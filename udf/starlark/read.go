package starlark

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	star "go.starlark.net/starlark"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// reader gives row i of an argument as a Starlark value. Its errors are a *udf.Error that goes on after "argument x".
type reader func(i int) (star.Value, error)

// newReader makes the reader of a column.
func newReader(c *udf.Column, thread *star.Thread) reader {
	read := valueReader(c, thread)
	if c.Nulls == nil {
		return read
	}
	return func(i int) (star.Value, error) {
		if c.Nulls[i] {
			return star.None, nil
		}
		return read(i)
	}
}

// valueReader makes the reader of a column's values.
func valueReader(c *udf.Column, thread *star.Thread) reader {
	switch c.Type {
	case udf.Numeric:
		return func(i int) (star.Value, error) { return readNumeric(c.Texts[i]) }
	case udf.JSON, udf.JSONB:
		return func(i int) (star.Value, error) { return readJSON(thread, c.Texts[i]) }
	}
	switch c.Type.Storage() {
	case udf.StoreBools:
		return func(i int) (star.Value, error) { return star.Bool(c.Bools[i]), nil }
	case udf.StoreInts:
		return func(i int) (star.Value, error) { return star.MakeInt64(c.Ints[i]), nil }
	case udf.StoreFloats:
		return func(i int) (star.Value, error) { return star.Float(c.Floats[i]), nil }
	case udf.StoreTexts:
		return func(i int) (star.Value, error) { return star.String(c.Texts[i]), nil }
	case udf.StoreBytes:
		return func(i int) (star.Value, error) { return star.Bytes(c.Bytes[i]), nil }
	case udf.StoreBoolLists:
		return listReader(c, c.BoolLists, func(x bool) star.Value { return star.Bool(x) })
	case udf.StoreIntLists:
		return listReader(c, c.IntLists, func(x int64) star.Value { return star.MakeInt64(x) })
	case udf.StoreFloatLists:
		return listReader(c, c.FloatLists, func(x float64) star.Value { return star.Float(x) })
	}
	return listReader(c, c.TextLists, func(x string) star.Value { return star.String(x) })
}

// listReader makes the reader of an array, whose NULLs are None. Each row has a list of its own, which the model may change.
func listReader[T any](c *udf.Column, lists [][]T, value func(T) star.Value) reader {
	return func(i int) (star.Value, error) {
		elems := make([]star.Value, len(lists[i]))
		for k, x := range lists[i] {
			elems[k] = value(x)
		}
		for k, null := range c.ElementNulls(i) {
			if null {
				elems[k] = star.None
			}
		}
		return star.NewList(elems), nil
	}
}

// readNumeric reads a numeric: an int if it is written without decimal places, otherwise a float.
func readNumeric(s string) (star.Value, error) {
	if !strings.ContainsAny(s, ".eENI") && len(s) <= maxDigits {
		if x, err := strconv.ParseInt(s, 10, 64); err == nil {
			return star.MakeInt64(x), nil
		}
		if x, ok := new(big.Int).SetString(s, 10); ok {
			return star.MakeBigInt(x), nil
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	if math.IsInf(x, 0) && err != nil {
		return nil, &udf.Error{Code: "22003", Message: "is a numeric too large for a float"}
	}
	if err != nil {
		return nil, &udf.Error{Code: "22P02", Message: "is not a number"}
	}
	return star.Float(x), nil
}

// readJSON decodes a JSON text.
func readJSON(thread *star.Thread, s string) (star.Value, error) {
	if err := checkJSON(s); err != nil {
		return nil, &udf.Error{Code: "22023", Message: err.Error()}
	}
	v, err := star.Call(thread, jsonDecode, star.Tuple{star.String(s)}, nil)
	if err != nil {
		return nil, &udf.Error{Code: "22P02", Message: fmt.Sprintf("is not JSON that a model can read: %v", err)}
	}
	return v, nil
}

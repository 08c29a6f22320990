package onnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// cells writes the values of a tensor, row by row and width in each, into an answer's rows from lo on.
type cells struct {
	answer *udf.Column
	lo, n  int
	width  int
}

// scalar reports whether the answer is one value a row; a tensor that has not one value a row is then an error.
func (c *cells) scalar() (bool, error) {
	switch c.answer.Type {
	case udf.BoolArray, udf.Int4Array, udf.Int8Array, udf.Float4Array, udf.Float8Array, udf.TextArray, udf.JSON, udf.JSONB:
		return false, nil
	}
	if c.width == 1 {
		return true, nil
	}
	return false, &udf.Error{
		Code:    "42804",
		Message: fmt.Sprintf("answered %d values a row, which cannot be returned as %v", c.width, c.answer.Type),
		Hint:    fmt.Sprintf("Declare RETURNS %v[].", c.answer.Type),
	}
}

// floats writes floating-point values, which had bits bits in the tensor. It keeps data.
func (c *cells) floats(data []float64, bits int) error {
	data = data[:c.n*c.width]
	scalar, err := c.scalar()
	if err != nil {
		return err
	}
	switch c.answer.Type {
	case udf.Float4, udf.Float4Array:
		if bits > 32 {
			if err := c.narrow(data); err != nil {
				return err
			}
		}
	case udf.Numeric, udf.Text, udf.TextArray:
		return c.texts(format(data, func(x float64) string { return formatFloat(x, bits) }))
	case udf.JSON, udf.JSONB:
		return c.json(len(data), func(dst []byte, i int) []byte { return appendJSONFloat(dst, data[i], bits) })
	}
	if scalar {
		copy(c.answer.Floats[c.lo:], data)
		return nil
	}
	rows(c.answer.FloatLists[c.lo:], data, c.n, c.width)
	return nil
}

// narrow rounds to what real holds; a finite number beyond it is an error, as in PostgreSQL.
func (c *cells) narrow(data []float64) error {
	for i, x := range data {
		data[i] = float64(float32(x))
		if math.IsInf(data[i], 0) && !math.IsInf(x, 0) {
			return outOfRange(c.lo+i/c.width, strconv.FormatFloat(x, 'g', -1, 64), "real")
		}
	}
	return nil
}

// ints writes integers. It keeps data.
func (c *cells) ints(data []int64) error {
	data = data[:c.n*c.width]
	scalar, err := c.scalar()
	if err != nil {
		return err
	}
	switch c.answer.Type {
	case udf.Float4, udf.Float4Array:
		return c.floats(widen[float64](data), 64)
	case udf.Float8, udf.Float8Array:
		return c.floats(widen[float64](data), 64)
	case udf.Bool, udf.BoolArray:
		return c.bools(truth(data))
	case udf.Numeric, udf.Text, udf.TextArray:
		return c.texts(format(data, func(x int64) string { return strconv.FormatInt(x, 10) }))
	case udf.JSON, udf.JSONB:
		return c.json(len(data), func(dst []byte, i int) []byte { return strconv.AppendInt(dst, data[i], 10) })
	}
	if err := c.fit(data); err != nil {
		return err
	}
	if scalar {
		copy(c.answer.Ints[c.lo:], data)
		return nil
	}
	rows(c.answer.IntLists[c.lo:], data, c.n, c.width)
	return nil
}

// fit checks integers against the range of the answer's type.
func (c *cells) fit(data []int64) error {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	switch c.answer.Type {
	case udf.Int2:
		low, high = math.MinInt16, math.MaxInt16
	case udf.Int4, udf.Int4Array:
		low, high = math.MinInt32, math.MaxInt32
	}
	for i, x := range data {
		if x < low || x > high {
			return outOfRange(c.lo+i/c.width, strconv.FormatInt(x, 10), c.answer.Type.String())
		}
	}
	return nil
}

// bools writes booleans; as integers they are 0 and 1.
func (c *cells) bools(data []bool) error {
	data = data[:c.n*c.width]
	scalar, err := c.scalar()
	if err != nil {
		return err
	}
	switch c.answer.Type {
	case udf.Bool:
		copy(c.answer.Bools[c.lo:], data)
		return nil
	case udf.Int2, udf.Int4, udf.Int8, udf.Int4Array, udf.Int8Array:
		numbers := make([]int64, len(data))
		for i, x := range data {
			if x {
				numbers[i] = 1
			}
		}
		return c.ints(numbers)
	case udf.JSON, udf.JSONB:
		return c.json(len(data), func(dst []byte, i int) []byte { return strconv.AppendBool(dst, data[i]) })
	case udf.Text, udf.TextArray:
		return c.texts(format(data, strconv.FormatBool))
	}
	if scalar {
		return brokenResult(fmt.Sprintf("a boolean cannot be returned as %v", c.answer.Type))
	}
	rows(c.answer.BoolLists[c.lo:], slices.Clone(data), c.n, c.width)
	return nil
}

// texts writes strings. It keeps data.
func (c *cells) texts(data []string) error {
	data = data[:c.n*c.width]
	scalar, err := c.scalar()
	if err != nil {
		return err
	}
	for i, s := range data {
		if !utf8.ValidString(s) || slices.Contains([]byte(s), 0) {
			return &udf.RowError{Row: c.lo + i/c.width, Err: &udf.Error{
				Code:    "22021",
				Message: "answered text that is not valid UTF-8",
			}}
		}
	}
	switch {
	case c.answer.Type == udf.JSON || c.answer.Type == udf.JSONB:
		return c.json(len(data), func(dst []byte, i int) []byte { return udf.AppendJSONString(dst, data[i]) })
	case scalar:
		copy(c.answer.Texts[c.lo:], data)
	default:
		rows(c.answer.TextLists[c.lo:], data, c.n, c.width)
	}
	return nil
}

// json writes each row as a JSON value: the value itself if there is one a row, otherwise an array.
func (c *cells) json(total int, appendCell func(dst []byte, i int) []byte) error {
	var buf []byte
	for i := range c.n {
		buf = buf[:0]
		if c.width != 1 {
			buf = append(buf, '[')
		}
		for k := i * c.width; k < min((i+1)*c.width, total); k++ {
			if k > i*c.width {
				buf = append(buf, ", "...)
			}
			buf = appendCell(buf, k)
		}
		if c.width != 1 {
			buf = append(buf, ']')
		}
		c.answer.Texts[c.lo+i] = string(buf)
	}
	return nil
}

// writeMaps writes the rows of a ZipMap: as JSON {label: probability}, or the probabilities in the labels' order.
func (o *output) writeMaps(answer *udf.Column, lo, n, padded int, maps []Map) error {
	if len(maps) != padded {
		return brokenResult(fmt.Sprintf("output %q has %d maps for %d rows", o.name, len(maps), padded))
	}
	for i, m := range maps[:n] {
		if answer.Type.Storage() == udf.StoreFloatLists {
			answer.FloatLists[lo+i] = m.Probabilities
			continue
		}
		answer.Texts[lo+i] = jsonMap(m.Labels, m.Probabilities, m.Bits)
	}
	return nil
}

// mapContents reads a map's keys, in order, and its values with the number of bits they had.
func mapContents(m *ort.Map) (labels []string, probabilities []float64, bits int, err error) {
	keys, vals, err := m.GetKeysAndValues()
	if err != nil {
		return nil, nil, 0, err
	}
	switch k := keys.(type) {
	case *ort.StringTensor:
		labels, err = k.GetContents()
	case *ort.Tensor[int64]:
		labels = format(k.GetData(), func(x int64) string { return strconv.FormatInt(x, 10) })
	}
	switch v := vals.(type) {
	case *ort.Tensor[float32]:
		return labels, widen[float64](v.GetData()), 32, err
	case *ort.Tensor[float64]:
		return labels, widen[float64](v.GetData()), 64, err
	}
	return labels, nil, 0, err
}

// jsonMap prints a map as jsonb prints an object.
func jsonMap(labels []string, probabilities []float64, bits int) string {
	order := make([]int, len(labels))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return udf.CompareJSONBKeys(labels[a], labels[b]) })
	buf := []byte{'{'}
	for at, i := range order {
		if at > 0 {
			buf = append(buf, ", "...)
		}
		buf = udf.AppendJSONString(buf, labels[i])
		buf = append(buf, ": "...)
		buf = appendJSONFloat(buf, probabilities[i], bits)
	}
	return string(append(buf, '}'))
}

// appendJSONFloat appends a number as jsonb prints it, in plain decimals. JSON has neither NaN nor infinity: they are
// strings, spelt as PostgreSQL spells them.
func appendJSONFloat(dst []byte, x float64, bits int) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return udf.AppendJSONString(dst, formatFloat(x, bits))
	}
	return strconv.AppendFloat(dst, x, 'f', -1, bits)
}

// formatFloat prints a number in plain decimals with the fewest digits that give it back, and the special values as
// PostgreSQL spells them.
func formatFloat(x float64, bits int) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(x, 'f', -1, bits)
}

// format prints each value.
func format[T any](data []T, print func(T) string) []string {
	texts := make([]string, len(data))
	for i, x := range data {
		texts[i] = print(x)
	}
	return texts
}

// truth is what PostgreSQL's cast of an integer to boolean gives.
func truth(data []int64) []bool {
	bools := make([]bool, len(data))
	for i, x := range data {
		bools[i] = x != 0
	}
	return bools
}

// rows cuts data into n lists of width values that share its memory.
func rows[T any](lists [][]T, data []T, n, width int) {
	for i := range n {
		lists[i] = data[i*width : (i+1)*width : (i+1)*width]
	}
}

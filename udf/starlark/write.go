package starlark

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	star "go.starlark.net/starlark"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// writer puts a model's answers into a column. Its errors are a *udf.Error that goes on after "model x".
type writer struct {
	answer *udf.Column
	// most is how many bytes one answer may have.
	most int
	// low and high are the range of an integer type.
	low, high int64
	buf       []byte
}

// newWriter makes the writer of a column.
func newWriter(answer *udf.Column, most int) *writer {
	w := &writer{answer: answer, most: most, low: math.MinInt64, high: math.MaxInt64}
	switch answer.Type {
	case udf.Int2:
		w.low, w.high = math.MinInt16, math.MaxInt16
	case udf.Int4, udf.Int4Array:
		w.low, w.high = math.MinInt32, math.MaxInt32
	}
	return w
}

// write puts an answer, which is not None, into row i.
func (w *writer) write(v star.Value, i int) (err error) {
	c := w.answer
	switch c.Type {
	case udf.Numeric:
		c.Texts[i], err = w.numeric(v)
		return err
	case udf.JSON, udf.JSONB:
		c.Texts[i], err = w.json(v)
		return err
	}
	switch c.Type.Storage() {
	case udf.StoreBools:
		c.Bools[i], err = w.boolean(v)
	case udf.StoreInts:
		c.Ints[i], err = w.integer(v)
	case udf.StoreFloats:
		c.Floats[i], err = w.float(v)
	case udf.StoreTexts:
		c.Texts[i], err = w.text(v)
	case udf.StoreBytes:
		b, ok := v.(star.Bytes)
		if !ok {
			return w.wrongType(v)
		}
		c.Bytes[i], err = []byte(b), w.fits(len(b))
	case udf.StoreBoolLists:
		c.BoolLists[i], err = list(w, v, i, 1, w.boolean)
	case udf.StoreIntLists:
		c.IntLists[i], err = list(w, v, i, 8, w.integer)
	case udf.StoreFloatLists:
		c.FloatLists[i], err = list(w, v, i, 8, w.float)
	case udf.StoreTextLists:
		c.TextLists[i], err = list(w, v, i, 16, w.text)
	}
	return err
}

// boolean reads a bool.
func (w *writer) boolean(v star.Value) (bool, error) {
	b, ok := v.(star.Bool)
	if !ok {
		return false, w.wrongType(v)
	}
	return bool(b), nil
}

// integer reads an int in the type's range.
func (w *writer) integer(v star.Value) (int64, error) {
	n, ok := v.(star.Int)
	if !ok {
		return 0, w.wrongType(v)
	}
	x, ok := n.Int64()
	if !ok || x < w.low || x > w.high {
		return 0, w.outOfRange(n.String())
	}
	return x, nil
}

// float reads a float or an int, rounded to what the type holds. NaN and the infinities pass.
func (w *writer) float(v star.Value) (float64, error) {
	x, ok := star.AsFloat(v)
	if !ok {
		return 0, w.wrongType(v)
	}
	if _, isInt := v.(star.Int); isInt && math.IsInf(x, 0) {
		return 0, w.outOfRange(v.String())
	}
	if w.answer.Type == udf.Float4 || w.answer.Type == udf.Float4Array {
		narrow := float64(float32(x))
		if math.IsInf(narrow, 0) && !math.IsInf(x, 0) {
			return 0, w.outOfRange(v.String())
		}
		return narrow, nil
	}
	return x, nil
}

// text reads a str that PostgreSQL can hold.
func (w *writer) text(v star.Value) (string, error) {
	s, ok := v.(star.String)
	if !ok {
		return "", w.wrongType(v)
	}
	return string(s), w.valid(string(s))
}

// valid checks that a text is short enough, UTF-8 and without NUL.
func (w *writer) valid(s string) error {
	if err := w.fits(len(s)); err != nil {
		return err
	}
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return &udf.Error{Code: "22021", Message: "answered text that is not valid UTF-8, or has a NUL"}
	}
	return nil
}

// numeric reads an int, a float or a str. PostgreSQL checks the form of a str.
func (w *writer) numeric(v star.Value) (string, error) {
	switch v := v.(type) {
	case star.Int:
		return v.String(), nil
	case star.Float:
		return formatFloat(float64(v)), nil
	}
	return w.text(v)
}

// list reads a list or a tuple that answers a row, each element with read; width is what an element takes at least, in bytes.
// None is NULL.
func list[T any](w *writer, v star.Value, row, width int, read func(star.Value) (T, error)) ([]T, error) {
	var seq star.Indexable
	switch v := v.(type) {
	case *star.List:
		seq = v
	case star.Tuple:
		seq = v
	default:
		return nil, w.wrongType(v)
	}
	if err := w.fits(seq.Len() * width); err != nil {
		return nil, err
	}
	out := make([]T, seq.Len())
	var nulls []bool
	total := 0
	for i := range out {
		elem := seq.Index(i)
		if elem == star.None {
			if nulls == nil {
				nulls = make([]bool, len(out))
			}
			nulls[i] = true
			continue
		}
		x, err := read(elem)
		if err != nil {
			return nil, err
		}
		if s, ok := any(x).(string); ok {
			if total += len(s); total > w.most {
				return nil, w.fits(total)
			}
		}
		out[i] = x
	}
	w.answer.SetElementNulls(row, nulls)
	return out, nil
}

// fits checks the size of an answer.
func (w *writer) fits(size int) error {
	if size <= w.most {
		return nil
	}
	return &udf.Error{Code: "54000", Message: fmt.Sprintf("answered more than %d bytes", w.most)}
}

// wrongType says that an answer's kind does not fit the declared type.
func (w *writer) wrongType(v star.Value) error {
	return &udf.Error{
		Code:    "42804",
		Message: fmt.Sprintf("answered %s, which is not %v", article(v.Type()), w.answer.Type),
		Hint:    "Convert it in predict, or declare another type with RETURNS.",
	}
}

// outOfRange says that a number does not fit the declared type.
func (w *writer) outOfRange(val string) error {
	return &udf.Error{
		Code:    "22003",
		Message: shorten(fmt.Sprintf("answered %s, which is out of range for type %v", val, w.answer.Type)),
	}
}

// article puts a or an before a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// formatFloat prints a float in plain decimals with the fewest digits that give it back, and the special values as
// PostgreSQL spells them.
func formatFloat(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

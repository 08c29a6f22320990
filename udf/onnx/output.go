package onnx

import (
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// output is the graph's output that answers, and the SQL type it answers in.
type output struct {
	name string
	typ  udf.Type
}

// shape is what one row of an output is.
type shape uint8

// The shapes of a row's answer.
const (
	shapeOpen   shape = iota // the model does not say
	shapeScalar              // one value
	shapeList                // several values of one type
	shapeMap                 // ZipMap: a probability for each label
)

// planOutput picks the output that the option names, and settles the type of the answer.
func planOutput(f *file, spec udf.Spec, option string) (output, error) {
	v, err := pickOutput(f.outputs, spec, option)
	if err != nil {
		return output{}, err
	}
	sh, e, err := rowShape(v, spec.Name)
	if err != nil {
		return output{}, err
	}
	out := output{name: v.name, typ: spec.Returns}
	if out.typ == udf.Invalid {
		out.typ = defaultType(sh, e)
		if out.typ == udf.Invalid {
			return output{}, &udf.Error{
				Code:    "42P13",
				Message: fmt.Sprintf("model %q does not say what shape its output %q has", spec.Name, v.name),
				Hint:    "Declare the type of its answer: CREATE MODEL … RETURNS float8 (or float8[], text, …).",
			}
		}
	}
	list := sh == shapeList && v.dims[1] > 1
	if !gives(sh, e, out.typ) || list && out.typ.ArrayOID() != 0 && !isJSON(out.typ) {
		return output{}, &udf.Error{
			Code:    "42804",
			Message: fmt.Sprintf("output %q of model %q cannot be returned as %v", v.name, spec.Name, out.typ),
			Detail:  fmt.Sprintf("A row of it is %s.", describeShape(sh, e)),
			Hint:    fmt.Sprintf("Declare RETURNS %v, or choose another output WITH (output = '…').", defaultType(sh, e)),
		}
	}
	return out, nil
}

// pickOutput finds the output that an option names. "label" and "probabilities" also find outputs that are called
// otherwise: exporters differ (output_label, output_probability, label, probabilities, variable).
func pickOutput(outputs []value, spec udf.Spec, option string) (*value, error) {
	if len(outputs) == 0 {
		return nil, unsupported(spec.Name, "it has no outputs", "")
	}
	for i := range outputs {
		if outputs[i].name == option {
			return &outputs[i], nil
		}
	}
	word := map[string]string{"": "label", "label": "label", "probabilities": "prob"}[option]
	for i := range outputs {
		if word != "" && strings.Contains(strings.ToLower(outputs[i].name), word) {
			return &outputs[i], nil
		}
	}
	if option == "" {
		return &outputs[0], nil
	}
	names := make([]string, len(outputs))
	for i := range outputs {
		names[i] = outputs[i].name
	}
	return nil, &udf.Error{
		Code:    "22023",
		Message: fmt.Sprintf("model %q has no output %q", spec.Name, option),
		Hint:    "Its outputs are: " + strings.Join(names, ", ") + ".",
	}
}

// rowShape finds what one row of an output is, and the type of its elements.
func rowShape(v *value, model string) (shape, elem, error) {
	switch {
	case v.is == isSequence && v.of != nil && v.of.is == isMap && v.of.of != nil:
		key, val := v.of.elem, v.of.of.elem
		if (key == elemInt64 || key == elemString) && val.isFloat() {
			return shapeMap, val, nil
		}
	case v.is == isTensor && !v.elem.scalar():
		return 0, 0, unsupported(model, fmt.Sprintf("its output %q holds %v", v.name, v.elem),
			"Export the model with outputs of float, double, int64, string or bool, or choose another output WITH (output = '…').")
	case v.is == isTensor && !v.hasShape:
		return shapeOpen, v.elem, nil
	case v.is == isTensor && len(v.dims) == 1, v.is == isTensor && len(v.dims) == 2 && v.dims[1] == 1:
		return shapeScalar, v.elem, nil
	case v.is == isTensor && len(v.dims) == 2:
		return shapeList, v.elem, nil
	case v.is == isTensor:
		return 0, 0, unsupported(model, fmt.Sprintf("its output %q has %d dimensions, not 1 or 2", v.name, len(v.dims)),
			"Choose another output WITH (output = '…').")
	}
	return 0, 0, unsupported(model, fmt.Sprintf("its output %q is neither a tensor nor ZipMap's sequence of maps", v.name),
		"Choose another output WITH (output = '…').")
}

// defaultType is the SQL type of an answer that is not declared; Invalid if the model does not say enough.
func defaultType(sh shape, e elem) udf.Type {
	switch sh {
	case shapeMap:
		return udf.JSONB
	case shapeScalar:
		return e.argType()
	case shapeList:
		return map[udf.Type]udf.Type{
			udf.Float8: udf.Float8Array, udf.Int8: udf.Int8Array, udf.Bool: udf.BoolArray, udf.Text: udf.TextArray,
		}[e.argType()]
	}
	return udf.Invalid
}

// gives reports whether an output can be returned as an SQL type. A list of one can be a scalar and the reverse, for
// exporters leave widths open.
func gives(sh shape, e elem, t udf.Type) bool {
	if sh == shapeMap {
		return isJSON(t) || t == udf.Float8Array || t == udf.Float4Array
	}
	switch t {
	case udf.Float4, udf.Float8, udf.Numeric, udf.Float4Array, udf.Float8Array:
		return e.isFloat() || e.isInt()
	case udf.Int2, udf.Int4, udf.Int8, udf.Int4Array, udf.Int8Array:
		return e.isInt() || e == elemBool
	case udf.Bool, udf.BoolArray:
		return e.isInt() || e == elemBool
	case udf.Text, udf.TextArray, udf.JSON, udf.JSONB:
		return true
	}
	return false
}

// isJSON reports whether a type takes values of any shape.
func isJSON(t udf.Type) bool { return t == udf.JSON || t == udf.JSONB }

// describeShape says in words what a row's answer is.
func describeShape(sh shape, e elem) string {
	switch sh {
	case shapeMap:
		return fmt.Sprintf("a map from labels to %v", e)
	case shapeList:
		return fmt.Sprintf("a list of %v", e)
	}
	return fmt.Sprintf("one %v", e)
}

// write puts the first n of the padded rows of a run's result into the answer, from row lo on.
func (o *output) write(answer *udf.Column, lo, n, padded int, r *result) error {
	if r.data == nil {
		return o.writeMaps(answer, lo, n, padded, r.maps)
	}
	width := 1
	if len(r.dims) == 2 {
		width = int(r.dims[1])
	}
	if len(r.dims) < 1 || len(r.dims) > 2 || int(r.dims[0]) != padded {
		return brokenResult(fmt.Sprintf("output %q has the shape %v for %d rows", o.name, r.dims, padded))
	}
	c := cells{answer: answer, lo: lo, n: n, width: width}
	switch data := r.data.(type) {
	case []float32:
		return c.floats(widen[float64](data), 32)
	case []float64:
		return c.floats(widen[float64](data), 64)
	case []int8:
		return c.ints(widen[int64](data))
	case []int16:
		return c.ints(widen[int64](data))
	case []int32:
		return c.ints(widen[int64](data))
	case []int64:
		return c.ints(widen[int64](data))
	case []uint8:
		return c.ints(widen[int64](data))
	case []uint16:
		return c.ints(widen[int64](data))
	case []uint32:
		return c.ints(widen[int64](data))
	case []uint64:
		for i, x := range data {
			if int64(x) < 0 && i < n*width {
				return outOfRange(lo+i/width, fmt.Sprint(x), "bigint")
			}
		}
		return c.ints(widen[int64](data))
	case []bool:
		return c.bools(data)
	case []string:
		return c.texts(data)
	}
	return brokenResult(fmt.Sprintf("output %q is of a kind that cannot be read", o.name))
}

// widen copies numbers to the width that columns hold.
func widen[W int64 | float64, T number](data []T) []W {
	wide := make([]W, len(data))
	for i, x := range data {
		wide[i] = W(x)
	}
	return wide
}

// brokenResult says that a result is not what the model's file promised.
func brokenResult(why string) error { return &udf.Error{Code: "38000", Message: why} }

// outOfRange says that a row's answer does not fit the type that was declared.
func outOfRange(row int, val, typ string) error {
	return &udf.RowError{Row: row, Err: &udf.Error{
		Code:    "22003",
		Message: fmt.Sprintf("answered %s, which is out of range for type %s", val, typ),
	}}
}

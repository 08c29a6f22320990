package onnx

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// input is one input of the graph, and the arguments that fill it.
type input struct {
	name string
	elem elem
	// rank is 1 for [rows] and 2 for [rows, width]; batch is the number of rows if the model fixes it, otherwise 0.
	rank  int
	width int
	batch int
	// first is the place of the input's first argument; it takes width of them.
	first int
}

// featureNames is the key of a model's metadata that names the arguments: a JSON array of strings, or the names with
// commas between.
const featureNames = "feature_names"

// maxArguments is the number of arguments that PostgreSQL lets a function have, which predict in plain SQL would be
// held to as well; models may have more here, up to the columns of a table.
const maxArguments = 1600

// maxFixedBatch is the largest number of rows that a model may fix for its batch.
const maxFixedBatch = 65_536

// planInputs finds out what the model's inputs take, and settles the arguments: as many as the inputs are wide, with
// the names and types that the statement declares, or the model's own.
func planInputs(f *file, spec udf.Spec) ([]input, []udf.Arg, error) {
	if len(f.inputs) == 0 {
		return nil, nil, unsupported(spec.Name, "it has no inputs", "")
	}
	inputs := make([]input, len(f.inputs))
	total := 0
	for i := range f.inputs {
		in, err := planInput(&f.inputs[i], len(f.inputs) == 1, spec)
		if err != nil {
			return nil, nil, err
		}
		if i > 0 && in.batch != inputs[0].batch {
			return nil, nil, unsupported(spec.Name, "its inputs fix different numbers of rows", "")
		}
		in.first = total
		total += in.width
		inputs[i] = in
		if total > maxArguments {
			return nil, nil, unsupported(spec.Name, fmt.Sprintf("it takes more than %d arguments", maxArguments), "")
		}
	}
	args, err := planArgs(f, inputs, total, spec)
	return inputs, args, err
}

// planInput checks that an input is one that columns can fill.
func planInput(v *value, alone bool, spec udf.Spec) (input, error) {
	in := input{name: v.name, elem: v.elem, rank: len(v.dims), width: 1}
	if v.is != isTensor {
		return in, unsupported(spec.Name, fmt.Sprintf("its input %q is not a tensor", v.name), "")
	}
	if !v.elem.scalar() {
		return in, unsupported(spec.Name, fmt.Sprintf("its input %q holds %v", v.name, v.elem),
			"Export the model with inputs of float, double, int64, string or bool.")
	}
	if !v.hasShape || in.rank < 1 || in.rank > 2 {
		return in, unsupported(spec.Name,
			fmt.Sprintf("its input %q has %d dimensions; it must be a matrix [rows, columns] or a list [rows]", v.name, in.rank), "")
	}
	if v.dims[0] > maxFixedBatch {
		return in, unsupported(spec.Name, fmt.Sprintf("its batch is fixed at %d rows; the limit is %d", v.dims[0], maxFixedBatch), "")
	}
	in.batch = int(max(v.dims[0], 0))
	if in.rank == 1 {
		return in, nil
	}
	switch {
	case v.dims[1] > maxArguments:
		return in, unsupported(spec.Name, fmt.Sprintf("it takes more than %d arguments", maxArguments), "")
	case v.dims[1] > 0:
		in.width = int(v.dims[1])
	case alone && len(spec.Args) > 0:
		in.width = len(spec.Args)
	default:
		return in, &udf.Error{
			Code:    "42P13",
			Message: fmt.Sprintf("model %q does not say how many columns its input %q has", spec.Name, v.name),
			Hint:    fmt.Sprintf("Declare its arguments: CREATE MODEL %s(a float8, b float8, …) ….", spec.Name),
		}
	}
	return in, nil
}

// planArgs settles the names and types of the arguments.
func planArgs(f *file, inputs []input, total int, spec udf.Spec) ([]udf.Arg, error) {
	if len(spec.Args) > 0 && len(spec.Args) != total {
		return nil, &udf.Error{
			Code:    "42P13",
			Message: fmt.Sprintf("model %q takes %d arguments, but %d are declared", spec.Name, total, len(spec.Args)),
			Detail:  "Its inputs are: " + describeInputs(inputs) + ".",
		}
	}
	names := argNames(f, inputs, total)
	args := make([]udf.Arg, 0, total)
	for _, in := range inputs {
		for range in.width {
			args = append(args, udf.Arg{Name: names[len(args)], Type: in.elem.argType()})
		}
	}
	if len(spec.Args) == 0 {
		return args, nil
	}
	for _, in := range inputs {
		for k := range in.width {
			a := spec.Args[in.first+k]
			if a.Type == udf.Invalid {
				a.Type = args[in.first+k].Type
			}
			if !in.elem.takes(a.Type) {
				return nil, &udf.Error{
					Code:    "42804",
					Message: fmt.Sprintf("argument %q of model %q is %v, but its input %q takes %v", a.Name, spec.Name, a.Type, in.name, in.elem),
					Hint:    fmt.Sprintf("Declare it as %v.", in.elem.argType()),
				}
			}
			args[in.first+k] = a
		}
	}
	return args, nil
}

// argNames are the names of the arguments where the statement declares none: those of the metadata; or those of the
// inputs, with a number for each column of a matrix; or input_0, input_1 and so on where these are not unique.
func argNames(f *file, inputs []input, total int) []string {
	if names := metadataNames(f.metadata[featureNames]); len(names) == total {
		return names
	}
	names := make([]string, 0, total)
	for _, in := range inputs {
		for k := range in.width {
			name := in.name
			if in.width > 1 || in.rank == 2 && len(inputs) == 1 {
				name = fmt.Sprintf("%s_%d", in.name, k)
			}
			names = append(names, name)
		}
	}
	if slices.Contains(names, "") || !unique(names) {
		for i := range names {
			names[i] = fmt.Sprintf("input_%d", i)
		}
	}
	return names
}

// metadataNames reads the names of the features from the model's metadata: nil if there are none, or if they are
// empty or not unique.
func metadataNames(text string) []string {
	var names []string
	if strings.HasPrefix(text, "[") {
		if err := json.Unmarshal([]byte(text), &names); err != nil {
			return nil
		}
	} else {
		names = strings.Split(text, ",")
	}
	for i, n := range names {
		names[i] = strings.TrimSpace(n)
	}
	if slices.Contains(names, "") || !unique(names) {
		return nil
	}
	return names
}

// unique reports whether no name is there twice.
func unique(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) == len(names)
}

// describeInputs lists the inputs for a message.
func describeInputs(inputs []input) string {
	parts := make([]string, len(inputs))
	for i, in := range inputs {
		parts[i] = fmt.Sprintf("%s (%v, %d wide)", in.name, in.elem, in.width)
	}
	return strings.Join(parts, ", ")
}

// scalar reports whether values of the type can come from, and go to, SQL.
func (e elem) scalar() bool {
	return e >= elemFloat && e <= elemBool || e >= elemDouble && e <= elemUint64
}

// isFloat reports whether the type is a floating-point one.
func (e elem) isFloat() bool { return e == elemFloat || e == elemDouble }

// isInt reports whether the type is an integer, of any width.
func (e elem) isInt() bool {
	return e.scalar() && !e.isFloat() && e != elemString && e != elemBool
}

// argType is the SQL type of an argument whose type is not declared.
func (e elem) argType() udf.Type {
	switch {
	case e.isFloat():
		return udf.Float8
	case e == elemString:
		return udf.Text
	case e == elemBool:
		return udf.Bool
	}
	return udf.Int8
}

// takes reports whether an SQL argument can be handed to a tensor of the type without losing anything but precision.
func (e elem) takes(t udf.Type) bool {
	switch t {
	case udf.Bool:
		return e != elemString
	case udf.Int2, udf.Int4, udf.Int8:
		return e.isInt() || e.isFloat()
	case udf.Float4, udf.Float8:
		return e.isFloat()
	case udf.Numeric:
		return e.isFloat() || e == elemString
	}
	return e == elemString && t.Storage() == udf.StoreTexts
}

// unsupported says that a model has a shape that cannot be run on rows.
func unsupported(model, why, hint string) error {
	return &udf.Error{Code: "0A000", Message: fmt.Sprintf("model %q cannot be used: %s", model, why), Hint: hint}
}

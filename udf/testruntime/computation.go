//go:build testruntime

package testruntime

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// answerer answers row i of args in row i of out.
type answerer func(args []udf.Column, i int, out *udf.Column) error

// computation makes the answerer for a signature and the option by, and refuses those that it has no meaning for.
type computation func(sig udf.Signature, by string) (answerer, error)

// computations are what the option compute may name. NULL comes in only where the model is called on NULL; integers take
// it for 0.
var computations = map[string]computation{
	"identity": identity,
	// sum is the sum of integers, and by.
	"sum": integers(0, func(x []int64, by int64) (int64, error) {
		for _, v := range x {
			by += v
		}
		return by, nil
	}),
	// multiply is the argument, by times.
	"multiply": integers(1, func(x []int64, by int64) (int64, error) { return x[0] * by, nil }),
	// mod is the rest of the argument divided by by, with the sign of the argument, as in PostgreSQL.
	"mod": integers(1, func(x []int64, by int64) (int64, error) { return rest(x[0], by) }),
	// maybe is NULL for multiples of by, and otherwise the argument.
	"maybe": integers(1, func(x []int64, by int64) (int64, error) {
		if r, err := rest(x[0], by); err != nil || r == 0 {
			return 0, cmp.Or(err, errNull)
		}
		return x[0], nil
	}),
	// divide is by divided by the argument.
	"divide": integers(1, func(x []int64, by int64) (int64, error) {
		if x[0] == 0 {
			return 0, errDivision
		}
		return by / x[0], nil
	}),
	"even":     condition(func(x, _ int64) bool { return x%2 == 0 }),
	"less":     condition(func(x, by int64) bool { return x < by }),
	"concat":   concat,
	"length":   length,
	"constant": constant,
	"nulls":    nulls,
	"count":    count,
}

// errNull says that the answer is NULL.
var errNull = errors.New("null")

// errDivision is PostgreSQL's own error.
var errDivision = &udf.Error{Code: "22012", Message: "division by zero"}

// rest is x modulo by.
func rest(x, by int64) (int64, error) {
	if by == 0 {
		return 0, errDivision
	}
	return x % by, nil
}

// identity is the only argument.
func identity(sig udf.Signature, _ string) (answerer, error) {
	if len(sig.Args) != 1 || sig.Args[0].Type != sig.Returns {
		return nil, refuse("identity takes one argument and returns its type")
	}
	return func(args []udf.Column, i int, out *udf.Column) error {
		if args[0].Null(i) {
			out.SetNull(i)
			return nil
		}
		copyCell(out, &args[0], i)
		return nil
	}, nil
}

// copyCell copies row i between columns of one type.
func copyCell(to, from *udf.Column, i int) {
	to.SetElementNulls(i, from.ElementNulls(i))
	switch from.Type.Storage() {
	case udf.StoreBools:
		to.Bools[i] = from.Bools[i]
	case udf.StoreInts:
		to.Ints[i] = from.Ints[i]
	case udf.StoreFloats:
		to.Floats[i] = from.Floats[i]
	case udf.StoreTexts:
		to.Texts[i] = from.Texts[i]
	case udf.StoreBytes:
		to.Bytes[i] = append([]byte{}, from.Bytes[i]...)
	case udf.StoreBoolLists:
		to.BoolLists[i] = append([]bool{}, from.BoolLists[i]...)
	case udf.StoreIntLists:
		to.IntLists[i] = append([]int64{}, from.IntLists[i]...)
	case udf.StoreFloatLists:
		to.FloatLists[i] = append([]float64{}, from.FloatLists[i]...)
	case udf.StoreTextLists:
		to.TextLists[i] = append([]string{}, from.TextLists[i]...)
	}
}

// integers makes a computation over integer arguments, n of them or any number for 0; f's errNull means NULL.
func integers(n int, f func(x []int64, by int64) (int64, error)) computation {
	return func(sig udf.Signature, text string) (answerer, error) {
		by, err := integer(text)
		if err != nil {
			return nil, err
		}
		if n != 0 && n != len(sig.Args) || !allStored(sig.Args, udf.StoreInts) || sig.Returns.Storage() != udf.StoreInts {
			return nil, refuse("the computation takes and returns integers")
		}
		return func(args []udf.Column, i int, out *udf.Column) error {
			x := make([]int64, len(args))
			for a := range args {
				x[a] = args[a].Ints[i]
			}
			v, err := f(x, by)
			if errors.Is(err, errNull) {
				out.SetNull(i)
				return nil
			}
			if err != nil {
				return err
			}
			if limit := int64(1) << (8*out.Type.Size() - 1); out.Type != udf.Int8 && (v >= limit || v < -limit) {
				return &udf.Error{Code: "22003", Message: fmt.Sprintf("%s out of range", out.Type)}
			}
			out.Ints[i] = v
			return nil
		}, nil
	}
}

// condition makes a computation of an integer that gives a boolean.
func condition(f func(x, by int64) bool) computation {
	return func(sig udf.Signature, text string) (answerer, error) {
		by, err := integer(text)
		if err != nil {
			return nil, err
		}
		if len(sig.Args) != 1 || !allStored(sig.Args, udf.StoreInts) || sig.Returns != udf.Bool {
			return nil, refuse("the computation takes an integer and returns a boolean")
		}
		return func(args []udf.Column, i int, out *udf.Column) error {
			out.Bools[i] = f(args[0].Ints[i], by)
			return nil
		}, nil
	}
}

// integer reads the option by; without it, it is 0.
func integer(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, refuse("option by of a test model is no integer")
	}
	return n, nil
}

// allStored reports whether all arguments are stored so.
func allStored(args []udf.Arg, s udf.Storage) bool {
	for _, a := range args {
		if a.Type.Storage() != s {
			return false
		}
	}
	return true
}

// concat is all arguments as texts, and by; NULL is a hyphen.
func concat(sig udf.Signature, by string) (answerer, error) {
	if sig.Returns != udf.Text {
		return nil, refuse("concat returns text")
	}
	return func(args []udf.Column, i int, out *udf.Column) error {
		var b strings.Builder
		for a := range args {
			text, ok := cellText(&args[a], i)
			if !ok {
				text = "-"
			}
			b.WriteString(text)
		}
		out.Texts[i] = b.String() + by
		return nil
	}, nil
}

// length is the number of characters of a text.
func length(sig udf.Signature, _ string) (answerer, error) {
	if len(sig.Args) != 1 || sig.Args[0].Type != udf.Text || sig.Returns.Storage() != udf.StoreInts {
		return nil, refuse("length takes a text and returns an integer")
	}
	return func(args []udf.Column, i int, out *udf.Column) error {
		out.Ints[i] = int64(utf8.RuneCountInString(args[0].Texts[i]))
		return nil
	}, nil
}

// constant is by, for every row; an empty by is NULL.
func constant(sig udf.Signature, by string) (answerer, error) {
	value := udf.NewColumn(sig.Returns, 1)
	var err error
	switch sig.Returns.Storage() {
	case udf.StoreBools:
		value.Bools[0] = by == "true"
	case udf.StoreInts:
		value.Ints[0], err = integer(by)
	case udf.StoreFloats:
		if by != "" {
			value.Floats[0], err = strconv.ParseFloat(by, 64)
		}
	case udf.StoreTexts:
		value.Texts[0] = by
	default:
		return nil, refuse("constant does not return %s", sig.Returns)
	}
	if err != nil {
		return nil, refuse("option by of a test model: %v", err)
	}
	return func(_ []udf.Column, i int, out *udf.Column) error {
		if by == "" {
			out.SetNull(i)
			return nil
		}
		switch sig.Returns.Storage() {
		case udf.StoreBools:
			out.Bools[i] = value.Bools[0]
		case udf.StoreInts:
			out.Ints[i] = value.Ints[0]
		case udf.StoreFloats:
			out.Floats[i] = value.Floats[0]
		default:
			out.Texts[i] = value.Texts[0]
		}
		return nil
	}, nil
}

// nulls is how many of the arguments are NULL.
func nulls(sig udf.Signature, _ string) (answerer, error) {
	if sig.Returns.Storage() != udf.StoreInts {
		return nil, refuse("nulls returns an integer")
	}
	return func(args []udf.Column, i int, out *udf.Column) error {
		for a := range args {
			if args[a].Null(i) {
				out.Ints[i]++
			}
		}
		return nil
	}, nil
}

// count is 1, 2, 3 and so on, from when the model was loaded, whatever the arguments are.
func count(sig udf.Signature, _ string) (answerer, error) {
	if sig.Returns != udf.Int8 && sig.Returns != udf.Int4 {
		return nil, refuse("count returns integer or bigint")
	}
	var n atomic.Int64
	return func(_ []udf.Column, i int, out *udf.Column) error {
		out.Ints[i] = n.Add(1) & math.MaxInt32
		return nil
	}, nil
}

package starlark

import (
	"math"

	star "go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// guardFunc is the body of a guard.
type guardFunc = func(thread *star.Thread, b *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error)

// arithmetic lists the operators that are guarded where their operands may be long, by the name of their guard. The
// names are none that a source can spell.
var arithmetic = map[syntax.Token]string{
	syntax.PLUS: "+", syntax.MINUS: "-", syntax.STAR: "*", syntax.PERCENT: "%", syntax.LTLT: "<<",
	syntax.AMP: "&", syntax.PIPE: "|", syntax.CIRCUMFLEX: "^",
}

// augmented lists the assignments that such an operator has.
var augmented = map[syntax.Token]syntax.Token{
	syntax.PLUS_EQ: syntax.PLUS, syntax.MINUS_EQ: syntax.MINUS, syntax.STAR_EQ: syntax.STAR,
	syntax.SLASH_EQ: syntax.SLASH, syntax.SLASHSLASH_EQ: syntax.SLASHSLASH, syntax.PERCENT_EQ: syntax.PERCENT,
	syntax.AMP_EQ: syntax.AMP, syntax.PIPE_EQ: syntax.PIPE, syntax.CIRCUMFLEX_EQ: syntax.CIRCUMFLEX,
	syntax.LTLT_EQ: syntax.LTLT, syntax.GTGT_EQ: syntax.GTGT,
}

// comparisons lists the operators that look into their operands.
var comparisons = map[syntax.Token]string{
	syntax.EQL: "==", syntax.NEQ: "!=", syntax.LT: "<", syntax.GT: ">", syntax.LE: "<=", syntax.GE: ">=",
	syntax.IN: "in", syntax.NOT_IN: "not in",
}

// operatorGuards makes the guards of the operators.
func operatorGuards(into star.StringDict) {
	for op, name := range arithmetic {
		into[name] = star.NewBuiltin(name, arithmeticGuard(op))
	}
	for op, name := range comparisons {
		into[name] = star.NewBuiltin(name, comparisonGuard(op))
	}
	// In place, + extends a list and | updates a dict.
	into["+="] = star.NewBuiltin("+=", inPlaceGuard(syntax.PLUS, "extend"))
	into["|="] = star.NewBuiltin("|=", inPlaceGuard(syntax.PIPE, "update"))
}

// arithmeticGuard pays for what an operator makes.
func arithmeticGuard(op syntax.Token) guardFunc {
	return func(thread *star.Thread, _ *star.Builtin, args star.Tuple, _ []star.Tuple) (star.Value, error) {
		x, y := args[0], args[1]
		if a, ok := x.(star.Int); ok {
			if b, ok := y.(star.Int); ok {
				return integerArithmetic(thread, op, a, b)
			}
		}
		if err := chargeOperator(thread, op, x, y); err != nil {
			return nil, err
		}
		return star.Binary(op, x, y)
	}
}

// integerArithmetic computes with integers that may be long.
func integerArithmetic(thread *star.Thread, op syntax.Token, x, y star.Int) (star.Value, error) {
	v, err := star.Binary(op, x, y)
	if err != nil {
		return nil, err
	}
	z, ok := v.(star.Int)
	if !ok {
		return v, nil
	}
	if _, small := z.Int64(); small {
		return v, nil
	}
	if err := checkInt(z); err != nil {
		return nil, err
	}
	return v, charge(thread, 1, maxBits/8)
}

// checkInt refuses an integer that is too long.
func checkInt(x star.Int) error {
	if _, small := x.Int64(); !small && x.BigInt().BitLen() > maxBits {
		return errLongInt
	}
	return nil
}

// chargeOperator pays for what an operator makes of values that are not both integers.
func chargeOperator(thread *star.Thread, op syntax.Token, x, y star.Value) error {
	switch op {
	case syntax.PLUS:
		return firstError(chargeCopy(thread, x, 1), chargeCopy(thread, y, 1))
	case syntax.STAR:
		if n, ok := y.(star.Int); ok {
			return chargeCopy(thread, x, times(n))
		}
		if n, ok := x.(star.Int); ok {
			return chargeCopy(thread, y, times(n))
		}
	case syntax.PERCENT:
		if format, ok := x.(star.String); ok {
			return chargeFormat(thread, string(format), '%', y)
		}
	case syntax.PIPE, syntax.AMP, syntax.CIRCUMFLEX, syntax.MINUS:
		if !isScalar(x) && !isScalar(y) {
			return firstError(charge(thread, length(x), hashElem), charge(thread, length(y), hashElem))
		}
	}
	return nil
}

// firstError is the first error there is.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// times is how often a repetition repeats.
func times(n star.Int) int {
	x, ok := n.Int64()
	if !ok {
		x = int64(n.Sign()) * math.MaxInt32
	}
	return int(min(max(x, 0), math.MaxInt32))
}

// chargeCopy pays for n copies of a sequence side by side. Other values cost nothing.
func chargeCopy(thread *star.Thread, v star.Value, n int) error {
	size := int64(0)
	switch v := v.(type) {
	case star.String:
		size = int64(len(v))
	case star.Bytes:
		size = int64(len(v))
	case *star.List:
		size = int64(v.Len()) * listElem
	case star.Tuple:
		size = int64(v.Len()) * listElem
	}
	if size == 0 {
		return nil
	}
	return charge(thread, n, size)
}

// chargeFormat pays for a text with places, each of which can hold any of the values.
func chargeFormat(thread *star.Thread, format string, place byte, values star.Value) error {
	places := 0
	for i := range len(format) {
		if format[i] == place {
			places++
		}
	}
	size, err := measure(thread, values)
	if err != nil {
		return err
	}
	return firstError(charge(thread, len(format), 1), charge(thread, places, int64(size)))
}

// comparisonGuard pays for comparing values that hold others.
func comparisonGuard(op syntax.Token) guardFunc {
	return func(thread *star.Thread, _ *star.Builtin, args star.Tuple, _ []star.Tuple) (star.Value, error) {
		x, y := args[0], args[1]
		switch op {
		case syntax.IN, syntax.NOT_IN:
			if !isScalar(x) {
				if err := chargeWeight(thread, x, 1+max(0, length(y))); err != nil {
					return nil, err
				}
			}
			return star.Binary(op, x, y)
		}
		if !isScalar(x) && !isScalar(y) {
			if err := chargeWeight(thread, x, 1); err != nil {
				return nil, err
			}
		}
		ok, err := star.Compare(op, x, y)
		return star.Bool(ok), err
	}
}

// chargeWeight pays, in steps, for looking through a value n times.
func chargeWeight(thread *star.Thread, v star.Value, n int) error {
	left := thread.Local(usageKey).(*usage).stepsLeft(thread)
	w := weight(v, left)
	if n > left/w {
		return errSteps
	}
	return chargeSteps(thread, w*n)
}

// inPlaceGuard pays for an operator that changes its left operand, if that is a list or a dict, by a method.
func inPlaceGuard(op syntax.Token, method string) guardFunc {
	other := arithmeticGuard(op)
	change := methodGuard(method)
	return func(thread *star.Thread, b *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
		x, y := args[0], args[1]
		_, isList := x.(*star.List)
		_, extends := y.(star.Iterable)
		_, isDict := x.(*star.Dict)
		_, updates := y.(*star.Dict)
		if isList && extends && op == syntax.PLUS || isDict && updates && op == syntax.PIPE {
			_, err := change(thread, b, args, kwargs)
			return x, err
		}
		return other(thread, b, args, kwargs)
	}
}

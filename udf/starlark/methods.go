package starlark

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"

	starmath "go.starlark.net/lib/math"
	star "go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// maxTuple is how many values a tuple may hold in tuples within it: a dict hashes them all in one step.
const maxTuple = 100_000

// predeclared are the names that a source sees beside the interpreter's own, and the guards that rewrite calls.
func predeclared(maxSteps uint64) star.StringDict {
	names := star.StringDict{
		"math": starmath.Module,
		"json": &starlarkstruct.Module{Name: "json", Members: star.StringDict{
			"decode": star.NewBuiltin("json.decode", guardedDecode),
			"encode": star.NewBuiltin("json.encode", guardedEncode),
		}},
		".":       star.NewBuiltin("getattr", attribute),
		"getattr": star.NewBuiltin("getattr", getattr),
		"[:]":     star.NewBuiltin("slice", chargeListSlice),
		"[::]":    star.NewBuiltin("slice", chargeSlice),
		"()":      star.NewBuiltin("tuple", passTuple),
		"*args":   star.NewBuiltin("*", passArgs),
		"range":   star.NewBuiltin("range", boundedRange(maxSteps)),
	}
	operatorGuards(names)
	for name := range guardedMethods {
		names["."+name] = star.NewBuiltin(name, methodGuard(name))
	}
	for name, cost := range builtinCosts {
		names[name] = star.NewBuiltin(name, builtinGuard(name, cost))
	}
	return names
}

// cost pays for a call of a function, or of a method, whose receiver is then the first argument.
type cost func(thread *star.Thread, args star.Tuple, kwargs []star.Tuple) error

// each pays a size for each element of the first argument.
func each(size int64) cost {
	return func(thread *star.Thread, args star.Tuple, _ []star.Tuple) error {
		if len(args) == 0 {
			return nil
		}
		return charge(thread, length(args[0]), size)
	}
}

// all pays a size for each element of every argument, by name too.
func all(size int64) cost {
	return func(thread *star.Thread, args star.Tuple, kwargs []star.Tuple) error {
		if err := charge(thread, len(kwargs), size); err != nil {
			return err
		}
		for _, a := range args {
			if err := charge(thread, length(a), size); err != nil {
				return err
			}
		}
		return nil
	}
}

// printed pays for printing every argument.
func printed(thread *star.Thread, args star.Tuple, _ []star.Tuple) error {
	for _, a := range args {
		if err := chargeText(thread, a); err != nil {
			return err
		}
	}
	return nil
}

// compared pays, in steps, for comparing the elements of the arguments with each other.
func compared(thread *star.Thread, args star.Tuple, _ []star.Tuple) error {
	for _, a := range args {
		if err := chargeCompared(thread, a, 1); err != nil {
			return err
		}
	}
	return nil
}

// sorted pays, in steps, for sorting the elements of the first argument, and for the new list.
func sorted(thread *star.Thread, args star.Tuple, kwargs []star.Tuple) error {
	x := argument(args, kwargs, "iterable")
	n := length(x)
	return firstError(charge(thread, n, boxedElem), chargeCompared(thread, x, bits.Len(uint(n))))
}

// argument is a function's first argument, which may also be given by name; None if it is missing.
func argument(args star.Tuple, kwargs []star.Tuple, name string) star.Value {
	if len(args) > 0 {
		return args[0]
	}
	for _, kv := range kwargs {
		if kv[0] == star.String(name) {
			return kv[1]
		}
	}
	return star.None
}

// failed pays for the message of fail: every argument, and the separator between them.
func failed(thread *star.Thread, args star.Tuple, kwargs []star.Tuple) error {
	if sep, ok := star.AsString(argument(nil, kwargs, "sep")); ok {
		if err := charge(thread, len(args), int64(len(sep))+1); err != nil {
			return err
		}
	}
	return printed(thread, args, nil)
}

// chargeCompared pays for comparing each element of a value so many times.
func chargeCompared(thread *star.Thread, v star.Value, times int) error {
	if !isScalar(v) {
		return chargeWeight(thread, v, times)
	}
	return chargeSteps(thread, length(v))
}

// builtinCosts are the interpreter's functions that are guarded.
var builtinCosts = map[string]cost{
	"all":       compared,
	"any":       compared,
	"bytes":     all(1),
	"dict":      all(hashElem),
	"enumerate": each(pairElem),
	"fail":      failed,
	"int":       shortText,
	"list":      each(boxedElem),
	"max":       compared,
	"min":       compared,
	"repr":      printed,
	"reversed":  each(boxedElem),
	"set":       all(hashElem),
	"sorted":    sorted,
	"str":       printed,
	"tuple":     each(boxedElem),
	"zip":       all(pairElem),
}

// shortText refuses the text of a very long integer, which takes long to read.
func shortText(_ *star.Thread, args star.Tuple, kwargs []star.Tuple) error {
	if s, ok := star.AsString(argument(args, kwargs, "x")); ok && len(s) > maxBits {
		return errLongInt
	}
	return nil
}

// builtinGuard is a function of the interpreter that pays first.
func builtinGuard(name string, pay cost) guardFunc {
	fn := star.Universe[name]
	return func(thread *star.Thread, _ *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
		if err := pay(thread, args, kwargs); err != nil {
			return nil, err
		}
		v, err := star.Call(thread, fn, args, kwargs)
		if err != nil {
			return nil, err
		}
		return v, checkResult(v)
	}
}

// checkResult checks what could grow beyond its bounds: integers, and tuples in tuples, in a list too.
func checkResult(v star.Value) error {
	switch v := v.(type) {
	case star.Int:
		return checkInt(v)
	case star.Tuple:
		return checkTuple(v)
	case *star.List:
		for i := range v.Len() {
			if t, ok := v.Index(i).(star.Tuple); ok {
				if err := checkTuple(t); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkTuple refuses a tuple that would take long to hash.
func checkTuple(t star.Tuple) error {
	for _, elem := range t {
		if _, nested := elem.(star.Tuple); nested && tupleWeight(t, maxTuple) >= maxTuple {
			return fmt.Errorf("tuple holds more than %d values", maxTuple)
		}
	}
	return nil
}

// boundedRange is range, within what a loop can go through.
func boundedRange(maxSteps uint64) guardFunc {
	fn := star.Universe["range"]
	return func(thread *star.Thread, _ *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
		v, err := star.Call(thread, fn, args, kwargs)
		if err != nil {
			return nil, err
		}
		if n := star.Len(v); n < 0 || uint64(n) > maxSteps {
			return nil, fmt.Errorf("range has %d values, more than the step limit of %d", n, maxSteps)
		}
		return v, nil
	}
}

// stringCosts are the methods of a str that make more than a constant amount.
var stringCosts = map[string]cost{
	"capitalize": each(3), "lower": each(3), "title": each(3), "upper": each(3),
	"split": each(splitByte), "rsplit": each(splitByte), "splitlines": each(splitByte),
	"format": formatCost, "join": joinCost, "replace": replaceCost,
}

// collectionCosts are the methods of the other types that do.
var collectionCosts = map[string]cost{
	"extend": all(boxedElem), "keys": each(listElem), "values": each(listElem), "items": each(pairElem),
	"update": all(hashElem), "union": all(hashElem), "intersection": all(hashElem), "difference": all(hashElem),
	"symmetric_difference": all(hashElem), "intersection_update": all(hashElem), "difference_update": all(hashElem),
	"symmetric_difference_update": all(hashElem), "issubset": all(hashElem), "issuperset": all(hashElem),
	"index": searchCost, "remove": searchCost,
}

// guardedMethods are the names of the methods of both.
var guardedMethods = func() map[string]bool {
	names := map[string]bool{}
	for name := range stringCosts {
		names[name] = true
	}
	for name := range collectionCosts {
		names[name] = true
	}
	return names
}()

// formatCost pays for str.format: each place may show the largest argument.
func formatCost(thread *star.Thread, args star.Tuple, kwargs []star.Tuple) error {
	values := append(star.Tuple{}, args[1:]...)
	for _, kv := range kwargs {
		values = append(values, kv[1])
	}
	return chargeFormat(thread, string(args[0].(star.String)), '{', values)
}

// joinCost pays for str.join.
func joinCost(thread *star.Thread, args star.Tuple, _ []star.Tuple) error {
	if len(args) < 2 {
		return nil
	}
	it, ok := args[1].(star.Iterable)
	if !ok {
		return nil
	}
	sep := len(args[0].(star.String))
	for elem := range star.Elements(it) {
		n := sep
		if s, ok := star.AsString(elem); ok {
			n += len(s)
		}
		if err := charge(thread, n, 2); err != nil { // a buffer that grows takes up to twice its contents
			return err
		}
	}
	return nil
}

// replaceCost pays for str.replace.
func replaceCost(thread *star.Thread, args star.Tuple, _ []star.Tuple) error {
	if len(args) < 3 {
		return nil
	}
	s := string(args[0].(star.String))
	from, ok1 := star.AsString(args[1])
	to, ok2 := star.AsString(args[2])
	if !ok1 || !ok2 {
		return nil
	}
	n := strings.Count(s, from)
	if from == "" {
		n = utf8.RuneCountInString(s) + 1
	}
	return firstError(charge(thread, len(s), 1), charge(thread, n, int64(len(to))+1))
}

// searchCost pays, in steps, for looking for a value in a list.
func searchCost(thread *star.Thread, args star.Tuple, _ []star.Tuple) error {
	if len(args) < 2 || isScalar(args[1]) {
		return nil
	}
	return chargeWeight(thread, args[1], 1+length(args[0]))
}

// methodCost is what a call of a method pays; nil if it costs a constant amount.
func methodCost(recv star.Value, name string) cost {
	switch recv.(type) {
	case star.String:
		return stringCosts[name]
	case *star.List, *star.Dict, *star.Set:
		return collectionCosts[name]
	}
	return nil
}

// methodGuard is a call x.name(…), with x as the first argument.
func methodGuard(name string) guardFunc {
	return func(thread *star.Thread, _ *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
		fn, err := attributeOf(args[0], name)
		if err != nil {
			return nil, err
		}
		if pay := methodCost(args[0], name); pay != nil {
			if err := pay(thread, args, kwargs); err != nil {
				return nil, err
			}
		}
		v, err := star.Call(thread, fn, args[1:], kwargs)
		if err != nil {
			return nil, err
		}
		if name == "items" {
			return v, checkResult(v)
		}
		return v, nil
	}
}

// attribute is an attribute that is not called at once: x.name. A method stays guarded.
func attribute(_ *star.Thread, _ *star.Builtin, args star.Tuple, _ []star.Tuple) (star.Value, error) {
	return guardedAttribute(args[0], string(args[1].(star.String)))
}

// guardedAttribute finds an attribute; a method of a value comes with its guard.
func guardedAttribute(x star.Value, name string) (star.Value, error) {
	v, err := attributeOf(x, name)
	if err != nil || methodCost(x, name) == nil {
		return v, err
	}
	call := methodGuard(name)
	return star.NewBuiltin(name, func(thread *star.Thread, b *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
		return call(thread, b, append(star.Tuple{x}, args...), kwargs)
	}), nil
}

// attributeOf finds an attribute.
func attributeOf(x star.Value, name string) (star.Value, error) {
	if has, ok := x.(star.HasAttrs); ok {
		v, err := has.Attr(name)
		if v != nil || err != nil {
			return v, err
		}
	}
	return nil, fmt.Errorf("%s has no .%s field or method", x.Type(), name)
}

// getattr is the function of that name, whose methods are guarded too.
func getattr(_ *star.Thread, b *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
	var x, fallback star.Value
	var name string
	if err := star.UnpackPositionalArgs("getattr", args, kwargs, 2, &x, &name, &fallback); err != nil {
		return nil, err
	}
	v, err := guardedAttribute(x, name)
	if err != nil && fallback != nil {
		return fallback, nil
	}
	return v, err
}

// chargeSlice pays for a slice that was just made, which is at most as long as what it was made of.
func chargeSlice(thread *star.Thread, _ *star.Builtin, args star.Tuple, _ []star.Tuple) (star.Value, error) {
	return args[0], chargeCopy(thread, args[0], 1)
}

// chargeListSlice is the same for a slice without a step, for which a str and bytes need no memory.
func chargeListSlice(thread *star.Thread, b *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
	switch args[0].(type) {
	case star.String, star.Bytes:
		return args[0], nil
	}
	return chargeSlice(thread, b, args, kwargs)
}

// passTuple checks a tuple that was just made.
func passTuple(_ *star.Thread, _ *star.Builtin, args star.Tuple, _ []star.Tuple) (star.Value, error) {
	t, ok := args[0].(star.Tuple)
	if !ok {
		return args[0], nil
	}
	return t, checkTuple(t)
}

// passArgs pays for the values of *args or **kwargs, which a call copies.
func passArgs(thread *star.Thread, _ *star.Builtin, args star.Tuple, _ []star.Tuple) (star.Value, error) {
	if it, ok := args[0].(star.Iterable); ok {
		return args[0], charge(thread, length(it), pairElem)
	}
	return args[0], nil
}

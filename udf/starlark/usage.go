package starlark

import (
	"fmt"
	"math"

	star "go.starlark.net/starlark"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// usageKey is where a thread keeps its account.
const usageKey = "usage"

// usage is the account of one row. The interpreter counts steps and knows nothing of memory, and one step can make a
// value of any size or last any time. So every operation that can do more than a constant amount of work in a step
// goes through a guard (see rewrite), which charges it here before, or right after where the result is no larger than
// what was paid for already. What is not guarded allocates less than some 200 bytes a step.
type usage struct {
	maxMemory int64
	maxSteps  uint64
	memory    int64
	// outOfSteps is set when the interpreter ran out of steps.
	outOfSteps bool
}

// reset begins a row.
func (u *usage) reset(thread *star.Thread) {
	u.memory = 0
	thread.Steps = 0
}

// What values take, in bytes, roughly and rather too much than too little.
const (
	listElem    = 16  // a place in a list or a tuple
	boxedElem   = 48  // the same with a new value in it
	pairElem    = 96  // the same with a new tuple of two in it
	hashElem    = 128 // an entry of a dict or a set
	decodedByte = 64  // a byte of JSON: "[],[],…" makes a list of three bytes
	splitByte   = 40  // a byte of a text that is split: each may become a string
)

// charge pays for n things of a size.
func charge(thread *star.Thread, n int, size int64) error {
	u := thread.Local(usageKey).(*usage)
	if n <= 0 {
		return nil
	}
	if int64(n) > (math.MaxInt64-u.memory)/size {
		return u.tooMuchMemory()
	}
	u.memory += int64(n) * size
	if u.memory > u.maxMemory {
		return u.tooMuchMemory()
	}
	return nil
}

// tooMuchMemory is the error of a row that allocates too much.
func (u *usage) tooMuchMemory() error {
	return &udf.Error{
		Code:    "53200",
		Message: fmt.Sprintf("exceeded the memory limit of %d bytes for one row", u.maxMemory),
		Hint:    "Build smaller strings and lists. The limit is a setting of the proxy.",
	}
}

// chargeSteps pays for work that the interpreter does in one step.
func chargeSteps(thread *star.Thread, n int) error {
	u := thread.Local(usageKey).(*usage)
	if n < 0 || thread.Steps+uint64(n) >= u.maxSteps {
		return errSteps
	}
	thread.Steps += uint64(n)
	return nil
}

// errSteps is the error of work that would take too many steps.
var errSteps = &udf.Error{Code: "54000", Message: "exceeded the step limit"}

// errDepth is the error of a value whose nesting could overflow the stack.
var errDepth = fmt.Errorf("value nested more than %d deep", maxDepth)

// errLongInt is the error of an integer that grows too long.
var errLongInt = &udf.Error{Code: "53200", Message: fmt.Sprintf("computed an integer of more than %d bits", maxBits)}

// chargeText pays for printing a value, as str, repr, % and json.encode do. A value that holds another many times is
// printed that many times.
func chargeText(thread *star.Thread, v star.Value) error {
	size, err := measure(thread, v)
	if err != nil {
		return err
	}
	return charge(thread, size, 1)
}

// measure is how many bytes a value may take when printed, as far as the row can pay for it. Looking costs steps.
func measure(thread *star.Thread, v star.Value) (size int, err error) {
	u := thread.Local(usageKey).(*usage)
	w := walk{bytes: u.maxMemory - u.memory, values: u.stepsLeft(thread)}
	before := w
	if err := w.text(v, 0); err != nil {
		return 0, err
	}
	if w.bytes < 0 {
		return 0, u.tooMuchMemory()
	}
	return int(before.bytes - w.bytes), chargeSteps(thread, before.values-w.values)
}

// stepsLeft is how many steps the row may still take.
func (u *usage) stepsLeft(thread *star.Thread) int {
	return int(u.maxSteps - min(u.maxSteps, thread.Steps))
}

// walk goes through a value, and what it holds as often as it holds it, as far as there is something left of both.
type walk struct {
	bytes  int64
	values int
}

// done reports whether there is nothing left.
func (w *walk) done() bool { return w.bytes < 0 || w.values < 0 }

// each calls do for what a value holds, until nothing is left.
func (w *walk) each(v star.Value, do func(star.Value) error) error {
	switch v := v.(type) {
	case *star.List:
		for i := 0; i < v.Len() && !w.done(); i++ {
			if err := do(v.Index(i)); err != nil {
				return err
			}
		}
	case star.Tuple:
		for i := 0; i < len(v) && !w.done(); i++ {
			if err := do(v[i]); err != nil {
				return err
			}
		}
	case *star.Dict:
		for k, val := range v.Entries() {
			if err := firstError(do(k), do(val)); err != nil || w.done() {
				return err
			}
		}
	case *star.Set:
		for elem := range star.Elements(v) {
			if err := do(elem); err != nil || w.done() {
				return err
			}
		}
	}
	return nil
}

// text takes off what printing a value may need.
func (w *walk) text(v star.Value, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if w.values--; w.values < 0 {
		return errSteps
	}
	switch v := v.(type) {
	case star.String:
		w.bytes -= 4*int64(len(v)) + 8 // as \xNN
	case star.Bytes:
		w.bytes -= 4*int64(len(v)) + 8
	case star.Int:
		if _, small := v.Int64(); !small {
			w.bytes -= maxBits / 2
		}
		w.bytes -= 24
	case *star.List, star.Tuple, *star.Dict, *star.Set:
		w.bytes -= 8
		return w.each(v, func(elem star.Value) error {
			w.bytes -= 2
			return w.text(elem, depth+1)
		})
	case star.Iterable: // a range, or the elements of a text: JSON prints what they give
		w.bytes -= 64 + 24*int64(length(v))
	default:
		w.bytes -= 64
	}
	return nil
}

// weight is how many values there are in a value, each counted as often as it is reached: what comparing it costs.
// It stops soon after most.
func weight(v star.Value, most int) int {
	w := walk{values: most}
	var count func(star.Value) error
	count = func(v star.Value) error {
		w.values--
		return w.each(v, count)
	}
	count(v) // gives no errors of its own
	return most - w.values
}

// tupleWeight is the weight of a value through tuples only: what hashing it costs.
func tupleWeight(v star.Value, most int) int {
	n := 1
	if t, ok := v.(star.Tuple); ok {
		for _, elem := range t {
			if n += tupleWeight(elem, most-n); n >= most {
				return most
			}
		}
	}
	return n
}

// isScalar reports whether a value holds no others.
func isScalar(v star.Value) bool {
	switch v.(type) {
	case *star.List, star.Tuple, *star.Dict, *star.Set:
		return false
	}
	return true
}

// length is the number of elements that an iterable gives; 0 for a value that is none.
func length(v star.Value) int {
	if n := star.Len(v); n >= 0 {
		return n
	}
	it, ok := v.(star.Iterable)
	if !ok {
		return 0
	}
	n := 0
	for range star.Elements(it) {
		n++
	}
	return n
}

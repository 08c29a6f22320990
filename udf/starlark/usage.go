package starlark

import (
	"errors"
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
	u := thread.Local(usageKey).(*usage)
	n, err := textSize(v, u.maxMemory-u.memory, 0)
	if errors.Is(err, errTooLong) {
		return u.tooMuchMemory()
	}
	if err != nil {
		return err
	}
	return charge(thread, int(n), 1)
}

// errTooLong stops textSize.
var errTooLong = errors.New("too long")

// textSize is how many bytes a value may take when printed: errTooLong if that is more than most.
func textSize(v star.Value, most int64, depth int) (size int64, err error) {
	if depth > maxDepth {
		return 0, errDepth
	}
	switch v := v.(type) {
	case star.String:
		size = 4*int64(len(v)) + 8 // as \xNN
	case star.Bytes:
		size = 4*int64(len(v)) + 8
	case star.Int:
		size = maxDigits / 4
		if _, small := v.Int64(); !small {
			size = maxBits / 2
		}
	case *star.Dict:
		size = 8
		for k, val := range v.Entries() {
			if size, err = addTextSize(size, k, most, depth); err != nil {
				return 0, err
			}
			if size, err = addTextSize(size, val, most, depth); err != nil {
				return 0, err
			}
		}
	case *star.List, star.Tuple, *star.Set:
		size = 8
		for elem := range star.Elements(v.(star.Iterable)) {
			if size, err = addTextSize(size, elem, most, depth); err != nil {
				return 0, err
			}
		}
	default:
		size = 64
	}
	if size > most {
		return 0, errTooLong
	}
	return size, nil
}

// addTextSize adds the size of an element.
func addTextSize(size int64, elem star.Value, most int64, depth int) (int64, error) {
	n, err := textSize(elem, most-size, depth+1)
	return size + n + 2, err
}

// weight is how many values there are in a value, each counted as often as it is reached: what comparing or hashing it
// costs. It stops at most.
func weight(v star.Value, most int) int {
	n := 1
	switch v := v.(type) {
	case *star.Dict:
		for k, val := range v.Entries() {
			if n += weight(k, most-n); n < most {
				n += weight(val, most-n)
			}
			if n >= most {
				return most
			}
		}
	case *star.List, star.Tuple, *star.Set:
		for elem := range star.Elements(v.(star.Iterable)) {
			if n += weight(elem, most-n); n >= most {
				return most
			}
		}
	}
	return n
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

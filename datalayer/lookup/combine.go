package lookup

import (
	"errors"
	"math"
	"math/bits"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// combined turns the subscripts of several axes into one, where an array of that many dimensions would be nearly empty:
// they are the digits of a number that is searched among those of the arguments given.
type combined struct {
	params []Param
	// first is the number of the first parameter, from 0: the weights of all digits but the last, then the numbers.
	first int
}

// errTooMany says that the digits' number is no int8.
var errTooMany = errors.New("too many distinct values of too many arguments")

// combine sets the axes to ways that give nothing but digits, and lists each row's subscript.
func combine(axes []axis, positions [][]int64) (*combined, []int64, dimension, error) {
	weight, size := make([]int64, len(axes)), uint64(1)
	for i := len(axes) - 1; i >= 0; i-- {
		if axes[i].way == plain {
			axes[i], positions[i] = axes[i].clamp(positions[i])
		}
		weight[i] = int64(size)
		high, low := bits.Mul64(size, uint64(axes[i].size+3))
		if high != 0 || low > math.MaxInt64/4 {
			return nil, nil, dimension{}, errTooMany
		}
		size = low
	}
	numbers := make([]int64, len(positions[0]))
	for i := range axes {
		for r, p := range positions[i] {
			numbers[r] += p * weight[i]
		}
	}
	bounds, at := thresholds(numbers, following(udf.Int8))
	c := &combined{}
	for _, w := range weight[:len(weight)-1] {
		c.params = append(c.params, integer(w))
	}
	c.params = append(c.params, intArray(udf.Int8, bounds, 8))
	return c, at, dimension{0, int64(len(bounds)) + 1}, nil
}

// subscript is the expression for the subscript of the digits.
func (c *combined) subscript(digits []string, number func(int) string) string {
	var sum strings.Builder
	last := len(digits) - 1
	for i, d := range digits[:last] {
		// OPERATOR() binds all operators alike.
		sum.WriteString("((" + d + ")::pg_catalog.int8 OPERATOR(pg_catalog.*) " + number(c.first+i) + "::pg_catalog.int8)")
		sum.WriteString(" OPERATOR(pg_catalog.+) ")
	}
	return bucket(sum.String()+"("+digits[last]+")::pg_catalog.int8", typeName(udf.Int8), number(c.first+last))
}

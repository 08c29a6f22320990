// Package lookup makes expressions of PostgreSQL that give a model's answers in place of a call, from the distinct
// arguments and their answers, which are bound as parameters: one or two reads of an array, or of a jsonb object, a row.
//
// What an expression does not hold (arguments that are NULL or not among those given, answers that are NULL, NaN) it
// leaves to the function that it stands before, so it is never a neighbour's answer and never a NULL of its own.
// Arguments are told apart as models tell them apart: 0.0 and -0.0, and the numerics 1.0 and 1.00, are two.
//
// An integer is the subscript of an array whose bounds are those of the integers given. Any other value of fixed width is
// searched in a sorted array by width_bucket; behind each value stands the next one that its type has, unless that is
// given too, so that one search both finds a value and says whether it is there. All else is a key of a jsonb object.
// Several arguments are the subscripts of an array of as many dimensions or, where few of its cells were filled, a
// number that is searched again. No array that is read holds a NULL or more than a few values of varying length:
// PostgreSQL reads such arrays from their start.
//
// Processor time of the server, in milliseconds, for SELECT e, count(*) FROM t GROUP BY 1 over a million rows, and the
// time of New (PostgreSQL 15.18, 2 cores under load; go test -bench 'Lookup/(int4|int4s|int8)$' -benchtime 3x):
//
//	                                        10 distinct   10,000   500,000
//	an inlined SQL function of an int4              168      317      1112
//	an int4 as a subscript                          287      357       536
//	New                                               0        2       694
//	an inlined SQL function of two int4             156      188       219
//	two int4 as subscripts                          338      368       350
//	an inlined SQL function of an int8              184      310       976
//	an int8 searched                                372      534
package lookup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// DefaultParameterBytes is how long one parameter may be. PostgreSQL copies it some times while it plans.
const DefaultParameterBytes = 64 << 20

// Lookup is an expression that gives the answers of a set of arguments. It is immutable.
type Lookup struct {
	axes []axis
	// combined is set where the axes are not dimensions but digits of one number.
	combined *combined
	returns  udf.Type
	held     holding
	// first is the number of the first parameter of the answers, from 0.
	first  int
	params []Param
}

// Param is a parameter of a Lookup: its type, and its value in binary form.
type Param struct {
	OID   uint32
	Value []byte
}

// Supports reports whether there are lookups for a model's types.
func Supports(args []udf.Type, returns udf.Type) bool {
	if len(args) == 0 || len(args) > maxAxes || !answerable(returns) {
		return false
	}
	return !slices.ContainsFunc(args, func(t udf.Type) bool { return wayOf(t) == none })
}

// New makes the lookup of distinct arguments, a column each, and their answers. It gives nil where none is of use: the
// types are not those of Supports, no answer can be held, or a parameter would be longer than limit bytes (0:
// DefaultParameterBytes). An error says that a value is not one of its type; the function must do there.
func New(args []udf.Column, given *udf.Column, limit int) (*Lookup, error) {
	types := make([]udf.Type, len(args))
	for i := range args {
		types[i] = args[i].Type
		if args[i].Len() != given.Len() {
			return nil, fmt.Errorf("%d arguments and %d answers", args[i].Len(), given.Len())
		}
	}
	if limit <= 0 {
		limit = DefaultParameterBytes
	}
	rows := usable(args, given)
	if !Supports(types, given.Type) || len(rows) == 0 || atLeast(args, rows) > limit {
		return nil, nil
	}
	l := &Lookup{returns: given.Type}
	if err := l.build(args, given, rows); errors.Is(err, errTooMany) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	for _, p := range l.params {
		if len(p.Value) > limit {
			return nil, nil
		}
	}
	return l, nil
}

// usable lists the rows that a lookup can hold.
func usable(args []udf.Column, given *udf.Column) []int {
	var rows []int
	for i := range given.Len() {
		if !given.Null(i) && !slices.ContainsFunc(args, func(c udf.Column) bool { return c.Null(i) || notANumber(&c, i) }) {
			rows = append(rows, i)
		}
	}
	return rows
}

// notANumber reports whether a value is NaN, of which a type has many and PostgreSQL takes all for one.
func notANumber(c *udf.Column, i int) bool {
	return c.Type.Storage() == udf.StoreFloats && c.Floats[i] != c.Floats[i]
}

// atLeast is a length in bytes that the longest parameter of a lookup has at least.
func atLeast(args []udf.Column, rows []int) int {
	longest := 4 * len(rows)
	for i := range args {
		n := 0
		if wayOf(args[i].Type) == keyed {
			for _, r := range rows {
				n += len(keyOf(&args[i], r))
			}
		}
		longest = max(longest, n)
	}
	return longest
}

// build sets what New promises.
func (l *Lookup) build(args []udf.Column, given *udf.Column, rows []int) error {
	positions := make([][]int64, len(args))
	// A jsonb object can hold the answers' texts themselves; names can not.
	naming := len(args) == 1 && !fixed(given.Type) && severalTexts(given, rows)
	for i := range args {
		a, at, err := newAxis(&args[i], rows, naming)
		if err != nil {
			return err
		}
		l.axes, positions[i] = append(l.axes, a), at
	}
	cells, dims := l.cells(positions)
	if cells == nil {
		c, at, dim, err := combine(l.axes, positions)
		if err != nil {
			return err
		}
		l.combined, cells, dims = c, at, []dimension{dim}
	}
	for i := range l.axes {
		l.axes[i].first = l.add(l.axes[i].params...)
		l.axes[i].params = nil
	}
	if l.combined != nil {
		l.combined.first = l.add(l.combined.params...)
		l.combined.params = nil
	}
	if err := l.hold(given, rows, cells, dims); err != nil {
		return err
	}
	for i := range l.axes {
		l.axes[i].keys = nil
	}
	return nil
}

// add appends parameters and says where the first of them stands.
func (l *Lookup) add(params ...Param) int {
	first := len(l.params)
	l.params = append(l.params, params...)
	return first
}

// dimension is a dimension of an array: its lower bound and its length.
type dimension struct{ low, size int64 }

// roomFor is the number of cells that an array may have for so many that are filled.
func roomFor(filled int) int64 { return max(1<<16, 8*int64(filled)) }

// cells gives each row's place, from 0, in an array with a dimension for each axis; nil where it has too many cells.
func (l *Lookup) cells(positions [][]int64) ([]int64, []dimension) {
	room, size := roomFor(len(positions[0])), int64(1)
	dims := make([]dimension, len(l.axes))
	for i, a := range l.axes {
		dims[i] = a.dimension
		if size *= a.size; size > room && len(l.axes) > 1 {
			return nil, nil
		}
	}
	at := make([]int64, len(positions[0]))
	for i, d := range dims {
		for r, p := range positions[i] {
			at[r] = at[r]*d.size + p - d.low
		}
	}
	return at, dims
}

// Params lists the parameters of Expr's expression, in their order.
func (l *Lookup) Params() []Param { return l.params }

// Expr gives the expression that stands for a call. args are the texts of the arguments, which stand in it several times
// (Repeatable says of which this is right); first is the number of the first of its parameters; slow is the call of the
// function that answers what the lookup does not hold. It can stand wherever a call can.
func (l *Lookup) Expr(args []string, first int, slow string) string {
	number := func(i int) string { return "$" + strconv.Itoa(first+i) }
	subscripts := make([]string, len(l.axes))
	for i, a := range l.axes {
		subscripts[i] = a.subscript(args[i], number)
	}
	if l.combined != nil {
		subscripts = []string{l.combined.subscript(subscripts, number)}
	}
	return "COALESCE(" + l.value("["+strings.Join(subscripts, "][")+"]", args[0], number) + ", " + slow + ")"
}

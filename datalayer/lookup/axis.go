package lookup

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// maxAxes is the number of dimensions that an array of PostgreSQL can have (MAXDIM).
const maxAxes = 6

// way is how an argument becomes a subscript.
type way uint8

const (
	// none: it cannot.
	none way = iota
	// plain: an integer is the subscript itself.
	plain
	// clamped: an integer counts from the least one given; what lies outside of those given is 0 or one past the last.
	clamped
	// searched: the number of thresholds that are not above the value.
	searched
	// signed: searched, and zero by its sign: -2 for -0.0 and -1 for 0.0.
	signed
	// keyed: what a jsonb object holds at the value's text.
	keyed
	// lettered: searched by the first bytes of a text.
	lettered
)

// wayOf is the way of a type; that of integers depends on those given.
func wayOf(t udf.Type) way {
	switch t {
	case udf.Bool, udf.Int2, udf.Int4:
		return plain
	case udf.Int8:
		return clamped
	case udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz:
		return searched
	case udf.Float4, udf.Float8:
		return signed
	case udf.Text, udf.Numeric, udf.JSON, udf.JSONB, udf.UUID, udf.Bytea:
		return keyed
	}
	return none
}

// axis turns values of one argument into subscripts.
type axis struct {
	typ udf.Type
	way way
	// dimension holds the subscripts of what was given, and for all ways but plain those of everything else too.
	dimension
	// keys are those of a keyed axis, by their subscripts from 1.
	keys   []string
	params []Param
	// first is the number of the first parameter, from 0.
	first int
}

// newAxis makes the axis for the given rows of a column, and lists their subscripts. With naming, text is keyed however
// short it is.
func newAxis(c *udf.Column, rows []int, naming bool) (axis, []int64, error) {
	a := axis{typ: c.Type, way: wayOf(c.Type)}
	switch a.way {
	case keyed:
		if texts := shortTexts(c, rows); texts != nil && !naming {
			return a.letters(texts)
		}
		return a.names(c, rows)
	case signed:
		return a.floats(c, rows)
	}
	values, err := integers(c, rows)
	if err != nil {
		return a, nil, err
	}
	low, high := slices.Min(values), slices.Max(values)
	if a.way != searched && uint64(high)-uint64(low) < uint64(roomFor(len(rows))) {
		return a.dense(values, low, high)
	}
	return a.search(values)
}

// dense makes the axis of integers that lie close together. An array's upper bound must be less than the largest
// int4 (ArrayCheckBounds), and a value past the last int8 has no subscript.
func (a axis) dense(values []int64, low, high int64) (axis, []int64, error) {
	a.dimension = dimension{low, high - low + 1}
	if a.way == plain && high < math.MaxInt32 {
		return a, values, nil
	}
	if low == math.MinInt64 || high == math.MaxInt64 {
		return a.search(values)
	}
	a, values = a.clamp(values)
	return a, values, nil
}

// clamp makes a clamped axis of a plain one, or of the range that dimension holds.
func (a axis) clamp(values []int64) (axis, []int64) {
	under, over := a.low-1, a.low+a.size
	a.way = clamped
	a.params = []Param{integer(under), integer(over)}
	a.dimension = dimension{0, a.size + 2}
	at := make([]int64, len(values))
	for i, v := range values {
		at[i] = v - under
	}
	return a, at
}

// search makes the axis of values that a sorted array is searched for. The search is fastest among float8, which hold
// every int4.
func (a axis) search(values []int64) (axis, []int64, error) {
	bounds, at := thresholds(values, following(a.typ))
	a.dimension, a.way = dimension{0, int64(len(bounds)) + 1}, searched
	switch a.typ {
	case udf.Int2, udf.Int4:
		floats := make([]float64, len(bounds))
		for i, b := range bounds {
			floats[i] = float64(b)
		}
		a.params = []Param{floatArray(floats)}
	case udf.Date:
		a.params = []Param{intArray(a.typ, bounds, 4)}
	default:
		a.params = []Param{intArray(a.typ, bounds, 8)}
	}
	return a, at, nil
}

// thresholds sorts values, and puts behind each the next one of its type, unless that is a value too or there is none. It
// gives the place from 1 of each value among them: the number of thresholds that are not above it.
func thresholds(values []int64, next func(int64) (int64, bool)) (bounds []int64, at []int64) {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	for i, v := range sorted {
		bounds = append(bounds, v)
		if n, ok := next(v); ok && (i+1 == len(sorted) || sorted[i+1] != n) {
			bounds = append(bounds, n)
		}
	}
	at = make([]int64, len(values))
	for i, v := range values {
		n, _ := slices.BinarySearch(bounds, v)
		at[i] = int64(n) + 1
	}
	return bounds, at
}

// floats makes the axis of floats. Behind each stands the next float8; past the infinite one that is NaN, which
// PostgreSQL sorts there. Zero is not searched.
func (a axis) floats(c *udf.Column, rows []int) (axis, []int64, error) {
	var sorted []float64
	for _, r := range rows {
		if v := float(c, r); v != 0 {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	var bounds []float64
	for i, v := range sorted {
		bounds = append(bounds, v)
		if next := math.Nextafter(v, math.Inf(1)); next != v && (i+1 == len(sorted) || sorted[i+1] != next) {
			bounds = append(bounds, next)
		}
	}
	bounds = append(bounds, math.NaN())
	at := make([]int64, len(rows))
	for i, r := range rows {
		switch v := float(c, r); {
		case v != 0:
			at[i] = int64(sort.SearchFloat64s(bounds[:len(bounds)-1], v)) + 1
		case math.Signbit(v):
			at[i] = -2
		default:
			at[i] = -1
		}
	}
	a.dimension = dimension{-2, int64(len(bounds)) + 3}
	a.params = []Param{floatArray(bounds)}
	return a, at, nil
}

// float is a value of a column of floats as its type holds it.
func float(c *udf.Column, row int) float64 {
	if c.Type == udf.Float4 {
		return float64(float32(c.Floats[row]))
	}
	return c.Floats[row]
}

// names makes the axis of values that a jsonb object knows by their text.
func (a axis) names(c *udf.Column, rows []int) (axis, []int64, error) {
	at, known := make([]int64, len(rows)), map[string]int64{}
	w := newJSON('{')
	for i, r := range rows {
		key := keyOf(c, r)
		n, again := known[key]
		if !again {
			n = int64(len(known)) + 1
			known[key] = n
			a.keys = append(a.keys, key)
			if err := w.text(key); err != nil {
				return a, nil, err
			}
			w.number(n)
		}
		at[i] = n
	}
	a.dimension = dimension{1, int64(len(known))}
	a.params = []Param{w.param('}')}
	return a, at, nil
}

// keyOf is the text by which a jsonb object knows a value.
func keyOf(c *udf.Column, row int) string {
	if c.Type == udf.Bytea {
		return hex.EncodeToString(c.Bytes[row])
	}
	return c.Texts[row]
}

// integers reads values of a type that PostgreSQL holds as an integer.
func integers(c *udf.Column, rows []int) ([]int64, error) {
	values := make([]int64, len(rows))
	for i, r := range rows {
		switch c.Type.Storage() {
		case udf.StoreBools:
			if c.Bools[r] {
				values[i] = 1
			}
		case udf.StoreInts:
			if values[i] = c.Ints[r]; !fits(c.Type, c.Ints[r]) {
				return nil, fmt.Errorf("%s out of range", c.Type)
			}
		default:
			v, err := parseDateTime(c.Type, c.Texts[r])
			if err != nil {
				return nil, err
			}
			values[i] = v
		}
	}
	return values, nil
}

// fits reports whether an integer is one of its type.
func fits(t udf.Type, v int64) bool {
	switch t {
	case udf.Int2:
		return v == int64(int16(v))
	case udf.Int4:
		return v == int64(int32(v))
	}
	return true
}

// subscript is the expression for the axis' subscript of an argument, an int4.
func (a axis) subscript(arg string, number func(int) string) string {
	value := "(" + arg + ")::" + typeName(a.typ)
	switch a.way {
	case plain:
		if a.typ == udf.Int4 {
			return value
		}
		return value + "::pg_catalog.int4"
	case clamped:
		if a.typ == udf.Bool {
			value += "::pg_catalog.int4"
		}
		under, over := number(a.first)+"::pg_catalog.int8", number(a.first+1)+"::pg_catalog.int8"
		return "(LEAST(GREATEST(" + value + ", " + under + "), " + over + ") OPERATOR(pg_catalog.-) " + under + ")::pg_catalog.int4"
	case lettered:
		return bucket(value+`::pg_catalog.name COLLATE pg_catalog."C"`, "pg_catalog.name", number(a.first))
	case searched:
		if a.typ == udf.Int2 || a.typ == udf.Int4 {
			return bucket(value+"::pg_catalog.float8", typeName(udf.Float8), number(a.first))
		}
		return bucket(value, typeName(a.typ), number(a.first))
	case signed:
		if a.typ == udf.Float4 {
			value += "::pg_catalog.float8"
		}
		return "CASE WHEN " + value + " OPERATOR(pg_catalog.=) 0::pg_catalog.float8 THEN CASE WHEN pg_catalog.atan2(" + value +
			", '-1'::pg_catalog.float8) OPERATOR(pg_catalog.>) 0::pg_catalog.float8 THEN -1 ELSE -2 END ELSE " +
			bucket(value, typeName(udf.Float8), number(a.first)) + " END"
	}
	return "(" + a.held(arg, number) + ")::pg_catalog.int4"
}

// held is the expression for what a keyed axis' object holds at an argument, a text.
func (a axis) held(arg string, number func(int) string) string {
	key := "(" + arg + ")::" + typeName(a.typ)
	switch a.typ {
	case udf.Text:
	case udf.Bytea:
		key = "pg_catalog.encode(" + key + ", 'hex')"
	default:
		key += "::pg_catalog.text"
	}
	return number(a.first) + "::pg_catalog.jsonb OPERATOR(pg_catalog.->>) " + key
}

// bucket is the search of a value among the thresholds of a parameter.
func bucket(value, typ, param string) string {
	return "pg_catalog.width_bucket(" + value + ", " + param + "::" + typ + "[])"
}

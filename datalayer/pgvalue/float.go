package pgvalue

import (
	"bytes"
	"math"
	"math/big"
	mathbits "math/bits"
	"strconv"
)

// AppendFloat prints a float8 (64 bits) or float4 (32) as PostgreSQL does with its default extra_float_digits.
func AppendFloat(dst []byte, f float64, bits int) []byte { return formatFloat(dst, f, bits) }

// formatFloat prints a float as PostgreSQL's float8out and float4out do with extra_float_digits above 0: the shortest
// digits that give the number back, without an exponent where the decimal point lies within the first 15 (float4: 6)
// digits or up to four zeros after it (d2s.c, f2s.c).
func formatFloat(dst []byte, f float64, bits int) []byte {
	limit, integers := 15, float64(1<<53)
	if bits == 32 {
		limit, integers, f = 6, 1<<24, float64(float32(f))
	}
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		if math.Signbit(f) {
			return append(dst, "-0"...)
		}
		return append(dst, '0')
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	exp := exponentOf(dst[start:])
	switch {
	case math.Abs(f) >= integers:
		return clearOfBounds(dst, start, f, bits)
	case exp < -4 || exp >= limit:
		return dst
	}
	return strconv.AppendFloat(dst[:start], f, 'f', -1, bits)
}

// clearOfBounds puts more digits in place of those from start on where they say a number that lies exactly between f
// and a neighbour. Reading it back gives f only by rounding to even, on which PostgreSQL does not rely (acceptBounds in
// d2s.c). Only of whole numbers are there such digits.
func clearOfBounds(dst []byte, start int, f float64, bits int) []byte {
	if !mayBeBound(dst[start:], f, bits) {
		return dst
	}
	for fraction := 0; !withinBounds(dst[start:], f, bits); fraction++ {
		dst = strconv.AppendFloat(dst[:start], f, 'e', fraction, bits)
	}
	return dst
}

// mayBeBound compares the powers of two in the digits' number and in the middles between f and its neighbours.
func mayBeBound(e []byte, f float64, bits int) bool {
	digits, power, fraction := uint64(0), exponentOf(e), false
	for _, c := range e[:bytes.IndexByte(e, 'e')] {
		switch {
		case c == '.':
			fraction = true
		case c != '-':
			digits = 10*digits + uint64(c-'0')
			if fraction {
				power--
			}
		}
	}
	_, exp := math.Frexp(f)
	unit := exp - 53
	if bits == 32 {
		unit = exp - 24
	}
	twos := mathbits.TrailingZeros64(digits) + power
	return twos == unit-1 || twos == unit-2
}

// withinBounds reports whether the digits' number lies between the middles of f and its neighbours.
func withinBounds(e []byte, f float64, bits int) bool {
	f = math.Abs(f)
	below, above := math.Nextafter(f, 0), math.Nextafter(f, math.Inf(1))
	if bits == 32 {
		below, above = float64(math.Nextafter32(float32(f), 0)), float64(math.Nextafter32(float32(f), float32(math.Inf(1))))
	}
	if math.IsInf(above, 1) {
		return true
	}
	number, ok := new(big.Rat).SetString(string(e))
	if !ok {
		return true
	}
	twice := number.Abs(number).Mul(number, big.NewRat(2, 1))
	middle := func(to float64) *big.Rat {
		m := new(big.Rat).SetFloat64(f)
		return m.Add(m, new(big.Rat).SetFloat64(to))
	}
	return twice.Cmp(middle(below)) > 0 && twice.Cmp(middle(above)) < 0
}

// exponentOf is the number behind the e, which is there.
func exponentOf(e []byte) int {
	n, _ := strconv.Atoi(string(e[bytes.IndexByte(e, 'e')+1:]))
	return n
}

package session

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// numericValue is a numeric. With a modifier the text has just as many digits behind its point as that says, the last one
// rounded away from zero (numeric.c, apply_typmod).
func numericValue(mod int32) directValue {
	scale := unscaled
	if mod >= 4 {
		scale = int((mod-4)&0x7ff^0x400) - 0x400 // a signed number of 11 bits
	}
	return directValue{
		text: func(dst, v []byte) ([]byte, error) {
			if isPlain(v, scale) {
				return append(dst, v...), nil
			}
			n, ok := readDecimal(string(v))
			if !ok {
				return special(dst, v)
			}
			n.round(scale)
			return append(dst, n.String()...), nil
		},
		binary: func(dst, v []byte) ([]byte, error) {
			if isPlain(v, scale) {
				return appendPlain(dst, v), nil
			}
			n, ok := readDecimal(string(v))
			if !ok {
				return specialBinary(dst, v)
			}
			n.round(scale)
			return n.binary(dst), nil
		},
	}
}

// special appends the values of numeric that are no numbers.
func special(dst, v []byte) ([]byte, error) {
	switch string(v) {
	case "NaN", "Infinity", "-Infinity":
		return append(dst, v...), nil
	}
	return dst, badValue("numeric")
}

// The signs of a numeric in binary form, and the number of digits behind the point that numeric_send gives infinities.
const (
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericInfinity = 0xD000
	numericMinus    = 0xF000
	infinityScale   = 32
)

// specialBinary appends them in binary form.
func specialBinary(dst, v []byte) ([]byte, error) {
	sign, scale := uint16(numericNaN), uint16(infinityScale)
	switch string(v) {
	case "NaN":
		scale = 0
	case "Infinity":
		sign = numericInfinity
	case "-Infinity":
		sign = numericMinus
	default:
		return dst, badValue("numeric")
	}
	dst = append(dst, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(dst, sign), scale), nil
}

// decimal is digits with a point before the last scale of them.
type decimal struct {
	digits *big.Int
	scale  int
}

// maxExponent bounds an exponent: numeric has fewer digits.
const maxExponent = 140_000

// readDecimal reads a number, with or without a point and an exponent.
func readDecimal(text string) (decimal, bool) {
	mantissa, exponent := text, 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(text[at+1:]); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return decimal{}, false
		}
		mantissa = text[:at]
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	if strings.Trim(part, "0123456789") != "" {
		return decimal{}, false
	}
	digits, ok := new(big.Int).SetString(whole+part, 10)
	if !ok {
		return decimal{}, false
	}
	d := decimal{digits, len(part) - exponent}
	if d.scale < 0 {
		d.digits.Mul(d.digits, power(-d.scale))
		d.scale = 0
	}
	return d, true
}

// power is a power of ten.
func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// unscaled is the scale of a numeric without a modifier. One of a modifier may be negative.
const unscaled = math.MinInt

// round gives it so many digits behind the point; with a negative number zeros before it.
func (d *decimal) round(scale int) {
	switch {
	case scale == unscaled:
	case scale >= d.scale:
		d.digits.Mul(d.digits, power(scale-d.scale))
		d.scale = scale
	default:
		unit := power(d.scale - scale)
		half := new(big.Int).Quo(unit, big.NewInt(2))
		if d.digits.Sign() < 0 {
			half.Neg(half)
		}
		d.digits.Add(d.digits, half).Quo(d.digits, unit)
		d.scale = scale
		if scale < 0 {
			d.digits.Mul(d.digits, power(-scale))
			d.scale = 0
		}
	}
}

// String is the number as numeric_out prints it.
func (d decimal) String() string {
	text := new(big.Int).Abs(d.digits).String()
	if n := d.scale + 1 - len(text); n > 0 {
		text = strings.Repeat("0", n) + text
	}
	if d.scale > 0 {
		text = text[:len(text)-d.scale] + "." + text[len(text)-d.scale:]
	}
	if d.digits.Sign() < 0 {
		text = "-" + text
	}
	return text
}

// binary appends the number as numeric_send has it: the count of digits of base 10,000, the weight of the first, the sign, the
// number of decimal digits behind the point, and the digits, without zeros at either end.
func (d decimal) binary(dst []byte) []byte {
	const width = groupWidth
	whole, part, _ := strings.Cut(strings.TrimPrefix(d.String(), "-"), ".")
	whole = strings.Repeat("0", (width-len(whole)%width)%width) + whole
	part += strings.Repeat("0", (width-len(part)%width)%width)
	var groups []uint16
	for text := whole + part; text != ""; text = text[width:] {
		n, _ := strconv.ParseUint(text[:width], 10, 16) // four decimal digits
		groups = append(groups, uint16(n))
	}
	weight := len(whole)/width - 1
	for len(groups) > 0 && groups[0] == 0 {
		groups, weight = groups[1:], weight-1
	}
	for len(groups) > 0 && groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}
	sign := uint16(0)
	switch {
	case len(groups) == 0:
		weight = 0
	case d.digits.Sign() < 0:
		sign = numericNegative
	}
	for _, n := range append([]uint16{uint16(len(groups)), uint16(weight), sign, uint16(d.scale)}, groups...) {
		dst = binary.BigEndian.AppendUint16(dst, n)
	}
	return dst
}

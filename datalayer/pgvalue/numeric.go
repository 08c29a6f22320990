package pgvalue

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// The signs of a numeric in binary form (numeric.c of PostgreSQL).
const (
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericPlusInf  = 0xD000
	numericMinusInf = 0xF000
)

// maxNumericWeight bounds the decimal digits of a numeric: PostgreSQL allows 131,072 before the point, and 16,383 behind.
const (
	maxNumericWeight = 131_072/4 + 1
	maxNumericScale  = 16_383
)

// AppendNumeric appends the text of a numeric in binary form, as PostgreSQL prints it: four 16-bit numbers (the count of
// digits of base 10,000, the weight of the first, the sign, the number of decimal digits behind the point), and the
// digits.
func AppendNumeric(dst, v []byte) ([]byte, error) {
	if len(v) < 8 {
		return dst, errLength(8, v)
	}
	count, weight := int(binary.BigEndian.Uint16(v)), int(int16(binary.BigEndian.Uint16(v[2:])))
	sign, scale := binary.BigEndian.Uint16(v[4:]), int(binary.BigEndian.Uint16(v[6:]))
	switch sign {
	case numericNaN:
		return append(dst, "NaN"...), nil
	case numericPlusInf:
		return append(dst, "Infinity"...), nil
	case numericMinusInf:
		return append(dst, "-Infinity"...), nil
	case numericNegative:
		dst = append(dst, '-')
	case numericPositive:
	default:
		return dst, fmt.Errorf("a numeric with the sign %#x", sign)
	}
	if len(v) != 8+2*count || weight > maxNumericWeight || scale > maxNumericScale {
		return dst, fmt.Errorf("a numeric of %d bytes with %d digits, weight %d and scale %d", len(v), count, weight, scale)
	}
	digit := func(i int) (int, error) {
		if i < 0 || i >= count {
			return 0, nil
		}
		d := int(binary.BigEndian.Uint16(v[8+2*i:]))
		if d > 9999 {
			return 0, fmt.Errorf("a numeric with the digit %d", d)
		}
		return d, nil
	}
	if weight < 0 {
		dst = append(dst, '0')
	}
	for i := 0; i <= weight; i++ {
		d, err := digit(i)
		if err != nil {
			return dst, err
		}
		if i == 0 {
			dst = strconv.AppendInt(dst, int64(d), 10)
		} else {
			dst = append4(dst, d)
		}
	}
	if scale == 0 {
		return dst, nil
	}
	dst = append(dst, '.')
	start := len(dst)
	for i := weight + 1; len(dst)-start < scale; i++ {
		d, err := digit(i)
		if err != nil {
			return dst, err
		}
		dst = append4(dst, d)
	}
	return dst[:start+scale], nil
}

// append4 appends four decimal digits.
func append4(dst []byte, d int) []byte {
	return append(dst, byte('0'+d/1000), byte('0'+d/100%10), byte('0'+d/10%10), byte('0'+d%10))
}

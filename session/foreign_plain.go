package session

import (
	"bytes"
	"encoding/binary"
)

// groupWidth is how many decimal digits there are in one of numeric's digits of base 10,000.
const groupWidth = 4

// isPlain reports whether a text is a number just as numeric_out prints it with so many digits behind the point, or with any number of
// them where that is unscaled: no exponent, no zeros before the first digit, no minus before a zero. Nearly all texts are, and need no
// arithmetic.
func isPlain(v []byte, scale int) bool {
	negative := len(v) > 0 && v[0] == '-'
	if negative {
		v = v[1:]
	}
	point, some := -1, false
	for i, c := range v {
		switch {
		case c == '.' && point < 0:
			point = i
		case c < '0' || c > '9':
			return false
		case c != '0':
			some = true
		}
	}
	whole, part := len(v), 0
	if point >= 0 {
		whole, part = point, len(v)-point-1
		if part == 0 {
			return false
		}
	}
	switch {
	case whole == 0 || whole > 1 && v[0] == '0', negative && !some:
		return false
	}
	return scale == unscaled || scale == part
}

// appendPlain appends a number of isPlain as numeric_send has it (see decimal.binary).
func appendPlain(dst, v []byte) []byte {
	sign := uint16(0)
	if v[0] == '-' {
		sign, v = numericNegative, v[1:]
	}
	whole, part, _ := bytes.Cut(v, []byte{'.'})
	head := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	groups, weight := (len(whole)+groupWidth-1)/groupWidth, 0
	count, last := 0, 0 // how many groups are written, and how many of them up to the last that is not zero
	for g := range groups + (len(part)+groupWidth-1)/groupWidth {
		digits, fill := part, 0
		if g < groups {
			end := len(whole) - (groups-1-g)*groupWidth
			digits = whole[max(0, end-groupWidth):end]
		} else {
			digits = digits[(g-groups)*groupWidth:]
			digits = digits[:min(groupWidth, len(digits))]
			fill = groupWidth - len(digits)
		}
		n := uint16(0)
		for _, c := range digits {
			n = n*10 + uint16(c-'0')
		}
		for range fill {
			n *= 10
		}
		if n == 0 && count == 0 {
			continue // zeros before the first digit
		}
		if count == 0 {
			weight = groups - 1 - g
		}
		dst, count = binary.BigEndian.AppendUint16(dst, n), count+1
		if n != 0 {
			last = count
		}
	}
	dst = dst[:head+8+2*last]
	for i, n := range [4]uint16{uint16(last), uint16(weight), sign, uint16(len(part))} {
		binary.BigEndian.PutUint16(dst[head+2*i:], n)
	}
	return dst
}

package mongodb

import (
	"math/big"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// appendAverage prints a sum divided by a number as PostgreSQL's numeric_div does; scale is the sum's digits behind the
// point.
func appendAverage(dst []byte, v bson.RawValue, scale int) ([]byte, error) {
	pair, ok := v.DocumentOK()
	if !ok {
		return nil, errMisfit
	}
	n := pair.Lookup("n")
	count, ok := integerOf(n)
	if !ok || count == 0 {
		return nil, errMisfit
	}
	total := pair.Lookup("s")
	coefficient, exp := new(big.Int), 0
	switch total.Type {
	case bson.TypeInt32, bson.TypeInt64:
		coefficient.SetInt64(total.AsInt64())
	case bson.TypeDecimal128:
		d := total.Decimal128()
		if d.IsNaN() {
			return append(dst, "NaN"...), nil
		}
		var err error
		if coefficient, exp, err = d.BigInt(); err != nil {
			return nil, errMisfit
		}
	default:
		return nil, errMisfit
	}
	ten := big.NewInt(10)
	if exp > 0 {
		coefficient = new(big.Int).Mul(coefficient, new(big.Int).Exp(ten, big.NewInt(int64(exp)), nil))
		exp = 0
	}
	digits := quotientScale(coefficient, -exp, big.NewInt(count), scale)
	// coefficient·10^exp / count, to digits behind the point, halves away from zero.
	scaled := new(big.Int).Mul(coefficient, new(big.Int).Exp(ten, big.NewInt(int64(max(0, digits+exp))), nil))
	quotient, rest := new(big.Int).QuoRem(scaled, big.NewInt(count), new(big.Int))
	if rest.Lsh(rest.Abs(rest), 1).Cmp(big.NewInt(count)) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(scaled.Sign())))
	}
	return appendScaled(dst, quotient, -digits, -1)
}

// quotientScale is the number of digits behind the point of a quotient (select_div_scale in PostgreSQL's numeric.c): at
// least 16 significant ones, counted in its groups of four digits.
func quotientScale(a *big.Int, scale int, b *big.Int, least int) int {
	weightA, firstA := firstGroup(a, scale)
	weightB, firstB := firstGroup(b, 0)
	weight := weightA - weightB
	if firstA <= firstB {
		weight--
	}
	return min(max(16-weight*4, least, 0), 1000)
}

// firstGroup is the weight and the value of the first group of four digits of n·10^-scale that is not zero, both 0 for
// zero.
func firstGroup(n *big.Int, scale int) (weight, first int) {
	digits := new(big.Int).Abs(n).String()
	if digits == "0" {
		return 0, 0
	}
	whole := len(digits) - scale // digits before the point; below 1: zeros behind it
	weight = (whole+3)/4 - 1
	if whole <= 0 {
		weight = -(-whole)/4 - 1
	}
	size := whole - weight*4 // of the first group
	for i := range size {
		first *= 10
		if i < len(digits) {
			first += int(digits[i] - '0')
		}
	}
	return weight, first
}

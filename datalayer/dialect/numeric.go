package dialect

import (
	"math/big"
	"strings"
)

// ValueError is an error that PostgreSQL too finds in the values of a row.
type ValueError struct{ Code, Message string }

// Error implements error.
func (e *ValueError) Error() string { return e.Message }

// SQLState is the error's five-character code.
func (e *ValueError) SQLState() string { return e.Code }

// decimal is a numeric: unscaled / 10^scale, with scale digits behind the point. nan says that it is NaN.
type decimal struct {
	unscaled *big.Int
	scale    int
	nan      bool
}

// readDecimal reads PostgreSQL's text of a numeric.
func readDecimal(s string) (decimal, error) {
	if s == "NaN" {
		return decimal{nan: true}, nil
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return decimal{}, &Unproven{What: "arithmetic of infinity"}
	}
	return decimal{unscaled: n, scale: len(fraction)}, nil
}

// String writes PostgreSQL's text.
func (d decimal) String() string {
	if d.nan {
		return "NaN"
	}
	s := new(big.Int).Abs(d.unscaled).String()
	if len(s) <= d.scale {
		s = strings.Repeat("0", d.scale-len(s)+1) + s
	}
	if d.scale > 0 {
		s = s[:len(s)-d.scale] + "." + s[len(s)-d.scale:]
	}
	if d.unscaled.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// rescaled has more digits behind the point.
func (d decimal) rescaled(scale int) *big.Int {
	return new(big.Int).Mul(d.unscaled, powerOfTen(scale-d.scale))
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// computeNumeric is + - * / of two numerics in PostgreSQL's text (numeric.c).
func computeNumeric(op byte, left, right string) ([]byte, error) {
	l, err := readDecimal(left)
	if err != nil {
		return nil, err
	}
	r, err := readDecimal(right)
	if err != nil {
		return nil, err
	}
	if l.nan || r.nan {
		return []byte("NaN"), nil
	}
	out := decimal{scale: max(l.scale, r.scale)}
	switch op {
	case '+':
		out.unscaled = new(big.Int).Add(l.rescaled(out.scale), r.rescaled(out.scale))
	case '-':
		out.unscaled = new(big.Int).Sub(l.rescaled(out.scale), r.rescaled(out.scale))
	case '*':
		out = decimal{unscaled: new(big.Int).Mul(l.unscaled, r.unscaled), scale: l.scale + r.scale}
	default:
		if r.unscaled.Sign() == 0 {
			return nil, &ValueError{Code: "22012", Message: "division by zero"}
		}
		out = l.divided(r)
	}
	return []byte(out.String()), nil
}

// divided is the quotient at the scale that select_div_scale of numeric.c gives it, rounded half away from zero.
func (d decimal) divided(by decimal) decimal {
	w1, first1 := d.weight()
	w2, first2 := by.weight()
	weight := w1 - w2
	if first1 <= first2 {
		weight--
	}
	scale := min(max(16-weight*4, d.scale, by.scale, 0), 1000)
	// d / by = (d.unscaled * 10^(scale + by.scale - d.scale) / by.unscaled) / 10^scale, where the power is never negative.
	n := new(big.Int).Mul(d.unscaled, powerOfTen(scale+by.scale-d.scale))
	q, rest := new(big.Int).QuoRem(n, by.unscaled, new(big.Int))
	if new(big.Int).Abs(rest.Lsh(rest, 1)).CmpAbs(by.unscaled) >= 0 {
		q.Add(q, big.NewInt(int64(d.unscaled.Sign()*by.unscaled.Sign())))
	}
	return decimal{unscaled: q, scale: scale}
}

// weight is the place of the first digit other than 0 in base 10,000, counted from the point, and that digit; 0 and 0 of
// the number 0.
func (d decimal) weight() (weight int, first int) {
	digits := new(big.Int).Abs(d.unscaled).String()
	if digits == "0" {
		return 0, 0
	}
	// top is the decimal place of the first digit: 0 for ones, -1 for tenths.
	top := len(digits) - 1 - d.scale
	weight = top / 4
	if top < 0 && top%4 != 0 {
		weight--
	}
	for i := 0; i <= top-weight*4; i++ {
		first *= 10
		if i < len(digits) {
			first += int(digits[i] - '0')
		}
	}
	return weight, first
}

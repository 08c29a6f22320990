package dialect

import (
	"math/big"
	"strings"
)

// Number is what is known of the values of a numeric expression without looking at them.
type Number struct {
	// Digits bounds the digits before the point, Scale those behind it; without Known neither is known.
	Digits, Scale int
	Known         bool
	// Fixed says that PostgreSQL shows just Scale digits behind the point (its display scale), whatever the value.
	Fixed bool
}

// Precision is the number of all digits.
func (n Number) Precision() int { return n.Digits + n.Scale }

// sumDigits is the room for the rows of a sum: fewer than 10^12.
const sumDigits = 12

// NumberOf works out the Number of an expression of a numeric or integer type: from numeric(p,s) columns, constants, + - *,
// sum, min, max, CASE and COALESCE (numeric.c). What depends on the values, division above all, is not
// known.
func NumberOf(e Expr) Number {
	t := e.ResultType()
	if digits := map[uint32]int{oidInt2: 5, oidInt4: 10, oidInt8: 19}[t.OID]; digits > 0 {
		return Number{Digits: digits, Known: true, Fixed: true}
	}
	if t.OID != oidNumeric {
		return Number{}
	}
	switch x := e.(type) {
	case *ColumnRef:
		if x.Inner != nil {
			return NumberOf(x.Inner)
		}
		return declared(t)
	case *Constant:
		return constantNumber(x)
	case *Operator:
		return operatorNumber(x)
	case *Cast:
		if x.To.Mod >= 0 {
			return declared(x.To)
		}
		return NumberOf(x.Arg)
	case *Aggregate:
		return aggregateNumber(x)
	case *Case:
		all := make([]Expr, 0, len(x.Whens)+1)
		for _, w := range x.Whens {
			all = append(all, w.Then)
		}
		if x.Else != nil {
			all = append(all, x.Else)
		}
		return choiceNumber(all)
	case *Coalesce:
		if x.Name == "NULLIF" {
			return NumberOf(x.Args[0])
		}
		return choiceNumber(x.Args)
	case *Call:
		return callNumber(x)
	}
	return Number{}
}

// declared is the Number of numeric(p,s); one with a negative scale, or none, is not known.
func declared(t Type) Number {
	p, s, ok := t.Numeric()
	if !ok || s < 0 || s > p {
		return Number{}
	}
	return Number{Digits: p - s, Scale: s, Known: true, Fixed: true}
}

func constantNumber(c *Constant) Number {
	if c.Null {
		return Number{}
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(c.Text, "-"), ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return Number{}
	}
	return Number{Digits: len(strings.TrimLeft(whole, "0")), Scale: len(fraction), Known: true, Fixed: true}
}

func operatorNumber(o *Operator) Number {
	r := NumberOf(o.Right)
	if o.Left == nil {
		if o.Name == "-" || o.Name == "+" {
			return r
		}
		return Number{}
	}
	l := NumberOf(o.Left)
	if !l.Known || !r.Known {
		return Number{}
	}
	switch o.Name {
	case "+", "-":
		return Number{Digits: max(l.Digits, r.Digits) + 1, Scale: max(l.Scale, r.Scale), Known: true, Fixed: l.Fixed && r.Fixed}
	case "*":
		return Number{Digits: l.Digits + r.Digits, Scale: l.Scale + r.Scale, Known: true, Fixed: l.Fixed && r.Fixed}
	}
	return Number{}
}

func aggregateNumber(a *Aggregate) Number {
	if len(a.Args) != 1 {
		return Number{}
	}
	n := NumberOf(a.Args[0])
	switch a.Name {
	case "sum":
		n.Digits += sumDigits
		return n
	case "min", "max":
		return n
	}
	return Number{}
}

func callNumber(c *Call) Number {
	if len(c.Args) == 0 {
		return Number{}
	}
	n := NumberOf(c.Args[0])
	switch {
	case c.Name == "extract" && len(c.Args) == 2 && wholeField(c.Args[0]):
		return Number{Digits: 10, Known: true, Fixed: true}
	case c.Name == "abs" && n.Known:
		return n
	case c.Name == "round" && len(c.Args) == 2 && n.Known:
		if places, ok := numberOfConstant(c.Args[1]); ok && places.IsInt() && places.Sign() >= 0 && places.Num().IsInt64() {
			if to := places.Num().Int64(); to <= 100 {
				return Number{Digits: n.Digits + 1, Scale: int(to), Known: true, Fixed: true}
			}
		}
	}
	return Number{}
}

// wholeField says whether EXTRACT of a constant field gives whole numbers.
func wholeField(e Expr) bool {
	c, ok := constantOf(e)
	if !ok || c.Null {
		return false
	}
	switch strings.ToLower(c.Text) {
	case "century", "day", "decade", "dow", "doy", "hour", "isodow", "isoyear", "millennium", "minute", "month", "quarter", "week", "year":
		return true
	}
	return false
}

// choiceNumber is the Number of a choice between expressions, Fixed where all have one scale; a NULL gives no number.
func choiceNumber(all []Expr) Number {
	out := Number{Fixed: true}
	for _, e := range all {
		if c, ok := e.(*Constant); ok && c.Null {
			continue
		}
		n := NumberOf(e)
		if !n.Known {
			return Number{}
		}
		n.Fixed = n.Fixed && out.Fixed && (!out.Known || n.Scale == out.Scale)
		n.Digits, n.Scale = max(n.Digits, out.Digits), max(n.Scale, out.Scale)
		out = n
	}
	return out
}

// numberOfConstant is the value of a constant number, or of one cast from another number.
func numberOfConstant(e Expr) (*big.Rat, bool) {
	c, ok := constantOf(e)
	if !ok || c.Null || !numberType(c.Type.OID) || len(c.Text) > 1000 || strings.ContainsAny(c.Text, "eE/") {
		return nil, false
	}
	return new(big.Rat).SetString(c.Text)
}

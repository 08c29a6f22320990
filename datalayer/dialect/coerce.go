package dialect

import "strings"

// unknownType is the type of a literal or parameter that nothing has given one yet.
var unknownType = scalar(oidUnknown)

// settle gives text to a literal or parameter that nothing gave a type (PostgreSQL documentation, "Type Conversion").
func (p *parser) settle(e Expr) Expr {
	if e.ResultType().OID == oidUnknown {
		return p.coerce(e, oidText)
	}
	return e
}

// coerce makes an expression one of a type, as an implicit cast does. Literals and parameters without a type become of
// the type; numbers stay constants.
func (p *parser) coerce(e Expr, to uint32) Expr {
	from := e.ResultType().OID
	if from == to || from == 0 || to == 0 || to == oidAny {
		return e
	}
	switch e := e.(type) {
	case *Constant:
		if from == oidUnknown {
			return typedLiteral(e, scalar(to))
		}
		if c := numberAs(e, scalar(to)); c != nil {
			return c
		}
	case *Param:
		if from == oidUnknown {
			e.Type = scalar(to)
			return e
		}
	}
	return &Cast{Arg: e, To: scalar(to), Implicit: true}
}

// assign makes an expression one for a column, as an assignment does.
func (p *parser) assign(e Expr, to Type) Expr {
	switch x := e.(type) {
	case *Constant:
		if x.Type.OID == oidUnknown {
			return typedLiteral(x, to)
		}
	case *Param:
		if x.Type.OID == oidUnknown {
			x.Type = to
			return x
		}
	}
	have := e.ResultType()
	if have.OID == 0 || to.OID == 0 || have == to {
		return e
	}
	if have.OID == to.OID && to.Mod < 0 {
		return e
	}
	return &Cast{Arg: e, To: to, Implicit: true}
}

// typedLiteral gives a literal its type. Booleans become "t" and "f", as PostgreSQL's text has them.
func typedLiteral(c *Constant, to Type) Expr {
	out := &Constant{Text: c.Text, Null: c.Null, Type: to}
	if to.OID == oidBool && !c.Null {
		switch strings.ToLower(strings.TrimSpace(c.Text)) {
		case "t", "true", "yes", "on", "1":
			out.Text = "t"
		case "f", "false", "no", "off", "0":
			out.Text = "f"
		}
	}
	return out
}

// numberAs makes a number a constant of another numeric type where the text stays the same value; nil otherwise.
func numberAs(c *Constant, to Type) *Constant {
	if c.Null || to.Mod >= 0 || !numberType(c.Type.OID) || !numberType(to.OID) {
		return nil
	}
	switch to.OID {
	case oidInt2, oidInt4, oidInt8:
		if !wholeNumber(c.Text) || !fits(c.Text, to.OID) {
			return nil
		}
	case oidNumeric:
		if c.Type.OID == oidFloat4 || c.Type.OID == oidFloat8 {
			return nil // rounded to 6 or 15 digits
		}
	case oidFloat4, oidFloat8:
		if c.Type.OID == oidFloat4 || c.Type.OID == oidFloat8 {
			return nil
		}
	}
	return &Constant{Text: c.Text, Type: to}
}

// wholeNumber says whether the text is an integer.
func wholeNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789") == ""
}

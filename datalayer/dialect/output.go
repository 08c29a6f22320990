package dialect

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// output makes one column of the statement's rows out of the columns of the engine's. What PostgreSQL computes by rules
// that no engine has (the scale of a numeric division, the text of a row) is computed here, last, from values that are
// proven.
type output interface {
	// of gives PostgreSQL's text, nil for NULL.
	of(raw [][]byte) ([]byte, error)
}

// Computes says that Row must be called for each row of the engine's; without, the engine's row is the row.
func (r *Rendered) Computes() bool { return r.outputs != nil }

// Row gives a row of the statement, in PostgreSQL's text, for one of the engine's (one value for each of Raw). An error has
// an SQLState, as the division by zero that PostgreSQL would have found too.
func (r *Rendered) Row(raw [][]byte) ([][]byte, error) {
	if r.outputs == nil {
		return raw, nil
	}
	row := make([][]byte, len(r.outputs))
	for i, o := range r.outputs {
		var err error
		if row[i], err = o.of(raw); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// passed is a column of the engine's as it stands.
type passed int

func (o passed) of(raw [][]byte) ([]byte, error) { return raw[o], nil }

// fixed is a constant.
type fixed []byte

func (o fixed) of([][]byte) ([]byte, error) { return o, nil }

// arithmetic is one operation of numerics.
type arithmetic struct {
	op          byte
	left, right output
}

func (o arithmetic) of(raw [][]byte) ([]byte, error) {
	l, err := o.left.of(raw)
	if err != nil {
		return nil, err
	}
	r, err := o.right.of(raw)
	if err != nil || l == nil || r == nil {
		return nil, err
	}
	return computeNumeric(o.op, string(l), string(r))
}

// average is avg: a sum, and the number of its values, 0 of which give NULL.
type average struct{ sum, count output }

func (o average) of(raw [][]byte) ([]byte, error) {
	sum, err := o.sum.of(raw)
	if err != nil || sum == nil {
		return nil, err
	}
	return arithmetic{'/', o.sum, o.count}.of(raw)
}

// scaled is a numeric with the number of digits behind the point that another column says.
type scaled struct{ value, scale output }

func (o scaled) of(raw [][]byte) ([]byte, error) {
	v, err := o.value.of(raw)
	if err != nil || v == nil {
		return nil, err
	}
	s, err := o.scale.of(raw)
	if err != nil {
		return nil, err
	}
	to, err := strconv.Atoi(string(s))
	if err != nil {
		return nil, err
	}
	d, err := readDecimal(string(v))
	if err != nil || d.nan {
		return v, err
	}
	if d.scale < to {
		d = decimal{unscaled: d.rescaled(to), scale: to}
	}
	d.unscaled = new(big.Int).Quo(d.unscaled, powerOfTen(d.scale-to)) // digits that no value of the sum had
	d.scale = to
	return []byte(d.String()), nil
}

// record is a whole row; has is nil where it is always there.
type record struct {
	has    output
	fields []output
}

func (o record) of(raw [][]byte) ([]byte, error) {
	if o.has != nil {
		if has, err := o.has.of(raw); err != nil || has == nil {
			return nil, err
		}
	}
	out := []byte{'('}
	for i, f := range o.fields {
		if i > 0 {
			out = append(out, ',')
		}
		v, err := f.of(raw)
		if err != nil {
			return nil, err
		}
		out = appendField(out, v)
	}
	return append(out, ')'), nil
}

// appendField writes a field of a row as record_out does (rowtypes.c).
func appendField(dst, v []byte) []byte {
	if v == nil {
		return dst
	}
	if len(v) > 0 && !strings.ContainsAny(string(v), "\"\\(), \t\n\r\v\f") {
		return append(dst, v...)
	}
	dst = append(dst, '"')
	for _, c := range v {
		if c == '"' || c == '\\' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// outputs works out what the engine is asked for and what is made of it.
type outputs struct {
	renderer *Renderer
	texts    []string
	raw      []Raw
	out      []output
}

// collect goes through a select list.
func (o *outputs) collect(s *Select) error {
	for _, c := range s.Columns {
		one, err := o.build(c)
		if err != nil {
			return err
		}
		o.out = append(o.out, one)
	}
	if len(o.texts) == 0 && len(o.out) > 0 {
		o.add("1", &Constant{Text: "1", Type: scalar(oidInt4)}, nil)
	}
	return nil
}

// plain says that the engine's columns are the statement's.
func (o *outputs) plain() bool {
	for i, one := range o.out {
		if one != output(passed(i)) {
			return false
		}
	}
	return len(o.out) == len(o.raw)
}

// add asks the engine for a column, once.
func (o *outputs) add(text string, e Expr, c *Column) output {
	for i, t := range o.texts {
		if t == text && o.raw[i].Column == c {
			return passed(i)
		}
	}
	o.texts = append(o.texts, text)
	o.raw = append(o.raw, Raw{Type: e.ResultType(), Column: c, Number: NumberOf(e)})
	return passed(len(o.texts) - 1)
}

// build finds how a column of the statement is had.
func (o *outputs) build(e Expr) (output, error) {
	switch x := e.(type) {
	case *ColumnRef:
		return o.stored(x)
	case *Constant:
		if x.Null {
			return fixed(nil), nil
		}
		if x.Type.OID != oidFloat4 && x.Type.OID != oidFloat8 && x.Type.OID != 0 {
			return fixed(x.Text), nil
		}
	case *WholeRow:
		return o.record(x)
	}
	text, err := o.renderer.Expr(e)
	if err == nil && (e.ResultType().OID != oidNumeric || NumberOf(e).Fixed) {
		return o.add(text, e, nil), nil
	}
	if err == nil {
		out, inner := o.scaled(text, e)
		if inner == nil {
			return out, nil
		}
		err = inner // its parts may be known
	}
	if unproven := (*Unproven)(nil); !errors.As(err, &unproven) {
		return nil, err
	}
	if computed, ok, inner := o.compute(e); ok {
		return computed, inner
	}
	return nil, err
}

// scaled gives out a sum of a CASE whose branches have several scales: PostgreSQL shows as many digits as the value with the
// most of them has, so the engine is asked for the largest scale of those that the sum took in.
func (o *outputs) scaled(text string, e Expr) (output, error) {
	unknown := &Unproven{What: Signature(e) + ", of which it is not known how many digits PostgreSQL shows"}
	a, ok := e.(*Aggregate)
	if !ok || a.Name != "sum" || len(a.Args) != 1 || a.Distinct {
		return nil, unknown
	}
	c, ok := a.Args[0].(*Case)
	if !ok || c.Type.OID != oidNumeric {
		return nil, unknown
	}
	scales := &Case{Arg: c.Arg, Type: scalar(oidInt4)}
	for _, w := range c.Whens {
		s, ok := scaleOf(w.Then)
		if !ok {
			return nil, unknown
		}
		scales.Whens = append(scales.Whens, When{When: w.When, Then: s})
	}
	if c.Else != nil {
		if scales.Else, ok = scaleOf(c.Else); !ok {
			return nil, unknown
		}
	}
	most := &Aggregate{Name: "max", Args: []Expr{scales}, Filter: a.Filter, Type: scalar(oidInt4)}
	scale, err := o.renderer.Expr(most)
	if err != nil {
		return nil, err
	}
	return scaled{o.add(text, e, nil), o.add(scale, most, nil)}, nil
}

// scaleOf is an expression for the scale of the values of another, NULL where that is NULL.
func scaleOf(e Expr) (Expr, bool) {
	if c, ok := e.(*Constant); ok && c.Null {
		return &Constant{Null: true, Type: scalar(oidInt4)}, true
	}
	n := NumberOf(e)
	is := &Constant{Text: strconv.Itoa(n.Scale), Type: scalar(oidInt4)}
	if _, ok := e.(*Constant); ok {
		return is, n.Fixed
	}
	return &Case{Whens: []When{{When: &NullTest{Arg: e, Not: true}, Then: is}}, Type: scalar(oidInt4)}, n.Fixed
}

// stored gives a column out as it is stored, which needs no proof.
func (o *outputs) stored(x *ColumnRef) (output, error) {
	at := x
	for at.Column == nil {
		inner, ok := at.Inner.(*ColumnRef)
		if !ok {
			return o.add(o.renderer.reference(x), x, nil), nil
		}
		at = inner
	}
	return o.add(o.renderer.reference(x), x, at.Column), nil
}

// record is a whole row from its columns.
func (o *outputs) record(x *WholeRow) (output, error) {
	out := record{}
	if x.Has != nil {
		text, err := o.renderer.Expr(x.Has)
		if err != nil {
			return nil, err
		}
		out.has = o.add("CASE WHEN "+text+" THEN 1 END", &Constant{Text: "1", Type: scalar(oidInt4)}, nil)
	}
	for _, c := range x.Columns {
		f, err := o.build(c)
		if err != nil {
			return nil, err
		}
		out.fields = append(out.fields, f)
	}
	return out, nil
}

// compute makes a numeric of the parts of an expression that the engine is not asked for whole; ok is false where it cannot
// be made.
func (o *outputs) compute(e Expr) (out output, ok bool, err error) {
	if e.ResultType().OID != oidNumeric {
		return nil, false, nil
	}
	switch x := e.(type) {
	case *Aggregate:
		if x.Name != "avg" || len(x.Args) != 1 {
			return nil, false, nil
		}
		out, err = o.average(x)
		return out, true, err
	case *Operator:
		if x.Left == nil || len(x.Name) != 1 || !strings.Contains("+-*/", x.Name) {
			return nil, false, nil
		}
		out, err = o.arithmetic(x)
		return out, true, err
	case *Cast:
		if from := x.Arg.ResultType().OID; x.To.Mod < 0 && (from == oidInt2 || from == oidInt4 || from == oidInt8) {
			out, err = o.build(x.Arg)
			return out, true, err
		}
	}
	return nil, false, nil
}

func (o *outputs) arithmetic(x *Operator) (output, error) {
	l, err := o.build(x.Left)
	if err != nil {
		return nil, err
	}
	r, err := o.build(x.Right)
	return arithmetic{x.Name[0], l, r}, err
}

// average is a sum and a count over the same values. The sum of integers is asked for as PostgreSQL would sum them.
func (o *outputs) average(x *Aggregate) (output, error) {
	sum, count := *x, *x
	sum.Name, count.Name, count.Type = "sum", "count", scalar(oidInt8)
	switch x.Args[0].ResultType().OID {
	case oidInt2, oidInt4:
		sum.Type = scalar(oidInt8)
	case oidInt8, oidNumeric:
		sum.Type = scalar(oidNumeric)
	default:
		return nil, &Unproven{What: Signature(x)}
	}
	s, err := o.build(&sum)
	if err != nil {
		return nil, err
	}
	c, err := o.build(&count)
	return average{s, c}, err
}

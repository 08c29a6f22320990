package mongodb

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// value is an expression that was compiled.
type value struct {
	// e gives it in the aggregation language: null or missing for NULL.
	e any
	*pgType
	// field is the column that it is, nil for others.
	field *field
	// constant says that text is it, nil for NULL.
	constant bool
	text     []byte
	// between says that it is an instant behind the millisecond that e is, beyond that it is infinity (1) or -infinity.
	between bool
	beyond  int
	notNull bool
}

// unproven says what does not go down.
func unproven(format string, args ...any) error {
	return &dialect.Unproven{What: fmt.Sprintf(format, args...)}
}

// value compiles an expression.
func (c *compiler) value(e dialect.Expr) (value, error) {
	if v, ok, err := c.fromGroup(e); ok || err != nil {
		return v, err
	}
	switch e := e.(type) {
	case *dialect.ColumnRef:
		return c.column(e)
	case *dialect.Constant:
		return c.constant(e.Type, []byte(e.Text), e.Null)
	case *dialect.Param:
		return c.param(e)
	case *dialect.Cast:
		return c.cast(e)
	case *dialect.Operator:
		if v, ok, err := c.arithmetic(e); ok || err != nil {
			return v, err
		}
		return c.truthValue(e)
	case *dialect.Call:
		return c.call(e)
	case *dialect.Coalesce:
		return c.coalesce(e)
	case *dialect.Case:
		return c.caseOf(e)
	case *dialect.BoolOp, *dialect.NullTest, *dialect.BoolTest, *dialect.Distinct, *dialect.ArrayOp:
		return c.truthValue(e)
	}
	return value{}, unproven("%s", strings.TrimPrefix(fmt.Sprintf("%T", e), "*dialect."))
}

// truthValue is a condition as a value.
func (c *compiler) truthValue(e dialect.Expr) (value, error) {
	yes, no, err := c.truth(e)
	if err != nil {
		return value{}, err
	}
	return value{e: op("$cond", yes, true, op("$cond", no, false, nil)), pgType: plainType(pgtype.BoolOID, booleans)}, nil
}

// column is a column of one of the relations.
func (c *compiler) column(ref *dialect.ColumnRef) (value, error) {
	v, err := c.stored(ref)
	if err != nil {
		return v, err
	}
	switch {
	case v.kind == jsons || v.kind == mixedDecimals:
		return v, unproven("values of the column %q, whose documents have several types", ref.Name)
	case !v.field.sure && !v.field.key:
		c.guard(guard{field: v.field, e: v.e})
	}
	return v, nil
}

// stored is a column whatever its documents have in it.
func (c *compiler) stored(ref *dialect.ColumnRef) (value, error) {
	if c.grouped {
		return value{}, unproven("the column %q beside GROUP BY", ref.Name)
	}
	root, ok := c.roots[ref.Relation]
	if !ok {
		return value{}, unproven("the relation %q", ref.Relation)
	}
	if ref.Column == nil {
		return value{}, unproven("the column %q of a subquery", ref.Name)
	}
	f, ok := ref.Column.Facts.(*field)
	if !ok {
		return value{}, unproven("the column %q", ref.Name)
	}
	return value{e: f.expr(root), pgType: f.pgType, field: f, notNull: f.notNull && !c.nullable[ref.Relation]}, nil
}

// guard notes a field to be guarded, once.
func (c *compiler) guard(g guard) {
	for _, known := range c.guards {
		if known.field == g.field && fmt.Sprint(known.e) == fmt.Sprint(g.e) {
			return
		}
	}
	c.guards = append(c.guards, g)
}

// param is a parameter's value; before there is one, its number stands in its place.
func (c *compiler) param(p *dialect.Param) (value, error) {
	if !c.bound {
		t, err := typeOf(p.Type)
		return value{e: literal(fmt.Sprintf("$%d", p.Number)), pgType: t, constant: true, text: nil}, err
	}
	if p.Number > len(c.params) {
		return value{}, unproven("$%d, which has no value", p.Number)
	}
	text := c.params[p.Number-1]
	return c.constant(p.Type, text, text == nil)
}

// constant is a value that the statement says.
func (c *compiler) constant(of dialect.Type, text []byte, null bool) (value, error) {
	t, err := typeOf(of)
	if err != nil || null {
		return value{pgType: t, constant: true}, err
	}
	v := value{pgType: t, constant: true, text: text, notNull: true}
	if t.kind == dates {
		return v, v.comparedDate()
	}
	stored, err := t.parse(text)
	if err != nil {
		return v, unproven("a constant that MongoDB cannot store: %v", err)
	}
	v.e = literal(stored)
	return v, nil
}

// comparedDate reads a constant that dates are compared with.
func (v *value) comparedDate() error {
	switch string(v.text) {
	case "infinity":
		v.beyond = 1
	case "-infinity":
		v.beyond = -1
	}
	if v.beyond != 0 {
		v.e = literal(string(v.text))
		return nil
	}
	ms, err := v.parseDate(v.text)
	if errors.Is(err, errPrecise) {
		v.between, err = true, nil
	}
	v.e = literal(bson.DateTime(ms))
	return err
}

// isNull is true where the value is NULL.
func (v value) isNull() any {
	if v.verbatim {
		return op("$eq", of("$type", v.e), "missing")
	}
	return isNull(v.e)
}

// placeholder says that a value is a parameter that is not known yet.
func (v value) placeholder() bool { return v.constant && v.text == nil && v.e != nil }

// null says that a value is NULL itself.
func (v value) null() bool { return v.constant && v.text == nil && v.e == nil }

// cast is a cast that leaves the stored value as it is, or makes a decimal of an integer.
func (c *compiler) cast(e *dialect.Cast) (value, error) {
	v, err := c.value(e.Arg)
	if err != nil {
		return v, err
	}
	to, err := typeOf(e.To)
	if err != nil {
		return v, err
	}
	from := v.pgType
	switch {
	case from.kind == texts && textOID(from.OID) && e.To.OID == pgtype.TextOID, from.kind == objectIDs && e.To.OID == pgtype.TextOID,
		from.OID == to.OID && to.Mod == -1:
		to.kind = from.kind
	case from.kind == integers && to.kind == integers && wider(to.OID, from.OID):
	case from.kind == integers && from.OID != pgtype.Int8OID && e.To.OID == pgtype.Float8OID:
	case from.kind == integers && to.kind == decimals && e.To.Mod == -1:
		to.scale = 0
		to.precision = digitsOf(from)
		v.e = of("$toDecimal", of("$toLong", v.e))
	default:
		return v, unproven("the cast of %s to %s", from.ddl(), to.ddl())
	}
	v.pgType, v.field = to, nil
	return v, nil
}

// wider says whether an integer type holds all values of another.
func wider(to, from uint32) bool {
	rank := map[uint32]int{pgtype.Int2OID: 1, pgtype.Int4OID: 2, pgtype.Int8OID: 3}
	return rank[to] >= rank[from]
}

// digitsOf is how many decimal digits an integer type has at most.
func digitsOf(t *pgType) int {
	return map[uint32]int{pgtype.Int2OID: 5, pgtype.Int4OID: 10, pgtype.Int8OID: 19}[t.OID]
}

// maxDigits are those of MongoDB's decimals.
const maxDigits = 34

// arithmetic is +, - and * of integers, whose results are checked against their type, and of decimals whose digits are
// known to suffice. ok is false for other operators.
func (c *compiler) arithmetic(e *dialect.Operator) (v value, ok bool, err error) {
	names := map[string]string{"+": "$add", "-": "$subtract", "*": "$multiply"}
	name := names[e.Name]
	if name == "" || e.Left == nil {
		return value{}, false, nil
	}
	l, err := c.value(e.Left)
	if err != nil {
		return value{}, true, err
	}
	r, err := c.value(e.Right)
	if err != nil {
		return value{}, true, err
	}
	t, err := typeOf(e.Type)
	if err != nil {
		return value{}, true, err
	}
	whole := l.kind == integers && r.kind == integers && t.kind == integers
	exact := t.kind == decimals && t.fits(e.Name, l, r)
	if !whole && !exact || l.null() || r.null() {
		return value{}, true, unproven("the operator %s on %s and %s", e.Name, l.ddl(), r.ddl())
	}
	result := any(op(name, l.e, r.e))
	if whole {
		least, greatest := t.limits()
		result = op(name, l.long(), r.long())
		result = of("$let", bson.D{{Key: "vars", Value: bson.D{{Key: "v", Value: result}}}, {Key: "in", Value: op("$cond",
			op("$or", isNull("$$v"), op("$and", op("$gte", "$$v", least), op("$lte", "$$v", greatest), op("$ne", of("$type", "$$v"), "double"))),
			"$$v", raise(outOfRangeMark, "$$v"))}})
	}
	return value{e: result, pgType: t, notNull: l.notNull && r.notNull}, true, nil
}

// long is an integer of MongoDB's for one that may be stored as a double, with which it would be computed in doubles. What
// overflows a long becomes a double.
func (v value) long() any {
	if v.constant || v.field != nil && v.field.sure {
		return v.e
	}
	return of("$toLong", v.e)
}

// fits sets the digits of an operator's result, and says whether they are known and MongoDB's decimals have as many. Only
// columns whose values surely are decimals of so many digits have them.
func (t *pgType) fits(name string, l, r value) bool {
	for _, v := range []*value{&l, &r} {
		if v.constant && v.text != nil {
			v.pgType = digitsIn(v.pgType, string(v.text))
		}
		if v.kind != decimals || v.scale < 0 || v.precision < 0 || v.field != nil && !v.field.sure {
			return false
		}
	}
	switch name {
	case "*":
		t.precision, t.scale = l.precision+r.precision, l.scale+r.scale
	default:
		t.scale = max(l.scale, r.scale)
		t.precision = max(l.precision-l.scale, r.precision-r.scale) + t.scale + 1
	}
	return t.precision <= maxDigits
}

// digitsIn is a numeric type with just the digits of a constant.
func digitsIn(t *pgType, text string) *pgType {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if t.kind != decimals || strings.Trim(whole+fraction, "0123456789") != "" {
		return t
	}
	counted := *t
	counted.precision, counted.scale = len(whole)+len(fraction), len(fraction)
	return &counted
}

// call is one of the functions that mean the same: length of text, and abs of integers is not among them (it may
// overflow).
func (c *compiler) call(e *dialect.Call) (value, error) {
	if e.Schema != "" || len(e.Args) != 1 || (e.Name != "length" && e.Name != "char_length" && e.Name != "character_length" && e.Name != "octet_length") {
		return value{}, unproven("the function %s", e.Name)
	}
	arg, err := c.value(e.Args[0])
	if err != nil {
		return value{}, err
	}
	if arg.kind != texts || !textOID(arg.OID) {
		return value{}, unproven("the function %s (%s)", e.Name, arg.ddl())
	}
	name := "$strLenCP"
	if e.Name == "octet_length" {
		name = "$strLenBytes"
	}
	return value{e: op("$cond", isNull(arg.e), nil, of(name, arg.e)), pgType: plainType(pgtype.Int4OID, integers), notNull: arg.notNull}, nil
}

// coalesce is COALESCE; GREATEST and LEAST skip NULLs in a way that is not proven.
func (c *compiler) coalesce(e *dialect.Coalesce) (value, error) {
	if !strings.EqualFold(e.Name, "COALESCE") {
		return value{}, unproven("%s", e.Name)
	}
	var all bson.A
	var first value
	never := false
	for i, arg := range e.Args {
		v, err := c.value(arg)
		if err != nil {
			return v, err
		}
		if i == 0 {
			first = v
		}
		if v.null() || v.beyond != 0 || v.between || v.kind != first.kind || v.OID != first.OID {
			return v, unproven("COALESCE of %s and %s", first.ddl(), v.ddl())
		}
		all, never = append(all, v.e), never || v.notNull
	}
	t := *first.pgType
	if t.scale >= 0 {
		t.scale, t.precision = -1, -1 // each value has its own
	}
	return value{e: of("$ifNull", append(all, nil)), pgType: &t, notNull: never}, nil
}

// caseOf is CASE in its searched form.
func (c *compiler) caseOf(e *dialect.Case) (value, error) {
	t, err := typeOf(e.Type)
	if err != nil {
		return value{}, err
	}
	if e.Arg != nil {
		return value{}, unproven("CASE with an argument")
	}
	branch := func(arg dialect.Expr) (any, error) {
		if arg == nil {
			return nil, nil
		}
		v, err := c.value(arg)
		if err != nil {
			return nil, err
		}
		if v.beyond != 0 || v.between || !v.null() && (v.OID != t.OID || v.kind != t.kind) {
			return nil, unproven("CASE of %s", v.ddl())
		}
		return v.e, nil
	}
	result, err := branch(e.Else)
	if err != nil {
		return value{}, err
	}
	for i := len(e.Whens) - 1; i >= 0; i-- {
		yes, _, err := c.truth(e.Whens[i].When)
		if err != nil {
			return value{}, err
		}
		then, err := branch(e.Whens[i].Then)
		if err != nil {
			return value{}, err
		}
		result = op("$cond", yes, then, result)
	}
	return value{e: result, pgType: t}, nil
}

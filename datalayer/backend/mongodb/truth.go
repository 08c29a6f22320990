package mongodb

import (
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// truth compiles a condition: yes is true where PostgreSQL's is true, no where it is false; both give true or false only.
func (c *compiler) truth(e dialect.Expr) (yes, no any, err error) {
	switch e := e.(type) {
	case *dialect.BoolOp:
		return c.boolOp(e)
	case *dialect.NullTest:
		return c.nullTest(e)
	case *dialect.BoolTest:
		return c.boolTest(e)
	case *dialect.Distinct:
		return c.distinct(e)
	case *dialect.ArrayOp:
		return c.arrayOp(e)
	case *dialect.Operator:
		if e.Left != nil && inverse[e.Name] != "" {
			return c.comparison(e)
		}
		if e.Name == "~~" || e.Name == "!~~" {
			return c.like(e)
		}
		return nil, nil, unproven("the operator %s", e.Name)
	}
	v, err := c.value(e)
	if err != nil {
		return nil, nil, err
	}
	if v.kind != booleans || v.placeholder() {
		return nil, nil, unproven("a condition of type %s", v.ddl())
	}
	if v.null() {
		return false, false, nil
	}
	return op("$eq", v.e, true), op("$eq", v.e, false), nil
}

// boolOp is AND, OR or NOT.
func (c *compiler) boolOp(e *dialect.BoolOp) (any, any, error) {
	var yes, no []any
	for _, arg := range e.Args {
		y, n, err := c.truth(arg)
		if err != nil {
			return nil, nil, err
		}
		yes, no = append(yes, y), append(no, n)
	}
	switch strings.ToUpper(e.Op) {
	case "AND":
		return op("$and", yes...), op("$or", no...), nil
	case "OR":
		return op("$or", yes...), op("$and", no...), nil
	}
	return no[0], yes[0], nil
}

// nullTest is IS [NOT] NULL. Of a column it looks at no more than whether there is a value.
func (c *compiler) nullTest(e *dialect.NullTest) (any, any, error) {
	var v value
	var err error
	if ref, ok := e.Arg.(*dialect.ColumnRef); ok && !c.grouped {
		v, err = c.stored(ref)
	} else {
		v, err = c.value(e.Arg)
	}
	if err != nil {
		return nil, nil, err
	}
	yes, no := v.isNull(), any(of("$not", bson.A{v.isNull()}))
	if e.Not {
		return no, yes, nil
	}
	return yes, no, nil
}

// boolTest is IS [NOT] TRUE, FALSE or UNKNOWN.
func (c *compiler) boolTest(e *dialect.BoolTest) (any, any, error) {
	t, f, err := c.truth(e.Arg)
	if err != nil {
		return nil, nil, err
	}
	yes := t
	switch strings.ToUpper(e.Is) {
	case "FALSE":
		yes = f
	case "UNKNOWN":
		yes = of("$not", bson.A{op("$or", t, f)})
	}
	no := any(of("$not", bson.A{yes}))
	if e.Not {
		return no, yes, nil
	}
	return yes, no, nil
}

// distinct is IS [NOT] DISTINCT FROM.
func (c *compiler) distinct(e *dialect.Distinct) (any, any, error) {
	l, r, err := c.pair(e.Left, e.Right)
	if err != nil {
		return nil, nil, err
	}
	equal, err := l.compare("=", r)
	if err != nil {
		return nil, nil, err
	}
	same := op("$or", op("$and", notNull(l.e), notNull(r.e), equal), op("$and", isNull(l.e), isNull(r.e)))
	different := of("$not", bson.A{same})
	if e.Not {
		return same, different, nil
	}
	return different, same, nil
}

// inverse are the comparisons with their contraries.
var inverse = map[string]string{"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

// mongoNames are the comparisons as MongoDB calls them.
var mongoNames = map[string]string{"=": "$eq", "<>": "$ne", "<": "$lt", ">=": "$gte", ">": "$gt", "<=": "$lte"}

// pair compiles the operands of a comparison, and gives constants the form in which the other side is stored.
func (c *compiler) pair(left, right dialect.Expr) (l, r value, err error) {
	if l, err = c.value(left); err != nil {
		return l, r, err
	}
	if r, err = c.value(right); err != nil {
		return l, r, err
	}
	return l, r, nil
}

// comparison is one of the six.
func (c *compiler) comparison(e *dialect.Operator) (any, any, error) {
	l, r, err := c.pair(e.Left, e.Right)
	if err != nil {
		return nil, nil, err
	}
	return comparePair(e.Name, l, r)
}

// comparePair is true where both have a value and the comparison holds, and false where both have and it does not.
func comparePair(name string, l, r value) (any, any, error) {
	if l.null() || r.null() {
		return false, false, nil
	}
	yes, err := l.compare(name, r)
	if err != nil {
		return nil, nil, err
	}
	no, err := l.compare(inverse[name], r)
	if err != nil {
		return nil, nil, err
	}
	var there []any
	for _, v := range []value{l, r} {
		if !v.constant && !v.notNull {
			there = append(there, notNull(v.e))
		}
	}
	and := func(e any) any {
		if len(there) == 0 {
			return e
		}
		return op("$and", append(append([]any(nil), there...), e)...)
	}
	return and(yes), and(no), nil
}

// compare is a comparison of values that are not NULL.
func (v value) compare(name string, r value) (any, error) {
	l := v
	if l.constant && !r.constant {
		turned := map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<="}
		if t := turned[name]; t != "" {
			name = t
		}
		l, r = r, l
	}
	ordering := name != "=" && name != "<>"
	number := func(k kind) bool { return k == integers || k == floats || k == decimals }
	switch {
	case l.kind == objectIDs || r.kind == objectIDs:
		return compareIDs(name, l, r)
	case number(l.kind) && number(r.kind) && (l.kind == r.kind):
		if ordering && l.kind != integers {
			return compareNumbers(name, l, r), nil
		}
	case l.kind != r.kind:
		return nil, unproven("the operator %s on %s and %s", name, l.ddl(), r.ddl())
	case l.kind == texts && textOID(l.OID) && textOID(r.OID), l.kind == booleans, l.kind == uuids, l.kind == binaries && !ordering:
	case l.kind == dates && l.OID == r.OID:
		return compareDates(name, l, r)
	default:
		return nil, unproven("the operator %s on %s and %s", name, l.ddl(), r.ddl())
	}
	return op(mongoNames[name], l.e, r.e), nil
}

// compareIDs compares ObjectIds with each other, or with texts: the order of their digits is theirs.
func compareIDs(name string, l, r value) (any, error) {
	if l.kind == objectIDs && r.kind == objectIDs {
		return op(mongoNames[name], l.e, r.e), nil
	}
	if l.kind != objectIDs {
		return nil, unproven("the operator %s on %s and an ObjectId", name, l.ddl())
	}
	if !textOID(r.OID) {
		return nil, unproven("the operator %s on an ObjectId and %s", name, r.ddl())
	}
	if r.constant && (name == "=" || name == "<>") {
		id, err := bson.ObjectIDFromHex(string(r.text))
		switch {
		case r.placeholder():
			return op(mongoNames[name], l.e, r.e), nil
		case err != nil || id.Hex() != string(r.text):
			return name == "<>", nil
		}
		return op(mongoNames[name], l.e, literal(id)), nil
	}
	return op(mongoNames[name], of("$toString", l.e), r.e), nil
}

// compareNumbers orders NaN behind all others, as PostgreSQL does.
func compareNumbers(name string, l, r value) any {
	isNaN := func(v value) any { return op("$eq", v.e, nan) }
	less := func(a, b value) any {
		return op("$cond", isNaN(a), false, op("$or", isNaN(b), op("$lt", a.e, b.e)))
	}
	switch name {
	case "<":
		return less(l, r)
	case ">":
		return less(r, l)
	case "<=":
		return of("$not", bson.A{less(r, l)})
	}
	return of("$not", bson.A{less(l, r)})
}

// compareDates compares with instants that may lie between two milliseconds, or beyond all that are stored.
func compareDates(name string, l, r value) (any, error) {
	switch {
	case l.constant && (l.beyond != 0 || l.between):
		return nil, unproven("the comparison of two constants")
	case r.beyond != 0:
		return name == "<>" || (r.beyond > 0) == (name == "<" || name == "<=") && name != "=", nil
	case !r.between:
		return op(mongoNames[name], l.e, r.e), nil
	}
	switch name {
	case "=", "<>":
		return name == "<>", nil
	case ">", ">=":
		return op("$gt", l.e, r.e), nil
	}
	return op("$lte", l.e, r.e), nil
}

// arrayOp is x = ANY (array) and x <> ALL (array) of a constant array.
func (c *compiler) arrayOp(e *dialect.ArrayOp) (any, any, error) {
	elements, null, err := c.elements(e.Array)
	if err != nil {
		return nil, nil, err
	}
	l, err := c.value(e.Left)
	if err != nil {
		return nil, nil, err
	}
	if null {
		return false, false, nil
	}
	var yes, no []any
	for _, element := range elements {
		y, n, err := comparePair(e.Name, l, element)
		if err != nil {
			return nil, nil, err
		}
		yes, no = append(yes, y), append(no, n)
	}
	if inverse[e.Name] == "" {
		return nil, nil, unproven("the operator %s with ANY or ALL", e.Name)
	}
	if e.All {
		return op("$and", yes...), op("$or", no...), nil
	}
	return op("$or", yes...), op("$and", no...), nil
}

// elements are those of an array that the statement says; null says that the array is NULL.
func (c *compiler) elements(e dialect.Expr) (all []value, null bool, err error) {
	if list, ok := e.(*dialect.Array); ok {
		for _, elem := range list.Elems {
			v, err := c.value(elem)
			if err != nil || !v.constant {
				return nil, false, unproven("ANY of an array that is no constant")
			}
			all = append(all, v)
		}
		return all, false, nil
	}
	t, err := typeOf(e.ResultType())
	if err != nil || t.elem == nil {
		return nil, false, unproven("ANY of this array")
	}
	var text []byte
	switch e := e.(type) {
	case *dialect.Constant:
		text, null = []byte(e.Text), e.Null
	case *dialect.Param:
		if !c.bound {
			v, err := c.param(e)
			return []value{{e: v.e, pgType: t.elem, constant: true}}, false, err
		}
		text = c.params[e.Number-1]
		null = text == nil
	default:
		return nil, false, unproven("ANY of an array that is no constant")
	}
	if null {
		return nil, true, nil
	}
	return c.arrayText(t, string(text))
}

// arrayText are the elements of an array's text.
func (c *compiler) arrayText(t *pgType, text string) (all []value, null bool, err error) {
	if !strings.HasPrefix(text, "{") || strings.HasPrefix(text, "{{") {
		return nil, false, unproven("ANY of an array of several dimensions")
	}
	for rest := strings.TrimPrefix(text, "{"); rest != "}"; {
		word, quoted, after, ok := arrayElement(rest)
		if !ok {
			return nil, false, unproven("ANY of this array")
		}
		v, err := c.constant(t.elem.Type, []byte(word), !quoted && word == "NULL")
		if err != nil {
			return nil, false, err
		}
		all, rest = append(all, v), after
	}
	return all, false, nil
}

// like is LIKE with a constant pattern, as a regular expression.
func (c *compiler) like(e *dialect.Operator) (any, any, error) {
	l, r, err := c.pair(e.Left, e.Right)
	if err != nil {
		return nil, nil, err
	}
	if l.kind != texts || !textOID(l.OID) || l.constant || !r.constant || r.pgType.OID != pgtype.TextOID {
		return nil, nil, unproven("the operator ~~ on %s", l.ddl())
	}
	if r.null() {
		return false, false, nil
	}
	pattern, ok := likePattern(string(r.text))
	if !ok {
		return nil, nil, unproven("a LIKE pattern that ends in a backslash")
	}
	match := of("$regexMatch", bson.D{{Key: "input", Value: l.e}, {Key: "regex", Value: pattern}})
	yes, no := op("$and", notNull(l.e), match), op("$and", notNull(l.e), of("$not", bson.A{match}))
	if e.Name == "!~~" {
		return no, yes, nil
	}
	return yes, no, nil
}

// likePattern is a LIKE pattern as a regular expression: PCRE's, where $ would let a line feed stand behind.
func likePattern(like string) (string, bool) {
	var b strings.Builder
	b.WriteByte('^')
	for i, r := range like {
		switch {
		case i > 0 && escapes(like[:i]):
			b.WriteString(regexp.QuoteMeta(string(r)))
		case r == '\\':
		case r == '%':
			b.WriteString(`[\s\S]*`)
		case r == '_':
			b.WriteString(`[\s\S]`)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`(?![\s\S])`)
	return b.String(), !escapes(like)
}

// escapes says whether a text ends in a backslash that is not escaped itself.
func escapes(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

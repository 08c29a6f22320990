package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// valueType is a type of random expressions.
type valueType int

// The types of random expressions. wholes are int4 and int8, decimals numeric of any scale.
const (
	whole valueType = iota
	decimal
	float
	words
	truth
	day
	moment
	valueTypes
)

// declared is the type of a parameter.
func (t valueType) declared() string {
	return [...]string{"int4", "numeric", "float8", "text", "bool", "date", "timestamp"}[t]
}

// source is a column that expressions may use.
type source struct {
	text string
	of   valueType
}

// generator makes one random case.
type generator struct {
	r *rand.Rand
	// parameters says that constants may be parameters; params are those that are.
	parameters bool
	params     []peer.Param
	aliases    int
}

// chance is true n times in a hundred.
func (g *generator) chance(n int) bool { return g.r.IntN(100) < n }

// one picks one of a list.
func one[T any](g *generator, list ...T) T { return list[g.r.IntN(len(list))] }

// commonSources are columns of the common tables for random statements, by table, with the aliases' place as %s. Numbers at the
// edges of their types are left out, since errors in expressions over them come in an order that PostgreSQL leaves open.
var commonSources = map[string][]source{
	"items": {{"%s.id", whole}, {"%s.name", words}, {"%s.grp", whole}, {"%s.qty", whole}, {"%s.price", decimal}, {"%s.ratio", float}, {"%s.flag", truth},
		{"%s.day", day}, {"%s.at", moment}, {"%s.note", words}},
	"groups": {{"%s.gid", whole}, {"%s.label", words}, {"%s.parent", whole}},
	"sales":  {{"%s.oid", whole}, {"%s.item", whole}, {"%s.who", words}, {"%s.amount", decimal}, {"%s.placed", moment}},
	"texts":  {{"%s.k", whole}, {"%s.s", words}},
	"folded": {{"%s.k", whole}, {"%s.s", words}},
	"pairs":  {{"%s.a", whole}, {"%s.b", words}, {"%s.v", decimal}},
	"w": {{"%s.id", whole}, {"%s.name", words}, {"%s.qty", whole}, {"%s.price", decimal}, {"%s.ratio", float}, {"%s.flag", truth},
		{"%s.day", day}, {"%s.at", moment}},
	"u": {{"%s.id", whole}, {"%s.code", words}, {"%s.n", whole}},
	"v": {{"%s.a", whole}, {"%s.b", words}, {"%s.n", whole}},
}

// sources are a table's columns by an alias.
func sources(table, alias string) []source {
	var list []source
	for _, s := range commonSources[table] {
		list = append(list, source{fmt.Sprintf(s.text, alias), s.of})
	}
	return list
}

// constant is a constant of a type, or a parameter.
func (g *generator) constant(t valueType) string {
	if g.chance(4) {
		return "NULL::" + t.declared()
	}
	text := ""
	switch t {
	case whole:
		text = strconv.Itoa(g.r.IntN(60) - 10)
	case decimal:
		text = cents(g.r.IntN(12000) - 1000)
	case float:
		text = strconv.FormatFloat(float64(g.r.IntN(200)-40)/8, 'f', -1, 64)
	case words:
		text = one(g, "a", "b", "apple 01", "apple", "Z", "é", "", " ", "x", "ann", "李", "tools", "two", "p", "%", "1", "ä", "A")
	case truth:
		text = one(g, "true", "false")
	case day:
		text = one(g, "2023-12-31", "2024-01-01", "2024-02-29", "2024-07-04", "2025-01-31")
	case moment:
		text = one(g, "2024-01-01 00:00:00", "2024-02-28 12:34:56", "2024-03-01 00:00:00.25", "2024-06-30 23:59:59.999999")
	}
	if g.parameters && len(g.params) < 6 && g.chance(30) {
		g.params = append(g.params, peer.Param{Type: t.declared(), Value: text, Declared: true, Binary: g.chance(50)})
		return "$" + strconv.Itoa(len(g.params))
	}
	if t == whole || t == truth {
		if text[0] == '-' {
			return "(" + text + ")"
		}
		return text
	}
	return quoted(text) + "::" + t.declared()
}

// expression is a random expression of a type over columns.
func (g *generator) expression(t valueType, from []source, depth int) string {
	var fitting []source
	for _, s := range from {
		if s.of == t {
			fitting = append(fitting, s)
		}
	}
	if len(fitting) > 0 && (depth <= 0 || g.chance(45)) {
		return fitting[g.r.IntN(len(fitting))].text
	}
	if depth <= 0 || g.chance(12) {
		return g.constant(t)
	}
	e := func(t valueType) string { return g.expression(t, from, depth-1) }
	if g.chance(14) {
		return g.choice(t, e)
	}
	switch t {
	case whole:
		return g.wholeExpression(e)
	case decimal:
		return one(g, "("+e(decimal)+" + "+e(decimal)+")", "("+e(decimal)+" - "+e(whole)+")", "("+e(decimal)+" * 1.5)", "round("+e(decimal)+", 1)", "abs("+e(decimal)+")",
			"trunc("+e(decimal)+")", "("+e(whole)+")::numeric", "("+e(decimal)+" / 4)", "(- "+e(decimal)+")")
	case float:
		return one(g, "("+e(float)+" + "+e(float)+")", "("+e(float)+" * 2)", "("+e(float)+" / 2)", "abs("+e(float)+")", "("+e(whole)+")::float8", "floor("+e(float)+")")
	case words:
		return g.wordsExpression(e)
	case day:
		return one(g, "("+e(day)+" + 30)", "("+e(day)+" - 1)", "("+e(moment)+")::date")
	case moment:
		return one(g, "date_trunc('"+one(g, "hour", "day", "month", "year")+"', "+e(moment)+")", "("+e(moment)+" + interval '"+one(g, "1 day", "1 month", "90 minutes")+"')",
			"("+e(day)+")::timestamp")
	}
	return g.condition(from, depth-1)
}

// choice is one of the forms that every type has.
func (g *generator) choice(t valueType, e func(valueType) string) string {
	switch g.r.IntN(3) {
	case 0:
		return "coalesce(" + e(t) + ", " + e(t) + ")"
	case 1:
		return "nullif(" + e(t) + ", " + e(t) + ")"
	}
	return "CASE WHEN " + e(truth) + " THEN " + e(t) + one(g, "", " ELSE "+e(t)) + " END"
}

// wholeExpression is an expression of whole numbers, which stay small.
func (g *generator) wholeExpression(e func(valueType) string) string {
	switch g.r.IntN(9) {
	case 0:
		return "(" + e(whole) + one(g, " + ", " - ") + e(whole) + ")"
	case 1:
		return "(" + e(whole) + " * " + one(g, "2", "3", "(-1)") + ")"
	case 2:
		return "(" + e(whole) + one(g, " / ", " % ") + one(g, "2", "7", "(-3)") + ")"
	case 3:
		return "abs(" + e(whole) + ")"
	case 4:
		return one(g, "length(", "octet_length(", "ascii(") + e(words) + ")"
	case 5:
		return "extract(" + one(g, "year", "month", "day", "dow", "doy") + " FROM " + e(day) + ")::int"
	case 6:
		return "extract(" + one(g, "hour", "minute", "week") + " FROM " + e(moment) + ")::int"
	case 7:
		return "(" + e(day) + " - " + e(day) + ")"
	}
	return one(g, "greatest(", "least(") + e(whole) + ", " + e(whole) + ")"
}

// wordsExpression is an expression of texts.
func (g *generator) wordsExpression(e func(valueType) string) string {
	switch g.r.IntN(9) {
	case 0:
		return one(g, "lower(", "upper(", "trim(", "reverse(", "rtrim(") + e(words) + ")"
	case 1:
		return "(" + e(words) + " || " + e(words) + ")"
	case 2:
		return "substr(" + e(words) + ", " + one(g, "1, 3", "2", "0, 2", "2, 1") + ")"
	case 3:
		return one(g, "left(", "right(") + e(words) + ", " + one(g, "1", "3", "-1") + ")"
	case 4:
		return "replace(" + e(words) + ", " + one(g, "'a'", "'e'", "''") + ", " + one(g, "'xy'", "''") + ")"
	case 5:
		return "(" + e(whole) + ")::text"
	case 6:
		return "(" + e(day) + ")::text"
	case 7:
		return "concat(" + e(words) + ", " + e(whole) + ")"
	}
	return "split_part(" + e(words) + ", ' ', 1)"
}

// condition is a random condition.
func (g *generator) condition(from []source, depth int) string {
	e := func(t valueType) string { return g.expression(t, from, depth-1) }
	if depth > 0 && g.chance(30) {
		return "(" + g.condition(from, depth-1) + one(g, " AND ", " OR ") + g.condition(from, depth-1) + ")"
	}
	t := one(g, whole, whole, decimal, float, words, words, day, moment)
	switch g.r.IntN(12) {
	case 0:
		return e(t) + one(g, " IS NULL", " IS NOT NULL")
	case 1:
		return "(" + e(t) + one(g, " IN (", " NOT IN (") + g.constant(t) + ", " + g.constant(t) + ", " + g.constant(t) + "))"
	case 2:
		return "(" + e(t) + one(g, " BETWEEN ", " NOT BETWEEN ") + g.constant(t) + " AND " + g.constant(t) + ")"
	case 3:
		return "(" + e(words) + one(g, " LIKE ", " LIKE ", " NOT LIKE ", " ILIKE ") + one(g, "'a%'", "'%e%'", "'_o%'", "'%'", "'%\\%'", "'%2'", "'A%'") + ")"
	case 4:
		return "(" + e(t) + one(g, " IS DISTINCT FROM ", " IS NOT DISTINCT FROM ") + e(t) + ")"
	case 5:
		return "(NOT " + e(truth) + ")"
	case 6:
		return "(" + e(truth) + one(g, " IS TRUE", " IS NOT TRUE", " IS FALSE", " IS UNKNOWN") + ")"
	case 7:
		return "(" + e(words) + one(g, " ~ ", " !~ ", " ~* ") + one(g, "'^[a-c]'", "'[0-9]$'", "'o+'") + ")"
	case 8:
		return "(" + e(whole) + " = ANY (ARRAY[" + g.constant(whole) + ", " + g.constant(whole) + "]))"
	case 9:
		if depth > 0 {
			return g.subquery(from, depth)
		}
	}
	return "(" + e(t) + one(g, " = ", " = ", " <> ", " < ", " <= ", " > ", " >= ") + e(t) + ")"
}

// subquery is a condition with a subquery, which may use the columns outside.
func (g *generator) subquery(outer []source, depth int) string {
	table := one(g, "items", "groups", "sales", "pairs")
	alias := g.alias()
	inner := sources(table, alias)
	where := g.condition(inner, depth-1)
	if g.chance(60) {
		where += " AND " + g.expression(whole, inner, 0) + " = " + g.expression(whole, outer, 0)
	}
	from := " FROM " + table + " AS " + alias + " WHERE " + where
	switch g.r.IntN(3) {
	case 0:
		return one(g, "", "NOT ") + "EXISTS (SELECT 1" + from + ")"
	case 1:
		return "(" + g.expression(whole, outer, 0) + one(g, " IN ", " NOT IN ") + "(SELECT " + g.expression(whole, inner, 0) + from + "))"
	}
	return "(" + g.expression(whole, outer, 0) + one(g, " < ", " >= ") + "(SELECT " + one(g, "count(*)", "max("+g.expression(whole, inner, 0)+")") + from + "))"
}

// alias is a name that is not in use.
func (g *generator) alias() string {
	g.aliases++
	return "t" + strconv.Itoa(g.aliases)
}

// shown is an expression as an output column: decimals of one scale, so that what is equal looks equal.
func shown(t valueType, text string) string {
	if t == decimal && strings.ContainsAny(text, "( ") {
		return "round(" + text + ", 2)"
	}
	return text
}

// ofType are the sources that are of one of some types.
func ofType(from []source, types ...valueType) []source {
	return slices.DeleteFunc(slices.Clone(from), func(s source) bool { return !slices.Contains(types, s.of) })
}

package mongodb

import (
	"math"
	"net/url"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// op is {name: arguments} of the aggregation language.
func op(name string, args ...any) bson.D {
	return bson.D{{Key: name, Value: append(bson.A{}, args...)}}
}

// of is {name: argument}.
func of(name string, arg any) bson.D { return bson.D{{Key: name, Value: arg}} }

// notNull is true where an expression is neither null nor missing, which come first in MongoDB's order.
func notNull(e any) any { return op("$gt", e, nil) }

// isNull is its contrary.
func isNull(e any) any { return op("$lte", e, nil) }

// outOfRangeMark is what the server is made to complain of where a number does not fit its type.
const outOfRangeMark = "pinnacle out of range: "

// raise makes the server end the statement with a message: it cannot read it as a number. The last part depends on the
// document, so that the server does not evaluate it beforehand.
func raise(message string, e any) any {
	return of("$toInt", op("$concat", literal(message), of("$type", e)))
}

// guard is a field whose values are not known to fit, where conditions depend on it.
type guard struct {
	*field
	e any
}

// raise is the error for a document that does not fit.
func (g guard) raise() any {
	return raise(misfitMark+url.QueryEscape(g.collection)+" "+url.QueryEscape(g.dotted())+" ", g.e)
}

// fits is true for documents whose value fits. It means what appendText does.
func (g guard) fits() any {
	within := func(names ...string) any {
		return op("$in", of("$type", g.e), append(names, "missing", "null", "undefined"))
	}
	number := func(conditions ...any) any {
		return op("$or", isNull(g.e), op("$cond", of("$isNumber", g.e), op("$and", conditions...), false))
	}
	switch g.kind {
	case integers:
		least, greatest := g.limits()
		return number(op("$gte", g.e, least), op("$lte", g.e, greatest), op("$eq", g.e, of("$trunc", g.e)))
	case floats:
		small := op("$cond", op("$eq", of("$type", g.e), "long"), op("$and", op("$gte", g.e, -exactInteger), op("$lte", g.e, exactInteger)), false)
		if g.OID == pgtype.Float4OID {
			small = op("$eq", 1, 0)
		}
		return op("$or", within("double", "int"), small)
	case decimals:
		if g.scale < 0 {
			return within(bsonNames[decimals]...)
		}
		return op("$and", within(bsonNames[decimals]...), number(op("$eq", g.e, op("$round", g.e, g.scale))))
	}
	if g.OID == pgtype.DateOID {
		day := of("$dateTrunc", bson.D{{Key: "date", Value: g.e}, {Key: "unit", Value: "day"}})
		return op("$or", isNull(g.e), op("$cond", op("$eq", of("$type", g.e), "date"), op("$eq", g.e, day), false))
	}
	return within(bsonNames[g.kind]...)
}

// suspects are the types, for the query language, of values that may not fit.
func (g guard) suspects() []string {
	var clear []string
	switch {
	case g.kind == integers && g.OID == pgtype.Int8OID:
		clear = []string{"int", "long"}
	case g.kind == integers && g.OID == pgtype.Int4OID:
		clear = []string{"int"}
	case g.kind == floats:
		clear = []string{"double", "int"}
	case g.kind == decimals && g.scale < 0 || g.kind != integers && g.kind != decimals && g.OID != pgtype.DateOID:
		clear = bsonNames[g.kind]
	}
	var names []string
	for t, name := range typeNames {
		if t != bson.TypeNull && t != bson.TypeUndefined && !slices.Contains(clear, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// guarded is a condition that is evaluated for documents that fit, and an error for others.
func (c *compiler) guarded(condition any) any {
	for _, g := range slices.Backward(c.guards) {
		condition = op("$cond", g.fits(), condition, g.raise())
	}
	return condition
}

// nan is what PostgreSQL orders behind all numbers, and MongoDB before them.
var nan = literal(math.NaN())

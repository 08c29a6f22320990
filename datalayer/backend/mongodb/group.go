package mongodb

import (
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// groupResult is an expression of a statement that a $group has evaluated.
type groupResult struct {
	expr dialect.Expr
	value
	// average says that the value is {s: sum, n: number}.
	average bool
}

// aggregates says whether a query block has aggregate functions.
func aggregates(s *dialect.Select) (found bool) {
	eachResult(s, func(e dialect.Expr) bool {
		_, aggregate := e.(*dialect.Aggregate)
		found = found || aggregate
		return !found
	})
	return found
}

// eachResult walks the expressions that are evaluated behind a $group.
func eachResult(s *dialect.Select, visit func(dialect.Expr) bool) {
	for _, list := range [][]dialect.Expr{s.Columns, s.Having} {
		for _, e := range list {
			dialect.Walk(e, visit)
		}
	}
	for _, key := range s.OrderBy {
		dialect.Walk(key.Expr, visit)
	}
}

// groupOf is the result of a $group for an expression, nil if there is none.
func (c *compiler) groupOf(e dialect.Expr) *groupResult {
	if !c.grouped {
		return nil
	}
	for i := range c.groups {
		if reflect.DeepEqual(c.groups[i].expr, e) {
			return &c.groups[i]
		}
	}
	return nil
}

// fromGroup is the value of an expression that a $group has evaluated.
func (c *compiler) fromGroup(e dialect.Expr) (value, bool, error) {
	found := c.groupOf(e)
	switch {
	case found != nil && found.average:
		return value{}, true, unproven("an average in an expression")
	case found != nil:
		return found.value, true, nil
	}
	return value{}, false, nil
}

// group adds a $group for GROUP BY, DISTINCT and aggregates, and a $match for HAVING.
func (c *compiler) group(q *query, s *dialect.Select) error {
	keys := s.GroupBy
	if s.Distinct {
		keys = s.Columns
	}
	var results []groupResult
	id := bson.D{}
	for i, key := range keys {
		v, err := c.value(key)
		if err != nil {
			return err
		}
		// Of numbers that are equal PostgreSQL shows one, and NaN is equal to itself.
		if v.constant || v.kind == arrays || v.kind == spelled || v.kind == floats || v.kind == decimals && v.scale < 0 {
			return unproven("GROUP BY %s", v.ddl())
		}
		name := fmt.Sprintf("k%d", i)
		id = append(id, bson.E{Key: name, Value: of("$ifNull", bson.A{v.e, nil})})
		v.e, v.field = "$_id."+name, nil
		results = append(results, groupResult{expr: key, value: v})
	}
	more, err := c.accumulate(s)
	if err != nil {
		return err
	}
	stage := of("$group", append(bson.D{{Key: idName, Value: id}}, c.accumulators...))
	if len(c.guards) > 0 {
		q.pipeline = append(q.pipeline, of("$match", of("$expr", c.guarded(true))))
		c.guards = nil
	}
	c.grouped, c.groups = true, append(results, more...)
	if len(keys) == 0 {
		stage[0].Value.(bson.D)[0].Value = nil
		q.pipeline = append(q.pipeline, of("$facet", bson.D{{Key: "g", Value: bson.A{stage}}}),
			of("$replaceWith", of("$ifNull", bson.A{of("$first", "$g"), c.empty})))
		q.rows = 1
	} else {
		q.pipeline = append(q.pipeline, stage)
		q.rows = max(1, q.rows/10)
	}
	return c.having(q, s)
}

// having adds the $match of HAVING.
func (c *compiler) having(q *query, s *dialect.Select) error {
	var all []any
	for _, term := range s.Having {
		yes, _, err := c.truth(term)
		if err != nil {
			return err
		}
		all = append(all, yes)
	}
	if len(all) > 0 {
		q.pipeline = append(q.pipeline, of("$match", of("$expr", op("$and", all...))))
	}
	return nil
}

// accumulate compiles the aggregates of a query block.
func (c *compiler) accumulate(s *dialect.Select) (results []groupResult, err error) {
	eachResult(s, func(e dialect.Expr) bool {
		a, ok := e.(*dialect.Aggregate)
		if !ok || err != nil {
			return err == nil
		}
		for _, known := range results {
			if reflect.DeepEqual(known.expr, e) {
				return false
			}
		}
		var r groupResult
		if r, err = c.aggregate(a, fmt.Sprintf("a%d", len(results))); err == nil {
			r.expr = e
			results = append(results, r)
		}
		return false
	})
	return results, err
}

// accumulator adds a field to the $group, with its value where there are no rows.
func (c *compiler) accumulator(name string, e, empty any) string {
	c.accumulators = append(c.accumulators, bson.E{Key: name, Value: e})
	c.empty = append(c.empty, bson.E{Key: name, Value: empty})
	return "$" + name
}

// aggregate compiles one aggregate.
func (c *compiler) aggregate(a *dialect.Aggregate, name string) (groupResult, error) {
	if a.Distinct || a.Variadic || len(a.OrderBy) > 0 || len(a.Args) > 1 {
		return groupResult{}, unproven("the aggregate %s with DISTINCT or ORDER BY", a.Name)
	}
	var arg value
	counted := any(true)
	var err error
	if a.Filter != nil {
		if counted, _, err = c.truth(a.Filter); err != nil {
			return groupResult{}, err
		}
	}
	if !a.Star && len(a.Args) == 1 {
		if ref, ok := a.Args[0].(*dialect.ColumnRef); ok && a.Name == "count" {
			arg, err = c.stored(ref)
		} else {
			arg, err = c.value(a.Args[0])
		}
		if err != nil {
			return groupResult{}, err
		}
		if arg.placeholder() || arg.null() {
			return groupResult{}, unproven("the aggregate %s of a parameter", a.Name)
		}
		counted = op("$and", counted, of("$not", bson.A{arg.isNull()}))
	}
	switch a.Name {
	case "count":
		n := c.accumulator(name, of("$sum", op("$cond", counted, int64(1), int64(0))), int64(0))
		return groupResult{value: value{e: of("$toLong", n), pgType: plainType(pgtype.Int8OID, integers), notNull: true}}, nil
	case "sum", "avg":
		return c.sum(a, arg, counted, name)
	case "min", "max":
		return c.extreme(a, arg, counted, name)
	case "bool_and", "every", "bool_or":
		if arg.kind != booleans {
			break
		}
		least := map[string]string{"bool_and": "$min", "every": "$min", "bool_or": "$max"}[a.Name]
		return groupResult{value: value{e: c.accumulator(name, of(least, op("$cond", counted, arg.e, nil)), nil), pgType: arg.pgType}}, nil
	}
	return groupResult{}, unproven("the aggregate %s", a.Name)
}

// extreme is min or max of values that MongoDB orders as PostgreSQL does.
func (c *compiler) extreme(a *dialect.Aggregate, arg value, counted any, name string) (groupResult, error) {
	if arg.kind != integers && arg.kind != dates && !(arg.kind == texts && arg.bytewise()) || arg.OID != a.Type.OID {
		return groupResult{}, unproven("the aggregate %s of %s", a.Name, arg.ddl())
	}
	e := c.accumulator(name, of("$"+a.Name, op("$cond", counted, arg.e, nil)), nil)
	return groupResult{value: value{e: e, pgType: arg.pgType}}, nil
}

// sum is sum or avg of integers, or of decimals whose digits are known. Sums of int8 are decimals, as PostgreSQL's are
// numeric. MongoDB's decimals round what has more than 34 digits: where the greatest value times the number of them could
// have as many, the statement ends in an error.
func (c *compiler) sum(a *dialect.Aggregate, arg value, counted any, name string) (groupResult, error) {
	known := arg.kind == decimals && arg.scale >= 0 && arg.precision >= 0 && arg.precision <= maxDigits && (arg.field == nil || arg.field.sure)
	if arg.kind != integers && !known {
		return groupResult{}, unproven("the aggregate %s of %s", a.Name, arg.ddl())
	}
	t, err := typeOf(a.Type)
	if err != nil {
		return groupResult{}, err
	}
	e, scale := arg.e, 0
	switch {
	case known:
		scale = arg.scale
	case t.kind == decimals:
		e = of("$toDecimal", arg.long())
	default:
		e = arg.long()
	}
	total := any(c.accumulator(name, of("$sum", op("$cond", counted, e, nil)), nil))
	n := c.accumulator(name+"n", of("$sum", op("$cond", counted, int64(1), int64(0))), int64(0))
	if known {
		greatest := c.accumulator(name+"m", of("$max", op("$cond", counted, of("$abs", e), nil)), nil)
		bound, err := bson.ParseDecimal128(fmt.Sprintf("1E%d", maxDigits-1-scale))
		if err != nil {
			return groupResult{}, err
		}
		total = op("$cond", op("$lt", op("$multiply", greatest, n), literal(bound)), total, raise(outOfRangeMark, greatest))
	}
	t.scale = scale
	if a.Name == "avg" {
		if t.kind != decimals {
			return groupResult{}, unproven("avg of %s", arg.ddl())
		}
		pair := bson.D{{Key: "s", Value: total}, {Key: "n", Value: n}}
		return groupResult{value: value{e: op("$cond", op("$gt", n, 0), pair, nil), pgType: t}, average: true}, nil
	}
	if t.kind == decimals {
		t.precision = maxDigits
	}
	return groupResult{value: value{e: op("$cond", op("$gt", n, 0), total, nil), pgType: t}}, nil
}

package mongodb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// compiler turns one query block into a pipeline. It is made once for each: without parameters to find whether all is
// proven and what the text is, then with the parameters of each run.
type compiler struct {
	params [][]byte
	bound  bool
	// roots are where the relations' documents are, by alias; nullable are those on the side of an outer join that may
	// have no row.
	roots    map[string]string
	nullable map[string]bool
	guards   []guard
	// grouped says that expressions are evaluated behind a $group, whose results are in groups.
	grouped bool
	groups  []groupResult
	// accumulators are the fields of the $group beside _id; empty are their values without rows, for queries that have
	// no GROUP BY.
	accumulators, empty bson.D
	// selectivity is the part of the rows that conditions let pass, as a guess.
	selectivity float64
}

// output is one value of a result row.
type output struct {
	// name is the field of the document that comes from the pipeline; rest leads on from there into documents.
	name string
	rest *field
	*pgType
	// constant is its text where it is the same in all rows.
	constant []byte
	fixed    bool
	// average says that the value is {s: sum, n: number}, which are divided here.
	average bool
}

// query is a Select that was compiled.
type query struct {
	in       *collection
	pipeline bson.A
	outputs  []output
	// rows guesses the size of the result.
	rows float64
}

// program is a compiled statement: it is built again with the parameters of each run.
type program struct {
	text string
	in   *collection
	// One of these is not nil.
	read     *dialect.Select
	insert   *dialect.Insert
	update   *dialect.Update
	remove   *dialect.Delete
	truncate []*collection
	// restart is RESTART IDENTITY.
	restart bool
	rows    float64
}

// Text implements backend.Program.
func (p *program) Text() string { return p.text }

// Compile implements backend.Engine.
func (e *engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	switch s := stmt.(type) {
	case *dialect.Select:
		q, err := compileSelect(s, nil, false)
		if err != nil {
			return nil, err
		}
		return &program{text: fmt.Sprintf("db.getCollection(%q).aggregate(%s)", q.in.name, shell(q.pipeline)), in: q.in, read: s, rows: q.rows}, nil
	case *dialect.Insert:
		return compileInsert(s)
	case *dialect.Update:
		return compileUpdate(s)
	case *dialect.Delete:
		return compileDelete(s)
	case *dialect.Truncate:
		return compileTruncate(s)
	}
	return nil, unproven("this statement")
}

// shell is a part of a command as MongoDB's shell shows it, in relaxed extended JSON.
func shell(v any) string {
	text, err := bson.MarshalExtJSON(bson.D{{Key: "v", Value: v}}, false, false)
	if err != nil {
		return "?"
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(text), `{"v":`), "}")
}

// newCompiler makes one for statements on the relations of from.
func newCompiler(params [][]byte, bound bool) *compiler {
	return &compiler{params: params, bound: bound, roots: map[string]string{}, nullable: map[string]bool{}, selectivity: 1}
}

// late makes an error for the client of what turns out to be unproven only when the parameters are known.
func late(err error) error {
	var u *dialect.Unproven
	if errors.As(err, &u) {
		return &backend.Error{Code: "0A000", Message: "a parameter has a value that cannot be given to MongoDB: " + u.What, Err: err}
	}
	return err
}

// compileSelect compiles a query block.
func compileSelect(s *dialect.Select, params [][]byte, bound bool) (*query, error) {
	c := newCompiler(params, bound)
	q := &query{}
	if err := c.from(q, s); err != nil {
		return nil, err
	}
	q.rows = max(1, q.in.rows*c.selectivity)
	if q.in.rows < 0 {
		q.rows = -1
	}
	if s.Distinct && (len(s.GroupBy) > 0 || aggregates(s)) {
		return nil, unproven("DISTINCT beside GROUP BY")
	}
	if len(s.GroupBy) > 0 || s.Distinct || aggregates(s) {
		if err := c.group(q, s); err != nil {
			return nil, err
		}
	} else if len(s.Having) > 0 {
		return nil, unproven("HAVING without GROUP BY")
	}
	if err := c.finish(q, s); err != nil {
		return nil, err
	}
	return q, nil
}

// from compiles FROM and WHERE of one relation, or of joins.
func (c *compiler) from(q *query, s *dialect.Select) error {
	if join, ok := s.From.(*dialect.Join); ok {
		return c.join(q, join, s.Where)
	}
	relation, ok := s.From.(*dialect.Relation)
	if !ok {
		return unproven("this FROM")
	}
	in, err := collectionOf(relation.Table)
	if err != nil {
		return err
	}
	q.in = in
	c.roots[relation.Alias] = "$$ROOT"
	filter, err := c.filter(s.Where)
	if err == nil && filter != nil {
		q.pipeline = append(q.pipeline, of("$match", filter))
	}
	return err
}

// finish compiles the select list, ORDER BY, LIMIT and OFFSET.
func (c *compiler) finish(q *query, s *dialect.Select) error {
	sorted := len(s.OrderBy) == 0
	if keys, ok := c.storedOrder(s.OrderBy); ok && !sorted {
		q.pipeline = append(q.pipeline, of("$sort", keys))
		sorted = true
	}
	limits, err := c.limits(s, q)
	if err != nil {
		return err
	}
	if sorted {
		q.pipeline = append(q.pipeline, limits...)
	}
	projection, plain, err := c.outputs(q, s)
	if err != nil {
		return err
	}
	if plain && sorted {
		if projection != nil {
			q.pipeline = append(q.pipeline, of("$project", projection))
		}
		return nil
	}
	if plain {
		return c.sortDocuments(q, s, limits, projection)
	}
	if !sorted {
		if projection, err = c.sortKeys(q, s, projection); err != nil {
			return err
		}
	}
	if len(c.guards) > 0 {
		q.pipeline = append(q.pipeline, of("$match", of("$expr", c.guarded(true))))
	}
	q.pipeline = append(q.pipeline, of("$project", projection))
	if !sorted {
		q.pipeline = append(append(q.pipeline, of("$sort", sortOrder(s.OrderBy))), limits...)
	}
	return nil
}

// sortDocuments sorts whole documents by keys that are computed beside them, and takes the keys off again.
func (c *compiler) sortDocuments(q *query, s *dialect.Select, limits bson.A, projection bson.D) error {
	keys, err := c.sortKeys(q, s, nil)
	if err != nil {
		return err
	}
	if len(c.guards) > 0 {
		q.pipeline = append(q.pipeline, of("$match", of("$expr", c.guarded(true))))
	}
	q.pipeline = append(q.pipeline, of("$project", append(bson.D{{Key: "d", Value: "$$ROOT"}}, keys...)), of("$sort", sortOrder(s.OrderBy)))
	q.pipeline = append(append(q.pipeline, limits...), of("$replaceWith", "$d"))
	if projection != nil {
		q.pipeline = append(q.pipeline, of("$project", projection))
	}
	return nil
}

// storedOrder is an ORDER BY that MongoDB's own order of stored values is, so that an index may give it.
func (c *compiler) storedOrder(order []dialect.Sort) (bson.D, bool) {
	if c.grouped || len(c.roots) != 1 {
		return nil, false
	}
	var keys bson.D
	for _, key := range order {
		ref, ok := key.Expr.(*dialect.ColumnRef)
		if !ok || ref.Column == nil {
			return nil, false
		}
		f, ok := ref.Column.Facts.(*field)
		ordered := ok && (f.sure || f.key) && f.plain() && len(f.path) == 1 && (f.bytewise() || f.kind == integers || f.kind == dates || f.kind == booleans)
		if !ordered || !f.notNull && key.NullsFirst == key.Desc {
			return nil, false
		}
		keys = append(keys, bson.E{Key: f.dotted(), Value: direction(key.Desc)})
	}
	return keys, true
}

// direction is MongoDB's number for an order.
func direction(desc bool) int {
	if desc {
		return -1
	}
	return 1
}

// sortKeys adds to a projection, for each key, whether it is NULL, whether it is NaN, and the key itself.
func (c *compiler) sortKeys(q *query, s *dialect.Select, projection bson.D) (bson.D, error) {
	for i, key := range s.OrderBy {
		v, err := c.value(key.Expr)
		if err != nil {
			return nil, err
		}
		ordered := v.kind == integers || v.kind == floats || v.kind == decimals || v.kind == booleans || v.kind == dates || v.kind == uuids || v.bytewise()
		if !ordered || v.constant {
			return nil, unproven("ORDER BY %s", v.ddl())
		}
		projection = append(projection,
			bson.E{Key: fmt.Sprintf("n%d", i), Value: op("$cond", isNull(v.e), 1, 0)},
			bson.E{Key: fmt.Sprintf("f%d", i), Value: op("$cond", op("$eq", v.e, nan), 1, 0)},
			bson.E{Key: fmt.Sprintf("k%d", i), Value: v.e})
	}
	return projection, nil
}

// sortOrder is the order of what sortKeys adds.
func sortOrder(order []dialect.Sort) bson.D {
	var keys bson.D
	for i, key := range order {
		keys = append(keys, bson.E{Key: fmt.Sprintf("n%d", i), Value: direction(key.NullsFirst)},
			bson.E{Key: fmt.Sprintf("f%d", i), Value: direction(key.Desc)}, bson.E{Key: fmt.Sprintf("k%d", i), Value: direction(key.Desc)})
	}
	return keys
}

// limits are the stages of OFFSET and LIMIT.
func (c *compiler) limits(s *dialect.Select, q *query) (stages bson.A, err error) {
	for _, part := range []struct {
		name string
		e    dialect.Expr
	}{{"$skip", s.Offset}, {"$limit", s.Limit}} {
		if part.e == nil {
			continue
		}
		v, err := c.value(part.e)
		if err != nil {
			return nil, err
		}
		if !v.constant || v.kind != integers {
			return nil, unproven("LIMIT of an expression")
		}
		if v.null() {
			continue
		}
		if v.placeholder() {
			stages = append(stages, of(part.name, v.e.(bson.D)[0].Value))
			continue
		}
		n, err := strconv.ParseInt(string(v.text), 10, 64)
		if err != nil || n < 0 {
			return nil, unproven("a negative LIMIT")
		}
		switch {
		case part.name == "$limit" && n == 0: // MongoDB's $limit is positive
			stages = append(stages, of("$match", of("$expr", false)))
		case part.name == "$limit" || n > 0:
			stages = append(stages, of(part.name, n))
		}
		if part.name == "$limit" && q.rows > float64(n) {
			q.rows = float64(n)
		}
	}
	return stages, nil
}

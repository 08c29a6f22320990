package mongodb

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// outputs compiles the select list. plain says that it has columns of one collection only, whose documents then come as
// they are, with no more fields than are asked for; a nil projection asks for all.
func (c *compiler) outputs(q *query, s *dialect.Select) (projection bson.D, plain bool, err error) {
	if plain, projection = c.plainOutputs(q, s.Columns); plain {
		return projection, true, nil
	}
	projection = bson.D{{Key: idName, Value: 0}}
	for i, column := range s.Columns {
		if constant, ok := column.(*dialect.Constant); ok {
			q.outputs = append(q.outputs, fixedOutput(constant))
			continue
		}
		name := fmt.Sprintf("c%d", i)
		out := output{name: name}
		v, err := c.outputValue(column, &out)
		if err != nil {
			return nil, false, err
		}
		if v.constant {
			return nil, false, unproven("a parameter in the select list")
		}
		out.pgType = v.pgType
		q.outputs, projection = append(q.outputs, out), append(projection, bson.E{Key: name, Value: v.e})
	}
	if len(projection) == 1 {
		projection = bson.D{{Key: idName, Value: 1}}
	}
	return projection, false, nil
}

// fixedOutput is a constant of the select list.
func fixedOutput(constant *dialect.Constant) output {
	out := output{fixed: true}
	if !constant.Null {
		out.constant = []byte(constant.Text)
	}
	return out
}

// outputValue compiles a value of the select list: columns are read whatever is in them, since they are checked when they
// are printed.
func (c *compiler) outputValue(e dialect.Expr, out *output) (value, error) {
	if ref, ok := e.(*dialect.ColumnRef); ok && !c.grouped {
		return c.stored(ref)
	}
	if group := c.groupOf(e); group != nil {
		out.average = group.average
		return group.value, nil
	}
	return c.value(e)
}

// plainOutputs is outputs for a list of columns and constants, over whole documents.
func (c *compiler) plainOutputs(q *query, columns []dialect.Expr) (bool, bson.D) {
	if c.grouped || len(c.roots) != 1 {
		return false, nil
	}
	var outputs []output
	whole := false
	var tops []string
	for _, column := range columns {
		switch e := column.(type) {
		case *dialect.Constant:
			outputs = append(outputs, fixedOutput(e))
			continue
		case *dialect.ColumnRef:
			if e.Column == nil {
				return false, nil
			}
			f, ok := e.Column.Facts.(*field)
			if !ok {
				return false, nil
			}
			out := output{rest: f, pgType: f.pgType}
			if len(f.path) > 0 {
				out.name = f.path[0]
			}
			outputs = append(outputs, out)
			whole = whole || !f.plain()
			if !slices.Contains(tops, out.name) {
				tops = append(tops, out.name)
			}
			continue
		}
		return false, nil
	}
	q.outputs = outputs
	if whole {
		return true, nil
	}
	projection := bson.D{}
	if !slices.Contains(tops, idName) {
		projection = append(projection, bson.E{Key: idName, Value: 0})
	}
	for _, name := range tops {
		projection = append(projection, bson.E{Key: name, Value: 1})
	}
	if len(tops) == 0 {
		projection = bson.D{{Key: idName, Value: 1}}
	}
	return true, projection
}

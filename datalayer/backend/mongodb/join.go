package mongodb

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// joined is one relation of a chain of joins, with how it comes to those before it.
type joined struct {
	*dialect.Relation
	in *collection
	// place is the field of the documents of the pipeline that holds its own.
	place string
	kind  dialect.JoinKind
	on    []dialect.Expr
}

// chain takes joins apart whose right side is a single relation.
func chain(from dialect.From, list []joined) ([]joined, error) {
	switch f := from.(type) {
	case *dialect.Relation:
		in, err := collectionOf(f.Table)
		if err != nil || f.Sample != nil {
			return nil, unproven("this FROM")
		}
		return append(list, joined{Relation: f, in: in, place: fmt.Sprintf("r%d", len(list))}), nil
	case *dialect.Join:
		right, ok := f.Right.(*dialect.Relation)
		if !ok || f.Kind != dialect.InnerJoin && f.Kind != dialect.LeftJoin {
			return nil, unproven("this kind of join")
		}
		list, err := chain(f.Left, list)
		if err != nil {
			return nil, err
		}
		if list, err = chain(right, list); err != nil {
			return nil, err
		}
		last := &list[len(list)-1]
		last.kind, last.on = f.Kind, f.On
		return list, nil
	}
	return nil, unproven("a subquery in FROM")
}

// join compiles a chain of inner and left joins into $lookups: each relation's documents are in a field of their own.
func (c *compiler) join(q *query, join *dialect.Join, where []dialect.Expr) error {
	list, err := chain(join, nil)
	if err != nil {
		return err
	}
	base := list[0]
	q.in = base.in
	c.roots[base.Alias] = "$$ROOT"
	first, rest := split(where, base.Alias)
	filter, err := c.filter(first)
	if err != nil {
		return err
	}
	if filter != nil {
		q.pipeline = append(q.pipeline, of("$match", filter))
	}
	q.pipeline = append(q.pipeline, of("$replaceWith", bson.D{{Key: base.place, Value: "$$ROOT"}}))
	c.roots[base.Alias] = "$" + base.place
	for i := range list[1:] {
		if err := c.lookup(q, list[:i+1], list[i+1]); err != nil {
			return err
		}
	}
	filter, err = c.filterJoined(rest)
	if err == nil && filter != nil {
		q.pipeline = append(q.pipeline, of("$match", filter))
	}
	return err
}

// filterJoined compiles what WHERE says of joined rows: no index serves it.
func (c *compiler) filterJoined(where []dialect.Expr) (bson.D, error) {
	var all []any
	for _, term := range where {
		yes, _, err := c.truth(term)
		if err != nil {
			return nil, err
		}
		all = append(all, yes)
		c.selectivity *= 0.3
	}
	if len(all) == 0 {
		return nil, nil
	}
	condition := of("$expr", c.guarded(op("$and", all...)))
	c.guards = nil
	return condition, nil
}

// split parts terms into those about one relation alone, and the others.
func split(terms []dialect.Expr, alias string) (own, others []dialect.Expr) {
	for _, term := range terms {
		alone := true
		dialect.Walk(term, func(e dialect.Expr) bool {
			if ref, ok := e.(*dialect.ColumnRef); ok && ref.Relation != alias {
				alone = false
			}
			return alone
		})
		if alone {
			own = append(own, term)
		} else {
			others = append(others, term)
		}
	}
	return own, others
}

// lookup adds the $lookup for one relation. It goes down only where an index of the collection serves it: without,
// MongoDB would read the collection once for each row.
func (c *compiler) lookup(q *query, before []joined, right joined) error {
	served, err := c.served(right)
	if err != nil {
		return err
	}
	outside := c.roots
	for _, term := range right.on {
		if err := c.checkOutside(term, right.Alias); err != nil {
			return err
		}
	}
	if len(c.guards) > 0 {
		q.pipeline = append(q.pipeline, of("$match", of("$expr", c.guarded(true))))
		c.guards = nil
	}
	inside, variables := map[string]string{right.Alias: "$$ROOT"}, bson.D{}
	for _, l := range before {
		inside[l.Alias] = "$$" + l.place
		variables = append(variables, bson.E{Key: l.place, Value: "$" + l.place})
	}
	c.roots = inside
	var all []any
	for _, term := range append([]dialect.Expr{served}, right.on...) {
		yes, _, err := c.truth(term)
		if err != nil {
			return err
		}
		all = append(all, yes)
	}
	l, r, err := c.pair(served.Left, served.Right)
	if err != nil {
		return err
	}
	c.guards = nil // the columns outside were guarded, those inside are sure
	c.roots = outside
	c.roots[right.Alias] = "$" + right.place
	c.nullable[right.Alias] = right.kind == dialect.LeftJoin
	q.pipeline = append(q.pipeline,
		of("$lookup", bson.D{{Key: "from", Value: right.in.name}, {Key: "let", Value: variables}, {Key: "as", Value: right.place},
			{Key: "pipeline", Value: bson.A{of("$match", of("$expr", op("$eq", l.e, r.e))), of("$match", of("$expr", op("$and", all...)))}}}),
		of("$unwind", bson.D{{Key: "path", Value: "$" + right.place}, {Key: "preserveNullAndEmptyArrays", Value: right.kind == dialect.LeftJoin}}))
	return nil
}

// checkOutside compiles the columns of the relations before, so that they are guarded, and refuses columns of the new one
// whose values are not sure.
func (c *compiler) checkOutside(term dialect.Expr, alias string) (err error) {
	dialect.Walk(term, func(e dialect.Expr) bool {
		ref, ok := e.(*dialect.ColumnRef)
		if !ok || err != nil {
			return err == nil
		}
		if ref.Relation != alias {
			_, err = c.column(ref)
			return true
		}
		if f, ok := fieldOf(ref); !ok || !f.sure && !f.key {
			err = unproven("a join on the column %q, whose values are known by a sample alone", ref.Name)
		}
		return true
	})
	return err
}

// fieldOf is the field of a column.
func fieldOf(e dialect.Expr) (*field, bool) {
	ref, ok := e.(*dialect.ColumnRef)
	if !ok || ref.Column == nil {
		return nil, false
	}
	f, ok := ref.Column.Facts.(*field)
	return f, ok
}

// served is the equality of ON that an index serves, with the column of the relation on the left.
func (c *compiler) served(right joined) (*dialect.Operator, error) {
	for _, term := range right.on {
		e, ok := term.(*dialect.Operator)
		if !ok || e.Name != "=" || e.Left == nil {
			continue
		}
		for _, turned := range []*dialect.Operator{e, {Name: e.Name, Left: e.Right, Right: e.Left, Type: e.Type}} {
			ref, ok := turned.Left.(*dialect.ColumnRef)
			if !ok || ref.Relation != right.Alias {
				continue
			}
			f, ok := fieldOf(ref)
			other, _ := split([]dialect.Expr{turned.Right}, right.Alias)
			if _, constant := turned.Right.(*dialect.Constant); ok && len(other) == 0 && !constant && f.plain() && right.in.indexed[f.dotted()] {
				return turned, nil
			}
		}
	}
	return nil, unproven("a join that no index of %q serves", right.in.name)
}

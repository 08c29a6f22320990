package mongodb

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// filter compiles the AND terms of WHERE for the query language: what an index may serve, and the exact condition. nil:
// there are none.
func (c *compiler) filter(where []dialect.Expr) (bson.D, error) {
	var exact, wide []any
	for _, term := range where {
		yes, _, err := c.truth(term)
		if err != nil {
			return nil, err
		}
		exact = append(exact, yes)
		if w, selectivity := c.wide(term); w != nil {
			wide = append(wide, w)
			c.selectivity *= selectivity
		} else {
			c.selectivity *= 0.3
		}
	}
	if len(exact) == 0 {
		return nil, nil
	}
	condition := of("$expr", c.guarded(op("$and", exact...)))
	c.guards = nil
	if len(wide) == 0 {
		return condition, nil
	}
	first := op("$and", wide...)
	if suspects := c.suspects(where); len(suspects) > 0 {
		first = op("$or", append([]any{first}, suspects...)...)
	}
	return op("$and", first, condition), nil
}

// suspects are conditions of the query language that let values pass that may not fit.
func (c *compiler) suspects(where []dialect.Expr) (all []any) {
	known := map[*field]bool{}
	for _, term := range where {
		dialect.Walk(term, func(e dialect.Expr) bool {
			ref, ok := e.(*dialect.ColumnRef)
			if !ok || ref.Column == nil {
				return true
			}
			if f, ok := ref.Column.Facts.(*field); ok && !f.sure && !f.key && f.kind != jsons && !known[f] {
				known[f] = true
				all = append(all, of(f.dotted(), of("$type", guard{field: f}.suspects())))
			}
			return true
		})
	}
	return all
}

// wide is a condition of the query language that lets everything pass that a term lets pass, and more; nil where there is
// none that an index could serve.
func (c *compiler) wide(term dialect.Expr) (any, float64) {
	switch e := term.(type) {
	case *dialect.Operator:
		f, v, name, ok := c.sargable(e)
		if !ok {
			return nil, 1
		}
		if name == "=" {
			return of(f.dotted(), of("$eq", v)), f.equalPart()
		}
		return of(f.dotted(), of(mongoNames[name], v)), 0.3
	case *dialect.ArrayOp:
		f, ok := c.sargableField(e.Left)
		elements, null, err := c.elements(e.Array)
		if !ok || err != nil || null || e.All || e.Name != "=" {
			return nil, 1
		}
		list := bson.A{}
		for _, element := range elements {
			if element.null() {
				continue
			}
			v, _, ok := f.searched(element, "=")
			if !ok {
				return nil, 1
			}
			list = append(list, v)
		}
		return of(f.dotted(), of("$in", list)), min(1, f.equalPart()*float64(len(list)))
	}
	return nil, 1
}

// equalPart guesses the part of the documents that have one value of a field.
func (f *field) equalPart() float64 {
	if f.key {
		return 1e-9
	}
	return 0.01
}

// sargable finds "column op constant" in a term.
func (c *compiler) sargable(e *dialect.Operator) (f *field, stored any, name string, ok bool) {
	name = e.Name
	left, right := e.Left, e.Right
	if f, ok = c.sargableField(left); !ok {
		left, right = right, left
		name = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}[name]
		f, ok = c.sargableField(left)
	}
	if !ok || name == "" || name == "<>" || inverse[name] == "" {
		return nil, nil, "", false
	}
	v, err := c.value(right)
	if err != nil || !v.constant || v.null() {
		return nil, nil, "", false
	}
	stored, name, ok = f.searched(v, name)
	return f, stored, name, ok
}

// sargableField is the field that a term is about, where an index may have it.
func (c *compiler) sargableField(e dialect.Expr) (*field, bool) {
	if cast, ok := e.(*dialect.Cast); ok {
		e = cast.Arg
	}
	ref, ok := e.(*dialect.ColumnRef)
	if !ok || ref.Column == nil {
		return nil, false
	}
	f, ok := ref.Column.Facts.(*field)
	return f, ok && f.plain()
}

// searched is a constant as the query language compares it with a field, and the comparison that lets no less pass.
func (f *field) searched(v value, name string) (any, string, bool) {
	ranged := name != "="
	switch {
	case ranged && (f.kind == floats || f.kind == decimals || v.kind == floats || v.kind == decimals):
		return nil, "", false // NaN
	case f.kind == objectIDs:
		id, err := bson.ObjectIDFromHex(string(v.text))
		if v.placeholder() {
			return v.e.(bson.D)[0].Value, name, !ranged
		}
		return id, name, err == nil && !ranged
	case v.between && !ranged || v.beyond != 0 || f.kind == jsons || f.kind == arrays || f.kind == spelled:
		return nil, "", false
	case v.between:
		name = map[string]string{">": ">", ">=": ">", "<": "<=", "<=": "<="}[name]
	}
	return v.e.(bson.D)[0].Value, name, true
}

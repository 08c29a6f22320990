package mongodb

import (
	"context"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// splitPath takes a dotted path apart.
func splitPath(path string) []string { return strings.Split(path, ".") }

// maxReturned bounds the rows that an UPDATE or DELETE with RETURNING may touch: they are held while it runs.
const maxReturned = 100_000

// compileUpdate compiles an Update of one collection.
func compileUpdate(s *dialect.Update) (backend.Program, error) {
	in, err := writable(s.Table.Table)
	if err != nil {
		return nil, err
	}
	if s.From != nil {
		return nil, unproven("UPDATE with FROM")
	}
	p := &program{in: in, update: s, rows: 1}
	filter, err := p.filter(nil, false)
	if err != nil {
		return nil, err
	}
	change, err := p.assignments(nil, false)
	if err != nil {
		return nil, err
	}
	p.text = fmt.Sprintf("db.getCollection(%q).updateMany(%s, %s)", in.name, shell(filter), shell(change))
	_, err = returningOutputs(p)
	return p, err
}

// compileDelete compiles a Delete from one collection.
func compileDelete(s *dialect.Delete) (backend.Program, error) {
	in, err := writable(s.Table.Table)
	if err != nil {
		return nil, err
	}
	if s.Using != nil {
		return nil, unproven("DELETE with USING")
	}
	p := &program{in: in, remove: s, rows: 1}
	filter, err := p.filter(nil, false)
	if err != nil {
		return nil, err
	}
	p.text = fmt.Sprintf("db.getCollection(%q).deleteMany(%s)", in.name, shell(filter))
	_, err = returningOutputs(p)
	return p, err
}

// compileTruncate compiles a Truncate.
func compileTruncate(s *dialect.Truncate) (backend.Program, error) {
	p := &program{restart: s.RestartIdentity}
	var parts []string
	for _, t := range s.Tables {
		in, err := writable(t)
		if err != nil {
			return nil, err
		}
		p.in, p.truncate = in, append(p.truncate, in)
		parts = append(parts, fmt.Sprintf("db.getCollection(%q).deleteMany({})", in.name))
	}
	p.text = strings.Join(parts, "; ")
	return p, nil
}

// filter is the filter of an Update or Delete.
func (p *program) filter(params [][]byte, bound bool) (bson.D, error) {
	var target *dialect.Relation
	var where []dialect.Expr
	if p.update != nil {
		target, where = p.update.Table, p.update.Where
	} else {
		target, where = p.remove.Table, p.remove.Where
	}
	if len(where) == 1 {
		if key, ok := where[0].(*dialect.RowKey); ok {
			return keyFilter(key, params, bound)
		}
	}
	c := newCompiler(params, bound)
	c.roots[target.Alias] = "$$ROOT"
	filter, err := c.filter(where)
	if filter == nil {
		filter = bson.D{}
	}
	return filter, err
}

// keyFilter finds one row.
func keyFilter(key *dialect.RowKey, params [][]byte, bound bool) (bson.D, error) {
	filter := bson.D{}
	for i, column := range key.Columns {
		f, ok := column.Facts.(*field)
		if !ok {
			return nil, unproven("the column %q", column.Name)
		}
		if param, ok := key.Values[i].(*dialect.Param); ok && !bound {
			filter = append(filter, bson.E{Key: f.dotted(), Value: fmt.Sprintf("$%d", param.Number)})
			continue
		}
		text, err := textOf(key.Values[i], params)
		if err != nil {
			return nil, err
		}
		v, err := f.stored(text)
		if err != nil {
			return nil, err
		}
		filter = append(filter, bson.E{Key: f.dotted(), Value: of("$eq", v)})
	}
	return filter, nil
}

// assignments are the SETs of an Update, as a pipeline: NULL takes a field away, and what is computed is computed from
// the document as it was.
func (p *program) assignments(params [][]byte, bound bool) (bson.A, error) {
	c := newCompiler(params, bound)
	c.roots[p.update.Table.Alias] = "$$ROOT"
	stages, sets := bson.A{}, bson.D{}
	for _, a := range p.update.Set {
		f, ok := a.Column.Facts.(*field)
		switch {
		case !ok:
			return nil, unproven("the column %q", a.Column.Name)
		case len(f.path) == 0:
			replace, err := replacement(a.Value, params, bound)
			if err != nil {
				return nil, err
			}
			stages = append(stages, replace)
			continue
		case !f.plain():
			return nil, &backend.Error{Code: "0A000", Message: fmt.Sprintf("the field %q cannot be changed alone: its name has a dot or begins with a dollar", a.Column.Name),
				Hint: "Set _document."}
		}
		e, err := c.assigned(f, a.Value)
		if err != nil {
			return nil, err
		}
		sets = append(sets, bson.E{Key: f.dotted(), Value: e})
	}
	if len(sets) > 0 {
		stages = append(stages, of("$set", sets))
	}
	return stages, nil
}

// assigned is the value of one SET.
func (c *compiler) assigned(f *field, e dialect.Expr) (any, error) {
	switch e := e.(type) {
	case *dialect.Param:
		if !c.bound {
			return fmt.Sprintf("$%d", e.Number), nil
		}
	case *dialect.Constant:
	case *dialect.Default:
		e2 := &dialect.Constant{Null: true, Type: e.Type}
		return c.assigned(f, e2)
	default:
		v, err := c.value(e)
		if err != nil {
			return nil, err
		}
		if v.OID != f.OID || f.Mod >= 0 && v.Mod != f.Mod || v.kind != f.kind || v.kind == decimals || v.kind == floats || len(c.guards) > 0 || f.notNull && !v.notNull {
			return nil, unproven("SET %s to what is computed", f.dotted())
		}
		return of("$ifNull", bson.A{v.e, "$$REMOVE"}), nil
	}
	text, err := textOf(e, c.params)
	if err != nil {
		return nil, err
	}
	if text == nil {
		if f.notNull {
			return nil, f.missing()
		}
		return "$$REMOVE", nil
	}
	v, err := f.stored(text)
	return literal(v), err
}

// replacement is SET _document.
func replacement(e dialect.Expr, params [][]byte, bound bool) (any, error) {
	switch e.(type) {
	case *dialect.Param, *dialect.Constant:
	default:
		return nil, unproven("SET _document to what is computed")
	}
	if _, param := e.(*dialect.Param); param && !bound {
		return of("$replaceWith", "?"), nil
	}
	text, err := textOf(e, params)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, &backend.Error{Code: "23502", Message: "null value in column \"_document\" violates not-null constraint", Column: documentColumn}
	}
	document, err := documentOf(text)
	if err != nil {
		return nil, err
	}
	if _, there := get(document, []string{idName}); there {
		return of("$replaceWith", literal(document)), nil
	}
	return of("$replaceWith", of("$mergeObjects", bson.A{bson.D{{Key: idName, Value: "$_id"}}, literal(document)})), nil
}

// update carries out an Update. With RETURNING the documents are found, changed and read again.
func (c *conn) update(ctx context.Context, p *program, params [][]byte) (int64, []bson.Raw, error) {
	filter, err := p.filter(params, true)
	if err != nil {
		return 0, nil, late(err)
	}
	change, err := p.assignments(params, true)
	if err != nil {
		return 0, nil, late(err)
	}
	documents := c.engine.db.Collection(p.in.name)
	simple := options.UpdateMany().SetCollation(p.in.collation())
	if len(p.update.Returning) == 0 {
		done, err := documents.UpdateMany(ctx, filter, change, simple)
		if err != nil {
			return 0, nil, err
		}
		return done.MatchedCount, nil, nil
	}
	ids, _, err := c.find(ctx, p.in, filter, of(idName, 1))
	if err != nil || len(ids) == 0 {
		return 0, nil, err
	}
	these := of(idName, of("$in", ids))
	if _, err := documents.UpdateMany(ctx, these, change, simple); err != nil {
		return 0, nil, err
	}
	_, after, err := c.find(ctx, p.in, these, bson.D{})
	return int64(len(ids)), after, err
}

// remove carries out a Delete.
func (c *conn) remove(ctx context.Context, p *program, params [][]byte) (int64, []bson.Raw, error) {
	filter, err := p.filter(params, true)
	if err != nil {
		return 0, nil, late(err)
	}
	var before []bson.Raw
	if len(p.remove.Returning) > 0 {
		var ids bson.A
		if ids, before, err = c.find(ctx, p.in, filter, bson.D{}); err != nil || len(ids) == 0 {
			return 0, nil, err
		}
		filter = of(idName, of("$in", ids))
	}
	done, err := c.engine.db.Collection(p.in.name).DeleteMany(ctx, filter, options.DeleteMany().SetCollation(p.in.collation()))
	if err != nil {
		return 0, nil, err
	}
	return done.DeletedCount, before, nil
}

// find reads documents, at most maxReturned, and their _ids.
func (c *conn) find(ctx context.Context, in *collection, filter, projection bson.D) (ids bson.A, documents []bson.Raw, err error) {
	cursor, err := c.engine.db.Collection(in.name).Find(ctx, filter,
		options.Find().SetProjection(projection).SetLimit(maxReturned+1).SetCollation(in.collation()))
	if err != nil {
		return nil, nil, err
	}
	if err := cursor.All(ctx, &documents); err != nil {
		return nil, nil, err
	}
	if len(documents) > maxReturned {
		return nil, nil, &backend.Error{Code: "54000", Message: fmt.Sprintf("RETURNING is for at most %d rows of MongoDB", maxReturned)}
	}
	for _, document := range documents {
		ids = append(ids, document.Lookup(idName))
	}
	return ids, documents, nil
}

// truncate empties collections.
func (c *conn) truncate(ctx context.Context, p *program) error {
	_, err := c.changing(ctx, p.in, func(ctx context.Context) (int64, error) {
		for _, in := range p.truncate {
			if _, err := c.engine.db.Collection(in.name).DeleteMany(ctx, bson.D{}); err != nil {
				return 0, err
			}
			for _, f := range in.fields {
				if !p.restart || !f.counted {
					continue
				}
				if _, err := c.engine.db.Collection(countersName).DeleteOne(ctx, of(idName, counterID(f))); err != nil {
					return 0, err
				}
			}
		}
		return 0, nil
	})
	return err
}

package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// writable finds the collection that a change is for, or says why it cannot be written.
func writable(t *dialect.Table) (*collection, error) {
	if t.ReadOnly != "" {
		return nil, &backend.Error{Code: "42809", Message: fmt.Sprintf("%q cannot be changed", t.Name), Detail: t.ReadOnly, Table: t.Name, Schema: t.Schema}
	}
	return collectionOf(t)
}

// compileInsert compiles an Insert.
func compileInsert(s *dialect.Insert) (backend.Program, error) {
	in, err := writable(s.Into.Table)
	if err != nil {
		return nil, err
	}
	names := bson.A{}
	for _, c := range s.Columns {
		names = append(names, c.Native)
		if _, ok := c.Facts.(*field); !ok {
			return nil, unproven("the column %q", c.Name)
		}
	}
	for _, row := range s.Rows {
		for _, e := range row {
			switch e.(type) {
			case *dialect.Constant, *dialect.Param, *dialect.Default:
			default:
				return nil, unproven("a row of values that are computed")
			}
		}
	}
	p := &program{in: in, insert: s, rows: float64(len(s.Rows))}
	p.text = fmt.Sprintf("db.getCollection(%q).insertMany(/* %d documents of %s */)", in.name, len(s.Rows), shell(names))
	if _, err := returningOutputs(p); err != nil {
		return nil, err
	}
	return p, nil
}

// textOf is the text of a constant or a parameter; nil is NULL.
func textOf(e dialect.Expr, params [][]byte) ([]byte, error) {
	switch e := e.(type) {
	case *dialect.Constant:
		if e.Null {
			return nil, nil
		}
		return []byte(e.Text), nil
	case *dialect.Param:
		if e.Number >= 1 && e.Number <= len(params) {
			return params[e.Number-1], nil
		}
	}
	return nil, &backend.Error{Code: "08P01", Message: "a parameter of the statement has no value"}
}

// stored reads a value as it is to be stored.
func (f *field) stored(text []byte) (any, error) {
	text, err := f.assigned(text)
	var v any
	if err == nil {
		v, err = f.parse(text)
	}
	if errors.Is(err, errPrecise) {
		err = &backend.Error{Code: "22008", Message: fmt.Sprintf("MongoDB keeps milliseconds, and a value for the column %q is more precise", f.dotted()),
			Hint: "Round it: date_trunc('milliseconds', …)."}
	}
	var own *backend.Error
	if errors.As(err, &own) {
		own.Column, own.Table, own.Schema = f.dotted(), f.collection, schemaName
	}
	return v, err
}

// missing is the error for a NULL in a column that may not have one.
func (f *field) missing() error {
	return &backend.Error{Code: "23502", Message: fmt.Sprintf("null value in column %q of relation %q violates not-null constraint", f.dotted(), f.collection),
		Column: f.dotted(), Table: f.collection, Schema: schemaName}
}

// documents makes the documents of an Insert: NULL is a field that is not there, _document is what the others are put
// into, and a document without _id gets a new ObjectId.
func (c *conn) documents(ctx context.Context, p *program, params [][]byte) ([]bson.D, error) {
	s := p.insert
	rows := s.Rows
	if len(rows) == 0 && len(s.Columns) == 0 {
		rows = [][]dialect.Expr{{}} // DEFAULT VALUES
	}
	numbers, err := c.numbers(ctx, p.in, s, int64(len(rows)))
	if err != nil {
		return nil, err
	}
	all := make([]bson.D, 0, len(rows))
	for i, row := range rows {
		document, err := whole(s, row, params)
		if err != nil {
			return nil, err
		}
		for j, e := range row {
			f := s.Columns[j].Facts.(*field)
			if _, given := e.(*dialect.Default); given || len(f.path) == 0 {
				continue
			}
			text, err := textOf(e, params)
			if err != nil {
				return nil, err
			}
			if text == nil {
				continue
			}
			v, err := f.stored(text)
			if err != nil {
				return nil, err
			}
			document = set(document, f.path, v)
		}
		for f, first := range numbers {
			if _, there := get(document, f.path); !there {
				document = set(document, f.path, integer(f, first+int64(i)))
			}
		}
		if document, err = p.in.complete(document, nulls(s, row, params)); err != nil {
			return nil, err
		}
		all = append(all, document)
	}
	return all, nil
}

// nulls are the columns for which a row says NULL.
func nulls(s *dialect.Insert, row []dialect.Expr, params [][]byte) map[*field]bool {
	said := map[*field]bool{}
	for i, e := range row {
		if _, given := e.(*dialect.Default); given {
			continue
		}
		if text, err := textOf(e, params); err == nil && text == nil {
			said[s.Columns[i].Facts.(*field)] = true
		}
	}
	return said
}

// complete gives a document an _id, and checks that nothing that must be is missing.
func (in *collection) complete(document bson.D, said map[*field]bool) (bson.D, error) {
	if _, there := get(document, []string{idName}); !there && !slices.ContainsFunc(in.fields, func(f *field) bool { return f.key && (f.kind != objectIDs || said[f]) }) {
		document = append(bson.D{{Key: idName, Value: bson.NewObjectID()}}, document...)
	}
	for _, f := range in.fields {
		if f.notNull {
			if v, there := get(document, f.path); !there || v == nil && !f.verbatim {
				return nil, f.missing()
			}
		}
	}
	return document, nil
}

// numbers takes numbers for the identity columns that rows leave to the engine: the first of as many as there are rows.
func (c *conn) numbers(ctx context.Context, in *collection, s *dialect.Insert, rows int64) (map[*field]int64, error) {
	numbers := map[*field]int64{}
	for _, f := range in.fields {
		if !f.counted {
			continue
		}
		at := slices.IndexFunc(s.Columns, func(c *dialect.Column) bool { return c.Facts == any(f) })
		left := at < 0 || slices.ContainsFunc(s.Rows, func(row []dialect.Expr) bool { _, ok := row[at].(*dialect.Default); return ok })
		if !left {
			continue
		}
		first, err := c.engine.sequence(ctx, f, rows)
		if err != nil {
			return nil, err
		}
		numbers[f] = first
	}
	return numbers, nil
}

// integer is a number as a column stores it.
func integer(f *field, n int64) any {
	if least, greatest := f.limits(); least >= -1<<31 && greatest < 1<<31 {
		return int32(n)
	}
	return n
}

// whole is the document that a row says in _document, an empty one where it says none.
func whole(s *dialect.Insert, row []dialect.Expr, params [][]byte) (bson.D, error) {
	for i, c := range s.Columns {
		f := c.Facts.(*field)
		if len(f.path) > 0 {
			continue
		}
		if _, given := row[i].(*dialect.Default); given {
			continue
		}
		text, err := textOf(row[i], params)
		if err != nil || text == nil {
			return bson.D{}, err
		}
		return documentOf(text)
	}
	return bson.D{}, nil
}

// documentOf reads a whole document.
func documentOf(text []byte) (bson.D, error) {
	v, err := parseJSON(text, false)
	if err != nil {
		return nil, err
	}
	document, ok := v.(bson.D)
	if !ok {
		return nil, &backend.Error{Code: "22023", Message: "a document has to be a JSON object", Column: documentColumn}
	}
	return document, nil
}

// get finds a value in a document.
func get(document bson.D, path []string) (any, bool) {
	for _, e := range document {
		if e.Key != path[0] {
			continue
		}
		if len(path) == 1 {
			return e.Value, true
		}
		inner, ok := e.Value.(bson.D)
		if !ok {
			return nil, false
		}
		return get(inner, path[1:])
	}
	return nil, false
}

// set puts a value into a document, in place of one that is there.
func set(document bson.D, path []string, v any) bson.D {
	for i := range document {
		if document[i].Key != path[0] {
			continue
		}
		if len(path) > 1 {
			inner, _ := document[i].Value.(bson.D)
			v = set(inner, path[1:], v)
		}
		document[i].Value = v
		return document
	}
	if len(path) > 1 {
		v = set(bson.D{}, path[1:], v)
	}
	return append(document, bson.E{Key: path[0], Value: v})
}

// insert carries out an Insert.
func (c *conn) insert(ctx context.Context, p *program, params [][]byte) (int64, []bson.Raw, error) {
	documents, err := c.documents(ctx, p, params)
	if err != nil {
		return 0, nil, err
	}
	if p.insert.DoNothing {
		if documents, err = c.insertNew(ctx, p.in, documents); err != nil {
			return 0, nil, err
		}
	} else if _, err := c.engine.db.Collection(p.in.name).InsertMany(ctx, documents); err != nil {
		return 0, nil, err
	}
	var back []bson.Raw
	if len(p.insert.Returning) > 0 {
		for _, document := range documents {
			raw, err := bson.Marshal(document)
			if err != nil {
				return 0, nil, err
			}
			back = append(back, raw)
		}
	}
	return int64(len(documents)), back, nil
}

// insertNew inserts the documents that no unique index has already, and gives them. Within a transaction every one is
// looked for before, because an error would end the transaction.
func (c *conn) insertNew(ctx context.Context, in *collection, documents []bson.D) (inserted []bson.D, err error) {
	for _, document := range documents {
		if c.session != nil {
			found, err := c.conflicts(ctx, in, document)
			if err != nil {
				return nil, err
			}
			if found {
				continue
			}
		}
		_, err := c.engine.db.Collection(in.name).InsertOne(ctx, document)
		switch {
		case err == nil:
			inserted = append(inserted, document)
		case hasCode(err, duplicateKey) && c.session == nil:
		case hasCode(err, duplicateKey):
			return nil, &backend.Error{Code: "40001", Message: "could not serialize access due to concurrent update", Detail: c.engine.said(err), Err: err}
		default:
			return nil, err
		}
	}
	return inserted, nil
}

// conflicts says whether a unique index has what a document has.
func (c *conn) conflicts(ctx context.Context, in *collection, document bson.D) (bool, error) {
	either := bson.A{}
	for _, u := range in.uniques {
		filter := bson.D{}
		for _, path := range u.paths {
			v, there := get(document, splitPath(path))
			if !there && u.partial {
				filter = nil
				break
			}
			filter = append(filter, bson.E{Key: path, Value: of("$eq", v)})
		}
		if filter != nil {
			either = append(either, filter)
		}
	}
	err := c.engine.db.Collection(in.name).FindOne(ctx, of("$or", either), options.FindOne().SetProjection(of(idName, 1)).SetCollation(in.collation())).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// returningOutputs are the outputs of RETURNING: columns and constants.
func returningOutputs(p *program) ([]output, error) {
	var list []dialect.Expr
	switch {
	case p.insert != nil:
		list = p.insert.Returning
	case p.update != nil:
		list = p.update.Returning
	case p.remove != nil:
		list = p.remove.Returning
	}
	var outputs []output
	for _, e := range list {
		if constant, ok := e.(*dialect.Constant); ok {
			outputs = append(outputs, fixedOutput(constant))
			continue
		}
		f, ok := fieldOf(e)
		if !ok {
			return nil, unproven("RETURNING of what is no column")
		}
		out := output{rest: f, pgType: f.pgType}
		if len(f.path) > 0 {
			out.name = f.path[0]
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}

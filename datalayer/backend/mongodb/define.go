package mongodb

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// lacks is the error for what MongoDB does not have.
func lacks(format string, args ...any) error {
	return &backend.Error{Code: "0A000", Message: "MongoDB lacks " + fmt.Sprintf(format, args...)}
}

// Define implements backend.Definer. MongoDB changes its schema outside of transactions.
func (e *engine) Define(ctx context.Context, session backend.Conn, change dialect.Change) error {
	if c, ok := session.(*conn); ok && c.within && c.writes > 0 {
		return &backend.Error{Code: "25001", Message: "MongoDB's collections and indexes cannot be changed in a transaction that has written"}
	}
	var in *collection
	var err error
	switch d := change.(type) {
	case *dialect.CreateTable:
		in = &collection{name: d.Table.Name}
		err = e.createTable(ctx, d)
	case *dialect.DropTable:
		if in, err = collectionOf(d.Table); err == nil {
			err = e.dropTable(ctx, in)
		}
	case *dialect.AlterTable:
		if in, err = collectionOf(d.Table); err == nil {
			err = e.alterTable(ctx, in, d)
		}
	case *dialect.CreateIndex:
		if in, err = collectionOf(d.Table); err == nil {
			err = e.createIndex(ctx, in.name, d.Table, d.Index)
		}
	case *dialect.DropIndex:
		if in, err = collectionOf(d.Table); err == nil {
			err = e.db.Collection(in.name).Indexes().DropOne(ctx, d.Name)
		}
	case *dialect.CreateView:
		err = e.createView(ctx, d)
	case *dialect.DropView:
		if in, err = collectionOf(d.Table); err == nil {
			err = e.db.Collection(in.name).Drop(ctx)
		}
	default:
		err = lacks("schemas within a database: its collections are in the schema %q", schemaName)
	}
	return e.failed(ctx, in, err)
}

// propertyOf is what the validator says of a column: its stored type, and PostgreSQL's in the description.
func propertyOf(c *dialect.Column) (bson.D, error) {
	t, err := typeOf(kept(c.Type))
	if err != nil {
		return nil, lacks("the type %s", c.TypeName)
	}
	description := columnPrefix + t.ddl()
	switch {
	case c.Generated == dialect.Computed:
		return nil, lacks("generated columns")
	case c.Generated == dialect.Identity && t.kind != integers:
		return nil, lacks("identity columns of the type %s", t.ddl())
	case c.Generated == dialect.Identity:
		description += identityWord
	case c.Default != "":
		description += defaultWord + c.Default
	}
	p := bson.D{}
	if names := t.written(); names != nil {
		if !c.NotNull {
			names = append(names, "null")
		}
		p = append(p, bson.E{Key: "bsonType", Value: names})
	}
	return append(p, bson.E{Key: "description", Value: description}), nil
}

// written are the names of the types that this package writes for a column; nil: any.
func (t *pgType) written() []string {
	switch t.kind {
	case integers:
		if least, _ := t.limits(); least < -1<<31 {
			return []string{"long"}
		}
		return []string{"int"}
	case floats:
		return []string{"double"}
	case decimals:
		return []string{"decimal"}
	}
	return slices.Clone(bsonNames[t.kind])
}

// createTable makes a collection whose validator holds the columns. Keys are unique indexes; the _id is MongoDB's, and
// clients do not see it.
func (e *engine) createTable(ctx context.Context, d *dialect.CreateTable) error {
	t := d.Table
	if t.Schema != schemaName {
		return lacks("schemas within a database: its collections are in the schema %q", schemaName)
	}
	if len(t.ForeignKeys) > 0 {
		return lacks("foreign keys")
	}
	if len(t.Checks) > 0 {
		return lacks("CHECK constraints")
	}
	properties, required := bson.D{}, bson.A{}
	for _, c := range t.Columns {
		if (slices.Contains(t.PrimaryKey, c.Name) || c.Generated == dialect.Identity) && !c.NotNull {
			notNull := *c
			notNull.NotNull = true
			c = &notNull
		}
		p, err := propertyOf(c)
		if err != nil {
			return err
		}
		properties = append(properties, bson.E{Key: c.Name, Value: p})
		if c.NotNull {
			required = append(required, c.Name)
		}
	}
	err := e.db.CreateCollection(ctx, t.Name, options.CreateCollection().SetValidator(ownValidator(properties, required)))
	if hasCode(err, namespaceExists) {
		if d.IfNotExists {
			return nil
		}
		return &backend.Error{Code: "42P07", Message: fmt.Sprintf("relation %q already exists", t.Name), Err: err}
	}
	if err != nil {
		return err
	}
	for _, key := range tableKeys(t) {
		if err := e.createIndex(ctx, t.Name, t, key); err != nil {
			_ = e.db.Collection(t.Name).Drop(context.WithoutCancel(ctx))
			return err
		}
	}
	return nil
}

// tableKeys are the indexes of a new table.
func tableKeys(t *dialect.Table) (keys []dialect.Key) {
	if len(t.PrimaryKey) > 0 && !slices.Equal(t.PrimaryKey, []string{idName}) {
		keys = append(keys, dialect.Key{Name: t.Name + "_pkey", Columns: t.PrimaryKey, Unique: true})
	}
	return append(append(keys, t.Uniques...), t.Indexes...)
}

// ownValidator is the validator of a collection that CREATE TABLE makes.
func ownValidator(properties bson.D, required bson.A) bson.D {
	if _, there := get(properties, []string{idName}); !there {
		properties = append(bson.D{{Key: idName, Value: bson.D{}}}, properties...)
	}
	schema := bson.D{{Key: "bsonType", Value: "object"}, {Key: "description", Value: ownTable}, {Key: "additionalProperties", Value: false}, {Key: "properties", Value: properties}}
	if len(required) > 0 {
		schema = append(schema, bson.E{Key: "required", Value: required})
	}
	return of("$jsonSchema", schema)
}

// createIndex makes an index. A unique one leaves documents out that lack one of its fields, since PostgreSQL's NULLs are
// all different.
func (e *engine) createIndex(ctx context.Context, name string, t *dialect.Table, key dialect.Key) error {
	if len(key.Columns) == 0 {
		return lacks("indexes of expressions")
	}
	keys, present, nullable := bson.D{}, bson.D{}, false
	for _, column := range key.Columns {
		c := t.Column(column)
		if c == nil {
			return &backend.Error{Code: "42703", Message: fmt.Sprintf("column %q does not exist", column)}
		}
		path := column
		if f, ok := c.Facts.(*field); ok {
			path = f.dotted()
		}
		keys = append(keys, bson.E{Key: path, Value: 1})
		present = append(present, bson.E{Key: path, Value: of("$exists", true)})
		nullable = nullable || !c.NotNull && !slices.Contains(t.PrimaryKey, column)
	}
	o := options.Index()
	if key.Name != "" {
		o.SetName(key.Name)
	}
	if key.Unique {
		o.SetUnique(true)
	}
	if key.Unique && nullable {
		o.SetPartialFilterExpression(present)
	}
	_, err := e.db.Collection(name).Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: o})
	return err
}

// dropTable removes a collection and the counters of its columns.
func (e *engine) dropTable(ctx context.Context, in *collection) error {
	if err := e.db.Collection(in.name).Drop(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	delete(e.shapes, in.name)
	e.mu.Unlock()
	for _, f := range in.fields {
		if f.counted {
			if _, err := e.db.Collection(countersName).DeleteOne(ctx, of(idName, counterID(f))); err != nil {
				return err
			}
		}
	}
	return nil
}

// alterTable changes one thing of a collection. What is about columns needs the validator of CREATE TABLE.
func (e *engine) alterTable(ctx context.Context, in *collection, d *dialect.AlterTable) error {
	switch {
	case d.Column == nil && d.RenameTo != "":
		return e.rename(ctx, in, d.RenameTo)
	case d.AddUnique != nil:
		key := *d.AddUnique
		key.Unique = true
		return e.createIndex(ctx, in.name, d.Table, key)
	case d.DropConstraint != "":
		return e.db.Collection(in.name).Indexes().DropOne(ctx, d.DropConstraint)
	case d.AddForeignKey != nil:
		return lacks("foreign keys")
	case in.whole != nil:
		return &backend.Error{Code: "0A000", Message: fmt.Sprintf("the columns of %q come from its documents", in.name),
			Detail: "Only a table that CREATE TABLE has made has columns that can be altered.", Hint: "Declare them in the file that the URI's option " + schemaOption + " names."}
	case d.AddPrimaryKey != nil:
		return lacks("primary keys that are added to a table that is there")
	}
	return e.alterColumns(ctx, in, d)
}

// rename gives a collection another name, and its counters.
func (e *engine) rename(ctx context.Context, in *collection, to string) error {
	if slices.ContainsFunc(in.fields, func(f *field) bool { return f.counted }) {
		return lacks("a new name for a table with identity columns, whose counters have the old one")
	}
	db := e.db.Name()
	return e.client.Database("admin").RunCommand(ctx, bson.D{{Key: "renameCollection", Value: db + "." + in.name}, {Key: "to", Value: db + "." + to}}).Err()
}

// alterColumns writes the validator again with one column more, less, or other.
func (e *engine) alterColumns(ctx context.Context, in *collection, d *dialect.AlterTable) error {
	t := *d.Table
	t.Columns = slices.Clone(t.Columns)
	var then func() error
	documents := e.db.Collection(in.name)
	switch {
	case d.AddCheck != nil:
		return lacks("CHECK constraints")
	case d.AddColumn != nil:
		if d.AddColumn.NotNull {
			return lacks("new columns that are NOT NULL, since its documents do not have them")
		}
		if d.AddColumn.Default != "" {
			return lacks("new columns with a default for the rows that are there; add the column, then the default")
		}
		t.Columns = append(t.Columns, d.AddColumn)
	case d.DropColumn != nil:
		t.Columns = slices.DeleteFunc(t.Columns, func(c *dialect.Column) bool { return c.Name == d.DropColumn.Name })
		then = func() error {
			_, err := documents.UpdateMany(ctx, bson.D{}, of("$unset", of(d.DropColumn.Name, "")), options.UpdateMany().SetBypassDocumentValidation(true))
			return err
		}
	case d.Column != nil && (d.SetDefault != "" || d.DropDefault || d.SetNotNull || d.DropNotNull):
		changed := *d.Column
		changed.NotNull = (changed.NotNull || d.SetNotNull) && !d.DropNotNull
		if changed.Default = d.SetDefault; !d.DropDefault && d.SetDefault == "" {
			changed.Default = d.Column.Default
		}
		if d.SetNotNull {
			n, err := documents.CountDocuments(ctx, of(d.Column.Name, nil), options.Count().SetLimit(1))
			if err != nil {
				return err
			}
			if n > 0 {
				return &backend.Error{Code: "23502", Message: fmt.Sprintf("column %q of relation %q contains null values", d.Column.Name, in.name), Column: d.Column.Name, Table: in.name}
			}
		}
		t.Columns[slices.Index(t.Columns, t.Column(d.Column.Name))] = &changed
	default:
		return lacks("this change of a column; add another one, and copy the values")
	}
	properties, required := bson.D{}, bson.A{}
	for _, c := range t.Columns {
		p, err := propertyOf(c)
		if err != nil {
			return err
		}
		properties = append(properties, bson.E{Key: c.Name, Value: p})
		if c.NotNull {
			required = append(required, c.Name)
		}
	}
	if err := e.db.RunCommand(ctx, bson.D{{Key: "collMod", Value: in.name}, {Key: "validator", Value: ownValidator(properties, required)}}).Err(); err != nil || then == nil {
		return err
	}
	return then()
}

// createView makes a view of a select that is compiled into a pipeline. Its fields have the names of the columns.
func (e *engine) createView(ctx context.Context, d *dialect.CreateView) error {
	q, err := compileSelect(d.Select, nil, false)
	if err != nil {
		return err
	}
	names := bson.D{}
	for i, out := range q.outputs {
		switch {
		case i >= len(d.Columns) || out.fixed || out.average || out.rest != nil && !out.rest.plain():
			return lacks("views of such columns")
		case out.rest != nil:
			names = append(names, bson.E{Key: d.Columns[i], Value: "$" + out.rest.dotted()})
		default:
			names = append(names, bson.E{Key: d.Columns[i], Value: "$" + out.name})
		}
	}
	if _, there := get(names, []string{idName}); !there {
		names = append(bson.D{{Key: idName, Value: 0}}, names...)
	}
	return e.db.CreateView(ctx, d.Name, q.in.name, append(q.pipeline, of("$project", names)))
}

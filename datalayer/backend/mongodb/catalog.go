package mongodb

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

const (
	// schemaName is where a database's collections appear.
	schemaName = "public"
	idName     = "_id"
	// documentColumn is the whole document.
	documentColumn = "_document"
	// countersName is the collection with the counters of identity columns; it is not shown.
	countersName = "pinnacle_counters"
	// readers is how many collections are looked at at once.
	readers = 8
	// maxName is the length of PostgreSQL's names, in bytes.
	maxName = 63
)

// described is a collection as listCollections tells it.
type described struct {
	Name    string `bson:"name"`
	Type    string `bson:"type"`
	Options struct {
		Capped           bool     `bson:"capped"`
		Collation        bson.Raw `bson:"collation"`
		Validator        bson.Raw `bson:"validator"`
		ValidationLevel  string   `bson:"validationLevel"`
		ValidationAction string   `bson:"validationAction"`
	} `bson:"options"`
}

// Catalog implements backend.Engine. MongoDB tells indexes, numbers and samples one collection at a time.
func (e *engine) Catalog(ctx context.Context) (*dialect.Catalog, error) {
	cursor, err := e.db.ListCollections(ctx, bson.D{})
	if err != nil {
		return nil, e.failed(ctx, nil, err)
	}
	var all []described
	if err := cursor.All(ctx, &all); err != nil {
		return nil, e.failed(ctx, nil, err)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	tables := make([]*dialect.Table, len(all))
	failures := make([]error, readers)
	var readersDone sync.WaitGroup
	for r := range readers {
		readersDone.Go(func() {
			for i := r; i < len(all) && failures[r] == nil; i += readers {
				tables[i], failures[r] = e.table(ctx, all[i])
			}
		})
	}
	readersDone.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, e.failed(ctx, nil, err)
		}
	}
	catalog, names := &dialect.Catalog{}, names{}
	for _, t := range tables {
		if t != nil {
			t.Name = names.give(t.Name)
			catalog.Tables = append(catalog.Tables, t)
		}
	}
	return catalog, nil
}

// names gives each thing a name that PostgreSQL can have, and no other has.
type names map[string]bool

// give cuts a name off where it is too long, and numbers it where it is taken.
func (n names) give(name string) string {
	cut := func(limit int) string {
		short := strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", ""), "")
		for len(short) > limit {
			_, size := utf8.DecodeLastRuneInString(short)
			short = short[:len(short)-size]
		}
		return short
	}
	given := cut(maxName)
	for i := 2; n[given] || given == ""; i++ {
		suffix := fmt.Sprintf("_%d", i)
		given = cut(maxName-len(suffix)) + suffix
	}
	n[given] = true
	return given
}

// table looks at one collection; nil for those that are not shown.
func (e *engine) table(ctx context.Context, d described) (*dialect.Table, error) {
	if strings.HasPrefix(d.Name, "system.") || d.Name == countersName {
		return nil, nil
	}
	in := &collection{name: d.Name, indexed: map[string]bool{}, rows: -1, collated: d.Options.Collation != nil}
	t := &dialect.Table{Schema: schemaName, Name: d.Name, Native: []string{e.db.Name(), d.Name}, Rows: -1, Facts: in}
	switch {
	case d.Type == "view":
		t.Kind, t.ReadOnly = dialect.View, fmt.Sprintf("%q is a view of MongoDB's, which cannot be written.", d.Name)
	case d.Type == "timeseries":
		t.ReadOnly = fmt.Sprintf("%q is a time-series collection, whose documents can be read here and not be written.", d.Name)
	case d.Options.Capped:
		t.Comment = "A capped collection: MongoDB removes the oldest documents when it is full."
	}
	declared, err := e.validated(d)
	if err != nil {
		return nil, err
	}
	if !declared.own {
		if err := e.sample(ctx, d.Name); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	e.columns(t, in, declared)
	e.mu.Unlock()
	if t.Kind == dialect.View || d.Type == "timeseries" {
		return t, nil
	}
	count, err := e.db.Collection(d.Name).EstimatedDocumentCount(ctx)
	if err != nil {
		return nil, err
	}
	t.Rows, in.rows = float64(count), float64(count)
	return t, e.indexes(ctx, t, in, declared.own)
}

// sample reads documents from both ends of a collection, and adds them to its shape.
func (e *engine) sample(ctx context.Context, name string) error {
	for _, order := range []int{1, -1} {
		half := int64(e.options.Sample+1) / 2
		if half <= 0 {
			break
		}
		cursor, err := e.db.Collection(name).Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: idName, Value: order}}).SetLimit(half))
		if err != nil {
			return err
		}
		if err := e.addSample(ctx, name, cursor); err != nil {
			return err
		}
	}
	return nil
}

// addSample adds the documents of a cursor to a collection's shape.
func (e *engine) addSample(ctx context.Context, name string, cursor *mongo.Cursor) error {
	defer func() { _ = cursor.Close(ctx) }()
	for cursor.Next(ctx) {
		if err := e.saw(name, cursor.Current); err != nil {
			return err
		}
	}
	return cursor.Err()
}

// saw adds a document to a collection's shape.
func (e *engine) saw(name string, document bson.Raw) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.shapes[name]
	if s == nil {
		s = &shape{fields: map[string]*seen{}}
		e.shapes[name] = s
	}
	return s.add(document)
}

// columns makes a table's columns: those of CREATE TABLE; otherwise _id, the declared ones, those of the validator and of
// the sample, and the whole document. mu is held.
func (e *engine) columns(t *dialect.Table, in *collection, declared validation) {
	columnNames := names{}
	add := func(name string, f *field, defaults string) {
		f.collection = in.name
		c := &dialect.Column{
			Name: columnNames.give(name), Type: f.Type, TypeName: f.ddl(), Native: f.dotted(), NotNull: f.notNull, Default: defaults,
			NativeType: strings.Join(bsonNames[f.kind], "|"), Bytewise: f.bytewise(), Exact: f.kind != mixedDecimals && f.kind != jsons, Facts: f,
		}
		switch {
		case f.counted:
			c.Generated = dialect.Identity
		case f.key && f.kind == objectIDs:
			c.Generated = dialect.EngineDefault
		}
		if f.key {
			t.PrimaryKey = []string{c.Name}
		}
		t.Columns, in.fields = append(t.Columns, c), append(in.fields, f)
	}
	if declared.own {
		for _, c := range declared.columns {
			add(c.name, c.field, c.defaults)
		}
		e.rowKey(t, in)
		return
	}
	columnNames[documentColumn] = true
	for _, c := range e.found(in.name, declared) {
		add(c.name, c.field, "")
	}
	delete(columnNames, documentColumn)
	in.whole = &field{pgType: plainType(pgtype.JSONBOID, jsons), sure: true}
	add(documentColumn, in.whole, "")
	if t.Kind == dialect.View {
		t.PrimaryKey = nil // nothing keeps a view's _id unique
	}
}

// found are the columns of a collection that CREATE TABLE has not made.
func (e *engine) found(name string, validator validation) []declaredField {
	s, user := e.shapes[name], e.declared[name]
	if s == nil {
		s = &shape{fields: map[string]*seen{}}
	}
	var columns []declaredField
	taken := map[string]bool{documentColumn: true}
	add := func(name string, f *field) {
		if !taken[name] {
			taken[name] = true
			columns = append(columns, declaredField{name: name, field: f})
		}
	}
	id := &field{path: []string{idName}, pgType: plainType(pgtype.TextOID, objectIDs), key: true, notNull: true}
	if of := s.fields[idName]; of != nil {
		id.pgType = of.pgType()
	}
	for _, c := range user.columns {
		if c.name == idName {
			id.pgType = c.pgType
		}
	}
	add(idName, id)
	for _, c := range user.columns {
		add(c.name, &field{path: c.path(), pgType: c.pgType})
	}
	if user.only {
		return columns
	}
	for _, c := range validator.columns {
		if of := s.fields[c.name]; of != nil && !c.admits(of) {
			continue // documents from before the validator
		}
		add(c.name, c.field)
	}
	for _, name := range s.frequent(e.options.MaxColumns) {
		if name != "" {
			add(name, &field{path: []string{name}, pgType: s.fields[name].pgType()})
		}
	}
	return columns
}

// rowKey lets rows of a table that CREATE TABLE has made be found by the _id that clients do not see.
func (e *engine) rowKey(t *dialect.Table, in *collection) {
	if t.PrimaryKey != nil {
		return
	}
	id := &field{path: []string{idName}, pgType: plainType(pgtype.TextOID, objectIDs), key: true, sure: true, notNull: true, collection: in.name}
	t.RowKey = &dialect.Column{Name: idName, Type: id.Type, TypeName: id.ddl(), Native: idName, NotNull: true, Bytewise: true, Exact: true, Facts: id}
}

// listed is an index as listIndexes tells it.
type listed struct {
	Name    string `bson:"name"`
	Key     bson.D `bson:"key"`
	Unique  bool   `bson:"unique"`
	Sparse  bool   `bson:"sparse"`
	Partial bson.D `bson:"partialFilterExpression"`
	// Collation makes another order.
	Collation bson.Raw `bson:"collation"`
}

// indexes reads a collection's indexes. Those of other kinds than ascending and descending are not shown, nor those over
// fields that are no columns.
func (e *engine) indexes(ctx context.Context, t *dialect.Table, in *collection, own bool) error {
	cursor, err := e.db.Collection(in.name).Indexes().List(ctx)
	if err != nil {
		return err
	}
	var all []listed
	if err := cursor.All(ctx, &all); err != nil {
		return err
	}
	for _, index := range all {
		e.index(t, in, own, index)
	}
	for _, c := range t.Columns {
		if f := c.Facts.(*field); f.key && t.PrimaryKey != nil {
			in.indexed[f.dotted()] = true
		}
	}
	return nil
}

// index takes one index into account.
func (e *engine) index(t *dialect.Table, in *collection, own bool, index listed) {
	key := dialect.Key{Name: index.Name, Unique: index.Unique}
	var paths []string
	for _, part := range index.Key {
		ascending := fmt.Sprint(part.Value)
		if ascending != "1" && ascending != "-1" {
			return
		}
		paths = append(paths, part.Key)
		for _, c := range t.Columns {
			if f := c.Facts.(*field); f.plain() && f.dotted() == part.Key {
				key.Columns = append(key.Columns, c.Name)
			}
		}
	}
	if index.Collation == nil && index.Partial == nil {
		in.indexed[paths[0]] = true
	}
	if index.Name == "_id_" {
		in.uniques = append(in.uniques, unique{name: index.Name, constraint: in.name + "_pkey", paths: paths})
		return
	}
	partial := present(index.Partial, paths) || index.Sparse && len(paths) == 1
	shown := len(key.Columns) == len(paths)
	if index.Unique {
		in.uniques = append(in.uniques, unique{name: index.Name, constraint: index.Name, paths: paths, partial: partial})
	}
	switch {
	case !shown:
	case own && index.Unique && index.Name == in.name+"_pkey":
		t.PrimaryKey = key.Columns
	case index.Unique && index.Collation == nil && (partial || index.Partial == nil):
		t.Uniques = append(t.Uniques, key)
	default:
		key.Unique = false
		t.Indexes = append(t.Indexes, key)
	}
}

// present says whether a partial index holds just the documents that have all its fields.
func present(filter bson.D, paths []string) bool {
	there := map[string]bool{}
	for _, part := range filter {
		condition, ok := part.Value.(bson.D)
		if ok && len(condition) == 1 && condition[0].Key == "$exists" && condition[0].Value == true {
			there[part.Key] = true
		}
	}
	for _, path := range paths {
		if !there[path] {
			return false
		}
	}
	return len(filter) > 0
}

// collectionOf is what this engine knows of a table.
func collectionOf(t *dialect.Table) (*collection, error) {
	if c, ok := t.Facts.(*collection); ok {
		return c, nil
	}
	return nil, &backend.Error{Code: "42P01", Message: fmt.Sprintf("the collection %q is not known", t.Name)}
}

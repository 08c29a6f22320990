package mongodb

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// field is what a column is in documents. It is a dialect.Column's Facts.
type field struct {
	// path is the field's name, behind those of the documents that it lies in; none for _document, which is the whole.
	path []string
	*pgType
	// sure says that the collection's validator lets nothing in that does not fit.
	sure bool
	// key says that the field is _id, which always is there.
	key     bool
	notNull bool
	// counted says that an INSERT without a value takes the next number of a counter.
	counted bool
	// collection is for messages.
	collection string
}

// collection is a dialect.Table's Facts.
type collection struct {
	name   string
	fields []*field
	// whole is the field _document, nil for a table that CREATE TABLE has made.
	whole *field
	// indexed are the fields that an index begins with.
	indexed map[string]bool
	// uniques are the fields of each unique index, and the names that clients know the indexes by.
	uniques []unique
	// collated says that the collection compares texts in another way than by bytes unless it is told to.
	collated bool
	// rows is the number of documents when the catalog was read.
	rows float64
}

// unique is a unique index.
type unique struct {
	name       string
	constraint string
	paths      []string
	// partial says that documents count only where all of paths are there.
	partial bool
}

// collation is how texts are to be compared: by bytes; nil where the collection does so.
func (c *collection) collation() *options.Collation {
	if !c.collated {
		return nil
	}
	return &options.Collation{Locale: "simple"}
}

// dotted is a path as the query language says it.
func (f *field) dotted() string { return strings.Join(f.path, ".") }

// plain says whether MongoDB's languages can say a path with dots: names with dots or dollars in them cannot.
func (f *field) plain() bool {
	for _, name := range f.path {
		if name == "" || strings.HasPrefix(name, "$") || strings.Contains(name, ".") {
			return false
		}
	}
	return len(f.path) > 0
}

// expr is the field's value as an aggregation expression; root is the document's, "$$ROOT" where it is the whole.
func (f *field) expr(root string) any {
	switch {
	case len(f.path) == 0:
		return root
	case len(f.path) == 1 && f.plain() && root == "$$ROOT":
		return "$" + f.path[0]
	case len(f.path) == 1 && f.plain():
		return root + "." + f.path[0]
	}
	// $getField takes any name, and does not look into arrays.
	var e any = root
	for _, name := range f.path {
		e = bson.D{{Key: "$getField", Value: bson.D{{Key: "field", Value: literal(name)}, {Key: "input", Value: e}}}}
	}
	return e
}

// in finds the field's value in a document; the zero value where it is missing.
func (f *field) in(document bson.Raw) bson.RawValue {
	if len(f.path) == 0 {
		return bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: document}
	}
	return f.inside(document)
}

// inside is in for fields that are not the whole document.
func (f *field) inside(document bson.Raw) bson.RawValue {
	for i, name := range f.path {
		v, err := document.LookupErr(name)
		if err != nil {
			return bson.RawValue{}
		}
		if i == len(f.path)-1 {
			return v
		}
		inner, ok := v.DocumentOK()
		if !ok {
			return bson.RawValue{}
		}
		document = inner
	}
	return bson.RawValue{}
}

// literal keeps a value from being read as an expression.
func literal(v any) any { return bson.D{{Key: "$literal", Value: v}} }

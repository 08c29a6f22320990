package mongodb

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// declaredField is a column that is declared.
type declaredField struct {
	name string
	*field
	// defaults is PostgreSQL's expression, "" for none.
	defaults string
	// allowed are the validator's names of BSON types.
	allowed []string
}

// validation is what a collection's validator says of its documents.
type validation struct {
	// own says that CREATE TABLE has made the collection.
	own     bool
	columns []declaredField
}

// What CREATE TABLE notes in descriptions of the validator: that of the whole, and what begins that of each column,
// before its type, the word identity, and the word default with an expression.
const (
	ownTable     = "postgres: table"
	columnPrefix = "postgres: "
	identityWord = " identity"
	defaultWord  = " default "
)

// schemaDocument is the part of a $jsonSchema that is of use here.
type schemaDocument struct {
	Schema struct {
		Description string   `bson:"description"`
		Required    []string `bson:"required"`
		Properties  bson.Raw `bson:"properties"`
	} `bson:"$jsonSchema"`
}

// property is what is said of one field.
type property struct {
	BSONType    any    `bson:"bsonType"`
	Description string `bson:"description"`
}

// validated reads a collection's validator.
func (e *engine) validated(d described) (validation, error) {
	var schema schemaDocument
	if len(d.Options.Validator) == 0 || bson.Unmarshal(d.Options.Validator, &schema) != nil {
		return validation{}, nil // another kind of validator
	}
	strict := (d.Options.ValidationLevel == "" || d.Options.ValidationLevel == "strict") && (d.Options.ValidationAction == "" || d.Options.ValidationAction == "error")
	v := validation{own: schema.Schema.Description == ownTable}
	properties, err := schema.Schema.Properties.Elements()
	if err != nil {
		return validation{}, nil // none
	}
	for _, element := range properties {
		var p property
		document, ok := element.Value().DocumentOK()
		if !ok || bson.Unmarshal(document, &p) != nil {
			continue
		}
		c := declaredField{name: element.Key(), field: &field{path: []string{element.Key()}, sure: strict, key: element.Key() == idName}}
		c.allowed = p.types()
		if !c.describe(p) {
			continue
		}
		if v.own && c.kind == jsons {
			own := *c.pgType
			own.verbatim, c.pgType = true, &own
		}
		c.notNull = c.key || slices.Contains(schema.Schema.Required, c.name) && len(c.allowed) > 0 && !slices.Contains(c.allowed, "null")
		v.columns = append(v.columns, c)
	}
	return v, nil
}

// types are the names that bsonType says, one or several.
func (p property) types() (all []string) {
	switch t := p.BSONType.(type) {
	case string:
		return []string{t}
	case bson.A:
		for _, name := range t {
			if name, ok := name.(string); ok {
				all = append(all, name)
			}
		}
	}
	return all
}

// describe finds the column's type: in what CREATE TABLE has noted, otherwise in bsonType, where that says enough.
func (c *declaredField) describe(p property) bool {
	if text, ok := strings.CutPrefix(p.Description, columnPrefix); ok {
		text, c.defaults, _ = strings.Cut(text, defaultWord)
		text, c.counted = strings.CutSuffix(text, identityWord)
		if t, err := parseType(text); err == nil {
			c.pgType = t
			return true
		}
	}
	s := &seen{types: map[bson.Type]bool{}, big: true}
	for _, name := range c.allowed {
		for t, known := range typeNames {
			if known == name && t != bson.TypeNull {
				s.types[t] = true
			}
		}
		if name == "number" || name == "binData" || name == "array" || name == "object" {
			return false // the sample says more
		}
	}
	if len(s.types) == 0 {
		return false
	}
	c.pgType = s.pgType()
	return true
}

// admits says whether the validator allows all that was seen of the field.
func (c *declaredField) admits(s *seen) bool {
	for t := range s.types {
		if !slices.Contains(c.allowed, typeNames[t]) {
			return false
		}
	}
	return true
}

package mongodb

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// Declared is what a user's schema file says, in YAML or JSON:
//
//	collections:
//	  orders:
//	    columns:            # in this order, before those that are found
//	      total: numeric(15,2)
//	      customer: objectid
//	      address.city: text  # a field of a document
//	    only: true          # no other fields but _id and _document
//
// The types are PostgreSQL's, and objectid, which clients see as text.
type Declared struct {
	Collections map[string]struct {
		Columns yaml.Node `yaml:"columns"`
		Only    bool      `yaml:"only"`
	} `yaml:"collections"`
}

// declaration is what is declared of one collection.
type declaration struct {
	columns []declaredColumn
	only    bool
}

// declaredColumn is one column of a declaration.
type declaredColumn struct {
	name string
	*pgType
}

// declarations are all of a file, by collection.
type declarations map[string]declaration

// readDeclarations reads a schema file; without a name there are none.
func readDeclarations(file string) (declarations, error) {
	if file == "" {
		return nil, nil
	}
	refused := func(detail string) error {
		return &backend.Error{Code: "22023", Message: fmt.Sprintf("the schema file %q of the databackend cannot be used", file), Detail: detail}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, refused(err.Error())
	}
	var declared Declared
	if err := yaml.Unmarshal(text, &declared); err != nil {
		return nil, refused(err.Error())
	}
	all := declarations{}
	for name, c := range declared.Collections {
		d := declaration{only: c.Only}
		for i := 0; i+1 < len(c.Columns.Content); i += 2 {
			column := declaredColumn{name: c.Columns.Content[i].Value}
			if column.pgType, err = parseType(c.Columns.Content[i+1].Value); err != nil {
				return nil, refused(fmt.Sprintf("The column %q of %q: %v.", column.name, name, err))
			}
			d.columns = append(d.columns, column)
		}
		all[name] = d
	}
	return all, nil
}

// path is the place of a declared column: dots lead into documents.
func (c declaredColumn) path() []string { return strings.Split(c.name, ".") }

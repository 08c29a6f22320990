package dialect

import (
	"fmt"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// scope is what a query block can name: its FROM items, and those of the blocks around it for EXISTS.
type scope struct {
	sources []source
	outer   *scope
}

// source is one named item of FROM.
type source struct {
	alias    string
	table    *Table
	subquery *Subquery
}

// column finds a column of the source, nil if there is none.
func (s *source) column(name string) *ColumnRef {
	if s.table != nil {
		if c := s.table.Column(name); c != nil {
			return &ColumnRef{Relation: s.alias, Column: c, Name: name, Type: c.Type}
		}
		return nil
	}
	for i, c := range s.subquery.Columns {
		if c == name {
			inner := s.subquery.Select.Columns[i]
			return &ColumnRef{Relation: s.alias, Inner: inner, Name: name, Type: inner.ResultType()}
		}
	}
	return nil
}

// source finds an item of FROM by its alias, here or further out; "" is the only item without one.
func (in *scope) source(alias string) *source {
	for at := in; at != nil; at = at.outer {
		for i := range at.sources {
			if s := &at.sources[i]; s.alias == alias || alias == "" && len(at.sources) == 1 {
				return s
			}
		}
	}
	return nil
}

// reference resolves a name that is not of a whole row.
func (in *scope) reference(n *pg_query.ColumnRef) (Expr, error) {
	alias, name := "", ""
	switch len(n.Fields) {
	case 1:
		name = n.Fields[0].GetString_().GetSval()
	case 2:
		alias, name = n.Fields[0].GetString_().GetSval(), n.Fields[1].GetString_().GetSval()
	}
	if name == "" {
		return nil, notCanonical("the name of a column")
	}
	s := in.source(alias)
	if s == nil {
		return nil, &ParseError{Code: "42P01", Message: fmt.Sprintf("missing FROM-clause entry for table %q", alias), Hidden: true}
	}
	if ref := s.column(name); ref != nil {
		ref.Relation = alias
		return ref, nil
	}
	if name == "ctid" && s.table != nil {
		return &RowID{Relation: alias}, nil
	}
	return nil, &ParseError{Code: "42703", Message: fmt.Sprintf("column %q does not exist", name)}
}

// wholeRow says which relation "r1.*" is of.
func wholeRow(n *pg_query.ColumnRef) (string, bool) {
	if len(n.GetFields()) != 2 || n.Fields[1].GetAStar() == nil {
		return "", false
	}
	return n.Fields[0].GetString_().GetSval(), true
}

package sqlparse

import (
	"sort"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
)

// schema is the schema in which the proxy shows its tables.
const schema = "pinnacle"

// finder collects the predict calls and the references to tables of the schema pinnacle in one statement.
type finder struct {
	text      string
	toks      []Token
	calls     []*Call
	relations []Relation
	searches  []*Search
	datasets  []*DatasetCall
	// table is the function in FROM that was met last.
	table *pg_query.RangeFunction
	// target is the item of a select list that was met last.
	target *pg_query.ResTarget
	err    error
}

// find looks through the statement. The first error ends up in err.
func (f *finder) find(stmt *pg_query.Node) {
	walkMessage(stmt, nil, func(m, parent proto.Message) bool {
		if f.err != nil {
			return false
		}
		switch m := m.(type) {
		case *pg_query.FuncCall:
			if name, ok := isFunction(m.Funcname); ok {
				f.err = misplaced(name, int(m.Location))
				return false
			}
			if err := f.search(m); err != nil {
				f.err = err
				return false
			}
			if err := f.dataset(m); err != nil {
				f.err = err
				return false
			}
			c, err := f.call(m)
			if err != nil {
				f.err = err
			} else if c != nil {
				f.calls = append(f.calls, c)
			}
		case *pg_query.RangeFunction:
			f.table = m
		case *pg_query.ResTarget:
			f.target = m
		case *pg_query.RangeVar:
			f.relation(m, parent)
		case *pg_query.ColumnRef:
			f.column(m)
		}
		return true
	})
	switch d := stmt.GetNode().(type) {
	case *pg_query.Node_DropStmt:
		if relationObject(d.DropStmt.RemoveType) {
			f.names()
		}
	case *pg_query.Node_CommentStmt:
		if relationObject(d.CommentStmt.Objtype) {
			f.names()
		}
	case *pg_query.Node_SecLabelStmt:
		if relationObject(d.SecLabelStmt.Objtype) {
			f.names()
		}
	}
}

// finish orders what was found by its place in the text and says which call stands in which.
func (f *finder) finish() ([]*Call, []Relation) {
	sort.Slice(f.calls, func(i, j int) bool { return f.calls[i].Span.Start < f.calls[j].Span.Start })
	var open []*Call
	for _, c := range f.calls {
		for len(open) > 0 && open[len(open)-1].Span.End <= c.Span.Start {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			c.Outer = open[len(open)-1]
		}
		open = append(open, c)
	}
	sort.SliceStable(f.relations, func(i, j int) bool { return f.relations[i].Span.Start < f.relations[j].Span.Start })
	return f.calls, f.relations
}

// relation notes a reference to a table.
func (f *finder) relation(r *pg_query.RangeVar, parent proto.Message) {
	if r.Schemaname != schema {
		return
	}
	parts := 2
	if r.Catalogname != "" {
		parts = 3
	}
	first := tokenFrom(f.toks, int(r.Location))
	last, ok := f.qualified(first, parts)
	if !ok {
		return
	}
	rel := Relation{Name: r.Relname, Span: Span{f.toks[first].Span.Start, f.toks[last].Span.End}, Aliased: r.Alias != nil,
		Target: !readsFrom(r, parent)}
	if _, ok := parent.(*pg_query.SelectStmt); ok && first > 0 && f.toks[first-1].Kind == pg_query.Token_TABLE {
		rel.Table = f.toks[first-1].Span
	}
	f.relations = append(f.relations, rel)
}

// qualified gives the index of the last token of a name of so many parts that begins at token i.
func (f *finder) qualified(i, parts int) (int, bool) {
	for ; i < len(f.toks); i++ {
		i = afterName(f.toks, i)
		if parts--; parts == 0 {
			return i - 1, true
		}
		if i >= len(f.toks) || f.toks[i].Kind != pg_query.Token_ASCII_46 {
			return 0, false
		}
	}
	return 0, false
}

// readsFrom reports whether a table that stands directly in parent is read there as in a FROM clause.
func readsFrom(r *pg_query.RangeVar, parent proto.Message) bool {
	switch p := parent.(type) {
	case *pg_query.SelectStmt, *pg_query.JoinExpr, *pg_query.RangeTableSample:
		return true
	case *pg_query.UpdateStmt:
		return r != p.Relation
	case *pg_query.DeleteStmt:
		return r != p.Relation
	case *pg_query.MergeStmt:
		return r != p.Relation
	case *pg_query.CopyStmt:
		return !p.IsFrom
	}
	return false
}

// column notes a column reference that is qualified by schema and table.
func (f *finder) column(c *pg_query.ColumnRef) {
	at := 0
	switch {
	case len(c.Fields) >= 3 && c.Fields[0].GetString_().GetSval() == schema:
	case len(c.Fields) >= 4 && c.Fields[1].GetString_().GetSval() == schema:
		at = 1
	default:
		return
	}
	first := tokenFrom(f.toks, int(c.Location))
	last, ok := f.qualified(first, at+1)
	if !ok || last+2 >= len(f.toks) {
		return
	}
	f.relations = append(f.relations, Relation{
		Name:   c.Fields[at+1].GetString_().GetSval(),
		Span:   Span{f.toks[first].Span.Start, f.toks[last+2].Span.Start},
		Column: true,
	})
}

// relationObject reports whether an object of the kind has a table's name.
func relationObject(t pg_query.ObjectType) bool {
	switch t {
	case pg_query.ObjectType_OBJECT_TABLE, pg_query.ObjectType_OBJECT_VIEW, pg_query.ObjectType_OBJECT_MATVIEW,
		pg_query.ObjectType_OBJECT_FOREIGN_TABLE, pg_query.ObjectType_OBJECT_INDEX, pg_query.ObjectType_OBJECT_SEQUENCE,
		pg_query.ObjectType_OBJECT_COLUMN, pg_query.ObjectType_OBJECT_TRIGGER, pg_query.ObjectType_OBJECT_RULE,
		pg_query.ObjectType_OBJECT_POLICY, pg_query.ObjectType_OBJECT_TABCONSTRAINT:
		return true
	}
	return false
}

// names notes tables from the tokens, in statements whose tree gives names without their place.
func (f *finder) names() {
	for i := 0; i+2 < len(f.toks); i++ {
		if (i > 0 && f.toks[i-1].Kind == pg_query.Token_ASCII_46) || f.toks[i+1].Kind != pg_query.Token_ASCII_46 {
			continue
		}
		if identifier(f.text, f.toks[i]) != schema {
			continue
		}
		f.relations = append(f.relations, Relation{Name: identifier(f.text, f.toks[i+2]),
			Span: Span{f.toks[i].Span.Start, f.toks[i+2].Span.End}, Target: true})
	}
}

package planner

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// scope is one query while it is looked at: what its columns stand for.
type scope struct {
	outer *scope
	// level are calls by their texts, of which all with the same text have the rank of the first.
	level map[string]*site
	// tables are what the query reads, by alias.
	tables map[string]*inlined
	// inlines says that some table, here or further out, is an inlined one.
	inlines bool
}

// inlined is a subquery in FROM that home makes a part of the query around it: its columns are evaluated where they are
// used. It is nil for any other table.
type inlined struct {
	scope *scope
	// columns are the expressions by name, all every expression of the select list.
	columns map[string]*pg_query.Node
	all     []term
	// open says that there are columns whose names are not known here.
	open bool
}

// joined is what the alias of a join stands for: every table so far.
func (s *scope) joined() *inlined {
	t := &inlined{open: true}
	for _, in := range s.tables {
		t.all = append(t.all, in.everything()...)
	}
	if len(t.all) == 0 {
		return nil
	}
	return t
}

func newScope(outer *scope) *scope {
	return &scope{outer: outer, level: map[string]*site{}, tables: map[string]*inlined{}, inlines: outer != nil && outer.inlines}
}

// add notes a table.
func (s *scope) add(alias string, t *inlined) {
	if s.tables[alias] = t; t != nil {
		s.inlines = true
	}
}

// resolve gives what a column stands for where that is an expression of an inlined subquery; a name that is several
// tables' stands for all of them.
func (s *scope) resolve(c *pg_query.ColumnRef) []term {
	for ; s != nil && s.inlines; s = s.outer {
		if terms, ok := s.own(c.Fields); ok {
			return terms
		}
	}
	return nil
}

// own is resolve among the query's own tables; it reports whether the column may be one of them.
func (s *scope) own(fields []*pg_query.Node) ([]term, bool) {
	last := fields[len(fields)-1]
	name := last.GetString_().GetSval()
	if len(fields) > 1 {
		t, ok := s.tables[fields[len(fields)-2].GetString_().GetSval()]
		if last.GetAStar() != nil {
			return t.everything(), ok
		}
		return t.column(name), ok
	}
	if last.GetAStar() == nil {
		if t, ok := s.tables[name]; ok { // a whole row
			return t.everything(), true
		}
	}
	var terms []term
	for _, t := range s.tables {
		if last.GetAStar() != nil {
			terms = append(terms, t.everything()...)
		} else {
			terms = append(terms, t.column(name)...)
		}
	}
	return terms, len(terms) > 0 || last.GetAStar() != nil
}

// everything is what a star stands for.
func (t *inlined) everything() []term {
	if t == nil {
		return nil
	}
	return t.all
}

// column is what a column stands for.
func (t *inlined) column(name string) []term {
	switch {
	case t == nil:
		return nil
	case t.columns[name] != nil:
		return []term{{t.columns[name], t.scope}}
	case t.open:
		return t.everything()
	}
	return nil
}

// newInlined reads the select list of a subquery, whose columns the alias may name.
func newInlined(sel *pg_query.SelectStmt, alias *pg_query.Alias, in *scope) *inlined {
	t := &inlined{scope: in, columns: map[string]*pg_query.Node{}}
	for i, n := range sel.TargetList {
		target := n.GetResTarget()
		t.all = append(t.all, term{target.GetVal(), in})
		name := target.GetName()
		if name == "" {
			name = sqlparse.FigureColumnName(target.GetVal())
		}
		if star(target.GetVal()) {
			t.open = true
		} else if i < len(alias.GetColnames()) {
			t.columns[alias.Colnames[i].GetString_().GetSval()] = target.GetVal()
		} else if name != "" {
			t.columns[name] = target.GetVal()
		}
	}
	if t.open && len(alias.GetColnames()) > 0 {
		t.columns = nil // the names are counted behind a star
	}
	return t
}

// star tells *, t.* and (row).*.
func star(n *pg_query.Node) bool {
	fields := n.GetColumnRef().GetFields()
	if n.GetAIndirection() != nil {
		fields = n.GetAIndirection().Indirection
	}
	return len(fields) > 0 && fields[len(fields)-1].GetAStar() != nil
}

// column looks at a column: one of an inlined subquery is evaluated where it is used.
func (r *ranker) column(c *pg_query.ColumnRef, at int) int {
	next := at
	from := r.scope
	for _, t := range from.resolve(c) {
		crossed := 0
		if from.tables != nil && !from.reads(t.scope) {
			crossed = 1 // out of a subquery
		}
		r.scope, r.cond = t.scope, r.cond+crossed
		next = max(next, r.expr(t.node, at))
		r.scope, r.cond = from, r.cond-crossed
	}
	return next
}

// reads reports whether one of the query's own tables is the subquery in.
func (s *scope) reads(in *scope) bool {
	for _, t := range s.tables {
		if t != nil && t.scope == in {
			return true
		}
	}
	return in == s
}

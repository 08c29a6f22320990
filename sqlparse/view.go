package sqlparse

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Reading is a relation that a statement reads by its name, as in a FROM clause.
type Reading struct {
	// Catalog and Schema are "" where the text has none.
	Catalog, Schema, Name string
	// NameSpan covers the name with its schema, Span also ONLY before it and * behind it.
	NameSpan, Span Span
	// Aliased says that an alias follows in the text.
	Aliased bool
	// Table covers the keyword of the statement TABLE name, in place of which SELECT * FROM is to be put before the
	// relation can become a subquery; zero elsewhere.
	Table Span
}

// Spelling is the name as PostgreSQL reads it in an argument of type regclass.
func (r *Reading) Spelling() string {
	name := QuoteIdentifier(r.Name)
	if r.Schema != "" {
		name = QuoteIdentifier(r.Schema) + "." + name
	}
	if r.Catalog != "" {
		name = QuoteIdentifier(r.Catalog) + "." + name
	}
	return name
}

// Qualifier is a schema before table and column (s.t.c, s.t.*).
type Qualifier struct {
	Schema, Name string
	// Span covers the schema, with a catalog before it, and its dot.
	Span Span
}

// Readings finds the relations that a statement reads, without those that are CTEs there and those that TABLESAMPLE stands
// behind, and the schemas before columns. There are none in a definition (of a view, a rule, a function), which keeps the
// names; CREATE MATERIALIZED VIEW is not taken for one.
func Readings(text string, span Span, node *pg_query.Node) ([]Reading, []Qualifier, error) {
	if defines(node) {
		return nil, nil, nil
	}
	at, err := NewLocator(text, span)
	if err != nil {
		return nil, nil, err
	}
	r := &reader{finder: finder{text: text, toks: at.toks}}
	r.onRelation = func(v *pg_query.RangeVar, parent proto.Message, cte bool) {
		if !cte && readsFrom(v, parent) && !sampled(parent) && !copied(parent) {
			if found, ok := r.reading(v, parent); ok {
				r.readings = append(r.readings, found)
			}
		}
	}
	r.onColumn = func(c *pg_query.ColumnRef, _ proto.Message) { r.qualifier(c) }
	r.walk(node.ProtoReflect(), nil, nil)
	return r.readings, r.qualifiers, nil
}

// defines reports whether a statement keeps its text for later.
func defines(n *pg_query.Node) bool {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_ExplainStmt:
		return defines(s.ExplainStmt.Query)
	case *pg_query.Node_CreateTableAsStmt, *pg_query.Node_SelectStmt, *pg_query.Node_InsertStmt, *pg_query.Node_UpdateStmt, *pg_query.Node_DeleteStmt, *pg_query.Node_MergeStmt,
		*pg_query.Node_CopyStmt, *pg_query.Node_DeclareCursorStmt, *pg_query.Node_PrepareStmt:
		return false
	}
	return true
}

// reader walks a statement with the names of CTEs that can be seen at each place.
type reader struct {
	finder
	// onRelation is told of each relation, onColumn of each column, with the nearest message above that is not a mere Node;
	// cte says that a name without a schema is that of a CTE, wherever such a name can be read.
	onRelation func(v *pg_query.RangeVar, parent proto.Message, cte bool)
	onColumn   func(c *pg_query.ColumnRef, parent proto.Message)

	readings   []Reading
	qualifiers []Qualifier
	// blocks are the query blocks around what is visited, outermost first, numbered as they are met; lastBlock is the last
	// number.
	blocks    []int
	lastBlock int
}

// walk visits a message and all below it; ctes are the names of CTEs that can be seen there.
func (r *reader) walk(m protoreflect.Message, parent proto.Message, ctes []string) {
	if !m.IsValid() {
		return
	}
	switch msg := m.Interface().(type) {
	case *pg_query.Node:
		if fd := m.WhichOneof(m.Descriptor().Oneofs().Get(0)); fd != nil {
			r.walk(m.Get(fd).Message(), parent, ctes)
		}
		return
	case *pg_query.RangeVar:
		r.onRelation(msg, parent, msg.Schemaname == "" && slices.Contains(ctes, msg.Relname))
		return
	case *pg_query.ColumnRef:
		r.onColumn(msg, parent)
		return
	case *pg_query.A_Const, *pg_query.String, *pg_query.Integer:
		return
	case *pg_query.MultiAssignRef: // SET (a, b) = source has the source once for each column
		if msg.Colno > 1 {
			return
		}
	}
	if isBlock(m.Interface()) {
		r.lastBlock++
		r.blocks = append(r.blocks, r.lastBlock)
		defer func() { r.blocks = r.blocks[:len(r.blocks)-1] }()
	}
	if with, ok := m.Interface().(interface{ GetWithClause() *pg_query.WithClause }); ok && with.GetWithClause() != nil {
		ctes = r.with(with.GetWithClause(), ctes)
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Kind() != protoreflect.MessageKind || !m.Has(fd) || fd.Name() == "with_clause" {
			continue
		}
		if !fd.IsList() {
			r.walk(m.Get(fd).Message(), m.Interface(), ctes)
			continue
		}
		for list, j := m.Get(fd).List(), 0; j < list.Len(); j++ {
			r.walk(list.Get(j).Message(), m.Interface(), ctes)
		}
	}
}

// isBlock reports whether a message is a query block: a statement whose expressions see the relations that it names.
func isBlock(m proto.Message) bool {
	switch m.(type) {
	case *pg_query.SelectStmt, *pg_query.InsertStmt, *pg_query.UpdateStmt, *pg_query.DeleteStmt, *pg_query.MergeStmt:
		return true
	}
	return false
}

// with visits the CTEs of a WITH clause and gives the names that can be seen behind it.
func (r *reader) with(w *pg_query.WithClause, ctes []string) []string {
	all := slices.Clone(ctes)
	if w.Recursive {
		for _, n := range w.Ctes {
			all = append(all, n.GetCommonTableExpr().GetCtename())
		}
	}
	for _, n := range w.Ctes {
		r.walk(n.ProtoReflect(), nil, all)
		if !w.Recursive {
			all = append(slices.Clone(all), n.GetCommonTableExpr().GetCtename())
		}
	}
	return all
}

func sampled(parent proto.Message) bool {
	_, ok := parent.(*pg_query.RangeTableSample)
	return ok
}

// copied reports whether a relation is that of COPY name TO, which reads no view.
func copied(parent proto.Message) bool {
	_, ok := parent.(*pg_query.CopyStmt)
	return ok
}

// reading finds a relation's place in the text.
func (r *reader) reading(v *pg_query.RangeVar, parent proto.Message) (Reading, bool) {
	parts := 1
	if v.Schemaname != "" {
		parts++
	}
	if v.Catalogname != "" {
		parts++
	}
	first := tokenFrom(r.toks, int(v.Location))
	last, ok := r.qualified(first, parts)
	if !ok {
		return Reading{}, false
	}
	found := Reading{Catalog: v.Catalogname, Schema: v.Schemaname, Name: v.Relname, Aliased: v.Alias != nil,
		NameSpan: Span{r.toks[first].Span.Start, r.toks[last].Span.End}}
	found.Span = found.NameSpan
	kind := func(i int) pg_query.Token {
		if i < 0 || i >= len(r.toks) {
			return pg_query.Token_NUL
		}
		return r.toks[i].Kind
	}
	switch {
	case v.Inh && kind(last+1) == pg_query.Token_ASCII_42: // name *
		found.Span.End = r.toks[last+1].Span.End
	case !v.Inh && kind(first-1) == pg_query.Token_ONLY:
		first--
		found.Span.Start = r.toks[first].Span.Start
	case !v.Inh && kind(first-1) == pg_query.Token_ASCII_40 && kind(first-2) == pg_query.Token_ONLY && kind(last+1) == pg_query.Token_ASCII_41:
		first -= 2
		found.Span = Span{r.toks[first].Span.Start, r.toks[last+1].Span.End}
	}
	if _, ok := parent.(*pg_query.SelectStmt); ok && kind(first-1) == pg_query.Token_TABLE {
		found.Table = r.toks[first-1].Span
	}
	return found, true
}

// qualifier notes the schema before a column.
func (r *reader) qualifier(c *pg_query.ColumnRef) {
	n := len(c.Fields)
	if n < 3 || n > 4 {
		return
	}
	first := tokenFrom(r.toks, int(c.Location))
	last, ok := r.qualified(first, n-2)
	if !ok || last+2 >= len(r.toks) {
		return
	}
	r.qualifiers = append(r.qualifiers, Qualifier{
		Schema: c.Fields[n-3].GetString_().GetSval(), Name: c.Fields[n-2].GetString_().GetSval(),
		Span: Span{r.toks[first].Span.Start, r.toks[last+2].Span.Start},
	})
}

// MadeView gives the name under which a statement makes a view, or that it gives to a relation; "" for any other statement.
func MadeView(n *pg_query.Node) string {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_ViewStmt:
		return s.ViewStmt.GetView().GetRelname()
	case *pg_query.Node_RenameStmt:
		if t := s.RenameStmt.RenameType; t == pg_query.ObjectType_OBJECT_VIEW || t == pg_query.ObjectType_OBJECT_TABLE {
			return s.RenameStmt.Newname
		}
	}
	return ""
}

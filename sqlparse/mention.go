package sqlparse

import (
	"cmp"
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
)

// Use says what a statement does with a relation that it names.
type Use uint8

// The uses of relations.
const (
	// Read is a relation in FROM, USING and the like.
	Read Use = iota
	// Inserted, Updated, Deleted and Merged are the target of such a statement.
	Inserted
	Updated
	Deleted
	Merged
	// CopiedTo is that of COPY name TO, CopiedFrom of COPY name FROM.
	CopiedTo
	CopiedFrom
	// Truncated is one of those of TRUNCATE.
	Truncated
)

// refers reports whether expressions may refer to whole rows of such a relation. Those of INSERT's own target stand in
// RETURNING only, where the row's type is of less weight than where the row goes.
func (u Use) refers() bool { return u == Read || u == Updated || u == Deleted || u == Merged }

// Mention is a relation that a statement names to read or change its rows.
type Mention struct {
	Reading
	Use Use
	// Ref is the name by which the statement's expressions refer to it: its alias, or its name.
	Ref string
	// Only says that the rows of tables that inherit from it are left out.
	Only bool
	// Sampled says that TABLESAMPLE follows.
	Sampled bool
	// Columns covers the list of columns of COPY name (columns) TO with its parentheses, zero where there is none.
	Columns Span
	// block is the query block that it stands in.
	block int
}

// Mentions are what a statement names to read or change rows, and what decides whether another relation of the same name
// and columns, in another schema, can stand there with the same answer.
type Mentions struct {
	Relations  []Mention
	Qualifiers []Qualifier
	// rows are the names that may mean a row with its type.
	rows []rowName
	// Grouped says that a column may stand beside GROUP BY because a primary key is grouped by, which holds only for the
	// relation that has the key.
	Grouped bool
	// Kept says that the statement is not analysed before it is run: it is part of PREPARE, EXPLAIN and the like.
	Kept bool
}

// rowName is the name of a column or of a relation that stands alone, or the relation of name.*, with the query blocks around
// it: only relations of these can be meant.
type rowName struct {
	name   string
	blocks []int
}

// FindMentions finds the relations that a statement reads or changes. There are none in a definition (of a view, a rule, a
// function), which keeps the names.
func FindMentions(text string, span Span, node *pg_query.Node) (*Mentions, error) {
	if keepsNames(node) {
		return &Mentions{}, nil
	}
	at, err := NewLocator(text, span)
	if err != nil {
		return nil, err
	}
	m := &Mentions{Kept: utility(node)}
	r := &reader{finder: finder{text: text, toks: at.toks}}
	r.onRelation = func(v *pg_query.RangeVar, parent proto.Message, cte bool) {
		use, ok := useOf(v, parent)
		if !ok || cte && use == Read {
			return
		}
		if found, ok := r.mention(v, parent, use); ok {
			if len(r.blocks) > 0 {
				found.block = r.blocks[len(r.blocks)-1]
			}
			m.Relations = append(m.Relations, found)
		}
	}
	r.onColumn = func(c *pg_query.ColumnRef, parent proto.Message) {
		m.wholeRow(c, parent, r.blocks)
		r.qualifier(c)
	}
	r.walk(node.ProtoReflect(), nil, nil)
	m.Qualifiers, m.Grouped = r.qualifiers, dependent(node)
	return m, nil
}

// keepsNames reports whether a statement is about names or keeps them, rather than reads or changes rows.
func keepsNames(n *pg_query.Node) bool {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_TruncateStmt:
		return false
	case *pg_query.Node_CreateTableAsStmt:
		return s.CreateTableAsStmt.Objtype == pg_query.ObjectType_OBJECT_MATVIEW
	case *pg_query.Node_ExplainStmt:
		return keepsNames(s.ExplainStmt.Query)
	}
	return defines(n)
}

// utility reports whether PostgreSQL analyses a statement only when it is run.
func utility(n *pg_query.Node) bool {
	switch n.GetNode().(type) {
	case *pg_query.Node_SelectStmt, *pg_query.Node_InsertStmt, *pg_query.Node_UpdateStmt, *pg_query.Node_DeleteStmt, *pg_query.Node_MergeStmt:
		return false
	}
	return true
}

// useOf says what a statement does with a relation that stands directly in parent; ok is false where it neither reads nor
// changes rows: the target of SELECT INTO, the relations of FOR UPDATE OF.
func useOf(v *pg_query.RangeVar, parent proto.Message) (use Use, ok bool) {
	switch p := parent.(type) {
	case *pg_query.SelectStmt, *pg_query.JoinExpr, *pg_query.RangeTableSample:
		return Read, true
	case *pg_query.InsertStmt:
		return Inserted, true
	case *pg_query.UpdateStmt:
		return either(v == p.Relation, Updated), true
	case *pg_query.DeleteStmt:
		return either(v == p.Relation, Deleted), true
	case *pg_query.MergeStmt:
		return either(v == p.Relation, Merged), true
	case *pg_query.CopyStmt:
		if p.IsFrom {
			return CopiedFrom, true
		}
		return CopiedTo, true
	case *pg_query.TruncateStmt:
		return Truncated, true
	}
	return Read, false
}

// either is use for a statement's target, and Read for what else stands in it.
func either(target bool, use Use) Use {
	if target {
		return use
	}
	return Read
}

// mention finds a relation's place in the text.
func (r *reader) mention(v *pg_query.RangeVar, parent proto.Message, use Use) (Mention, bool) {
	found, ok := r.reading(v, parent)
	m := Mention{Reading: found, Use: use, Ref: v.Relname, Only: !v.Inh, Sampled: sampled(parent)}
	if v.Alias != nil {
		m.Ref = v.Alias.Aliasname
	}
	if next := tokenFrom(r.toks, found.Span.End); use == CopiedTo && next < len(r.toks) && r.toks[next].Kind == pg_query.Token_ASCII_40 {
		if end := closingParen(r.toks, next); end > 0 && len(parent.(*pg_query.CopyStmt).Attlist) > 0 {
			m.Columns = Span{r.toks[next].Span.Start, r.toks[end].Span.End}
		}
	}
	return m, ok
}

// wholeRow notes a reference that may mean a row with its type: a name that stands alone, a relation with its schema, and
// relation.* where it is not a list of columns.
func (m *Mentions) wholeRow(c *pg_query.ColumnRef, parent proto.Message, blocks []int) {
	note := func(n *pg_query.Node) {
		m.rows = append(m.rows, rowName{n.GetString_().GetSval(), slices.Clone(blocks)})
	}
	n := len(c.Fields)
	last := c.Fields[n-1]
	_, listed := parent.(*pg_query.ResTarget)
	switch {
	case last.GetAStar() != nil && n > 1 && !listed:
		note(c.Fields[n-2])
	case last.GetAStar() == nil && n <= 3:
		note(last)
	}
}

// Place is what stands for a mentioned relation in a spliced statement.
type Place struct {
	// Schema is that of the relation that takes its place under the same name; "" leaves the mention as it is.
	Schema string
	// Parent is the schema that the mentioned relation is in.
	Parent string
	// Columns are those that COPY name TO gives where it names none; "" stands for all.
	Columns string
}

// Splice gives the edits that put relations of the same names, from other schemas, in place of mentioned ones: places has
// one for each of Relations. With ok false the statement cannot be edited without a doubt whether it means the same then.
func (m *Mentions) Splice(text string, places []Place) (edits []Edit, ok bool) {
	type name struct{ schema, name string }
	moved, stay := map[name]string{}, map[name]bool{}
	for i, r := range m.Relations {
		p := places[i]
		if p.Schema == "" {
			stay[name{p.Parent, r.Name}] = stay[name{p.Parent, r.Name}] || !r.Aliased
			continue
		}
		meant := func(n rowName) bool { return n.name == r.Ref && slices.Contains(n.blocks, r.block) }
		if r.Sampled || r.Use.refers() && slices.ContainsFunc(m.rows, meant) {
			return nil, false
		}
		edits = append(edits, r.edit(text, p))
		if !r.Aliased {
			moved[name{p.Parent, r.Name}] = p.Schema
		}
	}
	for _, q := range m.Qualifiers {
		at := name{q.Schema, q.Name}
		to, found := moved[at]
		if !found {
			continue
		}
		if stay[at] {
			return nil, false
		}
		edits = append(edits, Edit{Span: q.Span, Text: QuoteIdentifier(to) + "."})
	}
	return edits, true
}

// edit puts a relation's namesake in its place. COPY TO takes no foreign table, but its rows as a query's.
func (r *Mention) edit(text string, p Place) Edit {
	name := QuoteIdentifier(p.Schema) + "." + QuoteIdentifier(r.Name)
	if r.Use != CopiedTo {
		return Edit{Span: r.NameSpan, Text: name}
	}
	columns, end := cmp.Or(p.Columns, "*"), r.Span.End
	if r.Columns != (Span{}) {
		columns, end = text[r.Columns.Start+1:r.Columns.End-1], r.Columns.End
	}
	return Edit{Span: Span{r.Span.Start, end}, Text: "(SELECT " + columns + " FROM " + name + ")"}
}

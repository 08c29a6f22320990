package sqlparse

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Upsert is an INSERT … ON CONFLICT that says for which conflict, taken apart. Spans are empty for parts that are not there.
type Upsert struct {
	// With covers the WITH clause with its keyword, Name the target's name with its schema.
	With, Name Span
	// Alias is the target's alias, "" for none, and Table its name.
	Alias, Table string
	// Columns are those that are given values; nil: the table's first ones, as many as there are values.
	Columns []string
	// Rows are the values of VALUES, Query another source. With neither all columns have their defaults.
	Rows  [][]UpsertValue
	Query Span
	// Keys are the columns of ON CONFLICT (…), or Constraint is the name that it has.
	Keys       []string
	Constraint string
	// Update says DO UPDATE; Set covers what follows SET, Where what follows the WHERE behind it.
	Update     bool
	Set, Where Span
	Returning  Span
	// Odd says what of the statement is none of these; "" for nothing.
	Odd string
}

// UpsertValue is one value of VALUES.
type UpsertValue struct {
	Span    Span
	Default bool
}

// FindUpsert takes a statement apart that is INSERT … ON CONFLICT and says for which conflict; nil for any other.
func FindUpsert(text string, span Span, node *pg_query.Node) (*Upsert, error) {
	s := node.GetInsertStmt()
	c := s.GetOnConflictClause()
	update := c.GetAction() == pg_query.OnConflictAction_ONCONFLICT_UPDATE
	if c == nil || !update && c.Infer == nil {
		return nil, nil
	}
	at, err := NewLocator(text, span)
	if err != nil {
		return nil, err
	}
	u := &Upsert{Table: s.Relation.Relname, Alias: s.Relation.Alias.GetAliasname(), Update: update}
	p := &upsertParts{finder: finder{text: text, toks: at.toks}, u: u}
	u.target(s, c)
	if !p.places(s) {
		u.Odd = "this form of ON CONFLICT"
	}
	return u, nil
}

// target reads columns and conflict from the tree.
func (u *Upsert) target(s *pg_query.InsertStmt, c *pg_query.OnConflictClause) {
	for _, n := range s.Cols {
		t := n.GetResTarget()
		u.Columns = append(u.Columns, t.GetName())
		if len(t.GetIndirection()) > 0 {
			u.Odd = "a part of a column"
		}
	}
	u.Constraint = c.Infer.GetConname()
	if c.Infer.GetWhereClause() != nil {
		u.Odd = "a conflict with a partial index"
	}
	for _, n := range c.Infer.GetIndexElems() {
		e := n.GetIndexElem()
		if e.GetName() == "" || len(e.GetCollation()) > 0 || len(e.GetOpclass()) > 0 {
			u.Odd = "a conflict over an expression"
		}
		u.Keys = append(u.Keys, e.GetName())
	}
	if len(u.Keys) == 0 && u.Constraint == "" {
		u.Odd = "DO UPDATE without a conflict" // PostgreSQL has an error of its own
	}
}

// upsertParts is the search for the parts' places.
type upsertParts struct {
	finder
	u *Upsert
}

// places finds them.
func (p *upsertParts) places(s *pg_query.InsertStmt) bool {
	toks := p.toks
	name := tokenFrom(toks, int(s.Relation.Location))
	parts := 1
	if s.Relation.Schemaname != "" {
		parts++
	}
	if s.Relation.Catalogname != "" {
		parts++
	}
	last, ok := p.qualified(name, parts)
	if !ok || name < 2 {
		return false
	}
	p.u.Name = Span{toks[name].Span.Start, toks[last].Span.End}
	if toks[0].Kind == pg_query.Token_WITH {
		p.u.With = spanOfTokens(toks[:name-2]) // without INSERT INTO
	}
	conflict := p.conflict()
	if conflict < 0 {
		return false
	}
	return p.source(s, last+1, conflict) && p.action(conflict)
}

// conflict is the index of the ON of ON CONFLICT, which is the last one that an action follows.
func (p *upsertParts) conflict() int {
	for i := len(p.toks) - 3; i > 0; i-- {
		if p.toks[i].Kind == pg_query.Token_ON && p.toks[i+1].Kind == pg_query.Token_CONFLICT {
			next := p.toks[i+2].Kind
			if next == pg_query.Token_ASCII_40 || next == pg_query.Token_ON || next == pg_query.Token_DO {
				return i
			}
		}
	}
	return -1
}

// source finds what is to be inserted, between the token behind the name and ON CONFLICT.
func (p *upsertParts) source(s *pg_query.InsertStmt, from, to int) bool {
	toks := p.toks
	if s.Relation.Alias != nil {
		if toks[from].Kind == pg_query.Token_AS {
			from++
		}
		from = afterName(toks, from)
	}
	if len(s.Cols) > 0 {
		if from = closingParen(toks, from) + 1; from == 0 {
			return false
		}
	}
	if from < to && toks[from].Kind == pg_query.Token_OVERRIDING {
		from += 3 // OVERRIDING SYSTEM VALUE
	}
	if from >= to {
		return false
	}
	q := s.SelectStmt.GetSelectStmt()
	plain := q != nil && len(q.ValuesLists) > 0 && len(q.SortClause) == 0 && q.LimitCount == nil && q.LimitOffset == nil && q.WithClause == nil
	switch {
	case s.SelectStmt == nil: // DEFAULT VALUES
		return true
	case !plain || toks[from].Kind != pg_query.Token_VALUES:
		p.u.Query = spanOfTokens(toks[from:to])
		return true
	}
	for i := from + 1; i < to; i++ {
		if toks[i].Kind != pg_query.Token_ASCII_40 {
			return false
		}
		var row []UpsertValue
		for _, span := range listSpans(toks, i) {
			row = append(row, UpsertValue{Span: span})
		}
		p.u.Rows = append(p.u.Rows, row)
		i = closingParen(toks, i) + 1 // and the comma behind it
	}
	return p.defaults(q)
}

// defaults notes which values are DEFAULT.
func (p *upsertParts) defaults(q *pg_query.SelectStmt) bool {
	if len(p.u.Rows) != len(q.ValuesLists) {
		return false
	}
	for i, row := range p.u.Rows {
		items := q.ValuesLists[i].GetList().GetItems()
		if len(items) != len(row) {
			return false
		}
		for j := range row {
			row[j].Default = items[j].GetSetToDefault() != nil
		}
	}
	return true
}

// action finds what follows ON CONFLICT.
func (p *upsertParts) action(conflict int) bool {
	toks := p.toks
	var set, where, returning int
	for i, depth := conflict, 0; i < len(toks); i++ {
		switch {
		case opens(toks[i]):
			depth++
		case closes(toks[i]):
			depth--
		case depth > 0 || label(toks, i):
		case toks[i].Kind == pg_query.Token_SET && set == 0 && toks[i-1].Kind == pg_query.Token_UPDATE:
			set = i
		case toks[i].Kind == pg_query.Token_WHERE && set > 0 && where == 0:
			where = i
		case toks[i].Kind == pg_query.Token_RETURNING && returning == 0:
			returning = i
		}
	}
	end := len(toks)
	if returning > 0 {
		p.u.Returning = spanOfTokens(toks[returning+1:])
		end = returning
	}
	if where > 0 {
		p.u.Where = spanOfTokens(toks[where+1 : end])
		end = where
	}
	if set > 0 {
		p.u.Set = spanOfTokens(toks[set+1 : end])
	}
	return set > 0 == p.u.Update
}

package planner

import (
	"fmt"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// derived is the query that FROM of another consists of: a subquery, or a common table expression that is read once.
type derived struct {
	query *pg_query.SelectStmt
	shape *sqlparse.SelectShape
	// alias is the name of its rows in the outer query, and with what its FROM may name.
	alias, with string
	// materialized says that it gives all its rows and columns, whatever the outer query makes of them.
	materialized bool
	// columns stand for its columns with calls, by name.
	columns map[string]*site
}

// aheadOfDerived is ahead for a query over nothing but a derived one, in which all calls stand. PostgreSQL computes of its
// columns those that the outer query evaluates, for the rows for which it does.
func (b *shipBuilder) aheadOfDerived(sel *pg_query.SelectStmt, shape *sqlparse.SelectShape) {
	d := b.derivedOf(sel, shape)
	if d == nil {
		return
	}
	inner, ok := b.conditionsOf(d.shape)
	if !ok {
		return
	}
	outer, used, ok := b.usedOf(d, sel, shape)
	if !ok || !b.plainRows(d.query) && (outer != "" || !used.whole()) {
		return // a condition may reach into it, or not
	}
	asks := asking{}
	if d.materialized || len(d.query.DistinctClause) > 0 {
		b.evaluatedLists(d.query, asks)
	} else {
		b.evaluatedUsed(d, used, asks)
	}
	from := aheadFrom{with: d.with, from: d.shape.From.Of(b.req.Text), cond: inner, table: b.req.Node.GetDeclareCursorStmt() == nil && d.with == "" &&
		len(d.query.FromClause) == 1 && d.query.FromClause[0].GetRangeVar() != nil}
	if outer != "" || !used.whole() {
		from.outer = &aheadOuter{alias: d.alias, cond: outer, columns: b.otherColumns(d)}
	}
	b.aheadOfAll(asks, from)
	b.joint(d.query, d.shape)
}

// derivedOf finds the derived query of FROM; nil where there is another FROM, or calls elsewhere in the statement.
func (b *shipBuilder) derivedOf(sel *pg_query.SelectStmt, shape *sqlparse.SelectShape) *derived {
	if len(sel.FromClause) != 1 {
		return nil
	}
	d := &derived{columns: map[string]*site{}}
	open := -1
	toks := b.at.Tokens()
	switch item := sel.FromClause[0].GetNode().(type) {
	case *pg_query.Node_RangeSubselect:
		if item.RangeSubselect.Lateral || len(item.RangeSubselect.Alias.GetColnames()) > 0 {
			return nil
		}
		d.query, d.alias, d.with = item.RangeSubselect.Subquery.GetSelectStmt(), item.RangeSubselect.Alias.GetAliasname(), shape.With.Of(b.req.Text)
		open = b.at.After(shape.From.Start)
	case *pg_query.Node_RangeVar:
		ctes := sel.WithClause.GetCtes()
		if len(ctes) != 1 || sel.WithClause.Recursive || item.RangeVar.Schemaname != "" || len(item.RangeVar.Alias.GetColnames()) > 0 {
			return nil
		}
		c := ctes[0].GetCommonTableExpr()
		d.materialized = c.Ctematerialized == pg_query.CTEMaterialize_CTEMaterializeAlways
		if c.Ctename != item.RangeVar.Relname || len(c.Aliascolnames) > 0 || b.references(c.Ctename) != 1 || d.materialized && sel.WhereClause != nil {
			return nil
		}
		d.query, d.alias = c.Ctequery.GetSelectStmt(), tableName(item.RangeVar)
		open = b.openingFrom(b.at.After(int(c.Location)))
	}
	if d.query == nil || open < 0 || open >= len(toks) || toks[open].Kind != pg_query.Token_ASCII_40 {
		return nil
	}
	q := d.query
	span := b.span(open+1, b.at.Closing(open))
	for _, s := range b.sites {
		if s.call.Span.Start < span.Start || s.call.Span.End > span.End {
			return nil
		}
	}
	if q.Op != pg_query.SetOperation_SETOP_NONE || len(q.ValuesLists) > 0 || len(q.FromClause) == 0 || len(q.LockingClause) > 0 || q.WithClause != nil ||
		q.LimitCount != nil || q.LimitOffset != nil || b.shiftingRows(q) {
		return nil
	}
	var err error
	if d.shape, err = sqlparse.ShapeOf(b.req.Text, span, q); err != nil || b.hasSite(d.shape.From) {
		return nil
	}
	for _, t := range d.shape.Targets {
		if b.hasSite(t.Expr) {
			d.columns[t.Name] = &site{}
		}
	}
	if d.alias == "" {
		d.alias = "pinnacle_derived"
	}
	return d
}

// openingFrom is the index of the first opening parenthesis from token i on.
func (b *shipBuilder) openingFrom(i int) int {
	toks := b.at.Tokens()
	for ; i >= 0 && i < len(toks); i++ {
		if toks[i].Kind == pg_query.Token_ASCII_40 {
			return i
		}
	}
	return -1
}

// references counts how often a name of FROM stands in the statement.
func (b *shipBuilder) references(name string) int {
	n := 0
	sqlparse.Walk(b.req.Node, func(node *pg_query.Node) bool {
		if node.GetRangeVar().GetRelname() == name {
			n++
		}
		return true
	})
	return n
}

// conditionsOf are the terms of a query's WHERE; ok is false where calls are among them.
func (b *shipBuilder) conditionsOf(shape *sqlparse.SelectShape) (cond string, ok bool) {
	var terms []string
	for _, term := range shape.Terms {
		if b.hasSite(term) {
			return "", false
		}
		terms = append(terms, "("+term.Of(b.req.Text)+")")
	}
	return strings.Join(terms, " AND "), true
}

// usedOf says under which conditions the outer query evaluates the columns with calls of the derived one, and which other
// conditions its rows meet.
func (b *shipBuilder) usedOf(d *derived, sel *pg_query.SelectStmt, shape *sqlparse.SelectShape) (cond string, used asking, ok bool) {
	terms := flatten(sel.WhereClause)
	if sel.WhereClause != nil && len(terms) != len(shape.Terms) {
		return "", nil, false
	}
	b.derived = d
	defer func() { b.derived = nil }()
	used = asking{}
	var conds []string
	filters := 0
	for i, term := range shape.Terms {
		if b.namesDerived(terms[i]) {
			filters++
			b.evaluated(terms[i], "", true, used)
			continue
		}
		conds = append(conds, "("+term.Of(b.req.Text)+")")
	}
	if filters == 0 {
		b.evaluatedLists(sel, used)
	}
	return strings.Join(conds, " AND "), used, filters <= 1
}

// namesDerived reports whether an expression may read a column with calls of the derived query that is looked at.
func (b *shipBuilder) namesDerived(n *pg_query.Node) bool {
	if b.derived == nil {
		return false
	}
	found := false
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if f := n.GetColumnRef().GetFields(); len(f) > 0 {
			name := f[len(f)-1].GetString_().GetSval()
			found = found || name == "" || b.derived.columns[name] != nil || name == b.derived.alias
		}
		return !found
	})
	return found
}

// evaluatedColumn notes that a column of a derived query is evaluated; a star is all of them.
func (b *shipBuilder) evaluatedColumn(c *pg_query.ColumnRef, when string, asks asking) {
	if b.derived == nil || len(c.Fields) > 2 || len(c.Fields) == 2 && c.Fields[0].GetString_().GetSval() != b.derived.alias {
		return
	}
	last := c.Fields[len(c.Fields)-1]
	for name, column := range b.derived.columns {
		if last.GetAStar() != nil || last.GetString_().GetSval() == name {
			asks.add(column, when)
		}
	}
}

// evaluatedUsed notes the calls of a derived query that are made for what is used of it.
func (b *shipBuilder) evaluatedUsed(d *derived, used, asks asking) {
	b.evaluatedAll(d.query.GroupClause, "", asks)
	for i, t := range d.shape.Targets {
		column := d.columns[t.Name]
		when, ok := used.condition(column)
		if column == nil || !ok {
			continue
		}
		own := asking{}
		if d.query.HavingClause == nil {
			b.evaluated(d.query.TargetList[i], "", false, own)
		} else {
			b.evaluatedAll(b.aggregated(d.query.TargetList[i]), "", own)
		}
		for s, conds := range own {
			for _, c := range conds {
				asks.addOuter(s, c.inner, when)
			}
		}
	}
}

// plainRows reports whether a query gives a row for each row of its FROM that its conditions leave, so that PostgreSQL may put
// it in the place of its name, or apply the conditions above it first.
func (b *shipBuilder) plainRows(q *pg_query.SelectStmt) bool {
	if len(q.GroupClause) > 0 || q.HavingClause != nil || len(q.WindowClause) > 0 || len(q.DistinctClause) > 0 {
		return false
	}
	plain := true
	for _, t := range q.TargetList {
		sqlparse.Walk(t, func(n *pg_query.Node) bool {
			if f := n.GetFuncCall(); f != nil && b.byFn[f] == nil {
				_, special := b.kinds[functionName(f)]
				plain = plain && !special && f.Over == nil && !aggregate(f, b.kinds)
			}
			return plain
		})
	}
	return plain
}

// otherColumns are the columns of a derived query without calls.
func (b *shipBuilder) otherColumns(d *derived) []string {
	var columns []string
	for _, t := range d.shape.Targets {
		if !b.hasSite(t.Expr) {
			columns = append(columns, t.Span.Of(b.req.Text))
		}
	}
	return columns
}

// aheadOuter is what aheadFrom is a derived query of: the outer query's name for it, condition, and those of its columns that
// hold no calls.
type aheadOuter struct {
	alias, cond string
	columns     []string
}

// query is the statement, without SELECT, that reads the arguments of a call which is made under a condition.
func (from aheadFrom) query(items []string, c rowCondition) string {
	if from.outer == nil {
		return strings.Join(items, ", ") + " FROM " + from.from + where(from.cond, c.inner)
	}
	columns := append([]string(nil), from.outer.columns...)
	alias := sqlparse.QuoteIdentifier(from.outer.alias)
	var outer []string
	for i, item := range items {
		columns = append(columns, fmt.Sprintf("%s AS pinnacle_a%d", item, i))
		outer = append(outer, fmt.Sprintf("%s.pinnacle_a%d", alias, i))
	}
	return strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(columns, ", ") + " FROM " + from.from + where(from.cond, c.inner) + ") AS " + alias + where(from.outer.cond, c.outer)
}

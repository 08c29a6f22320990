package conformance

import (
	"slices"
	"strconv"
	"strings"
)

// query is a random SELECT in parts, of which those that are not needed for a difference can be left out.
type query struct {
	with     string
	distinct bool
	items    []string
	from     string
	where    []string
	group    []string
	having   string
	// ordered sales by every output column, so wholly but for rows that are the same.
	ordered bool
	desc    []string
	limit   string
	// tail is a set operation with another query.
	tail string
}

// text is the statement.
func (q *query) text() string {
	var b strings.Builder
	b.WriteString(q.with + "SELECT ")
	if q.distinct {
		b.WriteString("DISTINCT ")
	}
	b.WriteString(strings.Join(q.items, ", ") + " FROM " + q.from)
	if len(q.where) > 0 {
		b.WriteString(" WHERE " + strings.Join(q.where, " AND "))
	}
	if len(q.group) > 0 {
		b.WriteString(" GROUP BY " + strings.Join(q.group, ", "))
	}
	if q.having != "" {
		b.WriteString(" HAVING " + q.having)
	}
	b.WriteString(q.tail)
	if q.ordered {
		b.WriteString(" ORDER BY ")
		for i := range q.items {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.Itoa(i+1) + q.desc[i])
		}
		b.WriteString(q.limit)
	}
	return b.String()
}

// smaller are the query with one part less each.
func (q *query) smaller() []*query {
	var list []*query
	try := func(change func(*query)) {
		c := *q
		c.items, c.where, c.desc = slices.Clone(q.items), slices.Clone(q.where), slices.Clone(q.desc)
		change(&c)
		list = append(list, &c)
	}
	if q.tail != "" {
		try(func(c *query) { c.tail = "" })
	}
	if q.limit != "" {
		try(func(c *query) { c.limit = "" })
	} else if q.ordered {
		try(func(c *query) { c.ordered = false })
	}
	if q.having != "" {
		try(func(c *query) { c.having = "" })
	}
	if q.distinct {
		try(func(c *query) { c.distinct = false })
	}
	for i := range q.where {
		try(func(c *query) { c.where = slices.Delete(c.where, i, i+1) })
	}
	for i := range q.items {
		if len(q.items) > 1 && q.tail == "" {
			try(func(c *query) { c.items, c.desc = slices.Delete(c.items, i, i+1), slices.Delete(c.desc, i, i+1) })
		}
	}
	return list
}

// randomQuery makes a query over the common tables.
func (g *generator) randomQuery() *query {
	q := &query{}
	from := g.from(q)
	for range g.r.IntN(3) {
		q.where = append(q.where, g.condition(from, 2))
	}
	switch n := g.r.IntN(100); {
	case n < 30:
		g.grouped(q, from)
	case n < 40:
		g.windowed(q, from)
	case n < 50:
		g.united(q, from)
	default:
		for range 1 + g.r.IntN(5) {
			t := valueType(g.r.IntN(int(valueTypes)))
			q.items = append(q.items, shown(t, g.expression(t, from, 2)))
		}
		q.distinct = g.chance(12)
	}
	for range q.items {
		q.desc = append(q.desc, one(g, "", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
	}
	if q.ordered = g.chance(45); q.ordered && g.chance(50) {
		q.limit = one(g, " LIMIT 3", " LIMIT 10", " LIMIT 5 OFFSET 2", " OFFSET 4", " LIMIT 1")
	}
	return q
}

// from makes the FROM clause and gives its columns.
func (g *generator) from(q *query) []source {
	table := one(g, "items", "items", "items", "sales", "sales", "groups", "texts", "folded", "pairs", "w")
	alias := g.alias()
	q.from = table + " AS " + alias
	list := sources(table, alias)
	for range one(g, 0, 0, 0, 1, 1, 2) {
		other, alias := one(g, "groups", "items", "sales", "pairs"), g.alias()
		right := sources(other, alias)
		if g.chance(15) {
			// A grouped relation in place of a table.
			inner := g.alias()
			key := g.expression(whole, sources(other, inner), 0)
			q.from += one(g, " JOIN ", " LEFT JOIN ") + "(SELECT " + key + " AS key, count(*) AS n FROM " + other + " AS " + inner + " GROUP BY " + key + ") AS " + alias
			right = []source{{alias + ".key", whole}, {alias + ".n", whole}}
		} else {
			q.from += one(g, " JOIN ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ") + other + " AS " + alias
		}
		q.from += " ON " + g.expression(whole, list, 0) + " = " + g.expression(whole, right, 0)
		if !strings.Contains(q.from, "FULL") && g.chance(25) {
			q.from += " AND " + g.condition(append(slices.Clone(list), right...), 0)
		}
		list = append(list, right...)
	}
	if g.chance(10) {
		name := g.alias()
		q.with = one(g, "WITH ", "WITH ") + name + " AS " + one(g, "", "MATERIALIZED ") + "(SELECT gid, label FROM groups WHERE " + g.condition(sources("groups", "groups"), 1) + ") "
		q.from += " LEFT JOIN " + name + " ON " + name + ".gid = " + g.expression(whole, list, 0)
		list = append(list, source{name + ".label", words}, source{name + ".gid", whole})
	}
	return list
}

// grouped makes a query with aggregates.
func (g *generator) grouped(q *query, from []source) {
	for range g.r.IntN(3) {
		t := one(g, whole, words, truth, day, whole)
		key := g.expression(t, from, 1)
		if strings.ContainsAny(key, "$") || !usesColumn(key, from) {
			continue
		}
		q.group, q.items = append(q.group, key), append(q.items, key)
	}
	for range 1 + g.r.IntN(3) {
		q.items = append(q.items, g.aggregate(from))
	}
	if len(q.group) > 0 && g.chance(30) {
		q.having = one(g, "count(*) > 1", "count(*) < 5", "max("+g.expression(whole, from, 1)+") > 10")
	}
}

// usesColumn reports whether an expression names a column: constants mean other things to GROUP BY.
func usesColumn(text string, from []source) bool {
	return slices.ContainsFunc(from, func(s source) bool { return strings.Contains(text, s.text) })
}

// aggregate is an aggregate whose answer does not depend on the order of rows.
func (g *generator) aggregate(from []source) string {
	t := one(g, whole, decimal, float, words, day, moment)
	x := g.expression(t, from, 1)
	text := ""
	switch n := g.r.IntN(7); {
	case n == 0:
		text = "count(*)"
	case n == 1:
		text = "count(" + one(g, "", "DISTINCT ") + x + ")"
	case n < 4 && t <= float:
		text = one(g, "sum(", "avg(", "sum(") + x + ")"
	case n == 4 && t == words:
		return "string_agg(" + x + ", '|' ORDER BY " + x + ")"
	case n == 5:
		text = one(g, "bool_and(", "bool_or(") + g.condition(from, 0) + ")"
	default:
		text = one(g, "min(", "max(") + x + ")"
		if t == decimal {
			return "round(" + text + ", 2)"
		}
		return text
	}
	if g.chance(15) {
		text += " FILTER (WHERE " + g.condition(from, 1) + ")"
	}
	if t == decimal && strings.HasPrefix(text, "sum") || strings.HasPrefix(text, "avg") && t != float {
		return "round(" + text + ", 4)"
	}
	return text
}

// windowed makes a query with window functions whose answers do not depend on the order of peers.
func (g *generator) windowed(q *query, from []source) {
	q.items = append(q.items, g.expression(whole, from, 0))
	for range 1 + g.r.IntN(2) {
		over := " OVER (" + one(g, "", "PARTITION BY "+g.expression(one(g, whole, words, truth), from, 0)+" ") + "ORDER BY " + g.expression(whole, from, 0) + one(g, "", " DESC", " NULLS FIRST") + ")"
		q.items = append(q.items, one(g, "rank()", "dense_rank()", "count(*)", "sum("+g.expression(whole, from, 0)+")", "max("+g.expression(words, from, 0)+")", "cume_dist()")+over)
	}
}

// united makes a set operation.
func (g *generator) united(q *query, from []source) {
	types := []valueType{one(g, whole, words), one(g, words, day, truth)}[:1+g.r.IntN(2)]
	other := &query{}
	table, alias := one(g, "items", "w"), g.alias()
	right := sources(table, alias)
	other.from = table + " AS " + alias
	for _, t := range types {
		q.items = append(q.items, g.expression(t, from, 1))
		other.items = append(other.items, g.expression(t, right, 1))
	}
	if g.chance(60) {
		other.where = []string{g.condition(right, 1)}
	}
	q.tail = one(g, " UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ", " EXCEPT ALL ") + other.text()
}

package differential

import "strings"

// from makes a FROM clause (without the word) and the scope that it gives.
func (g *generator) from(w wish) (*node, *scope) {
	s := &scope{outer: w.outer}
	most, product := 60, 400
	if !w.top {
		most, product = 20, 60
	}
	first := g.relation(w, most, w.wants("FROM subquery", "FROM function", "FROM VALUES"))
	n := txt(first.node)
	s.take(first)
	rows, joins := first.rows, one(g.r, 0, 0, 0, 1, 1, 2)
	if strings.HasPrefix(w.clause, "JOIN") || w.clause == "LATERAL" {
		joins = max(joins, 1)
	}
	done := false
	for i := range joins {
		wanted := !done && (strings.HasPrefix(w.clause, "JOIN") || w.clause == "LATERAL")
		done = true
		if wanted && w.clause == "LATERAL" || !wanted && g.chance(8) {
			n = txt(n, g.lateral(w, s, wanted))
			continue
		}
		right := g.relation(w, max(1, product/max(rows, 1)), false)
		n = g.join(n, right, w, s, first, wanted, i == 0, i == joins-1)
		rows = rows*right.rows/4 + right.rows
	}
	return n, s
}

// take adds a relation's columns to a scope.
func (s *scope) take(r *relation) {
	s.fields = append(s.fields, r.fields...)
	s.keys = append(s.keys, r.keys...)
	if r.model != "" {
		s.rows = append(s.rows, arguments{r.alias, r.model})
	}
}

// join joins a relation to what is there. The last may do it with a comma, which binds less than JOIN.
func (g *generator) join(left *node, right *relation, w wish, s *scope, first *relation, wanted, initial, last bool) *node {
	kind := pick(g.r, []weighted[string]{{"INNER", 5}, {"LEFT", 4}, {"RIGHT", 2}, {"FULL", 1}, {"CROSS", 1}, {"USING", 2}})
	if wanted {
		kind = strings.TrimPrefix(w.clause, "JOIN ")
	}
	if kind == "USING" && (!initial || !first.common || !right.common) {
		kind = "LEFT"
	}
	leftScope := *s
	s.take(right)
	p := w.place("JOIN "+kind, s)
	p.must = wanted
	p.scope = s.rowwise()
	switch kind {
	case "CROSS":
		if last && g.chance(50) {
			return txt(left, ", ", right.node)
		}
		return txt(left, " CROSS JOIN ", right.node)
	case "USING":
		as := ""
		if g.chance(15) {
			as = " AS j" + itoa(len(s.keys))
		}
		return txt(left, one(g.r, " JOIN ", " LEFT JOIN ", " RIGHT JOIN "), right.node, " USING (", one(g.r, "id", "k"), ")", as)
	case "FULL":
		// PostgreSQL joins fully only on equalities between the two sides, neither of which it can compute ahead.
		a, b := g.fieldOf(tInt4, &scope{fields: leftScope.fields}), g.fieldOf(tInt4, &scope{fields: right.fields})
		if a == nil || b == nil {
			return txt(left, " CROSS JOIN ", right.node)
		}
		if p.must || g.chance(10) && g.calls > 0 {
			a = g.callOf(modelNamed(one(g.r, "tens", "maybe", "zero")), p, []*node{a})
		}
		if g.chance(30) && g.calls > 0 {
			b = g.callOf(modelNamed("tens"), p, []*node{b})
		}
		return txt(left, " FULL JOIN ", right.node, " ON ", a, " = ", b)
	}
	on := list(" AND ", g.equation(p, leftScope.fields, right.fields))
	if wanted || g.chance(40) {
		on.add(g.expr(tBool, p))
	} else if g.chance(10) {
		on = list(" AND ", expr(tBool, "true"))
	}
	return txt(left, " ", kind, " JOIN ", right.node, " ON ", on)
}

// equation compares a column of one side with one of the other.
func (g *generator) equation(p place, left, right []field) *node {
	l := g.fieldOf(tInt4, &scope{fields: left})
	r := g.fieldOf(tInt4, &scope{fields: right})
	if l == nil || r == nil {
		return expr(tBool, "true")
	}
	return expr(tBool, l, " = ", r)
}

// lateral makes a LATERAL item with its comma or join.
func (g *generator) lateral(w wish, s *scope, must bool) *node {
	inner := w.inside(s.rowwise())
	inner.single = g.chance(60)
	inner.clause = ""
	if must {
		inner.clause, inner.position = anyClause, "LATERAL"
	}
	q := g.query(inner)
	r := g.derived(q, "LATERAL ")
	left := g.chance(35)
	s.take(r)
	if left {
		p := w.place("JOIN LEFT", s)
		p.scope = s.rowwise()
		return txt(" LEFT JOIN ", r.node, " ON ", g.expr(tBool, p))
	}
	return txt(" CROSS JOIN ", r.node)
}

// relation makes one item of FROM with about as many rows as most, or less. If must is set a call is inside.
func (g *generator) relation(w wish, most int, must bool) *relation {
	if must {
		switch w.clause {
		case "FROM function":
			return g.function(w, true)
		case "FROM VALUES":
			return g.valuesRelation(w, true)
		}
		inner := w.inside(nil)
		inner.clause, inner.position = anyClause, "FROM subquery"
		return g.derived(g.query(inner), "")
	}
	switch {
	case len(g.ctes) > 0 && g.chance(50):
		return g.again(one(g.r, g.ctes...))
	case w.depth > 1 && g.chance(10):
		return g.derived(g.query(w.inside(nil)), "")
	case g.chance(3):
		return g.function(w, false)
	case g.chance(3):
		return g.valuesRelation(w, false)
	}
	var fit []*table
	for _, t := range g.db.tables {
		if len(t.rows) <= most {
			fit = append(fit, t)
		}
	}
	switch {
	case len(fit) == 0:
		fit = g.db.tables[:2]
	case len(fit) > 1 && g.chance(85):
		fit = fit[1:]
	}
	if len(g.db.views) > 0 && g.chance(8) {
		return g.tableRelation(one(g.r, g.db.views...))
	}
	return g.tableRelation(one(g.r, fit...))
}

// tableRelation is a table in FROM under an alias.
func (g *generator) tableRelation(t *table) *relation {
	a := g.alias()
	if g.chance(3) {
		return g.arguments(t, a)
	}
	name := t.name
	if g.chance(3) {
		name = "ONLY " + name
	}
	r := &relation{node: txt(name, one(g.r, " AS ", " "), a), fields: columnsOf(a, t.columns), rows: t.size(), common: true}
	r.keys = []*node{txt(a, ".id")}
	for _, c := range t.columns {
		r.names = append(r.names, c.name)
	}
	return r
}

// arguments is a subquery over a table whose columns are a model's arguments, beside the table's id.
func (g *generator) arguments(t *table, alias string) *relation {
	m := modelNamed(one(g.r, "add", "rich", "weigh", "mix", "known", "inside"))
	s := &scope{fields: columnsOf("a", t.columns)}
	items := list(", ")
	r := &relation{rows: t.size(), model: m.name, alias: alias, names: []string{"id"}, keys: []*node{txt(alias, ".id")}}
	for _, a := range m.args {
		items.add(txt(g.atom(a.typ, place{scope: s}), "::", string(a.typ), " AS ", a.name))
		r.fields = append(r.fields, field{expr(a.typ, alias, ".", a.name), true})
		r.names = append(r.names, a.name)
	}
	items.add(txt("a.id"))
	items.least = len(items.parts)
	r.fields = append(r.fields, field{expr(tInt4, alias, ".id"), true})
	r.node = txt("(SELECT ", items, " FROM ", t.name, " AS a) AS ", alias)
	return r
}

// again is a relation that WITH names, in FROM under an alias.
func (g *generator) again(cte *relation) *relation {
	return g.named(cte, g.alias())
}

// named gives a relation's columns for an alias. cte.node is its name.
func (g *generator) named(cte *relation, alias string) *relation {
	r := &relation{node: txt(cte.node, " AS ", alias), rows: cte.rows, names: cte.names}
	for i, f := range cte.fields {
		n := expr(f.node.typ, alias, ".", cte.names[i])
		r.fields = append(r.fields, field{n, true})
		r.keys = append(r.keys, n)
	}
	return r
}

// derived is a query in FROM.
func (g *generator) derived(q *query, prefix string) *relation {
	cte := &relation{rows: q.rows}
	var cols []string
	for i, t := range q.types {
		name := "c" + itoa(i+1)
		cols = append(cols, name)
		cte.names = append(cte.names, name)
		cte.fields = append(cte.fields, field{expr(t, name), true})
	}
	a := g.alias()
	r := g.named(cte, a)
	r.node = txt(prefix, "(", q.node, ") AS ", a, " (", strings.Join(cols, ", "), ")")
	return r
}

// function is a function in FROM.
func (g *generator) function(w wish, must bool) *relation {
	a := g.alias()
	p := w.place("FROM function", nil)
	p.must, p.depth = must, 1
	n := expr(tInt4, a, ".i")
	r := &relation{rows: 20, names: []string{"i"}, fields: []field{{n, true}}, keys: []*node{n}}
	switch g.r.IntN(4) {
	case 0:
		r.node = txt("generate_series(1, abs(", g.expr(tInt4, p), ") % 20) AS ", a, " (i)")
	case 1:
		n := expr(tInt8, a, ".o")
		r.names, r.fields, r.keys = []string{"i", "o"}, append(r.fields, field{n, true}), append(r.keys, n)
		r.node = txt("unnest(", g.expr(tInt4s, p), ") WITH ORDINALITY AS ", a, " (i, o)")
	case 2:
		n := expr(tText, a, ".t")
		r.names, r.fields, r.keys = []string{"i", "t"}, append(r.fields, field{n, true}), append(r.keys, n)
		r.node = txt("ROWS FROM (unnest(", g.expr(tInt4s, p), "), unnest(", g.expr(tTexts, p.plainer()), ")) AS ", a, " (i, t)")
	default:
		r.node = txt("unnest(", g.expr(tInt4s, p), ") AS ", a, " (i)")
	}
	return r
}

// valuesRelation is VALUES in FROM.
func (g *generator) valuesRelation(w wish, must bool) *relation {
	inner := w.inside(nil)
	inner.clause = ""
	if must {
		inner.clause = "VALUES"
		inner.position = "FROM VALUES"
	}
	return g.derived(g.values(inner), "")
}

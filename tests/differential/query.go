package differential

import "strings"

// anyClause as a wish's clause leaves it to chance which clause holds the call.
const anyClause = "any"

// wish is what a query is to be.
type wish struct {
	// types are the columns' types; nil leaves them to chance.
	types []typ
	// outer is the query around, for a correlated one; nil otherwise.
	outer *scope
	// clause must hold a call; "" for none.
	clause string
	// position is what calls are noted as; "" for the clause's own name.
	position string
	// depth is how many levels of subqueries there may be.
	depth int
	// single wants at most one row.
	single bool
	// top says that it is the client's statement itself.
	top bool
}

// query is a SELECT, VALUES or a set operation.
type query struct {
	node  *node
	types []typ
	// total says that ORDER BY orders the rows wholly.
	total bool
	rows  int
}

// inside is the wish for a query inside this one; a call in it is left to chance.
func (w wish) inside(outer *scope) wish {
	return wish{outer: outer, depth: w.depth - 1, position: w.position}
}

// again is the wish for another query of the kind, in which a call is left to chance half of the time.
func (w wish) again(g *generator) wish {
	if g.chance(50) {
		w.clause = ""
	}
	return w
}

// wants says that the clause is one of some.
func (w wish) wants(clauses ...string) bool {
	for _, c := range clauses {
		if w.clause == c {
			return true
		}
	}
	return false
}

// place is where an expression of a clause stands. A call must be there if the clause is wished for.
func (w wish) place(clause string, s *scope) place {
	p := place{scope: s, position: clause, depth: 2, may: true, must: clause != "" && w.clause == clause}
	if w.position != "" {
		p.position = w.position
	}
	return p
}

// query makes a query.
func (g *generator) query(w wish) *query {
	if w.clause == anyClause {
		w.clause = one(g.r, "select list", "select list", "select list", "WHERE", "WHERE", "JOIN INNER", "GROUP BY", "HAVING", "aggregate argument", "DISTINCT", "UNION",
			"window argument", "ORDER BY")
		if w.single && w.wants("UNION", "GROUP BY", "HAVING", "DISTINCT", "window argument") {
			w.clause = "select list"
		}
	}
	switch {
	case w.wants("WITH", "WITH MATERIALIZED", "WITH RECURSIVE", "WITH data-modifying"):
		return g.with(w)
	case w.wants("UNION", "UNION ALL", "INTERSECT", "EXCEPT"):
		return g.setOperation(w)
	case w.wants("VALUES"):
		return g.values(w)
	case w.depth > 1 && w.clause == "" && !w.single && g.chance(8):
		return g.setOperation(w)
	case w.top && g.chance(5):
		return g.with(w)
	}
	s := &selection{w: w, g: g}
	return s.make()
}

// setOperation combines two queries.
func (g *generator) setOperation(w wish) *query {
	op := one(g.r, "UNION", "UNION ALL", "INTERSECT", "EXCEPT")
	if w.wants("UNION", "UNION ALL", "INTERSECT", "EXCEPT") {
		op = w.clause
	}
	types := w.types
	if types == nil {
		types = g.someTypes(1 + g.r.IntN(3))
	}
	inner := w.inside(w.outer)
	inner.types = types
	left, right := inner, inner
	if w.clause != "" {
		chosen := &left
		if g.chance(50) {
			chosen = &right
		}
		chosen.clause = one(g.r, "select list", "select list", "WHERE")
		if w.position == "" {
			chosen.position = op
		}
	}
	l, r := g.query(left), g.query(right)
	q := &query{types: types, rows: l.rows + r.rows}
	if (op == "INTERSECT" || op == "EXCEPT") && g.chance(25) {
		op += " ALL"
	}
	q.node = txt("(", l.node, ") ", op, " (", r.node, ")")
	if w.clause == "" && g.chance(20) {
		third := g.query(inner)
		q.node, q.rows = txt(q.node, one(g.r, " UNION (", " UNION ALL (", " INTERSECT ("), third.node, ")"), q.rows+third.rows
	}
	if w.single || g.chance(50) {
		var by []*node
		for i := range types {
			by = append(by, txt(itoa(i+1), one(g.r, "", "", " DESC", " NULLS FIRST")))
		}
		q.node = txt(q.node, " ORDER BY ", list(", ", by...))
		q.total = true
		if w.single {
			q.node.add(txt(" LIMIT 1"))
		} else if g.chance(30) {
			q.node.add(opt(" LIMIT " + itoa(g.r.IntN(10))))
		}
	}
	return q
}

// values makes a VALUES list.
func (g *generator) values(w wish) *query {
	types := w.types
	if types == nil {
		types = g.someTypes(1 + g.r.IntN(3))
	}
	rows := list(", ")
	n := 1 + g.r.IntN(4)
	if w.single {
		n = 1
	}
	must := -1
	if w.clause != "" {
		must = g.r.IntN(n)
	}
	for i := range n {
		row := list(", ")
		row.least = len(types)
		for k, t := range types {
			p := w.place("VALUES", nil)
			if w.outer != nil {
				p.scope = &scope{outer: w.outer}
			}
			p.must, p.depth = i == must && k == 0, 1
			row.add(expr("", g.expr(t, p), "::"+string(t)))
		}
		rows.add(txt("(", row, ")"))
	}
	return &query{node: txt("VALUES ", rows), types: types, rows: n, total: n == 1}
}

// someTypes are random types for columns.
func (g *generator) someTypes(n int) []typ {
	var out []typ
	for range n {
		out = append(out, pick(g.r, scalars))
	}
	return out
}

// subquery makes a subquery of a condition, correlated half of the time.
func (g *generator) subquery(p place, types []typ) *query {
	w := wish{types: types, depth: p.depth - 1, position: p.position}
	if p.scope != nil && g.chance(50) {
		w.outer = p.scope.rowwise()
	}
	if p.must {
		w.clause = one(g.r, "select list", "WHERE", "WHERE", "WHERE")
	}
	return g.query(w)
}

// scalarSubquery makes a subquery that gives one value at most.
func (g *generator) scalarSubquery(t typ, p place) *node {
	w := wish{types: []typ{t}, depth: p.depth - 1, position: p.position, single: true}
	if g.chance(60) {
		w.outer = p.scope.rowwise()
	}
	if p.must {
		w.clause = one(g.r, "select list", "select list", "WHERE")
	}
	return expr(t, "(", g.query(w).node, ")")
}

// with makes a query with WITH.
func (g *generator) with(w wish) *query {
	kind := w.clause
	if !strings.HasPrefix(kind, "WITH") {
		kind = one(g.r, "WITH", "WITH MATERIALIZED", "WITH RECURSIVE")
	}
	inner := w.inside(nil)
	inner.clause = ""
	if w.clause == kind {
		inner.clause = anyClause
		if w.position == "" {
			inner.position = kind
		}
	}
	name := one(g.r, "w", "w1", `"W"`)
	head, body, cte := "WITH ", (*node)(nil), &relation{node: txt(name)}
	var q *query
	switch kind {
	case "WITH RECURSIVE":
		head = "WITH RECURSIVE "
		q, body = g.recursive(inner, name)
	case "WITH data-modifying":
		q, body = g.modifying(inner)
	default:
		q = g.query(inner)
		body = q.node
	}
	var cols []string
	for i, t := range q.types {
		cte.names = append(cte.names, "w"+itoa(i+1))
		cte.fields = append(cte.fields, field{expr(t, "w"+itoa(i+1)), true})
		cols = append(cols, "w"+itoa(i+1))
	}
	cte.rows = q.rows
	how := one(g.r, " AS (", " AS NOT MATERIALIZED (")
	if kind == "WITH MATERIALIZED" || kind == "WITH data-modifying" && g.chance(30) {
		how = " AS MATERIALIZED ("
	}
	before := g.ctes
	g.ctes = append(g.ctes[:len(g.ctes):len(g.ctes)], cte)
	outer := w
	outer.clause, outer.depth = "", max(w.depth-1, 1)
	if w.clause != kind {
		outer.clause = w.clause
	}
	outer.top = false
	tail := ""
	if kind == "WITH RECURSIVE" && g.chance(15) {
		tail = one(g.r, " CYCLE w1 SET cyc USING path", " SEARCH DEPTH FIRST BY w1 SET seq", " SEARCH BREADTH FIRST BY w1 SET seq")
		how = " AS ("
	}
	second := txt()
	if kind != "WITH data-modifying" && g.chance(15) {
		more := g.query(inner.again(g))
		also := &relation{node: txt("w2"), rows: more.rows}
		var names []string
		for i, t := range more.types {
			also.names = append(also.names, "v"+itoa(i+1))
			also.fields = append(also.fields, field{expr(t, "v"+itoa(i+1)), true})
			names = append(names, "v"+itoa(i+1))
		}
		second = txt(", w2 (", strings.Join(names, ", "), ") AS (", more.node, ")")
		g.ctes = append(g.ctes, also)
	}
	main := g.query(outer)
	g.ctes = before
	main.node = txt(head, name, " (", strings.Join(cols, ", "), ")", how, body, ")", tail, second, " ", main.node)
	return main
}

// recursive makes the body of a recursive WITH: numbers that count up, with what a call makes of them.
func (g *generator) recursive(w wish, name string) (*query, *node) {
	types := []typ{tInt4, one(g.r, tInt4, tText, tBool)}
	rec := &scope{fields: []field{{expr(tInt4, name, ".w1"), true}, {expr(types[1], name, ".w2"), true}}}
	start := w.place("WITH RECURSIVE", nil)
	step := w.place("WITH RECURSIVE", rec)
	where := w.place("WITH RECURSIVE", rec)
	start.depth, step.depth, where.depth = 1, 1, 1
	if w.clause != "" {
		one(g.r, &start, &step, &step, &where).must = true
	}
	// A recursive WITH takes no subqueries over itself inside; depth 1 keeps them out.
	first := g.expr(types[1], start)
	body := txt("SELECT 1, ", first, "::"+string(types[1]), one(g.r, " UNION ALL SELECT ", " UNION ALL SELECT ", " UNION SELECT "), name, ".w1 + 1, ", g.expr(types[1], step), "::"+string(types[1]), " FROM ", name, " WHERE ",
		name, ".w1 < ", itoa(3+g.r.IntN(8)), opt(" AND ", g.expr(tBool, where)))
	return &query{types: types, rows: 10}, body
}

package differential

import "strings"

// target is a table that a statement writes, under an alias.
type target struct {
	table *table
	alias string
	scope *scope
}

// target picks a table to write. Its alias is as if the statement gave none where bare is set.
func (g *generator) target(bare bool) target {
	t := one(g.r, g.db.tables[1:]...)
	a := "tgt"
	if bare {
		a = t.name
	}
	return target{t, a, &scope{fields: columnsOf(a, t.columns), keys: []*node{txt(a, ".id")}}}
}

// assignable picks columns beside id, at most n.
func (g *generator) assignable(t *table, n int) []column {
	var out []column
	for _, i := range g.r.Perm(len(t.columns) - 1) {
		if c := t.columns[i+1]; !c.generated && len(out) < n {
			out = append(out, c)
		}
	}
	return out
}

// assigned makes a value for a column: short, where the column has a length.
func (g *generator) assigned(c column, p place) *node {
	if c.typ == tText && (strings.Contains(c.declared, "char") || c.declared == "short") {
		return txt("left(", g.expr(tText, p), ", 6)")
	}
	return g.expr(c.typ, p)
}

// returning makes RETURNING; nil without one.
func (g *generator) returning(w wish, t target) (*node, []typ) {
	s := t.scope
	p := w.place("RETURNING", s)
	if !p.must && !g.chance(35) {
		return txt(), nil
	}
	if !p.must && g.chance(30) {
		return opt(" RETURNING ", t.alias, ".*"), nil
	}
	of := g.someTypes(1)[0]
	return opt(" RETURNING ", list(", ", g.cast(g.expr(of, p), of), txt(s.keys[0]))), []typ{of, tInt4}
}

// insert makes an INSERT of one of the kinds INSERT VALUES, INSERT SELECT, ON CONFLICT SET and ON CONFLICT WHERE.
func (g *generator) insert(w wish) (*node, []typ) {
	t := g.target(true)
	cols := g.assignable(t.table, 1+g.r.IntN(3))
	names := list(", ", txt("id"))
	names.least = len(cols) + 1
	for _, c := range cols {
		names.add(txt(c.name))
	}
	n := txt("INSERT INTO ", t.table.name, " (", names, ") ")
	conflict := w.wants("ON CONFLICT SET", "ON CONFLICT WHERE") || g.chance(15)
	if w.wants("INSERT SELECT") || !w.wants("INSERT VALUES") && g.chance(40) {
		n = txt(n, g.insertSelect(w, cols, conflict))
	} else {
		n = txt(n, "VALUES ", g.insertValues(w, cols, conflict))
	}
	if conflict {
		n = txt(n, g.onConflict(w, t, cols))
	}
	ret, types := g.returning(w, t)
	return txt(n, ret), types
}

// insertValues makes the rows of INSERT. With low the ids may be there already.
func (g *generator) insertValues(w wish, cols []column, low bool) *node {
	rows := list(", ")
	for i := range 1 + g.r.IntN(3) {
		id := 1000 + i
		if low {
			id = 1 + i*2
		}
		row := list(", ", txt(itoa(id)))
		row.least = len(cols) + 1
		for k, c := range cols {
			p := w.place("INSERT VALUES", nil)
			p.must = p.must && i == 0 && k == 0
			p.depth = 1
			if !p.must && g.chance(5) {
				row.add(txt("DEFAULT"))
				continue
			}
			row.add(g.assigned(c, p))
		}
		rows.add(txt("(", row, ")"))
	}
	return rows
}

// insertSelect makes the SELECT of INSERT.
func (g *generator) insertSelect(w wish, cols []column, low bool) *node {
	src := g.tableRelation(one(g.r, g.db.tables[1:3]...))
	s := &scope{fields: src.fields, keys: src.keys}
	id := txt("1000 + ", src.keys[0])
	if low {
		id = txt("3 + ", src.keys[0])
	}
	row := list(", ", id)
	row.least = len(cols) + 1
	onWhere := g.chance(30)
	for k, c := range cols {
		p := w.place("INSERT SELECT", s)
		p.must = p.must && k == 0 && !onWhere
		row.add(g.assigned(c, p))
	}
	n := txt("SELECT ", row, " FROM ", src.node)
	p := w.place("INSERT SELECT", s)
	p.must = p.must && onWhere
	if p.must || g.chance(50) || low {
		cond := g.expr(tBool, p)
		n = txt(n, opt(" WHERE ", cond))
		if low {
			// Without WHERE, PostgreSQL could take ON for a join's.
			n = txt(n.parts[0], " WHERE ", cond)
		}
	}
	return n
}

// onConflict makes ON CONFLICT.
func (g *generator) onConflict(w wish, t target, cols []column) *node {
	if !w.wants("ON CONFLICT SET", "ON CONFLICT WHERE") && g.chance(40) {
		return txt(" ON CONFLICT DO NOTHING")
	}
	s := &scope{fields: append(columnsOf("excluded", cols), t.scope.fields...)}
	c := cols[0]
	n := txt(" ON CONFLICT (id) DO UPDATE SET ", c.name, " = ", g.assigned(c, w.place("ON CONFLICT SET", s)))
	if p := w.place("ON CONFLICT WHERE", s); p.must || g.chance(30) {
		n = txt(n, opt(" WHERE ", g.expr(tBool, p)))
	}
	return n
}

// update makes an UPDATE. It joins on the other table's key, so each row has one new value.
func (g *generator) update(w wish) (*node, []typ) {
	t := g.target(false)
	s := &scope{fields: t.scope.fields}
	from, where := txt(), list(" AND ")
	if w.wants("UPDATE FROM") || g.chance(25) {
		src := g.tableRelation(one(g.r, g.db.tables[1:]...))
		if g.chance(40) {
			// The source computes what its columns give.
			inner := w.inside(nil)
			inner.types = []typ{tInt4}
			p := inner.place("UPDATE FROM", &scope{fields: src.fields})
			p.must = w.wants("UPDATE FROM")
			src = &relation{node: txt("(SELECT ", src.keys[0], ", ", g.expr(tInt4, p), " FROM ", src.node, ") AS src (id, v)"), keys: []*node{txt("src.id")},
				fields: []field{{expr(tInt4, "src.v"), true}, {expr(tInt4, "src.id"), true}}}
		}
		s.fields = append(append([]field{}, t.scope.fields...), src.fields...)
		from = txt(" FROM ", src.node)
		where.add(txt(one(g.r, "tgt.id", "tgt.k"), " = ", src.keys[0]))
		if p := w.place("UPDATE FROM", s); p.must {
			where.add(g.expr(tBool, p))
		}
	}
	if p := w.place("UPDATE WHERE", s); p.must || g.chance(40) {
		where.add(g.expr(tBool, p))
	}
	set := list(", ")
	switch p := w.place("UPDATE SET (row)", s); {
	case p.must && g.chance(50):
		inner := wish{types: []typ{tInt4, tText}, outer: s, clause: "select list", position: p.position, depth: 1, single: true}
		set.add(txt("(k, n) = (", g.query(inner).node, ")"))
	case p.must:
		k := g.kids(2, p, "")
		set.add(txt("(k, n) = ", one(g.r, "ROW", ""), "(", g.expr(tInt4, k[0]), ", ", g.expr(tText, k[1]), ")"))
	default:
		for i, c := range g.assignable(t.table, 1+g.r.IntN(2)) {
			p := w.place("UPDATE SET", s)
			p.must = p.must && i == 0
			set.add(txt(c.name, " = ", g.assigned(c, p)))
		}
	}
	ret, types := g.returning(w, t)
	n := txt("UPDATE ", t.table.name, " AS tgt SET ", set, from)
	if len(where.parts) > 0 {
		n = txt(n, " WHERE ", where)
	}
	return txt(n, ret), types
}

// deleting makes a DELETE.
func (g *generator) deleting(w wish) (*node, []typ) {
	t := g.target(false)
	s := &scope{fields: t.scope.fields}
	using, where := txt(), list(" AND ")
	if w.wants("DELETE USING") || g.chance(25) {
		src := g.tableRelation(one(g.r, g.db.tables[1:3]...))
		s.fields = append(append([]field{}, s.fields...), src.fields...)
		using = txt(" USING ", src.node)
		where.add(g.equation(place{}, t.scope.fields, src.fields))
		if p := w.place("DELETE USING", s); p.must {
			where.add(g.expr(tBool, p))
		}
	}
	if p := w.place("DELETE WHERE", s); p.must || g.chance(60) {
		where.add(g.expr(tBool, p))
	}
	ret, types := g.returning(w, t)
	n := txt("DELETE FROM ", t.table.name, " AS tgt", using)
	if len(where.parts) > 0 {
		n = txt(n, " WHERE ", where)
	}
	return txt(n, ret), types
}

// merge makes a MERGE whose source has one row at most for each row of the target.
func (g *generator) merge(w wish) (*node, []typ) {
	t := g.target(false)
	src := g.tableRelation(one(g.r, g.db.tables[1:]...))
	if p := w.place("MERGE USING", &scope{fields: src.fields}); p.must {
		src = &relation{node: txt("(SELECT ", src.keys[0], ", ", g.expr(tInt4, p), " FROM ", src.node, ") AS src (id, v)"), keys: []*node{txt("src.id")},
			fields: []field{{expr(tInt4, "src.v"), true}, {expr(tInt4, "src.id"), true}}}
	}
	both := &scope{fields: append(append([]field{}, t.scope.fields...), src.fields...)}
	source := &scope{fields: src.fields}
	on := list(" AND ", txt("tgt.id = ", src.keys[0]))
	if p := w.place("MERGE ON", both); p.must {
		on.add(g.expr(tBool, p))
	}
	n := txt("MERGE INTO ", t.table.name, " AS tgt USING ", src.node, " ON ", on)
	when := func(clause string, s *scope, head string, then ...any) *node {
		p := w.place("MERGE WHEN", s)
		p.must = p.must && clause == "first"
		if p.must || g.chance(35) {
			head += " AND "
			return opt(append([]any{" WHEN ", head, g.expr(tBool, p), " THEN "}, then...)...)
		}
		return opt(append([]any{" WHEN ", head, " THEN "}, then...)...)
	}
	if g.chance(40) {
		n = txt(n, when("first", both, "MATCHED AND tgt.k > 2", one(g.r, "DELETE", "DO NOTHING")))
	}
	c := g.assignable(t.table, 1)[0]
	n = txt(n, when("first", both, "MATCHED", "UPDATE SET ", c.name, " = ", g.assigned(c, w.place("MERGE UPDATE", both))))
	if w.wants("MERGE INSERT") || g.chance(70) {
		c := g.assignable(t.table, 1)[0]
		n = txt(n, when("", source, "NOT MATCHED", "INSERT (id, ", c.name, ") VALUES (1000 + ", src.keys[0], ", ", g.assigned(c, w.place("MERGE INSERT", source)), ")"))
	}
	return n, nil
}

// modifying makes the body of a data-modifying WITH, which has RETURNING.
func (g *generator) modifying(w wish) (*query, *node) {
	t := g.target(false)
	s := t.scope
	set, where, ret := w.place("WITH data-modifying", s), w.place("WITH data-modifying", s), w.place("WITH data-modifying", s)
	set.depth, where.depth, ret.depth = 1, 1, 1
	if w.clause != "" {
		one(g.r, &where, &where, &ret).must = true
	}
	types := []typ{tInt4, tInt4}
	tail := txt(" RETURNING tgt.id, ", g.expr(tInt4, ret), "::int4")
	c := g.assignable(t.table, 1)[0]
	switch g.r.IntN(2) {
	case 0:
		return &query{types: types, rows: 20}, txt("UPDATE ", t.table.name, " AS tgt SET ", c.name, " = ", g.assigned(c, set), " WHERE ", g.expr(tBool, where), tail)
	default:
		return &query{types: types, rows: 20}, txt("DELETE FROM ", t.table.name, " AS tgt WHERE ", g.expr(tBool, where), tail)
	}
}

package differential

// groupedClauses are the clauses that only a query with groups or aggregates has.
var groupedClauses = []string{"GROUP BY", "GROUP BY ordinal", "GROUP BY alias", "GROUPING SETS", "ROLLUP", "CUBE", "HAVING", "aggregate argument", "aggregate FILTER",
	"aggregate ORDER BY", "aggregate DISTINCT", "ordered-set aggregate"}

// windowClauses are the parts of a window function.
var windowClauses = []string{"window argument", "window PARTITION BY", "window ORDER BY", "window frame", "window FILTER"}

// limitClauses need rows in a whole order.
var limitClauses = []string{"LIMIT", "OFFSET", "FETCH"}

// selection is a SELECT that is being made.
type selection struct {
	g *generator
	w wish
	// rows is the scope of FROM, results that of the select list.
	rows, results *scope
	where         *node
	// groups are the expressions of GROUP BY, groupBy its text.
	groups  []*node
	groupBy *node
	having  *node
	grouped bool
	// sets says that there are several sets of groups, so that GROUPING has a meaning.
	sets  bool
	types []typ
	items *node
	// item holds the expressions of the select list, alias their names, "" for none.
	item  []*node
	alias []string
}

// make makes the SELECT.
func (s *selection) make() *query {
	g, w := s.g, s.w
	from, rows := g.from(w)
	s.rows = rows
	if p := w.place("WHERE", rows); p.must || g.chance(45) {
		s.where = opt(" WHERE ", g.expr(tBool, p))
	}
	s.grouped = w.wants(groupedClauses...) || !w.wants(windowClauses...) && !w.wants("DISTINCT ON") && g.chance(18)
	s.results = rows
	if s.grouped {
		s.group()
	} else {
		s.results = &scope{fields: rows.fields, keys: rows.keys, outer: rows.outer, windows: true}
	}
	s.list()
	q := &query{types: s.types, rows: rows.size()}
	distinct, order, limit := s.tail(q)
	lock := txt()
	if w.top && !s.grouped && w.wants("select list", "WHERE", "") && len(g.ctes) == 0 && len(distinct.parts) == 0 && g.chance(4) {
		lock = opt(one(g.r, " FOR UPDATE", " FOR SHARE", " FOR NO KEY UPDATE SKIP LOCKED"))
	}
	q.node = txt("SELECT ", distinct, s.items, " FROM ", from, s.where.orNothing(), s.groupBy.orNothing(), s.having.orNothing(), order, limit, lock)
	return q
}

// size is a guess of a scope's rows.
func (s *scope) size() int { return 10 * len(s.keys) }

// orNothing is the node, or an empty one.
func (n *node) orNothing() *node {
	if n == nil {
		return txt()
	}
	return n
}

// group makes GROUP BY and HAVING, and the scope that the select list then has.
func (s *selection) group() {
	g, w := s.g, s.w
	s.results = &scope{outer: s.rows.outer, inner: s.rows.rowwise()}
	kind := w.clause
	if !w.wants(groupedClauses[:6]...) {
		kind = one(g.r, "GROUP BY", "GROUP BY", "GROUP BY", "GROUP BY ordinal", "ROLLUP", "none")
		if w.single {
			kind = "none"
		}
	}
	if w.types != nil && (kind == "GROUP BY ordinal" || kind == "GROUP BY alias") {
		// The select list is given, so it need not hold what is grouped by.
		kind = "GROUP BY"
	}
	if kind != "none" {
		n := 1 + g.r.IntN(2)
		if kind == "GROUPING SETS" || kind == "CUBE" || kind == "ROLLUP" {
			n = 2
		}
		shift := g.r.IntN(3)
		for i := range n {
			p := w.place(kind, s.rows.rowwise().alone())
			p.must = i == 0 && w.clause == kind
			if n == 2 && kind != "GROUP BY" {
				s.groups = append(s.groups, g.setMember(p, shift+i))
				continue
			}
			s.groups = append(s.groups, g.groupable(one(g.r, tInt4, tInt4, tText, tBool, tDate), p))
		}
	}
	for i, e := range s.groups {
		s.results.fields = append(s.results.fields, field{expr(e.kind(), e), false})
		s.results.keys = append(s.results.keys, s.groups[i])
	}
	switch {
	case kind == "none":
	case kind == "GROUP BY ordinal" || kind == "GROUP BY alias":
		by := list(", ")
		for i := range s.groups {
			by.add(txt(map[bool]string{true: itoa(i + 1), false: "x" + itoa(i+1)}[kind == "GROUP BY ordinal"]))
		}
		s.groupBy = txt(" GROUP BY ", by)
	case kind == "GROUP BY":
		by := list(", ")
		for _, e := range s.groups {
			by.add(txt(e))
		}
		s.groupBy = txt(" GROUP BY ", by)
	case kind == "GROUPING SETS":
		sets := list(", ", txt("(", s.groups[0], ", ", s.groups[1], ")"), txt("(", s.groups[1], ")"), txt("()"))
		if g.chance(30) {
			sets.add(txt(one(g.r, "ROLLUP", "CUBE"), " (", s.groups[0], ", ", s.groups[1], ")"))
		}
		s.groupBy = txt(" GROUP BY ", one(g.r, "", "", "DISTINCT "), "GROUPING SETS (", sets, ")")
		s.sets = true
	default:
		s.groupBy = txt(" GROUP BY ", kind, " (", list(", ", txt(s.groups[0]), txt(s.groups[1])), ")")
		s.sets = true
	}
	if p := w.place("HAVING", s.results); p.must || g.chance(20) {
		s.having = opt(" HAVING ", g.expr(tBool, p))
	}
}

// list makes the select list.
func (s *selection) list() {
	g, w := s.g, s.w
	byName := w.wants("GROUP BY alias") && w.types == nil
	lead := 0
	if w.types == nil {
		// What is grouped by stands first, where ordinals and names find it.
		for _, e := range s.groups {
			s.add(txt(e), e.kind())
			lead++
		}
		s.types = append(s.types, g.someTypes(max(1-lead, 0)+g.r.IntN(3))...)
	} else {
		s.types = append(s.types, w.types...)
	}
	for i := lead; i < len(s.types); i++ {
		s.add(s.expression(i-lead, s.types[i]), "")
	}
	s.items = list(", ")
	if w.types != nil {
		s.items.least = len(s.types)
	}
	for i, e := range s.item {
		name := ""
		if byName || g.chance(25) || i == 0 && w.wants("ORDER BY alias") {
			name = "x" + itoa(i+1)
		}
		s.alias = append(s.alias, name)
		if name != "" {
			e = txt(e, one(g.r, " AS ", " AS ", " "), name)
		}
		s.items.add(txt(e))
	}
}

// add puts an expression into the select list, and its type where that is not known yet.
func (s *selection) add(n *node, t typ) {
	s.item = append(s.item, n)
	if t != "" {
		s.types = append(s.types, t)
	}
}

// expression makes column i of the select list, counted without the columns that are grouped by.
func (s *selection) expression(i int, t typ) *node {
	g, w := s.g, s.w
	p := w.place("select list", s.results)
	p.must = p.must && i == 0
	switch {
	case i == 0 && w.wants("aggregate argument", "aggregate FILTER", "aggregate ORDER BY", "aggregate DISTINCT", "ordered-set aggregate"):
		p.must = true
		if w.position == "" {
			p.position = w.clause
		}
		return g.cast(g.aggregate(t, p), t)
	case i == 0 && w.wants(windowClauses...):
		p.must = true
		if w.position == "" {
			p.position = w.clause
		}
		return g.cast(g.window(t, p), t)
	case i == 0 && w.wants("ORDER BY alias", "ORDER BY ordinal", "DISTINCT"):
		p.must = true
		if w.position == "" {
			p.position = w.clause
		}
	case w.wants("scalar subquery") && i == 0:
		p.must, p.position = true, "scalar subquery"
		return g.scalarSubquery(t, p)
	}
	if t == tInt4 && s.sets && !p.must && g.chance(40) {
		return expr(t, "GROUPING(", s.groups[0], ", ", s.groups[1], ")")
	}
	if t == tInt8 && s.grouped && len(s.groups) > 0 && g.chance(10) {
		return expr(t, "(sum(count(*)) OVER (ORDER BY ", s.groups[0], "))::int8")
	}
	return g.cast(g.expr(t, p), t)
}

// cast makes sure that a column of the select list has the type that is counted on: an aggregate or an operator may give a
// wider one.
func (g *generator) cast(n *node, t typ) *node {
	switch t {
	case tInt8, tInt2, tFloat4, tMood, tPair, tDeep, tRange, tBits, tName, tInet:
		return expr(t, "(", n, ")::"+string(t))
	}
	if _, ok := t.array(); ok || t == tText {
		if len(n.parts) == 1 {
			return expr(t, n, "::"+string(t))
		}
	}
	return n
}

// tail makes DISTINCT, ORDER BY and LIMIT.
func (s *selection) tail(q *query) (distinct, order, limit *node) {
	g, w := s.g, s.w
	distinct, order, limit = txt(), txt(), txt()
	by := list(", ")
	whole := !w.wants(limitClauses...) && !w.single && g.chance(35)
	sorted := w.single || whole || w.wants(limitClauses...) || w.wants("ORDER BY", "ORDER BY alias", "ORDER BY ordinal", "DISTINCT ON") || g.chance(20)
	on := w.place("DISTINCT ON", s.results.rowwise())
	all := false
	switch {
	case on.must || !s.grouped && w.clause == "" && g.chance(4):
		e := g.groupable(one(g.r, tInt4, tText, tBool), on)
		distinct = txt("DISTINCT ON (", e, ") ")
		by.add(txt(e, one(g.r, "", " DESC")))
		sorted = true
	case w.wants("DISTINCT") || !w.wants("ORDER BY") && g.chance(5):
		distinct, all = opt("DISTINCT "), true
	}
	if p := w.place("ORDER BY", s.results); sorted && !all && (p.must || g.chance(50)) {
		by.add(g.sortKey(p))
	}
	if w.wants("ORDER BY alias") {
		by.add(txt("x1", one(g.r, "", " DESC")))
	}
	if sorted && w.wants("ORDER BY ordinal") {
		by.add(txt("1", one(g.r, "", " DESC")))
	}
	if sorted {
		if all || s.grouped {
			for i := range s.types {
				by.add(txt(itoa(i + 1)))
			}
		} else {
			for _, k := range s.results.keys {
				by.add(txt(k))
			}
		}
		if len(by.parts) > 0 {
			order = txt(" ORDER BY ", by)
		}
		q.total = true
	}
	if w.single {
		return distinct, order, txt(" LIMIT 1")
	}
	if w.wants(limitClauses...) || sorted && g.chance(30) {
		limit = s.limit()
	}
	return distinct, order, limit
}

// limit makes LIMIT, OFFSET or FETCH.
func (s *selection) limit() *node {
	g, w := s.g, s.w
	n := func(clause string) *node {
		p := w.place(clause, nil)
		if p.must {
			return g.callOf(modelNamed(one(g.r, "tens", "few")), p, nil)
		}
		return txt(itoa(g.r.IntN(12)))
	}
	switch w.clause {
	case "OFFSET":
		return txt(opt(" LIMIT ", itoa(1+g.r.IntN(10))), " OFFSET ", n("OFFSET"))
	case "FETCH":
		return txt(" FETCH FIRST (", n("FETCH"), ") ROWS ", one(g.r, "ONLY", "WITH TIES"))
	case "LIMIT":
		return txt(" LIMIT ", n("LIMIT"), opt(" OFFSET ", itoa(g.r.IntN(4))))
	}
	switch g.r.IntN(4) {
	case 0:
		return opt(" OFFSET ", n(""))
	case 1:
		return opt(" FETCH FIRST ", itoa(1+g.r.IntN(5)), " ROWS ONLY")
	}
	return opt(" LIMIT ", n(""))
}

package differential

import "slices"

// aggregate makes an aggregate of a type over the rows of the scope. What it gives does not depend on their order.
func (g *generator) aggregate(t typ, p place) *node {
	in := p
	in.scope, in.depth, in.must = p.scope.inner, 1, false
	if g.chance(15) || p.position == "ordered-set aggregate" {
		return g.orderedSet(t, p, in)
	}
	arg, filter, order := in, in, in
	distinct := false
	if p.must {
		switch p.position {
		case "aggregate FILTER":
			filter.must = true
		case "aggregate ORDER BY":
			order.must = true
		case "aggregate DISTINCT":
			distinct, arg.must = true, true
		case "select list", "HAVING", "ORDER BY":
			arg.must = true
			if p.position == "select list" {
				arg.position = "aggregate argument"
			}
		default:
			arg.must = true
		}
	}
	f := txt()
	if filter.must || g.chance(15) {
		f = opt(" FILTER (WHERE ", g.expr(tBool, filter), ")")
	}
	return expr(t, "(", g.aggregated(t, arg, order, distinct || g.chance(8), f), ")")
}

// aggregated makes the aggregate, with FILTER, which may be empty, behind it. A call that ORDER BY must have makes it one
// that has an order.
func (g *generator) aggregated(t typ, arg, order place, distinct bool, filter *node) *node {
	d := ""
	if distinct && !order.must {
		d = "DISTINCT "
	}
	ordered := func(call string, of typ, rest string) *node {
		// The cast keeps the OIDs of domains out of arrays.
		x := expr(of, g.expr(of, arg), "::", string(of))
		if d != "" {
			return txt(call, "(", d, x, rest, " ORDER BY ", x, ")", filter)
		}
		by := list(", ", x)
		if order.must || g.chance(30) {
			by = list(", ", g.sortKey(order), x)
		}
		return txt(call, "(", x, rest, " ORDER BY ", by, ")", filter)
	}
	if order.must && t != tText && t != tJSONB {
		return txt("(", ordered("array_agg", t, ""), ")[1]")
	}
	switch t {
	case tInt8:
		switch g.r.IntN(3) {
		case 0:
			if !arg.must {
				return txt("count(*)", filter)
			}
		case 1:
			return txt("sum(", d, g.expr(tInt4, arg), ")", filter)
		}
		return txt("count(", d, g.expr(pick(g.r, scalars), arg), ")", filter)
	case tNumeric:
		if g.chance(50) {
			return txt("sum(", d, g.expr(tNumeric, arg), ")", filter)
		}
		return txt("round(avg(", d, g.expr(tInt4, arg), ")", filter, ", 3)")
	case tBool:
		return txt(one(g.r, "bool_and", "bool_or", "every"), "(", g.expr(tBool, arg), ")", filter)
	case tText:
		if order.must || g.chance(50) {
			return ordered("string_agg", tText, ", ','")
		}
	case tFloat8:
		if g.chance(50) {
			return txt("sum(", d, g.expr(tFloat8, arg), ")", filter)
		}
	case tJSONB:
		return ordered("jsonb_agg", one(g.r, tInt4, tText), "")
	case tBools:
		return txt("array_remove(", ordered("array_agg", tBool, ""), ", NULL)")
	}
	if t.noMax() {
		return txt("(", ordered("array_agg", t, ""), ")[1]")
	}
	if e, ok := t.array(); ok && g.chance(70) {
		return txt("array_remove(", ordered("array_agg", e, ""), ", NULL)")
	}
	return txt(one(g.r, "max", "min"), "(", d, g.expr(t, arg), ")", filter)
}

// orderedSet makes an ordered-set aggregate.
func (g *generator) orderedSet(t typ, p, in place) *node {
	if p.must {
		in.must = true
		if p.position == "select list" {
			in.position = "ordered-set aggregate"
		}
	}
	if t == tInt8 {
		direct := txt("3")
		if g.chance(25) {
			alone := in
			alone.scope, alone.must = nil, false
			direct = g.callOf(modelNamed("tens"), alone, []*node{expr(tInt4, tInt4.literal(g.r))})
		}
		return expr(t, one(g.r, "rank", "dense_rank"), "(", direct, ") WITHIN GROUP (ORDER BY ", g.expr(tInt4, in), ")")
	}
	if t == tFloat8 && g.chance(40) {
		return expr(t, "percentile_cont(0.5) WITHIN GROUP (ORDER BY ", g.expr(tInt4, in), "::float8)")
	}
	return expr(t, one(g.r, "percentile_disc(0.5)", "percentile_disc(0.25)", "mode()"), " WITHIN GROUP (ORDER BY ", g.expr(t, in), one(g.r, "", " DESC"), ")")
}

// sortKey makes an expression to sort by, which is no constant that PostgreSQL takes for an ordinal.
func (g *generator) sortKey(p place) *node {
	n := g.groupable(pick(g.r, comparable), p)
	return txt(n, one(g.r, "", "", " DESC", " ASC", " NULLS FIRST", " DESC NULLS LAST"))
}

// groupable makes an expression that is no constant: GROUP BY and ORDER BY take some of these for the number of a column,
// and PostgreSQL's grouping sets give others than NULL where a function's answer is known ahead.
func (g *generator) groupable(t typ, p place) *node {
	n := g.expr(t, p)
	for _, m := range n.walk() {
		if slices.ContainsFunc(p.scope.fields, func(f field) bool { return f.node == m }) {
			return n
		}
	}
	if len(p.scope.fields) == 0 {
		return expr(t, "CASE WHEN true THEN ", n, " END")
	}
	f := g.fieldOf(tInt4, p.scope.alone())
	if f == nil {
		f = p.scope.fields[0].node
	}
	return expr(t, "CASE WHEN ", f, " IS NULL THEN ", n, " ELSE ", g.expr(t, p.plainly()), " END")
}

// setMember makes an expression for GROUPING SETS: a column, or a call over columns. What is wholly or partly constant is left
// out: PostgreSQL gives other answers for it where it can compute a part of it ahead. Member n has a column of its own, if
// there are enough, since PostgreSQL takes equal members for one.
func (g *generator) setMember(p place, n int) *node {
	x := p.scope.fields[n%len(p.scope.fields)].node
	e := expr(x.typ, txt(x.parts...))
	if x.typ == tInt4 && (p.must || g.chance(20)) {
		m := modelNamed(one(g.r, "tens", "maybe", "high", "bucket", "day", "zero"))
		e = expr(m.returns, txt(g.callOf(m, p, []*node{txt(x.parts...)}).parts...))
	}
	e.typ, e.fixed = "", e.typ
	return e
}

// window makes a window function of a type. Its window orders the rows wholly, so what it gives is determined.
func (g *generator) window(t typ, p place) *node {
	in := p
	in.scope, in.depth, in.must = p.scope.rowwise(), 1, false
	arg, partition, order, filter := in, in, in, in
	frame := ""
	if p.must {
		switch p.position {
		case "window PARTITION BY":
			partition.must = true
		case "window ORDER BY":
			order.must = true
		case "window FILTER":
			filter.must = true
		case "window frame":
			frame = "must"
		default:
			arg.must = true
			if p.position == "select list" {
				arg.position = "window argument"
			}
		}
	}
	fn, aggregate := g.windowed(t, arg, filter.must || frame != "")
	if filter.must || aggregate && g.chance(15) {
		fn = txt(fn, opt(" FILTER (WHERE ", g.expr(tBool, filter), ")"))
	}
	over := txt()
	if partition.must || g.chance(50) {
		over.add(opt("PARTITION BY ", g.groupable(one(g.r, tInt4, tText, tBool), partition), " "))
	}
	by := list(", ")
	if order.must || g.chance(60) {
		by.add(g.sortKey(order))
	}
	for _, k := range p.scope.keys {
		by.add(txt(k))
	}
	if len(by.parts) > 0 {
		over.add(txt("ORDER BY ", by))
		if frame != "" || g.chance(20) {
			over.add(g.frame(in, frame != ""))
		}
	}
	if aggregate && t.noMax() {
		return expr(t, "(", fn, " OVER (", over, "))[1]")
	}
	return expr(t, "(", fn, " OVER (", over, "))")
}

// windowed makes the function before OVER, and says whether it is an aggregate, which plain has it be.
func (g *generator) windowed(t typ, arg place, plain bool) (*node, bool) {
	if !plain && !arg.must && t == tInt8 && g.chance(50) {
		return txt(one(g.r, "row_number()", "rank()", "dense_rank()", "count(*)")), false
	}
	if !plain && g.chance(40) || t == tMood {
		switch g.r.IntN(4) {
		case 0:
			if g.chance(20) {
				return txt("lag(", g.expr(t, arg), ", 1 + ", g.callOf(modelNamed("few"), arg, nil), ", ", t.simplest(), ")"), false
			}
			return txt("lag(", g.expr(t, arg), one(g.r, "", ", 2"), ")"), false
		case 1:
			return txt("lead(", g.expr(t, arg), ")"), false
		case 2:
			return txt("nth_value(", g.expr(t, arg), ", 2)"), false
		}
		return txt(one(g.r, "first_value(", "last_value("), g.expr(t, arg), ")"), false
	}
	switch t {
	case tInt8:
		if g.chance(50) {
			return txt("count(", g.expr(tText, arg), ")"), true
		}
		return txt("sum(", g.expr(tInt4, arg), ")"), true
	case tNumeric:
		return txt("sum(", g.expr(tNumeric, arg), ")"), true
	case tBool:
		return txt("bool_or(", g.expr(tBool, arg), ")"), true
	}
	if t.noMax() {
		return txt("array_agg(", g.expr(t, arg), ")"), true
	}
	if e, ok := t.array(); ok {
		return txt("array_agg(COALESCE(", g.expr(e, arg), ", ", e.simplest(), ")::", string(e), ")"), true
	}
	return txt(one(g.r, "max", "min"), "(", g.expr(t, arg), ")"), true
}

// frame makes a frame clause. Its offsets hold no columns, as PostgreSQL wants it.
func (g *generator) frame(p place, must bool) *node {
	p.scope = nil
	offset := func() *node { return txt(itoa(g.r.IntN(4))) }
	if must {
		offset = func() *node { return g.callOf(modelNamed("tens"), p, []*node{expr(tInt4, tInt4.literal(g.r))}) }
	}
	end := txt(one(g.r, "CURRENT ROW", "UNBOUNDED FOLLOWING"))
	if g.chance(30) {
		end = txt(offset(), " FOLLOWING")
	}
	return opt(one(g.r, " ROWS", " ROWS", " GROUPS"), " BETWEEN ", offset(), " PRECEDING AND ", end,
		opt(one(g.r, "", " EXCLUDE CURRENT ROW", " EXCLUDE TIES")))
}

package differential

// comparable are types whose values conditions compare.
var comparable = []weighted[typ]{{tInt4, 10}, {tText, 5}, {tNumeric, 2}, {tFloat8, 2}, {tInt8, 2}, {tDate, 2}, {tBool, 1}, {tTimestamptz, 1}, {tUUID, 1},
	{tJSONB, 1}, {tInt4s, 1}, {tMood, 1}, {tBytea, 1}, {tInterval, 1}, {tPair, 1}}

// condition makes a boolean expression with an operator.
func (g *generator) condition(p place) *node {
	t := pick(g.r, comparable)
	switch g.r.IntN(20) {
	case 0, 1:
		k := g.kids(2, p, "OR")
		return expr(tBool, "(", g.expr(tBool, k[0]), " OR ", g.expr(tBool, k[1]), ")")
	case 2, 3:
		k := g.kids(2, p, "AND")
		return expr(tBool, "(", g.expr(tBool, k[0]), " AND ", g.expr(tBool, k[1]), ")")
	case 4:
		return expr(tBool, "(NOT ", g.expr(tBool, g.kids(1, p, "NOT")[0]), ")")
	case 5:
		k := g.kids(3, p, "IN")
		return expr(tBool, "(", g.expr(t, k[0]), one(g.r, " IN (", " NOT IN ("), list(", ", g.expr(t, k[1]), g.expr(t, k[2]), expr(t, t.literal(g.r))), "))")
	case 6:
		k := g.kids(3, p, "BETWEEN")
		return expr(tBool, "(", g.expr(t, k[0]), one(g.r, " BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC "), g.expr(t, k[1]), " AND ", g.expr(t, k[2]), ")")
	case 7:
		return expr(tBool, "(", g.expr(t, g.kids(1, p, "IS NULL")[0]), one(g.r, " IS NULL", " IS NOT NULL"), ")")
	case 8:
		k := g.kids(2, p, "IS DISTINCT FROM")
		return expr(tBool, "(", g.expr(t, k[0]), one(g.r, " IS DISTINCT FROM ", " IS NOT DISTINCT FROM "), g.expr(t, k[1]), ")")
	case 9:
		k := g.kids(2, p, "ANY (array)")
		return expr(tBool, "(", g.expr(tInt4, k[0]), one(g.r, " = ANY (", " > ANY (", " <> ALL ("), g.expr(tInt4s, k[1]), "))")
	case 10:
		k := g.kids(2, p, "LIKE")
		return expr(tBool, "(", g.expr(tText, k[0]), one(g.r, " LIKE ", " NOT LIKE ", " ILIKE "), expr(tText, one(g.r, "'%a%'", "'_'", "'%!'", "'z%'")), ")")
	case 11:
		return expr(tBool, "(", g.expr(tBool, g.kids(1, p, "IS TRUE")[0]), one(g.r, " IS TRUE", " IS NOT TRUE", " IS UNKNOWN", " IS FALSE"), ")")
	case 12, 13:
		if p.depth > 1 && p.scope != nil {
			return g.subqueryCondition(p)
		}
	case 14:
		k := g.kids(4, p, "row comparison")
		return expr(tBool, "((", g.expr(tInt4, k[0]), ", ", g.expr(t, k[1]), one(g.r, ") = (", ") < (", ") <> ("), g.expr(tInt4, k[2]), ", ", g.expr(t, k[3]), "))")
	}
	k := g.kids(2, p, "comparison")
	return expr(tBool, "(", g.expr(t, k[0]), one(g.r, " = ", " = ", " < ", " <= ", " > ", " <> "), g.expr(t, k[1]), ")")
}

// subqueryCondition makes EXISTS, IN, ANY or ALL with a subquery.
func (g *generator) subqueryCondition(p place) *node {
	kind := one(g.r, "EXISTS", "IN", "ANY")
	if p.must {
		p.position = kind + " subquery"
	}
	return g.subqueryOf(kind, p)
}

// subqueryOf makes one of these.
func (g *generator) subqueryOf(kind string, p place) *node {
	k := g.kids(2, p, "")
	switch kind {
	case "EXISTS":
		return expr(tBool, one(g.r, "EXISTS (", "NOT EXISTS ("), g.subquery(p, nil).node, ")")
	case "IN":
		t := one(g.r, tInt4, tInt4, tText)
		k[1].must = p.must
		return expr(tBool, "(", g.expr(t, k[0].plainer()), one(g.r, " IN (", " NOT IN ("), g.subquery(k[1], []typ{t}).node, "))")
	}
	t := one(g.r, tInt4, tInt4, tText)
	k[1].must = p.must
	return expr(tBool, "(", g.expr(t, k[0].plainer()), one(g.r, " = ANY (", " > ALL (", " < SOME ("), g.subquery(k[1], []typ{t}).node, "))")
}

// plainer is the place without the duty to hold a call.
func (p place) plainer() place {
	p.must = false
	return p
}

package differential

// expr makes an expression of a type.
func (g *generator) expr(t typ, p place) *node {
	if p.must && (p.depth <= 0 || g.chance(45)) {
		return g.call(t, p)
	}
	if !p.must && (p.depth <= 0 || g.chance(45)) {
		return g.atom(t, p)
	}
	if !p.must && p.may && g.calls > 0 && g.chance(5) {
		return g.call(t, p)
	}
	if n := g.special(t, p); n != nil {
		return n
	}
	if modifiers[t] != nil && g.chance(8) {
		return g.modified(t, p)
	}
	if g.chance(25) {
		return g.choice(t, p)
	}
	return g.operator(t, p)
}

// atom makes an expression without operators: a column, a constant, a parameter.
func (g *generator) atom(t typ, p place) *node {
	if !g.chance(15) {
		if n := g.fieldOf(t, p.scope); n != nil {
			return n
		}
	}
	switch {
	case g.chance(6):
		return expr(t, "NULL::"+string(t))
	case g.parameters && g.chance(20):
		return g.param(t, true)
	}
	return expr(t, t.literal(g.r))
}

// special makes an aggregate, a window function or a subquery, where these may stand; nil otherwise.
func (g *generator) special(t typ, p place) *node {
	switch {
	case p.scope == nil:
		return nil
	case p.scope.inner != nil && g.chance(50):
		return g.aggregate(t, p)
	case p.scope.windows && g.chance(12):
		return g.window(t, p)
	case p.depth > 1 && g.chance(8):
		if p.must {
			p.position = "scalar subquery"
		}
		return g.scalarSubquery(t, p)
	}
	return nil
}

// modifiers are types with a modifier, and domains, that expressions of a type are cast to now and then. They have one scale and one
// length each, so that values that are equal look equal.
var modifiers = map[typ][]string{
	tNumeric: {"numeric(14,2)", "numeric(14,2)", "cents"}, tText: {"varchar(12)", "varchar(12)", "char(6)", "short", "label"}, tInt4: {"posint"},
	tTimestamp: {"timestamp(3)"}, tTimestamptz: {"timestamptz(3)"}, tTime: {"time(3)"}, tBits: {"varbit(40)"}, tTexts: {"tags", "varchar(12)[]"},
	tNumerics: {"numeric(14,2)[]"}, tPair: {"couple"},
}

// modified makes an expression cast to a type with a modifier, or to a domain.
func (g *generator) modified(t typ, p place) *node {
	k := g.kids(1, p, "cast")
	to := one(g.r, modifiers[t]...)
	return expr(t, "(", g.expr(t, k[0].only(p)), ")::", to)
}

// choice makes one of the expressions that pick among others, which every type has.
func (g *generator) choice(t typ, p place) *node {
	switch g.r.IntN(6) {
	case 0:
		k := g.kids(3, p, "CASE")
		return expr(t, "CASE WHEN ", g.expr(tBool, k[0]), " THEN ", g.expr(t, k[1]), opt(" ELSE ", g.expr(t, k[2])), " END")
	case 1:
		k := g.kids(4, p, "CASE")
		return expr(t, "CASE ", g.expr(tInt4, k[0]), " WHEN ", g.expr(tInt4, k[1]), " THEN ", g.expr(t, k[2]), " ELSE ", g.expr(t, k[3]), " END")
	case 2:
		k := g.kids(2, p, "NULLIF")
		if t == tBool {
			k = g.kids(2, p, "COALESCE")
			return expr(t, "COALESCE(", g.expr(t, k[0]), ", ", g.expr(t, k[1]), ")")
		}
		return expr(t, "NULLIF(", g.expr(t, k[0]), ", ", g.expr(t, k[1]), ")")
	case 3:
		k := g.kids(2, p, "GREATEST")
		return expr(t, one(g.r, "GREATEST", "LEAST")+"(", g.expr(t, k[0]), ", ", g.expr(t, k[1]), ")")
	}
	k := g.kids(2, p, "COALESCE")
	return expr(t, "COALESCE(", g.expr(t, k[0]), ", ", g.expr(t, k[1]), ")")
}

// operator makes an expression with an operator or a function that gives the type.
func (g *generator) operator(t typ, p place) *node {
	k := g.kids(2, p, "")
	a := k[0].only(p)
	first := g.chance(50)
	switch t {
	case tBool:
		return g.condition(p)
	case tInt4:
		return g.integer(p)
	case tText:
		return g.textual(p)
	case tInt2:
		return expr(t, "(", g.expr(tInt4, a), " % 7)::int2")
	case tInt8, tFloat8:
		if first {
			return expr(t, "(", g.expr(tInt4, a), ")::", string(t))
		}
		return expr(t, "(", g.expr(t, k[0]), " + ", g.expr(tInt4, k[1]), ")")
	case tNumeric:
		if first {
			return expr(t, "round(", g.expr(tNumeric, a), ", 2)")
		}
		return expr(t, "round(", g.expr(tNumeric, k[0]), " + ", g.expr(tInt4, k[1]), ", 2)")
	case tDate:
		return expr(t, "(", g.expr(tDate, k[0]), " + ", g.expr(tInt4, k[1]), ")")
	case tTimestamp:
		return expr(t, "(", g.expr(tDate, k[0]), " + ", g.expr(tTime, k[1]), ")")
	case tTimestamptz:
		return expr(t, "(", g.expr(tTimestamptz, k[0]), " + ", g.expr(tInterval, k[1]), ")")
	case tJSONB:
		switch g.r.IntN(3) {
		case 0:
			return expr(t, "jsonb_build_object('v', ", g.expr(tInt4, k[0]), ", 'k', ", g.expr(tText, k[1]), ")")
		case 1:
			return expr(t, "(", g.expr(tJSONB, a), one(g.r, " -> 'k'", " #> '{in}'"), ")")
		}
		return expr(t, "to_jsonb(", g.expr(tInt4, a), ")")
	case tPair:
		return expr(t, "ROW(", g.expr(tInt4, k[0]), ", ", g.expr(tText, k[1]), ")::pair")
	case tDeep:
		return expr(t, "ROW(", g.expr(tPair, k[0]), ", 'sad', ", g.expr(tInt4s, k[1]), ")::deep")
	case tRange:
		return expr(t, "(int4range(NULL, abs(", g.expr(tInt4, k[0]), ")) * ", g.expr(tRange, k[1]), ")")
	case tBits:
		return expr(t, "(", g.expr(tBits, k[0]), " || ", g.expr(tBits, k[1]), ")")
	case tName:
		return expr(t, "(", g.expr(tText, a), ")::name")
	case tInet:
		return expr(t, "(", g.expr(tInet, k[0]), " & ", g.expr(tInet, k[1]), ")")
	}
	if e, ok := t.array(); ok {
		if first {
			return expr(t, "(", g.expr(t, k[0]), " || ", g.expr(e, k[1]), "::", string(e), ")")
		}
		return expr(t, "ARRAY[", g.expr(e, k[0]), ", ", g.expr(e, k[1]), "]::"+string(t))
	}
	return g.choice(t, p)
}

// only is the place of an operand that is the only one, so that the call that must be somewhere is there.
func (k place) only(p place) place {
	k.must = p.must
	return k
}

// integer makes an int4. Results stay far from the type's limits.
func (g *generator) integer(p place) *node {
	k := g.kids(2, p, "")
	a := k[0].only(p)
	switch g.r.IntN(10) {
	case 0, 1:
		return expr(tInt4, "(", g.expr(tInt4, k[0]), one(g.r, " + ", " - "), g.expr(tInt4, k[1]), ")")
	case 2:
		return expr(tInt4, "((", g.expr(tInt4, a), " % 100) * ", one(g.r, "2", "3", "-1"), ")")
	case 3:
		return expr(tInt4, "(", g.expr(tInt4, k[0]), " / NULLIF(", g.expr(tInt4, k[1]), ", 0))")
	case 4:
		return expr(tInt4, one(g.r, "length", "octet_length", "ascii")+"(", g.expr(tText, a), ")")
	case 5:
		return expr(tInt4, "(", g.expr(tBool, a), ")::int4")
	case 6:
		return expr(tInt4, "abs(", g.expr(tInt4, a), ")")
	case 7:
		return expr(tInt4, "(", g.expr(tInt4s, a), ")[", one(g.r, "1", "2"), "]")
	case 8:
		if a.must {
			return expr(tInt4, "(", g.callOf(modelNamed("wrap"), a, nil), " ->> 'v')::int4")
		}
	}
	return expr(tInt4, "cardinality(", g.expr(tInt4s, a), ")")
}

// textual makes a text.
func (g *generator) textual(p place) *node {
	k := g.kids(2, p, "")
	a := k[0].only(p)
	switch g.r.IntN(9) {
	case 0, 1:
		return expr(tText, "(", g.expr(tText, k[0]), " || ", g.expr(tText, k[1]), ")")
	case 2:
		return expr(tText, one(g.r, "upper", "lower", "reverse", "btrim")+"(", g.expr(tText, a), ")")
	case 3:
		return expr(tText, "left(", g.expr(tText, k[0]), ", ", g.expr(tInt4, k[1]), ")")
	case 4:
		return expr(tText, "(", g.expr(one(g.r, tInt4, tBool, tUUID, tMood, tNumeric, tInt4s, tDeep, tRange, tInet, tName, tMoods), a), ")::text")
	case 5:
		return expr(tText, "(", g.expr(tText, a), ` COLLATE `, one(g.r, `"C"`, `"und-x-icu"`, `"POSIX"`), ")")
	case 6:
		return expr(tText, "(", g.expr(tJSONB, a), " ->> 'k')")
	case 7:
		return expr(tText, "concat(", g.expr(tInt4, k[0]), ", '-', ", g.expr(tText, k[1]), ")")
	}
	return expr(tText, "(", g.expr(tTexts, a), ")[1]")
}

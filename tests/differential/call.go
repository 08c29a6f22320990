package differential

import (
	"slices"
	"strings"
)

// implicit are types that PostgreSQL casts by itself to the type of an argument.
var implicit = map[typ][]typ{tInt4: {tInt2}, tInt8: {tInt4, tInt2}, tFloat8: {tInt4, tFloat4, tNumeric}, tFloat4: {tInt2}, tNumeric: {tInt4, tInt8},
	tTimestamp: {tDate}, tText: {tName}}

// call makes an expression of a type that is a call of a model, or a little more where no model answers the type.
func (g *generator) call(t typ, p place) *node {
	switch {
	case g.chance(3):
		if n := g.details(t, p); n != nil {
			return n
		}
	case t == tInt4 && g.chance(8):
		if n := g.guarded(p); n != nil {
			return n
		}
	case t == tInt4 && g.chance(5):
		g.positions["call: try_predict"] = true
		return g.callOf(modelNamed("brittle"), p, nil)
	}
	var fit []model
	for _, m := range models {
		if m.returns == t && !m.fails {
			fit = append(fit, m)
		}
	}
	if len(fit) == 0 {
		return g.around(t, p)
	}
	n := g.callOf(one(g.r, fit...), p, nil)
	if t == tText && g.chance(6) {
		return expr(t, "(", n, ` COLLATE "C")`)
	}
	return n
}

// around makes an expression with a call of a type that no model answers.
func (g *generator) around(t typ, p place) *node {
	switch t {
	case tPair:
		return expr(t, "ROW(", g.call(tInt4, p), ", 'x')::pair")
	case tDeep:
		return expr(t, "ROW(ROW(", g.call(tInt4, p), ", 'x')::pair, NULL, ", g.call(tInt4s, p), ")::deep")
	case tRange:
		return expr(t, "int4range(0, abs(", g.call(tInt4, p), "))")
	case tName:
		return expr(t, g.call(tText, p), "::name")
	case tBits:
		return expr(t, g.call(tInt4, p), "::bit(8)::varbit")
	case tInet:
		return expr(t, "('10.0.0.' || abs(", g.call(tInt4, p), ") % 200)::inet")
	}
	if e, ok := t.array(); ok {
		return expr(t, "array_remove(ARRAY[", g.call(e, p), "]::", string(t), ", NULL)")
	}
	q := g.kids(2, p, "")
	q[0].must = p.must
	return expr(t, "CASE WHEN ", g.call(tBool, q[0]), " THEN ", t.simplest(), " ELSE ", g.atom(t, q[1]), " END")
}

// details makes an expression of a type with predict_details; nil for a type that it does not give.
func (g *generator) details(t typ, p place) *node {
	ask := func(m model, tail string) *node {
		g.positions["call: predict_details"] = true
		g.detailed = true
		defer func() { g.detailed = false }()
		return expr(t, "(", g.callOf(m, p, nil), tail, ")")
	}
	switch t {
	case tJSONB:
		return ask(models[g.r.IntN(len(models)-1)], " -> 'value'")
	case tText:
		return ask(models[g.r.IntN(len(models)-1)], one(g.r, " ->> 'value'", " ->> 'error'", " ->> 'model'", " #>> '{version}'"))
	case tInt4:
		return expr(t, ask(modelNamed(one(g.r, "add", "maybe", "zero", "size")), " ->> 'value'"), "::int4")
	case tBool:
		return ask(modelNamed("brittle"), " ->> 'error' IS NULL")
	}
	return nil
}

// guard is the operator that keeps arguments away from a model that fails for them.
const guard = "a guarding CASE"

// guarded calls a model that fails for some arguments, behind a CASE that keeps these away; nil without a column to call it
// on.
func (g *generator) guarded(p place) *node {
	x := g.fieldOf(tInt4, p.scope)
	m := modelNamed("brittle")
	if x == nil {
		return nil
	}
	p.via = guard
	return expr(tInt4, "CASE WHEN ((", x, " % 5) + 5) % 5 <> 3 THEN ", g.callOf(m, p, []*node{x}), " END")
}

// modelNamed finds a model.
func modelNamed(name string) model {
	for _, m := range slices.Concat(models, tpcModels) {
		if m.name == name {
			return m
		}
	}
	return model{}
}

// callOf calls a model with arguments, which are made where args is nil.
func (g *generator) callOf(m model, p place, args []*node) *node {
	g.calls--
	g.models[m.name] = true
	g.positions[p.position] = true
	if p.via != "" && p.position == "WHERE" {
		g.positions["WHERE: "+p.via] = true
	}
	var whole *node
	if args == nil && g.chance(50) {
		whole = p.scope.wholeRow(m)
	}
	if whole != nil {
		g.positions["call: whole row"] = true
	} else if args == nil {
		for _, a := range m.args {
			args = append(args, g.argument(a.typ, p))
		}
	}
	name := m.name
	if g.chance(5) {
		name += "@1"
	}
	word := "predict"
	returns := m.returns
	switch {
	case g.detailed:
		word, returns, g.detailed = "predict_details", tJSONB, false
	case m.fails && p.via != guard || g.chance(3):
		word = "try_predict"
	}
	n := expr(returns, oracleOnly("m_"+m.name+"."), g.word(word), "(", quote(name))
	if whole != nil {
		n.parts = append(n.parts, ", ", whole, ")")
		return n
	}
	named := len(m.args)
	if len(m.args) > 0 && g.chance(8) {
		named = g.r.IntN(len(m.args))
		g.positions["call: named arguments"] = true
	}
	order := []int{}
	for i := range named {
		order = append(order, i)
	}
	for _, i := range g.r.Perm(len(m.args) - named) {
		order = append(order, named+i)
	}
	for _, i := range order {
		n.parts = append(n.parts, one(g.r, ", ", ", ", ","))
		if i >= named {
			n.parts = append(n.parts, m.args[i].name+" => ")
		}
		n.parts = append(n.parts, args[i])
	}
	n.parts = append(n.parts, ")")
	return n
}

// word writes a keyword in one of the ways that mean the same.
func (g *generator) word(w string) string {
	switch g.r.IntN(20) {
	case 0:
		return strings.ToUpper(w)
	case 1:
		return w + " "
	case 2:
		return `"` + w + `"`
	case 3:
		return w + "/* (' */"
	}
	return w
}

// argument makes an argument: often a column, sometimes what PostgreSQL has to cast, a call, or an expression.
func (g *generator) argument(t typ, p place) *node {
	p.must, p.depth, p.via = false, min(p.depth-1, 1), ""
	if t == tJSON {
		return expr(t, g.argument(tJSONB, p), "::jsonb::json")
	}
	kind := g.r.IntN(100)
	switch {
	case kind < 8 && g.calls > 0:
		g.positions["call: nested"] = true
		return g.call(t, p)
	case kind < 14 && implicit[t] != nil:
		if n := g.fieldOf(one(g.r, implicit[t]...), p.scope); n != nil {
			return n
		}
	case kind < 17:
		return expr(t, "NULL")
	case kind < 22 && t != tBool:
		v := t.value(g.r)
		return expr(t, "'"+v+"'")
	case kind < 30 && g.parameters:
		g.positions["call: parameter"] = true
		return g.param(t, false)
	case kind < 45:
		return g.expr(t, p)
	}
	if n := g.fieldOf(t, p.scope); n != nil {
		return n
	}
	return g.atom(t, p)
}

// param makes a parameter of a type, with a cast where nothing else says its type.
func (g *generator) param(t typ, cast bool) *node {
	p := param{typ: t, value: t.value(g.r), null: g.chance(8), binary: g.chance(40), declared: g.chance(30)}
	p.value = strings.ReplaceAll(p.value, "''", "'")
	g.params = append(g.params, p)
	n := expr(t, parameter(len(g.params)-1))
	if cast {
		n.parts = append(n.parts, "::"+string(t))
	}
	return n
}

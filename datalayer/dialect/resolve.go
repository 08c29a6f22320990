package dialect

// Resolution of operators and functions follows PostgreSQL's parse_oper.c and parse_func.c (documentation, "Type
// Conversion"): an exact match first, then the candidates that the operands can be coerced to implicitly, of which those
// with the most exact matches, then the most preferred types, then what unknown literals may be.

// coercible says whether a value of one type stands implicitly where the other is asked for.
func (c *catalogue) coercible(from, to uint32) bool {
	if from == to || from == oidUnknown || to == oidAny {
		return true
	}
	switch to {
	case oidAnyElement, oidAnyCompatible:
		return true
	case oidAnyNonArray, oidAnyCompatibleNon:
		return !c.isArray(from)
	case oidAnyArray, oidAnyCompatibleArr:
		return c.isArray(from)
	}
	if k, ok := c.casts[castKey{from, to}]; ok {
		return k.context == 'i'
	}
	f, t := c.types[from], c.types[to]
	return f != nil && t != nil && f.elem != 0 && t.elem != 0 && c.coercible(f.elem, t.elem)
}

func (c *catalogue) isArray(oid uint32) bool {
	t := c.types[oid]
	return t != nil && t.elem != 0
}

// operator finds the operator for operands of these types; left is 0 for a prefix operator.
func (c *catalogue) operator(name string, left, right uint32) (signature, bool) {
	all := c.operators[name]
	l, r := left, right
	if l == oidUnknown {
		l = r
	} else if r == oidUnknown && l != 0 {
		r = l
	}
	for _, s := range all {
		if s.args[0] == l && s.args[1] == r {
			return s, true
		}
	}
	var prefix, binary []signature
	for _, s := range all {
		if s.args[0] == 0 {
			prefix = append(prefix, signature{args: s.args[1:], result: s.result})
		} else {
			binary = append(binary, s)
		}
	}
	if left == 0 {
		s, ok := c.choose(prefix, []uint32{right})
		s.args = append([]uint32{0}, s.args...)
		return s, ok
	}
	return c.choose(binary, []uint32{left, right})
}

// function finds the function or aggregate of a name for arguments of these types. A variadic one comes with its last
// parameter repeated, unless the call says VARIADIC.
func (c *catalogue) function(all []signature, args []uint32, variadic bool) (signature, bool) {
	var fit []signature
	for _, s := range all {
		switch {
		case len(s.args) == len(args) && (s.variadic == 0 || variadic):
		case s.variadic != 0 && !variadic && len(args) >= len(s.args):
			spread := append([]uint32(nil), s.args[:len(s.args)-1]...)
			for len(spread) < len(args) {
				spread = append(spread, s.variadic)
			}
			s.args = spread
		case s.variadic == 0 && len(args) < len(s.args) && len(args) >= len(s.args)-s.defaults:
			s.args = s.args[:len(args)]
		default:
			continue
		}
		if equalTypes(s.args, args) {
			return s, true
		}
		fit = append(fit, s)
	}
	return c.choose(fit, args)
}

func equalTypes(a, b []uint32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// choose is func_match_argtypes and func_select_candidate.
func (c *catalogue) choose(all []signature, args []uint32) (signature, bool) {
	var fit []signature
	for _, s := range all {
		ok := true
		for i, a := range args {
			ok = ok && c.coercible(a, s.args[i])
		}
		if ok {
			fit = append(fit, s)
		}
	}
	fit = most(fit, func(s signature) int { return c.score(s, args, false) })
	if len(fit) > 1 {
		fit = most(fit, func(s signature) int { return c.score(s, args, true) })
	}
	if len(fit) > 1 {
		fit = c.guessUnknown(fit, args)
	}
	if len(fit) != 1 {
		return signature{}, false
	}
	return fit[0], true
}

// most keeps the signatures with the highest score.
func most(all []signature, score func(signature) int) []signature {
	best := -1
	var kept []signature
	for _, s := range all {
		n := score(s)
		if n > best {
			best, kept = n, nil
		}
		if n == best {
			kept = append(kept, s)
		}
	}
	return kept
}

// score counts the known arguments that match exactly, with preferred also those whose category's preferred type is
// asked for.
func (c *catalogue) score(s signature, args []uint32, preferred bool) int {
	n := 0
	for i, a := range args {
		if a == oidUnknown {
			continue
		}
		want := c.types[s.args[i]]
		have := c.types[a]
		if s.args[i] == a || preferred && want != nil && have != nil && want.preferred && want.category == have.category {
			n++
		}
	}
	return n
}

// guessUnknown decides by what unknown literals may be: strings where a candidate takes one, otherwise the category that
// all candidates agree on, and at last the type of the known arguments.
func (c *catalogue) guessUnknown(fit []signature, args []uint32) []signature {
	unknown := false
	for i, a := range args {
		if a != oidUnknown {
			continue
		}
		unknown = true
		category, agreed := c.slotCategory(fit, i)
		if !agreed {
			return c.asKnown(fit, args)
		}
		var inCategory, preferred []signature
		for _, s := range fit {
			t := c.types[s.args[i]]
			if t == nil || t.category != category {
				continue
			}
			inCategory = append(inCategory, s)
			if t.preferred {
				preferred = append(preferred, s)
			}
		}
		if len(preferred) > 0 {
			inCategory = preferred
		}
		fit = inCategory
	}
	if !unknown || len(fit) == 1 {
		return fit
	}
	return c.asKnown(fit, args)
}

// slotCategory is the category that candidates want at a place; string wins, otherwise all must agree.
func (c *catalogue) slotCategory(fit []signature, i int) (byte, bool) {
	var category byte
	agreed := true
	for _, s := range fit {
		t := c.types[s.args[i]]
		switch {
		case t == nil:
			agreed = false
		case t.category == 'S':
			return 'S', true
		case category == 0:
			category = t.category
		case category != t.category:
			agreed = false
		}
	}
	return category, agreed && category != 0
}

// asKnown takes unknown arguments to be of the one type that the known ones have.
func (c *catalogue) asKnown(fit []signature, args []uint32) []signature {
	known := uint32(0)
	for _, a := range args {
		switch {
		case a == oidUnknown:
		case known == 0:
			known = a
		case known != a:
			return nil
		}
	}
	if known == 0 {
		return nil
	}
	var kept []signature
	for _, s := range fit {
		ok := true
		for i := range args {
			ok = ok && c.coercible(known, s.args[i])
		}
		if ok {
			kept = append(kept, s)
		}
	}
	return kept
}

// common is select_common_type: the type of CASE, COALESCE, ARRAY and the like; 0 where there is none.
func (c *catalogue) common(types []uint32) uint32 {
	best := uint32(oidUnknown)
	for _, t := range types {
		if t == 0 {
			return 0
		}
		if t == oidUnknown || t == best {
			continue
		}
		if best == oidUnknown {
			best = t
			continue
		}
		b, n := c.types[best], c.types[t]
		if b == nil || n == nil || b.category != n.category {
			return 0
		}
		if !b.preferred && c.coercible(best, t) && !c.coercible(t, best) {
			best = t
		}
	}
	if best == oidUnknown {
		return oidText
	}
	for _, t := range types {
		if !c.coercible(t, best) {
			return 0
		}
	}
	return best
}

// polymorphic gives the actual types of a signature with any… in it; ok is false where they do not agree.
func (c *catalogue) polymorphic(s signature, args []uint32) (signature, bool) {
	plain := !isPolymorphic(s.result)
	for _, a := range s.args {
		plain = plain && !isPolymorphic(a)
	}
	if plain {
		return s, true
	}
	elem, ok := c.elementOf(s, args)
	if !ok {
		return s, false
	}
	array := uint32(0)
	if t := c.types[elem]; t != nil {
		array = t.array
	}
	actual := func(oid uint32) uint32 {
		switch oid {
		case oidAnyArray, oidAnyCompatibleArr:
			return array
		case oidAnyElement, oidAnyNonArray, oidAnyEnum, oidAnyCompatible, oidAnyCompatibleNon:
			return elem
		}
		return oid
	}
	out := signature{kind: s.kind, result: actual(s.result), args: make([]uint32, len(s.args))}
	for i, a := range s.args {
		if out.args[i] = actual(a); out.args[i] == 0 {
			return s, false
		}
	}
	return out, out.result != 0
}

// elementOf is the type that anyelement stands for in a call.
func (c *catalogue) elementOf(s signature, args []uint32) (uint32, bool) {
	var types []uint32
	exact := false
	for i, a := range s.args {
		if !isPolymorphic(a) || args[i] == oidUnknown {
			continue
		}
		exact = exact || a == oidAnyArray || a == oidAnyElement || a == oidAnyNonArray
		t := args[i]
		if a == oidAnyArray || a == oidAnyCompatibleArr {
			info := c.types[t]
			if info == nil || info.elem == 0 {
				return 0, false
			}
			t = info.elem
		}
		types = append(types, t)
	}
	if len(types) == 0 {
		return 0, false
	}
	if exact {
		for _, t := range types {
			if t != types[0] {
				return 0, false
			}
		}
		return types[0], true
	}
	t := c.common(types)
	return t, t != 0
}

func isPolymorphic(oid uint32) bool {
	switch oid {
	case oidAnyArray, oidAnyElement, oidAnyNonArray, oidAnyEnum, oidAnyCompatible, oidAnyCompatibleArr, oidAnyCompatibleNon:
		return true
	}
	return false
}

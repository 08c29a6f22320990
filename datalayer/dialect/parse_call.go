package dialect

import pg_query "github.com/pganalyze/pg_query_go/v5"

// funcCall reads a function or an aggregate.
func (p *parser) funcCall(n *pg_query.FuncCall, in *scope) (Expr, error) {
	name := lastName(n.Funcname)
	own := len(n.Funcname) == 1 || n.Funcname[0].GetString_().GetSval() == "pg_catalog"
	if n.Over != nil {
		return nil, notCanonical("a window function")
	}
	args, err := p.exprs(n.Args, in)
	if err != nil {
		return nil, err
	}
	if !own {
		return &Call{Schema: n.Funcname[0].GetString_().GetSval(), Name: name, Args: args, Variadic: n.FuncVariadic}, nil
	}
	all := p.pg.aggregates[name]
	if len(all) == 0 && !n.AggStar && !n.AggDistinct && !n.AggWithinGroup && n.AggFilter == nil && len(n.AggOrder) == 0 {
		return p.call(name, args, n.FuncVariadic), nil
	}
	return p.aggregate(n, name, args, in)
}

// call resolves a function and coerces its arguments.
func (p *parser) call(name string, args []Expr, variadic bool) Expr {
	types, known := oidsOf(args)
	c := &Call{Name: name, Args: args, Variadic: variadic}
	if !known {
		return c
	}
	s, ok := p.pg.function(p.pg.functions[name], types, variadic)
	if ok {
		s, ok = p.pg.polymorphic(s, types)
	}
	if !ok {
		return c
	}
	for i := range args {
		args[i] = p.coerce(args[i], s.args[i])
	}
	c.Type = scalar(s.result)
	return c
}

// aggregate resolves an aggregate.
func (p *parser) aggregate(n *pg_query.FuncCall, name string, args []Expr, in *scope) (Expr, error) {
	a := &Aggregate{Name: name, Args: args, Star: n.AggStar, Distinct: n.AggDistinct, WithinGroup: n.AggWithinGroup, Variadic: n.FuncVariadic}
	var err error
	if a.OrderBy, err = p.sorts(n.AggOrder, nil, in); err != nil {
		return nil, err
	}
	if n.AggFilter != nil {
		filter, err := p.expr(n.AggFilter, in)
		if err != nil {
			return nil, err
		}
		a.Filter = p.coerce(filter, oidBool)
	}
	direct := len(args)
	if a.WithinGroup {
		for _, s := range a.OrderBy {
			args = append(args, s.Expr)
		}
	}
	types, known := oidsOf(args)
	if !known {
		return a, nil
	}
	s, ok := p.pg.function(p.pg.aggregates[name], types, n.FuncVariadic)
	if ok {
		s, ok = p.pg.polymorphic(s, types)
	}
	if !ok {
		return a, nil
	}
	for i := range args {
		if i < direct {
			a.Args[i] = p.coerce(a.Args[i], s.args[i])
		} else {
			a.OrderBy[i-direct].Expr = p.coerce(a.OrderBy[i-direct].Expr, s.args[i])
		}
	}
	a.Type = scalar(s.result)
	return a, nil
}

// oidsOf are the types of arguments; known is false where one has none.
func oidsOf(args []Expr) (types []uint32, known bool) {
	for _, a := range args {
		t := a.ResultType().OID
		if t == 0 {
			return nil, false
		}
		types = append(types, t)
	}
	return types, true
}

// commonType coerces expressions to the type that PostgreSQL finds for all of them. Where there is none the Type is zero.
func (p *parser) commonType(all []*Expr) Type {
	var types []uint32
	mod, same := int32(-1), true
	for i, e := range all {
		t := (*e).ResultType()
		types = append(types, t.OID)
		if i == 0 {
			mod = t.Mod
		}
		same = same && t == (*all[0]).ResultType()
	}
	oid := p.pg.common(types)
	if oid == 0 {
		return Type{}
	}
	for _, e := range all {
		*e = p.coerce(*e, oid)
	}
	if same {
		return Type{OID: oid, Mod: mod}
	}
	return scalar(oid)
}

// coalesce reads COALESCE, GREATEST and LEAST.
func (p *parser) coalesce(name string, list []*pg_query.Node, in *scope) (Expr, error) {
	args, err := p.exprs(list, in)
	if err != nil {
		return nil, err
	}
	c := &Coalesce{Name: name, Args: args}
	c.Type = p.commonType(pointers(args))
	return c, nil
}

func pointers(list []Expr) []*Expr {
	all := make([]*Expr, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

// array reads ARRAY[…].
func (p *parser) array(n *pg_query.A_ArrayExpr, in *scope) (Expr, error) {
	elems, err := p.exprs(n.Elements, in)
	if err != nil {
		return nil, err
	}
	a := &Array{Elems: elems}
	if len(elems) > 0 {
		t := p.commonType(pointers(elems))
		if info := p.pg.types[t.OID]; info != nil && info.array != 0 {
			a.Type = Type{OID: info.array, Mod: t.Mod}
		}
	}
	return a, nil
}

// subscript reads arg[i]; slices and fields are not of the canonical form.
func (p *parser) subscript(n *pg_query.A_Indirection, in *scope) (Expr, error) {
	arg, err := p.expr(n.Arg, in)
	if err != nil {
		return nil, err
	}
	s := &Subscript{Arg: arg, Type: arg.ResultType().Elem()}
	for _, i := range n.Indirection {
		at := i.GetAIndices()
		if at == nil || at.IsSlice {
			return nil, notCanonical("a slice or a field of a value")
		}
		e, err := p.expr(at.Uidx, in)
		if err != nil {
			return nil, err
		}
		if s.Type.OID != 0 {
			e = p.coerce(e, oidInt4)
		}
		s.Index = append(s.Index, e)
	}
	return s, nil
}

// row reads ROW(…), which is how a whole row of a table is asked for.
func (p *parser) row(n *pg_query.RowExpr, in *scope) (Expr, error) {
	cols, err := p.exprs(n.Args, in)
	if err != nil {
		return nil, err
	}
	w := &WholeRow{Columns: cols}
	for i, c := range cols {
		ref, ok := c.(*ColumnRef)
		if !ok || i > 0 && ref.Relation != w.Relation {
			return nil, notCanonical("ROW of what is not a table's columns")
		}
		w.Relation = ref.Relation
	}
	return w, nil
}

// caseExpr reads CASE. The form with an argument has a type only where it compares values of the argument's own type. The
// forms by which postgres_fdw asks for a row, or its ctid, under an outer join become WholeRow and RowID.
func (p *parser) caseExpr(n *pg_query.CaseExpr, in *scope) (Expr, error) {
	c := &Case{}
	var err error
	if n.Arg != nil {
		if c.Arg, err = p.expr(n.Arg, in); err != nil {
			return nil, err
		}
	}
	for _, w := range n.Args {
		when, err := p.expr(w.GetCaseWhen().GetExpr(), in)
		if err != nil {
			return nil, err
		}
		then, err := p.expr(w.GetCaseWhen().GetResult(), in)
		if err != nil {
			return nil, err
		}
		c.Whens = append(c.Whens, When{When: when, Then: then})
	}
	if n.Defresult != nil {
		if c.Else, err = p.expr(n.Defresult, in); err != nil {
			return nil, err
		}
	}
	if e := outerRow(c); e != nil {
		return e, nil
	}
	tested := p.caseTests(c)
	var results []*Expr
	if c.Else != nil {
		results = append(results, &c.Else) // select_common_type looks at ELSE first
	}
	for i := range c.Whens {
		results = append(results, &c.Whens[i].Then)
	}
	if t := p.commonType(results); tested {
		c.Type = t
	}
	return c, nil
}

// caseTests types the conditions of a CASE, or what its argument is compared with; false where they are of several types.
func (p *parser) caseTests(c *Case) bool {
	if c.Arg == nil {
		for i := range c.Whens {
			c.Whens[i].When = p.coerce(c.Whens[i].When, oidBool)
		}
		return true
	}
	c.Arg = p.settle(c.Arg)
	arg := c.Arg.ResultType().OID
	same := true
	for i := range c.Whens {
		test := p.operator("=", c.Arg, c.Whens[i].When).(*Operator)
		c.Whens[i].When = test.Right
		same = same && test.Left.ResultType().OID == arg && test.Right.ResultType().OID == arg && test.Type.OID == oidBool
	}
	return same
}

// outerRow recognises "CASE WHEN (r1.*)::text IS NOT NULL THEN ROW(…) END", or r1.ctid; nil for any other CASE.
func outerRow(c *Case) Expr {
	if c.Arg != nil || c.Else != nil || len(c.Whens) != 1 {
		return nil
	}
	has, ok := c.Whens[0].When.(*HasRow)
	if !ok {
		return nil
	}
	switch e := c.Whens[0].Then.(type) {
	case *WholeRow:
		if e.Relation == has.Relation {
			e.Has = has
			return e
		}
	case *RowID:
		if e.Relation == has.Relation {
			return e
		}
	}
	return nil
}

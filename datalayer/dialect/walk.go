package dialect

// Walk visits an expression and what is in it, outermost first, with those of selects inside; visit says whether to go
// in. nil is passed over.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	switch e := e.(type) {
	case *WholeRow:
		walkAll(e.Columns, visit)
	case *Operator:
		Walk(e.Left, visit)
		Walk(e.Right, visit)
	case *Call:
		walkAll(e.Args, visit)
	case *Aggregate:
		walkAll(e.Args, visit)
		walkSorts(e.OrderBy, visit)
		Walk(e.Filter, visit)
	case *Cast:
		Walk(e.Arg, visit)
	case *BoolOp:
		walkAll(e.Args, visit)
	case *NullTest:
		Walk(e.Arg, visit)
	case *BoolTest:
		Walk(e.Arg, visit)
	case *Distinct:
		Walk(e.Left, visit)
		Walk(e.Right, visit)
	case *ArrayOp:
		Walk(e.Left, visit)
		Walk(e.Array, visit)
	case *Array:
		walkAll(e.Elems, visit)
	case *Subscript:
		Walk(e.Arg, visit)
		walkAll(e.Index, visit)
	case *Case:
		Walk(e.Arg, visit)
		for _, w := range e.Whens {
			Walk(w.When, visit)
			Walk(w.Then, visit)
		}
		Walk(e.Else, visit)
	case *Coalesce:
		walkAll(e.Args, visit)
	case *Exists:
		WalkStatement(e.Select, visit)
	case *RowKey:
		walkAll(e.Values, visit)
	}
}

func walkAll(list []Expr, visit func(Expr) bool) {
	for _, e := range list {
		Walk(e, visit)
	}
}

func walkSorts(list []Sort, visit func(Expr) bool) {
	for _, s := range list {
		Walk(s.Expr, visit)
	}
}

// WalkStatement visits every expression of a statement, as Walk does.
func WalkStatement(s Statement, visit func(Expr) bool) {
	switch s := s.(type) {
	case *Select:
		walkAll(s.Columns, visit)
		WalkFrom(s.From, visit)
		walkAll(s.Where, visit)
		walkAll(s.GroupBy, visit)
		walkAll(s.Having, visit)
		walkSorts(s.OrderBy, visit)
		Walk(s.Limit, visit)
		Walk(s.Offset, visit)
	case *Insert:
		for _, row := range s.Rows {
			walkAll(row, visit)
		}
		walkAll(s.Returning, visit)
	case *Update:
		for _, a := range s.Set {
			Walk(a.Value, visit)
		}
		WalkFrom(s.From, visit)
		walkAll(s.Where, visit)
		walkAll(s.Returning, visit)
	case *Delete:
		WalkFrom(s.Using, visit)
		walkAll(s.Where, visit)
		walkAll(s.Returning, visit)
	}
}

// WalkFrom visits every expression of an item of FROM, as Walk does.
func WalkFrom(from From, visit func(Expr) bool) {
	switch f := from.(type) {
	case *Join:
		WalkFrom(f.Left, visit)
		WalkFrom(f.Right, visit)
		walkAll(f.On, visit)
	case *Subquery:
		WalkStatement(f.Select, visit)
	}
}

// Relations are the relations of an item of FROM, those of subqueries with them, in the order of the text.
func Relations(from From) []*Relation {
	switch f := from.(type) {
	case *Relation:
		return []*Relation{f}
	case *Join:
		return append(Relations(f.Left), Relations(f.Right)...)
	case *Subquery:
		return Relations(f.Select.From)
	}
	return nil
}

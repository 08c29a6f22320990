package dialect

// Rewrite says how a copy of a statement differs from it. What Expr or Relation is nil for stays as it is.
type Rewrite struct {
	// Expr gives what stands for an expression whose parts are rewritten already.
	Expr func(Expr) Expr
	// Relation gives what stands for a relation in FROM.
	Relation func(*Relation) *Relation
}

// Select copies a query block with those inside. An expression that stands at two places (in the select list and in GROUP
// BY, say) does so in the copy too.
func (r Rewrite) Select(s *Select) *Select {
	w := rewriter{Rewrite: r, done: map[Expr]Expr{}}
	return w.selectStmt(s)
}

// One copies an expression.
func (r Rewrite) One(e Expr) Expr {
	w := rewriter{Rewrite: r, done: map[Expr]Expr{}}
	return w.expr(e)
}

// rewriter is one copy in the making.
type rewriter struct {
	Rewrite
	done map[Expr]Expr
}

func (w *rewriter) selectStmt(s *Select) *Select {
	if s == nil {
		return nil
	}
	out := *s
	out.From = w.from(s.From)
	out.Columns, out.Where, out.Having, out.GroupBy = w.all(s.Columns), w.all(s.Where), w.all(s.Having), w.all(s.GroupBy)
	out.OrderBy = w.sorts(s.OrderBy)
	out.Limit, out.Offset = w.expr(s.Limit), w.expr(s.Offset)
	return &out
}

func (w *rewriter) from(from From) From {
	switch f := from.(type) {
	case *Relation:
		if w.Relation != nil {
			return w.Relation(f)
		}
		return f
	case *Join:
		out := *f
		out.Left, out.Right, out.On = w.from(f.Left), w.from(f.Right), w.all(f.On)
		return &out
	case *Subquery:
		out := *f
		out.Select = w.selectStmt(f.Select)
		return &out
	}
	return nil
}

func (w *rewriter) all(list []Expr) []Expr {
	if list == nil {
		return nil
	}
	out := make([]Expr, len(list))
	for i, e := range list {
		out[i] = w.expr(e)
	}
	return out
}

func (w *rewriter) sorts(list []Sort) []Sort {
	if list == nil {
		return nil
	}
	out := make([]Sort, len(list))
	for i, s := range list {
		out[i] = s
		out[i].Expr = w.expr(s.Expr)
	}
	return out
}

// expr copies an expression, once.
func (w *rewriter) expr(e Expr) Expr {
	if e == nil {
		return nil
	}
	if out, ok := w.done[e]; ok {
		return out
	}
	out := w.parts(e)
	if w.Expr != nil {
		out = w.Expr(out)
	}
	w.done[e] = out
	return out
}

// parts copies an expression that has parts.
func (w *rewriter) parts(e Expr) Expr {
	switch e := e.(type) {
	case *WholeRow:
		out := *e
		out.Columns = w.all(e.Columns)
		return &out
	case *Operator:
		out := *e
		out.Left, out.Right = w.expr(e.Left), w.expr(e.Right)
		return &out
	case *Call:
		out := *e
		out.Args = w.all(e.Args)
		return &out
	case *Aggregate:
		out := *e
		out.Args, out.OrderBy, out.Filter = w.all(e.Args), w.sorts(e.OrderBy), w.expr(e.Filter)
		return &out
	case *Cast:
		out := *e
		out.Arg = w.expr(e.Arg)
		return &out
	case *BoolOp:
		out := *e
		out.Args = w.all(e.Args)
		return &out
	case *NullTest:
		out := *e
		out.Arg = w.expr(e.Arg)
		return &out
	case *BoolTest:
		out := *e
		out.Arg = w.expr(e.Arg)
		return &out
	case *Distinct:
		out := *e
		out.Left, out.Right = w.expr(e.Left), w.expr(e.Right)
		return &out
	}
	return w.moreParts(e)
}

// moreParts copies the rest of the kinds that have parts; those that have none stay as they are.
func (w *rewriter) moreParts(e Expr) Expr {
	switch e := e.(type) {
	case *ArrayOp:
		out := *e
		out.Left, out.Array = w.expr(e.Left), w.expr(e.Array)
		return &out
	case *Array:
		out := *e
		out.Elems = w.all(e.Elems)
		return &out
	case *Subscript:
		out := *e
		out.Arg, out.Index = w.expr(e.Arg), w.all(e.Index)
		return &out
	case *Case:
		out := *e
		out.Arg, out.Else = w.expr(e.Arg), w.expr(e.Else)
		out.Whens = make([]When, len(e.Whens))
		for i, when := range e.Whens {
			out.Whens[i] = When{When: w.expr(when.When), Then: w.expr(when.Then)}
		}
		return &out
	case *Coalesce:
		out := *e
		out.Args = w.all(e.Args)
		return &out
	case *Exists:
		return &Exists{Select: w.selectStmt(e.Select)}
	case *RowKey:
		out := *e
		out.Values = w.all(e.Values)
		return &out
	}
	return e
}

package starlark

import (
	"fmt"

	"go.starlark.net/syntax"
)

// guard rewrites a resolved file so that each operation that can make a large value, or last long, in one step of the
// interpreter is a call of its guard: x * y becomes a call of the predeclared name "*", which no source can spell or
// shadow. Where the kinds of the operands say that the operation is small, it stays as it is. The order of evaluation
// does not change.
func guard(f *syntax.File, ks *kinds) {
	g := &guarder{kinds: ks}
	f.Stmts = g.stmts(f.Stmts)
}

// guarder is the state of a rewriting.
type guarder struct {
	kinds *kinds
	// temporaries counts the variables that were made.
	temporaries int
}

// stmts rewrites a block.
func (g *guarder) stmts(list []syntax.Stmt) []syntax.Stmt {
	var out []syntax.Stmt
	for _, s := range list {
		out = append(out, g.stmt(s)...)
	}
	return out
}

// stmt rewrites a statement, to several if need be.
func (g *guarder) stmt(s syntax.Stmt) []syntax.Stmt {
	switch s := s.(type) {
	case *syntax.ExprStmt:
		s.X = g.expr(s.X)
	case *syntax.AssignStmt:
		return g.assign(s)
	case *syntax.IfStmt:
		s.Cond = g.expr(s.Cond)
		s.True = g.stmts(s.True)
		s.False = g.stmts(s.False)
	case *syntax.ForStmt:
		g.target(s.Vars)
		s.X = g.expr(s.X)
		s.Body = g.stmts(s.Body)
	case *syntax.WhileStmt:
		s.Cond = g.expr(s.Cond)
		s.Body = g.stmts(s.Body)
	case *syntax.ReturnStmt:
		if s.Result != nil {
			s.Result = g.expr(s.Result)
		}
	case *syntax.DefStmt:
		rest := g.params(s.Params)
		s.Body = g.stmts(s.Body)
		if rest != nil {
			check := &syntax.ExprStmt{X: call("()", rest.NamePos, rest)}
			s.Body = append([]syntax.Stmt{check}, s.Body...)
		}
	}
	return []syntax.Stmt{s}
}

// params rewrites the defaults of parameters, and gives the name of *args if there is one: it is a tuple that the call
// makes.
func (g *guarder) params(list []syntax.Expr) (rest *syntax.Ident) {
	for _, p := range list {
		switch p := p.(type) {
		case *syntax.BinaryExpr:
			p.Y = g.expr(p.Y)
		case *syntax.UnaryExpr:
			if id, ok := p.X.(*syntax.Ident); ok && p.Op == syntax.STAR {
				rest = &syntax.Ident{NamePos: id.NamePos, Name: id.Name}
			}
		}
	}
	return rest
}

// assign rewrites an assignment. x op= y becomes x = x op y, with the guard of op in place; the parts of a target
// a[i] are evaluated once, into variables of their own.
func (g *guarder) assign(s *syntax.AssignStmt) []syntax.Stmt {
	op, isAugmented := augmented[s.Op]
	name := ""
	if isAugmented {
		name = g.operator(op, s.LHS, s.RHS)
		if in := name + "="; name == "+" || name == "|" {
			name = in
		}
	}
	s.RHS = g.expr(s.RHS)
	if name == "" {
		g.target(s.LHS)
		return []syntax.Stmt{s}
	}
	var before []syntax.Stmt
	target := s.LHS
	for p, ok := target.(*syntax.ParenExpr); ok; p, ok = target.(*syntax.ParenExpr) {
		target = p.X
	}
	var read, write syntax.Expr
	switch t := target.(type) {
	case *syntax.Ident:
		read, write = &syntax.Ident{NamePos: t.NamePos, Name: t.Name}, t
	case *syntax.IndexExpr:
		var x, y *syntax.Ident
		before, x = g.temporary(before, g.expr(t.X), s.OpPos)
		before, y = g.temporary(before, g.expr(t.Y), s.OpPos)
		read = &syntax.IndexExpr{X: x, Lbrack: t.Lbrack, Y: y, Rbrack: t.Rbrack}
		write = &syntax.IndexExpr{X: again(x), Lbrack: t.Lbrack, Y: again(y), Rbrack: t.Rbrack}
	default:
		// Nothing that a model has can be assigned to by a field; the interpreter says so.
		g.target(s.LHS)
		return []syntax.Stmt{s}
	}
	return append(before, &syntax.AssignStmt{OpPos: s.OpPos, Op: syntax.EQ, LHS: write, RHS: call(name, s.OpPos, read, s.RHS)})
}

// temporary adds a statement that keeps a value in a variable of its own.
func (g *guarder) temporary(list []syntax.Stmt, x syntax.Expr, pos syntax.Position) ([]syntax.Stmt, *syntax.Ident) {
	g.temporaries++
	id := &syntax.Ident{NamePos: pos, Name: fmt.Sprintf("=%d", g.temporaries)}
	return append(list, &syntax.AssignStmt{OpPos: pos, Op: syntax.EQ, LHS: id, RHS: x}), again(id)
}

// again is another use of a name.
func again(id *syntax.Ident) *syntax.Ident {
	return &syntax.Ident{NamePos: id.NamePos, Name: id.Name}
}

// target rewrites what is evaluated in the target of an assignment.
func (g *guarder) target(x syntax.Expr) {
	switch x := x.(type) {
	case *syntax.ParenExpr:
		g.target(x.X)
	case *syntax.TupleExpr:
		for _, e := range x.List {
			g.target(e)
		}
	case *syntax.ListExpr:
		for _, e := range x.List {
			g.target(e)
		}
	case *syntax.IndexExpr:
		x.X, x.Y = g.expr(x.X), g.expr(x.Y)
	case *syntax.DotExpr:
		x.X = g.expr(x.X)
	}
}

// exprs rewrites expressions in place.
func (g *guarder) exprs(list []syntax.Expr) {
	for i, x := range list {
		list[i] = g.expr(x)
	}
}

// expr rewrites an expression.
func (g *guarder) expr(x syntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *syntax.ParenExpr:
		x.X = g.expr(x.X)
	case *syntax.UnaryExpr:
		x.X = g.expr(x.X)
	case *syntax.BinaryExpr:
		name := g.operator(x.Op, x.X, x.Y)
		g.compareFloats(x)
		x.X, x.Y = g.expr(x.X), g.expr(x.Y)
		if name != "" {
			return call(name, x.OpPos, x.X, x.Y)
		}
	case *syntax.CallExpr:
		return g.call(x)
	case *syntax.DotExpr:
		if builtinName(x.X) == "math" || builtinName(x.X) == "json" {
			return x
		}
		name := &syntax.Literal{Token: syntax.STRING, TokenPos: x.NamePos, Value: x.Name.Name}
		return call(".", x.Dot, g.expr(x.X), name)
	case *syntax.SliceExpr:
		return g.slice(x)
	case *syntax.TupleExpr:
		return g.tuple(x)
	case *syntax.ListExpr:
		g.exprs(x.List)
	case *syntax.DictExpr:
		g.exprs(x.List)
	case *syntax.DictEntry:
		x.Key, x.Value = g.expr(x.Key), g.expr(x.Value)
	case *syntax.IndexExpr:
		x.X, x.Y = g.expr(x.X), g.expr(x.Y)
	case *syntax.CondExpr:
		x.Cond, x.True, x.False = g.expr(x.Cond), g.expr(x.True), g.expr(x.False)
	case *syntax.Comprehension:
		g.comprehension(x)
	case *syntax.LambdaExpr:
		rest := g.params(x.Params)
		x.Body = g.expr(x.Body)
		if rest != nil {
			// A tuple that holds nothing is false, so the check is made true by what it is compared with.
			check := &syntax.BinaryExpr{X: call("()", rest.NamePos, rest), OpPos: rest.NamePos, Op: syntax.NEQ,
				Y: &syntax.Literal{Token: syntax.INT, TokenPos: rest.NamePos, Value: int64(0)}}
			x.Body = &syntax.BinaryExpr{X: check, OpPos: rest.NamePos, Op: syntax.AND, Y: x.Body}
		}
	}
	return x
}

// comprehension rewrites a comprehension.
func (g *guarder) comprehension(x *syntax.Comprehension) {
	for _, c := range x.Clauses {
		switch c := c.(type) {
		case *syntax.ForClause:
			g.target(c.Vars)
			c.X = g.expr(c.X)
		case *syntax.IfClause:
			c.Cond = g.expr(c.Cond)
		}
	}
	x.Body = g.expr(x.Body)
}

// call rewrites a call. x.method(…) goes straight to the method's guard if there is one of that name.
func (g *guarder) call(x *syntax.CallExpr) syntax.Expr {
	var first syntax.Expr
	if dot, ok := x.Fn.(*syntax.DotExpr); ok && guardedMethods[dot.Name.Name] && builtinName(dot.X) == "" {
		first = g.expr(dot.X)
		x.Fn = &syntax.Ident{NamePos: dot.NamePos, Name: "." + dot.Name.Name}
	} else {
		x.Fn = g.expr(x.Fn)
	}
	for i, a := range x.Args {
		switch a := a.(type) {
		case *syntax.BinaryExpr:
			if a.Op == syntax.EQ { // name=value
				a.Y = g.expr(a.Y)
				continue
			}
		case *syntax.UnaryExpr:
			if a.Op == syntax.STAR || a.Op == syntax.STARSTAR {
				a.X = call("*args", a.OpPos, g.expr(a.X))
				continue
			}
		}
		x.Args[i] = g.expr(a)
	}
	if first != nil {
		x.Args = append([]syntax.Expr{first}, x.Args...)
	}
	return x
}

// slice rewrites x[lo:hi:step]. A slice of a str without a step shares its memory and costs nothing, which the guard
// cannot tell from one with a step; so it has a name of its own.
func (g *guarder) slice(x *syntax.SliceExpr) syntax.Expr {
	x.X = g.expr(x.X)
	name := "[:]"
	if x.Step != nil {
		x.Step = g.expr(x.Step)
		name = "[::]"
	}
	if x.Lo != nil {
		x.Lo = g.expr(x.Lo)
	}
	if x.Hi != nil {
		x.Hi = g.expr(x.Hi)
	}
	return call(name, x.Lbrack, x)
}

// tuple rewrites a tuple, which is checked when it could hold other tuples.
func (g *guarder) tuple(x *syntax.TupleExpr) syntax.Expr {
	flat := true
	for _, e := range x.List {
		flat = flat && g.kinds.kind(e) != kindAny
	}
	g.exprs(x.List)
	if flat {
		return x
	}
	start, _ := x.Span()
	return call("()", start, x)
}

// operator is the name of the guard that an operation needs, "" if it needs none.
func (g *guarder) operator(op syntax.Token, x, y syntax.Expr) string {
	a, b := g.kinds.kind(x), g.kinds.kind(y)
	if name, ok := comparisons[op]; ok {
		flat := a != kindAny || b != kindAny && op != syntax.IN && op != syntax.NOT_IN
		if flat {
			return ""
		}
		return name
	}
	name, ok := arithmetic[op]
	switch {
	case !ok, a.isNumber() && b.isNumber():
		return ""
	case op == syntax.PERCENT && a.isNumber():
		return ""
	case (op == syntax.PLUS || op == syntax.MINUS || op == syntax.STAR) && (a == kindFloat || b == kindFloat):
		return ""
	}
	return name
}

// compareFloats makes a whole number that a float is compared with a float too. That does not change the answer, and
// spares the interpreter a comparison of fractions, which takes a hundred times as long.
func (g *guarder) compareFloats(x *syntax.BinaryExpr) {
	if _, ok := comparisons[x.Op]; !ok || x.Op == syntax.IN || x.Op == syntax.NOT_IN {
		return
	}
	if g.kinds.kind(x.X) == kindFloat {
		makeFloat(x.Y)
	}
	if g.kinds.kind(x.Y) == kindFloat {
		makeFloat(x.X)
	}
}

// makeFloat makes a literal that is a whole number, with or without a sign, a float if a float holds it exactly.
func makeFloat(x syntax.Expr) {
	if u, ok := x.(*syntax.UnaryExpr); ok && (u.Op == syntax.MINUS || u.Op == syntax.PLUS) {
		x = u.X
	}
	lit, ok := x.(*syntax.Literal)
	if !ok {
		return
	}
	if n, ok := lit.Value.(int64); ok && n <= 1<<53 {
		lit.Token, lit.Value = syntax.FLOAT, float64(n)
	}
}

// call makes a call of a guard.
func call(name string, pos syntax.Position, args ...syntax.Expr) *syntax.CallExpr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: pos, Name: name}, Lparen: pos, Args: args, Rparen: pos}
}

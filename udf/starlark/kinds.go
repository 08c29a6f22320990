package starlark

import (
	"go.starlark.net/resolve"
	"go.starlark.net/syntax"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// kind is what is known of an expression's value before the program runs. It says where a guard can be left out:
// numeric code then runs at the interpreter's own speed. A kind also holds for an operation that fails.
type kind uint8

// The kinds.
const (
	kindNone   kind = iota // no value reaches here, as far as is known yet
	kindFloat              // a float
	kindInt                // an integer of at most 64 bits
	kindScalar             // a value that holds no others: any number, bool, str, bytes or None
	kindAny                // anything
)

// isNumber reports whether the value is a number of bounded size.
func (k kind) isNumber() bool { return k == kindFloat || k == kindInt }

// join is what is known of a value that is one of two.
func join(a, b kind) kind {
	switch {
	case a == b || b == kindNone:
		return a
	case a == kindNone:
		return b
	case a == kindAny || b == kindAny:
		return kindAny
	}
	return kindScalar
}

// kindOfType is the kind of an argument. A NULL comes as None, with which arithmetic fails.
func kindOfType(t udf.Type) kind {
	switch t {
	case udf.Float4, udf.Float8:
		return kindFloat
	case udf.Int2, udf.Int4, udf.Int8:
		return kindInt
	}
	switch t.Storage() {
	case udf.StoreBools, udf.StoreTexts, udf.StoreBytes:
		if t != udf.JSON && t != udf.JSONB {
			return kindScalar
		}
	}
	return kindAny
}

// kinds knows the kind of each variable: the join of all that is assigned to it anywhere.
type kinds struct {
	of      map[*resolve.Binding]kind
	changed bool
	// known remembers the expressions of one pass, for each is asked for by all that it is part of.
	known map[syntax.Expr]kind
	// unsettled says that nothing is known of variables.
	unsettled bool
}

// maxPasses is how often inferKinds goes through a file. A kind that is not settled by then is not used.
const maxPasses = 20

// inferKinds goes through a resolved file until no variable's kind changes any more. The arguments' types hold for
// predict's parameters only if nothing in the file calls predict.
func inferKinds(f *syntax.File, args []udf.Arg) *kinds {
	ks := &kinds{of: map[*resolve.Binding]kind{}}
	typed := typedPredict(f)
	for range maxPasses {
		ks.changed = false
		ks.known = map[syntax.Expr]kind{}
		syntax.Walk(f, func(n syntax.Node) bool {
			ks.node(n)
			if def, ok := n.(*syntax.DefStmt); ok {
				ks.parameters(def.Params, args, def == typed)
			}
			return true
		})
		if !ks.changed {
			return ks
		}
	}
	return &kinds{known: map[syntax.Expr]kind{}, unsettled: true}
}

// typedPredict is the definition of predict, if there is one only and its name appears nowhere else.
func typedPredict(f *syntax.File) *syntax.DefStmt {
	var found *syntax.DefStmt
	names := 0
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Ident:
			if n.Name == "predict" {
				names++
			}
		case *syntax.DefStmt:
			if n.Name.Name == "predict" {
				found = n
			}
		}
		return true
	})
	if names != 1 {
		return nil
	}
	return found
}

// parameters notes a function's parameters.
func (ks *kinds) parameters(params []syntax.Expr, args []udf.Arg, typed bool) {
	for i, p := range params {
		k := kindAny
		id, plain := p.(*syntax.Ident)
		if typed && plain && i < len(args) {
			k = kindOfType(args[i].Type)
		}
		switch p := p.(type) {
		case *syntax.BinaryExpr: // name=default
			id, _ = p.X.(*syntax.Ident)
		case *syntax.UnaryExpr: // *name, **name
			id, _ = p.X.(*syntax.Ident)
		}
		if id != nil {
			ks.assign(id, k)
		}
	}
}

// node notes what a node assigns.
func (ks *kinds) node(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.AssignStmt:
		k := ks.kind(n.RHS)
		if op, ok := augmented[n.Op]; ok {
			k = ks.binary(op, n.LHS, n.RHS)
		}
		ks.assign(n.LHS, k)
	case *syntax.ForStmt:
		ks.assign(n.Vars, ks.element(n.X))
	case *syntax.ForClause:
		ks.assign(n.Vars, ks.element(n.X))
	case *syntax.LambdaExpr:
		ks.parameters(n.Params, nil, false)
	case *syntax.DefStmt:
		ks.assign(n.Name, kindAny)
	}
}

// assign notes that a value of a kind is assigned to a variable, or to several parts of one to several variables.
func (ks *kinds) assign(to syntax.Expr, k kind) {
	switch to := to.(type) {
	case *syntax.ParenExpr:
		ks.assign(to.X, k)
	case *syntax.TupleExpr:
		for _, x := range to.List {
			ks.assign(x, kindAny)
		}
	case *syntax.ListExpr:
		for _, x := range to.List {
			ks.assign(x, kindAny)
		}
	case *syntax.Ident:
		b, ok := to.Binding.(*resolve.Binding)
		if !ok {
			return
		}
		if joined := join(ks.of[b], k); joined != ks.of[b] {
			ks.of[b] = joined
			ks.changed = true
		}
	}
}

// element is the kind of what a loop over an expression gives.
func (ks *kinds) element(x syntax.Expr) kind {
	if call, ok := x.(*syntax.CallExpr); ok && builtinName(call.Fn) == "range" {
		return kindInt
	}
	return kindAny
}

// kind is what is known of an expression.
func (ks *kinds) kind(x syntax.Expr) kind {
	k, ok := ks.known[x]
	if !ok {
		k = ks.find(x)
		ks.known[x] = k
	}
	return k
}

// find finds out what is known of an expression.
func (ks *kinds) find(x syntax.Expr) kind {
	switch x := x.(type) {
	case *syntax.ParenExpr:
		return ks.kind(x.X)
	case *syntax.Literal:
		return literalKind(x)
	case *syntax.Ident:
		return ks.variable(x)
	case *syntax.CondExpr:
		return join(ks.kind(x.True), ks.kind(x.False))
	case *syntax.UnaryExpr:
		if k := ks.kind(x.X); x.Op == syntax.MINUS || x.Op == syntax.PLUS {
			if k == kindInt {
				return kindScalar // -(-2**63) has 65 bits
			}
			return k
		}
		return kindScalar
	case *syntax.BinaryExpr:
		return ks.binary(x.Op, x.X, x.Y)
	case *syntax.CallExpr:
		return ks.call(x)
	case *syntax.DotExpr:
		if builtinName(x.X) == "math" && (x.Name.Name == "pi" || x.Name.Name == "e") {
			return kindFloat
		}
	}
	return kindAny
}

// literalKind is the kind of a literal.
func literalKind(x *syntax.Literal) kind {
	switch x.Value.(type) {
	case float64:
		return kindFloat
	case int64:
		return kindInt
	}
	return kindScalar
}

// variable is the kind of a name.
func (ks *kinds) variable(id *syntax.Ident) kind {
	b, ok := id.Binding.(*resolve.Binding)
	if !ok {
		return kindAny
	}
	switch b.Scope {
	case resolve.Local, resolve.Cell, resolve.Global:
		if ks.unsettled {
			return kindAny
		}
		return ks.of[b]
	case resolve.Universal: // None, True and False; the functions are predeclared
		return kindScalar
	}
	return kindAny
}

// binary is the kind of an operation.
func (ks *kinds) binary(op syntax.Token, x, y syntax.Expr) kind {
	a, b := ks.kind(x), ks.kind(y)
	if a == kindNone || b == kindNone {
		return kindNone
	}
	switch op {
	case syntax.AND, syntax.OR:
		return join(a, b)
	case syntax.SLASH:
		return kindFloat
	case syntax.PLUS, syntax.MINUS, syntax.STAR, syntax.SLASHSLASH:
		if a == kindFloat || b == kindFloat {
			return kindFloat
		}
		if a == kindInt && b == kindInt && op == syntax.SLASHSLASH {
			return kindScalar // -2**63 // -1 has 65 bits
		}
	case syntax.PERCENT:
		if a == kindFloat || a == kindInt && b == kindFloat {
			return kindFloat
		}
		if a == kindInt && b == kindInt {
			return kindInt
		}
	case syntax.AMP, syntax.PIPE, syntax.CIRCUMFLEX:
		if a == kindInt && b == kindInt {
			return kindInt
		}
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE, syntax.IN, syntax.NOT_IN, syntax.GTGT, syntax.LTLT:
		return kindScalar
	}
	if a != kindAny && b != kindAny {
		return kindScalar
	}
	return kindAny
}

// call is the kind of what a function of the interpreter gives.
func (ks *kinds) call(x *syntax.CallExpr) kind {
	if dot, ok := x.Fn.(*syntax.DotExpr); ok && builtinName(dot.X) == "math" {
		if dot.Name.Name == "ceil" || dot.Name.Name == "floor" {
			return kindScalar
		}
		return kindFloat
	}
	switch builtinName(x.Fn) {
	case "float":
		return kindFloat
	case "len", "ord", "hash":
		return kindInt
	case "int", "str", "repr", "bool", "type", "chr", "bytes", "any", "all", "hasattr":
		return kindScalar
	case "abs":
		if len(x.Args) == 1 && ks.kind(x.Args[0]) == kindFloat {
			return kindFloat
		}
		return kindScalar
	case "min", "max":
		return ks.extreme(x.Args)
	}
	return kindAny
}

// extreme is the kind of what min and max give of several values.
func (ks *kinds) extreme(args []syntax.Expr) kind {
	if len(args) < 2 {
		return kindAny
	}
	k := kindNone
	for _, a := range args {
		if b, ok := a.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			continue // key=…
		}
		if u, ok := a.(*syntax.UnaryExpr); ok && (u.Op == syntax.STAR || u.Op == syntax.STARSTAR) {
			return kindAny
		}
		k = join(k, ks.kind(a))
	}
	return k
}

// builtinName is the name of an expression that is a function or module of the interpreter, "" for any other: a name
// that the source gives to something of its own is not meant.
func builtinName(x syntax.Expr) string {
	id, ok := x.(*syntax.Ident)
	if !ok {
		return ""
	}
	if b, ok := id.Binding.(*resolve.Binding); ok && (b.Scope == resolve.Predeclared || b.Scope == resolve.Universal) {
		return id.Name
	}
	return ""
}

package planner

import (
	"fmt"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// call gives the plan's call for one in the text, and adds to steps what makes its answers, unless the plan has it
// already.
func (b *builder) call(c *sqlparse.Call, steps *[]Step) (int, error) {
	if i, ok := b.made[c]; ok {
		return i, nil
	}
	model, err := b.model(c)
	if err != nil {
		return 0, err
	}
	if wholeRow(c, model, b.req.Node) != nil {
		return 0, refuseAt("a call with a whole row", c.Span.Start)
	}
	args, err := order(c, model)
	if err != nil {
		return 0, err
	}
	key := b.key(c, model, args)
	if i, ok := b.same[key]; ok && key != "" {
		b.made[c] = i
		return i, nil
	}
	call := &Call{Model: model, Text: c.Span.Of(b.req.Text)}
	i := len(b.plan.Calls)
	b.plan.Calls = append(b.plan.Calls, call)
	b.made[c] = i
	eval := &Eval{}
	for j, a := range args {
		id, err := b.argument(i, j, a, model.Args[j].Type, steps, eval)
		if err != nil {
			return 0, err
		}
		call.Args = append(call.Args, id)
	}
	if len(eval.Exprs) > 0 {
		*steps = append(*steps, Step{Eval: eval})
	}
	call.Out = b.compute()
	*steps = append(*steps, Step{Predict: call})
	if key != "" {
		b.same[key] = i
	}
	return i, nil
}

// model resolves a call's model.
func (b *builder) model(c *sqlparse.Call) (*datalayer.ModelVersion, error) {
	if c.Func != "predict" {
		return nil, &sqlparse.Error{Code: "0A000", Message: c.Func + " is not supported yet", Position: c.Span.Start,
			Hint: "Use predict."}
	}
	return modelOf(c, b.cat)
}

// modelOf finds the model that a call names.
func modelOf(c *sqlparse.Call, cat Catalog) (*datalayer.ModelVersion, error) {
	if c.Model == "" {
		return nil, &sqlparse.Error{Code: "0A000", Message: "the model of " + c.Func + " cannot be a parameter", Position: c.ModelSpan.Start,
			Detail: "The model's name decides the types of the statement, which must be known before parameters are bound.",
			Hint:   "Write the model's name as a string literal: " + c.Func + "('model', …)."}
	}
	return cat.Model(c.Model, c.Version)
}

// order puts a call's arguments into the model's order.
func order(c *sqlparse.Call, model *datalayer.ModelVersion) ([]sqlparse.Arg, error) {
	for i, a := range c.Args {
		if a.Name == "" && i > 0 && c.Args[i-1].Name != "" {
			return nil, &sqlparse.Error{Code: "42601", Position: a.Span.Start, Message: "positional argument cannot follow named argument"}
		}
	}
	if len(c.Args) != len(model.Args) {
		return nil, &sqlparse.Error{Code: "42883", Position: c.Span.Start,
			Message: fmt.Sprintf("model %q takes %s, not %d", model.Name, count(len(model.Args), "argument"), len(c.Args)),
			Detail:  "Its signature is " + Signature(model) + ".",
			Hint:    fmt.Sprintf("DESCRIBE MODEL %s shows the arguments.", sqlparse.QuoteIdentifier(model.Name))}
	}
	args := make([]sqlparse.Arg, len(c.Args))
	set := make([]bool, len(c.Args))
	for i, a := range c.Args {
		at := i
		if a.Name != "" {
			if at = argNamed(model, a.Name); at < 0 {
				return nil, &sqlparse.Error{Code: "42883", Position: a.Span.Start,
					Message: fmt.Sprintf("model %q has no argument named %q", model.Name, a.Name),
					Detail:  "Its signature is " + Signature(model) + "."}
			}
		}
		if set[at] {
			return nil, &sqlparse.Error{Code: "42601", Position: a.Span.Start,
				Message: fmt.Sprintf("argument %q of model %q is given twice", model.Args[at].Name, model.Name)}
		}
		set[at], args[at] = true, a
	}
	return args, nil
}

func argNamed(model *datalayer.ModelVersion, name string) int {
	for i, a := range model.Args {
		if a.Name == name {
			return i
		}
	}
	return -1
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Signature prints a model's arguments and answer as a CREATE MODEL would declare them.
func Signature(m *datalayer.ModelVersion) string {
	var b strings.Builder
	b.WriteString(sqlparse.QuoteIdentifier(m.Name) + "(")
	for i, a := range m.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		if a.Name != "" {
			b.WriteString(sqlparse.QuoteIdentifier(a.Name) + " ")
		}
		b.WriteString(a.Type.String())
	}
	return b.String() + ") RETURNS " + m.Returns.String()
}

// key is equal for calls that are sure to have equal answers in every row: the same model over the same texts, without
// a function call in them (it may be volatile). It is "" where that cannot be said.
func (b *builder) key(c *sqlparse.Call, model *datalayer.ModelVersion, args []sqlparse.Arg) string {
	if !model.Deterministic {
		return ""
	}
	var k strings.Builder
	fmt.Fprintf(&k, "%s@%d", model.Name, model.Version)
	for _, a := range args {
		if !steady(a.Node, b.req.Calls) {
			return ""
		}
		k.WriteString("\x00" + a.Span.Of(b.req.Text))
	}
	return k.String()
}

// steady reports whether an expression holds neither functions nor subqueries, other than predict.
func steady(n *pg_query.Node, calls []*sqlparse.Call) bool {
	ok := true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil {
			known := false
			for _, c := range calls {
				known = known || c.Node == f
			}
			ok = ok && known
		}
		ok = ok && n.GetSubLink() == nil
		return ok
	})
	return ok
}

// argument gives the column of one argument: a hidden column of the home statement, the answers of an inner call, or a
// value that eval is to compute from such.
func (b *builder) argument(call, place int, a sqlparse.Arg, t udf.Type, steps *[]Step, eval *Eval) (ColumnID, error) {
	if !sqlparse.HasCall(a.Node, b.req.Calls) && (!b.later || plainTarget(a.Node)) {
		cast := b.req.Casts[[2]int{call, place}] || untyped(a.Node)
		expr := (&fragment{}).add("(").copy(b.req.Text, a.Span).add(")")
		if cast {
			expr.add("::" + t.String())
		}
		return b.addHidden(Hidden{Kind: ArgColumn, Type: t, Call: call, Arg: place, Cast: cast, Position: a.Span.Start,
			Parameter: a.Node.GetParamRef() != nil}, expr), nil
	}
	m, err := b.dissect(a.Span, a.Node)
	if err != nil {
		return 0, err
	}
	if m.Pure {
		i, err := b.call(m.Parts[0].Call, steps)
		if err != nil {
			return 0, err
		}
		if inner := b.plan.Calls[i]; inner.Model.Returns == t {
			return inner.Out, nil
		}
	}
	check := b.addHidden(Hidden{Kind: CheckColumn, Type: t, Call: call, Arg: place, Cast: untyped(a.Node), Position: a.Span.Start}, nil)
	text, err := b.evaluation(m, steps, eval)
	if err != nil {
		return 0, err
	}
	b.hidden[check] = b.placeholder(m)
	out := b.compute()
	eval.Exprs = append(eval.Exprs, "("+text+")::"+t.String())
	eval.Outs = append(eval.Outs, out)
	return out, nil
}

// untyped reports whether PostgreSQL has no type of its own for an expression, so that a function's declared argument
// type would give it one: a string literal, NULL, a parameter.
func untyped(n *pg_query.Node) bool {
	if n.GetParamRef() != nil {
		return true
	}
	c := n.GetAConst()
	return c != nil && (c.GetIsnull() || c.GetSval() != nil)
}

package planner

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Answers are what Ship.Inline puts in place of calls.
type Answers struct {
	// Write gives the expression for the calls of a function, if there is one. args are the texts of a call's arguments in the
	// model's order; they may stand in the expression any number of times, since only calls are offered whose arguments
	// lookup.Repeatable allows.
	Write func(f *Function, args []string) (expr string, ok bool)
	// Join gives what is to stand behind FROM so that the expressions of a function of Joinable find its answers: an outer
	// join that leaves every row as it is. It may be nil.
	Join func(f *Function, args []string) string
	// Nested says that calls with any arguments are offered that Ship.Repeatable allows, with what Write has given for the
	// calls among them in their texts.
	Nested bool
}

// Inline gives Home with an expression in place of the calls of functions for which there is one; origin is as Ship.Origin.
// ok is false where no call was replaced.
func (s *Ship) Inline(a Answers) (home string, origin func(pos int) int, ok bool) { return s.inline(a) }

// Inlinable reports whether Inline offers all calls of a function, as long as all calls among their arguments have expressions.
func (s *Ship) Inlinable(f *Function) bool { return s.inlinable[f] }

// Sites is the number of places in the statement where a function is called.
func (s *Ship) Sites(f *Function) int { return s.sites[f] }

// Repeatable reports whether the arguments of all calls of a function may stand in an expression several times: they are not
// volatile, and give one value.
func (s *Ship) Repeatable(f *Function) bool { return s.repeatable[f] }

// repeatable is Ship.Repeatable for one call.
func (b *shipBuilder) repeatable(s *site) bool {
	if b.inFrom()[s.call.Node] || !s.model.Deterministic {
		return false
	}
	return !slices.ContainsFunc(s.args, func(a sqlparse.Arg) bool {
		if b.shifts(a.Node) {
			return true
		}
		sets := false
		sqlparse.Walk(a.Node, func(n *pg_query.Node) bool {
			sets = sets || n.GetFuncCall() != nil && b.byFn[n.GetFuncCall()] == nil && b.kinds[functionName(n.GetFuncCall())] == sqlparse.SetFunction
			return !sets && n.GetSubLink() == nil
		})
		return sets
	})
}

// inliner gives what Ship.Inline does for a plan.
func (b *shipBuilder) inliner() func(Answers) (string, func(int) int, bool) {
	b.plan.Unbound = b.req.Node.GetCopyStmt() != nil
	b.plan.joints = b.joins
	b.plan.inlinable, b.plan.repeatable = map[*Function]bool{}, map[*Function]bool{}
	b.plan.sites = map[*Function]int{}
	for _, s := range b.sites {
		b.plan.inlinable[s.fn], b.plan.repeatable[s.fn] = true, true
		b.plan.sites[s.fn]++
	}
	for _, s := range b.sites {
		b.plan.repeatable[s.fn] = b.plan.repeatable[s.fn] && b.repeatable(s)
		if s.row != nil || b.inFrom()[s.call.Node] || !s.model.Deterministic {
			b.plan.inlinable[s.fn] = false
		}
		if !b.cheapArgs(s, func(f *pg_query.FuncCall) bool { return b.byFn[f] != nil && b.byFn[f].model.Deterministic }) {
			b.plan.inlinable[s.fn] = false
		}
	}
	return func(a Answers) (string, func(int) int, bool) {
		own := *b
		own.text, own.written = splicer{text: b.req.Text}, map[*pg_query.FuncCall]bool{}
		own.write, own.nested = a.Write, a.Nested
		if a.Join != nil && b.joins != nil {
			own.joined = own.joinsOf(a.Join)
		}
		if own.edit() != nil || !own.wrote {
			return "", nil, false
		}
		own.editFrom()
		home, origin := own.text.emit(b.req.Span).render(b.req.Span)
		return home, origin, true
	}
}

// joinsOf is what join gives for all functions.
func (b *shipBuilder) joinsOf(join func(*Function, []string) string) string {
	text := ""
	for _, f := range b.plan.Functions {
		if !b.plan.Joinable(f) || !b.plan.inlinable[f] {
			continue
		}
		for _, s := range b.sites {
			if s.fn == f { // all have the same arguments
				text += join(f, b.argTexts(s))
				break
			}
		}
	}
	return text
}

// argTexts are the texts of a call's arguments.
func (b *shipBuilder) argTexts(s *site) []string {
	args := make([]string, len(s.args))
	for i, a := range s.args {
		args[i] = a.Span.Of(b.req.Text)
	}
	return args
}

// editInline puts an expression in place of a call, if that can be.
func (b *shipBuilder) editInline(s *site) bool {
	if b.write != nil && b.nested {
		return b.editNested(s)
	}
	if b.write == nil || s.row != nil || b.inFrom()[s.call.Node] || !s.model.Deterministic {
		return false
	}
	if !b.cheapArgs(s, func(f *pg_query.FuncCall) bool { return b.written[f] }) {
		return false
	}
	expr, ok := b.write(s.fn, b.changedArgs(s))
	if !ok {
		return false
	}
	b.wrote = true
	b.written[s.call.Node] = true
	b.text.put(s.call.Span, b.opaque(s, expr))
	return true
}

// cheapArgs reports whether the arguments of a call may stand in an expression several times; calls among them that known
// knows have expressions too.
func (b *shipBuilder) cheapArgs(s *site, known func(*pg_query.FuncCall) bool) bool {
	return !slices.ContainsFunc(s.args, func(a sqlparse.Arg) bool { return !lookup.RepeatableWith(a.Node, known) })
}

// changedArgs are the texts of a call's arguments with the expressions that stand in them.
func (b *shipBuilder) changedArgs(s *site) []string {
	args := make([]string, len(s.args))
	for i, a := range s.args {
		args[i], _ = b.text.emit(a.Span).render(a.Span)
	}
	return args
}

// editNested is editInline where Answers.Nested is set; the calls among the arguments have their expressions already.
func (b *shipBuilder) editNested(s *site) bool {
	if !b.repeatable(s) {
		return false
	}
	args := b.changedArgs(s)
	if s.row != nil {
		args = b.rowFields(s)
	}
	expr, ok := b.write(s.fn, args)
	if !ok {
		return false
	}
	b.wrote = true
	b.text.put(s.call.Span, b.opaque(s, expr))
	return true
}

// opaque is the text for an expression in place of a call.
func (b *shipBuilder) opaque(s *site, expr string) string {
	if s.row == nil && !slices.ContainsFunc(s.args, func(a sqlparse.Arg) bool { return !constant(a.Node) }) {
		// Home would compute such an expression ahead, and see from its value which branch of a CASE around it is left:
		// whose collation, then, sorts. It cannot see into a function, nor into a subquery, which it evaluates once too.
		expr = "SELECT " + expr
	}
	return "(" + expr + ")"
}

// inFrom are the function calls that stand in FROM, where no other expression may.
func (b *shipBuilder) inFrom() map[*pg_query.FuncCall]bool {
	if b.from != nil {
		return b.from
	}
	b.from = map[*pg_query.FuncCall]bool{}
	sqlparse.Walk(b.req.Node, func(n *pg_query.Node) bool {
		for _, item := range n.GetRangeFunction().GetFunctions() {
			if f := item.GetList().GetItems()[0].GetFuncCall(); f != nil {
				b.from[f] = true
			}
		}
		return true
	})
	return b.from
}

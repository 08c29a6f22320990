package planner

import (
	"crypto/sha256"
	"fmt"
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Draw is a call of a volatile function in a statement that is run in rounds. Its values are drawn once: a temporary
// function stands in its place, which in the next rounds gives what the call has given in the ones before, to the same
// evaluation of the same arguments. So rounds come to an end, and a sequence goes on by one for each row.
type Draw struct {
	// Name is the temporary function's name, without its schema, which is pg_temp.
	Name string
	// Functions are those of home that the call may mean: it is resolved among functions with their signatures.
	Functions []VolatileFunction
	// Rank is that of the calls of models that it may have an influence on: while one of a lower rank misses its answer,
	// the function is not called.
	Rank int
	// Constant says that the arguments are the same in every evaluation.
	Constant bool
	// Text is the name as the client wrote it, Call the call, the same for calls that differ in blanks and case only.
	Text, Call string
}

// VolatileFunction is a function of home that a Draw may call.
type VolatileFunction struct {
	OID          uint32
	Schema, Name string
	// Parameters are as CREATE FUNCTION takes them, Arguments is their number, and Variadic says that the last one is.
	Parameters string
	Arguments  int
	Variadic   bool
	// Returns is the type of its values, with that type's OID and that of its arrays.
	Returns                  string
	ReturnsOID, ReturnsArray uint32
	// Own says that it is one of PostgreSQL's own.
	Own bool
}

// seeded are PostgreSQL's own functions whose values follow from setseed: each round has the same seed, so they need no
// function in their place.
var seeded = map[string]bool{"random": true, "random_normal": true}

// drawable are PostgreSQL's own volatile functions whose effects, where they have any, no rollback takes back.
var drawable = map[string]bool{"nextval": true, "setval": true, "currval": true, "lastval": true, "clock_timestamp": true, "timeofday": true,
	"gen_random_uuid": true, "uuidv4": true, "uuidv7": true}

// sequences are those of them that depend on each other's order: if one is drawn, all are.
var sequences = map[string]bool{"nextval": true, "setval": true, "currval": true, "lastval": true}

// volatiles asks the catalog for the functions of the statement, and notes what is to be drawn.
func (b *shipBuilder) volatiles() error {
	names := b.survey().functions
	var err error
	if b.kinds, err = b.cat.FunctionKinds(names); err != nil || len(names) == 0 {
		return err
	}
	if b.volatile, err = b.cat.Volatile(names); err != nil || len(b.volatile) == 0 {
		return err
	}
	own, err := b.cat.UserFunctions(names)
	if err != nil {
		return err
	}
	inside := b.argumentCalls()
	alone, err := b.lastOnly()
	if err != nil {
		return err
	}
	sqlparse.Walk(b.req.Node, func(n *pg_query.Node) bool {
		f := n.GetFuncCall()
		b.ordered = b.ordered || f != nil && sequences[functionName(f)] && !alone[f]
		return true
	})
	sqlparse.Walk(b.req.Node, func(n *pg_query.Node) bool {
		f := n.GetFuncCall()
		if f == nil || b.byFn[f] != nil || !b.volatile[functionName(f)] || err != nil {
			return err == nil
		}
		name, s := functionName(f), inside[f]
		switch {
		case s != nil && b.req.Steady:
			err = errVolatile(s, name)
		case b.req.Steady:
		case seeded[name] && !own[name]:
			b.plan.Random = true
		case s == nil && (own[name] || !drawable[name] || alone[f] && !(b.ordered && sequences[name])):
		default:
			err = b.draw(f, s)
		}
		return err == nil
	})
	return err
}

// errVolatile refuses a call with a volatile function among its arguments.
func errVolatile(s *site, name string) error {
	return &sqlparse.Error{Code: "0A000", Position: s.call.Span.Start,
		Message: fmt.Sprintf("an argument of %s calls %s, which is volatile", s.call.Func, name),
		Detail:  "The arguments are read before the model answers, and again with its answers: they must be the same both times.",
		Hint:    "Call " + s.call.Func + " in a SELECT of its own first, into a table, or declare the function STABLE or IMMUTABLE if it is."}
}

// argumentCalls gives the functions, other than predict, among arguments of calls, with the call.
func (b *shipBuilder) argumentCalls() map[*pg_query.FuncCall]*site {
	inside := map[*pg_query.FuncCall]*site{}
	for _, s := range b.sites {
		for _, a := range s.call.Args {
			sqlparse.Walk(a.Node, func(n *pg_query.Node) bool {
				if f := n.GetFuncCall(); f != nil && b.byFn[f] == nil && inside[f] == nil {
					inside[f] = s
				}
				return true
			})
		}
	}
	return inside
}

// lastOnly gives the functions in items of the statement's own lists that hold no call and decide about nothing: they are
// evaluated in the last run, which counts. Those of sequences are only among them where Demand leaves them out.
func (b *shipBuilder) lastOnly() (map[*pg_query.FuncCall]bool, error) {
	alone := map[*pg_query.FuncCall]bool{}
	add := func(n *pg_query.Node, counts bool) {
		if b.count(n) > 0 {
			return
		}
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			if f := n.GetFuncCall(); f != nil && (counts || !sequences[functionName(f)]) {
				alone[f] = true
			}
			return true
		})
	}
	if s := b.mainQuery(); s != nil {
		left, err := b.leftItems(s)
		if err != nil {
			return nil, err
		}
		keys := slices.Concat(groupKeys(s.GroupClause), sortKeys(s))
		for i, n := range s.TargetList {
			t := n.GetResTarget()
			if len(s.DistinctClause) == 0 && !slices.ContainsFunc(keys, func(k *pg_query.Node) bool { return means(k, i+1, columnName(t)) }) {
				add(n, left[i])
			}
		}
		for _, n := range s.ValuesLists {
			for _, item := range n.GetList().GetItems() {
				add(item, b.req.Node.GetInsertStmt() != nil)
			}
		}
	}
	for _, n := range append(slices.Clone(b.req.Node.GetUpdateStmt().GetTargetList()), returningList(b.req.Node)...) {
		add(n, true)
	}
	return alone, nil
}

// mainQuery is the query whose rows the statement gives or writes, where it is no set operation.
func (b *shipBuilder) mainQuery() *pg_query.SelectStmt {
	s := source(b.req.Node)
	if c := b.req.Node.GetCopyStmt(); c != nil {
		s = c.Query.GetSelectStmt()
	}
	if s == nil || s.Op != pg_query.SetOperation_SETOP_NONE {
		return nil
	}
	return s
}

// leavesOut reports whether a demand statement would leave out a function of sequences that is drawn, and so draw for others
// what is that one's.
func (b *shipBuilder) leavesOut() bool {
	if !b.ordered {
		return false
	}
	found := false
	look := func(n *pg_query.Node) {
		if b.count(n) > 0 {
			return
		}
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			found = found || b.draws[n.GetFuncCall()] != nil
			return !found
		})
	}
	if s := source(b.req.Node); s != nil && b.req.Node.GetInsertStmt() != nil {
		for _, n := range s.ValuesLists {
			for _, item := range n.GetList().GetItems() {
				look(item)
			}
		}
	}
	for _, n := range append(slices.Clone(b.req.Node.GetUpdateStmt().GetTargetList()), returningList(b.req.Node)...) {
		look(n)
	}
	return found
}

// draw notes a call of a volatile function that is to be drawn; s is the call of a model that has it among its arguments,
// nil for none.
func (b *shipBuilder) draw(f *pg_query.FuncCall, s *site) error {
	if b.inFrom()[f] {
		return nil // a table of its own
	}
	schema := ""
	if n := len(f.Funcname); n > 1 {
		schema = f.Funcname[n-2].GetString_().GetSval()
	}
	functions, err := b.cat.Drawn(schema, functionName(f))
	if err != nil {
		return err
	}
	if len(functions) == 0 || slices.ContainsFunc(functions, func(v VolatileFunction) bool { return v.Own && !drawable[v.Name] }) {
		if s != nil {
			return errVolatile(s, functionName(f))
		}
		return nil
	}
	constant := !slices.ContainsFunc(f.Args, func(n *pg_query.Node) bool { return !literal(n) })
	if b.draws == nil {
		b.draws = map[*pg_query.FuncCall]*Draw{}
	}
	b.draws[f] = &Draw{Functions: functions, Rank: -1, Constant: constant, Text: functionName(f), Call: b.callText(f)}
	b.drawn = append(b.drawn, f)
	return nil
}

// matched are the texts of calls in keys of GROUP BY, ORDER BY and DISTINCT ON, which home matches with other expressions.
func (b *shipBuilder) matched() map[string]bool {
	texts := map[string]bool{}
	sqlparse.Walk(b.req.Node, func(n *pg_query.Node) bool {
		s := n.GetSelectStmt()
		for _, keys := range [][]*pg_query.Node{s.GetGroupClause(), s.GetSortClause(), s.GetDistinctClause()} {
			for _, key := range keys {
				sqlparse.Walk(key, func(n *pg_query.Node) bool {
					if d := b.draws[n.GetFuncCall()]; d != nil {
						texts[d.Call] = true
					}
					return true
				})
			}
		}
		return true
	})
	return texts
}

// nameDraws gives calls of equal text and rank one function, and calls of equal text where home may match them.
func (b *shipBuilder) nameDraws() {
	if len(b.drawn) == 0 {
		return
	}
	matched := b.matched()
	same := map[string]*Draw{}
	numbers := map[string]int{}
	for _, f := range b.drawn {
		d := b.draws[f]
		key := d.Call
		if !b.req.Shared && !matched[d.Call] {
			key += fmt.Sprintf(" %d", d.Rank)
		}
		if first := same[key]; first != nil {
			first.Rank = max(first.Rank, d.Rank)
			b.draws[f] = first
			continue
		}
		h := sha256.New()
		fmt.Fprintf(h, "%v %+v", d.Constant, d.Functions)
		prefix := fmt.Sprintf("pinnacle_%x_v", h.Sum(nil)[:maxHash/2])
		d.Name = fmt.Sprintf("%s%d", prefix, numbers[prefix])
		numbers[prefix]++
		same[key] = d
		b.plan.Draws = append(b.plan.Draws, d)
	}
}

// callText is a function call without what has no meaning in its text.
func (b *shipBuilder) callText(f *pg_query.FuncCall) string {
	start := int(f.Location)
	toks := b.at.Tokens()
	end := b.at.NameOf(&sqlparse.Call{Span: sqlparse.Span{Start: start}}).End
	if open := b.at.After(end); open < len(toks) {
		if close := b.at.Closing(open); close >= 0 {
			end = toks[close].Span.End
		}
	}
	return b.tokens(sqlparse.Span{Start: start, End: end})
}

// literal tells constants, with casts.
func literal(n *pg_query.Node) bool {
	if c := n.GetTypeCast(); c != nil {
		return literal(c.Arg)
	}
	return n.GetAConst() != nil
}

// shifts reports whether an expression may have another value in each evaluation: it holds a volatile function, or a call
// of a model that is not deterministic.
func (b *shipBuilder) shifts(n *pg_query.Node) bool {
	found := false
	if n == nil || len(b.volatile) == 0 && !b.generative {
		return false
	}
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil {
			if s := b.byFn[f]; s != nil {
				found = found || !s.model.Deterministic
			} else {
				found = found || b.volatile[functionName(f)]
			}
		}
		return !found
	})
	return found
}

// editDraw puts the temporary function in place of a volatile one.
func (b *shipBuilder) editDraw(f *pg_query.FuncCall, d *Draw) {
	start := int(f.Location)
	b.text.replace(b.at.NameOf(&sqlparse.Call{Span: sqlparse.Span{Start: start}}), "pg_temp."+d.Name)
}

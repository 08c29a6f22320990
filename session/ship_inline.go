package session

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// inlineName is the name on home of the statement with expressions in place of calls.
const inlineName = "pinnacle_inline"

// kept are the answers of one function that are held for expressions.
type kept struct {
	keys    [][]byte
	args    []udf.Column
	answers udf.Column
	held    int
	// dropped says that they were too many, or cannot be held, owed that home has not been given all of them.
	dropped, owed bool
	// rows counts the answers that were not held.
	rows int
}

// keep holds answers, as long as an expression can have them. owed says that home was not given them.
func (c *shipCursor) keep(ctx context.Context, h *homeSide, a *ship.Asked, answers *udf.Column, owed bool) error {
	k := c.kept[a.Function]
	if k == nil {
		k = &kept{dropped: !holds(a.Function)}
		if c.kept == nil {
			c.kept = map[*planner.Function]*kept{}
		}
		c.kept[a.Function] = k
	}
	if k.dropped {
		l := c.large[a.Function]
		if l == nil && k.rows > largeUnheld {
			var err error
			if l, err = c.begin(ctx, h, a.Function); err != nil {
				return err
			}
		}
		if l != nil {
			return c.fill(ctx, h, l, a, answers, owed)
		}
		if k.rows += len(a.Keys); owed {
			return c.give(ctx, h, a.Function, a.Keys, &answer.Result{Answers: *answers})
		}
		return nil
	}
	if k.args == nil {
		k.args = make([]udf.Column, len(a.Args))
		for i := range a.Args {
			k.args[i].Type = a.Args[i].Type
		}
		k.answers.Type = answers.Type
	}
	for i := range a.Args {
		k.held += pgvalue.Held(&a.Args[i])
		if err := pgvalue.AppendAll(&k.args[i], &a.Args[i]); err != nil {
			return err
		}
	}
	for _, key := range a.Keys {
		k.held += len(key) + keySize
	}
	k.keys, k.owed = append(k.keys, a.Keys...), k.owed || owed
	if err := pgvalue.AppendAll(&k.answers, answers); err != nil {
		return err
	}
	if k.held += pgvalue.Held(answers); k.held <= c.p.s.cfg.Ship.LookupBytes && !(c.p.ship.Unbound && len(k.keys) > largeUnbound) {
		return nil
	}
	if l, err := c.spill(ctx, h, a.Function); err != nil || l != nil {
		return err
	}
	err := c.pay(ctx, h, a.Function)
	*k = kept{dropped: true}
	return err
}

// keySize is about what a key takes in memory beside its bytes.
const keySize = 32

// holds reports whether there are expressions that hold a function's answers.
func holds(f *planner.Function) bool {
	types := make([]udf.Type, len(f.Model.Args))
	for i, a := range f.Model.Args {
		types[i] = a.Type
	}
	return f.Kind != "predict_details" && f.Model.Deterministic && lookup.Supports(types, f.Model.Returns)
}

// pay gives a function the answers that it has not been given.
func (c *shipCursor) pay(ctx context.Context, h *homeSide, f *planner.Function) error {
	if l := c.large[f]; l != nil {
		return c.payLarge(ctx, h, f, l)
	}
	k := c.kept[f]
	if k == nil || !k.owed {
		return nil
	}
	k.owed = false
	return k.parts(f, func(a *ship.Asked, answers *udf.Column) error {
		return c.give(ctx, h, f, a.Keys, &answer.Result{Answers: *answers})
	})
}

// lone reports whether an answer is one that expressions leave to the function.
func lone(a *ship.Asked, answers *udf.Column, row int) bool {
	if answers.Null(row) {
		return true
	}
	for i := range a.Args {
		c := &a.Args[i]
		if c.Null(row) || c.Type.Storage() == udf.StoreFloats && c.Floats[row] != c.Floats[row] {
			return true
		}
	}
	return false
}

// part picks those rows of what was asked, and of its answers, for which is gives want.
func part(a *ship.Asked, answers *udf.Column, want bool) (*ship.Asked, *udf.Column, error) {
	some := &ship.Asked{Function: a.Function, Args: make([]udf.Column, len(a.Args))}
	for i := range a.Args {
		some.Args[i].Type = a.Args[i].Type
	}
	given := &udf.Column{Type: answers.Type}
	for row := range a.Keys {
		if lone(a, answers, row) != want {
			continue
		}
		some.Keys = append(some.Keys, a.Keys[row])
		for i := range a.Args {
			if err := pgvalue.Copy(&some.Args[i], &a.Args[i], row); err != nil {
				return nil, nil, err
			}
		}
		if err := pgvalue.Copy(given, answers, row); err != nil {
			return nil, nil, err
		}
	}
	return some, given, nil
}

// holdAhead holds answers that were read ahead for expressions, and gives home those that expressions cannot have.
func (c *shipCursor) holdAhead(ctx context.Context, h *homeSide, a *ship.Asked, answers *udf.Column) error {
	alone, given, err := part(a, answers, true)
	if err != nil {
		return err
	}
	if len(alone.Keys) > 0 {
		if err := c.give(ctx, h, a.Function, alone.Keys, &answer.Result{Answers: *given}); err != nil {
			return err
		}
		if a, answers, err = part(a, answers, false); err != nil {
			return err
		}
	}
	return c.keep(ctx, h, a, answers, true)
}

// inlined is a statement with expressions in place of calls, prepared on home.
type inlined struct {
	params []lookup.Param
	origin func(int) int
	text   string
	// has are the functions whose answers are in it; joined says that some are in tables that it joins.
	has    map[*planner.Function]bool
	joined bool
}

// bind is a Bind of the client's parameters with those of the expressions behind them.
func (in *inlined) bind(b pgproto3.Bind) pgproto3.Bind {
	formats := make([]int16, 0, len(b.Parameters)+len(in.params))
	for i := range b.Parameters {
		switch len(b.ParameterFormatCodes) {
		case 0:
			formats = append(formats, pgvalue.TextFormat)
		case 1:
			formats = append(formats, b.ParameterFormatCodes[0])
		default:
			formats = append(formats, b.ParameterFormatCodes[i])
		}
	}
	values := append([][]byte(nil), b.Parameters...)
	for _, p := range in.params {
		formats, values = append(formats, pgvalue.BinaryFormat), append(values, p.Value)
	}
	b.PreparedStatement, b.ParameterFormatCodes, b.Parameters = inlineName, formats, values
	return b
}

// inline has home prepare the statement with the answers that are kept in place of calls; nil where that is of no use or
// cannot be. The functions still stand behind the expressions, for arguments that these do not have.
func (c *shipCursor) inline(ctx context.Context, h *homeSide, b *block) (*inlined, error) {
	if !b.savepoints || c.p.executes != nil || c.notInline {
		return nil, nil
	}
	for {
		in, oids, err := c.expressions(ctx, h)
		if in == nil || err != nil {
			return nil, err
		}
		refused, err := h.prepareApart(ctx, b, inlineName, in.text, oids)
		switch {
		case err != nil:
			return nil, err
		case !refused:
			return in, nil
		case in.joined: // where a column must be grouped, for one, that of a table that is joined is not
			c.notJoin = true
		default:
			c.notInline = true
			return nil, nil
		}
	}
}

// expressions makes the statement, and the types of its parameters; nil where no call has an expression.
func (c *shipCursor) expressions(ctx context.Context, h *homeSide) (*inlined, []uint32, error) {
	in := &inlined{has: map[*planner.Function]bool{}}
	oids := append([]uint32(nil), c.p.params()...)
	lookups, firsts := map[*planner.Function]*lookup.Lookup{}, map[*planner.Function]int{}
	for _, f := range c.p.ship.Functions {
		k := c.kept[f]
		if k != nil && !k.dropped && !c.p.ship.Unbound {
			l, err := lookup.New(k.args, &k.answers, 0)
			if err == nil && l != nil {
				lookups[f], firsts[f], in.has[f] = l, len(oids)+1, true
				for _, p := range l.Params() {
					in.params, oids = append(in.params, p), append(oids, p.OID)
				}
				continue
			}
			if err == nil && len(k.keys) > largeUnheld {
				if _, err := c.spill(ctx, h, f); err != nil {
					return nil, nil, err
				}
			}
		}
		if l := c.large[f]; l != nil { // else the function has the answers too
			if err := c.prepareLarge(ctx, h, l); err != nil {
				return nil, nil, err
			}
			in.has[f] = true
			in.joined = in.joined || c.joins(f)
		}
	}
	written := map[*planner.Function]int{}
	answers := planner.Answers{Write: func(f *planner.Function, args []string) (string, bool) {
		written[f]++
		typed := make([]string, len(args))
		for i, a := range args {
			typed[i] = "(" + a + ")::" + f.Model.Args[i].Type.String()
		}
		slow := "pg_temp." + f.Name + "(" + strings.Join(typed, ", ") + ")"
		switch l := c.large[f]; {
		case lookups[f] != nil:
			return lookups[f].Expr(typed, firsts[f], slow), true
		case l != nil && c.joins(f):
			return "COALESCE(" + l.Joined() + ", " + slow + ")", true
		case l != nil:
			return "COALESCE(" + l.Looked(args) + ", " + slow + ")", true
		}
		written[f]--
		return "", false
	}}
	if in.joined {
		answers.Join = func(f *planner.Function, args []string) string {
			if c.large[f] == nil || !c.joins(f) {
				return ""
			}
			return c.large[f].Join(args)
		}
	}
	var ok bool
	if in.text, in.origin, ok = c.p.ship.Inline(answers); !ok {
		return nil, nil, nil
	}
	for f := range in.has { // where a call among the arguments has none, its function answers
		in.has[f] = written[f] == c.p.ship.Sites(f)
	}
	return in, oids, nil
}

// joins reports whether a function's table is joined to the rows that have its arguments.
func (c *shipCursor) joins(f *planner.Function) bool { return !c.notJoin && c.p.ship.Joinable(f) }

// prepareApart has home prepare a statement in a savepoint, so that nothing is lost where home refuses it.
func (h *homeSide) prepareApart(ctx context.Context, b *block, name, text string, oids []uint32) (refused bool, err error) {
	h.queue("SAVEPOINT " + roundSavepoint)
	h.x.Send(&pgproto3.Close{ObjectType: 'S', Name: name}, &pgproto3.Parse{Name: name, Query: text, ParameterOIDs: oids})
	h.queue("RELEASE SAVEPOINT " + roundSavepoint)
	if err := h.ask(); err != nil {
		return false, err
	}
	if err := h.did(ctx, 1); err != nil {
		return false, unpositioned(err)
	}
	err = h.expect(ctx, "31", nil)
	if sqlState(err) != "" && ctx.Err() == nil {
		return true, b.undo(ctx, h, true)
	}
	if err != nil {
		return false, err
	}
	return false, unpositioned(h.did(ctx, 1))
}

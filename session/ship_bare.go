package session

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// errReadOnly says that home cannot make the functions that a statement needs.
var errReadOnly = &wire.Error{Response: pgproto3.ErrorResponse{Severity: "ERROR", Code: "25006",
	Message: "cannot make the temporary functions of a statement with predict in a read-only transaction",
	Hint:    "Run the statement once in this session outside of a read-only transaction. Calls in a SELECT whose arguments are columns and constants need no functions."}}

// bareStatement is a statement that needs no functions of home: expressions that note what they miss in a setting stand in
// place of calls, with a parameter of each function behind the client's.
type bareStatement struct {
	functions []*planner.Function
	// types are those of the client's parameters and of these.
	types []uint32
}

// bareable reports whether a plan can be run so.
func (p *predictStatement) bareable(plan *planner.Ship) bool {
	return p.direct && p.executes == nil && p.node.GetSelectStmt() != nil && !plan.Writes && len(plan.Draws) == 0 &&
		!slices.ContainsFunc(plan.Functions, func(f *planner.Function) bool { return !ship.Bare(f) || !plan.Inlinable(f) })
}

// prepareBare has home prepare the statement with expressions in place of its calls.
func (p *predictStatement) prepareBare(ctx context.Context, h *homeSide, plan *planner.Ship, req planner.Request) error {
	own := 0
	sqlparse.Walk(p.node, func(n *pg_query.Node) bool {
		own = max(own, int(n.GetParamRef().GetNumber()))
		return true
	})
	bare := &bareStatement{functions: plan.Functions, types: make([]uint32, own, own+len(plan.Functions))}
	copy(bare.types, p.declared)
	for range plan.Functions {
		bare.types = append(bare.types, pgtype.JSONBOID)
	}
	text, origin, ok := plan.Inline(planner.Answers{Write: func(f *planner.Function, args []string) (string, bool) {
		return ship.BareExpr(f, args, own+1+slices.Index(plan.Functions, f)), true
	}})
	if !ok {
		return errReadOnly
	}
	d, err := h.prepare(ctx, p.name, text, bare.types)
	if err != nil {
		return unsent(renamed(repositioned(err, text, p.text, origin), plan))
	}
	bare.types = d.params
	d.params = d.params[:own]
	with := *plan
	with.Home, with.Origin = text, origin
	p.describeShip(&with, d)
	p.bare = bare
	return nil
}

// sending finds the functions by which expressions check the types of arguments.
var sending = regexp.MustCompile(`pg_catalog\.[a-z0-9]+_?send\(`)

// unsent gives an error about an argument's type the name of the call.
func unsent(err error) error {
	var home *homeError
	if !errors.As(err, &home) || home.response.Code != "42883" {
		return err
	}
	e := *home
	e.response.Message = sending.ReplaceAllString(e.response.Message, "predict(")
	return &e
}

// bind is a Bind of the client's parameters with the answers that there are behind them.
func (b *bareStatement) bind(client pgproto3.Bind, answers map[*planner.Function]*ship.BareAnswers) pgproto3.Bind {
	in := inlined{}
	for _, f := range b.functions {
		in.params = append(in.params, lookup.Param{OID: pgtype.JSONBOID, Value: answers[f].Param()})
	}
	return in.bind(client)
}

// The room for notes in a round, in bytes: in the first one, the most, and in one that is to end at the first miss.
const (
	firstRoom = 16 << 10
	mostRoom  = 1 << 20
	noRoom    = 1
)

// runBare answers a statement that needs no functions, in rounds.
func (c *shipCursor) runBare(ctx context.Context, h *homeSide) error {
	b, err := h.openBlock(ctx, false, false)
	if err != nil {
		return err
	}
	if !b.savepoints {
		return errReadOnly
	}
	c.bare = map[*planner.Function]*ship.BareAnswers{}
	for _, f := range c.p.bare.functions {
		c.bare[f] = &ship.BareAnswers{}
	}
	if _, err = c.readAhead(ctx, h, b); err == nil {
		err = c.bareRounds(ctx, h, b)
	}
	c.record()
	return b.close(ctx, h, err)
}

// bareRounds runs the statement until a run has missed nothing. An error of home loses what a run has noted: then the next
// one ends at its first miss, and an error before that is the statement's own.
func (c *shipCursor) bareRounds(ctx context.Context, h *homeSide, b *block) error {
	defer h.x.OnNotice(nil)
	room := firstRoom
	if c.p.ship.Small {
		room = noRoom
	}
	for range c.p.s.cfg.Ship.MaxRounds {
		c.rounds++
		round := ship.NewRound(c.p.ship, &c.known, c.p.s.cfg.Ship.RoundBytes)
		spool := &spool{most: c.p.s.cfg.Ship.ResultBytes, whole: true}
		tag, err := c.bareRun(ctx, h, round, spool, room)
		if err == nil && round.Empty() {
			c.held, c.tag = spool, tag
			h.warn(c.failures)
			return unpositioned(h.do(ctx, "RELEASE SAVEPOINT "+roundSavepoint))
		}
		spool.close()
		var home *homeError
		switch {
		case err == nil, ctx.Err() == nil && errors.As(err, &home) && round.TakeBare(home.response.Message):
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case home == nil || room == noRoom || !doubtful(home.response.Code):
			return c.p.reposition(err)
		}
		if undone := b.undo(ctx, h, err != nil); undone != nil {
			return undone
		}
		if round.Empty() {
			room = noRoom
			continue
		}
		asked, bad := round.Believed()
		if bad != nil {
			return bad
		}
		for _, a := range asked {
			if err := c.answer(ctx, h, a, false); err != nil {
				return err
			}
		}
		room = min(max(4*room, 256), mostRoom)
	}
	return coded("54000", "predict needs too many rounds", "",
		"Run the statement once in this session outside of a read-only transaction, or raise the setting predict-max-rounds.")
}

// bareRun runs the statement once, with so much room for notes.
func (c *shipCursor) bareRun(ctx context.Context, h *homeSide, round *ship.Round, spool *spool, room int) (tag string, err error) {
	bind := c.p.bare.bind(c.bound, c.bare)
	bind.PreparedStatement, bind.DestinationPortal = c.p.name, roundPortal
	var fault error
	h.x.OnNotice(func(body []byte) bool {
		fault = errors.Join(fault, spool.add('N', body))
		return true
	})
	defer h.x.OnNotice(nil)
	h.queue("SAVEPOINT "+roundSavepoint, ship.BareOpening(room))
	h.x.Send(&bind, &pgproto3.Execute{Portal: roundPortal}, &pgproto3.Close{ObjectType: 'P', Name: roundPortal})
	h.queue(ship.BareNotes)
	if err := h.ask(); err != nil {
		return "", err
	}
	if err := h.did(ctx, 2); err != nil {
		return "", unpositioned(err)
	}
	for tag == "" {
		typ, body, err := h.receive(ctx)
		if err != nil {
			return "", err
		}
		switch typ {
		case '2':
		case 'E':
			return "", decodeError(body)
		case 'C':
			tag = string(cString(body, 0))
		default:
			if fault = errors.Join(fault, c.took(spool, typ, body)); fault != nil {
				return "", fault
			}
		}
	}
	if err := h.expect(ctx, "3", nil); err != nil {
		return "", err
	}
	return tag, errors.Join(fault, h.doneWith(ctx, func(v [][]byte) { round.TakeBare(string(v[0])) }))
}

// took holds a message of a result, or counts it where nobody wants the rows.
func (c *shipCursor) took(spool *spool, typ byte, body []byte) error {
	if c.thrown && typ == 'D' {
		c.rows++
		return nil
	}
	return spool.add(typ, body)
}

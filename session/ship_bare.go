package session

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// errReadOnly says that home cannot make the functions that a statement needs.
var errReadOnly = &wire.Error{Response: pgproto3.ErrorResponse{Severity: "ERROR", Code: "25006",
	Message: "cannot make the temporary functions of a statement with predict in a read-only transaction",
	Hint: "Run the statement once in this session outside of a read-only transaction. Models that are deterministic need no functions in a SELECT and in COPY, " +
		"unless their calls have arrays or volatile functions among the arguments, or stand in FROM."}}

// bareStatement is a statement that needs no functions of home: expressions that note what they miss in a setting stand in
// place of calls, with a parameter of each function behind the client's; or, where home takes no parameters, with constants.
type bareStatement struct {
	functions []*planner.Function
	// own is the number of the client's parameters, and types are theirs and those of the functions'.
	own   int
	types []uint32
	plan  *planner.Ship
	// apart says that there may be functions all the same, for more answers than a parameter is to have.
	apart bool
}

// bareable reports whether a plan can be run so.
func (p *predictStatement) bareable(plan *planner.Ship) bool {
	return p.direct && p.executes == nil && !p.encoded && p.node.GetDeclareCursorStmt() == nil && len(plan.Draws) == 0 && !(plan.Writes && plan.Left) &&
		!slices.ContainsFunc(plan.Functions, func(f *planner.Function) bool { return !ship.Bare(f) || !plan.Repeatable(f) })
}

// apart reports whether a plan is to be run so though there may be functions: in a transaction block that may end in PREPARE
// TRANSACTION, which PostgreSQL refuses where temporary objects were used.
func (p *predictStatement) apart(ctx context.Context, h *homeSide, plan *planner.Ship) (bool, error) {
	if p.many || !h.x.InBlock() || !p.bareable(plan) {
		return false, nil
	}
	if p.s.twoPhase == "" {
		var err error
		if p.s.twoPhase, err = h.setting(ctx, "max_prepared_transactions"); err != nil {
			return false, err
		}
	}
	return p.s.twoPhase != "0", nil
}

// text gives the statement with expressions in place of its calls, and with the answers where it takes no parameters.
func (b *bareStatement) text(answers map[*planner.Function]*ship.BareAnswers) (text string, origin func(int) int, ok bool) {
	return b.plan.Inline(planner.Answers{Nested: true, Write: func(f *planner.Function, args []string) (string, bool) {
		held := fmt.Sprintf("$%d::pg_catalog.jsonb", b.own+1+slices.Index(b.functions, f))
		if b.plan.Unbound {
			held = answers[f].Literal()
		}
		return ship.BareExpr(f, args, held), true
	}})
}

// prepareBare has home prepare the statement with expressions in place of its calls.
func (p *predictStatement) prepareBare(ctx context.Context, h *homeSide, plan *planner.Ship, apart bool) error {
	own := 0
	sqlparse.Walk(p.node, func(n *pg_query.Node) bool {
		own = max(own, int(n.GetParamRef().GetNumber()))
		return true
	})
	bare := &bareStatement{functions: plan.Functions, own: own, types: make([]uint32, own, own+len(plan.Functions)), plan: plan, apart: apart}
	copy(bare.types, p.declared)
	if !plan.Unbound {
		for range plan.Functions {
			bare.types = append(bare.types, pgtype.JSONBOID)
		}
	}
	text, origin, ok := bare.text(nil)
	if !ok {
		return errReadOnly
	}
	d, err := h.prepare(ctx, p.name, text, bare.types)
	if err != nil {
		return unsent(renamed(repositioned(err, text, p.text, origin), plan))
	}
	bare.types = d.params
	d.params = d.params[:min(own, len(d.params))]
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
	if b.plan.Unbound {
		return client
	}
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

// errMany says that a statement that is run without functions has more answers than are to be held, and that there may be
// functions.
var errMany = errors.New("there are too many answers for one parameter")

// runBare answers a statement that needs no functions, in rounds.
func (c *shipCursor) runBare(ctx context.Context, h *homeSide) error {
	b, err := h.openBlock(ctx, c.p.ship.Writes, false)
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
	if _, err = c.readAhead(ctx, h, b); errors.Is(err, errMany) {
		return errors.Join(err, b.undo(ctx, h, true))
	}
	if err == nil {
		if err = c.bareRounds(ctx, h, b); errors.Is(err, errMany) {
			return err
		}
	}
	c.record()
	return b.close(ctx, h, err)
}

// withFunctions makes a cursor over the statement with functions, for one that has found errMany.
func (c *shipCursor) withFunctions(ctx context.Context, h *homeSide) error {
	p := c.p
	p.many, p.bare = true, nil
	if err := h.closeStatement(ctx, p.name); err != nil {
		return err
	}
	if err := p.replanShip(ctx, h, func(home string) (*described, error) { return h.prepare(ctx, p.name, home, p.declared) }); err != nil {
		return err
	}
	again, err := p.bindShip(ctx, h, &c.bound)
	if err != nil {
		return err
	}
	for _, l := range c.leases {
		l.Release()
	}
	thrown, described := c.thrown, c.described
	*c = *again.(*shipCursor)
	c.thrown, c.described = thrown, described
	return nil
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

// bareName is the name on home of a statement that has answers in its text.
const bareName = "pinnacle_bare"

// bareRun runs the statement once, with so much room for notes.
func (c *shipCursor) bareRun(ctx context.Context, h *homeSide, round *ship.Round, spool *spool, room int) (tag string, err error) {
	bind := c.p.bare.bind(c.bound, c.bare)
	bind.PreparedStatement, bind.DestinationPortal = c.p.name, roundPortal
	if c.p.bare.plan.Unbound && c.answered > 0 {
		text, _, _ := c.p.bare.text(c.bare)
		if err := h.closeStatement(ctx, bareName); err != nil {
			return "", err
		}
		if _, err := h.prepare(ctx, bareName, text, nil); err != nil {
			return "", unpositioned(err)
		}
		bind.PreparedStatement = bareName
	}
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

// giveBare keeps answers for the next round.
func (c *shipCursor) giveBare(ctx context.Context, h *homeSide, a *ship.Asked, res *answer.Result) error {
	if a.Function.Kind != "predict_details" {
		err := c.bare[a.Function].Add(a, &res.Answers)
		if err == nil && c.p.bare.apart && c.bare[a.Function].Held() > c.p.s.cfg.Ship.LookupBytes {
			return errMany
		}
		return err
	}
	queries, err := ship.Details(a.Function, a.Keys, &res.Answers, res.Details)
	if err != nil {
		return err
	}
	for _, q := range queries {
		if err := h.rows(ctx, q, c.bare[a.Function].Row); err != nil {
			return unpositioned(err)
		}
	}
	return nil
}

// took holds a message of a result, or counts it where nobody wants the rows.
func (c *shipCursor) took(spool *spool, typ byte, body []byte) error {
	if c.thrown && typ == 'D' {
		c.rows++
		return nil
	}
	return spool.add(typ, body)
}

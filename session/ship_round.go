package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// run is the rounds of one statement of home's: it is run until it asks for nothing.
type run struct {
	c         *shipCursor
	b         *block
	statement string
	// origin maps the position of an error of home.
	origin func(error) error
	// discard says that the rows are not wanted, writes that a run that asked for anything must be undone, limited that the
	// client takes the rows in parts, closed that nothing may be asked for.
	discard, writes, limited, closed bool
	// moves says that the statement declares the cursor demandName, whose rows ask.
	moves bool

	// sure says that a run has asked for nothing but had too many rows, which the next one sends.
	sure bool
	// most is the number of arguments that a run may ask for, once one has asked for more than memory may take; 0 for any.
	most int
	// many says that the statement asks for so many answers that expressions in place of calls are worth it, and inlined is
	// the statement with these, with the number of answers that it has.
	many    bool
	inlined *inlined
	answers int
	// enough says that the last run has missed so much that it was ended, wide that functions tell of each miss of the next.
	enough, wide bool
	// spool holds the rows of the current run; direct says that they go to the client as they come.
	spool  *spool
	direct bool
	sent   bool
	tag    string
	round  *ship.Round
	// fault is an error of the spool that a notice has met.
	fault error
	// drawing says that home calls a function of the client's for a value that is drawn, and told are the notices that it
	// gives meanwhile: they are the client's if the run does not count, since the function is not called again.
	drawing bool
	told    [][]byte
}

// rounds runs the statement until a run has asked for nothing.
func (r *run) rounds(ctx context.Context, h *homeSide) error {
	misses, growth := firstMisses, missesGrowth
	if !slices.ContainsFunc(r.c.p.ship.Functions, func(f *planner.Function) bool { return f.Model.Deterministic }) {
		misses = 0 // no evaluation asks for what another has asked for
	}
	if r.c.guessed {
		misses = guessMisses
	}
	for n := 0; ; n++ {
		if n == r.c.p.s.cfg.Ship.MaxRounds {
			return coded("54000", "predict needs too many rounds",
				fmt.Sprintf("The statement has asked for arguments that were not known before in each of %d runs.", n),
				"Arguments that differ in each run, as of random() or nextval(), cannot stand here. A recursive query that feeds on predictions needs a round for each step: raise the setting predict-max-rounds.")
		}
		few := r.few(misses)
		again, err := r.one(ctx, h, misses)
		if err != nil || !again {
			return err
		}
		if n == 0 {
			if err := r.weighInlined(ctx, h); err != nil {
				return err
			}
		}
		if r.enough && r.c.guessed {
			if err := r.c.readRest(ctx, h, r.b); err != nil {
				return err
			}
		}
		asked := misses
		// A round that few has ended says nothing about how often the same arguments are asked for.
		if !r.enough || few == 0 || r.round.Kept() < few {
			if misses *= growth; misses > 1<<24 {
				misses = 0
			}
		}
		if n := r.round.Cut(); n > 0 { // what is asked for beyond it is not kept
			r.most = n
		}
		r.wide = r.widens(asked)
	}
}

// widens reports whether the next run is to tell of each miss: if most arguments of the last one, which was ended after so many
// misses, were different. What is drawn, and models that are not deterministic, need the notes.
func (r *run) widens(misses int) bool {
	plan := r.c.p.ship
	return r.enough && !plan.Small && !r.closed && r.most == 0 && !r.c.guessed && 2*r.round.Kept() >= misses && len(plan.Draws) == 0 &&
		!slices.ContainsFunc(plan.Functions, func(f *planner.Function) bool { return !f.Model.Deterministic })
}

// one runs the statement once. again says that it asked for answers, which home has now, or that its rows were too many to
// be held and are to be sent in another run.
func (r *run) one(ctx context.Context, h *homeSide, misses int) (again bool, err error) {
	c := r.c
	c.rounds++
	switch {
	case r.closed:
		misses = -1
	case !r.b.savepoints || r.writes || r.sure:
		misses = 0
	}
	if r.most > 0 && r.b.savepoints && (misses == 0 || misses > r.most) {
		misses = r.most
	}
	c.rows = 0
	if err := r.renewInlined(ctx, h); err != nil {
		return false, err
	}
	r.round = ship.NewRound(c.p.ship, &c.known, c.p.s.cfg.Ship.RoundBytes)
	if r.wide {
		misses = 0
		r.round.Apart()
	}
	r.spool.close()
	r.spool, r.direct, r.sent = &spool{most: c.p.s.cfg.Ship.ResultBytes, mostFiled: c.p.s.cfg.Ship.ResultFileBytes, whole: r.limited || r.writes}, r.sure && !r.limited && !r.discard, false
	r.drawing, r.told = false, nil
	if err := r.tell(h); err != nil {
		return false, err
	}
	h.x.OnNotice(r.notice)
	ended, err := r.execute(ctx, h, misses)
	h.x.OnNotice(nil)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil && ended {
		return false, err
	}
	if r.closed && sqlState(err) == ship.CodeLate {
		return false, r.late()
	}
	enough := sqlState(err) == ship.CodeEnough
	r.enough = enough
	if err != nil && !enough && r.inlined != nil && r.inlined.joined && !r.sent && doubtful(sqlState(err)) {
		// Home may have computed the arguments of rows that a condition would have kept from it.
		c.notJoin, r.answers = true, -1
		if err := r.b.undo(ctx, h, true); err != nil {
			return false, err
		}
		return true, c.keepDrawn(ctx, h, r)
	}
	r.many = r.many || enough && (!c.p.ship.Small || c.answered >= manyAnswers)
	if r.round.Empty() {
		if err != nil {
			return false, renamed(r.origin(err), c.p.ship)
		}
		if err := r.spool.end(); err != nil {
			return false, err
		}
		if again = r.spool.over && !r.direct && !r.discard; again || r.discard {
			r.sure = r.sure || again
			if err := r.b.undo(ctx, h, false); err != nil {
				return false, err
			}
			return again, c.keepDrawn(ctx, h, r)
		}
		return false, r.b.keep(ctx, h)
	}
	if err != nil && !enough && !doubtful(sqlState(err)) {
		return false, renamed(r.origin(err), c.p.ship)
	}
	if err != nil && !enough && !r.b.savepoints {
		if ownDespiteNull(sqlState(err)) {
			return false, renamed(r.origin(err), c.p.ship)
		}
		return false, coded("0A000", "a statement with predict whose answers must be there from the start is not supported here between other messages of one implicit transaction",
			"Without the answers it fails, which cannot be undone: "+err.Error(), "Send the statement in a transaction block (BEGIN), or with a Sync of its own.")
	}
	if r.sent || r.writes && !r.b.savepoints {
		return false, coded("40001", "could not finish a statement with predict because of concurrent changes",
			"Rows with arguments that were not there before have appeared while the statement ran.", "Run the statement again.")
	}
	asked, bad := r.round.Believed()
	if bad != nil {
		return false, bad
	}
	if undone := r.b.undo(ctx, h, err != nil); undone != nil {
		return false, undone
	}
	if err := c.keepDrawn(ctx, h, r); err != nil {
		return false, err
	}
	if err := c.weigh(ctx, asked, 0); err != nil {
		return false, err
	}
	held := r.many && !r.discard && r.b.savepoints && c.p.executes == nil && !c.notInline // expressions have them, not functions
	for _, a := range asked {
		if err := c.answer(ctx, h, a, held); err != nil {
			return false, err
		}
		c.once[a.Function].Add(a)
	}
	return true, nil
}

// late is the error for arguments that only a writing run asks for which cannot be undone.
func (r *run) late() error {
	const hint = "Send the statement in a transaction block (BEGIN), or with a Sync of its own."
	if r.c.p.ship.Demand == "" || r.c.p.executes != nil {
		return coded("0A000", "a statement that writes with predict is not supported here between other messages of one implicit transaction",
			"What it asks models for shows only while it writes, and that could not be undone.", hint)
	}
	return coded("40001", "predict was asked for arguments that were not there before the statement wrote",
		"Rows have changed since, or its own changes have made the arguments.", hint)
}

// When expressions are worth it in a statement that may end before it has asked for everything.
const (
	// manyAnswers is the number of answers from which on they are, since so many will be looked up time and again.
	manyAnswers = 1_000
	// manyCost is what home must think that the statement costs, in its own unit, before they are with fewer: some 20,000
	// calls of a function at 2.5 each, by COST and cpu_operator_cost.
	manyCost = 50_000
)

// weighInlined finds out, once the first run has asked, whether a statement that may end early has so many rows that a call of a
// function for each costs more than to prepare it again.
func (r *run) weighInlined(ctx context.Context, h *homeSide) error {
	c := r.c
	if r.many || r.discard || !c.p.ship.Small || !r.b.savepoints || c.p.executes != nil {
		return nil
	}
	cost, err := h.estimateCost(ctx, r.b, c.p.ship.Home, c.p.params(), &c.bound)
	r.many = cost >= manyCost
	return err
}

// renewInlined makes the statement with expressions in place of calls, where it is worth it and answers have come since.
func (r *run) renewInlined(ctx context.Context, h *homeSide) error {
	c := r.c
	if r.many && !r.discard && c.answered != r.answers {
		r.answers = c.answered
		var err error
		if r.inlined, err = c.inline(ctx, h, r.b); err != nil {
			return err
		}
		r.origin = c.p.reposition
		if in := r.inlined; in != nil {
			r.origin = func(err error) error { return repositioned(err, in.text, c.p.text, in.origin) }
		}
	}
	c.live = r.inlined
	for _, f := range c.p.ship.Functions {
		if r.inlined != nil && r.inlined.has[f] {
			continue
		}
		if err := c.pay(ctx, h, f); err != nil {
			return err
		}
	}
	return nil
}

// doubtful reports whether an error of a round that missed answers may come from the NULLs that stood for them.
func doubtful(state string) bool {
	if len(state) != 5 {
		return false
	}
	switch state[:2] {
	case "40", "42", "53", "57", "58", "XX", "08", "25", "54":
		return state == "42804" || state == "54001"
	}
	return true
}

// notice takes what functions ask for from home's notices, and keeps the statement's own from the client in runs that do
// not count.
func (r *run) notice(body []byte) bool {
	if code, message, asking := askedBy(body); asking {
		r.drawing = code == ship.CodeDrawing
		r.round.Take(code, message)
		return true
	}
	if r.drawing {
		r.told = append(r.told, append([]byte(nil), body...))
	}
	if r.direct || r.discard {
		return r.discard
	}
	if err := r.spool.add('N', body); err != nil {
		r.fault = err
	}
	return true
}

// roundPortal is the portal on home of a run. It is another one than that of the proxy's own statements, since it is there
// until a run that has failed is undone.
const roundPortal = "pinnacle_round"

// execute binds and runs the statement once. ended says that an error is not home's answer to it, but of the connection
// or of the client.
func (r *run) execute(ctx context.Context, h *homeSide, misses int) (ended bool, err error) {
	b := r.c.bound
	b.PreparedStatement = r.statement
	if r.inlined != nil {
		b = r.inlined.bind(b)
	}
	b.DestinationPortal = roundPortal
	if r.discard {
		b.ResultFormatCodes = nil
	}
	opening, err := ship.Opening(r.c.p.ship, r.c.seed, r.c.rounds)
	if err != nil {
		return true, err
	}
	if r.wide {
		opening = append(opening, ship.Wide)
	}
	before := r.b.queueRound(h, misses, r.few(misses), opening...)
	h.x.Send(&b, &pgproto3.Execute{Portal: roundPortal}, &pgproto3.Close{ObjectType: 'P', Name: roundPortal})
	if r.moves {
		h.queue("MOVE FORWARD ALL IN " + demandName)
	}
	if err := h.ask(); err != nil {
		return true, err
	}
	if err := h.did(ctx, before); err != nil {
		return true, unpositioned(err)
	}
	for {
		typ, body, err := h.receive(ctx)
		if err != nil {
			return true, err
		}
		switch typ {
		case '2':
		case 'E':
			return false, decodeError(body)
		case 'C':
			r.tag = string(cString(body, 0))
			if err := h.expect(ctx, "3", nil); err != nil {
				return true, err
			}
			if r.moves {
				if err := h.did(ctx, 1); err != nil {
					return sqlState(err) == "", err
				}
			}
			return r.fault != nil, r.fault
		default:
			if err := r.took(h, typ, body); err != nil {
				return true, err
			}
		}
	}
}

// few is the number of distinct arguments at which a round of so many misses ends, where the statement may need few of the
// answers that it could ask for: one more than it has had answered, so that it asks for less than twice as many as if it asked
// one after the other. 0 is no bound.
func (r *run) few(misses int) int {
	if !r.c.p.ship.Small || misses <= 0 {
		return 0
	}
	return r.c.answered + 1
}

// took gets a message of the result.
func (r *run) took(h *homeSide, typ byte, body []byte) error {
	if typ == 'G' {
		return coded("0A000", "predict is not supported in COPY FROM", "", "")
	}
	if r.discard {
		return nil
	}
	if r.c.thrown {
		if typ == 'D' {
			if r.c.rows++; r.c.rows == 1 {
				r.c.first = time.Now()
			}
		}
		return nil
	}
	if !r.direct {
		return r.spool.add(typ, body)
	}
	r.sent = true
	h.x.ReplyRaw(typ, body)
	if len(*h.x.ReplyBuffer()) > sinkSize {
		return h.x.FlushClient()
	}
	return nil
}

// ownDespiteNull reports whether an error that cannot be undone is given as the statement's own although answers were missing.
// A missing answer is NULL, and operators make NULL of NULL rather than fail: of data exceptions (class 22) only a NULL where
// none is allowed is likely to come from it.
func ownDespiteNull(code string) bool { return strings.HasPrefix(code, "22") && code != "22004" }

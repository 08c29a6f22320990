package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// shipCursor is a portal over a statement that is run by demand rounds.
type shipCursor struct {
	p         *predictStatement
	described []pgproto3.FieldDescription
	bound     pgproto3.Bind
	leases    map[*planner.Function]*datalayer.Lease
	stats     map[*planner.Function]*datalayer.CallStats
	settings  answer.Settings
	budget    *answer.Budget
	// given counts the answers in each function's table.
	given map[*planner.Function]int
	known ship.Known
	// seed is what random() begins with in each run, where the plan has Random, and told are the notices of functions that
	// were called for values that were drawn.
	seed string
	told [][]byte
	// kept are the answers that expressions may have in place of calls, and notInline says that home refuses those.
	kept      map[*planner.Function]*kept
	notInline bool
	// guessed says that of some functions only a sample of the arguments was read ahead; once has what was read of these.
	guessed bool
	once    map[*planner.Function]*ship.Once
	// large are the tables of those that are too many, live is the statement with expressions that was run last, and notJoin
	// says that tables cannot be joined in it.
	large   map[*planner.Function]*large
	live    *inlined
	notJoin bool
	// savepoints is that of the block, readOnly home's setting transaction_read_only, "" until it was asked.
	savepoints bool
	readOnly   string
	// answered counts the arguments that were answered.
	answered int
	// bare are the answers where the statement needs no functions.
	bare map[*planner.Function]*ship.BareAnswers
	// rounds counts the runs of the statement.
	rounds int
	// failures counts the arguments whose answers are NULL because the model failed, by model.
	failures map[string]int64
	// held is the answer, as far as it was not given to the client yet; nil before the rounds.
	held *spool
	tag  string

	recorded bool
	// thrown says that nobody wants the rows: they are counted in rows, and first is when the first of them was there.
	thrown bool
	rows   int64
	first  time.Time
}

func (c *shipCursor) fields() []pgproto3.FieldDescription { return c.described }
func (c *shipCursor) onHome() bool                        { return true }
func (c *shipCursor) plan() string                        { return "ship" }

// close implements cursor.
func (c *shipCursor) close() {
	c.record()
	for _, l := range c.leases {
		l.Release()
	}
	c.leases = nil
	c.held.close()
	c.held = nil
}

// record adds what was done to predict_stats, once.
func (c *shipCursor) record() {
	if c.recorded || c.rounds == 0 {
		return
	}
	c.recorded = true
	for f, s := range c.stats {
		c.p.s.cfg.Datalayer.Record(f.Model, *s)
	}
}

// The sizes of rounds.
const (
	// firstMisses is the number of misses after which the first round ends: PostgreSQL asks for the same arguments over
	// and over while they have no answer. Later ones grow by missesGrowth.
	firstMisses  = 2_000
	missesGrowth = 8
)

// cursorHold is the option WITH HOLD of a cursor (CURSOR_OPT_HOLD in parsenodes.h).
const cursorHold = 0x20

// execute implements cursor.
func (c *shipCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	if c.held == nil {
		if err := c.run(ctx, h, limit > 0); err != nil {
			return "", err
		}
	}
	return c.hand(ctx, h, limit)
}

// hand gives the client rows of the spool. A client that has cancelled a statement which only reads gets no more of them; one
// that writes has taken effect.
func (c *shipCursor) hand(ctx context.Context, h *homeSide, limit int64) (string, error) {
	n, more, err := c.held.give(func(typ byte, body []byte) error {
		if ctx.Err() != nil && !c.p.ship.Writes {
			return context.Cause(ctx)
		}
		h.x.ReplyRaw(typ, body)
		if len(*h.x.ReplyBuffer()) > sinkSize {
			return h.x.FlushClient()
		}
		return nil
	}, limit)
	if err != nil || more {
		return "", err
	}
	if c.described != nil && c.held.whole { // a tag counts the rows of one Execute
		return recounted(c.tag, n), nil
	}
	return c.tag, nil
}

// recounted puts a number in the place of the last one of a command tag.
func recounted(tag string, rows int64) string {
	i := strings.LastIndexByte(tag, ' ')
	if i < 0 || strings.Trim(tag[i+1:], "0123456789") != "" {
		return tag
	}
	return fmt.Sprintf("%s %d", tag[:i], rows)
}

// run answers the statement. Afterwards its rows are in the spool, or with the client.
func (c *shipCursor) run(ctx context.Context, h *homeSide, limited bool) error {
	var err error
	if c.settings, err = c.p.s.settings(ctx, h); err != nil {
		return err
	}
	c.budget = answer.NewBudget(c.settings.Limits)
	if d := c.p.node.GetDeclareCursorStmt(); d != nil && d.Options&cursorHold == 0 && h.x.TxStatus() == 'I' && h.alone {
		return coded("25P01", "DECLARE CURSOR can only be used in transaction blocks", "", "")
	}
	if c.p.ship.Random {
		if c.seed, err = h.random(ctx); err != nil {
			return err
		}
	}
	rehearsed := c.p.ship.Writes && h.x.TxStatus() == 'I' && h.alone && !h.last
	if c.p.bare != nil {
		err := c.runBare(ctx, h)
		if !errors.Is(err, errMany) {
			return err
		}
		if err := c.withFunctions(ctx, h); err != nil {
			return err
		}
		return c.run(ctx, h, limited)
	}
	if rehearsed {
		if err := c.rehearse(ctx, h); err != nil {
			return err
		}
	}
	b, err := h.openBlock(ctx, c.p.ship.Writes, c.p.ship.Writes && !h.last)
	if err != nil {
		return err
	}
	if !rehearsed { // else the answers are the rehearsal's
		err = c.clear(ctx, h, b, false)
	}
	if err == nil {
		err = c.inBlock(ctx, h, b, limited)
	}
	if err == nil {
		err = c.clear(ctx, h, b, true)
	}
	c.record()
	return b.close(ctx, h, err)
}

// rehearse runs a statement that writes in a transaction of its own, which is undone but for the answers that it needed:
// where the client's next messages belong to the transaction of the statement, nothing of that can be undone.
func (c *shipCursor) rehearse(ctx context.Context, h *homeSide) error {
	b, err := h.openBlock(ctx, true, false)
	if err != nil {
		return err
	}
	if err = c.clear(ctx, h, b, false); err == nil {
		r := &run{c: c, b: b, statement: c.p.name, origin: c.p.reposition, writes: true, discard: true}
		err = r.rounds(ctx, h)
	}
	return b.close(ctx, h, err)
}

// keptAnswers is the number of a function's answers up to which they stay on home for the session's next statements.
const keptAnswers = 500

// clear takes answers off home that the statement, or at its end others, may not use: what NULL stands for that a model
// could not answer, and everything where the cache is off. Many are not kept either: they would have to be looked up one by
// one. A cursor that reads them goes on doing so.
func (c *shipCursor) clear(ctx context.Context, h *homeSide, b *block, after bool) error {
	var texts []string
	for _, f := range c.p.ship.Functions {
		failed := f.Kind == "predict_details" || c.failures[f.Model.Name] > 0
		passing := failed || !f.Model.Deterministic || c.settings.Cache == answer.CacheOff
		switch {
		case after && c.given[f] > keptAnswers:
			texts = append(texts, ship.Clear(f, b.own && c.p.node.GetDeclareCursorStmt() == nil))
		case after && c.given[f] > 0 && passing, !after && (c.settings.Cache == answer.CacheOff || !f.Model.Deterministic):
			texts = append(texts, ship.Clear(f, false))
		}
	}
	if after {
		texts = append(texts, c.dropLarge(b)...)
	}
	texts = append(texts, ship.Closing(c.p.ship)...) // before, too: a rehearsal's are there still if its statement has failed
	if len(texts) == 0 {
		return nil
	}
	return unpositioned(h.do(ctx, texts...))
}

// inBlock runs the rounds: first of the demand statement, if there is one.
func (c *shipCursor) inBlock(ctx context.Context, h *homeSide, b *block, limited bool) error {
	defer h.x.OnNotice(nil)
	c.savepoints = b.savepoints
	read, err := c.readAhead(ctx, h, b)
	if err != nil {
		return err
	}
	if d := c.p.ship.Demand; d != "" && c.p.executes == nil && !(read && c.p.ship.AllAhead() && !c.p.ship.Left && (c.p.node.GetDeclareCursorStmt() == nil || c.p.ship.Exactly())) {
		if err := c.demand(ctx, h, b, d); err != nil {
			return err
		}
	}
	r := &run{c: c, b: b, statement: c.p.name, origin: c.p.reposition, limited: limited, writes: c.p.ship.Writes, many: read}
	if r.writes && !b.savepoints {
		r.closed = true
	}
	if err := r.rounds(ctx, h); err != nil {
		r.spool.close()
		return err
	}
	c.held, c.tag = r.spool, r.tag
	h.warn(c.failures)
	return nil
}

// demandName is the name on home of the demand statement, and of its cursor.
const demandName = "pinnacle_demand"

// demand has the arguments answered that a statement which writes will ask for, before it writes anything.
func (c *shipCursor) demand(ctx context.Context, h *homeSide, b *block, text string) error {
	// Home plans the query of a cursor for its first rows, so that another plan would ask for other arguments.
	moves := c.p.node.GetDeclareCursorStmt() != nil && b.savepoints
	if moves {
		text = "DECLARE " + demandName + " NO SCROLL CURSOR FOR " + text
	}
	if !b.savepoints {
		if err := h.closeStatement(ctx, demandName); err != nil {
			return err
		}
		if _, err := h.prepare(ctx, demandName, text, c.p.params()); err != nil {
			return renamed(unpositioned(err), c.p.ship)
		}
	} else if refused, err := h.prepareApart(ctx, b, demandName, text, c.p.params()); err != nil || refused {
		return err // where home refuses it, the statement itself asks
	}
	r := &run{c: c, b: b, statement: demandName, origin: unpositioned, discard: true, moves: moves}
	if err := r.rounds(ctx, h); err != nil {
		return err
	}
	return h.closeStatement(ctx, demandName)
}

// answer has the models answer what was asked for, and gives the answers to home. ahead says that it was read ahead, so
// that an expression is to have the answers.
func (c *shipCursor) answer(ctx context.Context, h *homeSide, a *ship.Asked, ahead bool) error {
	f := a.Function
	s := c.stats[f]
	s.Rows += int64(len(a.Keys))
	s.Distinct += int64(len(a.Keys))
	res, err := c.p.s.cfg.Answerer.Answer(ctx, c.request(a))
	s.Cached += res.Stats.Cached
	s.Shared += res.Stats.Shared
	s.Calls += res.Stats.Calls
	s.Batches += res.Stats.Batches
	s.Errors += res.Stats.Errors
	s.Busy += res.Stats.Busy
	if err != nil {
		return err
	}
	if res.Failed > 0 && f.Kind != "predict_details" {
		if c.failures == nil {
			c.failures = map[string]int64{}
		}
		c.failures[f.Model.Name] += res.Failed
	}
	c.answered += len(a.Keys)
	if c.p.bare != nil {
		return c.giveBare(ctx, h, a, &res)
	}
	if ahead && holds(f) && c.p.ship.Inlinable(f) {
		return c.holdAhead(ctx, h, a, &res.Answers)
	}
	if l := c.large[f]; l != nil && (ahead || c.live != nil && c.live.has[f]) {
		return c.fill(ctx, h, l, a, &res.Answers, true)
	}
	if err := c.give(ctx, h, f, a.Keys, &res); err != nil || f.Kind == "predict_details" || f.Encoded {
		return err
	}
	return c.keep(ctx, h, a, &res.Answers, false)
}

// give gives home the answers of a function.
func (c *shipCursor) give(ctx context.Context, h *homeSide, f *planner.Function, keys [][]byte, res *answer.Result) error {
	queries, err := gives(f, keys, res)
	if err != nil {
		return err
	}
	for _, q := range queries {
		if err := h.rows(ctx, q, nil); err != nil {
			return unpositioned(err)
		}
	}
	before := c.given[f]
	c.given[f] += len(keys)
	if text := ship.Analyze(f, before, c.given[f]); text != "" {
		return unpositioned(h.quietly(func() error { return h.do(ctx, text) }))
	}
	return nil
}

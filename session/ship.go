package session

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// refused reports whether an error says that a plan is not made for a statement.
func refused(err error) bool {
	var e *sqlparse.Error
	return errors.As(err, &e) && e.Code == "0A000"
}

// sqlState gives the SQLSTATE of an error that home raised, "" for any other.
func sqlState(err error) string {
	var home *homeError
	if errors.As(err, &home) {
		return home.response.Code
	}
	return ""
}

// replanShip plans a statement that is to be run by demand rounds and has home prepare it, with the temporary functions
// that it calls made before.
func (p *predictStatement) replanShip(ctx context.Context, h *homeSide, prepare func(home string) (*described, error)) error {
	req := planner.Request{Text: p.text, Span: p.span, Node: p.node, Calls: p.call, Encoded: p.encoded}
	for {
		plan, err := planner.PlanShip(req, p.s.catalog(ctx, h))
		if err != nil {
			return err
		}
		if !req.Shared && h.x.TxStatus() == 'I' && !h.alone && several(plan) && groups(p.node) {
			req.Shared = true // there is no second try here: a model may be asked for more than is needed
			continue
		}
		apart, err := p.apart(ctx, h, plan)
		switch {
		case err != nil:
			return err
		case apart:
			return p.prepareBare(ctx, h, plan, true)
		}
		switch err := h.makeFunctions(ctx, plan); {
		case errors.Is(err, errReadOnly) && p.bareable(plan):
			return p.prepareBare(ctx, h, plan, false)
		case err != nil:
			return err
		}
		p.bare = nil
		// Calls with functions of their own are not the same expression for GROUP BY and DISTINCT ON, though they may mean the same.
		b := &block{savepoints: !req.Shared && h.x.TxStatus() == 'T' && several(plan)}
		if b.savepoints {
			if err := h.do(ctx, "SAVEPOINT "+roundSavepoint); err != nil {
				return unpositioned(err)
			}
		}
		text, origin := plan.Home, plan.Origin
		var d *described
		if plan.Copied != "" && !req.Shared && several(plan) {
			text, origin = plan.Copied, plan.CopiedOrigin
			_, err = h.look(ctx, text, nil)
		}
		if err == nil {
			text, origin = plan.Home, plan.Origin
			d, err = prepare(text)
		}
		if err == nil {
			p.describeShip(plan, d)
			if b.savepoints {
				return unpositioned(h.do(ctx, "RELEASE SAVEPOINT "+roundSavepoint))
			}
			return nil
		}
		alone := h.x.TxStatus() == 'I' && h.alone && several(plan) // else what ran before would be lost
		unequal := sqlState(err) == "42803" || sqlState(err) == "42P10"
		if !unequal || req.Shared || !b.savepoints && !alone {
			return renamed(repositioned(err, text, p.text, origin), plan)
		}
		req.Shared = true
		if b.savepoints {
			err = b.undo(ctx, h, true)
		} else {
			err = h.x.Settle(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// groups reports whether a query in a statement has GROUP BY or DISTINCT ON, which compare expressions.
func groups(n *pg_query.Node) bool {
	found := false
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		found = found || grouped(n.GetSelectStmt())
		return !found
	})
	return found
}

// grouped reports whether a query, or a side of it that UNION and the like combine, has one of them.
func grouped(s *pg_query.SelectStmt) bool {
	return s != nil && (len(s.GroupClause) > 0 || len(s.DistinctClause) > 0 || grouped(s.Larg) || grouped(s.Rarg))
}

// several reports whether calls of one model, or of one text that is drawn, have more than one function.
func several(plan *planner.Ship) bool {
	for i, f := range plan.Functions {
		for _, g := range plan.Functions[:i] {
			if f.Kind == g.Kind && f.Model.Name == g.Model.Name && f.Model.Version == g.Model.Version {
				return true
			}
		}
	}
	for i, d := range plan.Draws {
		for _, e := range plan.Draws[:i] {
			if d.Call == e.Call {
				return true
			}
		}
	}
	return false
}

// describeShip keeps a plan and what home says of its statement.
func (p *predictStatement) describeShip(plan *planner.Ship, d *described) {
	p.ship, p.home = plan, d
	p.visible = nil
	if d.fields != nil {
		p.visible = append([]pgproto3.FieldDescription{}, d.fields...)
	}
	for i, name := range plan.Names {
		if i < len(p.visible) {
			p.visible[i].Name = []byte(name)
		}
	}
	p.expansion().shape(p.visible)
	if !p.told {
		p.promised, p.told = p.visible, true
	}
}

// staleShip reports whether the functions of a plan are not those that the statement means now, or home has lost them: a
// transaction in which they were made was rolled back.
func (p *predictStatement) staleShip(ctx context.Context, h *homeSide) (bool, error) {
	if p.executes == nil && p.views == nil && p.encoded != otherEncoding(h.x.Parameter) {
		return true, nil
	}
	for _, c := range p.call {
		m, err := p.s.model(ctx, h, c.Model, c.Version)
		if err != nil {
			return false, err
		}
		used := false
		for _, f := range p.ship.Functions {
			used = used || f.Model.Name == m.Name && f.Model.Version == m.Version && f.Model.Hash == m.Hash
		}
		if !used {
			return true, nil
		}
	}
	if apart, err := p.apart(ctx, h, p.ship); err != nil || apart || p.bare != nil {
		return apart != (p.bare != nil), err
	}
	missing, err := h.missingFunctions(ctx, p.ship)
	return len(missing) > 0, err
}

// missingFunctions lists what home's session lacks of what a plan needs.
func (h *homeSide) missingFunctions(ctx context.Context, plan *planner.Ship) ([]string, error) {
	q, err := ship.Missing(plan.Functions, plan.Draws)
	if err != nil {
		return nil, err
	}
	var missing []string
	err = h.rows(ctx, q, func(v [][]byte) error {
		h.isolation, h.readOnly, h.recovering = string(v[0]), string(v[1]) == "t", string(v[2]) == "t"
		if v[3] != nil {
			missing = append(missing, string(v[3]))
		}
		return nil
	})
	return missing, unpositioned(err)
}

// makeFunctions makes those of a plan's functions that home's session lacks.
func (h *homeSide) makeFunctions(ctx context.Context, plan *planner.Ship) error {
	missing, err := h.missingFunctions(ctx, plan)
	if err != nil || len(missing) == 0 {
		return err
	}
	apart := h.x.TxStatus() == 'I' && h.alone
	if h.recovering || h.readOnly && !apart {
		return errReadOnly
	}
	var texts []string
	for _, name := range missing {
		texts = append(texts, ship.Create(name, plan.Functions, plan.Draws)...)
	}
	// A transaction of their own keeps them whatever becomes of the statement, and may write where others may not.
	if apart {
		if err := h.x.Settle(ctx); err != nil {
			return err
		}
		texts = append(append([]string{"BEGIN READ WRITE"}, texts...), "COMMIT")
	}
	err = h.quietly(func() error { return h.do(ctx, texts...) })
	if apart && err == nil {
		err = h.x.Settle(ctx)
	} else if apart {
		err = (&block{own: true}).close(ctx, h, err)
	}
	if sqlState(err) == "42501" {
		return hinted(err, "A statement with predict in this place needs temporary objects: GRANT TEMPORARY ON DATABASE … TO …;")
	}
	return unpositioned(err)
}

// quietly keeps home's notices from the client while f runs.
func (h *homeSide) quietly(f func() error) error {
	h.x.OnNotice(func([]byte) bool { return true })
	defer h.x.OnNotice(nil)
	return f()
}

// hinted gives an error of home another HINT.
func hinted(err error, hint string) error {
	var home *homeError
	if !errors.As(err, &home) {
		return err
	}
	e := *home
	e.response.Hint, e.response.Position = hint, 0
	return &e
}

// functionName finds the names of temporary functions in what home prints.
var functionName = regexp.MustCompile(`(?:pg_temp(?:_[0-9]+)?\.)?pinnacle_[0-9a-f]{24}_[ptdvqu][0-9]+(\(?)`)

// spelt puts the calls that the client knows in place of the names of temporary functions in what home prints.
func spelt(text string, plan *planner.Ship) string {
	if !strings.Contains(text, "pinnacle_") {
		return text
	}
	return functionName.ReplaceAllStringFunc(text, func(found string) string {
		open := strings.HasSuffix(found, "(")
		for _, d := range plan.Draws {
			if !strings.Contains(found, d.Name) {
				continue
			}
			if open {
				return d.Text + "("
			}
			return d.Text
		}
		for _, f := range plan.Functions {
			if !strings.Contains(found, f.Name) {
				continue
			}
			if open {
				return f.Kind + "('" + f.Model.Name + "', "
			}
			return f.Kind
		}
		if open {
			return "predict("
		}
		return "predict"
	})
}

// renamed puts the calls that the client knows in place of temporary functions in an error of home.
func renamed(err error, plan *planner.Ship) error {
	var home *homeError
	if !errors.As(err, &home) {
		return err
	}
	e := *home
	e.response.Message = spelt(e.response.Message, plan)
	e.response.Detail = spelt(e.response.Detail, plan)
	e.response.Hint = spelt(e.response.Hint, plan)
	e.response.Where = ""
	switch e.response.Code {
	case ship.CodeLate:
		e.response.Code = "40001"
		e.response.Hint = "Rows have changed since the statement began; run it again."
	case ship.CodeWrites:
		e.response.Code = "0A000"
		e.response.Detail = "The function is " + e.response.Message + "."
		e.response.Message = "a function that changes data cannot be called among the arguments of predict here"
		e.response.Hint = "Call it in a statement of its own first, and keep what it gives in a table."
	}
	return &e
}

// bindShip makes a portal over a statement that is run by demand rounds. Home binds it too where there may be parameters,
// so that it checks them; it is bound anew for each round.
func (p *predictStatement) bindShip(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if !p.encoded {
		if err := readable(h.x.Parameter); err != nil {
			return nil, err
		}
	}
	fields, _, err := withFormats(p.visible, b.ResultFormatCodes)
	if err != nil {
		return nil, err
	}
	vague := p.vague()
	if (!h.simple || vague) && p.bare == nil {
		d, err := h.boundNoting(ctx, b, vague)
		if err != nil {
			return nil, p.reposition(err)
		}
		modified(fields, d.fields)
	}
	c := &shipCursor{p: p, described: fields, bound: *b, notInline: p.encoded, leases: map[*planner.Function]*datalayer.Lease{}, stats: map[*planner.Function]*datalayer.CallStats{},
		given: map[*planner.Function]int{}}
	for _, f := range p.ship.Functions {
		l, err := p.s.cfg.Datalayer.Acquire(ctx, f.Model.Name, f.Model.Version)
		if err != nil {
			c.close()
			return nil, err
		}
		c.leases[f], c.stats[f] = l, &datalayer.CallStats{}
	}
	return c, nil
}

// noting runs f while functions may miss answers and nobody takes note of it: PostgreSQL calls them to estimate while it
// plans.
func (h *homeSide) noting(ctx context.Context, f func() error) error {
	if err := h.do(ctx, ship.Noting(0, 0)); err != nil {
		return unpositioned(err)
	}
	h.x.OnNotice(isAsking)
	err := f()
	h.x.OnNotice(nil)
	if err != nil {
		return err
	}
	return unpositioned(h.do(ctx, ship.Noting(-1, 0), ship.Forget))
}

// isAsking tells the notices by which functions ask for answers, and tell what they have drawn.
func isAsking(body []byte) bool {
	_, _, asking := askedBy(body)
	return asking
}

// askedBy gives the SQLSTATE and message of a notice by which a function tells something.
func askedBy(body []byte) (code, message string, asking bool) {
	var n pgproto3.NoticeResponse
	if n.Decode(body) != nil {
		return "", "", false
	}
	switch n.Code {
	case ship.CodeAsked, ship.CodeDrawn, ship.CodeDrawing:
		return n.Code, n.Message, true
	}
	return "", "", false
}

// boundNoting has home bind a portal, while functions may miss answers, and say what it is, if that is asked.
func (h *homeSide) boundNoting(ctx context.Context, b *pgproto3.Bind, describe bool) (*described, error) {
	h.x.OnNotice(isAsking)
	defer h.x.OnNotice(nil)
	h.queue(ship.Noting(0, 0))
	h.x.Send(b)
	answers := "2"
	if describe {
		h.x.Send(&pgproto3.Describe{ObjectType: 'P', Name: b.DestinationPortal})
		answers = "2T"
	}
	h.queue(ship.Noting(-1, 0), ship.Forget)
	if err := h.ask(); err != nil {
		return nil, err
	}
	if err := h.did(ctx, 1); err != nil {
		return nil, unpositioned(err)
	}
	d := &described{}
	if err := h.expect(ctx, answers, d.read); err != nil {
		return nil, err
	}
	return d, unpositioned(h.did(ctx, 2))
}

// do runs statements of the proxy's own on home, one after the other, and throws away what they give.
func (h *homeSide) do(ctx context.Context, texts ...string) error {
	h.queue(texts...)
	if err := h.ask(); err != nil {
		return err
	}
	return h.did(ctx, len(texts))
}

// queue is the first part of do: the statements are sent by the next ask.
func (h *homeSide) queue(texts ...string) {
	for _, t := range texts {
		h.x.Send(
			&pgproto3.Close{ObjectType: 'S', Name: ownName},
			&pgproto3.Close{ObjectType: 'P', Name: ownName}, // one that has failed is still there
			&pgproto3.Parse{Name: ownName, Query: t},
			&pgproto3.Bind{DestinationPortal: ownName, PreparedStatement: ownName},
			&pgproto3.Execute{Portal: ownName},
			&pgproto3.Close{ObjectType: 'P', Name: ownName},
			&pgproto3.Close{ObjectType: 'S', Name: ownName},
		)
	}
}

// did is the second part of do: it takes the answers to so many statements.
func (h *homeSide) did(ctx context.Context, n int) error {
	for range n {
		if err := h.done(ctx); err != nil {
			return err
		}
	}
	return nil
}

// done takes the answers to one of them.
func (h *homeSide) done(ctx context.Context) error { return h.doneWith(ctx, nil) }

// doneWith is done, and gives the rows to each, which may be nil.
func (h *homeSide) doneWith(ctx context.Context, each func([][]byte)) error {
	if err := h.expect(ctx, "3312", nil); err != nil {
		return err
	}
	for {
		values, status, err := h.next(ctx)
		if err != nil {
			return err
		}
		if status != stream.Row {
			return h.expect(ctx, "33", nil)
		}
		if each != nil {
			each(values)
		}
	}
}

package session

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// directCursor is a portal over a plan. Home has a portal of its name only once it is seen that home must run it: for a part
// of the rows, or in a transaction that the databackend does not know of yet, which must see one state from now on.
type directCursor struct {
	f       *foreignStatement
	scan    *directPlan
	bind    pgproto3.Bind
	params  [][]byte
	formats []int16
	columns []pgproto3.FieldDescription
	// ended says that all rows were sent, home is the portal where home runs it.
	ended bool
	home  cursor
}

// direct makes a portal that runs without home; nil where home is to run it.
func (f *foreignStatement) direct(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	plan, err := f.directPlan(ctx, h)
	if err != nil || plan == nil || !plan.shown(h, &f.s.state) || !slices.Equal(plan.types, f.home.params) {
		return nil, err
	}
	fields, formats, err := withFormats(f.home.fields, b.ResultFormatCodes)
	if err != nil || sameResult(plan.fields, f.home.fields) != nil {
		return nil, err
	}
	for i, v := range plan.values {
		if formats[i] == 1 && v.binary == nil {
			return nil, nil
		}
	}
	params, ok := plan.bound(b)
	if !ok {
		return nil, nil
	}
	return &directCursor{f: f, scan: plan, bind: *b, params: params, formats: formats, columns: fields}, nil
}

// shown reports whether home would show values as they are shown here.
func (p *directPlan) shown(h *homeSide, state *homeState) bool {
	if enc := h.x.Parameter("client_encoding"); enc != "UTF8" {
		return false
	}
	for _, v := range p.values {
		switch {
		case v.dated && !strings.HasPrefix(h.x.Parameter("DateStyle"), "ISO"), v.floating && !state.exact, v.hexed && !state.hexed:
			return false
		case v.zoned && !slices.Contains(universal[:], h.x.Parameter("TimeZone")):
			return false
		}
	}
	return true
}

// universal are the time zones in which databackends give points in time.
var universal = [...]string{"UTC", "Etc/UTC", "GMT"}

// bound gives the scan's parameters of a client's; ok is false where home must read one of them.
func (p *directPlan) bound(b *pgproto3.Bind) (params [][]byte, ok bool) {
	all := make([][]byte, len(p.types))
	for at := range all { // those that the scan has none of too: home would read them
		if at >= len(b.Parameters) {
			return nil, false
		}
		format := int16(0)
		switch n := len(b.ParameterFormatCodes); {
		case n == 1:
			format = b.ParameterFormatCodes[0]
		case at < n:
			format = b.ParameterFormatCodes[at]
		}
		if all[at], ok = directParam(p.types[at], format, b.Parameters[at]); !ok {
			return nil, false
		}
	}
	for _, at := range p.params {
		params = append(params, all[at])
	}
	return params, true
}

func (c *directCursor) fields() []pgproto3.FieldDescription { return c.columns }
func (c *directCursor) onHome() bool                        { return c.home != nil }
func (c *directCursor) plan() string                        { return "direct" }

// close implements cursor.
func (c *directCursor) close() {
	if c.home != nil {
		c.home.close()
	}
}

// execute implements cursor.
func (c *directCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	switch {
	case c.ended:
		return "SELECT 0", nil
	case c.home == nil && (limit > 0 || !c.f.mayRun(h)):
		own, err := c.f.bindHome(ctx, h, &c.bind)
		if err != nil {
			return "", err
		}
		c.home = own
	}
	if c.home != nil {
		return c.home.execute(ctx, h, limit)
	}
	n, err := c.f.s.runDirect(ctx, h, c.scan, c.params, c.formats)
	if err != nil {
		return "", err
	}
	c.ended = true
	return "SELECT " + strconv.FormatInt(n, 10), nil
}

// mayRun reports whether a run without home sees what home would: in a transaction block only within the transaction that
// home has begun at the databackend.
func (f *foreignStatement) mayRun(h *homeSide) bool {
	return h.x.TxStatus() == 'I' && !h.x.InBlock() || f.s.cfg.Direct.InTransaction(f.s.state.process)
}

// runDirect runs a plan and sends its rows to the client. It gives their number.
func (s *session) runDirect(ctx context.Context, h *homeSide, p *directPlan, params [][]byte, formats []int16) (n int64, err error) {
	run := ctx
	if s.state.timeout > 0 {
		var stop context.CancelFunc
		run, stop = context.WithTimeoutCause(ctx, s.state.timeout, errStatementTimeout)
		defer stop()
	}
	n, err = s.sendDirect(run, h, p, params, formats)
	switch {
	case err == nil:
		return n, nil
	case ctx.Err() == nil && errors.Is(context.Cause(run), errStatementTimeout):
		return 0, coded("57014", errStatementTimeout.Error(), "", "")
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	}
	return 0, fromBackend(err)
}

// errStatementTimeout is PostgreSQL's own word for the end of a statement's time.
var errStatementTimeout = errors.New("canceling statement due to statement timeout")

// fromBackend makes of a databackend's error what postgres_fdw makes of it.
func fromBackend(err error) error {
	var e *backend.Error
	if !errors.As(err, &e) {
		return err
	}
	w := coded(e.Code, e.Message, e.Detail, e.Hint)
	w.Response.ConstraintName, w.Response.ColumnName, w.Response.TableName, w.Response.SchemaName = e.Constraint, e.Column, e.Table, e.Schema
	return w
}

// sendDirect sends the rows.
func (s *session) sendDirect(ctx context.Context, h *homeSide, p *directPlan, params [][]byte, formats []int16) (n int64, err error) {
	rows, _, err := s.cfg.Direct.Run(ctx, s.state.process, p.st, params)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	sink := clientSink{h.x}
	out := make([][]byte, len(p.columns))
	buffers := make([][]byte, len(p.columns))
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		for i, at := range p.columns {
			if row[at] == nil {
				out[i] = nil
				continue
			}
			convert := p.values[i].text
			if formats[i] == 1 {
				convert = p.values[i].binary
			}
			if buffers[i], err = convert(buffers[i][:0], row[at]); err != nil {
				return n, err
			}
			out[i] = buffers[i]
			if out[i] == nil {
				out[i] = []byte{}
			}
		}
		if err := sink.Row(out); err != nil {
			return n, err
		}
		n++
	}
}

// relayDirect answers a simple Query without home, where that can be.
func (f *foreignStatement) relayDirect(ctx context.Context, h *homeSide) (done bool, err error) {
	plan, err := f.directPlan(ctx, h)
	if err != nil || plan == nil || len(plan.types) > 0 || !plan.shown(h, &f.s.state) || !f.mayRun(h) {
		return false, err
	}
	h.x.Reply(&pgproto3.RowDescription{Fields: plan.fields})
	n, err := f.s.runDirect(ctx, h, plan, nil, make([]int16, len(plan.columns)))
	if err != nil {
		return false, err
	}
	h.x.Reply(&pgproto3.CommandComplete{CommandTag: []byte("SELECT " + strconv.FormatInt(n, 10))})
	return true, nil
}

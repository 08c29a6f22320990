package session

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// homeText is the part of a statement that home runs as it stands, with its answers passed on.
type homeText struct {
	text string
	name string
	home *described
}

func (t *homeText) params() []uint32                            { return t.home.params }
func (t *homeText) fields() []pgproto3.FieldDescription         { return t.home.fields }
func (t *homeText) renew(context.Context, *homeSide) error      { return nil }
func (t *homeText) drop(ctx context.Context, h *homeSide) error { return h.closeStatement(ctx, t.name) }

func (t *homeText) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	t.name = name
	var err error
	t.home, err = h.prepare(ctx, name, t.text, declared)
	return err
}

// bindOnHome has home bind the statement, with parameters added behind the client's.
func (t *homeText) bindOnHome(ctx context.Context, h *homeSide, b *pgproto3.Bind, plan string) (*homeCursor, error) {
	fields, _, err := withFormats(t.home.fields, b.ResultFormatCodes)
	if err != nil {
		return nil, err
	}
	if err := h.ask(b); err != nil {
		return nil, err
	}
	if err := h.expect(ctx, "2", nil); err != nil {
		return nil, err
	}
	return &homeCursor{portal: b.DestinationPortal, described: fields, kind: plan}, nil
}

// homeCursor is a portal whose rows are home's own.
type homeCursor struct {
	portal    string
	described []pgproto3.FieldDescription
	kind      string
	// done is told when the statement has ended well.
	done func()
	// row passes a row on; nil: as it is.
	row func(body []byte) error
}

func (c *homeCursor) fields() []pgproto3.FieldDescription { return c.described }
func (c *homeCursor) onHome() bool                        { return true }
func (c *homeCursor) close()                              {}
func (c *homeCursor) plan() string                        { return c.kind }

// execute implements cursor.
func (c *homeCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	if err := h.ask(&pgproto3.Execute{Portal: c.portal, MaxRows: uint32(limit)}); err != nil {
		return "", err
	}
	for {
		typ, body, err := h.receive(ctx)
		if err != nil {
			return "", err
		}
		switch typ {
		case 'E':
			return "", unpositioned(decodeError(body))
		case 's':
			return "", nil
		case 'C':
			if c.done != nil {
				c.done()
			}
			return string(cString(body, 0)), nil
		case 'G':
			h.x.ReplyRaw(typ, body)
			if err := h.copyIn(ctx); err != nil {
				return "", err
			}
		default:
			if typ != 'D' || c.row == nil {
				h.x.ReplyRaw(typ, body)
				continue
			}
			if err := c.row(body); err != nil {
				return "", err
			}
		}
	}
}

// sqlPrepare is PREPARE name AS a statement with predict calls.
func (s *session) sqlPrepare(script *sqlparse.Script, st *sqlparse.Statement, c *sqlparse.Prepare) (statement, error) {
	if len(st.Relations) > 0 {
		return nil, &sqlparse.Error{Code: "0A000", Message: "a table of the schema pinnacle cannot be read by PREPARE", Position: st.Relations[0].Span.Start,
			Hint: "Use the extended query protocol's prepared statements, or run the statement directly."}
	}
	p := s.predict(script.Text, c.Inner, c.InnerNode, st.Calls)
	return &prepareStatement{s: s, p: p, command: c, head: sqlparse.Span{Start: st.Span.Start, End: c.Inner.Start}.Of(script.Text)}, nil
}

// prepareStatement is PREPARE of a predictStatement.
type prepareStatement struct {
	s       *session
	p       *predictStatement
	command *sqlparse.Prepare
	// head is the text before the prepared statement: PREPARE name (types) AS.
	head string
}

func (p *prepareStatement) params() []uint32                                           { return nil }
func (p *prepareStatement) fields() []pgproto3.FieldDescription                        { return nil }
func (p *prepareStatement) prepare(context.Context, *homeSide, string, []uint32) error { return nil }
func (p *prepareStatement) renew(context.Context, *homeSide) error                     { return nil }
func (p *prepareStatement) drop(context.Context, *homeSide) error                      { return nil }
func (p *prepareStatement) plan() string                                               { return "stream" }

func (p *prepareStatement) bind(context.Context, *homeSide, *pgproto3.Bind) (cursor, error) {
	return &commandCursor{kind: "stream", run: p.run}, nil
}

// run has home prepare the planned statement by PREPARE, which gives the parameters their declared types, and keeps it
// under its name.
func (p *prepareStatement) run(ctx context.Context, h *homeSide) (string, error) {
	name := p.command.Name
	if _, taken := p.s.statements[name]; taken {
		return "", coded("42P05", `prepared statement "`+name+`" already exists`, "", "")
	}
	p.p.name = name
	err := p.p.replan(ctx, h, func(home string) (*described, error) {
		text := p.head + home
		// What a statement that has failed has left there goes first.
		if err := h.ask(&pgproto3.Close{ObjectType: 'S', Name: ownName}, &pgproto3.Parse{Name: ownName, Query: text}, &pgproto3.Bind{DestinationPortal: ownName, PreparedStatement: ownName},
			&pgproto3.Execute{Portal: ownName}, &pgproto3.Close{ObjectType: 'P', Name: ownName}, &pgproto3.Close{ObjectType: 'S', Name: ownName}); err != nil {
			return nil, err
		}
		if err := h.expect(ctx, "312C33", nil); err != nil {
			return nil, shifted(err, text, len(p.head))
		}
		return h.describe(ctx, name)
	})
	if err != nil {
		return "", err
	}
	if p.p.views != nil {
		if err := p.p.views.describe(ctx, h, p.p.home.params); err != nil {
			return "", err
		}
		p.p.views.shape(p.p.visible)
	}
	p.s.statements[name] = p.p
	return "PREPARE", nil
}

// forgetStatement is DEALLOCATE or DISCARD ALL: home runs it, and when that went well, the proxy forgets too.
type forgetStatement struct {
	homeText
	s       *session
	command any
}

func (f *forgetStatement) plan() string { return "stream" }

func (f *forgetStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	c, err := f.bindOnHome(ctx, h, b, f.plan())
	if err != nil {
		return nil, err
	}
	c.done = f.forget
	return c, nil
}

func (f *forgetStatement) forget() {
	if d, ok := f.command.(*sqlparse.Deallocate); ok && !d.All {
		delete(f.s.statements, d.Name)
		return
	}
	clear(f.s.statements)
}

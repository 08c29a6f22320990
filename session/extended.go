package session

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// parse handles a Parse message.
func (s *session) parse(ctx context.Context, h *homeSide, body []byte) error {
	if s.parseErr != nil {
		return s.parseErr
	}
	var m pgproto3.Parse
	if err := m.Decode(body); err != nil {
		return coded("08P01", "malformed Parse message", err.Error(), "")
	}
	if s.parsed == nil || len(s.parsed.Statements) != 1 {
		return s.parseOnHome(ctx, h, &m)
	}
	if _, taken := s.statements[m.Name]; taken && m.Name != "" {
		return coded("42P05", `prepared statement "`+m.Name+`" already exists`, "", "")
	}
	if h.x.TxStatus() == 'E' {
		return errAborted()
	}
	script, st, views, err := s.expandViews(ctx, h, s.parsed, s.parsed.Statements[0])
	if err != nil {
		return err
	}
	own, err := s.statementOf(script, st)
	if err != nil {
		return views.position(err)
	}
	views.attach(own)
	if own == nil {
		return s.parseOnHome(ctx, h, &m)
	}
	if err := own.prepare(ctx, h, m.Name, m.ParameterOIDs); err != nil {
		return err
	}
	s.statements[m.Name] = own
	h.x.Reply(&pgproto3.ParseComplete{})
	return nil
}

// parseOnHome has home alone answer a Parse: PostgreSQL refuses several statements in one, for example.
func (s *session) parseOnHome(ctx context.Context, h *homeSide, m *pgproto3.Parse) error {
	if m.Name == "" {
		delete(s.statements, "")
	}
	if err := h.ask(m); err != nil {
		return err
	}
	if err := h.expect(ctx, "1", nil); err != nil {
		return err
	}
	h.x.Reply(&pgproto3.ParseComplete{})
	return nil
}

// bind handles a Bind of a statement that the proxy holds.
func (s *session) bind(ctx context.Context, h *homeSide, body []byte) error {
	var m pgproto3.Bind
	if err := m.Decode(body); err != nil {
		return coded("08P01", "malformed Bind message", err.Error(), "")
	}
	if _, taken := s.portals[m.DestinationPortal]; taken {
		if m.DestinationPortal != "" && s.declared(m.DestinationPortal) == nil { // of a cursor home knows whether it is open
			return coded("42P03", `cursor "`+m.DestinationPortal+`" already exists`, "", "")
		}
		s.drop(m.DestinationPortal)
	}
	own := s.statements[m.PreparedStatement]
	if len(m.Parameters) != len(own.params()) {
		return coded("08P01", fmt.Sprintf("bind message supplies %d parameters, but prepared statement %q requires %d",
			len(m.Parameters), m.PreparedStatement, len(own.params())), "", "")
	}
	if h.x.TxStatus() == 'E' {
		return errAborted()
	}
	if err := own.renew(ctx, h); err != nil {
		return err
	}
	c, err := own.bind(ctx, h, &m)
	if err != nil {
		return err
	}
	s.portals[m.DestinationPortal] = c
	h.x.Reply(&pgproto3.BindComplete{})
	return nil
}

// describe handles a Describe of a statement or portal that the proxy holds. Nothing has run by then.
func (s *session) describe(ctx context.Context, h *homeSide, body []byte) error {
	var fields []pgproto3.FieldDescription
	var params *pgproto3.ParameterDescription
	name := string(cString(body, 1))
	if body[0] == 'S' {
		own := s.statements[name]
		params = &pgproto3.ParameterDescription{ParameterOIDs: own.params()}
		fields = own.fields()
	} else if c := s.declared(name); c != nil {
		var err error
		if fields, err = c.describe(ctx, h, name); err != nil {
			return err
		}
	} else {
		fields = s.portals[name].fields()
	}
	if fields != nil && h.x.TxStatus() == 'E' {
		return errAborted()
	}
	if params != nil {
		h.x.Reply(params)
	}
	if fields == nil {
		h.x.Reply(&pgproto3.NoData{})
		return nil
	}
	h.x.Reply(&pgproto3.RowDescription{Fields: fields})
	return nil
}

// execute handles an Execute of a portal that the proxy holds.
func (s *session) execute(ctx context.Context, h *homeSide, body []byte) error {
	var m pgproto3.Execute
	if err := m.Decode(body); err != nil {
		return coded("08P01", "malformed Execute message", err.Error(), "")
	}
	c := s.portals[m.Portal]
	began := time.Now()
	limit := int64(int32(m.MaxRows))
	tag, err := c.execute(ctx, h, max(0, limit))
	s.observe(c.plan(), began, err)
	if err != nil {
		return err
	}
	if tag == "" {
		h.x.Reply(&pgproto3.PortalSuspended{})
		return nil
	}
	h.x.Reply(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
	return nil
}

// closeNamed handles a Close of a statement or portal that the proxy holds.
func (s *session) closeNamed(ctx context.Context, h *homeSide, body []byte) error {
	name := string(cString(body, 1))
	if body[0] == 'S' {
		own := s.statements[name]
		delete(s.statements, name)
		if err := own.drop(ctx, h); err != nil {
			return err
		}
	} else {
		c := s.portals[name]
		s.drop(name)
		if c.onHome() {
			if err := h.closePortal(ctx, name); err != nil {
				return err
			}
		}
	}
	h.x.Reply(&pgproto3.CloseComplete{})
	return nil
}

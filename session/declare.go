package session

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// A cursor of SQL whose calls stand in its select list is home's own cursor over the query with the calls' arguments: the
// proxy has the rows that FETCH gives answered when they are fetched, and no others.

// fetchMark ends the text of a FETCH or MOVE as home gets it.
const fetchMark = " /* pinnacle */"

// fetchGuard fails where home computes a row for anything but a FETCH of the proxy's: a function that reads the cursor would
// get NULL in place of answers.
const fetchGuard = "CASE WHEN pg_catalog.current_query() OPERATOR(pg_catalog.!~~) '%" + fetchMark + "' THEN " +
	"pg_catalog.current_setting('pinnacle: a cursor with predict is read by FETCH through pinnacle-proxy, and not by functions or by statements from before its DECLARE') END"

// declareName is the name on home of the query of a cursor, which is described only.
const declareName = "pinnacle_declare"

// Options of DECLARE CURSOR (CURSOR_OPT_BINARY in parsenodes.h; cursorHold is another).
const cursorBinary = 0x01

// replanDeclare plans a DECLARE CURSOR as one whose rows are answered when they are fetched. A statement that cannot be is
// refused with 0A000.
func (p *predictStatement) replanDeclare(ctx context.Context, h *homeSide) error {
	p.declares = nil
	d := p.node.GetDeclareCursorStmt()
	if d == nil || d.Options&(cursorHold|cursorBinary) != 0 || p.views != nil || !p.direct {
		return &sqlparse.Error{Code: "0A000"}
	}
	for _, c := range p.call {
		m, err := p.s.model(ctx, h, c.Model, c.Version)
		if err != nil {
			return err
		}
		if !m.Deterministic {
			return &sqlparse.Error{Code: "0A000"}
		}
	}
	toks, err := sqlparse.Tokens(p.text)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(toks, func(t sqlparse.Token) bool { return t.Kind == pg_query.Token_FOR && t.Span.Start > p.span.Start })
	if at < 0 || at+1 >= len(toks) {
		return &sqlparse.Error{Code: "0A000"}
	}
	inner := &predictStatement{s: p.s, text: p.text, span: sqlparse.Span{Start: toks[at+1].Span.Start, End: p.span.End}, node: d.Query, call: p.call,
		name: declareName, guard: fetchGuard}
	err = inner.replanStream(ctx, h, func(home string) (*described, error) {
		if err := h.closeStatement(ctx, declareName); err != nil {
			return nil, err
		}
		return h.prepare(ctx, declareName, home, p.declared)
	})
	if err != nil {
		return err
	}
	if err := h.closeStatement(ctx, declareName); err != nil {
		return err
	}
	head := p.text[p.span.Start:inner.span.Start]
	plan := *inner.stream
	plan.Tag = "FETCH"
	inner.stream = &plan
	if p.home, err = h.prepare(ctx, p.name, head+plan.Home, p.declared); err != nil {
		return unpositioned(err)
	}
	p.stream, p.declares = &plan, inner
	return nil
}

// bindDeclare makes the portal of a DECLARE CURSOR.
func (p *predictStatement) bindDeclare(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if err := readable(h.x.Parameter); err != nil {
		return nil, err
	}
	of := *p.declares
	of.visible, of.memory = slices.Clone(of.visible), &stream.Memory{}
	if of.vague() {
		if err := of.planned(ctx, h, of.stream.Typed, b, of.visible); err != nil {
			return nil, err
		}
	}
	if err := h.ask(b); err != nil {
		return nil, err
	}
	if err := h.expect(ctx, "2", nil); err != nil {
		return nil, unpositioned(err)
	}
	name := p.node.GetDeclareCursorStmt().Portalname
	return &homeCursor{portal: b.DestinationPortal, kind: p.plan(), done: func() { p.s.portals[name] = &declaredCursor{of: &of} }}, nil
}

// declaredCursor is home's portal of a cursor of SQL.
type declaredCursor struct{ of *predictStatement }

func (c *declaredCursor) fields() []pgproto3.FieldDescription { return c.of.visible }
func (c *declaredCursor) onHome() bool                        { return true }
func (c *declaredCursor) plan() string                        { return "stream" }
func (c *declaredCursor) close()                              {}

// describe gives what the client is told of a Describe of the portal, which may be gone, or another one's since.
func (c *declaredCursor) describe(ctx context.Context, h *homeSide, name string) ([]pgproto3.FieldDescription, error) {
	if err := h.ask(&pgproto3.Describe{ObjectType: 'P', Name: name}); err != nil {
		return nil, err
	}
	d := &described{}
	if err := h.expect(ctx, "T", d.read); err != nil {
		return nil, unpositioned(err)
	}
	return c.told(d.fields), nil
}

// told gives the client's view of what home says of the cursor's rows: home's own where they are not this cursor's.
func (c *declaredCursor) told(fields []pgproto3.FieldDescription) []pgproto3.FieldDescription {
	if c == nil || !slices.EqualFunc(fields, c.of.home.fields, func(a, b pgproto3.FieldDescription) bool {
		return a.DataTypeOID == b.DataTypeOID && string(a.Name) == string(b.Name)
	}) {
		return fields
	}
	return c.of.visible
}

// execute implements cursor.
func (c *declaredCursor) execute(context.Context, *homeSide, int64) (string, error) {
	return "", coded("0A000", "a cursor with predict that DECLARE has made cannot be executed as a portal", "", "Use FETCH.")
}

// declared gives the cursor of a name that is one of DECLARE with predict; nil for any other.
func (s *session) declared(name string) *declaredCursor {
	c, _ := s.portals[name].(*declaredCursor)
	return c
}

// cursorWords are the statements that may name a cursor of SQL's.
var cursorWords = []string{"fetch", "move", "close"}

// declares reports whether there are cursors with predict.
func (s *session) declares() bool {
	for _, c := range s.portals {
		if _, is := c.(*declaredCursor); is {
			return true
		}
	}
	return false
}

// fetches reports whether a script reads or closes one of them.
func (s *session) fetches(script *sqlparse.Script) bool {
	return slices.ContainsFunc(script.Statements, func(st *sqlparse.Statement) bool { return s.ofCursor(script, st) != nil })
}

// ofCursor makes the statement that reads or closes a cursor with predict; nil for any other.
func (s *session) ofCursor(script *sqlparse.Script, st *sqlparse.Statement) statement {
	if f := st.Node.GetFetchStmt(); f != nil && s.declared(f.Portalname) != nil {
		return &fetchStatement{homeText: homeText{text: st.Span.Of(script.Text) + fetchMark}, s: s, cursor: f.Portalname}
	}
	c := st.Node.GetClosePortalStmt()
	if c == nil || c.Portalname != "" && s.declared(c.Portalname) == nil || c.Portalname == "" && !s.declares() {
		return nil
	}
	return &closeStatement{homeText: homeText{text: st.Span.Of(script.Text)}, s: s, cursor: c.Portalname}
}

// fetchStatement is a FETCH or MOVE of a cursor with predict, or of one that is no longer such.
type fetchStatement struct {
	homeText
	s      *session
	cursor string
	// of is the query of the cursor, where home gives its rows; visible is what the client is told of them.
	of      *predictStatement
	visible []pgproto3.FieldDescription
}

func (f *fetchStatement) plan() string                        { return "stream" }
func (f *fetchStatement) fields() []pgproto3.FieldDescription { return f.visible }

// prepare implements statement.
func (f *fetchStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	if err := f.homeText.prepare(ctx, h, name, declared); err != nil {
		return unpositioned(err)
	}
	c := f.s.declared(f.cursor)
	f.of, f.visible = nil, c.told(f.home.fields)
	if len(f.visible) != len(f.home.fields) {
		f.of = c.of
	}
	return nil
}

// renew implements statement: the cursor may be another one since.
func (f *fetchStatement) renew(ctx context.Context, h *homeSide) error {
	if c := f.s.declared(f.cursor); c != nil && c.of == f.of { // told nothing else than what this FETCH was prepared for
		return nil
	}
	if err := h.closeStatement(ctx, f.name); err != nil {
		return err
	}
	return f.prepare(ctx, h, f.name, nil)
}

// bind implements statement.
func (f *fetchStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if f.of == nil {
		return f.bindOnHome(ctx, h, b, f.plan())
	}
	return f.of.bindRows(ctx, h, b, f.visible)
}

// closeStatement is CLOSE of a cursor with predict, or of all cursors.
type closeStatement struct {
	homeText
	s      *session
	cursor string
}

func (c *closeStatement) plan() string { return "stream" }

// bind implements statement.
func (c *closeStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	on, err := c.bindOnHome(ctx, h, b, c.plan())
	if err != nil {
		return nil, err
	}
	on.done = func() {
		for name := range c.s.portals {
			if c.s.declared(name) != nil && (c.cursor == "" || c.cursor == name) {
				c.s.drop(name)
			}
		}
	}
	return on, nil
}

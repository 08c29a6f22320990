package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// unread handles a text that reads as if it called predict, and that the proxy's parser does not know. Home may know it: then
// it is home's alone. Where home has no function of that name, its error says why the proxy has not answered.
func (s *session) unread(ctx context.Context, h *homeSide, typ byte, body []byte) error {
	var m pgproto3.Parse
	if typ == 'Q' {
		m = pgproto3.Parse{Query: string(cString(body, 0))}
	} else if err := m.Decode(body); err != nil {
		return coded("08P01", "malformed Parse message", err.Error(), "")
	}
	unread := s.parsed.Unread
	s.parsed = nil
	if typ == 'P' && m.Name == "" {
		delete(s.statements, "")
	}
	if h.x.TxStatus() == 'E' || !h.alone && h.x.TxStatus() == 'I' { // home cannot be asked apart from what is under way
		return wire.ErrRelay
	}
	if err := h.ask(&pgproto3.Close{ObjectType: 'S', Name: ownName}, &pgproto3.Parse{Name: ownName, Query: m.Query, ParameterOIDs: m.ParameterOIDs},
		&pgproto3.Close{ObjectType: 'S', Name: ownName}); err != nil {
		return err
	}
	if err := h.expect(ctx, "313", nil); err != nil {
		return explained(err, m.Query, unread)
	}
	if err := h.x.Settle(ctx); err != nil {
		return err
	}
	return wire.ErrRelay
}

// explained says in an error of home about a function that it does not have why the proxy has not answered the call.
func explained(err error, text string, unread *sqlparse.Error) error {
	var home *homeError
	if !errors.As(err, &home) || home.response.Code != "42883" || !strings.Contains(home.response.Message, "predict") {
		return err
	}
	e := *home
	e.response.Detail = "The proxy reads statements as PostgreSQL 16 does, and has not looked for predict in this one: " + unread.Message + "."
	if line := lineOf(text, unread.Position); line > 1 {
		e.response.Detail = strings.TrimSuffix(e.response.Detail, ".") + fmt.Sprintf(", in line %d.", line)
	}
	e.response.Hint = "Leave what PostgreSQL has from version 17 on to a view, or to a statement of its own that fills a table, and call predict in a query of that. " +
		"MERGE … RETURNING may call predict where it is no part of WITH."
	return &e
}

// lineOf is the number of the line of a byte in a text, from 1; 0 where it is in none.
func lineOf(text string, at int) int {
	if at < 0 || at > len(text) {
		return 0
	}
	return 1 + strings.Count(text[:at], "\n")
}

package foreign

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// The extended protocol (PostgreSQL documentation, 55.2.3), as far as libpq uses it: text formats, whole results.

// prepared is a prepared statement.
type prepared struct {
	command   command
	statement *Statement
}

// portal is a prepared statement with its parameters.
type portal struct {
	*prepared
	params [][]byte
}

// extended answers one message of the extended protocol.
func (s *session) extended(m pgproto3.FrontendMessage) error {
	switch m := m.(type) {
	case *pgproto3.Parse:
		return s.parse(m)
	case *pgproto3.Bind:
		return s.bind(m)
	case *pgproto3.Describe:
		return s.describe(m)
	case *pgproto3.Execute:
		p := s.portals[m.Portal]
		if p == nil {
			return &backend.Error{Code: codeInvalidCursor, Message: fmt.Sprintf("portal %q does not exist", m.Portal)}
		}
		if m.MaxRows != 0 {
			return refuse("a portal of the databackend is executed whole")
		}
		return s.execute(p.command, p.statement, p.params, false)
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			delete(s.prepared, m.Name)
		} else {
			delete(s.portals, m.Name)
		}
		s.out.send(&pgproto3.CloseComplete{})
	}
	return nil
}

// parse prepares a statement.
func (s *session) parse(m *pgproto3.Parse) error {
	if m.Name != "" && s.prepared[m.Name] != nil {
		return &backend.Error{Code: "42P05", Message: fmt.Sprintf("prepared statement %q already exists", m.Name)}
	}
	commands := splitCommands(m.Query)
	if len(commands) != 1 {
		return &backend.Error{Code: codeSyntaxError, Message: "cannot insert multiple commands into a prepared statement"}
	}
	st, err := s.understand(commands[0])
	if err != nil {
		return err
	}
	s.prepared[m.Name] = &prepared{command: commands[0], statement: st}
	s.out.send(&pgproto3.ParseComplete{})
	return nil
}

// bind gives a prepared statement its parameters.
func (s *session) bind(m *pgproto3.Bind) error {
	p := s.prepared[m.PreparedStatement]
	if p == nil {
		return &backend.Error{Code: codeInvalidStatement, Message: fmt.Sprintf("prepared statement %q does not exist", m.PreparedStatement)}
	}
	for _, formats := range [][]int16{m.ParameterFormatCodes, m.ResultFormatCodes} {
		for _, f := range formats {
			if f != 0 {
				return refuse("the databackend's sessions take and give values as text")
			}
		}
	}
	if p.statement != nil && len(m.Parameters) < p.statement.Params {
		return &backend.Error{Code: codeProtocolViolation,
			Message: fmt.Sprintf("bind message supplies %d parameters, but prepared statement %q requires %d", len(m.Parameters), m.PreparedStatement, p.statement.Params)}
	}
	s.portals[m.DestinationPortal] = &portal{prepared: p, params: cloneParams(m.Parameters)}
	s.out.send(&pgproto3.BindComplete{})
	return nil
}

// describe sends the columns of a statement or a portal, and of a statement its parameters, whose types the text itself says.
func (s *session) describe(m *pgproto3.Describe) error {
	var p *prepared
	if m.ObjectType == 'S' {
		if p = s.prepared[m.Name]; p == nil {
			return &backend.Error{Code: codeInvalidStatement, Message: fmt.Sprintf("prepared statement %q does not exist", m.Name)}
		}
		oids := []uint32{}
		if p.statement != nil {
			oids = make([]uint32, p.statement.Params)
		}
		s.out.send(&pgproto3.ParameterDescription{ParameterOIDs: oids})
	} else {
		found := s.portals[m.Name]
		if found == nil {
			return &backend.Error{Code: codeInvalidCursor, Message: fmt.Sprintf("portal %q does not exist", m.Name)}
		}
		p = found.prepared
	}
	columns, err := s.columns(p.command, p.statement)
	if err != nil {
		return err
	}
	s.out.describe(columns)
	return nil
}

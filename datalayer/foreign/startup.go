package foreign

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// serverVersion is the version that postgres_fdw takes us for; it changes what it sends by it. From 15 on it does not
// rewind cursors but opens them again, and from 9.5 on it may ask for samples of tables (postgres_fdw.c).
const serverVersion = "15.0 (pinnacle-proxy)"

// greet does the start-up of a session (PostgreSQL documentation, 55.2.1). ok is false where there is none: the connection
// brought a cancel request, or was refused.
func (s *session) greet() (ok bool, err error) {
	pid, uid, known := peer(s.conn)
	if known && s.server.config.PeerUID >= 0 && uid != s.server.config.PeerUID {
		return false, s.refuse(&backend.Error{Code: codeInvalidAuth, Message: "only the local PostgreSQL is served here"})
	}
	for {
		m, err := s.in.ReceiveStartupMessage()
		if err != nil {
			return false, err
		}
		switch m := m.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := s.conn.Write([]byte{'N'}); err != nil {
				return false, err
			}
		case *pgproto3.CancelRequest:
			if len(m.SecretKey) == 4 {
				s.server.cancel(m.ProcessID, beUint32(m.SecretKey))
			}
			return false, nil
		case *pgproto3.StartupMessage:
			if known {
				s.peer = pid
			} else {
				s.peer = processOf(m.Parameters["application_name"])
			}
			return true, s.welcome(m)
		default:
			return false, fmt.Errorf("unexpected start-up message %T", m)
		}
	}
}

// welcome lets a session in.
func (s *session) welcome(m *pgproto3.StartupMessage) error {
	s.server.introduce(s)
	if m.ProtocolVersion > pgproto3.ProtocolVersion30 {
		s.out.send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: pgproto3.ProtocolVersion30})
	}
	s.out.send(&pgproto3.AuthenticationOk{})
	for _, p := range [][2]string{{"server_version", serverVersion}, {"server_encoding", "UTF8"}, {"client_encoding", "UTF8"},
		{"application_name", m.Parameters["application_name"]}, {"DateStyle", "ISO, MDY"}, {"IntervalStyle", "postgres"},
		{"TimeZone", "GMT"}, {"integer_datetimes", "on"}, {"standard_conforming_strings", "on"}} {
		s.out.send(&pgproto3.ParameterStatus{Name: p[0], Value: p[1]})
	}
	s.out.send(&pgproto3.BackendKeyData{ProcessID: s.id, SecretKey: []byte{byte(s.secret >> 24), byte(s.secret >> 16), byte(s.secret >> 8), byte(s.secret)}})
	return s.ready()
}

// refuse ends a session that was not let in.
func (s *session) refuse(e *backend.Error) error {
	m := errorResponse(e)
	m.Severity, m.SeverityUnlocalized = "FATAL", "FATAL"
	s.out.send(m)
	return s.out.flush()
}

// beUint32 reads a number as the protocol writes it.
func beUint32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// processOf reads the process id at the end of an application name, which postgres_fdw.application_name can be made to
// have; 0 for none.
func processOf(name string) uint32 {
	digits := name[len(strings.TrimRight(name, "0123456789")):]
	var pid uint32
	if _, err := fmt.Sscanf(digits, "%d", &pid); err != nil {
		return 0
	}
	return pid
}

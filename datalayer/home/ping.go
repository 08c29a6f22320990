package home

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// maxPingBody bounds the message that answers a start-up packet, in bytes.
const maxPingBody = 64 << 10

// ping sends a start-up packet and reads one message: a request for authentication, or an error other than "cannot
// connect now", means that the server takes sessions (as PQping has it). The server drops the attempt without a word
// in its log.
func ping(ctx context.Context, conn net.Conn, user, database string) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	front := pgproto3.NewFrontend(conn, conn)
	front.SetMaxBodyLen(maxPingBody)
	front.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30,
		Parameters: map[string]string{"user": user, "database": database, "application_name": "pinnacle-proxy health"}})
	if err := front.Flush(); err != nil {
		return &Error{Code: codeConnectionFailed, Message: "the PostgreSQL server dropped a health check", Err: err}
	}
	msg, err := front.Receive()
	if err != nil {
		return &Error{Code: codeConnectionFailed, Message: "the PostgreSQL server did not answer a health check", Err: err}
	}
	if e, ok := msg.(*pgproto3.ErrorResponse); ok && e.Code == codeCannotConnectNow {
		return &Error{Code: e.Code, Message: e.Message}
	}
	return nil
}

// login opens a session, runs an empty query and closes it.
func login(ctx context.Context, config *pgconn.Config) error {
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err == nil {
		_, err = conn.Exec(ctx, "").ReadAll()
		conn.Close(ctx)
	}
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		e := &Error{Code: pg.Code, Message: fmt.Sprintf("the PostgreSQL server refuses the health check: %s", pg.Message), Detail: pg.Detail}
		if pg.Code == codeCannotConnectNow {
			e.Message = pg.Message
		}
		return e
	}
	return &Error{Code: codeConnectionFailed, Message: "the PostgreSQL server cannot be reached", Err: withoutAccount(err)}
}

// withoutAccount unwraps the library's connect error, whose own text names user and database.
func withoutAccount(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		if inner := connect.Unwrap(); inner != nil {
			return inner
		}
	}
	return err
}

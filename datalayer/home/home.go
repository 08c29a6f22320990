// Package home is the PostgreSQL behind every client session: the user's own server (Remote), or a local one that the
// proxy finds or fetches, starts, watches and owns (Local). It gives transports and health; it knows neither the
// messages that pass over them nor models.
package home

import (
	"context"
	"net"
)

// Home is the PostgreSQL behind. Both kinds are safe for concurrent use.
type Home interface {
	// Dial gives a fresh transport on which no byte of the start-up packet has been sent. tlsUp says that TLS is up
	// on it. It fails soon, with an *Error, where the server is known to be down.
	Dial(ctx context.Context) (conn net.Conn, tlsUp bool, err error)
	// DialPeer gives a second transport to the very server that conn, a transport of Dial, leads to: a CancelRequest
	// must reach the server that gave the key, and Dial may pick another one of several.
	DialPeer(ctx context.Context, conn net.Conn) (peer net.Conn, tlsUp bool, err error)
	// Healthy returns nil if the server takes sessions now.
	Healthy(ctx context.Context) error
	// Describe names the server for logs and messages; it holds no secret.
	Describe() string
	// Account is a user and a database with which a client may log in; clients may use others.
	Account() (user, database string)
	// Close ends what the home owns. With a Local it stops the server: sessions are ended and data is flushed until
	// ctx ends, then without waiting. It may be called more than once.
	Close(ctx context.Context) error
}

var (
	_ Home = (*Local)(nil)
	_ Home = (*Remote)(nil)
)

// Error is an error that a user can act on. Code is an SQLSTATE.
type Error struct {
	Code    string
	Message string
	Detail  string
	Hint    string
	// Err is the cause, nil for none.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// SQLState is the error's five-character code (PostgreSQL documentation, appendix A).
func (e *Error) SQLState() string { return e.Code }

// The SQLSTATEs that this package raises.
const (
	codeCannotConnectNow = "57P03"
	codeConnectionFailed = "08006"
	codeObjectInUse      = "55006"
	codeConfig           = "F0000"
	codeSystem           = "58000"
	codeIO               = "58030"
)

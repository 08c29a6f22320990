package wire

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Interceptor stands behind the relay of one client session. It says which messages of the client concern it, and
// handles those in place of the relay. Its methods are never called concurrently. Wants, Watching and Ready may be called
// on a thread that relays other sessions too, so they must not wait for anything.
type Interceptor interface {
	// Wants reports whether a frontend message is to be handed to Handle instead of being relayed. It is asked for
	// every Query and Parse, and, while Watching, for every Bind, Describe, Execute and Close too. body is the
	// message without its five header bytes; it is only valid during the call. Wants is on the hot path of every
	// statement: it must not allocate for a message that it does not want.
	//
	// A message that is not wanted is relayed, and Wants may note it (a relayed Parse of the unnamed statement
	// replaces what the interceptor held under that name).
	//
	// A message that is wanted need not reach Handle: in a batch that has failed at home it is discarded, as
	// PostgreSQL would, and while home reads copy data it is relayed, so that PostgreSQL gives its own error. In a batch
	// that has failed by an error of Handle, Wants is not asked before the next Sync.
	Wants(typ byte, body []byte) bool

	// Watching reports whether the interceptor holds prepared statements or portals of its own.
	Watching() bool

	// Handle answers one message that was wanted. When it is called the session is quiet: every reply to messages
	// forwarded before has reached the client, and until Handle returns, whatever home sends arrives at x.Receive.
	// body belongs to Handle.
	//
	// ctx ends when the client asks for a cancel (context.Cause is ErrCanceled), when the client is gone
	// (ErrClientGone) or home is (ErrHomeGone), or when the server's drain deadline has passed (ErrDraining).
	//
	// A returned *Error is sent to the client, and the session lives on as PostgreSQL's would: an open transaction
	// is failed, an extended-protocol batch is discarded until its Sync. Any other error, and a panic, ends the session,
	// but for one that follows a cancel: that is told the client as 57014.
	// For a Query message the relay itself ends the exchange: it sends Sync to home if anything was sent there, and
	// passes home's ReadyForQuery on; Handle never sends Sync and never replies ReadyForQuery.
	Handle(ctx context.Context, x *Exchange, typ byte, body []byte) error

	// Ready tells the transaction status, 'I', 'T' or 'E', of the last ReadyForQuery that was passed on (or said by the
	// relay, after a batch that home had no part in). So that the relay need not wait, it is called late: before the next
	// Wants or Handle, once for all ReadyForQuery messages that have passed meanwhile. A pipelining client's next
	// messages may come before the ReadyForQuery of the ones before them.
	Ready(txStatus byte)

	// Close is called once, when the session ends.
	Close()
}

// ErrRelay is what Handle returns for a Query or Parse that is to be relayed to home after all. Home must owe nothing then: what
// Handle has sent it is settled (see Exchange.Settle), or nothing was sent.
var ErrRelay = errors.New("the message is home's alone")

// Session is what an Interceptor is told about the client session it belongs to.
type Session struct {
	// ID numbers the proxy's sessions from 1.
	ID uint64
	// User and Database are the start-up parameters (Database is User where the client named none).
	User, Database string
	// RemoteAddr is the client's address, for logs.
	RemoteAddr string
}

// Error is an error that the client is told, as an ErrorResponse of severity ERROR.
type Error struct {
	// Response carries SQLSTATE, message, DETAIL, HINT and position. Severity is set by the relay.
	Response pgproto3.ErrorResponse
	// FromHome says that home itself raised the error during this exchange, so that home's transaction is failed
	// and home discards messages until Sync already.
	FromHome bool
}

// Error implements error.
func (e *Error) Error() string {
	return e.Response.Code + ": " + e.Response.Message
}

// SQLState is the error's five-character code (PostgreSQL documentation, appendix A).
func (e *Error) SQLState() string { return e.Response.Code }

package wire

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgproto3"
)

// The causes (context.Cause) with which the context of Interceptor.Handle ends.
var (
	// ErrCanceled says that the client asked for a cancel of the running statement.
	ErrCanceled = errors.New("canceling statement due to user request")
	// ErrClientGone says that the client's connection has ended.
	ErrClientGone = errors.New("the client has closed its connection")
	// ErrHomeGone says that the connection to home has ended.
	ErrHomeGone = errors.New("the connection to the PostgreSQL behind the proxy was lost")
	// ErrDraining says that the server's drain deadline has passed.
	ErrDraining = errors.New("terminating connection due to administrator command")
)

// errNotBuilt is what the skeleton answers.
var errNotBuilt = errors.New("wire: not built yet")

// Exchange is both sides of a session while Interceptor.Handle runs: it sends messages to home and receives home's
// answers, and it replies to the client. It is valid until Handle returns, and is used by the goroutine that Handle
// was called on only.
type Exchange struct {
	home    []byte
	replies []byte
}

// Send encodes messages into the buffer for home; FlushHome writes them. Sync and Terminate are not for Handle to send.
func (x *Exchange) Send(msgs ...pgproto3.FrontendMessage) {}

// SendRaw is Send for a message that is encoded already: its type and its body without the five header bytes.
func (x *Exchange) SendRaw(typ byte, body []byte) {}

// FlushHome writes what Send has gathered. It does not send a Flush message: without one (or a Query) PostgreSQL keeps
// its answers back.
func (x *Exchange) FlushHome() error { return errNotBuilt }

// Receive returns home's next message. body is valid until the next Receive. NoticeResponse, ParameterStatus and
// NotificationResponse are passed to the client and not returned. An ErrorResponse ('E') is returned and not passed on.
// It ends soon, with ctx's cause, when ctx ends, and with ErrHomeGone when home is gone.
func (x *Exchange) Receive(ctx context.Context) (typ byte, body []byte, err error) {
	return 0, nil, errNotBuilt
}

// Reply encodes messages into the buffer for the client, which is written by FlushClient, when it has grown past
// 64 KiB, and after Handle has returned.
func (x *Exchange) Reply(msgs ...pgproto3.BackendMessage) {}

// ReplyRaw is Reply for a message that is encoded already: its type and its body without the five header bytes.
func (x *Exchange) ReplyRaw(typ byte, body []byte) {}

// ReplyBuffer is the buffer for the client itself, so that rows can be appended without copies. Only whole messages may
// be in it whenever another method of x is called. Who appends here calls FlushClient from time to time.
func (x *Exchange) ReplyBuffer() *[]byte { return &x.replies }

// FlushClient writes the buffer to the client and blocks while the client does not read (back-pressure).
func (x *Exchange) FlushClient() error { return errNotBuilt }

// ReceiveClient returns the client's next message, for a COPY FROM STDIN that the proxy itself handles. body is valid
// until the next call. Flush and Sync are skipped, as PostgreSQL skips them during COPY.
func (x *Exchange) ReceiveClient(ctx context.Context) (typ byte, body []byte, err error) {
	return 0, nil, errNotBuilt
}

// TxStatus is the transaction status of home's last ReadyForQuery: 'I', 'T' or 'E'.
func (x *Exchange) TxStatus() byte { return 'I' }

// InBatch reports whether extended-protocol messages were forwarded or sent to home since the last Sync.
func (x *Exchange) InBatch() bool { return false }

// Failed reports whether home has raised an error in the current batch, so that it discards messages until Sync.
func (x *Exchange) Failed() bool { return false }

// Parameter is the last value of a parameter that home reports (ParameterStatus): client_encoding, server_version,
// DateStyle, TimeZone and so on. It is empty for a parameter that home does not report.
func (x *Exchange) Parameter(name string) string { return "" }

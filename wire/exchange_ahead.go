package wire

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"
)

// OnNotice has take shown every NoticeResponse of home before it is passed to the client; one for which take returns true
// is not passed on. nil ends that. body is valid during the call only.
func (x *Exchange) OnNotice(take func(body []byte) bool) { x.notice = take }

// Settle sends a Sync to home and takes home's messages up to its ReadyForQuery, so that an error that home has raised
// does not make it discard what is sent next. The client is told nothing of it. Home must have a transaction block open,
// or have been sent nothing since its last ReadyForQuery that must stand or fall with what follows: outside of a block a
// Sync commits.
func (x *Exchange) Settle(ctx context.Context) error {
	x.Send(&pgproto3.Sync{})
	if err := x.FlushHome(); err != nil {
		return err
	}
	for {
		typ, _, err := x.Receive(ctx)
		if err != nil {
			return err
		}
		if x.s.settled(typ) {
			return nil
		}
	}
}

// SyncNext reports whether the client's next message is known to be a Sync.
func (x *Exchange) SyncNext() bool {
	in := x.s.in
	return in.end-in.off >= headerLen && in.buf[in.off] == 'S'
}

// Running reports whether the relay has passed a Bind or an Execute on to home since the client's last Sync or Query, so
// that the implicit transaction holds more than what Handle itself has sent.
func (x *Exchange) Running() bool { return x.s.running }

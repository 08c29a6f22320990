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
	x.SendSync()
	if err := x.FlushHome(); err != nil {
		return err
	}
	return x.Settled(ctx)
}

// SendSync is the first half of Settle: it is sent by FlushHome, with messages before and after it.
func (x *Exchange) SendSync() { x.Send(&pgproto3.Sync{}) }

// Settled is the second half of Settle: it takes home's messages up to the ReadyForQuery of the Sync.
func (x *Exchange) Settled(ctx context.Context) error {
	for {
		typ, _, err := x.Receive(ctx)
		if err != nil {
			return err
		}
		if typ == 'Z' {
			x.s.seen = x.s.readied.Load() // it is no ReadyForQuery of the client's: its portals live on
			return nil
		}
	}
}

// SyncNext reports whether a Sync is known to be what the client sends next, behind messages for which skip is true. What
// has not arrived yet is not waited for.
func (x *Exchange) SyncNext(skip func(typ byte, body []byte) bool) bool {
	in := x.s.in
	for off := in.off; in.end-off >= headerLen; {
		typ, size, err := frontendHeader(in.buf[off:in.end], x.s.srv.cfg.MaxMessage)
		if typ == 'S' {
			return true
		}
		if err != nil || size > in.end-off || !skip(typ, in.buf[off+headerLen:off+size]) {
			return false
		}
		off += size
	}
	return false
}

// Running reports whether the relay has passed a Bind or an Execute on to home since the client's last Sync or Query, so
// that the implicit transaction holds more than what Handle itself has sent.
func (x *Exchange) Running() bool { return x.s.running }

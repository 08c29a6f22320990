package wire

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Reply encodes messages into the buffer for the client, which is written by FlushClient, when it has grown past
// 64 KiB, and after Handle has returned. A message that cannot be encoded, and a client that is gone, show at the next
// FlushClient.
func (x *Exchange) Reply(msgs ...pgproto3.BackendMessage) {
	for _, m := range msgs {
		out, err := m.Encode(*x.ReplyBuffer())
		if err != nil {
			x.s.replyFault = errors.Join(x.s.replyFault, fmt.Errorf("encoding a reply: %w", err))
			continue
		}
		x.replies = out
		x.spill()
	}
}

// ReplyRaw is Reply for a message that is encoded already: its type and its body without the five header bytes.
func (x *Exchange) ReplyRaw(typ byte, body []byte) {
	x.replies = appendMessage(*x.ReplyBuffer(), typ, body)
	x.spill()
}

// spill writes the replies when they are many.
func (x *Exchange) spill() {
	if len(x.replies) > replyLimit {
		if err := x.FlushClient(); err != nil {
			x.s.replyFault = err
		}
	}
}

// ReplyBuffer is the buffer for the client itself, so that rows can be appended without copies. Only whole messages may
// be in it whenever another method of x is called. Who appends here calls FlushClient from time to time.
func (x *Exchange) ReplyBuffer() *[]byte {
	if x.replies == nil {
		x.replies = x.s.srv.buffers.get()[:0]
	}
	return &x.replies
}

// FlushClient writes the buffer to the client and blocks while the client does not read (back-pressure). An error other
// than of encoding is ErrClientGone.
func (x *Exchange) FlushClient() error {
	s := x.s
	if s.replyFault != nil {
		return s.replyFault
	}
	if len(x.replies) == 0 {
		return nil
	}
	n, err := s.toClient.Write(x.replies)
	s.srv.observer.Bytes(0, n)
	x.replies = x.replies[:0]
	if err != nil {
		s.clientBroken = true
		s.replyFault = errors.Join(ErrClientGone, err)
	}
	return s.replyFault
}

// dropBuffers gives the buffers of x back, so that an idle session holds none.
func (x *Exchange) dropBuffers() {
	if x.replies != nil {
		x.s.srv.buffers.put(x.replies)
		x.replies = nil
	}
	if x.whole != nil {
		x.s.srv.buffers.put(x.whole)
		x.whole, x.chunk = nil, nil
	}
	if cap(x.out) > 4096 {
		x.out = nil
	}
	if cap(x.partial) > 4096 {
		x.partial, x.cut = nil, false
	}
}

// ReceiveClient returns the client's next message, for a COPY FROM STDIN that the proxy itself handles. body is valid
// until the next call. Flush and Sync are skipped, as PostgreSQL skips them during COPY. It ends with ctx's cause soon
// after ctx has ended, and with ErrClientGone when the client has closed its connection or sent Terminate. A message
// longer than Config.MaxStatement is thrown away and answered with an *Error.
func (x *Exchange) ReceiveClient(ctx context.Context) (typ byte, body []byte, err error) {
	in := x.s.in
	for {
		if err := x.skipDropped(ctx); err != nil {
			return 0, nil, err
		}
		if in.end-in.off < headerLen {
			if err := x.fill(ctx); err != nil {
				return 0, nil, err
			}
			continue
		}
		typ, size, err := frontendHeader(in.buf[in.off:in.end], x.s.srv.cfg.MaxMessage)
		if err != nil {
			return 0, nil, err
		}
		if limit := x.s.srv.cfg.MaxStatement; size > limit+headerLen {
			x.s.dropping = size
			return 0, nil, messageTooLong(size, limit)
		}
		if in.end-in.off < size {
			if err := x.fill(ctx); err != nil {
				return 0, nil, err
			}
			continue
		}
		body = in.buf[in.off+headerLen : in.off+size]
		in.off += size
		switch typ {
		case 'H', 'S':
		case 'X':
			return 0, nil, ErrClientGone
		default:
			return typ, body, nil
		}
	}
}

// messageTooLong is the error for a message that would have to be held whole and is too long for that.
func messageTooLong(size, limit int) *Error {
	return &Error{Response: pgproto3.ErrorResponse{
		Code:    "54000",
		Message: fmt.Sprintf("message of %d bytes is too long", size-headerLen),
		Detail:  fmt.Sprintf("The proxy takes messages of at most %d bytes here.", limit),
		Hint:    "Send the data in smaller messages, or raise the proxy's limit.",
	}}
}

// skipDropped reads over the rest of a message that was too long.
func (x *Exchange) skipDropped(ctx context.Context) error {
	s := x.s
	for s.dropping > 0 {
		n := min(s.dropping, s.in.end-s.in.off)
		s.in.off += n
		s.dropping -= n
		if s.dropping > 0 {
			if err := x.fill(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill reads more of the client's bytes. The watch for the client's end is paused: the read itself sees the end.
func (x *Exchange) fill(ctx context.Context) error {
	if err := x.FlushClient(); err != nil {
		return err
	}
	x.watch.stop()
	defer func() { x.watch = x.s.watchClient() }()
	s := x.s
	defer context.AfterFunc(ctx, func() { _ = s.socket.SetReadDeadline(past) })()
	s.in.settle()
	for {
		err := s.in.fill()
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return errors.Join(ErrClientGone, err)
		}
		_ = s.socket.SetReadDeadline(time.Time{})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if cause := s.endCause(); cause != nil {
			return cause
		}
	}
}

package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

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

// replyLimit is the size in bytes past which replies are written to the client without being asked for.
const replyLimit = bufferLen

// maxHomeMessage is the longest message of home that an Exchange takes, in bytes (PostgreSQL's own limit).
const maxHomeMessage = 1<<30 - 1

// Exchange is both sides of a session while Interceptor.Handle runs: it sends messages to home and receives home's
// answers, and it replies to the client. It is valid until Handle returns, and is used by the goroutine that Handle
// was called on only.
//
// Home's answers wait until Receive takes them. Who sends more than some hundred kilobytes of messages that are answered
// while they are sent must receive in between, or both sides stand still.
type Exchange struct {
	s *session
	// out is what Send has gathered, sent the types of the messages in it, and err the first that could not be encoded.
	out  []byte
	sent []byte
	err  error
	// replies is what the client has not been written yet, in a pooled buffer unless it grew; nil when empty.
	replies []byte
	// chunk is the part of home's last chunk that was not received yet; whole is the buffer that it lies in.
	chunk, whole []byte
	// partial gathers a message that lies across chunks; cut says that the last message received lies in it.
	partial []byte
	cut     bool
	watch   *watch
	// notice is what OnNotice has set.
	notice func(body []byte) bool
}

// Send encodes messages into the buffer for home; FlushHome writes them. Sync and Terminate are not for Handle to send.
// A message that cannot be encoded makes FlushHome fail.
func (x *Exchange) Send(msgs ...pgproto3.FrontendMessage) {
	for _, m := range msgs {
		start := len(x.out)
		out, err := m.Encode(x.out)
		if err != nil {
			x.err = errors.Join(x.err, err)
			continue
		}
		x.out = out
		x.sent = append(x.sent, out[start])
	}
}

// SendRaw is Send for a message that is encoded already: its type and its body without the five header bytes.
func (x *Exchange) SendRaw(typ byte, body []byte) {
	x.out = appendMessage(x.out, typ, body)
	x.sent = append(x.sent, typ)
}

// FlushHome writes what Send has gathered, once no cancel request is on its way to home. It does not send a Flush
// message: without one (or a Query) PostgreSQL keeps its answers back.
func (x *Exchange) FlushHome() error {
	s := x.s
	if x.err != nil {
		err := x.err
		x.out, x.sent, x.err = x.out[:0], x.sent[:0], nil
		return fmt.Errorf("encoding a message for home: %w", err)
	}
	if len(x.out) == 0 {
		return nil
	}
	s.mu.Lock()
	for s.cancels > 0 && s.homeEnd == nil {
		s.wait()
	}
	if s.homeEnd != nil {
		s.mu.Unlock()
		return ErrHomeGone
	}
	for _, typ := range x.sent {
		s.led.sent(typ)
	}
	s.mu.Unlock()
	err := s.writeHome(x.out)
	x.out, x.sent = x.out[:0], x.sent[:0]
	if cap(x.out) > bufferLen {
		x.out = nil
	}
	return err
}

// Receive returns home's next message. body is valid until the next Receive. NoticeResponse, ParameterStatus and
// NotificationResponse are passed to the client and not returned. An ErrorResponse ('E') is returned and not passed on.
// It ends soon, with ctx's cause, when ctx ends, and with ErrHomeGone when home is gone and its last message was
// received.
func (x *Exchange) Receive(ctx context.Context) (typ byte, body []byte, err error) {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ErrHomeGone) {
		return 0, nil, cause
	}
	for {
		typ, body, err = x.next(ctx)
		if err != nil || !asynchronous(typ) {
			return typ, body, err
		}
		if typ == 'N' && x.notice != nil && x.notice(body) {
			continue
		}
		x.ReplyRaw(typ, body)
	}
}

// asynchronous reports whether a message may come from home at any time and is meant for the client.
func asynchronous(typ byte) bool { return typ == 'N' || typ == 'S' || typ == 'A' }

// next returns home's next message, whatever it is, and notes it.
func (x *Exchange) next(ctx context.Context) (typ byte, body []byte, err error) {
	if x.cut {
		x.cut, x.partial = false, x.partial[:0]
		if cap(x.partial) > bufferLen {
			x.partial = nil
		}
	}
	for {
		typ, body, err = x.take()
		if err != nil {
			return 0, nil, err
		}
		if typ != 0 {
			if typ != 'D' && typ != 'd' {
				x.s.mu.Lock()
				x.s.received(typ, body)
				x.s.mu.Unlock()
			}
			return typ, body, nil
		}
		if err := x.more(ctx); err != nil {
			return 0, nil, err
		}
	}
}

// take cuts the next message off the chunk. With typ 0 the chunk is used up and its buffer given back.
func (x *Exchange) take() (typ byte, body []byte, err error) {
	if len(x.partial) == 0 {
		size, err := homeMessageSize(x.chunk)
		if err != nil {
			return 0, nil, err
		}
		if size > 0 && size <= len(x.chunk) {
			typ, body = x.chunk[0], x.chunk[headerLen:size]
			x.chunk = x.chunk[size:]
			return typ, body, nil
		}
	}
	if n := headerLen - len(x.partial); n > 0 {
		n = min(n, len(x.chunk))
		x.partial, x.chunk = append(x.partial, x.chunk[:n]...), x.chunk[n:]
	}
	size, err := homeMessageSize(x.partial)
	if err != nil {
		return 0, nil, err
	}
	if size > 0 {
		n := min(size-len(x.partial), len(x.chunk))
		x.partial, x.chunk = append(x.partial, x.chunk[:n]...), x.chunk[n:]
		if len(x.partial) == size {
			x.cut = true
			return x.partial[0], x.partial[headerLen:], nil
		}
	}
	if x.whole != nil {
		x.s.srv.buffers.put(x.whole)
		x.whole, x.chunk = nil, nil
	}
	return 0, nil, nil
}

// homeMessageSize returns the size of the message that b begins with, header included, and 0 if b is too short to say.
func homeMessageSize(b []byte) (int, error) {
	if len(b) < headerLen {
		return 0, nil
	}
	length := int64(binary.BigEndian.Uint32(b[1:]))
	if b[0] == 0 || length < 4 || length > maxHomeMessage {
		return 0, homeLost(fmt.Errorf("message %q of home has length %d", b[0], length))
	}
	return int(length) + 1, nil
}

// more waits for the next chunk of home.
func (x *Exchange) more(ctx context.Context) error {
	s := x.s
	var chunk []byte
	select {
	case chunk = <-s.chunks:
	default:
		select {
		case chunk = <-s.chunks:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.homeDone:
			select {
			case chunk = <-s.chunks:
			default:
				return ErrHomeGone
			}
		}
	}
	x.chunk, x.whole = chunk, chunk
	s.mu.Lock()
	s.handing--
	s.mu.Unlock()
	return nil
}

// atBorder reports whether no part of a message of home waits in x.
func (x *Exchange) atBorder() bool {
	return len(x.chunk) == 0 && (len(x.partial) == 0 || x.cut)
}

// TxStatus is the transaction status of home's last ReadyForQuery: 'I', 'T' or 'E'.
func (x *Exchange) TxStatus() byte {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.led.status
}

// InBlock reports whether home's session is known to be in a transaction block that has not failed. Unlike TxStatus it
// knows of a BEGIN and of a COMMIT that stand before in the same batch.
func (x *Exchange) InBlock() bool {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.led.block
}

// InBatch reports whether extended-protocol messages were forwarded or sent to home since the last Sync. What Send has
// gathered but FlushHome has not written does not count.
func (x *Exchange) InBatch() bool {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.led.unsynced > 0
}

// Failed reports whether home has raised an error in the current batch, so that it discards messages until Sync.
func (x *Exchange) Failed() bool {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.led.failed
}

// Parameter is the last value of a parameter that home reports (ParameterStatus): client_encoding, server_version,
// DateStyle, TimeZone and so on. It is empty for a parameter that home does not report.
func (x *Exchange) Parameter(name string) string { return x.s.parameter(name) }

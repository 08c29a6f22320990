package wire

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// poison is a Parse that always fails at home. It fails home's transaction when the proxy itself has raised an error,
// so that home too rolls back and discards messages until Sync. It has a name because a failed Parse of the unnamed
// statement would destroy the client's unnamed statement.
const (
	poisonName = "pinnacle_proxy_failed"
	poisonText = "select statement_failed_in_pinnacle_proxy"
)

// giveUpDelay is how long an answer of home that nobody wants any more may take before home is asked to cancel it.
const giveUpDelay = 20 * time.Millisecond

// answerWanted has the message handled for which the relay stopped.
func (s *session) answerWanted() error {
	typ, body := s.wanted.typ, s.wanted.body
	s.wanted.typ, s.wanted.body = 0, nil
	s.in.settle()
	if typ == 'S' && !s.captured {
		return s.forwardHeld(typ, body)
	}
	if s.exchange == nil {
		s.exchange = &Exchange{s: s}
	}
	x := s.exchange
	x.watch = s.watchClient()
	err := s.answer(x, typ, body)
	x.watch.stop()
	if err != nil {
		return err
	}
	if cause := s.endCause(); cause != nil {
		return cause
	}
	if s.in.off == s.in.end && s.captured {
		return s.release()
	}
	return nil
}

// answer captures home and handles a message, or forwards it where PostgreSQL must answer itself.
func (s *session) answer(x *Exchange, typ byte, body []byte) error {
	if typ == 'S' {
		return s.endBatch(x)
	}
	forward, err := s.capture()
	if err != nil {
		return err
	}
	if forward {
		return s.forwardHeld(typ, body)
	}
	if x.Failed() {
		return nil // the batch has failed: home would discard the message too
	}
	s.tellReady()
	return s.handle(x, typ, body)
}

// forwardHeld relays a message that was taken out of the stream.
func (s *session) forwardHeld(typ byte, body []byte) error {
	s.note(typ)
	return s.forward(appendMessage(nil, typ, body))
}

// capture waits until the session is quiet and directs home's messages to the exchange. forward says that the message
// at hand must be relayed instead, because home reads copy data.
func (s *session) capture() (forward bool, err error) {
	if s.captured {
		return false, nil
	}
	s.mu.Lock()
	owes := s.led.owesFlush()
	s.mu.Unlock()
	if owes {
		if err := s.writeHome(appendMessage(nil, 'H', nil)); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.led.quiet() || s.relaying || !s.scan.atBorder() {
		switch {
		case s.led.copyIn:
			return true, nil
		case s.homeEnd != nil:
			return false, s.homeEnd
		case s.ended != nil:
			return false, s.ended
		case s.clientGone:
			return false, ErrClientGone
		}
		s.wait()
	}
	if s.chunks == nil {
		s.chunks = make(chan []byte, 1)
	}
	s.captured = true
	return false, nil
}

// release writes the replies, swallows what home still owes to the exchange, and goes back to the relay. An error that
// home raises meanwhile is passed on.
func (s *session) release() error {
	x := s.exchange
	if err := x.FlushHome(); err != nil {
		return s.homeOr(err)
	}
	flushed := false
	for {
		if err := x.FlushClient(); err != nil {
			return err
		}
		done, owes := s.tryRelease(x)
		if done {
			return nil
		}
		if owes && !flushed {
			flushed = true
			if err := s.writeHome(appendMessage(nil, 'H', nil)); err != nil {
				return err
			}
		}
		typ, body, err := x.next(s.ctx)
		if err != nil {
			return s.homeOr(err)
		}
		if asynchronous(typ) || typ == 'E' {
			x.ReplyRaw(typ, body)
		}
	}
}

// tryRelease goes back to the relay if home owes nothing and nothing of home waits for the exchange. It reports whether
// it has, and whether home needs a Flush to pay what it owes.
func (s *session) tryRelease(x *Exchange) (done, owes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.led.quiet() || s.handing > 0 || !x.atBorder() {
		return false, s.led.owesFlush()
	}
	x.dropBuffers()
	s.captured = false
	s.drainLocked()
	return true, false
}

// homeOr returns why home has ended if err says that it has, and err otherwise.
func (s *session) homeOr(err error) error {
	if !errors.Is(err, ErrHomeGone) {
		return err
	}
	<-s.homeDone
	return s.endCause()
}

// handle runs the interceptor's Handle and brings client and home into the state that its outcome asks for.
func (s *session) handle(x *Exchange, typ byte, body []byte) error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	s.setHandling(cancel)
	err := s.guard("handle", func() error { return s.interceptor.Handle(ctx, x, typ, body) })
	s.setHandling(nil)
	if errors.Is(err, ErrRelay) {
		return s.relayAfterAll(typ, body)
	}
	if typ == 'Q' || typ == 'E' {
		s.srv.observer.Statement("proxy")
	}
	var reported *Error
	if errors.As(err, &reported) && reported.FromHome && endsSession(&reported.Response) {
		return fromHome(&reported.Response)
	}
	if cause := s.endCause(); cause != nil {
		return cause
	}
	switch {
	case err == nil && s.replyFault != nil:
		return s.replyFault
	case err != nil && reported == nil:
		if !errors.Is(context.Cause(ctx), ErrCanceled) || isFatal(err) {
			return s.unfinished(ctx, err)
		}
		reported = &Error{Response: pgproto3.ErrorResponse{Code: "57014", Message: ErrCanceled.Error()}}
	}
	if reported != nil {
		if err := s.report(x, reported); err != nil {
			return err
		}
		s.discarding = typ != 'Q'
	}
	if typ == 'Q' {
		return s.endBatch(x)
	}
	return nil
}

// relayAfterAll relays a message that Handle has given back.
func (s *session) relayAfterAll(typ byte, body []byte) error {
	if cause := s.endCause(); cause != nil {
		return cause
	}
	if err := s.release(); err != nil {
		return err
	}
	return s.forwardHeld(typ, body)
}

// isFatal reports whether err ends a session.
func isFatal(err error) bool {
	var f *fatal
	return errors.As(err, &f)
}

// setHandling notes how to end the running Handle's context, nil when none runs.
func (s *session) setHandling(cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handling = cancel
	if cancel != nil && s.clientGone {
		cancel(ErrClientGone)
	}
	if cancel != nil && s.homeEnd != nil {
		cancel(ErrHomeGone)
	}
}

// unfinished is the end of a session whose Handle returned an error that the client cannot be told as its own.
func (s *session) unfinished(ctx context.Context, err error) error {
	if isFatal(err) && s.exchange.replies != nil {
		s.exchange.replies = s.exchange.replies[:0] // after a panic they may end with half a message
	}
	switch cause := context.Cause(ctx); {
	case isFatal(err), errors.Is(err, ErrClientGone):
		return err
	case errors.Is(err, ErrHomeGone):
		return homeLost(err)
	case errors.Is(cause, ErrClientGone):
		return errors.Join(ErrClientGone, err)
	case errors.Is(cause, ErrDraining):
		return drained()
	}
	return internalError(err)
}

// panicked turns a panic into the end of a session. What was panicked with may hold values, so only its type and, of the
// runtime's own errors, its text are logged.
func (s *session) panicked(what string, p any) error {
	stack := debug.Stack()
	if l, ok := p.(*loopPanic); ok {
		p, stack = l.value, l.stack
	}
	text := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		text = e.Error()
	}
	s.logger().Error("panic in a session", "in", what, "panic", text, "stack", string(stack))
	return internalError(fmt.Errorf("panic in %s: %s", what, text))
}

// report replies an error to the client and fails home's transaction along with it.
func (s *session) report(x *Exchange, e *Error) error {
	s.srv.observer.ErrorSent(e.Response.Code)
	x.replies = encodeError(*x.ReplyBuffer(), "ERROR", &e.Response)
	x.out, x.sent = x.out[:0], x.sent[:0]
	s.mu.Lock()
	poison := !e.FromHome && !s.led.failed && (s.led.status == 'T' || s.led.unsynced > 0)
	owes := !s.led.quiet()
	s.mu.Unlock()
	if !poison && !owes {
		return nil
	}
	if err := x.FlushClient(); err != nil {
		return err
	}
	if poison {
		x.Send(&pgproto3.Parse{Name: poisonName, Query: poisonText})
	}
	x.Send(&pgproto3.Flush{})
	if err := x.FlushHome(); err != nil {
		return s.homeOr(err)
	}
	return s.swallow(x)
}

// swallow takes home's answers until it owes none. If they are many they belong to a statement that nobody wants any
// more, so home is asked to cancel it.
func (s *session) swallow(x *Exchange) error {
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-stop:
		case <-time.After(giveUpDelay):
			s.cancelAtHome()
		}
	}()
	defer func() {
		close(stop)
		<-ended
	}()
	for {
		s.mu.Lock()
		quiet := s.led.quiet()
		s.mu.Unlock()
		if quiet {
			return nil
		}
		typ, body, err := x.next(s.ctx)
		if err != nil {
			return s.homeOr(err)
		}
		if asynchronous(typ) {
			x.ReplyRaw(typ, body)
		}
	}
}

// endBatch ends a Query that was handled, or a batch at its Sync: home gets a Sync if it has been sent anything since
// the last one, and its ReadyForQuery is passed on; otherwise the proxy says ReadyForQuery itself.
func (s *session) endBatch(x *Exchange) error {
	s.running = false
	s.mu.Lock()
	clean := s.led.unsynced == 0 && s.led.quiet() && len(x.sent) == 0
	status := s.led.status
	s.mu.Unlock()
	if clean {
		x.ReplyRaw('Z', []byte{status})
		s.noteReady(status)
		return nil
	}
	x.Send(&pgproto3.Sync{})
	if err := x.FlushHome(); err != nil {
		return s.homeOr(err)
	}
	for {
		typ, body, err := x.next(s.ctx)
		if err != nil {
			return s.homeOr(err)
		}
		settled := s.settled(typ)
		if settled || typ == 'E' || asynchronous(typ) {
			x.ReplyRaw(typ, body)
		}
		if settled {
			return nil
		}
	}
}

// settled reports whether typ was the ReadyForQuery that was waited for.
func (s *session) settled(typ byte) bool {
	if typ != 'Z' {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.led.quiet()
}

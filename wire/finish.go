package wire

import (
	"errors"
	"io"
	"os"
	"time"
)

// farewell bounds the last words to a client: how long a FATAL may take to be written, and how long the client's
// unread bytes are read over so that it arrives.
const farewell = 2 * time.Second

// maxUnread is how many unread bytes of a client are read over before its connection is closed.
const maxUnread = 256 << 10

// finish ends a session whose relay has ended with err: home's running statement is cancelled if nobody waits for it any
// more, both goroutines are stopped, and the client is told why where it can be told.
func (s *session) finish(err error) {
	gone := errors.Is(err, ErrClientGone)
	if errors.Is(err, errTerminated) {
		s.seeOff()
	} else if s.abandoned() {
		s.cancelAtHome()
	}
	_ = s.client.SetWriteDeadline(time.Now().Add(farewell))
	s.cancel(err)
	_ = s.home.SetReadDeadline(past)
	<-s.homeDone
	if s.captured && !gone && s.exchange.FlushClient() != nil {
		gone = true
	}
	s.logEnd(err)
	if f := lastWords(err); f != nil && !gone && !s.clientBroken && !s.clientCut && s.scan.atBorder() {
		s.bid(f)
	}
}

// seeOff waits until home has answered everything that came before the client's Terminate and closes by itself. A client
// that has closed its connection already is no reason to cancel: it has asked for what it sent. The home reader is woken,
// because home's end may have come together with its last answer.
func (s *session) seeOff() {
	s.leaving.Store(true)
	_ = s.home.SetReadDeadline(past)
	select {
	case <-s.homeDone:
	case <-s.ctx.Done():
	}
}

// abandoned reports whether home works on something although the session ends.
func (s *session) abandoned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.homeEnd == nil && !s.led.quiet()
}

// lastWords is what the client is told when a session ends with err, and nil for nothing.
func lastWords(err error) *fatal {
	var f *fatal
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, errTerminated), errors.Is(err, ErrClientGone), errors.Is(err, errQuietEnd):
		return nil
	case errors.Is(err, ErrDraining):
		return drained()
	}
	return internalError(err)
}

// logEnd logs why a session has ended.
func (s *session) logEnd(err error) {
	log := s.logger()
	switch f := lastWords(err); {
	case f == nil:
		log.Debug("session ended", "reason", err)
	case f.code == "XX000" || f.code == "08006":
		log.Error("session ended", "reason", f)
	default:
		log.Info("session ended", "reason", f)
	}
}

// bid tells the client f as the last message. What the client has sent and nobody reads is read over first, or else the
// kernel would answer it with a reset that overtakes the message.
func (s *session) bid(f *fatal) {
	s.srv.observer.ErrorSent(f.code)
	_ = s.client.SetWriteDeadline(time.Now().Add(farewell))
	if _, err := s.client.Write(f.encode(nil)); err != nil {
		return
	}
	socket, ok := socketOf(s.client).(interface{ CloseWrite() error })
	if !ok || f.code != "08P01" {
		return
	}
	_ = socket.CloseWrite()
	_ = s.client.SetReadDeadline(time.Now().Add(farewell))
	_, _ = io.CopyN(io.Discard, s.client, maxUnread)
}

// refuse ends a connection that did not become a session.
func (s *session) refuse(err error) {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	var f *fatal
	switch {
	case ended != nil:
		err = ended
	case errors.Is(err, os.ErrDeadlineExceeded) && s.home != nil:
		err = &fatal{code: "57014", message: "canceling authentication due to timeout", cause: err}
	}
	if !errors.As(err, &f) {
		if !errors.Is(err, errRefused) {
			s.logger().Debug("connection ended in start-up", "reason", err)
		}
		s.srv.observer.ConnectionRefused(refusalReason(err))
		return
	}
	s.logger().Info("connection refused", "reason", f)
	s.srv.observer.ConnectionRefused(refusalReason(err))
	s.bid(f)
}

// refusalReason names why a connection did not become a session, for metrics.
func refusalReason(err error) string {
	var f *fatal
	switch {
	case errors.Is(err, errRefused):
		return "refused by home"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case !errors.As(err, &f):
		return "start-up not completed"
	case f.code == "53300":
		return "too many connections"
	case f.code == "57P03":
		return "home unreachable"
	case f.code == "57P01":
		return "draining"
	case f.code == "XX000":
		return "internal error"
	}
	return "protocol"
}

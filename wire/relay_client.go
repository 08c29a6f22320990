package wire

import (
	"errors"
	"io"
	"os"
	"time"
)

// errTerminated ends a session whose client has sent Terminate.
var errTerminated = errors.New("terminated by the client")

// clientRelay is the state of the direction from the client to home. Only the session's own goroutine touches it.
type clientRelay struct {
	in *inlet
	// passing counts the bytes of the current message that are still to be relayed as they come, and dropping those
	// that are to be thrown away.
	passing, dropping int
	// noted holds the types of the messages about to be written to home, for the ledger.
	noted []byte
	// discarding says that the batch has failed by an error of the proxy: messages are dropped until Sync.
	discarding bool
	// wanted is the message that the relay has stopped for; typ is 0 when there is none.
	wanted struct {
		typ  byte
		body []byte
	}
	// running says that a Bind or Execute was relayed since the client's last Sync or Query.
	running bool
	// stalled is what could not be forwarded on a loop's thread, where nothing may wait; s.noted may hold types of messages
	// in it that the ledger does not know yet.
	stalled []byte
	// handles says that the interceptor has wanted one of the client's last messages.
	handles bool
	// owed says that home owed a ReadyForQuery when the last bytes were forwarded.
	owed bool
	// stop is why the relay ends.
	stop error
	// seen is the value of session.readied that the interceptor knows.
	seen uint32
	// admitted and opened say how far the start-up came; opened is guarded by session.mu.
	admitted, opened bool
	exchange         *Exchange
	// replyFault is the first error of writing or encoding replies; clientBroken says that a write has failed.
	replyFault   error
	clientBroken bool
}

// readClient relays the client's messages, and has those handled that the interceptor wants, until the session ends.
func (s *session) readClient() error {
	for {
		if cause := s.endCause(); cause != nil {
			return cause
		}
		err := s.in.run()
		if err == nil && len(s.stalled) > 0 {
			s.stop = errors.Join(s.forwardStalled(), s.stop)
		}
		if cause := s.endCause(); cause != nil && (err != nil || s.stop == nil) {
			return cause
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded): // woken for a reason that has passed
			_ = s.client.SetReadDeadline(time.Time{})
			continue
		case err != nil:
			if errors.Is(err, io.EOF) {
				s.awaitAnswers()
			}
			return errors.Join(ErrClientGone, err)
		case s.stop != nil:
			return s.stop
		case s.wanted.typ == 0:
			continue
		}
		if err := s.answerWanted(); err != nil {
			return err
		}
	}
}

// lastAnswers is how long home may take to answer a client that has ended its stream.
const lastAnswers = time.Second

// awaitAnswers gives home a moment to answer what the client had sent before it ended its stream: the client may read
// on, as PostgreSQL allows. One that has closed its connection altogether looks the same.
func (s *session) awaitAnswers() {
	late := false
	timer := time.AfterFunc(lastAnswers, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.changed()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !late && s.homeEnd == nil && s.ended == nil && (!s.led.quiet() || s.relaying) {
		s.wait()
	}
}

// endCause is why the session must end, as others have found, and nil if it may go on.
func (s *session) endCause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.homeEnd != nil:
		return s.homeEnd
	case s.ended != nil:
		return s.ended
	case s.clientGone:
		return ErrClientGone
	}
	return nil
}

// clientTook is called when bytes of the client have come. It walks the messages, relays them in one write, and stops
// at one that is to be handled.
func (s *session) clientTook() verdict {
	if s.in.inLoop && s.mayTakeLong() {
		return onStack
	}
	if s.interceptor != nil {
		s.tellReady()
	}
	last, stop := s.walk()
	if stop || len(s.stalled) > 0 {
		return leave
	}
	if s.captured && s.stopFor(s.release()) {
		return leave
	}
	if (last == 'Q' || last == 'S') && s.in.off == s.in.end && s.passing == 0 && s.owed {
		return await // an answer is due, so the client's end will be noticed by a write at the latest
	}
	return readOn
}

// maxGated is how many bytes of messages are shown to the interceptor on a loop's thread, which serves others too.
const maxGated = 8 << 10

// mayTakeLong reports whether the unread bytes are not for a loop's thread: the session has to do more than to relay them.
func (s *session) mayTakeLong() bool {
	return s.captured || s.discarding || s.interceptor != nil && (s.handles || s.in.end-s.in.off > maxGated)
}

// walk goes through the unread messages and forwards them. It returns the last one's type, and true when the relay must
// leave its loop: for s.wanted, or for s.stop.
func (s *session) walk() (last byte, stop bool) {
	in := s.in
	start := in.off
	for {
		if s.passing > 0 {
			n := min(s.passing, in.end-in.off)
			in.off += n
			s.passing -= n
		}
		if s.dropping > 0 {
			n := min(s.dropping, in.end-in.off)
			in.off += n
			s.dropping -= n
			start = in.off
		}
		if in.end-in.off < headerLen || s.passing > 0 {
			break
		}
		typ, size, err := frontendHeader(in.buf[in.off:in.end], s.srv.cfg.MaxMessage)
		if err != nil {
			return 0, s.stopFor(errors.Join(s.forward(in.buf[start:in.off]), err))
		}
		if s.discarding && typ != 'S' && typ != 'X' {
			if s.stopFor(s.forward(in.buf[start:in.off])) {
				return 0, true
			}
			s.dropping, start = size, in.off
			continue
		}
		if typ == 'S' {
			s.discarding = false
		}
		look := s.looks(typ, size)
		if look && in.end-in.off < size {
			break // held until it is whole
		}
		if look && s.wants(typ, in.buf[in.off+headerLen:in.off+size]) {
			return 0, s.take(start, size, typ)
		}
		if typ == 'X' { // sent on whole and in its plain form, whatever the client's looks like
			return 0, s.stopFor(errors.Join(s.forward(in.buf[start:in.off]), s.forward(appendMessage(nil, 'X', nil)),
				errTerminated))
		}
		s.note(typ)
		last, s.passing = typ, size
	}
	return last, s.stopFor(s.forward(in.buf[start:in.off]))
}

// stopFor notes err as the reason to end, and reports whether there is one.
func (s *session) stopFor(err error) bool {
	if err != nil {
		s.stop = err
	}
	return err != nil
}

// looks reports whether a message of this type and size is shown to the interceptor, so that it has to be held whole.
func (s *session) looks(typ byte, size int) bool {
	switch typ {
	case 'Q', 'P':
		return s.interceptor != nil && size <= s.srv.cfg.MaxStatement+headerLen
	case 'B', 'D', 'E', 'C':
		return s.interceptor != nil && size <= s.srv.cfg.MaxStatement+headerLen && s.interceptor.Watching()
	case 'S':
		return s.captured
	}
	return false
}

// wants asks the interceptor. A Sync right behind handled messages is answered in their exchange, which saves a write.
func (s *session) wants(typ byte, body []byte) bool {
	return typ == 'S' || s.interceptor.Wants(typ, body)
}

// take stops the walk for a wanted message of the given size at in.off. What came before it, from start on, is
// forwarded.
func (s *session) take(start, size int, typ byte) (stop bool) {
	in := s.in
	if s.stopFor(s.forward(in.buf[start:in.off])) {
		return true
	}
	s.wanted.typ, s.handles = typ, true
	s.wanted.body = append([]byte(nil), in.buf[in.off+headerLen:in.off+size]...)
	in.off += size
	return true
}

// note counts a message that is relayed.
func (s *session) note(typ byte) {
	switch typ {
	case 'Q', 'E', 'F':
		s.srv.observer.Statement("relay")
		s.handles = false
	}
	switch typ {
	case 'B', 'E', 'F':
		s.running = true
	case 'Q', 'S':
		s.running = false
	}
	s.noted = append(s.noted, typ)
}

// forward writes messages to home, once no cancel request is on its way there: a cancel must not hit what the client
// sent after it. Replies of an exchange go to the client first.
func (s *session) forward(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(s.stalled) > 0 {
		s.stall(b)
		return nil
	}
	if s.captured {
		if err := s.release(); err != nil {
			return err
		}
	}
	if !s.enterLedger() {
		s.stall(b)
		return nil
	}
	return s.writeHome(b)
}

// enterLedger notes the messages that are about to be sent to home, once no cancel request is on its way there. On a
// loop's thread it does not wait, and reports false.
func (s *session) enterLedger() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.cancels > 0 && s.homeEnd == nil && s.ended == nil {
		if s.in.inLoop {
			return false
		}
		s.wait()
	}
	for _, typ := range s.noted {
		s.led.sent(typ)
	}
	s.noted = s.noted[:0]
	s.owed = len(s.led.due) > 0
	return true
}

// stall keeps b, which lies in the inlet's buffer, for forwardStalled.
func (s *session) stall(b []byte) {
	if len(s.stalled) == 0 {
		s.stalled = b
		return
	}
	s.stalled = append(s.stalled[:len(s.stalled):len(s.stalled)], b...)
}

// forwardStalled forwards what a loop's thread had to leave.
func (s *session) forwardStalled() error {
	b := s.stalled
	s.stalled = nil
	return s.forward(b)
}

// writeHome writes to home. On a loop's thread it keeps what home does not take at once.
func (s *session) writeHome(b []byte) error {
	write := s.toHome.Write
	if s.in.inLoop {
		write = s.toHome.try
	}
	n, err := write(b)
	s.srv.observer.Bytes(n, 0)
	if err != nil {
		return homeLost(err)
	}
	if n < len(b) {
		s.stall(b[n:])
	}
	return nil
}

// tellReady tells the interceptor of ReadyForQuery messages that have passed since it was asked last.
func (s *session) tellReady() {
	if now := s.readied.Load(); now != s.seen {
		s.seen = now
		s.interceptor.Ready(byte(now))
	}
}

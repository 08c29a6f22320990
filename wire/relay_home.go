package wire

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

// homeRelay is the state of the direction from home to the client. Only the home reader touches it, but for what says
// otherwise.
type homeRelay struct {
	homeIn *inlet
	// scan is guarded by session.mu.
	scan backendScan
	// last is the type of the last whole message that was relayed.
	last byte
	// clientCut says that a message to the client was broken off, so that nothing more can be said to it.
	clientCut bool
	// unhanded is a chunk that a loop's thread could not hand to the exchange without waiting.
	unhanded []byte
	// unwritten says that a loop's thread could write only a part of the chunk to the client; the rest is unread.
	unwritten bool
	// homeFault is why the home reader left its loop.
	homeFault error
	// leaving says that home has been sent Terminate, so that its end is what comes next.
	leaving atomic.Bool
	// homeDone is closed when the home reader has ended.
	homeDone chan struct{}
}

// readHome relays home's messages until home's stream or the session ends.
func (s *session) readHome() {
	defer close(s.homeDone)
	err := s.guard("home relay", func() error {
		for {
			err := s.homeIn.run()
			if err == nil && s.finishChunk() {
				continue
			}
			_ = s.home.SetReadDeadline(time.Time{})
			switch {
			case s.homeFault != nil:
				return s.homeFault
			case !errors.Is(err, os.ErrDeadlineExceeded) || s.ctx.Err() != nil:
				return s.homeEnded(err)
			}
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.homeEnd = err
	if s.handling != nil {
		s.handling(ErrHomeGone)
	}
	s.change.Broadcast()
	_ = s.socket.SetReadDeadline(past)
}

// homeEnded is the reason to end when home's stream has ended with err. When home's last message was an error, the
// client has been told why.
func (s *session) homeEnded(err error) error {
	if s.last == 'E' {
		return errRefused
	}
	return homeLost(err)
}

// homeTook is called when bytes of home have come: they go to the client in one write, or to the exchange.
func (s *session) homeTook() verdict {
	in := s.homeIn
	chunk := in.buf[in.off:in.end]
	captured, err := s.enterChunk(chunk)
	if captured {
		in.calm()
		in.buf, in.off, in.end = nil, 0, 0
		return s.hand(chunk)
	}
	if err != nil {
		return s.leaveChunk(err)
	}
	if !in.inLoop {
		return s.writeChunk()
	}
	n, err := s.toClient.try(chunk)
	s.srv.observer.Bytes(0, n)
	in.off += n
	if err == nil && in.off < in.end {
		s.unwritten = true
		return leave
	}
	return s.leaveChunk(gone(err))
}

// gone is the reason to end after a write to the client has failed with err, nil if it has not.
func gone(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(ErrClientGone, err)
}

// enterChunk notes the messages of a chunk, which is then being relayed, unless it is for the exchange.
func (s *session) enterChunk(chunk []byte) (captured bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.captured {
		s.handing++
		return true, nil
	}
	s.relaying = true
	return false, s.scanChunk(chunk)
}

// writeChunk writes the unread part of a chunk to the client, and waits while the client does not read.
func (s *session) writeChunk() verdict {
	in := s.homeIn
	n, err := s.toClient.Write(in.buf[in.off:in.end])
	s.srv.observer.Bytes(0, n)
	return s.leaveChunk(gone(err))
}

// leaveChunk ends the relaying of a chunk; err is why it failed.
func (s *session) leaveChunk(err error) verdict {
	in := s.homeIn
	size := in.end
	in.off = in.end
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relaying = false
	s.changed()
	if err != nil {
		s.clientCut = true
		s.homeFault = err
		return leave
	}
	if s.draining {
		s.drainLocked()
	}
	if s.last != 'Z' || !s.scan.atBorder() {
		in.streamed(size)
		return readOn
	}
	in.calm()
	if !s.leaving.Load() {
		return await // home waits for the client now; should it end unseen, the next write to it finds out
	}
	return readOn
}

// finishChunk does what a loop's thread had to leave of a chunk. It reports false when there is nothing left to do, or
// when that has ended the relay.
func (s *session) finishChunk() bool {
	switch {
	case s.unwritten:
		s.unwritten = false
		return s.writeChunk() != leave
	case s.unhanded != nil:
		chunk := s.unhanded
		s.unhanded = nil
		return s.hand(chunk) != leave
	}
	return false
}

// hand gives a chunk, with its buffer, to the exchange.
func (s *session) hand(chunk []byte) verdict {
	if s.homeIn.inLoop {
		select {
		case s.chunks <- chunk:
			return readOn
		default:
			s.unhanded = chunk
			return leave
		}
	}
	select {
	case s.chunks <- chunk:
		return readOn
	case <-s.ctx.Done():
		return leave
	}
}

// scanChunk walks the messages of a chunk and notes them. s.mu is held.
func (s *session) scanChunk(chunk []byte) error {
	for off := 0; ; {
		typ, body, end, err := s.scan.next(chunk, off)
		if err != nil {
			return &fatal{code: "08P01", message: "the server behind the proxy does not speak the protocol", cause: err}
		}
		if typ == 0 {
			return nil
		}
		off = end
		s.last = typ
		if typ != 'D' && typ != 'd' {
			s.received(typ, body)
		}
	}
}

package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"testing"
)

// sink is a connection that keeps what is written.
type sink struct {
	net.Conn
	got []byte
}

// Write implements net.Conn.
func (s *sink) Write(b []byte) (int, error) {
	s.got = append(s.got, b...)
	return len(b), nil
}

// picky is an Interceptor that wants Query messages whose text begins with "p".
type picky struct{}

// Wants implements Interceptor.
func (picky) Wants(typ byte, body []byte) bool {
	return typ == 'Q' && bytes.HasPrefix(body, []byte("p"))
}

// Watching implements Interceptor.
func (picky) Watching() bool { return true }

// Handle implements Interceptor.
func (picky) Handle(context.Context, *Exchange, byte, []byte) error { return errors.New("not reached") }

// Ready implements Interceptor.
func (picky) Ready(byte) {}

// Close implements Interceptor.
func (picky) Close() {}

// FuzzWalk feeds a client's stream to the relay in pieces of any size and checks that home gets exactly the messages
// that are not wanted, that the wanted ones are taken whole, and that the walk stops at the first malformed header.
func FuzzWalk(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x06x\x00Q\x00\x00\x00\x06p\x00S\x00\x00\x00\x04"), uint8(2), true)
	f.Add([]byte("P\x00\x00\x00\x08a\x00b\x00d\x00\x00\x00\x40abcdef"), uint8(200), true)
	f.Add([]byte("Q\x00\x00\x00\x03"), uint8(1), false)
	f.Add([]byte("X\x00\x00\x00\x04Q\x00\x00\x00\x04"), uint8(3), false)
	f.Fuzz(func(t *testing.T, stream []byte, step uint8, intercept bool) {
		srv := NewServer(Config{MaxMessage: 4096, MaxStatement: 64}, nil, nil, nil)
		home := &sink{}
		s := newSession(srv, home)
		s.home, s.toHome = home, newOutlet(home)
		if intercept {
			s.interceptor = picky{}
		}
		s.in = newInlet(&sink{}, &srv.buffers, nil, s.clientTook)
		var wanted []byte
		for rest := stream; len(rest) > 0 && s.stop == nil; {
			n := min(int(step)+1, len(rest))
			s.in.room(n)
			s.in.end += copy(s.in.buf[s.in.end:], rest[:n])
			rest = rest[n:]
			for s.in.took() == leave && s.stop == nil {
				wanted = appendMessage(wanted, s.wanted.typ, s.wanted.body)
			}
			s.in.settle()
		}
		wantHome, wantWanted, held, ends := split(stream, intercept)
		if (s.stop != nil) != ends {
			t.Fatalf("stopped: %v, want that: %v", s.stop, ends)
		}
		if !bytes.Equal(home.got, wantHome) || !bytes.Equal(wanted, wantWanted) {
			t.Fatalf("home got %q, want %q; taken %q, want %q", home.got, wantHome, wanted, wantWanted)
		}
		if s.stop == nil && s.in.end-s.in.off != held {
			t.Fatalf("%d bytes held, want %d", s.in.end-s.in.off, held)
		}
	})
}

// split is the plain reading of a stream that FuzzWalk compares with.
func split(stream []byte, intercept bool) (home, wanted []byte, held int, ends bool) {
	for len(stream) > 0 {
		if len(stream) < headerLen {
			return home, wanted, len(stream), false
		}
		typ, length := stream[0], int64(binary.BigEndian.Uint32(stream[1:]))
		if !frontendType(typ) || length < 4 || length > 4096 {
			return home, wanted, 0, true
		}
		if typ == 'X' {
			return append(home, "X\x00\x00\x00\x04"...), wanted, 0, true
		}
		size := int(length) + 1
		look := intercept && bytes.IndexByte([]byte("QPBDEC"), typ) >= 0 && size <= 64+headerLen
		if size > len(stream) {
			if look {
				return home, wanted, len(stream), false
			}
			return append(home, stream...), wanted, 0, false
		}
		message := stream[:size]
		stream = stream[size:]
		if look && typ == 'Q' && size > headerLen && message[headerLen] == 'p' {
			wanted = append(wanted, message...)
			continue
		}
		home = append(home, message...)
	}
	return home, wanted, 0, false
}

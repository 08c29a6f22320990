package wire

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// errQuietEnd ends a connection without a word to the client: it has closed, or does not speak the protocol at all.
var errQuietEnd = errors.New("connection ended in start-up")

// alpn is the protocol name that PostgreSQL's clients offer in TLS (registered with IANA).
const alpn = "postgresql"

// tlsRecord is the first byte of a TLS handshake. No start-up packet begins so: it would be 352 MB long.
const tlsRecord = 0x16

// greet reads first packets until the client has sent a StartupMessage or a CancelRequest, answering SSLRequest and
// GSSENCRequest. Either packet is nil. It replaces s.client when TLS is up. An error is a *fatal or ends quietly.
func (s *session) greet() (startup *startupPacket, cancel []byte, err error) {
	var askedTLS, askedGSS bool
	for {
		raw, err := s.firstPacket(askedTLS || askedGSS)
		if err != nil {
			return nil, nil, err
		}
		if raw == nil { // direct TLS came up; the start-up packet follows inside
			askedTLS = true
			continue
		}
		switch code := binary.BigEndian.Uint32(raw[4:]); {
		case code == codeCancel:
			return nil, raw, nil
		case code == codeTLS && !askedTLS && len(raw) == 8:
			askedTLS = true
			err = s.answerTLS()
		case code == codeGSSENC && !askedGSS && len(raw) == 8:
			askedGSS = true
			err = s.answerNo()
		default:
			startup, err = parseStartup(raw)
			if err == nil && s.srv.cfg.RequireTLS && !s.encrypted() && overTCP(s.client) {
				err = &fatal{code: "28000", message: "the proxy accepts encrypted connections only",
					hint: "Set sslmode=require in the client."}
			}
			return startup, nil, err
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// firstPacket reads one packet of the start-up phase, its length in front. With a nil packet and no error a direct TLS
// handshake was made in its place; inTLS says that it is no longer possible.
func (s *session) firstPacket(negotiated bool) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(s.client, head[:4]); err != nil {
		return nil, fmt.Errorf("%w: %w", errQuietEnd, err)
	}
	if head[0] == tlsRecord && !negotiated && s.offersTLS() {
		s.client = &prefixed{Conn: s.client, first: head[:4]}
		return nil, s.handshake(true)
	}
	length := int64(binary.BigEndian.Uint32(head[:]))
	if length < 8 || length > int64(s.srv.cfg.MaxStartupPacket)+4 {
		return nil, fmt.Errorf("%w: invalid length of startup packet: %d", errQuietEnd, length)
	}
	raw := make([]byte, length)
	copy(raw, head[:4])
	if _, err := io.ReadFull(s.client, raw[4:]); err != nil {
		return nil, fmt.Errorf("%w: incomplete startup packet: %w", errQuietEnd, err)
	}
	return raw, nil
}

// offersTLS reports whether this client may use TLS.
func (s *session) offersTLS() bool { return s.srv.cfg.TLS != nil && overTCP(s.client) }

// overTCP reports whether conn is not a Unix socket, on which PostgreSQL speaks no TLS.
func overTCP(conn net.Conn) bool {
	_, unix := socketOf(conn).(*net.UnixConn)
	return !unix
}

// encrypted reports whether the client's side is TLS.
func (s *session) encrypted() bool {
	_, ok := s.client.(*tls.Conn)
	return ok
}

// answerNo refuses an encryption request, after which the client goes on in the clear.
func (s *session) answerNo() error {
	if s.pendingInput() {
		return errInjected()
	}
	return s.tell([]byte{'N'})
}

// answerTLS answers an SSLRequest.
func (s *session) answerTLS() error {
	if !s.offersTLS() {
		return s.answerNo()
	}
	if s.pendingInput() {
		return errInjected()
	}
	if err := s.tell([]byte{'S'}); err != nil {
		return err
	}
	return s.handshake(false)
}

// errInjected refuses bytes that came behind an SSLRequest before its answer: they may have been put there by somebody
// in the middle, to be taken for encrypted ones (CVE-2021-23222).
func errInjected() *fatal {
	return protocolViolation("received unencrypted data after SSL request",
		"This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
}

// handshake brings TLS up on s.client. A direct one must name the protocol in ALPN, so that TLS meant for another
// service is not taken for ours.
func (s *session) handshake(direct bool) error {
	config := s.srv.tls
	conn := tls.Server(s.client, config)
	if err := conn.HandshakeContext(s.ctx); err != nil {
		return fmt.Errorf("%w: TLS: %w", errQuietEnd, err)
	}
	s.client = conn
	if direct && conn.ConnectionState().NegotiatedProtocol != alpn {
		return protocolViolation("received direct SSL connection request without ALPN protocol negotiation extension",
			"A client that starts with TLS must offer the protocol \""+alpn+"\".")
	}
	return nil
}

// tell writes to the client during start-up.
func (s *session) tell(b []byte) error {
	if _, err := s.client.Write(b); err != nil {
		return fmt.Errorf("%w: %w", errQuietEnd, err)
	}
	return nil
}

// pendingInput reports whether the client has sent bytes that were not read yet.
func (s *session) pendingInput() bool {
	raw, ok := rawOf(s.client)
	if !ok {
		return false
	}
	pending := false
	var one [1]byte
	_ = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		pending = err == nil && n > 0
	})
	return pending
}

// serverTLS returns the configuration for clients: the given one, with PostgreSQL's ALPN name.
func serverTLS(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	config = config.Clone()
	config.NextProtos = []string{alpn}
	return config
}

// past is a deadline that wakes a blocked reader or writer at once.
var past = time.Unix(1, 0)

package wire

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
)

// maxPassword is the longest message of a client during authentication, in bytes (PostgreSQL's
// PG_MAX_AUTH_TOKEN_LENGTH).
const maxPassword = 65535

// maxStartupReply bounds one message of home before the first ReadyForQuery, in bytes.
const maxStartupReply = 1 << 20

// The kinds of Authentication message that matter here (PostgreSQL documentation, "Message Formats").
const (
	authOK         = 0
	authSASL       = 10
	authSASLFinal  = 12
	authHeaderLen  = 4
	scramPlus      = "SCRAM-SHA-256-PLUS"
	bindingRefused = 'y'
)

// errRefused ends a session that home has refused; the client has been told by home itself.
var errRefused = fmt.Errorf("%w: refused by home", errQuietEnd)

// login relays the authentication between client and home, from the StartupMessage to the first ReadyForQuery, and
// returns what home sent behind that. Home alone decides who may come in; the proxy sees passwords pass but keeps none.
//
// SCRAM with channel binding (SCRAM-SHA-256-PLUS) ties a login to the TLS connection's certificate. Where TLS ends at the
// proxy, the client and home see different certificates, so the mechanism is not offered through, unless the proxy shows
// clients the very certificate that home shows the proxy. A client that can bind but was not offered it says so in its
// first SCRAM message (gs2 flag 'y', signed, so the proxy cannot change it), and a home that did offer takes that for an
// attack and refuses. That happens only with TLS on both sides. There the client must say channel_binding=disable, or
// the proxy must have home's certificate, or reach home without TLS (a Unix socket); the error says so.
func (s *session) login(startup *startupPacket) (rest []byte, err error) {
	if _, err := s.home.Write(startup.raw); err != nil {
		return nil, homeUnreachable(err)
	}
	in := bufio.NewReaderSize(s.home, 4096)
	var out []byte
	for {
		typ, body, err := readMessage(in, maxStartupReply)
		if err != nil {
			return nil, homeUnreachable(err)
		}
		mechanisms := s.learn(typ, &body)
		out = appendMessage(out, typ, body)
		ask := typ == 'R' && asks(body)
		if ask || typ == 'E' || in.Buffered() == 0 {
			if err := s.tell(out); err != nil {
				return nil, err
			}
			out = out[:0]
		}
		switch {
		case typ == 'E':
			return nil, errRefused
		case typ == 'Z':
			if err := s.tell(out); err != nil {
				return nil, err
			}
			rest = make([]byte, in.Buffered())
			_, err = io.ReadFull(in, rest)
			return rest, err
		case ask:
			if err := s.relayPassword(mechanisms); err != nil {
				return nil, err
			}
		}
	}
}

// readMessage reads one message whose whole length must not exceed limit.
func readMessage(in io.Reader, limit int) (typ byte, body []byte, err error) {
	var head [headerLen]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	length := int64(binary.BigEndian.Uint32(head[1:]))
	if length < 4 || length > int64(limit) {
		return head[0], nil, fmt.Errorf("message %q has length %d", head[0], length)
	}
	body = make([]byte, length-4)
	_, err = io.ReadFull(in, body)
	return head[0], body, err
}

// asks reports whether an Authentication message expects an answer of the client.
func asks(body []byte) bool {
	if len(body) < authHeaderLen {
		return false
	}
	kind := binary.BigEndian.Uint32(body)
	return kind != authOK && kind != authSASLFinal
}

// offer says what became of home's list of SASL mechanisms.
type offer uint8

const (
	// offerNone: the message was no such list.
	offerNone offer = iota
	// offerWhole: the list went to the client as it was.
	offerWhole
	// offerStripped: channel binding was taken out.
	offerStripped
)

// learn notes what a message of home's start-up says about the session. It changes the body of AuthenticationSASL.
func (s *session) learn(typ byte, body *[]byte) offer {
	switch typ {
	case 'R':
		if len(*body) > authHeaderLen && binary.BigEndian.Uint32(*body) == authSASL {
			return s.offered(body)
		}
	case 'K':
		s.register(string(*body))
	case 'S', 'Z':
		s.mu.Lock()
		s.received(typ, *body)
		s.mu.Unlock()
	}
	return offerNone
}

// offered takes SCRAM-SHA-256-PLUS out of an AuthenticationSASL message where it cannot hold.
func (s *session) offered(body *[]byte) offer {
	names := bytes.Split(bytes.TrimRight((*body)[authHeaderLen:], "\x00"), []byte{0})
	kept := slices.DeleteFunc(slices.Clone(names), func(n []byte) bool { return string(n) == scramPlus })
	if len(kept) == len(names) || s.sameCertificate() {
		return offerWhole
	}
	changed := slices.Clone((*body)[:authHeaderLen])
	for _, n := range kept {
		changed = append(append(changed, n...), 0)
	}
	*body = append(changed, 0)
	return offerStripped
}

// sameCertificate reports whether clients see the certificate that home shows, so that a channel binding of type
// tls-server-end-point (RFC 5929) is the same on both sides.
func (s *session) sameCertificate() bool {
	home, ok := s.home.(*tls.Conn)
	config := s.srv.cfg.TLS
	if !ok || !s.encrypted() || len(config.Certificates) != 1 || config.GetCertificate != nil ||
		config.GetConfigForClient != nil {
		return false
	}
	peer := home.ConnectionState().PeerCertificates
	own := config.Certificates[0].Certificate
	return len(peer) > 0 && len(own) > 0 && bytes.Equal(peer[0].Raw, own[0])
}

// relayPassword reads the client's answer to an authentication request and passes it on.
func (s *session) relayPassword(offered offer) error {
	typ, body, err := readClientMessage(s.client)
	if err != nil {
		return err
	}
	if offered == offerStripped && refusesBinding(body) {
		return &fatal{
			code:    "28000",
			message: "SCRAM channel binding cannot pass a proxy that ends TLS on both sides",
			detail:  "The server behind the proxy supports channel binding and would take the client's answer for an attack.",
			hint: "Set channel_binding=disable in the client, or give the proxy the server's own certificate, or let the " +
				"proxy reach the server without TLS, for instance through a Unix socket.",
		}
	}
	if _, err := s.home.Write(appendMessage(nil, typ, body)); err != nil {
		return homeUnreachable(err)
	}
	return nil
}

// readClientMessage reads a message of the client during authentication; only 'p' may come.
func readClientMessage(client net.Conn) (typ byte, body []byte, err error) {
	var head [headerLen]byte
	if _, err := io.ReadFull(client, head[:]); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errQuietEnd, err)
	}
	if head[0] == 'X' {
		return 0, nil, fmt.Errorf("%w: the client gave up", errQuietEnd)
	}
	if head[0] != 'p' {
		return 0, nil, protocolViolation(fmt.Sprintf("expected password response, got message type %d", head[0]), "")
	}
	length := int64(binary.BigEndian.Uint32(head[1:]))
	if length < 4 || length > maxPassword {
		return 0, nil, protocolViolation(fmt.Sprintf("invalid password message length %d", length), "")
	}
	body = make([]byte, length-4)
	if _, err := io.ReadFull(client, body); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errQuietEnd, err)
	}
	return head[0], body, nil
}

// refusesBinding reports whether a SASLInitialResponse says that the client could bind but believes that the server
// cannot: the mechanism's name, the data's length, then SCRAM's gs2 header (RFC 5802, section 7).
func refusesBinding(body []byte) bool {
	_, rest, ok := bytes.Cut(body, []byte{0})
	return ok && len(rest) > 4 && rest[4] == bindingRefused
}

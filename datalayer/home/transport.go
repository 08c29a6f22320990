package home

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// errNoTLS says that a server answered SSLRequest with N.
var errNoTLS = errors.New("the server does not support TLS, and sslmode asks for it")

// sslRequest is the SSLRequest message (PostgreSQL documentation, "Message Formats": length 8, code 80877103).
const sslRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// transport is a connection that remembers which target it leads to.
type transport struct {
	net.Conn
	to target
}

// homeTarget is the server that the transport leads to.
func (t *transport) homeTarget() target { return t.to }

// NetConn gives the connection inside, a *tls.Conn where TLS is up.
func (t *transport) NetConn() net.Conn { return t.Conn }

// CloseWrite ends the sending half, where the connection inside can.
func (t *transport) CloseWrite() error {
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// dial connects, and brings TLS up as the target says.
func (t target) dial(ctx context.Context) (net.Conn, bool, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, false, err
	}
	if t.tls == nil {
		return &transport{conn, t}, false, nil
	}
	up, err := t.startTLS(ctx, conn)
	if err == nil {
		return &transport{up, t}, true, nil
	}
	if errors.Is(err, errNoTLS) && t.plainToo {
		return &transport{conn, t}, false, nil
	}
	conn.Close()
	if !t.plainToo || ctx.Err() != nil {
		return nil, false, err
	}
	// A server whose TLS fails is tried without, as libpq does for sslmode=prefer.
	if conn, err = (&net.Dialer{}).DialContext(ctx, t.network, t.address); err != nil {
		return nil, false, err
	}
	return &transport{conn, t}, false, nil
}

// startTLS asks for TLS (PostgreSQL documentation, "SSL Session Encryption") and shakes hands. After errNoTLS conn can
// still be used without TLS.
func (t target) startTLS(ctx context.Context, conn net.Conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if !t.direct {
		if _, err := io.WriteString(conn, sslRequest); err != nil {
			return nil, err
		}
		// One byte and no more is read: what follows it must come through TLS (CVE-2021-23222).
		var answer [1]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return nil, fmt.Errorf("no answer to SSLRequest: %w", err)
		}
		switch answer[0] {
		case 'S':
		case 'N':
			return nil, errNoTLS
		default:
			return nil, fmt.Errorf("the answer to SSLRequest is %q, so this is no PostgreSQL server", answer[0])
		}
	}
	up := tls.Client(conn, t.tls)
	if err := up.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	return up, nil
}

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

// tlsTransport is a connection with TLS up that remembers which target it leads to. One without TLS is handed out as it
// is, so that its user can have the kernel's own ways of writing.
type tlsTransport struct {
	*tls.Conn
	to target
}

// dial connects, and brings TLS up as the target says.
func (t target) dial(ctx context.Context) (net.Conn, bool, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, t.network, t.address)
	if err != nil || t.tls == nil {
		return conn, false, err
	}
	up, err := t.startTLS(ctx, conn)
	if err == nil {
		return &tlsTransport{up, t}, true, nil
	}
	if errors.Is(err, errNoTLS) && t.plainToo {
		return conn, false, nil
	}
	conn.Close()
	if !t.plainToo || ctx.Err() != nil {
		return nil, false, err
	}
	// A server whose TLS fails is tried without, as libpq does for sslmode=prefer.
	conn, err = (&net.Dialer{}).DialContext(ctx, t.network, t.address)
	return conn, false, err
}

// peerOf is a target for the very address that a transport leads to, with TLS if it has it.
func peerOf(conn net.Conn) (target, bool) {
	if up, ok := conn.(*tlsTransport); ok {
		t := up.to
		t.network, t.address, t.plainToo = up.RemoteAddr().Network(), up.RemoteAddr().String(), false
		return t, true
	}
	if _, ok := conn.(*tls.Conn); ok || conn.RemoteAddr() == nil {
		return target{}, false
	}
	return target{network: conn.RemoteAddr().Network(), address: conn.RemoteAddr().String()}, true
}

// startTLS asks for TLS (PostgreSQL documentation, "SSL Session Encryption") and shakes hands. After errNoTLS conn can
// still be used without TLS.
func (t target) startTLS(ctx context.Context, conn net.Conn) (*tls.Conn, error) {
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

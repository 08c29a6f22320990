package home

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// defaultConnectTimeout bounds one attempt at one address where the URI has no connect_timeout.
const defaultConnectTimeout = 10 * time.Second

// retryInterval is the pause between attempts at a server that says it is starting up.
const retryInterval = 250 * time.Millisecond

// Remote is the user's own PostgreSQL.
type Remote struct {
	config   *pgconn.Config
	targets  []target
	describe string
}

// target is one way to reach one server.
type target struct {
	network, address string
	// tls is nil for a transport without TLS.
	tls *tls.Config
	// direct starts TLS at once, without SSLRequest (sslnegotiation=direct).
	direct bool
	// plainToo says that sslmode lets a server without TLS pass.
	plainToo bool
}

// Connect reads a URI (or a keyword/value string) as libpq does, with several hosts, Unix sockets (host=/path), sslmode,
// sslrootcert, sslcert, sslkey and sslnegotiation, and checks that a server answers. A server that is starting up is
// waited for until ctx ends; any other failure is returned at once.
//
// sslmode=allow acts as prefer does: TLS where the server has it. A password in the URI, from PGPASSWORD or from a
// password file serves the health check only; without one the check ends where the server asks for it.
func Connect(ctx context.Context, uri string, logger *slog.Logger) (*Remote, error) {
	r, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	for {
		err := r.Healthy(ctx)
		if err == nil {
			return r, nil
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != codeCannotConnectNow {
			return nil, err
		}
		logger.Info("the server is not ready yet", "server", r.describe, "reason", e.Message)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(retryInterval):
		}
	}
}

// ParseURI is Connect without its look at the server: it reads the URI and the files that it names.
func ParseURI(uri string) (*Remote, error) {
	config, err := pgconn.ParseConfig(uri)
	if err != nil {
		return nil, parseError(err)
	}
	if config.ValidateConnect != nil {
		return nil, &Error{Code: codeConfig, Message: "the databackend URI has target_session_attrs, which the proxy cannot honour",
			Detail: "The proxy relays each client's own login, so it does not see a server's role before the client does.",
			Hint:   "Name the server that is meant, or an address that follows it."}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = defaultConnectTimeout
	}
	r := &Remote{config: config, targets: targets(config)}
	r.describe = r.name()
	return r, nil
}

// parseError tells what is wrong with a URI without showing it, since the library's own text may hold a password.
func parseError(err error) error {
	detail := "It is neither a URI nor a keyword/value string that libpq would take."
	var file *os.PathError
	switch {
	case errors.As(err, &file):
		detail = fmt.Sprintf("%s: %v", file.Path, file.Err)
	case strings.Contains(err.Error(), "sslmode is invalid"):
		detail = "Its sslmode is none of disable, allow, prefer, require, verify-ca, verify-full."
	case strings.Contains(err.Error(), "invalid port"):
		detail = "Its port is not a number from 1 to 65535."
	case strings.Contains(err.Error(), "TLS"):
		detail = "Its TLS settings (sslmode, sslrootcert, sslcert, sslkey, sslpassword) cannot be used: a file is missing, or is not PEM."
	}
	return &Error{Code: codeConfig, Message: "the databackend URI cannot be used", Detail: detail,
		Hint: "Write it as postgres://user@host:5432/database?sslmode=prefer; characters such as @ : / % in a password are percent-encoded."}
}

// targets lists the ways to reach the servers, in the order they are tried: for each host TLS first, where sslmode asks
// for it or lets it be, then without where sslmode lets that be.
func targets(c *pgconn.Config) []target {
	type entry struct {
		host string
		port uint16
		tls  *tls.Config
	}
	entries := []entry{{c.Host, c.Port, c.TLSConfig}}
	for _, f := range c.Fallbacks {
		entries = append(entries, entry{f.Host, f.Port, f.TLSConfig})
	}
	var out []target
	for i := 0; i < len(entries); {
		// One host's entries stand side by side: one or two of them.
		e, next := entries[i], i+1
		t := target{tls: e.tls, direct: c.SSLNegotiation == "direct"}
		t.network, t.address = pgconn.NetworkAddress(e.host, e.port)
		if next < len(entries) && entries[next].host == e.host && entries[next].port == e.port && (entries[next].tls == nil) != (e.tls == nil) {
			t.plainToo = true
			if t.tls == nil {
				t.tls = entries[next].tls
			}
			next++
		}
		out = append(out, t)
		i = next
	}
	return out
}

// name describes the servers and how they are reached.
func (r *Remote) name() string {
	var hosts []string
	for _, t := range r.targets {
		mode := "without TLS"
		switch {
		case t.network == "unix":
			mode = "Unix socket"
		case t.tls != nil && t.plainToo:
			mode = "TLS if the server has it"
		case t.tls != nil && t.tls.InsecureSkipVerify && t.tls.VerifyPeerCertificate == nil && t.tls.VerifyConnection == nil:
			mode = "TLS"
		case t.tls != nil:
			mode = "TLS, verified"
		}
		hosts = append(hosts, t.address+" ("+mode+")")
	}
	return "PostgreSQL at " + strings.Join(hosts, ", ")
}

// Describe names the server's addresses and whether TLS is used; it holds no user, database or password.
func (r *Remote) Describe() string { return r.describe }

// Account is the user and the database of the URI.
func (r *Remote) Account() (user, database string) {
	if r.config.Database == "" {
		return r.config.User, r.config.User
	}
	return r.config.User, r.config.Database
}

// Dial tries the hosts in turn and gives the first transport. Each attempt has the URI's connect_timeout (default 10 s).
func (r *Remote) Dial(ctx context.Context) (net.Conn, bool, error) {
	return r.dial(ctx, r.targets)
}

// DialPeer gives a transport to the address that conn leads to, with TLS if conn has it.
func (r *Remote) DialPeer(ctx context.Context, conn net.Conn) (net.Conn, bool, error) {
	t, ok := peerOf(conn)
	if !ok {
		return nil, false, fmt.Errorf("transport %T was not made by this home", conn)
	}
	return r.dial(ctx, []target{t})
}

// dial tries targets in turn.
func (r *Remote) dial(ctx context.Context, targets []target) (net.Conn, bool, error) {
	var failures []error
	for _, t := range targets {
		attempt, cancel := context.WithTimeout(ctx, r.config.ConnectTimeout)
		conn, tlsUp, err := t.dial(attempt)
		cancel()
		if err == nil {
			return conn, tlsUp, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", t.address, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, false, unreachable(failures)
}

// unreachable is the error about servers none of which could be reached.
func unreachable(failures []error) error {
	e := &Error{Code: codeConnectionFailed, Message: "the PostgreSQL server cannot be reached", Err: errors.Join(failures...)}
	switch err := e.Err; {
	case untrusted(err):
		e.Hint = "The server's certificate is not signed by an authority that sslrootcert names, or is for another host name."
	case errors.Is(err, errNoTLS):
		e.Hint = "Switch TLS on in the server (ssl = on), or use sslmode=prefer or sslmode=disable."
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		e.Hint = "Is the server running, and does it listen on that address?"
	}
	return e
}

// untrusted reports whether an error is about the server's certificate. Verification by the library's own code
// (sslmode=verify-ca) gives the bare errors.
func untrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid)
}

// Healthy logs in and runs an empty query where the URI brings a password; otherwise it sends a start-up packet and is
// content with the server's request for one, as pg_isready is.
func (r *Remote) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.ConnectTimeout)
	defer cancel()
	if r.config.Password == "" {
		conn, _, err := r.Dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		return ping(ctx, conn, r.config.User, r.config.Database)
	}
	return login(ctx, r.config)
}

// Close has nothing to end.
func (r *Remote) Close(context.Context) error { return nil }

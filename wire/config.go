package wire

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"runtime"
	"time"
)

// Home says how to reach the PostgreSQL behind the proxy. It is used from many goroutines at once.
type Home interface {
	// Dial opens one transport to home. Where home's URI asks for TLS it is already up, and tlsUp says so; nothing
	// else of PostgreSQL's protocol has been spoken. The caller closes conn.
	Dial(ctx context.Context) (conn net.Conn, tlsUp bool, err error)
}

// Config holds the settings of a Server. The zero value of a limit means its default.
type Config struct {
	// TLS is the configuration towards clients. With nil every SSLRequest is answered 'N'. TLS is offered over TCP
	// only, as PostgreSQL does.
	TLS *tls.Config
	// RequireTLS refuses clients that come over TCP without TLS.
	RequireTLS bool
	// MaxConnections bounds the client sessions that run at once (default 2000). Cancel requests do not count.
	MaxConnections int
	// StartupTimeout bounds the time from accept to the first ReadyForQuery (default 60 s, PostgreSQL's
	// authentication_timeout).
	StartupTimeout time.Duration
	// DrainTimeout is how long Shutdown waits for busy sessions when its context has no deadline (default 30 s).
	DrainTimeout time.Duration
	// MaxStartupPacket is the longest start-up packet in bytes, without its length word (default 10,000, PostgreSQL's
	// own limit).
	MaxStartupPacket int
	// MaxMessage is the longest message of a client in bytes (default 1 GiB, PostgreSQL's own limit).
	MaxMessage int
	// MaxStatement is the longest Query or Parse message that an Interceptor is shown; a longer one is relayed unseen
	// (default 64 MiB). It also bounds the messages that ReceiveClient returns.
	MaxStatement int
	// CancelTimeout bounds how long one cancel request may take to reach home (default 10 s).
	CancelTimeout time.Duration
	// RelayThreads is how many threads relay the sessions over plain sockets (TCP or Unix without TLS on either side), on
	// Linux (default: one for two processors, at least one). With a negative number each session waits in Go's own
	// scheduler, as those over TLS do, which costs more processor time for a short statement.
	RelayThreads int
	// Logger receives what happens to connections; never a value of a statement or a row. Nil means slog.Default.
	Logger *slog.Logger
}

// withDefaults returns c with every unset limit at its default.
func (c Config) withDefaults() Config {
	setInt := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	setTime := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	setInt(&c.MaxConnections, 2000)
	setInt(&c.MaxStartupPacket, 10_000)
	setInt(&c.MaxMessage, 1<<30-1)
	setInt(&c.MaxStatement, 64<<20)
	if c.RelayThreads == 0 {
		c.RelayThreads = max(1, runtime.GOMAXPROCS(0)/2)
	}
	setTime(&c.StartupTimeout, 60*time.Second)
	setTime(&c.DrainTimeout, 30*time.Second)
	setTime(&c.CancelTimeout, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Observer is told what happens, for metrics. Its methods are called from many goroutines, often, and must not block.
type Observer interface {
	// ConnectionOpened and ConnectionClosed bracket every accepted transport, cancel requests included.
	ConnectionOpened()
	ConnectionClosed()
	// ConnectionRefused counts transports that did not become a session. reason is one of a few fixed words.
	ConnectionRefused(reason string)
	// Statement counts each Query, Execute and FunctionCall by who answers it: "relay" or "proxy".
	Statement(kind string)
	// ErrorSent counts the errors that the proxy itself raised, by SQLSTATE.
	ErrorSent(code string)
	// Bytes counts what was written to home and to the client.
	Bytes(toHome, toClient int)
}

// unobserved is the Observer of a Server that was given none.
type unobserved struct{}

// ConnectionOpened implements Observer.
func (unobserved) ConnectionOpened() {}

// ConnectionClosed implements Observer.
func (unobserved) ConnectionClosed() {}

// ConnectionRefused implements Observer.
func (unobserved) ConnectionRefused(string) {}

// Statement implements Observer.
func (unobserved) Statement(string) {}

// ErrorSent implements Observer.
func (unobserved) ErrorSent(string) {}

// Bytes implements Observer.
func (unobserved) Bytes(int, int) {}

package clickhouse

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Options are what the proxy's settings say about an Engine.
type Options struct {
	// Log gets what users should know of columns that are not shown; nil: none.
	Log *slog.Logger
}

// Engine is a ClickHouse server. It implements backend.Engine and backend.Definer.
type Engine struct {
	base     url.URL
	user     *url.Userinfo
	database string
	reading  reading
	version  string
	client   *http.Client
	sql      *dialect.SQL
	log      *slog.Logger
}

// reading says how values are shown that PostgreSQL lacks.
type reading struct {
	// fixedBytes shows FixedString as bytea; otherwise it is text, without the zero bytes that fill it up.
	fixedBytes bool
	// stringBytes shows String as bytea; otherwise it is text, and reading what is no UTF-8 an error.
	stringBytes bool
	// nanosTruncated shows DateTime64 of more than six digits as timestamps, cut; otherwise it is text.
	nanosTruncated bool
}

// Open connects to a server: clickhouse://user:password@host:8123/database, with the parameters that
// docs/databackends.md lists. The server has to answer.
func Open(ctx context.Context, uri string, options Options) (*Engine, error) {
	e, err := parseURI(uri)
	if err != nil {
		return nil, err
	}
	if e.log = options.Log; e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, DisableCompression: true,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLSHandshakeTimeout: 10 * time.Second, Proxy: http.ProxyFromEnvironment}}
	rows, err := e.ask(ctx, "SELECT version()")
	if err != nil {
		return nil, err
	}
	e.version = rows[0][0]
	return e, nil
}

// parseURI reads the URI of a databackend. Errors name no part that may be a secret.
func parseURI(uri string) (*Engine, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, invalidURI("it cannot be read as a URI; letters such as @ and / in a password are written as %40 and %2F")
	}
	if u.Scheme != "clickhouse" {
		return nil, invalidURI("its scheme is not clickhouse")
	}
	e := &Engine{base: url.URL{Scheme: "http", Path: "/"}, user: u.User, database: strings.TrimPrefix(u.Path, "/"), sql: newSQL()}
	if strings.Contains(e.database, "/") {
		return nil, invalidURI("its path is more than the name of a database")
	}
	port := "8123"
	for key, values := range u.Query() {
		value := values[len(values)-1]
		choose := func(into *bool, no, yes string) error {
			if value != no && value != yes {
				return invalidURI("its parameter " + key + " is neither " + no + " nor " + yes)
			}
			*into = value == yes
			return nil
		}
		var secure bool
		switch key {
		case "secure":
			if err = choose(&secure, "false", "true"); secure {
				e.base.Scheme, port = "https", "8443"
			}
		case "strings":
			err = choose(&e.reading.stringBytes, "text", "bytea")
		case "fixed_strings":
			err = choose(&e.reading.fixedBytes, "text", "bytea")
		case "nanoseconds":
			err = choose(&e.reading.nanosTruncated, "text", "truncate")
		default:
			err = invalidURI("its parameter " + key + " is not known; secure, strings, fixed_strings and nanoseconds are")
		}
		if err != nil {
			return nil, err
		}
	}
	host := u.Hostname()
	if host == "" {
		host = "127.0.0.1"
	}
	if u.Port() != "" {
		port = u.Port()
	}
	e.base.Host = net.JoinHostPort(host, port)
	return e, nil
}

// invalidURI is the error for a URI that cannot be used.
func invalidURI(why string) error {
	return &backend.Error{Code: "22023", Message: "invalid URI of a databackend: " + why, Hint: "It looks like clickhouse://user:password@host:8123/database; the port is that of HTTP."}
}

// Describe implements backend.Engine.
func (e *Engine) Describe() string { return fmt.Sprintf("ClickHouse %s at %s", e.version, e.base.Host) }

// Traits implements backend.Engine.
func (e *Engine) Traits() backend.Traits { return backend.Traits{ManyResults: true} }

// Ping implements backend.Engine.
func (e *Engine) Ping(ctx context.Context) error {
	_, err := e.ask(ctx, "SELECT 1")
	return err
}

// Connect implements backend.Engine.
func (e *Engine) Connect(ctx context.Context) (backend.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	return &Conn{engine: e}, nil
}

// Close implements backend.Engine.
func (e *Engine) Close() error {
	e.client.CloseIdleConnections()
	return nil
}

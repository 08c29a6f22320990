package pinnacle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// resetTimeout bounds how long a released session may take to forget what was done in it; then it is closed.
const resetTimeout = 10 * time.Second

// lastReturn is how long sessions that were cut may take to be given back.
const lastReturn = time.Second

// newSessions makes the pool of sessions for Execute, which connect to within. None is opened before it is needed.
func (p *Proxy) newSessions(ctx context.Context, within *pairs) (*pgxpool.Pool, error) {
	c, err := p.account()
	if err != nil {
		return nil, err
	}
	// What a URI says of the way to the server holds for the home's own connection, not for the one within the process.
	conn := c.ConnConfig
	conn.Host, conn.Port, conn.Fallbacks = "proxy", 0, nil
	conn.TLSConfig, conn.SSLNegotiation, conn.SSLCertMode, conn.ChannelBinding = nil, "", "", "disable"
	conn.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	conn.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return within.Dial(ctx) }
	conn.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: p.settings.CancelTimeout}
	}
	conn.RuntimeParams["application_name"] = cmp.Or(conn.RuntimeParams["application_name"], "pinnacle-proxy")
	conn.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	c.MaxConns, c.MinConns, c.MinIdleConns = int32(p.settings.ExecuteConnections), 0, 0
	c.AfterRelease = reset
	return pgxpool.NewWithConfig(ctx, c)
}

// account says as whom Execute logs in: as the one client that the local PostgreSQL knows, or as the user of the
// databackend's URI.
func (p *Proxy) account() (*pgxpool.Config, error) {
	databackend := p.settings.Databackend
	if p.settings.Local() {
		databackend = ""
	}
	c, err := pgxpool.ParseConfig(databackend)
	if err != nil || !p.settings.Local() {
		return c, err
	}
	c.ConnConfig.User, c.ConnConfig.Database = p.home.Account()
	c.ConnConfig.RuntimeParams, c.ConnConfig.RequireAuth, c.ConnConfig.ValidateConnect = map[string]string{}, "", nil
	c.ConnConfig.Password, err = home.Password(p.settings.DataDir)
	return c, err
}

// sessionPlaces is how many sessions must be allowed so that n can be open: one that ends has its place a moment longer.
func sessionPlaces(n int) int { return 2 * n }

// reset makes a session forget what was done in it, so that it is as a new one to its next user; a session that cannot is
// closed.
func reset(conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), resetTimeout)
	defer cancel()
	_, err := conn.Exec(ctx, "DISCARD ALL")
	return err == nil
}

// serveWithin serves the sessions of Execute. They have a server to themselves, so that clients can neither take their
// places nor end them with a drain. What is not given back within drain_timeout of Close is cut.
func (p *Proxy) serveWithin(within *pairs, sessions *pgxpool.Pool) {
	c := p.wireConfig()
	c.MaxConnections = sessionPlaces(p.settings.ExecuteConnections)
	c.Logger = c.Logger.With("for", "Execute")
	interceptors := p.interceptors()
	guarded := func(s wire.Session) wire.Interceptor {
		return &copyGuard{Interceptor: interceptors(s), limits: parseLimits(&p.settings)}
	}
	server := wire.NewServer(c, p.home, guarded, p.options.Metrics)
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), within) }()
	p.onClose(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, p.settings.DrainTimeout)
		defer cancel()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			sessions.Close()
		}()
		select {
		case <-closed:
		case <-ctx.Done():
		}
		_ = server.Shutdown(ctx) // its error says what the pool's number says better
		if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
			return fmt.Errorf("sessions of Execute: %w", err)
		}
		return notReturned(sessions, closed)
	})
}

// notReturned waits for the pool to be closed, now that its sessions were cut, and is the error about those that their
// users keep all the same.
func notReturned(sessions *pgxpool.Pool, closed <-chan struct{}) error {
	select {
	case <-closed:
		return nil
	case <-time.After(lastReturn):
		return &datalayer.Error{Code: "55006", Message: fmt.Sprintf("%d sessions of Execute were not given back", sessions.Stat().AcquiredConns()),
			Hint: "Close every Rows, and release every session, before the proxy is closed."}
	}
}

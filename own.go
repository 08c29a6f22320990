package pinnacle

import (
	"cmp"
	"context"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// openOwn makes the pool of sessions for the proxy's own work at home: what jobs read and write, and notifications. None is
// opened before it is needed.
func (p *Proxy) openOwn(ctx context.Context) error {
	c, err := p.ownSessions("jobs")
	if err != nil {
		return err
	}
	conn := c.ConnConfig
	conn.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	c.MaxConns, c.AfterRelease = int32(p.settings.JobConnections), reset
	p.own, err = p.openSessions(ctx, c)
	return err
}

// ownSessions are the settings of sessions of the proxy's own. They lead straight to home, so predict means nothing in them,
// and log in as Execute does: as the local PostgreSQL's user, or as that of the databackend's URI. what they are for is
// part of their application_name.
func (p *Proxy) ownSessions(what string) (*pgxpool.Config, error) {
	c, err := p.account()
	if err != nil {
		return nil, err
	}
	conn := c.ConnConfig
	// home.Dial knows the way to the server, TLS included.
	conn.Host, conn.Port, conn.Fallbacks = "home", 0, nil
	conn.TLSConfig, conn.SSLNegotiation, conn.SSLCertMode, conn.ChannelBinding = nil, "", "", "disable"
	conn.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	conn.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		made, _, err := p.home.Dial(ctx)
		return made, err
	}
	conn.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: p.settings.CancelTimeout}
	}
	conn.RuntimeParams["application_name"] = cmp.Or(conn.RuntimeParams["application_name"], "pinnacle-proxy "+what)
	c.MinConns, c.MinIdleConns = 0, 0
	return c, nil
}

// openSessions opens a pool of the proxy's own sessions, until Close.
func (p *Proxy) openSessions(ctx context.Context, c *pgxpool.Config) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	p.onClose(func(context.Context) error {
		pool.Close()
		return nil
	})
	return pool, nil
}

// ownQuestions is home, asked in the proxy's own sessions, as component.Home.
type ownQuestions struct{ pool *pgxpool.Pool }

// Query implements component.Home.
func (q ownQuestions) Query(ctx context.Context, sql string, args ...string) ([][]*string, error) {
	conn, err := q.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	params := make([][]byte, len(args))
	oids := make([]uint32, len(args))
	for i, arg := range args {
		params[i], oids[i] = []byte(arg), pgtype.TextOID
	}
	result := conn.Conn().PgConn().ExecParams(ctx, sql, params, oids, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	rows := make([][]*string, len(result.Rows))
	for i, row := range result.Rows {
		for _, v := range row {
			if v == nil {
				rows[i] = append(rows[i], nil)
				continue
			}
			text := string(v)
			rows[i] = append(rows[i], &text)
		}
	}
	return rows, nil
}

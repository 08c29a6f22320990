package pinnacle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign/define"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign/mirror"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/session"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// GoodMajor is the least major version of PostgreSQL that hands semi-joins and the like to a databackend.
const GoodMajor = 17

// foreignPort is the port, which is but a part of its socket's name, at which the proxy answers the local PostgreSQL's
// postgres_fdw.
const foreignPort = "5433"

// foreignFinishers are the sessions of the local PostgreSQL that finish, at one time, what the databackend cannot answer
// whole.
const foreignFinishers = 8

// foreignSide is a databackend that is no PostgreSQL, with what leads to it.
type foreignSide struct {
	engine backend.Engine
	mirror *mirror.Mirror
	server *foreign.Server
	// definer carries out clients' DDL.
	definer *define.Definer
	names   foreignNames
}

// foreignNames are the names of mirrored tables, made anew when the catalog is another one. It implements session.Foreign.
type foreignNames struct {
	catalog func() *dialect.Catalog
	last    atomic.Pointer[namesOf]
}

// namesOf are the names of one catalog.
type namesOf struct {
	catalog *dialect.Catalog
	names   *sqlparse.Names
	version uint64
}

var _ session.Foreign = (*foreignNames)(nil)

// Mirrored implements session.Foreign.
func (f *foreignNames) Mirrored() (*sqlparse.Names, uint64) {
	catalog, last := f.catalog(), f.last.Load()
	for last == nil || last.catalog != catalog {
		next := &namesOf{catalog: catalog, version: 1}
		if last != nil {
			next.version = last.version + 1
		}
		var names []string
		for _, t := range catalog.Tables {
			if t.Kind == dialect.BaseTable {
				names = append(names, t.Name)
			}
		}
		next.names = sqlparse.NewNames(names)
		if f.last.CompareAndSwap(last, next) {
			last = next
			break
		}
		last = f.last.Load()
	}
	return last.names, last.version
}

// shownSchema is a mirror as a define.Definer uses it.
type shownSchema struct{ *mirror.Mirror }

var _ define.Mirror = shownSchema{}

// Refresh implements define.Mirror.
func (s shownSchema) Refresh(ctx context.Context) error {
	_, err := s.Mirror.Refresh(ctx)
	return err
}

// foreignExplainer are foreignNames that can say what the databackend is asked. It implements session.ForeignExplainer.
type foreignExplainer struct {
	*foreignNames
	server *foreign.Server
}

var _ session.ForeignExplainer = foreignExplainer{}

// Explain implements session.ForeignExplainer.
func (p foreignExplainer) Explain(remote string) []foreign.Fact { return p.server.Explain(remote) }

// openEngine opens the databackend where it is no PostgreSQL.
func (p *Proxy) openEngine(ctx context.Context) error {
	if !p.settings.Foreign() {
		return nil
	}
	if err := os.MkdirAll(spoolDirectory(&p.settings), 0o700); err != nil {
		return err
	}
	engine, err := OpenEngine(ctx, &p.settings, p.options.Logger)
	if err != nil {
		return err
	}
	p.foreign = &foreignSide{engine: engine}
	p.onClose(func(context.Context) error { return engine.Close() })
	p.options.Logger.Info("the databackend", "engine", engine.Describe())
	return nil
}

// openForeign shows the databackend's tables in the local PostgreSQL and answers its postgres_fdw, until Close. Where the
// databackend is gone, what was shown of it goes.
func (p *Proxy) openForeign(ctx context.Context) error {
	local, ok := p.home.(*home.Local)
	if !ok {
		return nil
	}
	if p.foreign == nil {
		return p.removeMirror(ctx, local)
	}
	f := p.foreign
	_, database := local.Account()
	owner, _ := local.Account()
	refresh := p.settings.DatabackendRefresh
	if refresh == 0 {
		refresh = -1
	}
	connect := func(ctx context.Context) (*pgx.Conn, error) { return superuser(ctx, local, database) }
	f.mirror = mirror.New(mirror.Config{
		Source: f.engine, Connect: connect,
		Owner: owner, URI: config.RedactURI(p.settings.Databackend), Interval: refresh, Logger: p.options.Logger,
		Options: map[string]string{
			"host": local.Neighbour(), "port": foreignPort, "dbname": database,
			"use_remote_estimate": "true", "fetch_size": "10000", "batch_size": "1000",
		},
	})
	f.names.catalog = f.mirror.Catalog
	f.definer = define.New(define.Config{
		Engine: f.engine, Mirror: shownSchema{f.mirror}, Connect: connect, Owner: owner, KeyName: mirror.KeyName, Logger: p.options.Logger,
	})
	if err := f.mirror.Start(ctx); err != nil {
		return err
	}
	if err := letMakeRoles(ctx, connect, owner); err != nil {
		return err
	}
	if err := p.serveForeign(ctx, local); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.mirror.Run(running)
	}()
	p.onClose(func(context.Context) error {
		stop()
		<-done
		return nil
	})
	return nil
}

// serveForeign answers the local PostgreSQL's postgres_fdw on a socket that only that PostgreSQL can reach, until Close.
func (p *Proxy) serveForeign(ctx context.Context, local *home.Local) error {
	c := &p.settings
	finish, err := p.ownSessions("databackend")
	if err != nil {
		return err
	}
	// In another database than the clients' there are no mirrored tables, which must not be read here.
	finish.ConnConfig.Database = "postgres"
	conn := finish.ConnConfig
	conn.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	finish.MaxConns, finish.AfterRelease = int32(foreignFinishers), reset
	pool, err := p.openSessions(ctx, finish)
	if err != nil {
		return err
	}
	server := foreign.NewServer(foreign.Config{
		Engine: p.foreign.engine, Catalog: p.foreign.mirror.Catalog, Finish: pool, Directory: spoolDirectory(c),
		Memory: int64(c.ForeignMemory), SpoolBytes: int64(c.ForeignSpoolBytes), Sessions: c.ForeignSessions, Statements: c.ForeignStatements,
		PeerUID: local.UID(), Logger: p.options.Logger,
	})
	p.foreign.server = server
	path := filepath.Join(local.Neighbour(), ".s.PGSQL."+foreignPort)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	if err := local.Give(path); err != nil {
		return errors.Join(err, listener.Close())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), listener) }()
	p.onClose(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, p.settings.DrainTimeout)
		defer cancel()
		return errors.Join(server.Shutdown(ctx), <-served)
	})
	return nil
}

// letMakeRoles lets the account of clients make other roles. Before PostgreSQL 16 that right reaches farther, to what only
// superusers may do, and is not given. From PostgreSQL 15 on a role may keep settings of the proxy's only where that is
// granted.
func letMakeRoles(ctx context.Context, connect func(context.Context) (*pgx.Conn, error), owner string) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf(`DO $$ BEGIN
IF current_setting('server_version_num')::int >= 160000 AND NOT (SELECT rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = '%s') THEN
ALTER ROLE %s CREATEROLE; END IF;
IF current_setting('server_version_num')::int >= 150000 THEN GRANT SET ON PARAMETER "pinnacle.ddl_in_transactions" TO PUBLIC; END IF; END $$`, strings.ReplaceAll(owner, "'", "''"), pgx.Identifier{owner}.Sanitize()))
	return errors.Join(err, conn.Close(ctx))
}

// superuser opens a session of the proxy's own in the local PostgreSQL.
func superuser(ctx context.Context, local *home.Local, database string) (*pgx.Conn, error) {
	c, err := local.Superuser(database)
	if err != nil {
		return nil, err
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	return pgx.ConnectConfig(ctx, c)
}

// removeMirror takes the tables of an earlier databackend off the local PostgreSQL.
func (p *Proxy) removeMirror(ctx context.Context, local *home.Local) error {
	_, database := local.Account()
	conn, err := superuser(ctx, local, database)
	if err != nil {
		return err
	}
	return errors.Join(mirror.Remove(ctx, conn, p.options.Logger), conn.Close(ctx))
}

// Ready is nil while the PostgreSQL behind takes sessions and the databackend answers.
func (p *Proxy) Ready(ctx context.Context) error {
	if err := p.home.Healthy(ctx); err != nil || p.foreign == nil {
		return err
	}
	return p.foreign.engine.Ping(ctx)
}

// refreshSchema reads the databackend's schema anew, for pinnacle.refresh().
func (p *Proxy) refreshSchema(ctx context.Context) (any, error) {
	r, err := p.foreign.mirror.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]any{"relations": r.Shown, "created": r.Created, "changed": r.Changed, "dropped": r.Dropped, "waiting": r.Waiting, "kept": r.Kept}, nil
}

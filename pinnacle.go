// Package pinnacle is the whole proxy as a part of a Go program: the Datalayer, the PostgreSQL behind it and the server
// for clients, put together from settings. Command pinnacle-proxy is made of it.
package pinnacle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/search"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stores"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
	"github.com/pinnacle-proxy/pinnacle-proxy/session"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// loadDir is the directory, below the data directory, for copies of artifacts while models are loaded.
const loadDir = "loading"

// Options are what a program may give to Open beside the settings. The zero value is right for one that only executes.
type Options struct {
	// Address is where clients will be served, host:port, for the password file; "" means the setting listen.
	Address string
	// Logger gets what an operator should know; nil: nobody does. The settings of the log are not looked at.
	Logger *slog.Logger
	// Metrics count what is done; nil: it is not shown.
	Metrics *metrics.Metrics
}

// Proxy is an open proxy. Execute, Add, Show, Remove, Predict and the rest of the Datalayer work at once; clients are
// served while Serve runs. It is safe for concurrent use, and closed by its own Close, never by the Datalayer's.
type Proxy struct {
	*datalayer.Datalayer

	settings config.Config
	options  Options
	home     home.Home
	// foreign is the databackend where it is no PostgreSQL, otherwise nil.
	foreign  *foreignSide
	server   *wire.Server
	answerer *answer.Answerer
	jobs     *job.Queue
	files    artifacts.Store
	// own are sessions for the proxy's own work at home.
	own *pgxpool.Pool
	// keeper keeps the outputs of listeners.
	keeper   *listener.Keeper
	searches *search.Keeper
	// closers undo what Open did, in its order.
	closers []func(context.Context) error
}

// HomeError says that the PostgreSQL behind cannot be had.
type HomeError struct{ Err error }

// Error implements error.
func (e *HomeError) Error() string { return e.Err.Error() }

// Unwrap gives the cause, mostly a *home.Error.
func (e *HomeError) Unwrap() error { return e.Err }

// Open makes a proxy ready: it takes the data directory, starts the proxy's own PostgreSQL or looks for the databackend,
// and opens the stores. ctx is for the opening only. Settings begin with config.Default. The first start on a data
// directory takes some seconds. An error that a user can act on is a *config.Error, *datalayer.Error or *home.Error; that
// of a data directory or store that is in use has the code 55006.
func Open(ctx context.Context, settings config.Config, options Options) (*Proxy, error) {
	p := &Proxy{settings: settings, options: options}
	if p.options.Logger == nil {
		p.options.Logger = slog.New(slog.DiscardHandler)
	}
	if p.options.Metrics == nil {
		p.options.Metrics = metrics.New(metrics.Build{})
	}
	if p.options.Address == "" {
		p.options.Address = settings.Listen
	}
	if err := p.open(ctx); err != nil {
		if closing := p.Close(context.WithoutCancel(ctx)); closing != nil {
			err = errors.Join(err, closing)
		}
		return nil, err
	}
	return p, nil
}

// open opens everything in turn.
func (p *Proxy) open(ctx context.Context) error {
	if err := p.settings.Check(); err != nil {
		return err
	}
	tls, err := p.settings.TLS()
	if err != nil {
		return err
	}
	lock, err := home.LockDirectory(p.settings.DataDir)
	if err != nil {
		return err
	}
	p.onClose(func(context.Context) error { return lock.Release() })
	if err := p.openEngine(ctx); err != nil {
		return &HomeError{err}
	}
	if err := p.openHome(ctx, lock); err != nil {
		return &HomeError{err}
	}
	if err := p.openForeign(ctx); err != nil {
		return &HomeError{err}
	}
	p.openAnswers()
	if err := p.openOwn(ctx); err != nil {
		return err
	}
	if err := p.openDatalayer(ctx); err != nil {
		return err
	}
	c := p.wireConfig()
	c.TLS, c.RequireTLS, c.MaxConnections = tls, p.settings.TLSRequired, p.settings.MaxConnections
	p.server = wire.NewServer(c, p.home, p.interceptors(), p.options.Metrics)
	p.onClose(func(ctx context.Context) error {
		_ = p.server.Shutdown(ctx) // its only error is ctx's
		return nil
	})
	return nil
}

// onClose notes how to undo what was just opened.
func (p *Proxy) onClose(f func(context.Context) error) { p.closers = append(p.closers, f) }

// Close drains as Shutdown does, waits for the Rows and sessions of Execute to be given back, and undoes Open. What is
// not done when ctx ends, or after the setting drain_timeout, is cut; Rows and sessions that were not given back by then
// are an error.
func (p *Proxy) Close(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(p.closers) {
		errs = append(errs, f(ctx))
	}
	p.closers = nil
	return errors.Join(errs...)
}

// Serve serves clients that connect to ln until Shutdown, Close, or ctx's end, which drains too. It closes ln. It returns
// wire.ErrServerClosed, or the error that made accepting impossible. It may be called for several listeners.
func (p *Proxy) Serve(ctx context.Context, ln net.Listener) error { return p.server.Serve(ctx, ln) }

// Shutdown ends serving: no new connections are taken, statements and transactions end, idle clients are told 57P01.
// When ctx ends the rest is cut (after the setting drain_timeout if ctx has no deadline), and ctx's error is returned.
// Execute goes on working.
func (p *Proxy) Shutdown(ctx context.Context) error { return p.server.Shutdown(ctx) }

// Connections is the number of clients at the moment.
func (p *Proxy) Connections() int { return p.server.Connections() }

// Home is the PostgreSQL behind, for its health and its Account. It is closed by the Proxy's Close.
func (p *Proxy) Home() home.Home { return p.home }

// openHome connects to the user's PostgreSQL, or starts the proxy's own.
func (p *Proxy) openHome(ctx context.Context, lock *home.DirectoryLock) error {
	ctx, cancel := context.WithTimeout(ctx, p.settings.PostgresStartTimeout)
	defer cancel()
	h, err := p.findHome(ctx, lock)
	if err != nil {
		return err
	}
	p.home = h
	p.onClose(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, p.settings.PostgresStopTimeout)
		defer cancel()
		return h.Close(ctx)
	})
	p.options.Logger.Info("the PostgreSQL behind", "home", h.Describe())
	return nil
}

// findHome makes the home that the settings ask for.
func (p *Proxy) findHome(ctx context.Context, lock *home.DirectoryLock) (home.Home, error) {
	c := &p.settings
	if !c.Local() {
		h, err := home.Connect(ctx, c.Databackend, p.options.Logger)
		if err != nil {
			return nil, err
		}
		return h, nil
	}
	settings, prefer, finishers := c.PostgresSettings, 0, 0
	if c.Foreign() {
		finishers = sessionPlaces(foreignFinishers)
		// With the number of its process the server for postgres_fdw knows which session it serves (PostgreSQL 15 and newer).
		settings, prefer = append([]string{"postgres_fdw.application_name=pinnacle %p"}, settings...), GoodMajor
	}
	h, err := home.StartLocal(ctx, home.LocalConfig{
		Lock: lock, BinDir: c.PostgresBinDir, Fetch: home.FetchMode(c.PostgresFetch), Repository: c.PostgresRepository,
		ListenAddress: p.options.Address, MaxConnections: c.MaxConnections + sessionPlaces(c.ExecuteConnections) + sessionPlaces(c.JobConnections) + sessionPlaces(c.ListenerWorkers+keeperSessions) + finishers,
		SharedBuffers: int64(c.PostgresSharedBuffers), Settings: settings, Prefer: prefer, Logger: p.options.Logger,
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// openDatalayer opens the stores, the Datalayer over them, and the sessions of Execute, which lead through the Datalayer
// again: it gets them before there is one.
func (p *Proxy) openDatalayer(ctx context.Context) error {
	c := &p.settings
	kv, err := stores.OpenMetadata(ctx, c.MetadataURI(), stores.Options{MinFree: int64(c.MetadataMinFree), Logger: p.options.Logger})
	if err != nil {
		return err
	}
	store, err := records.Open(ctx, kv)
	if err != nil {
		return errors.Join(datalayer.ErrorOf(err), kv.Close())
	}
	p.onClose(func(context.Context) error { return store.Close() })
	files, err := stores.OpenArtifacts(ctx, c.ArtifactURI())
	if err != nil {
		return err
	}
	p.onClose(func(context.Context) error { return files.Close() })
	p.files = files.Store
	cache := filepath.Join(c.DataDir, loadDir)
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return fmt.Errorf("directory for loading models: %w", err)
	}
	within := newPairs()
	sessions, err := p.newSessions(ctx, within)
	if err != nil {
		return err
	}
	jobs := p.newJobs(kv, !stores.Shared(c.MetadataURI()))
	if err := p.newKeeper(ctx); err != nil {
		sessions.Close()
		return err
	}
	if err := p.newSearches(ctx); err != nil {
		sessions.Close()
		return err
	}
	p.Datalayer, err = datalayer.Open(ctx, datalayer.Config{
		Virtual:  searchModels{p.searches},
		Metadata: store, Tables: p.tables(jobs, kv), Kinds: p.kinds(sessions), Secrets: p.secrets(), PollInterval: c.MetadataPollInterval, Jobs: componentJobs{jobs}, Functions: map[string]datalayer.Function{"refresh": p.refreshListener},
		Artifacts: files.Store, Sessions: sessions, Runtimes: p.runtimes(), ImportDirs: c.ArtifactImportDirs, CacheDir: cache,
		MaxLoadedModels: c.MaxLoadedModels, MaxLoadedBytes: int64(c.MaxLoadedBytes), ModelIdle: c.ModelIdle,
		MaxParallelLoads: c.MaxParallelLoads, MaxArtifactBytes: int64(c.ArtifactMaxBytes),
		MaxSourceBytes: int(c.ModelMaxSourceBytes), ArtifactGrace: c.ArtifactGrace, Logger: p.options.Logger, Observer: p.options.Metrics,
	})
	if err != nil {
		sessions.Close()
		return err
	}
	p.onClose(func(context.Context) error { return p.Datalayer.Close() })
	p.jobs = jobs
	p.serveWithin(within, sessions)
	p.searches.Attach(p.Datalayer)
	p.runKeeper()
	p.runSearches()
	p.startJobs(jobs, p.handlers())
	return nil
}

// tables are the tables of the schema pinnacle beside the Datalayer's own.
func (p *Proxy) tables(jobs *job.Queue, kv keyvalue.Store) []datalayer.SystemTable {
	return slices.Concat(jobTables(jobs), []datalayer.SystemTable{p.validationTable(kv), p.vectorTable(), p.viewTable()}, p.listenerTables())
}

// handlers do the jobs, by kind.
func (p *Proxy) handlers() map[string]job.Handler {
	all := map[string]job.Handler{component.JobValidate: p.validateJob, search.JobBuild: p.buildVectors}
	maps.Copy(all, p.keeper.Handlers())
	return all
}

// wireConfig is what both servers have in common: the one for clients and the one for Execute.
func (p *Proxy) wireConfig() wire.Config {
	c := &p.settings
	return wire.Config{
		StartupTimeout: c.StartupTimeout, DrainTimeout: c.DrainTimeout, CancelTimeout: c.CancelTimeout,
		MaxStartupPacket: int(c.MaxStartupPacket), MaxMessage: int(c.MaxMessage), MaxStatement: int(c.MaxStatement),
		RelayThreads: c.RelayThreads, Logger: p.options.Logger,
	}
}

// interceptors gives what makes the interceptor of each session.
func (p *Proxy) interceptors() func(wire.Session) wire.Interceptor {
	c := &p.settings
	var foreign session.Foreign
	var definer session.Definer
	var direct session.Direct
	if p.foreign != nil {
		foreign, definer, direct = foreignExplainer{&p.foreign.names, p.foreign.server}, p.foreign.definer, p.foreign.server
	}
	return session.NewFactory(session.Config{
		Foreign:   foreign,
		Definer:   definer,
		Direct:    direct,
		Datalayer: p.Datalayer,
		Jobs:      p.jobs,
		Searches:  p.searches, OpenArtifact: p.openArtifact,
		Parse: parseLimits(c),
		Stream: stream.Limits{BatchRows: c.PredictBatchRows, BatchBytes: int(c.PredictBatchBytes), MemoBytes: int(c.PredictMemory),
			Ahead: c.PredictAhead},
		Ship:     session.ShipLimits{RoundBytes: int(c.PredictRoundBytes), LookupBytes: int(c.PredictLookupBytes), ResultBytes: int(c.PredictResultBytes), ResultFileBytes: int64(c.PredictResultFileBytes), MaxRounds: c.PredictMaxRounds},
		Answerer: p.answerer,
		Predict:  predictSettings(c),
		Validate: p.validateSettings(), MeasureDataset: p.measureAs,
		Observer: p.options.Metrics,
		Logger:   p.options.Logger,
	}).New
}

// parseLimits bound what is parsed.
func parseLimits(c *config.Config) sqlparse.Limits {
	return sqlparse.Limits{MaxBytes: int(c.ParseMaxBytes), MaxTokens: c.ParseMaxTokens, MaxDepth: c.ParseMaxDepth}
}

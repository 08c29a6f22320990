package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/filesystem"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// passFile is the password file's name in the data directory.
const passFile = home.PassFile

// loadDir is the directory, below the data directory, for copies of artifacts while models are loaded.
const loadDir = "loading"

// proxy is everything that serve runs.
type proxy struct {
	config   *config.Config
	logger   *slog.Logger
	metrics  *metrics.Metrics
	listener net.Listener
	home     home.Home
	health   *health
	server   *wire.Server
	// closers undo what open did, in its order. Each gets a context that ends when there is no more patience.
	closers []func(context.Context) error
}

// newLogger makes the log on w.
func newLogger(c *config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// open opens everything in turn; ctx is for the opening only. After an error close undoes what was opened.
func (p *proxy) open(ctx context.Context) error {
	p.metrics = metrics.New(metrics.Build{Version: version, Commit: commit(), Go: runtime.Version()})
	tls, err := certificate(p.config)
	if err != nil {
		return err
	}
	p.raiseFileLimit()
	if err := p.listen(); err != nil {
		return err
	}
	lock, err := home.LockDirectory(p.config.DataDir)
	if err != nil {
		return &exit{codeOfLock(err), err}
	}
	p.onClose(func(context.Context) error { return lock.Release() })
	if err := p.openHome(ctx, lock); err != nil {
		return err
	}
	d, err := p.openDatalayer(ctx)
	if err != nil {
		return err
	}
	c := p.config
	p.server = wire.NewServer(wire.Config{
		TLS: tls, RequireTLS: c.TLSRequired, MaxConnections: c.MaxConnections, StartupTimeout: c.StartupTimeout, DrainTimeout: c.DrainTimeout,
		MaxStartupPacket: int(c.MaxStartupPacket), MaxMessage: int(c.MaxMessage), MaxStatement: int(c.MaxStatement),
		CancelTimeout: c.CancelTimeout, Logger: p.logger,
	}, p.home, newSessions(c, d, p.metrics, p.logger), p.metrics)
	return nil
}

// onClose notes how to undo what was just opened.
func (p *proxy) onClose(f func(context.Context) error) { p.closers = append(p.closers, f) }

// close undoes open, the last first. patience ends when a second signal comes.
func (p *proxy) close(patience context.Context) error {
	var errs []error
	for _, f := range slices.Backward(p.closers) {
		errs = append(errs, f(patience))
	}
	return errors.Join(errs...)
}

// listen takes the addresses first, so that a proxy that runs there already is found before anything is started.
func (p *proxy) listen() (err error) {
	if p.listener, err = listen("listen", p.config.Listen); err != nil {
		return err
	}
	p.onClose(func(context.Context) error {
		if err := p.listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	p.health = newHealth(p.metrics, p.logger)
	if p.config.MetricsListen == "" {
		return nil
	}
	ln, err := listen("metrics_listen", p.config.MetricsListen)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- metrics.Serve(ctx, ln, p.metrics.Handler(p.health.ready), p.logger) }()
	p.onClose(func(context.Context) error {
		cancel()
		return <-ended
	})
	p.logger.Info("metrics and health", "address", ln.Addr().String())
	return nil
}

// openHome connects to the user's PostgreSQL, or starts the proxy's own.
func (p *proxy) openHome(ctx context.Context, lock *home.DirectoryLock) error {
	starting, cancel := context.WithTimeout(ctx, p.config.PostgresStartTimeout)
	defer cancel()
	h, err := p.findHome(starting, lock)
	if err != nil {
		return &exit{exitHome, err}
	}
	p.home = h
	p.onClose(func(patience context.Context) error {
		ctx, cancel := context.WithTimeout(patience, p.config.PostgresStopTimeout)
		defer cancel()
		return h.Close(ctx)
	})
	p.logger.Info("the PostgreSQL behind", "home", h.Describe())
	p.health.watch(h)
	p.onClose(func(context.Context) error {
		p.health.stop()
		return nil
	})
	return nil
}

// findHome makes the home that the settings ask for.
func (p *proxy) findHome(ctx context.Context, lock *home.DirectoryLock) (home.Home, error) {
	c := p.config
	if !c.Local() {
		h, err := home.Connect(ctx, c.Databackend, p.logger)
		if err != nil {
			return nil, err
		}
		return h, nil
	}
	h, err := home.StartLocal(ctx, home.LocalConfig{
		Lock: lock, BinDir: c.PostgresBinDir, Fetch: home.FetchMode(c.PostgresFetch), Repository: c.PostgresRepository,
		ListenAddress: p.listener.Addr().String(), MaxConnections: c.MaxConnections, SharedBuffers: int64(c.PostgresSharedBuffers),
		Settings: c.PostgresSettings, Logger: p.logger,
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// openDatalayer opens the stores and the Datalayer over them.
func (p *proxy) openDatalayer(ctx context.Context) (*datalayer.Datalayer, error) {
	c := p.config
	store, err := badgerstore.Open(ctx, badgerstore.Config{Dir: c.MetadataDir(), MinFree: int64(c.MetadataMinFree), Logger: p.logger})
	if err != nil {
		return nil, err
	}
	p.onClose(func(context.Context) error { return store.Close() })
	files, err := filesystem.Open(c.ArtifactDir())
	if err != nil {
		return nil, datalayer.ErrorOf(err)
	}
	cache := filepath.Join(c.DataDir, loadDir)
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, fmt.Errorf("directory for loading models: %w", err)
	}
	d, err := datalayer.Open(ctx, datalayer.Config{
		Metadata: store, Artifacts: files, Runtimes: runtimes(c), ImportDirs: c.ArtifactImportDirs, CacheDir: cache,
		MaxLoadedModels: c.MaxLoadedModels, MaxParallelLoads: c.MaxParallelLoads, MaxArtifactBytes: int64(c.ArtifactMaxBytes),
		MaxSourceBytes: int(c.ModelMaxSourceBytes), ArtifactGrace: c.ArtifactGrace, Logger: p.logger, Observer: p.metrics,
	})
	if err != nil {
		return nil, err
	}
	p.onClose(func(context.Context) error { return d.Close() })
	return d, nil
}

// runtimes are what USING may name.
func runtimes(c *config.Config) []udf.Runtime {
	return []udf.Runtime{starlark.New(starlark.Config{MaxSteps: uint64(c.StarlarkMaxSteps)}), newONNX(c)}
}

// newONNX makes the runtime onnx.
func newONNX(c *config.Config) *onnx.Runtime {
	return onnx.New(onnx.Config{LibraryPath: c.ONNXRuntime, SearchDirs: []string{c.DataDir}, IntraOpThreads: c.ONNXThreads,
		Sessions: c.ONNXSessions, MaxModelBytes: int64(c.ONNXMaxModelBytes)})
}

// codeOfLock is the exit code for a data directory that cannot be had.
func codeOfLock(err error) int {
	var e *home.Error
	if errors.As(err, &e) && e.SQLState() == "55006" {
		return exitInUse
	}
	return exitFailure
}

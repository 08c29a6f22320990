package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
)

// passFile is the password file's name in the data directory.
const passFile = home.PassFile

// proxy is everything that serve runs.
type proxy struct {
	config   *config.Config
	logger   *slog.Logger
	metrics  *metrics.Metrics
	listener net.Listener
	health   *health
	// inner is what is served; the rest is around it.
	inner *pinnacle.Proxy
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
	p.raiseFileLimit()
	if err := p.listen(); err != nil {
		return err
	}
	inner, err := pinnacle.Open(ctx, *p.config, pinnacle.Options{Address: p.listener.Addr().String(), Logger: p.logger, Metrics: p.metrics})
	if err != nil {
		return &exit{codeOfOpen(err), err}
	}
	p.inner = inner
	p.onClose(inner.Close)
	p.health.watch(inner)
	p.onClose(func(context.Context) error {
		p.health.stop()
		return nil
	})
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

// codeOfOpen is the exit code for a proxy that cannot be opened.
func codeOfOpen(err error) int {
	var wrong *config.Error
	var behind *pinnacle.HomeError
	switch {
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &behind):
		return exitHome
	}
	return codeOfLock(err)
}

// codeOfLock is the exit code for a data directory or a store that cannot be had.
func codeOfLock(err error) int {
	var e interface{ SQLState() string }
	if errors.As(err, &e) && e.SQLState() == "55006" {
		return exitInUse
	}
	return exitFailure
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
)

// The pauses and bounds of the look at home's health: every healthInterval, and for /readyz when the last look is older
// than healthFresh.
const (
	healthInterval = 5 * time.Second
	healthTimeout  = 5 * time.Second
	healthFresh    = time.Second
)

// health watches home and answers /readyz.
type health struct {
	metrics *metrics.Metrics
	logger  *slog.Logger

	mu       sync.Mutex
	serving  bool
	draining bool

	// looking is held, filled, by who looks at home; at and last are what it found.
	looking chan struct{}
	home    behind
	at      time.Time
	last    error

	end     context.CancelFunc
	watched chan struct{}
}

// behind is what is looked at. *pinnacle.Proxy is one.
type behind interface {
	// Ready is nil while the PostgreSQL behind takes sessions and the databackend answers.
	Ready(ctx context.Context) error
	// Home is the PostgreSQL behind.
	Home() home.Home
}

// newHealth makes a health that is not ready.
func newHealth(m *metrics.Metrics, logger *slog.Logger) *health {
	return &health{metrics: m, logger: logger, looking: make(chan struct{}, 1)}
}

// watch looks at home in intervals until stop.
func (h *health) watch(home behind) {
	ctx, cancel := context.WithCancel(context.Background())
	h.home, h.end, h.watched = home, cancel, make(chan struct{})
	h.metrics.HomeUp(true)
	go func() {
		defer close(h.watched)
		tick := time.NewTicker(healthInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				h.look(ctx, healthInterval/2)
			}
		}
	}()
}

// stop ends the watch.
func (h *health) stop() {
	h.end()
	<-h.watched
}

// look asks home whether it is healthy, unless that was done within the time given. One asks at a time.
func (h *health) look(ctx context.Context, fresh time.Duration) error {
	select {
	case h.looking <- struct{}{}:
		defer func() { <-h.looking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !h.at.IsZero() && time.Since(h.at) < fresh {
		return h.last
	}
	bounded, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	err := h.home.Ready(bounded)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch {
	case err != nil && h.last == nil:
		h.logger.Error("the PostgreSQL behind does not take sessions", "home", h.home.Home().Describe(), "reason", err)
	case err == nil && h.last != nil:
		h.logger.Info("the PostgreSQL behind takes sessions again", "home", h.home.Home().Describe())
	}
	h.at, h.last = time.Now(), err
	h.metrics.HomeUp(err == nil)
	return err
}

// start says that clients are served.
func (h *health) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serving = true
}

// drain says that no new clients are served.
func (h *health) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// ready is nil while clients are served and home is healthy.
func (h *health) ready(ctx context.Context) error {
	h.mu.Lock()
	serving, draining := h.serving, h.draining
	h.mu.Unlock()
	switch {
	case draining:
		return errors.New("draining")
	case !serving:
		return errors.New("starting")
	}
	return h.look(ctx, healthFresh)
}

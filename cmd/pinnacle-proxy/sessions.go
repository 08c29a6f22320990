package main

import (
	"log/slog"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
	"github.com/pinnacle-proxy/pinnacle-proxy/session"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// newSessions gives what makes the interceptor of each client session.
func newSessions(c *config.Config, d *datalayer.Datalayer, m *metrics.Metrics, logger *slog.Logger) func(wire.Session) wire.Interceptor {
	return session.NewFactory(session.Config{
		Datalayer: d,
		Parse:     sqlparse.Limits{MaxBytes: int(c.ParseMaxBytes), MaxTokens: c.ParseMaxTokens, MaxDepth: c.ParseMaxDepth},
		Stream: stream.Limits{BatchRows: c.PredictBatchRows, BatchBytes: int(c.PredictBatchBytes), MemoBytes: int(c.PredictMemory),
			Ahead: c.PredictAhead},
		Observer: m,
		Logger:   logger,
	}).New
}

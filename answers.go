package pinnacle

import (
	"context"
	"path/filepath"
	"runtime/debug"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer/badgercache"
	"github.com/pinnacle-proxy/pinnacle-proxy/metrics"
)

// cacheDir is the directory of the cache of answers, below the data directory.
const cacheDir = "answers"

// openAnswers makes the Answerer of all sessions. Where its cache cannot be had it has none: a cache never keeps the
// proxy from starting.
func (p *Proxy) openAnswers() {
	c := answer.Config{CacheFrom: p.settings.PredictCacheFrom, Program: build(), BatchBytes: int(p.settings.PredictBatchBytes), Logger: p.options.Logger, Outputs: listenerOutputs{p}}
	seen := metrics.Answers{}
	if p.settings.PredictCacheBytes > 0 {
		cache, err := badgercache.Open(badgercache.Config{Dir: filepath.Join(p.settings.DataDir, cacheDir), MaxBytes: int64(p.settings.PredictCacheBytes),
			MinFree: int64(p.settings.MetadataMinFree), Logger: p.options.Logger})
		if err != nil {
			p.options.Logger.Warn("there is no cache of answers", "error", err)
		} else {
			c.Cache, seen.CacheBytes, seen.CacheDropped = cache, cache.Bytes, cache.Dropped
		}
	}
	p.answerer = answer.New(c)
	p.onClose(func(context.Context) error { return p.answerer.Close() })
	seen.Waiting = p.answerer.Waiting
	p.options.Metrics.WatchAnswers(seen)
}

// build is the version of the program as Go has stamped it, which an update changes.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
			text += " " + s.Value
		}
	}
	return text
}

// predictSettings are those of sessions that say nothing else.
func predictSettings(c *config.Config) answer.Settings {
	s := answer.DefaultSettings()
	s.Limits = answer.Limits{MaxCalls: int64(c.PredictMaxCalls), MaxTokens: int64(c.PredictMaxTokens), Timeout: c.PredictTimeout}
	return s
}

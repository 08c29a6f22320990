package badgerstore

import (
	"context"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// collect frees dead values of the value log from time to time, until ctx ends.
func (s *Store) collect(ctx context.Context) {
	tick := time.NewTicker(s.config.CollectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.collectOnce(ctx)
		}
	}
}

// collectOnce rewrites files of the value log as long as there is one that is worth it. It needs room to do so, and
// leaves it be on a full disk.
func (s *Store) collectOnce(ctx context.Context) {
	for ctx.Err() == nil && s.config.checkSpace() == nil {
		err := s.db.RunValueLogGC(discardRatio)
		if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) {
			return
		}
		if err != nil {
			s.config.Logger.Warn("metadata store: the value log could not be collected", "error", err)
			return
		}
	}
}

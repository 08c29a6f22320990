// Package badgerstore records components in a Badger database: a directory that one process at a time has open. Every
// change is synced to the disk before it is reported as done.
package badgerstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// Store is the store in one directory. It implements metadata.Store. Close ends it.
type Store struct {
	config Config
	db     *badger.DB
	// mu is held for reading while a method uses db, for writing while Close closes it.
	mu     sync.RWMutex
	closed bool
	// stop ends the collection of the value log, which collecting waits for.
	stop       context.CancelFunc
	collecting sync.WaitGroup
}

var _ metadata.Store = (*Store)(nil)

// Models implements metadata.Store.
func (s *Store) Models(ctx context.Context) (models []*metadata.Model, err error) {
	err = s.view(ctx, func(t *tx) error {
		models, err = t.models(ctx)
		return err
	})
	return models, err
}

// Model implements metadata.Store.
func (s *Store) Model(ctx context.Context, name string) (m *metadata.Model, err error) {
	err = s.view(ctx, func(t *tx) error {
		m, err = t.Model(name)
		return err
	})
	return m, err
}

// Artifacts implements metadata.Store.
func (s *Store) Artifacts(ctx context.Context) (found []*metadata.Artifact, err error) {
	err = s.view(ctx, func(t *tx) error {
		found, err = t.artifacts(ctx)
		return err
	})
	return found, err
}

// view reads at one moment of the database.
func (s *Store) view(ctx context.Context, read func(t *tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return closedError()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return read(&tx{txn: txn})
}

// Update implements metadata.Store. Badger finds collisions when a transaction commits; there is always one of the
// colliding that gets through, so that the others get their turn.
func (s *Store) Update(ctx context.Context, change func(tx metadata.Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := s.attempt(ctx, change)
		if !errors.Is(err, badger.ErrConflict) {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// attempt runs one transaction; badger.ErrConflict says that it is to be run again.
func (s *Store) attempt(ctx context.Context, change func(tx metadata.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return closedError()
	}
	if err := s.config.checkSpace(); err != nil {
		return err
	}
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	if err := change(&tx{txn: txn}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := txn.Commit()
	if err == nil || errors.Is(err, badger.ErrConflict) {
		return err
	}
	return s.config.failed("record the change", err)
}

// pause waits before a transaction is run again: a random time of up to 1 ms at first, twice as much each time, and at
// most 64 ms.
func pause(ctx context.Context, attempt int) error {
	wait := time.NewTimer(rand.N(time.Millisecond << min(attempt, 6)))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// Close implements metadata.Store. It waits for methods that run.
func (s *Store) Close() error {
	s.stop()
	s.collecting.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.db.Close(); err != nil {
		return s.config.failed("close the metadata store", err)
	}
	return nil
}

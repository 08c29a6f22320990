// Package badgerstore is a keyvalue.Store in a Badger database: a directory that one process at a time has open. Every
// change is synced to the disk before it is reported as done.
package badgerstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Store is the store in one directory. It implements keyvalue.Store. Close ends it.
type Store struct {
	config  Config
	db      *badger.DB
	commits *commits
	// mu is held for reading while a method uses db, for writing while Close closes it.
	mu     sync.RWMutex
	closed bool
	// stop ends the collection of the value log, which collecting waits for.
	stop       context.CancelFunc
	collecting sync.WaitGroup
}

var _ keyvalue.Store = (*Store)(nil)

// View implements keyvalue.Store.
func (s *Store) View(ctx context.Context, read func(r keyvalue.Reader) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return keyvalue.Closed()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return read(&tx{ctx: ctx, txn: txn})
}

// errConflict says that what a transaction has read was changed meanwhile.
var errConflict = errors.New("the transaction collides with another")

// Update implements keyvalue.Store. There is always one of the transactions that collide that gets through, so that the
// others get their turn.
func (s *Store) Update(ctx context.Context, change func(tx keyvalue.Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := s.attempt(ctx, change)
		if !errors.Is(err, errConflict) {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// attempt runs one transaction; errConflict says that it is to be run again.
func (s *Store) attempt(ctx context.Context, change func(tx keyvalue.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return keyvalue.Closed()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.config.checkSpace(); err != nil {
		return err
	}
	u := s.commits.begin()
	defer s.commits.end(u)
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	if err := change(&tx{ctx: ctx, txn: txn, update: u}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(u.writes) == 0 {
		return nil // it read one snapshot
	}
	done := make(chan error, 1)
	if !s.commits.commit(u, func() { txn.CommitWith(func(err error) { done <- err }) }) {
		return errConflict
	}
	if err := <-done; err != nil {
		return s.config.failed("record the change", err)
	}
	return nil
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

// Close implements keyvalue.Store. It waits for methods that run.
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

// Package sqlstore is a keyvalue.Store in an SQL database: PostgreSQL, MySQL or MariaDB, SQLite, SQL Server. Several
// proxies may share one. All records are rows of one table; the texts of the statements are made by bun for the
// database's dialect, once, and values are always bound by the driver, never written into a text.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Config says where a store is. Only URI is required.
type Config struct {
	// URI is postgres://, mysql://, sqlite: with a file's name, or mssql://; see each engine's file for its
	// parameters. Its password is in no error.
	URI string
	// MaxConnections are the connections at one time; 0 stands for 8.
	MaxConnections int
}

// defaultMaxConnections bounds the transactions at one time, and thereby how many can collide.
const defaultMaxConnections = 8

// Store is the store in one database. It implements keyvalue.Store. Close ends it.
type Store struct {
	engine *engine
	db     *sql.DB
	texts  *texts
	// prepared are the statements by their text, where the engine wants them prepared.
	prepared map[string]*sql.Stmt
	// mu is held for reading while a method uses db, for writing while Close closes it.
	mu     sync.RWMutex
	closed bool
}

var _ keyvalue.Store = (*Store)(nil)

// Open connects to the database and makes the tables if need be. A role that may not make them is a *keyvalue.Error with
// 42501 and a hint what to ask for.
func Open(ctx context.Context, config Config) (*Store, error) {
	e, db, err := connect(config.URI)
	if err != nil {
		return nil, err
	}
	if config.MaxConnections == 0 {
		config.MaxConnections = defaultMaxConnections
	}
	db.SetMaxOpenConns(config.MaxConnections)
	db.SetMaxIdleConns(config.MaxConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s := &Store{engine: e, db: db, prepared: map[string]*sql.Stmt{}}
	err = s.init(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// init makes everything ready.
func (s *Store) init(ctx context.Context) (err error) {
	if err := s.db.PingContext(ctx); err != nil {
		return s.connectFailed(ctx, err)
	}
	if s.texts, err = newTexts(s.engine); err != nil {
		return err
	}
	if s.engine.check != nil {
		if err := s.engine.check(ctx, s.db); err != nil {
			return s.failed(ctx, "look at the metadata store", err)
		}
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if !s.engine.prepare {
		return nil
	}
	for _, text := range s.texts.all() {
		if s.prepared[text], err = s.db.PrepareContext(ctx, text); err != nil {
			return s.failed(ctx, "prepare the statements of the metadata store", err)
		}
	}
	return nil
}

// connectFailed is the error for a database that cannot be reached: 08006, or 28000 where it does not let us in.
func (s *Store) connectFailed(ctx context.Context, err error) error {
	known := s.failed(ctx, "connect to the metadata store", err)
	var e *keyvalue.Error
	if errors.As(known, &e) && e.Code == "58030" {
		e.Code = "08006"
	}
	return known
}

// View implements keyvalue.Store.
func (s *Store) View(ctx context.Context, read func(r keyvalue.Reader) error) error {
	return s.use(ctx, func() error {
		t, err := s.begin(ctx, s.engine.viewIsolation, true)
		if err != nil {
			return err
		}
		defer func() { _ = t.sql.Rollback() }() // it changed nothing
		return read(t)
	})
}

// use runs f unless the store is closed or ctx has ended.
func (s *Store) use(ctx context.Context, f func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return keyvalue.Closed()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f()
}

// Update implements keyvalue.Store. Collisions are found by the database, which lets one of those that collide get
// through.
func (s *Store) Update(ctx context.Context, change func(tx keyvalue.Tx) error) error {
	return keyvalue.Retry(ctx, func() (again keyvalue.Outcome, err error) {
		err = s.use(ctx, func() (err error) {
			again, err = s.attempt(ctx, change)
			return err
		})
		return again, err
	})
}

// attempt runs one transaction.
func (s *Store) attempt(ctx context.Context, change func(tx keyvalue.Tx) error) (keyvalue.Outcome, error) {
	t, err := s.begin(ctx, sql.LevelSerializable, false)
	if err != nil {
		return keyvalue.Final, err
	}
	defer func() { _ = t.sql.Rollback() }() // after a commit it does nothing
	err = change(t)
	switch {
	case ctx.Err() != nil:
		return keyvalue.Final, ctx.Err()
	case t.failure != nil && s.engine.explain(t.failure).collision:
		return keyvalue.Collided, err
	case t.failure != nil && s.engine.explain(t.failure).code == "08006":
		return keyvalue.Lost, errors.Join(err, s.failed(ctx, "use the metadata store", t.failure))
	case err != nil:
		return keyvalue.Final, err
	case t.failure != nil:
		return keyvalue.Final, s.failed(ctx, "use the metadata store", t.failure)
	}
	err = t.sql.Commit()
	switch {
	case err == nil:
		return keyvalue.Final, nil
	case s.engine.explain(err).collision:
		return keyvalue.Collided, err
	default:
		return keyvalue.Final, s.failed(ctx, "record the change", err)
	}
}

// begin begins a transaction.
func (s *Store) begin(ctx context.Context, isolation sql.IsolationLevel, readOnly bool) (*tx, error) {
	begun, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: isolation, ReadOnly: readOnly && !s.engine.noReadOnly})
	if err != nil {
		return nil, s.failed(ctx, "begin a transaction of the metadata store", err)
	}
	if s.engine.prelude != "" && !readOnly {
		if _, err := begun.ExecContext(ctx, s.engine.prelude); err != nil {
			return nil, errors.Join(s.failed(ctx, "begin a transaction of the metadata store", err), begun.Rollback())
		}
	}
	return &tx{ctx: ctx, store: s, sql: begun}, nil
}

// failed is the error for something that the database refused. doing completes "could not …". After ctx's end it is
// ctx's error.
func (s *Store) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.engine.failed(doing, err)
}

// Close implements keyvalue.Store. It waits for methods that run.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.db.Close(); err != nil { // the prepared statements with it
		return s.failed(context.Background(), "close the metadata store", err)
	}
	return nil
}

// Package sqlite is the databackend of SQLite files: sqlite:///absolute/path and sqlite://relative/path. The engine runs
// in the proxy's process (modernc.org/sqlite).
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	lib "modernc.org/sqlite/lib"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlprogram"
)

// Options are what the proxy's configuration says beyond the URI.
type Options struct {
	// Spool bounds rows that are read ahead of a write on the same session.
	Spool spool.Limits
	// IdleSessions is how many connections are kept open for later use; 0 means 16.
	IdleSessions int
}

// engine is one SQLite file.
type engine struct {
	settings settings
	options  Options
	version  string
	grammar  *sqlprogram.Grammar[*form]

	mu     sync.Mutex
	idle   []*session
	closed bool
}

// Open opens a SQLite file.
func Open(ctx context.Context, uri string, options Options) (backend.Engine, error) {
	s, err := parseURI(uri)
	if err != nil {
		return nil, &backend.Error{Code: "22023", Message: err.Error()}
	}
	if options.IdleSessions == 0 {
		options.IdleSessions = 16
	}
	e := &engine{settings: s, options: options, grammar: newGrammar()}
	c, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := c.texts("SELECT sqlite_version()")
	if err != nil {
		c.end()
		return nil, asError(ctx, err, nil)
	}
	e.version = rows[0][0]
	return e, e.giveBack(c)
}

// open makes a session with its settings.
func (e *engine) open(ctx context.Context) (*session, error) {
	flags := map[string]int32{"ro": lib.SQLITE_OPEN_READONLY, "rw": lib.SQLITE_OPEN_READWRITE,
		"rwc": lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE}[e.settings.mode]
	h, err := openHandle(e.settings.path, flags)
	if err != nil {
		err := asError(ctx, err, nil)
		var known *backend.Error
		if e.settings.mode == "rw" && errors.As(err, &known) && known.Code == "08001" {
			known.Hint = "With mode=rwc in the URI a file that is missing is made."
		}
		return nil, err
	}
	h.busyTimeout(int32(min(e.settings.busyTimeout, busySlice).Milliseconds()))
	s := &session{engine: e, h: h, prepared: map[*program]*statement{}}
	pragmas := "PRAGMA foreign_keys = " + map[bool]string{true: "on", false: "off"}[e.settings.foreignKeys]
	if e.settings.wal && e.settings.mode != "ro" {
		pragmas += "; PRAGMA journal_mode = wal; PRAGMA synchronous = full"
	}
	if err := s.patiently(ctx, func() error { return h.run(pragmas) }); err != nil {
		s.end()
		return nil, asError(ctx, err, nil)
	}
	return s, nil
}

// Describe implements backend.Engine.
func (e *engine) Describe() string { return "SQLite " + e.version + " with " + e.settings.path }

// Traits implements backend.Engine.
func (e *engine) Traits() backend.Traits {
	return backend.Traits{Transactions: true, Savepoints: true, DDLInTransactions: true, OneWriter: true, ManyResults: true}
}

// Ping implements backend.Engine.
func (e *engine) Ping(ctx context.Context) error {
	s, err := e.take(ctx)
	if err != nil {
		return err
	}
	if _, err := s.texts("PRAGMA schema_version"); err != nil {
		s.end()
		return asError(ctx, err, nil)
	}
	return e.giveBack(s)
}

// Connect implements backend.Engine.
func (e *engine) Connect(ctx context.Context) (backend.Conn, error) {
	s, err := e.take(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{session: s}, nil
}

// take gives an idle session, or a new one.
func (e *engine) take(ctx context.Context) (*session, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, &backend.Error{Code: "57P01", Message: "the SQLite database is closed", Lost: true}
	}
	if n := len(e.idle); n > 0 {
		s := e.idle[n-1]
		e.idle = e.idle[:n-1]
		e.mu.Unlock()
		return s, nil
	}
	e.mu.Unlock()
	return e.open(ctx)
}

// giveBack keeps a session for later, or ends it.
func (e *engine) giveBack(s *session) error {
	e.mu.Lock()
	if !e.closed && len(e.idle) < e.options.IdleSessions {
		e.idle = append(e.idle, s)
		e.mu.Unlock()
		return nil
	}
	e.mu.Unlock()
	return s.end()
}

// Close implements backend.Engine. Sessions in use end when they are given back.
func (e *engine) Close() error {
	e.mu.Lock()
	idle := e.idle
	e.idle, e.closed = nil, true
	e.mu.Unlock()
	var failed error
	for _, s := range idle {
		if err := s.end(); err != nil && failed == nil {
			failed = fmt.Errorf("close SQLite: %w", err)
		}
	}
	return failed
}

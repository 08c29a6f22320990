// Package duckdb is the databackend of DuckDB databases: duckdb:///absolute/path, duckdb://relative/path. The engine
// runs in the proxy's process.
package duckdb

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"

	lib "github.com/duckdb/duckdb-go-bindings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlprogram"
)

// Options are what the proxy's configuration says beyond the URI.
type Options struct {
	// Spool bounds rows that are read ahead of another statement on the same session.
	Spool spool.Limits
	// TempDirectory is where DuckDB writes what its memory does not hold, where the URI does not say; "" leaves it beside
	// the database.
	TempDirectory string
	// IdleSessions is how many connections are kept open for later use; 0 means 16.
	IdleSessions int
}

// engine is one DuckDB database.
type engine struct {
	settings settings
	options  Options
	db       *database
	grammar  *sqlprogram.Grammar[*form]

	mu     sync.Mutex
	idle   []*session
	used   int
	closed bool
}

// Open opens a DuckDB database. Nothing is fetched from the network: extensions that are not linked in are not loaded.
func Open(ctx context.Context, uri string, options Options) (backend.Engine, error) {
	s, err := parseURI(uri)
	if err != nil {
		return nil, &backend.Error{Code: "22023", Message: err.Error()}
	}
	if s.tempDirectory == "" {
		s.tempDirectory = options.TempDirectory
	}
	if s.mode == "rw" && s.path != ":memory:" {
		if _, err := os.Stat(s.path); errors.Is(err, os.ErrNotExist) {
			return nil, &backend.Error{Code: "08001", Message: "the DuckDB database does not exist", Detail: s.path,
				Hint: "With mode=rwc in the URI a file that is missing is made."}
		}
	}
	if options.IdleSessions == 0 {
		options.IdleSessions = 16
	}
	db, err := openDatabase(s.path, s.configuration())
	if err != nil {
		return nil, asError(ctx, err, nil)
	}
	return &engine{settings: s, options: options, db: db, grammar: newGrammar()}, nil
}

// configuration is what DuckDB is opened with (https://duckdb.org/docs/current/configuration/overview).
func (s settings) configuration() map[string]string {
	threads := s.threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	out := map[string]string{
		"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "allow_community_extensions": "false",
		"memory_limit": s.memoryLimit, "threads": strconv.Itoa(threads), "access_mode": "READ_WRITE",
	}
	if s.mode == "ro" {
		out["access_mode"] = "READ_ONLY"
	}
	if s.tempDirectory != "" {
		out["temp_directory"] = s.tempDirectory
	}
	return out
}

// Describe implements backend.Engine.
func (e *engine) Describe() string {
	return "DuckDB " + lib.LibraryVersion() + " with " + e.settings.path
}

// Traits implements backend.Engine.
func (e *engine) Traits() backend.Traits {
	return backend.Traits{Transactions: true, DDLInTransactions: true}
}

// Ping implements backend.Engine.
func (e *engine) Ping(ctx context.Context) error {
	s, err := e.take(ctx)
	if err != nil {
		return err
	}
	defer e.giveBack(s)
	_, err = s.c.run("SELECT 1")
	return asError(ctx, err, nil)
}

// Connect implements backend.Engine.
func (e *engine) Connect(ctx context.Context) (backend.Conn, error) {
	s, err := e.take(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{session: s}, nil
}

// sessionSettings make a session compute as PostgreSQL with the proxy's settings does.
const sessionSettings = "SET TimeZone = 'UTC'"

// take gives an idle session, or a new one.
func (e *engine) take(ctx context.Context) (*session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, &backend.Error{Code: "57P01", Message: "the DuckDB database is closed", Lost: true}
	}
	if n := len(e.idle); n > 0 {
		s := e.idle[n-1]
		e.idle = e.idle[:n-1]
		e.used++
		return s, nil
	}
	c, err := e.db.connect()
	if err != nil {
		return nil, asError(ctx, err, nil)
	}
	if _, err := c.run(sessionSettings); err != nil {
		c.close()
		return nil, asError(ctx, err, nil)
	}
	e.used++
	return &session{engine: e, c: c, prepared: map[*program]*statement{}}, nil
}

// giveBack keeps a session for later, or ends it.
func (e *engine) giveBack(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.used--
	if !e.closed && !s.broken && len(e.idle) < e.options.IdleSessions {
		e.idle = append(e.idle, s)
		return
	}
	s.end()
	if e.closed && e.used == 0 {
		e.db.close()
	}
}

// Close implements backend.Engine. Sessions in use end when they are given back, and the database with the last.
func (e *engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	for _, s := range e.idle {
		s.end()
	}
	if e.idle = nil; e.used == 0 {
		e.db.close()
	}
	return nil
}

package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Options are what the proxy's settings say about an Engine.
type Options struct {
	// Spool bounds rows that are read ahead because another statement came before they were all wanted.
	Spool spool.Limits
	// Idle is how many sessions are kept for later use; 0: 16.
	Idle int
	// Log gets what users should know of columns that are not shown as they are; nil: none.
	Log *slog.Logger
}

// Engine is a MySQL or MariaDB server. It implements backend.Engine and backend.Definer.
type Engine struct {
	place   place
	options Options
	server  server
	sql     *dialect.SQL

	mu     sync.Mutex
	idle   []*session
	closed bool
}

// server is what a connection says of the other side.
type server struct {
	version string
	// mariaDB tells the two products apart: they differ in RETURNING, collations and modes.
	mariaDB bool
	// binary is the collation of utf8mb4 that compares by bytes and without padding: utf8mb4_nopad_bin in MariaDB (10.2),
	// utf8mb4_0900_bin in MySQL (8.0.17).
	binary string
	// lowerNames: names of tables are kept in lower case (lower_case_table_names 1).
	lowerNames bool
}

// Open connects to a server: mysql://user:password@host:port/database, with the parameters that docs/databackends.md
// lists. The server has to answer.
func Open(ctx context.Context, uri string, options Options) (*Engine, error) {
	p, err := parseURI(uri)
	if err != nil {
		return nil, err
	}
	if options.Idle <= 0 {
		options.Idle = 16
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{place: p, options: options}
	s, err := e.dial(ctx, nil)
	if err != nil {
		return nil, explain(err)
	}
	defer s.close()
	if e.server, err = s.identify(); err != nil {
		return nil, explain(err)
	}
	e.sql = newSQL(e.server)
	return e, nil
}

// identify asks a server what it is.
func (s *session) identify() (server, error) {
	var found server
	rows, err := s.ask("SELECT VERSION(), @@lower_case_table_names, " +
		"(SELECT MAX(COLLATION_NAME) FROM information_schema.COLLATIONS WHERE COLLATION_NAME IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin'))")
	if err != nil {
		return found, err
	}
	found.version = rows[0][0]
	found.mariaDB = strings.Contains(strings.ToLower(found.version), "mariadb")
	found.lowerNames = rows[0][1] == "1"
	if found.binary = rows[0][2]; found.binary == "" {
		return found, &backend.Error{Code: "0A000", Message: "the server is too old: it cannot compare texts by their bytes",
			Detail: "It says it is " + found.version + ".", Hint: "MySQL 8.0.17 and MariaDB 10.2 are the oldest that can."}
	}
	return found, nil
}

// Describe implements backend.Engine.
func (e *Engine) Describe() string {
	product := "MySQL"
	if e.server.mariaDB {
		product = "MariaDB"
	}
	version, _, _ := strings.Cut(e.server.version, "-")
	return fmt.Sprintf("%s %s at %s", product, version, e.place.address)
}

// Traits implements backend.Engine.
func (e *Engine) Traits() backend.Traits { return backend.Traits{Transactions: true, Savepoints: true} }

// Ping implements backend.Engine.
func (e *Engine) Ping(ctx context.Context) error {
	s, err := e.take(ctx)
	if err != nil {
		return explain(err)
	}
	err = s.run(ctx, "DO 0")
	e.give(s)
	return explain(err)
}

// Connect implements backend.Engine.
func (e *Engine) Connect(ctx context.Context) (backend.Conn, error) {
	s, err := e.take(ctx)
	if err != nil {
		return nil, explain(err)
	}
	return &Conn{engine: e, session: s}, nil
}

// take gives a session that nobody uses, from those at hand or a new one.
func (e *Engine) take(ctx context.Context) (*session, error) {
	for {
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			return nil, &backend.Error{Code: "57P01", Message: "the databackend is closed"}
		}
		var s *session
		if n := len(e.idle); n > 0 {
			s, e.idle = e.idle[n-1], e.idle[:n-1]
		}
		e.mu.Unlock()
		if s == nil {
			return e.dial(ctx, nil)
		}
		if r, ok := s.conn.(driver.SessionResetter); ok && r.ResetSession(ctx) == nil {
			return s, nil
		}
		s.close() // the server has ended it
	}
}

// give puts a session back that is in no transaction, or ends it.
func (e *Engine) give(s *session) {
	e.mu.Lock()
	keep := !s.lost && !e.closed && len(e.idle) < e.options.Idle
	if keep {
		e.idle = append(e.idle, s)
	}
	e.mu.Unlock()
	if !keep {
		s.close()
	}
}

// Close implements backend.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	idle := e.idle
	e.idle, e.closed = nil, true
	e.mu.Unlock()
	for _, s := range idle {
		s.close()
	}
	return nil
}

// logger passes on what the driver would print on standard error: its errors come back as errors too.
type logger struct{ log *slog.Logger }

// Print implements the driver's Logger.
func (l logger) Print(v ...any) { l.log.Debug("mysql", "driver", fmt.Sprint(v...)) }

var _ driverpkg.Logger = logger{}

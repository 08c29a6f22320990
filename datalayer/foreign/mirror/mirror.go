package mirror

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// The defaults of a Config.
const (
	defaultInterval    = time.Minute
	defaultLockTimeout = 500 * time.Millisecond
)

// setupText makes what the mirror keeps in the local PostgreSQL.
//
//go:embed setup.sql
var setupText string

// Source is where tables come from. backend.Engine is one.
type Source interface {
	// Catalog reads the schema as it is now.
	Catalog(ctx context.Context) (*dialect.Catalog, error)
}

// Config says what is mirrored, and where.
type Config struct {
	Source Source
	// Connect opens a session of the local PostgreSQL as a superuser, in the database that clients use. The mirror
	// closes it.
	Connect func(ctx context.Context) (*pgx.Conn, error)
	// Owner is the role that the mirrored relations belong to.
	Owner string
	// URI names the databackend, without passwords.
	URI string
	// Options are those of the foreign server: host, port, dbname, use_remote_estimate, fetch_size and the like.
	// User is the name that postgres_fdw gives; "" is Owner.
	Options map[string]string
	User    string
	// LockTimeout is how long a change waits for a relation in use before it is put off; 0 is half a second.
	LockTimeout time.Duration
	// Interval is the pause between two reads of the databackend's schema in Run; 0 is a minute, negative is never.
	Interval time.Duration
	Logger   *slog.Logger
}

// Report says what a refresh did, in relations.
type Report struct {
	Shown, Created, Changed, Dropped int
	// Waiting are changes that were put off, since statements use what is to be changed.
	Waiting int
	// Kept are relations that could not be changed or dropped, since something of the local PostgreSQL depends on what
	// has gone, and that could not be shown.
	Kept int
	Took time.Duration
}

// Mirror shows a databackend's tables in the local PostgreSQL. It is safe for concurrent use.
type Mirror struct {
	config Config
	// turn is held, filled, by who refreshes.
	turn chan struct{}
	// told are the fingerprints that messages were logged about, by relation; turn guards it.
	told map[qualified]string
	// put is filled when a refresh has put changes off.
	put     chan struct{}
	ready   bool
	catalog atomic.Pointer[dialect.Catalog]
}

// New makes a mirror that has shown nothing yet.
func New(c Config) *Mirror {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = defaultLockTimeout
	}
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	if c.User == "" {
		c.User = c.Owner
	}
	return &Mirror{config: c, turn: make(chan struct{}, 1), put: make(chan struct{}, 1), told: map[qualified]string{}}
}

// Catalog is what was read last; nil before the first Refresh. The pointer is another one only when the schema is.
func (m *Mirror) Catalog() *dialect.Catalog { return m.catalog.Load() }

// Refresh reads the databackend's schema and makes the local PostgreSQL show it. What is in use is put off, not waited
// for longer than the lock timeout each. One refresh runs at a time.
func (m *Mirror) Refresh(ctx context.Context) (Report, error) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return Report{}, context.Cause(ctx)
	}
	began := time.Now()
	catalog, err := m.config.Source.Catalog(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("reading the databackend's schema: %w", err)
	}
	// The same schema stays the same pointer: what others have made of it goes on being right.
	if was := m.catalog.Load(); was != nil && reflect.DeepEqual(was, catalog) {
		catalog = was
	}
	m.catalog.Store(catalog)
	conn, err := m.config.Connect(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("the local PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	work := &pass{m: m, conn: conn, want: shapes(catalog)}
	if err := work.run(ctx); err != nil {
		return work.report, fmt.Errorf("showing the databackend's schema: %w", err)
	}
	work.report.Took = time.Since(began)
	if work.report.Waiting > 0 {
		select {
		case m.put <- struct{}{}:
		default:
		}
	}
	return work.report, nil
}

// The pauses before another try at what was put off: they double.
const (
	soonestTry = 500 * time.Millisecond
	latestTry  = 30 * time.Second
)

// Run refreshes at each interval until ctx ends, and sooner where a refresh, its own or another, has put changes off.
func (m *Mirror) Run(ctx context.Context) {
	pause := soonestTry
	for waiting := false; ; {
		wait := m.config.Interval
		if waiting && (wait < 0 || pause < wait) {
			wait = pause
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-m.put:
			waiting, pause = true, soonestTry
			continue
		case <-due:
		}
		report, err := m.Refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			m.config.Logger.Warn("the databackend's schema was not refreshed", "reason", err)
		case report.Created+report.Changed+report.Dropped > 0:
			m.log(report)
		}
		select { // of this refresh's own
		case <-m.put:
		default:
		}
		if waiting = report.Waiting > 0; waiting {
			pause = min(2*pause, latestTry)
		} else {
			pause = soonestTry
		}
	}
}

// log tells what a refresh did.
func (m *Mirror) log(r Report) {
	m.config.Logger.Info("the databackend's schema is shown", "relations", r.Shown, "created", r.Created, "changed", r.Changed, "dropped", r.Dropped,
		"waiting", r.Waiting, "kept", r.Kept, "took", r.Took.Round(time.Millisecond))
}

// Start is the first Refresh, logged.
func (m *Mirror) Start(ctx context.Context) error {
	r, err := m.Refresh(ctx)
	if err == nil {
		m.log(r)
	}
	return err
}

// Remove takes everything that a mirror made off a database of the local PostgreSQL, with the views that clients made over
// it. It does nothing where there was none.
func Remove(ctx context.Context, conn *pgx.Conn, logger *slog.Logger) error {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('pinnacle_foreign.mirrored') IS NOT NULL").Scan(&there); err != nil || !there {
		return err
	}
	rows, err := conn.Query(ctx, "SELECT schema_name, table_name, shape FROM pinnacle_foreign.mirrored")
	if err != nil {
		return err
	}
	old, err := pgx.CollectRows(rows, readShape)
	if err != nil {
		return err
	}
	logger.Warn("the tables of an earlier databackend are removed from the local PostgreSQL, and the views over them", "relations", len(old))
	for batch := range slices.Chunk(old, batchSize) {
		var b script
		b.add("BEGIN")
		b.add("SET LOCAL session_replication_role = replica")
		b.add("SET LOCAL client_min_messages = warning")
		for _, s := range batch {
			kind := "TABLE"
			if s.View {
				kind = "VIEW"
			}
			b.add("DROP %s IF EXISTS %s CASCADE", kind, s.relation())
			b.add("DROP FOREIGN TABLE IF EXISTS %s CASCADE", s.child())
			b.add("DELETE FROM pinnacle_foreign.mirrored WHERE schema_name = %s AND table_name = %s", literal(s.Schema), literal(s.Name))
		}
		b.add("COMMIT")
		if err := execute(ctx, conn, b.String()); err != nil {
			return err
		}
	}
	return execute(ctx, conn, removeText)
}

// removeText removes what is left when no relation is shown any more. Schemas in which clients have made something stay.
const removeText = `DROP EVENT TRIGGER IF EXISTS pinnacle_rights;
DO $do$
DECLARE s text;
BEGIN
    FOR s IN SELECT schema_name FROM pinnacle_foreign.made_schemas LOOP
        BEGIN
            EXECUTE format('DROP SCHEMA IF EXISTS %I', s);
        EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
        END;
    END LOOP;
END
$do$;
DROP SERVER IF EXISTS ` + dialect.ForeignServer + ` CASCADE;
SET client_min_messages = warning;
DROP SCHEMA ` + dialect.StateSchema + ` CASCADE;`

// execute runs statements in one round trip and drops their rows.
func execute(ctx context.Context, conn *pgx.Conn, text string) error {
	_, err := conn.PgConn().Exec(ctx, text).ReadAll()
	if err != nil && conn.PgConn().TxStatus() != 'I' && !conn.IsClosed() {
		_, undo := conn.PgConn().Exec(context.WithoutCancel(ctx), "ROLLBACK").ReadAll()
		err = errors.Join(err, undo)
	}
	return err
}

// optionList is the foreign server's options in a fixed order.
func optionList(options map[string]string, verb func(name string) string) string {
	var parts []string
	for name, value := range options {
		parts = append(parts, verb(name)+quoted(name)+" "+literal(value))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

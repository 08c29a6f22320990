// Package session is one client's session: it takes the statements that concern the proxy from the relay, has them
// parsed and planned, and runs them on the session's own connection to home.
package session

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/validation"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// Datalayer is what sessions ask of the Datalayer. *datalayer.Datalayer is one.
type Datalayer interface {
	datalayer.Components
	datalayer.Registry
	datalayer.Predictor
	datalayer.Tables
}

// Jobs is what sessions ask of the queue of jobs. *job.Queue is one.
type Jobs interface {
	// Job reads one job.
	Job(ctx context.Context, id int64) (*job.Job, error)
	// Cancel ends a job, now or soon; by says who asks.
	Cancel(ctx context.Context, id int64, by string) (*job.Job, error)
	// Retry makes a job pending again that has failed or was cancelled.
	Retry(ctx context.Context, id int64) (*job.Job, error)
	// Do runs a job within a statement, which waits for it.
	Do(ctx context.Context, spec job.Spec, handle job.Handler) (id int64, err error)
}

// Observer is told what sessions do, for metrics.
type Observer interface {
	// StatementDone tells of a statement that the proxy ran itself: plan is "stream", "ship", "execute", "component", "explain" or "table".
	StatementDone(plan string, took time.Duration, failed bool)
}

// Config is what all sessions share.
type Config struct {
	Datalayer Datalayer
	// Searches are the vector indexes; nil: there are none.
	Searches Searches
	// OpenArtifact opens the bytes of an artifact by its digest in hex.
	OpenArtifact func(ctx context.Context, digest string) (io.ReadCloser, error)
	// Jobs is the queue of jobs; nil: there are none.
	Jobs   Jobs
	Parse  sqlparse.Limits
	Stream stream.Limits
	Ship   ShipLimits
	// Answerer answers what statements ask of models; it must not be nil.
	Answerer *answer.Answerer
	// Predict are the settings where a session has set none of its own.
	Predict answer.Settings
	// Validate bounds what VALIDATE MODEL takes.
	Validate validation.Settings
	// MeasureDataset measures a model on a dataset, as a role, in a session of the proxy's own: what is pinned is brought
	// into it. It must not be nil where there are Jobs.
	MeasureDataset func(ctx context.Context, run *job.Run, role string, model *datalayer.ModelVersion, d *validation.Definition) ([]validation.Record, error)
	// Foreign is the databackend whose tables are mirrored in home; nil: home's tables are all there is.
	Foreign Foreign
	// Definer changes that databackend's schema; nil: home runs all DDL.
	Definer Definer
	// Direct runs queries on that databackend without home in between; nil: home runs them all.
	Direct Direct
	// Observer may be nil.
	Observer Observer
	Logger   *slog.Logger
}

// Factory makes sessions.
type Factory struct {
	cfg  Config
	gate *sqlparse.Gate
	// views are the names of views that call predict, by database.
	viewsMu sync.Mutex
	views   map[string]*viewNames
	// foreign keeps texts that name mirrored relations, direct how queries are run without home.
	foreign foreignCache
	direct  directCache
}

// NewFactory makes a factory; zero limits stand for the defaults.
func NewFactory(cfg Config) *Factory {
	if cfg.Parse == (sqlparse.Limits{}) {
		cfg.Parse = sqlparse.DefaultLimits()
	}
	if cfg.Stream == (stream.Limits{}) {
		cfg.Stream = stream.DefaultLimits()
	}
	if cfg.Ship == (ShipLimits{}) {
		cfg.Ship = DefaultShipLimits()
	}
	if cfg.Predict == (answer.Settings{}) {
		cfg.Predict = answer.DefaultSettings()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Factory{cfg: cfg, gate: sqlparse.NewGate(), views: map[string]*viewNames{}}
}

// New makes the interceptor of one client session.
func (f *Factory) New(info wire.Session) wire.Interceptor {
	return &session{
		Factory: f, info: info, tx: 'I', views: f.viewsOf(info.Database), log: f.cfg.Logger.With("session", info.ID),
		statements: map[string]statement{}, portals: map[string]cursor{},
	}
}

// session implements wire.Interceptor.
type session struct {
	*Factory
	info wire.Session
	log  *slog.Logger
	// ran says that a portal of the proxy's was run since the last ReadyForQuery.
	ran bool
	// tx is home's transaction status.
	tx byte
	// statements and portals are those that the proxy answers, by their protocol names.
	statements map[string]statement
	portals    map[string]cursor
	// known are the session's settings of predict as they were read last; changing says that they may have changed since.
	known    *answer.Settings
	changing bool
	// twoPhase is home's setting max_prepared_transactions, "" until it was asked.
	twoPhase string
	// parsed and parseErr are what Wants found in the message that Handle gets next.
	parsed   *sqlparse.Script
	parseErr error
	// naming is what parsed names of mirrored relations, nil where it names none.
	naming *foreignText
	// resolves says that home has the prepared statement that resolves names.
	resolves bool
	// state is what home said last of its session, when it resolved names.
	state homeState
	// views are the names of the database's views that call predict, made those that this session's transaction has made of
	// them. noViews says that home does not tell them, and reading that they are to be read before the message at hand is
	// looked at.
	views   *viewNames
	made    []string
	noViews bool
	reading bool
}

// preparedWords are the statements that may name a prepared statement.
var preparedWords = []string{"execute", "deallocate", "discard"}

// Watching implements wire.Interceptor.
func (s *session) Watching() bool { return len(s.statements) > 0 || len(s.portals) > 0 }

// Wants implements wire.Interceptor.
func (s *session) Wants(typ byte, body []byte) bool {
	switch typ {
	case 'Q':
		s.forget("")
		if s.reading = s.viewsDue(); s.reading {
			return true
		}
		return s.concerns(cString(body, 0))
	case 'P':
		name := cString(body, 0)
		if s.reading = s.viewsDue(); s.reading {
			return true
		}
		if s.concerns(cString(body, len(name)+1)) {
			return true
		}
		if len(name) == 0 {
			delete(s.statements, "")
		}
		return false
	case 'B':
		portal := cString(body, 0)
		if _, ok := s.statements[string(cString(body, len(portal)+1))]; ok {
			return true
		}
		s.drop(string(portal))
		return false
	case 'E':
		_, ok := s.portals[string(cString(body, 0))]
		return ok
	case 'D', 'C':
		if len(body) == 0 {
			return false
		}
		name := cString(body, 1)
		if body[0] == 'S' {
			_, ok := s.statements[string(name)]
			return ok
		}
		_, ok := s.portals[string(name)]
		return ok
	}
	return false
}

// cString gives the bytes from at to the next NUL.
func cString(body []byte, at int) []byte {
	if at > len(body) {
		return nil
	}
	if end := bytes.IndexByte(body[at:], 0); end >= 0 {
		return body[at : at+end]
	}
	return nil
}

// forget drops the unnamed statement and portal, as a simple Query does in PostgreSQL.
func (s *session) forget(name string) {
	if len(s.statements) > 0 {
		delete(s.statements, name)
	}
	s.drop(name)
}

// drop forgets a portal.
func (s *session) drop(name string) {
	if c, ok := s.portals[name]; ok {
		delete(s.portals, name)
		c.close()
	}
}

// concerns reports whether a text is the proxy's to run. What it found is kept for Handle.
func (s *session) concerns(text []byte) bool {
	named := len(s.statements) > 0
	s.naming = nil
	foreign := s.mayMention(text)
	if s.noteDropped(text); foreign {
		if s.naming = s.knownText(text); s.naming != nil && !s.readsViews(s.naming.script) {
			s.noteSettings(text)
			s.parsed, s.parseErr = s.naming.script, nil
			return true
		}
	}
	declares := s.declares()
	if !foreign && !s.mayDefine(text) && !s.gate.Concerns(text) && (!named || !s.gate.ConcernsWith(text, preparedWords)) && !s.mayReadViews(text) &&
		(!declares || !sqlparse.HoldsAny(text, cursorWords)) {
		if s.known != nil {
			s.noteTimeout(text)
		}
		return false
	}
	s.noteSettings(text)
	s.parsed, s.parseErr = sqlparse.Parse(string(text), s.cfg.Parse)
	if s.parseErr != nil {
		return true
	}
	if s.parsed.Opaque {
		return s.parsed.Unread != nil
	}
	views := s.readsViews(s.parsed)
	ours := views || s.parsed.Concerns() || s.defines(s.parsed) || named && s.namesPrepared(s.parsed) || declares && s.fetches(s.parsed)
	if s.naming = nil; foreign {
		if s.naming = s.mentions(s.parsed); s.naming != nil && !ours && len(s.parsed.Statements) == 1 {
			s.foreign.put(s.naming)
		}
	}
	return ours || s.naming != nil
}

// namesPrepared reports whether a script runs or drops prepared statements that the proxy holds.
func (s *session) namesPrepared(script *sqlparse.Script) bool {
	for _, st := range script.Statements {
		if s.madeBy(st.Node) {
			return true
		}
		switch c := sqlparse.CommandOf(st).(type) {
		case *sqlparse.Execute:
			if _, ok := s.statements[c.Name]; ok {
				return true
			}
		case *sqlparse.Deallocate:
			if _, ok := s.statements[c.Name]; ok || c.All {
				return true
			}
		case *sqlparse.Discard:
			if c.All {
				return true
			}
		case *sqlparse.Explain:
			if s.executed(c.InnerNode) != nil || s.madeBy(c.InnerNode) {
				return true
			}
		}
	}
	return false
}

// madeBy reports whether a statement is CREATE TABLE … AS EXECUTE of a statement that the proxy holds.
func (s *session) madeBy(n *pg_query.Node) bool {
	e := n.GetCreateTableAsStmt().GetQuery().GetExecuteStmt()
	if e == nil {
		return false
	}
	_, held := s.statements[e.Name]
	return held
}

// Ready implements wire.Interceptor.
func (s *session) Ready(tx byte) {
	s.tx, s.ran = tx, false
	if tx == 'I' && len(s.made) > 0 {
		s.committed()
	}
	if tx != 'T' {
		for name := range s.portals {
			s.drop(name)
		}
	}
}

// Close implements wire.Interceptor.
func (s *session) Close() {
	for name := range s.portals {
		s.drop(name)
	}
	clear(s.statements)
}

// Handle implements wire.Interceptor.
func (s *session) Handle(ctx context.Context, x *wire.Exchange, typ byte, body []byte) error {
	h := &homeSide{x: x, alone: !x.Running() && !s.ran}
	if s.reading && (typ == 'Q' || typ == 'P') {
		s.reading = false
		if err := s.relayed(ctx, h, typ, body); err == wire.ErrRelay {
			return err
		} else if err != nil {
			return s.wireError(ctx, err, "")
		}
	}
	if s.parsed != nil && s.parsed.Unread != nil {
		return s.wireError(ctx, s.unread(ctx, h, typ, body), "")
	}
	var err error
	text := ""
	switch typ {
	case 'Q':
		text = string(cString(body, 0))
		h.alone = h.alone && s.parsed != nil && len(s.parsed.Statements) == 1
		h.last, h.simple = h.alone, true
		if err = plainStrings(x.Parameter, text); err == nil {
			err = s.query(ctx, h, text)
		}
		s.noteDropped(body)
	case 'P':
		name := cString(body, 0)
		text = string(cString(body, len(name)+1))
		if err = plainStrings(x.Parameter, text); err == nil {
			err = s.parse(ctx, h, body)
		}
	case 'B':
		err = s.bind(ctx, h, body)
	case 'D':
		err = s.describe(ctx, h, body)
	case 'E':
		h.last = x.SyncNext(func(typ byte, next []byte) bool { // more of the same portal, and nothing that writes
			return typ == 'H' || typ == 'C' || typ == 'E' && bytes.Equal(cString(next, 0), cString(body, 0))
		})
		err = s.execute(ctx, h, body)
		s.ran = true
	case 'C':
		err = s.closeNamed(ctx, h, body)
	}
	s.parsed, s.parseErr, s.naming = nil, nil, nil
	return encodedError(x.Parameter, s.wireError(ctx, err, text))
}

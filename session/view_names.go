package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

const (
	// viewNamesAge is how old the names of views may be before a session reads them again from home's catalogs, where they
	// may have been made by others.
	viewNamesAge = 5 * time.Second
	// viewNamesShare bounds the part of home's time that this takes, where there are thousands of such views: one in so many.
	viewNamesShare = 100
	// viewNameKept is how long a name that a session has seen is kept although the catalogs do not have it: its transaction
	// may be open.
	viewNameKept = time.Minute
)

// viewNames are the names of the views of one home database that call predict, themselves or through other views. A name
// that is not there makes home read the stub in the view, which is an error; one too many costs a parse.
type viewNames struct {
	// names is nil until they have been read.
	names atomic.Pointer[sqlparse.Names]
	// due says that they are to be read (again).
	due atomic.Bool
	// materialized says that there are materialized views that call predict.
	materialized atomic.Bool

	mu     sync.Mutex
	recent map[string]time.Time
}

// viewsOf gives the names of a database's views.
func (f *Factory) viewsOf(database string) *viewNames {
	f.viewsMu.Lock()
	defer f.viewsMu.Unlock()
	v := f.views[database]
	if v == nil {
		v = &viewNames{recent: map[string]time.Time{}}
		v.due.Store(true)
		f.views[database] = v
	}
	return v
}

// add notes the name of a view that a session makes.
func (v *viewNames) add(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.recent[name] = time.Now()
	have := v.names.Load()
	if !have.Has(name) {
		v.names.Store(sqlparse.NewNames(append(have.List(), name)))
	}
}

// set takes the names that home's catalogs have.
func (v *viewNames) set(names []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, since := range v.recent {
		if time.Since(since) > viewNameKept {
			delete(v.recent, name)
			continue
		}
		names = append(names, name)
	}
	v.names.Store(sqlparse.NewNames(names))
}

// predictedViews is the query for the names of the views that call predict: those that refer to the type of stubs, and
// those that read one of them. It goes by indexes of pg_depend, whatever the number of other views.
const predictedViews = `WITH RECURSIVE up(rel) AS (
  SELECT r.ev_class FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
  WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = pg_catalog.to_regtype('` + sqlparse.StubType + `')
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  UNION
  SELECT r.ev_class FROM up JOIN pg_catalog.pg_class AS c ON c.oid = up.rel AND c.relkind = 'v' JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = up.rel
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid)
SELECT DISTINCT c.relname::pg_catalog.text, c.relkind = 'm' FROM up JOIN pg_catalog.pg_class AS c ON c.oid = up.rel
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname <> 'information_schema'`

// readViews reads the names from home's catalogs, where that disturbs no transaction of the client's.
func (s *session) readViews(ctx context.Context, h *homeSide) error {
	x := h.x
	if s.noViews || x.TxStatus() != 'I' || x.Running() || x.InBatch() || readable(x.Parameter) != nil {
		return nil
	}
	if !s.views.due.CompareAndSwap(true, false) && s.views.names.Load() != nil {
		return nil
	}
	began := time.Now()
	var names []string
	materialized := false
	err := h.rows(ctx, stream.Query{Text: predictedViews, Formats: []int16{0, 1}}, func(v [][]byte) error {
		if len(v) == 2 && len(v[1]) == 1 && v[1][0] == 1 {
			materialized = true
			return nil
		}
		names = append(names, string(v[0]))
		return nil
	})
	if ctx.Err() != nil {
		s.views.due.Store(true)
		return err
	}
	if err != nil { // a replication connection, say
		s.noViews = true
		s.views.due.Store(true)
		s.log.Debug("names of views with predict could not be read", "error", err)
	} else {
		s.views.set(names)
		if materialized { // one that was dropped may be of a transaction that is open
			s.views.materialized.Store(true)
		}
		time.AfterFunc(max(viewNamesAge, viewNamesShare*time.Since(began)), func() { s.views.due.Store(true) })
	}
	return x.Settle(ctx)
}

// viewsDue reports whether the names of views are to be read before a message is looked at.
func (s *session) viewsDue() bool {
	return s.tx == 'I' && !s.noViews && (s.views.due.Load() || s.views.names.Load() == nil)
}

// relayed reads the names of views and looks at the message again. It gives wire.ErrRelay for one that is home's alone.
func (s *session) relayed(ctx context.Context, h *homeSide, typ byte, body []byte) error {
	if err := s.readViews(ctx, h); err != nil {
		return err
	}
	if typ == 'Q' {
		if s.concerns(cString(body, 0)) {
			return nil
		}
		return wire.ErrRelay
	}
	name := cString(body, 0)
	if s.concerns(cString(body, len(name)+1)) {
		return nil
	}
	if len(name) == 0 {
		delete(s.statements, "")
	}
	return wire.ErrRelay
}

// mayReadViews reports whether a text may name a view that calls predict.
func (s *session) mayReadViews(text []byte) bool {
	return s.views.names.Load().In(text) || s.views.materialized.Load() && s.gate.ConcernsWith(text, refreshWords)
}

// readsViews reports whether a script reads views that call predict, by their names. It notes what views it makes of them.
func (s *session) readsViews(script *sqlparse.Script) bool {
	reads := false
	for _, st := range script.Statements {
		if st.Node == nil {
			continue
		}
		if name := sqlparse.MadeView(st.Node); name != "" {
			s.made = append(s.made, name)
			s.views.add(name)
		}
		reads = reads || st.Node.GetRefreshMatViewStmt() != nil && s.views.materialized.Load() || len(s.readings(script.Text, st)) > 0
	}
	return reads
}

// readings are the names that a statement reads and that views with predict have.
func (s *session) readings(text string, st *sqlparse.Statement) []sqlparse.Reading {
	known := s.views.names.Load()
	if known == nil || len(known.List()) == 0 {
		return nil
	}
	all, _, err := sqlparse.Readings(text, st.Span, st.Node)
	if err != nil {
		return nil
	}
	var named []sqlparse.Reading
	for _, r := range all {
		if known.Has(r.Name) {
			named = append(named, r)
		}
	}
	return named
}

// committed notes once more what views the session has made: they may have been taken from the names as ones that the
// catalogs do not have.
func (s *session) committed() {
	for _, name := range s.made {
		s.views.add(name)
	}
	s.made = nil
}

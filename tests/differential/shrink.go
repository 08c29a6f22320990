package differential

import (
	"context"
	"slices"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// The limits of shrinking one case.
const (
	shrinkTries = 400
	shrinkTime  = 45 * time.Second
)

// shrinking makes a case smaller while it still differs in the same way.
type shrinking struct {
	ctx   context.Context
	w     *worker
	c     *testCase
	last  result
	tries int
	until time.Time
}

// shrink makes the case smaller, and gives the difference that the small one shows. The case is changed; the worker has to
// open a database before it goes on.
func (w *worker) shrink(ctx context.Context, c *testCase, r result) (result, error) {
	s := &shrinking{ctx: ctx, w: w, c: c, last: r, tries: shrinkTries, until: time.Now().Add(shrinkTime)}
	w.round = -1
	c.db = c.db.clone()
	if err := w.open(ctx, c.db); err != nil {
		return r, err
	}
	if !s.differs() {
		// It took what went before to make it differ.
		return r, nil
	}
	s.protocol()
	s.steps()
	s.texts()
	s.data()
	s.texts()
	return s.last, nil
}

// clone copies what shrinking changes.
func (db *database) clone() *database {
	out := &database{settings: slices.Clone(db.settings), views: db.views}
	for _, t := range db.tables {
		u := *t
		u.rows, u.columns, u.indexes = slices.Clone(t.rows), slices.Clone(t.columns), slices.Clone(t.indexes)
		out.tables = append(out.tables, &u)
	}
	return out
}

// over says that there is no time left.
func (s *shrinking) over() bool {
	return s.tries <= 0 || time.Now().After(s.until) || s.ctx.Err() != nil
}

// differs runs the case, and says whether it still differs in the same way.
func (s *shrinking) differs() bool {
	s.tries--
	r := s.c.run(s.w.oracle, s.w.proxy)
	if err := s.c.settle(s.ctx, s.w, r); err != nil {
		s.tries = 0
		return false
	}
	if r.verdict != different || r.class != s.last.class {
		return false
	}
	s.last = r
	return true
}

// keep makes a change and keeps it if the case still differs.
func (s *shrinking) keep(c change) bool {
	if s.over() {
		return false
	}
	c.do()
	if s.differs() {
		return true
	}
	c.undo()
	return false
}

// reopen is keep for a change of the database.
func (s *shrinking) reopen(c change) bool {
	if s.over() {
		return false
	}
	c.do()
	if err := s.w.open(s.ctx, s.c.db); err == nil && s.differs() {
		return true
	}
	c.undo()
	if err := s.w.open(s.ctx, s.c.db); err != nil {
		s.tries = 0
	}
	return false
}

// protocol tries the simple protocol, with constants in place of parameters.
func (s *shrinking) protocol() {
	was := s.c.protocol
	if was != peer.Simple {
		s.keep(change{func() { s.c.protocol, s.c.literals = peer.Simple, true }, func() { s.c.protocol, s.c.literals = was, false }})
	}
	for _, p := range []peer.Protocol{peer.ExtendedText, peer.ExtendedBinary} {
		if s.c.protocol > p {
			was := s.c.protocol
			s.keep(change{func() { s.c.protocol = p }, func() { s.c.protocol = was }})
		}
	}
}

// steps leaves out what can be left out.
func (s *shrinking) steps() {
	for _, st := range s.c.steps {
		if st.optional && !st.dropped {
			s.keep(change{func() { st.dropped = true }, func() { st.dropped = false }})
		}
	}
}

// texts makes the statements smaller, again and again from the start, until nothing more can go.
func (s *shrinking) texts() {
	for again := true; again && !s.over(); {
		again = false
		for _, st := range s.c.steps {
			if st.dropped {
				continue
			}
			for _, c := range st.node.changes() {
				if s.keep(c) {
					again = true
					break
				}
			}
		}
	}
}

// data makes settings, tables, rows and columns fewer.
func (s *shrinking) data() {
	db := s.c.db
	s.reopen(change{func() { db.settings = nil }, func(was []string) func() { return func() { db.settings = was } }(db.settings)})
	s.reopen(change{func() { db.views = nil }, func(was []*table) func() { return func() { db.views = was } }(db.views)})
	for _, t := range db.tables {
		was := *t
		s.reopen(change{func() { t.partitioned, t.watched = false, false }, func() { *t = was }})
	}
	for _, t := range slices.Clone(db.tables) {
		was := db.tables
		s.reopen(change{func() { db.tables = slices.DeleteFunc(slices.Clone(was), func(u *table) bool { return u == t }) }, func() { db.tables = was }})
	}
	for _, t := range db.tables {
		s.rows(t)
		for i := len(t.columns) - 1; i > 0; i-- {
			was := *t
			s.reopen(change{func() { t.dropColumn(i) }, func() { *t = was }})
		}
	}
}

// rows leaves out rows of a table, in halves, quarters and so on.
func (s *shrinking) rows(t *table) {
	for size := (len(t.rows) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(t.rows); {
			was := t.rows
			to := min(from+size, len(was))
			if !s.reopen(change{func() { t.rows = slices.Concat(was[:from], was[to:]) }, func() { t.rows = was }}) {
				from = to
			}
			if s.over() {
				return
			}
		}
	}
}

// dropColumn leaves a column out. The rows are new ones, so that they can be put back.
func (t *table) dropColumn(i int) {
	t.columns = slices.Delete(slices.Clone(t.columns), i, i+1)
	rows := make([][]string, len(t.rows))
	for k, row := range t.rows {
		rows[k] = slices.Delete(slices.Clone(row), i, i+1)
	}
	t.rows, t.indexes = rows, nil
}

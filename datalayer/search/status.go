package search

import (
	"cmp"
	"slices"
	"time"
)

// The states of an index.
const (
	StateBuilding = "building"
	StateReady    = "ready"
	StateFailing  = "failing"
)

// Status says how an index stands.
type Status struct {
	Name      string
	Version   int
	Table     string
	State     string
	Dimension int
	Measure   string
	// Vectors are those that can be found, Dead those that were removed and still take memory.
	Vectors, Dead int
	Bytes         int64
	// Width is that of the beam of searches, 0 where they scan everything.
	Width int
	// Place is where the vectors lie: "home" or "proxy".
	Place string
	// Captured says that triggers tell of changes.
	Captured bool
	// Skipped is the number of rows that have no vector that fits.
	Skipped int64
	// Scanned is when the table was last compared with the index.
	Scanned time.Time
	Err     error
}

// Status gives all indexes, by name.
func (k *Keeper) Status() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]Status, 0, len(k.indexes))
	for _, x := range k.indexes {
		all = append(all, x.status())
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (x *index) status() Status {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := Status{Name: x.name, Version: x.version, State: StateBuilding, Skipped: x.skipped, Scanned: x.scanned, Err: x.failure}
	switch {
	case x.failure != nil:
		s.State = StateFailing
	case x.ready:
		s.State = StateReady
	}
	if x.source != nil {
		s.Table = x.source.table
	}
	if cfg, _, err := options(x.def); err == nil {
		s.Measure = cfg.Measure.String()
	}
	s.Captured = x.capture != nil
	if s.Place = placeProxy; x.held != nil {
		if _, is := x.held.(*atHome); is {
			s.Place = placeHome
		}
		st := x.held.Stats()
		s.Dimension, s.Vectors, s.Dead, s.Bytes, s.Width = x.held.Dimension(), st.Vectors, st.Dead, st.Bytes, st.Width
	}
	return s
}

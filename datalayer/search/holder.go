package search

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// holder keeps the vectors of an index: inProxy or atHome.
type holder interface {
	// Dimension is the number of components of every vector.
	Dimension() int
	// Check says why a vector cannot be put or searched for.
	Check(v []float32) error
	// Len is the number of vectors, as far as the holder knows without asking anybody.
	Len() int
	// Stats are the figures of the holder.
	Stats() vector.Stats
	// Close ends the holder's use of what it has open.
	Close() error

	// tags gives every key with its tag.
	tags(ctx context.Context) (map[string]uint64, error)
	// apply makes changes: all of them, or, with an error, those of a first part.
	apply(ctx context.Context, changes []vector.Change) error
	// scanned says that everything the table had was put.
	scanned(ctx context.Context) error
	// vectorOf is the vector of a key; nil where it is not there.
	vectorOf(ctx context.Context, key string) ([]float32, error)
	// search gives the n nearest, the best first.
	search(ctx context.Context, query []float32, n int) ([]vector.Match, error)
	// scores gives the scores of keys; those that are not there are left out.
	scores(ctx context.Context, query []float32, keys []string) (map[string]float32, error)
}

// inProxy is a holder in the proxy's own memory and files.
type inProxy struct{ *vector.Store }

func (p inProxy) tags(context.Context) (map[string]uint64, error) { return p.Tags(), nil }
func (p inProxy) scanned(context.Context) error                   { return nil }

func (p inProxy) apply(_ context.Context, changes []vector.Change) error {
	return p.Apply(changes, "")
}

func (p inProxy) vectorOf(_ context.Context, key string) ([]float32, error) {
	it, _ := p.Get(key)
	return it.Vector, nil
}

func (p inProxy) search(_ context.Context, query []float32, n int) ([]vector.Match, error) {
	return p.Search(query, n, nil)
}

func (p inProxy) scores(_ context.Context, query []float32, keys []string) (map[string]float32, error) {
	found := make(map[string]float32, len(keys))
	for _, key := range keys {
		score, there, err := p.Score(key, query)
		if err != nil {
			return nil, err
		}
		if there {
			found[key] = score
		}
	}
	return found, nil
}

// The words for where an index lies, of the option place.
const (
	placeAuto  = "auto"
	placeHome  = "home"
	placeProxy = "proxy"
)

// open opens the holder, at home where it can be.
func (x *index) open(ctx context.Context, s *source, dimension int, upkeep *sync.WaitGroup) (holder, error) {
	x.mu.Lock()
	held, c := x.held, x.capture
	x.mu.Unlock()
	if held != nil {
		return held, nil
	}
	cfg, err := x.config(dimension)
	if err != nil {
		return nil, err
	}
	place := x.def.Options["place"]
	if place != placeProxy && c != nil {
		home, err := x.keeper.openAtHome(ctx, c.id, s, cfg)
		if err != nil && place == placeHome {
			return nil, err
		}
		if err != nil {
			x.keeper.config.Logger.Info("a vector index lies in the proxy", "index", x.name, "reason", err)
		} else {
			if err := vector.Remove(x.dir); err != nil { // of a time when home had no pgvector
				return nil, err
			}
			return home, x.keep(home, nil)
		}
	}
	if place == placeHome && c == nil {
		return nil, fault("55000", fmt.Sprintf("vector index %q cannot lie at home: the proxy cannot follow its table by triggers", x.name), "Leave the option place out.")
	}
	store, err := vector.Open(x.dir, cfg)
	if errors.Is(err, vector.ErrDamaged) {
		x.keeper.config.Logger.Warn("the files of a vector index are made anew", "index", x.name, "error", err)
		if err = vector.Remove(x.dir); err == nil {
			store, err = vector.Open(x.dir, cfg)
		}
	}
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	if err := x.keep(inProxy{store}, stop); err != nil {
		stop()
		return nil, errors.Join(err, store.Close())
	}
	upkeep.Go(func() {
		if err := store.Run(ctx); err != nil && ctx.Err() == nil {
			x.keeper.config.Logger.Warn("upkeep of a vector index has ended", "index", x.name, "error", err)
		}
	})
	return inProxy{store}, nil
}

// keep takes a holder for the index's own, unless the index was closed meanwhile.
func (x *index) keep(held holder, stop context.CancelFunc) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return vector.ErrClosed
	}
	x.held, x.stop = held, stop
	return nil
}

package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// index is one vector index.
type index struct {
	keeper  *Keeper
	name    string
	version int
	hash    string
	owner   string
	dir     string
	def     component.VectorIndexDefinition

	mu sync.Mutex
	// source is nil until home was asked for it.
	source *source
	// store is nil until the dimension is known: until there is a row.
	store *vector.Store
	stop  context.CancelFunc
	// ready says that a scan has ended well, once; failure is why the last one did not.
	ready   bool
	failure error
	// counters are those of the table when the last scan began, scanned is when that was.
	counters string
	scanned  time.Time
	// began is when the index was taken up by this process, and revision counts the changes of its store since then: together
	// they name what it holds, as no other run of the program does.
	began    time.Time
	revision int64
	// skipped are the rows of the last scan that had no vector that fits.
	skipped int64
	closed  bool
}

func newIndex(k *Keeper, name string, r *component.Record) *index {
	x := &index{keeper: k, name: name, version: r.Version, hash: r.Hash, owner: r.Owner, began: time.Now(), dir: k.dirOf(name, r.Version)}
	if err := json.Unmarshal(r.Definition, &x.def); err != nil {
		x.failure = fmt.Errorf("definition of %s: %w", r.Ref(), err)
	}
	return x
}

// info says what statements must know.
func (x *index) info() (*Info, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ready {
		if x.failure != nil {
			return nil, &datalayer.Error{Code: "55000", Message: fmt.Sprintf("vector index %q is not ready", x.name), Detail: x.failure.Error(), Err: x.failure}
		}
		return nil, building(x.name)
	}
	return &Info{Table: x.source.table, Key: x.source.key}, nil
}

// opened gives the store, nil where there is none because there has been no row yet.
func (x *index) opened() (*vector.Store, error) {
	if _, err := x.info(); err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.store, nil
}

// state names what the index holds and what makes vectors of texts.
func (x *index) state(ctx context.Context) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	state := fmt.Sprintf("%d %s %d %d", x.version, x.hash, x.began.UnixNano(), x.revision)
	if x.source != nil {
		state += " " + x.keeper.modelHash(ctx, x.source)
	}
	return state
}

// renew takes the store away where the model makes vectors of another dimension than it has.
func (x *index) renew(dimension int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.store == nil || x.store.Dimension() == dimension {
		return nil
	}
	x.stop()
	err := x.store.Close()
	x.store = nil
	x.revision++
	return errors.Join(err, vector.Remove(x.dir))
}

// close ends upkeep and closes the files.
func (x *index) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	if x.stop != nil {
		x.stop()
	}
	if x.store == nil {
		return nil
	}
	err := x.store.Close()
	x.store = nil
	return err
}

// pass follows what has changed in the table since the last pass. Its error is kept, for who asks.
func (x *index) pass(ctx context.Context, upkeep *sync.WaitGroup) {
	err := x.follow(ctx, upkeep)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil {
		x.failure = nil
		return
	}
	if ctx.Err() != nil || x.closed {
		return
	}
	if x.failure == nil || x.failure.Error() != err.Error() {
		x.keeper.config.Logger.Warn("a vector index cannot follow its table", "index", x.name, "error", datalayer.ErrorOf(err).Message)
	}
	x.failure = err
	x.source = sourceKept(x.ready, x.source)
	x.scanned = time.Time{}
}

// sourceKept is the source after a failure: an index that was ready once goes on answering with what it has.
func sourceKept(ready bool, s *source) *source {
	if ready {
		return s
	}
	return nil
}

// follow looks whether the table was written to, and scans it if so.
func (x *index) follow(ctx context.Context, upkeep *sync.WaitGroup) error {
	x.mu.Lock()
	s, counters, scanned := x.source, x.counters, x.scanned
	x.mu.Unlock()
	if s != nil && time.Since(scanned) < x.keeper.config.Reconcile {
		if now, err := x.keeper.counters(ctx, s); err != nil || now == counters {
			return err
		}
	}
	s, err := x.keeper.look(ctx, x.def) // the table may be another one by now
	if err != nil {
		return err
	}
	now, err := x.keeper.counters(ctx, s)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := x.scan(ctx, s, upkeep); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.source, x.counters, x.scanned, x.ready = s, now, began, true
	return nil
}

// open opens the store, or makes it anew where its files are damaged or of another kind.
func (x *index) open(ctx context.Context, dimension int, upkeep *sync.WaitGroup) (*vector.Store, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, vector.ErrClosed
	}
	if x.store != nil {
		return x.store, nil
	}
	cfg, err := x.config(dimension)
	if err != nil {
		return nil, err
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
	x.store = store
	ctx, x.stop = context.WithCancel(ctx)
	upkeep.Go(func() {
		if err := store.Run(ctx); err != nil && ctx.Err() == nil {
			x.keeper.config.Logger.Warn("upkeep of a vector index has ended", "index", x.name, "error", err)
		}
	})
	return store, nil
}

// config is what the options say.
func (x *index) config(dimension int) (vector.Config, error) {
	cfg, _, err := options(x.def)
	cfg.Dimension, cfg.MaxBytes = dimension, x.keeper.config.MaxBytes
	return cfg, err
}

// optionNames are those of WITH (…).
const optionNames = "measure, model, dimension, recall"

// options reads the options of a definition. The dimension is 0 where it is not given.
func options(def component.VectorIndexDefinition) (cfg vector.Config, dimension int, err error) {
	switch strings.ToLower(def.Method) {
	case "", "hnsw":
	case "flat":
		cfg.Exact = true
	default:
		return cfg, 0, fault("22023", fmt.Sprintf("a vector index is made USING hnsw or flat, not %q", def.Method), "")
	}
	for key, value := range def.Options {
		switch key {
		case "measure":
			cfg.Measure, err = vector.ParseMeasure(value)
		case "model":
		case "dimension":
			if dimension, err = strconv.Atoi(value); err != nil || dimension < 1 || dimension > vector.MaxDimension {
				err = fmt.Errorf("dimension %q is not a number from 1 to %d", value, vector.MaxDimension)
			}
		case "recall":
			if cfg.Recall, err = strconv.ParseFloat(value, 64); err != nil || !(cfg.Recall > 0 && cfg.Recall <= 1) {
				err = fmt.Errorf("recall %q is not a number from 0 to 1", value)
			}
		default:
			err = fmt.Errorf("a vector index has no option %q", key)
		}
		if err != nil {
			return cfg, 0, fault("22023", err.Error(), "The options are: "+optionNames+".")
		}
	}
	return cfg, dimension, nil
}

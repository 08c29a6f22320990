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
	// held is nil until the dimension is known: until there is a row. stop ends its upkeep; nil where there is none.
	held holder
	stop context.CancelFunc
	// capture is how changes are heard of; nil where the table's statistics are asked. uncaptured says why.
	capture    *capture
	uncaptured string
	// ready says that a scan has ended well, once; failure is why the last one did not.
	ready   bool
	failure error
	// led is when the lease on an index at home was asked for last.
	led time.Time
	// counters is what home said of the table and its capture when the last scan began, scanned is when that was.
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
	info := &Info{Table: x.source.table, Key: x.source.key, Place: "the proxy"}
	if home, is := x.held.(*atHome); is {
		info.Place, info.Home = home.table()+" at home", home.within()
	}
	return info, nil
}

// opened gives the holder, nil where there is none because there has been no row yet.
func (x *index) opened() (holder, error) {
	if _, err := x.info(); err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.held, nil
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

// renew takes the vectors away where the model makes vectors of another dimension than they have.
func (x *index) renew(dimension int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.held == nil || x.held.Dimension() == dimension {
		return nil
	}
	err := x.release()
	x.revision++
	return errors.Join(err, vector.Remove(x.dir))
}

// release closes the holder. The caller holds mu.
func (x *index) release() error {
	if x.stop != nil {
		x.stop()
	}
	if x.held == nil {
		return nil
	}
	err := x.held.Close()
	x.held, x.stop = nil, nil
	return err
}

// close ends upkeep and closes what is open.
func (x *index) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	return x.release()
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
	if ctx.Err() != nil || x.closed || errors.Is(err, errBehind) {
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

// follow looks whether the table was written to, and takes what was, or scans it.
func (x *index) follow(ctx context.Context, upkeep *sync.WaitGroup) error {
	x.mu.Lock()
	s, c, counters, scanned := x.source, x.capture, x.counters, x.scanned
	x.mu.Unlock()
	if s != nil && time.Since(scanned) < x.reconcile(c) {
		now, changed, err := x.look(ctx, s, c)
		if err != nil || now == counters && !changed {
			return errors.Join(err, x.attend(ctx, c))
		}
		if now == counters {
			if done, err := x.catchUp(ctx, s, c); done || err != nil {
				return err
			}
		}
	}
	s, err := x.keeper.look(ctx, x.def) // the table may be another one by now
	if err != nil {
		return err
	}
	if c, err = x.captured(ctx, s); err != nil {
		return err
	}
	now, _, err := x.look(ctx, s, c)
	if err != nil {
		return err
	}
	began := time.Now()
	mark, err := x.scan(ctx, s, upkeep)
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.source, x.counters, x.scanned, x.ready = s, now, began, true
	x.mu.Unlock()
	if c == nil {
		return nil
	}
	c.mark = mark
	return c.seen(ctx, x.keeper.config.Pool, x)
}

// reconcile is the time after which the table is scanned though nothing says that it was written to.
func (x *index) reconcile(c *capture) time.Duration {
	if c != nil {
		return capturedReconcile * x.keeper.config.Reconcile
	}
	return x.keeper.config.Reconcile
}

// captured sets up how the index hears of changes.
func (x *index) captured(ctx context.Context, s *source) (*capture, error) {
	c, err := x.keeper.ensureCapture(ctx, x, s)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		if why := err.Error(); why != x.uncaptured {
			x.uncaptured = why
			x.keeper.config.Logger.Warn("a vector index follows its table by scans", "index", x.name, "error", datalayer.ErrorOf(err).Message)
		}
		c = nil
	}
	x.capture = c
	return c, nil
}

// look gives a text that is the same as long as nothing happens to the table that asks for a scan, and whether rows were
// written that the capture has noted.
func (x *index) look(ctx context.Context, s *source, c *capture) (state string, changed bool, err error) {
	if c == nil {
		state, err = x.keeper.counters(ctx, s)
		return state, false, err
	}
	state, changed, err = c.look(ctx, x.keeper.config.Pool, x, s)
	return state + " " + x.keeper.modelHash(ctx, s), changed, err
}

// attend tells home now and then that the index's reader is there.
func (x *index) attend(ctx context.Context, c *capture) error {
	if home, is := x.holder().(*atHome); is && time.Since(x.led) > leaseRenewed {
		x.led = time.Now()
		l, err := home.lead(ctx, x.reader())
		if err != nil {
			return err
		}
		if l.mine && !l.before { // who had it is gone, and nobody knows how far it has come
			x.mu.Lock()
			x.scanned = time.Time{}
			x.mu.Unlock()
		}
	}
	if c == nil || time.Since(c.told) < heard {
		return nil
	}
	return c.seen(ctx, x.keeper.config.Pool, x)
}

// holder is what holds the vectors; nil while there is nothing.
func (x *index) holder() holder {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.held
}

// config is what the options say.
func (x *index) config(dimension int) (vector.Config, error) {
	cfg, _, err := options(x.def)
	if err != nil {
		return cfg, err
	}
	cfg.Dimension, cfg.MaxBytes = dimension, x.keeper.config.MaxBytes
	return cfg, nil
}

// optionNames are those of WITH (…).
const optionNames = "measure, model, dimension, recall, place"

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
		case "place":
			if value != placeAuto && value != placeHome && value != placeProxy {
				err = fmt.Errorf("place %q is none of auto, home, proxy", value)
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

// Package search keeps vector indexes right beside the tables that they are made of, and answers searches in them. An index
// follows its table by scans: a scan reads every row's key with its xmin and ctid, and takes anew only rows in which these
// have changed. A scan is begun when home's statistics say that the table was written to, and now and then in any case.
package search

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// Config is what a Keeper works with. All but Logger is required.
type Config struct {
	// Pool are sessions of home itself, whose role may read the tables. The caller closes it after Run has returned.
	Pool *pgxpool.Pool
	// Dir is the directory of the indexes' files.
	Dir string
	// Poll is the time between two looks for changes (setting vector_poll).
	Poll time.Duration
	// Reconcile is the time after which a table is scanned though nothing says that it has changed (setting
	// vector_reconcile).
	Reconcile time.Duration
	// MaxBytes bounds the memory of each index (setting vector_max_bytes).
	MaxBytes int64
	// Logger gets what an operator should know: nothing.
	Logger *slog.Logger
}

// Models answers texts with vectors. *datalayer.Datalayer is one.
type Models interface {
	datalayer.Predictor
	// Describe finds a model version, 0 for the default one.
	Describe(ctx context.Context, name string, version int) (*datalayer.ModelVersion, error)
	// Components is what components there are now.
	Components() component.Catalog
}

// Keeper keeps all vector indexes. It is safe for concurrent use.
type Keeper struct {
	config Config
	wake   chan struct{}
	// id tells this process from others that keep indexes of the same home.
	id string

	mu      sync.Mutex
	models  Models
	indexes map[string]*index

	// sweepFrom is when what home has of old indexes is to be removed, zero where nothing is left; it is Run's.
	sweepFrom time.Time
}

// New makes a Keeper. It does nothing before Run.
func New(config Config) *Keeper {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{config: config, wake: make(chan struct{}, 1), id: rand.Text(), indexes: map[string]*index{}}
}

// Attach gives the Keeper the models, and the components among which indexes are. It is called once, before Run.
func (k *Keeper) Attach(models Models) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.models = models
}

// Run works until ctx ends, and returns when everything that it began has ended.
func (k *Keeper) Run(ctx context.Context) {
	var upkeep sync.WaitGroup
	defer upkeep.Wait()
	defer k.closeAll()
	if err := k.sweep(ctx); err != nil {
		k.config.Logger.Warn("files of old vector indexes cannot be removed", "error", err)
	}
	k.sweepFrom = time.Now()
	tick := time.NewTicker(k.config.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		for _, x := range k.adopt(ctx) {
			x.pass(ctx, &upkeep)
		}
		k.sweepWhenDue(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-k.wake:
		}
	}
}

// sweepAgain is how long Run waits before it tries again to remove what home has of old indexes.
const sweepAgain = 10 * time.Second

// sweepWhenDue removes what home has of old indexes, if that is still to be done.
func (k *Keeper) sweepWhenDue(ctx context.Context) {
	if k.sweepFrom.IsZero() || time.Now().Before(k.sweepFrom) {
		return
	}
	k.sweepFrom = time.Time{}
	if err := k.sweepAtHome(ctx); err != nil && ctx.Err() == nil {
		k.sweepFrom = time.Now().Add(sweepAgain)
		k.config.Logger.Warn("what home has of old vector indexes cannot be removed", "error", err)
	}
}

// Wake has Run look at once for what there is to do.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// adopt gives the indexes that there are now. One that is new, or was replaced, begins; one that is gone ends.
func (k *Keeper) adopt(ctx context.Context) []*index {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.models == nil {
		return nil
	}
	there := map[string]bool{}
	var all []*index
	for _, c := range k.models.Components().Components(component.KindVectorIndex) {
		r := c.Default()
		there[c.Name] = true
		x := k.indexes[c.Name]
		if x != nil && (x.version != r.Version || x.hash != r.Hash) {
			k.end(ctx, x)
			x = nil
		}
		if x == nil {
			x = newIndex(k, c.Name, r)
			k.indexes[c.Name] = x
		}
		all = append(all, x)
	}
	for name, x := range k.indexes {
		if !there[name] {
			k.end(ctx, x)
			delete(k.indexes, name)
		}
	}
	return all
}

// end closes an index that is not wanted any more and removes its files.
func (k *Keeper) end(ctx context.Context, x *index) {
	x.mu.Lock()
	captured := x.capture != nil
	x.mu.Unlock()
	err := x.close()
	if err == nil {
		err = vector.Remove(x.dir)
	}
	if err == nil && captured {
		if err = k.dropAtHome(ctx, x.origin()); err != nil {
			k.sweepFrom = time.Now().Add(sweepAgain)
		}
	}
	if err != nil {
		k.config.Logger.Warn("the files of a vector index cannot be removed", "index", x.name, "error", err)
	}
}

// leaveTime bounds how long closing waits for home.
const leaveTime = time.Second

// closeAll closes all indexes, for good.
func (k *Keeper) closeAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, x := range k.indexes {
		if c := x.capture; c != nil {
			ctx, stop := context.WithTimeout(context.Background(), leaveTime)
			if err := k.leave(ctx, c.id, x.reader()); err != nil {
				k.config.Logger.Debug("the lease of a vector index cannot be given back", "index", x.name, "error", err)
			}
			stop()
		}
		if err := x.close(); err != nil {
			k.config.Logger.Warn("a vector index cannot be closed", "index", x.name, "error", err)
		}
	}
	k.indexes = map[string]*index{}
}

// sweep removes the files of indexes that there are not any more.
func (k *Keeper) sweep(ctx context.Context) error {
	entries, err := os.ReadDir(k.config.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, x := range k.adopt(ctx) {
		wanted[filepath.Base(x.dir)] = true
	}
	for _, e := range entries {
		if !wanted[e.Name()] && e.Name() != marksName {
			err = errors.Join(err, vector.Remove(filepath.Join(k.config.Dir, e.Name())))
		}
	}
	return err
}

// dirOf is the directory of an index's files. Names may hold what those of files may not.
func (k *Keeper) dirOf(name string, version int) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(k.config.Dir, fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:8]), version))
}

// find gives an index by its name.
func (k *Keeper) find(name string) (*index, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	x, there := k.indexes[name], k.models == nil || k.models.Components().Component(component.KindVectorIndex, name) != nil
	switch {
	case x != nil && there:
		return x, nil
	case there && k.models != nil:
		return nil, building(name)
	}
	return nil, fault("42704", fmt.Sprintf("vector index %q does not exist", name), "SHOW VECTOR INDEXES lists those that do.")
}

// building is the error for an index that cannot be searched yet.
func building(name string) error {
	return fault("55000", fmt.Sprintf("vector index %q is not ready yet", name), "It is being built: see pinnacle.jobs.")
}

// fault is an error that a user can act on.
func fault(code, message, hint string) error {
	return &datalayer.Error{Code: code, Message: message, Hint: hint}
}

// Column is one of an index's key.
type Column struct {
	// Name and Type are as SQL writes them, quoted where need be.
	Name, Type string
}

// Info is what statements must know of an index.
type Info struct {
	// Table is the one that is indexed, qualified and quoted.
	Table string
	Key   []Column
	// Place is where the index lies, for who reads a plan.
	Place string
	// Home says how to search the index in a statement, where it lies at home; nil where it lies in the proxy.
	Home *Home
}

// Index finds an index that may be searched. The error is 42704, or 55000 while it is being built for the first time.
func (k *Keeper) Index(name string) (*Info, error) {
	x, err := k.find(name)
	if err != nil {
		return nil, err
	}
	return x.info()
}

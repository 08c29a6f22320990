package datalayer

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Config says what a Datalayer works with. Metadata and Artifacts are required; what is zero otherwise has the default
// that is written with it.
type Config struct {
	// Metadata and Artifacts are the stores. They belong to the caller, who closes them after the Datalayer.
	Metadata  metadata.Store
	Artifacts artifacts.Store
	// Sessions is where Execute runs SQL: sessions that lead through the proxy, so that predict works in them. It
	// belongs to the caller, who closes it before the Datalayer, and resets each session that was released. nil:
	// Execute is refused.
	Sessions *pgxpool.Pool
	// Runtimes are what USING may name.
	Runtimes []udf.Runtime
	// ImportDirs are the directories of the server whose files FROM 'path' may read (setting artifact_import_dirs);
	// none: no file may be read.
	ImportDirs []string
	// CacheDir is a directory for private copies of artifacts while they are loaded; what is in it is removed. "":
	// one is made among the system's temporary files, and removed by Close.
	CacheDir string
	// MaxLoadedModels is the number of model versions that may be loaded at once (setting max_loaded_models): 64.
	MaxLoadedModels int
	// MaxLoadedBytes bounds the artifacts of the model versions that are loaded at once (setting max_loaded_bytes); 0:
	// no bound. What a runtime makes of an artifact may be larger.
	MaxLoadedBytes int64
	// ModelIdle is how long a model stays loaded that nobody uses (setting model_idle); 0: as long as there is room.
	ModelIdle time.Duration
	// MaxParallelLoads is the number of models that may be in the middle of being loaded (setting
	// max_parallel_loads): 4.
	MaxParallelLoads int
	// MaxArtifactBytes is the size of the largest artifact that is taken (setting artifact_max_bytes): 4 GiB.
	MaxArtifactBytes int64
	// MaxSourceBytes is the length of the longest AS $$ … $$ (setting model_max_source_bytes): 1 MiB.
	MaxSourceBytes int
	// ArtifactGrace is how long an artifact to which nothing refers is kept (setting artifact_grace): 24 hours.
	// Less than 0: for ever, unless CollectArtifacts is called.
	ArtifactGrace time.Duration
	// Tables are tables of the schema pinnacle beside the Datalayer's own.
	Tables []SystemTable
	// PollInterval is the time between two looks for what other programs have changed in the metadata store (setting
	// metadata_poll_interval); 0: no other program changes it.
	PollInterval time.Duration
	// Kinds are the kinds of components beside models. Two of one name are refused.
	Kinds []component.Kind
	// Secrets reads the secrets that options name; nil: none can be.
	Secrets Secrets
	// Functions are those of the schema pinnacle beside add, remove and show, by name: refresh takes the name of a
	// listener.
	Functions map[string]Function
	// Jobs takes the jobs that changes of components start; nil: components that start any are refused.
	Jobs Jobs
	// Virtual gives models that are no components; nil: there are none.
	Virtual Virtual
	// Logger gets what an operator should know: nothing.
	Logger *slog.Logger
	// Observer is told of predictions: nobody.
	Observer Observer
}

// Observer is told what statements did, for metrics. It is safe for concurrent use and does not block.
type Observer interface {
	// Predicted is called once a statement and model version, when the statement is done with it.
	Predicted(model string, version int, s CallStats)
}

// The defaults of Config.
const (
	defaultMaxLoadedModels  = 64
	defaultMaxParallelLoads = 4
	defaultMaxArtifactBytes = 4 << 30
	defaultMaxSourceBytes   = 1 << 20
	defaultArtifactGrace    = 24 * time.Hour
	// collectEvery is the time between two looks for artifacts that nothing refers to.
	collectEvery = time.Hour
)

// Datalayer is the object that wires stores and runtimes together. It implements Components, Predictor and Tables, and
// is safe for concurrent use. Its errors are *Error.
type Datalayer struct {
	config   Config
	runtimes map[string]udf.Runtime
	// kinds are those of Config.Kinds, by name.
	kinds map[string]component.Kind
	// imports are the absolute names of ImportDirs.
	imports []string
	// ownCacheDir says that Close removes CacheDir.
	ownCacheDir bool

	// catalog is what the metadata store has, swapped whole after each change. changing is held (filled) from before
	// a change until its catalog is in place, so that catalogs follow each other as the changes did.
	catalog  atomic.Pointer[catalog]
	changing chan struct{}

	loads *loader
	pins  *pins

	// stop ends the collection of artifacts, which background waits for.
	stop       context.CancelFunc
	background sync.WaitGroup
}

var (
	_ Components = (*Datalayer)(nil)
	_ Registry   = (*Datalayer)(nil)
	_ Predictor  = (*Datalayer)(nil)
	_ Tables     = (*Datalayer)(nil)
)

// Open reads the metadata and makes a Datalayer ready. ctx is for the opening only. The Datalayer is closed by Close.
func Open(ctx context.Context, config Config) (*Datalayer, error) {
	d := &Datalayer{
		config:   config.withDefaults(),
		runtimes: map[string]udf.Runtime{},
		kinds:    map[string]component.Kind{},
		changing: make(chan struct{}, 1),
		pins:     newPins(),
	}
	for _, r := range d.config.Runtimes {
		if _, ok := d.runtimes[r.Name()]; ok {
			return nil, fmt.Errorf("two runtimes have the name %q", r.Name())
		}
		d.runtimes[r.Name()] = r
	}
	for _, k := range d.config.Kinds {
		if _, ok := d.kinds[k.Name()]; ok || k.Name() == component.KindModel {
			return nil, fmt.Errorf("two kinds of components have the name %q", k.Name())
		}
		d.kinds[k.Name()] = k
	}
	imports, err := absoluteDirs(d.config.ImportDirs, d.config.Logger)
	if err != nil {
		return nil, err
	}
	d.imports = imports
	c, err := readCatalog(ctx, d.config.Metadata.KeyValue(), nil)
	if err != nil {
		return nil, ErrorOf(err)
	}
	d.catalog.Store(c)
	if err := d.openCacheDir(); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.loads = newLoader(running, d.config, d.loadVersion)
	if d.config.PollInterval > 0 {
		d.background.Go(func() { d.follow(running) })
	}
	if d.config.ArtifactGrace >= 0 {
		d.background.Go(func() { d.collect(running) })
	}
	return d, nil
}

// withDefaults gives the configuration with every field set.
func (c Config) withDefaults() Config {
	c.MaxLoadedModels = cmp.Or(c.MaxLoadedModels, defaultMaxLoadedModels)
	c.MaxParallelLoads = cmp.Or(c.MaxParallelLoads, defaultMaxParallelLoads)
	c.MaxArtifactBytes = cmp.Or(c.MaxArtifactBytes, defaultMaxArtifactBytes)
	c.MaxSourceBytes = cmp.Or(c.MaxSourceBytes, defaultMaxSourceBytes)
	c.ArtifactGrace = cmp.Or(c.ArtifactGrace, defaultArtifactGrace)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Close ends loading and collecting, and closes the loaded models; one that is leased is closed by its last Release. No
// method but those of leases may be called afterwards.
func (d *Datalayer) Close() error {
	d.stop()
	d.background.Wait()
	err := d.loads.close()
	if d.ownCacheDir {
		if removeErr := os.RemoveAll(d.config.CacheDir); err == nil {
			err = removeErr
		}
	}
	if err != nil {
		return ErrorOf(err)
	}
	return nil
}

// change makes one change of components, and puts the catalog that follows from it in place before it returns. renamed
// has the earlier names of models that are renamed. What was changed is read anew whatever the outcome: where the store
// fails while it commits, only reading tells what it did.
func (d *Datalayer) change(ctx context.Context, renamed map[string]string, change func(tx metadata.Tx) error) error {
	select {
	case d.changing <- struct{}{}:
		defer func() { <-d.changing }()
	case <-ctx.Done():
		return ErrorOf(ctx.Err())
	}
	var touched []component.Ref
	changeErr := d.config.Metadata.Update(ctx, func(tx metadata.Tx) error {
		err := change(tx)
		touched = tx.Components().Touched()
		return err
	})
	if changeErr != nil {
		touched = nil // what is another revision now was made by another program, or nobody knows
	}
	before := d.catalog.Load()
	after, err := before.reread(context.WithoutCancel(ctx), d.config.Metadata.KeyValue(), touched, renamed)
	if err != nil {
		d.config.Logger.Error("the catalog of components could not be read after a change", "error", err)
	} else {
		d.replace(before, after)
	}
	if changeErr == nil {
		changeErr = err
	}
	if changeErr != nil {
		return ErrorOf(changeErr)
	}
	return nil
}

// replace puts a catalog in the place of another. d.changing is held.
func (d *Datalayer) replace(before, after *catalog) {
	if after != before {
		d.catalog.Store(after)
		d.loads.forget(append(before.gone(after), before.outdated(after)...))
	}
}

// follow reads the catalog anew whenever another program has changed the metadata store, until ctx ends.
func (d *Datalayer) follow(ctx context.Context) {
	tick := time.NewTicker(d.config.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.Reload(ctx); err != nil && ctx.Err() == nil {
			d.config.Logger.Warn("the metadata store could not be asked for changes", "error", err)
		}
	}
}

// Reload sees at once what other programs have changed in the metadata store, which it otherwise does every PollInterval.
func (d *Datalayer) Reload(ctx context.Context) error {
	select {
	case d.changing <- struct{}{}:
		defer func() { <-d.changing }()
	case <-ctx.Done():
		return ErrorOf(ctx.Err())
	}
	before, store := d.catalog.Load(), d.config.Metadata.KeyValue()
	var revision uint64
	err := store.View(ctx, func(r keyvalue.Reader) (err error) {
		revision, err = component.Revision(r)
		return err
	})
	if err != nil {
		return ErrorOf(err)
	}
	if revision == before.revision {
		return nil
	}
	after, err := readCatalog(ctx, store, before)
	if err != nil {
		return ErrorOf(err)
	}
	d.replace(before, after)
	return nil
}

package datalayer

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// versionKey tells loaded models apart. The hash is in it because a name and number that a model lost by being renamed
// may come to stand for another one.
type versionKey struct {
	name    string
	version int
	hash    string
}

// keyOf is the key of a version.
func keyOf(v *ModelVersion) versionKey { return versionKey{v.Name, v.Version, v.Hash} }

// loader keeps model versions loaded, the ones used last up to a number of them. A model that is leased is never closed.
type loader struct {
	// load loads one version; ctx ends when nobody waits for it any more, or the loader is closed.
	load   func(ctx context.Context, v *ModelVersion) (udf.Model, error)
	logger *slog.Logger
	// ctx ends with the Datalayer.
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	// slots bounds the loads that run at once.
	slots chan struct{}
	max   int
	// maxBytes bounds the artifacts of the models that are loaded; idle is how long one stays loaded that nobody uses,
	// 0 for as long as there is room.
	maxBytes int64
	idle     time.Duration

	mu     sync.Mutex
	models map[versionKey]*loaded
	// used has the models of the map, the one used last in front.
	used list.List
	// open counts the models that are loaded or being loaded, also those that were forgotten but are still leased.
	open int
	// bytes is the size of the artifacts of these.
	bytes  int64
	closed bool
}

// loaded is a model version that is loaded or being loaded. All but the channel is guarded by loader.mu; model and err
// are set before ready is closed and stay as they are.
type loaded struct {
	version *ModelVersion
	ready   chan struct{}
	model   udf.Model
	err     error
	// leases counts who uses the model or waits for it; since is when the last of them was given back.
	leases int
	since  time.Time
	// cancel ends the loading.
	cancel context.CancelFunc
	// place is the element of loader.used; nil once the model was forgotten, and then its last user closes it.
	place *list.Element
}

// newLoader makes a loader that is closed by close, and ends loading when ctx ends.
func newLoader(ctx context.Context, config Config, load func(context.Context, *ModelVersion) (udf.Model, error)) *loader {
	ctx, stop := context.WithCancel(ctx)
	l := &loader{
		load: load, logger: config.Logger, ctx: ctx, stop: stop,
		slots: make(chan struct{}, config.MaxParallelLoads), max: config.MaxLoadedModels,
		maxBytes: config.MaxLoadedBytes, idle: config.ModelIdle,
		models: map[versionKey]*loaded{},
	}
	if l.idle > 0 {
		l.running.Go(l.unloadIdle)
	}
	return l
}

// unloadIdle closes models that nobody has used for a while, until the loader is closed.
func (l *loader) unloadIdle() {
	tick := time.NewTicker(max(l.idle/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.unload(time.Now().Add(-l.idle))
		case <-l.ctx.Done():
			return
		}
	}
}

// unload closes the models that nobody uses and that were last used before a moment.
func (l *loader) unload(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.used.Back(); e != nil; {
		m := e.Value.(*loaded)
		e = e.Prev()
		if m.leases == 0 && m.since.Before(before) {
			l.remove(m)
			l.closeModel(m)
		}
	}
}

// acquire gives the loaded model of a version, and loads it, once for all who ask, if need be. The caller calls release
// once it is done.
func (l *loader) acquire(ctx context.Context, v *ModelVersion) (*loaded, error) {
	m, err := l.hold(v)
	if err != nil {
		return nil, err
	}
	select {
	case <-m.ready:
	case <-ctx.Done():
		l.release(m)
		return nil, ctx.Err()
	}
	if m.err != nil {
		l.release(m)
		return nil, m.err
	}
	return m, nil
}

// hold adds a lease to the model of a version, which it begins to load if need be.
func (l *loader) hold(v *ModelVersion) (*loaded, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, &Error{Code: "57P01", Message: "the Datalayer is closed"}
	}
	key := keyOf(v)
	m := l.models[key]
	if m != nil {
		l.used.MoveToFront(m.place)
		m.leases++
		return m, nil
	}
	if err := l.makeRoom(v.ArtifactBytes); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(l.ctx)
	m = &loaded{version: v, ready: make(chan struct{}), cancel: cancel, leases: 1}
	m.place = l.used.PushFront(m)
	l.models[key] = m
	l.open++
	l.bytes += v.ArtifactBytes
	l.running.Go(func() { l.run(ctx, m) })
	return m, nil
}

// makeRoom closes the models that were not used for longest until one more, with an artifact of so many bytes, may be
// loaded. l.mu is held.
func (l *loader) makeRoom(bytes int64) error {
	for e := l.used.Back(); e != nil && !l.room(bytes); {
		m := e.Value.(*loaded)
		e = e.Prev()
		if m.leases == 0 {
			l.remove(m)
			l.closeModel(m)
		}
	}
	switch {
	case l.open >= l.max:
		return &Error{
			Code:    "53400",
			Message: fmt.Sprintf("all %d models that may be loaded at once are in use", l.max),
			Hint:    "Raise max_loaded_models, or run fewer statements with different models at once.",
		}
	case !l.room(bytes):
		return &Error{
			Code:    "53200",
			Message: "there is no room to load the model",
			Detail:  fmt.Sprintf("It has %d bytes, and the models in use have %d; at most %d are loaded at once.", bytes, l.bytes, l.maxBytes),
			Hint:    "Raise max_loaded_bytes, or run fewer statements with different models at once.",
		}
	}
	return nil
}

// room reports whether one more model, with an artifact of so many bytes, may be loaded. l.mu is held.
func (l *loader) room(bytes int64) bool {
	return l.open < l.max && (l.maxBytes == 0 || bytes == 0 || l.bytes+bytes <= l.maxBytes)
}

// run loads a model, which hold put in place.
func (l *loader) run(ctx context.Context, m *loaded) {
	defer m.cancel()
	model, err := l.loadInTurn(ctx, m.version)
	l.mu.Lock()
	defer l.mu.Unlock()
	m.model, m.err = model, err
	close(m.ready)
	switch {
	case err != nil:
		l.remove(m) // so that the next Acquire tries again
		l.open--
		l.bytes -= m.version.ArtifactBytes
	case m.place == nil && m.leases == 0:
		l.closeModel(m)
	}
}

// loadInTurn waits for a slot and loads. A panic of a runtime becomes an error.
func (l *loader) loadInTurn(ctx context.Context, v *ModelVersion) (model udf.Model, err error) {
	if v.Models != nil { // it waits for its models, which need slots
		return guarded(l.logger, v, func() (udf.Model, error) { return l.load(ctx, v) })
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return guarded(l.logger, v, func() (udf.Model, error) { return l.load(ctx, v) })
}

// guarded calls into a runtime for a version, and makes an error of its panic. What the panic says is logged only where
// Go itself says it: a runtime's own words may hold values of rows.
func guarded[T any](logger *slog.Logger, v *ModelVersion, call func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			said := fmt.Sprintf("a %T", p)
			if fault, ok := p.(runtime.Error); ok {
				said = fault.Error()
			}
			logger.Error("a model runtime panicked", "runtime", v.Runtime, "model", v.Name, "version", v.Version,
				"panic", said, "stack", string(debug.Stack()))
			err = &Error{
				Code:    "XX000",
				Message: fmt.Sprintf("runtime %q failed on model %q", v.Runtime, v.Name),
				Hint:    "The proxy's log has the details.",
			}
		}
	}()
	return call()
}

// release gives a lease back. The last one ends a load that is under way, and closes a model that was forgotten.
func (l *loader) release(m *loaded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.leases--
	if m.leases > 0 {
		return
	}
	m.since = time.Now()
	select {
	case <-m.ready:
		if m.place == nil && m.err == nil {
			l.closeModel(m)
		}
	default:
		l.remove(m)
		m.cancel()
	}
}

// forget takes versions out of the loader: they are closed when their last lease is given back.
func (l *loader) forget(versions []*ModelVersion) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range versions {
		if m := l.models[keyOf(v)]; m != nil {
			l.remove(m)
			if m.leases == 0 {
				l.closeModel(m)
			}
		}
	}
}

// remove takes a model out of the map and the list. l.mu is held.
func (l *loader) remove(m *loaded) {
	if m.place == nil {
		return
	}
	l.used.Remove(m.place)
	m.place = nil
	delete(l.models, keyOf(m.version))
}

// closeModel closes a model that is loaded, removed and not leased. l.mu is held.
func (l *loader) closeModel(m *loaded) {
	l.open--
	l.bytes -= m.version.ArtifactBytes
	_, err := guarded(l.logger, m.version, func() (struct{}, error) { return struct{}{}, m.model.Close() })
	if err != nil {
		l.logger.Warn("a model could not be closed", "model", m.version.Name, "version", m.version.Version, "error", err)
	}
}

// close ends all loads, waits for them, and closes the models that are not leased.
func (l *loader) close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errors.New("the Datalayer was closed twice")
	}
	l.closed = true
	l.mu.Unlock()
	l.stop()
	l.running.Wait()
	l.mu.Lock()
	for _, m := range l.models {
		l.remove(m)
		if m.leases == 0 {
			l.closeModel(m)
		}
	}
	l.mu.Unlock()
	l.running.Wait() // sequences let their models go
	return nil
}

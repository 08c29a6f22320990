package datalayer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// catalog is what the metadata store has of components, in memory. It is immutable.
type catalog struct {
	// models are the components of that kind, made ready for use.
	models     map[string]*model
	components *component.Snapshot
	// revision is the store's when it was read.
	revision uint64
}

// model is a named model of the catalog. It is immutable.
type model struct {
	name string
	// of is what it was made of.
	of *component.Component
	// versions are ordered by number; there is at least one, and byDefault is one of them.
	versions  []*ModelVersion
	byDefault *ModelVersion
}

// newCatalog makes the catalog that follows another (nil: none), whose models it takes over where they have not changed,
// and their counters in any case. renamed has the earlier names of models that have another one now.
func newCatalog(components *component.Snapshot, revision uint64, before *catalog, renamed map[string]string) (*catalog, error) {
	c := &catalog{models: map[string]*model{}, components: components, revision: revision}
	if before == nil {
		before = &catalog{}
	}
	for _, of := range components.Components(component.KindModel) {
		was := before.models[of.Name]
		if was == nil {
			was = before.models[renamed[of.Name]]
		}
		if was != nil && was.of == of {
			c.models[of.Name] = was
			continue
		}
		record, err := metadata.ModelOf(of)
		if err != nil {
			return nil, err
		}
		m, err := newModel(record, was)
		if err != nil {
			return nil, err
		}
		m.of = of
		c.models[of.Name] = m
	}
	return c, nil
}

// newModel makes a model of its record. Counters are taken over from what the model was before, nil for nothing.
func newModel(r *metadata.Model, before *model) (*model, error) {
	m := &model{name: r.Name}
	byDefault := r.DefaultVersion().Version
	for _, record := range r.Versions {
		v, err := newModelVersion(r.Name, record)
		if err != nil {
			return nil, err
		}
		v.counters = &counters{}
		if was := before.version(v.Version); was != nil {
			v.counters = was.counters
		}
		if v.Version == byDefault {
			v.Default = true
			m.byDefault = v
		}
		m.versions = append(m.versions, v)
	}
	return m, nil
}

// newModelVersion makes a version of its record. Default is false, and it has no counters.
func newModelVersion(name string, r *metadata.Version) (*ModelVersion, error) {
	v := &ModelVersion{
		Name: name, Version: r.Version, Runtime: r.Runtime, Args: make([]udf.Arg, len(r.Args)), Hash: r.Hash,
		ArtifactDigest: r.Artifact, ArtifactBytes: r.ArtifactBytes, Source: r.Source, Options: maps.Clone(r.Options),
		Deterministic: r.Deterministic, NullOnNull: r.NullOnNull, CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy,
		Models: r.Models, Validation: r.Validation, Owner: r.Owner,
	}
	unreadable := func(err error) error {
		return &Error{
			Code:    "XX001",
			Message: fmt.Sprintf("the metadata of model %q version %d cannot be read: %v", name, r.Version, err),
			Err:     err,
		}
	}
	var err error
	if v.Returns, err = udf.ParseType(r.Returns); err != nil {
		return nil, unreadable(err)
	}
	for i, a := range r.Args {
		t, err := udf.ParseType(a.Type)
		if err != nil {
			return nil, unreadable(err)
		}
		v.Args[i] = udf.Arg{Name: a.Name, Type: t}
	}
	own, err := parseOwnOptions(r.Options)
	if err != nil {
		return nil, unreadable(err)
	}
	v.maxBatch = own.maxBatch
	return v, nil
}

// version is the version with a number, nil if there is none, or no model.
func (m *model) version(number int) *ModelVersion {
	if m == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(m.versions, number, func(v *ModelVersion, n int) int { return v.Version - n })
	if !ok {
		return nil
	}
	return m.versions[i]
}

// find gives a version of a model; 0 stands for the default one.
func (c *catalog) find(name string, version int) (*ModelVersion, error) {
	m := c.models[name]
	if m == nil {
		return nil, c.unknownModel(name)
	}
	if version == 0 {
		return m.byDefault, nil
	}
	if v := m.version(version); v != nil {
		return v, nil
	}
	return nil, m.unknownVersion(version)
}

// names are the models' names in order.
func (c *catalog) names() []string { return slices.Sorted(maps.Keys(c.models)) }

// references counts the versions that refer to each artifact, by digest.
func (c *catalog) references() map[string]int {
	refs := map[string]int{}
	for _, m := range c.models {
		for _, v := range m.versions {
			if v.ArtifactDigest != "" {
				refs[v.ArtifactDigest]++
			}
		}
	}
	return refs
}

// readCatalog reads everything anew, after another catalog.
func readCatalog(ctx context.Context, store keyvalue.Store, before *catalog) (*catalog, error) {
	var (
		all      []*component.Component
		revision uint64
	)
	err := store.View(ctx, func(r keyvalue.Reader) (err error) {
		if revision, err = component.Revision(r); err != nil {
			return err
		}
		all, err = component.ReadAll(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newCatalog(component.NewSnapshot(all), revision, before, nil)
}

// reread gives the catalog as it is after this program has changed some components: only these are read, unless others
// have changed something too. Without any, the next revision is another program's.
func (c *catalog) reread(ctx context.Context, store keyvalue.Store, touched []component.Ref, renamed map[string]string) (*catalog, error) {
	changed := make(map[component.Ref]*component.Component, len(touched))
	others := func(revision uint64) bool {
		return revision > c.revision+1 || revision > c.revision && len(touched) == 0
	}
	var revision uint64
	err := store.View(ctx, func(r keyvalue.Reader) (err error) {
		if revision, err = component.Revision(r); err != nil || others(revision) {
			return err
		}
		for _, ref := range touched {
			changed[ref], err = component.Read(r, ref.Kind, ref.Name)
			if err != nil && !errors.Is(err, component.ErrNotFound) {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case revision == c.revision:
		return c, nil
	case others(revision):
		return readCatalog(ctx, store, c)
	}
	return newCatalog(c.components.With(changed), revision, c, renamed)
}

// gone lists the versions of models that another catalog does not have any more.
func (c *catalog) gone(after *catalog) []*ModelVersion {
	var gone []*ModelVersion
	for name, m := range c.models {
		if left := after.models[name]; left != m {
			for _, v := range m.versions {
				if left.version(v.Version) == nil {
					gone = append(gone, v)
				}
			}
		}
	}
	return gone
}

package datalayer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// catalog is what the metadata store has of models, in memory. It is immutable.
type catalog struct{ models map[string]*model }

// model is a named model of the catalog. It is immutable.
type model struct {
	name string
	// versions are ordered by number; there is at least one, and byDefault is one of them.
	versions  []*ModelVersion
	byDefault *ModelVersion
}

// newCatalog makes a catalog of all models.
func newCatalog(records []*metadata.Model) (*catalog, error) {
	c := &catalog{models: make(map[string]*model, len(records))}
	for _, r := range records {
		m, err := newModel(r, nil)
		if err != nil {
			return nil, err
		}
		c.models[m.name] = m
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

// reread gives the catalog as it is after one model was changed that had, and has, the names given.
func (c *catalog) reread(ctx context.Context, store metadata.Store, name, to string) (*catalog, error) {
	after := &catalog{models: maps.Clone(c.models)}
	for _, n := range []string{name, to} {
		r, err := store.Model(ctx, n)
		if errors.Is(err, metadata.ErrNotFound) {
			delete(after.models, n)
			continue
		}
		if err != nil {
			return nil, err
		}
		was := c.models[n]
		if was == nil {
			was = c.models[name]
		}
		if after.models[n], err = newModel(r, was); err != nil {
			return nil, err
		}
	}
	return after, nil
}

// gone lists the versions of a model that another catalog does not have any more.
func (c *catalog) gone(after *catalog, name string) []*ModelVersion {
	m := c.models[name]
	if m == nil {
		return nil
	}
	left := after.models[name]
	return slices.DeleteFunc(slices.Clone(m.versions), func(v *ModelVersion) bool { return left.version(v.Version) != nil })
}

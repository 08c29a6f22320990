// Package records is the metadata.Store over any keyvalue.Store: models as components of that kind, written once for all
// stores.
package records

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Store keeps records in a keyvalue.Store. It implements metadata.Store.
type Store struct{ kv keyvalue.Store }

var _ metadata.Store = (*Store)(nil)

// Open makes a store over kv, which it closes from then on, and brings the records of older versions of the program up to
// date. Those of a newer one are a *keyvalue.Error with 55000; after an error kv is the caller's still.
func Open(ctx context.Context, kv keyvalue.Store) (*Store, error) {
	if err := keyvalue.Migrate(ctx, kv, migrations()); err != nil {
		return nil, err
	}
	return &Store{kv: kv}, nil
}

// KeyValue implements metadata.Store.
func (s *Store) KeyValue() keyvalue.Store { return s.kv }

// Models implements metadata.Store.
func (s *Store) Models(ctx context.Context) (models []*metadata.Model, err error) {
	err = s.kv.View(ctx, func(r keyvalue.Reader) error {
		models = nil
		all, err := component.ReadAll(r)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.Kind != component.KindModel {
				continue
			}
			m, err := metadata.ModelOf(c)
			if err != nil {
				return err
			}
			models = append(models, m)
		}
		return nil
	})
	return models, err
}

// Model implements metadata.Store.
func (s *Store) Model(ctx context.Context, name string) (m *metadata.Model, err error) {
	err = s.kv.View(ctx, func(r keyvalue.Reader) error {
		c, err := component.Read(r, component.KindModel, name)
		if err != nil {
			return err
		}
		m, err = metadata.ModelOf(c)
		return err
	})
	return m, err
}

// Artifacts implements metadata.Store.
func (s *Store) Artifacts(ctx context.Context) (found []*metadata.Artifact, err error) {
	err = s.kv.View(ctx, func(r keyvalue.Reader) error {
		found, err = component.Artifacts(r)
		return err
	})
	return found, err
}

// Update implements metadata.Store.
func (s *Store) Update(ctx context.Context, change func(tx metadata.Tx) error) error {
	return s.kv.Update(ctx, func(kv keyvalue.Tx) error { return change(&tx{component.In(kv), kv}) })
}

// Close implements metadata.Store.
func (s *Store) Close() error { return s.kv.Close() }

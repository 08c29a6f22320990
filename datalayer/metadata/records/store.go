// Package records is the metadata.Store over any keyvalue.Store: models, their versions and artifacts, with their numbers
// and references, written once for all stores.
package records

import (
	"context"
	"encoding/json"

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

// KeyValue is what the records are in, for records of other kinds. It is closed by the Store's Close.
func (s *Store) KeyValue() keyvalue.Store { return s.kv }

// Models implements metadata.Store.
func (s *Store) Models(ctx context.Context) (models []*metadata.Model, err error) {
	err = s.kv.View(ctx, func(r keyvalue.Reader) error {
		models, err = reader{r}.models()
		return err
	})
	return models, err
}

// Model implements metadata.Store.
func (s *Store) Model(ctx context.Context, name string) (m *metadata.Model, err error) {
	err = s.kv.View(ctx, func(r keyvalue.Reader) error {
		m, err = reader{r}.Model(name)
		return err
	})
	return m, err
}

// Artifacts implements metadata.Store.
func (s *Store) Artifacts(ctx context.Context) (found []*metadata.Artifact, err error) {
	err = s.kv.View(ctx, func(r keyvalue.Reader) error {
		found = nil
		return r.Scan(artifactSpace, "", "", 0, func(key string, value []byte) error {
			a := &metadata.Artifact{}
			found = append(found, a)
			return decode(artifactSpace, key, value, a)
		})
	})
	return found, err
}

// Update implements metadata.Store.
func (s *Store) Update(ctx context.Context, change func(tx metadata.Tx) error) error {
	return s.kv.Update(ctx, func(kv keyvalue.Tx) error { return change(&tx{reader{kv}, kv}) })
}

// Close implements metadata.Store.
func (s *Store) Close() error { return s.kv.Close() }

// decode reads a record's JSON. What is none is XX001 with the record's name.
func decode(space keyvalue.Space, key string, value []byte, to any) error {
	if err := json.Unmarshal(value, to); err != nil {
		return corrupt(space, key, err)
	}
	return nil
}

package records

import (
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// tx is one transaction. It implements metadata.Tx.
type tx struct {
	components *component.Tx
	kv         keyvalue.Tx
}

var _ metadata.Tx = (*tx)(nil)

// Components implements metadata.Tx.
func (t *tx) Components() *component.Tx { return t.components }

// KeyValue implements metadata.Tx.
func (t *tx) KeyValue() keyvalue.Tx { return t.kv }

// Model implements metadata.Tx.
func (t *tx) Model(name string) (*metadata.Model, error) {
	c, err := t.components.Component(component.KindModel, name)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", name, err)
	}
	return metadata.ModelOf(c)
}

// AddVersion implements metadata.Tx.
func (t *tx) AddVersion(name string, v *metadata.Version) (int, error) {
	r, err := v.Record(name)
	if err != nil {
		return 0, err
	}
	return t.components.Add(r, true)
}

// SetOptions implements metadata.Tx.
func (t *tx) SetOptions(name string, version int, options map[string]string) error {
	m, err := t.Model(name)
	if err != nil {
		return err
	}
	v := m.Version(version)
	if v == nil {
		return fmt.Errorf("version %d of model %q: %w", version, name, metadata.ErrNotFound)
	}
	v.Options = options
	r, err := v.Record(name)
	if err != nil {
		return err
	}
	return t.components.Replace(r)
}

// SetDefault implements metadata.Tx.
func (t *tx) SetDefault(name string, version int) error {
	return t.components.SetDefault(component.KindModel, name, version)
}

// RemoveVersion implements metadata.Tx.
func (t *tx) RemoveVersion(name string, version int) error {
	if version == 0 {
		return fmt.Errorf("version 0 of model %q: %w", name, metadata.ErrNotFound)
	}
	_, err := t.components.Remove(component.Ref{Kind: component.KindModel, Name: name, Version: version}, false)
	return err
}

// RemoveModel implements metadata.Tx.
func (t *tx) RemoveModel(name string) error {
	_, err := t.components.Remove(component.Ref{Kind: component.KindModel, Name: name}, false)
	return err
}

// Rename implements metadata.Tx.
func (t *tx) Rename(name, to string) error { return t.components.Rename(component.KindModel, name, to) }

// PutArtifact implements metadata.Tx.
func (t *tx) PutArtifact(a *metadata.Artifact) error { return t.components.PutArtifact(a) }

// RemoveArtifact implements metadata.Tx.
func (t *tx) RemoveArtifact(digest string) error { return t.components.RemoveArtifact(digest) }

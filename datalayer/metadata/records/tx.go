package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// tx is one transaction. It implements metadata.Tx.
type tx struct {
	reader
	kv keyvalue.Tx
}

var _ metadata.Tx = (*tx)(nil)

// AddVersion implements metadata.Tx.
func (t *tx) AddVersion(name string, v *metadata.Version) (int, error) {
	h, err := t.header(name)
	if errors.Is(err, metadata.ErrNotFound) {
		h, err = t.newHeader(name)
	}
	if err != nil {
		return 0, err
	}
	if h.Last >= math.MaxInt32 {
		return 0, &keyvalue.Error{Code: "54000", Message: fmt.Sprintf("model %q has had too many versions", name)}
	}
	h.Last++
	added := *v
	added.Version = h.Last
	if err := t.refer(added.Artifact, 1); err != nil {
		return 0, err
	}
	if err := t.put(versionSpace, versionKey(h.ID, added.Version), &added); err != nil {
		return 0, err
	}
	return added.Version, t.put(modelSpace, keyvalue.Key(name), h)
}

// newHeader makes the header of a model that does not exist; its numbers go on where an earlier one's ended.
func (t *tx) newHeader(name string) (*header, error) {
	last, err := t.number(numberSpace, keyvalue.Key(name))
	if err != nil {
		return nil, err
	}
	id, err := t.number(counterSpace, lastIDKey)
	if err != nil {
		return nil, err
	}
	if err := t.put(counterSpace, lastIDKey, id+1); err != nil {
		return nil, err
	}
	return &header{ID: uint64(id) + 1, Last: last}, nil
}

// SetOptions implements metadata.Tx.
func (t *tx) SetOptions(name string, version int, options map[string]string) error {
	h, v, err := t.version(name, version)
	if err != nil {
		return err
	}
	v.Options = options
	return t.put(versionSpace, versionKey(h.ID, version), v)
}

// SetDefault implements metadata.Tx.
func (t *tx) SetDefault(name string, version int) error {
	h, err := t.header(name)
	if err != nil {
		return err
	}
	if version != 0 {
		if _, _, err := t.version(name, version); err != nil {
			return err
		}
	}
	h.Default = version
	return t.put(modelSpace, keyvalue.Key(name), h)
}

// RemoveVersion implements metadata.Tx.
func (t *tx) RemoveVersion(name string, version int) error {
	m, err := t.Model(name)
	if err != nil {
		return err
	}
	h, v, err := t.version(name, version)
	if err != nil {
		return err
	}
	if len(m.Versions) == 1 {
		return t.RemoveModel(name)
	}
	if err := t.refer(v.Artifact, -1); err != nil {
		return err
	}
	if err := t.kv.Delete(versionSpace, versionKey(h.ID, version)); err != nil {
		return err
	}
	if h.Default != version {
		return nil
	}
	h.Default = 0
	return t.put(modelSpace, keyvalue.Key(name), h)
}

// RemoveModel implements metadata.Tx.
func (t *tx) RemoveModel(name string) error {
	h, err := t.header(name)
	if err != nil {
		return err
	}
	m, err := t.model(name, h)
	if err != nil {
		return err
	}
	for _, v := range m.Versions {
		if err := t.refer(v.Artifact, -1); err != nil {
			return err
		}
		if err := t.kv.Delete(versionSpace, versionKey(h.ID, v.Version)); err != nil {
			return err
		}
	}
	if err := t.put(numberSpace, keyvalue.Key(name), h.Last); err != nil {
		return err
	}
	return t.kv.Delete(modelSpace, keyvalue.Key(name))
}

// Rename implements metadata.Tx.
func (t *tx) Rename(name, to string) error {
	h, err := t.header(name)
	if err != nil {
		return err
	}
	switch _, err := t.header(to); {
	case err == nil:
		return fmt.Errorf("model %q: %w", to, metadata.ErrExists)
	case !errors.Is(err, metadata.ErrNotFound):
		return err
	}
	if err := t.put(numberSpace, keyvalue.Key(name), h.Last); err != nil {
		return err
	}
	had, err := t.number(numberSpace, keyvalue.Key(to))
	if err != nil {
		return err
	}
	h.Last = max(h.Last, had)
	if err := t.kv.Delete(modelSpace, keyvalue.Key(name)); err != nil {
		return err
	}
	return t.put(modelSpace, keyvalue.Key(to), h)
}

// PutArtifact implements metadata.Tx.
func (t *tx) PutArtifact(a *metadata.Artifact) error {
	_, err := t.artifact(a.Digest)
	if !errors.Is(err, metadata.ErrNotFound) {
		return err
	}
	added := *a
	added.Refs = 0
	return t.put(artifactSpace, a.Digest, &added)
}

// RemoveArtifact implements metadata.Tx.
func (t *tx) RemoveArtifact(digest string) error {
	a, err := t.artifact(digest)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.Refs > 0 {
		return fmt.Errorf("artifact %s: %w", digest, metadata.ErrReferenced)
	}
	return t.kv.Delete(artifactSpace, digest)
}

// refer changes the number of references to an artifact; "" is none.
func (t *tx) refer(digest string, by int) error {
	if digest == "" {
		return nil
	}
	a, err := t.artifact(digest)
	if err != nil {
		return err
	}
	a.Refs += by
	return t.put(artifactSpace, digest, a)
}

// put writes a record.
func (t *tx) put(space keyvalue.Space, key string, record any) error {
	value, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("metadata record %q of %s: %w", key, space, err)
	}
	return t.kv.Put(space, key, value)
}

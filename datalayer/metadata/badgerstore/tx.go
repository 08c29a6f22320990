package badgerstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// tx is one transaction. It implements metadata.Tx.
type tx struct{ txn *badger.Txn }

var _ metadata.Tx = (*tx)(nil)

// Model implements metadata.Tx.
func (t *tx) Model(name string) (*metadata.Model, error) {
	h, err := t.header(name)
	if err != nil {
		return nil, err
	}
	return t.model(name, h)
}

// model reads the versions that belong to a header.
func (t *tx) model(name string, h *header) (*metadata.Model, error) {
	m := &metadata.Model{Name: name, Default: h.Default}
	err := t.scan(versionsKey(h.ID), func(_, value []byte) error {
		v := &metadata.Version{}
		m.Versions = append(m.Versions, v)
		return json.Unmarshal(value, v)
	})
	if err == nil && len(m.Versions) == 0 {
		err = t.failed("read", modelPrefix+name, errors.New("the model has no versions"))
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// models reads every model. It is for a read-only transaction.
func (t *tx) models(ctx context.Context) ([]*metadata.Model, error) {
	var models []*metadata.Model
	err := t.scan([]byte(modelPrefix), func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		var h header
		if err := json.Unmarshal(value, &h); err != nil {
			return err
		}
		m, err := t.model(string(key[len(modelPrefix):]), &h)
		models = append(models, m)
		return err
	})
	return models, err
}

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
		return 0, &datalayer.Error{Code: "54000", Message: fmt.Sprintf("model %q has had too many versions", name)}
	}
	h.Last++
	added := *v
	added.Version = h.Last
	if err := t.refer(added.Artifact, 1); err != nil {
		return 0, err
	}
	if err := t.setRecord(versionKey(h.ID, added.Version), &added); err != nil {
		return 0, err
	}
	return added.Version, t.setRecord([]byte(modelPrefix+name), h)
}

// newHeader makes the header of a model that does not exist; its numbers go on where an earlier one's ended.
func (t *tx) newHeader(name string) (*header, error) {
	last, err := t.number(counterPrefix + name)
	if err != nil {
		return nil, err
	}
	id, err := t.number(lastIDKey)
	if err != nil {
		return nil, err
	}
	if err := t.setNumber(lastIDKey, id+1); err != nil {
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
	return t.setRecord(versionKey(h.ID, version), v)
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
	return t.setRecord([]byte(modelPrefix+name), h)
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
	if err := t.delete(versionKey(h.ID, version)); err != nil {
		return err
	}
	if h.Default != version {
		return nil
	}
	h.Default = 0
	return t.setRecord([]byte(modelPrefix+name), h)
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
		if err := t.delete(versionKey(h.ID, v.Version)); err != nil {
			return err
		}
	}
	if err := t.setNumber(counterPrefix+name, h.Last); err != nil {
		return err
	}
	return t.delete([]byte(modelPrefix + name))
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
	if err := t.setNumber(counterPrefix+name, h.Last); err != nil {
		return err
	}
	had, err := t.number(counterPrefix + to)
	if err != nil {
		return err
	}
	h.Last = max(h.Last, had)
	if err := t.delete([]byte(modelPrefix + name)); err != nil {
		return err
	}
	return t.setRecord([]byte(modelPrefix+to), h)
}

// header reads a model's header.
func (t *tx) header(name string) (*header, error) {
	var h header
	if err := t.record([]byte(modelPrefix+name), &h); err != nil {
		return nil, fmt.Errorf("model %q: %w", name, err)
	}
	return &h, nil
}

// version reads a model's header and one of its versions.
func (t *tx) version(name string, version int) (*header, *metadata.Version, error) {
	h, err := t.header(name)
	if err != nil {
		return nil, nil, err
	}
	var v metadata.Version
	if version < 1 || version > math.MaxInt32 {
		return nil, nil, fmt.Errorf("version %d of model %q: %w", version, name, metadata.ErrNotFound)
	}
	if err := t.record(versionKey(h.ID, version), &v); err != nil {
		return nil, nil, fmt.Errorf("version %d of model %q: %w", version, name, err)
	}
	return h, &v, nil
}

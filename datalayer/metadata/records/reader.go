package records

import (
	"errors"
	"fmt"
	"math"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// reader reads records within one transaction.
type reader struct{ kv keyvalue.Reader }

// errNoVersions says that a model's header is there and none of its versions.
var errNoVersions = errors.New("the model has no versions")

// Model implements metadata.Tx.
func (r reader) Model(name string) (*metadata.Model, error) {
	h, err := r.header(name)
	if err != nil {
		return nil, err
	}
	return r.model(name, h)
}

// model reads the versions that belong to a header.
func (r reader) model(name string, h *header) (*metadata.Model, error) {
	m := &metadata.Model{Name: name, Default: h.Default}
	prefix := versionsKey(h.ID)
	err := r.kv.Scan(versionSpace, prefix, keyvalue.PrefixEnd(prefix), 0, func(key string, value []byte) error {
		v := &metadata.Version{}
		m.Versions = append(m.Versions, v)
		return decode(versionSpace, key, value, v)
	})
	if err == nil && len(m.Versions) == 0 {
		err = corrupt(modelSpace, name, errNoVersions)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// models reads every model, in two scans however many there are.
func (r reader) models() ([]*metadata.Model, error) {
	versions := map[string][]*metadata.Version{}
	err := r.kv.Scan(versionSpace, "", "", 0, func(key string, value []byte) error {
		parts, ok := keyvalue.Parts(key)
		if !ok || len(parts) != 2 {
			return corrupt(versionSpace, key, errors.New("its key is not a model's id and a number"))
		}
		v := &metadata.Version{}
		versions[parts[0]] = append(versions[parts[0]], v)
		return decode(versionSpace, key, value, v)
	})
	if err != nil {
		return nil, err
	}
	var models []*metadata.Model
	err = r.kv.Scan(modelSpace, "", "", 0, func(key string, value []byte) error {
		parts, ok := keyvalue.Parts(key)
		if !ok || len(parts) != 1 {
			return corrupt(modelSpace, key, errors.New("its key is not a name"))
		}
		var h header
		if err := decode(modelSpace, key, value, &h); err != nil {
			return err
		}
		m := &metadata.Model{Name: parts[0], Default: h.Default, Versions: versions[keyvalue.Number(h.ID)]}
		if len(m.Versions) == 0 {
			return corrupt(modelSpace, key, errNoVersions)
		}
		models = append(models, m)
		return nil
	})
	return models, err
}

// header reads a model's header.
func (r reader) header(name string) (*header, error) {
	var h header
	if err := r.record(modelSpace, keyvalue.Key(name), &h); err != nil {
		return nil, fmt.Errorf("model %q: %w", name, err)
	}
	return &h, nil
}

// version reads a model's header and one of its versions.
func (r reader) version(name string, version int) (*header, *metadata.Version, error) {
	h, err := r.header(name)
	if err != nil {
		return nil, nil, err
	}
	var v metadata.Version
	if version < 1 || version > math.MaxInt32 {
		return nil, nil, fmt.Errorf("version %d of model %q: %w", version, name, metadata.ErrNotFound)
	}
	if err := r.record(versionSpace, versionKey(h.ID, version), &v); err != nil {
		return nil, nil, fmt.Errorf("version %d of model %q: %w", version, name, err)
	}
	return h, &v, nil
}

// artifact reads an artifact's record.
func (r reader) artifact(digest string) (*metadata.Artifact, error) {
	var a metadata.Artifact
	if err := r.record(artifactSpace, digest, &a); err != nil {
		return nil, fmt.Errorf("artifact %s: %w", digest, err)
	}
	return &a, nil
}

// number reads a number; 0 where there is none.
func (r reader) number(space keyvalue.Space, key string) (n int, err error) {
	err = r.record(space, key, &n)
	if errors.Is(err, metadata.ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// record reads the record under a key into to; metadata.ErrNotFound if there is none.
func (r reader) record(space keyvalue.Space, key string, to any) error {
	value, err := r.kv.Get(space, key)
	if errors.Is(err, keyvalue.ErrNotFound) {
		return metadata.ErrNotFound
	}
	if err != nil {
		return err
	}
	return decode(space, key, value, to)
}

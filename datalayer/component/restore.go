package component

import (
	"errors"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Restore writes a version as an older layout had it, under the component's id. Its artifacts count their references
// already, and it uses nothing.
func (t *Tx) Restore(id uint64, r *Record) error {
	return t.put(spaceVersions, versionKey(id, r.Version), r)
}

// RestoreHeader writes what an older layout had of a component beside its versions.
func (t *Tx) RestoreHeader(kind, name, owner string, id uint64, chosen, last int) error {
	var lastID uint64
	if err := get(t.kv, spaceCounters, keyLastID, &lastID); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if id > lastID {
		if err := t.put(spaceCounters, keyLastID, id); err != nil {
			return err
		}
	}
	h := &header{ID: id, Chosen: chosen, Last: last, Owner: owner}
	if err := t.put(spaceComponents, keyvalue.Key(kind, name), h); err != nil {
		return err
	}
	return t.revise(kind, name)
}

// RestoreNumber notes the last version number of a component that is gone.
func (t *Tx) RestoreNumber(kind, name string, last int) error {
	return t.put(spaceNumbers, keyvalue.Key(kind, name), last)
}

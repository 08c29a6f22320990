package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Layout is the version of the records' layout that this program writes.
func Layout() int { return len(migrations()) }

// migrations bring the records from one version of the layout to the next.
func migrations() []keyvalue.Migration {
	return []keyvalue.Migration{
		func(context.Context, keyvalue.Store) error { return nil }, // 1: models, in spaces of their own
		modelsToComponents, // 2: models are components
	}
}

// The spaces of layout 1; the parts of a key are put together by keyvalue.Key.
//
//	models/(name)             header of a model
//	versions/(id, number)     a version of the model with that id
//	model_numbers/(name)      the last version number of a name whose model is gone
//	counters/model_id         the last model id
const (
	oldModels   keyvalue.Space = "models"
	oldVersions keyvalue.Space = "versions"
	oldNumbers  keyvalue.Space = "model_numbers"
	oldCounters keyvalue.Space = "counters"
	oldLastID                  = "model_id"
)

// oldHeader is what layout 1 has of a model beside its versions.
type oldHeader struct {
	ID      uint64 `json:"id"`
	Default int    `json:"default,omitempty"`
	Last    int    `json:"last"`
}

// modelsToComponents moves models to where components are. Each goes in steps whose last one removes the old header, and
// that do nothing where that is gone, so that a crash in the middle, and another process that does the same, do no harm.
func modelsToComponents(ctx context.Context, s keyvalue.Store) error {
	for _, space := range []struct {
		of   keyvalue.Space
		move func(ctx context.Context, s keyvalue.Store, key string) error
	}{{oldModels, moveModel}, {oldNumbers, moveNumber}, {oldVersions, dropVersion}} {
		keys, err := keysOf(ctx, s, space.of)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := space.move(ctx, s, key); err != nil {
				return err
			}
		}
	}
	return s.Update(ctx, func(tx keyvalue.Tx) error { return tx.Delete(oldCounters, oldLastID) })
}

// keysOf lists the keys of a space.
func keysOf(ctx context.Context, s keyvalue.Store, space keyvalue.Space) (keys []string, err error) {
	err = s.View(ctx, func(r keyvalue.Reader) error {
		keys = nil
		return r.Scan(space, "", "", 0, func(key string, _ []byte) error {
			keys = append(keys, key)
			return nil
		})
	})
	return keys, err
}

// moveModel moves one model, with a transaction for each version, and one for the header.
func moveModel(ctx context.Context, s keyvalue.Store, key string) error {
	parts, ok := keyvalue.Parts(key)
	if !ok || len(parts) != 1 {
		return corrupt(oldModels, key, errors.New("its key is not a name"))
	}
	h, records, err := oldModel(ctx, s, key, parts[0])
	if err != nil || h == nil {
		return err
	}
	if len(records) == 0 {
		return corrupt(oldModels, key, errors.New("the model has no versions"))
	}
	for _, r := range records {
		err := s.Update(ctx, func(tx keyvalue.Tx) error {
			if _, err := tx.Get(oldModels, key); err != nil {
				return notGone(err)
			}
			return component.In(tx).Restore(h.ID, r)
		})
		if err != nil {
			return err
		}
	}
	return s.Update(ctx, func(tx keyvalue.Tx) error {
		if _, err := tx.Get(oldModels, key); err != nil {
			return notGone(err)
		}
		owner := records[len(records)-1].Owner
		if err := component.In(tx).RestoreHeader(component.KindModel, parts[0], owner, h.ID, h.Default, h.Last); err != nil {
			return err
		}
		return tx.Delete(oldModels, key)
	})
}

// notGone is err unless that says that the key is gone: then another process has done the work.
func notGone(err error) error {
	if errors.Is(err, keyvalue.ErrNotFound) {
		return nil
	}
	return err
}

// oldModel reads a model of layout 1; nil for one that is gone.
func oldModel(ctx context.Context, s keyvalue.Store, key, name string) (h *oldHeader, records []*component.Record, err error) {
	err = s.View(ctx, func(r keyvalue.Reader) error {
		h, records = nil, nil
		value, err := r.Get(oldModels, key)
		if err != nil {
			return notGone(err)
		}
		h = &oldHeader{}
		if err := decode(oldModels, key, value, h); err != nil {
			return err
		}
		prefix := keyvalue.Key(keyvalue.Number(h.ID))
		return r.Scan(oldVersions, prefix, keyvalue.PrefixEnd(prefix), 0, func(key string, value []byte) error {
			v := &metadata.Version{}
			if err := decode(oldVersions, key, value, v); err != nil {
				return err
			}
			v.Owner = v.CreatedBy
			record, err := v.Record(name)
			records = append(records, record)
			return err
		})
	})
	return h, records, err
}

// moveNumber moves the last number of a name whose model is gone.
func moveNumber(ctx context.Context, s keyvalue.Store, key string) error {
	parts, ok := keyvalue.Parts(key)
	if !ok || len(parts) != 1 {
		return corrupt(oldNumbers, key, errors.New("its key is not a name"))
	}
	return s.Update(ctx, func(tx keyvalue.Tx) error {
		value, err := tx.Get(oldNumbers, key)
		if err != nil {
			return notGone(err)
		}
		var last int
		if err := decode(oldNumbers, key, value, &last); err != nil {
			return err
		}
		if err := component.In(tx).RestoreNumber(component.KindModel, parts[0], last); err != nil {
			return err
		}
		return tx.Delete(oldNumbers, key)
	})
}

// dropVersion removes a version of layout 1.
func dropVersion(ctx context.Context, s keyvalue.Store, key string) error {
	return s.Update(ctx, func(tx keyvalue.Tx) error { return tx.Delete(oldVersions, key) })
}

// decode reads a record's JSON. What is none is XX001 with the record's name.
func decode(space keyvalue.Space, key string, value []byte, to any) error {
	if err := json.Unmarshal(value, to); err != nil {
		return corrupt(space, key, err)
	}
	return nil
}

// corrupt is the error for a record that is not what it should be.
func corrupt(space keyvalue.Space, key string, err error) error {
	return &keyvalue.Error{
		Code:    "XX001",
		Message: fmt.Sprintf("could not read the metadata record %q of %s: %v", key, space, err),
		Hint:    "Restore a backup of the metadata store.",
		Err:     err,
	}
}

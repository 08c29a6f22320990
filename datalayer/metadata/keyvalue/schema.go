package keyvalue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Where the version of the records' layout is noted.
const (
	schemaSpace = Space("schema")
	schemaKey   = "version"
	// importKey is there while records are brought in from elsewhere: see Import.
	importKey = "import"
)

// schemaRecord is what is kept there.
type schemaRecord struct {
	Version int `json:"version"`
}

// Migration brings all records from one version of their layout to the next. A crash may cut it off, after which it is
// run again from its beginning, and two processes may run it at once: it has to bear both. It may need several Updates,
// since one takes MaxChanges.
type Migration func(ctx context.Context, s Store) error

// Migrate runs the migrations that a store lacks, in their order, and notes each: the first is from version 0, which is
// an empty store, to 1. A store of a newer program is refused with 55000.
func Migrate(ctx context.Context, s Store, steps []Migration) error {
	for {
		have, err := SchemaVersion(ctx, s)
		switch {
		case err != nil:
			return err
		case have == len(steps):
			return nil
		case have > len(steps):
			return Newer("its records", have, len(steps))
		}
		if err := steps[have](ctx, s); err != nil {
			return fmt.Errorf("metadata layout %d: %w", have+1, err)
		}
		if err := note(ctx, s, have+1); err != nil {
			return err
		}
	}
}

// SchemaVersion is the version of the layout of a store's records; 0 is none.
func SchemaVersion(ctx context.Context, s Store) (version int, err error) {
	err = s.View(ctx, func(r Reader) error {
		version, err = schemaVersion(r)
		return err
	})
	return version, err
}

// schemaVersion reads the version in a transaction.
func schemaVersion(r Reader) (int, error) {
	_, err := r.Get(schemaSpace, importKey)
	if err == nil {
		return 0, &Error{Code: "55000", Message: "the metadata store is incomplete: bringing records into it was cut off",
			Hint: "Run pinnacle-proxy restore, or migrate, again with --replace."}
	}
	if !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	value, err := r.Get(schemaSpace, schemaKey)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var record schemaRecord
	if err := json.Unmarshal(value, &record); err != nil {
		return 0, &Error{Code: "XX001", Message: fmt.Sprintf("could not read the version of the metadata store: %v", err), Err: err}
	}
	return record.Version, nil
}

// note records a version, unless another process has gone on already.
func note(ctx context.Context, s Store, version int) error {
	return s.Update(ctx, func(tx Tx) error {
		have, err := schemaVersion(tx)
		if err != nil || have >= version {
			return err
		}
		value, err := json.Marshal(schemaRecord{version})
		if err != nil {
			return err
		}
		return tx.Put(schemaSpace, schemaKey, value)
	})
}

package keyvalue

import (
	"context"
	"errors"
	"iter"
)

// Record is one record of a store.
type Record struct {
	Space Space
	Key   string
	Value []byte
}

// What Import writes in one Update: fewer records than MaxChanges, and about as many bytes as they then may have.
const (
	importRecords = MaxChanges / 2
	importBytes   = 64 << 10
)

// Export calls each for every record of a store, at one moment, ordered by space and key.
func Export(ctx context.Context, s Store, each func(Record) error) error {
	return s.View(ctx, func(r Reader) error {
		spaces, err := r.Spaces()
		if err != nil {
			return err
		}
		for _, space := range spaces {
			err := r.Scan(space, "", "", 0, func(key string, value []byte) error { return each(Record{space, key, value}) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Empty says whether a store has no records but the version of their layout.
func Empty(ctx context.Context, s Store) (empty bool, err error) {
	err = s.View(ctx, func(r Reader) error {
		spaces, err := r.Spaces()
		empty = len(spaces) == 0 || len(spaces) == 1 && spaces[0] == schemaSpace
		return err
	})
	return empty, err
}

// Import makes records the only ones of a store. It takes many Updates: from the first to the last the store is marked
// as incomplete, which Migrate refuses, so that nobody works on a half of it after a crash; Import again then completes
// it. An error of records ends it in that state.
func Import(ctx context.Context, s Store, records iter.Seq2[Record, error]) (n int, err error) {
	err = s.Update(ctx, func(tx Tx) error { return tx.Put(schemaSpace, importKey, []byte("{}")) })
	if err != nil {
		return 0, err
	}
	if err := removeAll(ctx, s); err != nil {
		return 0, err
	}
	var batch []Record
	size := 0
	for record, err := range records {
		if err != nil {
			return n, err
		}
		batch, size, n = append(batch, record), size+len(record.Key)+len(record.Value), n+1
		if len(batch) < importRecords && size < importBytes {
			continue
		}
		if err := putAll(ctx, s, batch); err != nil {
			return n, err
		}
		batch, size = nil, 0
	}
	if err := putAll(ctx, s, batch); err != nil {
		return n, err
	}
	return n, s.Update(ctx, func(tx Tx) error { return tx.Delete(schemaSpace, importKey) })
}

// putAll writes records in one Update.
func putAll(ctx context.Context, s Store, batch []Record) error {
	return s.Update(ctx, func(tx Tx) error {
		for _, r := range batch {
			if err := tx.Put(r.Space, r.Key, r.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// removeAll removes every record but the mark of Import.
func removeAll(ctx context.Context, s Store) error {
	for {
		left := 0
		err := s.Update(ctx, func(tx Tx) (err error) {
			left, err = clearSome(tx)
			return err
		})
		if err != nil || left == 0 {
			return err
		}
	}
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// clearSome removes some records and says how many.
func clearSome(tx Tx) (n int, err error) {
	spaces, err := tx.Spaces()
	if err != nil {
		return 0, err
	}
	for _, space := range spaces {
		err := tx.Scan(space, "", "", 0, func(key string, _ []byte) error {
			if space == schemaSpace && key == importKey {
				return nil
			}
			if n == importRecords {
				return errEnough
			}
			n++
			return tx.Delete(space, key)
		})
		if err != nil && !errors.Is(err, errEnough) {
			return 0, err
		}
	}
	return n, nil
}

package badgerstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// The keys of layout 1 beside schemaKey. Their values are the same in layout 2.
//
//	id                          the last model id, in decimal
//	m/<name>                    header of a model, in JSON
//	v/<id, 8 bytes><n, 4 bytes> version n of the model with that id, in JSON
//	c/<name>                    the last version number of a name whose model is gone, in decimal
//	a/<digest>                  an artifact, in JSON
const (
	layout1ID      = "id"
	layout1Model   = "m/"
	layout1Version = "v/"
	layout1Counter = "c/"
	layout1Record  = "a/"
)

// layout1Place is where layout 2 has what layout 1 kept under a key. ok is false for other keys.
func layout1Place(key []byte) (space keyvalue.Space, to string, ok bool) {
	after := func(prefix string) string { return string(key[len(prefix):]) }
	switch {
	case string(key) == layout1ID:
		return "counters", "model_id", true
	case bytes.HasPrefix(key, []byte(layout1Model)):
		return "models", keyvalue.Key(after(layout1Model)), true
	case bytes.HasPrefix(key, []byte(layout1Version)) && len(key) == len(layout1Version)+12:
		id, n := key[len(layout1Version):][:8], key[len(layout1Version)+8:]
		return "versions", keyvalue.Key(keyvalue.Number(binary.BigEndian.Uint64(id)), keyvalue.Number(uint64(binary.BigEndian.Uint32(n)))), true
	case bytes.HasPrefix(key, []byte(layout1Counter)):
		return "model_numbers", keyvalue.Key(after(layout1Counter)), true
	case bytes.HasPrefix(key, []byte(layout1Record)):
		return "artifacts", after(layout1Record), true
	}
	return "", "", false
}

// copyLayout1 writes the records of layout 1 where layout 2 has them. It can be run again.
func (s *Store) copyLayout1(ctx context.Context) error {
	batch := s.db.NewWriteBatch()
	defer batch.Cancel()
	err := s.eachOfLayout1(ctx, func(key, value []byte) error {
		space, to, _ := layout1Place(key)
		if err := keyvalue.Check(space, to, len(value)); err != nil {
			return err
		}
		return batch.Set([]byte(databaseKey(space, to)), value)
	})
	if err == nil {
		err = batch.Flush()
	}
	return s.migrationFailed(err)
}

// dropLayout1 removes the records of layout 1, if there are any.
func (s *Store) dropLayout1(ctx context.Context) error {
	batch := s.db.NewWriteBatch()
	defer batch.Cancel()
	err := s.eachOfLayout1(ctx, func(key, _ []byte) error { return batch.Delete(key) })
	if err == nil {
		err = batch.Flush()
	}
	return s.migrationFailed(err)
}

// eachOfLayout1 calls each for the records of layout 1; key and value then belong to it.
func (s *Store) eachOfLayout1(ctx context.Context, each func(key, value []byte) error) error {
	return s.db.View(func(txn *badger.Txn) error {
		for _, prefix := range []string{layout1ID, layout1Model, layout1Version, layout1Counter, layout1Record} {
			if err := eachWithPrefix(ctx, txn, prefix, each); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachWithPrefix calls each for the records of layout 1 whose keys begin with prefix.
func eachWithPrefix(ctx context.Context, txn *badger.Txn, prefix string, each func(key, value []byte) error) error {
	options := badger.DefaultIteratorOptions
	options.Prefix = []byte(prefix)
	it := txn.NewIterator(options)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := it.Item().KeyCopy(nil)
		if _, _, ok := layout1Place(key); !ok {
			continue
		}
		value, err := it.Item().ValueCopy(nil)
		if err != nil {
			return err
		}
		if err := each(key, value); err != nil {
			return err
		}
	}
	return nil
}

// migrationFailed is the error for a migration that could not be made, nil for nil.
func (s *Store) migrationFailed(err error) error {
	var known *keyvalue.Error
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &known):
		return fmt.Errorf("metadata layout %d: %w", layout, err)
	}
	return s.config.failed("bring the metadata store up to date", err)
}

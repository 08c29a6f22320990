package badgerstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// The keys of the database. Numbers in keys are big-endian, so that they sort.
//
//	schema                      the version of this layout, in decimal
//	id                          the last model id, in decimal
//	m/<name>                    header of a model, in JSON
//	v/<id, 8 bytes><n, 4 bytes> version n of the model with that id, in JSON
//	c/<name>                    the last version number of a name whose model is gone, in decimal
//	a/<digest>                  an artifact, in JSON
//
// Versions hang on an id and not on the name, so that to rename a model is one small change whatever it has.
const (
	schemaKey      = "schema"
	lastIDKey      = "id"
	modelPrefix    = "m/"
	versionPrefix  = "v/"
	counterPrefix  = "c/"
	artifactPrefix = "a/"
)

// header is what is kept under modelPrefix.
type header struct {
	ID uint64 `json:"id"`
	// Default is the version that was set to be the default one, 0 for none.
	Default int `json:"default,omitempty"`
	// Last is the last version number that was given.
	Last int `json:"last"`
}

// versionsKey is the prefix of the keys of a model's versions.
func versionsKey(id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(versionPrefix), id)
}

// versionKey is the key of one version.
func versionKey(id uint64, version int) []byte {
	return binary.BigEndian.AppendUint32(versionsKey(id), uint32(version))
}

// migrations bring a database from one version of the layout to the next: the first from 0, which is an empty one.
func migrations() []func(t *tx) error {
	return []func(t *tx) error{
		func(*tx) error { return nil }, // 1: the layout above
	}
}

// migrate runs the migrations that the database lacks, each in a transaction that also notes it.
func (s *Store) migrate(ctx context.Context) error {
	steps := migrations()
	for {
		done := false
		err := s.attemptMigration(steps, &done)
		if err != nil || done {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// attemptMigration runs the next migration, or sets done where there is none left. Databases of a newer program are
// refused.
func (s *Store) attemptMigration(steps []func(t *tx) error, done *bool) error {
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	t := &tx{txn: txn}
	have, err := t.number(schemaKey)
	if err != nil {
		return err
	}
	switch {
	case have > len(steps):
		return s.config.newer(have, len(steps))
	case have == len(steps):
		*done = true
		return nil
	}
	if err := steps[have](t); err != nil {
		return fmt.Errorf("metadata layout %d: %w", have+1, err)
	}
	if err := t.setNumber(schemaKey, have+1); err != nil {
		return err
	}
	if err := txn.Commit(); err != nil {
		return s.config.failed("bring the metadata store up to date", err)
	}
	return nil
}

// newer is the error for a database whose layout this program does not know.
func (c Config) newer(have, known int) error {
	return &datalayer.Error{
		Code:    "55000",
		Message: "the metadata store was written by a newer version of this program",
		Detail:  fmt.Sprintf("%s has layout %d; this program knows those up to %d.", c.Dir, have, known),
		Hint:    "Run that newer version, or give this one a data directory of its own (--data-dir).",
	}
}

// number reads a decimal number; 0 where there is none.
func (t *tx) number(key string) (int, error) {
	item, err := t.txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, t.failed("read", key, err)
	}
	var n int
	err = item.Value(func(value []byte) error {
		n, err = strconv.Atoi(string(value))
		return err
	})
	if err != nil {
		return 0, t.failed("read", key, err)
	}
	return n, nil
}

// setNumber writes a decimal number.
func (t *tx) setNumber(key string, n int) error {
	return t.set([]byte(key), []byte(strconv.Itoa(n)))
}

package badgerstore

import (
	"context"
	"errors"
	"strconv"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// The keys of the database:
//
//	schema                the version of this layout, in decimal
//	<space><0><key>       a record
//
// Layout 1, which had models alone, is in layout1.go.
const (
	schemaKey = "schema"
	spaceEnd  = 0x00
)

// layout is the version of the layout that this program writes.
const layout = 2

// databaseKey is the key of a record.
func databaseKey(space keyvalue.Space, key string) string {
	return string(space) + string(rune(spaceEnd)) + key
}

// migrate brings the database to the layout of this program. Databases of a newer program are refused. A crash at any
// moment leaves one that it begins with again.
func (s *Store) migrate(ctx context.Context) error {
	have, err := s.layout()
	switch {
	case err != nil:
		return err
	case have > layout:
		return keyvalue.Newer(s.config.Dir, have, layout)
	case have == 1:
		err = s.copyLayout1(ctx)
	}
	if err == nil && have < layout {
		err = s.setLayout(layout)
	}
	if err == nil {
		err = s.dropLayout1(ctx)
	}
	return err
}

// layout reads the version of the database's layout; 0 is an empty database.
func (s *Store) layout() (n int, err error) {
	err = s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get([]byte(schemaKey))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return item.Value(func(value []byte) error {
			n, err = strconv.Atoi(string(value))
			return err
		})
	})
	if err != nil {
		return 0, s.config.failed("read the layout of the metadata store", err)
	}
	return n, nil
}

// setLayout notes the version of the layout.
func (s *Store) setLayout(n int) error {
	err := s.db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(schemaKey), []byte(strconv.Itoa(n))) })
	if err != nil {
		return s.config.failed("bring the metadata store up to date", err)
	}
	return nil
}

package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// tx is one transaction. It implements keyvalue.Tx.
type tx struct {
	ctx context.Context
	txn *badger.Txn
	// update is nil in a View.
	update *update
}

var _ keyvalue.Tx = (*tx)(nil)

// What Scan reads at a time, so that each may use the transaction while no iterator is open: Badger has one at most in a
// transaction that writes.
const (
	pageKeys  = 256
	pageBytes = 1 << 20
)

// Get implements keyvalue.Reader.
func (t *tx) Get(space keyvalue.Space, key string) ([]byte, error) {
	if err := t.check(space, key, 0); err != nil {
		return nil, err
	}
	full := databaseKey(space, key)
	if t.update != nil {
		t.update.reads[full] = struct{}{}
	}
	item, err := t.txn.Get([]byte(full))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, keyvalue.ErrNotFound
	}
	if err != nil {
		return nil, failed("read", space, key, err)
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return nil, failed("read", space, key, err)
	}
	return value, nil
}

// check says whether the transaction may go on with a key.
func (t *tx) check(space keyvalue.Space, key string, size int) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return keyvalue.Check(space, key, size)
}

// pair is a key of a space and its value.
type pair struct {
	key   string
	value []byte
}

// Scan implements keyvalue.Reader.
func (t *tx) Scan(space keyvalue.Space, from, to string, limit int, each func(key string, value []byte) error) error {
	if err := keyvalue.CheckRange(space, from, to); err != nil {
		return err
	}
	end := databaseKey(space, to)
	if to == "" {
		end = string(space) + string(rune(spaceEnd+1))
	}
	next := databaseKey(space, from)
	if t.update != nil {
		// The part behind the limit is taken to be read too: that may cost another run, and never a wrong one.
		t.update.ranges = append(t.update.ranges, keyRange{from: next, to: end})
	}
	for done := 0; ; {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		page, err := t.page(space, next, end)
		if err != nil {
			return err
		}
		for _, p := range page {
			if err := each(p.key, p.value); err != nil {
				return err
			}
			if done++; done == limit {
				return nil
			}
		}
		if len(page) == 0 {
			return nil
		}
		next = databaseKey(space, page[len(page)-1].key) + "\x00"
	}
}

// Spaces implements keyvalue.Reader. It goes from the first key of a space to that of the next.
func (t *tx) Spaces() (spaces []keyvalue.Space, err error) {
	if t.update != nil {
		t.update.ranges = append(t.update.ranges, keyRange{})
	}
	options := badger.DefaultIteratorOptions
	options.PrefetchValues = false
	it := t.txn.NewIterator(options)
	defer it.Close()
	for it.Rewind(); it.Valid(); {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		name, _, ok := strings.Cut(string(it.Item().Key()), string(rune(spaceEnd)))
		if !ok { // schemaKey
			it.Next()
			continue
		}
		spaces = append(spaces, keyvalue.Space(name))
		it.Seek([]byte(name + string(rune(spaceEnd+1))))
	}
	return spaces, nil
}

// page reads keys of the database from <= key < end until there are enough for once; none says that there are no more.
func (t *tx) page(space keyvalue.Space, from, end string) (page []pair, err error) {
	options := badger.DefaultIteratorOptions
	options.Prefix = []byte(databaseKey(space, ""))
	options.PrefetchSize = pageKeys
	it := t.txn.NewIterator(options)
	defer it.Close()
	size := 0
	for it.Seek([]byte(from)); it.Valid() && len(page) < pageKeys && size < pageBytes; it.Next() {
		item := it.Item()
		full := string(item.Key())
		if full >= end {
			break
		}
		p := pair{key: full[len(options.Prefix):]}
		if p.value, err = item.ValueCopy(nil); err != nil {
			return nil, failed("read", space, p.key, err)
		}
		page, size = append(page, p), size+len(p.value)
	}
	return page, nil
}

// Put implements keyvalue.Tx.
func (t *tx) Put(space keyvalue.Space, key string, value []byte) error {
	if err := t.check(space, key, len(value)); err != nil {
		return err
	}
	full := databaseKey(space, key)
	t.update.writes[full] = struct{}{}
	if err := t.txn.Set([]byte(full), append([]byte{}, value...)); err != nil {
		return failed("write", space, key, err)
	}
	return nil
}

// Delete implements keyvalue.Tx.
func (t *tx) Delete(space keyvalue.Space, key string) error {
	if err := t.check(space, key, 0); err != nil {
		return err
	}
	full := databaseKey(space, key)
	t.update.writes[full] = struct{}{}
	if err := t.txn.Delete([]byte(full)); err != nil {
		return failed("write", space, key, err)
	}
	return nil
}

// failed is the error for a record that cannot be read or written: 54000 for a change that is too big for one
// transaction, XX001 for a record that fails its checksum.
func failed(doing string, space keyvalue.Space, key string, err error) error {
	e := &keyvalue.Error{Code: "58030", Message: fmt.Sprintf("could not %s the metadata record %q of %s: %v", doing, key, space, err), Err: err}
	switch {
	case errors.Is(err, badger.ErrTxnTooBig):
		e.Code, e.Message = "54000", "the change is too big for one transaction"
		e.Hint = "Make it in several steps: drop versions one by one."
	case doing == "read":
		e.Code = "XX001"
	}
	return e
}

package badgerstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// record reads the JSON under a key into to; metadata.ErrNotFound if there is none.
func (t *tx) record(key []byte, to any) error {
	item, err := t.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return metadata.ErrNotFound
	}
	if err == nil {
		err = item.Value(func(value []byte) error { return json.Unmarshal(value, to) })
	}
	if err != nil {
		return t.failed("read", string(key), err)
	}
	return nil
}

// setRecord writes a value as JSON.
func (t *tx) setRecord(key []byte, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return t.failed("write", string(key), err)
	}
	return t.set(key, text)
}

// set writes one key.
func (t *tx) set(key, value []byte) error {
	if err := t.txn.Set(key, value); err != nil {
		return t.failed("write", string(key), err)
	}
	return nil
}

// delete removes one key.
func (t *tx) delete(key []byte) error {
	if err := t.txn.Delete(key); err != nil {
		return t.failed("write", string(key), err)
	}
	return nil
}

// scan calls each for every key that begins with prefix, in their order. Key and value are valid during the call. In a
// transaction that changes something, each must not scan.
func (t *tx) scan(prefix []byte, each func(key, value []byte) error) error {
	options := badger.DefaultIteratorOptions
	options.Prefix = prefix
	it := t.txn.NewIterator(options)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		err := item.Value(func(value []byte) error { return each(item.Key(), value) })
		if err != nil {
			return t.failed("read", string(item.Key()), err)
		}
	}
	return nil
}

// failed is the error for a record that cannot be read or written: 54000 for a change that is too big for one
// transaction, XX001 for a record that is no JSON or fails its checksum. Errors of the context stay as they are.
func (t *tx) failed(doing, key string, err error) error {
	var known interface{ SQLState() string }
	switch {
	case errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, badger.ErrTxnTooBig):
		return &datalayer.Error{
			Code:    "54000",
			Message: "the change is too big for one transaction",
			Hint:    "Drop the versions of the model one by one.",
			Err:     err,
		}
	case doing == "read":
		return &datalayer.Error{
			Code:    "XX001",
			Message: fmt.Sprintf("could not read the metadata record %q: %v", key, err),
			Err:     err,
		}
	default:
		return &datalayer.Error{
			Code:    "58030",
			Message: fmt.Sprintf("could not %s the metadata record %q: %v", doing, key, err),
			Err:     err,
		}
	}
}

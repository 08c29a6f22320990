package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// tx is one transaction. It implements keyvalue.Tx.
type tx struct {
	ctx   context.Context
	store *Store
	sql   *sql.Tx
	// failure is the first error of the database, after which the transaction cannot be committed, whatever the
	// caller makes of it.
	failure error
}

var _ keyvalue.Tx = (*tx)(nil)

// Get implements keyvalue.Reader.
func (t *tx) Get(space keyvalue.Space, key string) ([]byte, error) {
	if err := t.check(space, key, 0); err != nil {
		return nil, err
	}
	var value []byte
	rows, err := t.query(t.store.texts.get, string(space), t.store.engine.bindKey(key))
	if err != nil {
		return nil, t.failed("read", space, key, err)
	}
	found := rows.Next()
	if found {
		err = rows.Scan(&value)
	}
	if err = errors.Join(err, rows.Close(), rows.Err()); err != nil {
		return nil, t.failed("read", space, key, err)
	}
	if !found {
		return nil, keyvalue.ErrNotFound
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

// pair is a key and its value.
type pair struct {
	key   string
	value []byte
}

// Scan implements keyvalue.Reader. It reads whole pages, so that each may use the transaction meanwhile.
func (t *tx) Scan(space keyvalue.Space, from, to string, limit int, each func(key string, value []byte) error) error {
	if err := keyvalue.CheckRange(space, from, to); err != nil {
		return err
	}
	which := page{open: to == ""}
	for done := 0; ; {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		which.size = pageSize(limit - done)
		pairs, err := t.page(which, space, from, to)
		if err != nil {
			return t.failed("read", space, from, err)
		}
		for _, p := range pairs {
			if err := each(p.key, p.value); err != nil {
				return err
			}
			if done++; done == limit {
				return nil
			}
		}
		if len(pairs) < which.size {
			return nil
		}
		from, which.behind = pairs[len(pairs)-1].key, true
	}
}

// Spaces implements keyvalue.Reader.
func (t *tx) Spaces() (spaces []keyvalue.Space, err error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	rows, err := t.query(t.store.texts.spaces)
	if err != nil {
		return nil, t.failed("read", "any space", "", err)
	}
	for rows.Next() && err == nil {
		var name string
		err = rows.Scan(&name)
		spaces = append(spaces, keyvalue.Space(name))
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return nil, t.failed("read", "any space", "", err)
	}
	return spaces, nil
}

// pageSize is the number of rows to read at once where left are wanted; 0 or less is all.
func pageSize(left int) int {
	for _, size := range pageSizes {
		if left > 0 && left <= size {
			return size
		}
	}
	return pageSizes[len(pageSizes)-1]
}

// page reads one page.
func (t *tx) page(which page, space keyvalue.Space, from, to string) (pairs []pair, err error) {
	args := []any{string(space), t.store.engine.bindKey(from)}
	if !which.open {
		args = append(args, t.store.engine.bindKey(to))
	}
	rows, err := t.query(t.store.texts.scan[which], args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var p pair
		if err := rows.Scan(&p.key, &p.value); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		pairs = append(pairs, p)
	}
	return pairs, errors.Join(rows.Err(), rows.Close())
}

// Put implements keyvalue.Tx.
func (t *tx) Put(space keyvalue.Space, key string, value []byte) error {
	if err := t.check(space, key, len(value)); err != nil {
		return err
	}
	if err := t.put(string(space), t.store.engine.bindKey(key), string(value)); err != nil {
		return t.failed("write", space, key, err)
	}
	return nil
}

// put writes a row, in the way that the engine has for it.
func (t *tx) put(space string, key any, value string) error {
	if t.store.texts.update != "" {
		result, err := t.exec(t.store.texts.update, value, space, key)
		if err != nil {
			return err
		}
		if rows, err := result.RowsAffected(); err != nil || rows > 0 {
			return err
		}
	}
	_, err := t.exec(t.store.texts.put, key, space, value)
	return err
}

// Delete implements keyvalue.Tx.
func (t *tx) Delete(space keyvalue.Space, key string) error {
	if err := t.check(space, key, 0); err != nil {
		return err
	}
	if _, err := t.exec(t.store.texts.remove, string(space), t.store.engine.bindKey(key)); err != nil {
		return t.failed("write", space, key, err)
	}
	return nil
}

// query runs a statement that gives rows.
func (t *tx) query(text string, args ...any) (*sql.Rows, error) {
	if stmt := t.store.prepared[text]; stmt != nil {
		return t.sql.StmtContext(t.ctx, stmt).QueryContext(t.ctx, args...)
	}
	return t.sql.QueryContext(t.ctx, text, args...)
}

// exec runs a statement that gives none.
func (t *tx) exec(text string, args ...any) (sql.Result, error) {
	if stmt := t.store.prepared[text]; stmt != nil {
		return t.sql.StmtContext(t.ctx, stmt).ExecContext(t.ctx, args...)
	}
	return t.sql.ExecContext(t.ctx, text, args...)
}

// failed notes that the database has refused something, and is the error for it.
func (t *tx) failed(doing string, space keyvalue.Space, key string, err error) error {
	if t.failure == nil {
		t.failure = err
	}
	return t.store.failed(t.ctx, fmt.Sprintf("%s the metadata record %q of %s", doing, key, space), err)
}

package mongostore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// tx is one transaction. It implements keyvalue.Tx.
type tx struct {
	// ctx carries the session.
	ctx     context.Context
	store   *Store
	session *mongo.Session
	// guarded are the spaces that were used, true where their guards were counted up.
	guarded map[keyvalue.Space]bool
	// writes says that the transaction changes something.
	writes bool
	// failure is the first error of the database, after which the transaction cannot be committed.
	failure error
}

var _ keyvalue.Tx = (*tx)(nil)

// document is a record. Strings are compared byte by byte, and the identifier begins with the space.
type document struct {
	ID    string `bson:"_id"`
	Value string `bson:"value"`
}

// Documents of a space have identifiers from space+spaceEnd up to space+spaceAfter; neither is in a space's name, and the
// one follows the other.
const (
	spaceEnd   = "/"
	spaceAfter = "0"
)

// run makes a change and commits it.
func (t *tx) run(change func(tx keyvalue.Tx) error) (keyvalue.Outcome, error) {
	err := change(t)
	switch {
	case t.ctx.Err() != nil:
		return keyvalue.Final, t.ctx.Err()
	case t.failure != nil && lost(t.failure):
		return keyvalue.Lost, errors.Join(err, t.store.failed(t.ctx, "use the metadata store", t.failure))
	case t.failure != nil && collision(t.failure):
		return keyvalue.Collided, err
	case err != nil:
		return keyvalue.Final, err
	case t.failure != nil:
		return keyvalue.Final, t.store.failed(t.ctx, "use the metadata store", t.failure)
	case !t.writes:
		return keyvalue.Final, nil // it read one snapshot
	}
	return t.commit()
}

// collision says whether a transaction failed for the sake of another: the guard that both count up may also be a new
// one.
func collision(err error) bool {
	return hasLabel(err, transientLabel) || hasCode(err, writeConflict, noSuchTx, duplicateKey)
}

// commitAttempts is how often a commit whose outcome is unknown is sent: it may be, any number of times.
const commitAttempts = 3

// commit commits.
func (t *tx) commit() (keyvalue.Outcome, error) {
	var err error
	for range commitAttempts {
		err = t.session.CommitTransaction(t.ctx)
		if err == nil || !hasLabel(err, unknownDoneLabel) {
			break
		}
	}
	switch {
	case err == nil:
		return keyvalue.Final, nil
	case !hasLabel(err, unknownDoneLabel) && collision(err):
		return keyvalue.Collided, err
	}
	return keyvalue.Final, t.store.failed(t.ctx, "record the change", err)
}

// use checks a key, and guards its space if need be.
func (t *tx) use(space keyvalue.Space, key string, size int) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if err := keyvalue.Check(space, key, size); err != nil {
		return err
	}
	return t.guard(space)
}

// guard notes that a space is used, and counts up its guard if the transaction changes something.
func (t *tx) guard(space keyvalue.Space) error {
	if t.guarded[space] {
		return nil
	}
	t.guarded[space] = false
	if !t.writes {
		return nil
	}
	_, err := t.store.guards.UpdateOne(t.ctx, bson.D{{Key: "_id", Value: string(space)}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "changes", Value: int64(1)}}}},
		options.UpdateOne().SetUpsert(true))
	if err != nil {
		return t.failed("write", space, "", err)
	}
	t.guarded[space] = true
	return nil
}

// change notes that the transaction changes something, and guards what it has used so far.
func (t *tx) change() error {
	t.writes = true
	for space := range t.guarded {
		if err := t.guard(space); err != nil {
			return err
		}
	}
	return nil
}

// id is the identifier of a record, as a filter.
func id(space keyvalue.Space, key string) bson.D {
	return bson.D{{Key: "_id", Value: string(space) + spaceEnd + key}}
}

// Get implements keyvalue.Reader.
func (t *tx) Get(space keyvalue.Space, key string) ([]byte, error) {
	if err := t.use(space, key, 0); err != nil {
		return nil, err
	}
	var found document
	err := t.store.records.FindOne(t.ctx, id(space, key)).Decode(&found)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, keyvalue.ErrNotFound
	}
	if err != nil {
		return nil, t.failed("read", space, key, err)
	}
	return []byte(found.Value), nil
}

// pageSize is the number of documents that Scan reads at once, so that each may use the transaction meanwhile.
const pageSize = 100

// Scan implements keyvalue.Reader.
func (t *tx) Scan(space keyvalue.Space, from, to string, limit int, each func(key string, value []byte) error) error {
	if err := keyvalue.CheckRange(space, from, to); err != nil {
		return err
	}
	if err := t.guard(space); err != nil {
		return err
	}
	first, end, compare := string(space)+spaceEnd+from, string(space)+spaceEnd+to, "$gte"
	if to == "" {
		end = string(space) + spaceAfter
	}
	for done := 0; ; {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		size := pageSize
		if limit > 0 {
			size = min(size, limit-done)
		}
		page, err := t.page(bson.D{{Key: "_id", Value: bson.D{{Key: compare, Value: first}, {Key: "$lt", Value: end}}}}, size)
		if err != nil {
			return t.failed("read", space, from, err)
		}
		for _, d := range page {
			if err := each(strings.TrimPrefix(d.ID, string(space)+spaceEnd), []byte(d.Value)); err != nil {
				return err
			}
		}
		if done += len(page); len(page) < size || done == limit {
			return nil
		}
		first, compare = page[len(page)-1].ID, "$gt"
	}
}

// Spaces implements keyvalue.Reader. It goes from the first record of a space to that of the next, and guards each.
func (t *tx) Spaces() (spaces []keyvalue.Space, err error) {
	for after := ""; ; {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		page, err := t.page(bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: after}}}}, 1)
		if err != nil {
			return nil, t.failed("read", "any space", "", err)
		}
		if len(page) == 0 {
			return spaces, nil
		}
		name, _, _ := strings.Cut(page[0].ID, spaceEnd)
		if err := t.guard(keyvalue.Space(name)); err != nil {
			return nil, err
		}
		spaces, after = append(spaces, keyvalue.Space(name)), name+spaceAfter
	}
}

// page reads the first documents that a filter meets.
func (t *tx) page(filter bson.D, size int) (found []document, err error) {
	cursor, err := t.store.records.Find(t.ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(size)))
	if err != nil {
		return nil, err
	}
	return found, cursor.All(t.ctx, &found)
}

// Put implements keyvalue.Tx.
func (t *tx) Put(space keyvalue.Space, key string, value []byte) error {
	if err := t.use(space, key, len(value)); err != nil {
		return err
	}
	if err := t.change(); err != nil {
		return err
	}
	_, err := t.store.records.UpdateOne(t.ctx, id(space, key), bson.D{{Key: "$set", Value: bson.D{{Key: "value", Value: string(value)}}}}, options.UpdateOne().SetUpsert(true))
	if err != nil {
		return t.failed("write", space, key, err)
	}
	return nil
}

// Delete implements keyvalue.Tx.
func (t *tx) Delete(space keyvalue.Space, key string) error {
	if err := t.use(space, key, 0); err != nil {
		return err
	}
	if err := t.change(); err != nil {
		return err
	}
	if _, err := t.store.records.DeleteOne(t.ctx, id(space, key)); err != nil {
		return t.failed("write", space, key, err)
	}
	return nil
}

// failed notes that the database has refused something, and is the error for it.
func (t *tx) failed(doing string, space keyvalue.Space, key string, err error) error {
	if t.failure == nil {
		t.failure = err
	}
	return t.store.failed(t.ctx, fmt.Sprintf("%s the metadata record %q of %s", doing, key, space), err)
}

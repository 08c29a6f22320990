package job

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// purgeBatch is the number of jobs that one transaction removes; each may have many log lines.
const purgeBatch = 1

// purge removes one job that ended too long ago, or that is one too many of those that have ended, the oldest first. It
// reports whether it has removed any.
func (q *Queue) purge(ctx context.Context) (removed bool, err error) {
	var keys []string
	prefix := keyvalue.Key(indexDone)
	err = q.Store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(spaceIndex, prefix, keyvalue.PrefixEnd(prefix), q.Kept+purgeBatch, func(key string, _ []byte) error {
			keys = append(keys, key)
			return nil
		})
	})
	if err != nil || len(keys) == 0 {
		return false, err
	}
	if old := keyvalue.Key(indexDone, moment(q.Now().Add(-q.Retention))); keys[0] >= old && len(keys) <= q.Kept {
		return false, nil
	}
	id, err := numberAt(keys[0], 2)
	if err != nil {
		return false, err
	}
	return true, q.remove(ctx, id)
}

// remove removes a job that has ended, with its log.
func (q *Queue) remove(ctx context.Context, id int64) error {
	return q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		j, err := q.get(tx, id)
		if isNotFound(err) {
			return nil
		}
		if err != nil || !j.State.Final() {
			return err
		}
		for key := range entries(j) {
			if err := tx.Delete(spaceIndex, key); err != nil {
				return err
			}
		}
		for n := max(0, j.Lines-int64(q.LogLines)); n < j.Lines; n++ {
			if err := tx.Delete(spaceLogs, keyvalue.Key(number(id), number(n))); err != nil {
				return err
			}
		}
		if err := tx.Delete(spaceState, number(id)); err != nil {
			return err
		}
		return tx.Delete(spaceJobs, number(id))
	})
}

// dropEvents forgets the oldest events that could not be told, where they are too many.
func (q *Queue) dropEvents(ctx context.Context) error {
	var keys []string
	prefix := keyvalue.Key(indexEvent)
	err := q.Store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(spaceIndex, prefix, keyvalue.PrefixEnd(prefix), eventsKept+eventBatch, func(key string, _ []byte) error {
			keys = append(keys, key)
			return nil
		})
	})
	if err != nil || len(keys) <= eventsKept {
		return err
	}
	return q.forget(ctx, keys[:len(keys)-eventsKept])
}

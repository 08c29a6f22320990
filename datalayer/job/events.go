package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Event tells of a job's new state.
type Event struct {
	ID        int64  `json:"id"`
	Kind      string `json:"kind"`
	Component string `json:"component,omitempty"`
	Name      string `json:"name,omitempty"`
	State     State  `json:"state"`
	// Error is the message of why it failed, "" for none.
	Error string `json:"error,omitempty"`
}

// told is an event as it is kept until it is told.
type told struct {
	Event
	// By is the proxy that made the change, which tells it. At is when, so that others tell it where that proxy has died.
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// orphaned is the age of an event that its proxy has surely died over.
const orphaned = 30 * time.Second

// The number of events that are told at once, and that are kept while they cannot be told.
const (
	eventBatch = 100
	eventsKept = 10000
)

// tell notes a job's new state in the transaction that makes it; the worker of this proxy tells it afterwards, or, if this
// one dies before, that of another. An event may be told twice where a proxy dies in between.
func (q *Queue) tell(tx keyvalue.Tx, j *Job) error {
	e := Event{ID: j.ID, Kind: j.Kind, Component: j.Component.Kind, Name: j.Component.Name, State: j.State}
	if j.Failure != nil && j.State.Final() {
		e.Error = j.Failure.Message
	}
	return tx.Put(spaceIndex, keyvalue.Key(indexEvent, moment(q.Now()), number(j.ID), number(int64(j.Attempt)), string(j.State)), encode(told{e, q.Name, q.Now()}))
}

// deliver hands the events that were not told yet to say, oldest first, and forgets them then. more says that there are
// more of them.
func (q *Queue) deliver(ctx context.Context, say func(context.Context, []Event) error) (more bool, err error) {
	var (
		keys   []string
		events []Event
	)
	prefix := keyvalue.Key(indexEvent)
	err = q.Store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(spaceIndex, prefix, keyvalue.PrefixEnd(prefix), eventsKept, func(key string, value []byte) error {
			var e told
			if err := json.Unmarshal(value, &e); err != nil {
				return damaged(key)
			}
			if len(keys) < eventBatch && (q.Exclusive || e.By == q.Name || q.Now().Sub(e.At) > orphaned) {
				keys, events = append(keys, key), append(events, e.Event)
			}
			return nil
		})
	})
	if err != nil || len(keys) == 0 {
		return false, err
	}
	if err := say(ctx, events); err != nil {
		return false, err
	}
	return len(keys) == eventBatch, q.forget(ctx, keys)
}

// forget removes keys of the index.
func (q *Queue) forget(ctx context.Context, keys []string) error {
	return q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		for _, key := range keys {
			if err := tx.Delete(spaceIndex, key); err != nil {
				return err
			}
		}
		return nil
	})
}

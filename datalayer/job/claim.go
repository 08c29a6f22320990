package job

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// The number of entries of the index that one look for work goes over, and of which one is picked at random, so that
// proxies seldom want the same.
const (
	lookOver = 1000
	pickOf   = 8
)

// candidates are pending jobs that may begin now, of the kinds that can be run here.
func (q *Queue) candidates(ctx context.Context, runs func(kind string) bool) (ids []int64, err error) {
	until := keyvalue.Key(indexReady, moment(q.Now().Add(time.Microsecond)))
	err = q.Store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(spaceIndex, keyvalue.Key(indexReady), until, lookOver, func(key string, value []byte) error {
			var kind string
			if err := json.Unmarshal(value, &kind); err != nil {
				return damaged(key)
			}
			if len(ids) == pickOf || !runs(kind) {
				return nil
			}
			id, err := numberAt(key, 2)
			ids = append(ids, id)
			return err
		})
	})
	if n := len(ids); n > 1 { // begin at any of them
		at := min(int(q.Jitter()*float64(n)), n-1)
		ids = append(ids[at:len(ids):len(ids)], ids[:at]...)
	}
	return ids, err
}

// claim takes the next job that may begin; nil for none.
func (q *Queue) claim(ctx context.Context, runs func(kind string) bool) (*Job, error) {
	ids, err := q.candidates(ctx, runs)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		j, err := q.begin(ctx, id)
		if j != nil || err != nil {
			return j, err
		}
	}
	return nil, nil
}

// begin makes a pending job this worker's; nil if it is not to be had any more.
func (q *Queue) begin(ctx context.Context, id int64) (*Job, error) {
	var after *Job
	err := q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		after = nil
		before, err := q.get(tx, id)
		if isNotFound(err) {
			return nil
		}
		now := q.Now()
		if err != nil || before.State != Pending || len(before.WaitsFor) > 0 || before.NotBefore.After(now) {
			return err
		}
		after = before.Clone()
		after.State, after.StartedAt, after.Worker = Running, now, q.Name
		after.Attempt++
		after.Epoch++
		after.Beat = 0
		after.Progress.Rate = 0
		return q.put(tx, before, after)
	})
	return after, err
}

// watch is what a worker has seen of others' leases: when, by its own clock, each pulse was seen first.
type watch map[int64]seen

type seen struct {
	pulse pulse
	at    time.Time
}

// look reads the running jobs, but those that are this process's own, and gives the ones whose lease is over. at once says
// that whoever held them is gone for sure.
func (w watch) look(ctx context.Context, q *Queue, atOnce bool) (over map[int64]pulse, err error) {
	over = map[int64]pulse{}
	found := map[int64]bool{}
	prefix := keyvalue.Key(indexRunning)
	now := q.Now()
	err = q.Store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(spaceIndex, prefix, keyvalue.PrefixEnd(prefix), 0, func(key string, value []byte) error {
			id, err := numberAt(key, 1)
			if err != nil {
				return err
			}
			var p pulse
			if err := json.Unmarshal(value, &p); err != nil {
				return damaged(key)
			}
			if q.runs.holds(id, p.Epoch) {
				return nil
			}
			found[id] = true
			if before, ok := w[id]; !ok || before.pulse != p {
				w[id] = seen{p, now}
			}
			if atOnce || now.Sub(w[id].at) > q.Lease {
				over[id] = p
			}
			return nil
		})
	})
	for id := range w {
		if !found[id] {
			delete(w, id)
		}
	}
	return over, err
}

// takeOver ends the lease of a job whose pulse has stopped: the job is pending again, or final if it is to be cancelled, was
// a session's, or has cost too many proxies.
func (q *Queue) takeOver(ctx context.Context, id int64, stopped pulse) error {
	return q.Store.Update(ctx, func(tx keyvalue.Tx) error {
		before, err := q.get(tx, id)
		if isNotFound(err) {
			return nil
		}
		if err != nil || before.State != Running || before.Epoch != stopped.Epoch || before.Beat != stopped.Beat {
			return err
		}
		after := before.Clone()
		after.Losses++
		after.Epoch++ // whoever held it holds it no more
		lost := fmt.Sprintf("the proxy %s, which ran it, has ended", before.Worker)
		if err := q.writeLines(tx, after, []Line{{At: q.Now(), Level: Warn, Text: lost}}); err != nil {
			return err
		}
		switch {
		case before.CancelBy != "":
			return q.end(tx, after, Cancelled, cancelledBy(before.CancelBy))
		case before.Inline:
			return q.end(tx, after, Failed, &Failure{Code: "57P01", Message: lost, Hint: "Run the statement again."})
		case after.Losses > q.MaxLosses:
			return q.end(tx, after, Failed, &Failure{Code: "57P01", Message: fmt.Sprintf("%d proxies have ended while they ran it", after.Losses),
				Hint: fmt.Sprintf("Look into the proxies' logs; SELECT pinnacle.retry_job(%d) tries again.", id)})
		}
		after.State, after.NotBefore = Pending, q.Now()
		return q.put(tx, before, after)
	})
}

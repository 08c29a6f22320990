package answer

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// flight is one argument tuple that a request has claimed: others that ask for it wait for its answer.
type flight struct {
	owner *asking
	key   string
	row   int32
	// settled says that the flight is over. done is closed then; it is nil while nobody waits.
	settled bool
	done    chan struct{}
	// answer, a column of one row, and err are for those who wait: errAbandoned where the tuple was not asked after all,
	// or the model's error for this very tuple.
	answer udf.Column
	err    error
}

// errAbandoned is how a flight ends whose owner was canceled, or failed for another reason than this tuple. Who waited
// for it asks again.
var errAbandoned = errors.New("the call was given up")

// flights are the tuples of one model version that are claimed.
type flights struct {
	mu    sync.Mutex
	byKey map[string]*flight
	// waiting counts the rows of requests that wait for others, also those of a tuple that just ended.
	waiting atomic.Int64
}

// claim claims tuples for an owner: those that nobody has claimed are given to mine, those that another request has
// under way to theirs. rows are the tuples' rows.
func (f *flights) claim(owner *asking, keys []string, rows []int32, mine func(*flight), theirs func(row int32, f *flight)) {
	fresh := make([]flight, len(keys))
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, key := range keys {
		other, ok := f.byKey[key]
		if ok && other.owner != owner {
			if other.done == nil {
				other.done = make(chan struct{})
			}
			f.waiting.Add(1)
			theirs(rows[i], other)
			continue
		}
		n := &fresh[i]
		*n = flight{owner: owner, key: key, row: rows[i]}
		if ok { // the same tuple twice in one request: asked twice, and nobody waits for the second
			n.settled = true
		} else {
			f.byKey[key] = n
		}
		mine(n)
	}
}

// settle ends flights. Those that ended already stay as they are. of gives, by the place in list, the column and row of
// the answer, or the error.
func (f *flights) settle(list []*flight, of func(i int) (*udf.Column, int, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, n := range list {
		if n.settled {
			continue
		}
		n.settled = true
		delete(f.byKey, n.key)
		if n.done == nil {
			continue
		}
		var from *udf.Column
		var at int
		if from, at, n.err = of(i); n.err == nil {
			n.answer = udf.NewColumn(from.Type, 1)
			one := from.Slice(at, at+1)
			copyRows(&n.answer, 0, &one)
		}
		close(n.done)
	}
}

// abandon ends flights without an answer.
func (f *flights) abandon(list []*flight) {
	f.settle(list, func(int) (*udf.Column, int, error) { return nil, 0, errAbandoned })
}

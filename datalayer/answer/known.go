package answer

import (
	"sync/atomic"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// known is what an Answerer knows of one model version.
type known struct {
	identity [identityBytes]byte
	flights  flights
	// perRow is what the model takes for a row, in nanoseconds; 0 while that is unknown.
	perRow atomic.Int64
	// users counts the requests that hold it; guarded by Answerer.mu.
	users int
}

// maxKnown is how many model versions are remembered at least; beyond it those not in use are forgotten.
const maxKnown = 1024

// hold gives what is known of a version, until let.
func (a *Answerer) hold(v *datalayer.ModelVersion) *known {
	id := identityOf(a.program, v)
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.known[id]
	if k == nil {
		if len(a.known) >= maxKnown {
			for other, k := range a.known {
				if k.users == 0 {
					delete(a.known, other)
				}
			}
		}
		k = &known{identity: id, flights: flights{byKey: map[string]*flight{}}}
		a.known[id] = k
	}
	k.users++
	return k
}

// let gives it back.
func (a *Answerer) let(k *known) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k.users--
}

// learn notes how long the model took for rows. A shorter time counts at once, a longer one by a tenth, since it may be due
// to other work of the machine, or to a first call.
func (k *known) learn(busy time.Duration, rows int) {
	if rows == 0 {
		return
	}
	now := max(1, busy.Nanoseconds()/int64(rows))
	was := k.perRow.Load()
	if was > 0 && now > was {
		now = was + (now-was+9)/10
	}
	k.perRow.Store(now) // two at once: one of them is lost, which does not matter
}

// slower reports whether the model takes at least so long for a row, or it is not known yet.
func (k *known) slower(than time.Duration) bool {
	n := k.perRow.Load()
	return n == 0 || n >= than.Nanoseconds()
}

// Waiting counts the rows that wait for a call of another request at this moment, for metrics.
func (a *Answerer) Waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, k := range a.known {
		n += int(k.flights.waiting.Load())
	}
	return n
}

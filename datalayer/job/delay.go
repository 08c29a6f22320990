package job

import (
	"math/rand/v2"
	"time"
)

// zeroTime is the time that is not there.
var zeroTime time.Time

// randomJitter is Config.Jitter where none is given.
func randomJitter() float64 { return rand.Float64() }

// delay is the time before the next attempt after so many failures in a row: doubled each time up to the last, and then
// shortened by up to a half, so that jobs that failed together are not tried together.
func (q *Queue) delay(failures int) time.Duration {
	d := q.FirstDelay
	for i := 1; i < failures && d < q.LastDelay; i++ {
		d *= 2
	}
	d = min(d, q.LastDelay)
	return d - time.Duration(q.Jitter()*float64(d)/2)
}
